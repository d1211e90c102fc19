#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Writes dist/install.yaml, config/default with the given image, and prints its path. Nothing under config/ is edited.
#   hack/render.sh engine-operator:v1.2.3
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=${1:?usage: hack/render.sh IMAGE}
kustomize=$("$ROOT/hack/tool.sh" kustomize)
overlay="$ROOT/dist/render"
mkdir -p "$overlay"
trap 'rm -rf "$overlay"' EXIT
# The tag is what follows the last colon, unless that colon belongs to the port of a registry.
name=${image%:*} tag=${image##*:}
[[ $image == *:* && $tag != */* ]] || { name=$image tag=latest; }
cat >"$overlay/kustomization.yaml" <<YAML
resources: [../../config/default]
images: [{name: engine-operator, newName: "$name", newTag: "$tag"}]
YAML
"$kustomize" build "$overlay" >"$ROOT/dist/install.yaml.new"
mv "$ROOT/dist/install.yaml.new" "$ROOT/dist/install.yaml"
echo "$ROOT/dist/install.yaml"
