//! A summary as a page of GitHub: rendered, shown, measured.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{
    browser::{Browser, Screen},
    setting,
};

/// The style around the article, with the paddings of GitHub's own pages.
const DOCUMENT: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"stylesheet\" href=\"github-markdown.css\">\n\
    <style>body { margin: 0 } .markdown-body { box-sizing: border-box; padding: 24px }\n\
    @media (max-width: 767px) { .markdown-body { padding: 16px } }</style>\n<article class=\"markdown-body\">\n";

/// Draws the charts in code blocks of the language `mermaid`, as GitHub does. `drawn` resolves when all of them stand there, and fails if
/// one cannot be drawn.
const CHARTS: &str = "<script src=\"mermaid.min.js\"></script>\n<script>\n\
    const drawn = (async () => {\n\
        const blocks = [...document.querySelectorAll('pre[lang=mermaid]')];\n\
        const theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'default';\n\
        mermaid.initialize({ startOnLoad: false, theme, securityLevel: 'strict' });\n\
        for (const [index, block] of blocks.entries()) {\n\
            const { svg } = await mermaid.render(`chart${index}`, block.textContent);\n\
            block.className = 'chart';\n\
            block.innerHTML = svg;\n\
        }\n\
        return blocks.length;\n\
    })();\n</script>\n";

/// What the browser shows of a page. Texts are as a person would copy them.
#[derive(Debug, Deserialize)]
pub struct Measures {
    /// Of the article with all folds closed, in CSS pixels.
    pub height: u32,
    /// The name of the first element.
    pub first: String,
    /// The text of the first element.
    pub title: String,
    /// The number of headings of the first three levels.
    pub titles: usize,
    /// Where links lead, those in folds too.
    pub links: Vec<String>,
    /// Markup that GitHub would drop.
    pub dropped: Vec<String>,
    /// The texts in the charts that are drawn.
    pub charts: Vec<String>,
    /// The text outside of folds.
    pub visible: String,
    /// The text with all folds open.
    pub unfolded: String,
    /// Open tables that show only a part of their columns at a time.
    pub scrolling: Vec<String>,
    /// The same, with those in folds.
    pub unfolded_scrolling: Vec<String>,
    /// Elements that are wider than the page, with all folds open.
    pub wide: Vec<String>,
}

/// The folder of pages and pictures.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: &Path) -> Self {
        fs::create_dir_all(path).expect("make the folder");
        fs::copy(setting("PROMOTE_GATES_E2E_CSS"), path.join("github-markdown.css")).expect("copy GitHub's CSS");
        fs::copy(setting("PROMOTE_GATES_E2E_MERMAID"), path.join("mermaid.min.js")).expect("copy mermaid");
        // The browser needs the whole path.
        Self(path.canonicalize().expect("the folder's path"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a summary, and the page that GitHub would make of it.
    pub fn render(&self, name: &str, summary: &str) -> PathBuf {
        fs::write(self.0.join(format!("{name}.md")), summary).expect("write the summary");
        let path = self.0.join(format!("{name}.html"));
        let charts = if summary.contains("```mermaid") { CHARTS } else { "" };
        fs::write(&path, format!("{DOCUMENT}{}</article>\n{charts}</html>\n", html(summary))).expect("write the page");
        path
    }

    /// Shows a page on a screen, keeps its picture, and measures it.
    pub fn look(&self, browser: &mut Browser, page: &Path, screen: Screen) -> Measures {
        browser.open(page, screen);
        browser.evaluate("typeof drawn === 'undefined' ? 0 : drawn");
        let name = page.file_stem().expect("a page has a name").display();
        Self::keep_picture(browser, screen, u32::MAX, &self.0.join(format!("{name}-{}.png", screen.name)));
        serde_json::from_value(browser.evaluate(include_str!("measure.js"))).expect("measures")
    }

    /// Writes a picture of the open page, of its upper part if it is higher than `most` pixels.
    pub fn keep_picture(browser: &mut Browser, screen: Screen, most: u32, to: &Path) {
        let height = browser.evaluate("Math.ceil(document.querySelector('article').getBoundingClientRect().height)");
        let height = height.as_u64().and_then(|height| u32::try_from(height).ok()).expect("a height in pixels");
        fs::write(to, browser.picture(screen.width, height.min(most))).expect("write the picture");
    }
}

/// GitHub's rendering of markdown. Its later filter of elements and attributes is [`Measures::dropped`].
fn html(markdown: &str) -> String {
    let extensions = ["table", "autolink", "strikethrough", "tagfilter", "tasklist"];
    let mut cmark = Command::new(setting("PROMOTE_GATES_E2E_CMARK"))
        .args(["--unsafe", "--github-pre-lang"])
        .args(extensions.iter().flat_map(|name| ["--extension", name]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start cmark-gfm");
    // It writes nothing before it has read everything.
    cmark.stdin.take().expect("a pipe").write_all(markdown.as_bytes()).expect("write to cmark-gfm");
    let output = cmark.wait_with_output().expect("cmark-gfm ends");
    assert!(output.status.success(), "cmark-gfm: {}", output.status);
    String::from_utf8(output.stdout).expect("HTML in UTF-8")
}
