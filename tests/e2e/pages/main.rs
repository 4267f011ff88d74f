//! The pages that people read: summaries of real steps, rendered as GitHub does, and looked at in a browser.
//!
//! Run by `tests/e2e/pages.sh`, which installs the renderer, GitHub's CSS and Chromium. It keeps every page and its pictures.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

mod browser;
mod ledger;
mod page;
mod release;
mod rules;
#[path = "../.."]
mod shared {
    #[expect(dead_code, reason = "shared with the other tests")]
    pub mod house;
    #[expect(dead_code, reason = "shared with the other tests")]
    pub mod shop;
}
mod stories;

use std::{fmt::Write as _, fs};

use browser::{Browser, Screen};
use page::Folder;
use rules::{Page, size_violations, text_violations};
use shared::{house, shop};

/// The screens of the pictures.
const SCREENS: [Screen; 3] = [
    Screen { name: "980", width: 980, scheme: "light" },
    Screen { name: "400", width: 400, scheme: "light" },
    Screen { name: "980-dark", width: 980, scheme: "dark" },
];

/// What fits on a screen beside GitHub's own header.
const ONE_SCREEN: Option<u32> = Some(700);

const PACK: Page = Page {
    name: "decision-pack",
    verdict: "passed",
    figure: "",
    height: ONE_SCREEN,
    visible: &[
        "Ready for approval",
        "Next: ",
        "1.4.1",
        "1.4.2",
        "health",
        "smoke",
        "performance",
        "bundle-size",
        "97 ms",
        "Round the tax once",
        "Accept coupons",
        // Those who may not approve.
        "alice",
        "bob",
        "dora",
        "erin",
    ],
    chart: &[],
    addresses_as_links: true,
    folded_tables_fit: false,
};

/// The pages without the decision pack. Each name starts with the command.
const PAGES: [Page; 13] = [
    blocked("evidence-blocked", "1.2", &["performance", "1.1"]),
    blocked("bundle-size-blocked", "957 kB", &["debug-library", "130 kB", "5 %"]),
    blocked("performance-blocked", "130 ms", &["120 ms", "100 ms"]),
    blocked("smoke-blocked", "20000", &["orders › order 1 is paid", "expected status 200, got 500"]),
    blocked("health-blocked", "1.4.1", &["1.4.2"]),
    Page { verdict: "inconclusive", ..blocked("smoke-inconclusive", "", &["results/*.xml"]) },
    passed("health-passed", &["200"]),
    passed("smoke-passed", &["42"]),
    passed("performance-passed", &["97 ms"]),
    Page {
        // The chart alone has 300.
        height: Some(950),
        chart: &["p99 of the last promotions (ms)", "1.3.0", "1.4.1", "now"],
        ..passed("performance-trend", &["×1.19", "p50", "max", "requests", "100 ms"])
    },
    passed("bundle-size-passed", &["kB"]),
    // A comment stands among others and has a chart: it need not fit on a screen.
    Page {
        height: Some(1100),
        ..blocked("comment-blocked", "957 kB", &["debug-library", "before", "smoke", "Workflow run"])
    },
    Page { height: None, folded_tables_fit: true, ..passed("audit", &["INC-2042", "INC-2040"]) },
];

const fn passed(name: &'static str, visible: &'static [&'static str]) -> Page {
    Page { name, visible, chart: &[], addresses_as_links: false, ..PACK }
}

const fn blocked(name: &'static str, figure: &'static str, visible: &'static [&'static str]) -> Page {
    Page { verdict: "blocked", figure, ..passed(name, visible) }
}

/// The step that writes a page.
fn step(name: &str) -> house::Ended {
    match name {
        "decision-pack" => release::evidence("1.2"),
        "evidence-blocked" => release::evidence("1.1"),
        "bundle-size-blocked" => stories::bundle_size(true),
        "performance-blocked" => stories::performance(130),
        "smoke-blocked" => stories::smoke(20_000, 20_000),
        "health-blocked" => stories::health("1.4.1"),
        "smoke-inconclusive" => stories::smoke_without_results(),
        "health-passed" => stories::health(stories::TAG),
        "smoke-passed" => stories::smoke(42, 0),
        "performance-passed" => stories::performance(97),
        "performance-trend" => stories::performance_with_store(),
        "bundle-size-passed" => stories::bundle_size(false),
        "comment-blocked" => stories::comment(),
        "audit" => ledger::audit(),
        _ => panic!("no step writes {name}"),
    }
}

#[test]
fn every_page_says_what_matters_without_unfolding() {
    let folder = Folder::new(setting("PROMOTE_GATES_PAGES").as_ref());
    let mut browser = Browser::start();
    let mut broken = Vec::new();
    let mut measures = format!("{:<22} {:>8} {:>9} {:>8}\n", "page", "screen", "height", "at most");
    for page in [PACK].iter().chain(&PAGES) {
        let ended = step(page.name);
        assert_eq!(ended.outputs["verdict"], page.verdict, "{}: {}", page.name, ended.log);
        let file = folder.render(page.name, &ended.summary);
        for screen in SCREENS {
            let seen = folder.look(&mut browser, &file, screen);
            let limit =
                page.height.filter(|_| screen.width >= 980).map_or("–".to_owned(), |limit| format!("{limit} px"));
            let _ = writeln!(measures, "{:<22} {:>8} {:>6} px {limit:>8}", page.name, screen.name, seen.height);
            broken.extend(size_violations(page, screen, &seen));
            if screen == SCREENS[0] {
                broken.extend(text_violations(page, &seen));
            }
        }
    }
    measures += &format!("pages and pictures: {}\n", folder.path().display());
    fs::write(folder.path().join("measures.txt"), measures).expect("write the measures");
    if update_picture() {
        browser.open(&folder.path().join("decision-pack.html"), SCREENS[0]);
        Folder::keep_picture(&mut browser, SCREENS[0], ONE_SCREEN.unwrap_or(u32::MAX), PICTURE.as_ref());
    }
    broken.extend(picture_violations());
    assert!(broken.is_empty(), "{} violations:\n  {}", broken.len(), broken.join("\n  "));
}

/// The picture in the README, and the most that it may hold.
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/decision-pack.png");
const PICTURE_BYTES: u64 = 120_000;

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
fn update_picture() -> bool {
    std::env::var_os("PROMOTE_GATES_UPDATE_PICTURE").is_some_and(|value| value == "1")
}

/// What is wrong with the picture in the README.
fn picture_violations() -> Vec<String> {
    let mut found = Vec::new();
    let bytes = fs::metadata(PICTURE).map_or(0, |file| file.len());
    if !(1..=PICTURE_BYTES).contains(&bytes) {
        found.push(format!("docs/decision-pack.png has {bytes} bytes, of at most {PICTURE_BYTES}"));
    }
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let image = readme.split("![").find_map(|text| text.split_once("](docs/decision-pack.png)"));
    if image.is_none_or(|(description, _)| description.len() < 80) {
        found.push(format!("the README does not describe the picture: {image:?}"));
    }
    found
}

#[test]
fn each_rule_finds_its_violation() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let folder = Folder::new(temp.path());
    let page = Page {
        name: "bad",
        verdict: "blocked",
        figure: "3 of 4",
        visible: &["in the open"],
        chart: &[],
        folded_tables_fit: true,
        ..PACK
    };
    let mut browser = Browser::start();
    let mut look = |name: &str, markdown: &str| {
        let file = folder.render(name, markdown);
        let seen = folder.look(&mut browser, &file, SCREENS[0]);
        [text_violations(&page, &seen), size_violations(&page, SCREENS[0], &seen)].concat().join("\n")
    };
    let good = "### ⛔ smoke: 3 of 4 failed\n\nNext: fix it\n\nin the open\n\n<details><summary>More</summary>\n\nhttp://a.example\n\n</details>\n";
    assert_eq!(look("good", good), "");
    let long = "x".repeat(300);
    for (from, to, violation) in [
        ("### ⛔", "text\n\n### ⛔", "first a \"p\""),
        ("in the open", "### in the open", "2 headings"),
        ("⛔", "❌", "no ⛔ at the start"),
        ("in the open", "in the open ❔", "❔, which is white"),
        ("3 of 4", "3", "no 3 of 4 in the heading"),
        ("Next: ", "", "what to do next"),
        ("http://a", "&#96;http://a", "` in "),
        ("http://a", "&amp;#96;http://a", "&# in "),
        ("http://a.example", "[x](http://a.example?b&amp;#95;)", "ends in an entity"),
        ("in the open", "in the open <img src=\"x\" onerror=\"y()\">", "<img onerror>"),
        ("in the open", "in the open <video></video>", "<video>"),
        ("in the open", &format!("in the open\n\n{}x", "- ".repeat(40)), "wider than the page"),
        ("in the open", &"in the open\n\n".repeat(30), "px high, of at most 700"),
        (
            "in the open",
            &format!("in the open\n\n| a | b |\n| - | - |\n| <pre>{long}</pre> | b |\n"),
            "tables that scroll",
        ),
        ("http://a.example", &format!("| a | b |\n| - | - |\n| <pre>{long}</pre> | b |\n"), "tables that scroll"),
        (
            "in the open\n\n<details><summary>More</summary>",
            "<details><summary>More</summary>\n\nin the open",
            "not visible",
        ),
        ("in the open", "in the open http://b.example", "an address as text"),
    ] {
        let found = look("bad", &good.replacen(from, to, 1));
        assert!(found.contains(violation), "{violation} in {found:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "pages.sh sets the paths of the programs")]
fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/e2e/pages.sh"))
}
