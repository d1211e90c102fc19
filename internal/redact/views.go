// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// view is a text as a decoder sees it. Instead of looking for each form of each value, the text is decoded in each way, and the
// values are looked for in what comes out; so parts of encoded values are found, too.
type view struct {
	text string
	// from and to are where each byte of text stands in the original; nil when it is the original.
	from, to []int32
	// words is true when the bytes around a value tell whether it is a word.
	words bool
}

// source is where a part of the view stands in the original.
func (v *view) source(from, to int) (int, int) {
	if v.from == nil {
		return from, to
	}
	return int(v.from[from]), int(v.to[to-1])
}

// viewsOf are the text itself and all ways to decode it that it shows signs of.
func viewsOf(text string) iter.Seq[view] {
	return func(yield func(view) bool) {
		percent, plus := strings.Contains(text, "%"), strings.Contains(text, "+")
		_ = yield(view{text: text, words: true}) &&
			(!percent || yield(decode(text, inURL(false)))) &&
			(!plus || yield(decode(text, inURL(true)))) &&
			(!strings.Contains(text, `\`) || yield(decode(text, inJSON))) &&
			encoded(text, &hexadecimal, yield) && encoded(text, &base64, yield)
	}
}

// decode makes a view by a function that reads one unit of the text: how many bytes it takes, and what it stands for. It takes
// none where nothing is encoded.
func decode(text string, unit func(rest string) (taken int, meaning rune, isByte bool)) view {
	v := view{from: make([]int32, 0, len(text)), to: make([]int32, 0, len(text)), words: true}
	decoded := make([]byte, 0, len(text))
	for at := 0; at < len(text); {
		before := len(decoded)
		taken, meaning, isByte := unit(text[at:])
		switch {
		case taken == 0:
			taken = 1
			decoded = append(decoded, text[at])
		case isByte:
			decoded = append(decoded, byte(meaning)) //nolint:gosec // it is a byte
		default:
			decoded = utf8.AppendRune(decoded, meaning)
		}
		for range len(decoded) - before {
			v.from, v.to = append(v.from, int32(at)), append(v.to, int32(at+taken)) //nolint:gosec // texts are small
		}
		at += taken
	}
	v.text = string(decoded)
	return v
}

// inURL reads %XX, and + as a blank where that is asked for.
func inURL(plus bool) func(string) (int, rune, bool) {
	return func(rest string) (int, rune, bool) {
		if plus && rest[0] == '+' {
			return 1, ' ', true
		}
		if rest[0] != '%' || len(rest) < 3 {
			return 0, 0, false
		}
		high, low := hexadecimal.digits[rest[1]], hexadecimal.digits[rest[2]]
		if high < 0 || low < 0 {
			return 0, 0, false
		}
		return 3, rune(high)<<4 | rune(low), true
	}
}

var jsonEscapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// inJSON reads the escapes of a JSON string.
func inJSON(rest string) (int, rune, bool) {
	if rest[0] != '\\' || len(rest) < 2 {
		return 0, 0, false
	}
	if meaning, ok := jsonEscapes[rest[1]]; ok {
		return 2, meaning, false
	}
	first, ok := utf16Unit(rest)
	if !ok {
		return 0, 0, false
	}
	if second, ok := utf16Unit(rest[6:]); ok && utf16.IsSurrogate(first) {
		if both := utf16.DecodeRune(first, second); both != utf8.RuneError {
			return 12, both, false
		}
	}
	return 6, first, false
}

// utf16Unit reads \uXXXX.
func utf16Unit(rest string) (unit rune, ok bool) {
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return 0, false
	}
	for _, b := range []byte(rest[2:6]) {
		digit := hexadecimal.digits[b]
		if digit < 0 {
			return 0, false
		}
		unit = unit<<4 | rune(digit)
	}
	return unit, true
}

// alphabet writes bytes as digits of some bits.
type alphabet struct {
	digits [256]int8
	bits   int
	// phases are at how many digits of a run the bytes may begin.
	phases int
}

var (
	hexadecimal = newAlphabet("0123456789abcdef", 4, 2)
	base64      = newAlphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, 4)
)

func newAlphabet(digits string, bits, phases int) alphabet {
	a := alphabet{bits: bits, phases: phases}
	for i := range a.digits {
		a.digits[i] = -1
	}
	for value, digit := range []byte(digits) {
		a.digits[digit] = int8(value)
	}
	if bits == 4 { // either case
		for value, digit := range []byte("ABCDEF") {
			a.digits[digit] = int8(10 + value)
		}
		return a
	}
	a.digits['-'], a.digits['_'] = a.digits['+'], a.digits['/'] // in URLs
	return a
}

// encoded yields a view for each place where the bytes of a run of digits may begin. All runs share a view: where one ends, a
// byte stands between that no value has.
func encoded(text string, a *alphabet, yield func(view) bool) bool {
	for phase := range a.phases {
		v := a.decode(text, phase)
		if len(v.text) >= leastPart && !yield(v) {
			return false
		}
	}
	return true
}

// shortRun is the shortest run of digits that can hold a part.
func (a *alphabet) shortRun() int { return (8*leastPart + a.bits - 1) / a.bits }

func (a *alphabet) decode(text string, phase int) view {
	size := len(text)*a.bits/8 + 1
	v := view{from: make([]int32, 0, size), to: make([]int32, 0, size)}
	decoded := make([]byte, 0, size)
	for at := 0; at < len(text); at++ {
		end := at
		for end < len(text) && a.digits[text[end]] >= 0 {
			end++
		}
		if end-at >= a.shortRun() {
			decoded = a.run(&v, decoded, text, at+phase, end)
			decoded = append(decoded, 0)
			v.from, v.to = append(v.from, int32(at)), append(v.to, int32(at))
		}
		at = end
	}
	v.text = string(decoded)
	return v
}

// run decodes the digits of one run. A byte stands in all digits that have a bit of it.
func (a *alphabet) run(v *view, decoded []byte, text string, at, end int) []byte {
	bits, have := 0, 0
	first := at
	for ; at < end; at++ {
		if have == 0 {
			first = at
		}
		bits, have = bits<<a.bits|int(a.digits[text[at]]), have+a.bits
		if have < 8 {
			continue
		}
		have -= 8
		decoded = append(decoded, byte(bits>>have))                            //nolint:gosec // the rest of the bits is the next byte's
		v.from, v.to = append(v.from, int32(first)), append(v.to, int32(at+1)) //nolint:gosec // texts are small
		bits &= 1<<have - 1
		first = at
	}
	return decoded
}
