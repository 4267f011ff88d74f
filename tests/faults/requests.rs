//! How many requests a promotion makes.

use super::*;

/// The commands of one promotion.
const PROMOTION: [&str; 4] = ["evidence", "approval", "wait", "promote"];
const MAX_REQUESTS: usize = 40;

#[test]
fn a_promotion_makes_few_requests() {
    let counted = PROMOTION.map(|name| {
        let (_, requests) = good_run(&story_of(name));
        let of_git = requests.iter().filter(|request| request.is_git).count();
        print(&format!("requests of {name}: {}, {of_git} of them git's", requests.len()));
        (name, requests.len(), requests)
    });
    let all: usize = counted.iter().map(|(_, count, _)| count).sum();
    print(&format!("requests of a promotion: {all}, of at most {MAX_REQUESTS}"));
    assert!(all <= MAX_REQUESTS, "{counted:#?}");
}

/// The history is fetched in a few rounds, and all missing files together.
#[test]
fn a_partial_clone_costs_no_request_for_each_file() {
    let count = |promotions: usize| {
        let story = crate::audit::story::in_partial_clone(promotions);
        let ended = story.run();
        assert_eq!((ended.code, &*ended.outputs["promotions"]), (0, &*promotions.to_string()), "{}", ended.log);
        let requests = story.relay.requests();
        assert!(requests.iter().all(|request| request.is_authorized), "{requests:?}");
        requests.len()
    };
    let (few, many) = (count(3), count(90));
    print(&format!("requests of audit in a partial clone: {few} with 3 promotions, {many} with 90"));
    assert_eq!(few, many);
}
