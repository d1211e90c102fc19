// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"net"
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
	"docs/tasks/uninstall.md": {"helm uninstall": "takes Helm; the same is deleted with kubectl"},
	"docs/release.md":         {"make release": "takes minutes; hack/release makes a release in its test"},
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
	"go run ./hack/railway-sim", "bin/engine-operator --railway-endpoint", "kubectl engine board", "kubectl engine status -n ai-engine --watch",
	"kubectl engine status -n ai-engine dev --watch",
}

// block is a shell block of a page.
type block struct {
	page     string
	commands []string
}

func (b block) String() string { return b.page + ": " + b.commands[0] }

// shellBlocks are those of every page, in both notations: sh is a script, console has a $ before each command and what it prints.
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
		for _, found := range regexp.MustCompile("(?ms)^( *)```([a-z]*)\n(.*?)^ *```$").FindAllStringSubmatch(string(text), -1) {
			switch kind := found[2]; kind {
			case "sh", "console":
				script := strings.ReplaceAll("\n"+found[3], "\n"+found[1], "\n")[1:] // a block of a list is indented
				all = append(all, block{page, commands(script, kind == "console")})
			default:
				assert.Containsf(t, []string{"", "yaml", "mermaid"}, kind, "%s: commands stand in blocks of sh or console", page)
			}
		}
	}
	return all
}

// commands are those of a block, with the lines that go on after a backslash.
func commands(text string, console bool) []string {
	var all []string
	goesOn := false
	for line := range strings.Lines(text) {
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case goesOn || !console && len(all) > 0 && strings.HasPrefix(line, " "):
			all[len(all)-1] += line
		case !console:
			all = append(all, line)
		case begins && !strings.HasPrefix(command, "#"):
			all = append(all, command)
		default:
			continue // what a command prints
		}
		goesOn = strings.HasSuffix(line, "\\\n")
	}
	return all
}

// reader types the pages' commands in a copy of the project, with a cluster, and a local Railway that a page starts.
type reader struct {
	*stage
	// dir is the copy, home the reader's home.
	dir, home string
	blocks    []block
	// ran are the commands that were run, by page, and the entries of notRunHere that were met.
	ran         map[string]bool
	environment []string
	// replace are pairs: what a page has a reader put in, or an address that may be taken here, and what stands there instead.
	replace []string
	config  *rest.Config
	// kubectl is true where there is one.
	kubectl bool
}

// TestPages types the commands of README and docs as they stand there, in the order of one story: a local Railway and the operator as
// README starts them, four tiers, a promotion, a rollback, a rotated Secret, monitoring, and the end of it. Every shell block of every
// page is run by it, or by another test, or stands in notRun with the reason.
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
		{"monitor", r.monitor},
		{"uninstall", r.uninstall},
	} {
		if !t.Run(part.name, part.run) {
			t.FailNow() // the parts build on one another
		}
	}
	excused := map[string]bool{}
	for _, b := range r.blocks {
		reason := ranElsewhere[b.page]
		for begins, why := range notRun[b.page] {
			if strings.HasPrefix(b.commands[0], begins) {
				reason, excused[b.page+begins] = why, true
			}
		}
		for _, command := range b.commands {
			assert.Truef(t, reason != "" || r.ran[b.page+command], "no test runs this, and notRun has no reason for it: %s: %s", b.page, command)
		}
	}
	for page, blocks := range notRun {
		for begins := range blocks {
			assert.Truef(t, excused[page+begins], "%s has no block any more that begins with %s", page, begins)
		}
	}
	for begins := range notRunHere {
		assert.Truef(t, r.ran[begins], "no page has the command any more: %s", begins)
	}
}

// mark notes that the commands of a block are run, or need not be.
func (r *reader) mark(b block, commands ...string) {
	for _, command := range commands {
		r.ran[b.page+command] = true
	}
}

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
	kubeconfig := filepath.Join(home, ".kube", "config")
	require.NoError(t, cluster.WriteKubeconfig(kubeconfig))
	railway, edge, metrics, health := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	r := &reader{
		stage: &stage{newShell(t), direct, "ai-engine"}, dir: dir, home: home, blocks: shellBlocks(t), ran: map[string]bool{},
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
		"RAILWAY_API_TOKEN="+accountToken, "NEW_KEY=sk-rotated", "GOFLAGS=-trimpath -buildvcs=false")
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

// freeAddress is on loopback, and free for now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// block finds the block of the page that begins so.
func (r *reader) block(t *testing.T, page, begins string) block {
	t.Helper()
	for _, b := range r.blocks {
		if b.page == page && strings.HasPrefix(b.commands[0], begins) {
			return b
		}
	}
	require.Failf(t, "no block", "%s has no block that begins with %s", page, begins)
	return block{}
}

func beginsWithAny(command string, beginnings []string) bool {
	return slices.ContainsFunc(beginnings, func(begins string) bool { return strings.HasPrefix(command, begins) })
}

// run types the commands of a block that end by themselves, and answers y whenever one asks. More pairs are replaced in them.
func (r *reader) run(t *testing.T, page, begins string, replace ...string) string {
	t.Helper()
	b := r.block(t, page, begins)
	var script strings.Builder
	for _, command := range b.commands {
		if beginsWithAny(command, behind) {
			continue // goesOn runs it
		}
		r.mark(b, command)
		leave := false
		for prefix, reason := range notRunHere {
			if strings.HasPrefix(command, prefix) {
				t.Logf("%s: not run: %s (%s)", page, strings.TrimSpace(command), reason)
				leave, r.ran[prefix] = true, true
			}
		}
		if !leave {
			script.WriteString(command)
		}
	}
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
func (r *reader) goesOn(t *testing.T, page, begins, command, until string) (end func()) {
	t.Helper()
	b := r.block(t, page, begins)
	at := slices.IndexFunc(b.commands, func(c string) bool { return strings.HasPrefix(c, command) })
	require.NotEqual(t, -1, at, "%s: %s", page, command)
	require.True(t, beginsWithAny(b.commands[at], behind), command)
	r.mark(b, b.commands[at])
	var out locked
	script := strings.NewReplacer(r.replace...).Replace(b.commands[at])
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
		t.Fatal(name + " does not come to be as it should:\n" + r.sh(t, "kubectl engine status -n ai-engine "+name))
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
	r.goesOn(t, "README.md", "go run ./hack/railway-sim", "bin/engine-operator", "Starting workers")
	r.run(t, "docs/cli.md", "go build -o ~/bin/kubectl-engine")
}

// getStarted declares the tier of the page, in a namespace that no other page uses.
func (r *reader) getStarted(t *testing.T) {
	t.Helper()
	const page, namespace = "docs/getting-started.md", "started"
	r.run(t, page, "kubectl create namespace", "ai-engine", namespace)
	text, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	manifest := regexp.MustCompile("(?s)```yaml\n( *apiVersion.*?)```").FindSubmatch(text)[1]
	file := filepath.Join(r.dir, "dev.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(manifest), "namespace: ai-engine", "namespace: "+namespace, 1)), 0o600))
	r.run(t, page, "kubectl apply -f dev.yaml", "ai-engine", namespace)
	object := &v1alpha1.EngineEnvironment{}
	require.Eventually(t, func() bool {
		require.NoError(t, r.Get(t.Context(), key(namespace, "dev"), object))
		return object.Status.Plan != nil
	}, time.Minute, 50*time.Millisecond, "the status lists what would be written")
	require.NoError(t, r.Delete(t.Context(), object))
	require.Eventually(t, func() bool {
		return apierrors.IsNotFound(r.Get(t.Context(), key(namespace, "dev"), object))
	}, time.Minute, 50*time.Millisecond, "another page declares the same environment")
}

// observe installs the operator's objects and declares README's tier: observed, approved, then applied.
func (r *reader) observe(t *testing.T) {
	t.Helper()
	r.run(t, "README.md", "export IMG=")
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
		printed := strings.Fields("NAME TIER READY REASON VERDICT CHECKS REVISION PROMOTION COST AGE dev Dev True Succeeded GO 3/3 1.4.2")
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
	r.goesOn(t, "docs/getting-started.md", "kubectl engine status -n ai-engine dev --watch", "kubectl engine status", "dev")()
	completion := r.block(t, "docs/cli.md", "#!/bin/sh")
	r.mark(completion, completion.commands...)
	require.NoError(t, os.WriteFile(filepath.Join(r.home, "bin", "kubectl_complete-engine"), []byte(strings.Join(completion.commands, "")), 0o700))
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
	r.run(t, "docs/tasks/rotate.md", "kubectl -n ai-engine create secret")
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

func (r *reader) monitor(t *testing.T) {
	t.Helper()
	const page = "docs/monitoring.md"
	require.NoError(t, r.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitoring"}}))
	require.NoError(t, r.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "prometheus-k8s"}}))
	_, err := envtest.InstallCRDs(r.config, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{
		anything("ServiceMonitor"), anything("PrometheusRule"),
	}})
	require.NoError(t, err)
	r.run(t, "docs/gitops.md", "kubectl -n ai-engine create rolebinding")
	r.run(t, page, "kubectl create clusterrolebinding")
	r.run(t, page, "kubectl label namespace monitoring")
	r.run(t, page, "kubectl apply --server-side -k config/prometheus")
	r.run(t, page, "kubectl apply --server-side -k config/grafana")
	if _, err := exec.LookPath("curl"); err != nil || !r.kubectl {
		t.Log("not run without kubectl and curl: kubectl create token …")
		skip := r.block(t, page, "kubectl create token")
		r.mark(skip, skip.commands...)
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

// uninstall ends with what the page says: objects first, while the operator runs, then the rest.
func (r *reader) uninstall(t *testing.T) {
	t.Helper()
	const page = "docs/tasks/uninstall.md"
	r.run(t, "docs/install.md", "kubectl annotate crd")
	r.run(t, "docs/install.md", "kubectl label namespace")
	r.run(t, page, "kubectl get engineenvironments")
	r.run(t, page, "kubectl -n ai-engine patch eenv dev") // the operator runs, and puts it back
	r.sh(t, "cp dist/install.yaml install.yaml && kubectl apply --server-side -f install.yaml")
	// No controller ends a namespace here.
	r.run(t, page, "kubectl delete engineenvironments")
	r.run(t, page, "kubectl delete -f install.yaml", "delete -f install.yaml", "delete --wait=false -f install.yaml")
	if r.kubectl {
		assert.Eventually(t, func() bool {
			return meta.IsNoMatchError(r.List(t.Context(), &v1alpha1.EngineEnvironmentList{})) || apierrors.IsNotFound(r.List(t.Context(), &v1alpha1.EngineEnvironmentList{}))
		}, 20*time.Second, 100*time.Millisecond, "the CRD is gone")
	}
}
