#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Fails when a generated file is not what its source generates, when a file is not formatted, when the linter finds
# something, or when the linter would miss a broken wall. It compares with a copy taken before, not with git, so it judges the tree as it is, committed or not; and it
# puts everything back.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

generated=(
  api/v1alpha1/zz_generated.deepcopy.go
  internal/railway/gql/generated.go
  config/crd/bases
  config/rbac/role.yaml
  docs/reference/api.md
)

work=$(mktemp -d)
copy() { # DIRECTORY: the generated files as they are now
  for path in "${generated[@]}"; do
    [[ -e $path ]] || continue
    mkdir -p "$1/$(dirname "$path")"
    cp -R "$path" "$1/$path"
  done
}
finish() {
  rm -rf "${generated[@]}"
  [[ ! -d $work/committed ]] || cp -R "$work/committed/." .
  rm -rf "$work"
}

failed=0

say "== formatting"
unformatted=$(git ls-files -co --exclude-standard '*.go' | while read -r file; do [[ ! -f $file ]] || gofmt -l "$file"; done)
if [[ -n $unformatted ]]; then
  say "not formatted (run make fmt):" "$unformatted"
  failed=1
fi

say "== generated files"
copy "$work/committed"
trap finish EXIT
make generate manifests docs >"$work/log" 2>&1 || { cat "$work/log" >&2; say "generation failed"; exit 1; }
copy "$work/regenerated"
if ! (cd "$work" && git --no-pager diff --no-index --stat --patch committed regenerated); then
  say "generated files are out of date (run make generate manifests docs)"
  failed=1
fi
finish
trap - EXIT

say "== lint"
make lint || failed=1

say "== walls"
hack/walls.sh || failed=1

((failed == 0)) || { say "verify: failed"; exit 1; }
say "verify: all in order"
