#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Prints -race where the race detector can be built, else nothing and a word why.
set -euo pipefail

read -r -a compiler <<<"$(go env CC)"
if [[ $(go env CGO_ENABLED) == 1 ]] && command -v "${compiler[0]}" >/dev/null; then
  echo -race
else
  echo "no C compiler: tests run without the race detector" >&2
fi
