//! What the dispatch tells. Whoever holds a token that may dispatch can have written all of it: here it is held to its shape,
//! and every name in it to its type. Whether it is so, the judge finds out from GitHub.

use jiff::Timestamp;
use serde_json::Value;

use super::shape::Shape;
use crate::{
    error::CommandError,
    finding::Finding,
    ledger::EvidenceId,
    report::compact::hex_sha256,
    results::{Received, Reports},
    subject::{Commit, Service, Subject, Tag},
    values::clip,
    world::{event::Dispatched, github::Repository},
};

/// The version of `evidence` in the payload that is read here: what `record` writes.
const SCHEMA: u64 = 1;
/// The most bytes of a payload, as JSON without blanks: what GitHub takes of a dispatch.
const LARGEST: usize = 65_535;
/// How much of what it holds goes into a message, in characters.
const CLIP: usize = 300;

/// What `record` tells of a validation. When it was sent and where the run is shown is told as well, and nothing goes by it.
#[derive(Debug)]
pub(super) struct Payload {
    pub service: Service,
    pub image_tag: Option<Tag>,
    pub run: RunTold,
    pub deploy: Option<DeployTold>,
    pub subject: Subject,
}

/// The run that is said to have validated.
#[derive(Debug)]
pub(super) struct RunTold {
    pub repository: Repository,
    pub id: u64,
    pub attempt: u32,
}

/// The run that is said to have deployed what was validated.
#[derive(Debug)]
pub(super) struct DeployTold {
    pub id: u64,
    pub attempt: u32,
    pub head_sha: Commit,
    pub head_branch: Option<String>,
}

impl Payload {
    /// The payload, and the reports in it as texts.
    fn read(payload: &Value) -> Result<(Self, Vec<&str>), Finding> {
        let top = Shape::of("client_payload", payload, &["service", "image_tag", "validated_at", "evidence"])?;
        let known = ["schema", "run", "deploy", "subject", "reports"];
        let evidence = top.needed("evidence", top.inside("evidence", &known)?, "what was seen")?;
        evidence.number::<u64>("schema")?;
        let run = evidence.inside("run", &["repository", "id", "attempt", "url"])?;
        let run = evidence.needed("run", run, "the workflow run that validated")?;
        let deploy = evidence.inside("deploy", &["id", "attempt", "head_sha", "head_branch"])?;
        let subject = evidence.inside("subject", &["service", "environment", "image", "tag", "digest", "commit"])?;
        let subject = evidence.needed("subject", subject, "what was validated")?;
        top.needed("validated_at", top.maybe::<Timestamp>("validated_at")?, "a time in RFC 3339")?;
        run.needed("url", run.maybe::<String>("url")?, "a text")?;
        let read = Self {
            service: top.needed("service", top.maybe("service")?, Service::ACCEPTED)?,
            image_tag: top.maybe("image_tag")?,
            run: RunTold {
                repository: run.needed("repository", run.maybe("repository")?, "owner/name")?,
                id: run.number("id")?,
                attempt: run.number("attempt")?,
            },
            deploy: deploy.map(|deploy| DeployTold::read(&deploy)).transpose()?,
            subject: Subject {
                service: subject.maybe("service")?,
                environment: subject.maybe("environment")?,
                image: subject.maybe("image")?,
                tag: subject.maybe("tag")?,
                digest: subject.maybe("digest")?,
                commit: subject.maybe("commit")?,
            },
        };
        Ok((read, evidence.texts("reports")?))
    }
}

impl DeployTold {
    fn read(deploy: &Shape<'_>) -> Result<Self, Finding> {
        Ok(Self {
            id: deploy.number("id")?,
            attempt: deploy.number("attempt")?,
            head_sha: deploy.needed("head_sha", deploy.maybe("head_sha")?, Commit::ACCEPTED)?,
            head_branch: deploy.maybe("head_branch")?,
        })
    }
}

/// A payload that has its shape, and the reports in it.
pub(super) struct Claim {
    pub payload: Payload,
    pub texts: Vec<Text>,
    /// The reports of all texts, those inside a `run` too.
    pub received: Vec<Received>,
    pub id: EvidenceId,
}

/// A report as it travelled.
pub(super) struct Text {
    /// Hex; the gate's annotation holds it.
    pub sha256: String,
    /// The command that wrote it.
    pub command: String,
}

impl Claim {
    /// # Errors
    /// Bad input: anything in it that `record` would not have written.
    pub fn read(event: &Dispatched) -> Result<Self, CommandError> {
        Self::of(&event.client_payload).map_err(Finding::bad_input)
    }

    fn of(payload: &Value) -> Result<Self, Finding> {
        let size = payload.to_string().len();
        if size > LARGEST {
            let finding = Finding::inconclusive("client_payload").actual(format!("{size} bytes"));
            return Err(finding.expected(format!("at most {LARGEST}, which is what GitHub takes")));
        }
        if let Some(schema) = payload.pointer("/evidence/schema").filter(|schema| **schema != SCHEMA) {
            return Err(Finding::inconclusive("client_payload.evidence")
                .actual(format!("schema {}", clip(&schema.to_string(), CLIP)))
                .expected(format!("schema {SCHEMA}"))
                .next("use the same version of promote-gates in both repositories"));
        }
        let (payload, told) = Payload::read(payload)?;
        let mut reports = Reports::default();
        let mut texts: Vec<Text> = Vec::new();
        for (text, number) in told.into_iter().zip(1..) {
            let source = format!("report {number} of the payload");
            reports.take(&source, text);
            if let Some(Finding { actual, expected, .. }) = reports.unreadable.pop() {
                return Err(Finding::inconclusive(source).actual(clip(&actual, CLIP)).expected(expected));
            }
            let sha256 = hex_sha256(text.as_bytes());
            if texts.iter().any(|before| before.sha256 == sha256) {
                return Err(Finding::inconclusive(source).actual("it is there twice").expected("each report once"));
            }
            // What is inside a `run` was taken before the `run` itself.
            let command = reports.received.last().map(|received| received.report.command.clone()).unwrap_or_default();
            texts.push(Text { sha256, command });
        }
        let id = id(&texts).ok_or_else(|| {
            Finding::inconclusive("client_payload.evidence.reports").actual("none").expected("the gates' reports")
        })?;
        Ok(Self { payload, texts, received: reports.received, id })
    }

    /// The commit that is said to be in the image.
    pub fn commit(&self) -> Option<&Commit> {
        let Payload { subject, deploy, .. } = &self.payload;
        subject.commit.as_ref().or(deploy.as_ref().map(|deploy| &deploy.head_sha))
    }
}

/// The sha256 over the reports' own, sorted, one a line: the same reports in another order are the same evidence.
fn id(texts: &[Text]) -> Option<EvidenceId> {
    let mut hashes: Vec<&str> = texts.iter().map(|text| text.sha256.as_str()).collect();
    hashes.sort_unstable();
    let hashes = Some(hashes.join("\n")).filter(|hashes| !hashes.is_empty())?;
    hex_sha256(hashes.as_bytes()).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::Report;

    fn report(command: &str) -> String {
        serde_json::to_string(&Report::open(command, String::new())).unwrap()
    }

    fn payload() -> Value {
        json!({
            "service": "checkout-service",
            "image_tag": "1.4.2",
            "validated_at": "2026-01-01T00:00:00Z",
            "evidence": {
                "schema": 1,
                "run": { "repository": "acme/shop", "id": 7, "attempt": 1, "url": "https://github.com/x" },
                "deploy": { "id": 41, "attempt": 1, "head_sha": "c".repeat(40), "head_branch": "main" },
                "subject": { "service": "checkout-service", "tag": "1.4.2" },
                "reports": [report("health"), report("smoke")],
            },
        })
    }

    /// The payload with a part set, or taken out.
    fn changed(pointer: &str, value: Option<Value>) -> Value {
        let mut payload = payload();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = payload.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert(key.to_owned(), value),
            None => parent.remove(key),
        };
        payload
    }

    #[test]
    fn the_evidence_is_named_by_its_reports_in_any_order() {
        let claim = Claim::of(&payload()).unwrap();
        let mut hashes = [report("health"), report("smoke")].map(|text| hex_sha256(text.as_bytes()));
        hashes.sort();
        assert_eq!(claim.id.as_str(), hex_sha256(hashes.join("\n").as_bytes()));
        let turned =
            Claim::of(&changed("/evidence/reports", Some(json!([report("smoke"), report("health")])))).unwrap();
        assert_eq!(turned.id, claim.id);
        let fewer = Claim::of(&changed("/evidence/reports", Some(json!([report("smoke")])))).unwrap();
        assert_ne!(fewer.id, claim.id);
        assert_eq!(claim.commit().unwrap().as_str(), "c".repeat(40));
    }

    #[test]
    fn the_reports_inside_a_run_count_under_one_text() {
        let mut outer = Report::open("run", String::new());
        outer.reports = vec![Report::open("health", String::new())];
        let text = serde_json::to_string(&outer).unwrap();
        let claim = Claim::of(&changed("/evidence/reports", Some(json!([text])))).unwrap();
        assert_eq!((claim.texts.len(), &*claim.texts[0].command, claim.received.len()), (1, "run", 2));
    }

    #[test]
    fn what_record_would_not_write_is_refused_by_name_and_clipped() {
        let long = "x".repeat(50_000);
        for (pointer, value, parts) in [
            ("/service", None, &["`client_payload.service`", "not there", "a service name"][..]),
            ("/service", Some(json!("../x")), &["`client_payload.service`", "\"../x\"", "a service name"]),
            ("/image_tag", Some(json!("$(id)")), &["`client_payload.image_tag`", "\"$(id)\"", "an OCI tag"]),
            ("/image_tag", Some(json!(long)), &["an OCI tag"]),
            ("/validated_at", Some(json!("yesterday")), &["`client_payload.validated_at`", "yesterday"]),
            (
                "/environment",
                Some(json!("production")),
                &["`client_payload.environment`", "service, image_tag, validated_at, evidence"],
            ),
            (&*format!("/{long}"), Some(json!(1)), &["`client_payload.xxx", "…"]),
            ("/evidence", Some(json!([])), &["`client_payload.evidence`", "[]", "an object"]),
            ("/evidence/schema", Some(json!(2)), &["schema 2; expected schema 1", "the same version"]),
            ("/evidence/schema", None, &["`client_payload.evidence.schema`"]),
            ("/evidence/run", None, &["`client_payload.evidence.run`", "not there"]),
            (
                "/evidence/run/repository",
                Some(json!("https://evil.example")),
                &["`client_payload.evidence.run.repository`", "evil.example", "owner/name"],
            ),
            ("/evidence/run/id", Some(json!(-1)), &["`client_payload.evidence.run.id`", "-1", "a whole number over 0"]),
            ("/evidence/run/attempt", Some(json!("1")), &["`client_payload.evidence.run.attempt`", "\"1\""]),
            ("/evidence/run/admin", Some(json!(true)), &["`client_payload.evidence.run.admin`"]),
            (
                "/evidence/deploy/head_sha",
                Some(json!("HEAD")),
                &["`client_payload.evidence.deploy.head_sha`", "\"HEAD\"", "a whole git commit id"],
            ),
            ("/evidence/deploy/x", Some(json!(1)), &["deploy.x`"]),
            ("/evidence/subject/digest", Some(json!("sha256:1")), &["subject.digest`", "an OCI digest"]),
            ("/evidence/subject/x", Some(json!(1)), &["subject.x`"]),
            ("/evidence/subject/tag", Some(Value::Null), &["subject.tag`", "null", "a text"]),
            ("/evidence/run/attempt", Some(json!(1_u64 << 40)), &["run.attempt`"]),
            ("/evidence/reports", Some(json!([1])), &["evidence.reports`", "a list of texts"]),
            ("/evidence/reports", Some(json!([])), &["client_payload.evidence.reports", "none"]),
            ("/evidence/reports", Some(json!([report("health"), "{"])), &["report 2 of the payload", "no report"]),
            ("/evidence/reports", Some(json!([report("health"), report("health")])), &["report 2", "twice"]),
            ("/evidence/reports", Some(json!([long, long])), &["100", "bytes; expected at most 65535"]),
        ] {
            let Err(finding) = Claim::of(&changed(pointer, value)) else { panic!("{pointer}: must be refused") };
            let said = finding.to_string();
            for part in parts {
                assert!(said.contains(part), "{}: {part} in {said}", clip(pointer, 40));
            }
            assert!(said.len() < 900, "{}: {}", clip(pointer, 40), said.len());
        }
        for payload in [Value::Null, json!([]), json!("x")] {
            assert!(Claim::of(&payload).is_err());
        }
    }
}
