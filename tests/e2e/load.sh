#!/usr/bin/env bash
# Runs real load tests against a service on loopback, and gives what they wrote to `performance`: oha, vegeta, Locust, k6, and
# Prometheus. With each of the load tests the gate also measures in pairs, with the commands of performance/README.md.
#
# Needs cargo, Go, Python 3 with venv, and apt-get; a tool that cannot be installed is named, and its tests are left out. The tools
# stay in ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version. k6 is not installed, because of its licence: its
# tests run where it is in PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/tools/builds.sh
source tests/e2e/tools/builds.sh

oha=1.16.0
vegeta=12.13.0
locust=$(sed -n 's/^locust==//p' tests/e2e/tools/load/requirements.txt)
cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}

main() {
    local tools=(oha vegeta locust prometheus k6 large) left_out=()
    for tool in "${tools[@]}"; do
        # A tool that is skipped ends its subshell, and not the others.
        ("find_$tool") || left_out+=(--skip "$tool::")
    done
    ((${#left_out[@]} < 2 * ${#tools[@]})) || exit 77 # .ci/run counts it as skipped
    PATH=$cache/oha-$oha/bin:$cache/vegeta-$vegeta/bin:$cache/locust-$locust/bin:$cache/prometheus-packages/usr/bin:$PATH
    # One after the other: load tests disturb each other. Within a test, pairs of targets are measured at once.
    cargo test --locked --test e2e_load "$@" -- --test-threads 1 "${left_out[@]}"
}

skip() {
    printf 'SKIPPED: results of %s: %s\n' "$tool" "$1" >&2
    exit 77
}

find_oha() {
    installed "$cache/oha-$oha" build_oha
}

find_vegeta() {
    installed "$cache/vegeta-$vegeta" build_vegeta
}

build_vegeta() {
    go_for "$1"
    GOBIN=$1/bin nice -n 19 go install "github.com/tsenart/vegeta/v12@v$vegeta" || skip 'Go could not build it'
}

find_locust() {
    installed "$cache/locust-$locust" install_locust
}

install_locust() {
    python3 -m venv "$1" || skip 'no Python with venv to install it in'
    "$1/bin/pip" install --quiet --disable-pip-version-check --requirement tests/e2e/tools/load/requirements.txt ||
        skip 'pip could not install it'
}

find_prometheus() {
    type -P prometheus >/dev/null || installed "$cache/prometheus-packages" unpack_prometheus
}

# Unpacked instead of installed: some distributions start a server as soon as it is installed.
unpack_prometheus() {
    command -v apt-get >/dev/null || skip 'no prometheus on this machine, and no apt-get to download it'
    local download
    download=$(mktemp -d)
    # apt downloads as another user.
    chmod 755 "$download"
    (
        cd "$download" || exit
        apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }
    ) || skip 'its package could not be downloaded'
    dpkg-deb --extract "$download"/prometheus_*.deb "$1" || skip 'its package could not be unpacked'
    rm -r "$download"
}

find_k6() {
    type -P k6 >/dev/null || skip 'it is not installed, and these tests do not install it, because of its licence (AGPL)'
}

# 500 MB of results: Python measures the memory.
find_large() {
    type -P python3 >/dev/null || skip 'no python3 to measure the memory with'
}

main "$@"
