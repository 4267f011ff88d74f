//! Whether an owner of the changed file is among the approvers.

use super::{
    super::observations::FileOwners,
    approvals::{Approvals, is_owner},
};
use crate::{
    approvers::{codeowners::Owner, join_names},
    finding::Finding,
};

const OWNERS: &str = "code owners";

pub(super) fn check_owners(approvals: &Approvals) -> Vec<Finding> {
    match &approvals.observations.owners {
        _ if !approvals.rules.codeowners => Vec::new(),
        None => Vec::new(),
        Some(Err(error)) => vec![error.for_check(OWNERS)],
        Some(Ok(files)) => files.iter().filter_map(|file| check_file(approvals, file)).collect(),
    }
}

/// Nothing without an approver: that is what `approval` says.
fn check_file(approvals: &Approvals, FileOwners { path, line }: &FileOwners) -> Option<Finding> {
    let base = &approvals.rules.base;
    let expected = format!("an approval by an owner of {path}, by CODEOWNERS on {base}");
    let finding = |finding: Finding| Some(finding.expected(&expected));
    let Some(line) = line else {
        return finding(
            Finding::blocked(OWNERS)
                .actual(format!("no line of CODEOWNERS on {base} is about {path}"))
                .next("add a line for this path to CODEOWNERS"),
        );
    };
    let (number, owners) = (line.number, join_names(&line.owners));
    if line.owners.is_empty() {
        return finding(
            Finding::blocked(OWNERS)
                .actual(format!("line {number} of CODEOWNERS gives {path} no owner"))
                .next("add an owner to that line, or a line below it"),
        );
    }
    let eligible = approvals.eligible();
    if eligible.is_empty() {
        return None;
    }
    if let Some(owner) = eligible.iter().find(|approver| is_owner(line, approver)) {
        return finding(
            Finding::passed(OWNERS).actual(format!("{} is an owner: {owners} (line {number})", owner.login)),
        );
    }
    let names = join_names(&eligible.iter().map(|approver| approver.login).collect::<Vec<_>>());
    let addresses: Vec<&Owner> = line.owners.iter().filter(|owner| matches!(owner, Owner::Address(_))).collect();
    if !addresses.is_empty() {
        return finding(
            Finding::inconclusive(OWNERS)
                .actual(format!(
                    "{names} may be an owner or not: GitHub does not show whose address {} is (line {number})",
                    join_names(&addresses)
                ))
                .next("name the account in CODEOWNERS instead of its address"),
        );
    }
    let teams = line.owners.iter().any(|owner| matches!(owner, Owner::Team(_)));
    let visible = if teams {
        "; GitHub shows for which team a review was made only to a token that can see the team"
    } else {
        ""
    };
    finding(
        Finding::blocked(OWNERS)
            .actual(format!("{names} approved it, and the owners are {owners} (line {number})"))
            .next(format!("have an owner approve it{visible}")),
    )
}
