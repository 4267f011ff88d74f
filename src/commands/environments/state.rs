//! The state on GitHub of all environments in the file, and how it compares.

use std::collections::BTreeMap;

use super::{
    actual::ActualEnvironment,
    change::EnvironmentsApi,
    desired::{DeployableBranches, DesiredEnvironment},
    judge::{APPLY, Occasion, ProtectedBranches, judge},
    plan::{Facet, facets},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::{Figures, Finding},
    observe::read_until_answered,
    report::Table,
    values::HumanDuration,
};

/// What the tables of a summary are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownTables {
    Plan,
    Check,
    /// The state before `apply` wrote.
    BeforeApply,
}

/// The state on GitHub.
pub struct CurrentState {
    /// By name in the file; `None`: the environment does not exist.
    environments: BTreeMap<String, Option<ActualEnvironment>>,
    /// The names of all environments.
    names: Vec<String>,
    pub protected: ProtectedBranches,
}

impl CurrentState {
    /// Reads the environments of the file, the names of all, and, where it matters, the protected branches.
    ///
    /// # Errors
    /// When GitHub does not show them.
    pub fn look(
        place: &EnvironmentsApi<'_>,
        desired: &[DesiredEnvironment],
        timeout: HumanDuration,
        ctx: &CommandContext,
    ) -> Result<Self, CommandError> {
        let EnvironmentsApi { github, repository } = *place;
        let (execution, limit) = (&ctx.execution, timeout.0);
        let names = read_until_answered(execution, limit, || github.environment_names(repository));
        let names = names.map_err(Finding::unobservable)?;
        let mut environments = BTreeMap::new();
        for one in desired {
            let actual = read_until_answered(execution, limit, || place.look(&one.name));
            environments.insert(one.name.to_string(), actual.map_err(Finding::unobservable)?);
        }
        let mut observations = Self { environments, names, protected: Ok(Vec::new()) };
        let matters = |one: &DesiredEnvironment| {
            let now = observations.of(one).map(|actual| actual.branches);
            [one.branches, now].contains(&Some(DeployableBranches::Protected))
        };
        if desired.iter().any(matters) {
            observations.protected = read_until_answered(execution, limit, || github.protected_branches(repository));
        }
        Ok(observations)
    }

    pub fn of(&self, desired: &DesiredEnvironment) -> Option<&ActualEnvironment> {
        self.environments.get(desired.name.as_str()).and_then(Option::as_ref)
    }

    /// Whether every rule is as the file says.
    pub fn check_rules(&self, desired: &[DesiredEnvironment], occasion: Occasion) -> Vec<Finding> {
        let of_rules = desired.iter().flat_map(|one| judge(one, self.of(one), &self.protected, occasion));
        self.count(desired).finding().into_iter().chain(of_rules).collect()
    }

    fn facets(&self, desired: &[DesiredEnvironment]) -> Vec<(String, Facet)> {
        let of_one = |one: &DesiredEnvironment| {
            let named = |facet| (one.name.to_string(), facet);
            facets(one, self.of(one)).into_iter().map(named).collect::<Vec<_>>()
        };
        desired.iter().flat_map(of_one).collect()
    }

    pub fn count(&self, desired: &[DesiredEnvironment]) -> RuleCount {
        let facets = self.facets(desired);
        RuleCount {
            all: facets.iter().filter(|(_, facet)| facet.desired.is_some()).count(),
            differing: facets.iter().filter(|(_, facet)| facet.differs).count(),
        }
    }

    /// A finding about environments that the file does not name.
    pub fn others(&self, desired: &[DesiredEnvironment]) -> Option<Finding> {
        let named = |name: &String| desired.iter().any(|one| one.name.is_same(name));
        let others: Vec<&str> = self.names.iter().filter(|name| !named(name)).map(String::as_str).collect();
        let finding = Finding::passed("environments that the file does not name").actual(others.join(", "));
        (!others.is_empty()).then(|| finding.next("add them to the file, or delete them: no check covers them"))
    }

    /// The rules that differ, those that are as the file says, and those that it does not mention. `check` blocks on each rule
    /// that differs, and `apply` lists what it wrote; so only a plan shows them open.
    pub fn tables(&self, desired: &[DesiredEnvironment], shown: ShownTables) -> Vec<Table> {
        let facets = self.facets(desired);
        let rows = |chosen: &dyn Fn(&Facet) -> bool| -> Vec<Vec<String>> {
            let chosen = facets.iter().filter(|(_, facet)| chosen(facet));
            let row = |(name, facet): &(String, Facet)| {
                let rule = format!("{name}: {}", facet.rule);
                [rule, facet.now.clone()].into_iter().chain(facet.desired.clone()).collect()
            };
            chosen.map(row).collect()
        };
        let columns = ["Rule", "On GitHub", "In the file"];
        let differing = rows(&|facet| facet.differs);
        let right = rows(&|facet| facet.desired.is_some() && !facet.differs);
        let unmentioned = rows(&|facet| facet.desired.is_none());
        let title = if shown == ShownTables::BeforeApply { "Rules that differed before" } else { "Rules that differ" };
        let mut tables = Vec::new();
        if shown == ShownTables::Plan && !differing.is_empty() {
            tables.push(Table::list("Next:", [[APPLY]]));
        }
        tables.extend([
            Table { open: shown == ShownTables::Plan, ..Table::new(title, &columns, differing) },
            Table::new(format!("{} rules are as the file says", right.len()), &columns, right),
            Table::new(
                format!("{} rules are not in the file, and stay as they are", unmentioned.len()),
                &columns[..2],
                unmentioned,
            ),
        ]);
        tables.retain(|table| !table.rows.is_empty());
        tables
    }
}

/// How many rules the file has, and how many of them differ.
#[derive(Clone, Copy)]
pub struct RuleCount {
    pub all: usize,
    pub differing: usize,
}

impl RuleCount {
    /// The finding on all rules. A single one that differs has a finding that says more.
    fn finding(self) -> Option<Finding> {
        (self.differing > 1).then(|| {
            let now = format!("{} of {} differ", self.differing, self.all);
            Finding::blocked("rules")
                .actual(format!("{now} from the file"))
                .expected("every rule as the file says")
                .figures(Figures::now(now))
                .next(APPLY)
        })
    }
}
