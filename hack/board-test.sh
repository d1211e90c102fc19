#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs the board's tests in headless Chromium, with axe-core and a Kubernetes API server: hack/board-test.sh [GO TEST ARGS…]. It
# installs what is missing: Chromium as a Debian package where it may (root or sudo without a password), axe-core from npm into bin/.
# BOARD_CHROMIUM and BOARD_AXE name others. Where neither can be had it says so and leaves; with CI=true that is an error.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

axe_version=4.14.1

leave() {
  say "board-test: $*"
  [[ ${CI:-} != true ]] || exit 1
  say "board-test: skipped; BOARD_CHROMIUM and BOARD_AXE may name a Chromium and an axe.min.js"
  exit 0
}

find_chromium() {
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name"; then return; fi
  done
  return 1
}

install_chromium() {
  local as=()
  command -v apt-get >/dev/null || leave "no Chromium here, and no apt-get to install it with"
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || leave "no Chromium here, and no right to install it: apt-get install chromium"
    as=(sudo)
  fi
  say "installing chromium (once)"
  "${as[@]}" apt-get -qq update >&2 || leave "apt-get update failed"
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >&2 ||
    leave "apt-get install chromium failed"
}

fetch_axe() {
  command -v npm >/dev/null || leave "no npm to fetch axe-core with"
  local work
  work=$(mktemp -d)
  say "fetching axe-core $axe_version (once)"
  (cd "$work" && npm pack --silent "axe-core@$axe_version" >/dev/null && tar -xzf "axe-core-$axe_version.tgz" package/axe.min.js) ||
    leave "npm could not fetch axe-core"
  mkdir -p bin
  mv "$work/package/axe.min.js" "$1"
  rm -rf "$work"
}

if [[ -z ${BOARD_CHROMIUM:-} ]]; then
  BOARD_CHROMIUM=$(find_chromium) || { install_chromium; BOARD_CHROMIUM=$(find_chromium) || leave "chromium is installed and cannot be found"; }
fi
if [[ -z ${BOARD_AXE:-} ]]; then
  BOARD_AXE="$ROOT/bin/axe-$axe_version.min.js"
  [[ -f $BOARD_AXE ]] || fetch_axe "$BOARD_AXE"
fi
KUBEBUILDER_ASSETS=$(hack/kube/assets.sh)
export BOARD_CHROMIUM BOARD_AXE KUBEBUILDER_ASSETS
# The tests that open a browser, and without the race detector, which the page does not need: make test has the rest.
browsing=$(grep -l 'newTab(' internal/board/*_test.go | xargs grep -ho '^func Test[A-Za-z]*' | sed 's/func //' | paste -sd '|')
exec go test -timeout 15m -count 1 ./internal/board -run "${BOARD_RUN:-^($browsing)\$}" "$@"
