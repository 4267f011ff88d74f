#!/usr/bin/env bash
# Checks every route of the fake GitHub against GitHub's own description of its API.
# Needs npm (for the description) and Python 3 with venv (for the judge). Caches both in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/tools/published.sh

version=23.0.2
sum=829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a
cache="${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}"
# The package has descriptions of every edition of GitHub, 400 MB in all; only one file is kept.
description="$cache/openapi-$version/api.github.com.json"
requirements=tests/e2e/openapi/requirements.txt
judge="$cache/openapi-judge-$(sha256sum "$requirements" | cut -c 1-12)"

skip() {
    echo "SKIPPED: $1; the routes of the fake GitHub were not checked" >&2
    exit 77 # .ci/run counts it as skipped
}

npm_file "$description" "@octokit/openapi@$version" generated/api.github.com.json "$sum"
python_packages "$judge" "$requirements"
PROMOTE_GATES_E2E_OPENAPI="$description" PROMOTE_GATES_E2E_PYTHON="$judge/bin/python" \
    cargo test --locked --test e2e_openapi "$@"
