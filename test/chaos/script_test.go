// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// step is one action of a walk. A script of steps is what a seed stands for; each step says all that it needs, so that a script from
// which steps were taken is a script.
type step struct {
	Do string `json:"do"`
	// Object is the EngineEnvironment that it acts on, or whose Railway environment.
	Object string `json:"object,omitempty"`
	// Spec is what is applied.
	Spec tree `json:"spec,omitempty"`
	// Service, Name and Value say what is edited.
	Service string `json:"service,omitempty"`
	Name    string `json:"name,omitempty"`
	Value   string `json:"value,omitempty"`
	// Config is an edit of a service's settings on the dashboard.
	Config tree `json:"config,omitempty"`
	// Fault is what Railway does.
	Fault *railwaysim.Fault `json:"fault,omitempty"`
	// Kind is the disturbance of the API server, N how many requests meet it or milliseconds it lasts, Replica whose.
	Kind    string `json:"kind,omitempty"`
	N       int    `json:"n,omitempty"`
	Replica int    `json:"replica,omitempty"`
	// Pause is how long the walk waits after the step, in milliseconds.
	Pause int `json:"pause,omitempty"`
}

// Kinds of step.
const (
	doApply         = "apply"
	doDelete        = "delete"
	doSecret        = "secret"
	doConfigMap     = "configmap"
	doPoke          = "poke"
	doVariable      = "edit-variable"
	doUnowned       = "add-variable"
	doSettings      = "edit-settings"
	doSeal          = "seal-variable"
	doDeleteService = "delete-service"
	doDeleteEnv     = "delete-environment"
	doDomain        = "add-domain"
	doCrash         = "crash"
	doStage         = "stage"
	doPush          = "push-image"
	doFault         = "railway-fault"
	doAPI           = "api-server"
	doKill          = "kill"
	doRestart       = "restart"
)

// script is a walk. Seed and Replicas are for people and for the replicas; Steps are what happens.
type script struct {
	Seed     uint64 `json:"seed"`
	Replicas int    `json:"replicas"`
	// Poke says that a pass is forced once at the end, so that the walk need not wait for a poll.
	Poke  bool   `json:"poke"`
	Steps []step `json:"-"`
}

// write prints the script: a line for the head and one for each step.
func (s script) write(w io.Writer) error {
	lines := []any{s}
	for _, step := range s.Steps {
		lines = append(lines, step)
	}
	for _, line := range lines {
		raw, err := json.Marshal(line)
		if err != nil {
			return fmt.Errorf("write script: %w", err)
		}
		if _, err := fmt.Fprintf(w, "%s\n", raw); err != nil {
			return fmt.Errorf("write script: %w", err)
		}
	}
	return nil
}

// has reports whether Railway misbehaves so.
func (s script) has(is func(*railwaysim.Fault) bool) bool {
	return slices.ContainsFunc(s.Steps, func(s step) bool { return s.Fault != nil && is(s.Fault) })
}

func isApplyError(f *railwaysim.Fault) bool { return f.Kind == railwaysim.FaultApplyError }

// does reports whether the script has a step of that kind.
func (s script) does(kind string) bool {
	return slices.ContainsFunc(s.Steps, func(s step) bool { return s.Do == kind })
}

func (s script) String() string {
	var text strings.Builder
	_ = s.write(&text) // a builder takes everything
	return text.String()
}

// readScript reads what write wrote. Text before the first brace of a line is skipped, so that a test's log can be used.
func readScript(r io.Reader) (script, error) {
	var s script
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	head := false
	for lines.Scan() {
		at := strings.IndexByte(lines.Text(), '{')
		if at < 0 {
			continue
		}
		raw := []byte(lines.Text()[at:])
		if !head {
			if err := json.Unmarshal(raw, &s); err != nil {
				return s, fmt.Errorf("read script: %w", err)
			}
			head = true
			continue
		}
		var next step
		if err := json.Unmarshal(raw, &next); err != nil {
			return s, fmt.Errorf("read script, step %d: %w", len(s.Steps)+1, err)
		}
		s.Steps = append(s.Steps, next)
	}
	return s, lines.Err()
}

// author writes scripts.
type author struct {
	rng       *rand.Rand
	generator *generator
	specs     map[string]tree
	edits     map[string]int
	serial    int
	steps     []step
}

// writeScript makes the script of a seed.
func writeScript(seed uint64, length int, schema tree) script {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	a := &author{
		rng: rng, specs: map[string]tree{}, edits: map[string]int{},
		generator: &generator{rng: rng, schema: schema, often: 0.35, walked: map[string]bool{}},
	}
	for _, o := range objects {
		if o.name == "dev" || rng.IntN(3) > 0 {
			a.apply(o)
		}
	}
	for len(a.steps) < length {
		a.next()
	}
	return script{Seed: seed, Replicas: 1 + rng.IntN(2), Poke: true, Steps: a.steps}
}

// next adds a step. The weights make most steps changes that the operator must follow, and let faults meet them.
func (a *author) next() {
	kinds := []struct {
		weight int
		add    func()
	}{
		{30, func() { a.apply(objects[a.rng.IntN(len(objects))]) }},
		{10, a.source},
		{3, func() { a.add(step{Do: doPoke, Object: a.applied()}) }},
		{18, a.human},
		{24, func() { a.add(step{Do: doFault, Fault: a.fault()}) }},
		{12, a.disturb},
		{5, func() { a.add(step{Do: doKill, Replica: a.rng.IntN(2)}) }},
		{3, func() { a.add(step{Do: doRestart, Replica: a.rng.IntN(2)}) }},
		{2, a.remove},
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	at := a.rng.IntN(total)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			k.add()
			return
		}
	}
}

func (a *author) add(s step) {
	s.Pause = []int{0, 10, 50, 200, 400, 800}[a.rng.IntN(6)]
	a.steps = append(a.steps, s)
}

func (a *author) unique() string {
	a.serial++
	return fmt.Sprintf("v%d", a.serial)
}

// apply applies a new spec to an object that has none, else a changed one.
func (a *author) apply(o object) {
	spec := a.specs[o.name]
	if spec == nil {
		spec = a.generator.spec(o)
	} else {
		spec = a.generator.change(o, spec)
	}
	a.specs[o.name] = spec
	a.add(step{Do: doApply, Object: o.name, Spec: spec})
}

// source rotates a Secret or changes a ConfigMap.
func (a *author) source() {
	key := []string{"KEY_A", "KEY_B"}[a.rng.IntN(2)]
	switch a.rng.IntN(4) {
	case 0:
		a.add(step{Do: doConfigMap, Object: "values", Name: key, Value: a.unique()})
	case 1:
		a.add(step{Do: doSecret, Object: "registry", Name: "password", Value: a.unique()})
	default:
		a.add(step{Do: doSecret, Object: "values", Name: key, Value: a.unique()})
	}
}

// applied is an object that has a spec and a Railway environment.
func (a *author) applied() string {
	names := slices.DeleteFunc(sortedKeys(a.specs), func(name string) bool { return objectNamed(name).environment == "" })
	return names[a.rng.IntN(len(names))]
}

// human is what a person does on the dashboard. Nothing is edited more than twice: a third repair would be contested.
func (a *author) human() {
	name := a.applied()
	spec := a.specs[name]
	services := []string{"engine"}
	for _, raw := range list(spec["services"]) {
		if companion, ok := raw.(tree); ok {
			services = append(services, text(companion["name"]))
		}
	}
	service := services[a.rng.IntN(len(services))]
	s := step{Object: name, Service: service}
	switch a.rng.IntN(11) {
	case 0, 1:
		s.Do, s.Name, s.Value = doVariable, []string{"A", "B", "C", "LOG_LEVEL", "DEBUG"}[a.rng.IntN(5)], a.unique()
	case 2:
		s.Do, s.Name, s.Value = doVariable, "S", a.unique()
		s.Service = ""
	case 3:
		s.Do, s.Name, s.Value = doUnowned, "SOMEBODY_"+strings.ToUpper(a.unique()), a.unique()
	case 4:
		s.Do, s.Config = doSettings, []tree{
			{"deploy": tree{"startCommand": a.unique()}}, {"deploy": tree{"restartPolicyMaxRetries": 3.0}},
			{"deploy": tree{"drainingSeconds": 7.0}}, {"deploy": tree{"healthcheckPath": "/metrics"}},
			{"deploy": tree{"multiRegionConfig": tree{"us-west2": tree{"numReplicas": 4.0}}}}, {"source": tree{"image": "ghcr.io/acme/ai-engine:9.9.9"}},
		}[a.rng.IntN(6)]
	case 5:
		s.Do, s.Name = doSeal, []string{"A", "B", "LOG_LEVEL"}[a.rng.IntN(3)]
	case 6:
		s.Do = doDeleteService
	case 7:
		s.Do, s.Name = doDomain, a.unique()+".example.com"
	case 8:
		s.Do = doCrash
	case 9:
		s.Do, s.Config = doStage, tree{"deploy": tree{"startCommand": a.unique()}}
	case 10:
		s.Do, s.Name, s.Value = doPush, "ghcr.io/acme/ai-engine:1.4.1", a.unique()
		if a.rng.IntN(3) == 0 {
			s = step{Do: doDeleteEnv, Object: name}
		}
	}
	key := asJSON([]any{s.Do, s.Object, s.Service, s.Name, sortedKeys(s.Config)})
	if a.edits[key]++; a.edits[key] <= 2 {
		a.add(s)
	}
}

// operations are all that the client sends: two faults of three hit one of the first row, which every walk sends, or whatever comes
// next. The last row is sent for other tokens, for environments of many pages, and after a refusal.
var operations = [][]string{
	{"", "", "ReadEnvironment", "ReadProject", "CreateEnvironment", "CreateService", "CreateRailwayDomain", "CommitPatch", "CommitPatch", "DeployService"},
	{"ReadEnvironments", "ReadLogs", "ReadManyLogs", "ReadUsage", "ReadFailure", "DeleteTrigger", "DeleteEnvironment"},
	{
		"ReadApiToken", "ReadTokenScope", "ReadWorkspaceLimit", "ReadProjectEnvironments", "ReadProjectServices", "ReadServiceInstances", "ReadVariables",
		"ReadTriggers",
	},
}

// operation is what a fault hits.
func (a *author) operation() string {
	row := operations[[]int{0, 0, 0, 0, 1, 2}[a.rng.IntN(6)]]
	return row[a.rng.IntN(len(row))]
}

// fault is a misbehaviour of Railway.
func (a *author) fault() *railwaysim.Fault {
	kinds := []string{
		railwaysim.Fault429, railwaysim.Fault500, railwaysim.FaultHTML, railwaysim.FaultEdge, railwaysim.FaultTimeoutBefore,
		railwaysim.FaultTimeoutAfter, railwaysim.FaultResetAfter, railwaysim.FaultTruncated, railwaysim.FaultError, railwaysim.FaultPartial,
		railwaysim.FaultUnauthorized, railwaysim.FaultNotAuthorized, railwaysim.FaultNotFound, railwaysim.FaultErrorAfter, railwaysim.FaultSlow, railwaysim.FaultApplyError,
		railwaysim.FaultStale, railwaysim.FaultUnknownEnum, railwaysim.FaultUnknownField,
	}
	f := &railwaysim.Fault{
		Operation: a.operation(), Kind: kinds[a.rng.IntN(len(kinds))], Ordinal: 1 + a.rng.IntN(3), Count: 1 + a.rng.IntN(2),
	}
	switch f.Kind {
	case railwaysim.Fault429:
		f.RetryAfter = []int{1, 3, 30, 600}[a.rng.IntN(4)] // in seconds; see endPauses
	case railwaysim.FaultUnauthorized, railwaysim.FaultNotAuthorized, railwaysim.FaultNotFound:
		f.Count = 1 // more than once it is no blip
	case railwaysim.FaultApplyError:
		f.Operation = "CommitPatch"
	case railwaysim.FaultStale:
		f.DelayMS = 100 + a.rng.IntN(600) // within the lag
	case railwaysim.FaultTimeoutAfter, railwaysim.FaultTimeoutBefore, railwaysim.FaultSlow:
		f.DelayMS = a.rng.IntN(2500) // the operator waits for requestTimeout
	}
	return f
}

// disturb is a misbehaviour between a replica and the API server.
func (a *author) disturb() {
	s := step{Do: doAPI, Kind: apiKinds[a.rng.IntN(len(apiKinds))], Replica: a.rng.IntN(2)}
	switch s.Kind {
	case apiConflict, apiError, apiTooMany, apiLost:
		s.N = 1 + a.rng.IntN(3)
	case apiLostLease:
		s.N = 2500 // longer than a leader tries
	default:
		s.N = 300 + a.rng.IntN(1500)
	}
	a.add(s)
}

// remove deletes an object. Dev stays: others may take their source from it.
func (a *author) remove() {
	if name := a.applied(); name != "dev" {
		delete(a.specs, name)
		a.add(step{Do: doDelete, Object: name})
	}
}
