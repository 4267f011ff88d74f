//! Whether the commit of a promotion starts the deploy workflow, where the manifests are beside the service. Pure.

use fast_glob::{glob_match, validate};

use crate::{
    workflow::{MAX_DEPTH, nodes::WorkflowNodes},
    yaml::tree::{SpannedNode, read_document},
};

/// The key below `push` that keeps the promotions out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFilter {
    /// `paths-ignore`, which the workflow may have already.
    PathsIgnore,
    /// Its `paths`: GitHub accepts only one of the two.
    Paths,
}

/// The filter that the workflow lacks. `manifests`: the files that promotions change.
pub fn missing_filter(workflow: &str, manifests: &[&str]) -> Option<PushFilter> {
    let Ok(Some(document)) = read_document(workflow.trim_start_matches('\u{feff}'), MAX_DEPTH) else {
        return Some(PushFilter::PathsIgnore);
    };
    let nodes = WorkflowNodes::new(&document.root);
    let on = &nodes.field(&document.root, "on")?.value;
    let is_push = |node: &SpannedNode| nodes.text(node) == Some("push");
    if is_push(on) || nodes.items(on).iter().any(is_push) {
        return Some(PushFilter::PathsIgnore);
    }
    let push = &nodes.field(on, "push")?.value;
    let has = |key: &str| nodes.field(push, key).is_some();
    // A merge pushes no tag.
    if (has("tags") || has("tags-ignore")) && !has("branches") && !has("branches-ignore") {
        return None;
    }
    let patterns = |key: &str| -> Option<Vec<&str>> {
        let node = &nodes.field(push, key)?.value;
        let one = nodes.text(node).into_iter();
        Some(one.chain(nodes.items(node).iter().filter_map(|item| nodes.text(item))).collect())
    };
    if let Some(wanted) = patterns("paths") {
        return manifests.iter().any(|path| may_start(&wanted, path)).then_some(PushFilter::Paths);
    }
    let ignored = patterns("paths-ignore").unwrap_or_default();
    let is_ignored = |path: &&str| ignored.iter().any(|pattern| matches(pattern, path) == Some(true));
    (!manifests.iter().all(is_ignored)).then_some(PushFilter::PathsIgnore)
}

/// Whether `paths` may let a change of this file start the workflow: the last pattern that matches decides.
fn may_start(patterns: &[&str], path: &str) -> bool {
    patterns.iter().fold(false, |starts, pattern| match pattern.strip_prefix('!') {
        Some(excluded) => starts && matches(excluded, path) != Some(true),
        None => starts || matches(pattern, path) != Some(false),
    })
}

/// `None` where GitHub's patterns differ from those of files: `?` and `+` repeat a character, and `**` may stand beside other ones.
/// <https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet>
fn matches(pattern: &str, path: &str) -> Option<bool> {
    let is_known = |part: &str| {
        !part.contains(['?', '+', '[', ']', '{', '}', '\\', '!']) && (part == "**" || !part.contains("**"))
    };
    (pattern.split('/').all(is_known) && validate(pattern).is_ok()).then(|| glob_match(pattern, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "deploy/overlays/production/kustomization.yaml";

    #[test]
    fn a_workflow_that_promotions_start_lacks_a_filter() {
        for (on, missing) in [
            ("push", Some(PushFilter::PathsIgnore)),
            ("[push, workflow_dispatch]", Some(PushFilter::PathsIgnore)),
            ("{ push: { branches: [main] } }", Some(PushFilter::PathsIgnore)),
            ("{ push: }", Some(PushFilter::PathsIgnore)),
            ("{ push: { paths-ignore: [docs/**] } }", Some(PushFilter::PathsIgnore)),
            ("{ push: { paths-ignore: ['deploy/**?'] } }", Some(PushFilter::PathsIgnore)),
            ("{ push: { paths-ignore: ['deploy/*'] } }", Some(PushFilter::PathsIgnore)),
            ("{ push: { paths-ignore: ['deploy/**'] } }", None),
            ("{ push: { paths-ignore: deploy/overlays/production/kustomization.yaml } }", None),
            ("{ push: { paths-ignore: ['**'] } }", None),
            ("{ push: { paths-ignore: ['**/kustomization.yaml'] } }", None),
            ("{ push: { paths: [src/**, Dockerfile] } }", None),
            ("{ push: { paths: ['**'] } }", Some(PushFilter::Paths)),
            ("{ push: { paths: ['**', '!deploy/**'] } }", None),
            ("{ push: { paths: ['!deploy/**', '**'] } }", Some(PushFilter::Paths)),
            ("{ push: { paths: ['**.yaml'] } }", Some(PushFilter::Paths)),
            ("{ push: { tags: ['v*'] } }", None),
            ("{ push: { tags: ['v*'], branches: [main] } }", Some(PushFilter::PathsIgnore)),
            ("workflow_dispatch", None),
            ("{ workflow_run: { workflows: [ci] } }", None),
        ] {
            let text = format!("on: {on}\njobs: {{}}\n");
            assert_eq!(missing_filter(&text, &[MANIFEST]), missing, "{on}");
        }
        let both = [MANIFEST, "chart/values-prod.yaml"];
        assert_eq!(
            missing_filter("on: { push: { paths-ignore: ['deploy/**'] } }\n", &both),
            Some(PushFilter::PathsIgnore)
        );
        assert_eq!(missing_filter("on: { push: { paths-ignore: ['deploy/**', 'chart/**'] } }\n", &both), None);
        assert_eq!(missing_filter("on: [push\n", &both), Some(PushFilter::PathsIgnore));
    }
}
