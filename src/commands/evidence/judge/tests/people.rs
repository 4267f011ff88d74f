//! The people who may not approve.

use super::*;
use crate::commands::evidence::people::Participants;

#[test]
fn participants_started_a_run_or_wrote_a_commit() {
    let mut facts = observations(&passed());
    deploy_of(&mut facts).triggering_actor = Some("Emil".to_owned());
    comparison_of(&mut facts).commits = vec![
        commit(Some("Dora"), Some("web-flow")),
        commit(Some("renovate[bot]"), Some("Web-Flow")),
        commit(None, Some("bob")),
    ];
    let Participants { excluded, without_account } = Participants::from_observations(&facts);
    let logins: Vec<&str> = excluded.values().map(|person| person.login.as_str()).collect();
    assert_eq!(logins, ["bob", "dora", "Emil"]);
    let authors: Vec<&String> = excluded.iter().filter(|(_, person)| person.is_author).map(|(key, _)| key).collect();
    assert_eq!(authors, ["dora"]);
    assert_eq!(without_account, ["ccccccc by Nobody"]);
}
