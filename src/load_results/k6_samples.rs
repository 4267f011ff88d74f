//! The requests of k6, from its points in JSON or CSV: by name, and by group.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    load_test::{Format, LoadTest, ReadError, Unit},
    samples::{MOST_ENDPOINTS, SamplesByEndpoint},
};
use crate::values::thousands;

#[derive(Default)]
pub(super) struct K6Samples {
    requests: SamplesByEndpoint,
    groups: SamplesByEndpoint,
    /// The only name in each group; `None` once there are several.
    names: HashMap<String, Option<String>>,
    count: u64,
    /// Requests of which nothing says whether they failed.
    unknown: u64,
}

/// The tags of a request that matter.
pub(super) struct RequestTags<'a> {
    pub(super) name: &'a str,
    /// `::cart::pay`; empty outside of groups.
    pub(super) group: &'a str,
    pub(super) status: &'a str,
    pub(super) expected_response: &'a str,
}

impl RequestTags<'_> {
    /// k6 says whether a response was an expected one; with `setResponseCallback(null)` it does not, and the status decides.
    fn failed(&self) -> Option<bool> {
        match self.expected_response {
            "true" => Some(false),
            "false" => Some(true),
            _ => self.status.parse::<u16>().ok().map(|status| status == 0 || status >= 400),
        }
    }
}

impl K6Samples {
    pub(super) fn add(&mut self, tags: &RequestTags<'_>, milliseconds: f64) {
        self.count += 1;
        let Some(failed) = tags.failed() else {
            self.unknown += 1;
            return;
        };
        self.requests.of(tags.name).record(milliseconds, failed);
        let group = tags.group.trim_start_matches(':');
        if group.is_empty() {
            return;
        }
        self.groups.of(group).record(milliseconds, failed);
        if let Some(only) = self.names.get_mut(group) {
            if only.as_deref() != Some(tags.name) {
                *only = None;
            }
        } else if self.names.len() < MOST_ENDPOINTS {
            self.names.insert(group.to_owned(), Some(tags.name.to_owned()));
        }
    }

    /// A group is an endpoint beside the requests in it, unless they all have one name.
    pub(super) fn into_test(self, measured_at: Option<Timestamp>) -> Result<LoadTest, ReadError> {
        if self.unknown > 0 {
            let (count, unknown) = (thousands(self.count), thousands(self.unknown));
            let error = ReadError::malformed(format!(
                "{unknown} of {count} requests have neither the tag `status` nor `expected_response`: whether they failed is unknown"
            ));
            return Err(error
                .expected("one of the two tags at each request")
                .next("leave k6's `--system-tags` (`systemTags`) out, or add `status` and `expected_response` to it"));
        }
        let cut = self.requests.cut || self.groups.cut;
        let (all, mut endpoints) = self.requests.into_figures();
        let (_, groups) = self.groups.into_figures();
        for (name, figures) in groups {
            let of_several_names = self.names.get(&name).is_some_and(Option::is_none);
            if of_several_names {
                endpoints.entry(name).or_insert(figures);
            }
        }
        let mut test = LoadTest::new(Format::K6, Some(Unit::Milliseconds), all);
        test.endpoints = endpoints;
        test.endpoints_cut = cut;
        test.measured_at = measured_at;
        Ok(test)
    }
}
