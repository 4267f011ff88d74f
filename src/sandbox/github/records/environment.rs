//! A deployment environment, its protection, and its branch policies.

use jiff::Timestamp;

pub struct FakeEnvironment {
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub protection: ProtectionSettings,
    pub policies: Vec<BranchPolicy>,
}

/// The settings in the body of a `PUT`; a field that the body omits has its default.
pub struct ProtectionSettings {
    /// Minutes.
    pub wait_timer: u64,
    pub prevent_self_review: bool,
    /// `User` or `Team`, and the id.
    pub reviewers: Vec<(String, u64)>,
    pub branches: DeploymentBranches,
    /// GitHub takes and returns this field, but its API description does not list it.
    pub admins_bypass: bool,
}

impl Default for ProtectionSettings {
    fn default() -> Self {
        Self {
            wait_timer: 0,
            prevent_self_review: false,
            reviewers: Vec::new(),
            branches: DeploymentBranches::Any,
            admins_bypass: true,
        }
    }
}

/// The branches that can deploy to an environment.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum DeploymentBranches {
    #[default]
    Any,
    Protected,
    /// Those that match a branch policy.
    Custom,
}

/// A branch or tag pattern that can deploy to an environment.
pub struct BranchPolicy {
    pub id: u64,
    /// A pattern: `release/*`.
    pub name: String,
    /// `branch` or `tag`.
    pub kind: String,
}

impl FakeEnvironment {
    pub fn new(name: &str, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            created_at: now,
            updated_at: now,
            protection: ProtectionSettings::default(),
            policies: Vec::new(),
        }
    }

    /// GitHub ignores case in environment names.
    pub fn has_name(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub fn has_custom_policies(&self) -> bool {
        self.protection.branches == DeploymentBranches::Custom
    }

    pub fn set_protection(&mut self, protection: ProtectionSettings, now: Timestamp) {
        self.protection = protection;
        self.updated_at = now;
        if !self.has_custom_policies() {
            self.policies.clear();
        }
    }
}
