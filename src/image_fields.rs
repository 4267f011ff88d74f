//! The image of a service in any YAML or JSON file: Helm values, an Argo CD `Application`, a Flux `HelmRelease`, a manifest, a
//! patch. Its fields are at paths: a tag, a digest, or a whole image in one text.
//!
//! [`set`] replaces the values and nothing else, in the quoting of the old ones; a value that some reader would take for a
//! number, a date or null gets quotes. [`restore`] puts earlier text back byte for byte. Each result is read back before it is
//! returned: every other value of the file is the same, and the fields hold what was asked for.
//!
//! Refused, with line and column, is what cannot be edited safely: on the path anchors, aliases, merge keys behind
//! the key, tags, templates, keys that one mapping has twice; block scalars; a value that is no tag or digest; an image of another
//! repository. A path may go on in the text of a block scalar with a YAML document (`helm.values: |`).
//!
//! The parts: [`path`] is a path, [`settings`] says where the fields are, [`lookup`] finds a value, [`values`] says what it means,
//! [`current`] reads an image, [`edit`] changes it, and [`proof`] compares the result.

mod current;
mod edit;
mod lookup;
mod path;
mod proof;
mod settings;
#[cfg(test)]
mod tests;
mod text_block;
mod values;

pub use self::{
    current::{FileDocuments, read, read_from},
    edit::{NewRelease, restore, set},
    path::FieldPath,
    settings::{DocumentSelector, FieldKind, ImageFields},
    values::reference_parts,
};
