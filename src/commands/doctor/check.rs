//! What is so about one thing: ok, a problem with its fix, or not seen. Pure.

use crate::{
    finding::{Figures, Finding},
    world::github::Inspection,
};

/// The end of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    Ok,
    Problem,
    /// The token may not see it. `allow-unseen` tolerates this, and nothing else.
    NotSeen,
    /// No answer that says anything.
    Unknown,
}

/// One check, with its finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub state: CheckState,
    pub finding: Finding,
}

/// The permission that shows a thing, and which tokens can have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// As GitHub's documentation names it: `Administration: read`.
    pub permission: &'static str,
    pub tokens: Tokens,
}

/// The kinds of tokens that can have a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// The job's own token cannot.
    PatOrApp,
    /// Any token, by the key of `permissions:` in a workflow.
    Job(&'static str),
}

impl Needs {
    /// A permission that `github.token` cannot have.
    #[must_use]
    pub const fn pat_or_app(permission: &'static str) -> Self {
        Self { permission, tokens: Tokens::PatOrApp }
    }

    #[must_use]
    pub const fn of_job(permission: &'static str, key: &'static str) -> Self {
        Self { permission, tokens: Tokens::Job(key) }
    }

    fn how_to_give(&self) -> String {
        match self.tokens {
            Tokens::PatOrApp => format!(
                "run it with a token that has {}: `PROMOTE_GATES_TOKEN=\"$(gh auth token)\" promote-gates doctor`, as a \
                 person who may see it, or the token of an App; `github.token` cannot have this permission",
                self.permission
            ),
            Tokens::Job(key) => {
                format!("give the job `{key}` under `permissions:`, or another token {}", self.permission)
            }
        }
    }
}

impl Check {
    pub fn ok(check: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { state: CheckState::Ok, finding: Finding::passed(check).actual(actual) }
    }

    /// `fix`: what to do, as a command in backticks if there is one.
    pub fn problem(
        check: impl Into<String>,
        actual: impl Into<String>,
        expected: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let finding = Finding::blocked(check).actual(actual).expected(expected).next(fix);
        Self { state: CheckState::Problem, finding }
    }

    /// The token may not see it; `detail`: what GitHub said, or what is known without it.
    pub fn not_seen(check: impl Into<String>, needs: Needs, detail: &str) -> Self {
        let tokens = match needs.tokens {
            Tokens::PatOrApp => " (PAT or App)",
            Tokens::Job(_) => "",
        };
        let detail = if detail.is_empty() { String::new() } else { format!("; {detail}") };
        let finding = Finding::inconclusive(check)
            .actual(format!("not seen: needs {}{tokens}{detail}", needs.permission))
            .figures(Figures::now(format!("not seen: needs {}{tokens}", needs.permission)))
            .next(needs.how_to_give());
        Self { state: CheckState::NotSeen, finding }
    }

    /// There was no answer that says anything about the check.
    pub fn unknown(check: impl Into<String>, finding: &Finding) -> Self {
        Self { state: CheckState::Unknown, finding: finding.for_check(check) }
    }

    /// The check of something that was not seen. `None`: it was seen.
    pub fn of_unseen<T>(check: impl Into<String>, inspection: &Inspection<T>, needs: Needs) -> Option<Self> {
        let check = check.into();
        Some(match inspection {
            Inspection::Seen(_) => return None,
            Inspection::NotFound => Self::not_seen(check, needs, "GitHub answers 404, as if there were none"),
            Inspection::Denied(denial) => {
                let accepted = denial.accepted.as_ref().map(|accepted| format!(", and asks for {accepted}"));
                let detail = format!("GitHub answers 403 {}{}", denial.message, accepted.unwrap_or_default());
                Self::not_seen(check, needs, &detail)
            }
            Inspection::UnknownToken(message) => {
                Self::not_seen(check, needs, &format!("GitHub does not know the token: 401 {message}"))
            }
            Inspection::Failed(finding) => Self::unknown(check, finding),
        })
    }

    /// A finding of another command's judge.
    #[must_use]
    pub fn from_finding(finding: Finding) -> Self {
        use crate::finding::Verdict::{Blocked, Inconclusive, Passed};
        let state = match finding.verdict {
            Passed => CheckState::Ok,
            Blocked => CheckState::Problem,
            Inconclusive => CheckState::Unknown,
        };
        Self { state, finding }
    }
}

/// A text as one word of a shell command.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,~".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) && !text.starts_with('~') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{finding::Verdict, world::github::Denial};

    #[test]
    fn what_a_token_may_not_see_names_the_permission() {
        let needs = Needs::pat_or_app("Administration: read");
        let denial = Denial {
            message: "Resource not accessible by integration".to_owned(),
            accepted: Some("administration=read".to_owned()),
        };
        let check = Check::of_unseen("x", &Inspection::<()>::Denied(denial), needs).unwrap();
        assert_eq!((check.state, check.finding.verdict), (CheckState::NotSeen, Verdict::Inconclusive));
        assert_eq!(
            check.finding.actual,
            "not seen: needs Administration: read (PAT or App); GitHub answers 403 Resource not accessible by integration, \
             and asks for administration=read"
        );
        let missing =
            Check::of_unseen("x", &Inspection::<()>::NotFound, Needs::of_job("Actions: read", "actions: read"));
        assert!(missing.unwrap().finding.next.unwrap().contains("`actions: read` under `permissions:`"));
        assert_eq!(Check::of_unseen("x", &Inspection::Seen(()), needs), None);
    }

    #[test]
    fn an_error_is_not_a_missing_permission() {
        let busy = Inspection::<()>::Failed(Finding::inconclusive("GitHub's API").actual("502"));
        let check = Check::of_unseen("x", &busy, Needs::pat_or_app("Secrets: read")).unwrap();
        assert_eq!((check.state, &*check.finding.actual), (CheckState::Unknown, "GitHub's API: 502"));
    }

    #[test]
    fn a_word_of_a_command_stays_one_word() {
        for (text, word) in [
            ("acme/shop", "acme/shop"),
            ("eu/west production", "'eu/west production'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("~root", "'~root'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
