#!/usr/bin/env bash
# Tests the scripts of a release, in repositories of their own: which tag moves, what a copy of a workflow names, and which licences
# are listed.

set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$root" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@acme.example GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@acme.example

passed=0
failed=0

# check NAME EXPECTED-CODE PATTERN COMMAND…: runs it, and compares its exit code and all that it prints.
check() {
    local name=$1 expected=$2 pattern=$3 output code
    shift 3
    output=$("$@" 2>&1 </dev/null)
    code=$?
    if [[ $code == "$expected" && $output =~ $pattern ]]; then
        passed=$((passed + 1))
        printf 'ok       %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED   %s: exit %s, expected %s; it printed:\n%s\nexpected %s\n' "$name" "$code" "$expected" "$output" "$pattern"
    fi
}

# repository NAME: a repository with one commit.
repository() {
    git init --quiet --initial-branch=main "$work/$1"
    git -C "$work/$1" commit --quiet --allow-empty --message 'a release'
}

# release NAME TAG…: a new commit with these tags.
release() {
    local tag name=$1
    shift
    git -C "$work/$name" commit --quiet --allow-empty --message "$*"
    for tag in "$@"; do git -C "$work/$name" tag --force "$tag" >/dev/null; done
}

major_tag() {
    cd "$work/$1" && "$root/scripts/major-tag" "$2"
}

repository tags
release tags v0.3.0 v0
check 'the first release of a major version makes its tag' 0 '^v1$' major_tag tags v1.0.0
release tags v1.0.0 v1
check 'a higher patch moves it' 0 '^v1$' major_tag tags v1.0.1
release tags v1.2.0
release tags v1.10.0 v1
check 'a backport does not move it back' 0 '^major-tag: v1 stays at v1\.10\.0, which is not older than v1\.2\.1$' major_tag tags v1.2.1
check 'versions are compared as numbers' 0 '^v1$' major_tag tags v1.11.0
check 'the release that it is at does not move it' 0 '^major-tag: v1 stays at v1\.10\.0' major_tag tags v1.10.0
check 'another major version has a tag of its own' 0 '^v2$' major_tag tags v2.0.0
check 'a backport of an older major version moves its own tag' 0 '^v1$' major_tag tags v1.10.1
check 'a tag that is no release is refused' 1 'saw .v1\.2\.3-rc1.; expected a release' major_tag tags v1.2.3-rc1
release tags v1 # moved by hand
check 'a major tag that is at no release is a question for a person' 1 'v1 is at [0-9a-f]{40}, which is no release of v1' major_tag tags v1.11.0

repository actions
mkdir -p "$work/actions/scripts" "$work/actions/workflows"
cp scripts/copy-workflows "$work/actions/scripts/"
copy() {
    REPOSITORY=${of:-} RELEASE=${at:-} "$work/actions/scripts/copy-workflows" "$work/copies" "$@"
}
audit() {
    printf 'jobs:\n  a:\n    steps:\n      - uses: acme/promote-gates/audit@v1\n      - uses: acme/promote-gates@v1\n      - run: echo %s\n' "$1" >"$work/actions/workflows/audit.yml"
    git -C "$work/actions" add --all
}
audit old
check 'without a remote, the repository has to be given' 1 'next: set REPOSITORY' copy audit
git -C "$work/actions" remote add origin git@github.com:octo/promote-gates.git
check 'without a release, nothing is copied' 1 'next: fetch the tags' copy audit
release actions v1.9.0
audit new
release actions v1.10.0
audit unreleased
commit=$(git -C "$work/actions" rev-parse v1.10.0)
check 'a workflow that the release does not have is named' 1 "v1\.10\.0 has no workflow 'audti'" copy audit audti
mkdir "$work/actions/workflows/other"
cp "$work/actions/workflows/audit.yml" "$work/actions/workflows/other/"
check 'two workflows of one name are refused' 1 'two of these workflows are called audit\.yml' env at=v1.2.3 COMMIT="$commit" bash -c "$(declare -f copy); work=$work copy audit other/audit"
check 'and nothing was copied' 1 '' test -e "$work/copies"
check 'the copy is that of the newest release, and names it' 0 'copies/audit\.yml$' copy audit
check 'its actions are those of the remote, at the commit of the release' 0 \
    "uses: octo/promote-gates/audit@$commit # v1\.10\.0"$'\n'" *- uses: octo/promote-gates@$commit # v1\.10\.0"$'\n'".*echo new" \
    cat "$work/copies/audit.yml"
check 'a file that exists is not replaced' 1 'audit\.yml exists' copy audit
rm "$work/copies/audit.yml"
check 'another repository and release can be given' 0 '' env of=acme-fork/gates at=v1.9.0 bash -c "$(declare -f copy); work=$work copy audit.yml"
check 'and they are in the copy' 0 'uses: acme-fork/gates/audit@[0-9a-f]{40} # v1\.9\.0.*echo old' cat "$work/copies/audit.yml"

check 'the licences of the crates in the binaries are listed' 0 '' scripts/dependencies notices --check
sbom() {
    scripts/dependencies sbom "$work/sbom.json" && python3 - "$work/sbom.json" <<'PYTHON'
import json, sys
bom = json.load(open(sys.argv[1]))
names = {component["name"] for component in bom["components"]}
refs = {component["bom-ref"] for component in bom["components"]}
assert bom["metadata"]["component"]["name"] == "promote-gates", bom["metadata"]
assert {"clap", "rustls", "kube", "ring"} <= names, sorted(names)
assert not {"proptest", "insta", "promote-gates"} & names, "only what the binaries contain"
assert all(need in refs for entry in bom["dependencies"] for need in entry["dependsOn"])
assert all(component.get("hashes") and component.get("licenses") for component in bom["components"])
print(len(names), "crates")
PYTHON
}
check 'the bill of materials has the crates, with checksums and licences' 0 '^[0-9]{3} crates$' sbom

printf '\nscripts: %s passed, %s failed\n' "$passed" "$failed"
((failed == 0))
