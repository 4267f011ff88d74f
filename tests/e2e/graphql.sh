#!/usr/bin/env bash
# Checks the queries of the program, and the fake GitHub's answers to them, against GitHub's own GraphQL schema.
# Needs npm (for the schema) and Python 3 with venv (for the judge). Caches both in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/tools/published.sh

version=15.26.1
sum=3c62d0526d133cee53221c89de9b455ade24db78b9e7ad56d642c4c15bce2654
cache="${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}"
schema="$cache/graphql-schema-$version/schema.graphql"
requirements=tests/e2e/graphql/requirements.txt
judge="$cache/graphql-judge-$(sha256sum "$requirements" | cut -c 1-12)"

skip() {
    echo "SKIPPED: $1; the queries were not checked" >&2
    exit 77 # .ci/run counts it as skipped
}

npm_file "$schema" "@octokit/graphql-schema@$version" schema.graphql "$sum"
python_packages "$judge" "$requirements"
PROMOTE_GATES_E2E_GRAPHQL="$schema" PROMOTE_GATES_E2E_PYTHON="$judge/bin/python" \
    cargo test --locked --test e2e_graphql "$@"
