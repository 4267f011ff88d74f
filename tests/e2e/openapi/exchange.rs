//! Sends requests to the fake GitHub, and records each with its response.

use std::time::Duration;

use promote_gates::sandbox::github::{FakeGitHub, routes};
use serde_json::{Map, Value, json};
use ureq::{
    Agent,
    http::{Method, Request},
};

/// A request and its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: Method,
    /// The route as in the description.
    pub route: &'static str,
    /// Path and query.
    pub url: String,
    /// `null` if there was none.
    pub body: Value,
    /// Whether the description allows the request.
    pub request: Conformance,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// `null` if there was none.
    pub answer: Value,
}

/// Whether the description allows a request; `judge.py` uses the same names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conformance {
    Valid,
    /// The schemas do not allow it.
    Invalid,
    /// The schemas allow it, but the text of the description does not.
    InvalidByProse,
}

impl Exchange {
    pub fn fields(&mut self) -> &mut Map<String, Value> {
        self.answer.as_object_mut().expect("an object")
    }

    pub fn recorded(&self) -> Value {
        json!({
            "method": self.method.as_str(),
            "route": self.route,
            "url": self.url,
            "body": self.body,
            "request": match self.request {
                Conformance::Valid => "valid",
                Conformance::Invalid => "invalid",
                Conformance::InvalidByProse => "invalid-by-prose",
            },
            "answer": { "status": self.status, "headers": self.headers, "body": self.answer },
        })
    }
}

/// A client with a token.
pub struct Caller<'a> {
    pub fake_github: &'a FakeGitHub,
    pub token: &'a str,
}

impl Caller<'_> {
    pub fn get(&self, url: &str) -> Exchange {
        self.ask(Method::GET, url, Value::Null)
    }

    /// Sends a valid request.
    pub fn ask(&self, method: Method, url: &str, body: Value) -> Exchange {
        self.exchange(method, url, body, Conformance::Valid)
    }

    /// Sends a request. Panics if the fake's own check of the request disagrees with `request`.
    pub fn exchange(&self, method: Method, url: &str, body: Value, request: Conformance) -> Exchange {
        let violations = self.fake_github.violations().len();
        let path = url.split('?').next().unwrap_or(url);
        let route = routes().iter().find(|route| route.method == method && matches(route.path, path));
        let route = route.unwrap_or_else(|| panic!("{method} {path} is not a route"));

        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .proxy(None)
            .build()
            .into();
        let builder = Request::builder()
            .method(method.clone())
            .uri(format!("{}{url}", self.fake_github.api_url()))
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-github-api-version", "2022-11-28");
        let response = if body.is_null() {
            agent.run(builder.body(()).expect("a request"))
        } else {
            agent.run(builder.header("content-type", "application/json").body(body.to_string()).expect("a request"))
        };
        let mut response = response.expect("a response");
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        let headers = headers.collect();
        let text = response.body_mut().read_to_string().expect("a text");
        let exchange = Exchange {
            method,
            route: route.path,
            url: url.to_owned(),
            body,
            request,
            status: response.status().as_u16(),
            headers,
            answer: if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") },
        };
        let is_violation = self.fake_github.violations().len() > violations;
        assert_eq!(
            is_violation,
            request != Conformance::Valid,
            "{exchange:?} {:?}",
            self.fake_github.violations().last()
        );
        exchange
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(part, segment)| part == segment || part.starts_with('{'))
}
