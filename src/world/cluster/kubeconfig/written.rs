//! A kubeconfig as it is written. Every scalar is a text: what YAML would make of `token: 1e10` is none of ours.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::{
    config::yaml::{self, Node, Value},
    verdict::Complaint,
};

/// What one file says, or several as one.
#[derive(Debug, Default)]
pub struct File {
    pub current: Option<String>,
    pub contexts: Vec<Named<Context>>,
    pub clusters: Vec<Named<Cluster>>,
    pub users: Vec<Named<User>>,
}

/// Something with a name, and the folder that paths in it start from.
#[derive(Debug)]
pub struct Named<T> {
    pub name: String,
    pub it: T,
    pub folder: PathBuf,
}

/// Structs with the keys of a kubeconfig; what is absent or has nothing behind it is empty.
macro_rules! written {
    ($($name:ident { $($(#[$rename:meta])* $field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "kebab-case", default)]
        pub struct $name { $($(#[$rename])* pub $field: $type,)* }
    )*};
}

written! {
    Context {
        cluster: String,
        user: String,
        namespace: String,
    }
    Cluster {
        server: String,
        certificate_authority: String,
        certificate_authority_data: String,
        insecure_skip_tls_verify: String,
        tls_server_name: String,
        proxy_url: String,
    }
    User {
        token: String,
        #[serde(rename = "tokenFile")]
        token_file: String,
        username: String,
        password: String,
        client_certificate: String,
        client_certificate_data: String,
        client_key: String,
        client_key_data: String,
        #[serde(rename = "as")]
        acts_as: String,
        #[serde(rename = "as-groups")]
        acts_as_groups: Vec<String>,
        exec: Option<Exec>,
        auth_provider: Option<Json>,
    }
    Exec {
        #[serde(rename = "apiVersion")]
        api_version: String,
        command: String,
        args: Vec<String>,
        env: Vec<Pair>,
        #[serde(rename = "installHint")]
        install_hint: String,
        #[serde(rename = "interactiveMode")]
        interactive_mode: String,
        #[serde(rename = "provideClusterInfo")]
        provide_cluster_info: String,
    }
    Pair {
        name: String,
        value: String,
    }
}

impl File {
    /// # Errors
    /// A complaint that tells the place in the text, and nothing of what stands there.
    pub fn read(name: &str, text: &str, folder: &Path) -> Result<Self, Complaint> {
        let wrong = |seen: &str| {
            Complaint::about(name).seen(seen).expected("a kubeconfig, with `contexts`, `clusters` and `users`")
        };
        let Json::Object(mut all) = json(yaml::read(name, text)?) else {
            return Err(wrong("no mapping"));
        };
        if !all.contains_key("contexts") && !all.contains_key("clusters") {
            return Err(wrong("neither `contexts` nor `clusters` in it"));
        }
        let current = all.remove("current-context").and_then(|name| name.as_str().map(ToOwned::to_owned));
        let mut list = |key: &str| all.remove(key).unwrap_or_default();
        Ok(Self {
            current: current.filter(|name| !name.is_empty()),
            contexts: entries(list("contexts"), "context", folder).ok_or_else(|| wrong("`contexts` cannot be read"))?,
            clusters: entries(list("clusters"), "cluster", folder).ok_or_else(|| wrong("`clusters` cannot be read"))?,
            users: entries(list("users"), "user", folder).ok_or_else(|| wrong("`users` cannot be read"))?,
        })
    }

    /// Adds what a later file says: what is there already is kept.
    pub fn add(&mut self, later: Self) {
        self.current = self.current.take().or(later.current);
        merge(&mut self.contexts, later.contexts);
        merge(&mut self.clusters, later.clusters);
        merge(&mut self.users, later.users);
    }
}

fn merge<T>(all: &mut Vec<Named<T>>, later: Vec<Named<T>>) {
    for one in later {
        if !all.iter().any(|known| known.name == one.name) {
            all.push(one);
        }
    }
}

/// `[{name, <key>: {…}}]`. serde's own error would repeat values.
fn entries<T: for<'de> Deserialize<'de> + Default>(list: Json, key: &str, folder: &Path) -> Option<Vec<Named<T>>> {
    let list = match list {
        Json::Null => Vec::new(),
        Json::Array(list) => list,
        _ => return None,
    };
    list.into_iter()
        .map(|mut entry| {
            let name = entry.get("name")?.as_str()?.to_owned();
            let it = match entry.get_mut(key).map(Json::take) {
                None | Some(Json::Null) => T::default(),
                Some(it) => serde_json::from_value(it).ok()?,
            };
            Some(Named { name, it, folder: folder.to_owned() })
        })
        .collect()
}

/// The same as JSON, of texts; keys with nothing behind them are left out.
fn json(node: Node) -> Json {
    match node.value {
        Value::Text(text) => Json::String(text),
        Value::Nothing => Json::Null,
        Value::List(items) => Json::Array(items.into_iter().map(json).collect()),
        Value::Map(entries) => {
            let known = entries.into_iter().map(|(key, node)| (key.name, json(node))).filter(|(_, it)| {
                // `null` and `~` are written by some tools; no value that counts is spelled so.
                !it.is_null() && it != "null" && it != "~"
            });
            Json::Object(known.collect::<Map<_, _>>())
        }
    }
}
