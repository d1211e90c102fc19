#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Prints the directory that holds etcd and kube-apiserver, making it first if need be:
#   1. KUBEBUILDER_ASSETS, when it is set and holds both;
#   2. bin/kube/<version>, from an earlier run;
#   3. the binaries setup-envtest downloads, where it can reach them;
#   4. a build from source, which needs nothing but the Go module proxy.
# KUBE_VERSION names another version than the newest: the oldest one that hack/kube/oldest pins, such as v1.34.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

here="$ROOT/hack/kube"
pinned() { sed -nE 's/^(\t|require )k8s.io\/kubernetes (v[0-9.]*)$/\2/p' "$1/go.mod"; }
module=$here
version=$(pinned "$module")
if [[ -n ${KUBE_VERSION:-} && $version. != "$KUBE_VERSION".* ]]; then
  module=$here/oldest
  newest=$version version=$(pinned "$module")
  [[ $version. == "$KUBE_VERSION".* ]] || { say "KUBE_VERSION=$KUBE_VERSION: there is $newest and $version"; exit 2; }
fi
cache="$ROOT/bin/kube/$version"

complete() { [[ -x "$1/etcd" && -x "$1/kube-apiserver" ]]; }

# minor 1.37 of v1.37.2
minor=${version#v}
minor=${minor%.*}

# download asks setup-envtest for any patch release of our minor: ten seconds to find one, three minutes to fetch it.
download() {
  local envtest found
  envtest=$("$ROOT/hack/tool.sh" setup-envtest) || return 1
  say "  looking for ready-made binaries of Kubernetes $minor …"
  timeout 10 "$envtest" list "$minor.x" --bin-dir "$1/envtest" 2>/dev/null | grep -q "v$minor\." || return 1
  found=$(timeout 180 "$envtest" use "$minor.x" --bin-dir "$1/envtest" -p path 2>/dev/null) || return 1
  cp "$found/etcd" "$found/kube-apiserver" "$1/" || return 1
  rm -rf "$1/envtest"
}

compile() {
  local stamp=k8s.io/component-base/version
  say "  none to be had: building from source (once; about 6 minutes on 2 cores, 2 GB of build cache)"
  cd "$here" # etcd is the newest in either case
  build "etcd" "$1/etcd" go.etcd.io/etcd/server/v3 -ldflags "-s -w"
  cd "$module"
  build "kube-apiserver" "$1/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver -ldflags \
    "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=${minor%.*} -X $stamp.gitMinor=${minor#*.}"
}

if [[ -n "${KUBEBUILDER_ASSETS:-}" ]]; then
  if complete "$KUBEBUILDER_ASSETS"; then
    cd "$KUBEBUILDER_ASSETS" && pwd
    exit
  fi
  say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS lacks etcd or kube-apiserver; using $cache instead"
fi

if ! complete "$cache"; then
  lock "$ROOT/bin/kube/.lock"
  if ! complete "$cache"; then # nobody else made it while we waited
    say "etcd and kube-apiserver $version for tests and the demo:"
    fresh=$(mktemp -d "$ROOT/bin/kube/.making-XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    download "$fresh" || compile "$fresh"
    chmod 755 "$fresh"
    rm -rf "$cache"
    mv "$fresh" "$cache"
  fi
fi
echo "$cache"
