#!/usr/bin/env bash
# Tests `health` against a real control plane on loopback: etcd, kube-apiserver and kube-controller-manager, with kwok in
# place of kubelets. The tests write to the API server what kwok cannot simulate, and what the controllers of Argo and Flux
# would write to the resources of their custom resource definitions.
#
# Needs Linux, go and Debian's etcd-server, which apt installs if this runs as root. Builds the binaries once, in minutes,
# and caches them in ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version. `--tools` only builds them;
# `--with COMMAND…` runs a command with the environment of the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/tools/builds.sh
source tests/e2e/tools/builds.sh

kubernetes=1.36.3
kwok=0.8.0
rollouts=1.9.2 argo_cd=3.4.13 kustomizations=1.9.6 helm_releases=1.6.3
cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}
plane=$cache/kubernetes-$kubernetes
kubectl=$cache/kubectl-$kubernetes
kubelets=$cache/kwok-$kwok
definitions=$cache/definitions-$rollouts-$argo_cd-$kustomizations-$helm_releases

main() {
    [[ $(uname -s) == Linux ]] || skip 'it needs Linux'
    install_etcd
    installed "$plane" control_plane
    installed "$kubectl" build_kubectl
    installed "$kubelets" kwok
    installed "$definitions" definitions
    [[ ${1-} == --tools ]] && exit

    export PROMOTE_GATES_E2E_ETCD PROMOTE_GATES_E2E_KUBERNETES=$plane/bin PROMOTE_GATES_E2E_KWOK=$kubelets/bin/kwok
    export PROMOTE_GATES_E2E_DEFINITIONS=$definitions
    [[ ${1-} == --with ]] && exec "${@:2}"
    # For the commands in health/README.md.
    PATH=$kubectl/bin:$PATH
    local left_out=()
    runner || left_out+=(--skip runner::)
    own_files || left_out+=(--skip access::inside_a_cluster)
    cargo test --test e2e_cluster "$@" ${left_out[@]:+-- "${left_out[@]}"}
}

# Whether act is available: from ACT, which .ci/run exports, or from the cache.
runner() {
    local version
    version=$(sed -n 's/^act=//p' .ci/run)
    export ACT=${ACT:-$cache/act-$version-pipes/bin/act}
    [[ -x $ACT ]] && return
    printf 'SKIPPED: the shipped workflow on the control plane: no act at %s, which .ci/run installs\n' "$ACT" >&2
    return 1
}

# Whether this machine allows a private mount on /run.
own_files() {
    unshare --map-root-user --mount mount -t tmpfs none /run 2>/dev/null && return
    printf 'SKIPPED: in-cluster: this machine does not allow a private mount namespace (unshare)\n' >&2
    return 1
}

skip() {
    printf 'SKIPPED: the control plane: %s\n' "$1" >&2
    exit 77 # .ci/run counts it as skipped
}

install_etcd() {
    if ! type -P etcd >/dev/null; then
        if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
            skip 'no etcd, and no way to install it (apt-get install etcd-server)'
        fi
        apt-get install -y -qq --no-install-recommends etcd-server >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends etcd-server >/dev/null; } ||
            skip 'etcd could not be installed (apt-get install etcd-server)'
    fi
    PROMOTE_GATES_E2E_ETCD=$(type -P etcd)
}

control_plane() {
    kubernetes_programs "$1" "$kubernetes" k8s.io/kubernetes/cmd/kube-apiserver \
        k8s.io/kubernetes/cmd/kube-controller-manager
}

kwok() {
    go_for "$1"
    GOBIN=$1/bin nice -n 19 go install -ldflags '-s -w' "sigs.k8s.io/kwok/cmd/kwok@v$kwok"
}

# Custom resource definitions from the Go modules of their projects.
definitions() {
    go_for "$1"
    definition "$1" rollouts github.com/argoproj/argo-rollouts@v$rollouts manifests/crds/rollout-crd.yaml \
        h1:NaAtrUjjm9AFAyurAEFRJjP54mk98s8007B3vsdFEbI=
    definition "$1" applications github.com/argoproj/argo-cd/v3@v$argo_cd manifests/crds/application-crd.yaml \
        h1:kmnF4nE5SQ83OhtdX6DMmLSpH0eRIa1gNYdCLNHqB+A=
    definition "$1" kustomizations github.com/fluxcd/kustomize-controller@v$kustomizations \
        config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE=
    definition "$1" helmreleases github.com/fluxcd/helm-controller@v$helm_releases \
        config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml h1:MSiDP/s8xRSkO3g11vBiDStxfmJ5ZVdwDEpW7BSE/UA=
    # The modules are not needed any more; Go creates them read-only.
    chmod -R u+w "$1/modules"
    rm -rf "$1/modules"
}

# definition FOLDER NAME MODULE PATH SUM
definition() {
    local download module
    download=$(GOMODCACHE=$1/modules go mod download -json "$3")
    [[ $download == *"\"Sum\": \"$5\""* ]] || {
        printf 'ERROR: the checksum of %s has changed: %s\n' "$3" "$download" >&2
        exit 1
    }
    module=$(sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$download")
    cp "$module/$4" "$1/$2.yaml"
}

main "$@"
