use super::{
    body::DecisionPack,
    merged_promotion,
    plan::{ProposedCommit, Rival, decide_pull_request, newest_above, older_ones},
};
use crate::{
    ledger::{LedgerEntry, Promotion, PromotionBranch, PromotionKind},
    reconcile::Plan,
    report::{Report, comment::LIMIT},
    subject::Commit,
    world::github::{PullRequest, PullRequestEnd, PullRequestState},
};

const IMAGE: &str = "ghcr.io/acme/shop:1.4.2";

fn commit(digit: char) -> Commit {
    digit.to_string().repeat(40).parse().unwrap()
}

fn promotion(evidence: char, validated_at: &str, run: u64) -> Promotion {
    Promotion {
        image: IMAGE.to_owned(),
        validated_at: validated_at.parse().ok(),
        validation_run: Some(format!("https://github.com/acme/shop/actions/runs/{run}/attempts/1")),
        evidence: evidence.to_string().repeat(64).parse().ok(),
        ..Promotion::new(PromotionKind::Normal, "shop".parse().unwrap(), "production".parse().unwrap())
    }
}

fn rival(number: u64, promotion: Promotion) -> Rival {
    let branch = PromotionBranch {
        environment: promotion.environment.clone(),
        service: promotion.service.clone(),
        evidence: promotion.evidence.clone().unwrap(),
    };
    let at = "2026-01-01T12:00:00Z".parse().unwrap();
    Rival {
        number,
        branch,
        entry: LedgerEntry { commit: commit('3'), committed_at: at, promotion, changes: Vec::new() },
    }
}

#[test]
fn of_several_open_ones_the_newest_validation_stays_and_all_agree_on_it() {
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    let all = [
        promotion('a', "2026-01-01T10:00:00Z", 5),
        promotion('b', "2026-01-01T11:00:00Z", 6),
        // In the same second: the later run, then the greater id.
        promotion('c', "2026-01-01T11:00:00Z", 7),
        promotion('d', "2026-01-01T11:00:00Z", 7),
    ];
    for (index, own) in all.iter().enumerate() {
        let others = all.iter().enumerate().filter(|(other, _)| *other != index);
        let rivals: Vec<Rival> = others.map(|(number, one)| rival(number as u64, one.clone())).collect();
        let newer = newest_above(own, &rivals, now).map(|rival| rival.number);
        assert_eq!(newer, (index < 3).then_some(3), "{index}");
        let older: Vec<u64> = older_ones(own, &rivals, now).iter().map(|rival| rival.number).collect();
        assert_eq!(older, (0..index as u64).collect::<Vec<_>>(), "{index}");
    }
    // A claim of the future, and one without a time, count for nothing.
    let own = &all[0];
    let strange = [promotion('e', "2026-01-01T12:05:01Z", 9), promotion('f', "soon", 9)];
    let rivals: Vec<Rival> = strange.into_iter().map(|one| rival(9, one)).collect();
    assert!(newest_above(own, &rivals, now).is_none() && older_ones(own, &rivals, now).is_empty());
}

fn pull_request(number: u64, state: PullRequestState, head: char, base: &str) -> PullRequest {
    let end = |branch: &str, sha: char| PullRequestEnd {
        branch: branch.to_owned(),
        sha: sha.to_string().repeat(40),
        repository: Some("acme/infra".to_owned()),
    };
    PullRequest {
        number,
        html_url: String::new(),
        state,
        merged_at: None,
        merge_commit_sha: None,
        merged_by: None,
        head: end("promote", head),
        base: end(base, '0'),
        labels: Vec::new(),
    }
}

#[test]
fn the_pull_request_is_opened_once() {
    use PullRequestState::{Closed, Open};
    let branch = rival(0, promotion('a', "2026-01-01T10:00:00Z", 5)).branch;
    let merged = PullRequest { merged_at: "2026-01-01T11:00:00Z".parse().ok(), ..pull_request(4, Closed, '1', "main") };
    for (own, expected) in [
        (vec![], "open"),
        (vec![pull_request(4, Open, '1', "main")], "#4"),
        (vec![pull_request(4, Open, '1', "next")], "open"),
        (vec![pull_request(3, Closed, '1', "main"), pull_request(4, Open, '1', "main")], "#4"),
        (vec![pull_request(4, Open, '2', "main")], "no commit of this promotion"),
        (vec![pull_request(4, Closed, '1', "main")], "#4 of this evidence was closed"),
        (vec![merged], "#4 of this evidence was merged"),
    ] {
        let planned = match decide_pull_request(&own, &branch, "main", &commit('1')) {
            Plan::Write(()) => "open".to_owned(),
            Plan::UpToDate(found) => format!("#{}", found.number),
            Plan::Refuse(finding) => {
                assert!(finding.next.is_some());
                finding.to_string()
            }
        };
        assert!(planned.contains(expected), "{expected}: {planned}");
    }
}

#[test]
fn the_text_has_what_a_reviewer_decides_by_and_mentions_no_one() {
    let mut report = Report::open("evidence", String::new());
    report.outputs.insert("excluded".to_owned(), "ada\n@acme/admins\n</li><script>".to_owned());
    let people = r#"{"count":1,"sha256":"","runs":[5],"head":"1111111111111111111111111111111111111111"}"#;
    let promotion =
        Promotion { people: serde_json::from_str(people).ok(), ..promotion('a', "2026-01-01T10:00:00Z", 5) };
    let proposed = ProposedCommit {
        commit: commit('1'),
        image: IMAGE.to_owned(),
        previous: None,
        title: String::new(),
        created: true,
    };
    let pack = |report| DecisionPack {
        report,
        promotion: &promotion,
        proposed: &proposed,
        base: "main",
        entries: &[],
        run: None,
    };
    let text = pack(&report).render();
    for part in ["no image entry", "2026-01-01T10", "actions/runs/5", "commit/1111111", "ada, ", "1111111 alone"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("@acme") && !text.contains("<script"), "{text}");
    // As much of the report as fits.
    let long = crate::finding::Finding::passed("check").actual("long ".repeat(300));
    let report = Report { findings: vec![long; 200], ..report.clone() };
    let text = pack(&report).render();
    assert!(text.len() <= LIMIT && text.contains("no image entry"), "{}", text.len());
}

/// A promotion whose every trailer is made of `digit`, and of this kind.
fn full(digit: u8, kind: PromotionKind) -> Promotion {
    let word = format!("word-{digit}");
    let (commit, sha256) = (digit.to_string().repeat(40), digit.to_string().repeat(64));
    let people = format!(r#"{{"count":{digit},"sha256":"","runs":[{digit}],"head":"{commit}"}}"#);
    Promotion {
        kind,
        service: word.parse().unwrap(),
        environment: word.parse().unwrap(),
        image: word.clone(),
        previous: Some(word.clone()),
        digest: Some(format!("sha256:{sha256}").parse().unwrap()),
        source_commit: Some(commit.parse().unwrap()),
        validated_at: Some(format!("2026-01-0{digit}T10:00:00Z").parse().unwrap()),
        validation_run: Some(word.clone()),
        evidence: Some(sha256.parse().unwrap()),
        people: Some(serde_json::from_str(&people).unwrap()),
        repository_id: Some(digit.into()),
        bundle_sizes: Some(format!("{digit} raw").parse().unwrap()),
        tests: Some(digit.to_string().parse().unwrap()),
        approved_by: Some(word.clone()),
        triggered_by: Some(word.clone()),
        independent: Some(digit == 1),
        workflow: Some(word.clone()),
        required: Some(vec![word.clone()]),
        incident: Some(word.clone()),
        reason: Some(word),
        rolls_back: Some(commit.parse().unwrap()),
    }
}

#[test]
fn the_merged_commit_records_the_proposed_release_and_who_merged_it() {
    let (own, proposed) = (full(1, PromotionKind::Normal), full(2, PromotionKind::Emergency));
    // Of the commit on the branch, the approver and the words about a bypass count for nothing: anyone who can push can write them.
    let expected = Promotion {
        digest: proposed.digest.clone(),
        source_commit: proposed.source_commit.clone(),
        validated_at: proposed.validated_at,
        validation_run: proposed.validation_run.clone(),
        evidence: proposed.evidence.clone(),
        people: proposed.people.clone(),
        repository_id: proposed.repository_id,
        bundle_sizes: proposed.bundle_sizes.clone(),
        tests: proposed.tests,
        triggered_by: proposed.triggered_by.clone(),
        required: Some(vec!["word-2".to_owned(), "word-1".to_owned()]),
        ..own.clone()
    };
    assert_eq!(merged_promotion(own, &proposed), expected);
}
