// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// texts is an operation whose arguments are all texts; reading them once is charged.
func texts(does func(*meter, []string) ref.Val) func(*meter, []ref.Val) ref.Val {
	return func(m *meter, args []ref.Val) ref.Val {
		list := make([]string, 0, 4)
		for _, arg := range args {
			text, ok := arg.(types.String)
			if !ok {
				return noOverload()
			}
			m.scan(len(text))
			list = append(list, string(text))
		}
		return does(m, list)
	}
}

func contains(_ *meter, t []string) ref.Val   { return types.Bool(strings.Contains(t[0], t[1])) }
func startsWith(_ *meter, t []string) ref.Val { return types.Bool(strings.HasPrefix(t[0], t[1])) }
func endsWith(_ *meter, t []string) ref.Val   { return types.Bool(strings.HasSuffix(t[0], t[1])) }
func trim(_ *meter, t []string) ref.Val       { return types.String(strings.TrimSpace(t[0])) }

// matches runs a regular expression, which takes at most as many steps as the text has bytes times its instructions.
func matches(m *meter, t []string) ref.Val {
	pattern, known := m.patterns[t[1]]
	if !known {
		return types.NewErr("the regular expression must stand in the expression itself")
	}
	m.use(len(t[0])*pattern.size, 0)
	return types.Bool(pattern.MatchString(t[0]))
}

func lowerASCII(m *meter, t []string) ref.Val { return mapASCII(m, t[0], 'A', 'Z', 'a'-'A') }
func upperASCII(m *meter, t []string) ref.Val { return mapASCII(m, t[0], 'a', 'z', 'a'-'A') }

// mapASCII flips the case bit of the bytes from first to last.
func mapASCII(m *meter, text string, first, last, bit byte) ref.Val {
	if problem := m.text(len(text)); problem != nil {
		return problem
	}
	changed := []byte(text)
	for i, b := range changed {
		if first <= b && b <= last {
			changed[i] = b ^ bit
		}
	}
	m.use(0, len(changed))
	return types.String(changed)
}

// indexOf gives positions in characters, as cel-go's extension does; -1 when there is none.
func indexOf(_ *meter, t []string) ref.Val { return position(t[0], strings.Index(t[0], t[1])) }

func lastIndexOf(_ *meter, t []string) ref.Val { return position(t[0], strings.LastIndex(t[0], t[1])) }

func position(text string, at int) ref.Val {
	if at < 0 {
		return types.Int(-1)
	}
	return types.Int(utf8.RuneCountInString(text[:at]))
}

func replace(m *meter, t []string) ref.Val {
	count := strings.Count(t[0], t[1])
	if problem := m.text(max(len(t[0])+count*(len(t[2])-len(t[1])), 0)); problem != nil {
		return problem
	}
	return types.String(strings.ReplaceAll(t[0], t[1], t[2]))
}

func split(m *meter, t []string) ref.Val {
	parts := strings.Count(t[0], t[1]) + 1
	m.use(parts, 16*parts)
	return types.NewStringList(types.DefaultTypeAdapter, strings.Split(t[0], t[1]))
}

// charAt is the character at a position; the end of the text has the empty one.
func charAt(m *meter, args []ref.Val) ref.Val {
	at, ok := args[1].(types.Int)
	if !ok {
		return noOverload()
	}
	m.scan(length(args[0]))
	if at == types.Int(utf8.RuneCountInString(string(textOf(args[0])))) {
		return types.String("")
	}
	return substring(m, []ref.Val{args[0], at, at + 1})
}

func textOf(value ref.Val) types.String {
	text, _ := value.(types.String)
	return text
}

// substring is the part of a text between two positions, in characters; without the second, the rest of it.
func substring(m *meter, args []ref.Val) ref.Val {
	text, isText := args[0].(types.String)
	from, isInt := args[1].(types.Int)
	if !isText || !isInt {
		return noOverload()
	}
	m.scan(len(text))
	to := types.Int(utf8.RuneCountInString(string(text)))
	if len(args) > 2 {
		end, isInt := args[2].(types.Int)
		if !isInt || end > to {
			return types.NewErr("index out of range")
		}
		to = end
	}
	if from < 0 || from > to {
		return types.NewErr("index out of range")
	}
	return text[offset(string(text), int(from)):offset(string(text), int(to))]
}

// offset is where the character at the position begins, in bytes.
func offset(text string, position int) int {
	for at := range text {
		if position == 0 {
			return at
		}
		position--
	}
	return len(text)
}

// join joins a list of texts, with the separator between them.
func join(m *meter, args []ref.Val) ref.Val {
	list, isList := args[0].(traits.Lister)
	if !isList {
		return noOverload()
	}
	separator := ""
	if len(args) > 1 {
		separator = string(textOf(args[1]))
	}
	n := int(list.Size().(types.Int))
	m.use(stepWork*n, stepMemory*n)
	total := len(separator) * max(n-1, 0)
	parts := make([]string, 0, n)
	for i := range n {
		part, isText := list.Get(types.Int(i)).(types.String)
		if !isText {
			return noOverload()
		}
		total += len(part)
		parts = append(parts, string(part))
	}
	if problem := m.text(total); problem != nil {
		return problem
	}
	return types.String(strings.Join(parts, separator))
}
