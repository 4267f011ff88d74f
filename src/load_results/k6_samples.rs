//! The requests of k6, from its points in JSON or CSV: by name, and by group.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    load_test::{Format, LoadTest, Unit},
    samples::{MOST_ENDPOINTS, SamplesByEndpoint},
};

#[derive(Default)]
pub(super) struct K6Samples {
    requests: SamplesByEndpoint,
    groups: SamplesByEndpoint,
    /// The only name in each group; `None` once there are several.
    names: HashMap<String, Option<String>>,
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
    fn failed(&self) -> bool {
        match self.expected_response {
            "true" => false,
            "false" => true,
            _ => self.status.parse::<u16>().is_ok_and(|status| status == 0 || status >= 400),
        }
    }
}

impl K6Samples {
    pub(super) fn add(&mut self, tags: &RequestTags<'_>, milliseconds: f64) {
        let failed = tags.failed();
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
    pub(super) fn into_test(self, measured_at: Option<Timestamp>) -> LoadTest {
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
        test
    }
}
