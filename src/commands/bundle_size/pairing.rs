//! Finds the file of the baseline that each current file comes from. What is left counts as added or removed: a new file is
//! never set off against a removed one that is unlike it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    bundle::BundleFile,
    names::{self, HASH_MARK, canonical_name},
};

/// Files that belong together: one file before and now, a new or a removed one, or several whose contents were split or merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMatch<'a> {
    pub before: Vec<&'a BundleFile>,
    pub now: Vec<&'a BundleFile>,
    /// One file whose content is another: all of it is new.
    pub replaced: bool,
}

/// Matches every file exactly once, by the strongest evidence first: path, content, the bundler's manifest, the name without
/// its hash, similar content.
#[must_use]
pub fn match_files<'a>(before: &'a [BundleFile], now: &'a [BundleFile]) -> Vec<FileMatch<'a>> {
    let mut sides = Sides::new(before, now);
    sides.by_path_and_content();
    sides.by_key(|file| file.id.clone());
    sides.by_sums();
    sides.by_name();
    sides.by_resemblance();
    sides.by_containment();
    sides.by_moved_code();
    sides.by_uncertain_name();
    sides.by_replacement();
    let Sides { before, now, mut found, .. } = sides;
    found.extend(before.into_iter().map(|file| FileMatch { before: vec![file], ..FileMatch::default() }));
    found.extend(now.into_iter().map(|file| FileMatch { now: vec![file], ..FileMatch::default() }));
    found
}

/// The files that are not matched yet, and those that are.
struct Sides<'a> {
    before: Vec<&'a BundleFile>,
    now: Vec<&'a BundleFile>,
    found: Vec<FileMatch<'a>>,
    /// The names without their hashes that only one file had, on both sides.
    unique: HashSet<String>,
}

impl<'a> Sides<'a> {
    fn new(before: &'a [BundleFile], now: &'a [BundleFile]) -> Self {
        let singles = |files: &[BundleFile]| {
            let mut counts: HashMap<String, u32> = HashMap::new();
            for file in files {
                *counts.entry(canonical_name(&file.path)).or_default() += 1;
            }
            counts.into_iter().filter(|(_, count)| *count == 1).map(|(name, _)| name).collect::<HashSet<String>>()
        };
        let unique = singles(before).intersection(&singles(now)).cloned().collect();
        Self { before: before.iter().collect(), now: now.iter().collect(), found: Vec::new(), unique }
    }

    fn by_path_and_content(&mut self) {
        self.by_key(|file| Some(file.path.clone()));
        self.by_each_key(|file| Some(file.sha256.clone()).filter(|hash| !hash.is_empty()));
    }

    /// Pairs the files that alone have a key on both sides.
    fn by_key(&mut self, key: impl Fn(&BundleFile) -> Option<String>) {
        self.pair(key, |before, now| before.len() == 1 && now.len() == 1);
    }

    /// Pairs files of one key in the order of their paths.
    fn by_each_key(&mut self, key: impl Fn(&BundleFile) -> Option<String>) {
        self.pair(key, |_, _| true);
    }

    fn pair(&mut self, key: impl Fn(&BundleFile) -> Option<String>, wanted: impl Fn(&[usize], &[usize]) -> bool) {
        let (before, now) = (by_key(&self.before, &key), by_key(&self.now, &key));
        let mut pairs = Vec::new();
        for (key, old) in &before {
            let Some(new) = now.get(key).filter(|new| wanted(old, new)) else { continue };
            let zipped = old.iter().copied().zip(new.iter().copied()).filter(|pair| !self.is_unlike(*pair));
            pairs.extend(zipped.map(|(old, new)| (vec![old], vec![new])));
        }
        self.take(pairs);
    }

    /// Whether two files are known to have nothing in common, whatever their names.
    fn is_unlike(&self, (old, new): (usize, usize)) -> bool {
        let sketches = self.before[old].sketch.as_ref().zip(self.now[new].sketch.as_ref());
        sketches.is_some_and(|(old, new)| old.is_unlike(new))
    }

    /// Matches the files of the baseline whose sizes are sums: with every file of that name, as the sum was made.
    fn by_sums(&mut self) {
        if !self.before.iter().any(|file| is_sum(file)) {
            return;
        }
        let before = self.before.iter().map(|file| (file.path.clone(), file.sizes.raw)).collect::<Vec<_>>();
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for file in &self.now {
            *sums.entry(canonical_name(&file.path)).or_default() += file.sizes.raw;
        }
        let now: Vec<_> = sums.iter().map(|(name, raw)| (name.as_str(), *raw)).collect();
        let indices = by_key(&self.now, |file| Some(canonical_name(&file.path)));
        let index = |path: &str| self.before.iter().position(|file| file.path == path);
        let pairs = names::pair_names(before.iter().map(|(name, raw)| (name.as_str(), *raw)), now);
        let pairs = pairs.iter().filter(|pair| !pair.before.is_empty() && !pair.now.is_empty());
        let found = pairs.map(|pair| {
            let old = pair.before.iter().filter_map(|name| index(name)).collect();
            (old, pair.now.iter().filter_map(|name| indices.get(*name)).flatten().copied().collect())
        });
        let found: Vec<_> = found.collect();
        self.take(found);
    }

    /// Pairs the files that differ only in the hash of their names: all of them if the name is the only one of its kind, else
    /// those with similar content.
    fn by_name(&mut self) {
        let key = |file: &BundleFile| Some(canonical_name(&file.path)).filter(|name| has_word(name));
        let (before, now) = (by_key(&self.before, key), by_key(&self.now, key));
        let mut pairs = Vec::new();
        for (name, old) in before {
            let Some(new) = now.get(&name) else { continue };
            if self.unique.contains(&name) {
                let alike = old.iter().copied().zip(new.iter().copied()).filter(|pair| !self.is_unlike(*pair));
                pairs.extend(alike.map(|(old, new)| (vec![old], vec![new])));
            } else {
                pairs.extend(self.most_alike(&old, new));
            }
        }
        self.take(pairs);
    }

    fn by_resemblance(&mut self) {
        let all = |files: &[&BundleFile]| (0..files.len()).collect::<Vec<_>>();
        let pairs = self.most_alike(&all(&self.before), &all(&self.now));
        self.take(pairs);
    }

    /// The pairs of files that are alike, the most alike first.
    fn most_alike(&self, before: &[usize], now: &[usize]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let mut alike: Vec<(usize, usize, usize)> = candidates(&self.before, before, &self.now, now)
            .into_iter()
            .filter_map(|(old, new)| {
                let share = self.before[old].sketch.as_ref()?.resemblance(self.now[new].sketch.as_ref()?)?;
                Some((share.in_parts(), old, new))
            })
            .collect();
        alike.sort_by_key(|(share, old, new)| (std::cmp::Reverse(*share), *old, *new));
        let (mut used_before, mut used_now) = (vec![false; self.before.len()], vec![false; self.now.len()]);
        let mut pairs = Vec::new();
        for (_, old, new) in alike {
            if !used_before[old] && !used_now[new] {
                (used_before[old], used_now[new]) = (true, true);
                pairs.push((vec![old], vec![new]));
            }
        }
        pairs
    }

    /// Matches files of which one holds the other: chunks that were merged or split.
    fn by_containment(&mut self) {
        let all = |files: &[&BundleFile]| (0..files.len()).collect::<Vec<_>>();
        let links: Vec<(usize, usize)> = candidates(&self.before, &all(&self.before), &self.now, &all(&self.now))
            .into_iter()
            .filter(|(old, new)| match (&self.before[*old].sketch, &self.now[*new].sketch) {
                (Some(old), Some(new)) => old.is_contained(new),
                _ => false,
            })
            .collect();
        // The connected parts: a file's label is the smallest index of a file before that it is connected with.
        let mut labels: Vec<usize> = (0..self.before.len()).collect();
        let mut of_now = vec![usize::MAX; self.now.len()];
        loop {
            let mut changed = false;
            for &(old, new) in &links {
                let label = labels[old].min(of_now[new]);
                changed |= labels[old] != label || of_now[new] != label;
                (labels[old], of_now[new]) = (label, label);
            }
            if !changed {
                break;
            }
        }
        let mut parts: BTreeMap<usize, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (new, label) in of_now.iter().enumerate().filter(|(_, label)| **label != usize::MAX) {
            parts.entry(*label).or_default().1.push(new);
        }
        for (old, label) in labels.iter().enumerate() {
            if let Some(part) = parts.get_mut(label) {
                part.0.push(old);
            }
        }
        self.take(parts.into_values().collect());
    }

    /// Adds a new file to the matches whose contents shrank and held it before, and a removed one to those that grew and hold it
    /// now: code that moved to its own chunk, or out of one.
    fn by_moved_code(&mut self) {
        let raw = |files: &[&BundleFile]| files.iter().map(|file| file.sizes.raw).sum::<u64>();
        let holds = |files: &[&BundleFile], part: &BundleFile| {
            let contained = |file: &&BundleFile| {
                file.sketch.as_ref().zip(part.sketch.as_ref()).is_some_and(|(whole, part)| part.is_contained(whole))
            };
            files.iter().any(contained)
        };
        let found = &mut self.found;
        self.now.retain(|file| {
            let shrunk = |each: &&mut FileMatch| raw(&each.before) > raw(&each.now) && holds(&each.before, file);
            found.iter_mut().find(shrunk).map(|each| each.now.push(file)).is_none()
        });
        self.before.retain(|file| {
            let grown = |each: &&mut FileMatch| raw(&each.now) > raw(&each.before) && holds(&each.now, file);
            found.iter_mut().find(grown).map(|each| each.before.push(file)).is_none()
        });
    }

    /// Pairs files whose names differ in a text that may be a hash, if their contents are unknown or too small to compare.
    fn by_uncertain_name(&mut self) {
        let known = |file: &BundleFile| file.sketch.as_ref().is_some_and(super::sketch::Sketch::is_telling);
        self.by_key(|file| Some(names::name_without_hash(&canonical_name(&file.path))).filter(|_| !known(file)));
    }

    /// Matches files of one path or name whose contents have nothing in common, and that are like no other file.
    fn by_replacement(&mut self) {
        let matched = self.found.len();
        let ids = |files: &[&BundleFile]| by_key(files, |file| file.id.clone());
        let (before, now) = (ids(&self.before), ids(&self.now));
        let pairs = before.into_iter().filter_map(|(id, old)| Some((old, now.get(&id)?.clone())));
        let pairs = pairs.filter(|(old, new)| old.len() == 1 && new.len() == 1).collect();
        self.take(pairs);
        let keys: [fn(&BundleFile) -> String; 2] = [|file| file.path.clone(), |file| canonical_name(&file.path)];
        for key in keys {
            let key = |file: &BundleFile| Some(key(file)).filter(|name| has_word(name));
            let (before, now) = (by_key(&self.before, key), by_key(&self.now, key));
            let pairs = before.into_iter().filter_map(|(name, old)| {
                let new = now.get(&name).filter(|new| old.len() == 1 && new.len() == 1)?;
                (self.unique.contains(&canonical_name(&name)) || !name.contains(HASH_MARK)).then(|| (old, new.clone()))
            });
            let pairs = pairs.collect();
            self.take(pairs);
        }
        self.found[matched..].iter_mut().for_each(|each| each.replaced = true);
    }

    /// Moves the files with these indices to the matches.
    fn take(&mut self, matches: Vec<(Vec<usize>, Vec<usize>)>) {
        if matches.is_empty() {
            return;
        }
        let (mut used_before, mut used_now) = (vec![false; self.before.len()], vec![false; self.now.len()]);
        for (old, new) in matches {
            for index in &old {
                used_before[*index] = true;
            }
            for index in &new {
                used_now[*index] = true;
            }
            let before = old.iter().map(|index| self.before[*index]).collect();
            let now = new.iter().map(|index| self.now[*index]).collect();
            self.found.push(FileMatch { before, now, replaced: false });
        }
        retain(&mut self.before, &used_before);
        retain(&mut self.now, &used_now);
    }
}

fn retain(files: &mut Vec<&BundleFile>, used: &[bool]) {
    let mut index = 0;
    files.retain(|_| {
        index += 1;
        !used[index - 1]
    });
}

/// Whether the sizes are the sum of several files: those of a canonical name in a baseline of the first schema.
fn is_sum(file: &BundleFile) -> bool {
    file.sha256.is_empty() && file.path.contains(HASH_MARK)
}

/// Whether a canonical file name has anything but a hash.
fn has_word(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.replace(HASH_MARK, "").contains(|c: char| c.is_alphanumeric())
}

fn by_key(files: &[&BundleFile], key: impl Fn(&BundleFile) -> Option<String>) -> BTreeMap<String, Vec<usize>> {
    let mut indices: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        if let Some(key) = key(file) {
            indices.entry(key).or_default().push(index);
        }
    }
    indices
}

/// The pairs of files whose sketches share a hash.
fn candidates(before: &[&BundleFile], old: &[usize], now: &[&BundleFile], new: &[usize]) -> Vec<(usize, usize)> {
    let mut holders: HashMap<u32, Vec<usize>> = HashMap::new();
    let hashes = |file: &'_ BundleFile| file.sketch.as_ref().map(|sketch| sketch.hashes().to_vec()).unwrap_or_default();
    for &index in old {
        for hash in hashes(before[index]) {
            holders.entry(hash).or_default().push(index);
        }
    }
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for &index in new {
        let shared = hashes(now[index]).into_iter().filter_map(|hash| holders.get(&hash)).flatten();
        let mut shared: Vec<usize> = shared.copied().collect();
        shared.sort_unstable();
        shared.dedup();
        pairs.extend(shared.into_iter().map(|old| (old, index)));
    }
    pairs
}

#[cfg(test)]
mod tests;
