//! The layout of the overlays: which file has the image of which service and environment.

use regex_lite::{Regex, escape};

use crate::{
    finding::Finding,
    subject::{Environment, Service, Subject},
};

/// The path pattern of the overlays, and the audited service and environment; `None` for all.
#[derive(Debug)]
pub(super) struct OverlayLayout {
    pattern: String,
    regex: Regex,
    image_name: Option<String>,
    service: Option<Service>,
    environment: Option<Environment>,
}

const SERVICE: &str = "{service}";
const ENVIRONMENT: &str = "{environment}";

impl OverlayLayout {
    /// # Errors
    /// A pattern without service or environment, when the subject lacks it too.
    pub fn new(pattern: &str, image_name: Option<&str>, subject: &Subject) -> Result<Self, Finding> {
        let Subject { service, environment, .. } = subject.clone();
        for (name, given) in [(SERVICE, service.is_some()), (ENVIRONMENT, environment.is_some())] {
            if !given && !pattern.contains(name) {
                return Err(Finding::inconclusive("`file`").actual(pattern).expected(format!(
                    "a pattern with `{name}`, or the {} as a setting",
                    name.trim_matches(['{', '}'])
                )));
            }
        }
        let mut regex = escape(pattern);
        for (name, group) in [(SERVICE, "(?P<service>[^/]+)"), (ENVIRONMENT, "(?P<environment>[^/]+)")] {
            // The second occurrence of a name matches anything; `owner` compares the whole path afterwards.
            regex = regex.replacen(&escape(name), group, 1).replace(&escape(name), "[^/]+");
        }
        let regex = Regex::new(&format!("^{regex}$"))
            .map_err(|error| Finding::inconclusive("`file`").actual(error.to_string()).expected("a path"))?;
        Ok(Self {
            pattern: pattern.to_owned(),
            regex,
            image_name: image_name.map(ToOwned::to_owned),
            service,
            environment,
        })
    }

    /// The pathspec for git.
    pub fn pathspec(&self) -> String {
        let literal: String = self
            .pattern
            .chars()
            .flat_map(|c| matches!(c, '*' | '?' | '[' | '\\').then_some('\\').into_iter().chain([c]))
            .collect();
        let (service, environment) = (self.service.as_ref(), self.environment.as_ref());
        let literal = literal.replace(SERVICE, service.map_or("*", Service::as_str));
        format!(":(top,glob){}", literal.replace(ENVIRONMENT, environment.map_or("*", Environment::as_str)))
    }

    /// The service and environment of a file; `None` for other files and for those outside the audit.
    pub fn owner(&self, path: &str) -> Option<(Service, Environment)> {
        let captures = self.regex.captures(path)?;
        let part = |name: &str| captures.name(name).map(|part| part.as_str());
        let service = part("service").map_or_else(|| self.service.clone(), |text| text.parse().ok())?;
        let environment = part("environment").map_or_else(|| self.environment.clone(), |text| text.parse().ok())?;
        let expected = self.pattern.replace(SERVICE, service.as_str()).replace(ENVIRONMENT, environment.as_str());
        (expected == path && self.includes(&service, &environment)).then_some((service, environment))
    }

    /// The name of a service's image in the manifests.
    pub fn image_name<'a>(&'a self, service: &'a Service) -> &'a str {
        self.image_name.as_deref().unwrap_or_else(|| service.as_str())
    }

    pub fn includes(&self, service: &Service, environment: &Environment) -> bool {
        self.service.as_ref().is_none_or(|wanted| wanted == service)
            && self.environment.as_ref().is_none_or(|wanted| wanted == environment)
    }
}
