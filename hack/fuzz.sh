#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs every fuzz target of the module, one after the other, each for the time given (default: 10s), but those whose name matches the
# regular expression FUZZ_SKIP. What a target finds is written to its testdata/fuzz, where it stays as a test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${1:-10s}
failed=()
while IFS=: read -r file target; do
  if [[ -n ${FUZZ_SKIP:-} && $target =~ $FUZZ_SKIP ]]; then
    printf '=== %s: left out\n' "$target"
    continue
  fi
  package=./$(dirname "$file")
  printf '=== %s %s (%s)\n' "$package" "$target" "$time"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" || failed+=("$package $target")
done < <(grep -rnoE --include='*_test.go' '^func (Fuzz[A-Za-z0-9]+)\(f \*testing\.F\)' api config controllers docs hack internal test |
  sed -E 's/^([^:]+):[0-9]+:func (Fuzz[A-Za-z0-9]+).*/\1:\2/' | sort)
if ((${#failed[@]})); then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
