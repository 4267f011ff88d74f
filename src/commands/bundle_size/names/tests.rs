use proptest::prelude::*;

use super::*;

#[test]
fn the_hashes_of_each_bundler_are_recognised() {
    for (path, expected) in [
        // webpack, Create React App, Vue, Next
        ("app.3f2a.js", "app.[hash].js"),
        ("app.9c1b.js", "app.[hash].js"),
        ("main.3f2a9c1b.js", "main.[hash].js"),
        ("vendors~main.a1b2c3d4.chunk.js", "vendors~main.[hash].chunk.js"),
        ("app~d0ae3f07.js", "app~[hash].js"),
        ("2.3f2a9c1b.chunk.js", "2.[hash].chunk.js"),
        ("123.abcdef0123456789.js", "123.[hash].js"),
        ("logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg", "logo.[hash].svg"),
        ("6ce24c58023cc2f8fd88.woff2", "[hash].woff2"),
        ("3f2a9c1b.chunk.js", "[hash].chunk.js"),
        ("_app-0f3e2d1c4b5a6978.js", "_app-[hash].js"),
        ("4bd1b696-409494caf8c83275.js", "4bd1b696-[hash].js"),
        ("pages/[slug]-0f3e2d1c4b5a6978.js", "pages/[slug]-[hash].js"),
        ("_next/static/Zx1QpL0aB3cD5eF7gH9iJ/_buildManifest.js", "_next/static/[hash]/_buildManifest.js"),
        ("static/chunks/node_modules_0f3e2d1c._.js", "static/chunks/node_modules_[hash]._.js"),
        ("app.1700000000.css", "app.[hash].css"),
        // Trunk, for Rust
        ("shop-a1b2c3d4e5f6a7b8_bg.wasm", "shop-[hash]_bg.wasm"),
        ("_next/static/chunks/39_j1bdzreq0m.js", "_next/static/chunks/[hash].js"),
        ("_next/static/chunks/2o-pijx6ukxo_.js", "_next/static/chunks/[hash].js"),
        ("_next/static/chunks/turbopack-3fqeayc8xt406.js", "_next/static/chunks/turbopack-[hash].js"),
        // Rollup, Vite, SvelteKit
        ("assets/index-BxYz12_-.js", "assets/index-[hash].js"),
        ("assets/index-Bx-z12_a.js", "assets/index-[hash].js"),
        ("assets/index--xYz12_a.js", "assets/index-[hash].js"),
        ("assets/index-abc-1X_a.css", "assets/index-[hash].css"),
        ("assets/index.BxYz12_-.js", "assets/index.[hash].js"),
        ("assets/KaTeX_AMS-Regular-BxYz12aQ.woff2", "assets/KaTeX_AMS-Regular-[hash].woff2"),
        ("assets/fa-brands-400-CEJ5bi01.woff2", "assets/fa-brands-400-[hash].woff2"),
        ("immutable/chunks/BxYz12_-.js", "immutable/chunks/[hash].js"),
        ("immutable/nodes/0.BxYz12_-.js", "immutable/nodes/0.[hash].js"),
        ("index-DkqWxjRt.js", "index-[hash].js"),
        // esbuild, Angular, Bun, Parcel
        ("chunk-ABCDEF12.js", "chunk-[hash].js"),
        ("chunk-QWERTZUI.js", "chunk-[hash].js"),
        ("main-es2015.8c1d4e5f6a7b8c9d0e1f.js", "main-es2015.[hash].js"),
        ("polyfills-5CFQRCPP.js", "polyfills-[hash].js"),
        ("chunk-k3j9x0qz.js", "chunk-[hash].js"),
        ("index.f2a9c1b3.css", "index.[hash].css"),
        ("3f2a9c1b/app.js", "[hash]/app.js"),
        // several
        ("a.3f2a9c1b.4d5e6f70.js", "a.[hash].[hash].js"),
        ("app.3f2a9c1b.js.map", "app.[hash].js.map"),
    ] {
        assert_eq!(canonical_name(path), expected, "{path}");
    }
}

#[test]
fn words_versions_and_ids_are_not_hashes() {
    for path in [
        "app.js",
        "notifications.js",
        "react-dom-202.js",
        "user_settings.js",
        "app.component.js",
        "jquery.min.js",
        "jquery-3.7.1.min.js",
        "bootstrap-5.3.2.css",
        "index-server.js",
        "feature-dashboard.js",
        "date-fns.js",
        "lib-date-fns.js",
        "vendor/debug-lib.js",
        "decade.css",
        "facade-defaced.js",
        "effaced.decade.css",
        "runtime.prod.js",
        "page-HomePage.js",
        "page-HtmlView.js",
        "page-pdfUtils.js",
        "page-Settings.js",
        "Inter-SemiBold.woff2",
        "fa-regular-400.woff2",
        "roboto-latin-400-normal.woff2",
        "main-es2015.js",
        "lesson-Chapter1.js",
        "lesson-section1.js",
        "errors-404pages.js",
        "vendor-mp3audio.js",
        "vendor-base64js.js",
        "app-my-login.js",
        "ui-_private.js",
        "locale-en-US.js",
        "step-ab12.js",
        "report-2024.js",
        "chunk.1234.js",
        "123.js",
        "Settings.js",
        "OTPInput.js",
        "userInfo.js",
        "HomePage.js",
        "page-internationalization.js",
        "page-UserProfilePage2Column.js",
        "2024/01/app.js",
        "v1.2.3/app.js",
        ".htaccess",
        "LICENSE",
        "",
        "/",
        "ünïcödé-größe12.js",
    ] {
        assert_eq!(canonical_name(path), path);
    }
}

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How one bundler names a file: `#` stands for its hash.
struct Style {
    name: &'static str,
    alphabet: String,
    length: usize,
    /// The share of its hashes that must be recognised, in percent.
    known: f64,
    /// The share of builds in which the file may stay unpaired, in percent.
    unpaired: f64,
}

fn styles() -> Vec<Style> {
    let style = |name, alphabet: &str, length, known, unpaired| Style {
        name,
        alphabet: alphabet.to_owned(),
        length,
        known,
        unpaired,
    };
    vec![
        style("webpack main-#.js", "0123456789abcdef", 20, 100.0, 0.0),
        style("webpack main.#.js", "0123456789abcdef", 8, 97.0, 0.0),
        style("short main.#.js", "0123456789abcdef", 4, 80.0, 0.0),
        style("vite main-#.js", &format!("{LETTERS}0123456789-_"), 8, 97.0, 0.5),
        style("vite #.js", &format!("{LETTERS}0123456789-_"), 8, 95.0, 0.5),
        style("rollup main-#.js", &format!("{LETTERS}0123456789"), 12, 75.0, 25.0),
        style("esbuild main-#.js", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 8, 100.0, 0.0),
        style("bun main-#.js", "0123456789abcdefghjkmnpqrstvwxyz", 8, 80.0, 12.0),
        style("base36 main-#.js", "0123456789abcdefghijklmnopqrstuvwxyz", 8, 70.0, 16.0),
        style("turbopack #.js", "0123456789abcdefghijklmnopqrstuvwxyz-_", 13, 90.0, 17.0),
        style("next #/main.js", &format!("{LETTERS}0123456789-_"), 21, 90.0, 10.0),
    ]
}

impl Style {
    fn path(&self, generator: &mut fastrand::Rng) -> String {
        let hash: String = (0..self.length)
            .map(|_| char::from(*generator.choice(self.alphabet.as_bytes()).expect("an alphabet")))
            .collect();
        self.pattern().replace('#', &hash)
    }

    fn pattern(&self) -> &str {
        self.name.rsplit(' ').next().unwrap_or_default()
    }
}

/// Percent of `rounds` in which `happens`.
fn share(rounds: u32, mut happens: impl FnMut() -> bool) -> f64 {
    let count = (0..rounds).filter(|_| happens()).count();
    f64::from(u32::try_from(count).expect("at most the rounds")) / f64::from(rounds) * 100.0
}

/// Bundle with this seed: Vite 97.6 %, as a whole name 97.1 %, webpack 100 % (8 characters 99.95 %, 4 characters 83.1 %), esbuild 100 %,
/// Bun 84.8 %, base36 74.0 %, 12 characters 78.3 %, Next's build ids 95.2 %. In the bundles of two published Vite applications
/// (n8n-editor-ui 2.41, @directus/app 18.0) 1,424 of 1,450 hashed names were recognised, 98.2 %.
#[test]
fn most_random_hashes_are_recognised() {
    let mut generator = fastrand::Rng::with_seed(7);
    for style in styles() {
        let known =
            share(10_000, || canonical_name(&style.path(&mut generator)) == style.pattern().replace('#', HASH_MARK));
        assert!(known >= style.known, "{}: {known:.2} %", style.name);
    }
}

/// Unpaired stay hashes of lower-case letters in only one of the builds, and long hashes without a digit.
#[test]
fn most_unrecognised_hashes_are_paired() {
    let mut generator = fastrand::Rng::with_seed(11);
    for style in styles() {
        let unpaired = share(2000, || {
            let [before, now] = [0, 1].map(|_| canonical_name(&style.path(&mut generator)));
            pair_names([(before.as_str(), 10), ("index.js", 3)], [(now.as_str(), 12), ("other.css", 3)]).len() != 3
        });
        assert!(unpaired <= style.unpaired, "{}: {unpaired:.2} %", style.name);
    }
}

#[test]
fn names_are_paired_across_builds() {
    for (before, now, expected) in [
        (&["a.js"][..], &["a.js"][..], &["a.js = a.js"][..]),
        (&["a.js"], &["b.js"], &["a.js = ", " = b.js"]),
        (&["i-[hash].js"], &["i-HomePage.js"], &["i-[hash].js = i-HomePage.js"]),
        (&["i-HomePage.js"], &["i-[hash].js"], &["i-HomePage.js = i-[hash].js"]),
        (&["i.abcd.chunk.js"], &["i.[hash].chunk.js"], &["i.abcd.chunk.js = i.[hash].chunk.js"]),
        // one of several chunks of one name has a hash that reads as a word
        (&["i-[hash].js"], &["i-[hash].js", "i-HomePage.js"], &["i-[hash].js = i-[hash].js i-HomePage.js"]),
        (&["i-[hash].js", "i-HomePage.js"], &["i-[hash].js"], &["i-[hash].js i-HomePage.js = i-[hash].js"]),
        (
            &["i-[hash].js", "i-HomePage.js"],
            &["i-[hash].js", "i-PageHome.js"],
            &["i-[hash].js i-HomePage.js = i-[hash].js i-PageHome.js"],
        ),
        // hashing was switched on; where both are shipped, they are two files
        (&["i.js"], &["i.[hash].js"], &["i.js = i.[hash].js"]),
        (&["i.js", "i.[hash].js"], &["i.js", "i.[hash].js"], &["i.[hash].js = i.[hash].js", "i.js = i.js"]),
        // another folder, another extension, another word
        (&["x/i-[hash].js"], &["y/i-HomePage.js"], &["x/i-[hash].js = ", " = y/i-HomePage.js"]),
        (&["i-[hash].js"], &["i-HomePage.css"], &["i-[hash].js = ", " = i-HomePage.css"]),
        (&["page-settings.js"], &["page-homepage.js"], &["page-settings.js = ", " = page-homepage.js"]),
        // the largest with the largest: here a longer name is a larger file
        (&["i-HomePage.js"], &["i-PageHome.chunk.js"], &["i-HomePage.js = ", " = i-PageHome.chunk.js"]),
        (
            &["i-HomePage.js", "i.js"],
            &["i-PageHome.js", "i-2024.js", "i-20.js"],
            &["i-HomePage.js = i-PageHome.js", "i.js = i-2024.js", " = i-20.js"],
        ),
    ] {
        let sized = |names: &'static [&'static str]| {
            names.iter().map(|name| (*name, if name.contains(HASH_MARK) { 99 } else { name.len() as u64 }))
        };
        let mut pairs: Vec<_> = pair_names(sized(before), sized(now))
            .iter()
            .map(|pair| format!("{} = {}", pair.before.join(" "), pair.now.join(" ")))
            .collect();
        let mut expected = expected.to_vec();
        pairs.sort();
        expected.sort_unstable();
        assert_eq!(pairs, expected, "{before:?} {now:?}");
    }
}

proptest! {
    #[test]
    fn canonical_names_are_idempotent(path in "([a-zA-Z0-9_~.-]{0,24}/)?[a-f0-9]{0,9}[a-zA-Z0-9_~.\\[\\]-]{0,24}(\\.[a-f0-9]{3,9}|-[A-Za-z0-9_-]{8}|_[a-f0-9]{8}){0,3}(\\.js)?") {
        let once = canonical_name(&path);
        prop_assert_eq!(canonical_name(&once), once);
    }

    #[test]
    fn any_text_has_a_canonical_name(path in "\\PC{0,40}") {
        let once = canonical_name(&path);
        prop_assert_eq!(canonical_name(&once), once);
        let _total = name_without_hash(&path);
    }

    /// A canonical name differs from the path only in texts that the mark replaced.
    #[test]
    fn the_other_parts_of_a_name_stay_in_place(path in "[a-z]{1,6}[.-][a-zA-Z0-9_-]{1,24}\\.(js|css)") {
        let name = canonical_name(&path);
        let mut rest = path.as_str();
        for (at, kept) in name.split(HASH_MARK).enumerate() {
            let found = if at == 0 { rest.strip_prefix(kept).map(|_| 0) } else { rest.find(kept) };
            prop_assert!(found.is_some(), "{} {}", path, name);
            rest = &rest[found.unwrap_or_default() + kept.len()..];
        }
    }

    #[test]
    fn pairing_returns_every_name_once(
        before in proptest::collection::btree_map("[ab](-[a-b]{8}|-Page[A-C]age|\\.\\[hash\\])?\\.js", 0u64..9, 0..8),
        now in proptest::collection::btree_map("[ab](-[a-b]{8}|-Page[A-C]age|\\.\\[hash\\])?\\.js", 0u64..9, 0..8),
    ) {
        let list = |map: &BTreeMap<String, u64>| map.keys().cloned().collect::<Vec<_>>();
        let pairs = pair_names(before.iter().map(|(n, s)| (n.as_str(), *s)), now.iter().map(|(n, s)| (n.as_str(), *s)));
        let mut seen_before: Vec<String> = pairs.iter().flat_map(|pair| &pair.before).map(|name| (*name).to_owned()).collect();
        let mut seen_now: Vec<String> = pairs.iter().flat_map(|pair| &pair.now).map(|name| (*name).to_owned()).collect();
        seen_before.sort();
        seen_now.sort();
        prop_assert_eq!(seen_before, list(&before));
        prop_assert_eq!(seen_now, list(&now));
        prop_assert!(pairs.iter().all(|pair| !pair.before.is_empty() || !pair.now.is_empty()));
    }
}
