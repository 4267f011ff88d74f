//! Pagination: `per_page`, `page`, and the `link` header with the addresses of the other pages.

use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::{call::ApiCall, errors::ContractViolation};
use crate::sandbox::server::FakeResponse;

/// The default and maximum page size, from GitHub's page on pagination.
const DEFAULT_SIZE: usize = 30;
const MAX_SIZE: usize = 100;

/// The requested page of a list.
pub struct ListPage<T> {
    pub items: Vec<T>,
    /// Counted from 1.
    pub number: usize,
    total: usize,
    link: String,
}

impl<T> ListPage<T> {
    /// A list without pagination: its last `most` items.
    pub fn unpaged(mut all: Vec<T>, most: usize) -> Self {
        let total = all.len();
        all.drain(..total.saturating_sub(most));
        Self { items: all, number: 1, total, link: String::new() }
    }

    /// A list of which only the first entries can be asked for, with the number of all.
    pub fn of_total(self, total: usize) -> Self {
        Self { total, ..self }
    }

    /// A response whose body is the list.
    pub fn into_list(self, to_json: impl Fn(T) -> Value) -> FakeResponse {
        let items = self.items.into_iter().map(to_json).collect();
        with_link(FakeResponse::json(200, &Value::Array(items)), &self.link)
    }

    /// A response with the list in one field and the `total_count`.
    pub fn into_field(self, name: &str, to_json: impl Fn(T) -> Value) -> FakeResponse {
        let items = self.items.into_iter().map(to_json).collect();
        let fields = [("total_count", Value::from(self.total)), (name, Value::Array(items))];
        let fields: Map<_, _> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        with_link(FakeResponse::json(200, &Value::Object(fields)), &self.link)
    }

    /// A response whose body `to_json` builds from the items.
    pub fn into_object(self, to_json: impl FnOnce(Vec<T>) -> Value) -> FakeResponse {
        with_link(FakeResponse::json(200, &to_json(self.items)), &self.link)
    }
}

impl ApiCall {
    pub fn page<T>(&self, all: Vec<T>) -> Result<ListPage<T>, ContractViolation> {
        let number = self.positive_number("page")?.unwrap_or(1);
        // GitHub lowers a larger size to its maximum. A client that asks for more would mistake a full page for the last one.
        let size = self.positive_number("per_page")?.unwrap_or(DEFAULT_SIZE);
        if size > MAX_SIZE {
            return Err(ContractViolation::invalid(&format!("per_page is {size}, at most {MAX_SIZE} are given.")));
        }
        let total = all.len();
        let last = total.div_ceil(size).max(1);
        let items = all.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
        Ok(ListPage { items, number, total, link: self.links(number, last) })
    }

    /// A query value that must be a number from 1 on.
    fn positive_number(&self, name: &str) -> Result<Option<usize>, ContractViolation> {
        let Some(text) = self.query_value(name) else { return Ok(None) };
        match text.parse() {
            Ok(0) | Err(_) => Err(ContractViolation::invalid(&format!("{name} is {text:?}, not a number from 1 on."))),
            Ok(number) => Ok(Some(number)),
        }
    }

    fn links(&self, number: usize, last: usize) -> String {
        let link_to = |page: usize, relation: &str| {
            let others = self.query.iter().filter(|(name, _)| name != "page");
            let mut query = Serializer::new(String::new());
            query.extend_pairs(others).append_pair("page", &page.to_string());
            format!("<{}{}?{}>; rel=\"{relation}\"", self.api, self.path, query.finish())
        };
        let mut links = Vec::new();
        if number > 1 {
            links.push(link_to(number - 1, "prev"));
        }
        if number < last {
            links.extend([link_to(number + 1, "next"), link_to(last, "last")]);
        }
        if number > 1 {
            links.push(link_to(1, "first"));
        }
        links.join(", ")
    }
}

fn with_link(response: FakeResponse, link: &str) -> FakeResponse {
    if link.is_empty() { response } else { response.header("link", link) }
}
