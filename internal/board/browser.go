// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// doorway leads a browser to the board. Everybody on the machine can read the arguments of a process, and nobody else this file.
var doorway = template.Must(template.New("doorway").Parse(
	`<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">` +
		`<meta http-equiv="refresh" content="0; url={{.}}"><title>engine-operator board</title><a href="{{.}}">Open the board</a>`))

// openBrowser opens the address in the user's browser. The returned function removes what it left on disk.
func openBrowser(ctx context.Context, address string, out io.Writer) func() {
	file, err := os.CreateTemp("", "engine-board-*.html") // mode 0600
	if err != nil {
		fmt.Fprintln(out, "The browser was not opened:", err)
		return func() {}
	}
	remove := func() { _ = os.Remove(file.Name()) }
	err = doorway.Execute(file, address)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = opener(ctx, file.Name()).Run()
	}
	if err != nil {
		fmt.Fprintln(out, "The browser was not opened:", err)
	}
	return remove
}

// opener is the system's own command for opening a file with its program.
func opener(ctx context.Context, name string) *exec.Cmd {
	switch runtime.GOOS {
	case "darwin":
		return exec.CommandContext(ctx, "open", name)
	case "windows":
		return exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", name)
	}
	return exec.CommandContext(ctx, "xdg-open", name)
}
