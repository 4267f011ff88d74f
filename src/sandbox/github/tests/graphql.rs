//! `POST /graphql`.

use super::*;

fn ask(fake_github: &FakeGitHub, token: &str, body: &Value) -> (u16, Value) {
    let request = agent().post(fake_github.graphql_url()).content_type("application/json");
    let mut response = request.header("authorization", format!("Bearer {token}")).send(body.to_string()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap())
}

#[test]
fn a_query_is_known_by_its_name_and_its_variables() {
    let fake_github = fake_github();
    let query = |name: &str, document: &str, variables: Value| {
        ask(&fake_github, "t-read", &json!({ "query": document, "operationName": name, "variables": variables })).0
    };
    let document = "query CommitPeople($ids: [ID!]!, $authors: Int!) { … }";
    assert_eq!(query("CommitPeople", document, json!({ "ids": [], "authors": 1, "pulls": 1 })), 200);
    assert_eq!(fake_github.violations(), [""; 0]);
    for (name, document, variables) in [
        ("Other", document, json!({ "ids": [], "authors": 1, "pulls": 1 })),
        ("CommitPeople", "query Other($x: ID) { … }", json!({ "ids": [], "authors": 1, "pulls": 1 })),
        ("CommitPeople", document, json!({ "ids": [] })),
        ("CommitPeople", document, json!({ "ids": [], "author": 1, "pulls": 1 })),
        ("CommitPeople", document, json!({ "ids": [], "authors": 0, "pulls": 1 })),
        ("CommitPeople", document, json!({ "ids": [], "authors": 101, "pulls": 1 })),
        ("CommitPeople", document, json!({ "ids": vec!["C_1"; 101], "authors": 1, "pulls": 1 })),
    ] {
        let violations = fake_github.violations().len();
        assert_eq!(query(name, document, variables.clone()), 400, "{name} {document} {variables}");
        assert_eq!(fake_github.violations().len(), violations + 1, "{name} {document} {variables}");
    }
}

#[test]
fn errors_of_a_query_come_with_status_200() {
    let fake_github = fake_github();
    fake_github.commit("acme/hidden", &"a".repeat(40), "alice", "x");
    fake_github.grant("t-none", "acme/hidden", &[]);
    let compared = format!("{}/repos/acme/hidden/commits/main", fake_github.api_url());
    fake_github.grant("t-hidden", "acme/hidden", &["contents=read", "pull_requests=read"]);
    let mut response = agent().get(compared).header("authorization", "Bearer t-hidden").call().unwrap();
    let commit: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
    let ask = |token: &str, id: &Value| {
        let body = json!({
            "query": "query CommitPeople(", "operationName": "CommitPeople",
            "variables": { "ids": [id], "authors": 1, "pulls": 1 },
        });
        let (status, body) = ask(&fake_github, token, &body);
        (status, body["errors"][0]["type"].as_str().unwrap_or("none").to_owned())
    };
    for (token, status, kind) in [
        ("t-hidden", 200, "none"),
        ("t-none", 200, "FORBIDDEN"),
        ("t-read", 200, "NOT_FOUND"),
        ("stranger", 401, "none"),
    ] {
        assert_eq!(ask(token, &commit["node_id"]), (status, kind.to_owned()), "{token}");
    }
    assert_eq!(ask("t-hidden", &json!("C_0")), (200, "NOT_FOUND".to_owned()));
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_fault_can_be_injected_into_one_query() {
    let fake_github = fake_github();
    fake_github.fail_at("POST /graphql Commit", 1, InjectedFault::WithoutEffect(FakeResponse::status(502)));
    let body = json!({
        "query": "query CommitPeople(", "operationName": "CommitPeople", "variables": { "ids": [], "authors": 1, "pulls": 1 },
    });
    let agent = agent();
    let ask = || {
        let request = agent.post(fake_github.graphql_url()).content_type("application/json");
        request.header("authorization", "Bearer t-read").send(body.to_string()).unwrap().status().as_u16()
    };
    assert_eq!([ask(), ask()], [502, 200]);
}
