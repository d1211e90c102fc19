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

// inflaters are reused: each has a window and tables of more than 40 kB, and room for the largest environment of late.
var inflaters = sync.Pool{New: func() any {
	from := bytes.NewReader(nil)
	r := flate.NewReader(from)
	resetter, _ := r.(flate.Resetter) // says its documentation
	return &inflater{from: from, Resetter: resetter, Reader: r}
}}

// largest is the buffer that is kept for the next environment, in bytes.
const largest = 1 << 20

// unpack decodes what pack made. Its result shares nothing with the buffer.
func unpack(body []byte, into *content) error {
	i, _ := inflaters.Get().(*inflater)
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
		inflaters.Put(i)
	}
	return err
}

// deflaters are reused: each has tables of more than half a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic("railway: the level of compression: " + err.Error())
	}
	return w
}}

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
	w, _ := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
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
