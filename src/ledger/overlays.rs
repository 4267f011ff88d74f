//! The setting `file`: the pattern of the kustomizations with the images.

use regex_lite::{Regex, escape};

use crate::{
    finding::Finding,
    subject::{Environment, Service},
};

/// The placeholder of the service in [`OverlayPattern`].
pub const SERVICE: &str = "{service}";
/// The placeholder of the environment.
pub const ENVIRONMENT: &str = "{environment}";

/// The path pattern of the overlays, the setting `file`.
#[derive(Clone, Debug)]
pub struct OverlayPattern {
    pattern: String,
    regex: Regex,
}

impl OverlayPattern {
    /// # Errors
    /// The pattern is too long for a regular expression.
    pub fn new(pattern: &str) -> Result<Self, Finding> {
        let mut regex = escape(pattern);
        for (name, group) in [(SERVICE, "(?P<service>[^/]+)"), (ENVIRONMENT, "(?P<environment>[^/]+)")] {
            // The second occurrence of a name matches anything; `owner` compares the whole path afterwards.
            regex = regex.replacen(&escape(name), group, 1).replace(&escape(name), "[^/]+");
        }
        let regex = Regex::new(&format!("^{regex}$"))
            .map_err(|error| Finding::inconclusive("`file`").actual(error.to_string()).expected("a path"))?;
        Ok(Self { pattern: pattern.to_owned(), regex })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// The pattern of one service.
    pub(super) fn of_service(&self, service: &Service) -> Result<Self, Finding> {
        Self::new(&self.pattern.replace(SERVICE, service.as_str()))
    }

    /// The environment that a path names.
    pub(super) fn environment(&self, path: &str) -> Option<Environment> {
        let environment = self.regex.captures(path)?.name("environment")?.as_str().parse().ok()?;
        (self.pattern.replace(ENVIRONMENT, Environment::as_str(&environment)) == path).then_some(environment)
    }

    /// The file of a service in an environment.
    #[must_use]
    pub fn path(&self, service: &Service, environment: &Environment) -> String {
        self.pattern.replace(SERVICE, service.as_str()).replace(ENVIRONMENT, environment.as_str())
    }

    /// Whether a path can be the file of some service in some environment.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The service and the environment of a file. A pattern without one of them has it in `scope`.
    #[must_use]
    pub fn owner(&self, path: &str, scope: &OverlayScope) -> Option<(Service, Environment)> {
        let captures = self.regex.captures(path)?;
        let part = |name: &str| captures.name(name).map(|part| part.as_str());
        let service = part("service").map_or_else(|| scope.service.clone(), |text| text.parse().ok())?;
        let environment = part("environment").map_or_else(|| scope.environment.clone(), |text| text.parse().ok())?;
        let is_owner = self.path(&service, &environment) == path && scope.includes(&service, &environment);
        is_owner.then_some((service, environment))
    }

    /// The directory that contains every file of the pattern, without a trailing `/`; empty for the repository's top.
    pub(super) fn directory(&self) -> &str {
        let fixed = self.pattern.find('{').map_or(self.pattern.as_str(), |end| &self.pattern[..end]);
        fixed.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

/// One service or all, in one environment or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlayScope {
    pub service: Option<Service>,
    pub environment: Option<Environment>,
}

impl OverlayScope {
    #[must_use]
    pub fn of(service: &Service, environment: &Environment) -> Self {
        Self { service: Some(service.clone()), environment: Some(environment.clone()) }
    }

    #[must_use]
    pub fn includes(&self, service: &Service, environment: &Environment) -> bool {
        self.includes_service(service) && self.includes_environment(environment)
    }

    pub(super) fn includes_service(&self, service: &Service) -> bool {
        self.service.as_ref().is_none_or(|wanted| wanted == service)
    }

    pub(super) fn includes_environment(&self, environment: &Environment) -> bool {
        self.environment.as_ref().is_none_or(|wanted| wanted == environment)
    }

    /// The pattern of the files in this scope; `None` if its names make none. A pattern without a placeholder has one file for
    /// all.
    pub(super) fn narrow(&self, overlays: &OverlayPattern) -> Option<OverlayPattern> {
        let fill = |text: &str, name: &str, value: Option<&str>| {
            value.map_or_else(|| text.to_owned(), |value| text.replace(name, value))
        };
        let filled = fill(overlays.as_str(), SERVICE, self.service.as_ref().map(Service::as_str));
        let filled = fill(&filled, ENVIRONMENT, self.environment.as_ref().map(Environment::as_str));
        OverlayPattern::new(&filled).ok()
    }
}
