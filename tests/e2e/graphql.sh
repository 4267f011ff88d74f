#!/usr/bin/env bash
# Checks the queries of the program, and the fake GitHub's answers to them, against GitHub's own GraphQL schema.
# Needs npm (for the schema) and Python 3 with venv (for the judge). Caches both in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=15.26.1
sum=3c62d0526d133cee53221c89de9b455ade24db78b9e7ad56d642c4c15bce2654
cache="${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}"
schema="$cache/graphql-schema-$version/schema.graphql"
judge="$cache/graphql-judge-$(sha256sum tests/e2e/graphql/requirements.txt | cut -c 1-12)"

main() {
  [[ -e $schema ]] || fetch_schema
  [[ -e $judge/.complete ]] || install_judge
  PROMOTE_GATES_E2E_GRAPHQL="$schema" PROMOTE_GATES_E2E_PYTHON="$judge/bin/python" \
    cargo test --locked --features e2e --test e2e_graphql "$@"
}

skip() {
  echo "SKIPPED: $1; the queries were not checked" >&2
  exit 77 # .ci/run counts it as skipped
}

fetch_schema() {
  command -v npm >/dev/null || skip 'no npm to fetch the schema with'
  mkdir -p "$cache"
  folder=$(mktemp -d "$cache/graphql.XXXXXX")
  npm pack --silent --pack-destination "$folder" "@octokit/graphql-schema@$version" >/dev/null ||
    skip "npm could not fetch @octokit/graphql-schema@$version"
  tar -xzf "$folder"/*.tgz -C "$folder" package/schema.graphql
  echo "$sum  $folder/package/schema.graphql" | sha256sum --check --quiet
  mkdir -p "${schema%/*}"
  mv "$folder/package/schema.graphql" "$schema"
}

install_judge() {
  rm -rf "$judge"
  python3 -m venv "$judge" || skip 'no python3 with venv'
  "$judge/bin/pip" install --quiet --disable-pip-version-check --requirement tests/e2e/graphql/requirements.txt ||
    skip 'pip could not install tests/e2e/graphql/requirements.txt'
  touch "$judge/.complete"
}

folder=
trap '[[ -z $folder ]] || rm -rf "$folder"' EXIT
main "$@"
