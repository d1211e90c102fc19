// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

const readmeSeed = `
workspaces: [{id: ws, name: acme, plan: Pro}]
tokens: [{name: t, kind: workspace, workspace: ws, value: 11111111-1111-4111-8111-111111111111}]
registries: [{host: ghcr.io, private: true, username: u, password: o}]
projects:
- id: p
  name: acme
  workspace: ws
  environments: [{id: e, name: production}]
  services:
  - id: s
    name: api
    environments:
      production:
        source: {image: "acme/engine:1.6.0"}
        variables: {API_KEY: {value: x}}
`

// TestReadmeCommands sends what each command of the console's block in hack/railway-sim/README.md sends, to a local Railway of its own.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../hack/railway-sim/README.md")
	require.NoError(t, err)
	commands := regexp.MustCompile(`(?m)^\$ curl (?:-d '([^']*)' )?\$SIM(/[a-z/]+)`).FindAllStringSubmatch(string(text), -1)
	assert.Len(t, commands, strings.Count(string(text), "$SIM/"), "every command was found")
	require.Greater(t, len(commands), 10)
	for _, command := range commands {
		body, path := command[1], "/_sim"+command[2]
		t.Run(path+" "+body, func(t *testing.T) {
			t.Parallel()
			seed, err := railwaysim.ParseSeed([]byte(readmeSeed))
			require.NoError(t, err)
			l := start(t, func(o *railwaysim.Options) { o.Seed = seed })
			if path == "/_sim/domain/verify" {
				l.human("/_sim/domain/add", `{"environment":"production","service":"api","domain":"www.acme.example"}`)
			}
			method := "POST"
			if body == "" {
				method = "GET"
			}
			status, answer := l.console(method, path, body)
			assert.Equal(t, 200, status, answer)
		})
	}
}
