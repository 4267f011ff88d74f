//! Edits of a shipped workflow: values are set, and lines that a repository does not need are removed. Everything else stays as it
//! is shipped. Pure.

use crate::{
    workflow::{MAX_DEPTH, nodes::WorkflowNodes},
    yaml::tree::{SpannedNode, read_document},
};

/// A step on the way to a node: a key of a mapping, or the index of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At<'a> {
    Key(&'a str),
    Item(usize),
}

use At::{Item, Key};

/// A workflow while it is edited.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
}

/// A part of a shipped workflow that the edits rely on, and that it does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct TemplateError(pub String);

/// The lines of a node: its first one, the one behind its last one, and the column of its key or dash; all from 0.
struct Lines {
    first: usize,
    end: usize,
    indent: usize,
}

impl Template {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    pub fn into_text(self) -> String {
        self.text
    }

    /// Replaces a text wherever it is.
    pub fn replace(&mut self, old: &str, new: &str) {
        self.text = self.text.replace(old, new);
    }

    /// Replaces the comment at the top.
    pub fn set_header(&mut self, lines: &[&str]) {
        let end = self.text.lines().take_while(|line| line.starts_with('#')).count();
        self.put(0, end, lines.iter().map(|line| format!("# {line}").trim_end().to_owned()).collect());
    }

    /// The keys of a mapping; none if there is no such mapping.
    pub fn keys(&self, path: &[At<'_>]) -> Vec<String> {
        self.look(path, |nodes, node, _| {
            nodes.pairs(node).iter().filter_map(|pair| nodes.text(&pair.key)).map(ToOwned::to_owned).collect()
        })
        .unwrap_or_default()
    }

    /// A single value.
    pub fn text(&self, path: &[At<'_>]) -> Option<String> {
        self.look(path, |nodes, node, _| nodes.text(node).map(ToOwned::to_owned)).ok().flatten()
    }

    pub fn has(&self, path: &[At<'_>]) -> bool {
        self.look(path, |_, _, _| ()).is_ok()
    }

    /// The indexes of the steps of a job whose action is of this name: `health` of `acme/promote-gates/health@v1`, or
    /// `actions/create-github-app-token`.
    pub fn steps(&self, job: &str, action: &str) -> Vec<usize> {
        let steps = [Key("jobs"), Key(job), Key("steps")];
        let count = self.count(&steps);
        let is_wanted = |index: &usize| {
            let uses = self.text(&[Key("jobs"), Key(job), Key("steps"), Item(*index), Key("uses")]).unwrap_or_default();
            let name = uses.split('@').next().unwrap_or_default();
            name == action || name.strip_suffix(action).is_some_and(|start| start.ends_with("promote-gates/"))
        };
        (0..count).filter(is_wanted).collect()
    }

    /// How many items a list has.
    pub fn count(&self, path: &[At<'_>]) -> usize {
        self.look(path, |nodes, node, _| nodes.items(node).len()).unwrap_or_default()
    }

    /// The lines of a job.
    pub fn job_text(&self, job: &str) -> String {
        self.node_text(&[Key("jobs"), Key(job)]).unwrap_or_default()
    }

    /// The lines of a step, without the comment above it.
    pub fn step_text(&self, job: &str, index: usize) -> Result<String, TemplateError> {
        self.node_text(&[Key("jobs"), Key(job), Key("steps"), Item(index)])
    }

    fn node_text(&self, path: &[At<'_>]) -> Result<String, TemplateError> {
        let lines = self.find(path)?;
        Ok(self.text.lines().skip(lines.first).take(lines.end - lines.first).collect::<Vec<_>>().join("\n"))
    }

    /// Sets the value of a key, which the template has. A value of several lines becomes a block.
    pub fn set(&mut self, path: &[At<'_>], value: &str) -> Result<(), TemplateError> {
        let lines = self.find(path)?;
        let Some(Key(key)) = path.last() else { return Err(missing(path)) };
        let new = pair(lines.indent, key, value, self.has_dash(&lines));
        self.put(lines.first, lines.end, new);
        Ok(())
    }

    /// As [`Self::set`], without the comment above the key.
    pub fn set_anew(&mut self, path: &[At<'_>], value: &str) -> Result<(), TemplateError> {
        self.set(path, value)?;
        let lines = self.find(path)?;
        self.put(self.above(&lines), lines.first, Vec::new());
        Ok(())
    }

    /// Removes a key or an item with its comment; does nothing if the template does not have it.
    pub fn remove(&mut self, path: &[At<'_>]) {
        let Ok(lines) = self.find(path) else { return };
        self.put(self.above(&lines), lines.end, Vec::new());
    }

    /// Adds a key to the end of a mapping.
    pub fn add(&mut self, path: &[At<'_>], key: &str, value: &str) -> Result<(), TemplateError> {
        let keys = self.keys(path);
        let Some(last) = keys.last() else { return Err(missing(path)) };
        let lines = self.find(&[path, &[Key(last)]].concat())?;
        let new = pair(lines.indent, key, value, false);
        self.put(lines.end, lines.end, new);
        Ok(())
    }

    /// Sets a key, or adds it.
    pub fn put_key(&mut self, path: &[At<'_>], key: &str, value: &str) -> Result<(), TemplateError> {
        let whole = [path, &[Key(key)]].concat();
        if self.has(&whole) { self.set(&whole, value) } else { self.add(path, key, value) }
    }

    /// Puts a step of another workflow, with a comment above it, before a step of a job.
    pub fn insert_step(&mut self, job: &str, index: usize, step: &str) -> Result<(), TemplateError> {
        let lines = self.find(&[Key("jobs"), Key(job), Key("steps"), Item(index)])?;
        let at = self.above(&lines);
        self.put(at, at, step.lines().map(ToOwned::to_owned).collect());
        Ok(())
    }

    /// Removes a job, and the blank line behind it, or of the last job the one before it.
    pub fn remove_job(&mut self, job: &str) {
        let Ok(lines) = self.find(&[Key("jobs"), Key(job)]) else { return };
        let first = self.above(&lines);
        let is_blank = |line: usize| self.text.lines().nth(line).is_some_and(str::is_empty);
        let (before, behind) = (first > 0 && is_blank(first - 1), is_blank(lines.end));
        self.put(first - usize::from(before && !behind), lines.end + usize::from(behind), Vec::new());
    }

    fn look<T>(
        &self,
        path: &[At<'_>],
        use_node: impl for<'n> FnOnce(&WorkflowNodes<'n>, &'n SpannedNode, (usize, usize)) -> T,
    ) -> Result<T, TemplateError> {
        let document = read_document(&self.text, MAX_DEPTH).map_err(|error| TemplateError(format!("{error:?}")))?;
        let Some(document) = document else { return Err(missing(path)) };
        let nodes = WorkflowNodes::new(&document.root);
        let (mut node, mut start) = (&document.root, (1, 1));
        for at in path {
            let found = match at {
                Key(key) => nodes.field(node, key).map(|pair| (&pair.value, pair.key.position)),
                Item(index) => nodes.items(node).get(*index).map(|item| (item, item.position)),
            };
            let (next, position) = found.ok_or_else(|| missing(path))?;
            (node, start) = (next, (position.line, position.column));
        }
        Ok(use_node(&nodes, node, start))
    }

    fn find(&self, path: &[At<'_>]) -> Result<Lines, TemplateError> {
        let (line, column) = self.look(path, |_, _, start| start)?;
        let (first, column) = (line - 1, column - 1);
        // The first key of an item is behind its dash; the item starts at the dash.
        let indent = match path.last() {
            Some(Item(_)) => column.saturating_sub(2),
            _ => column,
        };
        let behind = self.text.lines().enumerate().skip(first + 1);
        let inside = behind.take_while(|(_, line)| line.is_empty() || indent_of(line) > indent);
        // Blank lines and comments at the end belong to what follows.
        let end = inside.filter(|(_, line)| !line.is_empty()).last().map_or(first, |(number, _)| number) + 1;
        Ok(Lines { first, end, indent })
    }

    /// The start of the comment directly above.
    fn above(&self, lines: &Lines) -> usize {
        let all: Vec<&str> = self.text.lines().collect();
        let is_comment = |line: &&&str| indent_of(line) == lines.indent && line.trim_start().starts_with('#');
        lines.first - all[..lines.first].iter().rev().take_while(is_comment).count()
    }

    /// Whether the key is the first one of an item, behind its dash.
    fn has_dash(&self, lines: &Lines) -> bool {
        self.text.lines().nth(lines.first).is_some_and(|line| indent_of(line) < lines.indent)
    }

    fn put(&mut self, first: usize, end: usize, new: Vec<String>) {
        let mut all: Vec<String> = self.text.lines().map(ToOwned::to_owned).collect();
        all.splice(first..end, new);
        self.text = all.join("\n") + "\n";
    }
}

fn missing(path: &[At<'_>]) -> TemplateError {
    let parts: Vec<String> = path
        .iter()
        .map(|at| match at {
            Key(key) => (*key).to_owned(),
            Item(index) => index.to_string(),
        })
        .collect();
    TemplateError(format!("no `{}`", parts.join(".")))
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// `key: value`, as a block if it has several lines.
fn pair(indent: usize, key: &str, value: &str, has_dash: bool) -> Vec<String> {
    let blank = " ".repeat(indent);
    let start = if has_dash { format!("{}- ", " ".repeat(indent.saturating_sub(2))) } else { blank.clone() };
    if value.contains('\n') {
        let header = format!("{start}{key}: |");
        return [header].into_iter().chain(value.lines().map(|line| format!("{blank}  {line}"))).collect();
    }
    vec![format!("{start}{key}: {value}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# top\nname: x\n\njobs:\n  # one\n  a:\n    needs: [b]\n    steps:\n      - uses: acme/promote-gates/health@v1\n        with:\n          # why\n          tag: old\n          list: |\n            one\n            two\n          last: 1\n      - run: x\n\n  b:\n    steps:\n      - uses: actions/x@v1\n";

    fn edited(edit: impl FnOnce(&mut Template)) -> String {
        let mut template = Template::new(TEXT);
        edit(&mut template);
        template.into_text()
    }

    fn with(key: &str) -> [At<'_>; 6] {
        [Key("jobs"), Key("a"), Key("steps"), Item(0), Key("with"), Key(key)]
    }

    #[test]
    fn values_are_set_in_place() {
        let text = edited(|template| template.set(&with("tag"), "new").unwrap());
        assert_eq!(text, TEXT.replace("tag: old", "tag: new"));
        let text = edited(|template| template.set(&with("list"), "x").unwrap());
        assert_eq!(text, TEXT.replace("list: |\n            one\n            two\n", "list: x\n"));
        let text = edited(|template| template.set(&with("tag"), "1\n2").unwrap());
        assert_eq!(text, TEXT.replace("tag: old", "tag: |\n            1\n            2"));
        let text = edited(|template| template.set_anew(&with("tag"), "new").unwrap());
        assert_eq!(text, TEXT.replace("          # why\n          tag: old", "          tag: new"));
        let text = edited(|template| template.put_key(&with("x")[..5], "more", "2").unwrap());
        assert_eq!(text, TEXT.replace("last: 1\n", "last: 1\n          more: 2\n"));
        assert_eq!(Template::new(TEXT).set(&with("gone"), "x"), Err(missing(&with("gone"))));
    }

    #[test]
    fn parts_are_removed_with_their_comments() {
        assert_eq!(edited(|template| template.remove(&with("gone"))), TEXT);
        let text = edited(|template| template.remove(&with("tag")));
        assert_eq!(text, TEXT.replace("          # why\n          tag: old\n", ""));
        let text = edited(|template| template.remove(&[Key("jobs"), Key("a"), Key("steps"), Item(1)]));
        assert_eq!(text, TEXT.replace("      - run: x\n", ""));
        let text = edited(|template| template.remove_job("a"));
        assert_eq!(text, "# top\nname: x\n\njobs:\n  b:\n    steps:\n      - uses: actions/x@v1\n");
        let text = edited(|template| template.remove_job("b"));
        assert_eq!(text, TEXT.replace("\n  b:\n    steps:\n      - uses: actions/x@v1\n", ""));
    }

    #[test]
    fn a_step_is_put_before_another_and_its_comment() {
        let commented = TEXT.replace("      - run: x\n", "      # why\n      - run: x\n");
        let mut template = Template::new(&commented);
        let step = template.step_text("b", 0).unwrap();
        assert_eq!(step, "      - uses: actions/x@v1");
        template.insert_step("a", 1, &step).unwrap();
        let expected =
            commented.replace("      # why\n      - run", "      - uses: actions/x@v1\n      # why\n      - run");
        assert_eq!(template.clone().into_text(), expected);
        assert!(template.insert_step("a", 9, &step).is_err() && template.step_text("gone", 0).is_err());
    }

    #[test]
    fn steps_are_found_by_their_action() {
        let template = Template::new(TEXT);
        assert_eq!(template.steps("a", "health"), [0]);
        assert_eq!(template.steps("b", "actions/x"), [0]);
        assert_eq!(template.steps("b", "x"), Vec::<usize>::new());
    }
}
