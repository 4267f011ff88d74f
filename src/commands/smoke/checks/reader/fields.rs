//! The entries of a mapping with known keys, taken one by one.

use crate::{
    config::nodes::{mapping, unknown_key},
    error::CommandError,
    yaml::{Key, Node},
};

pub struct Fields(Vec<(Key, Node)>);

impl Fields {
    /// The entries of `node`.
    ///
    /// # Errors
    /// No mapping, or a key that is not known.
    pub fn new(path: &str, section: &str, node: Node, known: &[&str]) -> Result<Self, CommandError> {
        let entries = mapping(path, section, node)?;
        match entries.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
            Some((key, _)) => Err(unknown_key(path, key, section, known)),
            None => Ok(Self(entries)),
        }
    }

    /// The entry of that key, if there is one.
    pub fn take(&mut self, name: &str) -> Option<(Key, Node)> {
        let index = self.0.iter().position(|(key, _)| key.name == name)?;
        Some(self.0.remove(index))
    }
}
