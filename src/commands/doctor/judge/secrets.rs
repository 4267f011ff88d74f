//! The secrets that the workflows use, by name: present, missing, or not seen. Pure.

use std::collections::BTreeMap;

use crate::{
    commands::doctor::{
        check::{Check, Needs, shell_word},
        facts::{GitHubFacts, SecretFacts},
        workflow_uses::{JobEnvironment, UsedSecret, WorkflowUses},
    },
    world::github::Inspection,
};

const SECRETS: Needs = Needs::pat_or_app("Secrets: read");
const ENVIRONMENTS: Needs = Needs::pat_or_app("Environments: read");

/// Where a secret was found.
enum Lookup<'a> {
    Found(String),
    Missing,
    /// At a level that the token may not see.
    Unseen(Needs, Option<&'a Inspection<Vec<String>>>),
}

/// One check for each secret and environment.
#[must_use]
pub fn judge(facts: &GitHubFacts, uses: &WorkflowUses) -> Vec<Check> {
    if uses.secrets.is_empty() && uses.unread.is_empty() {
        return vec![Check::ok("secrets", format!("no workflow of {} uses one", uses.place))];
    }
    let mut all: BTreeMap<(&str, Option<&str>), Vec<&UsedSecret>> = BTreeMap::new();
    for used in &uses.secrets {
        let environment = match &used.environment {
            JobEnvironment::Named(name) => Some(name.as_str()),
            JobEnvironment::None | JobEnvironment::Unknown => None,
        };
        all.entry((used.name.as_str(), environment)).or_default().push(used);
    }
    all.into_iter().map(|((name, environment), used)| judge_one(facts, name, environment, &used)).collect()
}

fn judge_one(facts: &GitHubFacts, name: &str, environment: Option<&str>, used: &[&UsedSecret]) -> Check {
    let of = environment.map(|environment| format!(" in {environment}")).unwrap_or_default();
    let check = format!("secret {name}{of}");
    let places: Vec<&str> = used.iter().map(|used| used.place.as_str()).collect();
    let places = places.join("; ");
    match find(&facts.secrets, name, environment) {
        Lookup::Found(level) => Check::ok(check, format!("a secret of {level}")),
        Lookup::Unseen(needs, inspection) => {
            let unseen = inspection.and_then(|inspection| Check::of_unseen(check.clone(), inspection, needs));
            unseen.unwrap_or_else(|| Check::not_seen(check, needs, ""))
        }
        Lookup::Missing if used.iter().all(|used| used.optional) => {
            Check::ok(check, format!("missing, and {places} has another value for it (`||`)"))
        }
        Lookup::Missing if used.iter().any(|used| used.environment == JobEnvironment::Unknown) => Check::not_seen(
            check,
            Needs::pat_or_app("the environment's name as a plain value"),
            &format!("missing in the repository, and an expression decides the environment of {places}"),
        ),
        Lookup::Missing => {
            let level = environment.map(|name| format!(" --env {}", shell_word(name))).unwrap_or_default();
            Check::problem(
                check,
                format!("missing; {places} uses it, and gets an empty text"),
                "a secret of the environment, the repository or the organisation",
                format!("`gh secret set {} --repo {}{level}`", shell_word(name), facts.repository),
            )
        }
    }
}

/// A level's name, the names of its secrets (`None`: it does not exist), and what shows them.
type Level<'a> = (String, Option<&'a Inspection<Vec<String>>>, Needs);

/// The nearest level that has it. A level that is not seen matters only if none that is seen has it.
fn find<'a>(secrets: &'a SecretFacts, name: &str, environment: Option<&str>) -> Lookup<'a> {
    let mut unseen = None;
    let mut levels: Vec<Level<'_>> = Vec::new();
    if let Some(environment) = environment {
        let names = secrets.environments.get(&environment.to_lowercase());
        levels.push((format!("the environment {environment}"), names, ENVIRONMENTS));
    }
    levels.push(("the repository".to_owned(), Some(&secrets.repository), SECRETS));
    levels.extend(secrets.organisation.iter().map(|names| ("the organisation".to_owned(), Some(names), SECRETS)));
    for (level, names, needs) in levels {
        match names {
            Some(Inspection::Seen(names)) if names.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
                return Lookup::Found(level);
            }
            // GitHub has no such environment, and so no secrets of it.
            Some(Inspection::Seen(_)) | None => {}
            unseen_level @ Some(_) => unseen = unseen.or(Some((needs, unseen_level))),
        }
    }
    unseen.map_or(Lookup::Missing, |(needs, inspection)| Lookup::Unseen(needs, inspection))
}
