#!/usr/bin/env bash
# Tests what becomes of a digest between a registry and the infra repository: tags that move, digests of an index and of a
# platform, image IDs without a repository. The registry is Debian's docker-registry, behind an nginx that asks for a password.
#
# Needs docker-registry and nginx. If this runs as root, apt downloads docker-registry and installs nginx. The registry is
# unpacked instead of installed, because some distributions start one as soon as it is installed, and is cached in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}/registry-packages.
set -euo pipefail
cd "$(dirname "$0")/../.."

cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}/registry-packages

main() {
    nginx
    registry
    export PROMOTE_GATES_E2E_NGINX PROMOTE_GATES_E2E_REGISTRY
    cargo test --locked --test e2e_registry "$@"
}

skip() {
    printf 'SKIPPED: the registry: %s\n' "$1" >&2
    exit 77 # .ci/run counts it as skipped
}

can_install() {
    ((EUID == 0)) && command -v apt-get >/dev/null
}

nginx() {
    # Debian installs nginx in /usr/sbin, which only root has in PATH.
    local PATH=$PATH:/usr/sbin:/usr/local/sbin
    if ! type -P nginx >/dev/null; then
        can_install || skip 'no nginx, and no way to install it (apt-get install nginx-light)'
        install_nginx || { apt-get update -qq && install_nginx; } || skip 'nginx could not be installed'
    fi
    PROMOTE_GATES_E2E_NGINX=$(type -P nginx)
}

install_nginx() {
    apt-get install -y -qq --no-install-recommends nginx-light >/dev/null
}

registry() {
    local PATH=$PATH:$cache/usr/bin
    if ! type -P docker-registry >/dev/null; then
        can_install || skip 'no docker-registry, and no way to download it (apt-get install docker-registry)'
        unpack_registry || { apt-get update -qq && unpack_registry; } || skip 'docker-registry could not be downloaded'
    fi
    PROMOTE_GATES_E2E_REGISTRY=$(type -P docker-registry)
}

unpack_registry() {
    local folder
    folder=$(mktemp -d)
    # apt downloads as another user.
    chmod 755 "$folder"
    mkdir -p "$cache"
    (cd "$folder" && apt-get download -qq docker-registry >/dev/null && dpkg-deb --extract docker-registry_*.deb "$cache")
    local code=$?
    rm -rf "$folder"
    return "$code"
}

main "$@"
