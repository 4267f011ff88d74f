//! The setting `subjects`: the releases of one deployment, when a run validates several services. Pure.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    error::{CommandError, ValueError},
    finding::Finding,
    subject::{Service, Subject},
};

/// The most services of one run: GitHub runs at most this many jobs of a matrix.
/// <https://docs.github.com/actions/reference/limits>
const MAX_SUBJECTS: usize = 256;
const ACCEPTED: &str =
    "a JSON list of one subject for each service, such as `[{\"service\":\"cart\",\"tag\":\"1.4.2\"}]`";

/// The releases of one deployment, each of another service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects(Vec<Subject>);

impl FromStr for Subjects {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let subjects: Vec<Subject> =
            serde_json::from_str(text).map_err(|error| ValueError::from(format!("{ACCEPTED} ({error})")))?;
        if !(1..=MAX_SUBJECTS).contains(&subjects.len()) {
            return Err(ValueError::from(format!(
                "{ACCEPTED}: at least one and at most {MAX_SUBJECTS}; without any, leave out the job"
            )));
        }
        if let Some(index) = subjects.iter().position(|subject| subject.service.is_none()) {
            return Err(ValueError::from(format!("{ACCEPTED}: number {} has no service", index + 1)));
        }
        Ok(Self(subjects))
    }
}

impl Subjects {
    /// The releases by service. Each one gets what `common`, the subject of the step, has.
    ///
    /// # Errors
    /// Bad input: a service twice; a release with neither tag nor digest; the step names a part that differs, or one that only a
    /// single service has.
    pub fn complete(&self, common: &Subject) -> Result<BTreeMap<Service, Subject>, CommandError> {
        let single = [
            ("service", common.service.is_some()),
            ("image", common.image.is_some()),
            ("tag", common.tag.is_some()),
            ("digest", common.digest.is_some()),
        ];
        if let Some((name, _)) = single.iter().find(|(_, is_given)| *is_given) {
            return Err(Finding::inconclusive(format!("`{name}`"))
                .actual("given beside `subjects`")
                .expected("the parts of each release in `subjects`")
                .next(format!("remove `{name}` from the step"))
                .bad_input());
        }
        let mut complete = BTreeMap::new();
        for subject in &self.0 {
            let Some(service) = &subject.service else { continue };
            let invalid = |actual: String, expected: &str| {
                Err(Finding::inconclusive("`subjects`").actual(actual).expected(expected).bad_input())
            };
            if subject.tag.is_none() && subject.digest.is_none() {
                return invalid(format!("{service} has neither tag nor digest"), "the image that was deployed");
            }
            let whole = Subject {
                environment: subject.environment.clone().or_else(|| common.environment.clone()),
                commit: subject.commit.clone().or_else(|| common.commit.clone()),
                ..subject.clone()
            };
            if let Some(difference) = whole.differs_from(common) {
                return invalid(format!("{service} has {difference}"), "one environment and one commit");
            }
            if complete.insert(service.clone(), whole).is_some() {
                return invalid(format!("{service} is there twice"), "each service once");
            }
        }
        Ok(complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(text: &str) -> Subject {
        text.parse().unwrap()
    }

    #[test]
    fn each_release_gets_what_the_step_has() {
        let subjects: Subjects =
            r#"[{"service":"cart","tag":"1"},{"service":"search","tag":"2","environment":"staging"}]"#.parse().unwrap();
        let common = subject(r#"{"environment":"staging","commit":"0123456789abcdef0123456789abcdef01234567"}"#);
        let complete = subjects.complete(&common).unwrap();
        assert_eq!(complete.keys().map(Service::as_str).collect::<Vec<_>>(), ["cart", "search"]);
        for subject in complete.values() {
            assert_eq!((&subject.environment, &subject.commit), (&common.environment, &common.commit));
        }
    }

    #[test]
    fn other_lists_are_refused() {
        for (text, part) in [
            ("{}", "a JSON list"),
            ("[]", "at least one"),
            (r#"[{"tag":"1"}]"#, "number 1 has no service"),
            (r#"[{"service":"../x","tag":"1"}]"#, "a JSON list"),
            (r#"[{"service":"a","tags":"1"}]"#, "unknown field"),
        ] {
            let error = text.parse::<Subjects>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        for (text, common, part) in [
            (r#"[{"service":"a","tag":"1"},{"service":"a","tag":"2"}]"#, "{}", "a is there twice"),
            (r#"[{"service":"a"}]"#, "{}", "neither tag nor digest"),
            (r#"[{"service":"a","tag":"1","environment":"x"}]"#, r#"{"environment":"y"}"#, "environment x, not y"),
            (r#"[{"service":"a","tag":"1"}]"#, r#"{"service":"a"}"#, "`service`"),
            (r#"[{"service":"a","tag":"1"}]"#, r#"{"tag":"1"}"#, "`tag`"),
        ] {
            let error = text.parse::<Subjects>().unwrap().complete(&subject(common)).unwrap_err();
            let finding = error.finding().unwrap().to_string();
            assert!(finding.contains(part), "{text}: {finding}");
        }
    }
}
