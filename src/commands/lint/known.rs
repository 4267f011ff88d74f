//! The actions of this repository as the rules need them: names, inputs, outputs. They come from the registry that also
//! generates each `action.yml`. Pure.

use std::collections::BTreeMap;

/// The name of this repository in `uses:`. Any owner may have a copy of it.
const REPOSITORY: &str = "promote-gates";

/// The command that sends the reports of the gates.
pub const RECORD: &str = "record";
/// The command that verifies them.
pub const EVIDENCE: &str = "evidence";

/// The purpose of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    SoftwareGate,
    PromotionGate,
    GateRunner,
    Other,
}

/// One action.
#[derive(Debug)]
pub struct KnownAction {
    pub name: &'static str,
    pub role: Role,
    pub inputs: Vec<KnownInput>,
    pub outputs: Vec<&'static str>,
}

/// One input of an action.
#[derive(Debug)]
pub struct KnownInput {
    pub key: String,
    pub required: bool,
    pub default: Vec<String>,
    /// How to give it when it is missing.
    pub way_to_give: String,
}

impl KnownAction {
    /// GitHub compares the names of inputs without case.
    pub fn input(&self, key: &str) -> Option<&KnownInput> {
        self.inputs.iter().find(|input| input.key.eq_ignore_ascii_case(key))
    }

    /// Whether later jobs need its report.
    pub fn has_report_for_later(&self) -> bool {
        self.role != Role::Other || self.name == EVIDENCE
    }
}

/// What an action is called in `uses:`, without its owner and version.
#[derive(Debug, PartialEq, Eq)]
pub enum UsedAction<'a> {
    Root,
    Folder(&'a str),
}

/// The action of this repository that a step uses.
pub fn used_action(uses: &str) -> Option<UsedAction<'_>> {
    let path = uses.split('@').next().unwrap_or_default().trim_end_matches('/');
    let (_, path) = path.split_once('/')?;
    let (repository, folder) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let is_ours = repository.eq_ignore_ascii_case(REPOSITORY);
    is_ours.then(|| folder.map_or(UsedAction::Root, UsedAction::Folder))
}

/// What the rules know beside the workflows.
#[derive(Debug)]
pub struct LintRules {
    pub actions: Vec<KnownAction>,
    /// The settings of the config file, by command and key.
    pub config: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl LintRules {
    pub fn find(&self, used: &UsedAction<'_>) -> Option<&KnownAction> {
        self.actions.iter().find(|action| match used {
            UsedAction::Root => action.role == Role::GateRunner,
            UsedAction::Folder(folder) => action.role != Role::GateRunner && action.name == *folder,
        })
    }

    pub fn folders(&self) -> Vec<&'static str> {
        self.actions.iter().filter(|action| action.role != Role::GateRunner).map(|action| action.name).collect()
    }

    /// What the config file says about an input.
    pub fn configured(&self, action: &KnownAction, key: &str) -> Option<&[String]> {
        self.config.get(action.name)?.get(key).map(Vec::as_slice)
    }
}
