//! How far an exchange came: a time that ran out says something else before the name was found than after the request.

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
pub(super) enum Stage {
    /// Its name is looked up.
    Name,
    /// Its address is known, and nobody there has taken the connection.
    Connection,
    /// Connected: TLS, the request, the head of the answer.
    Answer,
    /// The head of the answer is here.
    Body,
}

/// Notes the stage of one exchange. Cloned into those who see it.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

impl Progress {
    pub(super) fn stage(&self) -> Stage {
        match self.0.load(Ordering::Relaxed) {
            0 => Stage::Name,
            1 => Stage::Connection,
            _ => Stage::Answer,
        }
    }

    fn note(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    /// A client that goes straight to its host.
    pub(super) fn agent(&self, config: Config) -> Agent {
        let connector = ().chain(TcpConnector::default()).chain(self.clone()).chain(RustlsConnector::default());
        Agent::with_parts(config, connector, self.clone())
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stage().fmt(f)
    }
}

impl Resolver for Progress {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.note(Stage::Connection);
        Ok(addresses)
    }
}

impl<In: Transport> Connector<In> for Progress {
    type Out = In;

    fn connect(&self, _: &ConnectionDetails, connected: Option<In>) -> Result<Option<In>, ureq::Error> {
        self.note(Stage::Answer);
        Ok(connected)
    }
}
