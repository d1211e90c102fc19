// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line beside the operator: the same binary, also as kubectl's plugin. Commands are thin. What they decide
// and say comes from the packages that the loop uses, and from pure packages below this one.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/options"
)

// World is what the commands touch outside.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal is true when a person reads Out at a terminal: colours, and prompts. ErrTerminal is the same of Err: progress.
	Terminal, ErrTerminal bool
	// Version of the binary.
	Version string
	// Getenv reads the environment.
	Getenv func(string) string
	// Now is the clock, and After its timer.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	// Operate runs the operator until it is stopped.
	Operate func(*options.Options) error
}

// The groups of commands in the help.
const (
	groupSee   = "see"
	groupAct   = "act"
	groupBring = "bring"
	groupOther = "other"
)

// pluginNames are the names under which kubectl finds the binary.
var pluginNames = []string{"kubectl-engine", "kubectl_engine"}

// Plugin reports whether the binary was called as kubectl's plugin.
func Plugin(arg0 string) bool {
	name := strings.TrimSuffix(filepath.Base(arg0), ".exe")
	for _, plugin := range pluginNames {
		if name == plugin {
			return true
		}
	}
	return false
}

// Main runs the command line and returns the exit code. args has the name of the binary first.
func Main(ctx context.Context, world World, args []string) int {
	plugin := Plugin(args[0])
	world.In = interruptible{ctx, world.In}
	root := New(world, plugin)
	rest := args[1:]
	if operates := len(rest) > 0 && (strings.HasPrefix(rest[0], "-") || rest[0] == "run"); operates && !plugin {
		rest = options.Dashes(rest)
	}
	root.SetArgs(rest)
	return ExitCode(world.Err, root.Name(), root.ExecuteContext(ctx))
}

// interruptible is input that nobody waits for once the person has ended the command.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

var errInterrupted = errors.New("interrupted")

// Read reads ahead into a buffer of its own: a read that is given up may still end.
func (i interruptible) Read(p []byte) (int, error) {
	type read struct {
		n   int
		err error
	}
	buffer, done := make([]byte, len(p)), make(chan read, 1)
	go func() {
		n, err := i.in.Read(buffer)
		done <- read{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, buffer[:r.n]), r.err
	case <-i.ctx.Done():
		return 0, errInterrupted
	}
}

// exit is an error that says nothing and has a code of its own: the command has told it all.
type exit int

// Error names the code.
func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// ExitCode tells the error, if there is one, and returns the exit code.
func ExitCode(stderr io.Writer, name string, err error) int {
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	default:
		_ = say(stderr, show.Lines(fmt.Sprintf("%s: %s\n", name, explain(err)))) // there is nobody else to tell
		return 1
	}
}

// New returns the command line. As the plugin it is the commands alone; else the operator runs without one.
func New(world World, plugin bool) *cobra.Command {
	root := &cobra.Command{
		Use: "engine-operator", SilenceErrors: true, SilenceUsage: true, Args: noCommand,
		Short: "Keep Railway environments in line with EngineEnvironment objects",
	}
	root.SetIn(world.In)
	root.SetOut(world.Out)
	root.SetErr(world.Err)
	root.CompletionOptions.DisableDescriptions = false
	root.AddGroup(
		&cobra.Group{ID: groupSee, Title: "See:"}, &cobra.Group{ID: groupBring, Title: "Before you apply:"},
		&cobra.Group{ID: groupAct, Title: "Act:"}, &cobra.Group{ID: groupOther, Title: "Other:"},
	)
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	if plugin {
		root.Use = "kubectl-engine"
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl engine"}
		root.Version = world.Version
		root.SetVersionTemplate("{{.Version}}\n")
		root.Short = "Show and control the tiers of AI engines on Railway"
		root.Long = root.Short + "."
		root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	} else {
		addOperator(root, world)
	}
	addCommands(root, world)
	return root
}

// addCommands adds what both forms of the binary have.
func addCommands(root *cobra.Command, world World) {
	add := func(group string, commands ...*cobra.Command) {
		for _, command := range commands {
			command.GroupID = group
			root.AddCommand(command)
		}
	}
	add(groupSee, statusCommand(world), boardCommand(world), historyCommand(world), logsCommand(world), verifyCommand(world), diffCommand(world))
	add(groupBring, planCommand(world), importCommand(world), renderCommand(world))
	add(groupAct, approveCommand(world), rollbackCommand(world), holdCommand(world), suspendCommand(world), resumeCommand(world), reconcileCommand(world))
	add(groupOther, reportCommand(world), versionCommand(world))
}

func versionCommand(world World) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Long: "Print the version, the commit that the binary was built from, the Go version and the platform.\n" +
			"--version prints the version alone, for scripts.",
		RunE: func(*cobra.Command, []string) error { return say(world.Out, show.Lines(versionText(world.Version))) },
	}
}

// versionText is what people need to name when they ask for help.
func versionText(version string) string {
	text := fmt.Sprintf("engine-operator %s\n", version)
	if info, ok := debug.ReadBuildInfo(); ok {
		changed := ""
		for _, setting := range info.Settings {
			if setting.Key == "vcs.modified" && setting.Value == "true" {
				changed = ", with changes"
			}
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				text += fmt.Sprintf("  commit    %s%s\n", setting.Value, changed)
			}
		}
	}
	return text + fmt.Sprintf("  go        %s\n  platform  %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// FromOS is the world of a process.
func FromOS(version string, operate func(*options.Options) error) World {
	return World{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: isTerminal(os.Stdout), ErrTerminal: isTerminal(os.Stderr), Version: version,
		Getenv: os.Getenv, Now: time.Now, After: time.After, Operate: operate,
	}
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
