//! The repository's templates of pull requests, whose unfilled lines explain nothing. Sources: GitHub's documentation, "Creating a pull
//! request template for your repository" and "Using query parameters to create a pull request" (several templates in a folder). The
//! templates of the organisation's `.github` repository are not seen.

use crate::{
    commands::bundle_size::store, context::CommandContext, error::CommandError, finding::Finding,
    world::trusted::TrustedSource,
};

/// The folders with templates, besides the top of the repository.
const FOLDERS: [&str; 2] = [".github", "docs"];
/// The name of a template without its extension, and of a folder with several, in any case.
const NAME: &str = "pull_request_template";
/// How many templates are read.
const MOST_FILES: usize = 50;
/// How long they may be together, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// The texts of all templates.
///
/// # Errors
/// One is there and cannot be read, or there are too many: an unfilled line of it would count as an explanation.
pub fn read_templates(trusted: &TrustedSource, ctx: &CommandContext) -> Result<String, Finding> {
    let cancelled = || Finding::inconclusive("templates of pull requests").actual("cancelled");
    let finding = |error: CommandError| error.finding().unwrap_or_else(cancelled);
    let mut texts = String::new();
    for path in find_templates(trusted, &store::folder(ctx)).map_err(finding)? {
        let missing = || Finding::inconclusive(&path).actual("cannot be read: no such file").expected("a file");
        let file = trusted.read(&path).map_err(finding)?.ok_or_else(missing)?;
        texts.push_str(&String::from_utf8_lossy(&file.bytes));
        texts.push('\n');
        if texts.len() > MOST_BYTES {
            let finding = Finding::inconclusive(&path).actual(format!("more than {MOST_BYTES} bytes of templates"));
            return Err(finding.expected(format!("at most {MOST_BYTES} bytes in all templates of pull requests")));
        }
    }
    Ok(texts)
}

/// The paths of the templates below the top of the repository, which is `top`.
fn find_templates(trusted: &TrustedSource, top: &str) -> Result<Vec<String>, CommandError> {
    let mut found = Vec::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        let is_top = folder == top;
        let is_of_templates = !is_top && stem(folder.rsplit('/').next().unwrap_or_default()) == Some("");
        for (name, is_folder) in trusted.list(&folder)? {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let has_templates = stem(&name) == Some("") || is_top && FOLDERS.contains(&name.to_lowercase().as_str());
            if is_folder && has_templates && !is_of_templates {
                folders.push(path);
            } else if !is_folder && (is_of_templates || stem(&name).is_some()) {
                found.push(path);
            }
        }
        if found.len() > MOST_FILES {
            return Err(Finding::inconclusive("templates of pull requests")
                .actual(format!("{} of them", found.len()))
                .expected(format!("at most {MOST_FILES}"))
                .unobservable());
        }
    }
    Ok(found)
}

/// What follows the name of a template: nothing, or its extension with the point. `None` for another name.
fn stem(name: &str) -> Option<&str> {
    let (start, rest) = name.split_at_checked(NAME.len())?;
    (start.eq_ignore_ascii_case(NAME) && (rest.is_empty() || rest.starts_with('.'))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::files::write_atomically;

    #[test]
    fn templates_are_found_in_every_place_and_case() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let templates = [
            "Pull_Request_Template.txt",
            ".github/PULL_REQUEST_TEMPLATE.MD",
            ".github/Pull_Request_Template/feature.md",
            "Docs/pull_request_template",
            "docs/PULL_REQUEST_TEMPLATE/fix.md",
            "PULL_REQUEST_TEMPLATE/any.txt",
        ];
        let others = [
            "src/pull_request_template.md",
            "pull_request_templates.md",
            ".github/workflows/ci.yml",
            ".github/PULL_REQUEST_TEMPLATE/old/fix.md",
            ".github/pull_request_template.md.d/fix.md",
            "docs/.github/pull_request_template.md",
        ];
        for path in templates.iter().chain(&others) {
            write_atomically(&root.path().join(path), b"a template").expect("a file");
        }
        let top = root.path().display().to_string();
        let mut found = find_templates(&TrustedSource::Workspace, &top).expect("templates");
        found.sort_unstable();
        let mut expected = templates.map(|path| format!("{top}/{path}"));
        expected.sort_unstable();
        assert_eq!(found, expected);
        for number in 0..MOST_FILES {
            let path = root.path().join(format!(".github/PULL_REQUEST_TEMPLATE/{number}.md"));
            write_atomically(&path, b"a template").expect("a file");
        }
        assert!(find_templates(&TrustedSource::Workspace, &top).is_err(), "too many to read");
        assert_eq!(find_templates(&TrustedSource::Nothing, ""), Ok(Vec::new()));
    }
}
