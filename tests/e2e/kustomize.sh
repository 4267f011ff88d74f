#!/usr/bin/env bash
# Compares the image edit of `promote` with kustomize's own, on every file in tests/kustomizations.
# Needs go to build kustomize once, and caches it in ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}/bin. If kubectl is
# installed, it renders as well.
set -euo pipefail
cd "$(dirname "$0")/../.."

kustomize="${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}/bin/kustomize-5.8.1"
if [[ ! -x $kustomize ]]; then
  if ! command -v go >/dev/null; then
    echo "SKIPPED: no go to build kustomize with, and no $kustomize" >&2
    exit 77 # .ci/run counts it as skipped
  fi
  mkdir -p "$(dirname "$kustomize")"
  # Built under a temporary name, so that an interrupted build does not look finished.
  building="$(mktemp "$kustomize.XXXXXX")"
  trap 'rm -f "$building"' EXIT
  go build -C tests/e2e/tools/kustomize -mod=readonly -trimpath -o "$building" sigs.k8s.io/kustomize/kustomize/v5
  mv "$building" "$kustomize"
fi

PROMOTE_GATES_E2E_KUSTOMIZE="$kustomize" cargo test --features e2e --test e2e_kustomize "$@"
