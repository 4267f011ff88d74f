//! Writing: one change for the rules that one request sets, one for each pattern. GitHub has no conditional request here,
//! so each is read anew right before it is written, and everything once more in the end.

use std::collections::BTreeMap;

use super::{
    plan::{Facet, Rule, SetBy, after, facets, plan, told},
    present::Present,
    wanted::{Pattern, Wanted, Who},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState},
    values::HumanDuration,
    world::github::{BranchKind, EnvironmentSettings, GitHub, Repository, Sent},
};

/// Where environments are.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
}

impl Place<'_> {
    pub fn effect(&self, wanted: &Wanted, detail: &str, state: EffectState) -> Effect {
        let target = format!("{}, environment {}", self.repository, wanted.name);
        Effect { target, detail: detail.to_owned(), state }
    }

    /// The ids of the reviewers that GitHub did not tell with the environment.
    ///
    /// # Errors
    /// A finding for each that nobody knows, or that this token may not look up.
    pub fn ids(&self, wanted: &Wanted, present: Option<&Present>) -> Result<BTreeMap<Who, u64>, Vec<Finding>> {
        let known = |who: &&Who| present.is_some_and(|present| present.reviewers.contains_key(who));
        let (mut ids, mut unknown) = (BTreeMap::new(), Vec::new());
        for who in wanted.reviewers.iter().flatten().filter(|who| !known(who)) {
            let id = match who {
                Who::Team(slug) => self.github.team_id(self.repository.owner(), slug),
                Who::User(login) => self.github.user_id(login),
            };
            match id {
                Ok(Some(id)) => drop(ids.insert(who.clone(), id)),
                Ok(None) => unknown.push(self.unknown(wanted, who)),
                Err(error) => {
                    let Finding { actual, next, .. } = error;
                    unknown.push(Finding { actual, next, ..self.unknown(wanted, who) });
                }
            }
        }
        if unknown.is_empty() { Ok(ids) } else { Err(unknown) }
    }

    /// A reviewer that GitHub does not know. It hides a team from whoever may not see it; a user is known or not.
    pub fn unknown(&self, wanted: &Wanted, who: &Who) -> Finding {
        let check = format!("{}: {who}", wanted.name);
        let owner = self.repository.owner();
        match who {
            Who::Team(_) => Finding::inconclusive(check)
                .actual(format!("{owner} has no such team, or this token may not see it"))
                .expected(format!("a team of the organisation {owner}, by its slug"))
                .next(format!("look at the slug; the token needs Members: read on the organisation {owner}")),
            Who::User(_) => Finding::blocked(check)
                .actual("GitHub knows no such user")
                .expected("a user, by login")
                .next(format!("look at the spelling in {}", wanted.place)),
        }
    }

    fn look(&self, wanted: &Wanted) -> Result<Option<Present>, Finding> {
        Present::look(self.github, self.repository, &wanted.name)
    }
}

/// Makes one environment as the file says.
pub fn make(
    place: &Place<'_>,
    wanted: &Wanted,
    present: Option<&Present>,
    ids: &BTreeMap<Who, u64>,
    limit: HumanDuration,
    ctx: &CommandContext,
) -> Result<(), CommandError> {
    let mut differing = plan(wanted, present);
    if differing.iter().any(|facet| facet.rule.set_by() == SetBy::Environment) {
        reconcile(&ctx.execution, limit.0, &SetRules { place: *place, wanted, ids })?;
        // Which patterns there are shows only when patterns count: older ones may have come back with the rule.
        differing = plan(wanted, place.look(wanted).map_err(Finding::unobservable)?.as_ref());
    }
    for facet in differing {
        if let Rule::Pattern(pattern) = &facet.rule {
            let there = wanted.patterns.as_ref().is_some_and(|patterns| patterns.contains(pattern));
            reconcile(&ctx.execution, limit.0, &SetPattern { place: *place, wanted, pattern, there })?;
        }
    }
    Ok(())
}

/// What is different though the file does not mention it: somebody else writes too, or GitHub takes more than it says.
pub fn moved(wanted: &Wanted, before: Option<&Present>, now: Option<&Present>) -> Vec<Finding> {
    let (Some(_), Some(_)) = (before, now) else { return Vec::new() };
    let unsaid = |present| facets(wanted, present).into_iter().filter(|facet| facet.wanted.is_none());
    let now: Vec<Facet> = unsaid(now).collect();
    unsaid(before)
        .filter(|facet| now.iter().all(|other| other != facet))
        .map(|facet| {
            let other = now.iter().find(|other| other.rule == facet.rule);
            Finding::blocked(format!("{}: {}", wanted.name, facet.rule))
                .expected(format!("{}, as before: the file does not mention it", facet.now))
                .actual(other.map_or("gone", |other| &other.now))
                .next("look who else changes it, set it again, and say it in the file")
        })
        .collect()
}

/// The rules of one environment, all in one request.
struct SetRules<'a> {
    place: Place<'a>,
    wanted: &'a Wanted,
    ids: &'a BTreeMap<Who, u64>,
}

/// What is sent, and what it changes.
struct Edit {
    settings: EnvironmentSettings,
    told: String,
}

impl Change for SetRules<'_> {
    type Base = Option<Present>;
    type Edit = Edit;
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        self.place.effect(self.wanted, "its rules", EffectState::Planned)
    }

    fn detail(&self, edit: &Edit) -> Option<String> {
        Some(edit.told.clone())
    }

    fn read(&self) -> Result<Option<Present>, CommandError> {
        self.place.look(self.wanted).map_err(Finding::unobservable)
    }

    fn plan(&self, present: &Option<Present>) -> Plan<Edit, ()> {
        let present = present.as_ref();
        let differing = plan(self.wanted, present);
        let ours: Vec<&Facet> = differing.iter().filter(|facet| facet.rule.set_by() == SetBy::Environment).collect();
        if ours.is_empty() {
            return Plan::UpToDate(());
        }
        match after(self.wanted, present, self.ids) {
            Ok(after) => {
                let settings = after.settings(present.unwrap_or(&Present::NEW));
                Plan::Write(Edit { settings, told: told(ours) })
            }
            Err(_) => Plan::Refuse(
                Finding::inconclusive(self.wanted.name.as_str())
                    .actual("its reviewers were changed while this ran")
                    .expected("one moment in which nobody else writes")
                    .next("run it again"),
            ),
        }
    }

    fn write(&self, permit: &Permit, _: &Option<Present>, edit: &Edit) -> WriteOutcome<()> {
        let Place { github, repository } = self.place;
        let sent = github.put_environment(permit, repository, &self.wanted.name, &edit.settings);
        wrote(sent, self.wanted)
    }
}

/// One pattern, to be there or not.
struct SetPattern<'a> {
    place: Place<'a>,
    wanted: &'a Wanted,
    pattern: &'a Pattern,
    there: bool,
}

impl Change for SetPattern<'_> {
    type Base = BTreeMap<Pattern, u64>;
    /// The id of the one that goes; `None`: it is added.
    type Edit = Option<u64>;
    type Done = ();
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let detail = format!("{}: {}", self.pattern, if self.there { "add" } else { "remove" });
        self.place.effect(self.wanted, &detail, EffectState::Planned)
    }

    fn read(&self) -> Result<Self::Base, CommandError> {
        let present = self.place.look(self.wanted).map_err(Finding::unobservable)?;
        Ok(present.map(|present| present.patterns).unwrap_or_default())
    }

    fn plan(&self, present: &Self::Base) -> Plan<Option<u64>, ()> {
        match (present.get(self.pattern), self.there) {
            (Some(_), true) | (None, false) => Plan::UpToDate(()),
            (None, true) => Plan::Write(None),
            (Some(id), false) => Plan::Write(Some(*id)),
        }
    }

    fn write(&self, permit: &Permit, _: &Self::Base, id: &Option<u64>) -> WriteOutcome<()> {
        let Place { github, repository } = self.place;
        let name = &self.wanted.name;
        let sent = match (id, self.pattern) {
            (Some(id), _) => github.remove_branch_policy(permit, repository, name, *id),
            (None, Pattern::Branch(text)) => {
                github.add_branch_policy(permit, repository, name, text, BranchKind::Branch)
            }
            (None, Pattern::Tag(text)) => github.add_branch_policy(permit, repository, name, text, BranchKind::Tag),
        };
        wrote(sent, self.wanted)
    }
}

/// GitHub says so when it does not sell a rule with the repository's plan (422, "ensure the billing plan supports …").
fn wrote(sent: Sent, wanted: &Wanted) -> WriteOutcome<()> {
    match sent {
        Sent::Refused(refusal) if refusal.message.contains("billing plan") => WriteOutcome::Refused(
            Finding::blocked(wanted.name.as_str())
                .actual(format!("GitHub refused it: {} {}", refusal.status, refusal.message))
                .expected("a plan that has this rule")
                .next(
                    "reviewers and timers need a public repository, or GitHub Enterprise: private ones of the Free, Pro and \
                     Team plans have no such rules",
                ),
        ),
        sent => sent.wrote(wanted.name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::environments::wanted::Branches;

    #[test]
    fn what_nobody_asked_for_is_found_when_it_moves() {
        let wanted = Wanted {
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
        let main = [(Pattern::Branch("main".to_owned()), 1)].into();
        let before =
            Present { can_admins_bypass: Some(false), branches: Branches::Custom, patterns: main, ..Present::NEW };
        let now = Present { wait_timer: 10, ..before.clone() };
        assert_eq!(moved(&wanted, Some(&before), Some(&now)), [], "the timer was to change");
        assert_eq!(moved(&wanted, None, Some(&now)), [], "a new environment had no rules");
        for (now, check, actual) in [
            (
                Present { can_admins_bypass: Some(true), ..now.clone() },
                "production: bypass by administrators",
                "possible",
            ),
            (Present { prevent_self_review: true, ..now.clone() }, "production: review of one's own run", "prevented"),
            (Present { patterns: BTreeMap::new(), ..now.clone() }, "production: branch pattern main", "gone"),
        ] {
            let [finding] = &moved(&wanted, Some(&before), Some(&now))[..] else { panic!("{check}") };
            assert_eq!((&*finding.check, &*finding.actual), (check, actual));
        }
    }
}
