//! Whose approval counts.

use jiff::{SignedDuration, Timestamp};

use super::super::{
    observations::{ExcludedPerson, FoundPullRequest, OtherApproval, PullRequestObservations},
    rules::PullRequestRules,
};
use crate::{
    approvers::{
        LastReview, ReviewState,
        codeowners::{Owner, OwnersLine},
        join_names,
    },
    commands::approval::{comment::has_letters, window::PastApproval},
    finding::Finding,
    login::is_same_login,
    values::{clip, short_sha},
};

pub(super) const APPROVAL: &str = "approval";
pub(super) const INDEPENDENCE: &str = "independence";
/// How many people a message lists.
const MAX_NAMES: usize = 5;

/// The reviews of a pull request, sorted by what they are worth.
pub(super) struct Approvals<'o> {
    pub rules: &'o PullRequestRules,
    pub observations: &'o PullRequestObservations,
    pub found: &'o FoundPullRequest,
    /// By people who can push, of the last commit, and not dismissed.
    valid: Vec<Approver<'o>>,
    /// What does not count, and why: `bob, who cannot push to this repository`.
    discounted: Vec<String>,
    objections: Vec<&'o LastReview>,
}

/// A person who approved the last commit.
#[derive(Clone, Copy)]
pub(super) struct Approver<'o> {
    pub login: &'o str,
    pub id: Option<u64>,
    pub at: Timestamp,
    pub review: &'o LastReview,
}

impl<'o> Approvals<'o> {
    pub fn new(
        rules: &'o PullRequestRules,
        observations: &'o PullRequestObservations,
        found: &'o FoundPullRequest,
    ) -> Self {
        let (mut valid, mut discounted, mut objections) = (Vec::new(), Vec::new(), Vec::new());
        for review in &found.reviews {
            match assess(review, found) {
                Ok(Some(approver)) => valid.push(approver),
                Ok(None) => objections.push(review),
                Err(why) => discounted.push(format!("{}{why}", review.author)),
            }
        }
        Self { rules, observations, found, valid, discounted, objections }
    }

    /// The accounts that ask for changes and can push.
    pub fn objections(&self) -> &[&'o LastReview] {
        &self.objections
    }

    /// The approvers who are not excluded.
    pub fn eligible(&self) -> Vec<Approver<'o>> {
        let mut eligible = self.valid.clone();
        if self.rules.independent {
            eligible.retain(|approver| self.exclusion(approver).is_none());
        }
        eligible
    }

    /// The approvers that the promotion names: of those who are not excluded, as many as are needed. Preferred are owners, if one
    /// is needed, then those with a comment, if it is needed, and those with the fewest approvals within the window.
    pub fn chosen(&self) -> Vec<Approver<'o>> {
        let mut eligible = self.eligible();
        eligible.sort_by_key(|approver| {
            let lacks_comment = self.rules.require_comment && !has_letters(&approver.review.comment);
            (
                self.rules.codeowners && !self.is_owner_of_any(approver),
                lacks_comment,
                self.earlier(approver).len(),
                approver.at,
            )
        });
        eligible.truncate(self.rules.minimum);
        eligible
    }

    /// Whether a person owns a changed file, or approved it for a team that does.
    pub fn is_owner_of_any(&self, approver: &Approver) -> bool {
        let Some(Ok(files)) = &self.observations.owners else { return false };
        files.iter().filter_map(|file| file.line.as_ref()).any(|line| is_owner(line, approver))
    }

    /// What a person approved within the window before this approval, oldest first.
    pub fn earlier(&self, approver: &Approver) -> Vec<PastApproval> {
        let others = self.observations.others.as_ref().and_then(|others| others.as_deref().ok()).unwrap_or_default();
        let window = SignedDuration::try_from(self.rules.window.0).unwrap_or(SignedDuration::MAX);
        let start = approver.at.checked_sub(window).unwrap_or(Timestamp::MIN);
        // Of two approved in the same second, the one with the lower number is earlier.
        let own = (approver.at, Some(self.found.facts.number));
        let counts = |other: &&OtherApproval| {
            is_same_person((&other.login, other.id), approver) && other.at >= start && (other.at, other.number) < own
        };
        let mut earlier: Vec<&OtherApproval> = others.iter().filter(counts).collect();
        earlier.sort_by_key(|other| (other.at, other.number));
        // Two approvals of one pull request are about one promotion: the later one counts.
        let mut seen = Vec::new();
        earlier.reverse();
        earlier.retain(|other| {
            let is_first = other.number.is_none() || !seen.contains(&other.number);
            seen.push(other.number);
            is_first
        });
        earlier
            .into_iter()
            .rev()
            .map(|other| PastApproval {
                at: Some(other.at),
                run: None,
                target: other.target.clone(),
                promoted_nothing: false,
            })
            .collect()
    }

    fn exclusion(&self, approver: &Approver) -> Option<&'o ExcludedPerson> {
        let excluded = self.observations.excluded.as_ref().and_then(|excluded| excluded.as_deref().ok());
        let excluded = excluded.unwrap_or_default();
        excluded.iter().find(|person| is_same_person((&person.login, person.id), approver))
    }

    pub fn check_approval(&self) -> Finding {
        let Self { rules: PullRequestRules { minimum, .. }, found, .. } = self;
        let head = short_sha(&found.facts.head);
        let expected = match minimum {
            1 => format!("an approval of {head} by a person who can push"),
            more => format!("approvals of {head} by {more} people who can push"),
        };
        let valid = join_names(&self.valid.iter().map(|approver| approver.login).collect::<Vec<_>>());
        let approved = if valid.is_empty() { "it has no approval".to_owned() } else { format!("approved by {valid}") };
        let discounted = match &self.discounted[..] {
            [] => String::new(),
            all => format!("; not counted: {}", shorten(all)),
        };
        if !self.objections.is_empty() {
            let by = join_names(&self.objections.iter().map(|review| &review.author).collect::<Vec<_>>());
            return Finding::blocked(APPROVAL)
                .actual(format!("changes are requested by {by}; {approved}{discounted}"))
                .expected(expected)
                .next(format!("ask {by} why; a new review of the same account replaces this one"));
        }
        let count = self.valid.len();
        if count >= *minimum {
            return Finding::passed(APPROVAL).actual(format!("{approved}{discounted}")).expected(expected);
        }
        let of = if *minimum > 1 { format!(", {count} of {minimum}") } else { String::new() };
        Finding::blocked(APPROVAL)
            .actual(format!("{approved}{of}{discounted}"))
            .expected(expected)
            .next("have it approved in the pull request (Files changed, Review changes, Approve)")
    }

    pub fn check_independence(&self) -> Option<Finding> {
        if !self.rules.independent {
            let finding = Finding::passed(INDEPENDENCE).actual("people who had a part in the release may approve it");
            return Some(finding.waived("`independent: false`"));
        }
        if self.valid.is_empty() {
            return None;
        }
        let expected = "people who had no part in the release, and none in its pull request";
        // Without a commit that promotes something, which blocks, no one was asked for.
        let excluded = match self.observations.excluded.as_ref()? {
            Ok(excluded) => excluded,
            Err(missing) => {
                let actual = format!(
                    "the people who had a part in the release are unknown; {}: {}",
                    missing.check, missing.actual
                );
                return Some(Finding { check: INDEPENDENCE.to_owned(), actual, ..missing.clone() });
            }
        };
        let eligible = self.eligible();
        let names = join_names(&eligible.iter().map(|approver| approver.login).collect::<Vec<_>>());
        let involved = |approver: &Approver<'o>| Some(format!("{} {}", approver.login, self.exclusion(approver)?.part));
        let involved: Vec<String> = self.valid.iter().filter_map(involved).collect();
        // With too few approvals, that is what `approval` says.
        if !eligible.is_empty() && (eligible.len() >= self.rules.minimum || involved.is_empty()) {
            let unlike: Vec<&str> = excluded.iter().map(|person| person.login.as_str()).collect();
            let unlike = match &unlike[..] {
                [] => String::new(),
                all => format!(", unlike {}", shorten(all)),
            };
            return Some(
                Finding::passed(INDEPENDENCE).actual(format!("{names} had no part in it{unlike}")).expected(expected),
            );
        }
        let only = match (eligible.len(), self.rules.minimum) {
            (0, _) => String::new(),
            (count, minimum) => format!("; {names} had none, {count} of {minimum}"),
        };
        Some(
            Finding::blocked(INDEPENDENCE)
                .actual(format!("{}{only}", involved.join(", ")))
                .expected(expected)
                .next("have it approved by another person"),
        )
    }
}

/// The approver, or nothing for an account that asks for changes; an error says why the review does not count.
fn assess<'o>(review: &'o LastReview, found: &FoundPullRequest) -> Result<Option<Approver<'o>>, String> {
    match &review.state {
        ReviewState::Approved => {}
        ReviewState::ChangesRequested if review.can_push => return Ok(None),
        ReviewState::ChangesRequested => {
            return Err(", who requests changes and cannot push to this repository".to_owned());
        }
        ReviewState::Dismissed => return Err(", whose review was dismissed".to_owned()),
        ReviewState::Other(state) => return Err(format!(", whose review is in the unknown state {}", clip(state, 40))),
    }
    let Some(login) = review.person() else { return Err(String::new()) };
    if !review.can_push {
        return Err(", who cannot push to this repository".to_owned());
    }
    let head = &found.facts.head;
    match &review.commit {
        None => return Err(", whose approved commit GitHub does not have any more".to_owned()),
        Some(commit) if commit != head => {
            return Err(format!(", who approved {} and not the last commit {}", short_sha(commit), short_sha(head)));
        }
        Some(_) => {}
    }
    let Some(at) = review.submitted_at else { return Err(", whose review has no time".to_owned()) };
    // Within one second, which came first is not known.
    if let Some(push) = found.facts.force_pushed_at.filter(|push| at <= *push) {
        return Err(format!(", who approved at {at}, and the branch was force-pushed at {push}"));
    }
    Ok(Some(Approver { login, id: review.id, at, review }))
}

/// Whether a line of CODEOWNERS names a person, or a team that the person approved for.
pub(super) fn is_owner(line: &OwnersLine, approver: &Approver) -> bool {
    line.owners.iter().any(|owner| match owner {
        Owner::User(login) => is_same_login(login, approver.login),
        Owner::Team(slug) => approver.review.teams.iter().any(|team| team.eq_ignore_ascii_case(slug)),
        Owner::Address(_) => false,
    })
}

/// Numbers compare first: a login can change. Equal logins are the same person, too.
fn is_same_person((login, id): (&str, Option<u64>), approver: &Approver) -> bool {
    (id.is_some() && id == approver.id) || is_same_login(login, approver.login)
}

/// `ada, ben and 5 more`
fn shorten<T: std::fmt::Display>(all: &[T]) -> String {
    match all.len() {
        ..=MAX_NAMES => join_names(all),
        len => format!("{} and {} more", join_names(&all[..MAX_NAMES]), len - MAX_NAMES),
    }
}
