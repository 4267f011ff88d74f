//! `files` of a service in the config file: where the infra repository has its image.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::{
    config::nodes::{list, location, mapping, optional, unknown_key, wrong_shape},
    error::CommandError,
    finding::Finding,
    image_fields::{DocumentSelector, FieldPath, ImageFields},
    subject::{Environment, Service},
    world::git::TreePath,
    yaml::{Node, Value},
};

/// One file with the image of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFile {
    /// Its path from the repository's root; `{service}` and `{environment}` stand for their names.
    pub path: String,
    /// The environments that it is for; empty for all.
    pub environments: Vec<Environment>,
    /// Where the image is in it; `None` for a kustomization, in which the image entry is found.
    pub fields: Option<ImageFields>,
}

impl ServiceFile {
    #[must_use]
    pub fn is_for(&self, environment: &Environment) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }

    /// Its path for a service and an environment.
    #[must_use]
    pub fn path_for(&self, service: &Service, environment: &Environment) -> String {
        self.path.replace("{service}", service.as_str()).replace("{environment}", environment.as_str())
    }
}

const KEYS: [&str; 8] = ["path", "environments", "document", "image", "tag", "digest", "repository", "registry"];
const DOCUMENT_KEYS: [&str; 3] = ["kind", "name", "namespace"];

/// Reads `files`.
pub(super) fn read(path: &str, node: Node) -> Result<Vec<ServiceFile>, CommandError> {
    let at = (node.line, node.column);
    let items = match node.value {
        Value::List(items) if !items.is_empty() => items,
        Value::Text(_) => vec![node],
        _ => return Err(wrong_shape(path, "files", &node, "the files with the service's image")),
    };
    let files = items.into_iter().map(|item| file(path, item)).collect::<Result<Vec<_>, _>>()?;
    for (index, one) in files.iter().enumerate() {
        if files[..index].contains(one) {
            return Err(Finding::inconclusive("`files`")
                .actual(format!("{} for the second time", one.path))
                .expected("each place once")
                .with_origin(location(path, at.0, at.1))
                .bad_input());
        }
    }
    Ok(files)
}

fn file(path: &str, node: Node) -> Result<ServiceFile, CommandError> {
    let at = (node.line, node.column);
    if let Value::Text(text) = &node.value {
        return Ok(ServiceFile { path: tree_path(path, text, at)?, environments: Vec::new(), fields: None });
    }
    let (mut texts, mut environments, mut document) = (BTreeMap::new(), Vec::new(), DocumentSelector::default());
    for (key, node) in mapping(path, "files", node)? {
        match key.name.as_str() {
            "environments" => environments = list(path, &key, node, "names of environments")?,
            "document" => document = read_document(path, node)?,
            name if KEYS.contains(&name) => {
                let Value::Text(text) = node.value else { return Err(wrong_shape(path, name, &node, "one text")) };
                texts.insert(key.name, (text, (node.line, node.column)));
            }
            _ => return Err(unknown_key(path, &key, "`files`", &KEYS)),
        }
    }
    let Some((file, file_at)) = texts.get("path") else {
        return Err(Finding::inconclusive("`path`")
            .actual("not given")
            .expected("the path of each of `files`")
            .with_origin(location(path, at.0, at.1))
            .bad_input());
    };
    let file = tree_path(path, file, *file_at)?;
    let field = |name: &str| optional::<FieldPath>(path, name, &texts);
    let fields = ImageFields {
        document,
        image: field("image")?,
        tag: field("tag")?,
        digest: field("digest")?,
        repository: field("repository")?,
        registry: field("registry")?,
    };
    Ok(ServiceFile { path: file, environments, fields: checked(path, fields, at)? })
}

/// The fields, if they are an image. Without any the file is a kustomization.
fn checked(
    path: &str,
    fields: ImageFields,
    (line, column): (usize, usize),
) -> Result<Option<ImageFields>, CommandError> {
    if fields == ImageFields::default() {
        return Ok(None);
    }
    let has_parts = fields.tag.is_some() || fields.digest.is_some();
    let beside = [
        ("tag", fields.tag.is_some()),
        ("digest", fields.digest.is_some()),
        ("repository", fields.repository.is_some()),
        ("registry", fields.registry.is_some()),
    ];
    let beside = beside.into_iter().find(|(_, is_given)| *is_given).filter(|_| fields.image.is_some());
    let actual = match (beside, fields.image.is_some() || has_parts) {
        (Some((key, _)), _) => format!("`image` and `{key}` of one file"),
        (None, false) => "neither `image` nor `tag` nor `digest`".to_owned(),
        (None, true) => return Ok(Some(fields)),
    };
    Err(Finding::inconclusive("`files`")
        .actual(actual)
        .expected(
            "the path of a whole `image`, or of its `tag` or `digest`, or of both; or only the path of a kustomization",
        )
        .with_origin(location(path, line, column))
        .bad_input())
}

fn read_document(path: &str, node: Node) -> Result<DocumentSelector, CommandError> {
    let at = (node.line, node.column);
    let mut texts = BTreeMap::new();
    for (key, node) in mapping(path, "document", node)? {
        match node.value {
            Value::Text(text) if DOCUMENT_KEYS.contains(&key.name.as_str()) => drop(texts.insert(key.name, text)),
            _ if DOCUMENT_KEYS.contains(&key.name.as_str()) => {
                return Err(wrong_shape(path, &key.name, &node, "one text"));
            }
            _ => return Err(unknown_key(path, &key, "`document`", &DOCUMENT_KEYS)),
        }
    }
    let document = DocumentSelector {
        kind: texts.remove("kind"),
        name: texts.remove("name"),
        namespace: texts.remove("namespace"),
    };
    if document.is_any() {
        return Err(Finding::inconclusive("`document`")
            .actual("no key")
            .expected("its `kind`, its `name`, or both")
            .with_origin(location(path, at.0, at.1))
            .bad_input());
    }
    Ok(document)
}

fn tree_path(path: &str, text: &str, (line, column): (usize, usize)) -> Result<String, CommandError> {
    let filled = text.replace("{service}", "a").replace("{environment}", "a");
    let refused = |expected: String| {
        Finding::inconclusive("`path`")
            .actual(format!("\"{text}\""))
            .expected(expected)
            .with_origin(location(path, line, column))
            .bad_input()
    };
    filled.parse::<TreePath>().map_err(refused)?;
    if filled.contains(['{', '}', '*']) {
        return Err(refused(
            "a path without patterns; `{service}` and `{environment}` stand for their names".to_owned(),
        ));
    }
    Ok(text.to_owned())
}

/// The JSON Schema of what [`read`] accepts.
pub(super) fn schema() -> Json {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let field = |description: &str| json!({ "type": "string", "pattern": r"^[.\[$]", "description": description });
    json!({
        "description": "The files of the infra repository with the service's image, all set by one commit: a kustomization, or any YAML or JSON file with the path of the image, such as .image.tag. Default: the kustomization that the setting `file` names.",
        "type": ["array", "string"],
        "items": {
            "type": ["object", "string"],
            "properties": {
                "path": text("The file's path from the repository's root; {service} and {environment} stand for their names, here and in all that follows."),
                "environments": {
                    "type": ["array", "string"],
                    "items": { "type": "string" },
                    "description": "The environments that the file is for. Default: all.",
                },
                "document": {
                    "type": "object",
                    "description": "Which document of the file: its kind, metadata.name and metadata.namespace. Default: the only one that has the fields.",
                    "properties": { "kind": { "type": "string" }, "name": { "type": "string" }, "namespace": { "type": "string" } },
                    "additionalProperties": false,
                },
                "image": field("The path of the whole image in one text, or of a list of such texts: .spec.template.spec.containers[name=app].image."),
                "tag": field("The path of the tag: .image.tag."),
                "digest": field("The path of the digest: .image.digest."),
                "repository": field("The path of the repository beside the tag, which must be the service's image."),
                "registry": field("The path of the registry, where it stands apart from the repository."),
            },
            "required": ["path"],
            "additionalProperties": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::command_table, config::Config};

    fn read_files(files: &str) -> Result<Vec<ServiceFile>, CommandError> {
        let text = format!(
            "services:\n  shop:\n    repository: acme/shop\n    workflow: .github/workflows/ci.yml\n    image: a/b\n    files: {files}\n"
        );
        let config = Config::read(&command_table(), "f.yml", text.as_bytes(), None)?;
        Ok(config.services[&"shop".parse().unwrap()].files.clone())
    }

    #[test]
    fn files_are_kustomizations_or_have_paths() {
        let files = read_files(
            "\n    - k/{environment}/kustomization.yaml\n    - path: values.yaml\n      environments: production\n      tag: .image.tag\n      digest: .image.digest\n    - {path: a.yaml, image: '.c[name=app].image', document: {kind: Deployment, name: '{service}'}}",
        );
        let [kustomization, values, manifest] = &files.unwrap()[..] else { panic!("three files") };
        assert_eq!((kustomization.path.as_str(), &kustomization.fields), ("k/{environment}/kustomization.yaml", &None));
        assert_eq!(values.fields.as_ref().unwrap().to_string(), ".image.tag, .image.digest");
        let (service, environment) = ("shop".parse().unwrap(), "production".parse().unwrap());
        assert_eq!(kustomization.path_for(&service, &environment), "k/production/kustomization.yaml");
        assert!(values.is_for(&environment) && !values.is_for(&"staging".parse().unwrap()));
        let filled = manifest.fields.as_ref().unwrap().filled(&service, &environment);
        assert_eq!(filled.to_string(), ".c[name=app].image in Deployment shop");
        assert_eq!(read_files("one.yaml").unwrap().len(), 1);
    }

    #[test]
    fn an_error_names_its_line_and_column() {
        for (files, parts) in [
            ("[]", &["`files` (f.yml:6:12)", "a list"][..]),
            ("{path: a}", &["`files` (f.yml:6:12)", "a mapping"]),
            ("[/a]", &["`path` (f.yml:6:13)"]),
            ("[../a]", &["`path`"]),
            ("['a/*.yaml']", &["`path`", "without patterns"]),
            ("['a/{region}.yaml']", &["`path`", "without patterns"]),
            ("[{tag: .a}]", &["`path` (f.yml:6:13)", "not given"]),
            ("[{path: a, tag: a}]", &["`tag` (f.yml:6:28)", "\"a\"", "a path such as `.image.tag`"]),
            ("[{path: a, tags: .a}]", &["`tags` (f.yml:6:23)", "did you mean `tag`?"]),
            ("[{path: a, image: .a, tag: .b}]", &["`files` (f.yml:6:13)", "`image` and `tag` of one file"]),
            ("[{path: a, image: .a, repository: .b}]", &["`image` and `repository`"]),
            ("[{path: a, repository: .b}]", &["neither `image` nor `tag` nor `digest`"]),
            ("[{path: a, document: {kind: A}}]", &["neither `image`"]),
            ("[{path: a, tag: .a, document: {}}]", &["`document` (f.yml:6:42)", "no key"]),
            ("[{path: a, tag: .a, document: {knd: A}}]", &["`knd`", "did you mean `kind`?"]),
            ("[{path: a, tag: [.a]}]", &["`tag`", "a list"]),
            ("[{path: a, tag: .a, environments: [a/b]}]", &["`environments`", "a/b"]),
            ("[a, {path: b}, a]", &["`files`", "a for the second time"]),
        ] {
            let error = read_files(files).unwrap_err().finding().unwrap().to_string();
            for part in parts {
                assert!(error.contains(part), "{files}: {part} in {error}");
            }
        }
    }
}
