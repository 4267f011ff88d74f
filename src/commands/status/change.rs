//! What a pull request that is no promotion changes of the services' images, and which status that is worth. Pure.

use std::collections::BTreeSet;

use crate::{
    finding::Finding,
    subject::{Environment, Service},
    values::clip,
};

/// How much of a text a message has, in characters.
const CLIP: usize = 80;
/// How much of the differences a finding lists, in characters.
const MAX_DIFFERENCES: usize = 400;

/// What differs between the last commit that a pull request shares with the base branch, and its own last commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedChange {
    pub images: Vec<ImageDifference>,
    /// Why an image may differ, for each file of which that is not known.
    pub unknown: Vec<String>,
    /// The config file, if that differs: it says where the images are.
    pub rules: Option<String>,
}

/// An image that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDifference {
    pub service: Service,
    pub environment: Environment,
    pub path: String,
    pub before: String,
    pub after: String,
}

/// Passes if no image of a configured service differs. What was not observed is inconclusive.
#[must_use]
pub fn judge_change(look: &Result<ObservedChange, Finding>) -> Finding {
    const CHECK: &str = "images";
    let expected = "no change of a service's image outside a promotion";
    let observed = match look {
        Ok(observed) => observed,
        Err(error) => return error.for_check(CHECK).expected(expected),
    };
    if !observed.images.is_empty() {
        let services: BTreeSet<&str> = observed.images.iter().map(|image| image.service.as_str()).collect();
        let services: Vec<&str> = services.into_iter().collect();
        let named = match services[..] {
            [service] => format!("the image of {service}"),
            _ => format!("the images of {}", services.join(", ")),
        };
        let of =
            |ImageDifference { path, before, after, .. }: &ImageDifference| format!("{before} → {after} in {path}");
        let differences: Vec<String> = observed.images.iter().map(of).collect();
        return Finding::blocked(CHECK)
            .actual(format!("changes {} outside a promotion", clip(&named, CLIP)))
            .expected(expected)
            .next(format!(
                "take the change out, and promote the release by its evidence ({})",
                clip(&differences.join(", "), MAX_DIFFERENCES)
            ));
    }
    if let Some(unknown) = observed.unknown.first() {
        return Finding::inconclusive(CHECK)
            .actual(unknown)
            .expected(expected)
            .next("take this change out, or see what is wrong with the file");
    }
    let rules = observed.rules.as_ref().map(|path| format!("; it changes the rules in {}", clip(path, CLIP)));
    Finding::passed(CHECK).actual(format!("changes no image{}", rules.unwrap_or_default())).expected(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn difference(service: &str) -> ImageDifference {
        ImageDifference {
            service: service.parse().unwrap(),
            environment: "production".parse().unwrap(),
            path: format!("{service}.yaml"),
            before: "a:1".to_owned(),
            after: "a:2".to_owned(),
        }
    }

    #[test]
    fn only_a_change_without_an_image_passes() {
        let of = |images: &[&str], unknown: &[&str], rules: Option<&str>| {
            let finding = judge_change(&Ok(ObservedChange {
                images: images.iter().map(|service| difference(service)).collect(),
                unknown: unknown.iter().map(ToString::to_string).collect(),
                rules: rules.map(ToOwned::to_owned),
            }));
            (finding.verdict, finding.actual)
        };
        for (images, unknown, rules, verdict, actual) in [
            (&[][..], &[][..], None, Verdict::Passed, "changes no image"),
            (&[], &[], Some("r.yml"), Verdict::Passed, "changes no image; it changes the rules in r.yml"),
            (&["shop"], &[], None, Verdict::Blocked, "changes the image of shop outside a promotion"),
            (
                &["shop", "cart", "shop"],
                &["x"],
                None,
                Verdict::Blocked,
                "changes the images of cart, shop outside a promotion",
            ),
            (&[], &["x cannot be read", "y"], Some("r.yml"), Verdict::Inconclusive, "x cannot be read"),
        ] {
            assert_eq!(of(images, unknown, rules), (verdict, actual.to_owned()));
        }
        let error = judge_change(&Err(Finding::inconclusive("git fetch").actual("no answer").next("wait")));
        assert_eq!(
            (error.verdict, &*error.check, error.next.as_deref()),
            (Verdict::Inconclusive, "images", Some("wait"))
        );
        let next =
            judge_change(&Ok(ObservedChange { images: vec![difference("shop")], ..ObservedChange::default() })).next;
        assert!(next.unwrap().contains("a:1 → a:2 in shop.yaml"));
    }
}
