// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// secretMark is in every secret value that the generator makes, and in nothing else.
const secretMark = "s3cret"

var (
	variableNames = []string{"A", "B", "C", "KEY", "TOKEN"}
	regionNames   = []string{"us-west2", "europe-west4-drams3a", "asia-southeast1-eqsg3a"}
	// scalars are settings with some of their values; the first is the platform default, where there is one.
	scalars = map[string][]any{
		"source.branch": {"main", "dev"}, "build.builder": {"RAILPACK", "DOCKERFILE"}, "deploy.healthcheckTimeout": {300.0, 60.0},
		"deploy.startCommand": {"run", "serve"}, "deploy.healthcheckPath": {"/health", "/"}, "deploy.sleepApplication": {false, true},
		"deploy.limitOverride.containers.cpu": {0.5, 2.0}, "build.watchPatterns": {[]any{"a/**"}, []any{"a/**", "b"}},
	}
	scalarNames = []string{
		"source.branch", "build.builder", "deploy.healthcheckTimeout", "deploy.startCommand", "deploy.healthcheckPath",
		"deploy.sleepApplication", "deploy.limitOverride.containers.cpu", "build.watchPatterns",
	}
)

// drawInput draws a whole comparison: two services, of which the second may be new, shared variables, and any history.
func drawInput(t *rapid.T) plan.Input {
	in := plan.Input{
		Desired:  &desired.Environment{Shared: drawVariables(t, "shared")},
		Observed: &model.Environment{Config: model.Tree{}, Sealed: map[model.VariableRef]bool{}},
		Added:    map[string]plan.AddedService{}, Applied: map[string]plan.Applied{}, Hash: hash,
		Unmanaged: plan.Unmanaged(rapid.IntRange(0, 2).Draw(t, "unmanaged")), KeyLost: rapid.IntRange(0, 3).Draw(t, "key lost") == 0,
	}
	for i, name := range []string{"engine", "worker"} {
		id := fmt.Sprintf("s%d", i+1)
		s := desired.Service{Name: name, Fields: drawFields(t, name), Variables: drawVariables(t, name)}
		instance := model.ServiceInstance{ServiceID: id, Name: name}
		s.Pinned, s.Commit = rapid.Bool().Draw(t, "pinned"), pinnedCommit
		if rapid.Bool().Draw(t, "deployed") {
			instance.Latest = &model.Deployment{Meta: model.DeploymentMeta{CommitHash: rapid.SampledFrom([]string{"", pinnedCommit}).Draw(t, "commit")}}
		}
		for _, branch := range []string{"main", "dev"} {
			if rapid.IntRange(0, 2).Draw(t, "trigger") == 0 {
				instance.Triggers = append(instance.Triggers, model.Trigger{ID: id + branch, Repository: "acme/engine", Branch: branch})
			}
		}
		if i == 1 && rapid.Bool().Draw(t, "new") {
			in.Added[name] = plan.AddedService{ID: id, Join: rapid.Bool().Draw(t, "join")}
		} else {
			if rapid.Bool().Draw(t, "domain") {
				s.Domain = &desired.Domain{Port: rapid.SampledFrom([]int{0, 80, 8000}).Draw(t, "port")}
				instance.RailwayDomains = []model.Domain{{Host: name + ".up.railway.app", Port: rapid.SampledFrom([]int{0, 80}).Draw(t, "actual port")}}
			}
			in.Observed.Services = append(in.Observed.Services, instance)
			drawConfig(t, in.Observed.Config, id)
			drawActualVariables(t, in, id, "services", id, "variables")
		}
		in.Desired.Services = append(in.Desired.Services, s)
	}
	drawActualVariables(t, in, "", "sharedVariables")
	drawApplied(t, in)
	return in
}

func drawFields(t *rapid.T, name string) []desired.Field {
	var fields []desired.Field
	if rapid.Bool().Draw(t, name+" image") {
		fields = append(fields, field(name+":1", "source.image"), field(nil, "source.repo"))
	} else {
		fields = append(fields, field("acme/"+name, "source.repo"), field(nil, "source.image"))
	}
	for _, keys := range scalarNames {
		if rapid.Bool().Draw(t, keys) {
			fields = append(fields, field(rapid.SampledFrom(scalars[keys]).Draw(t, keys), keys))
		}
	}
	if rapid.Bool().Draw(t, "credentials") {
		fields = append(fields, credentials("now"))
	}
	if rapid.Bool().Draw(t, "pre-deploy") {
		fields = append(fields, field([]any{"migrate"}, "deploy.preDeployCommand"))
	}
	if all := drawRegions(t); len(all) > 0 {
		fields = append(fields, field(all, "deploy.multiRegionConfig"))
	}
	return fields
}

// credentials is what desired declares of a pull Secret.
func credentials(when string) desired.Field {
	return desired.Field{
		Keys: desired.RegistryCredentials, WriteOnly: true,
		Value: map[string]any{"username": "robot", "password": secretValue("pull", when)},
	}
}

func drawRegions(t *rapid.T) map[string]any {
	all := map[string]any{}
	for _, region := range regionNames {
		if n := rapid.IntRange(0, 3).Draw(t, region); n > 0 {
			all[region] = map[string]any{"numReplicas": float64(n)}
		}
	}
	return all
}

func drawVariables(t *rapid.T, place string) []desired.Variable {
	var list []desired.Variable
	for _, name := range variableNames {
		switch rapid.SampledFrom([]string{"none", "plain", "secret", "sealed"}).Draw(t, place+" "+name) {
		case "plain":
			list = append(list, plain(name, rapid.SampledFrom([]string{"", "1", "2", "${{shared.KEY}}"}).Draw(t, "value")))
		case "secret":
			list = append(list, desired.Variable{Name: name, Value: secretValue(name, "now"), Secret: true})
		case "sealed":
			list = append(list, sealed(name, secretValue(name, "now")))
		}
	}
	return list
}

func secretValue(name, when string) string {
	return secretMark + "-" + name + "-" + when
}

// drawConfig draws what Railway has of a service: each setting absent, null, or some value in one of Railway's forms.
func drawConfig(t *rapid.T, config model.Tree, id string) {
	set := func(value any, keys string) {
		if rapid.Bool().Draw(t, "actual "+keys) {
			if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				value = nil
			}
			config.Set(value, append([]string{"services", id}, strings.Split(keys, ".")...)...)
		}
	}
	for _, keys := range scalarNames {
		set(rapid.SampledFrom(scalars[keys]).Draw(t, keys), keys)
	}
	set("engine:1", "source.image")
	set("acme/engine", "source.repo")
	set(rapid.SampledFrom([]any{"migrate", "seed", []any{"migrate"}}).Draw(t, "actual pre-deploy"), "deploy.preDeployCommand")
	set("us-west2", "deploy.region")
	set(2.0, "deploy.numReplicas")
	all := drawRegions(t)
	if rapid.Bool().Draw(t, "region given up") {
		all["gone1"] = nil
	}
	if rapid.Bool().Draw(t, "region with more") {
		all["us-west2"] = map[string]any{"numReplicas": 2.0, "stackerAssignment": "x"}
	}
	set(all, "deploy.multiRegionConfig")
	set("*****", "deploy.registryCredentials")
	set(true, "deploy.notKnownToThisVersion")
}

// drawActualVariables draws what Railway has: any variable may be there in clear, masked or sealed, and a secret may have been
// pasted into another variable.
func drawActualVariables(t *rapid.T, in plan.Input, id string, keys ...string) {
	for _, name := range append([]string{"THEIRS", "RAILWAY_PUBLIC_DOMAIN"}, variableNames...) {
		at := append(append([]string{}, keys...), name)
		inClear := rapid.SampledFrom([]string{"", "1", "2", "x"}).Draw(t, "actual")
		switch rapid.SampledFrom([]string{"none", "null", "clear", "clear", "masked", "sealed", "left out", "secret"}).Draw(t, "actual "+name) {
		case "null":
			in.Observed.Config.Set(nil, at...)
		case "clear":
			in.Observed.Config.Set(map[string]any{"value": inClear, "description": "d"}, at...)
		case "masked":
			in.Observed.Config.Set(map[string]any{"value": nil}, at...)
		case "sealed":
			in.Observed.Config.Set(map[string]any{"isSealed": true}, at...)
			in.Observed.Sealed[model.VariableRef{ServiceID: id, Name: name}] = true
		case "left out":
			in.Observed.Sealed[model.VariableRef{ServiceID: id, Name: name}] = true
		case "secret": // the one that is declared for any of the names, if it is
			if v, ok := drawDeclaredSecret(t, in.Desired); ok {
				in.Observed.Config.Set(map[string]any{"value": v}, at...)
			}
		}
	}
}

func drawDeclaredSecret(t *rapid.T, environment *desired.Environment) (string, bool) {
	for _, v := range environment.Shared {
		if v.Secret && rapid.Bool().Draw(t, "pasted") {
			return "postgres://user:" + v.Value + "@db", true
		}
	}
	return "", false
}

// drawApplied draws a history: any path may have been applied with its declared, another, or Railway's value.
func drawApplied(t *rapid.T, in plan.Input) {
	note := func(path string, values ...any) {
		if rapid.Bool().Draw(t, "applied "+path) {
			value := rapid.SampledFrom(values).Draw(t, "applied value")
			in.Applied[path] = plan.Applied{
				Hash: hash(path, value), Adopted: rapid.Bool().Draw(t, "adopted"), Sealed: rapid.Bool().Draw(t, "written sealed"),
			}
		}
	}
	for _, name := range variableNames {
		note("shared."+name, "", "1", "2", secretValue(name, "now"), secretValue(name, "before"))
	}
	for i, s := range in.Desired.Services {
		for _, when := range []string{"now", "before"} {
			note(s.Name+".deploy.registryCredentials", []any{fmt.Sprintf("s%d", i+1), credentials(when).Value})
		}
		note(s.Name+".source.autoDeploy", "off")
		for _, name := range variableNames {
			note(s.Name+".variables."+name, "", "1", "2", secretValue(name, "now"), secretValue(name, "before"))
		}
		for _, keys := range scalarNames {
			note(s.Name+"."+keys, scalars[keys]...)
		}
		note(s.Name+".source.image", nil, s.Name+":1", s.Name+":0")
		note(s.Name+".source.repo", nil, "acme/"+s.Name)
		note(s.Name+".deploy.preDeployCommand", []any{"migrate"}, []any{"seed"})
		note(s.Name+".deploy.multiRegionConfig", regions(map[string]float64{"us-west2": 2}))
		note(s.Name+".domains.port", 80.0, 8000.0)
	}
}
