#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Fails when a file is not formatted, when a generated file is not what its source generates, when a linter finds
# something, or when the linter would miss a crossed boundary. It judges the tree as it is, committed or not, and changes
# nothing: it generates in a copy.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

say "== formatting"
git ls-files -co --exclude-standard | while read -r file; do [[ ! -f $file ]] || echo "$file"; done >"$work/files"
unformatted=$(grep '\.go$' "$work/files" | xargs gofmt -l)
if [[ -n $unformatted ]]; then
  say "not formatted (run make fmt):" "$unformatted"
  failed=1
fi

say "== generated files"
mkdir -p "$work/copy" bin
tar -cf - -T "$work/files" | tar -xf - -C "$work/copy"
ln -s "$ROOT/bin" "$work/copy/bin" # the tools are built already
make -C "$work/copy" generate manifests docs >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
for path in api config docs internal/railway/gql; do
  mkdir -p "$path"
  if ! git --no-pager diff --no-index --no-prefix "$path" "$work/copy/$path"; then
    say "$path is out of date (run make generate manifests docs)"
    failed=1
  fi
done

say "== lint"
make lint || failed=1

say "== API conventions"
make lint-api || failed=1

say "== alerts and dashboards"
make alerts || failed=1

say "== boundaries"
hack/boundaries.sh || failed=1

((failed == 0)) || { say "verify: failed"; exit 1; }
say "verify: all in order"
