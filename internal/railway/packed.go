// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"sync"
	"weak"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// packed is an environment in little memory: a fleet's environments are looked at by one pass at a time, and most of them by none.
// Whoever opens it shares one copy with everybody who holds it at that time. Nil is no environment.
type packed struct {
	body []byte
	// whole is an environment that cannot be packed.
	whole *model.Environment

	mu   sync.Mutex
	open weak.Pointer[model.Environment]
}

// content is an environment as it is packed: JSON knows no struct keys, so what is sealed goes as a list.
type content struct {
	model.Environment
	Sealed []model.VariableRef
}

// inflater unpacks into a buffer of its own.
type inflater struct {
	from *bytes.Reader
	flate.Resetter
	io.Reader
	raw bytes.Buffer
}

func newInflater() *inflater {
	from := bytes.NewReader(nil)
	r := flate.NewReader(from)
	resetter, _ := r.(flate.Resetter) // says its documentation
	return &inflater{from: from, Resetter: resetter, Reader: r}
}

// spare keeps a few large things for the next who needs one. Unlike a sync.Pool it is not emptied by the garbage collector, so that what
// it keeps is made once.
type spare[T any] struct {
	kept chan T
	make func() T
}

func (s spare[T]) get() T {
	select {
	case one := <-s.kept:
		return one
	default:
		return s.make()
	}
}

func (s spare[T]) put(one T) {
	select {
	case s.kept <- one:
	default: // there are enough
	}
}

// A deflater has tables of more than half a megabyte, an inflater of more than 40 kB and room for the largest environment of late.
var (
	deflaters = spare[*flate.Writer]{make(chan *flate.Writer, 2), newDeflater}
	inflaters = spare[*inflater]{make(chan *inflater, 4), newInflater}
)

// largest is the buffer that is kept for the next environment, in bytes.
const largest = 1 << 20

// unpack decodes what pack made. Its result shares nothing with the buffer.
func unpack(body []byte, into *content) error {
	i := inflaters.get()
	i.from.Reset(body)
	i.raw.Reset()
	err := i.Reset(i.from, nil)
	if err == nil {
		_, err = i.raw.ReadFrom(i.Reader)
	}
	if err == nil {
		err = json.Unmarshal(i.raw.Bytes(), into)
	}
	i.from.Reset(nil) // the body is not kept
	if i.raw.Cap() <= largest {
		inflaters.put(i)
	}
	return err
}

func newDeflater() *flate.Writer {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic("railway: the level of compression: " + err.Error())
	}
	return w
}

func pack(env *model.Environment) *packed {
	if env == nil {
		return nil
	}
	p := &packed{open: weak.Make(env)}
	raw, err := json.Marshal(content{*env, sealedList(env)})
	if err != nil {
		p.whole = env
		return p
	}
	var body bytes.Buffer
	w := deflaters.get()
	defer deflaters.put(w)
	w.Reset(&body)
	if _, err = w.Write(raw); err == nil {
		err = w.Close()
	}
	if err != nil {
		p.whole = env
		return p
	}
	p.body = bytes.Clone(body.Bytes())
	return p
}

// environment returns what was packed. It is shared and must not be changed.
func (p *packed) environment() *model.Environment {
	if p == nil || p.whole != nil {
		return p.wholeOrNone()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if env := p.open.Value(); env != nil {
		return env
	}
	var c content
	if err := unpack(p.body, &c); err != nil {
		panic("railway: a packed environment: " + err.Error()) // our own bytes
	}
	env := c.Environment
	env.Sealed = make(map[model.VariableRef]bool, len(c.Sealed))
	for _, ref := range c.Sealed {
		env.Sealed[ref] = true
	}
	p.open = weak.Make(&env)
	return &env
}

func (p *packed) wholeOrNone() *model.Environment {
	if p == nil {
		return nil
	}
	return p.whole
}

func sealedList(env *model.Environment) []model.VariableRef {
	var list []model.VariableRef
	for ref, sealed := range env.Sealed {
		if sealed {
			list = append(list, ref)
		}
	}
	return list
}
