//! The config file of the repository with the manifests. Pure.

use super::{
    flags::{Approval, Flags},
    manifests::ImagePlace,
    setup::{Layout, Setup},
    workflows::{required_gates, scalar},
};

pub fn config_text(setup: &Setup, flags: &Flags) -> String {
    let source = match &setup.layout {
        Layout::Infra { source } => source,
        Layout::Both | Layout::Services { .. } => &setup.repository,
    };
    let workflow = match &setup.services[..] {
        [_] => "validate-staging",
        _ => "validate-monorepo",
    };
    let mut lines = vec![
        "# Where each service comes from, and where its image is. The schema is config.schema.json of promote-gates."
            .to_owned(),
        "services:".to_owned(),
    ];
    for service in &setup.services {
        lines.push(format!("  {}:", service.name));
        lines.push(format!("    repository: {source}"));
        lines.push(format!("    workflow: .github/workflows/{workflow}.yml"));
        lines.push(format!("    deploy-workflow: {}", setup.deploy_workflow.path));
        lines.push(format!("    image: {}", service.image));
        let folder = service.folder.iter().map(|folder| format!("{folder}/**"));
        let paths: Vec<String> =
            folder.chain(flags.path.iter().map(ToString::to_string)).map(|path| scalar(&path)).collect();
        if !paths.is_empty() {
            lines.push("    # A release that changes nothing of this is not promoted again.".to_owned());
            lines.push(format!("    paths: [{}]", paths.join(", ")));
        }
        lines.push("    files:".to_owned());
        lines.extend(service.places.iter().flat_map(place_lines));
    }
    lines.push("evidence:".to_owned());
    lines.push("  # The gates that a validation must have passed.".to_owned());
    lines.push(format!("  required: [{}]", required_gates(flags).join(", ")));
    if flags.approval == Approval::PullRequest {
        lines.push("approval:".to_owned());
        lines.push("  source: pull-request".to_owned());
        lines.push("  # How many people have to approve the pull request of a promotion.".to_owned());
        lines.push("  minimum: 1".to_owned());
    }
    lines.join("\n") + "\n"
}

/// An item of `files`.
fn place_lines(place: &ImagePlace) -> Vec<String> {
    let mut lines =
        vec![format!("      - path: {}", scalar(&place.path)), "        environments: [production]".to_owned()];
    if let Some((kind, name)) = &place.document {
        lines.push(format!("        document: {{ kind: {}, name: {} }}", scalar(kind), scalar(name)));
    }
    let field = |(key, path): &(&str, String)| format!("        {key}: {}", scalar(path));
    lines.extend(place.fields.iter().map(field));
    lines
}
