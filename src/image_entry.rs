//! An image as a file of the infra repository has it: an entry of a kustomization, or fields of any other file.

/// The values of an image entry. In a kustomization they are those of its keys; in other files the name says where the fields are,
/// and the repository is the service's. Empty and null parts are `None`, as kustomize reads them. A plain `newTag: 1.10` reads
/// `1.10` here, while kustomize refuses the number: only [`Edited::changed`] shows whether the entry
/// needs an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    pub name: String,
    pub new_name: Option<String>,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

impl ImageEntry {
    /// The repository that the image is pulled from.
    pub fn repository(&self) -> &str {
        self.new_name.as_ref().unwrap_or(&self.name)
    }

    /// The image that kustomize renders for the entry: `registry/app:1.4.2@sha256:…`. Without tag and digest it is the name
    /// only: the manifests then decide.
    pub fn reference(&self) -> String {
        let mut reference = self.repository().to_owned();
        for (mark, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                reference.push(mark);
                reference.push_str(part);
            }
        }
        reference
    }
}

/// A file after the edit of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    pub text: String,
    /// The entry before the edit; `None` when there was none.
    pub previous: Option<ImageEntry>,
    /// False when the entry already held exactly these values; `text` is then the original.
    pub changed: bool,
}

/// An image entry with the text that it is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryText {
    pub entry: ImageEntry,
    pub written: Written,
}

/// How a file has an image entry, to put it back byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// An entry of a kustomization.
    Entry {
        /// From the first key to the end of the last line.
        text: String,
        /// The column of its keys: the lines after the first are indented by it.
        column: usize,
        flow: bool,
    },
    /// Fields at paths, in the order of the settings.
    Fields(Vec<FieldText>),
}

/// A field as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldText {
    pub value: String,
    /// From its key to the end of the value, or the value of a list's item.
    pub written: String,
}
