#!/usr/bin/env bash
# Compares the image edit of `promote` with kustomize's own, on every file in tests/kustomizations. kustomize renders both, and so
# does kubectl, which contains kustomize.
# Needs go to build them once; later runs take them from ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "SKIPPED: $1" >&2
    exit 77 # .ci/run counts it as skipped
}
# shellcheck source=tests/e2e/tools/builds.sh
source tests/e2e/tools/builds.sh

renderers "${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}"
cargo test --locked --test e2e_kustomize "$@"
