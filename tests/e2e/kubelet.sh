#!/usr/bin/env bash
# Tests `health` against real kubelets: two nodes with containerd and runc, a scheduler, a registry on loopback, and the
# control plane of cluster.sh. The pods really start, crash, pull images and get evicted.
#
# Needs Linux, root, cgroups, go, apt-get (or runc, docker-registry and a static busybox on this machine), and what
# cluster.sh needs. Everything runs in its own namespaces for processes, mounts and the network: nothing of it is reachable
# from outside, and the kernel ends all of it when the tests end. Builds the binaries once, in minutes, and caches them in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version. `--tools` only builds them; `--with COMMAND…` runs
# a command with the environment of the tests. target/kubelet has what each gate reported, and the logs of the nodes.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/tools/builds.sh
source tests/e2e/tools/builds.sh

kubernetes=$(sed -n 's/^kubernetes=//p' tests/e2e/cluster.sh)
containerd=2.4.2
cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}
kubelets=$cache/kubelet-$kubernetes
runtime=$cache/containerd-$containerd
packages=$cache/kubelet-packages
results=$PWD/target/kubelet

main() {
    [[ ${1-} == --inside ]] && inside "${@:2}"
    [[ $(uname -s) == Linux ]] || skip 'it needs Linux'
    ((EUID == 0)) || skip 'it needs root, to start containers'
    [[ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]] || grep -qsw memory /sys/fs/cgroup/cgroup.controllers ||
        skip 'it needs the memory controller of cgroups'
    local tool
    for tool in ip unshare; do
        type -P "$tool" >/dev/null || skip "no $tool (apt-get install iproute2 util-linux)"
    done
    tests/e2e/cluster.sh --tools
    installed "$kubelets" kubelet_and_scheduler
    installed "$runtime" container_runtime
    installed "$packages" programs_and_layer
    [[ ${1-} == --tools ]] && exit

    export PROMOTE_GATES_E2E_KUBELET=$kubelets/bin PROMOTE_GATES_E2E_CONTAINERD=$runtime/bin/containerd
    export PROMOTE_GATES_E2E_RUNC=$packages/bin/runc PROMOTE_GATES_E2E_REGISTRY=$packages/bin/docker-registry
    export PROMOTE_GATES_E2E_LAYER=$packages/layer.tar PROMOTE_GATES_E2E_RESULTS=$results
    export PROMOTE_GATES_E2E_CGROUP=promote-gates-$$
    scratch=$(mktemp -d)
    trap clean EXIT
    if [[ ${1-} == --with ]]; then
        # Only the tests keep what they reported.
        PROMOTE_GATES_E2E_RESULTS=$scratch isolated "${@:2}"
        return
    fi
    rm -rf "$results"
    mkdir -p "$results"
    # Inside there is no network for cargo.
    cargo test --locked --test e2e_kubelet --no-run
    local code=0
    if (($#)); then
        tests "$@" -- || code=$?
    else
        tests -- --skip series:: || code=$?
        # After the others, whose times would be those of a busy machine.
        tests series:: -- || code=$?
    fi
    [[ ! -e $results/reports.txt ]] || sort "$results/reports.txt"
    return "$code"
}

# The tests mostly wait for their pods, and do so at the same time.
tests() {
    isolated cargo test --locked --offline --test e2e_kubelet "$@" --test-threads 32
}

skip() {
    printf 'SKIPPED: the kubelet: %s\n' "$1" >&2
    exit 77 # .ci/run counts it as skipped
}

isolated() {
    PATH=$PATH:/usr/sbin:/sbin TMPDIR=$(mktemp -d -p "$scratch") unshare --mount --pid --net --fork --kill-child --mount-proc \
        "$BASH" tests/e2e/kubelet.sh --inside "$@"
}

# As process 1, so that it also waits for the processes whose parents have ended.
inside() {
    private_folders
    ip link set lo up
    # The addresses of the nodes: a kubelet accepts none of loopback.
    ip address add 192.0.2.1/32 dev lo
    ip address add 192.0.2.2/32 dev lo
    a_container_starts
    tests/e2e/cluster.sh --with "$@"
    exit
}

# The folders and the settings of the kernel that kubelet and containerd change, whatever their configuration says.
private_folders() {
    local folder setting
    mount -t tmpfs none /run
    for folder in lib log; do
        mkdir -p "$TMPDIR/$folder/upper" "$TMPDIR/$folder/work"
        mount -t overlay -o "lowerdir=/var/$folder,upperdir=$TMPDIR/$folder/upper,workdir=$TMPDIR/$folder/work" \
            overlay "/var/$folder" || skip "overlayfs cannot be mounted in $TMPDIR; TMPDIR chooses another folder"
    done
    for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
        kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
        folder=/run/sys/${setting%=*}
        mkdir -p "${folder%/*}"
        printf '%s\n' "${setting#*=}" >"$folder"
        mount --bind "$folder" "/proc/sys/${setting%=*}"
    done
}

a_container_starts() {
    local bundle=$TMPDIR/container output
    mkdir -p "$bundle/rootfs"
    tar -xf "$PROMOTE_GATES_E2E_LAYER" -C "$bundle/rootfs"
    "$PROMOTE_GATES_E2E_RUNC" spec --bundle "$bundle"
    sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"sh"/"true"/' \
        -e "s|\"linux\": {|&\"cgroupsPath\": \"/$PROMOTE_GATES_E2E_CGROUP/first\",|" "$bundle/config.json"
    output=$("$PROMOTE_GATES_E2E_RUNC" --root "$TMPDIR/runc" run --bundle "$bundle" first 2>&1) ||
        skip "no container starts here: ${output##*$'\n'}"
}

clean() {
    rm -rf "$scratch"
    find /sys/fs/cgroup -depth -type d -path "*/$PROMOTE_GATES_E2E_CGROUP*" -exec rmdir {} + 2>/dev/null || true
}

kubelet_and_scheduler() {
    kubernetes_programs "$1" "$kubernetes" k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kube-scheduler
}

container_runtime() {
    go_for "$1"
    nice -n 19 go build -C tests/e2e/tools/containerd -mod=readonly -o "$1/bin/" -ldflags '-s -w' tool
}

# runc, docker-registry, and the layer of all images: busybox. Unpacked from their packages instead of installed: some
# distributions start a registry as soon as it is installed.
programs_and_layer() {
    local program
    for program in runc docker-registry; do
        type -P "$program" >/dev/null || from_package "$1" "$program"
        cp -L "$(PATH=$PATH:$1/unpacked/usr/sbin:$1/unpacked/usr/bin type -P "$program")" "$1/bin/$program"
    done
    mkdir -p "$1/layer/bin" "$1/layer/tmp"
    if ! layer "$1" "$(type -P busybox)"; then
        from_package "$1" busybox-static
        layer "$1" "$(PATH=$1/unpacked/bin:$1/unpacked/usr/bin type -P busybox)" ||
            skip 'the busybox of busybox-static does not start'
    fi
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1/layer" -cf "$1/layer.tar" .
}

# layer FOLDER BUSYBOX: fails if it is not static.
layer() {
    local program
    [[ -n $2 ]] && cp -L "$2" "$1/layer/bin/busybox" || return
    for program in sh cat dd sleep test touch true; do
        ln -sf busybox "$1/layer/bin/$program"
    done
    chroot "$1/layer" /bin/true 2>/dev/null
}

# from_package FOLDER PACKAGE
from_package() {
    command -v apt-get >/dev/null || skip "no $2 on this machine, and no apt-get to download it"
    local download=$1/download
    mkdir -p "$download"
    (
        cd "$download"
        apt-get download -qq "$2" 2>/dev/null || { apt-get update -qq && apt-get download -qq "$2"; }
    ) || skip "the package $2 could not be downloaded"
    dpkg-deb --extract "$download/$2"_*.deb "$1/unpacked"
    rm -r "$download"
}

main "$@"
