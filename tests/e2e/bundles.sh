#!/usr/bin/env bash
# Runs `bundle-size` on builds of real bundlers: text changes, a renamed page, a library that is added, explained, split into
# chunks or exchanged for another, and half a build. The totals have to be those of node's zlib, and the packages by source maps those
# of esbuild's metafile. A library that replaces another is also judged without packages, and so are compressed files without their
# originals. The last builds are of Next, with its own bundler. Needs node and the npm registry; versions are pinned. The binary is
# $PROMOTE_GATES, or target/debug/promote-gates, which it builds.
# shellcheck disable=SC2016 # backticks are part of the gate's messages
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v npm >/dev/null; then
    echo "SKIPPED: no npm to install bundlers with" >&2
    exit 77 # .ci/run counts it as skipped
fi
gate="${PROMOTE_GATES:-$PWD/target/debug/promote-gates}"
[[ -n ${PROMOTE_GATES:-} ]] || cargo build --locked
shop="$(mktemp -d)"
trap 'rm -rf "$shop"' EXIT
cd "$shop"
echo '{ "name": "shop", "private": true, "type": "module" }' >package.json
# The versions of Vite want different optional versions of esbuild.
if ! npm install --legacy-peer-deps --no-audit --no-fund --silent --save-exact esbuild@0.25.5 vite@6.3.5 vite8@npm:vite@8.4.0 \
  webpack@5.99.9 webpack-cli@6.0.1 @rspack/core@2.3.4 @rspack/cli@2.2.8 react@19.1.0 react-dom@19.1.0 lodash-es@4.17.21 \
  moment@2.30.1 dayjs@1.11.13 chart.js@4.5.0; then
    echo "SKIPPED: the packages cannot be installed" >&2
    exit 77
fi

failed=0
path=dist
next_version=16.4.6
# expect CODE WORDS FLAGS…: runs the gate; its exit code has to be CODE, and its log has to hold WORDS.
expect() {
    local code="$1" words="$2" log actual=0
    shift 2
    log="$("$gate" bundle-size --path "$path" "$@" 2>&1)" || actual=$?
    if [[ $actual != "$code" || $log != *"$words"* ]]; then
        failed=$((failed + 1))
        printf 'FAILED %s: exit %s, expected %s and "%s":\n%s\n' "$what" "$actual" "$code" "$words" "$log"
    else
        printf 'ok: %s\n' "$what"
    fi
}

# close PROGRAM FILES…: runs a program of node, which compares and exits with 0 if the difference is small.
close() {
    if node -e "$1" "${@:2}"; then
        printf 'ok: %s\n' "$what"
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n' "$what"
    fi
}

totals='
const fs = require("fs"), zlib = require("zlib"), [, file, algorithm] = process.argv, base = JSON.parse(fs.readFileSync(file));
const sum = size => Object.keys(base.files).reduce((sum, name) => sum + size(name), 0), ours = base.total[algorithm];
const node = sum(name => (algorithm === "gzip" ? zlib.gzipSync(fs.readFileSync(name), { level: 9 }) : zlib.brotliCompressSync(fs.readFileSync(name))).length);
console.log(`${algorithm}: ${ours}, node ${node}`);
process.exit(Math.abs(ours - node) <= node / 1000 ? 0 : 1);'
packages='
const fs = require("fs"), [, ...files] = process.argv, [meta, maps] = files.map(file => JSON.parse(fs.readFileSync(file)).packages);
const far = Object.entries(meta).filter(([name, bytes]) => name[0] !== "(" && bytes >= 1000 && Math.abs(bytes - (maps[name] ?? 0)) > bytes / 100);
console.log(far.length ? far.map(([name, bytes]) => `${name}: ${bytes}, by maps ${maps[name]}`).join("\n") : Object.entries(maps).join(" "));
process.exit(far.length || Object.keys(meta).length < 3 ? 1 : 0);'

sources() {
    rm -rf src dist ./*.baseline.json meta.json stats.json
    mkdir src
    cat >src/main.js <<'END'
import React, { lazy } from "react";
import { createRoot } from "react-dom/client";
const Dashboard = lazy(() => import("./Dashboard.js"));
const Settings = lazy(() => import("./Settings.js"));
createRoot(document.body).render(React.createElement("div", null, "hello shop", React.createElement(Dashboard), React.createElement(Settings)));
END
    cat >src/Dashboard.js <<'END'
import React from "react";
import { debounce, groupBy, merge } from "lodash-es";
export default () => React.createElement("p", null, "the dashboard of the day", String(debounce), String(groupBy([1], String)), String(merge({}, { b: 1 })));
END
    cat >src/Settings.js <<'END'
import React from "react";
export default () => React.createElement("p", null, "the page with the settings");
END
}

echo '<!doctype html><body><script type="module" src="/src/main.js"></script></body>' >index.html
build_vite() { npx vite build --logLevel error "$@"; }
build_esbuild() {
    rm -rf dist
    npx esbuild src/main.js --bundle --minify --splitting --format=esm --outdir=dist --metafile=meta.json --log-level=error \
        --entry-names='[name]-[hash]' --define:process.env.NODE_ENV='"production"' "$@"
}
build_webpack() {
    rm -rf dist
    npx webpack --mode production --entry ./src/main.js -o dist --output-filename '[name].[contenthash:8].js' --json >stats.json
}

# Vite 8 builds with Rolldown.
build_vite8() { node node_modules/vite8/bin/vite.js build --logLevel error "$@"; }
cat >rspack.config.mjs <<'END'
export default {
  mode: "production",
  entry: "./src/main.js",
  output: { path: process.cwd() + "/dist", clean: true, filename: "[name].[contenthash:8].js" },
  optimization: { runtimeChunk: "single", splitChunks: { chunks: "all" } },
  stats: "verbose",
};
END
build_rspack() { npx rspack build --json stats.json >build.log 2>&1 || { cat build.log; exit 1; }; }

for bundler in vite vite8 esbuild webpack rspack; do
    build="build_$bundler"
    sources
    if [[ $bundler == vite || $bundler == vite8 ]]; then maps=(--sourcemap); else maps=(); fi
    "$build" "${maps[@]}"
    what="$bundler: the first build"
    expect 0 'no baseline yet' --allow-first
    sed -i.old 's/hello shop/hallo shop/' src/main.js
    "$build" "${maps[@]}"
    what="$bundler: a text changed"
    expect 0 'no file grew'
    mv src/Dashboard.js src/Overview.js
    sed -i.old 's/Dashboard/Overview/g' src/main.js
    "$build" "${maps[@]}"
    what="$bundler: a page was renamed"
    expect 0 'all 3 checks passed'
    sed -i.old '1i import moment from "moment"; window.moment = moment;' src/main.js
    "$build" "${maps[@]}"
    what="$bundler: a library was added"
    expect 1 'by package: `moment` +'
    what="$bundler: a library was added and explained"
    expect 0 'over the limit, but explained' --explanation 'up to +400 kB: the dates of all languages, ticket 71'
    what="$bundler: the explanation is of a smaller library"
    expect 1 'the explanation covers up to' --explanation 'up to +20 kB: the dates of all languages, ticket 71'
    for algorithm in gzip brotli; do
        what="$bundler: the total of $algorithm"
        expect 0 'no baseline yet' --baseline "$algorithm.json" --compression "$algorithm" --allow-first
        close "$totals" "$algorithm.json" "$algorithm"
        rm "$algorithm.json"
    done
    what="$bundler: the package has its own limit"
    expect 1 'packages: `moment` +' --max-increase 1000 --max-added-per-package 10kB
    rm -f ./*.baseline.json
    what="$bundler: the build with the library as the baseline"
    expect 0 'no baseline yet' --allow-first
    sed -i.old '1s/.*/import dayjs from "dayjs"; window.dayjs = dayjs;/' src/main.js
    "$build" "${maps[@]}"
    what="$bundler: a library was exchanged for a smaller one"
    expect 1 '`dayjs` +' --max-added-per-package 2kB --max-decrease 90
    sed -i.old '1s/.*/import("moment").then(m => window.moment = m); import("lodash-es").then(m => window.lodash = m);/' src/main.js
    "$build" "${maps[@]}"
    what="$bundler: libraries in chunks of their own"
    expect 1 '⛔ new bytes: ' --max-increase 10000 --max-added 50kB --max-added-per-package 10MB
    find dist -name '*.js' -delete
    echo '<html></html>' >dist/index.html
    what="$bundler: half a build"
    expect 3 '`max-decrease`'
done

# Without the bundler's data, a library is found by its file.
build=build_vite8
what="vite8: a page has another library"
sources
sed -i.old '1i import * as chart from "chart.js/auto"; window.chart = chart;' src/Settings.js
"$build"
expect 0 'no baseline yet' --allow-first
sed -i.old '1s/.*/import moment from "moment"; window.moment = moment;/' src/Settings.js
"$build"
expect 1 'of other code' --max-added 50kB
what="vite8: only compressed files are shipped"
rm -f ./*.baseline.json
gzip dist/assets/*.js
expect 0 'no baseline yet' --allow-first
sed -i.old '1i import * as chart from "chart.js/auto"; window.chart = chart;' src/Settings.js
"$build"
gzip dist/assets/*.js
expect 1 '.js.gz` +' --max-added 50kB

what="esbuild: packages by source maps"
sources
build_esbuild --sourcemap
expect 0 'no baseline yet' --baseline meta-sizes.json --stats meta.json --allow-first
rm meta.json
expect 0 'no baseline yet' --baseline map-sizes.json --allow-first
close "$packages" meta-sizes.json map-sizes.json

# Next 16 builds with Turbopack.
mkdir "$shop/next"
cd "$shop/next"
echo '{ "name": "shop", "private": true }' >package.json
if ! npm install --no-audit --no-fund --silent --save-exact "next@$next_version" react@19.2.0 react-dom@19.2.0 moment@2.30.1 dayjs@1.11.13; then
    echo "SKIPPED: Next cannot be installed" >&2
    exit 77
fi
build_next() {
    rm -rf .next
    NEXT_TELEMETRY_DISABLED=1 npx next build >build.log 2>&1 || { cat build.log; exit 1; }
}
page() {
    mkdir -p "app/$1"
    printf '"use client";\nimport { useState } from "react";\n%s\nexport default function Page() { const [n, set] = useState(0); return <p onClick={() => set(n + 1)}>%s {n}</p>; }\n' "${3:-}" "$2" >"app/$1/page.js"
}
echo 'module.exports = { productionBrowserSourceMaps: true };' >next.config.js
mkdir app
echo 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }' >app/layout.js
page . 'the shop of the day'
page dashboard 'the dashboard of the day'
page settings 'the page with the settings'
path=.next/static
build_next
what="next: the first build"
expect 0 'no baseline yet' --allow-first
page . 'the ship of the day'
build_next
what="next: a text changed"
expect 0 'no file grew'
mv app/dashboard app/overview
build_next
what="next: a page was renamed"
expect 0 'checks passed'
page settings 'the page with the settings' 'import moment from "moment"; if (typeof window !== "undefined") window.moment = moment;'
build_next
what="next: a library was added"
expect 1 '`moment` +' --max-increase 1
what="next: a library was added and explained"
expect 0 'over the limit, but explained' --max-increase 1 --explanation 'up to +400 kB: the dates of all languages, ticket 71'
rm -f ./*.baseline.json
what="next: the build with the library as the baseline"
expect 0 'no baseline yet' --allow-first
page settings 'the page with the settings' 'import dayjs from "dayjs"; if (typeof window !== "undefined") window.dayjs = dayjs;'
build_next
what="next: a library was exchanged for a smaller one"
expect 1 '`dayjs` +' --max-added-per-package 2kB
[[ $failed == 0 ]]
