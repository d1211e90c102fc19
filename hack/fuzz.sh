#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs every fuzz target of the module, each for the time given (default: 10s), but those whose name matches the regular expression
# FUZZ_SKIP: one after the other, or all at once with FUZZ_AT_ONCE=true, one worker each. What a target finds is written to its
# testdata/fuzz, where it stays as a test. By default Go takes up to a minute to make an input that is new smaller, and tries no other one
# meanwhile: 100 tries are enough.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${1:-10s}
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT

# fuzz runs a target in the directory of its package, with further flags.
fuzz() {
  local package=$1 target=$2
  shift 2
  (cd "$package" && "$built/$target" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
    -test.fuzzminimizetime 100x -test.fuzzcachedir "$(go env GOCACHE)/fuzz/$(go list .)" "$@")
}

targets=() packages=() started=() failed=()
while IFS=: read -r file target; do
  if [[ -n ${FUZZ_SKIP:-} && $target =~ $FUZZ_SKIP ]]; then
    printf '=== %s: left out\n' "$target"
    continue
  fi
  targets+=("$target") packages+=("./$(dirname "$file")")
done < <(grep -rnoE --include='*_test.go' '^func (Fuzz[A-Za-z0-9]+)\(f \*testing\.F\)' api config controllers docs hack internal test |
  sed -E 's/^([^:]+):[0-9]+:func (Fuzz[A-Za-z0-9]+).*/\1:\2/' | sort)

for i in "${!targets[@]}"; do
  go test -c -fuzz "^${targets[i]}\$" -o "$built/${targets[i]}" "${packages[i]}"
done
if [[ ${FUZZ_AT_ONCE:-} == true ]]; then
  for i in "${!targets[@]}"; do
    fuzz "${packages[i]}" "${targets[i]}" -test.parallel 1 >"$built/${targets[i]}.log" 2>&1 &
    started+=($!)
  done
fi
for i in "${!targets[@]}"; do
  printf '=== %s %s (%s)\n' "${packages[i]}" "${targets[i]}" "$time"
  if [[ ${FUZZ_AT_ONCE:-} == true ]]; then
    status=0
    wait "${started[i]}" || status=$?
    tail -n "$((status ? 100 : 3))" "$built/${targets[i]}.log"
  else
    status=0
    fuzz "${packages[i]}" "${targets[i]}" || status=$?
  fi
  ((status)) && failed+=("${packages[i]} ${targets[i]}")
done
if ((${#failed[@]})); then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
