#!/usr/bin/env bash
# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Looks for known vulnerabilities in the code that the operator can reach, by govulncheck. Its database is on the internet, so
# this is no part of make verify: VULNDB is another copy of it, a URL or file:///directory. Exit 0: none, 1: it could not be
# asked, 3: there are some.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

database=${VULNDB:-https://vuln.go.dev}
govulncheck=$(hack/tool.sh govulncheck)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
"$govulncheck" -db "$database" ./... >"$log" 2>&1 || status=$?
cat "$log"
if ((status != 0 && status != 3)); then
  say "vulncheck: could not look: it needs the database at $database (VULNDB=another copy, a URL or file:///directory)"
  exit 1
fi
exit "$status"
