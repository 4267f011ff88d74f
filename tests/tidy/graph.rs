//! The imports between modules, read from `use` items and paths in production code.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    assert_rule,
    source::{SourceFile, in_name, without_visibility},
};

/// The path of a module or an item below the crate: `world`, `github`, `Repository`.
pub type Path = Vec<String>;

/// A module: its file, and the items that it takes from other modules.
#[derive(Default)]
pub struct Module {
    pub file: String,
    /// Names by the module they are taken from. A parent that calls `child::f()` takes from the child; a child that imports
    /// `super::X` takes from the parent.
    pub takes: BTreeMap<Path, BTreeSet<String>>,
    /// The same, but a name that a module only re-exports is taken from the module that defines it.
    pub takes_defined: BTreeMap<Path, BTreeSet<String>>,
}

/// The modules of the crate without `lib.rs` and `main.rs`, which only list the others.
pub struct Graph {
    pub modules: BTreeMap<Path, Module>,
}

/// A file before its paths are resolved.
struct Unresolved<'a> {
    source: &'a SourceFile,
    children: BTreeSet<&'a str>,
    /// Modules by the name that an import gives them here.
    aliases: BTreeMap<String, Path>,
    /// Re-exports: the name here, and the path of the definition.
    reexports: BTreeMap<String, Path>,
}

impl Graph {
    pub fn new(sources: &[SourceFile]) -> Self {
        let only_tests = test_modules(sources);
        let mut files: BTreeMap<Path, Unresolved<'_>> = BTreeMap::new();
        for source in sources {
            let Some(path) = module_path(&source.path) else { continue };
            if !(1..=path.len()).any(|length| only_tests.contains(&path[..length])) {
                let children = production(source).filter_map(declared_module).collect();
                files.insert(
                    path,
                    Unresolved { source, children, aliases: BTreeMap::new(), reexports: BTreeMap::new() },
                );
            }
        }
        let names: BTreeSet<Path> = files.keys().cloned().collect();
        for (path, file) in &mut files {
            for line in file.source.lines.iter().filter(|line| !line.test) {
                let Some((import, name)) = line.code.strip_prefix("use ").map(imported) else { continue };
                let Some(target) = absolute(path, file, &import) else { continue };
                if line.reexport {
                    file.reexports.insert(name.clone(), target.clone());
                }
                if names.contains(&target) {
                    file.aliases.insert(name, target);
                }
            }
        }
        let modules = files.iter().map(|(path, file)| (path.clone(), resolve(path, file, &files))).collect();
        Self { modules }
    }

    pub fn file(&self, path: &Path) -> &str {
        self.modules.get(path).map_or("", |module| &module.file)
    }

    /// Groups of modules in which each module takes from every other, directly or through others.
    fn circles(&self) -> Vec<BTreeSet<&Path>> {
        let reach: BTreeMap<&Path, BTreeSet<&Path>> =
            self.modules.keys().map(|path| (path, self.reachable(path))).collect();
        let mut circles: Vec<BTreeSet<&Path>> = Vec::new();
        for (path, reached) in &reach {
            if reached.contains(path) && !circles.iter().any(|circle| circle.contains(path)) {
                circles.push(reached.iter().copied().filter(|other| reach[other].contains(path)).collect());
            }
        }
        circles
    }

    fn reachable<'a>(&'a self, from: &Path) -> BTreeSet<&'a Path> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Path> = self.modules[from].takes.keys().collect();
        while let Some(path) = open.pop() {
            if reached.insert(path) {
                open.extend(self.modules[path].takes.keys());
            }
        }
        reached
    }

    /// Describes the shortest way around a circle: `a.rs → b.rs → a.rs: by X and Y`.
    fn describe(&self, circle: &BTreeSet<&Path>) -> String {
        let ways = circle.iter().filter_map(|start| self.way_around(start, circle));
        let way = ways.min_by_key(Vec::len).unwrap_or_default();
        let files: Vec<&str> = way.iter().map(|path| self.file(path)).collect();
        let names = way.windows(2).map(|step| {
            let names: Vec<&str> = self.modules[step[0]].takes[step[1]].iter().map(String::as_str).collect();
            format!("{} takes {}", self.file(step[0]), names.join(", "))
        });
        let names: Vec<String> = names.collect();
        format!("{} ({} files in all): {}", files.join(" → "), circle.len(), names.join("; "))
    }

    fn way_around<'a>(&'a self, start: &'a Path, circle: &BTreeSet<&'a Path>) -> Option<Vec<&'a Path>> {
        let mut before: BTreeMap<&Path, &Path> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(path) = open.pop_front() {
            for next in self.modules[path].takes.keys().filter(|next| circle.contains(next)) {
                if next == start {
                    let back = std::iter::successors(Some(path), |at| before.get(at).copied());
                    let mut way: Vec<&Path> = [start].into_iter().chain(back).collect();
                    way.reverse();
                    return Some(way);
                }
                if !before.contains_key(next) {
                    before.insert(next, path);
                    open.push_back(next);
                }
            }
        }
        None
    }
}

/// `src/world/git.rs` is `world::git`.
fn module_path(file: &str) -> Option<Path> {
    let inner = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let tests = inner.split('/').any(|part| part == "tests");
    (!tests && !matches!(inner, "lib" | "main")).then(|| inner.split('/').map(ToOwned::to_owned).collect())
}

/// Modules that are compiled for tests alone.
fn test_modules(sources: &[SourceFile]) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    for source in sources {
        let Some(path) = module_path(&source.path) else { continue };
        for pair in source.lines.windows(2).filter(|pair| pair[0].code.trim() == "#[cfg(test)]") {
            found.extend(declared_module(&pair[1].code).map(|name| joined(&path, &[name])));
        }
    }
    found
}

/// The code that is neither a test nor behind `#[cfg(test)]`.
fn production(source: &SourceFile) -> impl Iterator<Item = &str> {
    let mut after_cfg_test = false;
    source.lines.iter().filter(|line| !line.test).filter_map(move |line| {
        let skipped = std::mem::replace(&mut after_cfg_test, line.code.trim() == "#[cfg(test)]");
        (!skipped).then_some(line.code.as_str())
    })
}

/// `child` of `pub mod child;`
fn declared_module(line: &str) -> Option<&str> {
    without_visibility(line.trim()).strip_prefix("mod ")?.strip_suffix(';')
}

fn joined(path: &[String], rest: &[&str]) -> Path {
    path.iter().cloned().chain(rest.iter().map(|part| (*part).to_owned())).collect()
}

/// The path of an import, and the name that it has here.
fn imported(import: &str) -> (Vec<&str>, String) {
    let (path, name) = import.split_once(" as ").map_or((import, None), |(path, name)| (path, Some(name)));
    let mut path: Vec<&str> = path.split("::").map(str::trim).collect();
    if path.last() == Some(&"self") && path.len() > 1 {
        path.pop();
    }
    let name = name.or(path.last().copied()).unwrap_or_default().to_owned();
    (path, name)
}

/// A path below the crate, when it is one of ours.
fn absolute(module: &Path, file: &Unresolved<'_>, path: &[&str]) -> Option<Path> {
    let (first, rest) = path.split_first()?;
    match *first {
        "crate" => Some(joined(&[], rest)),
        "self" => Some(joined(module, rest)),
        "super" => {
            let ups = path.iter().take_while(|part| **part == "super").count();
            Some(joined(&module[..module.len().checked_sub(ups)?], &path[ups..]))
        }
        name if file.children.contains(name) => Some(joined(module, path)),
        name => file.aliases.get(name).map(|target| joined(target, rest)),
    }
}

/// The paths that a line of code mentions: `crate::a::b`, `child::f`.
fn mentioned(code: &str) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    let mut rest = code;
    let mut before = "";
    while let Some(start) = rest.find(|c: char| in_name(c)) {
        before = if start > 0 { &rest[..start] } else { before };
        let inside = &rest[start..];
        let joins = |c: char| in_name(c) || c == ':';
        let whole = &inside[..inside.find(|c| !joins(c)).unwrap_or(inside.len())];
        let path: Vec<&str> = whole.split("::").take_while(|part| !part.is_empty() && !part.contains(':')).collect();
        if path.len() > 1 && !before.ends_with("::") && !before.ends_with(['.', '\'']) {
            paths.push(path);
        }
        before = whole;
        rest = &inside[whole.len()..];
    }
    paths
}

fn resolve(path: &Path, file: &Unresolved<'_>, files: &BTreeMap<Path, Unresolved<'_>>) -> Module {
    let mut module = Module { file: file.source.path.clone(), ..Module::default() };
    for line in production(file.source) {
        let taken: Vec<Path> = match line.strip_prefix("use ") {
            Some(import) => absolute(path, file, &imported(import).0).into_iter().collect(),
            None => mentioned(line).iter().filter_map(|taken| absolute(path, file, taken)).collect(),
        };
        for target in taken {
            for (followed, takes) in [(false, &mut module.takes), (true, &mut module.takes_defined)] {
                // A module that is imported as a whole is taken from where its items are mentioned.
                if let Some((from, name)) = owner(&target, files, followed, 0)
                    && from != *path
                {
                    takes.entry(from).or_default().insert(name);
                }
            }
        }
    }
    module
}

/// The module that has an item, and the item's name. A re-export is followed to where the item is defined.
fn owner(
    target: &Path,
    files: &BTreeMap<Path, Unresolved<'_>>,
    followed: bool,
    depth: usize,
) -> Option<(Path, String)> {
    let length = (1..=target.len()).rev().find(|length| files.contains_key(&target[..*length]))?;
    let (from, inner) = (&target[..length], &target[length..]);
    let name = inner.first()?;
    match files[from].reexports.get(name) {
        Some(defined) if followed && depth < 10 => {
            let rest: Vec<&str> = inner[1..].iter().map(String::as_str).collect();
            owner(&joined(defined, &rest), files, followed, depth + 1)
        }
        _ => Some((from.to_vec(), name.clone())),
    }
}

/// A description of each circle.
fn circles(graph: &Graph) -> Vec<String> {
    graph.circles().iter().map(|circle| graph.describe(circle)).collect()
}

#[test]
fn no_circles_between_files() {
    let graph = Graph::new(&super::sources());
    assert!(graph.modules.len() > 100, "the modules are found");
    assert_rule(
        "files must not take from each other in a circle, directly or through others: move the shared items into a new file:",
        circles(&graph),
    );
}

fn graph(files: &[(&str, &str)]) -> Graph {
    Graph::new(&files.iter().map(|(path, text)| SourceFile::new(path, text)).collect::<Vec<_>>())
}

#[test]
fn a_circle_is_described_by_its_shortest_way() {
    for (files, description) in [
        (
            &[("src/a.rs", "use crate::b::{self, B};\nfn f() { b::g(); }"), ("src/b.rs", "type T = super::a::A;")][..],
            "src/a.rs → src/b.rs → src/a.rs (2 files in all): src/a.rs takes B, g; src/b.rs takes A",
        ),
        (
            &[("src/p.rs", "pub mod c;\npub struct X;\nfn f() {\n    c::g()\n}"), ("src/p/c.rs", "use super::X;")],
            "src/p.rs → src/p/c.rs → src/p.rs (2 files in all): src/p.rs takes g; src/p/c.rs takes X",
        ),
        (
            &[
                ("src/a.rs", "use crate::{b::B, c};"),
                ("src/b.rs", "pub(crate) use crate::{\n    c::C as D,\n};"),
                ("src/c.rs", "impl crate::a::A for X {}"),
            ],
            "src/a.rs → src/b.rs → src/c.rs → src/a.rs (3 files in all): src/a.rs takes B; src/b.rs takes C; src/c.rs takes A",
        ),
    ] {
        assert_eq!(circles(&graph(files)), [description]);
    }
}

#[test]
fn imports_of_tests_make_no_circle() {
    let graph = graph(&[
        ("src/lib.rs", "pub mod a;"),
        (
            "src/a.rs",
            "use crate::b::B; // crate::a::A\n#[cfg(test)]\nmod stage;\n#[cfg(test)]\nmod tests {\n    f()\n}",
        ),
        ("src/a/stage.rs", "use super::A;"),
        ("src/a/tests.rs", "use crate::b::B;"),
        ("src/b.rs", "fn f(x: &str) { x(\"crate::a::A\") }\nmod tests {\n    use crate::a::A;\n}"),
    ]);
    assert_eq!(circles(&graph), Vec::<String>::new());
    assert_eq!(graph.modules.len(), 2);
}

#[test]
fn a_reexport_is_followed_to_its_definition() {
    let graph = graph(&[
        ("src/p.rs", "mod c;\npub use c::X;"),
        ("src/p/c.rs", "pub struct X;"),
        ("src/a.rs", "use crate::p::X;"),
    ]);
    let module = &graph.modules[&vec!["a".to_owned()]];
    let files = |takes: &BTreeMap<Path, BTreeSet<String>>| -> Vec<String> {
        takes.keys().map(|path| graph.file(path).to_owned()).collect()
    };
    assert_eq!(
        (files(&module.takes), files(&module.takes_defined)),
        (vec!["src/p.rs".to_owned()], vec!["src/p/c.rs".to_owned()])
    );
}
