#!/usr/bin/env bash
# Checks every route of the fake GitHub against GitHub's own description of its API.
# Needs npm (for the description) and Python 3 with venv (for the judge). Caches both in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=23.0.2
sum=829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a
cache="${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}"
description="$cache/openapi-$version/api.github.com.json"
judge="$cache/openapi-judge-$(sha256sum tests/e2e/openapi/requirements.txt | cut -c 1-12)"

main() {
  [[ -e $description ]] || describe
  [[ -e $judge/.complete ]] || install_judge
  PROMOTE_GATES_E2E_OPENAPI="$description" PROMOTE_GATES_E2E_PYTHON="$judge/bin/python" \
    cargo test --locked --features e2e --test e2e_openapi "$@"
}

skip() {
  echo "SKIPPED: $1; the routes of the fake GitHub were not checked" >&2
  exit 77 # .ci/run counts it as skipped
}

# The package has descriptions of every edition of GitHub, 400 MB in all; only one file is kept.
describe() {
  command -v npm >/dev/null || skip 'no npm to fetch the description with'
  mkdir -p "$cache"
  folder=$(mktemp -d "$cache/openapi.XXXXXX")
  npm pack --silent --pack-destination "$folder" "@octokit/openapi@$version" >/dev/null ||
    skip "npm could not fetch @octokit/openapi@$version"
  tar -xzf "$folder"/*.tgz -C "$folder" package/generated/api.github.com.json
  echo "$sum  $folder/package/generated/api.github.com.json" | sha256sum --check --quiet
  mkdir -p "${description%/*}"
  mv "$folder/package/generated/api.github.com.json" "$description"
}

install_judge() {
  rm -rf "$judge"
  python3 -m venv "$judge" || skip 'no python3 with venv'
  "$judge/bin/pip" install --quiet --disable-pip-version-check --requirement tests/e2e/openapi/requirements.txt ||
    skip 'pip could not install tests/e2e/openapi/requirements.txt'
  touch "$judge/.complete"
}

folder=
trap '[[ -z $folder ]] || rm -rf "$folder"' EXIT
main "$@"
