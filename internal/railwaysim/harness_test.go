// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/schema"
	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// What the seed of every test holds.
const (
	project    = "0bb01547-570d-4109-a5e8-138691f6a2d1"
	production = "3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e201"
	staging    = "3f1c8a74-5d3e-4f0a-9c47-b5d8f0a1e202"
	engine     = "7d1f0c3a-2b4e-4c6d-8e8f-1a2b3c4d5e01"
	worker     = "7d1f0c3a-2b4e-4c6d-8e8f-1a2b3c4d5e02"

	// account reaches everything, stranger another workspace, scoped only staging.
	account  = "11111111-1111-4111-8111-111111111111"
	stranger = "22222222-2222-4222-8222-222222222222"
	scoped   = "33333333-3333-4333-8333-333333333333"
	// revoked is sent as a project token and is unknown.
	revoked = "44444444-4444-4444-8444-444444444444"

	// step is how long a deployment stays in each state.
	step = 10 * time.Minute
)

const seed = `
workspaces:
- {id: w1, name: acme, plan: Pro}
- {id: w2, name: other, plan: Hobby}
users:
- {id: u1, name: Dana Dashboard, email: dana@acme.example}
projects:
- id: ` + project + `
  name: ai-engine
  workspace: w1
  environments:
  - {id: ` + production + `, name: production}
  - id: ` + staging + `
    name: staging
    sharedVariables: {REGION_NAME: west}
  services:
  - id: ` + engine + `
    name: engine
    environments:
      production: {source: {image: "acme/engine:1.0"}, variables: {LOG_LEVEL: {value: info}}}
      staging:
        source: {image: "acme/engine:1.0"}
        deploy: {healthcheckPath: /health}
        variables: {LOG_LEVEL: {value: debug}, WHERE: {value: "${{shared.REGION_NAME}}"}}
  - id: ` + worker + `
    name: worker
    environments:
      staging: {source: {image: "acme/worker:1.0"}, variables: {QUEUE: {value: jobs}}}
tokens:
- {name: dana, kind: account, value: ` + account + `, user: u1}
- {name: elsewhere, kind: workspace, value: ` + stranger + `, workspace: w2}
- {name: staging-only, kind: project, value: ` + scoped + `, user: u1, project: ` + project + `, environment: ` + staging + `}
`

// whole is the slice with what only Railway's full schema has, where tests need it.
var whole = schema.SDL + `
extend schema { subscription: Subscription }
extend type Mutation {
  serviceInstanceAutoDeployUpdate(input: ServiceInstanceAutoDeployUpdateInput!): ServiceInstanceAutoDeployUpdateResult!
}
extend type Query {
  projectsByIds(ids: [String!]!): [Project!]!
  serviceInstanceAutoDeployStatus(environmentId: String!, projectId: String!, serviceId: String!): ServiceInstanceAutoDeployStatus!
}
type Subscription { deployment(id: String!): Deployment! }
input ServiceInstanceAutoDeployUpdateInput { enabled: Boolean!, environmentId: String!, projectId: String!, serviceId: String! }
type ServiceInstanceAutoDeployUpdateResult { enabled: Boolean! }
type ServiceInstanceAutoDeployStatus { canEnable: Boolean!, enabled: Boolean!, reason: String }
`

// withWhole serves the slice and what only the full schema has.
func withWhole(o *railwaysim.Options) { o.SchemaSDL = whole }

// local is a local Railway reached as any client reaches it: over HTTP. Its clock stands still but for advance and for a
// little per request, which keeps the requests under the rate per second.
type local struct {
	t   *testing.T
	sim *railwaysim.Sim
	url string

	mu  sync.Mutex
	now time.Time
}

// start serves the seed; change may alter the options before.
func start(t *testing.T, change ...func(*railwaysim.Options)) *local {
	t.Helper()
	parsed, err := railwaysim.ParseSeed([]byte(seed))
	require.NoError(t, err)
	l := &local{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	options := railwaysim.Options{Seed: parsed, Step: step, Now: l.clock}
	for _, c := range change {
		c(&options)
	}
	l.sim, err = railwaysim.New(options)
	require.NoError(t, err)
	endpoint, stop, err := l.sim.Start()
	require.NoError(t, err)
	t.Cleanup(stop)
	l.url = strings.TrimSuffix(endpoint, "/graphql/v2")
	return l
}

func (l *local) clock() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *local) advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Raw    string
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions map[string]any
	}
}

// message is the first error's text, or nothing.
func (a answer) message() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Message
}

// code is the first error's code, or nothing.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// at reads a value by its keys; a missing one is nil.
func (a answer) at(keys ...string) any {
	var value any = a.Data
	for _, key := range keys {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

type vars map[string]any

// try sends an operation; err is the transport's.
func (l *local) try(token, query string, variables vars) (answer, error) {
	l.t.Helper()
	l.advance(100 * time.Millisecond)
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	require.NoError(l.t, err)
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.url+"/graphql/v2?source=test", bytes.NewReader(body))
	require.NoError(l.t, err)
	request.Header.Set("Content-Type", "application/json")
	switch token {
	case "":
	case scoped, revoked:
		request.Header.Set("Project-Access-Token", token)
	default:
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	a := answer{Status: response.StatusCode, Header: response.Header, Raw: string(raw)}
	_ = json.Unmarshal(raw, &a) // a body that is no JSON leaves Data and Errors empty
	return a, err
}

// ask sends an operation and wants an answer, with or without errors in it.
func (l *local) ask(token, query string, variables vars) answer {
	l.t.Helper()
	a, err := l.try(token, query, variables)
	require.NoError(l.t, err)
	return a
}

// must sends an operation as the account and wants no errors.
func (l *local) must(query string, variables vars) answer {
	l.t.Helper()
	a := l.ask(account, query, variables)
	require.Equal(l.t, http.StatusOK, a.Status, a.Raw)
	require.Empty(l.t, a.Errors, "the answer to %s has errors", query)
	return a
}

const commit = `mutation Commit($e: String!, $p: EnvironmentConfig) { environmentPatchCommit(environmentId: $e, patch: $p, commitMessage: "test") }`

// service is a patch of one service.
func service(id string, change map[string]any) map[string]any {
	return map[string]any{"services": map[string]any{id: change}}
}

// patch commits a patch to staging.
func (l *local) patch(change map[string]any) {
	l.t.Helper()
	l.must(commit, vars{"e": staging, "p": change})
}

// config reads staging's config.
func (l *local) config(decrypt bool) map[string]any {
	l.t.Helper()
	a := l.must(`query Config($e: String!, $d: Boolean) { environment(id: $e) { config(decryptVariables: $d) } }`, vars{"e": staging, "d": decrypt})
	config, _ := a.at("environment", "config").(map[string]any)
	require.NotNil(l.t, config)
	return config
}

// dig reads a value of a config by its keys; a missing one is nil.
func dig(config map[string]any, keys ...string) any { return answer{Data: config}.at(keys...) }

// console calls the console and returns its answer's text.
func (l *local) console(method, path, body string) (int, string) {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), method, l.url+path, strings.NewReader(body))
	require.NoError(l.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(l.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(l.t, err)
	return response.StatusCode, string(raw)
}

// deployments counts the deployments that the function starts, by environment and service.
func (l *local) deployments(act func()) map[string]int {
	before := len(l.sim.Deployments())
	act()
	started := map[string]int{}
	for _, d := range l.newest(len(l.sim.Deployments()) - before) {
		started[d.Environment+"/"+d.Service]++
	}
	return started
}

// newest returns the last n deployments.
func (l *local) newest(n int) []railwaysim.Deployed {
	all := l.sim.Deployments()
	return all[len(all)-n:]
}

// run walks the newest deployment to its end and returns what a client reads of it.
func (l *local) run() answer {
	l.t.Helper()
	id := l.newest(1)[0].ID
	l.advance(30 * step)
	return l.deployment(id)
}

// in is a place in the seed's project.
func in(environment, service string) railwaysim.Place {
	return railwaysim.Place{Environment: environment, Service: service}
}

const deployNow = `mutation($e: String!, $s: String!, $c: String) { serviceInstanceDeployV2(environmentId: $e, serviceId: $s, commitSha: $c) }`

// repo is a patch that gives the engine a repository.
func repo(name string, more ...map[string]any) map[string]any {
	source := map[string]any{"image": nil, "repo": name}
	for _, m := range more {
		maps.Copy(source, m)
	}
	return service(engine, map[string]any{"source": source})
}
