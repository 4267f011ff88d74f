#!/usr/bin/env bash
# Runs `metric` on a real Prometheus and a real Alertmanager, which scrape and alert about a service on loopback.
#
# Needs cargo, and apt-get unless both are on this machine. The programs stay in ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/tools/builds.sh
source tests/e2e/tools/builds.sh

cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}

main() {
    if ! type -P prometheus amtool >/dev/null || ! find_alertmanager >/dev/null; then
        installed "$cache/monitoring-packages" unpack_monitoring
        PATH=$cache/monitoring-packages/usr/bin:$PATH
        PROMOTE_GATES_ALERTMANAGER=$cache/monitoring-packages/bin/alertmanager
    else
        PROMOTE_GATES_ALERTMANAGER=$(find_alertmanager)
    fi
    export PROMOTE_GATES_ALERTMANAGER
    # Two at a time: one of them waits out the two minutes in which a new Alertmanager proves nothing. Not more: scrapes of a second
    # are late on a busy machine.
    cargo test --locked --test e2e_metric "$@" -- --test-threads 2
}

# Debian gives it another name.
find_alertmanager() {
    type -P prometheus-alertmanager || type -P alertmanager
}

skip() {
    printf 'SKIPPED: metric on a real Prometheus: %s\n' "$1" >&2
    exit 77
}

# Unpacked instead of installed: some distributions start a server as soon as it is installed.
unpack_monitoring() {
    command -v apt-get >/dev/null || skip 'no prometheus and alertmanager on this machine, and no apt-get to download them'
    local download
    download=$(mktemp -d)
    # apt downloads as another user.
    chmod 755 "$download"
    (
        cd "$download" || exit
        apt-get download -qq prometheus prometheus-alertmanager 2>/dev/null ||
            { apt-get update -qq && apt-get download -qq prometheus prometheus-alertmanager; }
    ) || skip 'their packages could not be downloaded'
    local package
    for package in "$download"/*.deb; do
        dpkg-deb --extract "$package" "$1" || skip 'their packages could not be unpacked'
    done
    rm -r "$download"
    # Debian's build reads its templates from /usr/share: in a mount namespace of its own, they are there.
    unshare --user --map-root-user --mount true || skip 'this machine has no user namespaces to run the unpacked Alertmanager in'
    cat >"$1/bin/alertmanager" <<'EOF'
#!/bin/sh
exec unshare --user --map-root-user --mount sh -c '
    mount -t tmpfs none /usr/share && mkdir /usr/share/prometheus &&
        ln -s "$0/usr/share/prometheus/alertmanager" /usr/share/prometheus &&
        exec "$0/usr/bin/prometheus-alertmanager" "$@"' "$(dirname "$(dirname "$0")")" "$@"
EOF
    chmod +x "$1/bin/alertmanager"
}

main "$@"
