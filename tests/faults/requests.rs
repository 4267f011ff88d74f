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
