//! Long lists: `per_page`, `page`, and the `link` header that says where it goes on.

use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::{Breach, call::Call};
use crate::sandbox::server::Answer;

/// What a page holds unless asked otherwise, and the most it can hold: GitHub's page on pagination.
const DEFAULT: usize = 30;
const MOST: usize = 100;

/// The part of a list that was asked for.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Counted from 1.
    pub(super) number: usize,
    total: usize,
    link: String,
}

impl<T> Page<T> {
    /// A list that is not paged: its last `most`.
    pub(super) fn whole(mut all: Vec<T>, most: usize) -> Self {
        let total = all.len();
        all.drain(..total.saturating_sub(most));
        Self { items: all, number: 1, total, link: String::new() }
    }

    /// An answer that is the list.
    pub(super) fn list(self, show: impl Fn(T) -> Value) -> Answer {
        let items = self.items.into_iter().map(show).collect();
        linked(Answer::json(200, &Value::Array(items)), &self.link)
    }

    /// An answer that has the list as one field, and says how many there are in all.
    pub(super) fn counted(self, name: &str, show: impl Fn(T) -> Value) -> Answer {
        let items = self.items.into_iter().map(show).collect();
        let fields = [("total_count", Value::from(self.total)), (name, Value::Array(items))];
        let fields: Map<_, _> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        linked(Answer::json(200, &Value::Object(fields)), &self.link)
    }

    /// An answer of another form.
    pub(super) fn other(self, show: impl FnOnce(Vec<T>) -> Value) -> Answer {
        linked(Answer::json(200, &show(self.items)), &self.link)
    }
}

impl Call {
    pub(super) fn page<T>(&self, all: Vec<T>) -> Result<Page<T>, Breach> {
        self.page_within(all, usize::MAX)
    }

    /// A list of which GitHub shows no more than the first `shown`, however many there are.
    pub(super) fn page_within<T>(&self, all: Vec<T>, shown: usize) -> Result<Page<T>, Breach> {
        let number = self.whole("page")?.unwrap_or(1);
        // GitHub takes more for the most it gives: whoever asks for more would take the rest for the end.
        let size = self.whole("per_page")?.unwrap_or(DEFAULT);
        if size > MOST {
            return Err(Breach::invalid(&format!("per_page is {size}, at most {MOST} are given.")));
        }
        let total = all.len();
        let last = total.min(shown).div_ceil(size).max(1);
        let items = all.into_iter().take(shown).skip((number - 1).saturating_mul(size)).take(size).collect();
        Ok(Page { items, number, total, link: self.links(number, last) })
    }

    /// A whole number from 1 on.
    fn whole(&self, name: &str) -> Result<Option<usize>, Breach> {
        let Some(text) = self.asked(name) else { return Ok(None) };
        match text.parse() {
            Ok(0) | Err(_) => Err(Breach::invalid(&format!("{name} is {text:?}, not a number from 1 on."))),
            Ok(number) => Ok(Some(number)),
        }
    }

    fn links(&self, number: usize, last: usize) -> String {
        let to = |page: usize, relation: &str| {
            let others = self.query.iter().filter(|(name, _)| name != "page");
            let mut query = Serializer::new(String::new());
            query.extend_pairs(others).append_pair("page", &page.to_string());
            format!("<{}{}?{}>; rel=\"{relation}\"", self.api, self.path, query.finish())
        };
        let mut links = Vec::new();
        if number > 1 {
            links.push(to(number - 1, "prev"));
        }
        if number < last {
            links.extend([to(number + 1, "next"), to(last, "last")]);
        }
        if number > 1 {
            links.push(to(1, "first"));
        }
        links.join(", ")
    }
}

fn linked(answer: Answer, link: &str) -> Answer {
    if link.is_empty() { answer } else { answer.header("link", link) }
}
