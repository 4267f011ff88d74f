#!/usr/bin/env bash
# Runs small suites with real test runners, and gives their reports to `smoke`: jest, vitest, mocha, Playwright's runner, newman,
# Node's own runner, bats, pytest, gotestsum and Maven's surefire.
#
# Needs npm, Python 3 with venv, and Go. Without Maven and a JDK, the suites of surefire are left out, and named. The runners
# stay in ${PROMOTE_GATES_CACHE:-~/.cache/promote-gates}, one folder per list of versions.
set -euo pipefail
cd "$(dirname "$0")/../.."

gotestsum=1.13.0
list=$(find tests/e2e/tools/runners -type f | sort | xargs cat | sha256sum | cut -c 1-12)
cache=${PROMOTE_GATES_CACHE:-$HOME/.cache/promote-gates}
runners=$cache/test-runners-$gotestsum-$list

main() {
    . tests/e2e/tools/builds.sh
    installed "$runners" test_runners
    export PROMOTE_GATES_E2E_RUNNERS=$runners
    local without=()
    if [[ ! -e $runners/maven/.complete ]]; then
        printf 'SKIPPED: the reports of surefire: %s\n' 'Maven or a JDK is missing, or could not get its plugins' >&2
        without=(--skip java::)
    fi
    if [[ " $* " != *' -- '* ]]; then
        set -- "$@" --
    fi
    cargo test --locked --test e2e_runners "$@" "${without[@]}"
}

skip() {
    printf 'SKIPPED: the reports of real test runners: %s\n' "$1" >&2
    exit 77 # .ci/run counts it as skipped
}

test_runners() {
    command -v npm >/dev/null || skip 'no npm to install them with'
    command -v go >/dev/null || skip 'no go to build gotestsum with'
    cp tests/e2e/tools/runners/package.json "$1"
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --prefix "$1" --silent --no-audit --no-fund --ignore-scripts ||
        skip 'npm could not install them'
    python3 -m venv "$1/venv" || skip 'Python has no venv to install pytest in'
    "$1/venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/e2e/tools/runners/requirements.txt ||
        skip 'pytest could not be installed'
    GOBIN=$1/bin go install "gotest.tools/gotestsum@v$gotestsum" || skip 'gotestsum could not be built'
    surefire "$1/maven"
}

# Runs one test, so that Maven gets all that it needs; later it works offline.
surefire() {
    if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
        return
    fi
    local project
    project=$(mktemp -d)
    cp -R tests/e2e/tools/runners/surefire/. "$project"
    if mvn -q -B -Dmaven.repo.local="$1" -f "$project/pom.xml" test; then
        touch "$1/.complete"
    fi
    rm -rf "$project"
}

main "$@"
