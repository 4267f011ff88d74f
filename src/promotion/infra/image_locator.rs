//! Which image entry is the one of a service: the entry that kustomize would use.

use std::collections::BTreeSet;

use super::image_field::{ImageField, ImageName};
use crate::{
    error::CommandError,
    finding::Finding,
    kustomization::{
        ImageRule,
        base::{BaseImages, apply_rules},
        image_rules, split_image,
    },
    subject::{Image, Service},
    world::git::TreePath,
};

/// How many images or reasons go into a message.
const SHOWN: usize = 5;

/// The settings that locate an image entry.
#[derive(Clone, Debug, clap::Args)]
pub struct ImageArgs {
    /// The image's name in the manifests (`images[].name`); `{service}` is filled in [default: the entry of the service's repository, else of its name, else of its image in the base]
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<ImageName>,
    /// Add an image entry even if no image of the base is known to use it, or the last key of a path in `files`
    #[arg(long)]
    pub create_entry: bool,
}

impl ImageArgs {
    /// The locator of the image entry of a service in a kustomization. `repository`: where the service's image is pulled from.
    #[must_use]
    pub fn locator(&self, file: TreePath, service: &Service, repository: Option<Image>) -> ImageLocator {
        let image_name = self.image_name.as_ref().map(|name| name.for_service(service));
        let create_entry = self.create_entry;
        ImageLocator { image_name, repository, create_entry, ..ImageLocator::new(file, service.clone()) }
    }
}

/// What identifies the image entry of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLocator {
    pub file: TreePath,
    pub service: Service,
    /// The setting `image-name`.
    pub image_name: Option<String>,
    /// Where the service's image is pulled from.
    pub repository: Option<Image>,
    /// Whether an entry may be added that no image of the base is known to use.
    pub create_entry: bool,
}

impl ImageLocator {
    /// The entry that has the service's name.
    #[must_use]
    pub const fn new(file: TreePath, service: Service) -> Self {
        Self { file, service, image_name: None, repository: None, create_entry: false }
    }

    /// The name of the entry if nothing else shows one.
    #[must_use]
    pub fn default_name(&self) -> &str {
        self.image_name.as_deref().unwrap_or_else(|| self.service.as_str())
    }

    /// The entry that a file has for the service, by the file alone: by `image-name`, else by the repository, else by the
    /// service's name. `None` when there is none. For a file whose base is not at hand.
    ///
    /// # Errors
    /// The file cannot be read safely; bad input when two entries fit.
    pub fn find_in_file(&self, text: &str) -> Result<Option<ImageField>, CommandError> {
        let rules = self.rules(text)?;
        for named in self.named_entries(&rules) {
            match &named[..] {
                [] => {}
                [one] => return Ok(Some(self.field(&rules[*one].entry.name))),
                [first, second, ..] => return Err(self.ambiguous(&rules, *first, *second)),
            }
        }
        Ok(None)
    }

    /// The entry that kustomize uses for the service's image; the entry to add if the file has none.
    ///
    /// An entry counts if an image of the base uses it, or the base cannot be read whole. The first of these decides:
    /// `image-name`; the repository, as `name` or `newName`; the service's name; the image of the base that has the
    /// repository, the service's name, or the service's name behind its last slash. Only the last can name an entry that is
    /// not there yet.
    ///
    /// # Errors
    /// The file cannot be read safely; bad input when two entries fit; inconclusive when no image of the base uses the
    /// entry, or nothing shows which entry to add.
    pub fn find(&self, text: &str, base: &BaseImages) -> Result<ImageField, CommandError> {
        let rules = self.rules(text)?;
        let used = used_rules(&rules, base);
        let counts = |index: &usize| !base.is_complete() || used.contains(index);
        let named = self.named_entries(&rules);
        for candidates in &named {
            match candidates.iter().copied().filter(counts).collect::<Vec<_>>()[..] {
                [] => {}
                [one] => return self.checked(&rules, one, base),
                [first, second, ..] => return Err(self.ambiguous(&rules, first, second)),
            }
        }
        let own_names = self.own_images(base);
        let is_own = |image: &&String| own_names.contains(split_image(image).0);
        let matches = |rule: &ImageRule| base.images.iter().filter(is_own).any(|image| rule.matches(image));
        let matching = distinct(&rules, (0..rules.len()).filter(|index| matches(&rules[*index])));
        let own: Vec<&str> = own_names.iter().copied().collect();
        match (&matching[..], &own[..]) {
            ([one], [_]) => self.checked(&rules, *one, base),
            ([first, second, ..], _) => Err(self.ambiguous(&rules, *first, *second)),
            ([], [name]) => Ok(self.field(self.image_name.as_deref().unwrap_or(name))),
            _ => match named.iter().flatten().next() {
                Some(unused) => Err(self.unused(&rules[*unused].entry.name, base)),
                None if self.create_entry => Ok(self.field(self.default_name())),
                None => Err(self.missing(base)),
            },
        }
    }

    fn rules(&self, text: &str) -> Result<Vec<ImageRule>, CommandError> {
        image_rules(text).map_err(|error| error.to_finding(self.file.as_str()).unobservable())
    }

    fn field(&self, name: &str) -> ImageField {
        ImageField::entry(self.file.clone(), name)
    }

    /// The entries that names identify, one list for each way, the first way first.
    fn named_entries(&self, rules: &[ImageRule]) -> Vec<Vec<usize>> {
        let by = |is_named: &dyn Fn(&ImageRule) -> bool| {
            distinct(rules, (0..rules.len()).filter(|index| is_named(&rules[*index])))
        };
        if let Some(name) = &self.image_name {
            return vec![by(&|rule| rule.entry.name == *name)];
        }
        let is_repository = |name: &str| self.repository.as_ref().is_some_and(|own| is_same_repository(name, own));
        vec![
            by(&|rule| is_repository(&rule.entry.name) || rule.entry.new_name.as_deref().is_some_and(is_repository)),
            by(&|rule| rule.entry.name == self.service.as_str()),
        ]
    }

    /// The names of the images of the base that are the service's own.
    fn own_images<'b>(&self, base: &'b BaseImages) -> BTreeSet<&'b str> {
        // What patches or plugins make of the images is not known.
        if !base.changed_by.is_empty() {
            return BTreeSet::new();
        }
        let names = |is_own: &dyn Fn(&str) -> bool| -> BTreeSet<&'b str> {
            base.images.iter().map(|image| split_image(image).0).filter(|name| is_own(name)).collect()
        };
        if let Some(wanted) = &self.image_name {
            // The name is a pattern, as in an entry.
            let rules = image_rules(&format!("images: [{{name: {}}}]", serde_json::json!(wanted))).unwrap_or_default();
            return names(&|name| rules.iter().any(|rule| rule.matches(name)));
        }
        let service = self.service.as_str();
        let exact = [
            names(&|name| self.repository.as_ref().is_some_and(|own| is_same_repository(name, own))),
            names(&|name| name == service),
        ];
        // Another image that was not read could be the service's, too.
        let similar = names(&|name| base.unread.is_empty() && name.rsplit('/').next() == Some(service));
        exact.into_iter().chain([similar]).find(|names| !names.is_empty()).unwrap_or_default()
    }

    /// The entry, unless a later one changes the same image again.
    fn checked(&self, rules: &[ImageRule], index: usize, base: &BaseImages) -> Result<ImageField, CommandError> {
        let own = &rules[index].entry;
        let name = self.repository.as_ref().map(Image::as_str).or(own.new_name.as_deref());
        // Where the base is not known, the entry's own name stands for the image.
        let unread = (!base.is_complete()).then_some(&own.name);
        for image in base.images.iter().chain(unread) {
            let before = apply_rules(&rules[..index], image);
            if !rules[index].matches(&before) {
                continue;
            }
            let after = name.map_or_else(|| split_image(&before).0.to_owned(), str::to_owned);
            let later = (index + 1..rules.len()).find(|later| rules[*later].matches(&after));
            if let Some(later) = later.filter(|later| rules[*later].entry.name != own.name) {
                return Err(self.ambiguous(rules, index, later));
            }
        }
        Ok(self.field(&own.name))
    }

    fn ambiguous(&self, rules: &[ImageRule], first: usize, second: usize) -> CommandError {
        let [first, second] = [first, second].map(|index| &rules[index].entry);
        Finding::inconclusive("`image-name`")
            .actual(format!(
                "two entries of {} change the image of {}: `{}` ({}) and `{}` ({})",
                self.file,
                self.service,
                first.name,
                first.reference(),
                second.name,
                second.reference()
            ))
            .expected("one entry for the service's image")
            .next("name one of them with `image-name`, or take the other out of the file")
            .bad_input()
    }

    fn unused(&self, name: &str, base: &BaseImages) -> CommandError {
        Finding::inconclusive(format!("image entry ({})", self.file))
            .actual(format!(
                "no image of the base uses the entry `{name}`, so kustomize ignores it; {}",
                describe(base)
            ))
            .expected(format!("the entry that kustomize uses for the image of {}", self.service))
            .next("give the entry the name that the manifests use, or name the right entry with `image-name`")
            .unobservable()
    }

    fn missing(&self, base: &BaseImages) -> CommandError {
        let wanted = match (&self.image_name, &self.repository) {
            (Some(name), _) => format!("`{name}`"),
            (None, Some(repository)) => format!("`{repository}` or `{}`", self.service),
            (None, None) => format!("`{}`", self.service),
        };
        let name = self.default_name();
        Finding::inconclusive(format!("image entry ({})", self.file))
            .actual(format!("no entry is called {wanted}, and no image of the base is known to be; {}", describe(base)))
            .expected("an entry that kustomize uses, or an image of the base to add one for")
            .next(format!(
                "give `image-name` the name that the manifests use; `create-entry: true` adds the entry `{name}` unchecked"
            ))
            .unobservable()
    }
}

/// The indexes without those of a second entry of the same name: the edit refuses these, with their lines.
fn distinct(rules: &[ImageRule], indexes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut names = BTreeSet::new();
    indexes.filter(|index| names.insert(&rules[*index].entry.name)).collect()
}

/// The entries that kustomize applies to an image, each to what those before it leave.
fn used_rules(rules: &[ImageRule], base: &BaseImages) -> BTreeSet<usize> {
    let mut used = BTreeSet::new();
    for image in &base.images {
        let mut image = image.clone();
        for (index, rule) in rules.iter().enumerate() {
            if rule.matches(&image) {
                used.insert(index);
                image = rule.apply(&image);
            }
        }
    }
    used
}

fn is_same_repository(name: &str, repository: &Image) -> bool {
    name.parse::<Image>().is_ok_and(|name| name.host_and_path() == repository.host_and_path())
}

/// `the base has a:1, b; …/base of … is not in this repository`
fn describe(base: &BaseImages) -> String {
    let shown = base.images.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut parts = vec![match base.images.len() {
        0 => "the base has no images".to_owned(),
        count if count > SHOWN => format!("the base has {shown} and {} more", count - SHOWN),
        _ => format!("the base has {shown}"),
    }];
    parts.extend(base.unread.iter().chain(&base.changed_by).take(SHOWN).cloned());
    parts.join("; ")
}

#[cfg(test)]
mod tests;
