//! The endpoint gate: probes an endpoint again and again until it is healthy or cannot become so.

pub mod judge;
pub mod observations;
mod probe;
mod probes;

pub use judge::{EndpointLimits, ProbeRating};
pub use observations::{EndpointObservations, Probe};
pub use probe::{ProbeSettings, Prober};
pub use probes::EndpointProbes;
