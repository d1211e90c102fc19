// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// given is one service, "engine" with id s1, and the shared variables, as declared, as Railway has them and as recorded.
type given struct {
	fields    []desired.Field
	variables []desired.Variable
	shared    []desired.Variable
	domain    *desired.Domain

	// config and sharedConfig are JSON: the service's entry in the environment's config, and the shared variables.
	config, sharedConfig string
	// sealed lists names as Railway lists sealed variables; "shared." before a name makes it a shared one.
	sealed     []string
	configFile string
	domains    []model.Domain

	// bare is an instance that nobody has set up: it has no deployment either. commit is what the newest deployment runs.
	bare     bool
	commit   string
	pinned   bool
	triggers []model.Trigger

	// wrote, wroteSealed and adopted are the values on record, by path.
	wrote, wroteSealed, adopted map[string]any
	keyLost                     bool
	refused                     map[string]string

	reportDrift bool
	leave       []string
	unmanaged   plan.Unmanaged
}

func (g given) input(t require.TestingT) plan.Input {
	config := model.Tree{}
	config.Set(object(t, g.config), "services", "s1")
	config.Set(object(t, g.sharedConfig), "sharedVariables")
	observed := &model.Environment{
		Config: config, Sealed: map[model.VariableRef]bool{},
		Services: []model.ServiceInstance{{
			ServiceID: "s1", Name: "engine", ConfigFile: g.configFile, RailwayDomains: g.domains, Triggers: g.triggers,
		}},
	}
	if !g.bare {
		observed.Services[0].Latest = &model.Deployment{ID: "d1", Meta: model.DeploymentMeta{CommitHash: g.commit}}
	}
	for _, name := range g.sealed {
		if shared, ok := strings.CutPrefix(name, "shared."); ok {
			observed.Sealed[model.VariableRef{Name: shared}] = true
		} else {
			observed.Sealed[model.VariableRef{ServiceID: "s1", Name: name}] = true
		}
	}
	in := plan.Input{
		Desired: &desired.Environment{
			Services: []desired.Service{{
				Name: "engine", Fields: g.fields, Variables: g.variables, Domain: g.domain, Pinned: g.pinned, Commit: pinnedCommit,
			}},
			Shared: g.shared,
		},
		Observed: observed, Applied: map[string]plan.Applied{}, Hash: hash, KeyLost: g.keyLost, Refused: g.refused,
		ReportDrift: g.reportDrift, Leave: map[string]bool{}, Unmanaged: g.unmanaged,
	}
	for path, value := range g.wrote {
		in.Applied[path] = plan.Applied{Hash: hash(path, value)}
	}
	for path, value := range g.wroteSealed {
		in.Applied[path] = plan.Applied{Hash: hash(path, value), Sealed: true}
	}
	for path, value := range g.adopted {
		in.Applied[path] = plan.Applied{Hash: hash(path, value), Adopted: true}
	}
	for _, path := range g.leave {
		in.Leave[path] = true
	}
	return in
}

const pinnedCommit = "0123456789abcdef0123456789abcdef01234567"

// hash stands for the keyed hash: it differs by path and value, and one can read it in a failure.
func hash(path string, value any) string {
	text, _ := json.Marshal(value)
	return path + "=" + string(text)
}

// object decodes JSON as the client does; empty text is an empty object.
func object(t require.TestingT, text string) map[string]any {
	if text == "" {
		return map[string]any{}
	}
	var decoded map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &decoded), text)
	return decoded
}

func field(value any, keys string) desired.Field {
	return desired.Field{Keys: strings.Split(keys, "."), Value: value}
}

func regions(replicas map[string]float64) map[string]any {
	all := map[string]any{}
	for region, n := range replicas {
		all[region] = map[string]any{"numReplicas": n}
	}
	return all
}

func plain(name, value string) desired.Variable {
	return desired.Variable{Name: name, Value: value}
}

func sealed(name, value string) desired.Variable {
	return desired.Variable{Name: name, Value: value, Secret: true, Sealed: true}
}

// patchOf is the patch as JSON, empty when there is nothing to commit.
func patchOf(t *testing.T, p *plan.Plan) string {
	t.Helper()
	if p.Empty() {
		require.Empty(t, p.Patch())
		return ""
	}
	text, err := json.Marshal(p.Patch())
	require.NoError(t, err)
	return string(text)
}

// service wraps what a patch says of the one service.
func service(text string) string {
	return `{"services":{"s1":` + text + `}}`
}

// shown lists changes as a person sees them, without the service's name.
func shown(changes []plan.Change) []string {
	var lines []string
	for _, c := range changes {
		lines = append(lines, strings.TrimPrefix(c.Path, "engine.")+": "+c.Declared+" <- "+c.Actual)
	}
	return lines
}

// deepMerge applies a patch as Railway does: objects are merged, null deletes, absence leaves alone
// (railway-api.md, "Config patches").
func deepMerge(into, patch map[string]any) {
	for key, value := range patch {
		if value == nil {
			delete(into, key)
			continue
		}
		object, isObject := value.(map[string]any)
		if !isObject {
			into[key] = value
			continue
		}
		below, isObject := into[key].(map[string]any)
		if !isObject {
			below = map[string]any{}
			into[key] = below
		}
		deepMerge(below, object)
	}
}

// commit is the input after the plan's patch has become visible, its triggers are gone and its fields are on record.
func commit(in plan.Input, p *plan.Plan) plan.Input {
	in.Observed = apply(in.Observed, p.Patch())
	for _, t := range p.Triggers {
		for i := range in.Observed.Services {
			s := &in.Observed.Services[i]
			s.Triggers = slices.DeleteFunc(slices.Clone(s.Triggers), func(have model.Trigger) bool { return have.ID == t.ID })
		}
	}
	in.Applied, in.KeyLost = plan.After(p.Record, p.Written()), false
	return in
}

// apply returns a copy of the environment with the patch merged and seals kept: a sealed variable's value is not shown any
// more, and a deleted one is not sealed (railway-api.md, "Variables").
func apply(observed *model.Environment, patch model.Tree) *model.Environment {
	after := *observed
	after.Config = copyTree(observed.Config)
	after.Sealed = maps.Clone(observed.Sealed)
	deepMerge(after.Config, copyTree(patch))
	patch.Leaves(func(keys []string, value any) {
		ref, last := model.VariableRef{}, keys[len(keys)-1]
		switch {
		case len(keys) >= 4 && keys[2] == "variables":
			ref = model.VariableRef{ServiceID: keys[1], Name: keys[3]}
		case len(keys) >= 2 && keys[0] == "sharedVariables":
			ref = model.VariableRef{Name: keys[1]}
		default:
			return
		}
		if last == "isSealed" && value == true {
			after.Sealed[ref] = true
		}
		if last == ref.Name && value == nil {
			delete(after.Sealed, ref)
		}
	})
	for ref := range after.Sealed {
		hide(after.Config, ref)
	}
	after.Services = slices.Clone(observed.Services)
	for i, s := range after.Services {
		after.Services[i].RailwayDomains = slices.Clone(s.RailwayDomains)
		for j, d := range after.Services[i].RailwayDomains {
			if port, ok := after.Config.Get("services", s.ServiceID, "networking", "serviceDomains", d.Host, "port"); ok {
				after.Services[i].RailwayDomains[j].Port = int(port.(float64))
			}
		}
	}
	return &after
}

func hide(config model.Tree, ref model.VariableRef) {
	keys := []string{"sharedVariables", ref.Name}
	if ref.ServiceID != "" {
		keys = []string{"services", ref.ServiceID, "variables", ref.Name}
	}
	if variable := config.Sub(keys...); variable != nil {
		variable["value"] = nil
		variable["isSealed"] = true
	}
}

func copyTree(tree model.Tree) model.Tree {
	text, err := json.Marshal(tree)
	if err != nil {
		panic(err)
	}
	var copied model.Tree
	if err := json.Unmarshal(text, &copied); err != nil {
		panic(err)
	}
	return copied
}
