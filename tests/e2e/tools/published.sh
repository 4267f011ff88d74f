#!/usr/bin/env bash
# Fetches what GitHub publishes about its APIs, and installs the Python packages that judge by it, outside of the tree. The
# scripts of tests/e2e source this file; it needs their function `skip REASON`.

# npm_file FILE PACKAGE@VERSION PATH SHA256: keeps one file of an npm package as FILE, unless an earlier run did.
npm_file() {
    local file=$1 package=$2 path=$3 sum=$4 folder
    [[ ! -e $file ]] || return 0
    command -v npm >/dev/null || skip "no npm to fetch $package with"
    mkdir -p "${file%/*}"
    folder=$(mktemp -d "${file%/*}/fetched.XXXXXX")
    # shellcheck disable=SC2064 # the folder of this call
    trap "rm -rf '$folder'" EXIT
    npm pack --silent --pack-destination "$folder" "$package" >/dev/null || skip "npm could not fetch $package"
    tar -xzf "$folder"/*.tgz -C "$folder" "package/$path"
    echo "$sum  $folder/package/$path" | sha256sum --check --quiet
    mv "$folder/package/$path" "$file"
    rm -rf "$folder"
}

# python_packages FOLDER REQUIREMENTS: installs the packages into a virtual environment, unless an earlier run completed it.
python_packages() {
    [[ ! -e $1/.complete ]] || return 0
    rm -rf "$1"
    python3 -m venv "$1" || skip 'no python3 with venv'
    "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" || skip "pip could not install $2"
    touch "$1/.complete"
}
