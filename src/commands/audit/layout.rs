//! Which files hold whose image.

use regex_lite::{Regex, escape};

use crate::{
    finding::Finding,
    subject::{Environment, Service, Subject},
};

/// The pattern of the overlays' files, and of whom they are wanted.
#[derive(Debug)]
pub(super) struct Layout {
    pattern: String,
    regex: Regex,
    image_name: Option<String>,
    service: Option<Service>,
    environment: Option<Environment>,
}

const SERVICE: &str = "{service}";
const ENVIRONMENT: &str = "{environment}";

impl Layout {
    /// # Errors
    /// A pattern that does not say whose file it is, where the subject does not either.
    pub fn of(pattern: &str, image_name: Option<&str>, subject: &Subject) -> Result<Self, Finding> {
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
            // Where a name stands twice, the whole path is held against it afterwards.
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

    /// What git is asked for.
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

    /// Whose file it is; `None` for nobody's that is wanted.
    pub fn whose(&self, path: &str) -> Option<(Service, Environment)> {
        let captures = self.regex.captures(path)?;
        let part = |name: &str| captures.name(name).map(|part| part.as_str());
        let service = part("service").map_or_else(|| self.service.clone(), |text| text.parse().ok())?;
        let environment = part("environment").map_or_else(|| self.environment.clone(), |text| text.parse().ok())?;
        let whole = self.pattern.replace(SERVICE, service.as_str()).replace(ENVIRONMENT, environment.as_str());
        (whole == path && self.wants(&service, &environment)).then_some((service, environment))
    }

    /// The name of a service's image in the manifests.
    pub fn image_name<'a>(&'a self, service: &'a Service) -> &'a str {
        self.image_name.as_deref().unwrap_or_else(|| service.as_str())
    }

    pub fn wants(&self, service: &Service, environment: &Environment) -> bool {
        self.service.as_ref().is_none_or(|wanted| wanted == service)
            && self.environment.as_ref().is_none_or(|wanted| wanted == environment)
    }
}
