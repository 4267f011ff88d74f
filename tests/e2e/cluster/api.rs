//! A client of the Kubernetes API with which the tests act as administrator, deployment tool or kubelet.

use serde_json::Value;
use ureq::{
    Agent,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

#[derive(Clone)]
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

    /// The response to a GET, with any status.
    pub fn open(&self, target: &str) -> ureq::http::Response<ureq::Body> {
        let request = self.agent.get(format!("{}{target}", self.base)).header("authorization", &self.header);
        request.call().unwrap_or_else(|error| panic!("{target}: {error}"))
    }

    pub fn try_get(&self, path: &str) -> Result<Value, String> {
        let response = self.agent.get(format!("{}{path}", self.base)).header("authorization", &self.header).call();
        Self::read(response)
    }

    fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
        let mut response = response.map_err(|error| error.to_string())?;
        let text = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{}: {text}", response.status()));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn create(&self, path: &str, object: &Value) -> Value {
        self.post(path, "application/json", &object.to_string())
    }

    /// Creates an object from YAML, as `kubectl apply` does.
    pub fn create_from_yaml(&self, path: &str, object: &str) -> Value {
        self.post(path, "application/yaml", object)
    }

    fn post(&self, path: &str, content_type: &str, object: &str) -> Value {
        let request = self.agent.post(format!("{}{path}", self.base)).header("authorization", &self.header);
        let response = request.content_type(content_type).send(object);
        Self::read(response).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn delete(&self, path: &str) {
        let request = self.agent.delete(format!("{}{path}", self.base)).header("authorization", &self.header);
        Self::read(request.call()).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Applies a merge patch.
    pub fn patch(&self, path: &str, change: &Value) -> Value {
        let request = self.agent.patch(format!("{}{path}", self.base)).header("authorization", &self.header);
        let response = request.content_type("application/merge-patch+json").send(change.to_string());
        Self::read(response).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}
