//! The stage that an exchange has reached. A timeout means something else during the name lookup than after the request.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use ureq::{
    Agent,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ExchangeStage {
    /// The host's name is being looked up.
    NameLookup,
    /// The address is known, and the connection is not established yet.
    Connect,
    /// Connected: TLS, the request, the head of the response.
    Response,
    /// The head of the response has arrived.
    Body,
}

/// Records the stage of one exchange. Clones share it, so the resolver and the connector record into one.
#[derive(Clone, Default)]
pub(super) struct StageTracker(Arc<AtomicU8>);

impl StageTracker {
    pub(super) fn stage(&self) -> ExchangeStage {
        match self.0.load(Ordering::Relaxed) {
            0 => ExchangeStage::NameLookup,
            1 => ExchangeStage::Connect,
            _ => ExchangeStage::Response,
        }
    }

    fn record(&self, stage: ExchangeStage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    /// An agent that connects directly and records its stages.
    pub(super) fn agent(&self, config: Config) -> Agent {
        let connector = ().chain(TcpConnector::default()).chain(self.clone()).chain(RustlsConnector::default());
        Agent::with_parts(config, connector, self.clone())
    }
}

impl fmt::Debug for StageTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stage().fmt(f)
    }
}

impl Resolver for StageTracker {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.record(ExchangeStage::Connect);
        Ok(addresses)
    }
}

impl<In: Transport> Connector<In> for StageTracker {
    type Out = In;

    fn connect(&self, _: &ConnectionDetails, connected: Option<In>) -> Result<Option<In>, ureq::Error> {
        self.record(ExchangeStage::Response);
        Ok(connected)
    }
}
