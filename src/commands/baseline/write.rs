//! Writes the file of a service, on the condition that it is the one that the plan rests on.

use super::{
    place::{Place, StoreFile},
    plan::{StoreEdit, StoreResult, StoreUpdate, plan},
};
use crate::{
    error::CommandError,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    subject::Service,
    world::trusted::TrustedSource,
};

/// The file of one service.
pub struct StoreWrite<'a> {
    pub place: &'a Place,
    pub service: &'a Service,
    pub update: &'a StoreUpdate,
}

fn describe(result: &StoreResult) -> String {
    format!("{} sessions added, {} of promoted releases marked", result.added, result.marked)
}

impl Change for StoreWrite<'_> {
    type Base = StoreFile;
    type Edit = StoreEdit;
    type Done = StoreResult;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let detail = format!("baselines of {}", self.service);
        Effect { target: self.place.to_string(), detail, state: EffectState::Planned }
    }

    fn detail(&self, edit: &StoreEdit) -> Option<String> {
        Some(format!("baselines of {}: {}", self.service, describe(&edit.result)))
    }

    fn read(&self) -> Result<StoreFile, CommandError> {
        self.place.read(self.service, &TrustedSource::Workspace)
    }

    fn plan(&self, base: &StoreFile) -> Plan<StoreEdit, StoreResult> {
        plan(&base.store, self.update).unwrap_or_else(|error| Plan::Refuse(self.place.broken(error)))
    }

    fn write(&self, permit: &Permit, base: &StoreFile, edit: &StoreEdit) -> WriteOutcome<StoreResult> {
        let message = format!("Baselines of {}: {}", self.service, describe(&edit.result));
        self.place.write(permit, &base.version, &edit.text, &message).map(|()| edit.result.clone())
    }
}
