//! Deserializers for the one needed field of objects that many of GitHub's responses nest: accounts, repositories, names.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct AccountJson {
    login: Option<String>,
}

/// The login of an account; `None` for a deleted account, or one that GitHub does not know.
pub(super) fn login<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<AccountJson>::deserialize(deserializer)?.and_then(|account| account.login))
}

#[derive(Deserialize)]
struct RepositoryJson {
    full_name: String,
}

pub(super) fn full_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(RepositoryJson::deserialize(deserializer)?.full_name)
}

pub(super) fn optional_full_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<RepositoryJson>::deserialize(deserializer)?.map(|repository| repository.full_name))
}

#[derive(Deserialize)]
struct NamedJson {
    name: String,
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<NamedJson>::deserialize(deserializer)?.into_iter().map(|named| named.name).collect())
}
