//! The file of a store: JSON with a line for each session, so that a difference of two versions is readable.

use serde::Deserialize;
use serde_json::{Value, json};

use super::store::{BaselineStore, StoredSession};
use crate::{
    subject::{Service, Subject},
    values::clip,
};

/// The version of the format. A file without page loads is still of the first one, so that an earlier version of the program in another
/// job reads it.
const SCHEMA: u64 = 2;
const SCHEMA_WITHOUT_PAGES: u64 = 1;
/// GitHub's contents API returns no larger file, in bytes.
pub const LARGEST: usize = 1_000_000;

/// Why a file is not the store of a service. Such a file is never written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    pub actual: String,
    pub expected: String,
    pub next: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FileJson {
    service: Service,
    sessions: Vec<StoredSession>,
}

impl BaselineStore {
    /// Reads the file of a service.
    ///
    /// # Errors
    /// No JSON; another schema; another service; a session that is none.
    pub fn parse(bytes: &[u8], service: &Service) -> Result<Self, StoreError> {
        let broken = |actual: String| StoreError {
            actual,
            expected: format!("the baselines of {service}, as `baseline` writes them"),
            next: "restore the version before (`git log` names it), or remove the file to begin again".to_owned(),
        };
        let document: Value = serde_json::from_slice(bytes).map_err(|error| broken(format!("not JSON: {error}")))?;
        match document.get("schema").map(|schema| (schema.as_u64(), schema)) {
            Some((Some(SCHEMA | SCHEMA_WITHOUT_PAGES), _)) => {}
            Some((Some(newer), _)) if newer > SCHEMA => {
                return Err(StoreError {
                    actual: format!("schema {newer}"),
                    expected: format!("schema {SCHEMA} or an older one, which this version of promote-gates reads"),
                    next: "use the version of promote-gates that wrote it, in every job that reads or writes it"
                        .to_owned(),
                });
            }
            Some((_, other)) => {
                return Err(StoreError {
                    next: "move the file away and begin again: no version of promote-gates writes this schema any more"
                        .to_owned(),
                    ..broken(format!("schema {}", clip(&other.to_string(), 40)))
                });
            }
            None => return Err(broken("JSON without a `schema`".to_owned())),
        }
        let FileJson { service: theirs, sessions } =
            serde_json::from_value(document).map_err(|error| broken(clip(&error.to_string(), 200)))?;
        if theirs != *service {
            return Err(StoreError {
                next: format!(
                    "give each service a separate file, as with `{{service}}` in its path; this one is {theirs}'s"
                ),
                ..broken(format!("the baselines of {theirs}"))
            });
        }
        if let Some((session, why)) = sessions.iter().find_map(|session| Some((session, session.objection()?))) {
            return Err(broken(format!("{why}, in the session of {} at {}", session.subject, session.measured_at)));
        }
        Ok(Self { service: theirs, sessions })
    }

    /// The file.
    ///
    /// # Errors
    /// It is larger than GitHub's contents API returns.
    pub fn to_text(&self) -> Result<String, StoreError> {
        let line = |session: &StoredSession| {
            let subject = Subject { service: None, ..session.subject.clone() };
            json!(StoredSession { subject, ..session.clone() }).to_string()
        };
        let lines: Vec<String> = self.sessions.iter().map(|session| format!("    {}", line(session))).collect();
        let sessions = if lines.is_empty() { String::new() } else { format!("\n{}\n  ", lines.join(",\n")) };
        let has_pages = self.sessions.iter().any(|session| session.page_loads.is_some());
        let schema = if has_pages { SCHEMA } else { SCHEMA_WITHOUT_PAGES };
        let text = format!(
            "{{\n  \"schema\": {schema},\n  \"service\": \"{}\",\n  \"sessions\": [{sessions}]\n}}\n",
            self.service
        );
        if text.len() > LARGEST {
            return Err(StoreError {
                actual: format!("{} bytes with these sessions", text.len()),
                expected: "at most 1 MB, the most that GitHub's contents API returns".to_owned(),
                next: "give each environment a separate file; or measure fewer endpoints".to_owned(),
            });
        }
        Ok(text)
    }
}
