// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package testbed

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// endTimeout is how long the operator may take to end by itself.
const endTimeout = 10 * time.Second

// Build builds the operator into the directory and returns the binary's name.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "engine-operator")
	output, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/engine-operator/engine-operator").CombinedOutput() //nolint:gosec // the caller's directory
	if err != nil {
		return "", fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	return binary, nil
}

// Process is a running operator.
type Process struct {
	command *exec.Cmd
	exited  chan struct{}
}

// PID is its process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Exited is closed when it has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// End sends the signal and waits until the process is gone.
func (p *Process) End(signal os.Signal) {
	_ = p.command.Process.Signal(signal) // it may be gone already
	select {
	case <-p.exited:
	case <-time.After(endTimeout):
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

// StartOperator runs the built operator.
func (b *Bed) StartOperator(ctx context.Context) error {
	log, err := os.OpenFile(b.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the operator's log: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has its own
	flags := append([]string{
		"--railway-endpoint", b.Endpoint, "--namespace", OperatorNamespace, "--health-probe-bind-address", "0",
		"--probe-connect-to", b.Edge.Address, "--probe-ca", b.EdgeCA(), "--shutdown-timeout", "5s",
	}, b.options.Flags...)
	//nolint:gosec // our own binary, with our own flags
	command := exec.CommandContext(context.WithoutCancel(ctx), b.options.Binary, flags...)
	command.Env = slices.Concat(os.Environ(), b.options.Env, []string{"KUBECONFIG=" + b.operatorKubeconfig()})
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us; we end it in order
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	process := &Process{command: command, exited: make(chan struct{})}
	go func() {
		_ = command.Wait() // however it ended
		close(process.exited)
	}()
	b.operator = process
	return nil
}

// Operator is the process that StartOperator started last, nil when there is none.
func (b *Bed) Operator() *Process { return b.operator }

// StopOperator ends the operator with the signal and waits until it is gone.
func (b *Bed) StopOperator(signal os.Signal) {
	if b.operator != nil {
		b.operator.End(signal)
		b.operator = nil
	}
}

// LogFile is where the operator logs to.
func (b *Bed) LogFile() string { return filepath.Join(b.options.Dir, "operator.log") }

// Tail copies the last lines of the operator's log, for a failure's report.
func (b *Bed) Tail(to io.Writer, lines int) {
	raw, err := os.ReadFile(b.LogFile())
	if err != nil {
		return
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	_, _ = fmt.Fprintln(to, strings.Join(all[max(0, len(all)-lines):], "\n"))
}
