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
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli"
	"github.com/engine-operator/engine-operator/internal/desired"
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

// realKubectl and edgeOf are set beside it where a page's commands may use more: kubectl itself, for all that is not engine, and the
// address and CA of the local Railway's generated domains.
const (
	realKubectl = "ENGINE_OPERATOR_TEST_REAL_KUBECTL"
	edgeOf      = "ENGINE_OPERATOR_TEST_EDGE"
	skipped     = "skipped, there is no kubectl here: kubectl "
)

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

// TestMigrationTable holds that the table for railway.json names each field as the operator does.
func TestMigrationTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/migrate.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| in the file | in the spec")
	require.True(t, found)
	names, rows := regexp.MustCompile("`([^`]+)`"), 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || !strings.Contains(line, "`") {
			continue
		}
		rows++
		spec := map[string]bool{}
		for _, name := range names.FindAllStringSubmatch(cells[2], -1) { // such as deploy.restart: {policy, maxRetries}
			path, fields, several := strings.Cut(strings.TrimSuffix(name[1], "}"), ": {")
			spec[path] = true
			for field := range strings.SplitSeq(fields, ", ") {
				spec[path+"."+field] = several
			}
		}
		for _, name := range names.FindAllStringSubmatch(cells[1], -1) {
			path := "deploy." + strings.TrimPrefix(name[1], "deploy.")
			if path == "deploy.numReplicas" {
				path = "deploy.multiRegionConfig" // the older field, which a config has with or without regions
			}
			assert.True(t, spec[strings.TrimPrefix(desired.SpecPath("engine."+path), "engine.")], "%s is in the row of %v", name[1], spec)
		}
	}
	assert.Equal(t, 7, rows)
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
	written := (&agreement{stage: s, sim: sim, endpoint: endpoint}).look()["dev"].commits
	assert.Equal(t, [][]string{{"ai-engine.variables.MODEL"}}, written, "the plan, in one commit")
	var after []string
	for _, d := range sim.Deployments()[deployed:] {
		after = append(after, d.Environment+"/"+d.Service)
	}
	assert.Equal(t, []string{"dev/ai-engine"}, after, "one deployment of the one service that has it")
	assert.NotContains(t, run(steps[7]), "canary")
}

// kubectlMain stands in for kubectl in the documents' commands: engine is ours, the others do what the real ones do as far as a page
// needs it.
func kubectlMain(endpoint string) int {
	args := os.Args[1:]
	if args[0] == "engine" {
		args = args[1:]
		if slices.Contains([]string{"import", "plan", "verify", "logs"}, args[0]) || slices.Contains(args, "--railway") {
			args = append(args, "--railway-endpoint="+endpoint)
		}
		switch edge, ca, ok := strings.Cut(os.Getenv(edgeOf), ","); {
		case ok && args[0] == "verify":
			args = append(args, "--probe-connect-to="+edge, "--probe-ca="+ca, "--log-grace=1s")
		case args[0] == "board":
			args = append(args, "--listen=127.0.0.1:0")
		}
		world := cli.FromOS("test", nil)
		return cli.Main(context.Background(), world, append([]string{"kubectl-engine"}, args...))
	}
	if path := os.Getenv(realKubectl); path != "" {
		fmt.Fprintln(os.Stderr, syscall.Exec(path, append([]string{"kubectl"}, args...), os.Environ()))
		return 1
	}
	err := kubectl(slices.Clone(args))
	if _, ok := os.LookupEnv(realKubectl); ok && errors.Is(err, errUnknown) {
		fmt.Fprintf(os.Stderr, "%s%s\n", skipped, strings.Join(args, " "))
		return 0
	}
	if err != nil {
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
	namespace, dry := "default", false
	if at := slices.Index(args, "-n"); at >= 0 {
		namespace = args[at+1]
		args = slices.Delete(args, at, at+2)
	}
	words := slices.DeleteFunc(args, func(word string) bool {
		dry = dry || word == "--dry-run=client"
		return slices.Contains([]string{"--server-side", "--overwrite", "--dry-run=client"}, word)
	})
	ctx := context.Background()
	switch strings.Join(words[:min(2, len(words))], " ") {
	case "create namespace":
		return direct.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: words[2]}})
	case "create secret":
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: words[3], Namespace: namespace}, StringData: map[string]string{}}
		for _, literal := range words[4:] {
			name, value, _ := strings.Cut(strings.TrimPrefix(literal, "--from-literal="), "=")
			secret.StringData[name] = value
		}
		if dry { // with -o yaml
			delete(secret.StringData, "-o")
			delete(secret.StringData, "yaml")
			secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
			printed, err := yaml.Marshal(secret)
			_, _ = os.Stdout.Write(printed)
			return err
		}
		return direct.Create(ctx, secret)
	case "patch secret": // --type merge --patch-file FILE
		patch, err := os.ReadFile(words[slices.Index(words, "--patch-file")+1])
		if err != nil {
			return err
		}
		if patch, err = yaml.YAMLToJSON(patch); err != nil {
			return err
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: words[2], Namespace: namespace}}
		return direct.Patch(ctx, secret, client.RawPatch(types.MergePatchType, patch))
	case "apply -f":
		return applyFile(ctx, direct, words[2])
	case "apply -k":
		built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), words[2])
		if err != nil {
			return err
		}
		objects, err := built.AsYaml()
		if err != nil {
			return err
		}
		return applyObjects(ctx, direct, bytes.NewReader(objects))
	case "annotate eenv":
		object := &v1alpha1.EngineEnvironment{}
		if err := direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: words[2]}, object); err != nil {
			return err
		}
		before := object.DeepCopy()
		for _, annotation := range words[3:] {
			name, value, _ := strings.Cut(annotation, "=")
			metav1.SetMetaDataAnnotation(&object.ObjectMeta, name, value)
		}
		return direct.Patch(ctx, object, client.MergeFrom(before))
	case "auth whoami":
		review := &authenticationv1.SelfSubjectReview{}
		if err := direct.Create(ctx, review); err != nil {
			return err
		}
		_, err := os.Stdout.WriteString(review.Status.UserInfo.Username)
		return err
	default:
		return fmt.Errorf("%w: %v", errUnknown, args)
	}
}

var errUnknown = errors.New("the test's kubectl does not know")

// applyFile applies a file, the files of a directory, or standard input.
func applyFile(ctx context.Context, direct client.Client, path string) error {
	if path == "-" {
		return applyObjects(ctx, direct, os.Stdin)
	}
	paths := []string{path}
	if inside, err := filepath.Glob(filepath.Join(path, "*.yaml")); err == nil && len(inside) > 0 {
		paths = inside
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := applyObjects(ctx, direct, bytes.NewReader(content)); err != nil {
			return err
		}
	}
	return nil
}

func applyObjects(ctx context.Context, direct client.Client, from io.Reader) error {
	decoder := utilyaml.NewYAMLOrJSONDecoder(from, 4096)
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
