#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Holds every query that we ship, in alerts, dashboards and documents, against Prometheus' parser and our metrics, checks the
# alerts' rules, and runs their unit tests by promtool.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

(cd hack/tools/prom && go test -count 1 ./...)

promtool=$(hack/tool.sh promtool)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n '/^spec:/,$ s/^  //p' config/prometheus/rules.yaml >"$work/rules.yaml" # the spec of a PrometheusRule is a rules file
cp config/prometheus/testdata/rules_test.yaml "$work/"
"$promtool" check rules --lint=all --lint-fatal "$work/rules.yaml"
"$promtool" test rules "$work/rules_test.yaml"
