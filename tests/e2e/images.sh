#!/usr/bin/env bash
# Lets helm, kustomize and kubectl read the files in tests/image-fields before and after the edit of `promote`: they must render the
# new image.
# Needs go to build them once; later runs take them from ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIPPED: $1" >&2
    exit 77 # .ci/run counts it as skipped
}
# shellcheck source=tests/e2e/tools/builds.sh
source tests/e2e/tools/builds.sh

cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}
helm_version=4.3.2
helm=$cache/helm-$helm_version

build_helm() {
    go_for "$1"
    nice -n 19 go build -C tests/e2e/tools/helm -mod=readonly -o "$1/bin/" \
        -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v$helm_version" tool
}
renderers "$cache"
installed "$helm" build_helm

PROMOTE_GATES_E2E_HELM=$helm/bin/helm cargo test --locked --test e2e_images "$@"
