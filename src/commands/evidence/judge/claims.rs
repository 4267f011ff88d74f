//! The claims that need no observation: the source repository and the subject.

use crate::{
    commands::evidence::verification::{Verification, block_if, tag_or_digest_difference},
    finding::Finding,
    subject::Subject,
    world::github::Repository,
};

/// The check of the repository that the payload names.
pub const REPOSITORY: &str = "source repository";

fn is_same_repository(one: &Repository, other: &Repository) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}

impl Verification<'_> {
    /// The checks that need nothing but the payload and the config file.
    pub fn check_claims(&self) -> Vec<Finding> {
        vec![self.check_repository(None), self.check_subject()]
    }

    /// Whether the payload names another repository than `services`.
    pub fn is_of_other_repository(&self) -> bool {
        !is_same_repository(&self.claim.payload.run.repository, &self.origin.repository)
    }

    /// `new_name`: the name that the repository of `services` has now, if it was renamed.
    pub fn check_repository(&self, new_name: Option<&Repository>) -> Finding {
        let (claimed, trusted) = (&self.claim.payload.run.repository, &self.origin.repository);
        let finding = block_if(self.is_of_other_repository(), REPOSITORY);
        let finding = finding.actual(claimed.to_string()).expected(format!("{trusted}, as `services` says"));
        match new_name.filter(|name| is_same_repository(name, claimed)) {
            Some(name) => finding.actual(format!("{name}, and GitHub renamed {trusted} to it")).next(format!(
                "write {name} into `repository` of the service in `services`, and start the promotion again"
            )),
            None => finding,
        }
    }

    fn check_subject(&self) -> Finding {
        let payload = &self.claim.payload;
        let claimed = payload.subject.without_environment();
        let release = self.release();
        let has_no_version = payload.image_tag.is_none() && claimed.digest.is_none();
        // The payload may leave out the image; `services` names it.
        let claimed = Subject { image: claimed.image.or_else(|| release.image.clone()), ..claimed };
        let pinned = Subject { environment: None, ..self.pinned.clone() };
        let difference = match (&claimed.commit, &payload.deploy) {
            _ if has_no_version => Some("neither tag nor digest".to_owned()),
            (Some(commit), Some(deploy)) if *commit != deploy.head_sha => {
                Some(format!("commit {commit}, but the deploy run's is {}", deploy.head_sha))
            }
            _ => claimed
                .differs_from(&release)
                .or_else(|| tag_or_digest_difference(&claimed, &release))
                .or_else(|| self.untested_digest(&release))
                .map(|difference| format!("evidence.subject has {difference}"))
                .or_else(|| difference_from_pinned(&pinned, &release)),
        };
        let finding = block_if(difference.is_some(), "subject");
        let finding = finding.expected(format!("one subject throughout, of {}", self.origin.image));
        finding.actual(difference.unwrap_or_else(|| release.to_string()))
    }
}

impl Verification<'_> {
    /// The digest of the release if no report of a required gate names it. The reports are judged afterwards.
    fn untested_digest(&self, release: &Subject) -> Option<String> {
        let digest = release.digest.as_ref()?;
        let required = self.claim.received.iter().filter(|received| self.required.contains(&received.report.command));
        let is_named =
            required.map(|received| &received.report.subject.digest).any(|named| named.as_ref() == Some(digest));
        (!is_named).then(|| format!("digest {digest}, which no report of a required gate names"))
    }
}

/// The first part that the workflow pins and the payload lacks or contradicts.
fn difference_from_pinned(pinned: &Subject, release: &Subject) -> Option<String> {
    // A part that the workflow does not pin is taken from the release, so that it cannot differ.
    let filled = Subject {
        service: pinned.service.clone().or_else(|| release.service.clone()),
        environment: None,
        image: pinned.image.clone().or_else(|| release.image.clone()),
        tag: pinned.tag.clone().or_else(|| release.tag.clone()),
        digest: pinned.digest.clone().or_else(|| release.digest.clone()),
        commit: pinned.commit.clone().or_else(|| release.commit.clone()),
    };
    let difference = release.differs_from(&filled).or_else(|| tag_or_digest_difference(release, &filled));
    difference.map(|difference| format!("{difference}, which this workflow is for"))
}
