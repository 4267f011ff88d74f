//! The account of the kubeconfig.

use super::*;

#[test]
fn missing_rights_are_named_with_the_role_that_gives_them() {
    let clinic = Clinic {
        cluster: fake_cluster(|right| !right.starts_with("watch /events") && right != "get /pods/log"),
        ..Clinic::all_well()
    };
    let check = "cluster test: rights in staging";
    let fix = "`kubectl --context test --namespace staging create role promote-gates-watch --verb=list,watch \
               --resource=events && ";
    assert_problems(&clinic.run(), &[(check, "2 of 9 are missing: watch events, get pods/log", fix)]);
}

#[test]
fn the_rights_are_those_of_the_configured_workloads() {
    let clinic = Clinic {
        cluster: fake_cluster(|right| right.ends_with(" argoproj.io/applications/")),
        config: "health:\n  workload: [application/shop]\n  namespace: staging\n".to_owned(),
        ..Clinic::all_well()
    };
    let ended = clinic.run();
    assert_problems(&ended, &[]);
    let expected = "passed cluster test: rights in staging: all 2 that `health` uses".to_owned();
    assert!(findings(&ended).contains(&expected), "{:#?}", findings(&ended));
}

#[test]
fn expired_credentials_are_a_problem() {
    let expired = json!({ "kind": "Status", "code": 401, "message": "Unauthorized" });
    let cluster = LoopbackServer::start(move |_| FakeResponse::json(401, &expired)).unwrap();
    let clinic = Clinic { cluster, ..Clinic::all_well() };
    let fix = "`kubectl --context test --namespace staging create token promote-gates";
    let actual = "the cluster does not accept them: 401: Unauthorized";
    assert_problems(&clinic.run(), &[("cluster test: credentials", actual, fix)]);
}

#[test]
fn a_cluster_that_is_not_reached_is_unknown_also_with_allow_unseen() {
    let clinic = Clinic::all_well();
    let kubeconfig = clinic.kubeconfig().replace(clinic.cluster.url(), "http://127.0.0.1:1");
    let ended = clinic.examine(&clinic.runner().input("kubeconfig", &kubeconfig).input("allow-unseen", "true"));
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("cluster test: not reached: "), "{}", ended.outputs["reason"]);
}

#[test]
fn a_kubeconfig_that_cannot_be_used_ends_no_other_check() {
    let clinic = Clinic::all_well();
    let ended = clinic.examine(&clinic.runner().input("context", "prod"));
    assert_problems(
        &ended,
        &[("cluster", "\"prod\", which is not in the kubeconfig", "`kubectl config view --minify`")],
    );
}

#[test]
fn without_an_account_the_cluster_is_not_asked() {
    let clinic = Clinic::all_well();
    let without = || clinic.runner().input("kubeconfig", "");
    let ended = clinic.examine(&without());
    assert_problems(&ended, &[]);
    assert!(ended.log.contains("no kubeconfig: the cluster is not asked"), "{}", ended.log);
    let runner = without();
    runner.write(".github/promote-gates.yml", "health:\n  workload: [deployment/shop]\n");
    let ended = clinic.examine(&runner);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
}
