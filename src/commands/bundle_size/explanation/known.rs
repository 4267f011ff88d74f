//! What is known of the explanation, and where it is written: for the messages of a growth over its limits.

use super::Explanation;
use crate::{finding::Finding, values::Bytes};

/// What is known of the explanation, and where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownExplanation {
    pub answer: Answer,
    pub place: Place,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    #[default]
    Nothing,
    /// Something that explains nothing, and why.
    Uncounted(String),
    Explained(Explanation),
    /// It could not be read.
    Unreadable(Box<Finding>),
}

/// Where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The input `explanation`.
    #[default]
    Input,
    /// The description of a pull request.
    PullRequest {
        /// `#12`
        number: String,
        /// What the line begins with.
        line: String,
        /// The label without which the line does not count.
        label: Option<String>,
    },
}

impl KnownExplanation {
    /// What the input `explanation` says. `template`: the text of the repository's templates.
    #[must_use]
    pub fn of_input(text: Option<&str>, template: &str) -> Self {
        let answer = match text {
            None => Answer::Nothing,
            Some(text) => Explanation::read(text, template)
                .map_or_else(|why| Answer::Uncounted(format!("the text in `explanation` {why}")), Answer::Explained),
        };
        Self { answer, place: Place::Input }
    }

    /// The explanation, if there is one.
    #[must_use]
    pub const fn explanation(&self) -> Option<&Explanation> {
        match &self.answer {
            Answer::Explained(explanation) => Some(explanation),
            Answer::Nothing | Answer::Uncounted(_) | Answer::Unreadable(_) => None,
        }
    }

    /// How to explain a growth that needs `amount`.
    #[must_use]
    pub fn how(&self, amount: Bytes) -> String {
        match (&self.place, &self.answer) {
            (Place::Input, Answer::Explained(_)) => format!("say in `explanation` why it is `up to +{amount}`"),
            (Place::Input, Answer::Uncounted(_)) => {
                format!("say in your own words why in `explanation`, as in `up to +{amount}: …`")
            }
            (Place::Input, _) => format!("say why in `explanation`, as in `up to +{amount}: …`"),
            (Place::PullRequest { number, line, label }, _) => {
                let label =
                    label.as_ref().map(|label| format!(", let a reviewer set the label `{label}`")).unwrap_or_default();
                format!(
                    "say why in the description of {number}, in a line `{line}: up to +{amount}: …`{label}, and re-run this job"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_names_the_line_and_the_label() {
        let place = |label: Option<&str>| Place::PullRequest {
            number: "#12".to_owned(),
            line: "Bundle-size".to_owned(),
            label: label.map(ToOwned::to_owned),
        };
        let how = |place| KnownExplanation { place, ..KnownExplanation::default() }.how(Bytes(4_100_000));
        assert_eq!(how(Place::Input), "say why in `explanation`, as in `up to +4.1 MB: …`");
        assert_eq!(
            how(place(None)),
            "say why in the description of #12, in a line `Bundle-size: up to +4.1 MB: …`, and re-run this job"
        );
        assert!(
            how(place(Some("explained"))).contains(", let a reviewer set the label `explained`, and re-run this job")
        );
    }
}
