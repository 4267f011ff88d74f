//! The repository whose cluster follows a branch of its own: main is only source.

use super::{Acme, INFRA, SERVICE, STATUS, SingleRepository};
use crate::acme::image_tag;
use crate::repo::Repo;

/// The branch that the cluster follows.
pub const BRANCH: &str = "deploy/production";
const CONFIG: &str = ".github/promote-gates.yml";
/// The commands that read or change the image.
const COMMANDS: [&str; 7] = ["approval", "wait", "promote", "status", "emergency", "rollback", "audit"];

impl<'a> SingleRepository<'a> {
    /// Promotes by pull request into [`BRANCH`], as docs/any-plan.md has it.
    pub fn with_deploy_branch(acme: &'a Acme) -> Self {
        let shop = Self::by_pull_request(acme, STATUS, "merge");
        let text = acme.infra.read(CONFIG).expect("the config file");
        assert_eq!(text.matches("evidence:\n").count(), 1, "{text}");
        let mut text = text.replace("evidence:\n", &format!("evidence:\n  branch: {BRANCH}\n"));
        for command in COMMANDS {
            text += &format!("{command}: {{ branch: {BRANCH} }}\n");
        }
        let tip = acme.change_infra("a branch that the cluster follows", |repo| {
            repo.write(CONFIG, text);
        });
        acme.fake_github.commit(INFRA, &tip, "platform", "a branch that the cluster follows");
        let clone = Repo::clone_of(acme.infra.path());
        clone.git(["push", "--quiet", "origin", &format!("main:refs/heads/{BRANCH}")]);
        acme.fake_github.branch(INFRA, BRANCH, &tip);
        shop
    }

    /// The image tag of the service in production, on the branch that the cluster follows.
    pub fn deployed_image(&self) -> String {
        let clone = Repo::clone_of(self.acme.infra.path());
        let file = format!("origin/{BRANCH}:apps/{SERVICE}/overlays/production/kustomization.yaml");
        image_tag(&clone.git(["show", &file]))
    }
}
