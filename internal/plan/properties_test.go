// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// visible is the input once Railway shows the services that were added.
func visible(in plan.Input) plan.Input {
	observed := *in.Observed
	observed.Services = slices.Clone(observed.Services)
	for name, added := range in.Added {
		observed.Services = append(observed.Services, model.ServiceInstance{ServiceID: added.ID, Name: name})
	}
	in.Observed, in.Added = &observed, nil
	return in
}

func TestOneCommitConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		first := plan.Make(in)
		second := plan.Make(visible(commit(in, first)))
		require.Truef(t, second.Empty(), "a second commit would write %v after %v", second.Patch(), first.Patch())
		require.Empty(t, second.Drift)
		require.Empty(t, second.Missing)
	})
}

func TestReportDriftConvergesAndKeepsTelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.ReportDrift = true
		first := plan.Make(in)
		for _, c := range first.Changes {
			require.NotEqual(t, plan.CauseDrift, c.Cause, "drift is reported, not written")
		}
		second := plan.Make(visible(commit(in, first)))
		require.Truef(t, second.Empty(), "a second commit would write %v after %v", second.Patch(), first.Patch())
		require.Equal(t, paths(first.Drift), paths(second.Drift), "what is left alone is told again")
	})
}

func TestPlanIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		before := copyTree(in.Observed.Config)
		applied := plan.After(in.Applied, nil)
		first, second := plan.Make(in), plan.Make(in)
		require.Equal(t, first.Patch(), second.Patch())
		require.Equal(t, first.Record, second.Record)
		require.Equal(t, first.Changes, second.Changes)
		require.Equal(t, before, copyTree(in.Observed.Config), "the comparison changes nothing that it was given")
		require.Equal(t, applied, in.Applied)
	})
}

// unit is the part of a patch that is written or not: a variable with its seal, a region with its replicas, or any other leaf.
func unit(keys []string) []string {
	switch {
	case len(keys) > 4 && keys[2] == "variables":
		return keys[:4]
	case len(keys) > 2 && keys[0] == "sharedVariables":
		return keys[:2]
	case len(keys) > 4 && keys[3] == "multiRegionConfig":
		return keys[:5]
	case len(keys) > 4 && keys[3] == "registryCredentials":
		return keys[:4]
	default:
		return keys
	}
}

// units lists the parts of a patch.
func units(patch model.Tree) [][]string {
	var all [][]string
	patch.Leaves(func(keys []string, _ any) {
		if u := unit(keys); len(all) == 0 || !slices.Equal(all[len(all)-1], u) {
			all = append(all, u)
		}
	})
	return all
}

func TestPatchIsMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		made := plan.Make(in)
		for _, u := range units(made.Patch()) {
			requireDiffers(t, in.Observed, made.Patch(), u)
			if u[len(u)-1] == "isCreated" || comesBack(in.Observed, u) {
				continue // membership is seen in the instances, which this model adds whole
			}
			without := copyTree(made.Patch())
			delete(without.Sub(u[:len(u)-1]...), u[len(u)-1])
			partly := in
			partly.Observed = apply(in.Observed, without)
			fields := made.Written()
			for _, c := range made.Changes {
				if touches(made, in, c.Path, u) {
					delete(fields, c.Path)
				}
			}
			partly.Applied, partly.KeyLost = plan.After(made.Record, fields), false
			require.False(t, plan.Make(visible(partly)).Empty(), "%v could have been left out of %v", u, made.Patch())
		}
	})
}

// comesBack reports whether the unit is a region of a service whose config also names one in the legacy form: that one counts
// again when the others are given up, and may happen to be the declared one.
func comesBack(observed *model.Environment, u []string) bool {
	if len(u) != 5 || u[3] != "multiRegionConfig" {
		return false
	}
	_, legacy := observed.Config.Get("services", u[1], "deploy", "region")
	return legacy
}

// touches reports whether the unit belongs to the change of that path.
func touches(made *plan.Plan, in plan.Input, path string, u []string) bool {
	return strings.HasPrefix(readable(in, u)+".", path+".") && slices.Contains(paths(made.Changes), path)
}

// readable is the path of the keys, with service names instead of ids.
func readable(in plan.Input, keys []string) string {
	if keys[0] == "sharedVariables" {
		return "shared." + keys[1]
	}
	name := map[string]string{"s1": "engine", "s2": "worker"}[keys[1]]
	if keys[2] == "networking" {
		return name + ".domains.port"
	}
	return name + "." + strings.Join(keys[2:], ".")
}

// requireDiffers holds that the patch changes what is there: a value to another value, or something to nothing.
func requireDiffers(t *rapid.T, observed *model.Environment, patch model.Tree, u []string) {
	have, there := observed.Config.Get(u...)
	value, set := patch.Get(u...)
	if !set {
		ref := model.VariableRef{Name: u[len(u)-1]}
		if u[0] == "services" {
			ref.ServiceID = u[1]
		}
		if u[len(u)-1] == "registryCredentials" {
			return // Railway may show nothing where credentials are (railway-api.md, "Private images")
		}
		require.True(t, there || observed.Sealed[ref], "%v is deleted and was not there", u)
		return
	}
	if object, isObject := value.(map[string]any); isObject {
		was, _ := have.(map[string]any)
		if object["value"] != nil && object["value"] == was["value"] {
			require.NotEqual(t, object["isSealed"], was["isSealed"], "%v is written and was so already", u)
			return
		}
	}
	require.NotEqual(t, have, value, "%v is written and was so already", u)
}

func TestNothingElseIsTouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		declared := declaredPaths(in.Desired)
		for _, u := range units(plan.Make(in).Patch()) {
			path := readable(in, u)
			require.NotContains(t, path, "RAILWAY_", "Railway's own variables are never touched")
			if slices.ContainsFunc(declared, func(d string) bool { return strings.HasPrefix(path+".", d+".") }) || u[len(u)-1] == "isCreated" {
				continue
			}
			applied, known := in.Applied[path]
			wrote := known && !applied.Adopted
			isVariable := u[0] == "sharedVariables" || u[2] == "variables"
			require.True(t, wrote || (in.Unmanaged == plan.PruneUnmanaged && isVariable), "%s is nobody's to write", path)
			_, set := plan.Make(in).Patch().Get(u...)
			require.False(t, set, "%s is not declared, so it can only be deleted", path)
		}
	})
}

func declaredPaths(environment *desired.Environment) []string {
	var all []string
	for _, v := range environment.Shared {
		all = append(all, "shared."+v.Name)
	}
	for _, s := range environment.Services {
		for _, f := range s.Fields {
			all = append(all, s.Name+"."+strings.Join(f.Keys, "."))
		}
		for _, v := range s.Variables {
			all = append(all, s.Name+".variables."+v.Name)
		}
		if s.Domain != nil {
			all = append(all, s.Name+".domains.port")
		}
	}
	return all
}

func TestNoSecretIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in.ReportDrift = rapid.Bool().Draw(t, "report")
		made := plan.Make(in)
		for _, c := range slices.Concat(made.Changes, made.Drift) {
			require.NotContains(t, c.Declared+c.Actual+c.Path, secretMark)
		}
		require.NotContains(t, strings.Join(slices.Concat(made.Unmanaged, made.Blocked, made.Missing), " "), secretMark)
	})
}

func TestRecordTellsDriftFromSpecChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		in = visible(commit(in, plan.Make(in)))
		engine := &in.Desired.Services[0]
		i := rapid.IntRange(0, max(0, len(engine.Variables)-1)).Draw(t, "which")
		if len(engine.Variables) == 0 || in.Observed.Sealed[model.VariableRef{ServiceID: "s1", Name: engine.Variables[i].Name}] {
			return // an edit of a sealed value cannot be seen (railway-api.md, "Variables")
		}
		path := "engine.variables." + engine.Variables[i].Name

		edited := in
		edited.Observed = apply(in.Observed, object(t, service(`{"variables":{"`+engine.Variables[i].Name+`":{"value":"edited"}}}`)))
		made := plan.Make(edited)
		require.Equal(t, []string{path}, paths(made.Drift), "an edit on Railway is drift")
		require.Equal(t, []string{path}, paths(made.Changes), "and is undone, and nothing else")

		engine.Variables = slices.Clone(engine.Variables)
		engine.Variables[i].Value = "declared anew"
		made = plan.Make(in)
		require.Empty(t, made.Drift, "a change of the spec is no drift")
		require.Equal(t, []string{path}, paths(made.Changes))
		assert.Equal(t, plan.CauseSpec, made.Changes[0].Cause)
	})
}
