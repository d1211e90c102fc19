// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/adopt"
	"github.com/engine-operator/engine-operator/internal/cli"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	words "github.com/engine-operator/engine-operator/internal/shell"
)

func TestTheOperatorRunsWithoutACommand(t *testing.T) {
	s := newShell(t)
	s.ok()
	assert.Equal(t, 8, s.operated.Concurrency)
	s.ok("-leader-elect", "--concurrency=3", "--watch-namespaces", "a, b", "-metrics-secure=false")
	assert.True(t, s.operated.LeaderElect, "one dash is as good as two")
	assert.Equal(t, []string{"a", "b"}, s.operated.WatchNamespaces)
	assert.Equal(t, 3, s.operated.Concurrency)
	assert.False(t, s.operated.MetricsSecure)
	s.ok("run", "-settle", "1s")
	assert.Equal(t, "1s", s.operated.Settle.String())
	assert.Equal(t, "v1.2.3\n", s.ok("--version"))
	assert.Regexp(t, `(?s)^engine-operator v1.2.3\n.*  go        go1.*  platform  [a-z]+/[a-z0-9]+\n$`, s.ok("version"))
	var out strings.Builder
	require.Zero(t, cli.Main(t.Context(), cli.World{Out: &out, Version: "v1.2.3"}, []string{"kubectl-engine", "--version"}))
	assert.Equal(t, "v1.2.3\n", out.String(), "for scripts")
	assert.Contains(t, s.run("--concurrency=0").err, "--concurrency must be at least 1")
	assert.Contains(t, s.run("nope").err, `there is no command "nope"`)
}

func TestHelp(t *testing.T) {
	s := newShell(t)
	help := s.ok("--help")
	for _, want := range []string{"See:", "Before you apply:", "Act:", "Flags of the operator", "What is watched:", "--leader-elect", "Checks:"} {
		assert.Contains(t, help, want)
	}
	assert.Equal(t, 1, strings.Count(help[strings.LastIndex(help, "Other:"):], "      --"), "version alone stands in no group")
	assert.LessOrEqual(t, strings.Count(help, "\n"), 75, "the help is short")
	root := cli.New(cli.World{}, true)
	var all func(*cobra.Command)
	all = func(command *cobra.Command) {
		if command.Name() == "completion" || command.Name() == "help" {
			return
		}
		for line := range strings.SplitSeq(command.Long+"\n"+command.Example, "\n") {
			assert.LessOrEqual(t, len([]rune(line)), 120, command.Name())
		}
		if command.HasParent() && command.Name() != "version" {
			assert.NotEmpty(t, command.Example, command.Name())
			assert.NotEmpty(t, command.GroupID, command.Name())
		}
		for _, sub := range command.Commands() {
			all(sub)
		}
	}
	all(root)
}

func TestThePlugin(t *testing.T) {
	assert.True(t, cli.Plugin("/usr/local/bin/kubectl-engine"))
	assert.True(t, cli.Plugin(`kubectl-engine.exe`))
	assert.False(t, cli.Plugin("/manager/engine-operator"))
	var out strings.Builder
	world := cli.World{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
	require.Zero(t, cli.Main(t.Context(), world, []string{"kubectl-engine"}))
	assert.Contains(t, out.String(), "kubectl engine [command]")
	assert.NotContains(t, out.String(), "leader-elect", "the plugin does not run the operator")
}

func TestRenderOfAFile(t *testing.T) {
	s := newShell(t)
	_, endpoint := s.railway(adoptSeed)
	path := imported(s, endpoint, "--secret-values")
	hidden := s.ok("render", "-f", path)
	assert.NotContains(t, hidden, "canary")
	assert.Contains(t, hidden, "# OPENAI_API_KEY is from a Secret: show it with --reveal\n")
	assert.Contains(t, hidden, "LOG_LEVEL=INFO\n")
	read, err := adopt.ParseDotenv([]byte(s.ok("render", "-f", path, "--reveal")))
	require.NoError(t, err)
	assert.Equal(t, "sk-canary-openai-0001", read["OPENAI_API_KEY"])
	assert.Equal(t, "${{shared.PINECONE_INDEX}}", read["PINECONE_INDEX"])
	assert.Equal(t, "DB_SCHEMA=dev\n", grep(s.ok("render", "-f", path, "--service", "worker"), "DB_SCHEMA"))
	assert.Contains(t, s.run("render", "-f", path, "--service", "nope").err, `declares no service "nope"; there is ai-engine, worker`)
	assert.Contains(t, s.run("render").err, "name a tier, or a file")
	skeleton := s.ok("render", "-f", imported(s, endpoint), "--reveal")
	assert.Contains(t, skeleton, "# OPENAI_API_KEY is not known: from Secret dev-ai-engine, which has no key OPENAI_API_KEY\n")
}

func grep(text, word string) string {
	found := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, word) {
			found += line
		}
	}
	return found
}

// TestNamesInTwoNamespaces: of two tiers of one name -n says which one is meant; without it none is taken.
func TestNamesInTwoNamespaces(t *testing.T) {
	s := newShell(t)
	tier := func(metadata, value string) string {
		return `
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {` + metadata + `}
spec:
  tier: Dev
  railway: {projectID: ` + projectID + `, tokenSecretRef: {name: railway}}
  engine: {name: ai-engine, source: {image: "acme/engine:2"}, variables: [{name: A, value: "` + value + `"}]}
---`
	}
	path := s.file("two.yaml", tier("name: dev, namespace: team-a", "of-a")+tier("name: dev, namespace: team-b", "of-b")+tier("name: other, namespace: team-b", "other"))
	const want = `the files hold two EngineEnvironments "dev", in namespace team-a and in namespace team-b: choose one with -n`
	assert.Contains(t, s.run("render", "-f", path, "dev").err, want)
	assert.Contains(t, s.run("diff", "-f", path, "dev", "other").err, want)
	assert.Contains(t, s.ok("render", "-f", path, "-n", "team-b", "dev"), "A=of-b\n")
	assert.Contains(t, s.ok("render", "-f", path, "-n", "team-a"), "A=of-a\n", "there is one")
	assert.Contains(t, s.ok("render", "-f", path, "other"), "A=other\n")
	assert.Regexp(t, `engine.variables.A +of-b +other`, s.ok("diff", "-f", path, "-n", "team-b", "dev", "other"))
	assert.Contains(t, s.run("render", "-f", path, "-n", "team-a", "other").err, `the files hold no EngineEnvironment "other" in namespace team-a; there is team-a/dev, team-b/dev, team-b/other`)
	assert.Contains(t, s.run("render", "-f", path, "-n", "team-c").err,
		"the files hold no EngineEnvironment in namespace team-c; there is team-a/dev, team-b/dev, team-b/other\n")
	assert.Contains(t, s.run("render", "-f", path).err,
		"the files hold 3 EngineEnvironments, team-a/dev, team-b/dev, team-b/other: name one, or choose a namespace with -n\n")
	assert.Contains(t, s.run("render", "-f", path, "-n", "team-b").err, "the files hold 2 EngineEnvironments, team-b/dev, team-b/other: name one\n")
	assert.Contains(t, s.run("render", "-f", s.file("empty.yaml", "{}")).err, "the files hold no EngineEnvironment\n")

	open := s.file("open.yaml", tier("name: dev", "open")+tier("name: dev, namespace: team-b", "of-b"))
	assert.Contains(t, s.run("render", "-f", open, "dev").err, "in no namespace and in namespace team-b: choose one with -n")
	assert.Contains(t, s.ok("render", "-f", open, "-n", "team-a", "dev"), "A=open\n", "-n is the namespace of objects that name none")
}

// TestOthersTextInOutput: a value of another person does nothing to the terminal, and a file gets it as it is.
func TestOthersTextInOutput(t *testing.T) {
	s := newShell(t)
	path := s.file("dev.yaml", `
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: dev}
spec:
  tier: Dev
  railway: {projectID: `+projectID+`, tokenSecretRef: {name: railway}}
  engine: {name: ai-engine, source: {image: "acme/engine:2"}, variables: [{name: A, value: "\e[8mwarn"}]}
`)
	assert.Contains(t, s.ok("render", "-f", path), "'\x1b[8mwarn'\n")
	s.terminal = true
	assert.Contains(t, s.ok("render", "-f", path), "'␛[8mwarn'\n")
	var out strings.Builder
	assert.Equal(t, 1, cli.ExitCode(&out, "engine", errors.New("refused: \x1b[8mdemo\nand\r more")))
	assert.Equal(t, "engine: refused: ␛[8mdemo\nand␍ more\n", out.String())
}

// TestQuote: a shell reads back what is written.
func TestQuote(t *testing.T) {
	values := rapid.StringMatching(`[ -~\n\t]{0,20}|(\$\{\{[a-z.]{1,5}\}\}|'|"|\\|\$[A-Z]|#| |\n|=|é){0,8}`)
	var script strings.Builder
	var want []string
	for seed := range 200 { // all in one shell: to start one is dear
		value := values.Example(seed)
		want = append(want, value, value)
		fmt.Fprintf(&script, "X=%s\nprintf '%%s\\0' \"$X\" %s\n", show.Quote(value), words.Word(value))
	}
	command := exec.CommandContext(t.Context(), "sh")
	command.Stdin = strings.NewReader(script.String())
	read, err := command.Output()
	require.NoError(t, err)
	require.Equal(t, want, strings.Split(strings.TrimSuffix(string(read), "\x00"), "\x00"))
}

func TestDiffOfFiles(t *testing.T) {
	s := newShell(t)
	diff := s.ok("diff", "-f", "../../config/samples", "preview", "production")
	assert.Contains(t, diff, "FIELD")
	assert.Regexp(t, `engine.variables.DB_SCHEMA +\S+ +production`, diff)
	assert.Regexp(t, `engine.variables.RATE_LIMIT_RPM +100 +60`, diff)
	assert.Contains(t, s.ok("diff", "-f", "../../config/samples", "dev", "dev"), "dev and dev declare the same.")
	assert.Contains(t, s.run("diff", "-f", "../../config/samples", "dev", "nope").err, "there is ai-engine/dev, ai-engine/local, ai-engine/preview, ai-engine/production")
	for _, value := range []string{"replace-me", "sk-"} {
		assert.NotContains(t, diff, value)
	}
}

func TestImportOfADotenvFile(t *testing.T) {
	s := newShell(t)
	path := s.file(".railway.env.dev", "ENV=dev\nDB_SCHEMA=dev\nOPENAI_API_KEY=sk-canary\n")
	r := s.run("import", "--env-file", path, "--project", projectID, "--environment", "dev", "--image", "acme/app:1")
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.out, "image: acme/app:1")
	assert.NotContains(t, r.out+r.err, "canary")
	assert.Contains(t, r.err, "Not in the file, and set all the same:\n  ai-engine.variables.DEBUG: the Dev tier sets it\n")
	assert.NotContains(t, r.err, "change", "nothing is known of Railway")
	assert.Contains(t, s.run("import", "--env-file", path).err, "--tier")
	assert.Contains(t, s.run("import").err, "--project and --environment")
	assert.Contains(t, s.run("import", "--tier", "X", "--env-file", path).err, "one of [Local Dev")
	local := s.run("import", "--env-file", path, "--tier", "Local")
	assert.Contains(t, local.out, "tier: Local")
	assert.NotContains(t, local.out, "railway:")
}

// TestInterrupt: a command that waits for input ends when the person ends it.
func TestInterrupt(t *testing.T) {
	input, keep := io.Pipe()
	defer keep.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	var errs locked
	ended := make(chan int)
	go func() {
		ended <- cli.Main(ctx, cli.World{In: input, Out: io.Discard, Err: &errs, Getenv: func(string) string { return "" }}, []string{"engine-operator", "plan", "-f", "-"})
	}()
	_, err := keep.Write([]byte("apiVersion: v1\n"))
	require.NoError(t, err)
	interrupt()
	assert.Equal(t, 1, <-ended)
	assert.Equal(t, "engine-operator: standard input: interrupted\n", errs.String())
}

func TestCompletion(t *testing.T) {
	s := newShell(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		assert.NotEmpty(t, s.ok("completion", shell))
	}
	assert.Contains(t, s.ok("__complete", "import", "--tier", ""), "Production\n")
	assert.Contains(t, s.ok("__complete", "plan", "-f", "x", "-o", ""), "markdown\n")
	assert.Contains(t, s.ok("__complete", "st"), "status\t")
	s.ok("__complete", "status", "") // without a cluster it completes nothing, and says nothing
}
