//! The dispatch to the infra repository.

use serde_json::Value;

use super::payload::DispatchPayload;
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    reconcile::{Change, Permit, Plan, WriteOutcome, reconcile},
    report::{Effect, EffectState},
    secret::Secret,
    values::HumanDuration,
    world::github::{GitHub, Repository, SendOutcome},
};

/// Who receives the dispatch, and the token to send it with.
#[derive(Clone, Copy)]
pub struct Receiver<'a> {
    pub repository: &'a Repository,
    pub event_type: &'a str,
    pub token: Option<&'a Secret>,
    pub timeout: HumanDuration,
}

/// One `repository_dispatch`. GitHub offers no way to read it back, so it is sent at most once.
pub struct ValidationDispatch<'a> {
    pub receiver: Receiver<'a>,
    /// What it is about: `checkout-service 1.4.2`.
    pub about: String,
    pub ctx: &'a CommandContext,
    /// What was found before, also of earlier parts of a batch.
    pub findings: &'a [Finding],
    pub payload: Result<DispatchPayload, Finding>,
}

impl ValidationDispatch<'_> {
    /// Sends the payload once, or shows in a dry-run what would be sent.
    ///
    /// # Errors
    /// The reason in `payload`; what [`reconcile`] returns.
    pub fn send(&self) -> Result<Finding, CommandError> {
        let Receiver { repository, event_type, timeout, .. } = self.receiver;
        let sent = reconcile(&self.ctx.execution, timeout.0, self)?;
        if let (None, Ok(payload)) = (&sent, &self.payload) {
            let _group = self.ctx.log.group(&format!("what would be sent to {repository}"));
            self.ctx.log.say(&format!("{:#}", payload.json));
        }
        let describe = |outcome: &str| format!("{event_type} {outcome} to {repository} for {}", self.about);
        Ok(match sent {
            Some(()) => Finding::passed("dispatch").actual(describe("sent")),
            None => Finding::inconclusive("dispatch").actual(describe("not sent (dry-run)")),
        })
    }

    fn unknown_outcome(&self, reason: &str) -> Finding {
        Finding::inconclusive("dispatch").actual(reason).expected("GitHub's answer that it was taken").next(format!(
            "it may have arrived, and receivers deduplicate by evidence: look at the runs of {} before this is run again",
            self.receiver.repository
        ))
    }
}

impl Change for ValidationDispatch<'_> {
    type Base = GitHub;
    type Edit = Value;
    type Done = ();
    const READS_BACK: bool = false;

    fn effect(&self) -> Effect {
        let Receiver { repository, event_type, .. } = self.receiver;
        let evidence = self.payload.as_ref().map(|payload| format!(" with {payload}")).unwrap_or_default();
        Effect {
            target: repository.to_string(),
            detail: format!("{event_type} for {}{evidence}", self.about),
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<GitHub, CommandError> {
        self.ctx.github(self.receiver.token, self.receiver.timeout)
    }

    fn plan(&self, _: &GitHub) -> Plan<Value, ()> {
        match &self.payload {
            Ok(payload) => Plan::Write(payload.json.clone()),
            Err(finding) => Plan::Refuse(finding.clone()),
        }
    }

    fn write(&self, permit: &Permit, github: &GitHub, payload: &Value) -> WriteOutcome<()> {
        // If a signal ends the command before GitHub answers, the report ends with this finding.
        let unanswered = self.unknown_outcome("sent, not yet answered");
        self.ctx.execution.partial.publish(&[self.findings, &[unanswered]].concat());
        let sent = github.dispatch(permit, self.receiver.repository, self.receiver.event_type, payload);
        self.ctx.execution.partial.publish(self.findings);
        match sent {
            SendOutcome::Unknown { why } => WriteOutcome::Unknown(self.unknown_outcome(&why)),
            sent => sent.into_write_outcome("dispatch"),
        }
    }
}
