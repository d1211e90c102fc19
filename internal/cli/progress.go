// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"time"

	"github.com/engine-operator/engine-operator/internal/cli/show"
)

// progress tells a person at a terminal what a command does that takes long, a line on standard error. Scripts are told nothing.
func (w World) progress(format string, args ...any) {
	if w.ErrTerminal {
		_ = say(w.Err, show.Visible(fmt.Sprintf(format, args...))+"\n") // what the command is for is worth more
	}
}

// progressEvery is the time between two lines about the same wait.
const progressEvery = 5 * time.Second

// whileWaiting says what is waited for, and for how long now, until it is ended.
func (w World) whileWaiting(what string) (end func()) {
	if !w.ErrTerminal {
		return func() {}
	}
	w.progress("%s …", what)
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for waited := progressEvery; ; waited += progressEvery {
			select {
			case <-ended:
				return
			case <-w.After(progressEvery):
				w.progress("%s … %s", what, waited)
			}
		}
	}()
	return func() {
		close(ended)
		<-stopped
	}
}
