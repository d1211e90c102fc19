// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// logMatch reports whether a line of a deployment passes a filter.
type logMatch func(d *deployment, line logLine) bool

// parseLogFilter reads Railway's filter syntax (railway-api.md, "Logs"): words and "phrases" that the message contains,
// @key:value, comparisons such as @httpStatus:>=500, AND, OR, a minus for not, and parentheses. Terms side by side are
// joined by AND.
func parseLogFilter(filter string) (logMatch, error) {
	p := &filterParser{tokens: filterTokens(filter)}
	if len(p.tokens) == 0 {
		return func(*deployment, logLine) bool { return true }, nil
	}
	match, err := p.any()
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("invalid filter: unexpected %q", p.tokens[p.at])
	}
	return match, err
}

type filterParser struct {
	tokens []string
	at     int
}

func (p *filterParser) next() string {
	if p.at == len(p.tokens) {
		return ""
	}
	return p.tokens[p.at]
}

// any reads terms joined by OR.
func (p *filterParser) any() (logMatch, error) {
	left, err := p.all()
	for err == nil && p.next() == "OR" {
		p.at++
		var right logMatch
		if right, err = p.all(); err == nil {
			before := left
			left = func(d *deployment, l logLine) bool { return before(d, l) || right(d, l) }
		}
	}
	return left, err
}

// all reads terms joined by AND or by nothing.
func (p *filterParser) all() (logMatch, error) {
	left, err := p.term()
	for err == nil && p.at < len(p.tokens) && p.next() != "OR" && p.next() != ")" {
		if p.next() == "AND" {
			p.at++
		}
		var right logMatch
		if right, err = p.term(); err == nil {
			before := left
			left = func(d *deployment, l logLine) bool { return before(d, l) && right(d, l) }
		}
	}
	return left, err
}

func (p *filterParser) term() (logMatch, error) {
	token := p.next()
	p.at++
	switch {
	case token == "" || token == "AND" || token == "OR" || token == ")":
		return nil, fmt.Errorf("invalid filter: a term is missing")
	case token == "-":
		inner, err := p.term()
		return func(d *deployment, l logLine) bool { return !inner(d, l) }, err
	case token == "(":
		inner, err := p.any()
		if err == nil && p.next() != ")" {
			err = fmt.Errorf("invalid filter: ) is missing")
		}
		p.at++
		return inner, err
	case strings.HasPrefix(token, "@"):
		key, value, ok := strings.Cut(token[1:], ":")
		if !ok {
			return nil, fmt.Errorf("invalid filter: %q has no value", token)
		}
		value = strings.Trim(value, `"`)
		return func(d *deployment, l logLine) bool { return attributeMatches(l.attribute(d, key), value) }, nil
	default:
		part := strings.ToLower(strings.Trim(token, `"`))
		return func(_ *deployment, l logLine) bool { return strings.Contains(strings.ToLower(l.message), part) }, nil
	}
}

func (l logLine) attribute(d *deployment, key string) string {
	switch key {
	case "deployment":
		return d.ID
	case "service":
		return d.ServiceID
	}
	for _, pair := range l.attributes {
		if pair[0] == key {
			return strings.Trim(pair[1], `"`)
		}
	}
	return ""
}

func attributeMatches(have, want string) bool {
	for _, operator := range []string{">=", "<=", ">", "<"} {
		limit, ok := strings.CutPrefix(want, operator)
		if !ok {
			continue
		}
		a, errA := strconv.ParseFloat(have, 64)
		b, errB := strconv.ParseFloat(limit, 64)
		if errA != nil || errB != nil {
			return false
		}
		return map[string]bool{">=": a >= b, "<=": a <= b, ">": a > b, "<": a < b}[operator]
	}
	return strings.EqualFold(have, want)
}

// filterTokens splits at blanks and parentheses, outside of quotes. A minus before a term is a token of its own.
func filterTokens(filter string) []string {
	var tokens []string
	var word strings.Builder
	quoted := false
	flush := func() {
		if word.Len() > 0 {
			tokens = append(tokens, word.String())
			word.Reset()
		}
	}
	for _, c := range filter {
		switch {
		case c == '"':
			quoted = !quoted
			word.WriteRune(c)
		case quoted:
			word.WriteRune(c)
		case unicode.IsSpace(c):
			flush()
		case c == '(' || c == ')':
			flush()
			tokens = append(tokens, string(c))
		case c == '-' && word.Len() == 0:
			tokens = append(tokens, "-")
		default:
			word.WriteRune(c)
		}
	}
	flush()
	return tokens
}
