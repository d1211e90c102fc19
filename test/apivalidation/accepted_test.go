// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAccepted holds what admission must not refuse, because somebody needs it.
func TestAccepted(t *testing.T) {
	cases := []struct{ tier, patch, reason string }{
		{"Local", ``, "a tier and a name are all that Local needs"},
		{"Dev", ``, "Dev needs where and what, too"},
		{"Preview", ``, "as does Preview"},
		{"Production", ``, "as does Production"},
		{
			"Local", `{settings: {securityMiddleware: {enabled: true}, debug: false, logging: {format: JSON}, rateLimit: {enabled: true}}, services: [{name: redis}]}`,
			"Local can be as strict as production, and knows its companions by name",
		},
		{"Local", `engine: {source: {image: "ghcr.io/acme/ai-engine:1.4.2"}, deploy: {regions: {us-west2: 1}}}`, "a spec copied to Local keeps its engine"},
		{
			"Production", `settings: {securityMiddleware: {enabled: true}, debug: false, logging: {format: JSON, level: WARNING}, rateLimit: {enabled: true, requestsPerMinute: 600}}`,
			"what the tier fixes may be said, and the rest be chosen",
		},
		{"Production", `settings: {securityMiddleware: {}, logging: {}, rateLimit: {}}`, "an empty section says nothing"},
		{
			"Production", `services: [{name: worker, source: {image: "ghcr.io/acme/worker:1"}, variables: [{name: DEBUG, value: "true"}]}]`,
			"a companion without the engine's settings has its own",
		},
		{"Preview", `settings: {debug: true, securityMiddleware: {enabled: false}}`, "only Production is fixed"},
		{
			"Dev", `verification: {checks: [{name: a, blames: Environment, inconclusive: status == 429, http: {path: /, host: api.acme.example,
			  headers: [{name: X-Forwarded-Host, value: a.example}, {name: Authorization, value: a}]}, status: 200}]}`,
			"a check says what it blames, when it says nothing, and which domain it asks",
		},
		{"Dev", `engine: {variables: [{name: FEATURE_FLAGS, value: ""}]}`, "an empty value is a value"},
		{"Dev", `engine: {variables: [{name: _private, value: "${{shared.MODEL}}"}, {name: model, value: a}, {name: MODEL, value: b}]}`, "names are case-sensitive"},
		{
			"Dev", `engine: {variables: [{name: RAILWAY_DOCKERFILE_PATH, value: docker/Dockerfile}, {name: RAILWAY_RUN_UID, value: "0"},
			  {name: RAILWAY_SHM_SIZE_BYTES, value: "1"}, {name: RAILWAY_HEALTHCHECK_TIMEOUT_SEC, value: "60"},
			  {name: RAILWAY_DEPLOYMENT_OVERLAP_SECONDS, value: "1"}, {name: RAILWAY_DEPLOYMENT_DRAINING_SECONDS, value: "1"}]}`,
			"these names are Railway's controls, and meant to be set",
		},
		{"Dev", `engine: {variables: [{name: RAILWAYS, value: trains}]}`, "only the prefix with its underscore is Railway's"},
		{"Dev", `railway: {environment: dev}`, "the default may be said"},
		{"Dev", `railway: {environment: "Acme Dev 2.0"}`, "people name environments on the dashboard"},
		{"Dev", `interval: 30s`, "the floor itself"},
		{"Dev", `interval: 1h30m`, "any way to write a duration"},
		{"Dev", `interval: 24h`, "the ceiling itself"},
		{"Dev", `engine: {deploy: {regions: {us-west2: 20, us-east4-eqdc4a: 10, europe-west4-drams3a: 10, asia-southeast1-eqsg3a: 10}}}`, "every region, and Enterprise's 50 replicas"},
		{"Dev", `engine: {deploy: {limits: {cpu: 500m, memory: 4Gi}}}`, "quantities as Kubernetes writes them"},
		{"Dev", `engine: {deploy: {limits: {cpu: 2, memory: 1.5G}}}`, "a number is a quantity"},
		{"Dev", `engine: {deploy: {healthcheck: {path: /}, restart: {maxRetries: 0}, overlap: 0s}}`, "zero retries and no overlap are choices"},
		{"Dev", `engine: {deploy: {healthcheck: {path: /health, timeout: 1m30s}}}`, "minutes and seconds"},
		{"Dev", `engine: {deploy: {limits: {cpu: 1m, memory: 1Mi}}}`, "the smallest limits"},
		{"Dev", `engine: {deploy: {limits: {cpu: 1000, memory: 1Ti}}}`, "the largest"},
		{"Dev", `engine: {deploy: {limits: {cpu: "1e3", memory: 1099511627776}}}`, "however they are written"},
		{"Dev", `engine: {deploy: {cronSchedule: "0 3 * * *", regions: {us-west2: 1}}}`, "a job in one place"},
		{"Dev", `services: [{name: worker, source: {image: "ghcr.io/acme/worker:1"}}, {name: worker-2, source: {image: "ghcr.io/acme/worker:1"}}]`, "names that differ"},
		{"Dev", `engine: {pullSecretRef: {name: ghcr}}`, "a private image"},
		{"Production", `{promotion: {from: preview}, engine: {source: null, pullSecretRef: {name: ghcr}}}`, "a tier pulls what it is promoted with its own credentials"},
		{"Production", `{promotion: {from: preview}, engine: {source: null}, services: [{name: worker, pullSecretRef: {name: ghcr}}]}`, "as do its companions"},
		{
			"Dev", `engine: {source: {image: null, repo: acme/ai-engine.py, branch: release/1.4, commit: 5c238350000000000000000000000000000000ab, rootDirectory: services/engine},
			  build: {builder: Dockerfile, dockerfilePath: Dockerfile, watchPatterns: ["services/engine/**"]}}`,
			"a repository, all of it",
		},
		{"Dev", `settings: {pythonVersion: "3.10"}`, "the oldest Python that lives"},
		{"Dev", `settings: {pythonVersion: "3.13.1"}`, "a patch release"},
		{
			"Dev", `engine: {variablesFrom: [{secretRef: {name: a}, sealed: true}, {configMapRef: {name: a}, prefix: A_}]}`,
			"a Secret and a ConfigMap of one name are two objects",
		},
	}
	c, namespace := kube(t)
	for _, tc := range cases {
		t.Run(tc.tier+" "+tc.patch, func(t *testing.T) {
			err := try(t, c, environment(namespace, "accepted", spec(t, tc.tier, tc.patch)))
			assert.Empty(t, complaints(t, err), tc.reason)
		})
	}
}
