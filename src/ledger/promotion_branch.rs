//! The branch of a promotion's pull request: one for each evidence id.

use std::{fmt, str::FromStr};

use super::evidence_id::EvidenceId;
use crate::{
    error::ValueError,
    subject::{Environment, Service},
};

/// What the name of such a branch begins with.
const PREFIX: &str = "promote";

/// `promote/<environment>/<service>/<evidence id>`. Anyone who may push can give a branch such a name: it says what its commit
/// has to be, and nothing about the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionBranch {
    pub environment: Environment,
    pub service: Service,
    pub evidence: EvidenceId,
}

impl FromStr for PromotionBranch {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).ok_or(ValueError::new("`promote/<environment>/<service>/<evidence id>`"))
    }
}

fn parse(text: &str) -> Option<PromotionBranch> {
    let parts: Vec<&str> = text.split('/').collect();
    let [PREFIX, environment, service, evidence] = parts[..] else { return None };
    Some(PromotionBranch {
        environment: environment.parse().ok()?,
        service: service.parse().ok()?,
        evidence: evidence.parse().ok()?,
    })
}

impl fmt::Display for PromotionBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}/{}/{}/{}", self.environment, self.service, self.evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::git::Branch;

    #[test]
    fn a_branch_names_its_promotion_and_is_a_valid_name() {
        let id = "ab".repeat(32);
        let name = format!("promote/production/checkout-service/{id}");
        let branch: PromotionBranch = name.parse().unwrap();
        assert_eq!(
            (branch.environment.as_str(), branch.service.as_str(), branch.evidence.as_str()),
            ("production", "checkout-service", id.as_str())
        );
        assert_eq!(branch.to_string(), name);
        assert!(name.parse::<Branch>().is_ok());
    }

    #[test]
    fn other_names_are_no_promotions() {
        let id = "ab".repeat(32);
        for name in [
            String::new(),
            "promote".to_owned(),
            format!("promote/production/{id}"),
            format!("promote/production/shop/x/{id}"),
            format!("Promote/production/shop/{id}"),
            format!("refs/heads/promote/production/shop/{id}"),
            format!("promote/production/shop/{}", &id[1..]),
            format!("promote/production/shop/{}", id.to_uppercase()),
            format!("promote//shop/{id}"),
            format!("promote/production/../{id}"),
            format!("promote/production/shop/{id}/"),
        ] {
            assert!(name.parse::<PromotionBranch>().is_err(), "{name}");
        }
    }
}
