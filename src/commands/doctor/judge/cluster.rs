//! The account of the kubeconfig: whether the cluster knows it, and what it may read. Pure.

use crate::{
    commands::doctor::check::{Check, CheckState, shell_word},
    finding::{Figures, Finding},
    world::cluster::{AccessAnswer, AccessRight},
};

/// The account of the Role in the README of `health`.
const ACCOUNT: &str = "promote-gates";

/// What the cluster said about each right, up to the first answer that ends the questions.
pub struct ClusterFacts {
    pub context: String,
    pub namespace: String,
    pub answers: Vec<(AccessRight, AccessAnswer)>,
}

#[must_use]
pub fn judge(facts: &ClusterFacts) -> Vec<Check> {
    let ClusterFacts { context, namespace, answers } = facts;
    let check = format!("cluster {context}: rights in {namespace}");
    let ended = answers.iter().find_map(|(_, answer)| match answer {
        AccessAnswer::Allowed | AccessAnswer::Denied => None,
        AccessAnswer::Unauthenticated(message) => Some(unauthenticated(context, namespace, message)),
        AccessAnswer::NoAnswer(why) => Some(unreachable(context, why)),
        AccessAnswer::Failed(finding) => Some(Check::unknown(check.clone(), finding)),
    });
    if let Some(ended) = ended {
        return vec![ended];
    }
    let denied: Vec<&AccessRight> =
        answers.iter().filter(|(_, answer)| *answer == AccessAnswer::Denied).map(|(right, _)| right).collect();
    if answers.is_empty() {
        return vec![Check::unknown(check, &Finding::inconclusive("the cluster's API").actual("nothing was asked"))];
    }
    if denied.is_empty() {
        return vec![Check::ok(check, format!("all {} that `health` uses", answers.len()))];
    }
    let names: Vec<String> = denied.iter().map(ToString::to_string).collect();
    vec![Check::problem(
        check,
        format!("{} of {} are missing: {}", denied.len(), answers.len(), names.join(", ")),
        "the Role in the README of `health`",
        fix_rights(context, namespace, &denied),
    )]
}

fn unauthenticated(context: &str, namespace: &str, message: &str) -> Check {
    let (context_word, namespace) = (shell_word(context), shell_word(namespace));
    Check::problem(
        format!("cluster {context}: credentials"),
        format!("the cluster does not accept them: {message}; they are wrong, or have expired"),
        "credentials that the API server accepts",
        format!(
            "log in again; for the account of a gate, make a new token and put it into the kubeconfig: `kubectl --context \
             {context_word} --namespace {namespace} create token {ACCOUNT} --duration 720h`",
        ),
    )
}

/// Whether the cluster or the way to it is at fault is not known.
fn unreachable(context: &str, why: &str) -> Check {
    let finding = Finding::inconclusive(format!("cluster {context}"))
        .actual(format!("not reached: {why}"))
        .expected("an answer of its API")
        .figures(Figures::now("not reached"))
        .next(format!(
            "look from the same machine: `kubectl --context {} version`; a runner in GitHub's network may not reach it",
            shell_word(context)
        ));
    Check { state: CheckState::Unknown, finding }
}

/// One Role for each set of verbs: `kubectl create role` gives all its verbs to all its kinds.
fn fix_rights(context: &str, namespace: &str, denied: &[&AccessRight]) -> String {
    let with = |wanted: fn(&str) -> bool| {
        let mut kinds: Vec<String> =
            denied.iter().filter(|right| wanted(right.verb)).map(|right| right.kind()).collect();
        kinds.dedup();
        kinds
    };
    let kubectl = format!("kubectl --context {} --namespace {}", shell_word(context), shell_word(namespace));
    let mut commands = Vec::new();
    for (role, verbs, kinds) in [
        ("promote-gates-watch", "list,watch", with(|verb| verb != "get")),
        ("promote-gates-log", "get", with(|verb| verb == "get")),
    ] {
        if !kinds.is_empty() {
            let kinds = kinds.join(",");
            commands.push(format!("{kubectl} create role {role} --verb={verbs} --resource={kinds}"));
            commands.push(format!(
                "{kubectl} create rolebinding {role} --role={role} --serviceaccount={}:{ACCOUNT}",
                shell_word(namespace)
            ));
        }
    }
    format!("as an administrator of the cluster: `{}`", commands.join(" && "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn facts(answers: &[AccessAnswer]) -> ClusterFacts {
        let rights = [
            AccessRight::new("apps", "deployments", "list"),
            AccessRight::new("apps", "deployments", "watch"),
            AccessRight { subresource: "log", ..AccessRight::new("", "pods", "get") },
        ];
        let answers = rights.into_iter().zip(answers.iter().cloned()).collect();
        ClusterFacts { context: "staging".to_owned(), namespace: "shop".to_owned(), answers }
    }

    fn judged(answers: &[AccessAnswer]) -> (CheckState, Finding) {
        let [check] = &judge(&facts(answers))[..] else { panic!("one check") };
        (check.state, check.finding.clone())
    }

    #[test]
    fn every_answer_has_its_end() {
        use AccessAnswer::{Allowed, Denied, Failed, NoAnswer, Unauthenticated};
        for (answers, state, actual) in [
            (&[Allowed, Allowed, Allowed][..], CheckState::Ok, "all 3 that `health` uses"),
            (
                &[Allowed, Denied, Denied],
                CheckState::Problem,
                "2 of 3 are missing: watch deployments.apps, get pods/log",
            ),
            (
                &[Unauthenticated("401: Unauthorized".to_owned())],
                CheckState::Problem,
                "the cluster does not accept them: 401: Unauthorized; they are wrong, or have expired",
            ),
            (&[NoAnswer("refused".to_owned())], CheckState::Unknown, "not reached: refused"),
            (&[Allowed, Failed(Finding::inconclusive("x").actual("y"))], CheckState::Unknown, "x: y"),
            (&[], CheckState::Unknown, "the cluster's API: nothing was asked"),
        ] {
            let (found, finding) = judged(answers);
            assert_eq!((found, finding.actual.as_str()), (state, actual));
            assert!(finding.verdict != Verdict::Blocked || finding.next.is_some_and(|next| next.contains("`kubectl ")));
        }
    }

    #[test]
    fn the_fix_gives_each_verb_to_its_kinds() {
        use AccessAnswer::Denied;
        let (_, finding) = judged(&[Denied, Denied, Denied]);
        let next = finding.next.unwrap();
        assert!(next.contains("--verb=list,watch --resource=deployments.apps &&"), "{next}");
        assert!(next.contains("--verb=get --resource=pods/log &&"), "{next}");
        assert!(next.ends_with("--role=promote-gates-log --serviceaccount=shop:promote-gates`"), "{next}");
    }
}
