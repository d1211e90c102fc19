// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/controlplane"
	"github.com/engine-operator/engine-operator/internal/operator"
	"github.com/engine-operator/engine-operator/internal/testbed"
)

// notRun are the blocks of the pages that no test runs, by page and beginning, with the reason. Their commands of ours are parsed
// (TestCommandsInDocuments).
var notRun = map[string]map[string]string{
	"README.md": {
		"make demo": "takes two minutes and waits for Ctrl-C",
		"make test": "it is what runs this",
	},
	"docs/install.md": {
		"helm install":          "takes Helm and a release's chart; hack/release renders that chart with Helm's own library",
		"kubectl krew install":  "takes krew; hack/release holds the manifest against the archives",
		"sha256sum --check SHA": "takes a release and a registry; hack/release checks sums and layout, and TestPages applies install.yaml",
	},
	"docs/gitops.md": {
		"argocd app terminate-op": "takes a running Argo CD",
		"argocd app sync":         "takes a running Argo CD",
	},
	"docs/performance.md":     {"make bench-micro": "takes minutes"},
	"docs/release.md":         {"make release": "takes minutes; hack/release makes a release in its test"},
	"docs/tasks/uninstall.md": {"helm uninstall": "takes Helm and an installed chart"},
}

// ranElsewhere are pages that have a test of their own, which runs every block.
var ranElsewhere = map[string]string{"docs/adopt.md": "TestAdoptionPage", "docs/migrate.md": "TestMigrationPage"}

// notRunHere are single commands that a block has beside others, by their beginning, with the reason.
var notRunHere = map[string]string{
	"make docker-build && docker push":                 "takes a Docker engine and a registry",
	"kubectl -n engine-operator-system rollout status": "no kubelet starts the operator's Pod; the operator runs as a process",
	"kubectl -n engine-operator-system port-forward":   "there is no Pod to forward to; the operator is asked directly",
}

// behind are the commands that go on until they are ended: the story starts them apart, and ends them.
var behind = []string{
	"go run ./hack/railway-sim", "bin/engine-operator --railway-endpoint", "kubectl engine board",
	"kubectl engine status -n ai-engine --watch", "kubectl engine status -n ai-engine dev --watch",
}

// command is one of a page, with the lines on which it goes on.
type command struct {
	text string
	// ran is whether the test has run it, or has logged why it cannot be run on this machine.
	ran bool
}

func (c *command) begins(with string) bool { return strings.HasPrefix(c.text, with) }

func (c *command) String() string { return strings.TrimSpace(c.text) }

// block is a shell block of a page.
type block struct {
	page     string
	commands []*command
}

func (b block) String() string { return b.page + ": " + b.commands[0].String() }

// shellBlocks are those of every page.
func shellBlocks(t *testing.T) []block {
	t.Helper()
	pages := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"docs/*.md", "docs/tasks/*.md"} {
		found, err := filepath.Glob("../../" + pattern)
		require.NoError(t, err)
		for _, path := range found {
			pages = append(pages, strings.TrimPrefix(path, "../../"))
		}
	}
	var all []block
	for _, page := range pages {
		text, err := os.ReadFile("../../" + page)
		require.NoError(t, err)
		all = append(all, blocksIn(t, page, string(text))...)
	}
	return all
}

var fence = regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```$")

// blocksIn are the shell blocks of a page in both notations: sh is a script, console has a $ before each command and what it prints.
// A block of a list stands as far to the right as its fence.
func blocksIn(t *testing.T, page, text string) []block {
	t.Helper()
	var all []block
	for _, found := range fence.FindAllStringSubmatch(text, -1) {
		indent, kind, content := found[1], found[2], found[3]
		switch kind {
		case "sh", "console":
			var script strings.Builder
			for line := range strings.Lines(content) {
				script.WriteString(strings.TrimPrefix(line, indent))
			}
			commands := commands(script.String(), kind == "console")
			require.NotEmpty(t, commands, "%s has a block without commands:\n%s", page, content)
			all = append(all, block{page, commands})
		default:
			assert.Containsf(t, []string{"", "yaml", "mermaid"}, kind, "%s: commands stand in blocks of sh or console", page)
		}
	}
	return all
}

// commands are those of a block, with the lines that go on after a backslash.
func commands(text string, console bool) []*command {
	var all []*command
	goesOn := false
	for line := range strings.Lines(text) {
		typed, begins := strings.CutPrefix(line, "$ ")
		switch {
		case goesOn || !console && len(all) > 0 && strings.HasPrefix(line, " "):
			all[len(all)-1].text += line
		case !console:
			all = append(all, &command{text: line})
		case begins && !strings.HasPrefix(typed, "#"):
			all = append(all, &command{text: typed})
		default:
			continue // what a command prints
		}
		goesOn = strings.HasSuffix(line, "\\\n")
	}
	return all
}

// notAccountedFor are the commands that no test ran and no list names, and what the lists name in vain.
func notAccountedFor(blocks []block) []string {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	used := map[string]int{}
	for _, b := range blocks {
		left := ranElsewhere[b.page] != ""
		used[b.page]++
		for begins := range notRun[b.page] {
			if b.commands[0].begins(begins) {
				used[b.page+": "+begins]++
				left = true
			}
		}
		for _, c := range b.commands {
			leave := left
			for begins := range notRunHere {
				if !left && c.begins(begins) {
					used[begins]++
					leave = true
				}
			}
			for _, begins := range behind {
				if c.begins(begins) {
					used[begins]++
				}
			}
			switch {
			case leave && c.ran:
				problem("it is run, although a list has a reason why not: %s: %s", b.page, c)
			case !leave && !c.ran:
				problem("no test runs it, and no list has the reason: %s: %s", b.page, c)
			}
		}
	}
	for page, begins := range notRun {
		for begins := range begins {
			if n := used[page+": "+begins]; n != 1 {
				problem("notRun names one block, and %d begin so: %s: %s", n, page, begins)
			}
		}
	}
	for page := range ranElsewhere {
		if used[page] == 0 {
			problem("ranElsewhere names a page without a block: %s", page)
		}
	}
	for _, begins := range append(slices.Collect(maps.Keys(notRunHere)), behind...) {
		if used[begins] == 0 {
			problem("notRunHere or behind names a command that no page has: %s", begins)
		}
	}
	slices.Sort(problems)
	return problems
}

// TestPagesAreAccountedFor: a command that nobody runs is found, and so is a list's entry that no page has any longer.
func TestPagesAreAccountedFor(t *testing.T) {
	all := func() []block {
		blocks := shellBlocks(t)
		for _, b := range blocks {
			if ranElsewhere[b.page] != "" || slices.ContainsFunc(slices.Collect(maps.Keys(notRun[b.page])), b.commands[0].begins) {
				continue
			}
			for _, c := range b.commands {
				c.ran = !slices.ContainsFunc(slices.Collect(maps.Keys(notRunHere)), c.begins)
			}
		}
		return blocks
	}
	require.Empty(t, notAccountedFor(all()))
	at := func(blocks []block, page string) int {
		return slices.IndexFunc(blocks, func(b block) bool { return b.page == page })
	}
	without := func(page string) []block {
		return slices.DeleteFunc(all(), func(b block) bool { return b.page == page })
	}
	one := all()
	noGo := one[at(one, "docs/tasks/no-go.md")]
	noGo.commands[1].ran = false
	assert.Equal(t, []string{
		"no test runs it, and no list has the reason: docs/tasks/no-go.md: kubectl engine status -n ai-engine production",
	}, notAccountedFor(one), "one command of a block of which another one is run")
	one = all()
	one[at(one, "docs/release.md")].commands[0].ran = true
	assert.Equal(t, []string{
		"it is run, although a list has a reason why not: docs/release.md: " +
			"make release VERSION=v1.2.3 IMAGE=registry.example/engine-operator",
	}, notAccountedFor(one))
	assert.Equal(t, []string{"notRun names one block, and 0 begin so: docs/release.md: make release"}, notAccountedFor(without("docs/release.md")))
	assert.Equal(t, []string{"ranElsewhere names a page without a block: docs/adopt.md"}, notAccountedFor(without("docs/adopt.md")))
	assert.Equal(t, []string{"notRunHere or behind names a command that no page has: kubectl -n engine-operator-system port-forward"},
		notAccountedFor(without("docs/monitoring.md")))
	assert.Equal(t, []string{"notRunHere or behind names a command that no page has: kubectl engine board"}, notAccountedFor(without("docs/board.md")))

	tests, err := os.ReadFile("docs_test.go")
	require.NoError(t, err)
	for page, test := range ranElsewhere {
		assert.Contains(t, string(tests), "func "+test+"(t *testing.T)")
		found := slices.DeleteFunc(shellBlocks(t), func(b block) bool { return b.page != page })
		assert.Lenf(t, blocks(t, strings.TrimPrefix(page, "docs/")), len(found), "%s has blocks that %s does not see", page, test)
	}
}

// TestBlocksIn reads commands as a person would.
func TestBlocksIn(t *testing.T) {
	const page = "1. In a list:\n\n   ```sh\n   one\n   two \\\n     --long\n\n   for x in a; do\n     three\n   done\n   ```\n\n" +
		"```console\n$ # where\n$ four \\\n    five\nprinted\n$ six\n```\n\n```yaml\nkind: X\n```\n"
	var read [][]string
	for _, b := range blocksIn(t, "page", page) {
		var texts []string
		for _, c := range b.commands {
			texts = append(texts, c.text)
		}
		read = append(read, texts)
	}
	assert.Equal(t, [][]string{
		{"one\n", "two \\\n  --long\n", "\n", "for x in a; do\n  three\n", "done\n"}, {"four \\\n    five\n", "six\n"},
	}, read)
}

// reader types the pages' commands in a copy of the project, with a cluster, and a local Railway that a page starts.
type reader struct {
	*stage
	// dir is the copy, home the reader's home.
	dir, home   string
	blocks      []block
	environment []string
	// replace are pairs: what a page has a reader put in, or an address that may be taken here, and what stands there instead.
	replace []string
	config  *rest.Config
	// kubectl is true where there is one.
	kubectl bool
	// endOperator ends the operator that README starts.
	endOperator func()
}

// TestPages types the commands of README and docs as they stand there, in the order of one story: a local Railway and the operator as
// README starts them, a first tier, four tiers, a promotion, a rollback, a rotated Secret, monitoring, and the end of it. Every command
// of every shell block is run by it, or by another test, or stands in a list with the reason. Where there is no kubectl, the commands
// that only kubectl knows are skipped, and logged.
func TestPages(t *testing.T) {
	controlplane.Need(t, kube)
	r := newReader(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"start", r.start},
		{"get started", r.getStarted},
		{"observe", r.observe},
		{"four tiers", r.fourTiers},
		{"look", r.look},
		{"promote", r.promote},
		{"go back", r.goBack},
		{"rotate", r.rotate},
		{"review", r.review},
		{"Argo CD", r.argoCD},
		{"monitor", r.monitor},
		{"uninstall", r.uninstall},
	} {
		if !t.Run(part.name, part.run) {
			t.FailNow() // the parts build on one another
		}
	}
	assert.Empty(t, notAccountedFor(r.blocks))
}

// rotatedKey has what JSON, YAML and a shell take for something else.
const rotatedKey = `sk-"rotated"\'$HOME'`

// startedProject is the project of docs/getting-started.md here: in README's one another object declares the same environment.
const startedProject = "7d0b1d5e-7a55-4b86-9a53-3d2c0c4b7a77"

func newReader(t *testing.T) *reader {
	t.Helper()
	cluster, err := controlplane.Start(t.Context(), controlplane.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, cluster.Stop()) })
	scheme, err := operator.Scheme()
	require.NoError(t, err)
	direct, err := client.New(cluster.Config, client.Options{Scheme: scheme})
	require.NoError(t, err)
	dir, home := t.TempDir(), t.TempDir()
	copyProject(t, dir)
	addProject(t, filepath.Join(dir, "hack", "railway-sim", "seed.yaml"))
	kubeconfig := filepath.Join(home, ".kube", "config")
	require.NoError(t, cluster.WriteKubeconfig(kubeconfig))
	railway, edge, metrics, health := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	r := &reader{
		stage: &stage{newShell(t), direct, "ai-engine"}, dir: dir, home: home, blocks: shellBlocks(t),
		config: cluster.Config,
	}
	edgeCA := filepath.Join(home, "edge-ca.pem")
	r.replace = []string{
		"<your registry>", "registry.example", "<token>", accountToken, "<key>", "sk-page", "~/", home + "/", "/tmp/token", home + "/token",
		"https://127.0.0.1:8443/metrics", "https://" + metrics + "/metrics", "127.0.0.1:8484", railway, "127.0.0.1:8443", edge,
		"/tmp/edge-ca.pem", edgeCA,
		// Faster than by default, and with a local Railway that listens where nothing else does.
		"--seed hack/railway-sim/seed.yaml", "--seed hack/railway-sim/seed.yaml --step 20ms --listen " + railway,
		"--probe-ca", "--settle 2s --log-grace 1s --rollout-interval 100ms --railway-rps 200 --railway-burst 200 --metrics-bind-address " +
			metrics + " --health-probe-bind-address " + health + " --probe-ca",
	}
	self, err := os.Executable()
	require.NoError(t, err)
	installed, _ := exec.LookPath(cmp.Or(os.Getenv("PAGES_KUBECTL"), "kubectl")) // PAGES_KUBECTL=none: as where there is none
	bin := filepath.Join(home, "bin")
	require.NoError(t, os.MkdirAll(bin, 0o750))
	script := fmt.Sprintf("#!/bin/sh\nexport %s=http://%s/graphql/v2 %s=%s %s=%s,%s\nexec %s \"$@\"\n",
		standIn, railway, realKubectl, installed, edgeOf, edge, edgeCA, self)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "kubectl"), []byte(script), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte("#!/bin/sh\n"), 0o700)) // opens no browser
	if r.kubectl = installed != ""; !r.kubectl {
		t.Log("there is no kubectl here: commands that only kubectl knows are skipped")
	}
	r.environment = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+home, "KUBECONFIG="+kubeconfig,
		"RAILWAY_API_TOKEN="+accountToken, "NEW_KEY="+rotatedKey, "GOFLAGS=-trimpath -buildvcs=false")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY"} { // they follow HOME
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		require.NoError(t, err)
		r.environment = append(r.environment, name+"="+strings.TrimSpace(string(value)))
	}
	return r
}

// copyProject copies the project without what was built, so that the pages' commands may build and write.
func copyProject(t *testing.T, to string) {
	t.Helper()
	root := os.DirFS("../..")
	require.NoError(t, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains([]string{".git", "bin", "dist", ".demo"}, path):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o750)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(filepath.Join("../..", path))
			if err != nil {
				return err
			}
			return os.Symlink(target, filepath.Join(to, path))
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), content, info.Mode().Perm())
	}))
	tools, err := filepath.Abs("../../bin/tools")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(tools, 0o750))
	require.NoError(t, os.Mkdir(filepath.Join(to, "bin"), 0o750))
	require.NoError(t, os.Symlink(tools, filepath.Join(to, "bin", "tools"))) // kustomize need not be built anew
}

// addProject adds a project for docs/getting-started.md to the seed.
func addProject(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	workspace := regexp.MustCompile(`workspaces:\n- id: (\S+)`).FindSubmatch(text)
	require.NotNil(t, workspace)
	project := "projects:\n- {id: " + startedProject + ", name: started, workspace: " + string(workspace[1]) +
		", environments: [{id: 7d0b1d5e-7a55-4b86-9a53-3d2c0c4b7a78, name: production, age: 1h}]}\n"
	require.Equal(t, 1, strings.Count(string(text), "projects:\n"))
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "projects:\n", project, 1)), 0o600))
}

// freeAddress is on loopback, and free for now.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := testbed.FreeAddress()
	require.NoError(t, err)
	return address
}

// block finds the block of the page that begins so.
func (r *reader) block(t *testing.T, page, begins string) block {
	t.Helper()
	for _, b := range r.blocks {
		if b.page == page && b.commands[0].begins(begins) {
			return b
		}
	}
	require.Failf(t, "no block", "%s has no block that begins with %s", page, begins)
	return block{}
}

// run types the commands of a block that end by themselves, and answers y whenever one asks. More pairs are replaced in them.
func (r *reader) run(t *testing.T, page, begins string, replace ...string) string {
	t.Helper()
	var script strings.Builder
	for _, c := range r.block(t, page, begins).commands {
		leave := slices.ContainsFunc(behind, c.begins)
		for prefix, reason := range notRunHere {
			if c.begins(prefix) {
				t.Logf("%s: not run: %s (%s)", page, c, reason)
				leave = true
			}
		}
		if !leave {
			script.WriteString(c.text)
			c.ran = true
		}
	}
	require.NotEmpty(t, script.String(), "%s: no command of the block that begins with %s is run", page, begins)
	return r.sh(t, strings.NewReplacer(append(replace, r.replace...)...).Replace(script.String()))
}

// sh runs a script as a reader would type it.
func (r *reader) sh(t *testing.T, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-ec", script)
	command.Dir, command.Env, command.Stdin, command.WaitDelay = r.dir, r.environment, yes{}, time.Second
	out, err := command.CombinedOutput()
	require.NoErrorf(t, err, "%s\n%s", script, out)
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, skipped) {
			t.Log(strings.TrimSpace(line))
		}
	}
	return string(out)
}

// yes is what a person types who agrees to everything.
type yes struct{}

func (yes) Read(p []byte) (int, error) { return copy(p, "y\n"), nil }

// goesOn starts the command of a block that goes on until it is ended, and waits until it has printed the words.
func (r *reader) goesOn(t *testing.T, page, begins, name, until string, replace ...string) (end func()) {
	t.Helper()
	b := r.block(t, page, begins)
	at := slices.IndexFunc(b.commands, func(c *command) bool { return c.begins(name) })
	require.NotEqual(t, -1, at, "%s: %s", page, name)
	require.True(t, slices.ContainsFunc(behind, b.commands[at].begins), name)
	b.commands[at].ran = true
	var out locked
	script := strings.NewReplacer(append(replace, r.replace...)...).Replace(b.commands[at].text)
	process := exec.Command("sh", "-ec", script) //nolint:noctx // it is ended by a signal, with what it started
	process.Dir, process.Env, process.Stdout, process.Stderr = r.dir, r.environment, &out, &out
	process.SysProcAttr, process.WaitDelay = &syscall.SysProcAttr{Setpgid: true}, time.Second
	require.NoError(t, process.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = process.Wait() }()
	end = sync.OnceFunc(func() {
		_ = syscall.Kill(-process.Process.Pid, syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL)
		}
	})
	r.t.Cleanup(end)
	require.Eventuallyf(t, func() bool { return strings.Contains(out.String(), until) }, time.Minute, 20*time.Millisecond,
		"%s did not print %s", script, until)
	return end
}

// until waits until the tier is as it should be.
func (r *reader) until(t *testing.T, name string, holds func(*v1alpha1.EngineEnvironment) bool) *v1alpha1.EngineEnvironment {
	t.Helper()
	object := &v1alpha1.EngineEnvironment{}
	if !assert.Eventually(t, func() bool {
		require.NoError(t, r.Get(t.Context(), key(r.namespace, name), object))
		return object.Status.ObservedGeneration == object.Generation && holds(object)
	}, time.Minute, 50*time.Millisecond) {
		t.Fatal(name + " does not come to be as it should:\n" + r.sh(t, "kubectl engine status -n "+r.namespace+" "+name))
	}
	return object
}

// runs reports whether a tier runs a revision and is GO.
func runs(revision string) func(*v1alpha1.EngineEnvironment) bool {
	return func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Verdict == v1alpha1.VerdictGo && o.Status.Engine != nil && o.Status.Engine.Revision == revision &&
			meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)
	}
}

// change updates a tier.
func (r *reader) change(t *testing.T, name string, change func(*v1alpha1.EngineEnvironmentSpec)) {
	t.Helper()
	require.NoError(t, retry.RetryOnConflict(retry.DefaultRetry, func() error {
		object := &v1alpha1.EngineEnvironment{}
		if err := r.Get(t.Context(), key(r.namespace, name), object); err != nil {
			return err
		}
		change(&object.Spec)
		return r.Update(t.Context(), object)
	}))
}

// start starts the local Railway and the operator, as README does.
func (r *reader) start(t *testing.T) {
	t.Helper()
	r.goesOn(t, "README.md", "go run ./hack/railway-sim", "go run", "Console on")
	r.run(t, "README.md", "go run ./hack/railway-sim")
	r.endOperator = r.goesOn(t, "README.md", "go run ./hack/railway-sim", "bin/engine-operator", "Starting workers")
	r.run(t, "docs/cli.md", "go build -o ~/bin/kubectl-engine")
}

// getStarted follows docs/getting-started.md, in a namespace and a project of its own.
func (r *reader) getStarted(t *testing.T) {
	t.Helper()
	const page, namespace = "docs/getting-started.md", "started"
	place := []string{"create namespace ai-engine", "create namespace " + namespace, "-n ai-engine", "-n " + namespace}
	text, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	shown := regexp.MustCompile("(?s)\n   ```yaml\n(.*?)   ```").FindSubmatch(text)
	require.NotNil(t, shown)
	manifest := strings.NewReplacer("\n   ", "\n", "namespace: ai-engine", "namespace: "+namespace, projectID, startedProject).
		Replace("\n" + string(shown[1]))
	require.Contains(t, manifest, startedProject)
	file := filepath.Join(r.dir, "dev.yaml")
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))

	started := *r
	started.stage = &stage{r.shell, r.Client, namespace}
	r.run(t, page, "kubectl create namespace", place...)
	r.run(t, page, "kubectl apply", place...)
	started.until(t, "dev", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil })
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(manifest, "writePolicy: Observe", "writePolicy: Apply", 1)), 0o600))
	r.sh(t, "kubectl apply -f dev.yaml")
	r.goesOn(t, page, "kubectl engine status -n ai-engine dev --watch", "kubectl engine status", "dev  Dev  GO", place...)()
	started.until(t, "dev", runs("1.4.2"))
}

// observe installs the operator's objects and declares README's tier: observed, approved, then applied.
func (r *reader) observe(t *testing.T) {
	t.Helper()
	r.run(t, "README.md", "export IMG=")
	r.sh(t, "cp dist/install.yaml install.yaml") // as a release has it
	r.run(t, "README.md", "kubectl apply --server-side -f install.yaml")
	r.run(t, "README.md", "kubectl create namespace")
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	manifest := regexp.MustCompile("(?s)```yaml\n(apiVersion.*?)```").FindSubmatch(readme)[1]
	file := filepath.Join(r.dir, "dev.yaml")
	policy := func(policy string) {
		text := strings.Replace(string(manifest), "writePolicy: Observe ", "writePolicy: "+policy+" ", 1)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	policy("Observe")
	r.run(t, "README.md", "kubectl apply -f dev.yaml")
	r.until(t, "dev", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil })
	policy("Approve")
	r.sh(t, "kubectl apply -f dev.yaml")
	waits := r.until(t, "dev", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil && o.Status.Plan.Hash != "" })
	out := r.run(t, "README.md", "kubectl engine plan -f dev.yaml", "dev.yaml ", "dev.yaml || test $? = 2 ", "3f1c8a745d3e", waits.Status.Plan.Hash)
	assert.Contains(t, out, "ai-engine/dev → environment dev")
	r.until(t, "dev", runs("1.4.2"))
	policy("Apply")
	r.sh(t, "kubectl apply -f dev.yaml")
	r.until(t, "dev", runs("1.4.2"))
	if out := strings.Fields(r.run(t, "README.md", "kubectl -n ai-engine get eenv")); r.kubectl {
		printed := strings.Fields("NAME TIER READY REASON VERDICT CHECKS REVISION PROMOTION COST AGE dev Dev True Succeeded GO 5/5 1.4.2")
		require.Greater(t, len(out), len(printed))
		assert.Equal(t, printed, out[:len(printed)], "as README prints it")
	}
}

// fourTiers brings up the samples.
func (r *reader) fourTiers(t *testing.T) {
	t.Helper()
	r.sh(t, "kubectl apply --server-side -k config/samples") // stands in README's text
	for _, name := range []string{"dev", "preview", "production"} {
		r.until(t, name, runs("1.4.2"))
	}
}

// look asks what there is to know.
func (r *reader) look(t *testing.T) {
	t.Helper()
	assert.Contains(t, r.run(t, "docs/cli.md", "go build"), "production")
	assert.Contains(t, r.run(t, "docs/tasks/no-go.md", "kubectl engine status"), "production  Production  GO")
	out := r.run(t, "docs/tasks/no-go.md", "kubectl engine verify")
	for _, want := range []string{"tenant-required", "production is GO", "RATE_LIMIT_RPM"} {
		assert.Contains(t, out, want)
	}
	for _, command := range []string{"kubectl engine board                      #", "kubectl engine board --all-namespaces"} {
		r.goesOn(t, "docs/board.md", "kubectl engine board", command, "http://127.0.0.1:")()
	}
	var completion strings.Builder
	for _, c := range r.block(t, "docs/cli.md", "#!/bin/sh").commands {
		completion.WriteString(c.text)
		c.ran = true
	}
	require.NoError(t, os.WriteFile(filepath.Join(r.home, "bin", "kubectl_complete-engine"), []byte(completion.String()), 0o700))
	assert.Contains(t, r.sh(t, "kubectl_complete-engine status -n ai-engine ''"), "production\tProduction, GO\n")
}

// deploy gives the first tier a version, and waits until it waits for a person before production.
func (r *reader) deploy(t *testing.T, version string) (candidate string) {
	t.Helper()
	r.change(t, "dev", func(spec *v1alpha1.EngineEnvironmentSpec) {
		spec.Engine.Source.Image = "ghcr.io/acme/ai-engine:" + version
	})
	return r.until(t, "production", func(o *v1alpha1.EngineEnvironment) bool {
		return o.Status.Promotion != nil && o.Status.Promotion.State == v1alpha1.PromotionAwaitingApproval && o.Status.Promotion.CandidateRevision == version
	}).Status.Promotion.Candidate
}

// promote takes four versions through the chain, each with another command that approves.
func (r *reader) promote(t *testing.T) {
	t.Helper()
	r.change(t, "preview", func(spec *v1alpha1.EngineEnvironmentSpec) {
		spec.Engine.Source, spec.Promotion = nil, &v1alpha1.Promotion{From: "dev"}
	})
	r.change(t, "production", func(spec *v1alpha1.EngineEnvironmentSpec) {
		spec.Engine.Source, spec.Services[0].Source = nil, nil
		spec.Promotion = &v1alpha1.Promotion{From: "preview", Approval: v1alpha1.ApprovalManual}
	})
	const page = "docs/tasks/promote.md"
	end := r.goesOn(t, page, "kubectl engine status -n ai-engine --watch", "kubectl engine status", "production")
	const placeholder = "ghcr.io/acme/ai-engine@sha256:4f53…c8d1"
	for i, approve := range []func(candidate string){
		func(candidate string) { r.run(t, "README.md", "kubectl annotate eenv", placeholder, candidate) },
		func(string) { r.run(t, "docs/guide.md", "kubectl engine approve") },
		func(candidate string) {
			r.run(t, "docs/guide.md", "kubectl annotate eenv -n ai-engine production", placeholder, candidate)
		},
		func(string) { r.run(t, page, "kubectl engine approve") },
	} {
		version := []string{"1.5.0", "1.5.1", "1.5.2", "1.6.0"}[i]
		approve(r.deploy(t, version))
		r.until(t, "production", runs(version))
	}
	r.run(t, page, "kubectl engine hold")
	end()
}

func (r *reader) goBack(t *testing.T) {
	t.Helper()
	const page = "docs/tasks/rollback.md"
	r.run(t, page, "kubectl engine history")
	held := func(not string) func(o *v1alpha1.EngineEnvironment) bool {
		return func(o *v1alpha1.EngineEnvironment) bool {
			return o.Status.Rollback != nil && o.Status.Engine.Revision != not && o.Status.Engine.Revision == o.Status.Rollback.To
		}
	}
	r.until(t, "production", held("1.6.0"))
	r.run(t, page, "kubectl engine rollback -n ai-engine production --to 1.5.0")
	r.until(t, "production", func(o *v1alpha1.EngineEnvironment) bool {
		return held("1.6.0")(o) && o.Status.Engine.Revision == "1.5.0"
	})
	r.run(t, page, "kubectl engine resume")
	r.until(t, "production", runs("1.6.0"))
}

func (r *reader) rotate(t *testing.T) {
	t.Helper()
	before := r.read("production").Status.LastCommit
	require.NotNil(t, before)
	secret := &corev1.Secret{}
	require.NoError(t, r.Get(t.Context(), key(r.namespace, "openai"), secret))
	secret.Data["other"] = []byte("stays")
	require.NoError(t, r.Update(t.Context(), secret))
	out := r.run(t, "docs/tasks/rotate.md", "kubectl -n ai-engine create secret")
	assert.NotContains(t, strings.ToLower(out), "warning")
	require.NoError(t, r.Get(t.Context(), key(r.namespace, "openai"), secret))
	assert.Equal(t, map[string][]byte{"api-key": []byte(rotatedKey), "other": []byte("stays")}, secret.Data)
	r.until(t, "production", func(o *v1alpha1.EngineEnvironment) bool {
		return !reflect.DeepEqual(o.Status.LastCommit, before) && runs("1.6.0")(o)
	})
}

// review approves two plans of dev, by command and by annotation.
func (r *reader) review(t *testing.T) {
	t.Helper()
	const page = "docs/tasks/review.md"
	sample, err := os.ReadFile("../../config/samples/dev.yaml")
	require.NoError(t, err)
	engines := filepath.Join(r.dir, "engines", "ai-engine")
	require.NoError(t, os.MkdirAll(engines, 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(engines, "dev.yaml"), sample, 0o600))
	r.run(t, page, "kubectl engine plan")
	table, err := os.ReadFile(filepath.Join(r.dir, "plan.md"))
	require.NoError(t, err)
	assert.Contains(t, string(table), "ghcr.io/acme/ai-engine:1.4.2", "the file has another version than what runs")
	plans := func(value string) string {
		r.change(t, "dev", func(spec *v1alpha1.EngineEnvironmentSpec) {
			spec.WritePolicy, spec.Engine.Variables[1].Value = v1alpha1.WritePolicyApprove, &value
		})
		return r.until(t, "dev", func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan != nil && !o.Status.Plan.Approved }).Status.Plan.Hash
	}
	written := func(o *v1alpha1.EngineEnvironment) bool { return o.Status.Plan == nil && runs("1.6.0")(o) }
	plans("dev2")
	assert.Contains(t, r.run(t, page, "kubectl engine status"), `"dev" → "dev2"`)
	r.until(t, "dev", written)
	r.run(t, "docs/guide.md", "kubectl annotate eenv -n ai-engine dev", "3f1c8a745d3e", plans("dev3"))
	r.until(t, "dev", written)
}

// argoCD lets Argo CD's service account approve.
func (r *reader) argoCD(t *testing.T) {
	t.Helper()
	may := func() bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:argocd:argocd-server", ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: r.namespace, Verb: "approve", Group: v1alpha1.GroupVersion.Group, Resource: "engineenvironments", Name: "production",
			},
		}}
		require.NoError(t, r.Create(t.Context(), review))
		return review.Status.Allowed
	}
	assert.False(t, may(), "before")
	r.run(t, "docs/gitops.md", "kubectl -n ai-engine create rolebinding")
	if r.kubectl {
		assert.Eventually(t, may, 20*time.Second, 100*time.Millisecond, "after")
	}
}

func (r *reader) monitor(t *testing.T) {
	t.Helper()
	const page = "docs/monitoring.md"
	require.NoError(t, r.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitoring"}}))
	require.NoError(t, r.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "prometheus-k8s"}}))
	_, err := envtest.InstallCRDs(r.config, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{
		anything("ServiceMonitor"), anything("PrometheusRule"),
	}})
	require.NoError(t, err)
	r.run(t, page, "kubectl create clusterrolebinding")
	r.run(t, page, "kubectl label namespace monitoring")
	r.run(t, page, "kubectl apply --server-side -k config/prometheus")
	r.run(t, page, "kubectl apply --server-side -k config/grafana")
	if _, err := exec.LookPath("curl"); err != nil || !r.kubectl {
		t.Log("not run without kubectl and curl: kubectl create token …")
		for _, c := range r.block(t, page, "kubectl create token").commands {
			c.ran = !slices.ContainsFunc(slices.Collect(maps.Keys(notRunHere)), c.begins)
		}
		return
	}
	out := r.run(t, page, "kubectl create token")
	assert.Contains(t, out, "engine_operator_environment_verdict{", "the ServiceAccount may read the metrics")
}

// anything is a kind of the Prometheus Operator, of any shape.
func anything(kind string) *apiextensionsv1.CustomResourceDefinition {
	plural := strings.ToLower(kind) + "s"
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + ".monitoring.coreos.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "monitoring.coreos.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Plural: plural, Singular: strings.ToLower(kind), ListKind: kind + "List"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{
					OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)},
				},
			}},
		},
	}
}

// uninstall ends with what the page has: objects first, while the operator runs, then the rest.
func (r *reader) uninstall(t *testing.T) {
	t.Helper()
	const page = "docs/tasks/uninstall.md"
	r.run(t, "docs/install.md", "kubectl annotate crd")
	r.run(t, "docs/install.md", "kubectl label namespace")
	r.sh(t, "cp dist/install.yaml install.yaml && kubectl apply --server-side -f install.yaml")
	out := r.run(t, page, "kubectl get engineenvironments")
	if r.kubectl {
		assert.Regexp(t, `(?m)^ai-engine +preview +Preview +<none>$`, out, "a tier without a policy of its own, as on the page")
		assert.Regexp(t, `(?m)^ai-engine +production +Production +Retain$`, out)
	}
	r.run(t, page, "kubectl delete engineenvironments")
	if r.kubectl {
		left := &v1alpha1.EngineEnvironmentList{}
		require.NoError(t, r.List(t.Context(), left))
		assert.Empty(t, left.Items, "the page deletes all tiers, and waits")
		r.deleteWithoutOperator(t)
	} else {
		r.endOperator()
	}
	r.run(t, page, "kubectl -n ai-engine patch eenv dev")
	if r.kubectl {
		assert.Eventually(t, func() bool {
			return apierrors.IsNotFound(r.Get(t.Context(), key(r.namespace, "dev"), &v1alpha1.EngineEnvironment{}))
		}, 20*time.Second, 100*time.Millisecond, "the tier is gone")
	}
	// No controller ends a namespace here.
	r.run(t, page, "kubectl delete -f install.yaml", "delete -f install.yaml", "delete --wait=false -f install.yaml")
	if r.kubectl {
		assert.Eventually(t, func() bool {
			err := r.List(t.Context(), &v1alpha1.EngineEnvironmentList{})
			return meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
		}, 20*time.Second, 100*time.Millisecond, "the CRD is gone")
	}
}

// deleteWithoutOperator leaves a tier that does not go away: it is deleted when no operator runs any longer.
func (r *reader) deleteWithoutOperator(t *testing.T) {
	t.Helper()
	r.sh(t, "kubectl apply -f dev.yaml")
	r.until(t, "dev", func(o *v1alpha1.EngineEnvironment) bool { return len(o.Finalizers) > 0 })
	r.endOperator()
	r.sh(t, "kubectl -n ai-engine delete eenv dev --wait=false")
	assert.NotNil(t, r.read("dev").DeletionTimestamp, "its finalizer keeps it")
}
