// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRefused holds what admission refuses, and every line of what a person then reads.
func TestRefused(t *testing.T) {
	const (
		fixed = "the Production tier fixes ENV, DEBUG, LOG_FORMAT, SECURITY_MIDDLEWARE_ENABLED, TENANT_ISOLATION_ENABLED, " +
			"RATE_LIMIT_ENABLED and RATE_LIMIT_RPM"
		system   = `: Invalid value: "RAILWAY_PROJECT_ID": Railway sets the RAILWAY_* variables itself: remove it or choose another name`
		oneValue = ": Invalid value: set exactly one of value and valueFrom"
		tooMany  = "spec.engine.deploy.regions: Invalid value: a service has at most 50 replicas over all its regions: lower their numbers"
		interval = ": interval must be between 30s and 24h, for example 5m"
		cpu      = ": limits.cpu must be a quantity between 1m and 1000 cores, for example 2 or 500m; without it Railway's limit stays"
		memory   = ": limits.memory must be a quantity between 1Mi and 1Ti, for example 4Gi or 512Mi (the units are Ki, Mi, Gi, Ti " +
			"or k, M, G, T, without a B); without it Railway's limit stays"
		// What is said of headers that a check cannot set.
		ownHeader = "the operator sets this header itself, or HTTP does not allow it: remove it; to ask another host, set host"
		path      = "path starts with / and has no blanks (write %20 for one), for example /health?full=1"
		timeout   = ": healthcheck.timeout must be between 1s and 1h, in whole seconds, for example 300s"
	)
	cases := []struct {
		tier, patch, reason string
		want                []string
	}{{
		tier: "Production", patch: `settings: {securityMiddleware: {enabled: false}}`,
		reason: "production is never without tenant isolation",
		want: []string{"spec: Invalid value: the Production tier keeps its security middleware on: " +
			"remove settings.securityMiddleware.enabled or set it to true"},
	}, {
		tier: "Production", patch: `settings: {debug: true}`,
		reason: "debug mode shows tracebacks to strangers",
		want:   []string{"spec: Invalid value: the Production tier keeps debug off: remove settings.debug or set it to false"},
	}, {
		tier: "Production", patch: `settings: {logging: {format: Simple}}`,
		reason: "whoever reads production's logs is a program",
		want:   []string{"spec: Invalid value: the Production tier logs JSON: remove settings.logging.format or set it to JSON"},
	}, {
		tier: "Production", patch: `settings: {rateLimit: {enabled: false}}`,
		reason: "production always limits its clients",
		want: []string{"spec: Invalid value: the Production tier keeps its rate limit on: " +
			"remove settings.rateLimit.enabled or set it to true"},
	}, {
		tier: "Production", patch: `engine: {variables: [{name: DEBUG, value: "true"}]}`,
		reason: "a variable is no way round the tier",
		want:   []string{"spec: Invalid value: " + fixed + ": remove them from engine.variables, and set the rate in settings.rateLimit"},
	}, {
		tier: "Production",
		patch: `services: [{name: worker, source: {image: ghcr.io/acme/worker:1}, inheritSettings: true,
		                    variables: [{name: LOG_FORMAT, value: simple}]}]`,
		reason: "nor is a companion that inherits the settings",
		want:   []string{"spec: Invalid value: " + fixed + " for services that inherit the settings: remove them from their variables"},
	}, {
		tier: "Production", patch: `settings: {debug: true, rateLimit: {enabled: false}}`,
		reason: "every mistake is named at once",
		want: []string{
			"spec: Invalid value: the Production tier keeps debug off: remove settings.debug or set it to false",
			"spec: Invalid value: the Production tier keeps its rate limit on: remove settings.rateLimit.enabled or set it to true",
		},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: RAILWAY_PROJECT_ID, value: other}]}`,
		reason: "Railway provides it",
		want:   []string{"spec.engine.variables[0].name" + system},
	}, {
		tier: "Dev", patch: `sharedVariables: [{name: RAILWAY_PROJECT_ID, value: other}]`,
		reason: "in shared variables as well",
		want:   []string{"spec.sharedVariables[0].name" + system},
	}, {
		tier:   "Dev",
		patch:  `services: [{name: worker, source: {image: ghcr.io/acme/worker:1}, variables: [{name: RAILWAY_PROJECT_ID, value: other}]}]`,
		reason: "and in a companion's",
		want:   []string{"spec.services[0].variables[0].name" + system},
	}, {
		tier: "Local", patch: `verification: {interval: 5m}`, reason: "nothing runs that could be checked",
		want: []string{"spec: Invalid value: the Local tier runs nowhere that could be checked: remove verification, or choose another tier"},
	}, {
		tier: "Local", patch: `{promotion: {from: dev}, engine: {source: null}}`, reason: "nothing runs there",
		want: []string{"spec: Invalid value: nothing is promoted to the Local tier: remove promotion, or choose another tier"},
	}, {
		tier: "Local", patch: `budget: {monthlyUSD: 5}`, reason: "a laptop is not on Railway's bill",
		want: []string{"spec: Invalid value: the Local tier costs nothing on Railway: remove budget, or choose another tier"},
	}, {
		tier: "Production", patch: `verification: {disabledChecks: [middleware]}`, reason: "production's security is always checked",
		want: []string{"spec: Invalid value: the Production tier always checks its middleware: remove middleware from verification.disabledChecks"},
	}, {
		tier: "Production", patch: `verification: {checks: [{name: middleware, http: {path: /}, status: 200}]}`, reason: "and not by something else",
		want: []string{"spec: Invalid value: the Production tier's middleware check cannot be replaced: give yours another name"},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /}, logs: {}, expect: "true"}]}`, reason: "one kind",
		want: []string{"spec.verification.checks[0]: Invalid value: set exactly one of http, logs and load"},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /}}]}`, reason: "a check must be able to fail",
		want: []string{"spec.verification.checks[0]: Invalid value: say what must hold: set expect, status or contains"},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: revision, http: {path: /}, status: 200}]}`, reason: "the operator's own",
		want: []string{`spec.verification.checks[0].name: Invalid value: "revision": the revision check is the operator's own: choose another name`},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: Model_answers, http: {path: health, host: "https://api.acme.example/"}, status: 200}]}`,
		reason: "the format is told in words, with an example",
		want: []string{
			`spec.verification.checks[0].http.host: Invalid value: "https://api.acme.example/": ` +
				"host is a name in lower case, without scheme, port and path, for example api.acme.example",
			`spec.verification.checks[0].http.path: Invalid value: "health": ` + path,
			`spec.verification.checks[0].name: Invalid value: "Model_answers": ` +
				"a check's name has lower-case letters, digits and - only, and starts and ends with a letter or digit, for example model-answers",
		},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, load: {path: "/a b", headers: [{name: "X-Tenant: ", value: a}]}, expect: "true"}]}`,
		reason: "of a load as of a request",
		want: []string{
			`spec.verification.checks[0].load.headers[0].name: Invalid value: "X-Tenant: ": a header's name has letters, digits and - only, for example X-Tenant-ID`,
			`spec.verification.checks[0].load.path: Invalid value: "/a b": ` + path,
		},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /, headers: [{name: Host, value: a.example}]}, status: 200}]}`,
		reason: "Go ignores such a header, so the request would not be what was asked for",
		want:   []string{`spec.verification.checks[0].http.headers[0].name: Invalid value: "Host": ` + ownHeader},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, load: {path: /, headers: [{name: content-LENGTH, value: "3"}]}, expect: "true"}]}`,
		reason: "names of headers are the same in any case",
		want:   []string{`spec.verification.checks[0].load.headers[0].name: Invalid value: "content-LENGTH": ` + ownHeader},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /, headers: [{name: Transfer-Encoding, value: chunked}]}, status: 200}]}`,
		reason: "HTTP's own headers are the connection's",
		want:   []string{`spec.verification.checks[0].http.headers[0].name: Invalid value: "Transfer-Encoding": ` + ownHeader},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /}, status: 200, timeout: 1m}, {name: b, load: {path: /, duration: 1m}, expect: "true"}]}`,
		reason: "a minute is within the bounds, but no number of seconds",
		want: []string{
			`spec.verification.checks[0].timeout: Invalid value: "1m": a check's timeout must be between 1s and 60s, in seconds, for example 10s`,
			`spec.verification.checks[1].load.duration: Invalid value: "1m": load.duration must be between 1s and 60s, in seconds, for example 30s`,
		},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /}, status: 200, blames: Provider}]}`, reason: "two can be blamed",
		want: []string{`spec.verification.checks[0].blames: Unsupported value: "Provider": supported values: "Revision", "Environment"`},
	}, {
		tier: "Dev", patch: `verification: {checks: [{name: a, http: {path: /}, status: 200, inconclusive: ""}]}`, reason: "an empty expression is a mistake",
		want: []string{`spec.verification.checks[0].inconclusive: Invalid value: "": spec.verification.checks[0].inconclusive in body should be at least 1 chars long`},
	}, {
		tier: "Dev", patch: `promotion: {from: base}`, reason: "two sources",
		want: []string{"spec: Invalid value: set exactly one of engine.source (an image, or a repo) and promotion, which takes the source from the tier before"},
	}, {
		tier: "Dev", patch: `engine: {variablesFrom: [{prefix: RAILWAY_, configMapRef: {name: extra}}]}`,
		reason: "a prefix must not make such a name either",
		want: []string{`spec.engine.variablesFrom[0].prefix: Invalid value: "RAILWAY_": RAILWAY_ names belong to Railway itself: ` +
			"choose another prefix"},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: MODEL, value: small}, {name: MODEL, value: large}]}`,
		reason: "nobody can say which value is meant",
		want:   []string{`spec.engine.variables[1]: Duplicate value: {"name":"MODEL"}`},
	}, {
		tier: "Dev", patch: `sharedVariables: [{name: MODEL, value: small}, {name: MODEL, value: small}]`,
		reason: "even when both say the same",
		want:   []string{`spec.sharedVariables[1]: Duplicate value: {"name":"MODEL"}`},
	}, {
		tier: "Dev", patch: `services: [{name: worker, source: {image: ghcr.io/acme/worker:1}}, {name: worker, source: {image: ghcr.io/acme/worker:2}}]`,
		reason: "a name means one service",
		want:   []string{`spec.services[1]: Duplicate value: {"name":"worker"}`},
	}, {
		tier: "Dev", patch: `services: [{name: ai-engine, source: {image: ghcr.io/acme/worker:1}}]`,
		reason: "the engine is a service too",
		want:   []string{"spec: Invalid value: a service has the engine's name, or one that differs in case only: names are unique within the project, rename one of them"},
	}, {
		tier: "Dev", patch: `services: [{name: AI-Engine, source: {image: ghcr.io/acme/worker:1}}]`,
		reason: "people and host names do not tell case apart",
		want: []string{"spec: Invalid value: a service has the engine's name, or one that differs in case only: " +
			"names are unique within the project, rename one of them"},
	}, {
		tier: "Dev", patch: `services: [{name: worker, source: {image: ghcr.io/acme/worker:1}}, {name: Worker, source: {image: ghcr.io/acme/worker:1}}]`,
		reason: "nor of companions",
		want: []string{"spec: Invalid value: two services have names that differ in case only: " +
			"names are unique within the project, rename one of them"},
	}, {
		tier: "Dev", patch: `engine: {source: {image: null}}`,
		reason: "neither image nor repo",
		want:   []string{"spec.engine.source: Invalid value: set exactly one of image and repo"},
	}, {
		tier: "Dev", patch: `engine: {source: {repo: acme/ai-engine}}`,
		reason: "both image and repo",
		want:   []string{"spec.engine.source: Invalid value: set exactly one of image and repo"},
	}, {
		tier: "Dev", patch: `engine: {source: {image: null, repo: acme/ai-engine}, pullSecretRef: {name: ghcr}}`,
		reason: "Railway pulls no image for a repository",
		want:   []string{"spec.engine: Invalid value: pullSecretRef is for images: remove it, or set source.image instead of source.repo"},
	}, {
		tier: "Local", patch: `engine: {pullSecretRef: {name: ghcr}}`,
		reason: "nothing runs, so that nothing is pulled",
		want:   []string{"spec: Invalid value: the Local tier pulls no image: remove pullSecretRef from engine and services, or choose another tier"},
	}, {
		tier: "Local", patch: `services: [{name: worker, pullSecretRef: {name: ghcr}}]`,
		reason: "nor for its companions",
		want:   []string{"spec: Invalid value: the Local tier pulls no image: remove pullSecretRef from engine and services, or choose another tier"},
	}, {
		tier: "Dev", patch: `engine: {pullSecretRef: {}}`,
		reason: "a reference names something",
		want:   []string{`spec.engine.pullSecretRef.name: Required value`},
	}, {
		tier: "Dev", patch: `services: [{name: worker, source: {repo: acme/worker}, pullSecretRef: {name: ghcr}}]`,
		reason: "a companion's repository is no image either",
		want:   []string{"spec.services[0]: Invalid value: pullSecretRef is for images: remove it, or set source.image instead of source.repo"},
	}, {
		tier: "Dev", patch: `engine: {source: {branch: main}}`,
		reason: "an image has no branch",
		want: []string{"spec.engine.source: Invalid value: branch, commit and rootDirectory go with repo: " +
			"remove them, or set repo instead of image"},
	}, {
		tier: "Dev", patch: `engine: {source: null}`,
		reason: "Railway must be told what to run",
		want:   []string{"spec: Invalid value: set exactly one of engine.source (an image, or a repo) and promotion, which takes the source from the tier before"},
	}, {
		tier: "Dev", patch: `services: [{name: worker}]`,
		reason: "for companions too",
		want:   []string{"spec: Invalid value: every service needs a source: set image, or repo"},
	}, {
		tier: "Dev", patch: `engine: {source: {image: "https://ghcr.io/acme/ai-engine"}}`,
		reason: "an image reference is no URL",
		want: []string{`spec.engine.source.image: Invalid value: "https://ghcr.io/acme/ai-engine": ` +
			imageForm},
	}, {
		tier: "Dev", patch: `engine: {source: {image: null, repo: "https://github.com/acme/ai-engine", commit: 5c23835}}`,
		reason: "people paste URLs and short SHAs",
		want: []string{
			`spec.engine.source.commit: Invalid value: "5c23835": commit must be the full SHA of 40 lower-case hexadecimal digits: ` +
				"git rev-parse <commit> prints it",
			`spec.engine.source.repo: Invalid value: "https://github.com/acme/ai-engine": ` +
				"repo must be owner/name on GitHub, for example acme/ai-engine, and no URL",
		},
	}, {
		tier: "Local", patch: `railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}`,
		reason: "Local never calls Railway",
		want: []string{"spec: Invalid value: the Local tier writes a Secret and never calls Railway: " +
			"remove railway, or choose another tier"},
	}, {
		tier: "Dev", patch: `railway: null`,
		reason: "the other tiers do",
		want: []string{"spec: Invalid value: this tier runs on Railway: " +
			"set railway with projectID and tokenSecretRef, or choose tier Local"},
	}, {
		tier: "Dev", patch: `railway: {tokenSecretRef: null}`,
		reason: "nothing is done on Railway without a token",
		want:   []string{"spec.railway.tokenSecretRef: Required value"},
	}, {
		tier: "Dev", patch: `railway: {projectID: ai-engine}`,
		reason: "names of projects are not unique, ids are",
		want: []string{`spec.railway.projectID: Invalid value: "ai-engine": ` +
			"projectID must be a UUID in lower case: copy it from the address of the project on Railway's dashboard"},
	}, {
		tier: "Dev", patch: `railway: {environment: /dev}`,
		reason: "a slash would break references between services",
		want: []string{`spec.railway.environment: Invalid value: "/dev": ` +
			"an environment's name has letters, digits, spaces and . _ - only, and starts and ends with a letter or digit"},
	}, {
		tier: "Staging", reason: "there are four tiers",
		want: []string{`spec.tier: Unsupported value: "Staging": supported values: "Local", "Dev", "Preview", "Production"`},
	}, {
		tier: "Dev", patch: `engine: {deploy: {regions: {California: 1}}}`,
		reason: "the dashboard's label is not the region's name",
		want: []string{"spec.engine.deploy.regions: Invalid value: not a Railway region: use names such as us-west2, " +
			"us-east4-eqdc4a, europe-west4-drams3a or asia-southeast1-eqsg3a"},
	}, {
		tier: "Dev", patch: `engine: {deploy: {regions: {}}}`,
		reason: "a service runs somewhere",
		want:   []string{"spec.engine.deploy.regions: Invalid value: 0: spec.engine.deploy.regions in body should have at least 1 properties"},
	}, {
		tier: "Dev", patch: `engine: {deploy: {regions: {us-west2: 0}}}`,
		reason: "a region without replicas is given up by leaving it out",
		want:   []string{"spec.engine.deploy.regions: Invalid value: a region has at least 1 replica: remove the region to give it up"},
	}, {
		tier: "Dev", patch: `engine: {deploy: {regions: {us-west2: 51}}}`,
		reason: "Railway's highest limit, of the Enterprise plan",
		want:   []string{tooMany},
	}, {
		tier: "Dev", patch: `engine: {deploy: {regions: {us-west2: 26, us-east4-eqdc4a: 25}}}`,
		reason: "which counts over all regions",
		want:   []string{tooMany},
	}, {
		tier: "Dev", patch: `interval: 10s`, reason: "it would eat Railway's request budget",
		want: []string{`spec.interval: Invalid value: "10s"` + interval},
	}, {
		tier: "Dev", patch: `interval: 25h`, reason: "drift must be found within a day",
		want: []string{`spec.interval: Invalid value: "25h"` + interval},
	}, {
		tier: "Dev", patch: `interval: soon`, reason: "no duration at all gets the same words",
		want: []string{`spec.interval: Invalid value: "soon"` + interval},
	}, {
		tier: "Dev", patch: `interval: 99999999999h`, reason: "longer than a duration can say",
		want: []string{`spec.interval: Invalid value: "string": type conversion error from 'string' to 'google.protobuf.Duration' ` +
			"evaluating rule" + interval},
	}, {
		tier: "Dev", patch: `interval: 300`, reason: "a number has no unit",
		want: []string{`spec.interval: Invalid value: "integer": spec.interval in body must be of type string: "integer"`},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: MODEL}]}`, reason: "a variable without a value says nothing",
		want: []string{"spec.engine.variables[0]" + oneValue},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: MODEL, value: small, valueFrom: {secretKeyRef: {name: models, key: default}}}]}`,
		reason: "two values contradict each other",
		want:   []string{"spec.engine.variables[0]" + oneValue},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: MODEL, valueFrom: {}}]}`, reason: "a value comes from somewhere",
		want: []string{"spec.engine.variables[0].valueFrom: Invalid value: set exactly one of secretKeyRef and configMapKeyRef"},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: MODEL, valueFrom: {secretKeyRef: {name: models}}}]}`, reason: "from one key",
		want: []string{"spec.engine.variables[0].valueFrom.secretKeyRef.key: Required value"},
	}, {
		tier: "Dev", patch: `engine: {variablesFrom: [{prefix: A_}]}`, reason: "variables come from somewhere",
		want: []string{"spec.engine.variablesFrom[0]: Invalid value: set exactly one of secretRef and configMapRef"},
	}, {
		tier: "Dev", patch: `engine: {variablesFrom: [{secretRef: {name: models}, configMapRef: {name: models}}]}`,
		reason: "from one place per entry",
		want:   []string{"spec.engine.variablesFrom[0]: Invalid value: set exactly one of secretRef and configMapRef"},
	}, {
		tier: "Dev", patch: `engine: {variablesFrom: [{prefix: models-, secretRef: {name: models}}]}`,
		reason: "no shell could read such a variable",
		want: []string{`spec.engine.variablesFrom[0].prefix: Invalid value: "models-": ` +
			"a prefix has letters, digits and _ only, and does not start with a digit"},
	}, {
		tier: "Dev", patch: `engine: {variables: [{name: 1ST-MODEL, value: small}]}`, reason: "nor this one",
		want: []string{`spec.engine.variables[0].name: Invalid value: "1ST-MODEL": ` +
			"a variable's name has letters, digits and _ only, and does not start with a digit"},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: "0", memory: -1Gi}}}`, reason: "nothing runs on nothing",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: "0"` + cpu,
			`spec.engine.deploy.limits.memory: Invalid value: "-1Gi"` + memory,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: 0m, memory: 0}}}`, reason: "however zero is written",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: "0m"` + cpu,
			`spec.engine.deploy.limits.memory: Invalid value: 0` + memory,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: two, memory: 4GB}}}`,
		reason: "what is no quantity is told once, with an example, and without a regular expression",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: "two"` + cpu,
			`spec.engine.deploy.limits.memory: Invalid value: "4GB"` + memory,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: 1.5, memory: true}}}`, reason: "YAML makes something else of what has no quotes",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: "number": spec.engine.deploy.limits.cpu in body must be of type integer,string: "number"`,
			`spec.engine.deploy.limits.memory: Invalid value: "boolean": spec.engine.deploy.limits.memory in body must be of type integer,string: "boolean"`,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: 4000, memory: "1e30"}}}`,
		reason: "more than Railway gives to a service with all its replicas",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: 4000` + cpu,
			`spec.engine.deploy.limits.memory: Invalid value: "1e30"` + memory,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: "1e-999999999", memory: "1E+0999999999"}}}`,
		reason: "Kubernetes would reckon with numbers of so many digits, for hours",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: "1e-999999999"` + cpu,
			`spec.engine.deploy.limits.memory: Invalid value: "1E+0999999999"` + memory,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {limits: {cpu: 500u, memory: 4}}}`, reason: "a forgotten unit makes bytes",
		want: []string{
			`spec.engine.deploy.limits.cpu: Invalid value: "500u"` + cpu,
			`spec.engine.deploy.limits.memory: Invalid value: 4` + memory,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {healthcheck: {path: health, timeout: 0s}}}`, reason: "a path is absolute, and an answer takes time",
		want: []string{
			`spec.engine.deploy.healthcheck.path: Invalid value: "health": healthcheck.path starts with /, for example /health`,
			`spec.engine.deploy.healthcheck.timeout: Invalid value: "0s"` + timeout,
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {healthcheck: {path: /health, timeout: 1500ms}}}`, reason: "Railway counts whole seconds",
		want: []string{`spec.engine.deploy.healthcheck.timeout: Invalid value: "1500ms"` + timeout},
	}, {
		tier: "Dev", patch: `engine: {deploy: {healthcheck: {path: /health, timeout: 61m}}}`, reason: "an hour is long enough",
		want: []string{`spec.engine.deploy.healthcheck.timeout: Invalid value: "61m"` + timeout},
	}, {
		tier: "Dev", patch: `engine: {deploy: {healthcheck: {timeout: 60s}}}`, reason: "a time-out of what?",
		want: []string{"spec.engine.deploy.healthcheck.path: Required value"},
	}, {
		tier: "Dev", patch: `engine: {deploy: {overlap: 2h, draining: 2h, progressDeadline: 1s}}`, reason: "each duration has its bounds",
		want: []string{
			`spec.engine.deploy.draining: Invalid value: "2h": draining must be at most 1h, in whole seconds, for example 30s`,
			`spec.engine.deploy.overlap: Invalid value: "2h": overlap must be at most 1h, in whole seconds, for example 20s`,
			`spec.engine.deploy.progressDeadline: Invalid value: "1s": progressDeadline must be between 10s and 24h, ` +
				"in whole seconds, for example 30m",
		},
	}, {
		tier: "Dev", patch: `engine: {deploy: {cronSchedule: "0 3 * * *", regions: {us-west2: 2}}}`, reason: "a job runs once per time",
		want: []string{"spec.engine.deploy: Invalid value: a cron service runs with one replica in one region: " +
			"set regions to one region with 1 replica"},
	}, {
		tier: "Dev", patch: `engine: {deploy: {restart: {policy: Sometimes, maxRetries: -1}}}`, reason: "Railway knows three policies",
		want: []string{
			"spec.engine.deploy.restart.maxRetries: Invalid value: -1: " +
				"spec.engine.deploy.restart.maxRetries in body should be greater than or equal to 0",
			`spec.engine.deploy.restart.policy: Unsupported value: "Sometimes": supported values: "OnFailure", "Always", "Never"`,
		},
	}, {
		tier: "Dev", patch: `engine: {build: {builder: Buildah}}`, reason: "Railway knows three builders",
		want: []string{`spec.engine.build.builder: Unsupported value: "Buildah": supported values: "Railpack", "Nixpacks", "Dockerfile"`},
	}, {
		tier: "Dev", patch: `engine: {domains: {port: 70000}}`, reason: "ports end at 65535",
		want: []string{"spec.engine.domains.port: Invalid value: 70000: spec.engine.domains.port in body should be less than or equal to 65535"},
	}, {
		tier: "Dev", patch: `engine: {name: -engine}`, reason: "names must work in references",
		want: []string{`spec.engine.name: Invalid value: "-engine": ` +
			"a service's name has letters, digits, spaces and . _ - only, and starts and ends with a letter or digit"},
	}, {
		tier: "Dev", patch: `settings: {pythonVersion: "2.7"}`, reason: "Python 2 is over",
		want: []string{`spec.settings.pythonVersion: Invalid value: "2.7": ` +
			`pythonVersion must be 3.10 or later, in quotes, for example "3.13" or "3.13.1"`},
	}, {
		tier: "Dev", patch: `settings: {pythonVersion: 3.10}`, reason: "without quotes YAML makes it 3.1",
		want: []string{`spec.settings.pythonVersion: Invalid value: "number": spec.settings.pythonVersion in body must be of type string: "number"`},
	}, {
		tier: "Dev", patch: `settings: {rateLimit: {requestsPerMinute: 0}}`, reason: "no limit is said with enabled: false",
		want: []string{"spec.settings.rateLimit.requestsPerMinute: Invalid value: 0: " +
			"spec.settings.rateLimit.requestsPerMinute in body should be greater than or equal to 1"},
	}, {
		tier: "Dev", patch: `settings: {logging: {format: XML, level: LOUD}}`, reason: "the engine knows these",
		want: []string{
			`spec.settings.logging.format: Unsupported value: "XML": supported values: "Simple", "JSON"`,
			`spec.settings.logging.level: Unsupported value: "LOUD": supported values: "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"`,
		},
	}, {
		tier: "Dev", patch: `{driftPolicy: Fight, unmanagedVariables: Keep, deletionPolicy: Maybe}`, reason: "each policy lists its words",
		want: []string{
			`spec.deletionPolicy: Unsupported value: "Maybe": supported values: "Retain", "Delete"`,
			`spec.driftPolicy: Unsupported value: "Fight": supported values: "Repair", "Warn"`,
			`spec.unmanagedVariables: Unsupported value: "Keep": supported values: "Ignore", "Warn", "Prune"`,
		},
	}}
	c, namespace := kube(t)
	for _, tc := range cases {
		t.Run(tc.tier+" "+tc.patch, func(t *testing.T) {
			err := try(t, c, environment(namespace, "refused", spec(t, tc.tier, tc.patch)))
			refuses(t, tc.want, err, tc.reason)
		})
	}
}

// TestNameTooLong holds the one rule about the object's own name.
func TestNameTooLong(t *testing.T) {
	c, namespace := kube(t)
	name := "a23456789-123456789-123456789-123456789-123456789-123456789"
	assert.Empty(t, complaints(t, try(t, c, environment(namespace, name, spec(t, "Local", "")))),
		"59 characters and -env make 63")
	refuses(t, []string{"<nil>: Invalid value: the name must have at most 59 characters, because the Local tier's Secret is called <name>-env"},
		try(t, c, environment(namespace, name+"0", spec(t, "Local", ""))))
}
