//! Which package the bytes of a bundle come from: what the bundler's own data or the source maps say, checked against the sizes
//! of the measured files.

pub mod esbuild;
pub mod find;
pub mod judge;
pub mod rollup;
pub mod source_map;
pub mod webpack;

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::file_name;

/// The name of what is in no package.
pub const OWN_CODE: &str = "(own code)";

/// What a bundler says about its output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The outputs with their sizes, where they are known.
    pub outputs: BTreeMap<String, Option<u64>>,
    /// Output, source, bytes.
    pub parts: Vec<(String, String, u64)>,
    /// A source, and the sources that import it.
    pub importers: BTreeMap<String, Vec<String>>,
    /// The bytes are those before minification: only their proportion counts.
    pub unminified: bool,
}

/// One package in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Raw bytes.
    pub bytes: u64,
    /// The files with its code.
    pub files: BTreeMap<String, u64>,
    /// The first source outside of it that imports it.
    pub imported_by: Option<String>,
    /// Where it is installed: several places are several copies.
    pub places: BTreeSet<String>,
}

/// The packages of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    /// Where this is known from; empty if nothing is known.
    pub source: String,
    /// The files that were not used, each with the reason.
    pub unused: Vec<String>,
    pub packages: BTreeMap<String, Package>,
}

impl Packages {
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.packages.is_empty()
    }

    /// Raw bytes by package.
    #[must_use]
    pub fn bytes(&self) -> BTreeMap<String, u64> {
        self.packages.iter().map(|(name, package)| (name.clone(), package.bytes)).collect()
    }

    /// Adds up the parts by package. `files` are the measured files with their raw sizes: outputs that are none of them, or have
    /// a very different size, are of another build and do not count.
    #[must_use]
    pub fn attribute(source: &str, parts: &Parts, files: &BTreeMap<&str, u64>) -> Self {
        // By the last part of the path: a hostile file may name a million outputs.
        let mut by_name = ByName::new();
        for (path, raw) in files {
            by_name.entry(file_name(path)).or_default().push((path, *raw));
        }
        let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
        for (output, _, bytes) in &parts.parts {
            let total = totals.entry(output).or_default();
            *total = total.saturating_add(*bytes);
        }
        let mut measured: BTreeMap<&str, &str> = BTreeMap::new();
        let mut described: BTreeSet<&str> = BTreeSet::new();
        // A bundler may know its outputs by another folder: the name has the hash of the content. A file that an output has by its path
        // is no output of another folder.
        for find in [find_by_path, find_by_name] {
            for (output, size) in &parts.outputs {
                let Some(file) = find(output, *size, &by_name).filter(|_| !measured.contains_key(output.as_str()))
                else {
                    continue;
                };
                // More bytes than the file has are no data of this build.
                let total = totals.get(output.as_str()).copied().unwrap_or_default();
                let fits = parts.unminified || is_about(total.max(files[file]), files[file]);
                if fits && described.insert(file) {
                    measured.insert(output, file);
                }
            }
        }
        let mut found = Self { source: source.to_owned(), ..Self::default() };
        for (output, source, bytes) in &parts.parts {
            let Some(file) = measured.get(output.as_str()) else { continue };
            let total = totals.get(output.as_str()).copied().unwrap_or_default();
            let bytes = if parts.unminified { scale(*bytes, files[file], total) } else { *bytes };
            let place = Place::of(source);
            let package = found.packages.entry(place.package.to_owned()).or_default();
            package.bytes = package.bytes.saturating_add(bytes);
            let of_file = package.files.entry((*file).to_owned()).or_default();
            *of_file = of_file.saturating_add(bytes);
            if place.package != OWN_CODE {
                package.places.insert(place.folder.to_owned());
                let others = || parts.importers.get(source).into_iter().flatten();
                let outside = |importer: &&String| Place::of(importer).package != place.package;
                let own = |importer: &&String| Place::of(importer).package == OWN_CODE;
                let importer = others().find(own).or_else(|| others().find(outside));
                if package.imported_by.as_ref().is_none_or(|known| Place::of(known).package != OWN_CODE) {
                    package.imported_by = importer.cloned().or(package.imported_by.take());
                }
            }
        }
        found
    }

    /// The files whose packages are known.
    #[must_use]
    pub fn described(&self) -> BTreeSet<&str> {
        self.packages.values().flat_map(|package| package.files.keys()).map(String::as_str).collect()
    }

    /// Removes the code in files that `other` describes, since it would count twice. Returns these files.
    pub fn remove_described(&mut self, other: &Self) -> Vec<String> {
        let others = other.described();
        let twice: Vec<String> = self.described().intersection(&others).map(|file| (*file).to_owned()).collect();
        for package in self.packages.values_mut() {
            let removed = twice.iter().filter_map(|file| package.files.remove(file));
            package.bytes = removed.fold(package.bytes, u64::saturating_sub);
        }
        self.packages.retain(|_, package| !package.files.is_empty());
        twice
    }

    /// Adds the packages of another part of the bundle.
    pub fn merge(&mut self, other: Self) {
        if self.source.is_empty() {
            self.source = other.source;
        }
        for (name, package) in other.packages {
            let known = self.packages.entry(name).or_default();
            known.bytes = known.bytes.saturating_add(package.bytes);
            known.places.extend(package.places);
            known.imported_by = known.imported_by.take().or(package.imported_by);
            for (file, bytes) in package.files {
                let of_file = known.files.entry(file).or_default();
                *of_file = of_file.saturating_add(bytes);
            }
        }
    }
}

/// The measured files by the last part of their paths, with their raw sizes.
type ByName<'a> = BTreeMap<&'a str, Vec<(&'a str, u64)>>;

/// The measured file that an output is: the same path, or the only one that ends with it, and about the same size: a later step
/// of the build may add a banner, or minify once more.
fn find_by_path<'a>(output: &str, size: Option<u64>, by_name: &ByName<'a>) -> Option<&'a str> {
    let output = output.trim_start_matches("./");
    // Each of them ends with the name of the output.
    let files = by_name.get(file_name(output))?;
    let ends =
        |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    let mut same = files.iter().filter(|(path, raw)| fits(size, *raw) && (ends(path, output) || ends(output, path)));
    match (same.next(), same.next()) {
        (Some((path, _)), None) => Some(path),
        (Some(_), Some(_)) => files.iter().find(|(path, _)| *path == output).map(|(path, _)| *path),
        (None, _) => None,
    }
}

/// The only measured file with the name of an output and about its size, if no path ends with the other.
fn find_by_name<'a>(output: &str, size: Option<u64>, by_name: &ByName<'a>) -> Option<&'a str> {
    let mut named = by_name.get(file_name(output))?.iter().filter(|(_, raw)| fits(size, *raw));
    match (named.next(), named.next()) {
        (Some((path, _)), None) => Some(path),
        _ => None,
    }
}

/// Whether an output may be a file of `raw` bytes.
fn fits(size: Option<u64>, raw: u64) -> bool {
    size.is_none_or(|size| is_about(size, raw))
}

/// Whether a size is that of a file of `raw` bytes, up to a tenth.
const fn is_about(size: u64, raw: u64) -> bool {
    size.abs_diff(raw) <= raw / 10
}

/// The share of `part` in `whole`, of `bytes`.
fn scale(part: u64, bytes: u64, whole: u64) -> u64 {
    let scaled = u128::from(part) * u128::from(bytes) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Where a source is installed.
struct Place<'a> {
    package: &'a str,
    folder: &'a str,
}

impl<'a> Place<'a> {
    /// The last `node_modules` in a path counts: pnpm, yarn and nested installations have several.
    fn of(source: &'a str) -> Self {
        const FOLDER: &str = "node_modules/";
        let own = Place { package: OWN_CODE, folder: "" };
        let Some(at) = source.rfind(FOLDER) else { return own };
        let rest = &source[at + FOLDER.len()..];
        let slashes = if rest.starts_with('@') { 2 } else { 1 };
        let end = rest.match_indices('/').nth(slashes - 1).map_or(rest.len(), |(end, _)| end);
        let package = &rest[..end];
        if package.is_empty() || package.starts_with('.') {
            return own;
        }
        Place { package, folder: &source[..at + FOLDER.len() + end] }
    }
}

#[cfg(test)]
mod tests;
