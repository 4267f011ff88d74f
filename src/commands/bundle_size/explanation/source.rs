//! Where the explanation comes from: the input, or the pull request as it is now. An event has the description and the labels of
//! its own moment, and a re-run gets the same event again, so they are read through the API.

use std::time::Duration;

use super::{
    Explanation,
    args::ExplanationArgs,
    known::{Answer, KnownExplanation, Place},
    section::section,
    templates::read_templates,
    without_comments,
};
use crate::{
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::{Finding, Verdict},
    observe::read_until_answered,
    world::{
        event::PullRequestEvent,
        github::{PullRequestText, SetLabel},
        trusted::TrustedSource,
    },
};

/// How long GitHub is asked for the pull request.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// The explanation in the input, without the text of the repository's template.
#[must_use]
pub fn given(text: Option<&str>, trusted: &TrustedSource, ctx: &CommandContext) -> KnownExplanation {
    match text.map_or_else(|| Ok(String::new()), |_| read_templates(trusted, ctx)) {
        Ok(template) => KnownExplanation::of_input(text, &template),
        Err(finding) => KnownExplanation { answer: Answer::Unreadable(Box::new(finding)), place: Place::Input },
    }
}

/// The explanation in the pull request. `None` if it does not matter: no finding is blocked, the input has a text, there is no
/// token, or the event is not about a pull request. So a server that does not answer stops no bundle within its limits.
///
/// # Errors
/// Bad input: a label is set, but no token to look for it.
pub fn ask(
    args: &ExplanationArgs,
    given: &KnownExplanation,
    findings: &[Finding],
    trusted: &TrustedSource,
    ctx: &CommandContext,
) -> Result<Option<KnownExplanation>, CommandError> {
    let is_blocked = findings.iter().any(|finding| finding.verdict == Verdict::Blocked);
    if !is_blocked || given.answer != Answer::Nothing {
        return Ok(None);
    }
    let event = match ctx.world.pull_request(&ctx.runner_env) {
        Ok(None) => return Ok(None),
        Ok(Some(event)) => Ok(event),
        Err(finding) => Err(finding),
    };
    let Some(token) = &args.token else {
        return match &args.explanation_label {
            None => Ok(None),
            Some(label) => Err(Finding::inconclusive("`token`")
                .actual("not given")
                .expected(format!("a token with Pull requests: read, to look for the label `{label}`"))
                .next("give `token` as an expression: `token: ${{ github.token }}`, and the job `pull-requests: read`")
                .bad_input()),
        };
    };
    let place = |number: String| Place::PullRequest {
        number,
        line: args.explanation_line.to_string(),
        label: args.explanation_label.as_ref().map(ToString::to_string),
    };
    let unreadable = |finding| Answer::Unreadable(Box::new(finding));
    let PullRequestEvent { number, .. } = match event {
        Ok(event) => event,
        Err(finding) => {
            let place = place("the pull request".to_owned());
            return Ok(Some(KnownExplanation { answer: unreadable(finding), place }));
        }
    };
    let github = ctx.github(Some(token), REQUEST_TIMEOUT)?;
    let repository = ctx.own_repository()?;
    let read = || github.pull_request_text(&repository, number);
    let text = read_until_answered(&ctx.execution, TIME_LIMIT, read);
    let answer = text
        .and_then(|text| Ok(read_answer(args, &number.to_string(), &text, &read_templates(trusted, ctx)?)))
        .unwrap_or_else(unreadable);
    Ok(Some(KnownExplanation { answer, place: place(number.to_string()) }))
}

/// What a pull request explains.
fn read_answer(args: &ExplanationArgs, number: &str, text: &PullRequestText, template: &str) -> Answer {
    let line = args.explanation_line.as_str();
    let behind = |text: &str| section(&without_comments(text), line);
    let Some(written) = behind(&text.description) else {
        return Answer::Uncounted(format!("the description of {number} has no line `{line}: …`"));
    };
    // An unfilled line of the template is the template's, too.
    let template = format!("{template}\n{}", behind(template).unwrap_or_default());
    let explanation = match Explanation::read(&written, &template) {
        Ok(explanation) => explanation,
        Err(why) => return Answer::Uncounted(format!("the line `{line}: …` of {number} {why}")),
    };
    let mut by = vec![format!("written by {}", text.writer.as_deref().unwrap_or("a deleted account"))];
    if let Some(label) = &args.explanation_label {
        let Some(SetLabel { name, set_by }) = text.labels.iter().find(|set| label.is(&set.name)) else {
            return Answer::Uncounted(format!(
                "{number} does not have the label `{label}`, without which its line `{line}: …` does not count"
            ));
        };
        by.push(format!("label `{name}` set by {}", set_by.as_deref().unwrap_or("an unknown account")));
    }
    Answer::Explained(Explanation { by: Some(by.join(", ")), ..explanation })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(label: Option<&str>) -> ExplanationArgs {
        ExplanationArgs {
            token: None,
            explanation_line: "Bundle-size".parse().unwrap(),
            explanation_label: label.map(|label| label.parse().unwrap()),
        }
    }

    fn text(description: &str, labels: &[(&str, Option<&str>)]) -> PullRequestText {
        let label = |(name, set_by): &(&str, Option<&str>)| SetLabel {
            name: (*name).to_owned(),
            set_by: set_by.map(ToOwned::to_owned),
        };
        PullRequestText {
            description: description.to_owned(),
            writer: Some("alice".to_owned()),
            labels: labels.iter().map(label).collect(),
        }
    }

    #[test]
    fn the_line_counts_with_its_label_and_its_writer() {
        const WHY: &str = "A fix.\n\nBundle-size: up to +200 kB: the new editor";
        let explained = |answer| match answer {
            Answer::Explained(explanation) => explanation.with_writer(),
            answer => panic!("{answer:?}"),
        };
        let answer = read_answer(&args(None), "#12", &text(WHY, &[]), "");
        assert_eq!(explained(answer), "up to +200 kB: the new editor (written by alice)");
        let labelled = text(WHY, &[("other", None), ("Explained", Some("bob"))]);
        let answer = read_answer(&args(Some("explained")), "#12", &labelled, "");
        let expected = "up to +200 kB: the new editor (written by alice, label `Explained` set by bob)";
        assert_eq!(explained(answer), expected);
        let gone = PullRequestText { writer: None, ..text(WHY, &[("explained", None)]) };
        let answer = explained(read_answer(&args(Some("explained")), "#12", &gone, ""));
        assert!(
            answer.ends_with("(written by a deleted account, label `explained` set by an unknown account)"),
            "{answer}"
        );
    }

    #[test]
    fn what_does_not_count_says_why() {
        const TEMPLATE: &str = "## What\n\nBundle-size: say here why the bundle grows so much\n<!-- Bundle-size: x -->";
        for (description, label, part) in [
            ("A fix of the tax.", None, "the description of #12 has no line `Bundle-size: …`"),
            ("<!-- Bundle-size: the new editor moved in -->", None, "has no line"),
            (TEMPLATE, None, "the line `Bundle-size: …` of #12 does not count: it is empty"),
            ("Bundle-size: \u{200b}\u{2060}", None, "of #12 does not count"),
            ("Bundle-size: n/a", None, "of #12 does not count"),
            ("Bundle-size: short", None, "fewer than 15 letters"),
            (
                "Bundle-size: up to 200 kilo: the new editor",
                None,
                "the line `Bundle-size: …` of #12 does not count: `up to 200 kilo` is no size",
            ),
            ("Bundle-size: the new editor moved in", Some("explained"), "#12 does not have the label `explained`"),
        ] {
            match read_answer(&args(label), "#12", &text(description, &[("other", None)]), TEMPLATE) {
                Answer::Uncounted(why) => assert!(why.contains(part), "{description}: {why}"),
                answer => panic!("{description}: {answer:?}"),
            }
        }
    }
}
