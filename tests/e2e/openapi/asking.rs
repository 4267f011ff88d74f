//! Asks the sandbox's GitHub, and remembers both sides of it.

use std::time::Duration;

use promote_gates::sandbox::github::{FakeGitHub, routes};
use serde_json::{Map, Value, json};
use ureq::{
    Agent,
    http::{Method, Request},
};

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: Method,
    /// The route as the description has it.
    pub route: &'static str,
    /// Path and query.
    pub url: String,
    /// `null` when there was none.
    pub body: Value,
    /// What the description makes of the request.
    pub request: Described,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// `null` when there was none.
    pub answer: Value,
}

/// What the description makes of a request; the names are the judge's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Described {
    Fits,
    /// Its schemas forbid it.
    Breaks,
    /// A sentence beside them does.
    Prose,
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
                Described::Fits => "fits",
                Described::Breaks => "breaks",
                Described::Prose => "prose",
            },
            "answer": { "status": self.status, "headers": self.headers, "body": self.answer },
        })
    }
}

/// Somebody with a token.
pub struct Caller<'a> {
    pub fake_github: &'a FakeGitHub,
    pub token: &'a str,
}

impl Caller<'_> {
    pub fn get(&self, url: &str) -> Exchange {
        self.ask(Method::GET, url, Value::Null)
    }

    /// Fails when GitHub's rules are broken, or not broken, and that was not said.
    pub fn ask(&self, method: Method, url: &str, body: Value) -> Exchange {
        self.asked(method, url, body, Described::Fits)
    }

    pub fn asked(&self, method: Method, url: &str, body: Value, request: Described) -> Exchange {
        let violations = self.fake_github.violations().len();
        let path = url.split('?').next().unwrap_or(url);
        let route = routes().iter().find(|route| route.method == method && fits(route.path, path));
        let route = route.unwrap_or_else(|| panic!("{method} {path} is no route"));

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
        let answer = if body.is_null() {
            agent.run(builder.body(()).expect("a request"))
        } else {
            agent.run(builder.header("content-type", "application/json").body(body.to_string()).expect("a request"))
        };
        let mut answer = answer.expect("an answer");
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        let headers = headers.collect();
        let text = answer.body_mut().read_to_string().expect("a text");
        let exchange = Exchange {
            method,
            route: route.path,
            url: url.to_owned(),
            body,
            request,
            status: answer.status().as_u16(),
            headers,
            answer: if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") },
        };
        let broken = self.fake_github.violations().len() > violations;
        assert_eq!(broken, request != Described::Fits, "{exchange:?} {:?}", self.fake_github.violations().last());
        exchange
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(part, seen)| part == seen || part.starts_with('{'))
}
