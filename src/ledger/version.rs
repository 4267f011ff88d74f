//! The images in one version of a file.

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use super::layout::FileImage;
use crate::{
    image_entry::EntryText,
    image_fields::{self, FileDocuments},
    kustomization,
    world::git::BlobContent,
    yaml::EditError,
};

/// The image entries of one version of a file, as one service's files name them.
#[derive(Debug, PartialEq, Eq)]
pub enum OverlayVersion {
    NoFile,
    Entries(Vec<EntryText>),
    Unreadable(String),
}

impl OverlayVersion {
    /// The entries; none when there is no file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn entries(&self) -> Result<&[EntryText], &str> {
        match self {
            Self::NoFile => Ok(&[]),
            Self::Entries(entries) => Ok(entries),
            Self::Unreadable(why) => Err(why),
        }
    }
}

/// One version of a file. Services may share a file, and each has its own fields in it.
pub struct FileVersion {
    content: Content,
    /// Read once for all services.
    documents: OnceCell<Result<FileDocuments, EditError>>,
    read: RefCell<Vec<(FileImage, Rc<OverlayVersion>)>>,
}

enum Content {
    NoFile,
    Text(String),
    Unreadable(String),
}

impl FileVersion {
    #[must_use]
    pub fn no_file() -> Self {
        Self { content: Content::NoFile, documents: OnceCell::new(), read: RefCell::default() }
    }

    #[must_use]
    pub fn new(content: BlobContent) -> Self {
        let content = match content {
            BlobContent::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Content::Text(text),
                Err(error) => Content::Unreadable(error.utf8_error().to_string()),
            },
            BlobContent::TooLarge(size) => Content::Unreadable(format!("it has {size} bytes")),
        };
        Self { content, documents: OnceCell::new(), read: RefCell::default() }
    }

    /// The image entries at one place of the file.
    #[must_use]
    pub fn images(&self, image: &FileImage) -> Rc<OverlayVersion> {
        let known = self.read.borrow().iter().find(|(known, _)| known == image).map(|(_, version)| Rc::clone(version));
        known.unwrap_or_else(|| {
            let version = Rc::new(self.read_images(image));
            self.read.borrow_mut().push((image.clone(), Rc::clone(&version)));
            version
        })
    }

    fn read_images(&self, place: &FileImage) -> OverlayVersion {
        let text = match &self.content {
            Content::NoFile => return OverlayVersion::NoFile,
            Content::Unreadable(why) => return OverlayVersion::Unreadable(why.clone()),
            Content::Text(text) => text,
        };
        let entries = match place {
            FileImage::Entry => kustomization::entries(text),
            FileImage::Fields { fields, image } => match self.documents.get_or_init(|| FileDocuments::read(text)) {
                Ok(documents) => {
                    image_fields::read_from(text, documents, fields, image).map(|entry| entry.into_iter().collect())
                }
                Err(error) => Err(error.clone()),
            },
        };
        match entries {
            Ok(entries) => OverlayVersion::Entries(entries),
            Err(error) => OverlayVersion::Unreadable(error.to_string()),
        }
    }
}
