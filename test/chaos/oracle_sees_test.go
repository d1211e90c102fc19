// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// story is a small record of Railway that keeps every promise, with the spec behind it.
func story() (*oracle, *railwaysim.Record) {
	start := time.Now()
	o := &oracle{robot: robotUser, project: "p", sources: []sources{{}}}
	o.versions = []*version{{
		object: "dev", generation: 1, at: start,
		spec: tree{"tier": "Dev", "engine": tree{
			"name": "engine", "source": tree{"image": "acme/engine:1"}, "variables": []any{tree{"name": "A", "value": "1"}},
		}},
	}}
	variables := map[string]string{
		"A": "1", "ENV": "dev", "DEBUG": "true", "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG", "SECURITY_MIDDLEWARE_ENABLED": "false",
		"TENANT_ISOLATION_ENABLED": "false", "RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPM": "1000", "RAILPACK_PYTHON_VERSION": "3.13",
	}
	deployment := railwaysim.RecordedDeployment{
		ID: "d1", EnvironmentID: "e1", ServiceID: "s1", Cause: "deploy", PatchID: "c1", Status: "SUCCESS", Image: "acme/engine:1", Variables: variables,
		At: start.Add(time.Second),
	}
	return o, &railwaysim.Record{
		ServiceNames: map[string]string{"s1": "engine", "s2": "engine"},
		Environments: []railwaysim.RecordedEnvironment{
			{ID: "e1", Name: "dev", ProjectID: "p", Services: []railwaysim.RecordedService{{
				ID: "s1", Name: "engine", Config: tree{"source": tree{"image": "acme/engine:1"}}, Variables: variables, Running: &deployment,
			}}},
			{ID: "e2", Name: "staging", ProjectID: "p", Shared: map[string]string{"OWNER": "somebody else"}},
		},
		Patches: []railwaysim.RecordedPatch{{
			ID: "c1", EnvironmentID: "e1", By: robotUser, At: start.Add(time.Second), Patch: tree{"services": tree{"s1": tree{
				"source": tree{"image": "acme/engine:1"}, "variables": tree{"A": tree{"value": "1"}}, "isCreated": true,
			}}},
		}},
		Deployments: []railwaysim.RecordedDeployment{deployment},
	}
}

// TestOracleSeesBrokenPromises breaks each promise in a record that keeps all of them.
func TestOracleSeesBrokenPromises(t *testing.T) {
	patch := func(r *railwaysim.Record) tree { return at(r.Patches[0].Patch, "services", "s1") }
	for _, tt := range []struct {
		reason, says string
		breaks       func(o *oracle, r *railwaysim.Record)
		requests     []railwaysim.Request
		noGo         bool
	}{
		{reason: "nothing is broken"},
		{reason: "a variable that nobody declared is written", says: "variables.B.value = \"2\", which nobody declared",
			breaks: func(_ *oracle, r *railwaysim.Record) { at(patch(r), "variables")["B"] = tree{"value": "2"} }},
		{reason: "a value that nobody declared is written", says: "variables.A.value = \"2\", which nobody declared",
			breaks: func(_ *oracle, r *railwaysim.Record) { at(patch(r), "variables")["A"] = tree{"value": "2"} }},
		{reason: "somebody's variable is deleted without Prune", says: "variables.B = null, which nobody declared",
			breaks: func(_ *oracle, r *railwaysim.Record) { at(patch(r), "variables")["B"] = nil }},
		{reason: "a setting that nobody declared is written", says: "deploy.startCommand = \"x\", which nobody declared",
			breaks: func(_ *oracle, r *railwaysim.Record) { patch(r)["deploy"] = tree{"startCommand": "x"} }},
		{reason: "another image is written", says: "source.image = \"acme/engine:2\", which nobody declared",
			breaks: func(_ *oracle, r *railwaysim.Record) { at(patch(r), "source")["image"] = "acme/engine:2" }},
		{reason: "a service is deleted although nobody deleted the object", says: "isDeleted = true, which nobody declared",
			breaks: func(_ *oracle, r *railwaysim.Record) { patch(r)["isDeleted"] = true }},
		{reason: "an environment that nobody declared gets a commit", says: "nobody declared its environment",
			breaks: func(_ *oracle, r *railwaysim.Record) { r.Patches[0].EnvironmentID = "e2" }},
		{reason: "a commit with Observe", says: "which writePolicy forbids", breaks: func(o *oracle, r *railwaysim.Record) {
			o.versions[0].spec["writePolicy"] = "Observe"
			r.Environments[0].ID, r.Patches[0].EnvironmentID = "p-p", "p-p" // it was there before
		}},
		{reason: "a commit with Approve that nobody approved", says: "which writePolicy forbids", breaks: func(o *oracle, r *railwaysim.Record) {
			o.versions[0].spec["writePolicy"] = "Approve"
			r.Environments[0].ID, r.Patches[0].EnvironmentID = "p-p", "p-p" // it was there before
		}},
		{reason: "a request that writes while nothing may be written", says: "no writePolicy allowed a write",
			requests: []railwaysim.Request{{Kind: "mutation", RootFields: []string{"serviceCreate"}}},
			breaks: func(o *oracle, r *railwaysim.Record) {
				o.versions[0].spec["writePolicy"] = "Observe"
				r.Patches, r.Deployments = nil, nil
			}},
		{reason: "an environment is created with Observe", says: "its environment was created", breaks: func(o *oracle, r *railwaysim.Record) {
			o.versions[0].spec["writePolicy"] = "Observe"
			r.Patches, r.Deployments = nil, nil
		}},
		{reason: "a service is made twice", says: "2 services are named engine in dev", breaks: func(_ *oracle, r *railwaysim.Record) {
			r.Environments[0].Services = append(r.Environments[0].Services, railwaysim.RecordedService{ID: "s2", Name: "engine"})
		}},
		{reason: "an environment is made twice", says: "2 environments are named dev", breaks: func(_ *oracle, r *railwaysim.Record) {
			r.Environments = append(r.Environments, railwaysim.RecordedEnvironment{ID: "e3", Name: "dev", ProjectID: "p"})
		}},
		{reason: "a domain is made twice", says: "2 generated domains", breaks: func(_ *oracle, r *railwaysim.Record) {
			r.Environments[0].Services[0].Domains = []string{"a", "b"}
		}},
		{reason: "a second deployment has no cause", says: "deployment 2 of the operator, and only 1 causes", breaks: func(_ *oracle, r *railwaysim.Record) {
			second := r.Deployments[0]
			second.ID = "d2"
			r.Deployments = append(r.Deployments, second)
		}},
		{reason: "serviceDelete reaches every tier", says: "the mutation serviceDelete",
			requests: []railwaysim.Request{{Kind: "mutation", RootFields: []string{"serviceDelete"}}}},
		{reason: "an environment is deleted although nobody deleted an object", says: "nobody deleted an object",
			requests: []railwaysim.Request{{Kind: "mutation", RootFields: []string{"environmentDelete"}, Applied: true}}},
		{reason: "somebody else's environment is changed", says: "staging, which nobody declared, was changed",
			breaks: func(_ *oracle, r *railwaysim.Record) { r.Environments[1].Shared["OWNER"] = "me" }},
		{reason: "somebody else's environment is deployed to", says: "staging, which nobody declared, was deployed to",
			breaks: func(_ *oracle, r *railwaysim.Record) {
				r.Deployments = append(r.Deployments, railwaysim.RecordedDeployment{EnvironmentID: "e2", At: time.Now()})
			}},
		{reason: "GO of a variable with another value", says: "GO for generation 1", noGo: true,
			breaks: func(_ *oracle, r *railwaysim.Record) { r.Environments[0].Services[0].Variables["A"] = "2" }},
		{reason: "GO of another image that serves", says: "GO for generation 1", noGo: true,
			breaks: func(_ *oracle, r *railwaysim.Record) { r.Environments[0].Services[0].Running.Image = "acme/engine:0" }},
		{reason: "GO of nothing that serves", says: "nothing serves", noGo: true,
			breaks: func(_ *oracle, r *railwaysim.Record) { r.Environments[0].Services[0].Running = nil }},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			o, record := story()
			if tt.breaks != nil {
				tt.breaks(o, record)
			}
			o.judgeGo("dev", 1, *record)
			for i := range tt.requests {
				tt.requests[i].Time = time.Now().Add(time.Second)
			}
			o.judgeHistory(*record, tt.requests)
			if tt.says == "" {
				assert.Empty(t, o.problems)
				return
			}
			require.NotEmpty(t, o.problems)
			assert.Contains(t, o.problems[0], tt.says)
		})
	}
}

// TestDeclarationsAgree holds the oracle's reading of a full spec against Railway's words.
func TestDeclarationsAgree(t *testing.T) {
	from := sources{"Secret/values/KEY_A": "s", "ConfigMap/values/KEY_B": "c", "Secret/registry/username": "u", "Secret/registry/password": "p"}
	d := declare(tree{
		"tier": "Local", "settings": tree{"rateLimit": tree{"enabled": true}, "pythonVersion": "3.12"},
		"engine": tree{
			"name": "engine", "source": tree{"repo": "a/b", "commit": "c"}, "build": tree{"builder": "Nixpacks"}, "pullSecretRef": tree{"name": "registry"},
			"deploy": tree{"regions": tree{"us-west2": 2.0}, "healthcheck": tree{"path": "/h", "timeout": "2m"}, "restart": tree{"policy": "Never", "maxRetries": 0.0},
				"limits": tree{"cpu": "500m", "memory": "1Gi"}, "preDeployCommand": "m", "serverless": false, "draining": "1h"},
			"domains": tree{"railway": true, "port": 80.0}, "variablesFrom": []any{tree{"prefix": "P_", "secretRef": tree{"name": "values"}}},
			"variables": []any{tree{"name": "V", "valueFrom": tree{"configMapKeyRef": tree{"name": "values", "key": "KEY_B"}}}},
		},
	}, from)
	s := d.services["engine"]
	assert.JSONEq(t, `{"source.repo":"a/b","source.image":null,"source.commitSha":"c","build.builder":"NIXPACKS",
		"deploy.multiRegionConfig":{"us-west2":{"numReplicas":2}},"deploy.healthcheckPath":"/h","deploy.healthcheckTimeout":120,
		"deploy.restartPolicyType":"NEVER","deploy.restartPolicyMaxRetries":0,"deploy.limitOverride.containers.cpu":0.5,
		"deploy.limitOverride.containers.memoryBytes":1073741824,"deploy.preDeployCommand":["m"],"deploy.sleepApplication":false,
		"deploy.drainingSeconds":3600,"deploy.registryCredentials":{"username":"u","password":"p"}}`, asJSON(s.fields))
	assert.Equal(t, map[string]string{
		"ENV": "local", "DEBUG": "true", "LOG_FORMAT": "simple", "LOG_LEVEL": "DEBUG", "SECURITY_MIDDLEWARE_ENABLED": "false",
		"TENANT_ISOLATION_ENABLED": "false", "RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_RPM": "1000", "NIXPACKS_PYTHON_VERSION": "3.12",
		"P_KEY_A": "s", "V": "c",
	}, s.variables)
	assert.True(t, s.domain)
	assert.Equal(t, 80, s.port)
}

// TestWritesEndWithTheirPolicy holds from when on a write is forbidden.
func TestWritesEndWithTheirPolicy(t *testing.T) {
	start := time.Now()
	o := &oracle{versions: []*version{
		{object: "dev", at: start, spec: tree{}},
		{object: "dev", at: start.Add(time.Minute), spec: tree{"writePolicy": "Observe"}},
		{object: "dev", at: start.Add(2 * time.Minute), deleted: true},
		{object: "preview", at: start, spec: tree{"writePolicy": "Approve"}},
		{object: "preview", at: start.Add(time.Minute), deleted: true},
	}}
	assert.False(t, o.mayWrite("dev", start.Add(-time.Second)), "nobody declared it yet")
	assert.True(t, o.mayWrite("dev", start.Add(time.Second)))
	assert.True(t, o.mayWrite("dev", start.Add(time.Minute+policyGrace/2)), "one may be under way")
	assert.False(t, o.mayWrite("dev", start.Add(time.Minute+policyGrace)))
	assert.False(t, o.mayWrite("dev", start.Add(3*time.Minute)), "what is only observed stays when its object is deleted")
	assert.False(t, o.mayWrite("preview", start.Add(time.Second)), "nobody approved")
	assert.True(t, o.mayWrite("preview", start.Add(time.Minute+time.Second)), "deletionPolicy is carried out")
}

// TestLateCommits holds which commits may come when the fleet is as declared and quiet.
func TestLateCommits(t *testing.T) {
	source := tree{"services": tree{"s1": tree{"source": tree{"image": "a:2"}}}}
	variable := tree{"services": tree{"s1": tree{"variables": tree{"A": tree{"value": "1"}}}}}
	for _, tt := range []struct {
		reason      string
		spec, patch tree
		allowed     bool
	}{
		{"a promotion takes a source", tree{"promotion": tree{"from": "dev"}}, source, true},
		{"a promotion alone is no cause for a variable", tree{"promotion": tree{"from": "dev"}}, variable, false},
		{"a source of one's own does not change by itself", tree{}, source, false},
		{"a rollback needs something that failed", tree{"verification": tree{"onFailure": "Rollback"}}, variable, false},
		{"a failing check may roll back", tree{"verification": tree{"onFailure": "Rollback", "checks": []any{tree{"name": "a"}}}}, variable, true},
		{"with Warn nobody knows what is drift and what is new, once somebody edited", tree{"driftPolicy": "Warn"}, variable, true},
		{"with Repair all of it is as declared", tree{"driftPolicy": "Repair"}, variable, false},
	} {
		o, record := story()
		o.versions[0].spec = tt.spec
		o.touches = append(o.touches, touch{environment: "dev", service: "engine", path: "variables.A", at: time.Now()})
		assert.Equal(t, tt.allowed, o.late(*record, railwaysim.RecordedPatch{EnvironmentID: "e1", Patch: tt.patch}) == "", tt.reason)
	}
}

// TestPromotedRepositoryPullsNothing: credentials are for the image that the tier before runs, if it runs one.
func TestPromotedRepositoryPullsNothing(t *testing.T) {
	spec := tree{"promotion": tree{"from": "dev"}, "engine": tree{"name": "engine", "pullSecretRef": tree{"name": "registry"}}}
	for reason, source := range map[string]tree{"an image": {"image": "acme/engine:1"}, "a repository": {"repo": "acme/engine"}} {
		o, record := story()
		record.Environments[0].Services[0].Config = tree{"source": source}
		missing := ""
		for _, difference := range o.differences(*record, &version{object: "dev", spec: spec}, sources{}, false) {
			if strings.Contains(difference, credentials) {
				missing = difference
			}
		}
		assert.Equal(t, reason == "an image", missing != "", reason)
	}
}
