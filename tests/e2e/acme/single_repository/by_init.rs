//! The repository as `init` sets it up: for the approval of an environment, or with the manifests alone and promotions by pull request.

use std::fs;

use super::super::team::PATHS;
use super::{Acme, INFRA};
use crate::repo::{Repo, clean};

const DEPLOY: &str = "name: deploy-staging\non: { push: { branches: [main] } }\npermissions: {}\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make deploy\n";

/// The repository with the manifests alone: the workflows that `init` writes for promotions by pull request.
pub fn write_apart(acme: &Acme, repo: &Repo, source: &str) {
    fs::remove_dir_all(repo.path().join(".github")).expect("remove the workflows");
    let ready = format!("{}/{{service}}/health/ready", acme.production.url());
    let deploy = ".github/workflows/deploy-staging.yml";
    run(
        acme,
        repo,
        &["--approval", "pull-request", "--source", source, "--deploy-workflow", deploy, "--production-url", &ready],
    );
}

/// Replaces all workflows and the config file by those that `init` writes.
pub fn write(acme: &Acme, repo: &Repo) {
    let folder = repo.path().join(".github");
    fs::remove_dir_all(&folder).expect("remove the workflows");
    repo.write(".github/workflows/deploy-staging.yml", DEPLOY);
    // What the smoke tests write, in the folder where they start.
    repo.write("paths.xml", PATHS);
    let ready = |host: &str| format!("{host}/{{service}}/health/ready");
    let (staging, production) = (ready(acme.staging.url()), ready(acme.production.url()));
    let smoke = ["--path", "src", "--smoke", "npm run smoke", "--junit", "results/*.xml"];
    run(acme, repo, &[&smoke[..], &["--staging-url", &staging, "--production-url", &production]].concat());
}

/// Runs `init`, and lets the runner of the tests take the place of GitHub's.
fn run(acme: &Acme, repo: &Repo, flags: &[&str]) {
    let folder = repo.path().join(".github");
    let mut init = clean(env!("CARGO_BIN_EXE_promote-gates"));
    init.current_dir(repo.path()).args(["init", "--repository", INFRA]).args(flags);
    let output = init.output().expect("start init");
    let log = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{log}");
    for entry in fs::read_dir(folder.join("workflows")).expect("the workflows") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a workflow");
        fs::write(&path, acme.adapted(&path.display().to_string(), &text)).expect("write a workflow");
    }
    // The runner's server is a git server, which has no issuer.
    let config = folder.join("promote-gates.yml");
    let text = fs::read_to_string(&config).expect("the config file");
    assert_eq!(text.matches("\nevidence:\n").count(), 1, "{text}");
    let issuer = format!("\nevidence:\n  issuer: {}\n", acme.issuer.issuer());
    fs::write(&config, text.replace("\nevidence:\n", &issuer)).expect("write the config file");
}
