//! What a promotion rests on: the required reports, what they tell, and how old that is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    finding::Finding,
    ledger::EvidenceId,
    report::{Report, Run},
    results::Reports,
    subject::Subject,
    values::HumanDuration,
};

/// How far the clocks of two runners may be apart.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What the required `evidence` and `approval` put out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Told {
    pub evidence: Option<EvidenceId>,
    /// When the oldest of the gates that the evidence is of was through.
    pub validated_at: Option<Timestamp>,
    pub validation_run: Option<String>,
    pub approver: Option<String>,
}

impl Told {
    /// Reads it from the reports that count. One that nobody asked for tells nothing.
    ///
    /// # Errors
    /// A required report that does not tell what the commit has to say.
    pub fn by(reports: &Reports, required: &[String], subject: &Subject, run: Option<&Run>) -> Result<Self, Finding> {
        let is_required = |command: &str| required.iter().any(|name| name == command);
        let output = |command: &str, name: &str| {
            reports.output(command, name, subject, run).filter(|value| !value.trim().is_empty())
        };
        let needed = |command: &str, name: &str, expected: &str| {
            output(command, name).ok_or_else(|| {
                Finding::inconclusive(command)
                    .actual(format!("its report has no output `{name}`, or two reports of it disagree"))
                    .expected(expected)
                    .next("use the same version of promote-gates in all jobs")
            })
        };
        let unusable = |name: &str, value: &str, expected: &str| {
            Finding::inconclusive("evidence").actual(format!("its output `{name}` is \"{value}\"")).expected(expected)
        };
        let mut told = Self::default();
        if is_required("evidence") {
            let id = needed("evidence", "evidence", "the evidence's id")?;
            told.evidence = Some(id.parse().map_err(|_| unusable("evidence", id, "64 lower-case hex digits"))?);
            let at = needed("evidence", "validated-at", "when it was validated")?;
            told.validated_at = Some(at.parse().map_err(|_| unusable("validated-at", at, "a time in RFC 3339"))?);
            told.validation_run = output("evidence", "validation-run").map(ToOwned::to_owned);
        }
        if is_required("approval") {
            told.approver = Some(needed("approval", "approver", "who approved")?.to_owned());
        }
        Ok(told)
    }
}

/// What a promotion rests on, and how old that may be.
#[derive(Debug)]
pub(super) struct Basis {
    grounds: Vec<Ground>,
    max_age: HumanDuration,
}

/// A report, or the validation that the evidence tells of.
#[derive(Debug)]
pub(super) struct Ground {
    pub command: String,
    pub finished: Timestamp,
    /// The URL of the workflow run that wrote it.
    pub run: Option<String>,
}

impl Basis {
    /// # Errors
    /// A report does not tell when it was finished.
    pub fn of(reports: &[&Report], told: &Told, max_age: HumanDuration) -> Result<Self, Finding> {
        let ground = |report: &&Report| {
            let run = report.run.as_ref().map(|run| run.url.clone());
            match report.finished_at.parse() {
                Ok(finished) => Ok(Ground { command: report.command.clone(), finished, run }),
                Err(_) => Err(Finding::inconclusive(&report.command)
                    .actual(format!("its report was finished at \"{}\"", report.finished_at))
                    .expected("a time as RFC 3339 tells it")),
            }
        };
        let mut grounds = reports.iter().map(ground).collect::<Result<Vec<_>, _>>()?;
        let run = told.validation_run.clone();
        grounds.extend(told.validated_at.map(|finished| Ground { command: "evidence".to_owned(), finished, run }));
        Ok(Self { grounds, max_age })
    }

    /// Nothing that is promoted was seen later than this; `None` when nothing was required.
    pub fn oldest(&self) -> Option<&Ground> {
        self.grounds.iter().min_by_key(|ground| ground.finished)
    }

    /// Why it does not count at `now`.
    pub fn too_old(&self, now: Timestamp) -> Option<Finding> {
        let oldest = self.oldest()?;
        if let Some(early) = self.grounds.iter().find(|ground| ground.finished.duration_since(now) > SKEW) {
            return Some(
                Finding::inconclusive(&early.command)
                    .actual(format!("its report was finished at {}, and it is {now} now", early.finished))
                    .expected("a report of the past")
                    .next("set the runners' clocks"),
            );
        }
        let age = now.duration_since(oldest.finished).max(SignedDuration::ZERO).unsigned_abs();
        (age > self.max_age.0).then(|| {
            Finding::blocked(&oldest.command)
                .actual(format!("its report is {} old", HumanDuration(Duration::from_secs(age.as_secs()))))
                .expected(format!("a report of the last {}", self.max_age))
                .next("validate the release again")
        })
    }
}
