#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Proves that the linter holds the boundaries between packages: it lints hack/testdata/boundaries, a module of the same
# shape in which every forbidden import and call stands once, and every permitted one once, and compares the findings with
# the "// want LINTER" comments there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

linter=$("$ROOT/hack/tool.sh" golangci-lint)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/module"
cp -R "$ROOT/hack/testdata/boundaries/." "$work/module"
cp "$ROOT/.golangci.yml" "$ROOT/go.mod" "$ROOT/go.sum" "$work/module"
cd "$work/module"

grep -rnE '// want [a-z]+' --include='*.go' . |
  sed -E 's|^\./([^:]+:[0-9]+):.*// want ([a-z]+).*|\1 \2|' | sort >"$work/want"
"$linter" run --enable-only depguard,forbidigo --show-stats=false --issues-exit-code 0 \
  --max-issues-per-linter 0 --max-same-issues 0 --output.text.print-issued-lines=false --output.text.colors=false \
  --output.text.path "$work/output" ./...
sed -E 's/^([^:]+:[0-9]+):.*\(([a-z]+)\)$/\1 \2/' "$work/output" | sort -u >"$work/got"

[[ -s $work/want ]] || { say "boundaries: nothing is wanted of the linter"; exit 1; }
if ! (cd "$work" && git --no-pager diff --no-index --unified=0 want got); then
  say "boundaries: .golangci.yml does not hold what hack/testdata/boundaries expects (- missing, + unexpected)"
  exit 1
fi
say "boundaries: all $(wc -l <"$work/want") violations found, nothing else reported"
