//! Pure: the results of a load test, as the tools write them, read into one type.
//!
//! Bytes in, a [`LoadTest`] out: which tool wrote them, the unit, how many requests there were, how many of them failed, the p99
//! over all of them, and the same for every endpoint. A failed request ranks above every success: a test whose slowest requests
//! time out is not a fast one. Where a tool counts failed requests otherwise, the p99 has a range instead of one value.

mod ab_csv;
mod artillery;
mod autocannon;
mod csv;
mod detect;
mod document;
mod exchanges;
mod figures;
mod gatling;
mod gatling_log;
mod jmeter;
mod jmeter_xml;
mod json;
mod k6_csv;
mod k6_points;
mod k6_samples;
mod k6_summary;
mod latencies;
mod lighthouse;
mod lines;
mod load_test;
mod locust;
mod oha;
mod plain;
mod prometheus;
mod reports;
mod samples;
mod unsupported;
mod vegeta;

pub use detect::{Reading, read};
pub use exchanges::{Exchange, ExchangeEnd, ExchangeRecorder, NotSent, RecordedRun};
pub use figures::{P99, Percentile, RequestFigures};
pub use lighthouse::{PageLoad, PageLoads, PageMetric};
pub use load_test::{Format, LoadProfile, LoadTest, ReadError, ReadErrorKind, Unit};
pub use prometheus::{InstantValue, read_instant_value};

#[cfg(test)]
mod tests;
