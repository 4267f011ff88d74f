#!/usr/bin/env bash
# Tests the endpoint checks of `health`, and the file of checks of `smoke`, against a real nginx on loopback; each test starts its
# own. `-- --nocapture` shows how long a hundred paths take.
#
# Needs nginx, which apt installs if this runs as root. nginx runs without root in a temp folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

main() {
    nginx
    export PROMOTE_GATES_E2E_NGINX
    cargo test --locked --test e2e_endpoints "$@"
}

skip() {
    printf 'SKIPPED: the endpoint checks: %s\n' "$1" >&2
    exit 77 # .ci/run counts it as skipped
}

nginx() {
    # Debian installs nginx in /usr/sbin, which only root has in PATH.
    local PATH=$PATH:/usr/sbin:/usr/local/sbin
    if ! type -P nginx >/dev/null; then
        if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
            skip 'no nginx, and no way to install it (apt-get install nginx-light)'
        fi
        install || { apt-get update -qq && install; } || skip 'nginx could not be installed (apt-get install nginx-light)'
    fi
    PROMOTE_GATES_E2E_NGINX=$(type -P nginx)
    local options
    options=$("$PROMOTE_GATES_E2E_NGINX" -V 2>&1)
    for module in http_ssl http_sub; do
        [[ $options == *"--with-${module}_module"* ]] || skip "$PROMOTE_GATES_E2E_NGINX was built without $module"
    done
}

install() {
    apt-get install -y -qq --no-install-recommends nginx-light >/dev/null
}

main "$@"
