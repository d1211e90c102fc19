// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

func ptr[T any](v T) *T { return &v }

func value(name, text string) v1alpha1.Variable {
	return v1alpha1.Variable{Name: name, Value: &text}
}

func fromSecret(name, secret, key string) v1alpha1.Variable {
	return v1alpha1.Variable{Name: name, ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: &v1alpha1.KeyReference{Name: secret, Key: key}}}
}

func fromConfigMap(name, configMap, key string) v1alpha1.Variable {
	return v1alpha1.Variable{Name: name, ValueFrom: &v1alpha1.ValueSource{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: configMap, Key: key}}}
}

func allOfSecret(name string) v1alpha1.VariablesSource {
	return v1alpha1.VariablesSource{SecretRef: &v1alpha1.LocalReference{Name: name}}
}

func allOfConfigMap(name string) v1alpha1.VariablesSource {
	return v1alpha1.VariablesSource{ConfigMapRef: &v1alpha1.LocalReference{Name: name}}
}

func spec(tier v1alpha1.Tier, variables ...v1alpha1.Variable) *v1alpha1.EngineEnvironmentSpec {
	s := &v1alpha1.EngineEnvironmentSpec{Tier: tier}
	s.Engine.Name = "engine"
	s.Engine.Variables = variables
	return s
}

func secrets(data map[string]map[string]string) desired.Sources {
	return desired.Sources{Secrets: data}
}

func build(t *testing.T, s *v1alpha1.EngineEnvironmentSpec, sources desired.Sources) *desired.Environment {
	t.Helper()
	environment, err := desired.Build(s, sources)
	require.NoError(t, err)
	return environment
}

func variable(t *testing.T, service desired.Service, name string) desired.Variable {
	t.Helper()
	for _, v := range service.Variables {
		if v.Name == name {
			return v
		}
	}
	require.Failf(t, "no such variable", "%s in %v", name, service.Variables)
	return desired.Variable{}
}

func TestSettingsReachTheEngine(t *testing.T) {
	for _, tier := range v1alpha1.Tiers {
		s := spec(tier)
		s.Services = []v1alpha1.Companion{
			{Service: v1alpha1.Service{Name: "redis"}},
			{Service: v1alpha1.Service{Name: "worker"}, InheritSettings: true},
		}
		environment := build(t, s, desired.Sources{})
		want := s.EffectiveSettings().Variables(tier, v1alpha1.BuilderRailpack)
		require.Len(t, environment.Services, 3)
		assert.Equal(t, "engine", environment.Services[0].Name, "the engine comes first")
		for _, name := range []string{"engine", "worker"} {
			service, ok := environment.Service(name)
			require.True(t, ok)
			assert.Equal(t, want, service.Env(nil), "%s in tier %s", name, tier)
		}
		redis, _ := environment.Service("redis")
		assert.Empty(t, redis.Variables, "a companion gets no settings unless it asks")
		_, ok := environment.Service("other")
		assert.False(t, ok)
	}
	s := spec(v1alpha1.TierDev)
	s.Engine.Build = &v1alpha1.Build{Builder: v1alpha1.BuilderNixpacks}
	assert.Equal(t, "3.13", variable(t, build(t, s, desired.Sources{}).Services[0], "NIXPACKS_PYTHON_VERSION").Value)
}

func TestPrecedence(t *testing.T) {
	s := spec(v1alpha1.TierDev, value("C", "variables"), value("LOG_LEVEL", "ERROR"))
	prefixed := allOfSecret("second")
	prefixed.Prefix, prefixed.Sealed = "P_", true
	sealedMap := allOfConfigMap("third")
	sealedMap.Sealed = true
	s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("first"), allOfConfigMap("second"), prefixed, sealedMap}
	environment := build(t, s, desired.Sources{
		Secrets: map[string]map[string]string{
			"first":  {"A": "first", "B": "first", "C": "first", "RATE_LIMIT_RPM": "5"},
			"second": {"A": "prefixed"},
		},
		ConfigMaps: map[string]map[string]string{"second": {"B": "second", "C": "second", "DEBUG": "false"}, "third": {"D": "third"}},
	})
	engine := environment.Services[0]
	for _, tt := range []struct {
		want   desired.Variable
		reason string
	}{
		{desired.Variable{Name: "A", Value: "first", Secret: true}, "from the Secret alone"},
		{desired.Variable{Name: "B", Value: "second"}, "later entries win, and a ConfigMap is no secret"},
		{desired.Variable{Name: "C", Value: "variables"}, "variables win over variablesFrom"},
		{desired.Variable{Name: "P_A", Value: "prefixed", Secret: true, Sealed: true}, "the prefix is put before each key"},
		{desired.Variable{Name: "D", Value: "third", Secret: true, Sealed: true}, "what is sealed is a secret, wherever it comes from"},
		{desired.Variable{Name: "DEBUG", Value: "false"}, "variablesFrom wins over the tier's settings"},
		{desired.Variable{Name: "RATE_LIMIT_RPM", Value: "5", Secret: true}, "variablesFrom wins over the tier's settings"},
		{desired.Variable{Name: "LOG_LEVEL", Value: "ERROR"}, "variables win over the tier's settings"},
		{desired.Variable{Name: "ENV", Value: "dev"}, "the tier's settings stay where nothing is laid over"},
	} {
		assert.Equal(t, tt.want, variable(t, engine, tt.want.Name), tt.reason)
	}
	assert.IsIncreasing(t, names(engine.Variables), "sorted by name, each once")
}

func names(variables []desired.Variable) []string {
	var all []string
	for _, v := range variables {
		all = append(all, v.Name)
	}
	return all
}

func TestVariableSources(t *testing.T) {
	sealed := value("SEALED", "v")
	sealed.Sealed = true
	s := spec(v1alpha1.TierDev)
	s.SharedVariables = []v1alpha1.Variable{
		sealed, value("EMPTY", ""), fromSecret("SECRET", "keys", "a"), fromConfigMap("CONFIG", "config", "b"), value("REF", "${{engine.A}}"),
	}
	environment := build(t, s, desired.Sources{
		Secrets:    map[string]map[string]string{"keys": {"a": "sa"}},
		ConfigMaps: map[string]map[string]string{"config": {"b": "cb"}},
	})
	assert.Equal(t, []desired.Variable{
		{Name: "CONFIG", Value: "cb"},
		{Name: "EMPTY", Value: ""},
		{Name: "REF", Value: "${{engine.A}}"},
		{Name: "SEALED", Value: "v", Secret: true, Sealed: true},
		{Name: "SECRET", Value: "sa", Secret: true},
	}, environment.Shared)
}

func TestRefusals(t *testing.T) {
	companion := func(c v1alpha1.Companion) *v1alpha1.EngineEnvironmentSpec {
		s := spec(v1alpha1.TierProduction)
		s.Services = []v1alpha1.Companion{c}
		return s
	}
	from := func(tier v1alpha1.Tier, sources ...v1alpha1.VariablesSource) *v1alpha1.EngineEnvironmentSpec {
		s := spec(tier)
		s.Engine.VariablesFrom = sources
		return s
	}
	prefixed := allOfSecret("s")
	prefixed.Prefix = "RAILWAY_"
	shared := spec(v1alpha1.TierDev)
	shared.SharedVariables = []v1alpha1.Variable{fromSecret("A", "gone", "k")}
	const hidden = "h1dden-value"
	tests := []struct {
		name, reason  string
		spec          *v1alpha1.EngineEnvironmentSpec
		data          map[string]string
		wantReason    string
		wantInMessage []string
	}{
		{"Secret missing", "the message names variable and Secret", spec(v1alpha1.TierDev, fromSecret("A", "gone", "k")), nil,
			v1alpha1.ReasonSecretNotFound, []string{"spec.engine.variables[A]", `Secret "gone" does not exist in this namespace: create it`}},
		{"Secret missing for a shared variable", "the message names the place", shared, nil,
			v1alpha1.ReasonSecretNotFound, []string{"spec.sharedVariables[A]"}},
		{"key missing", "the message names the key", spec(v1alpha1.TierDev, fromSecret("A", "s", "k")), map[string]string{"other": hidden},
			v1alpha1.ReasonKeyNotFound, []string{`Secret "s" has no key "k"`}},
		{"ConfigMap missing", "a ConfigMap is called so", spec(v1alpha1.TierDev, fromConfigMap("A", "gone", "k")), nil,
			v1alpha1.ReasonConfigMapNotFound, []string{`ConfigMap "gone" does not exist`}},
		{"key of a ConfigMap missing", "a ConfigMap is called so", spec(v1alpha1.TierDev, fromConfigMap("A", "c", "k")), nil,
			v1alpha1.ReasonKeyNotFound, []string{`ConfigMap "c" has no key "k"`}},
		{"whole Secret missing", "the message names the entry", from(v1alpha1.TierDev, allOfSecret("s"), allOfSecret("gone")), map[string]string{"A": "a"},
			v1alpha1.ReasonSecretNotFound, []string{"spec.engine.variablesFrom[1]", `"gone"`}},
		{"whole ConfigMap missing", "a ConfigMap is called so", from(v1alpha1.TierDev, allOfConfigMap("gone")), nil,
			v1alpha1.ReasonConfigMapNotFound, []string{"spec.engine.variablesFrom[0]"}},
		{"companion's Secret missing", "the message names the companion", companion(v1alpha1.Companion{Service: v1alpha1.Service{Name: "w", Variables: []v1alpha1.Variable{fromSecret("A", "gone", "k")}}}), nil,
			v1alpha1.ReasonSecretNotFound, []string{"spec.services[w].variables[A]"}},
		{"bad name", "a key of a Secret may hold what a variable's name may not", from(v1alpha1.TierDev, allOfSecret("s")), map[string]string{"tls.key": hidden},
			v1alpha1.ReasonInvalidVariable, []string{`key "tls.key" of Secret "s"`, "use letters"}},
		{"digit first", "a name does not start with a digit", from(v1alpha1.TierDev, allOfSecret("s")), map[string]string{"1A": hidden},
			v1alpha1.ReasonInvalidVariable, []string{`"1A"`}},
		{"long name", "names are bounded as at admission", from(v1alpha1.TierDev, allOfSecret("s")), map[string]string{strings.Repeat("A", 129): hidden},
			v1alpha1.ReasonInvalidVariable, []string{"longer than the 128 characters"}},
		{"system variable", "Railway sets it itself", from(v1alpha1.TierDev, allOfSecret("s")), map[string]string{"RAILWAY_PROJECT_ID": hidden},
			v1alpha1.ReasonInvalidVariable, []string{"Railway sets itself"}},
		{"system variable by prefix", "the whole name counts", from(v1alpha1.TierDev, prefixed), map[string]string{"PROJECT_ID": hidden},
			v1alpha1.ReasonInvalidVariable, []string{`key "PROJECT_ID"`, "Railway sets itself"}},
		{"not text, whole Secret", "Railway's API carries text only", from(v1alpha1.TierDev, allOfSecret("s")), map[string]string{"A": hidden + "\xff"},
			v1alpha1.ReasonInvalidVariable, []string{"value of A is not valid UTF-8"}},
		{"not text, one key", "Railway's API carries text only", spec(v1alpha1.TierDev, fromSecret("A", "s", "k")), map[string]string{"k": hidden + "\xff"},
			v1alpha1.ReasonInvalidVariable, []string{"value of A is not valid UTF-8"}},
		{"fixed by the tier, one key", "admission cannot see what a Secret holds", spec(v1alpha1.TierProduction, fromSecret("DEBUG", "s", "k")), map[string]string{"k": hidden},
			v1alpha1.ReasonInvalidVariable, []string{"spec.engine", "DEBUG=false", "remove the key"}},
		{"fixed by the tier, inheriting companion", "it gets the settings, so it keeps them",
			companion(v1alpha1.Companion{InheritSettings: true, Service: v1alpha1.Service{Name: "w", VariablesFrom: []v1alpha1.VariablesSource{allOfSecret("s")}}}),
			map[string]string{"LOG_FORMAT": "simple"}, v1alpha1.ReasonInvalidVariable, []string{"spec.services[w]", "LOG_FORMAT=json"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			environment, err := desired.Build(tt.spec, desired.Sources{
				Secrets: map[string]map[string]string{"s": tt.data}, ConfigMaps: map[string]map[string]string{"c": {}},
			})
			require.Nil(t, environment)
			var problem *desired.Error
			require.ErrorAs(t, err, &problem, tt.reason)
			assert.Equal(t, tt.wantReason, problem.Reason, tt.reason)
			for _, text := range tt.wantInMessage {
				assert.Contains(t, err.Error(), text, tt.reason)
			}
			assert.NotContains(t, err.Error(), hidden, "a message never holds a value")
		})
	}
}

func TestFixedByProduction(t *testing.T) {
	fixed := map[string]string{
		"DEBUG": "false", "LOG_FORMAT": "json", "SECURITY_MIDDLEWARE_ENABLED": "true", "TENANT_ISOLATION_ENABLED": "true", "RATE_LIMIT_ENABLED": "true",
		"RATE_LIMIT_RPM": "60", "ENV": "production",
	}
	whole := func(tier v1alpha1.Tier) *v1alpha1.EngineEnvironmentSpec {
		s := spec(tier)
		s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("s")}
		return s
	}
	for name, right := range fixed {
		_, err := desired.Build(whole(v1alpha1.TierProduction), secrets(map[string]map[string]string{"s": {name: "other"}}))
		assert.ErrorContains(t, err, name+"="+right)
		build(t, whole(v1alpha1.TierProduction), secrets(map[string]map[string]string{"s": {name: right}}))
		build(t, whole(v1alpha1.TierPreview), secrets(map[string]map[string]string{"s": {name: "other"}}))
	}
	build(t, whole(v1alpha1.TierProduction), secrets(map[string]map[string]string{"s": {"LOG_LEVEL": "DEBUG"}}))
	companion := spec(v1alpha1.TierProduction)
	companion.Services = []v1alpha1.Companion{{Service: v1alpha1.Service{Name: "w", Variables: []v1alpha1.Variable{value("DEBUG", "true")}}}}
	build(t, companion, desired.Sources{}) // a companion without the settings has a DEBUG of its own
}

func TestService(t *testing.T) {
	s := spec(v1alpha1.TierDev)
	s.Engine.Source = &v1alpha1.Source{Repo: "acme/app", Commit: strings.Repeat("a", 40)}
	s.Engine.Deploy = &v1alpha1.Deploy{
		Regions: map[string]int32{"us-west2": 2, "europe-west4-drams3a": 1}, CronSchedule: "0 3 * * *",
		ProgressDeadline: &metav1.Duration{Duration: time.Minute},
	}
	s.Engine.Domains = &v1alpha1.Domains{Railway: true, Port: ptr(int32(8000))}
	s.Services = []v1alpha1.Companion{
		{Service: v1alpha1.Service{Name: "redis", Source: &v1alpha1.Source{Image: "redis:7"}, Domains: &v1alpha1.Domains{Railway: true}}},
		{Service: v1alpha1.Service{Name: "bare", Domains: &v1alpha1.Domains{Port: ptr(int32(80))}}},
	}
	environment := build(t, s, desired.Sources{})
	engine, redis, bare := environment.Services[0], environment.Services[1], environment.Services[2]
	assert.Equal(t, "acme/app", engine.Repo)
	assert.Equal(t, strings.Repeat("a", 40), engine.Commit)
	assert.Equal(t, int32(3), engine.Replicas, "over all regions")
	assert.True(t, engine.Cron)
	assert.Equal(t, time.Minute, engine.ProgressDeadline)
	assert.Equal(t, &desired.Domain{Port: 8000}, engine.Domain)
	assert.Equal(t, "redis:7", redis.Image)
	assert.Equal(t, &desired.Domain{}, redis.Domain, "Railway chooses the port")
	assert.False(t, redis.Cron)
	assert.Zero(t, redis.Replicas)
	assert.Equal(t, v1alpha1.DefaultProgressDeadline, redis.ProgressDeadline)
	assert.Nil(t, bare.Domain, "no domain is asked for")
	assert.Empty(t, bare.Fields, "what is not declared is not mentioned")
}

func TestFields(t *testing.T) {
	quantity := func(text string) *resource.Quantity { return ptr(resource.MustParse(text)) }
	duration := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	tests := []struct {
		name, reason string
		service      v1alpha1.Service
		want         map[string]any
	}{
		{"image", "one source excludes the other", v1alpha1.Service{Source: &v1alpha1.Source{Image: "app:1"}},
			map[string]any{"source.image": "app:1", "source.repo": nil}},
		{"repo", "one source excludes the other", v1alpha1.Service{Source: &v1alpha1.Source{Repo: "a/b"}},
			map[string]any{"source.repo": "a/b", "source.image": nil}},
		{"repo in full", "each word has its counterpart",
			v1alpha1.Service{Source: &v1alpha1.Source{Repo: "a/b", Branch: "dev", Commit: "c", RootDirectory: "/api"}},
			map[string]any{"source.repo": "a/b", "source.image": nil, "source.branch": "dev", "source.commitSha": "c", "source.rootDirectory": "/api"}},
		{"build", "Railway writes builders in capitals", v1alpha1.Service{Build: &v1alpha1.Build{
			Builder: v1alpha1.BuilderDockerfile, Command: "make", DockerfilePath: "D", WatchPatterns: []string{"b/**", "a/**"}}},
			map[string]any{"build.builder": "DOCKERFILE", "build.buildCommand": "make", "build.dockerfilePath": "D", "build.watchPatterns": []any{"b/**", "a/**"}}},
		{"empty groups", "nothing declared, nothing demanded", v1alpha1.Service{Build: &v1alpha1.Build{},
			Deploy: &v1alpha1.Deploy{Restart: &v1alpha1.Restart{}, Limits: &v1alpha1.Limits{}}}, map[string]any{}},
		{"deploy", "durations are seconds, numbers as JSON has them", v1alpha1.Service{Deploy: &v1alpha1.Deploy{
			StartCommand: "run", PreDeployCommand: "migrate", Regions: map[string]int32{"us-west2": 3},
			Healthcheck: &v1alpha1.Healthcheck{Path: "/health", Timeout: duration(5 * time.Minute)},
			Restart:     &v1alpha1.Restart{Policy: v1alpha1.RestartAlways, MaxRetries: ptr(int32(0))},
			Limits:      &v1alpha1.Limits{CPU: quantity("500m"), Memory: quantity("4Gi")},
			Serverless:  ptr(false), CronSchedule: "0 3 * * *", Overlap: duration(20 * time.Second), Draining: duration(0),
		}}, map[string]any{
			"deploy.startCommand": "run", "deploy.preDeployCommand": []any{"migrate"},
			"deploy.multiRegionConfig": map[string]any{"us-west2": map[string]any{"numReplicas": 3.0}},
			"deploy.healthcheckPath":   "/health", "deploy.healthcheckTimeout": 300.0,
			"deploy.restartPolicyType": "ALWAYS", "deploy.restartPolicyMaxRetries": 0.0,
			"deploy.limitOverride.containers.cpu": 0.5, "deploy.limitOverride.containers.memoryBytes": 4294967296.0,
			"deploy.sleepApplication": false, "deploy.cronSchedule": "0 3 * * *", "deploy.overlapSeconds": 20.0, "deploy.drainingSeconds": 0.0,
		}},
		{"restart on failure", "each policy has Railway's word", v1alpha1.Service{Deploy: &v1alpha1.Deploy{Restart: &v1alpha1.Restart{Policy: v1alpha1.RestartOnFailure}}},
			map[string]any{"deploy.restartPolicyType": "ON_FAILURE"}},
		{"restart never", "each policy has Railway's word", v1alpha1.Service{Deploy: &v1alpha1.Deploy{Restart: &v1alpha1.Restart{Policy: v1alpha1.RestartNever}}},
			map[string]any{"deploy.restartPolicyType": "NEVER"}},
		{"health check without time-out", "the time-out stays Railway's", v1alpha1.Service{Deploy: &v1alpha1.Deploy{Healthcheck: &v1alpha1.Healthcheck{Path: "/"}}},
			map[string]any{"deploy.healthcheckPath": "/"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(v1alpha1.TierDev)
			s.Engine.Service = tt.service
			got := map[string]any{}
			for _, field := range build(t, s, desired.Sources{}).Services[0].Fields {
				got[strings.Join(field.Keys, ".")] = field.Value
			}
			assert.Equal(t, tt.want, got, tt.reason)
		})
	}
}

// TestSpecPath holds that every field is shown under the name that people write: the path leads to a value in the spec.
func TestSpecPath(t *testing.T) {
	second, number, yes, quantity := &metav1.Duration{Duration: time.Second}, int32(1), true, resource.MustParse("1")
	full := v1alpha1.Service{
		Source: &v1alpha1.Source{Repo: "a/b", Branch: "main", Commit: "c", RootDirectory: "/r"},
		Build:  &v1alpha1.Build{Builder: v1alpha1.BuilderRailpack, Command: "make", DockerfilePath: "D", WatchPatterns: []string{"x"}},
		Deploy: &v1alpha1.Deploy{
			StartCommand: "run", PreDeployCommand: "migrate", Regions: map[string]int32{"us-west2": 1},
			Healthcheck: &v1alpha1.Healthcheck{Path: "/", Timeout: second}, Restart: &v1alpha1.Restart{Policy: v1alpha1.RestartNever, MaxRetries: &number},
			Limits: &v1alpha1.Limits{CPU: &quantity, Memory: &quantity}, Serverless: &yes, CronSchedule: "@daily", Overlap: second, Draining: second,
		},
	}
	private := v1alpha1.Service{Source: &v1alpha1.Source{Image: "ghcr.io/a/b:1"}, PullSecretRef: &v1alpha1.LocalReference{Name: "pull"}}
	sources := secrets(map[string]map[string]string{"pull": {"username": "bot", "password": pullPassword}})
	for _, service := range []v1alpha1.Service{full, private} {
		leadsSomewhere(t, service, sources)
	}
	assert.Equal(t, "engine.variables.deploy.healthcheckPath", desired.SpecPath("engine.variables.deploy.healthcheckPath"), "a variable keeps its name")
	assert.Equal(t, "shared.X", desired.SpecPath("shared.X"))
	assert.Equal(t, "shared.deploy.healthcheck.path", desired.SpecPath("shared.deploy.healthcheckPath"), "a service may be called shared")
	assert.Equal(t, "x.variables.y.deploy.healthcheck.path", desired.SpecPath("x.variables.y.deploy.healthcheckPath"), "a service's name may hold anything")
	assert.Equal(t, "a.deploy.b.variables.sleepApplication", desired.SpecPath("a.deploy.b.variables.sleepApplication"))
}

// leadsSomewhere holds that the path of every field of the service leads to a value in the spec.
func leadsSomewhere(t *testing.T, service v1alpha1.Service, sources desired.Sources) {
	t.Helper()
	s := spec(v1alpha1.TierDev)
	s.Engine.Service = service
	raw, err := json.Marshal(service)
	require.NoError(t, err)
	var written map[string]any
	require.NoError(t, json.Unmarshal(raw, &written))
	for _, field := range build(t, s, sources).Services[0].Fields {
		path := desired.SpecPath("my.engine." + strings.Join(field.Keys, "."))
		if field.Value == nil { // it must be absent, and is
			continue
		}
		var at any = written
		for key := range strings.SplitSeq(strings.TrimPrefix(path, "my.engine."), ".") {
			in, _ := at.(map[string]any)
			require.Contains(t, in, key, path)
			at = in[key]
		}
	}
}

func TestVariablesAreBounded(t *testing.T) {
	many := map[string]string{}
	for i := range 2001 {
		many[fmt.Sprintf("V%d", i)] = "x"
	}
	s := spec(v1alpha1.TierDev)
	s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("s")}
	_, err := desired.Build(s, secrets(map[string]map[string]string{"s": many}))
	assert.ErrorContains(t, err, "at most 2000 can be kept track of")
}
