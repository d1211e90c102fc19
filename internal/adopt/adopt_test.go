// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package adopt_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/adopt"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

const (
	projectID = "0bb01547-570d-4109-a5e8-138691f6a2d1"
	commit    = "0123456789abcdef0123456789abcdef01234567"
	digest    = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
)

// settings are configs with some of the values that Railway has, in its forms, and some that cannot be declared.
var settings = map[string][]any{
	"build.builder": {"RAILPACK", "NIXPACKS", "DOCKERFILE", "HEROKU"}, "build.buildCommand": {"", "make", 7.0},
	"build.dockerfilePath": {"Dockerfile", "docker/app"}, "build.watchPatterns": {[]any{"a/**"}, []any{}, []any{""}},
	"deploy.startCommand": {"run", "", strings.Repeat("x", 5000)}, "deploy.preDeployCommand": {"migrate", []any{"migrate"}, []any{"a", "b"}, []any{}},
	"deploy.healthcheckPath": {"/health", "health", ""}, "deploy.healthcheckTimeout": {300.0, 60.0, 0.0, 1.5, 7200.0},
	"deploy.restartPolicyType": {"ON_FAILURE", "ALWAYS", "NEVER", "SOMETIMES"}, "deploy.restartPolicyMaxRetries": {10.0, 3.0, -1.0},
	"deploy.sleepApplication": {true, false}, "deploy.cronSchedule": {"0 3 * * *", "*/7 * * * *"},
	"deploy.overlapSeconds": {20.0, 0.0, 9999.0}, "deploy.drainingSeconds": {30.0}, "deploy.limitOverride.containers.cpu": {0.5, 2.0, 0.0005, 0.57},
	"deploy.limitOverride.containers.memoryBytes": {float64(2 << 30), 1e9, 12.0}, "deploy.registryCredentials": {"*****"},
	"deploy.region": {"us-west2"}, "deploy.numReplicas": {2.0, 0.0}, "deploy.newlyInvented": {true}, "networking.tcpProxies.5432.port": {5432.0},
	"deploy.multiRegionConfig": {
		map[string]any{"us-west2": map[string]any{"numReplicas": 2.0}}, map[string]any{"us-west2": nil, "us-east4-eqdc4a": map[string]any{}},
		map[string]any{"us-west2": map[string]any{"numReplicas": 99.0}}, map[string]any{"Mars": map[string]any{"numReplicas": 1.0}},
	},
}

// variables are names with some values, among them all that tiers set.
var variables = map[string][]string{
	"DB_SCHEMA": {"dev", "it's \"quoted\" $HOME", "line\nline"}, "OPENAI_API_KEY": {"sk-canary-0001"}, "EMPTY": {""}, "DATABASE_URL": {
		"postgres://u:canary-pass@h/db", "${{Postgres.DATABASE_URL}}", "postgres://u@h/db"},
	"SESSION_TOKEN": {"${{shared.TOKEN}}", "canary-token"}, "RAILWAY_PUBLIC_DOMAIN": {"x.up.railway.app"}, "RAILWAY_RUN_UID": {"0"}, "with-dash": {"1"},
	"ENV": {"dev", "production", "other"}, "DEBUG": {"true", "false", "maybe"}, "LOG_FORMAT": {"json", "simple", "xml"}, "LOG_LEVEL": {"DEBUG", "INFO", "loud"},
	"SECURITY_MIDDLEWARE_ENABLED": {"true", "false"}, "TENANT_ISOLATION_ENABLED": {"true", "false"}, "RATE_LIMIT_ENABLED": {"true", "false", ""},
	"RATE_LIMIT_RPM": {"60", "1000", "77", "many"}, "RAILPACK_PYTHON_VERSION": {"3.13", "3.12", "2.7"}, "NIXPACKS_PYTHON_VERSION": {"3.13", "3.11"},
}

func drawEnvironment(t *rapid.T) *model.Environment {
	env := &model.Environment{
		ID: "e1", ProjectID: projectID, Name: rapid.SampledFrom([]string{"dev", "Preview", "production", "staging"}).Draw(t, "environment"),
		Config: model.Tree{}, Sealed: map[model.VariableRef]bool{}, Volumes: rapid.IntRange(0, 1).Draw(t, "volumes"),
	}
	names := []string{"engine", "worker", "Redis cache", "ENGINE", "bad/name"}
	for i, name := range names[:rapid.IntRange(1, len(names)).Draw(t, "services")] {
		drawService(t, env, fmt.Sprintf("s%d", i), name)
	}
	drawVariables(t, env, "", "sharedVariables")
	return env
}

func drawService(t *rapid.T, env *model.Environment, id, name string) {
	instance := model.ServiceInstance{ID: "i" + id, ServiceID: id, Name: name}
	at := func(keys string) []string { return append([]string{"services", id}, strings.Split(keys, ".")...) }
	meta := model.DeploymentMeta{}
	switch rapid.SampledFrom([]string{"none", "image", "pinned image", "repo", "commit", "both", "odd"}).Draw(t, "source") {
	case "image":
		env.Config.Set(rapid.SampledFrom([]string{"acme/app:1.2", "acme/app", "postgres:latest"}).Draw(t, "image"), at("source.image")...)
	case "pinned image":
		env.Config.Set("acme/app:1@"+digest, at("source.image")...)
		meta.ImageDigest = rapid.SampledFrom([]string{"", digest, "sha256:other"}).Draw(t, "runs")
	case "repo":
		env.Config.Set("acme/app", at("source.repo")...)
		env.Config.Set("main", at("source.branch")...)
	case "commit":
		env.Config.Set("acme/app", at("source.repo")...)
		env.Config.Set(commit, at("source.commitSha")...)
		meta.CommitHash = rapid.SampledFrom([]string{"", commit, "other"}).Draw(t, "runs")
		if rapid.Bool().Draw(t, "trigger") {
			instance.Triggers = []model.Trigger{{ID: "t", Repository: "acme/app", Branch: "main"}}
		}
	case "both":
		env.Config.Set("acme/app:1", at("source.image")...)
		env.Config.Set("acme/app", at("source.repo")...)
	case "odd":
		env.Config.Set("https://Registry/App", at("source.image")...)
	}
	if rapid.IntRange(0, 4).Draw(t, "deployed") > 0 {
		instance.Latest = &model.Deployment{ID: "d", Status: model.DeploymentSuccess, Meta: meta}
	}
	for _, keys := range slices.Sorted(maps.Keys(settings)) {
		if rapid.IntRange(0, 2).Draw(t, "has "+keys) == 0 {
			env.Config.Set(rapid.SampledFrom(settings[keys]).Draw(t, keys), at(keys)...)
		}
	}
	if rapid.IntRange(0, 5).Draw(t, "config file") == 0 {
		instance.ConfigFile = "railway.json"
	}
	if rapid.Bool().Draw(t, "domain") {
		instance.RailwayDomains = []model.Domain{{Host: "x.up.railway.app", Port: rapid.SampledFrom([]int{0, 8000}).Draw(t, "port")}}
		instance.CustomDomains = []model.Domain{{Host: "api.acme.example"}}
	}
	drawVariables(t, env, id, "services", id, "variables")
	env.Services = append(env.Services, instance)
}

func drawVariables(t *rapid.T, env *model.Environment, id string, keys ...string) {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		at := append(slices.Clone(keys), name)
		switch rapid.SampledFrom([]string{"none", "clear", "clear", "clear", "masked", "sealed", "left out"}).Draw(t, "how "+name) {
		case "clear":
			env.Config.Set(map[string]any{"value": rapid.SampledFrom(variables[name]).Draw(t, name)}, at...)
		case "masked":
			env.Config.Set(map[string]any{"value": nil}, at...)
		case "sealed":
			env.Config.Set(map[string]any{"isSealed": true}, at...)
			env.Sealed[model.VariableRef{ServiceID: id, Name: name}] = true
		case "left out":
			env.Sealed[model.VariableRef{ServiceID: id, Name: name}] = true
		}
	}
}

// planOf plans the result against the environment that it was made from.
func planOf(t require.TestingT, result *adopt.Result, env *model.Environment, values bool) *preview.Preview {
	text, err := result.YAML(values)
	require.NoError(t, err)
	tierText, _, _ := strings.Cut(text, "\n---\n")
	tier := &v1alpha1.EngineEnvironment{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(tierText), tier), "what is written can be read")
	in := preview.Input{Tier: tier, Sources: preview.NoSources(), Environment: env}
	if values {
		for _, secret := range result.Secrets {
			in.Sources.Secrets[secret.Name] = secret.StringData
		}
	}
	made, err := preview.Make(in)
	require.NoError(t, err)
	return made
}

// TestPlanOfAnImportShowsNoChange but for what the import has said.
func TestPlanOfAnImportShowsNoChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env := drawEnvironment(t)
		result, err := adopt.Environment(env, adopt.Options{Engine: "engine"})
		require.NoError(t, err)
		made := planOf(t, result, env, true)
		want := slices.Sorted(maps.Keys(result.Changes))
		var got []string
		for _, c := range made.Changes {
			got = append(got, c.Path)
		}
		if len(got) == 0 { // a commit deploys what it touches; without one the operator deploys what never was
			for _, service := range made.Deployments {
				got = append(got, service+".deployment")
			}
		}
		slices.Sort(got)
		for _, path := range got {
			require.Contains(t, want, path, "the import has not told of it")
		}
		for _, path := range want {
			if !strings.HasSuffix(path, ".deployment") && !strings.HasSuffix(path, ".source.image") {
				require.Contains(t, got, path, "the import has told of what does not happen")
			}
		}
		require.Empty(t, made.Unknown)
	})
}

// TestNoSecretIsInTheSpec: what looks secret stands in Secrets only, and in a skeleton not at all.
func TestNoSecretIsInTheSpec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		env := drawEnvironment(t)
		result, err := adopt.Environment(env, adopt.Options{Engine: "engine", Namespace: "ai"})
		require.NoError(t, err)
		text, err := result.YAML(false)
		require.NoError(t, err)
		require.NotContains(t, text, "canary")
		require.NotContains(t, strings.Join(result.Left, "\n"), "canary")
		made := planOf(t, result, env, false)
		for _, u := range made.Unknown {
			require.Contains(t, u.Why, "not known: from Secret")
		}
		for _, c := range made.Changes {
			require.Contains(t, result.Changes, c.Path, "what is not known is no change")
		}
	})
}

// TestSealedVariablesAreOneSentence: what holds of many is told once.
func TestSealedVariablesAreOneSentence(t *testing.T) {
	env := &model.Environment{Name: "dev", ProjectID: projectID, Config: model.Tree{}, Sealed: map[model.VariableRef]bool{}}
	env.Services = []model.ServiceInstance{{ServiceID: "a", Name: "api"}}
	env.Config.Set("acme/api:1", "services", "a", "source", "image")
	for _, name := range []string{"C", "A", "B"} {
		env.Sealed[model.VariableRef{ServiceID: "a", Name: name}] = true
	}
	env.Config.Set(map[string]any{"value": nil}, "services", "a", "variables", "D")
	result, err := adopt.Environment(env, adopt.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"api.variables.A, api.variables.B, api.variables.C are sealed: nobody can read the value, so they stay as they are; " +
			"to manage such a variable, declare it with sealed: true and its value in a Secret",
		"api.variables.D: Railway does not show the value to this token, so it stays as it is",
	}, result.Left)
}

// TestLeftSettingsAreNamed as the spec names them and as Railway does. A key of Railway's may hold anything.
func TestLeftSettingsAreNamed(t *testing.T) {
	env := &model.Environment{Name: "dev", ProjectID: projectID, Config: model.Tree{}}
	env.Services = []model.ServiceInstance{{ServiceID: "a", Name: "api"}}
	env.Config.Set("acme/api:1", "services", "a", "source", "image")
	env.Config.Set("HEROKU", "services", "a", "build", "builder")
	env.Config.Set("SOME TIMES", "services", "a", "deploy", "restartPolicyType")
	env.Config.Set("health", "services", "a", "deploy", "healthcheckPath")
	env.Config.Set("monday", "services", "a", "deploy", "sleepApplication since")
	result, err := adopt.Environment(env, adopt.Options{})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"api.build.builder (HEROKU) stays as it is: it cannot be declared",
		"api.deploy.restart.policy (SOME TIMES), deploy.restartPolicyType on Railway, stays as it is: it cannot be declared",
		"api.deploy.healthcheck.path, deploy.healthcheckPath on Railway, stays as it is: it cannot be declared",
		"api.deploy.sleepApplication since stays as it is: it cannot be declared",
	}, result.Left)
}

// TestServicesInheritSettings: a service with all of the engine's settings is declared with inheritSettings, and any other with the
// variables that it has.
func TestServicesInheritSettings(t *testing.T) {
	for level, inherits := range map[string]bool{"DEBUG": true, "ERROR": false} {
		env := &model.Environment{Name: "dev", ProjectID: projectID, Config: model.Tree{}}
		env.Services = []model.ServiceInstance{{ServiceID: "a", Name: "api"}, {ServiceID: "w", Name: "worker"}}
		dev := &v1alpha1.EngineEnvironmentSpec{Tier: v1alpha1.TierDev}
		for _, id := range []string{"a", "w"} {
			env.Config.Set("acme/api:1", "services", id, "source", "image")
			for name, value := range dev.EffectiveSettings().Variables(v1alpha1.TierDev, v1alpha1.BuilderRailpack) {
				env.Config.Set(map[string]any{"value": value}, "services", id, "variables", name)
			}
		}
		env.Config.Set(map[string]any{"value": level}, "services", "w", "variables", v1alpha1.VariableLogLevel)
		env.Config.Set(map[string]any{"value": "4"}, "services", "w", "variables", "THREADS")
		result, err := adopt.Environment(env, adopt.Options{Engine: "api"})
		require.NoError(t, err)
		worker := result.Tier.Spec.Services[0]
		assert.Equal(t, inherits, worker.InheritSettings, level)
		if inherits {
			require.Len(t, worker.Variables, 1, "the settings bring the others")
			assert.Equal(t, "THREADS", worker.Variables[0].Name)
		}
		assert.Empty(t, planOf(t, result, env, true).Changes, level)
	}
}

func TestWhichServiceIsTheEngine(t *testing.T) {
	env := &model.Environment{Name: "dev", ProjectID: projectID, Config: model.Tree{}}
	_, err := adopt.Environment(env, adopt.Options{})
	require.ErrorContains(t, err, "has no service")
	env.Services = []model.ServiceInstance{{ServiceID: "a", Name: "api"}, {ServiceID: "b", Name: "worker"}}
	_, err = adopt.Environment(env, adopt.Options{})
	require.ErrorContains(t, err, "name it with --engine: api, worker")
	_, err = adopt.Environment(env, adopt.Options{Engine: "ap"})
	require.ErrorContains(t, err, "there is api, worker")
	env.Config.Set("acme/api:1", "services", "a", "source", "image")
	result, err := adopt.Environment(env, adopt.Options{})
	require.NoError(t, err)
	assert.Equal(t, "api", result.Tier.Spec.Engine.Name, "the only one with a source")
	assert.Empty(t, result.Left, "the worker is another tier's: nothing of it is here")
	for name, there := range map[string]func(*model.Environment){
		"a setting":         func(e *model.Environment) { e.Config.Set("run", "services", "b", "deploy", "startCommand") },
		"a variable":        func(e *model.Environment) { e.Config.Set("1", "services", "b", "variables", "A", "value") },
		"a sealed variable": func(e *model.Environment) { e.Sealed = map[model.VariableRef]bool{{ServiceID: "b", Name: "A"}: true} },
		"a deployment":      func(e *model.Environment) { e.Services[1].Latest = &model.Deployment{ID: "d"} },
		"a custom domain":   func(e *model.Environment) { e.Services[1].CustomDomains = []model.Domain{{Host: "b.acme.example"}} },
	} {
		env := &model.Environment{Name: "dev", ProjectID: projectID, Config: model.Tree{}, Services: slices.Clone(env.Services)}
		env.Config.Set("acme/api:1", "services", "a", "source", "image")
		there(env)
		result, err := adopt.Environment(env, adopt.Options{})
		require.NoError(t, err)
		assert.Equal(t, []string{`service "worker" stays as it is: it has no source that could be declared`}, result.Left, name)
	}
	env.Name = "blue"
	_, err = adopt.Environment(env, adopt.Options{})
	require.ErrorContains(t, err, "--tier")
}

func TestSecret(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        bool
		reason      string
	}{
		{"OPENAI_API_KEY", "x", true, "a key"},
		{"STRIPE_SECRET", "x", true, "a secret"},
		{"JWT", "x", true, "a token by its name"},
		{"DATABASE_URL", "postgres://user:pass@host/db", true, "an address with a password"},
		{"DATABASE_URL", "postgres://user@host/db", false, "an address without one"},
		{"DATABASE_URL", "${{Postgres.DATABASE_URL}}", false, "a reference names another variable"},
		{"API_KEY", "${{shared.API_KEY}}", false, "so does this"},
		{"API_KEY", "x-${{shared.API_KEY}}", true, "the rest may be secret"},
		{"REDIS", "redis://:${{Redis.PASSWORD}}@host", false, "the password is a reference"},
		{"MODEL", "sk-proj-1234", true, "a credential by how it begins"},
		{"MAX_TOKENS", "1000", false, "a number of tokens"},
		{"PINECONE_INDEX", "ai", false, "a name"},
		{"MONKEY", "george", true, "better a Secret too many"},
		{"CALLBACK", "https://h/%zz@x", true, "what cannot be read is taken for the worse"},
	} {
		assert.Equal(t, tt.want, adopt.Secret(tt.name, tt.value), "%s=%s: %s", tt.name, tt.value, tt.reason)
	}
}

func TestDotenv(t *testing.T) {
	raw := []byte("# dev\nexport ENV=dev\nDEBUG=true\nLOG_FORMAT='json'\nLOG_LEVEL=WARNING\nDB_SCHEMA=\"dev\"\nURL=${{Postgres.URL}}\n" +
		"BASE=/srv\nPATH_X=${BASE}/x\nOPENAI_API_KEY=sk-canary\nRAILWAY_ENVIRONMENT=dev\nNOT-A-NAME=1\n")
	read, err := adopt.ParseDotenv([]byte(strings.Replace(string(raw), "NOT-A-NAME=1\n", "", 1)))
	require.NoError(t, err)
	result, err := adopt.Dotenv(read, projectID, "dev", "ghcr.io/acme/app:1", adopt.Options{Engine: "api"})
	require.NoError(t, err)
	spec := result.Tier.Spec
	assert.Equal(t, v1alpha1.LogLevel("WARNING"), spec.Settings.Logging.Level, "a setting is said as one")
	var names []string
	for _, v := range spec.Engine.Variables {
		names = append(names, v.Name)
		if v.Name == "URL" {
			assert.Equal(t, "${{Postgres.URL}}", *v.Value, "Railway's reference stays")
		}
		if v.Name == "PATH_X" {
			assert.Equal(t, "/srv/x", *v.Value, "as a shell would")
		}
	}
	assert.Equal(t, []string{"BASE", "DB_SCHEMA", "OPENAI_API_KEY", "PATH_X", "URL"}, names, "what the tier sets is left out")
	assert.Equal(t, map[string]string{"OPENAI_API_KEY": "sk-canary"}, result.Secrets[0].StringData)
	assert.Contains(t, result.Left, "RAILWAY_ENVIRONMENT: Railway sets it itself")
	assert.Contains(t, result.Changes, "api.variables.RATE_LIMIT_RPM", "the tier sets what the file lacks")

	_, err = adopt.ParseDotenv([]byte("A=1\nB='canary\n"))
	require.ErrorContains(t, err, "line 2")
	assert.NotContains(t, err.Error(), "canary", "nothing of the file is in an error")
}

func FuzzParseDotenv(f *testing.F) {
	f.Add([]byte("A=1\nB='x\n"))
	f.Add([]byte("A=${{x.Y}}$B\n#\nexport C: d"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := adopt.ParseDotenv(raw); err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Error(err)
		}
	})
}
