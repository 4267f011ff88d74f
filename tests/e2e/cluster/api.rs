//! The API as the tests write to it: as an administrator, a deployment tool, or a kubelet would.

use serde_json::Value;
use ureq::{
    Agent,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

pub struct Api {
    agent: Agent,
    base: String,
    header: String,
}

impl Api {
    pub fn new(port: u16, authority: &[u8], token: &str) -> Self {
        let certificates: Vec<Certificate<'static>> = parse_pem(authority)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::from(certificates.into_iter())).build();
        let agent = Agent::config_builder().tls_config(tls).http_status_as_error(false).proxy(None).build().into();
        Self { agent, base: format!("https://127.0.0.1:{port}"), header: format!("Bearer {token}") }
    }

    pub fn try_get(&self, path: &str) -> Result<Value, String> {
        let answer = self.agent.get(format!("{}{path}", self.base)).header("authorization", &self.header).call();
        Self::read(answer)
    }

    fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
        let mut answer = answer.map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("{}: {text}", answer.status()));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn create(&self, path: &str, object: &Value) -> Value {
        self.post(path, "application/json", &object.to_string())
    }

    /// From a document as `kubectl apply` takes it.
    pub fn create_from_yaml(&self, path: &str, object: &str) -> Value {
        self.post(path, "application/yaml", object)
    }

    fn post(&self, path: &str, content_type: &str, object: &str) -> Value {
        let request = self.agent.post(format!("{}{path}", self.base)).header("authorization", &self.header);
        let answer = request.content_type(content_type).send(object);
        Self::read(answer).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A merge patch.
    pub fn patch(&self, path: &str, change: &Value) -> Value {
        let request = self.agent.patch(format!("{}{path}", self.base)).header("authorization", &self.header);
        let answer = request.content_type("application/merge-patch+json").send(change.to_string());
        Self::read(answer).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}
