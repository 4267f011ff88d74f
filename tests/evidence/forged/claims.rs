//! What the payload claims of the release.

use super::*;

#[test]
fn a_false_claim_is_blocked() {
    check_all(TABLE);
}

/// Another service of the same repository.
const FRONTEND: &str = "  frontend:
    repository: acme/shop
    workflow: .github/workflows/validate-staging.yml
    deploy-workflow: .github/workflows/deploy-staging.yml
    image: ghcr.io/acme/frontend
policy:";

const TABLE: &[History] = &[
    passes("the honest release", |stage| stage.payload(), "subject", "checkout-service 1.4.2"),
    blocked(
        "an unknown service",
        |stage| {
            let payload = set(stage.payload(), "/service", json!("checkout-servise"));
            set(payload, "/evidence/subject/service", json!("checkout-servise"))
        },
        "service",
        "checkout-servise is not in `services` of .github/promote-gates.yml; checkout-service is known",
    ),
    blocked(
        "another repository's service",
        |stage| set(stage.payload(), "/evidence/run/repository", json!("mallory/shop")),
        "source repository",
        "mallory/shop",
    ),
    blocked(
        "another service than the reports are about",
        |stage| {
            stage.config = CONFIG.replace("policy:", FRONTEND);
            let payload = set(stage.payload(), "/service", json!("frontend"));
            set(payload, "/evidence/subject/service", json!("frontend"))
        },
        "health",
        "about another subject: service checkout-service, not frontend",
    ),
    blocked(
        "two services at once",
        |stage| set(stage.payload(), "/evidence/subject/service", json!("frontend")),
        "subject",
        "evidence.subject has service frontend, not checkout-service",
    ),
    blocked(
        "another image",
        |stage| {
            let mut subject = subject();
            subject["image"] = json!("ghcr.io/mallory/checkout-service");
            set(stage.payload(), "/evidence/subject", subject)
        },
        "subject",
        "image ghcr.io/mallory/checkout-service, not ghcr.io/acme/checkout-service",
    ),
    blocked(
        "another tag",
        |stage| set(stage.payload(), "/image_tag", json!("1.5.0")),
        "subject",
        "evidence.subject has tag 1.4.2, not 1.5.0",
    ),
    blocked(
        "another tag, throughout",
        |stage| set(set(stage.payload(), "/image_tag", json!("1.5.0")), "/evidence/subject/tag", json!("1.5.0")),
        "health",
        "about another subject: tag 1.4.2, not 1.5.0",
    ),
    blocked(
        "a digest that no gate has checked",
        |stage| {
            let mut subject = subject();
            subject["digest"] = json!(format!("sha256:{}", "d".repeat(64)));
            set(stage.payload(), "/evidence/subject", subject)
        },
        "subject",
        "evidence.subject has digest sha256:dddd",
    ),
    blocked(
        "a digest taken away, so that the tag decides",
        |stage| {
            let digest = format!("sha256:{}", "d".repeat(64));
            for command in GATES {
                changed_with_annotation(stage, command, |report| report.subject.digest = digest.parse().ok());
            }
            stage.payload()
        },
        "health",
        "about another subject: sha256:dddd",
    ),
    blocked(
        "another commit",
        |stage| set(stage.payload(), "/evidence/subject/commit", json!(sha('b'))),
        "subject",
        "but the deploy run's is cccc",
    ),
    blocked(
        "another commit, throughout",
        |stage| {
            let payload = set(stage.payload(), "/evidence/subject/commit", json!(sha('b')));
            set(payload, "/evidence/deploy/head_sha", json!(sha('b')))
        },
        "deploy run",
        "run 41 is of commit cccccccccccccccccccccccccccccccccccccccc, not bbbb",
    ),
    blocked(
        "gates of two environments",
        |stage| changed_with_annotation(stage, "smoke", |report| report.subject.environment = "dev".parse().ok()),
        "smoke",
        "about another subject: environment dev, not staging",
    ),
    blocked(
        "an older commit than the current one",
        |stage| {
            stage.fake_github.tag(SHOP, "1.4.1", &sha('d'));
            stage.payload()
        },
        "commits",
        "a downgrade: this image is older than the current one (ddddddd, by tag `1.4.1` of acme/shop)",
    ),
];
