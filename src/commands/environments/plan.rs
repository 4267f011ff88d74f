//! The differences between the file and GitHub, rule by rule, and the resulting environment. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    actual::ActualEnvironment,
    desired::{DeployableBranches, DesiredEnvironment, RefPattern, ReviewerName},
};

/// One rule of an environment: its value now and in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub rule: ProtectionRule,
    pub now: String,
    /// `None`: the file does not mention it.
    pub desired: Option<String>,
    /// Whether the two differ; false when the file does not mention the rule.
    pub differs: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtectionRule {
    /// The environment exists.
    Environment,
    WaitTimer,
    Reviewers,
    SelfReview,
    DeployableBranches,
    RefPattern(RefPattern),
    AdminBypass,
}

/// How a rule is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The request that sets all rules of an environment at once.
    Environment,
    /// One request for each pattern.
    RefPattern,
}

impl ProtectionRule {
    #[must_use]
    pub const fn set_by(&self) -> SetBy {
        match self {
            Self::RefPattern(_) => SetBy::RefPattern,
            _ => SetBy::Environment,
        }
    }
}

impl fmt::Display for ProtectionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::WaitTimer => "wait timer",
            Self::Reviewers => "required reviewers",
            Self::SelfReview => "review of one's own run",
            Self::DeployableBranches => "what deploys",
            Self::RefPattern(pattern) => return pattern.fmt(f),
            Self::AdminBypass => "bypass by administrators",
        })
    }
}

/// What is shown of a rule that GitHub does not report.
pub const UNREPORTED: &str = "not reported by GitHub";

/// The differences in the order of the writes: the environment, its rules, its patterns.
#[must_use]
pub fn plan(desired: &DesiredEnvironment, actual: Option<&ActualEnvironment>) -> Vec<Facet> {
    facets(desired, actual).into_iter().filter(|facet| facet.differs).collect()
}

/// Every rule, also those that the file does not mention.
#[must_use]
pub fn facets(desired: &DesiredEnvironment, actual: Option<&ActualEnvironment>) -> Vec<Facet> {
    let exists = actual.is_some();
    let new = ActualEnvironment::NEW;
    let actual = actual.unwrap_or(&new);
    let mut facets = Vec::new();
    if !exists {
        let (now, desired) = ("not there".to_owned(), Some("there".to_owned()));
        facets.push(Facet { rule: ProtectionRule::Environment, now, desired, differs: true });
    }
    let names = actual.reviewers.keys().cloned().collect();
    facets.push(facet(ProtectionRule::WaitTimer, &actual.wait_timer, desired.wait_timer.as_ref(), |minutes| {
        timer(*minutes)
    }));
    facets.push(facet(ProtectionRule::Reviewers, &names, desired.reviewers.as_ref(), people));
    let prevented = desired.prevent_self_review.map(Some);
    let own = facet(ProtectionRule::SelfReview, &actual.prevent_self_review, prevented.as_ref(), |prevented| {
        own_review(*prevented).to_owned()
    });
    // A server that does not know the rule prevents nothing.
    let is_off = desired.prevent_self_review == Some(false) && actual.prevent_self_review.is_none();
    facets.push(Facet { differs: own.differs && !is_off, ..own });
    facets.push(facet(
        ProtectionRule::DeployableBranches,
        &actual.branches,
        desired.branches.as_ref(),
        ToString::to_string,
    ));
    facets.extend(patterns(desired, actual));
    let bypass = |can: &Option<bool>| bypass(*can).to_owned();
    let can = desired.can_admins_bypass.map(Some);
    facets.push(facet(ProtectionRule::AdminBypass, &actual.can_admins_bypass, can.as_ref(), bypass));
    facets
}

fn facet<T: PartialEq>(rule: ProtectionRule, now: &T, desired: Option<&T>, say: impl Fn(&T) -> String) -> Facet {
    Facet { rule, now: say(now), desired: desired.map(&say), differs: desired.is_some_and(|desired| desired != now) }
}

/// One facet for each pattern on GitHub or in the file, when patterns apply.
fn patterns(desired: &DesiredEnvironment, actual: &ActualEnvironment) -> Vec<Facet> {
    let listed = desired.patterns.as_ref();
    if desired.branches.unwrap_or(actual.branches) != DeployableBranches::Custom {
        return Vec::new();
    }
    let mut all: Vec<&RefPattern> = actual.patterns.keys().chain(listed.into_iter().flatten()).collect();
    all.sort();
    all.dedup();
    let say = |exists: &bool| if *exists { "there" } else { "not there" }.to_owned();
    let one = |pattern: &&RefPattern| {
        let now = actual.patterns.contains_key(pattern);
        let is_listed = listed.map(|listed| listed.contains(*pattern));
        facet(ProtectionRule::RefPattern((*pattern).clone()), &now, is_listed.as_ref(), say)
    };
    let facets: Vec<Facet> = all.iter().map(one).collect();
    // Removals first: in between, fewer branches can deploy and not more.
    let (adds, others): (Vec<Facet>, Vec<Facet>) =
        facets.into_iter().partition(|facet| facet.differs && facet.desired.as_deref() == Some("there"));
    others.into_iter().chain(adds).collect()
}

/// The environment once its rules are set; what the file does not mention stays. New patterns have the id 0.
///
/// # Errors
/// The reviewers whose ids neither the environment on GitHub nor `ids` contains.
pub fn after(
    desired: &DesiredEnvironment,
    actual: Option<&ActualEnvironment>,
    ids: &BTreeMap<ReviewerName, u64>,
) -> Result<ActualEnvironment, Vec<ReviewerName>> {
    let mut after = actual.cloned().unwrap_or(ActualEnvironment::NEW);
    if let Some(minutes) = desired.wait_timer {
        after.wait_timer = minutes;
    }
    if let Some(names) = &desired.reviewers {
        let known = |reviewer: &ReviewerName| after.reviewers.get(reviewer).or_else(|| ids.get(reviewer)).copied();
        let unknown: Vec<ReviewerName> = names.iter().filter(|reviewer| known(reviewer).is_none()).cloned().collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        after.reviewers = names.iter().filter_map(|reviewer| Some((reviewer.clone(), known(reviewer)?))).collect();
    }
    after.prevent_self_review = desired.prevent_self_review.or(after.prevent_self_review);
    after.can_admins_bypass = desired.can_admins_bypass.or(after.can_admins_bypass);
    if let Some(branches) = desired.branches {
        after.branches = branches;
    }
    if after.branches != DeployableBranches::Custom {
        after.patterns.clear();
    } else if let Some(listed) = &desired.patterns {
        let id = |pattern: &RefPattern| after.patterns.get(pattern).copied().unwrap_or_default();
        after.patterns = listed.iter().map(|pattern| (pattern.clone(), id(pattern))).collect();
    }
    Ok(after)
}

/// The facets of each write request: all rules of the environment in one, each pattern in its own.
#[must_use]
pub fn requests(differing: &[Facet]) -> Vec<Vec<&Facet>> {
    let of = |set_by| differing.iter().filter(move |facet| facet.rule.set_by() == set_by);
    let rules: Vec<&Facet> = of(SetBy::Environment).collect();
    [rules]
        .into_iter()
        .chain(of(SetBy::RefPattern).map(|facet| vec![facet]))
        .filter(|facets| !facets.is_empty())
        .collect()
}

/// Facets as one line: `wait timer: none → 10 minutes; …`.
#[must_use]
pub fn describe<'a>(facets: impl IntoIterator<Item = &'a Facet>) -> String {
    let one = |facet: &Facet| {
        let desired = facet.desired.as_deref().unwrap_or("as it is");
        format!("{}: {} → {desired}", facet.rule, facet.now)
    };
    facets.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A wait timer as text.
#[must_use]
pub fn timer(minutes: u32) -> String {
    match minutes {
        0 => "none".to_owned(),
        1 => "1 minute".to_owned(),
        _ => format!("{minutes} minutes"),
    }
}

fn people(names: &BTreeSet<ReviewerName>) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

const fn own_review(prevented: Option<bool>) -> &'static str {
    match prevented {
        Some(true) => "prevented",
        Some(false) => "allowed",
        None => UNREPORTED,
    }
}

/// Whether administrators can bypass the protection rules, as text.
#[must_use]
pub const fn bypass(can: Option<bool>) -> &'static str {
    match can {
        Some(true) => "possible",
        Some(false) => "not possible",
        None => UNREPORTED,
    }
}

#[cfg(test)]
mod tests;
