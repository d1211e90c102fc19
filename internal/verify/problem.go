// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/operators"
)

var kindNames = map[Kind]string{KindHTTP: "an http check", KindLogs: "a logs check", KindLoad: "a load check"}

// loops are the functions that take the name of an element.
var loops = []string{"all", "exists", "exists_one", "map", "filter"}

// firstIssue says the first problem in one line: where it is and what to change.
func firstIssue(kind Kind, text string, issues *cel.Issues) error {
	first := issues.Errors()[0]
	line, column := first.Location.Line(), max(first.Location.Column(), 0)
	before, rest := "", ""
	if lines := strings.Split(text, "\n"); line >= 1 && line <= len(lines) {
		runes := []rune(lines[line-1])
		at := min(column, len(runes))
		before, rest = string(runes[:at]), string(runes[at:])
	}
	message := strings.SplitN(first.Message, "\n", 2)[0]
	if m := token.FindStringSubmatch(message); m != nil {
		begun := operatorEnd.FindString(before)
		return fmt.Errorf("%s: %s", placeAt(line, column-len(begun)), strayToken(begun, strings.TrimSpace(m[1])))
	}
	return fmt.Errorf("%s: %s", placeAt(line, column), inPlainWords(kind, message, rest))
}

// placeAt is where in an expression; most have one line.
func placeAt(line, column int) string {
	if line > 1 {
		return fmt.Sprintf("line %d, column %d", line, column+1)
	}
	return fmt.Sprintf("column %d", column+1)
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '(.*)' \(in container`)
	overload   = regexp.MustCompile(`^found no matching overload for '(.*)' applied to '(.*)'$`)
	token      = regexp.MustCompile(`^Syntax error: token recognition error at: '(.*)'$`)
	unexpected = regexp.MustCompile(`^Syntax error: (?:extraneous|mismatched) input '(.*)' expecting`)
	missing    = regexp.MustCompile(`^Syntax error: missing '(.*)' at '`)
	// operatorStart and operatorEnd are the characters of an operator with which a text begins or ends.
	operatorStart = regexp.MustCompile(`^[=!<>&|]+`)
	operatorEnd   = regexp.MustCompile(`[=!<>&|]*$`)
)

// inPlainWords says what CEL's message means. rest is the expression from the place on.
func inPlainWords(kind Kind, message, rest string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return unknownName(kind, m[1], strings.HasPrefix(rest, "("))
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		return wrongTypes(m[1], m[2])
	}
	if m := missing.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is missing", m[1])
	}
	switch m := unexpected.FindStringSubmatch(message); {
	case m != nil && m[1] == "<EOF>":
		return "the expression ends too early"
	case m != nil && (strings.EqualFold(m[1], "and") || strings.EqualFold(m[1], "or")):
		return fmt.Sprintf("%s is not expected here: conditions are joined by && or ||", m[1])
	case m != nil:
		return fmt.Sprintf("%s is not expected here", m[1])
	}
	message, _, _ = strings.Cut(message, " expecting {")
	return strings.TrimPrefix(message, "Syntax error: ")
}

func unknownName(kind Kind, name string, called bool) string {
	if called && slices.Contains(loops, name) {
		return fmt.Sprintf("%s() takes a name and a condition, as in %s(x, x > 0)", name, name)
	}
	if called {
		return fmt.Sprintf("there is no function %s()", name)
	}
	return fmt.Sprintf("there is no %s: the expression of %s can use %s", name, kindNames[kind], strings.Join(namesOf(kind), ", "))
}

// wrongTypes says which operator or function does not take what it is given.
func wrongTypes(function, args string) string {
	owner, inner, isMember := strings.Cut(strings.TrimSuffix(args, ")"), ".(")
	if isMember {
		return fmt.Sprintf("%s() of %s does not take (%s)", function, owner, inner)
	}
	inner = strings.TrimPrefix(strings.TrimSuffix(args, ")"), "(")
	types := splitTypes(inner)
	name, isOperator := operators.FindReverse(function)
	switch {
	case function == operators.Conditional:
		return fmt.Sprintf("? : takes a condition and two values of one type, not (%s)", inner)
	case function == operators.Index && len(types) == 2:
		return fmt.Sprintf("[] of %s does not take (%s)", types[0], types[1])
	case isOperator && len(types) == 2:
		return fmt.Sprintf("%s does not work between %s and %s", name, types[0], types[1])
	case isOperator:
		return fmt.Sprintf("%s does not work on %s", name, inner)
	default:
		return fmt.Sprintf("%s() does not take (%s)", function, inner)
	}
}

// splitTypes splits a list of types, which may have types in them, as in map(string, int).
func splitTypes(list string) []string {
	var types []string
	depth, start := 0, 0
	for i, r := range list {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			types = append(types, list[start:i])
			start = i + len(", ")
		}
	}
	return append(types, list[start:])
}

// meant are the operators that people mean who write others.
var meant = map[string]string{
	"===": "==", "!==": "!=", "=!": "!=", "=<": "<=", "=>": ">=", "<==": "<=", ">==": ">=", "&&&": "&&", "|||": "||",
}

// strayToken says what is wrong with a text that is not part of the language. before are the characters of an operator that stand
// directly before it, which the parser has read as one.
func strayToken(before, text string) string {
	written := before + operatorStart.FindString(text)
	switch {
	case strings.HasPrefix(text, `"`), strings.HasPrefix(text, "'"):
		return "the text that begins here has no closing quote"
	case written == "=":
		return "= compares nothing: use =="
	case written == "&", written == "|":
		return fmt.Sprintf("%s joins nothing: use %s%s", written, written, written)
	case meant[written] != "":
		return fmt.Sprintf("%s is no operator: use %s", written, meant[written])
	case written != before:
		return written + " is no operator"
	default:
		return text + " is not part of the language"
	}
}
