//! What the workflows are written for: what was found in the repository, settled by flags where it is not clear. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    flags::Flags,
    found::Found,
    manifests::{ImagePlace, Workload, read_manifests},
    stage::{Stage, stage_in},
};
use crate::{
    config::services::workflow_path::WorkflowPath,
    subject::{Image, Service},
    workflow::{MAX_DEPTH, nodes::WorkflowNodes},
    world::github::Repository,
    yaml::tree::read_document,
};

/// Which repository this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Services and manifests.
    Both,
    /// The services' repository; the manifests are in the infra repository.
    Services { infra: Repository },
    /// The infra repository; the services are built in another one.
    Infra { source: Repository },
}

#[derive(Debug)]
pub struct Setup {
    pub layout: Layout,
    pub repository: Repository,
    pub services: Vec<ServiceSetup>,
    pub deploy_workflow: DeployWorkflow,
    /// The namespaces; empty where no workflow of this repository needs it.
    pub staging_namespace: String,
    pub production_namespace: String,
}

impl Setup {
    /// The files that promotions change.
    pub fn manifests(&self) -> Vec<&str> {
        let paths: BTreeSet<&str> =
            self.services.iter().flat_map(|service| &service.places).map(|place| place.path.as_str()).collect();
        paths.into_iter().collect()
    }
}

#[derive(Debug)]
pub struct ServiceSetup {
    pub name: Service,
    pub image: Image,
    pub workload: String,
    pub places: Vec<ImagePlace>,
    /// What belongs to it in a repository of several services.
    pub folder: Option<String>,
}

/// The workflow whose end starts the gates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployWorkflow {
    pub path: String,
    pub name: String,
}

/// Something that the repository does not settle.
#[derive(Debug, PartialEq, Eq)]
pub struct Unclear {
    pub what: String,
    pub actual: String,
    /// The flag that settles it, with a value.
    pub flag: String,
}

impl Unclear {
    fn new(what: &str, actual: impl Into<String>, flag: &str) -> Self {
        Self { what: what.to_owned(), actual: actual.into(), flag: flag.to_owned() }
    }
}

/// # Errors
/// All that is not clear.
pub fn set_up(flags: &Flags, found: &Found) -> Result<Setup, Vec<Unclear>> {
    let mut unclear = Vec::new();
    let layout = match (&flags.infra, &flags.source) {
        (None, None) => Layout::Both,
        (Some(infra), _) => Layout::Services { infra: infra.clone() },
        (None, Some(source)) => Layout::Infra { source: source.clone() },
    };
    let repository = settle(
        &mut unclear,
        flags.repository.clone().or_else(|| found.remote.clone()).ok_or_else(|| {
            Unclear::new(
                "the repository on GitHub",
                "no remote `origin` with a URL of GitHub",
                "--repository OWNER/NAME",
            )
        }),
    );
    let manifests = read_manifests(&found.manifests);
    let owner = repository.as_ref().map(|repository| repository.owner().to_lowercase());
    let services = settle(
        &mut unclear,
        find_services(flags, &layout, &manifests.places, &manifests.workloads, owner.as_deref(), &found.folders),
    );
    let deploy_workflow = settle(&mut unclear, find_deploy_workflow(flags, &layout, found));
    let needs = [
        (Stage::Staging, !matches!(layout, Layout::Infra { .. })),
        (Stage::Production, !matches!(layout, Layout::Services { .. })),
    ];
    let images: Vec<&str> = services.iter().flatten().map(|service| service.image.as_str()).collect();
    let [staging_namespace, production_namespace] = needs.map(|(stage, is_needed)| {
        if !is_needed || services.is_none() {
            return Some(String::new());
        }
        settle(&mut unclear, find_namespace(flags, stage, &manifests.places, &manifests.workloads, &images))
    });
    match (repository, services, deploy_workflow, staging_namespace, production_namespace) {
        (
            Some(repository),
            Some(services),
            Some(deploy_workflow),
            Some(staging_namespace),
            Some(production_namespace),
        ) if unclear.is_empty() => {
            Ok(Setup { layout, repository, services, deploy_workflow, staging_namespace, production_namespace })
        }
        _ => Err(unclear),
    }
}

fn settle<T>(unclear: &mut Vec<Unclear>, found: Result<T, Unclear>) -> Option<T> {
    found.map_err(|error| unclear.push(error)).ok()
}

/// The services by their images: those of `--image`, or those in the manifests of production.
fn find_services(
    flags: &Flags,
    layout: &Layout,
    places: &[ImagePlace],
    workloads: &[Workload],
    owner: Option<&str>,
    folders: &[String],
) -> Result<Vec<ServiceSetup>, Unclear> {
    let has_manifests = !matches!(layout, Layout::Services { .. });
    let production = if has_manifests { production_places(flags, places)? } else { Vec::new() };
    let mut images: BTreeMap<Image, Vec<ImagePlace>> =
        flags.image.iter().map(|image| (image.clone(), Vec::new())).collect();
    for place in production {
        let image = match (place.image.as_deref().map(str::parse::<Image>), &flags.image[..]) {
            (Some(Ok(image)), _) => image,
            (_, [only]) => only.clone(),
            _ => {
                let actual = format!("{} has a tag and no repository", place.path);
                return Err(Unclear::new("the image", actual, "--image REPOSITORY"));
            }
        };
        if flags.image.is_empty() || flags.image.contains(&image) {
            images.entry(image).or_default().push(place.clone());
        }
    }
    if flags.image.is_empty() {
        images = own_images(images, owner)?;
    }
    if let Some((image, _)) = images.iter().find(|(_, places)| has_manifests && places.is_empty()) {
        let actual = format!("no manifest of production has {image}");
        return Err(Unclear::new("the manifest", actual, "--manifest PATH"));
    }
    if images.is_empty() {
        return Err(Unclear::new("the image", "none was looked for in another repository", "--image REPOSITORY"));
    }
    let count = images.len();
    if count > 1 && (flags.service.is_some() || flags.workload.is_some() || !flags.path.is_empty()) {
        let names: Vec<&str> = images.keys().map(Image::as_str).collect();
        return Err(Unclear::new("the service", format!("several images: {}", names.join(", ")), "--image REPOSITORY"));
    }
    let service = |(image, places): (Image, Vec<ImagePlace>)| -> Result<ServiceSetup, Unclear> {
        let last = image.as_str().rsplit('/').next().unwrap_or_default();
        let name = match &flags.service {
            Some(name) => name.clone(),
            None => last.parse().map_err(|_| {
                Unclear::new("the service", format!("{last} is not a service's name"), "--service NAME")
            })?,
        };
        let workload = find_workload(flags, &image, &name, workloads, count)?;
        let folder = folders.iter().find(|folder| count > 1 && folder.rsplit('/').next() == Some(last)).cloned();
        Ok(ServiceSetup { name, image, workload, places, folder })
    };
    images.into_iter().map(service).collect()
}

fn production_places<'a>(flags: &Flags, places: &'a [ImagePlace]) -> Result<Vec<&'a ImagePlace>, Unclear> {
    if let Some(missing) = flags.manifest.iter().find(|path| places.iter().all(|place| place.path != **path)) {
        return Err(Unclear::new("the manifest", format!("{missing} has no image that can be set"), "--manifest PATH"));
    }
    if !flags.manifest.is_empty() {
        return Ok(places.iter().filter(|place| flags.manifest.contains(&place.path)).collect());
    }
    let production: Vec<&ImagePlace> = places.iter().filter(|place| place.stage == Some(Stage::Production)).collect();
    if !production.is_empty() {
        return Ok(production);
    }
    let others: BTreeSet<&str> = places.iter().map(|place| place.path.as_str()).collect();
    let actual = if others.is_empty() {
        "no file has an image: looked for kustomizations with `images`, Helm values, Argo CD, Flux and workloads"
            .to_owned()
    } else {
        format!("no file names production; with an image: {}", others.into_iter().collect::<Vec<_>>().join(", "))
    };
    Err(Unclear::new("the manifest of production", actual, "--manifest PATH"))
}

/// The images of the repository's owner, if some are; the others are those of other teams and vendors.
fn own_images(
    images: BTreeMap<Image, Vec<ImagePlace>>,
    owner: Option<&str>,
) -> Result<BTreeMap<Image, Vec<ImagePlace>>, Unclear> {
    let is_own = |image: &Image| owner.is_some_and(|owner| image.as_str().split('/').any(|part| part == owner));
    let (own, others): (BTreeMap<_, _>, BTreeMap<_, _>) = images.into_iter().partition(|(image, _)| is_own(image));
    match (own.is_empty(), others.len()) {
        (false, _) => Ok(own),
        (true, 0 | 1) => Ok(others),
        _ => {
            let names: Vec<&str> = others.keys().map(Image::as_str).collect();
            Err(Unclear::new("the image", format!("which of {} are released", names.join(", ")), "--image REPOSITORY"))
        }
    }
}

/// The workload that runs an image; by its name, if a chart or another repository makes it.
fn find_workload(
    flags: &Flags,
    image: &Image,
    name: &Service,
    workloads: &[Workload],
    count: usize,
) -> Result<String, Unclear> {
    if let Some(workload) = &flags.workload {
        return Ok(workload.clone());
    }
    let of_image = workloads.iter().filter(|workload| workload.image == image.as_str());
    let found: BTreeSet<&str> = of_image.map(|workload| workload.reference.as_str()).collect();
    let by_name = format!("deployment/{name}");
    match found.into_iter().collect::<Vec<_>>()[..] {
        [] => Ok(by_name),
        [only] if count == 1 || only == by_name => Ok(only.to_owned()),
        [only] => {
            let actual = format!("{only} runs {image}, and the workflow of several services expects {by_name}");
            Err(Unclear::new("the workload", actual, "--image REPOSITORY"))
        }
        ref several => {
            let actual = format!("{} run {image}", several.join(", "));
            Err(Unclear::new("the workload", actual, "--workload KIND/NAME"))
        }
    }
}

fn find_namespace(
    flags: &Flags,
    stage: Stage,
    places: &[ImagePlace],
    workloads: &[Workload],
    images: &[&str],
) -> Result<String, Unclear> {
    let (given, what, flag) = match stage {
        Stage::Staging => (&flags.staging_namespace, "the namespace of staging", "--staging-namespace NAME"),
        Stage::Production => {
            (&flags.production_namespace, "the namespace of production", "--production-namespace NAME")
        }
    };
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let is_ours = |image: Option<&str>| image.is_none_or(|image| images.contains(&image));
    let of_places = places.iter().filter(|place| place.stage == Some(stage) && is_ours(place.image.as_deref()));
    let of_workloads =
        workloads.iter().filter(|workload| workload.stage == Some(stage) && images.contains(&workload.image.as_str()));
    let namespaces = of_places.filter_map(|place| place.namespace.as_deref());
    let found: BTreeSet<&str> = namespaces
        .chain(of_workloads.filter_map(|workload| workload.namespace.as_deref()))
        .filter(|name| *name != "argocd" && *name != "flux-system")
        .collect();
    match found.into_iter().collect::<Vec<_>>()[..] {
        [only] => Ok(only.to_owned()),
        [] => Err(Unclear::new(what, "no manifest names one", flag)),
        ref several => Err(Unclear::new(what, several.join(", "), flag)),
    }
}

/// The workflow that deploys to staging.
fn find_deploy_workflow(flags: &Flags, layout: &Layout, found: &Found) -> Result<DeployWorkflow, Unclear> {
    let (what, flag) = ("the workflow that deploys to staging", "--deploy-workflow PATH");
    if matches!(layout, Layout::Infra { .. }) {
        return match &flags.deploy_workflow {
            Some(path) => Ok(DeployWorkflow { path: path.to_string(), name: String::new() }),
            None => Err(Unclear::new(what, "it is in another repository", flag)),
        };
    }
    let named = |path: &WorkflowPath| found.workflows.iter().find(|file| file.path == path.to_string());
    if let Some(path) = &flags.deploy_workflow {
        return match named(path) {
            Some(file) => Ok(DeployWorkflow { path: file.path.clone(), name: name_of(&file.text, &file.path) }),
            None => Err(Unclear::new(what, format!("{path} does not exist"), flag)),
        };
    }
    let about = |text: &str| text.to_lowercase().contains("deploy");
    let deploys: Vec<DeployWorkflow> = found
        .workflows
        .iter()
        .map(|file| DeployWorkflow { path: file.path.clone(), name: name_of(&file.text, &file.path) })
        .filter(|workflow| about(&workflow.path) || about(&workflow.name))
        .collect();
    let stage = |workflow: &DeployWorkflow| stage_in(&format!("{} {}", workflow.path, workflow.name));
    let of_staging: Vec<&DeployWorkflow> =
        deploys.iter().filter(|workflow| stage(workflow) == Some(Stage::Staging)).collect();
    let not_of_production: Vec<&DeployWorkflow> =
        deploys.iter().filter(|workflow| stage(workflow) != Some(Stage::Production)).collect();
    let candidates = if of_staging.is_empty() { not_of_production } else { of_staging };
    match candidates[..] {
        [only] => Ok(only.clone()),
        [] => Err(Unclear::new(what, "no workflow has `deploy` in its name", flag)),
        ref several => {
            let paths: Vec<&str> = several.iter().map(|workflow| workflow.path.as_str()).collect();
            Err(Unclear::new(what, paths.join(", "), flag))
        }
    }
}

/// The name of a workflow; GitHub takes its path if it has none.
fn name_of(text: &str, path: &str) -> String {
    let document = read_document(text.trim_start_matches('\u{feff}'), MAX_DEPTH).ok().flatten();
    let name = document.and_then(|document| {
        let nodes = WorkflowNodes::new(&document.root);
        nodes.field(&document.root, "name").and_then(|pair| nodes.text(&pair.value)).map(ToOwned::to_owned)
    });
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| path.to_owned())
}
