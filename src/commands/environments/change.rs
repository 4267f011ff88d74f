//! The writes: one change for all rules of an environment, one for each pattern. GitHub has no conditional request here, so
//! each change reads the state right before its write, and a last read verifies everything.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    actual::ActualEnvironment,
    desired::{DeployableBranches, DesiredEnvironment, RefPattern, ReviewerName},
    judge::{key_in_file, refusal, update_server},
    plan::{Facet, ProtectionRule, SetBy, after, describe, facets, plan},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    observe::read_until_answered,
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState},
    subject::EnvironmentName,
    values::HumanDuration,
    world::github::{BranchKind, EnvironmentSettings, GitHub, Repository, SendOutcome},
};

/// The environments of one repository.
#[derive(Clone, Copy)]
pub struct EnvironmentsApi<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
}

impl EnvironmentsApi<'_> {
    pub fn effect(&self, desired: &DesiredEnvironment, detail: &str, state: EffectState) -> Effect {
        let target = format!("{}, environment {}", self.repository, desired.name);
        Effect { target, detail: detail.to_owned(), state }
    }

    /// Looks up the ids of reviewers that are new to the environment.
    ///
    /// # Errors
    /// A finding for each one that GitHub does not know or that this token may not look up.
    pub fn ids(
        &self,
        desired: &DesiredEnvironment,
        actual: Option<&ActualEnvironment>,
        ctx: &CommandContext,
    ) -> Result<BTreeMap<ReviewerName, u64>, Vec<Finding>> {
        let known = |reviewer: &&ReviewerName| actual.is_some_and(|actual| actual.reviewers.contains_key(reviewer));
        let (mut ids, mut unknown) = (BTreeMap::new(), Vec::new());
        for reviewer in desired.reviewers.iter().flatten().filter(|reviewer| !known(reviewer)) {
            let id = || match reviewer {
                ReviewerName::Team(slug) => self.github.team_id(self.repository.owner(), slug),
                ReviewerName::User(login) => self.github.user_id(login),
            };
            match read_until_answered(&ctx.execution, Duration::MAX, id) {
                Ok(Some(id)) => drop(ids.insert(reviewer.clone(), id)),
                Ok(None) => unknown.push(self.unknown(desired, reviewer)),
                Err(error) => {
                    // GitHub did not say that there is none.
                    let Finding { verdict, actual, next, .. } = error;
                    unknown.push(Finding { verdict, actual, next, ..self.unknown(desired, reviewer) });
                }
            }
        }
        if unknown.is_empty() { Ok(ids) } else { Err(unknown) }
    }

    /// A reviewer that GitHub does not know. GitHub hides a team from tokens without access, so a missing team is inconclusive.
    pub fn unknown(&self, desired: &DesiredEnvironment, reviewer: &ReviewerName) -> Finding {
        let check = format!("{}: {reviewer}", desired.name);
        let owner = self.repository.owner();
        match reviewer {
            ReviewerName::Team(_) => Finding::inconclusive(check)
                .actual(format!("{owner} has no such team, or this token may not see it"))
                .expected(format!("a team of the organisation {owner}, by its slug"))
                .next(format!("look at the slug; the token needs Members: read on the organisation {owner}")),
            ReviewerName::User(_) => Finding::blocked(check)
                .actual("GitHub knows no such user")
                .expected("a user, by login")
                .next(format!("look at the spelling in {}", desired.place)),
        }
    }

    /// Reads one environment; `None`: it does not exist.
    ///
    /// # Errors
    /// When GitHub does not show it.
    pub fn look(&self, name: &EnvironmentName) -> Result<Option<ActualEnvironment>, Finding> {
        let Some(environment) = self.github.environment(self.repository, name)? else { return Ok(None) };
        let actual = ActualEnvironment::from_protection(&environment);
        if actual.branches != DeployableBranches::Custom {
            return Ok(Some(actual));
        }
        Ok(Some(actual.with_patterns(self.github.branch_policies(self.repository, name)?)))
    }
}

/// Changes one environment into the desired one.
pub fn apply_environment(
    place: &EnvironmentsApi<'_>,
    desired: &DesiredEnvironment,
    actual: Option<&ActualEnvironment>,
    ids: &BTreeMap<ReviewerName, u64>,
    limit: HumanDuration,
    ctx: &CommandContext,
) -> Result<(), CommandError> {
    let mut differing = plan(desired, actual);
    if differing.iter().any(|facet| facet.rule.set_by() == SetBy::Environment) {
        reconcile(&ctx.execution, limit.0, &SetRules { place: *place, desired, ids })?;
        // GitHub lists patterns only while they apply: older ones may reappear with the rule.
        let now = read_until_answered(&ctx.execution, limit.0, || place.look(&desired.name));
        differing = plan(desired, now.map_err(Finding::unobservable)?.as_ref());
    }
    for facet in differing {
        if let ProtectionRule::RefPattern(pattern) = &facet.rule {
            let is_wanted = desired.patterns.as_ref().is_some_and(|patterns| patterns.contains(pattern));
            reconcile(&ctx.execution, limit.0, &SetPattern { place: *place, desired, pattern, is_wanted })?;
        }
    }
    Ok(())
}

/// Rules that changed though the file does not mention them: another writer, or an undocumented effect.
pub fn unexpected_changes(
    desired: &DesiredEnvironment,
    before: Option<&ActualEnvironment>,
    now: Option<&ActualEnvironment>,
) -> Vec<Finding> {
    let (Some(_), Some(_)) = (before, now) else { return Vec::new() };
    let unmentioned = |actual| facets(desired, actual).into_iter().filter(|facet| facet.desired.is_none());
    let now: Vec<Facet> = unmentioned(now).collect();
    unmentioned(before)
        .filter(|facet| now.iter().all(|other| other != facet))
        .map(|facet| {
            let other = now.iter().find(|other| other.rule == facet.rule);
            Finding::blocked(format!("{}: {}", desired.name, facet.rule))
                .expected(format!("{}, as before: the file does not mention it", facet.now))
                .actual(other.map_or("gone", |other| &other.now))
                .next("find out what else changes it, set it again, and add it to the file")
        })
        .collect()
}

/// The rules of one environment, all in one request.
struct SetRules<'a> {
    place: EnvironmentsApi<'a>,
    desired: &'a DesiredEnvironment,
    ids: &'a BTreeMap<ReviewerName, u64>,
}

/// The request, and what it changes.
struct Edit {
    settings: EnvironmentSettings,
    describe: String,
}

impl Change for SetRules<'_> {
    type Base = Option<ActualEnvironment>;
    type Edit = Edit;
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        self.place.effect(self.desired, "its rules", EffectState::Planned)
    }

    fn detail(&self, edit: &Edit) -> Option<String> {
        Some(edit.describe.clone())
    }

    fn read(&self) -> Result<Option<ActualEnvironment>, CommandError> {
        self.place.look(&self.desired.name).map_err(Finding::unobservable)
    }

    fn plan(&self, actual: &Option<ActualEnvironment>) -> Plan<Edit, ()> {
        let actual = actual.as_ref();
        let differing = plan(self.desired, actual);
        let environment_rules: Vec<&Facet> =
            differing.iter().filter(|facet| facet.rule.set_by() == SetBy::Environment).collect();
        if environment_rules.is_empty() {
            return Plan::UpToDate(());
        }
        if let Some(finding) = refusal(self.desired, actual) {
            return Plan::Refuse(finding);
        }
        match after(self.desired, actual, self.ids) {
            Ok(after) => {
                let settings = after.settings(actual.unwrap_or(&ActualEnvironment::NEW));
                Plan::Write(Edit { settings, describe: describe(environment_rules) })
            }
            Err(_) => Plan::Refuse(
                Finding::inconclusive(self.desired.name.as_str())
                    .actual("its reviewers changed during this run")
                    .expected("no concurrent writer")
                    .next("run it again"),
            ),
        }
    }

    fn write(&self, permit: &Permit, _: &Option<ActualEnvironment>, edit: &Edit) -> WriteOutcome<()> {
        let EnvironmentsApi { github, repository } = self.place;
        let sent = github.put_environment(permit, repository, &self.desired.name, &edit.settings);
        wrote(sent, self.desired, &edit.settings.body())
    }
}

/// Adds or removes one pattern.
struct SetPattern<'a> {
    place: EnvironmentsApi<'a>,
    desired: &'a DesiredEnvironment,
    pattern: &'a RefPattern,
    is_wanted: bool,
}

impl Change for SetPattern<'_> {
    type Base = Option<ActualEnvironment>;
    /// The id to remove; `None`: add the pattern.
    type Edit = Option<u64>;
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let detail = format!("{}: {}", self.pattern, if self.is_wanted { "add" } else { "remove" });
        self.place.effect(self.desired, &detail, EffectState::Planned)
    }

    fn read(&self) -> Result<Self::Base, CommandError> {
        self.place.look(&self.desired.name).map_err(Finding::unobservable)
    }

    fn plan(&self, actual: &Self::Base) -> Plan<Option<u64>, ()> {
        let id = actual.as_ref().and_then(|actual| actual.patterns.get(self.pattern));
        match (id, self.is_wanted) {
            (Some(_), true) | (None, false) => Plan::UpToDate(()),
            // Such a server would make a pattern of branches of it.
            (None, true)
                if matches!(self.pattern, RefPattern::Tag(_)) && actual.as_ref().is_some_and(|now| !now.knows_tags) =>
            {
                Plan::Refuse(
                    Finding::blocked(format!("{}: {}", self.desired.name, self.pattern))
                        .actual("the patterns in GitHub's answer have no `type`: this server knows only branches")
                        .expected("a server that knows patterns of tags")
                        .next(update_server("tags", &self.desired.place)),
                )
            }
            (None, true) => Plan::Write(None),
            (Some(id), false) => Plan::Write(Some(*id)),
        }
    }

    fn write(&self, permit: &Permit, _: &Self::Base, id: &Option<u64>) -> WriteOutcome<()> {
        let EnvironmentsApi { github, repository } = self.place;
        let name = &self.desired.name;
        let sent = match (id, self.pattern) {
            (Some(id), _) => github.remove_branch_policy(permit, repository, name, *id),
            (None, RefPattern::Branch(text)) => {
                github.add_branch_policy(permit, repository, name, text, BranchKind::Branch)
            }
            (None, RefPattern::Tag(text)) => github.add_branch_policy(permit, repository, name, text, BranchKind::Tag),
        };
        wrote(sent, self.desired, &json!({ "type": "tag" }))
    }
}

/// Says more about three refusals: GitHub answers 422 "ensure the billing plan supports …" when the repository's plan does not
/// include a rule, `"…" is not a permitted key` when the server does not know a field, and names reviewers that it does not
/// accept.
fn wrote(sent: SendOutcome, desired: &DesiredEnvironment, body: &Value) -> WriteOutcome<()> {
    let refusal = match sent {
        SendOutcome::Refused(refusal) if refusal.status == 422 => refusal,
        sent => return sent.into_write_outcome(desired.name.as_str()),
    };
    let (status, message) = (refusal.status, &refusal.message);
    let blocked = Finding::blocked(desired.name.as_str()).actual(format!("GitHub refused it: {status} {message}"));
    let mut fields = body.as_object().into_iter().flat_map(Map::keys);
    let unknown =
        fields.find(|field| message.contains("not a permitted key") && message.contains(&format!("\"{field}\"")));
    let names: Vec<String> = desired.reviewers.iter().flatten().map(ToString::to_string).collect();
    WriteOutcome::Refused(if let Some(field) = unknown {
        let key = key_in_file(field);
        blocked.expected(format!("a server that knows `{key}`")).next(update_server(key, &desired.place))
    } else if message.contains("billing plan") {
        blocked.expected("a plan that has this rule").next(
            "reviewers and timers need a public repository, or GitHub Enterprise: private ones of the Free, Pro and Team \
             plans have no such rules",
        )
    } else if message.to_lowercase().contains("reviewer") && !names.is_empty() {
        blocked.expected("reviewers that GitHub accepts").next(format!(
            "give each of {} at least read access to the repository, or take out of {} who has none",
            names.join(", "),
            desired.place
        ))
    } else {
        refusal.to_finding(desired.name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::environments::desired::DeployableBranches;

    #[test]
    fn an_unexpected_change_is_found() {
        let desired = DesiredEnvironment {
            name: "production".parse().unwrap(),
            place: String::new(),
            wait_timer: Some(10),
            reviewers: None,
            minimum_approvals: None,
            prevent_self_review: None,
            can_admins_bypass: None,
            branches: None,
            patterns: None,
        };
        let main = [(RefPattern::Branch("main".to_owned()), 1)].into();
        let before = ActualEnvironment {
            can_admins_bypass: Some(false),
            branches: DeployableBranches::Custom,
            patterns: main,
            ..ActualEnvironment::NEW
        };
        let now = ActualEnvironment { wait_timer: 10, ..before.clone() };
        assert_eq!(unexpected_changes(&desired, Some(&before), Some(&now)), [], "the change of the timer is expected");
        assert_eq!(unexpected_changes(&desired, None, Some(&now)), [], "a new environment had no rules");
        for (now, check, actual) in [
            (
                ActualEnvironment { can_admins_bypass: Some(true), ..now.clone() },
                "production: bypass by administrators",
                "possible",
            ),
            (
                ActualEnvironment { prevent_self_review: Some(true), ..now.clone() },
                "production: review of one's own run",
                "prevented",
            ),
            (ActualEnvironment { patterns: BTreeMap::new(), ..now.clone() }, "production: branch pattern main", "gone"),
        ] {
            let [finding] = &unexpected_changes(&desired, Some(&before), Some(&now))[..] else { panic!("{check}") };
            assert_eq!((&*finding.check, &*finding.actual), (check, actual));
        }
    }
}
