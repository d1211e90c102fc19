// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
)

// names are what the expressions of each kind of check can use.
var names = map[Kind][]string{
	KindHTTP: {"status", "headers", "body", "json", "durationMs"},
	KindLogs: {"logs"},
	KindLoad: {"requests", "p50Ms", "p95Ms", "p99Ms", "errorRate", "codes"},
}

var kindNames = map[Kind]string{KindHTTP: "an http check", KindLogs: "a logs check", KindLoad: "a load check"}

// loops are the functions that take the name of an element.
var loops = []string{"all", "exists", "exists_one", "map", "filter"}

// firstIssue says the first problem in one line: where it is and what to change.
func firstIssue(kind Kind, text string, issues *cel.Issues) error {
	first := issues.Errors()[0]
	line, column := first.Location.Line(), max(first.Location.Column(), 0)
	rest := ""
	if lines := strings.Split(text, "\n"); line >= 1 && line <= len(lines) {
		runes := []rune(lines[line-1])
		rest = string(runes[min(column, len(runes)):])
	}
	message := strings.SplitN(first.Message, "\n", 2)[0]
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
	operator   = regexp.MustCompile(`^_?([^_]+)_$`)
	token      = regexp.MustCompile(`^Syntax error: token recognition error at: '(.*)'$`)
	unexpected = regexp.MustCompile(`^Syntax error: (?:extraneous|mismatched) input '(.*)' expecting`)
	missing    = regexp.MustCompile(`^Syntax error: missing '(.*)' at '`)
)

// inPlainWords says what CEL's message means. rest is the expression from the place on.
func inPlainWords(kind Kind, message, rest string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return unknownName(kind, m[1], strings.HasPrefix(rest, "("))
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		return wrongTypes(m[1], m[2])
	}
	if m := token.FindStringSubmatch(message); m != nil {
		return strayToken(strings.TrimSpace(m[1]))
	}
	if m := missing.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is missing", m[1])
	}
	switch m := unexpected.FindStringSubmatch(message); {
	case m != nil && m[1] == "<EOF>":
		return "the expression ends too early"
	case m != nil:
		return fmt.Sprintf("%s is not expected here: conditions are joined by && or ||", m[1])
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
	return fmt.Sprintf("there is no %s: the expression of %s can use %s", name, kindNames[kind], strings.Join(names[kind], ", "))
}

// wrongTypes says which operator or function does not take what it is given.
func wrongTypes(function, args string) string {
	owner, inner, isMember := strings.Cut(strings.TrimSuffix(args, ")"), ".(")
	if isMember {
		return fmt.Sprintf("%s() of %s does not take (%s)", function, owner, inner)
	}
	inner = strings.TrimPrefix(strings.TrimSuffix(args, ")"), "(")
	m := operator.FindStringSubmatch(function)
	left, right, two := strings.Cut(inner, ", ")
	switch {
	case m == nil:
		return fmt.Sprintf("%s() does not take (%s)", function, inner)
	case two:
		return fmt.Sprintf("%s does not work between %s and %s", m[1], left, right)
	default:
		return fmt.Sprintf("%s does not work on %s", m[1], inner)
	}
}

func strayToken(text string) string {
	switch {
	case text == "=":
		return "= compares nothing: use =="
	case text == "&", text == "|":
		return fmt.Sprintf("%s joins nothing: use %s%s", text, text, text)
	case strings.HasPrefix(text, `"`), strings.HasPrefix(text, "'"):
		return "the text that begins here has no closing quote"
	default:
		return fmt.Sprintf("%s is not part of the language", text)
	}
}
