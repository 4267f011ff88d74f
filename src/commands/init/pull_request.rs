//! The shipped workflows of promotions by pull request, written for one repository. Pure.

use super::{
    flags::Flags,
    gate_steps::{APP_TOKEN, JOB_TOKEN, require, set_endpoints, set_health},
    setup::{Layout, Setup},
    template::{Template, TemplateError},
};

/// The gates where the service and its manifests are in one repository.
pub const VALIDATE: &str = include_str!("../../../workflows/single-repository/validate-staging.yml");
const OPEN: &str = include_str!("../../../workflows/single-repository/promotion-open.yml");
const REVIEW: &str = include_str!("../../../workflows/single-repository/promotion-review.yml");
const STATUS: &str = include_str!("../../../workflows/single-repository/promotion-status.yml");
const STATUS_BY_APP: &str = include_str!("../../../workflows/single-repository/promotion-status-by-app.yml");
const AUDIT: &str = include_str!("../../../workflows/single-repository/audit.yml");

/// The workflows of the repository with the manifests. `promote`: the shipped workflow that has the step of the App that reads.
pub fn plan_promotions(
    setup: &Setup,
    flags: &Flags,
    promote: &Template,
) -> Result<Vec<(&'static str, Template)>, TemplateError> {
    let mut open = Template::new(OPEN);
    let mut status = judge_and_merge(setup, flags)?;
    // Their comments are about services in other repositories.
    let of_status = if flags.status_app.is_some() { JUDGE_TOKEN } else { JOB_TOKEN };
    for (template, job, command, token) in
        [(&mut open, "open", "evidence", JOB_TOKEN), (&mut status, "status", "status", of_status)]
    {
        let step = require(template, job, command)?;
        template.set_anew(&step.key("token"), token)?;
    }
    if let Layout::Infra { .. } = setup.layout {
        let reader = Reader::of(promote)?;
        reader.add(&mut open, "open", "evidence", "reader", FIRST)?;
        reader.add(&mut status, "status", "status", "reader", FIRST)?;
        reader.add(&mut status, "merge", "approval", "reader", FIRST)?;
        reader.add(&mut status, "merge", "status", "reader-after-wait", AFTER_WAIT)?;
    }
    Ok(vec![
        ("promotion-open", open),
        ("promotion-review", Template::new(REVIEW)),
        ("promotion-status", status),
        ("audit", Template::new(AUDIT)),
    ])
}

/// The workflow that judges the reviews, merges, and watches production.
fn judge_and_merge(setup: &Setup, flags: &Flags) -> Result<Template, TemplateError> {
    let [service] = &setup.services[..] else {
        return Err(TemplateError("no promotion of several services by pull request".to_owned()));
    };
    let mut template = Template::new(if flags.status_app.is_some() { STATUS_BY_APP } else { STATUS });
    if let Some(url) = &flags.staging_url {
        let wait = require(&template, "merge", "wait")?;
        // `wait` fills in the name itself.
        template.put_key(&wait.with(), "endpoints", url)?;
    }
    let health = require(&template, "merge", "health")?;
    set_health(&mut template, &health, &setup.production_namespace, &service.workload)?;
    set_endpoints(&mut template, &health, flags.production_url.as_deref(), service.name.as_str())?;
    Ok(template)
}

/// The token of the App that sets the status.
const JUDGE_TOKEN: &str = "${{ steps.judge.outputs.token }}";

const FIRST: &str = "The App that reads the repository of the service; docs/apps.md shows how to create it.";
const AFTER_WAIT: &str = "A token lives for an hour: another one after the wait.";

/// The step that makes the token of the App that reads the repository of the service.
struct Reader(String);

/// Its id in the shipped workflow.
const READER: &str = "- id: reader\n";

impl Reader {
    fn of(promote: &Template) -> Result<Self, TemplateError> {
        let step = require(promote, "evidence", APP_TOKEN)?;
        let text = promote.step_text("evidence", step.index)?;
        if text.contains(READER) { Ok(Self(text)) } else { Err(TemplateError("no step `reader`".to_owned())) }
    }

    /// Adds the step before the first one of a command, and gives its token to the command.
    fn add(&self, template: &mut Template, job: &str, command: &str, id: &str, why: &str) -> Result<(), TemplateError> {
        let step = require(template, job, command)?;
        let reader = self.0.replace(READER, &format!("- id: {id}\n"));
        template.insert_step(job, step.index, &format!("      # {why}\n{reader}"))?;
        let step = require(template, job, command)?;
        template.put_key(&step.with(), "source-token", &format!("${{{{ steps.{id}.outputs.token }}}}"))
    }
}
