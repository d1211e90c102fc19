#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Prints the path of a development tool, building it first when it is missing or its pinned version changed:
#   hack/tool.sh controller-gen
# Versions are pinned by the tool directives of hack/tools/go.mod, and of go.mod in the directories below it for tools whose
# hundreds of dependencies must not change those of the others: lint, apilint, prom (promtool) and vuln (govulncheck). The two
# linters build from the same versions, so that the second one finds most of its packages compiled.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

name=${1:?usage: hack/tool.sh NAME}
module="$ROOT/hack/tools"
flags="-s -w"
tags=""
case $name in
controller-gen) package=sigs.k8s.io/controller-tools/cmd/controller-gen ;;
genqlient) package=github.com/Khan/genqlient ;;
crd-ref-docs) package=github.com/elastic/crd-ref-docs ;;
setup-envtest) package=sigs.k8s.io/controller-runtime/tools/setup-envtest ;;
kustomize) package=sigs.k8s.io/kustomize/kustomize/v5 ;;
golangci-lint)
  package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint
  module="$module/lint"
  flags="$flags -X main.version=$(sed -n 's/^\tgithub.com\/golangci\/golangci-lint\/v2 v\([0-9.]*\).*/\1/p' "$module/go.mod")"
  ;;
kube-api-linter)
  package=sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter
  module="$module/apilint"
  ;;
promtool)
  package=github.com/prometheus/prometheus/cmd/promtool
  module="$module/prom"
  tags=remove_all_sd # no service discovery: half of the packages
  ;;
govulncheck)
  package=golang.org/x/vuln/cmd/govulncheck
  module="$module/vuln"
  ;;
*)
  say "no tool $name; see the cases in hack/tool.sh"
  exit 2
  ;;
esac

bin="$ROOT/bin/tools"
key=$(fingerprint "$module/go.mod" "$module/go.sum")
built() { [[ -x "$bin/$name" && "$(cat "$bin/.$name.key" 2>/dev/null)" == "$key" ]]; }

if ! built; then
  lock "$bin/.$name.lock"
  if ! built; then # nobody else made it while we waited
    [[ $name != *lint* && $name != promtool ]] || say "building $name (once; a few minutes on 2 cores)"
    cd "$module"
    trap 'rm -f "$bin/.$name.$$"' EXIT
    build "$name" "$bin/.$name.$$" "$package" -ldflags "$flags" -tags "$tags"
    mv "$bin/.$name.$$" "$bin/$name"
    echo "$key" >"$bin/.$name.key"
  fi
fi
echo "$bin/$name"
