// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const docs = "../../docs/"

// TestReference: the reference is what the help says. UPDATE=1 writes it.
func TestReference(t *testing.T) {
	path := docs + "reference/cli.md"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(cli.Reference()), 0o600))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, cli.Reference(), string(written), "UPDATE=1 go test ./internal/cli -short -run TestReference")
}

// TestEveryCommandIsOnThePage holds docs/cli.md against the commands.
func TestEveryCommandIsOnThePage(t *testing.T) {
	page, err := os.ReadFile(docs + "cli.md")
	require.NoError(t, err)
	for _, command := range cli.New(cli.World{}, false).Commands() {
		if command.Name() != "help" {
			assert.Regexp(t, "(?m)^\\|[^|]*`"+command.Name()+"[ `]", string(page), "docs/cli.md does not tell of %s", command.Name())
		}
	}
	for _, flag := range regexp.MustCompile("`(--[a-z-]+)[ `]").FindAllStringSubmatch(string(page), -1) {
		assert.Contains(t, cli.Reference()+"--dry-run", flag[1], "docs/cli.md names a flag that there is not")
	}
}

// TestCommandsInDocuments holds that each command of ours in a document exists, with its flags and as many arguments, and each target
// of make.
func TestCommandsInDocuments(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	pages, err := filepath.Glob(docs + "*.md")
	require.NoError(t, err)
	tasks, err := filepath.Glob(docs + "tasks/*.md")
	require.NoError(t, err)
	commands, targets := 0, 0
	for _, page := range append(append(pages, tasks...), "../../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		plain := strings.ReplaceAll(string(text), "\\\n", " ")
		for _, found := range regexp.MustCompile("(?:(?m:^[ $]*)|`|do |; |&& )kubectl engine ([a-z]+[^`\n;|)]*)").FindAllStringSubmatch(plain, -1) {
			commands++
			line, _, _ := strings.Cut(found[1], " # ")
			line, _, _ = strings.Cut(line, ">")
			assert.NoError(t, parses(line), "%s: kubectl engine %s", page, found[1])
		}
		for _, found := range regexp.MustCompile("(?:(?m:^[ $]*)|`|&& )make ([a-z-]+)").FindAllStringSubmatch(plain, -1) {
			targets++
			assert.Contains(t, string(makefile), "\n"+found[1]+":", "%s: make %s", page, found[1])
		}
	}
	assert.Greater(t, commands, 30)
	for _, wrong := range []string{"staus", "status --nope", "rollback a b"} {
		assert.Error(t, parses(wrong), wrong)
	}
	assert.Greater(t, targets, 10)
}

// parses looks the command up and reads its flags and arguments, and runs nothing.
func parses(line string) error {
	root := cli.New(cli.World{}, false)
	root.InitDefaultCompletionCmd()
	words := strings.Fields(regexp.MustCompile(`'[^']*'`).ReplaceAllString(line, "x"))
	words = slices.DeleteFunc(words, func(word string) bool { return word == "…" })
	command, rest, err := root.Find(words)
	if err != nil || command == root {
		return errors.Join(errors.New("there is no such command"), err)
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	if len(rest) == 0 {
		return nil // it is only named
	}
	return command.ValidateArgs(command.Flags().Args())
}

// standIn is set for a process that stands in for kubectl.
const standIn = "ENGINE_OPERATOR_TEST_KUBECTL"

// blocks are the shell blocks of a page.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(docs + page)
	require.NoError(t, err)
	var all []string
	for _, found := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		all = append(all, found[1])
	}
	return all
}

// typed runs a block of a page in a directory, with this test in the place of kubectl.
func typed(t *testing.T, dir, endpoint, block string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	kubectl := fmt.Sprintf("#!/bin/sh\nexport %s=%s\nexec %s \"$@\"\n", standIn, endpoint, self)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o700))
	command := exec.CommandContext(t.Context(), "sh", "-e")
	command.Dir, command.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	command.Stdin = strings.NewReader(block)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	require.NoErrorf(t, command.Run(), "%s\n%s", block, &out)
	return out.String()
}

// TestMigrationPage runs the commands of docs/migrate.md over files as teams have them.
func TestMigrationPage(t *testing.T) {
	sim, endpoint := newShell(t).railway(adoptSeed)
	dir := t.TempDir()
	for _, tier := range []string{"dev", "preview", "production"} {
		file := []byte("DB_SCHEMA=" + tier + "\nOPENAI_API_KEY=canary-secret\n")
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".railway.env."+tier), file, 0o600))
	}
	steps := blocks(t, "migrate.md")
	require.Len(t, steps, 1, "the page has other blocks than this test knows")
	out := typed(t, dir, strings.TrimPrefix(endpoint, "--railway-endpoint="),
		"export RAILWAY_API_TOKEN="+accountToken+" PROJECT="+projectID+"\n"+steps[0])
	for _, tier := range []string{"dev", "preview", "production"} {
		assert.Contains(t, out, "ai-engine/"+tier+" → environment "+tier)
		written, err := os.ReadFile(filepath.Join(dir, tier+".yaml"))
		require.NoError(t, err)
		assert.Contains(t, string(written), "writePolicy: Observe")
		assert.NotContains(t, string(written)+out, "canary-secret", "a skeleton names the key")
	}
	onlyRead(t, sim)
}

// TestAdoptionPage runs docs/adopt.md as a reader would: nothing but reads reaches Railway before the switch to Apply, and then just what
// the plan in the status said.
func TestAdoptionPage(t *testing.T) {
	s := newStage(t)
	sim, endpoint := s.railway(adoptSeed)
	endpoint = strings.TrimPrefix(endpoint, "--railway-endpoint=")
	dir, state := t.TempDir(), ""
	run := func(block string) string {
		t.Helper()
		return typed(t, dir, endpoint, state+"\n"+block)
	}
	steps := blocks(t, "adopt.md")
	require.Len(t, steps, 8, "the page has other blocks than this test knows")
	state = steps[0]
	run(steps[1])
	assert.Contains(t, run(steps[2]), "  No change.\n")
	stop := s.operate(endpoint, func(o *operator.Options) { o.Namespaces = []string{"ai-engine"} })
	defer stop()
	s.namespace = "ai-engine"
	run(steps[3])
	assert.Nil(t, s.read("dev").Status.Plan, "there is nothing to write")

	require.NoError(t, sim.EditVariable(railwaysim.VariableEdit{
		Place: railwaysim.Place{Environment: "dev", Service: "ai-engine"}, Name: "TIMEOUT", Value: new("31"),
	}))
	deployed := len(sim.Deployments()) // the edit on the dashboard deploys, too
	edited := run(steps[4])
	assert.Contains(t, edited, "plan        1 to set; deploys ai-engine\n                ~ ai-engine.variables.TIMEOUT: \"31\" → \"30\"\n")
	assert.Contains(t, edited, "              only observed: set spec.writePolicy to Apply")
	run(steps[5])
	planned := s.read("dev").Status.Plan
	require.NotNil(t, planned)
	assert.Equal(t, []v1alpha1.PlannedChange{
		{Path: "ai-engine.variables.MODEL", Action: v1alpha1.PlannedSet, From: "gpt-5", To: "gpt-6"},
	}, planned.Changes)
	onlyRead(t, sim)
	assert.Len(t, sim.Deployments(), deployed, "nothing is deployed before Apply")

	run(steps[6])
	s.settled("dev")
	stop()
	assert.Equal(t, []string{"ai-engine.variables.MODEL"}, s.writtenTo(endpoint)["dev"], "the plan, in one commit")
	var after []string
	for _, d := range sim.Deployments()[deployed:] {
		after = append(after, d.Environment+"/"+d.Service)
	}
	assert.Equal(t, []string{"dev/ai-engine"}, after, "one deployment of the one service that has it")
	assert.NotContains(t, run(steps[7]), "canary")
}

// kubectlMain stands in for kubectl in the documents' commands: engine is ours, create and apply do what the real ones do.
func kubectlMain(endpoint string) int {
	args := os.Args[1:]
	if args[0] == "engine" {
		args = args[1:]
		if slices.Contains([]string{"import", "plan", "verify", "logs", "history"}, args[0]) {
			args = append(args, "--railway-endpoint="+endpoint)
		}
		world := cli.FromOS("test", nil)
		return cli.Main(context.Background(), world, append([]string{"kubectl-engine"}, args...))
	}
	if err := kubectl(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func kubectl(args []string) error {
	scheme, err := operator.Scheme()
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	namespace := "default"
	if args[0] == "-n" {
		namespace, args = args[1], args[2:]
	}
	ctx := context.Background()
	switch strings.Join(args[:2], " ") {
	case "create namespace":
		return direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: args[2]}})
	case "create secret":
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: args[3], Namespace: namespace}, StringData: map[string]string{}}
		for _, literal := range args[4:] {
			name, value, _ := strings.Cut(strings.TrimPrefix(literal, "--from-literal="), "=")
			secret.StringData[name] = value
		}
		return direct.Create(ctx, secret)
	case "apply -f":
		return applyFile(ctx, direct, args[2])
	default:
		return fmt.Errorf("the test's kubectl does not know %v", args)
	}
}

func applyFile(ctx context.Context, direct client.Client, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := utilyaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if len(object.Object) == 0 {
			continue
		}
		if err := direct.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
			return err
		}
	}
}
