//! Which environment a file, a namespace or a name is about, by the words in it. Pure.

/// The environments of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Staging,
    Production,
}

const STAGING: [&str; 5] = ["staging", "stage", "stg", "preprod", "preproduction"];
const PRODUCTION: [&str; 4] = ["production", "prod", "prd", "live"];

/// The stage that a text names; `None` if it names none or both.
pub fn stage_in(text: &str) -> Option<Stage> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase);
    let mut found = None;
    for word in words {
        let stage = if STAGING.contains(&word.as_str()) {
            Stage::Staging
        } else if PRODUCTION.contains(&word.as_str()) {
            Stage::Production
        } else {
            continue;
        };
        if found.is_some_and(|found| found != stage) {
            return None;
        }
        found = Some(stage);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_a_stage() {
        for (text, stage) in [
            ("apps/shop/overlays/production/kustomization.yaml", Some(Stage::Production)),
            ("deploy/values-prod.yaml", Some(Stage::Production)),
            ("shop-stage", Some(Stage::Staging)),
            ("k8s/staging_live.yaml", None),
            ("products/values.yaml", None),
            ("base/deployment.yaml", None),
        ] {
            assert_eq!(stage_in(text), stage, "{text}");
        }
    }
}
