#!/usr/bin/env bash
# What `init` writes in sample repositories: GitHub's schema, actionlint and zizmor accept it, and `lint` finds nothing. Needs the tools of
# tests/e2e/lint. The binary is $PROMOTE_GATES, or target/debug/promote-gates, which it builds.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in actionlint check-jsonschema zizmor; do
    if ! command -v "$tool" >/dev/null; then
        echo "SKIPPED: no $tool; .ci/run installs it" >&2
        exit 77 # .ci/run counts it as skipped
    fi
done
program="${PROMOTE_GATES:-$PWD/target/debug/promote-gates}"
[[ -n ${PROMOTE_GATES:-} ]] || cargo build --locked
rules=$PWD/.github/zizmor.yml
samples="$(mktemp -d)"
trap 'rm -rf "$samples"' EXIT

failed=0
# check NAME COMMAND…: prints the output only if the command fails.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1 </dev/null); then
        printf 'ok: %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n%s\n' "$name" "$output"
    fi
}

# sample NAME: a new repository with a workflow that deploys, as the working folder.
sample() {
    mkdir -p "$samples/$1/.github/workflows"
    cd "$samples/$1"
    git init --quiet
    git remote add origin https://github.com/acme/shop.git
    printf '%s\n' 'name: deploy-staging' 'on: { push: { branches: [main] } }' 'permissions: {}' 'jobs:' '  deploy:' \
        '    runs-on: ubuntu-latest' '    steps:' '      - run: make deploy' >.github/workflows/deploy-staging.yml
}

# overlays IMAGE FOLDER: kustomizations for both environments.
overlays() {
    local stage
    for stage in staging production; do
        mkdir -p "$2/$stage"
        printf 'namespace: %s\nimages:\n  - name: %s\n    newTag: 1.4.0\n' "$stage" "$1" >"$2/$stage/kustomization.yaml"
    done
}

# verify NAME FLAGS…: runs `init` with the flags, and then the tools.
verify() {
    local name=$1
    shift
    check "$name: init" "$program" init "$@"
    check "$name: lint" "$program" lint
    check "$name: schema" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
    check "$name: actionlint" actionlint .github/workflows/*.yml
    check "$name: zizmor" zizmor --offline --no-progress --color=never --config "$rules" .github/workflows/*.yml
}

sample one-repository
overlays ghcr.io/acme/shop deploy
verify 'one repository'

sample gates
overlays ghcr.io/acme/shop deploy
verify 'one repository with flags' --staging-url 'https://staging.example.com/{service}/ready' \
    --production-url 'https://www.example.com/{service}/ready' --smoke 'npm run smoke' --junit 'results/*.xml' --reviewer anna

sample pull-request
overlays ghcr.io/acme/shop deploy
verify 'one repository by pull request' --approval pull-request

sample pull-request-gates
overlays ghcr.io/acme/shop deploy
verify 'one repository by pull request with flags' --approval pull-request --path src \
    --staging-url 'https://staging.example.com/{service}/ready' --production-url 'https://www.example.com/{service}/ready' \
    --smoke 'npm run smoke' --junit 'results/*.xml'

sample pull-request-helm
mkdir -p chart
printf 'image:\n  repository: ghcr.io/acme/shop\n  tag: latest\n' >chart/values.yaml
printf 'image:\n  tag: 1.4.0\n' >chart/values-production.yaml
verify 'Helm by pull request' --approval pull-request --staging-namespace staging --production-namespace production

sample monorepo
overlays ghcr.io/acme/cart services/cart
overlays ghcr.io/acme/search services/search
verify monorepo

sample service
verify 'the repository of a service' --infra acme/infra --image ghcr.io/acme/shop --staging-namespace shop

sample infra
overlays ghcr.io/acme/shop apps/shop
verify 'the infra repository' --repository acme/infra --source acme/shop \
    --deploy-workflow .github/workflows/deploy-staging.yml

sample infra-pull-request
overlays ghcr.io/acme/shop apps/shop
verify 'the infra repository by pull request' --approval pull-request --repository acme/infra --source acme/shop \
    --deploy-workflow .github/workflows/deploy-staging.yml

((failed == 0))
