// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package redact masks secret values in texts from outside and cuts texts. It is pure.
package redact

import (
	"crypto/sha256"
	b64 "encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// Mark stands where a secret stood.
	Mark = "(secret)"
	// shortest is the length from which on a value is masked, in bytes: shorter ones are in every text and protect nothing.
	shortest = 4
	// long is the length from which on a value is masked wherever it stands, and parts of it too; a shorter one only as a
	// whole word.
	long = 8
	// A part is masked from half the value's length on, within these bounds.
	leastPart, mostPart = 6, 8
)

// Masker masks secret values in texts. Making one is the dear part: make it once and use it often. It is safe for concurrent use.
type Masker struct {
	// parts are all parts of the long values, by their length.
	parts [mostPart + 1]*parts
	// words are the short values.
	words map[string]bool
	// names are in the clear already, such as those of objects and services.
	names []string
}

// New returns a Masker of the values. Each line of a value of several lines is a value too. Words such as true or production,
// numbers of up to five digits, and what has less than four bytes are not masked: they are in ordinary texts. Where a text shares no
// more with a value than such a word, or a name or a part of one, it is not masked either: an address among the values would
// otherwise take the names out of messages and commands.
func New(values []string, names ...string) *Masker {
	m := &Masker{words: map[string]bool{}, names: names}
	for _, value := range values {
		m.add(value)
		if strings.Contains(value, "\n") {
			for line := range strings.SplitSeq(value, "\n") {
				m.add(line)
			}
		}
	}
	return m
}

func (m *Masker) add(value string) {
	value = strings.TrimSpace(value)
	switch {
	case len(value) < shortest || ordinary(value):
	case len(value) < long:
		m.words[value] = true
		for _, written := range encodings(value) {
			m.words[written] = true
		}
	default:
		size := min(max((len(value)+1)/2, leastPart), mostPart)
		if m.parts[size] == nil {
			m.parts[size] = newParts(size)
		}
		m.parts[size].add(value)
	}
}

// encodings are the forms of a short value that a decoded text does not show as a word: where they begin and end is lost in decoding.
func encodings(value string) []string {
	raw := []byte(value)
	return []string{
		b64.StdEncoding.EncodeToString(raw), b64.RawStdEncoding.EncodeToString(raw), b64.URLEncoding.EncodeToString(raw),
		b64.RawURLEncoding.EncodeToString(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
	}
}

// ordinaryWords are values of settings. A text that has them tells nothing.
var ordinaryWords = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`true false yes no on off none null nil enabled disabled default auto always never
		debug info warn warning error critical fatal trace notice verbose json text simple plain
		production prod staging stage preview development dev test testing local localhost`) {
		words[word] = true
	}
	return words
}()

func ordinary(value string) bool {
	number := len(value) <= 5 && strings.Trim(value, "0123456789") == ""
	return number || ordinaryWords[strings.ToLower(value)]
}

// Text masks the values in the text: as they are, in a URL, in JSON, in base64 and in hexadecimal, whole or in parts.
func (m *Masker) Text(text string) string {
	if m.empty() {
		return text
	}
	covered := newCover(len(text))
	for view := range viewsOf(text) {
		m.look(view, covered)
	}
	return covered.mask(text, m.shown)
}

// shown reports whether a part of a text is in the clear anyway: an ordinary word, or a name or a part of one, with at most a
// sign before and after it. A value that is a short word is masked all the same.
func (m *Masker) shown(part string) bool {
	if part != "" && !wordByte(part[0]) {
		part = part[1:]
	}
	if part != "" && !wordByte(part[len(part)-1]) {
		part = part[:len(part)-1]
	}
	if len(part) < shortest || m.words[part] {
		return false
	}
	return ordinaryWords[strings.ToLower(part)] || slices.ContainsFunc(m.names, func(name string) bool { return strings.Contains(name, part) })
}

func (m *Masker) empty() bool {
	return len(m.words) == 0 && m.parts == [mostPart + 1]*parts{}
}

// look marks what the view shows of the values.
func (m *Masker) look(v view, covered *cover) {
	for _, p := range m.parts {
		if p != nil {
			p.find(v, covered)
		}
	}
	if v.words && len(m.words) > 0 {
		m.findWords(v, covered)
	}
}

// findWords marks the short values where they stand as words of their own.
func (m *Masker) findWords(v view, covered *cover) {
	for word := range m.words {
		for from := 0; ; {
			at := strings.Index(v.text[from:], word)
			if at < 0 {
				break
			}
			at += from
			if !inWord(v.text, at) && !inWord(v.text, at+len(word)) {
				covered.add(v.source(at, at+len(word)))
			}
			from = at + 1
		}
	}
}

// inWord reports whether the position is in the middle of a word.
func inWord(text string, at int) bool {
	return at > 0 && at < len(text) && wordByte(text[at-1]) && wordByte(text[at])
}

func wordByte(b byte) bool {
	return b == '_' || b >= utf8.RuneSelf || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
}

const ellipsis = "…"

// command begins a command in a message, and commandEnd is what follows one.
const command = "kubectl "

var commandEnd = regexp.MustCompile(`; |[.] | [(]|, or kubectl `)

// CutMessage shortens a message as Cut does, but never within a command, which somebody would paste: then it ends before that.
func CutMessage(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for end := 0; ; {
		start := strings.Index(text[end:], command)
		if start < 0 {
			return Cut(text, bytes)
		}
		start += end
		if at := commandEnd.FindStringIndex(text[start:]); at != nil {
			end = start + at[0]
		} else {
			end = len(text)
		}
		if end > bytes-len(ellipsis) {
			return Cut(text, min(bytes, start+len(ellipsis)))
		}
	}
}

// identityAtMost is from which length on a text that is compared is kept as its digest, in bytes. Every image and commit, every name of a
// revision and every time is shorter.
const identityAtMost = 1024

// Identity is what tells a text that somebody wrote, such as an annotation, apart from another one: the text itself, or the digest of a long
// one. That of an identity is the identity.
func Identity(text string) string {
	if len(text) <= identityAtMost {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Cut shortens a text to at most so many bytes, with an ellipsis, without leaving half a character. Mask a text before it is
// cut: a value that is cut in half is hard to find.
func Cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	end := max(bytes-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}
