// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command record runs a command and draws what it prints, line by line as it came, as a terminal in an SVG that plays by itself:
// go run ./hack/record OUT.svg SHOWN COMMAND [ARGS…], where SHOWN is what a person types. Run it with `make demo-svg`.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"time"
)

const (
	// columns and rows are the terminal's.
	columns, rows = 118, 32
	// pauseAtMost is how long nothing may happen in the picture, last how long its end stays.
	pauseAtMost, last = 3 * time.Second, 8 * time.Second
)

// line is a line that was printed, and when.
type line struct {
	at   time.Duration
	text string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: record OUT.svg SHOWN COMMAND [ARGS…]")
	}
	command := exec.CommandContext(ctx, args[2], args[3:]...) //nolint:gosec // the caller's own command
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	lines, err := read(io.TeeReader(output, os.Stdout), time.Now)
	if ended := command.Wait(); ended != nil {
		return ended // what failed is not shown as if it had worked
	}
	if err != nil {
		return err
	}
	lines = append([]line{{text: "$ " + args[1]}}, lines...)
	title := fmt.Sprintf("%s, recorded; pauses are cut to %s", args[1], pauseAtMost)
	return os.WriteFile(args[0], []byte(draw(title, quicken(wrap(lines)))), 0o644) //nolint:gosec // a picture for everybody
}

// read notes when each line comes.
func read(from io.Reader, now func() time.Time) ([]line, error) {
	start, scanner := now(), bufio.NewScanner(from)
	var lines []line
	for scanner.Scan() {
		lines = append(lines, line{at: now().Sub(start), text: scanner.Text()})
	}
	return lines, scanner.Err()
}

// wrap breaks lines that are wider than the terminal, as a terminal does.
func wrap(lines []line) (wrapped []line) {
	for _, l := range lines {
		text := []rune(l.text)
		for len(text) > columns {
			wrapped = append(wrapped, line{l.at, string(text[:columns])})
			text = text[columns:]
		}
		wrapped = append(wrapped, line{l.at, string(text)})
	}
	return wrapped
}

// quicken shortens long pauses.
func quicken(lines []line) []line {
	quick := make([]line, 0, len(lines))
	var before, cut time.Duration
	for _, l := range lines {
		if pause := l.at - before; pause > pauseAtMost {
			cut += pause - pauseAtMost
		}
		before = l.at
		quick = append(quick, line{l.at - cut, l.text})
	}
	return quick
}
