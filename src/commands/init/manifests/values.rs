//! The images in Helm values: a mapping `image` with a tag, at the top or in the values of a subchart. Pure.

use crate::{image_fields::reference_parts, workflow::nodes::WorkflowNodes, yaml::tree::SpannedNode};

/// How deep an image may be: a chart within a chart, or `controllers.main.containers.app.image`.
const MAX_DEPTH: usize = 6;

/// An image in values, with the paths of its fields.
pub struct ValuesImage {
    pub image: Option<String>,
    pub fields: Vec<(&'static str, String)>,
}

pub fn images_in_values<'a>(nodes: &WorkflowNodes<'a>, values: &'a SpannedNode, prefix: &str) -> Vec<ValuesImage> {
    let mut found = Vec::new();
    collect(nodes, values, prefix, MAX_DEPTH, &mut found);
    found
}

fn collect<'a>(
    nodes: &WorkflowNodes<'a>,
    values: &'a SpannedNode,
    prefix: &str,
    depth: usize,
    found: &mut Vec<ValuesImage>,
) {
    for pair in nodes.pairs(values) {
        let Some(key) = nodes.text(&pair.key) else { continue };
        let path = format!("{prefix}{}", key_path(key));
        if key == "image" {
            found.extend(image(nodes, &pair.value, &path));
        } else if depth > 1 {
            collect(nodes, &pair.value, &path, depth - 1, found);
        }
    }
}

fn image<'a>(nodes: &WorkflowNodes<'a>, node: &'a SpannedNode, path: &str) -> Option<ValuesImage> {
    if let Some(whole) = nodes.text(node).filter(|text| text.contains(':')) {
        let image = Some(reference_parts(whole).0.to_owned());
        return Some(ValuesImage { image, fields: vec![("image", path.to_owned())] });
    }
    nodes.field(node, "tag")?;
    let text = |key: &str| nodes.text(&nodes.field(node, key)?.value).filter(|text| !text.is_empty());
    let fields = ["tag", "digest", "repository", "registry"].into_iter();
    let fields = fields
        .filter(|key| nodes.field(node, key).is_some() && (*key == "tag" || *key == "digest" || text(key).is_some()));
    let fields = fields.map(|key| (key, format!("{path}.{key}"))).collect();
    let image = text("repository").map(|repository| match text("registry") {
        Some(registry) => format!("{registry}/{repository}"),
        None => repository.to_owned(),
    });
    Some(ValuesImage { image, fields })
}

/// A step of a field path to a key.
fn key_path(key: &str) -> String {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if plain { format!(".{key}") } else { format!("[\"{key}\"]") }
}

/// A step of a field path to the item of a list that has a value.
pub fn key_step(key: &str, value: &str) -> String {
    format!("[{key}={value}]")
}
