//! Deserializers for the one needed field of objects that many of GitHub's responses nest: accounts, names.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct AccountJson {
    login: Option<String>,
}

/// The login of an account; `None` for a deleted account, or one that GitHub does not know.
pub(super) fn login<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<AccountJson>::deserialize(deserializer)?.and_then(|account| account.login))
}

/// The token's account, in GraphQL.
#[derive(Deserialize)]
pub(super) struct ViewerJson {
    pub login: String,
}

#[derive(Deserialize)]
struct NamedJson {
    name: String,
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<NamedJson>::deserialize(deserializer)?.into_iter().map(|named| named.name).collect())
}
