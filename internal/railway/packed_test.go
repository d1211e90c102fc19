// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func TestPackedKeepsEverything(t *testing.T) {
	c, _ := readingClient(t, 1)
	env, err := c.Environment(t.Context(), "p1", "e1")
	require.NoError(t, err)
	p := pack(env)
	assert.Same(t, env, p.environment(), "who holds it shares it")
	copied := &packed{body: p.body}
	assert.Equal(t, env, copied.environment())
	assert.Equal(t, digest(env), digest(copied.environment()))
	assert.Nil(t, pack(nil).environment())
	odd := &model.Environment{Config: model.Tree{"x": func() {}}}
	assert.Same(t, odd, pack(odd).environment(), "what is no JSON is kept as it is")
	runtime.KeepAlive(env)
}

func TestPackedIsOpenedOnceAtATime(t *testing.T) {
	p := &packed{body: pack(&model.Environment{ID: "e1"}).body}
	first := p.environment()
	assert.Same(t, first, p.environment())
	runtime.KeepAlive(first)
	runtime.GC()
	assert.Equal(t, "e1", p.environment().ID)
}

// realistic is the answer for an environment of two services with 25 variables, four deployments and ten patches of history; a real one
// has ids of its own.
func realistic(environment, project string, random func() string) object {
	api, worker := random(), random()
	variables, config := []object{}, object{}
	for i := range 25 {
		name := fmt.Sprintf("ENGINE_SETTING_%02d", i)
		config[name] = object{"value": fmt.Sprintf("%s-%s", strings.ToLower(name), random())}
		variables = append(variables, object{"name": name, "serviceId": api, "isSealed": i%8 == 0})
	}
	service := func(variables object) object {
		return object{
			"source": object{"image": "ghcr.io/acme/ai-engine:1.4.2"}, "variables": variables,
			"build":      object{"builder": "RAILPACK", "buildEnvironment": "V3"},
			"networking": object{"serviceDomains": object{environment + ".up.railway.app": object{"port": 8000}}},
			"deploy": object{
				"runtime": "V2", "restartPolicyType": "ON_FAILURE", "restartPolicyMaxRetries": 10, "healthcheckPath": "/health", "healthcheckTimeout": 300,
				"multiRegionConfig": object{"us-west2": object{"numReplicas": 2}}, "sleepApplication": false, "useLegacyStacker": false,
			},
		}
	}
	instance := func(id, name string) object {
		i := instanceData(random(), id, name)
		i["latestDeployment"] = deploymentData(random(), "SUCCESS", noon)
		i["activeDeployments"] = []object{i["latestDeployment"].(object)}
		i["domains"].(object)["serviceDomains"] = []object{{"id": random(), "domain": environment + ".up.railway.app", "targetPort": 8000, "deletedAt": nil}}
		return i
	}
	patches := []object{}
	for i := range 20 {
		changed := object{}
		for j := range 25 {
			if i == 0 || j%20 == i {
				changed[fmt.Sprintf("ENGINE_SETTING_%02d", j)] = object{"value": nil}
			}
		}
		p := patchData(random(), "COMMITTED", noon.Add(time.Duration(i)*time.Hour), object{"services": object{api: object{"variables": changed}}})
		p["message"] = "engine-operator: namespace/tier generation 7 [" + random()[:8] + "]"
		patches = append(patches, p)
	}
	return object{
		"environment": object{
			"id": environment, "name": "production", "projectId": project, "deletedAt": nil, "isEphemeral": false, "sourceEnvironment": nil,
			"config":    object{"services": object{api: service(config), worker: service(object{})}, "sharedVariables": object{}},
			"variables": edges(variables...), "serviceInstances": edges(instance(api, "ai-engine"), instance(worker, "worker")),
			"deploymentTriggers": edges(), "volumeInstances": edges(),
		},
		"environmentStagedChanges": patchData("<empty>", "STAGED", noon, object{}),
		"environmentPatches":       edges(patches...),
	}
}

// BenchmarkSnapshotMemory reports what the watch keeps of an environment that nobody looks at, and what it would be if it kept what it
// decoded.
func BenchmarkSnapshotMemory(b *testing.B) {
	const n = 2000
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for _, hold := range []bool{true, false} {
		b.Run(map[bool]string{true: "decoded", false: "packed"}[hold], func(b *testing.B) {
			c, _ := readingClient(b, 1)
			id := uuid.NewString()
			c.gql.wire.http.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
				answer := marshalled(b, object{"data": realistic(id, "p1", uuid.NewString)})
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
			})
			for b.Loop() {
				views, environments := make([]view, n), make([]*model.Environment, n)
				before := heap()
				for i := range n {
					c.read(b.Context(), []want{{environmentRef: environmentRef{"p1", id}}}, func(_ int, o outcome) {
						require.NoError(b, o.err)
						views[i] = o.view
						if hold {
							environments[i] = o.held.environment()
							views[i].held = nil
						}
					})
				}
				b.ReportMetric((heap()-before)/n, "B/snapshot")
				runtime.KeepAlive(views)
				runtime.KeepAlive(environments)
			}
		})
	}
}

func BenchmarkUnpack(b *testing.B) {
	c, _ := readingClient(b, 1)
	id := uuid.NewString()
	answer := marshalled(b, object{"data": realistic(id, "p1", uuid.NewString)})
	c.gql.wire.http.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
	})
	env, err := c.Environment(b.Context(), "p1", id)
	require.NoError(b, err)
	body := pack(env).body
	b.Run("pack", func(b *testing.B) {
		for b.Loop() {
			pack(env)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			(&packed{body: body}).environment()
		}
	})
}
