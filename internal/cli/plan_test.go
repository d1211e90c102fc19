// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/preview"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// adoptSeed is a live environment: an engine and a worker with 25 variables, shared ones, a sealed one, and settings.
const adoptSeed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
users: [{id: dana, name: Dana, email: dana@acme.example}]
projects:
- id: ` + projectID + `
  name: ai-engine
  workspace: ws
  environments:
  - {id: 3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201, name: production}
  - {id: 7d2f1c3a-1111-4f0a-9c47-b5d8f0a1e202, name: dev, sharedVariables: {PINECONE_INDEX: ai-engine-dev}}
  services:
  - id: 5e1f0000-0000-4000-8000-000000000001
    name: ai-engine
    environments:
      dev:
        source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
        deploy:
          healthcheckPath: /health
          restartPolicyType: ON_FAILURE
          restartPolicyMaxRetries: 3
          multiRegionConfig: {us-west2: {numReplicas: 1}}
          limitOverride: {containers: {cpu: 1, memoryBytes: 2147483648}}
        variables:
          ENV: {value: dev}
          DEBUG: {value: "true"}
          LOG_FORMAT: {value: json}
          LOG_LEVEL: {value: INFO}
          SECURITY_MIDDLEWARE_ENABLED: {value: "false"}
          TENANT_ISOLATION_ENABLED: {value: "false"}
          RATE_LIMIT_ENABLED: {value: "true"}
          RATE_LIMIT_RPM: {value: "500"}
          RAILPACK_PYTHON_VERSION: {value: "3.12"}
          PORT: {value: "8000"}
          DB_SCHEMA: {value: dev}
          PINECONE_INDEX: {value: "${{shared.PINECONE_INDEX}}"}
          MODEL: {value: gpt-5}
          TEMPERATURE: {value: "0.2"}
          MAX_TOKENS: {value: "4096"}
          WORKERS: {value: "2"}
          TIMEOUT: {value: "30"}
          REGION: {value: eu}
          FEATURES: {value: "a,b,c"}
          GREETING: {value: "it's $5 \"only\""}
          OPENAI_API_KEY: {value: sk-canary-openai-0001}
          PINECONE_API_KEY: {value: canary-pinecone-0002}
          DATABASE_URL: {value: "postgres://engine:canary-pass-0003@db.acme.example/engine"}
  - id: 5e1f0000-0000-4000-8000-000000000002
    name: worker
    environments:
      dev:
        source: {image: "ghcr.io/acme/ai-engine:1.4.2"}
        deploy: {startCommand: python -m app.worker, restartPolicyType: ALWAYS}
        variables:
          DB_SCHEMA: {value: dev}
          OPENAI_API_KEY: {value: sk-canary-openai-0001}
tokens: [{name: account, kind: workspace, workspace: ws, value: ` + accountToken + `}]
`

// imported imports the environment dev of adoptSeed into a file.
func imported(s *shell, endpoint string, more ...string) string {
	s.t.Helper()
	args := append([]string{"import", "--project", projectID, "--environment", "dev", "--engine", "ai-engine", endpoint}, more...)
	return s.file("dev.yaml", s.ok(args...))
}

func TestPlanOfAnImport(t *testing.T) {
	s := newShell(t)
	sim, endpoint := s.railway(adoptSeed)
	r := s.run("import", "--project", projectID, "--environment", "dev", "--engine", "ai-engine", endpoint)
	require.Zero(t, r.code, r.err)
	assert.NotContains(t, r.out+r.err, "canary", "a skeleton has no values")
	assert.Contains(t, r.out, "# fill in the values")
	assert.NotContains(t, r.err, "Not expressed", "everything could be said")
	assert.Contains(t, r.out, "level: INFO", "what differs from the tier is a setting")

	plan := s.ok("plan", "-f", s.file("dev.yaml", r.out), endpoint)
	assert.Contains(t, plan, "No change. 4 fields cannot be compared.")
	assert.Contains(t, plan, "? ai-engine.variables.OPENAI_API_KEY  not known: from Secret dev-ai-engine, which has no key OPENAI_API_KEY")
	plan = s.ok("plan", "-f", imported(s, endpoint, "--secret-values"), endpoint)
	assert.Contains(t, plan, "No change.\n", "with the values all of it can be compared")
	assert.Contains(t, s.run("import", "--project", projectID, "--environment", "nope", "--tier", "Dev", endpoint).err,
		`the project has no environment "nope"; there is `)
	onlyRead(t, sim)
}

func TestPlan(t *testing.T) {
	s := newShell(t)
	sim, endpoint := s.railway(adoptSeed)
	text, err := os.ReadFile(imported(s, endpoint, "--secret-values"))
	require.NoError(t, err)
	changed := strings.NewReplacer("name: MODEL\n      value: gpt-5", "name: MODEL\n      value: gpt-6", "name: WORKERS", "name: THREADS",
		"sk-canary-openai-0001", "sk-canary-rotated-0009").Replace(string(text))
	path := s.file("dev.yaml", changed)
	require.NoError(t, sim.EditVariable(railwaysim.VariableEdit{
		Place: railwaysim.Place{Environment: "dev", Service: "ai-engine"}, Name: "TIMEOUT", Value: new("31"),
	}))

	r := s.run("plan", "-f", path, endpoint)
	assert.Equal(t, 2, r.code, "something would change")
	for _, line := range []string{
		`dev → environment dev`,
		`~ ai-engine.variables.MODEL: "gpt-5" → "gpt-6"`,
		`+ ai-engine.variables.THREADS: "2"`,
		`~ ai-engine.variables.OPENAI_API_KEY: (secret) → (secret)`,
		`~ ai-engine.variables.TIMEOUT: "31" → "30"`,
		`5 changes. Deploys ai-engine, worker.`,
		`a variable that was removed from the spec does not show`,
	} {
		assert.Contains(t, r.out, line)
	}
	assert.NotContains(t, r.out+r.err, "canary")

	r = s.run("plan", "-f", path, endpoint, "-o", "markdown")
	assert.Equal(t, 2, r.code)
	assert.Contains(t, r.out, "| `~` | `ai-engine.variables.MODEL` | `gpt-5` | `gpt-6` |  |")
	assert.NotContains(t, r.out, "canary")

	r = s.run("plan", "-f", path, endpoint, "-o", "json")
	var previews []preview.Preview
	require.NoError(t, json.Unmarshal([]byte(r.out), &previews))
	assert.Equal(t, []string{"ai-engine", "worker"}, previews[0].Deployments)
	assert.NotContains(t, r.out, "canary")

	s.terminal = true
	assert.Contains(t, s.run("plan", "-f", path, endpoint).out, "\x1b[", "a terminal gets colours")
	s.env["NO_COLOR"] = "1"
	assert.NotContains(t, s.run("plan", "-f", path, endpoint).out, "\x1b[", "unless it asks for none")
	onlyRead(t, sim)
}

func TestPlanOfWhatIsNotThere(t *testing.T) {
	s := newShell(t)
	sim, endpoint := s.railway(adoptSeed)
	r := s.run("plan", "-f", "../../config/samples", endpoint)
	assert.Equal(t, 2, r.code, r.err)
	for _, line := range []string{
		"local\n", "the Local tier writes the Secret local-env and nothing on Railway",
		`+ environment: "preview"`, `+ ai-engine: (service)  # it exists in the project and joins this environment`,
		`+ ai-engine.domains.railway: (a generated domain)`,
	} {
		assert.Contains(t, r.out, line)
	}
	onlyRead(t, sim)
}

func TestPlanRefuses(t *testing.T) {
	s := newShell(t)
	_, endpoint := s.railway(adoptSeed)
	text, err := os.ReadFile(imported(s, endpoint))
	require.NoError(t, err)
	good := string(text)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.md"), []byte("nothing"), 0o600))
	for _, tt := range []struct{ name, text, want string }{
		{"a misspelt field", strings.Replace(good, "tier: Dev", "tier: Dev\n  teir: Dev", 1), `unknown field "spec.teir"`},
		{"a quantity with a B", strings.Replace(good, "memory: 2Gi", "memory: 4GB", 1), `spec.engine.deploy.limits.memory: "4GB" is no quantity: write 4Gi`},
		{"a duration in words", strings.Replace(good, "tier: Dev", "tier: Dev\n  interval: 5 minutes", 1), `spec.interval: "5 minutes" is no duration: write 30s`},
		{"a number as a text", strings.Replace(good, "tier: Dev", "tier: Dev\n  promotion: {from: 8000}", 1), "spec.promotion.from: 8000 is no text: put it between quotes"},
		{"a list as an object", strings.Replace(good, "tier: Dev", "tier: Dev\n  budget: []", 1), "spec.budget: the value does not fit"},
		{"a text as a number", strings.Replace(good, "tier: Dev", "tier: Dev\n  budget: {monthlyUSD: '5'}", 1), "spec.budget.monthlyUSD: the value is no whole number"},
		{"a text as a bool", strings.Replace(good, "tier: Dev", "tier: Dev\n  suspend: 'yes'", 1), "spec.suspend: the value is neither true nor false"},
		{"a number as a label", strings.Replace(good, "  name: dev", "  labels: {a: 5}\n  name: dev", 1), "metadata.labels.a: 5 is no text: put it between quotes"},
		{"another version", strings.Replace(good, "/v1alpha1", "/v1", 1), `dev/v1" is not served: it is railway.engine-operator.dev/v1alpha1`},
		{"an object twice", good + "---\n" + good, `EngineEnvironment "dev": it is in the files twice`},
		{"a field twice", strings.Replace(good, "tier: Dev", "tier: Dev\n  tier: Dev", 1), `key "tier" already set in map`},
		{"a misspelt kind", strings.Replace(good, "kind: EngineEnvironment", "kind: EngineEnvironmet", 1), "it is EngineEnvironment"},
		{"no tier", strings.Replace(good, "tier: Dev", "tier: Staging", 1),
			`spec.tier: Unsupported value: "Staging": supported values: "Local", "Dev", "Preview", "Production"`},
		{"no name", strings.Replace(good, "name: dev", "generation: 1", 1), "metadata.name: Required value"},
		{"a bound", strings.Replace(good, "tier: Dev", "tier: Dev\n  interval: 10s", 1), "interval must be between 30s and 24h, for example 5m"},
		{"a policy's word", strings.Replace(good, "tier: Dev", "tier: Dev\n  driftPolicy: Fight", 1), `supported values: "Repair", "Warn"`},
		{"a name twice", strings.Replace(good, "tier: Dev", "tier: Dev\n  verification: {checks: [{name: a, status: 200, http: {path: /}}, {name: a, status: 200, http: {path: /}}]}", 1),
			`spec.verification.checks[1]: Duplicate value: {"name":"a"}`},
		{"a rule over several fields", strings.Replace(good, "tier: Dev", "tier: Local", 1), "choose another tier"},
		{"a typo in CEL", strings.Replace(good, "tier: Dev", "tier: Dev\n  verification: {checks: [{name: x, http: {path: /}, expect: 'statsu == 200'}]}", 1),
			"spec.verification.checks[x].expect"},
		{"a check of nothing", strings.Replace(good, "tier: Dev", "tier: Dev\n  verification: {checks: [{name: x, http: {path: /, service: nope}, status: 200}]}", 1), "nope"},
		{"another project", strings.Replace(good, projectID, "0bb01547-570d-4109-a5e8-999999999999", 1), "check the token, the project's id"},
		{"no YAML", "a: b: c", "not the YAML of a Kubernetes object"},
		{"nothing", "kind: Pod\napiVersion: v1\n", "hold no EngineEnvironment"},
	} {
		r := s.run("plan", "-f", s.file("x.yaml", tt.text), endpoint)
		assert.Equal(t, 1, r.code, "%s: %s", tt.name, r.out)
		assert.Contains(t, r.err, tt.want, tt.name)
	}
	r := s.run("plan", "-f", dir, endpoint)
	assert.Contains(t, r.err, "hold no EngineEnvironment", "only manifests are read")
	typo := strings.NewReplacer("name: dev\n", "name: blue\n", "tier: Dev", "tier: Dev\n  verification: {checks: [{name: x, http: {path: /}, expect: 'statsu == 200'}]}").Replace(good)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(typo), 0o600))
	r = s.run("plan", "-f", dir, endpoint)
	assert.Contains(t, r.err, filepath.Join(dir, "a.yaml")+`: EngineEnvironment "blue": spec.verification.checks[x].expect: `, "which of the files")
	assert.Contains(t, s.run("plan", "x.yaml", endpoint).err, `"x.yaml" is one too many: engine-operator plan -f FILE|DIR|-`)
	list := "apiVersion: railway.engine-operator.dev/v1alpha1\nkind: EngineEnvironmentList\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(good), "\n", "\n  ")
	assert.NotContains(t, s.run("plan", "-f", s.file("list.yaml", list), endpoint).err, "kind")
	s.in = good
	s.ok("plan", "-f", "-", endpoint)
	delete(s.env, "RAILWAY_API_TOKEN")
	assert.Contains(t, s.run("plan", "-f", s.file("x.yaml", good), endpoint).err, "RAILWAY_TOKEN (project token), or add the Secret railway to the files")
	secret := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: railway}\nstringData: {RAILWAY_API_TOKEN: " + accountToken + "}\n"
	s.ok("plan", "-f", s.file("x.yaml", good+secret), endpoint)
	s.env["RAILWAY_API_TOKEN"] = "33333333-3333-4333-8333-333333333333"
	assert.Contains(t, s.run("plan", "-f", s.file("x.yaml", good), endpoint).err, "check the token")
}

// TestPlanOfAChangeThatIsRefused: what cannot be changed shows once plan knows the live object.
func TestPlanOfAChangeThatIsRefused(t *testing.T) {
	s := newStage(t)
	sim, endpoint := s.railway(adoptSeed)
	s.tier("dev", v1alpha1.TierDev, nil, nil)
	manifest := func(tier string) string {
		return s.file("x.yaml", "apiVersion: railway.engine-operator.dev/v1alpha1\nkind: EngineEnvironment\nmetadata: {name: dev, namespace: "+s.namespace+
			"}\nspec:\n  tier: "+tier+"\n  railway: {projectID: "+projectID+", environment: dev, tokenSecretRef: {name: railway}}\n"+
			"  engine: {name: ai-engine, source: {image: \"ghcr.io/acme/ai-engine:1.4.2\"}}\n")
	}
	r := s.run("plan", "-f", manifest("Preview"), endpoint, "--cluster")
	assert.Equal(t, 1, r.code, r.out)
	assert.Contains(t, r.err, "tier cannot be changed: create another EngineEnvironment for the other tier")
	assert.Empty(t, sim.Requests(), "it is told before Railway is asked")
	r = s.run("plan", "-f", manifest("Dev"), endpoint, "--cluster")
	assert.Equal(t, 2, r.code, r.err)
}

// TestPlanOfTwoForOneEnvironment: of two objects that declare one environment the operator refuses one, and so does plan: always in the
// same words when both are in the files, and in the operator's when the cluster knows who holds it.
func TestPlanOfTwoForOneEnvironment(t *testing.T) {
	s := newStage(t)
	sim, endpoint := s.railway(adoptSeed)
	manifest := func(name string) string {
		return "apiVersion: railway.engine-operator.dev/v1alpha1\nkind: EngineEnvironment\nmetadata: {name: " + name + ", namespace: " + s.namespace +
			"}\nspec:\n  tier: Dev\n  railway: {projectID: " + projectID + ", environment: dev, tokenSecretRef: {name: railway}}\n" +
			"  engine: {name: ai-engine, source: {image: \"ghcr.io/acme/ai-engine:1.4.2\"}}\n"
	}
	one, two := s.file("one.yaml", manifest("one")), s.file("two.yaml", strings.Replace(manifest("two"), "environment: dev", "environment: DEV", 1))
	for _, files := range []string{one + "," + two, two + "," + one} {
		r := s.run("plan", "-f", files, endpoint)
		assert.Equal(t, 1, r.code, r.out)
		assert.Contains(t, r.err, "EngineEnvironment "+s.namespace+"/one ("+one+") and EngineEnvironment "+s.namespace+"/two ("+two+") declare the same "+
			`Railway environment "dev": one of them holds it, and the other is refused (EnvironmentClaimed): delete one of the two`)
	}
	held := parse(t, manifest("one"), s.namespace)
	require.NoError(t, s.Create(t.Context(), held))
	held.Status.Railway = &v1alpha1.RailwayStatus{ProjectID: projectID, EnvironmentID: "e1", Environment: "dev"}
	require.NoError(t, s.Status().Update(t.Context(), held))
	r := s.run("plan", "-f", two, endpoint, "--cluster")
	assert.Equal(t, 1, r.code, r.out)
	assert.Contains(t, r.err, `EngineEnvironment "two": EnvironmentClaimed: EngineEnvironment `+s.namespace+`/one holds the Railway environment "DEV": delete one of the two`)
	copied := strings.Replace(manifest("two"), "{name: two,", "{name: two, uid: "+string(held.UID)+",", 1)
	assert.Contains(t, s.run("plan", "-f", s.file("copied.yaml", copied), endpoint, "--cluster").err, "EnvironmentClaimed", "the uid is another object's")
	assert.Empty(t, sim.Requests(), "it is told before Railway is asked")
	assert.NotContains(t, s.run("plan", "-f", one, endpoint, "--cluster").err, "EnvironmentClaimed", "who holds it may have it")
}

// TestPlanOfWhoMayNotList: who may read less than the operator has a plan all the same, which says what is not known.
func TestPlanOfWhoMayNotList(t *testing.T) {
	const notKnown = "note: whether an EngineEnvironment %s holds the Railway environment is not known: you may not list them"
	s := newStage(t)
	_, endpoint := s.railway(adoptSeed)
	s.tier("dev", v1alpha1.TierDev, nil, nil)
	s.tier("held", v1alpha1.TierPreview, nil, func(status *v1alpha1.EngineEnvironmentStatus) {
		status.Railway = &v1alpha1.RailwayStatus{ProjectID: projectID, EnvironmentID: "e1", Environment: "blue"}
	})
	manifest := func(name, environment string) string {
		return s.file(name+".yaml", "apiVersion: railway.engine-operator.dev/v1alpha1\nkind: EngineEnvironment\nmetadata: {name: "+name+
			"}\nspec:\n  tier: Dev\n  railway: {projectID: "+projectID+", environment: "+environment+", tokenSecretRef: {name: railway}}\n"+
			"  engine: {name: ai-engine, source: {image: \"ghcr.io/acme/ai-engine:1.4.2\"}}\n")
	}
	dev, taken := manifest("dev", "dev"), manifest("taken", "blue")
	for _, tt := range []struct {
		user, besides string
		verbs         []string
		refused       bool
	}{
		{"lister", "of another namespace", []string{"get", "list"}, true},
		{"getter", "besides this one", []string{"get"}, false},
	} {
		s.as(tt.user, tt.verbs...)
		r := s.run("plan", "-f", dev, endpoint, "--cluster")
		assert.Equal(t, 2, r.code, r.err)
		assert.Contains(t, r.out, fmt.Sprintf(notKnown, tt.besides))
		r = s.run("plan", "-f", taken, endpoint, "--cluster")
		assert.Equal(t, tt.refused, strings.Contains(r.err, s.namespace+`/held holds the Railway environment "blue"`), r.err)
	}
}
