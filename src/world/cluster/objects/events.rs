//! Events: what controllers and the kubelet report about an object.

use jiff::Timestamp;
use serde::Deserialize;

use super::object::{Object, ObjectMeta, impl_object, lenient, or_default};

impl_object!(Event, "/api/v1", "events");

lenient! {
    pub struct Event {
        pub metadata: ObjectMeta,
        pub involved_object: ObjectReference,
        pub reason: String,
        pub message: String,
        /// How often it happened; 0 in `events.k8s.io/v1` events, which have a series.
        pub count: i32,
        pub last_timestamp: Option<Timestamp>,
        pub event_time: Option<Timestamp>,
        pub series: Option<EventSeries>,
    }

    /// The object that an event is about.
    pub struct ObjectReference {
        pub kind: String,
        pub name: String,
        pub uid: String,
    }

    pub struct EventSeries {
        pub count: i32,
        pub last_observed_time: Option<Timestamp>,
    }
}

impl Event {
    /// When it happened last. Which field has the time depends on the version of the API that the reporter uses.
    #[must_use]
    pub fn last_seen(&self) -> Option<Timestamp> {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time);
        series.or(self.last_timestamp).or(self.event_time).or(self.metadata.creation_timestamp)
    }

    /// How often it happened, at least once.
    #[must_use]
    pub fn occurrences(&self) -> i32 {
        self.series.as_ref().map_or(self.count, |series| series.count).max(1)
    }
}
