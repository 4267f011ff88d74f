//! A comment on a pull request: the decision in one headline, the page of `bundle-size`, and a fold for each other report. It
//! escapes as the job summary does. In addition it breaks up mentions: a comment would notify the people that a test or a file
//! name mentions, and a reference would appear in another issue.

use super::{
    Report, Run,
    chart::growth_chart,
    log::mark,
    markdown::{fold, inline},
    summary::{body, short_body, status},
};
use crate::{
    finding::{Finding, Verdict},
    values::thousands,
};

/// The maximum size of a comment in bytes. GitHub accepts 65,536 characters; a byte is at most one.
pub const LIMIT: usize = 65_536;
/// How many reports the shortest form lists.
const MOST_LISTED: usize = 50;
/// The command whose page stands open.
const OPEN: &str = "bundle-size";

/// What a comment shows.
pub struct CommentPage<'a> {
    /// Whole reports where they are at hand, else compact ones.
    pub reports: &'a [Report],
    /// The required reports that are missing, and those that cannot be read.
    pub missing: &'a [Finding],
    /// The workflow run that writes the comment.
    pub run: Option<&'a Run>,
}

/// How much of the reports is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Amount {
    /// Everything but the settings.
    Full,
    /// The page of `bundle-size`, and of the others what has to be seen at once.
    Mixed,
    /// What has to be seen at once.
    Short,
    /// The headlines.
    Headlines,
}

impl CommentPage<'_> {
    /// The page in at most `room` bytes, as much of it as fits.
    #[must_use]
    pub fn render(&self, room: usize) -> String {
        let amounts = [Amount::Full, Amount::Mixed, Amount::Short, Amount::Headlines];
        let pages = amounts.into_iter().map(|amount| without_mentions(&self.page(amount)));
        pages.into_iter().find(|page| page.len() <= room).unwrap_or_else(|| without_mentions(&self.heading()))
    }

    /// The verdict over all reports. A dry-run counts for nothing beside others, and a missing report is not passed.
    fn verdict(&self) -> Verdict {
        let counted = self.reports.iter().filter(|report| !report.dry_run).map(|report| report.verdict).max();
        let any = self.reports.iter().map(|report| report.verdict).max();
        let missing = (!self.missing.is_empty()).then_some(Verdict::Inconclusive);
        counted.or(any).max(missing).unwrap_or(Verdict::Inconclusive)
    }

    /// The report behind the verdict: the first of the worst ones, `bundle-size` before others.
    fn main_report(&self) -> Option<&Report> {
        let verdict = self.verdict();
        let mut worst: Vec<&Report> = self.reports.iter().filter(|report| report.verdict == verdict).collect();
        worst.sort_by_key(|report| (report.dry_run, report.command != OPEN));
        worst.first().copied()
    }

    fn heading(&self) -> String {
        let verdict = self.verdict();
        let main = self.main_report();
        let headline = match (main, self.missing) {
            (Some(report), _) => report.headline(),
            (None, [missing, ..]) => missing.headline(),
            (None, []) => "no report".to_owned(),
        };
        let status = main.map_or_else(|| verdict.to_string(), Report::status);
        let all = self.reports.len() + self.missing.len();
        let missing = if verdict == Verdict::Inconclusive { self.missing.len() } else { 0 };
        let same = self.reports.iter().filter(|report| report.verdict == verdict).count() + missing;
        let count = if all > 1 { format!(" · {same} of {all} reports") } else { String::new() };
        format!("### {} {}\n\n{}{count}\n\n", mark(verdict), inline(&headline), inline(&status))
    }

    fn page(&self, amount: Amount) -> String {
        let mut text = self.heading();
        for finding in self.missing {
            text.push_str(&format!("{} {}\n\n", mark(Verdict::Inconclusive), inline(&finding.to_string())));
        }
        if amount == Amount::Headlines {
            text.extend(self.reports.iter().take(MOST_LISTED).map(|report| format!("- {}\n", title(report))));
            let left_out = self.reports.len().saturating_sub(MOST_LISTED);
            if left_out > 0 {
                text.push_str(&format!("- {} more\n", thousands(left_out as u64)));
            }
            text.push('\n');
        } else {
            let (open, folded): (Vec<&Report>, Vec<&Report>) =
                self.reports.iter().partition(|report| report.command == OPEN);
            for report in open {
                text.push_str(&self.open_report(report, amount));
            }
            for report in folded {
                text.push_str(&folded_report(report, amount));
            }
        }
        text.push_str(&self.footer(amount));
        text
    }

    /// The page of `bundle-size`.
    fn open_report(&self, report: &Report, amount: Amount) -> String {
        let is_main = self.main_report().is_some_and(|main| std::ptr::eq(main, report));
        // The heading of the comment says it of the main report.
        let heading = if is_main { String::new() } else { format!("#### {}\n\n{}", title(report), status(report)) };
        let chart = growth_chart(report).unwrap_or_default();
        let page = if amount == Amount::Short { short_body(report) } else { body(report) };
        format!("{heading}{chart}{page}")
    }

    fn footer(&self, amount: Amount) -> String {
        let run = self.run.map(|run| format!("<a href=\"{}\">Workflow run</a>", inline_address(&run.url)));
        let more = match amount {
            Amount::Full => "",
            _ => " Its job summary has more: the whole would be longer than GitHub allows for a comment.",
        };
        run.map(|run| format!("{run}. Each run updates this comment.{more}\n")).unwrap_or_default()
    }
}

/// The address of the run: the program made it of the runner's variables.
fn inline_address(url: &str) -> String {
    url.chars().filter(|c| c.is_ascii_alphanumeric() || "-._~:/".contains(*c)).collect()
}

fn title(report: &Report) -> String {
    format!("{} {}", mark(report.verdict), inline(&report.headline()))
}

/// Another report, folded; open if it did not pass.
fn folded_report(report: &Report, amount: Amount) -> String {
    let page = if amount == Amount::Full { body(report) } else { short_body(report) };
    let folded = fold(&title(report), &format!("{}{page}", status(report)));
    if report.verdict == Verdict::Passed { folded } else { folded.replacen("<details>", "<details open>", 1) }
}

/// Breaks mentions of people and references to issues in escaped markdown, outside of code. GitHub looks for them after it has
/// resolved entities.
#[must_use]
pub fn without_mentions(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, code_on)) = rest.split_once("<code>") {
        text.push_str(&broken_up(before));
        text.push_str("<code>");
        let end = code_on.find("</code>").unwrap_or(code_on.len());
        let (code, after) = code_on.split_at(end);
        text.push_str(code);
        rest = after;
    }
    text.push_str(&broken_up(rest));
    text
}

/// A zero-width space behind each `@` and `#`.
fn broken_up(text: &str) -> String {
    text.replace("&#64;", "&#64;&#8203;").replace("&#35;", "&#35;&#8203;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        finding::Figures,
        report::{Outcome, Table},
    };

    fn report(command: &str, finding: Finding, tables: Vec<Table>) -> Report {
        let mut report = Report::open(command, String::new());
        let outputs = [("size", "957000".to_owned()), ("baseline-size", "130000".to_owned())].into();
        let outcome = Outcome { tables, outputs, ..Outcome::from(vec![finding]) };
        report.close(Ok(outcome), "2026-11-29T15:44:31Z".to_owned());
        report
    }

    fn blocked_bundle() -> Report {
        let figures = Figures::now("957 kB (+634 %)").baseline("130 kB").limit("+5 %").cause("`debug-lib.js` +825 kB");
        let finding = Finding::blocked("frontend").actual("957 kB").figures(figures).next("remove it");
        let packages = Table::new("Packages that changed", &["Package", "Growth"], [["`@acme/debug-lib`", "+825 kB"]])
            .figures(&[1]);
        report("bundle-size", finding, vec![packages])
    }

    fn render(reports: &[Report], missing: &[Finding]) -> String {
        let run = Run {
            repository: "acme/shop".to_owned(),
            id: 7,
            attempt: 1,
            url: "https://github.com/acme/shop/actions/runs/7/attempts/1".to_owned(),
            job: String::new(),
        };
        CommentPage { reports, missing, run: Some(&run) }.render(LIMIT)
    }

    #[test]
    fn the_decision_is_the_headline_and_other_gates_are_folded() {
        let smoke = report("smoke", Finding::passed("tests").actual("42 passed"), Vec::new());
        insta::assert_snapshot!(render(&[smoke, blocked_bundle()], &[]), @r#"
        ### ⛔ bundle-size: frontend 130 kB → 957 kB (+634&nbsp;%), limit +5&nbsp;%: <code>debug-lib.js</code> +825 kB

        blocked · 2026-11-29 15:44 UTC · 1 of 2 reports

        ```text
        before  █████  130 kB
        now     ██████████████████████████████  957 kB

        @acme/debug-lib  ██████████████████████████████  +825 kB
        ```

        **Next:** remove it

        |  | Check | Now | Limit | Baseline |
        | --- | --- | ---: | ---: | ---: |
        | ⛔ | frontend | 957 kB (+634&nbsp;%) | +5&nbsp;% | 130 kB |

        <details><summary>The check in full</summary>

        |  | Check | Observed | Expected |
        | --- | --- | --- | --- |
        | ⛔ | frontend | 957 kB<br>next: remove it |  |

        </details>

        <details><summary>Packages that changed</summary>

        | Package | Growth |
        | --- | ---: |
        | <code>&#64;acme/debug-lib</code> | +825 kB |

        </details>

        <details><summary>✅ smoke: tests: 42 passed</summary>

        passed · 2026-11-29 15:44 UTC

        <details><summary>The check in full</summary>

        |  | Check | Observed | Expected |
        | --- | --- | --- | --- |
        | ✅ | tests | 42 passed |  |

        </details>

        </details>

        <a href="https://github.com/acme/shop/actions/runs/7/attempts/1">Workflow run</a>. Each run updates this comment.
        "#);
    }

    #[test]
    fn a_missing_report_is_not_passed_and_is_named() {
        let passed = report("bundle-size", Finding::passed("frontend").actual("130 kB"), Vec::new());
        let missing = [Finding::inconclusive("smoke").actual("no report of it").next("name the job in `needs:`")];
        let page = render(std::slice::from_ref(&passed), &missing);
        assert!(page.starts_with("### ❓ smoke: no report of it\n\ninconclusive · 1 of 2 reports\n"), "{page}");
        assert!(
            page.contains("next: name the job in <code>needs:</code>") && page.contains("#### ✅ bundle-size"),
            "{page}"
        );
        let page = render(&[passed], &[]);
        assert!(page.starts_with("### ✅ bundle-size: frontend: 130 kB\n\npassed · "), "{page}");
        assert!(render(&[], &[]).starts_with("### ❓ no report\n"));
    }

    #[test]
    fn a_dry_run_decides_only_when_it_is_alone() {
        let dry = Report { dry_run: true, ..blocked_bundle() };
        let passed = report("smoke", Finding::passed("tests").actual("42 passed"), Vec::new());
        assert!(render(&[dry.clone(), passed], &[]).starts_with("### ✅ smoke"));
        let alone = render(&[dry], &[]);
        assert!(alone.starts_with("### ⛔ bundle-size") && alone.contains("dry-run: counts for nothing"), "{alone}");
    }

    #[test]
    fn text_from_outside_mentions_no_one_and_adds_no_markup() {
        let hostile = "</details><script>x</script> @acme/admins #12 `@code` <!-- promote-gates --> ![x](y)\n\n# z";
        let page = render(&[report("smoke", Finding::blocked(hostile).actual(hostile).next(hostile), Vec::new())], &[]);
        assert!(page.contains("&#64;&#8203;acme/admins &#35;&#8203;12 <code>&#64;code</code>"), "{page}");
        for part in ["<script", "<!--", "@acme", "#12", "![x]", "\n# z"] {
            assert!(!page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn a_page_is_cut_to_what_github_accepts() {
        let long = "x".repeat(3000);
        let many =
            |count| vec![report("smoke", Finding::blocked("path").actual(&long).expected(&long), Vec::new()); count];
        for (count, part) in
            [(1, "Each run updates this comment.\n"), (20, "has more"), (40, "has more"), (500, "- 450 more")]
        {
            let page = render(&many(count), &[]);
            assert!(page.len() <= LIMIT, "{count}: {}", page.len());
            assert!(page.contains(part) && page.starts_with("### ⛔ smoke"), "{count}: {}", &page[page.len() - 300..]);
        }
        let page = CommentPage { reports: &many(60), missing: &[], run: None }.render(1_000);
        assert!(page.starts_with("### ⛔ smoke") && page.len() <= 1_000, "{page}");
    }
}
