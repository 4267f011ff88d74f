//! One entry as it is read back. Whoever may push may have written it: only what can be used is taken over.

use std::str::FromStr;

use jiff::Timestamp;

use super::{EvidenceId, Kind, trailer};
use crate::{
    subject::{Environment, Service},
    world::{
        git::{Commit, Told},
        github::Repository,
    },
};

/// A commit that is in the ledger. Texts are raw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub commit: Commit,
    /// When it was committed, by the clock of whoever did.
    pub at: Timestamp,
    /// What it says it is; a commit that does not say so was no exception.
    pub kind: Kind,
    pub service: Service,
    pub environment: Environment,
    /// Never empty.
    pub image: String,
    pub previous: Option<String>,
    pub source_commit: Option<Commit>,
    pub validated_at: Option<Timestamp>,
    /// The URL of a workflow run.
    pub validation_run: Option<String>,
    pub evidence: Option<EvidenceId>,
    pub approved_by: Option<String>,
    pub triggered_by: Option<String>,
    /// The workflow run that committed it.
    pub workflow: Option<RunUrl>,
    /// The commands whose reports were required; empty for `none`.
    pub required: Option<Vec<String>>,
    pub incident: Option<String>,
    pub reason: Option<String>,
    /// The commit that it takes back.
    pub rolls_back: Option<Commit>,
}

impl Entry {
    /// What the ledger holds of a commit; `None` when it is not in it.
    #[must_use]
    pub fn of(told: &Told) -> Option<Self> {
        let text = |name: &str| told.trailer(name).filter(|value| !value.is_empty()).map(ToOwned::to_owned);
        let required = text(trailer::REQUIRED).map(|names| match names.as_str() {
            "none" => Vec::new(),
            names => names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect(),
        });
        Some(Self {
            commit: told.commit.clone(),
            at: told.at,
            kind: parsed(told, trailer::KIND).unwrap_or(Kind::Normal),
            service: parsed(told, trailer::SERVICE)?,
            environment: parsed(told, trailer::ENVIRONMENT)?,
            image: text(trailer::IMAGE)?,
            previous: text(trailer::PREVIOUS),
            source_commit: parsed(told, trailer::SOURCE_COMMIT),
            validated_at: parsed(told, trailer::VALIDATED_AT),
            validation_run: text(trailer::VALIDATION_RUN),
            evidence: parsed(told, trailer::EVIDENCE),
            approved_by: text(trailer::APPROVED_BY),
            triggered_by: text(trailer::TRIGGERED_BY),
            workflow: parsed(told, trailer::WORKFLOW),
            required,
            incident: text(trailer::INCIDENT),
            reason: text(trailer::REASON),
            rolls_back: parsed(told, trailer::ROLLS_BACK),
        })
    }

    #[must_use]
    pub fn is_of(&self, service: &Service, environment: &Environment) -> bool {
        self.service == *service && self.environment == *environment
    }

    /// How young the state is that it stands for: nobody who decides by an older one can have known of it. That of a
    /// promotion through the gates is its validation. All others were decided when they were committed; and so is what
    /// tells no time, or one to come.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        match self.validated_at {
            Some(validated_at) if self.kind == Kind::Normal => validated_at.min(self.at),
            _ => self.at,
        }
    }

    /// Whether it went through the gates while none was asked for a report.
    #[must_use]
    pub fn is_ungated(&self) -> bool {
        self.kind == Kind::Normal && self.required.as_ref().is_some_and(Vec::is_empty)
    }
}

fn parsed<T: FromStr>(told: &Told, name: &str) -> Option<T> {
    told.trailer(name)?.parse().ok()
}

/// A workflow run, as its URL tells it: `https://github.com/acme/infra/actions/runs/7/attempts/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunUrl {
    pub url: String,
    pub repository: Repository,
    pub id: u64,
    /// `None` when it does not say: the last one.
    pub attempt: Option<u32>,
}

impl FromStr for RunUrl {
    type Err = ();

    fn from_str(url: &str) -> Result<Self, ()> {
        let path = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or(())?;
        let parts: Vec<&str> = path.split('/').collect();
        let (at, attempt) = match &parts[..] {
            [at @ .., "attempts", attempt] => (at, Some(attempt.parse().map_err(drop)?)),
            at => (at, None),
        };
        let [_host, .., owner, name, "actions", "runs", id] = at else { return Err(()) };
        let repository = format!("{owner}/{name}").parse().map_err(drop)?;
        Ok(Self { url: url.to_owned(), repository, id: id.parse().map_err(drop)?, attempt })
    }
}
