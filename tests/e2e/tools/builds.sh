#!/usr/bin/env bash
# Builds the programs that the scripts of tests/e2e and bench need, once per version, outside of the tree. They source this file; it
# needs their function `skip REASON`.

# installed FOLDER COMMAND: installs into the folder by COMMAND FOLDER, unless an earlier run completed it.
installed() {
    local folder=$1
    [[ -e $folder/.complete ]] && return
    printf 'building %s, which can take minutes\n' "${folder##*/}"
    rm -rf "$folder"
    mkdir -p "$folder/bin"
    # A separate build cache, removed afterwards: it has gigabytes that no other build uses.
    GOCACHE=$folder/go-build CGO_ENABLED=0 GOFLAGS="${GOFLAGS-} -trimpath -p=${GO_JOBS:-2}" "$2" "$folder"
    rm -rf "$folder/go-build"
    touch "$folder/.complete"
}

# go_for FOLDER: skips if there is no Go to build it with.
go_for() {
    command -v go >/dev/null || skip "no go to build ${1##*/} with"
}

# kubernetes_programs FOLDER VERSION PACKAGE…: programs of Kubernetes that report this version.
kubernetes_programs() {
    local version=k8s.io/component-base/version
    go_for "$1"
    nice -n 19 go build -C tests/e2e/tools/kubernetes -mod=readonly -o "$1/bin/" -ldflags "-s -w
        -X $version.gitVersion=v$2 -X $version.gitMajor=1 -X $version.gitMinor=${2:2:2}" "${@:3}"
}

# renderers CACHE: kustomize and kubectl, exported for the tests that render with them.
renderers() {
    local kustomize=$1/kustomize-5.8.1 kubectl
    kubectl=$1/kubectl-$(sed -n 's/^kubernetes=//p' tests/e2e/cluster.sh)
    installed "$kustomize" build_kustomize
    installed "$kubectl" build_kubectl
    export PROMOTE_GATES_E2E_KUSTOMIZE=$kustomize/bin/kustomize PROMOTE_GATES_E2E_KUBECTL=$kubectl/bin/kubectl
}

# Its version is that of go.mod.
build_kustomize() {
    go_for "$1"
    nice -n 19 go build -C tests/e2e/tools/kustomize -mod=readonly -o "$1/bin/" -ldflags '-s -w' \
        sigs.k8s.io/kustomize/kustomize/v5
}

# build_kubectl FOLDER-VERSION
build_kubectl() {
    kubernetes_programs "$1" "${1##*-}" k8s.io/kubernetes/cmd/kubectl
}

# build_oha FOLDER-VERSION
build_oha() {
    command -v cargo >/dev/null || skip 'no cargo to build oha with'
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_TARGET_DIR=$1/target nice -n 19 cargo install --quiet --locked --root "$1" "oha@${1##*-}" ||
        skip 'cargo could not build oha'
    rm -rf "$1/target"
}
