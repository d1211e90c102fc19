# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# What the scripts of hack/ share; source it. Needs nothing but bash, coreutils and Go.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# say prints a line for the person at the terminal; stdout stays free for results.
say() { printf '%s\n' "$*" >&2; }

# fingerprint prints a short hash of the given files and of the Go version that builds from them.
fingerprint() { { go version; cat "$@"; } | sha256sum | cut -c1-16; }

# lock holds FILE until the script ends, so that two runs do not build the same thing twice. Where there is no flock
# (it is no part of coreutils) both build, which wastes time and breaks nothing: results are moved into place whole.
lock() {
  mkdir -p "$(dirname "$1")"
  command -v flock >/dev/null || return 0
  exec 9>"$1"
  flock -n 9 || { say "  waiting for another run that holds $1"; flock 9; }
}

# build WHAT OUTPUT PACKAGE [ARGS…] runs go build in the current directory and says every 15 seconds how far it is.
build() {
  local what=$1 output=$2 package=$3 log start=$SECONDS builder
  shift 3
  log=$(mktemp)
  go build -v -trimpath "$@" -o "$output" "$package" 2>"$log" 9>&- &
  builder=$!
  trap 'kill "$builder" 2>/dev/null || true; exit 130' INT TERM
  while kill -0 "$builder" 2>/dev/null; do
    sleep 1
    (((SECONDS - start) % 15)) || say "  $what: $((SECONDS - start))s, $(wc -l <"$log") packages compiled"
  done
  trap - INT TERM
  if ! wait "$builder"; then
    grep -vE '^[a-zA-Z0-9._/-]+$' "$log" >&2 || true
    rm -f "$log"
    say "  $what: build failed"
    return 1
  fi
  rm -f "$log"
  say "  $what: built in $((SECONDS - start))s"
}
