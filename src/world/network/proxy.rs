//! A proxy, and the setting that names it: a message about a proxy that fails has to name the setting to correct.

use std::fmt;

use ureq::{Proxy, ProxyProtocol};

/// The proxy of one connection.
#[derive(Clone)]
pub struct ConfiguredProxy {
    pub(in crate::world) proxy: Proxy,
    /// A variable such as `HTTPS_PROXY`, or the part of the kubeconfig.
    pub(in crate::world) setting: &'static str,
}

impl ConfiguredProxy {
    /// What a setting accepts.
    pub(in crate::world) const ACCEPTED: &'static str = "http://, https:// or socks5://, a host and a port";

    /// `None` for a text that is not the URL of a proxy. It may hold a password.
    pub(in crate::world) fn parse(url: &str, setting: &'static str) -> Option<Self> {
        let url = url.trim();
        // The proxy looks up names, as with Go, and so with kubectl: a name behind the proxy is often unknown here.
        let url = match url.split_once("://") {
            Some((scheme, rest)) if ["socks5", "socks"].contains(&&*scheme.to_ascii_lowercase()) => {
                Proxy::new(&format!("socks5h://{rest}"))
            }
            _ => Proxy::new(url),
        };
        Some(Self { proxy: url.ok()?, setting })
    }

    /// `host:port`.
    pub(in crate::world) fn address(&self) -> String {
        format!("{}:{}", self.proxy.host(), self.proxy.port())
    }

    /// The proxy as messages name it.
    pub(in crate::world) fn name(&self) -> String {
        format!("the proxy {}", self.address())
    }

    /// The user name; empty if there is only a password.
    pub(super) fn user(&self) -> Option<&str> {
        self.proxy.username().or(self.proxy.password().map(|_| ""))
    }

    pub(super) fn scheme(&self) -> ProxyProtocol {
        self.proxy.protocol()
    }
}

impl fmt::Display for ConfiguredProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name(), self.setting)
    }
}
