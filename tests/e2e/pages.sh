#!/usr/bin/env bash
# Looks at the pages that people read: renders the summaries of real steps as GitHub does, takes pictures of them in headless
# Chromium, and checks their height and what they show without unfolding.
#
# Needs Chromium, cmark-gfm (the renderer that GitHub publishes) and fonts, which apt installs if this runs as root; and npm
# for GitHub's CSS and for mermaid, which draws the charts there. It caches both in
# ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per version. The pictures and their measures stay in
# ${PROMOTE_GATES_PAGES:-target/pages}. With PROMOTE_GATES_UPDATE_PICTURE=1 it also writes the picture in the README,
# docs/decision-pack.png.
set -euo pipefail
cd "$(dirname "$0")/../.."

css=5.9.0
css_sum=291a28816709426a8a348c8db497c6f2c625ec5e596d3406770dcfff975233b4
# Debian's version; an older one renders other addresses as links.
renderer=0.29.0.gfm.6
cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}
style=$cache/github-markdown-css-$css
# GitHub does not say which version it runs; this one is of 2025.
mermaid=11.9.0
mermaid_sum=457d14c241bf63fdca6fd6ef0463d3a15f2061496429769c01b28c9203442320
charts=$cache/mermaid-$mermaid
pages=${PROMOTE_GATES_PAGES:-$PWD/target/pages}

main() {
    programs
    installed "$style" github_css
    installed "$charts" mermaid_script
    export PROMOTE_GATES_E2E_CHROMIUM PROMOTE_GATES_E2E_CMARK PROMOTE_GATES_E2E_CSS=$style/github-markdown.css
    export PROMOTE_GATES_E2E_MERMAID=$charts/mermaid.min.js
    export PROMOTE_GATES_PAGES=$pages
    rm -f "$pages/measures.txt"
    local code=0
    cargo test --locked --test e2e_pages "$@" || code=$?
    [[ ! -e $pages/measures.txt ]] || cat "$pages/measures.txt"
    return "$code"
}

skip() {
    printf 'SKIPPED: the pages that people read: %s\n' "$1" >&2
    exit 77 # .ci/run counts it as skipped
}

programs() {
    local missing=() family
    PROMOTE_GATES_E2E_CHROMIUM=$(chromium_found) || missing+=(chromium)
    PROMOTE_GATES_E2E_CMARK=$(type -P cmark-gfm) || missing+=(cmark-gfm)
    # Without these two, an icon is an empty box, and text has another width than on most screens.
    for family in 'Noto Color Emoji:fonts-noto-color-emoji' 'Liberation Sans:fonts-liberation'; do
        font_found "${family%:*}" || missing+=("${family#*:}")
    done
    if ((${#missing[@]})); then
        if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
            skip "no ${missing[*]}, and no way to install them (apt-get install ${missing[*]})"
        fi
        install "${missing[@]}" || { apt-get update -qq && install "${missing[@]}"; } ||
            skip "${missing[*]} could not be installed (apt-get install ${missing[*]})"
        PROMOTE_GATES_E2E_CHROMIUM=$(chromium_found)
        PROMOTE_GATES_E2E_CMARK=$(type -P cmark-gfm)
    fi
    local version
    version=$("$PROMOTE_GATES_E2E_CMARK" --version | sed -n 's/^cmark-gfm \([^ ]*\).*/\1/p')
    [[ $(printf '%s\n' "$renderer" "$version" | sort -V | head -n 1) == "$renderer" ]] ||
        skip "cmark-gfm $version is older than $renderer"
}

chromium_found() {
    type -P chromium || type -P chromium-browser || type -P google-chrome
}

font_found() {
    command -v fc-list >/dev/null && [[ -n $(fc-list "$1") ]]
}

install() {
    apt-get install -y -qq --no-install-recommends fontconfig "$@" >/dev/null
}

# installed FOLDER COMMAND: installs into the folder by COMMAND FOLDER, unless an earlier run completed it.
installed() {
    [[ -e $1/.complete ]] && return
    rm -rf "$1"
    mkdir -p "$1"
    "$2" "$1"
    touch "$1/.complete"
}

github_css() {
    command -v npm >/dev/null || skip "no npm to fetch GitHub's CSS with"
    npm pack --silent --pack-destination "$1" "github-markdown-css@$css" >/dev/null ||
        skip "npm could not fetch github-markdown-css@$css"
    local package=$1/github-markdown-css-$css.tgz
    echo "$css_sum  $package" | sha256sum --check --quiet
    tar -xzf "$package" -C "$1" --strip-components=1 package/github-markdown.css
    rm "$package"
}

mermaid_script() {
    npm pack --silent --pack-destination "$1" "mermaid@$mermaid" >/dev/null ||
        skip "npm could not fetch mermaid@$mermaid"
    local package=$1/mermaid-$mermaid.tgz
    echo "$mermaid_sum  $package" | sha256sum --check --quiet
    tar -xzf "$package" -C "$1" --strip-components=2 package/dist/mermaid.min.js
    rm "$package"
}

main "$@"
