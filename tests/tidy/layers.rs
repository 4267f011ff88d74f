//! Files that judge or plan are pure: they decide from values alone, so that a table of cases can test them. The check follows
//! their imports, and the imports of the imported files.

use std::collections::{BTreeMap, BTreeSet};

use promote_gates::commands::COMMANDS;

use super::{
    assert_rule,
    graph::{Graph, Module, Path},
    source::{SourceFile, mentions, without_visibility},
};

/// A file that mentions one of these is not pure: it reaches files, the network, children, threads or the clock.
const EFFECTS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "thread::spawn",
    ".exists()",
    ".canonicalize()",
    ".metadata()",
    ".read_dir()",
    "Instant::now",
    "Timestamp::now",
    "CommandContext",
    "fastrand",
    "hyper",
    "kube",
    "octocrab",
    "rustix",
    "tempfile",
    "tokio",
    "ureq",
    "walkdir",
];

/// The items that a pure file may take from an impure one: values, and functions of values alone. By file, with the reason.
const DATA: &[(&str, &[&str], &str)] =
    &[("expression", &["Expression"], "evaluates jq over a value, within limits that need a thread")];

/// Whether a file judges or plans: it has a public function of that name, implements `promotion::infra::PromotionPlan`, or has such a
/// file name.
fn decides(source: &SourceFile) -> bool {
    let named = ["/judge.rs", "/plan.rs"].iter().any(|name| source.path.ends_with(name));
    let offers = |code: &str| {
        let inner = without_visibility(code);
        let callable = inner.len() < code.len() && ["fn judge(", "fn plan("].iter().any(|name| inner.starts_with(name));
        callable || code.starts_with("impl") && code.contains("PromotionPlan for ")
    };
    source.path.starts_with("src/") && (named || source.lines.iter().any(|line| !line.test && offers(line.code.trim())))
}

/// The impure modules, with the reason.
type Impure = BTreeMap<Path, String>;

/// The modules with an effect, and those that take anything but `data` from such a module, directly or through others.
fn impure(sources: &[SourceFile], graph: &Graph, data: &[String]) -> Impure {
    let mut impure = Impure::new();
    for (path, module) in &graph.modules {
        let source = sources.iter().find(|source| source.path == module.file);
        let mut lines = source.iter().flat_map(|source| &source.lines).filter(|line| !line.test);
        if let Some(word) = lines.find_map(|line| EFFECTS.iter().find(|word| mentions(&line.code, word))) {
            impure.insert(path.clone(), format!("uses `{word}`"));
        }
    }
    loop {
        let pure = graph.modules.iter().filter(|(path, _)| !impure.contains_key(*path));
        let more: Impure = pure
            .filter_map(|(path, module)| Some((path.clone(), crossings(module, &impure, data).into_iter().next()?)))
            .collect();
        if more.is_empty() {
            return impure;
        }
        impure.extend(more);
    }
}

/// The items that a module takes from impure modules, without those in `data`.
fn crossings(module: &Module, impure: &Impure, data: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (from, names) in &module.takes_defined {
        let Some(why) = impure.get(from) else { continue };
        let items = names.iter().map(|name| format!("{}::{name}", from.join("::")));
        found.extend(items.filter(|item| !data.contains(item)).map(|item| format!("takes `{item}`, whose file {why}")));
    }
    found
}

/// The judging and planning files that are not pure, and the unused items of `data`.
fn violations(sources: &[SourceFile], data: &[String]) -> Vec<String> {
    let graph = Graph::new(sources);
    let deciding: BTreeSet<&str> =
        sources.iter().filter(|source| decides(source)).map(|source| source.path.as_str()).collect();
    let not_pure = |data: &[String]| {
        let impure = impure(sources, &graph, data);
        let modules = graph.modules.iter().filter(|(_, module)| deciding.contains(module.file.as_str()));
        let found = modules.filter_map(|(path, module)| {
            let why = impure.get(path)?;
            let crossings = crossings(module, &impure, data);
            let all = if crossings.is_empty() { why.clone() } else { crossings.join("\n    ") };
            Some((module.file.clone(), all))
        });
        found.collect::<BTreeMap<String, String>>()
    };
    let found = not_pure(data);
    let mut broken: Vec<String> = found.iter().map(|(file, why)| format!("{file}\n    {why}")).collect();
    let is_unused = |item: &&String| {
        let others: Vec<String> = data.iter().filter(|other| other != item).cloned().collect();
        not_pure(&others).len() == found.len()
    };
    let unused = data.iter().filter(is_unused);
    broken.extend(unused.map(|item| format!("{item}: no longer needed, remove it from the list")));
    broken
}

/// The crates' files that reach outside. They are not part of the graph, so a judge that imports one would not be noticed.
fn impure_crates(sources: &[SourceFile]) -> Vec<String> {
    let lines = sources
        .iter()
        .filter(|source| source.path.starts_with("crates/"))
        .flat_map(|source| source.lines.iter().filter(|line| !line.test).map(|line| (&source.path, line)));
    lines
        .filter_map(|(path, line)| {
            let word = EFFECTS.iter().find(|word| mentions(&line.code, word))?;
            Some(format!("{path}:{}: `{word}`", line.number))
        })
        .collect()
}

#[test]
fn crates_are_pure() {
    let sources = super::sources();
    assert!(sources.iter().any(|source| source.path.starts_with("crates/")), "the crates are found");
    assert_rule("a crate of this repository works on values alone, as judges may import it:", impure_crates(&sources));
    let text = "use std::fs;\nfn f() {}\nmod tests {\n    use std::env;\n}";
    let violation = [SourceFile::new("crates/a/src/lib.rs", text), SourceFile::new("src/a.rs", text)];
    assert_eq!(impure_crates(&violation), ["crates/a/src/lib.rs:1: `std::fs`"]);
}

#[test]
fn judging_and_planning_are_pure() {
    let items = DATA.iter().flat_map(|(file, names, _)| names.iter().map(move |name| format!("{file}::{name}")));
    assert_rule(
        "a file that judges or plans decides from values alone, and so do the files that it imports:",
        violations(&super::sources(), &items.collect::<Vec<_>>()),
    );
}

#[test]
fn every_gate_has_a_pure_judge() {
    let sources = super::sources();
    let gates = COMMANDS.iter().filter(|entry| entry.kind.is_gate()).map(|entry| entry.name);
    let broken = gates.filter_map(|name| {
        let folder = format!("src/commands/{}/", name.replace('-', "_"));
        let judged = sources.iter().any(|source| source.path.starts_with(&folder) && decides(source));
        (!judged).then(|| format!("{name}: no file below {folder} has a public `fn judge`"))
    });
    assert_rule("a gate judges in a separate file, which is pure:", broken);
}

#[test]
fn an_impure_judge_is_reported_with_the_chain_of_imports() {
    let judge = "pub fn judge(seen: &Seen) -> Judgement {}";
    let look = ("src/look.rs", "use std::fs;\npub struct Seen;\npub fn look() {}");
    for (files, named) in [
        (
            vec![("src/j.rs", format!("{judge}\nfn f(ctx: &CommandContext) {{}}"))],
            "src/j.rs\n    uses `CommandContext`",
        ),
        (vec![("src/x/judge.rs", "let began = Instant::now();".to_owned())], "src/x/judge.rs\n    uses `Instant::now`"),
        (
            vec![("src/p.rs", "use crate::look::{Seen, look};\nimpl PromotionPlan for Promote {}".to_owned())],
            "src/p.rs\n    takes `look::look`, whose file uses `std::fs`",
        ),
        (
            vec![("src/j.rs", format!("use crate::a::A;\n{judge}")), ("src/a.rs", "use crate::look::look;".to_owned())],
            "src/j.rs\n    takes `a::A`, whose file takes `look::look`, whose file uses `std::fs`",
        ),
    ] {
        let mut sources: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        sources.push(SourceFile::new(look.0, look.1));
        let found = violations(&sources, &["look::Seen".to_owned()]);
        assert!(found.contains(&named.to_owned()), "{named} in {found:?}");
    }
}

#[test]
fn a_pure_judge_passes_and_unused_list_items_are_reported() {
    let sources = [
        SourceFile::new("src/j.rs", "use crate::look::Seen;\npub fn judge() {}\nmod tests {\n    use std::fs;\n}"),
        SourceFile::new("src/look.rs", "use std::fs;\npub struct Seen;"),
    ];
    let item = |name: &str| format!("look::{name}");
    assert_eq!(violations(&sources, &[item("Seen")]), Vec::<String>::new());
    assert_eq!(
        violations(&sources, &[item("Seen"), item("Other")]),
        ["look::Other: no longer needed, remove it from the list"]
    );
}
