use std::thread;

use jiff::Timestamp;

use super::*;

const NOW: i64 = 1_700_000_000;

/// A branch of `count` commits, a minute apart, the last one made at [`NOW`]. Each has its number, from 1, in a trailer.
fn forge(count: i64) -> Forge {
    let forge = Forge::new();
    let mut stream = String::new();
    for number in 1..=count {
        let text = format!("c{number}\n\nNumber: {number}\nimage:  a:{number}\n b\n");
        let at = NOW - 60 * (count - number);
        let from = if number == 1 { "from refs/heads/main^0\n" } else { "" };
        let _ =
            write!(stream, "commit refs/heads/main\ncommitter C <c@x> {at} +0000\ndata {}\n{text}{from}\n", text.len());
    }
    forge.import(stream);
    forge
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOW - 60 * minutes).expect("a time")
}

fn numbers(dir: &Path, forge: &Forge, since: Timestamp) -> Result<Vec<i64>, Finding> {
    let checkout = open(dir);
    let commits = checkout.commits_since(&origin(&checkout), &main_branch(), &commit(&forge.tip()), since)?;
    Ok(commits.iter().filter_map(|commit| commit.trailer("number")?.parse().ok()).collect())
}

#[test]
fn commits_since_have_their_trailers_newest_first() {
    let forge = forge(4);
    let checkout = open(&forge.checkout("infra", &[]));
    let commits =
        checkout.commits_since(&origin(&checkout), &main_branch(), &commit(&forge.tip()), ago(1)).expect("read");
    let [last, before] = &commits[..] else { panic!("{commits:?}") };
    assert_eq!((last.commit.as_str(), last.at, last.trailer("NUMBER")), (forge.tip().as_str(), ago(0), Some("4")));
    assert_eq!((before.at, before.trailer("Image"), before.trailer("c3")), (ago(1), Some("a:3 b"), None));
}

#[test]
fn a_shallow_checkout_is_deepened_only_as_far_as_needed() {
    let forge = forge(150);
    for (since, expected) in [(ago(-1), 0), (ago(0), 1), (ago(20), 21), (ago(140), 141)] {
        let dir = forge.checkout(&format!("since-{}", since.as_second()), &["--depth=1"]);
        let kept =
            |dir: &Path| -> Vec<_> { snapshot(dir).into_iter().filter(|(path, _)| path != ".git/shallow").collect() };
        let before = kept(&dir);
        let numbers = numbers(&dir, &forge, since).expect("read");
        assert_eq!(numbers, (151 - expected..=150).rev().collect::<Vec<i64>>());
        assert_eq!(kept(&dir), before);
        // Younger commits may come before an older one, so fifty older ones in a row are needed to end the search.
        let count = git(&dir, &["rev-list", "--count", "HEAD"]);
        let enough = if expected + 50 < 101 { "101" } else { "153" };
        assert_eq!(count, enough, "since {since}");
    }
}

/// The numbers of the commits that contain a text, until there are `enough` of them.
fn mentioning(dir: &Path, name: &str, enough: usize) -> Result<Vec<i64>, Finding> {
    let checkout = open(dir);
    let tip = commit(&git(dir, &["rev-parse", "HEAD"]));
    let commits = checkout
        .commits_mentioning(&origin(&checkout), &main_branch(), &tip, name, |commits| commits.len() >= enough)?;
    Ok(commits.iter().filter_map(|commit| commit.trailer("number")?.parse().ok()).collect())
}

#[test]
fn a_search_deepens_the_checkout_until_enough_commits_mention_the_text() {
    let forge = forge(350);
    for (name, enough, found, fetched) in [
        ("NUMBER: 350", 1, &[350][..], "1"),
        ("Number: 299", 1, &[299], "101"),
        ("Number: 2", 112, &[299, 298], "353"),
        ("Number: 1", 1, &[199, 198], "301"),
        ("c.0", 1, &[], "353"),
    ] {
        let dir = forge.checkout(&format!("{enough}-{}", name.replace([' ', ':'], "-")), &["--depth=1"]);
        let numbers = mentioning(&dir, name, enough).expect("read");
        assert_eq!(numbers[..found.len().min(numbers.len())], *found, "{name}: {numbers:?}");
        assert_eq!(numbers.is_empty(), found.is_empty(), "{name}");
        assert_eq!(git(&dir, &["rev-list", "--count", "HEAD"]), fetched, "{name}");
    }
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    let whole = forge.path("112-Number--2");
    assert_eq!(mentioning(&whole, "Number: 7", 100).expect("read").len(), 11, "a complete checkout contacts no remote");
}

#[test]
fn a_commit_with_a_wrong_time_hides_no_other_commit() {
    let forge = forge(3);
    let mut stream = String::new();
    for number in 4..=23 {
        let text = format!("c{number}\n\nNumber: {number}\n");
        let from = if number == 4 { "from refs/heads/main^0\n" } else { "" };
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter C <c@x> {number} +0000\ndata {}\n{text}{from}\n",
            text.len()
        );
    }
    forge.import(stream);
    let dir = forge.checkout("infra", &["--depth=1"]);
    assert_eq!(
        numbers(&dir, &forge, ago(1)),
        Ok((2..=23).rev().collect()),
        "commit 1 is older, and all later ones are kept"
    );
    assert_eq!(numbers(&dir, &forge, ago(-1)), Ok(vec![]));
}

#[test]
fn a_history_that_cannot_be_fetched_is_an_error() {
    let forge = forge(3);
    let dir = forge.checkout("infra", &["--depth=1"]);
    let tip = commit(&forge.tip());
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    let checkout = open(&dir);
    let commits = checkout.commits_since(&origin(&checkout), &main_branch(), &tip, ago(2));
    assert!(commits.is_err_and(|finding| finding.check.starts_with("git fetch from origin")));
}

#[test]
fn concurrent_runs_can_deepen_one_shallow_checkout() {
    let forge = forge(300);
    let dir = forge.checkout("infra", &["--depth=1"]);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| numbers(&dir, &forge, ago(250)))).collect();
        for thread in threads {
            assert_eq!(thread.join().expect("no panic").map(|numbers| numbers.len()), Ok(251));
        }
    });
}
