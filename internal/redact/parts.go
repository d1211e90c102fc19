// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package redact

import "strings"

// parts are all parts of a size that values have. A part fits a number, so that one look finds it among all.
type parts struct {
	size  int
	known map[uint64]struct{}
	// sieve has a bit for each known part's hash: most positions of a text are done with one look at it.
	sieve [1 << 12]uint64
}

func newParts(size int) *parts { return &parts{size: size, known: map[uint64]struct{}{}} }

func (p *parts) add(value string) {
	for at := range len(value) - p.size + 1 {
		part := value[at : at+p.size]
		if strings.TrimSpace(part) == "" { // an indentation
			continue
		}
		var number uint64
		for _, b := range []byte(part) {
			number = number<<8 | uint64(b)
		}
		p.known[number] = struct{}{}
		bit := hash(number)
		p.sieve[bit/64] |= 1 << (bit % 64)
	}
}

// hash is 18 bits of a number.
func hash(number uint64) uint64 { return number * 0x9e3779b97f4a7c15 >> 46 }

// find marks the parts that the view shows.
func (p *parts) find(v view, covered *cover) {
	var number uint64
	mask := ^uint64(0) >> (64 - 8*p.size)
	for end := range len(v.text) {
		number = (number<<8 | uint64(v.text[end])) & mask
		bit := hash(number)
		if p.sieve[bit/64]&(1<<(bit%64)) == 0 || end < p.size-1 {
			continue
		}
		if _, known := p.known[number]; known {
			covered.add(v.source(end+1-p.size, end+1))
		}
	}
}

// cover is which bytes of a text are to be masked.
type cover struct {
	bytes []bool
	any   bool
}

func newCover(size int) *cover { return &cover{bytes: make([]bool, size)} }

func (c *cover) add(from, to int) {
	c.any = true
	for i := from; i < to; i++ {
		c.bytes[i] = true
	}
}

// mask replaces what is covered by marks, unless it is shown anyway.
func (c *cover) mask(text string, shown func(string) bool) string {
	if !c.any {
		return text
	}
	var masked strings.Builder
	masked.Grow(len(text))
	for from := 0; from < len(text); {
		to := from
		for to < len(text) && c.bytes[to] == c.bytes[from] {
			to++
		}
		if c.bytes[from] && !shown(text[from:to]) {
			masked.WriteString(Mark)
		} else {
			masked.WriteString(text[from:to])
		}
		from = to
	}
	return masked.String()
}
