// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// fuzzSources are the Secrets and ConfigMaps of fuzzed specs. Every value of a Secret has the mark.
func fuzzSources() desired.Sources {
	secret := func(key string) string { return secretMark + "-" + key + "-0123456789" }
	return desired.Sources{
		Secrets: map[string]map[string]string{
			"a": {"KEY": secret("key"), "OTHER": secret("other")},
			"b": {"username": secret("user"), "password": secret("password")},
		},
		ConfigMaps: map[string]map[string]string{"a": {"KEY": "config", "OTHER": "more"}},
		Binary:     map[string][]string{"a": {"BYTES"}},
	}
}

// FuzzSpec holds for any spec, whether admission takes it or not: nothing panics, what is refused is refused without a value, one commit
// brings Railway in line and a second has nothing to write, and no text shows a secret.
func FuzzSpec(f *testing.F) {
	for _, spec := range []string{
		`{"tier":"Dev","engine":{"name":"engine","source":{"image":"acme/engine:1"}}}`,
		`{"tier":"Production","engine":{"name":"e","source":{"repo":"acme/engine","branch":"main","commit":"0123456789abcdef0123456789abcdef01234567"},
		 "build":{"builder":"Nixpacks","command":"make","watchPatterns":["a/**"]},"deploy":{"regions":{"us-west2":2},"healthcheck":{"path":"/h","timeout":"10s"},
		 "restart":{"policy":"Always","maxRetries":0},"limits":{"cpu":"500m","memory":"1Gi"},"cronSchedule":"0 3 * * *","overlap":"1s","draining":"0s","serverless":false},
		 "domains":{"railway":true,"port":8000}},"unmanagedVariables":"Prune"}`,
		`{"tier":"Preview","settings":{"rateLimit":{"requestsPerMinute":5},"logging":{"level":"DEBUG"},"pythonVersion":"3.12"},
		 "engine":{"name":"e","source":{"image":"r.io/a/b@sha256:aa"},"pullSecretRef":{"name":"b"},"variables":[{"name":"A","value":"${{shared.S}}"},
		 {"name":"B","sealed":true,"valueFrom":{"secretKeyRef":{"name":"a","key":"KEY"}}},{"name":"C","valueFrom":{"configMapKeyRef":{"name":"a","key":"KEY"}}}],
		 "variablesFrom":[{"prefix":"P_","secretRef":{"name":"a"},"sealed":true},{"configMapRef":{"name":"a"}}]},
		 "services":[{"name":"w","inheritSettings":true,"source":{"image":"w:1"}},{"name":"W"}],"sharedVariables":[{"name":"S","valueFrom":{"secretKeyRef":{"name":"a","key":"OTHER"}}}]}`,
		`{"tier":"Local","engine":{"name":"e","variables":[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"a","key":"BYTES"}}}]}}`,
		`{"engine":{"variables":[{"valueFrom":{}}]}}`, `{"engine":{"variablesFrom":[{}]}}`, `{"verification":{"checks":[{"http":{"bodyFrom":{}}}]}}`,
		`{"tier":"Dev","engine":{"name":"e","pullSecretRef":{"name":"a"}}}`, `{"engine":null}`, `{"services":[{},{}]}`, `{}`,
	} {
		f.Add([]byte(spec))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var spec v1alpha1.EngineEnvironmentSpec
		if json.Unmarshal(raw, &spec) != nil {
			return
		}
		holdSpec(t, &spec)
	})
}

func holdSpec(t *testing.T, spec *v1alpha1.EngineEnvironmentSpec) {
	t.Helper()
	desired.References(spec)
	declared, err := desired.Build(spec, fuzzSources())
	if err != nil {
		var refused *desired.Error
		require.ErrorAs(t, err, &refused)
		assert.NotEmpty(t, refused.Reason)
		assert.NotContains(t, err.Error(), secretMark, "an error shows no secret")
		return
	}
	in := plan.Input{
		Desired: declared, Observed: &model.Environment{Config: model.Tree{}, Sealed: map[model.VariableRef]bool{}},
		Added: map[string]plan.AddedService{}, Applied: map[string]plan.Applied{}, Hash: hash,
	}
	for i, s := range declared.Services {
		in.Added[s.Name] = plan.AddedService{ID: fmt.Sprintf("s%d", i+1)}
	}
	first := plan.Make(in)
	for _, c := range first.Changes {
		assert.NotContains(t, c.Declared+c.Actual+c.Path, secretMark, "a change shows no secret")
	}
	second := plan.Make(visible(commit(in, first)))
	assert.Truef(t, second.Empty(), "a second commit would write %v after %v", second.Patch(), first.Patch())
	assert.Empty(t, second.Drift)
	shown := declared.Redact("got " + strings.Join([]string{secretMark + "-key-0123456789", secretMark + "-other-0123456789"}, " and "))
	for _, service := range declared.Services {
		for _, v := range service.Variables {
			if v.Secret && len(v.Value) > 8 {
				assert.NotContains(t, shown, v.Value, "a text shows no secret")
			}
		}
	}
}
