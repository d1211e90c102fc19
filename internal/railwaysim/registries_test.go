// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const registryPassword = "ghp-read-packages-77"

func private(o *railwaysim.Options) {
	o.Seed.Registries = []railwaysim.SeedRegistry{
		{Host: "ghcr.io/acme", Private: true, Username: "acme-bot", Password: registryPassword}, {Host: "ghcr.io/acme/open"},
	}
}

func pulling(name string, credentials any) map[string]any {
	return service(engine, map[string]any{"source": map[string]any{"image": name}, "deploy": map[string]any{"registryCredentials": credentials}})
}

// TestPrivateImage walks pulls with and without credentials (railway-api.md, "Private images").
func TestPrivateImage(t *testing.T) {
	t.Parallel()
	good := map[string]any{"username": "acme-bot", "password": registryPassword}
	for name, test := range map[string]struct {
		reason      string
		image       string
		credentials any
		status      string
	}{
		"none":             {"a private image needs credentials", "ghcr.io/acme/engine:1.0", nil, "FAILED"},
		"good":             {"with them it is pulled", "ghcr.io/acme/engine:1.0", good, "SUCCESS"},
		"pinned":           {"by digest too", "ghcr.io/acme/engine:1.0@" + otherDigest, good, "SUCCESS"},
		"wrong password":   {"the password must fit", "ghcr.io/acme/engine:1.0", map[string]any{"username": "acme-bot", "password": "x"}, "FAILED"},
		"wrong user":       {"the username, too", "ghcr.io/acme/engine:1.0", map[string]any{"username": "x", "password": registryPassword}, "FAILED"},
		"another prefix":   {"another part of the host is public", "ghcr.io/other/engine:1.0", nil, "SUCCESS"},
		"longest prefix":   {"the longest prefix decides", "ghcr.io/acme/open/engine:1.0", nil, "SUCCESS"},
		"no part of names": {"a prefix ends with a path's part", "ghcr.io/acmeco/engine:1.0", nil, "SUCCESS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, private)
			l.patch(pulling(test.image, test.credentials))
			a := l.run()
			assert.Equal(t, test.status, a.at("deployment", "status"), test.reason)
			denied := test.status == "FAILED"
			assert.Equal(t, denied, strings.Contains(a.Raw, "denied: requested access"), "the build log and the events say why")
			assert.NotContains(t, a.Raw, registryPassword)
		})
	}
}

func TestDockerHubIsTheDefaultRegistry(t *testing.T) {
	t.Parallel()
	l := start(t)
	require.NoError(t, l.sim.SetRegistry(railwaysim.RegistryEdit{Host: "docker.io", Private: true, Username: "u", Password: "p"}))
	l.patch(image("acme/engine:2.0"))
	assert.Equal(t, "FAILED", l.run().at("deployment", "status"))
}

// TestCredentialsNeverComeBack holds that they can be written and cleared, not read.
func TestCredentialsNeverComeBack(t *testing.T) {
	t.Parallel()
	l := start(t, private)
	good := map[string]any{"username": "acme-bot", "password": registryPassword}
	l.patch(pulling("ghcr.io/acme/engine:1.0", good))
	masked := map[string]any{"username": "*****", "password": "*****"}
	assert.Equal(t, masked, dig(l.config(true), "services", engine, "deploy", "registryCredentials"))
	assert.Equal(t, map[string]any{"username": nil, "password": nil}, dig(l.config(false), "services", engine, "deploy", "registryCredentials"))
	history := l.must(`query($e: String!) { environmentPatches(environmentId: $e) { edges { node { patch(decryptVariables: true) } } } }`, vars{"e": staging})
	assert.NotContains(t, history.Raw, registryPassword)
	assert.NotContains(t, l.run().Raw, registryPassword)
	for _, path := range []string{"/_sim/requests", "/_sim/state", "/_sim/deployments"} {
		_, shown := l.console("GET", path, "")
		assert.NotContains(t, shown, registryPassword, path)
	}

	assert.Empty(t, l.deployments(func() { l.patch(pulling("ghcr.io/acme/engine:1.0", good)) }), "the same again deploys nothing")
	l.patch(pulling("ghcr.io/acme/engine:1.0", nil))
	assert.Nil(t, dig(l.config(true), "services", engine, "deploy", "registryCredentials"), "null clears them")
	assert.Equal(t, "FAILED", l.run().at("deployment", "status"))
}

// TestRotatedCredentials holds that every pull asks, a restart's too.
func TestRotatedCredentials(t *testing.T) {
	t.Parallel()
	l := start(t, private)
	l.patch(pulling("ghcr.io/acme/engine:1.0", map[string]any{"username": "acme-bot", "password": registryPassword}))
	require.Equal(t, "SUCCESS", l.run().at("deployment", "status"))
	running := l.newest(1)[0].ID
	status, text := l.console("POST", "/_sim/registry", `{"host":"ghcr.io/acme","private":true,"username":"acme-bot","password":"rotated"}`)
	require.Equal(t, 200, status, text)
	assert.Equal(t, "SUCCESS", l.deployment(running).at("deployment", "status"), "what runs runs on")
	l.must(`mutation($id: String!) { deploymentRestart(id: $id) }`, vars{"id": running})
	l.advance(step)
	assert.Equal(t, "CRASHED", l.deployment(running).at("deployment", "status"), "a restart pulls")
	l.must(deployNow, vars{"e": staging, "s": engine})
	assert.Equal(t, "FAILED", l.run().at("deployment", "status"))
}

func TestCredentialsNeedThePlan(t *testing.T) {
	t.Parallel()
	credentials := map[string]any{"username": "u", "password": "p"}
	for name, act := range map[string]func(l *local) answer{
		"patch": func(l *local) answer {
			return l.ask(account, commit, vars{"e": staging, "p": pulling("acme/engine:1.0", credentials)})
		},
		"create": func(l *local) answer {
			return l.ask(account, `mutation($p: String!, $c: RegistryCredentialsInput) { serviceCreate(input: {projectId: $p, name: "new", registryCredentials: $c}) { id } }`, vars{"p": project, "c": credentials})
		},
		"update": func(l *local) answer {
			return l.ask(account, `mutation($s: String!, $e: String!, $c: RegistryCredentialsInput) { serviceInstanceUpdate(serviceId: $s, environmentId: $e, input: {registryCredentials: $c}) }`,
				vars{"s": engine, "e": staging, "c": credentials})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hobby := start(t, func(o *railwaysim.Options) { o.Seed.Workspaces[0].Plan = "Hobby" })
			a := act(hobby)
			assert.Equal(t, "PLAN_LIMIT", a.code())
			assert.Contains(t, a.message(), "upgrade your plan")
			assert.Nil(t, dig(hobby.config(true), "services", engine, "deploy", "registryCredentials"))
			assert.Empty(t, act(start(t)).Errors, "the Pro plan allows it")
		})
	}
}
