//! The images that the entries of a kustomization are applied to: those of its resources and components, with the entries of
//! their own kustomizations applied, as `kustomize build` does (kustomize 5.8.1, `api/internal/target/kusttarget.go`).
//!
//! Only files of the repository are read, and neither patches nor plugins are applied: [`BaseImages`] says what that leaves
//! open.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    image_list::is_same_key,
    image_rule::{ImageRule, image_rules},
    manifest::{
        ImageFieldSpec, ManifestImage, configured_fields, manifest_images, may_change_images, mentions_image,
        read_documents,
    },
};

/// The names of a kustomization file, in the order in which kustomize looks for them.
const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// How many kustomizations one may lead through; also the end of a circle.
const MAX_DEPTH: usize = 20;
/// How many files one kustomization may consist of.
const MAX_FILES: usize = 2000;

/// The images before the entries of a kustomization are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseImages {
    /// As the manifests write them, tags included.
    pub images: BTreeSet<String>,
    /// Why there may be more: what is not in the repository, or not read.
    pub unread: Vec<String>,
    /// Why these may be others in the end: what changes images beside entries.
    pub changed_by: Vec<String>,
}

impl BaseImages {
    /// Whether these are all images, and stay as they are.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty() && self.changed_by.is_empty()
    }
}

/// Reads files by their paths from the top of the repository; `None` for a path without a file.
pub type ReadFiles<'a> = &'a dyn Fn(&[String]) -> Result<Vec<Option<Vec<u8>>>, String>;

/// Reads the images that the entries of the kustomization `text` at `path` are applied to.
#[must_use]
pub fn base_images(path: &str, text: &str, read_files: ReadFiles<'_>) -> BaseImages {
    let mut walk = Walk { read_files, files: 0, found: BaseImages::default() };
    let mut images = BTreeSet::new();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let fields = walk.kustomization(folder, path, text, &BTreeSet::new(), 0, &mut images);
    let Walk { mut found, .. } = walk;
    let is_changed = |image: &ManifestImage| image.field.as_ref().is_none_or(|field| fields.contains(field));
    found.images = images.into_iter().filter(is_changed).map(|image| image.image).collect();
    found
}

struct Walk<'a> {
    read_files: ReadFiles<'a>,
    files: usize,
    found: BaseImages,
}

/// What a path of a kustomization leads to.
enum Target {
    File(String),
    Kustomization { folder: String, path: String, text: String },
}

impl Walk<'_> {
    /// Adds the images of one kustomization, without its own entries, and returns the image fields that it configures.
    /// `inherited`: the fields that the kustomizations above configure.
    fn kustomization(
        &mut self,
        folder: &str,
        path: &str,
        text: &str,
        inherited: &BTreeSet<ImageFieldSpec>,
        depth: usize,
        images: &mut BTreeSet<ManifestImage>,
    ) -> BTreeSet<ImageFieldSpec> {
        let root = match read_documents(text).map(|documents| documents.into_iter().next()) {
            Ok(root) => root.unwrap_or_default(),
            Err(error) => {
                self.found.unread.push(format!("{path}: {error}"));
                return BTreeSet::new();
            }
        };
        let layout = Layout { root: &root };
        if depth == 0 && layout.text("kind") == Some("Component") {
            self.found
                .unread
                .push(format!("{path} is a component: its entries apply to the kustomizations that use it"));
        }
        let own_fields = self.configured_fields(folder, path, &layout.texts("configurations"));
        let fields: BTreeSet<ImageFieldSpec> = inherited.union(&own_fields).cloned().collect();
        let resources = [layout.texts("resources"), layout.texts("bases")].concat();
        let components = layout.texts("components");
        if depth == 0 && resources.is_empty() && components.is_empty() {
            self.found.unread.push(format!("{path} names no resources"));
        }
        for (name, target) in self.targets(folder, path, &resources) {
            match target {
                Target::File(text) => match manifest_images(&text, &fields) {
                    Ok(found) => images.extend(found),
                    Err(error) => self.found.unread.push(format!("`{name}` of {path}: {error}")),
                },
                Target::Kustomization { folder, path, text } => {
                    let mut inner = BTreeSet::new();
                    self.nested(&folder, &path, &text, &fields, depth, &mut inner);
                    images.extend(inner);
                }
            }
        }
        for (name, target) in self.targets(folder, path, &components) {
            match target {
                // A component changes what was read before it, too.
                Target::Kustomization { folder, path, text } => {
                    self.nested(&folder, &path, &text, &fields, depth, images);
                }
                Target::File(_) => self.found.unread.push(format!("`{name}` of {path} is no component")),
            }
        }
        self.note_plugins(folder, path, &layout);
        own_fields
    }

    /// Adds the images of a kustomization below, with its entries applied.
    fn nested(
        &mut self,
        folder: &str,
        path: &str,
        text: &str,
        inherited: &BTreeSet<ImageFieldSpec>,
        depth: usize,
        images: &mut BTreeSet<ManifestImage>,
    ) {
        if depth == MAX_DEPTH {
            self.found.unread.push(format!("{path}: more than {MAX_DEPTH} kustomizations lead to it"));
            return;
        }
        let own_fields = self.kustomization(folder, path, text, inherited, depth + 1, images);
        let rules = match image_rules(text) {
            Ok(rules) => rules,
            Err(error) => return self.found.changed_by.push(format!("the entries of {path}: {error}")),
        };
        let apply = |image: ManifestImage| match &image.field {
            Some(field) if !own_fields.contains(field) => image,
            _ => ManifestImage { image: apply_rules(&rules, &image.image), ..image },
        };
        *images = std::mem::take(images).into_iter().map(apply).collect();
    }

    /// Notes everything that may add or change images and is not applied here.
    fn note_plugins(&mut self, folder: &str, path: &str, layout: &Layout<'_>) {
        for key in ["helmCharts", "helmChartInflationGenerator", "generators"] {
            if layout.has(key) {
                self.found.unread.push(format!("`{key}` of {path} are not run"));
            }
        }
        if layout.has("transformers") {
            self.found.changed_by.push(format!("`transformers` of {path} are not run"));
        }
        let mut patch_files = Vec::new();
        for key in ["patches", "patchesStrategicMerge", "patchesJson6902", "replacements"] {
            let mut changes = false;
            for patch in layout.items(key) {
                match (patch, patch["path"].as_str(), patch["patch"].as_str()) {
                    (Value::String(text), ..) if text.contains('\n') => changes |= may_change_images(text),
                    (Value::String(file), ..) => patch_files.push((key, file.as_str())),
                    (_, Some(file), _) => patch_files.push((key, file)),
                    (_, None, Some(text)) => changes |= may_change_images(text),
                    (inline, None, None) => changes |= mentions_image(inline),
                }
            }
            if changes {
                self.found.changed_by.push(format!("`{key}` of {path} may change images, and are not applied"));
            }
        }
        let names: Vec<&str> = patch_files.iter().map(|(_, file)| *file).collect();
        for ((key, file), text) in patch_files.iter().zip(self.texts(folder, &names)) {
            if text.is_none_or(|text| may_change_images(&text)) {
                self.found.changed_by.push(format!("`{key}` of {path}: {file} may change images, and is not applied"));
            }
        }
    }

    fn configured_fields(&mut self, folder: &str, path: &str, files: &[&str]) -> BTreeSet<ImageFieldSpec> {
        let mut fields = BTreeSet::new();
        for (file, text) in files.iter().zip(self.texts(folder, files)) {
            match text.ok_or_else(|| "not in this repository".to_owned()).and_then(|text| configured_fields(&text)) {
                Ok(found) => fields.extend(found),
                Err(error) => self.found.unread.push(format!("`configurations` of {path}: {file}: {error}")),
            }
        }
        fields
    }

    /// What the paths of a kustomization lead to. What leads to nothing is noted.
    fn targets(&mut self, folder: &str, path: &str, names: &[&str]) -> Vec<(String, Target)> {
        let mut candidates: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in names {
            let Some(at) = join(folder, name).filter(|_| !is_remote(name)) else { continue };
            let files = FILE_NAMES.iter().map(|file| join_names(&at, file));
            candidates.insert(*name, [at.clone()].into_iter().filter(|at| !at.is_empty()).chain(files).collect());
        }
        let paths: Vec<String> = candidates.values().flatten().cloned().collect();
        let texts: BTreeMap<&String, Option<String>> = paths.iter().zip(self.read(&paths)).collect();
        let mut targets = Vec::new();
        for name in names {
            let files = candidates.get(name).into_iter().flatten();
            match files.clone().find_map(|file| Some((file, texts.get(file)?.clone()?))) {
                None if is_remote(name) => {
                    self.found.unread.push(format!("`{name}` of {path} is fetched from the network"));
                }
                None => self.found.unread.push(format!("`{name}` of {path} is not in this repository")),
                Some((file, text)) => {
                    let parent = file.rsplit_once('/').map_or("", |(parent, _)| parent);
                    let target = match join(folder, name) {
                        Some(at) if at == *file => Target::File(text),
                        _ => Target::Kustomization { folder: parent.to_owned(), path: file.clone(), text },
                    };
                    targets.push(((*name).to_owned(), target));
                }
            }
        }
        targets
    }

    /// The texts of files by their names in a kustomization.
    fn texts(&mut self, folder: &str, names: &[&str]) -> Vec<Option<String>> {
        // A path that leads out of the repository has no file: git knows no empty path.
        let paths: Vec<String> = names.iter().map(|name| join(folder, name).unwrap_or_default()).collect();
        self.read(&paths)
    }

    fn read(&mut self, paths: &[String]) -> Vec<Option<String>> {
        self.files += paths.len();
        let read = match paths {
            [] => Ok(Vec::new()),
            _ if self.files > MAX_FILES => Err(format!("more than {MAX_FILES} files")),
            paths => (self.read_files)(paths),
        };
        match read {
            Ok(files) => files.into_iter().map(|file| String::from_utf8(file?).ok()).collect(),
            Err(error) => {
                self.found.unread.push(error);
                vec![None; paths.len()]
            }
        }
    }
}

/// The top level of a kustomization. Keys match regardless of case, as kustomize reads them.
struct Layout<'v> {
    root: &'v Value,
}

impl<'v> Layout<'v> {
    fn get(&self, key: &str) -> Option<&'v Value> {
        let members = self.root.as_object()?;
        members.iter().find(|(name, _)| is_same_key(name, key)).map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> Option<&'v str> {
        self.get(key)?.as_str()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = &'v Value> {
        self.get(key).and_then(Value::as_array).into_iter().flatten()
    }

    fn texts(&self, key: &str) -> Vec<&'v str> {
        self.items(key).filter_map(Value::as_str).collect()
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()))
    }
}

/// The image after all entries, one after the other.
#[must_use]
pub fn apply_rules(rules: &[ImageRule], image: &str) -> String {
    rules.iter().fold(image.to_owned(), |image, rule| rule.apply(&image))
}

/// Kustomize fetches what is no path: an address, or a repository at a host.
fn is_remote(name: &str) -> bool {
    name.contains("://") || name.contains("?ref=") || name.starts_with("git@") || name.starts_with("github.com/")
}

/// The path of `name` in `folder`, from the top of the repository; `None` when it leads out of it.
fn join(folder: &str, name: &str) -> Option<String> {
    if name.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn join_names(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests;
