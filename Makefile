# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
IMG ?= engine-operator:$(VERSION)
CONTAINER_TOOL ?= docker
KUBECTL ?= kubectl

# GO_TEST_ARGS is added to every go test, for instance GO_TEST_ARGS='-run TestPlan -v'. PKG narrows the packages.
GO_TEST_ARGS ?=
# What takes longest begins first.
PKG ?= ./test/loop ./test/... ./...
# The race detector needs a C compiler; where there is none the tests run without it, and say so.
RACE ?= $(shell hack/race.sh)
# Railway's full schema, which is not ours to publish: an SDL file, or the answer to an introspection as JSON.
SCHEMA ?= $(or $(wildcard ../shared/railway/schema.graphql),live)
# How long make soak walks, and how long make fuzz runs each target but those that match FUZZ_SKIP.
SOAK ?= 30m
FUZZTIME ?= 10s
# Tests wait for one another's processes more than they compute: more of them at a time than there are processors end sooner.
TEST_PARALLEL ?= -p 3 -parallel 4
# BENCH_SIZES are the fleets of make bench, BENCH_ARGS flags for it, for instance BENCH_ARGS='--profiles dist/profiles'.
BENCH_SIZES ?= 100,1000,10000
BENCH_ARGS ?=
BENCH_CHECK_SIZES ?= 100,300
BENCH_COUNT ?= 6
SIM_LISTEN ?= 127.0.0.1:8484

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "; printf "Usage: make <target> [VARIABLE=value]\n"} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

##@ See it

.PHONY: demo
demo: build kube ## Bring up four tiers on a local Railway and keep them up (DEMO_EXIT=1: exit at the end), writes dist/demo.json
	go build -o bin/demo ./hack/demo
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" bin/demo

.PHONY: demo-svg
demo-svg: build kube ## Record the demo as docs/images/demo.svg
	go build -o bin/demo ./hack/demo
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" DEMO_EXIT=1 go run ./hack/record docs/images/demo.svg \
	  'make demo' bin/demo

.PHONY: sim
sim: ## Run the local Railway on SIM_LISTEN (127.0.0.1:8484)
	go run ./hack/railway-sim --listen $(SIM_LISTEN) --seed hack/railway-sim/seed.yaml

.PHONY: bench-calls
bench-calls: build kube ## Count Railway requests, commits and deployments per case, writes dist/bench-calls.json
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" go run ./hack/bench-calls

.PHONY: bench
bench: build kube ## Measure fleets of 100, 1,000 and 10,000 objects (BENCH_SIZES=100,1000), writes dist/bench.json and .svg
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" go run ./hack/bench --sizes "$(BENCH_SIZES)" $(BENCH_ARGS)

.PHONY: bench-micro
bench-micro: ## Run the benchmarks of hot functions; compare two runs with benchstat (docs/performance.md)
	go test -run '^$$' -bench . -benchmem -count $(BENCH_COUNT) \
	  ./internal/plan ./internal/desired ./internal/status ./internal/railway ./internal/redact

.PHONY: bench-check
bench-check: build kube ## Hold counts and ratios of 100 and 300 objects in the ranges of hack/bench/ranges.yaml
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" go run ./hack/bench --sizes $(BENCH_CHECK_SIZES) --check hack/bench/ranges.yaml $(BENCH_ARGS)

##@ Test

.PHONY: test
test: kube ## Run all tests (GO_TEST_ARGS='-run X -v', PKG=./internal/plan)
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" go test $(RACE) $(TEST_PARALLEL) -timeout 30m $(PKG) $(GO_TEST_ARGS)

.PHONY: test-short
test-short: ## Run the tests that need no Kubernetes API server
	go test -short -timeout 5m $(PKG) $(GO_TEST_ARGS)

.PHONY: board-test
board-test: ## Run the board's tests in headless Chromium with axe-core (installs both where it may)
	hack/board-test.sh

.PHONY: board-shots
board-shots: ## Take the pictures of the board for the documents, into docs/images
	mkdir -p docs/images
	BOARD_SCREENSHOTS="$(CURDIR)/docs/images" BOARD_RUN='^(TestPictures|TestRunningOperator)$$' hack/board-test.sh

.PHONY: soak
soak: build kube ## Walk at random over edits, faults and crashes for SOAK (30m), judged by an independent oracle
	KUBEBUILDER_ASSETS="$$(hack/kube/assets.sh)" go test $(RACE) -timeout 0 -count 1 -v -run '^TestWalk$$' ./test/chaos \
	  -chaos.soak=$(SOAK) -chaos.binary=$(CURDIR)/bin/engine-operator $(GO_TEST_ARGS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s), but those that match FUZZ_SKIP
	hack/fuzz.sh $(FUZZTIME)
.PHONY: test-modules
test-modules: ## Run the tests that are modules of their own: hack/release (chart, release), test/gitops (Argo CD, Flux), hack/kube/oldest
	cd hack/release && go test -vet=off -timeout 15m ./... $(GO_TEST_ARGS)
	cd test/gitops && go test -vet=off -timeout 15m ./... $(GO_TEST_ARGS)
	cd hack/kube/oldest && go test -trimpath -vet=off -timeout 15m ./... $(GO_TEST_ARGS)

.PHONY: test-live
test-live: ## Hold our assumptions against the real Railway (needs RAILWAY_API_TOKEN and RAILWAY_PROJECT_ID)
	@[[ -n "$${RAILWAY_API_TOKEN:-}" && -n "$${RAILWAY_PROJECT_ID:-}" ]] || { \
	  echo "make test-live calls the real Railway: set RAILWAY_API_TOKEN (account or workspace) and RAILWAY_PROJECT_ID, a" >&2; \
	  echo "project in which it makes an environment with one small service, and deletes it again" >&2; exit 1; }
	go test -tags live -run '^TestLive' -count 1 -v -timeout 45m ./test/live $(GO_TEST_ARGS)

.PHONY: schema-check
schema-check: ## Hold our schema slice and operations against Railway's full schema (SCHEMA=live, a URL or a file)
	go run ./hack/schema-check --schema "$(SCHEMA)"

.PHONY: alerts
alerts: ## Check alerts and dashboards with Prometheus' parser, and run the alerts' unit tests by promtool
	hack/alerts.sh

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what is compiled in (asks vuln.go.dev, or VULNDB)
	hack/vulncheck.sh

.PHONY: verify
verify: ## Fail when generated files, formatting or lint are not in order; changes nothing
	hack/verify.sh

##@ Develop

.PHONY: generate
generate: ## Generate deep copies and the Railway client
	"$$(hack/tool.sh controller-gen)" object:headerFile=hack/boilerplate.go.txt paths=./api/...
	cd internal/railway/gql && "$$(../../../hack/tool.sh genqlient)" genqlient.yaml

.PHONY: manifests
manifests: ## Generate the CRD and the RBAC role
	"$$(hack/tool.sh controller-gen)" crd paths=./api/... output:crd:dir=config/crd/bases
	"$$(hack/tool.sh controller-gen)" rbac:roleName=manager-role paths=./controllers/... output:rbac:dir=config/rbac

.PHONY: docs
docs: ## Generate the API reference, and the tables of reasons and metrics in the documents
	mkdir -p docs/reference
	"$$(hack/tool.sh crd-ref-docs)" --log-level=ERROR --source-path=api --config=hack/tools/crd-ref-docs.yaml \
	  --renderer=markdown --output-path=docs/reference/api.md
	go run ./hack/docs

.PHONY: fmt
fmt: ## Format the code and sort its imports
	"$$(hack/tool.sh golangci-lint)" fmt ./...

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: lint
lint: ## Run the linter, which also holds the boundaries between packages (LINT_ARGS=--fix)
	"$$(hack/tool.sh golangci-lint)" run $(LINT_ARGS) ./...

.PHONY: lint-api
lint-api: ## Hold api/ against the Kubernetes API conventions; exclusions and their reasons: hack/tools/apilint/golangci.yml
	"$$(hack/tool.sh kube-api-linter)" run --config hack/tools/apilint/golangci.yml $(LINT_ARGS) ./api/...

##@ Build

.PHONY: build
build: ## Build bin/engine-operator
	go build -trimpath -ldflags "$(LDFLAGS)" -o bin/engine-operator .

.PHONY: kube
kube: ## Provide etcd and kube-apiserver for tests and demo (first time: about 6 minutes)
	@hack/kube/assets.sh >/dev/null

.PHONY: docker-build
docker-build: ## Build the image IMG
	$(CONTAINER_TOOL) build --build-arg VERSION="$(VERSION)" -t "$(IMG)" .

.PHONY: install-yaml
install-yaml: ## Write dist/install.yaml, all that a cluster needs, with the image IMG
	hack/render.sh "$(IMG)" >/dev/null

.PHONY: release
release: BASE ?= $(shell sed -n 's/^ARG BASE=//p' Dockerfile)
release: ## Write dist/release/VERSION (VERSION=v1.2.3 IMAGE=name; BASE=layout or name@sha256:…, DOWNLOADS=https://…, QUICK=1: this platform only)
	cd hack/release && go run . --root "$(CURDIR)" --version "$(VERSION)" --image "$(or $(IMAGE),engine-operator)" \
	  --base "$(if $(wildcard $(BASE)),$(abspath $(BASE)),$(BASE))" $(if $(DOWNLOADS),--download-url "$(DOWNLOADS)") $(if $(QUICK),--quick)

.PHONY: clean
clean: ## Remove what was built; the tools and etcd with kube-apiserver stay, they are slow to build
	rm -rf dist .demo bin/engine-operator

##@ Deploy (to the cluster kubectl points at)

.PHONY: install
install: ## Install the CRD
	$(KUBECTL) apply --server-side -f config/crd/bases

.PHONY: uninstall
uninstall: ## Remove the CRD and with it every EngineEnvironment
	$(KUBECTL) delete --ignore-not-found -f config/crd/bases

.PHONY: deploy
deploy: install-yaml ## Install the operator with the image IMG
	$(KUBECTL) apply --server-side -f dist/install.yaml

.PHONY: undeploy
undeploy: install-yaml ## Remove the operator, its CRD and with it every EngineEnvironment
	$(KUBECTL) delete --ignore-not-found -f dist/install.yaml
