//! What every command shares that changes the infra repository: which file, which image entry of it, who commits; and the
//! change itself, in [`change`].

pub mod change;

use std::{collections::BTreeMap, str::FromStr};

use jiff::Timestamp;

use crate::{
    error::{CommandError, ValueError},
    finding::{Finding, Verdict},
    kustomization::{self, Edited, ImageChange, ImageEntry, KustomizationError, USUAL_PLACE},
    ledger::{Entry, Place, Promotion, place},
    reconcile::Plan,
    report::Output,
    subject::{Digest, Environment, Image, Service, Subject, Tag},
    values::HumanDuration,
    world::git::{Commit, Entry as Stored, Identity, Mode, TreePath},
};

/// What each of them puts out.
pub const COMMIT: Output =
    Output { name: "commit", help: "The commit that holds it; empty when nobody knows which one does" };
pub const CHANGED: Output = Output { name: "changed", help: "`true` when a commit was pushed" };
pub const PREVIOUS_IMAGE: Output = Output { name: "previous-image", help: "The image that stood there before" };

/// The settings that they share. The token is the command's own.
#[derive(Debug, clap::Args)]
pub struct InfraArgs {
    #[command(flatten)]
    pub at: place::At,
    /// Kustomization file from the repository's top; `{service}` and `{environment}` are filled in
    #[arg(long, value_name = "PATH", default_value = USUAL_PLACE)]
    pub file: String,
    /// The image's name in the manifests (`images[].name`) [default: the service]
    #[arg(long, value_name = "NAME")]
    pub image_name: Option<ImageName>,
    /// How long to go on while others push first
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub timeout: HumanDuration,
    /// Name that commits
    #[arg(long, value_name = "NAME", default_value = "promotion-bot")]
    pub committer_name: String,
    /// Address that commits
    #[arg(long, value_name = "EMAIL", default_value = "promotion-bot@users.noreply.github.com")]
    pub committer_email: String,
}

impl InfraArgs {
    /// # Errors
    /// Bad input when git would not take the two as they are.
    pub fn committer(&self) -> Result<Identity, CommandError> {
        Identity::new(&self.committer_name, &self.committer_email)
            .map_err(|error| Finding::inconclusive("`committer-name`, `committer-email`").actual(error).bad_input())
    }

    /// Where the image of a service in an environment stands.
    ///
    /// # Errors
    /// Bad input when that is no path inside the repository.
    pub fn slot(&self, service: &Service, environment: &Environment) -> Result<Slot, CommandError> {
        Slot::of(&self.file, self.image_name.as_ref(), service, environment)
    }
}

/// The pattern of the `file` setting, filled in.
#[must_use]
pub fn file_of(pattern: &str, service: &str, environment: &str) -> String {
    pattern.replace("{service}", service).replace("{environment}", environment)
}

/// An image as manifests name it, which need not be one that a registry would accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName(String);

impl FromStr for ImageName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("an image's name in the manifests, without blanks, at most 255 characters"))
        }
    }
}

/// What is promoted, and where to.
#[derive(Clone, Debug)]
pub struct Target {
    pub service: Service,
    pub environment: Environment,
    /// `1.4.2`, `1.4.2@sha256:…`, `sha256:…`
    pub release: String,
}

impl Target {
    /// # Errors
    /// Bad input when one of them was not given.
    pub fn of(subject: &Subject) -> Result<Self, CommandError> {
        let parts = [subject.tag.as_ref().map(ToString::to_string), subject.digest.as_ref().map(ToString::to_string)];
        let release = parts.into_iter().flatten().collect::<Vec<_>>().join("@");
        if release.is_empty() {
            return Err(missing("tag"));
        }
        let (service, environment) = place_of(subject)?;
        Ok(Self { service, environment, release })
    }
}

/// The service and the environment that a command was told.
///
/// # Errors
/// Bad input when one of them was not given.
pub fn place_of(subject: &Subject) -> Result<(Service, Environment), CommandError> {
    Ok((
        subject.service.clone().ok_or_else(|| missing("service"))?,
        subject.environment.clone().ok_or_else(|| missing("environment"))?,
    ))
}

fn missing(name: &str) -> CommandError {
    let error = Finding::inconclusive(format!("`{name}`")).actual("not given");
    error.expected(format!("the {name} that it is about")).bad_input()
}

/// One image entry of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub file: TreePath,
    /// The image's name in the manifests.
    pub name: String,
}

/// What an entry shall hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// Where it is taken from; `None` leaves that as it is: `kustomize edit set image NAME=*:TAG`.
    pub image: Option<Image>,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl From<&Subject> for NewImage {
    fn from(subject: &Subject) -> Self {
        Self { image: subject.image.clone(), tag: subject.tag.clone(), digest: subject.digest.clone() }
    }
}

impl Slot {
    /// The one of a service in an environment, by the settings `file` and `image-name`.
    ///
    /// # Errors
    /// Bad input when it is in no path inside the repository.
    pub fn of(
        pattern: &str,
        image_name: Option<&ImageName>,
        service: &Service,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let path = file_of(pattern, service.as_str(), environment.as_str());
        let file = path.parse().map_err(|error: String| {
            Finding::inconclusive("`file`").actual(error).expected("a path inside the infra repository").bad_input()
        })?;
        let name = image_name.map_or_else(|| service.to_string(), |name| name.0.clone());
        Ok(Self { file, name })
    }

    /// The file as a commit of the branch holds it.
    ///
    /// # Errors
    /// Bad input when there is no such file; what git could not tell.
    pub fn read(&self, place: &Place, commit: &Commit) -> Result<(String, Mode), CommandError> {
        let path = &self.file;
        let seen = match place.git.read_file(commit, path).map_err(Finding::unobservable)? {
            Some(Stored::File(blob)) => {
                let text = String::from_utf8(blob.bytes).map_err(|error| {
                    Finding::inconclusive(path.as_str()).actual(error.to_string()).expected("UTF-8").unobservable()
                })?;
                return Ok((text, blob.mode));
            }
            Some(_) => "no regular file",
            None => "no such file",
        };
        Err(Finding::inconclusive("`file`")
            .actual(format!("{seen} at {path} on {}", place.branch))
            .expected("a kustomization file")
            .next("name the repository's layout with `file`; `{service}` and `{environment}` are filled in")
            .bad_input())
    }

    /// The entry as it stands in the file; `None`: there is none.
    ///
    /// # Errors
    /// What makes the file one that cannot be read safely.
    pub fn entry(&self, text: &str) -> Result<Option<ImageEntry>, Finding> {
        kustomization::image(text, &self.name).map_err(|problem| problem.to_finding(self.file.as_str()))
    }

    /// The file with the image set, and its entry then.
    ///
    /// # Errors
    /// What makes the file one that cannot be edited safely.
    pub fn set(&self, text: &str, new: &NewImage) -> Result<(Edited, ImageEntry), Finding> {
        self.try_set(text, new).map_err(|problem| problem.to_finding(self.file.as_str()))
    }

    /// The image that stands there; `None` when there is no such entry.
    ///
    /// # Errors
    /// As [`Slot::set`].
    pub fn image(&self, text: &str) -> Result<Option<String>, Finding> {
        let entry = kustomization::image(text, &self.name);
        let entry = entry.map_err(|problem| problem.to_finding(self.file.as_str()))?;
        Ok(entry.as_ref().map(ImageEntry::reference))
    }

    fn try_set(&self, text: &str, new: &NewImage) -> Result<(Edited, ImageEntry), KustomizationError> {
        let name = &self.name;
        let stands = kustomization::image(text, name)?;
        let new_name = new.image.as_ref().map(ToString::to_string);
        let new_name = new_name.or_else(|| stands.and_then(|entry| entry.new_name));
        let (tag, digest) = (new.tag.as_ref().map(ToString::to_string), new.digest.as_ref().map(ToString::to_string));
        let change = ImageChange { name: name.clone(), new_name, tag, digest };
        let edited = kustomization::set_image(text, &change)?;
        let ImageChange { name, new_name, tag, digest } = change;
        Ok((edited, ImageEntry { name, new_name, tag, digest }))
    }
}

/// What a command means to change, and by what it decides.
pub trait Intent {
    /// The image entry that is to change.
    fn slot(&self) -> &Slot;

    /// The release that shall stand there, as far as it is known before anything was read.
    fn release(&self) -> String;

    /// What of the ledger the plan needs.
    ///
    /// # Errors
    /// When it cannot be read.
    fn entries(&self, place: &Place, tip: &Commit, now: Timestamp) -> Result<Vec<Entry>, Finding>;

    /// Pure.
    fn plan(&self, seen: &Seen) -> Plan<Edit, Done>;
}

/// The branch as it is.
#[derive(Debug)]
pub struct Seen {
    /// What the file holds.
    pub text: String,
    /// What [`Intent::entries`] asked for.
    pub entries: Vec<Entry>,
    pub now: Timestamp,
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
pub struct Edit {
    pub text: String,
    pub image: String,
    pub previous: Option<String>,
    pub message: String,
}

impl Edit {
    /// The change of an entry, told by `promotion`, whose images are filled in.
    #[must_use]
    pub fn new(edited: Edited, entry: &ImageEntry, promotion: &Promotion) -> Self {
        let image = entry.reference();
        let previous = edited.previous.as_ref().map(ImageEntry::reference);
        let promotion = Promotion { image: image.clone(), previous: previous.clone(), ..promotion.clone() };
        Self { text: edited.text, image, previous, message: promotion.message() }
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The image that stands there now.
    pub image: String,
    /// What stood there before; `None` when there was no entry, or nobody knows.
    pub previous: Option<String>,
    /// The commit that set it, if it is known.
    pub commit: Option<Commit>,
    /// Whether we pushed that commit.
    pub changed: bool,
    /// Whether the image stands there, as far as the branch was read. It need not where a commit of ours is from an earlier
    /// attempt.
    pub stands: bool,
}

impl Done {
    /// It was so before we came. `by`: the entry of the ledger that made it so.
    #[must_use]
    pub fn already(image: String, by: Option<&Entry>) -> Self {
        let previous = by.map_or_else(|| Some(image.clone()), |entry| entry.previous.clone());
        Self { image, previous, commit: by.map(|entry| entry.commit.clone()), changed: false, stands: true }
    }

    /// What `entry` did is done; `now` stands there.
    #[must_use]
    pub fn before(entry: &Entry, now: Option<&str>) -> Self {
        let stands = now == Some(entry.image.as_str());
        Self { stands, ..Self::already(entry.image.clone(), Some(entry)) }
    }
}

/// How a change ended, as its last finding and its outputs. `expected`: what should be so; `None` for `done`: a dry-run.
#[must_use]
pub fn told(check: &str, expected: String, done: Option<&Done>) -> (Finding, BTreeMap<&'static str, String>) {
    let finding = Finding::passed(check).expected(expected);
    let mut outputs = BTreeMap::from([(CHANGED.name, "false".to_owned())]);
    let Some(Done { image, previous, commit, changed, stands }) = done else {
        let finding = finding.actual("dry-run: nothing was written");
        return (Finding { verdict: Verdict::Inconclusive, ..finding }, outputs);
    };
    let before = previous.as_deref().unwrap_or("no image entry");
    let actual = match commit {
        Some(commit) if *changed => format!("{before} → {image} in commit {commit}"),
        Some(commit) => format!("{image} stands there already, by commit {commit}"),
        None => format!("{image} stands there already, nothing to commit"),
    };
    outputs.insert(CHANGED.name, changed.to_string());
    outputs.extend(commit.as_ref().map(|commit| (COMMIT.name, commit.to_string())));
    outputs.insert(PREVIOUS_IMAGE.name, previous.clone().unwrap_or_default());
    if !stands {
        let by = commit.as_ref().map(|commit| format!(" by commit {commit}")).unwrap_or_default();
        let actual = format!("{image} was set{by} once, and does not stand there any more");
        let next = "see who has changed it since, and start the workflow anew if it is still wanted";
        return (Finding { verdict: Verdict::Blocked, ..finding.actual(actual).next(next) }, outputs);
    }
    (finding.actual(actual), outputs)
}
