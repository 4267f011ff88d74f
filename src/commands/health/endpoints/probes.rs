//! The probes of all endpoints, for the loop that sends them: alone, or beside the watches of a rollout.

use std::{cell::Cell, sync::Arc, time::Duration};

use super::{
    judge::{EndpointAssessment, EndpointLimits},
    observations::{EndpointObservations, Probe},
    probe::{ProbeSettings, Prober},
};
use crate::{
    context::CommandContext,
    observe::{PollInterval, Source},
    subject::Subject,
    world::url::Url,
};

/// How long the evaluation of a condition may take, with the start of its thread.
const EVALUATION: Duration = Duration::from_secs(15);

/// What is asked of the endpoints, and which of them are decided.
pub struct EndpointProbes<'a> {
    pub urls: &'a [Url],
    pub limits: EndpointLimits,
    pub settings: ProbeSettings,
    pub interval: Duration,
    pub subject: &'a Subject,
    pub ctx: &'a CommandContext,
    /// One for each endpoint.
    decided: Vec<Cell<bool>>,
}

impl<'a> EndpointProbes<'a> {
    #[must_use]
    pub fn new(
        urls: &'a [Url],
        limits: EndpointLimits,
        settings: ProbeSettings,
        interval: Duration,
        subject: &'a Subject,
        ctx: &'a CommandContext,
    ) -> Self {
        let decided = vec![Cell::new(false); urls.len()];
        Self { urls, limits, settings, interval, subject, ctx, decided }
    }

    /// One source for each endpoint. `to_fact` makes the loop's fact of a probe; `begun`: whether to probe already.
    pub fn sources<F: Send + 'static>(
        &'a self,
        to_fact: fn(Probe) -> F,
        begun: impl Fn() -> bool + Copy + 'a,
    ) -> Vec<Source<'a, F>> {
        let source = |(index, (url, decided)): (usize, (&'a Url, &'a Cell<bool>))| {
            let prober = Arc::new(Prober::new(index, url, &self.settings, self.subject, self.ctx));
            let source = Source::blocking(PollInterval::Every(self.interval), move || {
                let prober = Arc::clone(&prober);
                Box::new(move || to_fact(prober.probe()))
            });
            let source = source.named(format!("endpoint {}", url.without_query()));
            source.until(|| decided.get()).aimed_at(move || begun().then_some(0))
        };
        self.urls.iter().zip(&self.decided).enumerate().map(source).collect()
    }

    /// Records a probe, and logs it.
    pub fn record(&self, observations: &mut EndpointObservations, probe: Probe) {
        let (index, details) = (probe.endpoint, probe.details());
        let attempt = observations.record(probe);
        let endpoint = &observations.endpoints[index];
        self.ctx.log.say(&format!("{}: attempt {attempt} of {}: {details}", endpoint.url, self.limits.attempts));
        self.decided[index].set(self.limits.assess(&endpoint.probes) != EndpointAssessment::Pending);
    }

    /// How long all attempts may take.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        let attempts = u32::try_from(self.limits.attempts).unwrap_or(u32::MAX);
        (self.interval + self.settings.timeout.0 + EVALUATION) * attempts + EVALUATION
    }
}
