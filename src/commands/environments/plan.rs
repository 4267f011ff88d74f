//! What differs between the file and GitHub, rule by rule, and what an environment becomes. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    present::Present,
    wanted::{Branches, Pattern, Wanted, Who},
};

/// A rule of one environment, now and as the file wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub rule: Rule,
    pub now: String,
    /// `None`: the file does not mention it.
    pub wanted: Option<String>,
    /// Whether the two are different; never, when the file does not mention it.
    pub differs: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// That there is one.
    Environment,
    WaitTimer,
    Reviewers,
    SelfReview,
    Branches,
    Pattern(Pattern),
    AdminBypass,
}

/// What sets a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The request that sets all rules of an environment at once.
    Environment,
    /// A request of its own.
    Pattern,
    /// A person, in the settings: GitHub's API has no way.
    Hand,
}

impl Rule {
    #[must_use]
    pub const fn set_by(&self) -> SetBy {
        match self {
            Self::Pattern(_) => SetBy::Pattern,
            Self::AdminBypass => SetBy::Hand,
            _ => SetBy::Environment,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::WaitTimer => "wait timer",
            Self::Reviewers => "required reviewers",
            Self::SelfReview => "review of one's own run",
            Self::Branches => "what deploys",
            Self::Pattern(pattern) => return pattern.fmt(f),
            Self::AdminBypass => "bypass by administrators",
        })
    }
}

/// What differs, in the order in which it is set: the environment, its rules, then its patterns.
#[must_use]
pub fn plan(wanted: &Wanted, present: Option<&Present>) -> Vec<Facet> {
    facets(wanted, present).into_iter().filter(|facet| facet.differs).collect()
}

/// Every rule, those included that the file does not mention.
#[must_use]
pub fn facets(wanted: &Wanted, present: Option<&Present>) -> Vec<Facet> {
    let there = present.is_some();
    let new = Present::NEW;
    let present = present.unwrap_or(&new);
    let mut facets = Vec::new();
    if !there {
        let (now, wanted) = ("not there".to_owned(), Some("there".to_owned()));
        facets.push(Facet { rule: Rule::Environment, now, wanted, differs: true });
    }
    let names = present.reviewers.keys().cloned().collect();
    facets.push(facet(Rule::WaitTimer, &present.wait_timer, wanted.wait_timer.as_ref(), |minutes| timer(*minutes)));
    facets.push(facet(Rule::Reviewers, &names, wanted.reviewers.as_ref(), people));
    let own = |prevented: &bool| if *prevented { "prevented" } else { "allowed" }.to_owned();
    facets.push(facet(Rule::SelfReview, &present.prevent_self_review, wanted.prevent_self_review.as_ref(), own));
    facets.push(facet(Rule::Branches, &present.branches, wanted.branches.as_ref(), ToString::to_string));
    facets.extend(patterns(wanted, present));
    let bypass = |can: &Option<bool>| bypass(*can).to_owned();
    let can = wanted.can_admins_bypass.map(Some);
    facets.push(facet(Rule::AdminBypass, &present.can_admins_bypass, can.as_ref(), bypass));
    facets
}

fn facet<T: PartialEq>(rule: Rule, now: &T, wanted: Option<&T>, say: impl Fn(&T) -> String) -> Facet {
    Facet { rule, now: say(now), wanted: wanted.map(&say), differs: wanted.is_some_and(|wanted| wanted != now) }
}

/// One facet for each pattern that GitHub has or the file wants, when patterns count.
fn patterns(wanted: &Wanted, present: &Present) -> Vec<Facet> {
    let listed = wanted.patterns.as_ref();
    if wanted.branches.unwrap_or(present.branches) != Branches::Custom {
        return Vec::new();
    }
    let mut all: Vec<&Pattern> = present.patterns.keys().chain(listed.into_iter().flatten()).collect();
    all.sort();
    all.dedup();
    let say = |there: &bool| if *there { "there" } else { "not there" }.to_owned();
    let one = |pattern: &&Pattern| {
        let now = present.patterns.contains_key(pattern);
        let there = listed.map(|listed| listed.contains(*pattern));
        facet(Rule::Pattern((*pattern).clone()), &now, there.as_ref(), say)
    };
    let facets: Vec<Facet> = all.iter().map(one).collect();
    // First what must go: between the two, less deploys and not more.
    let (adds, others): (Vec<Facet>, Vec<Facet>) =
        facets.into_iter().partition(|facet| facet.differs && facet.wanted.as_deref() == Some("there"));
    others.into_iter().chain(adds).collect()
}

/// What the environment is once its rules are set: what the file does not mention stays. Patterns are as they will be in
/// the end; those that are still to be added have the id 0.
///
/// # Errors
/// The reviewers whose ids neither GitHub told with the environment nor `ids` holds.
pub fn after(wanted: &Wanted, present: Option<&Present>, ids: &BTreeMap<Who, u64>) -> Result<Present, Vec<Who>> {
    let mut after = present.cloned().unwrap_or(Present::NEW);
    if let Some(minutes) = wanted.wait_timer {
        after.wait_timer = minutes;
    }
    if let Some(names) = &wanted.reviewers {
        let known = |who: &Who| after.reviewers.get(who).or_else(|| ids.get(who)).copied();
        let unknown: Vec<Who> = names.iter().filter(|who| known(who).is_none()).cloned().collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        after.reviewers = names.iter().filter_map(|who| Some((who.clone(), known(who)?))).collect();
    }
    if let Some(prevented) = wanted.prevent_self_review {
        after.prevent_self_review = prevented;
    }
    if let Some(branches) = wanted.branches {
        after.branches = branches;
    }
    if after.branches != Branches::Custom {
        after.patterns.clear();
    } else if let Some(listed) = &wanted.patterns {
        let id = |pattern: &Pattern| after.patterns.get(pattern).copied().unwrap_or_default();
        after.patterns = listed.iter().map(|pattern| (pattern.clone(), id(pattern))).collect();
    }
    Ok(after)
}

/// What is written with one request each: the rules of the environment together, every pattern alone.
#[must_use]
pub fn requests(differing: &[Facet]) -> Vec<Vec<&Facet>> {
    let of = |set_by| differing.iter().filter(move |facet| facet.rule.set_by() == set_by);
    let rules: Vec<&Facet> = of(SetBy::Environment).collect();
    [rules].into_iter().chain(of(SetBy::Pattern).map(|facet| vec![facet])).filter(|facets| !facets.is_empty()).collect()
}

/// Facets in one line: `wait timer: none → 10 minutes; …`.
#[must_use]
pub fn told<'a>(facets: impl IntoIterator<Item = &'a Facet>) -> String {
    let one = |facet: &Facet| {
        let wanted = facet.wanted.as_deref().unwrap_or("as it is");
        format!("{}: {} → {wanted}", facet.rule, facet.now)
    };
    facets.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A timer in words.
#[must_use]
pub fn timer(minutes: u32) -> String {
    match minutes {
        0 => "none".to_owned(),
        1 => "1 minute".to_owned(),
        _ => format!("{minutes} minutes"),
    }
}

fn people(names: &BTreeSet<Who>) -> String {
    if names.is_empty() {
        return "nobody".to_owned();
    }
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// In words, whether administrators can pass an environment's rules by.
#[must_use]
pub const fn bypass(can: Option<bool>) -> &'static str {
    match can {
        Some(true) => "possible",
        Some(false) => "not possible",
        None => "not told by GitHub",
    }
}

#[cfg(test)]
mod tests;
