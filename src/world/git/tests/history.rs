use std::thread;

use jiff::Timestamp;

use super::*;

const NOW: i64 = 1_700_000_000;

/// A branch of `count` commits, a minute apart, the last one made at [`NOW`]; each tells its number, counting from 1.
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
    let ours = open(dir);
    let told = ours.told_since(&origin(&ours), &main_branch(), &commit(&forge.tip()), since)?;
    Ok(told.iter().filter_map(|told| told.trailer("number")?.parse().ok()).collect())
}

#[test]
fn commits_tell_their_trailers_newest_first() {
    let forge = forge(4);
    let ours = open(&forge.checkout("infra", &[]));
    let told = ours.told_since(&origin(&ours), &main_branch(), &commit(&forge.tip()), ago(1)).expect("told");
    let [last, before] = &told[..] else { panic!("{told:?}") };
    assert_eq!((last.commit.as_str(), last.at, last.trailer("NUMBER")), (forge.tip().as_str(), ago(0), Some("4")));
    assert_eq!((before.at, before.trailer("Image"), before.trailer("c3")), (ago(1), Some("a:3 b"), None));
}

#[test]
fn a_shallow_checkout_is_given_what_is_missing_and_no_more() {
    let forge = forge(150);
    for (since, expected) in [(ago(-1), 0), (ago(0), 1), (ago(20), 21), (ago(140), 141)] {
        let dir = forge.checkout(&format!("since-{}", since.as_second()), &["--depth=1"]);
        let kept =
            |dir: &Path| -> Vec<_> { snapshot(dir).into_iter().filter(|(what, _)| what != ".git/shallow").collect() };
        let before = kept(&dir);
        let numbers = numbers(&dir, &forge, since).expect("told");
        assert_eq!(numbers, (151 - expected..=150).rev().collect::<Vec<i64>>());
        assert_eq!(kept(&dir), before);
        // One that is older may have a past that is younger: fifty are looked at before that is believed.
        let there = git(&dir, &["rev-list", "--count", "HEAD"]);
        let enough = if expected + 50 < 101 { "101" } else { "153" };
        assert_eq!(there, enough, "since {since}");
    }
}

/// The numbers of the commits that name a text, until there are `enough` of them.
fn naming(dir: &Path, name: &str, enough: usize) -> Result<Vec<i64>, Finding> {
    let ours = open(dir);
    let tip = commit(&git(dir, &["rev-parse", "HEAD"]));
    let told = ours.told_naming(&origin(&ours), &main_branch(), &tip, name, |told| told.len() >= enough)?;
    Ok(told.iter().filter_map(|told| told.trailer("number")?.parse().ok()).collect())
}

#[test]
fn commits_that_name_something_are_searched_for_until_there_are_enough() {
    let forge = forge(350);
    for (name, enough, found, there) in [
        ("NUMBER: 350", 1, &[350][..], "1"),
        ("Number: 299", 1, &[299], "101"),
        ("Number: 2", 112, &[299, 298], "353"),
        ("Number: 1", 1, &[199, 198], "301"),
        ("c.0", 1, &[], "353"),
    ] {
        let dir = forge.checkout(&format!("{enough}-{}", name.replace([' ', ':'], "-")), &["--depth=1"]);
        let numbers = naming(&dir, name, enough).expect("told");
        assert_eq!(numbers[..found.len().min(numbers.len())], *found, "{name}: {numbers:?}");
        assert_eq!(numbers.is_empty(), found.is_empty(), "{name}");
        assert_eq!(git(&dir, &["rev-list", "--count", "HEAD"]), there, "{name}");
    }
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    let whole = forge.path("112-Number--2");
    assert_eq!(naming(&whole, "Number: 7", 100).expect("told").len(), 11, "all is there, and nobody is asked");
}

#[test]
fn a_clock_that_was_wrong_hides_nothing() {
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
    assert_eq!(numbers(&dir, &forge, ago(1)), Ok((2..=23).rev().collect()), "1 is older, and all after it stay");
    assert_eq!(numbers(&dir, &forge, ago(-1)), Ok(vec![]));
}

#[test]
fn a_history_that_nobody_gives_is_an_error() {
    let forge = forge(3);
    let dir = forge.checkout("infra", &["--depth=1"]);
    let tip = commit(&forge.tip());
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    let ours = open(&dir);
    let told = ours.told_since(&origin(&ours), &main_branch(), &tip, ago(2));
    assert!(told.is_err_and(|finding| finding.check.starts_with("git fetch from origin")));
}

#[test]
fn many_can_ask_for_the_history_of_one_shallow_checkout() {
    let forge = forge(300);
    let dir = forge.checkout("infra", &["--depth=1"]);
    thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| numbers(&dir, &forge, ago(250)))).collect();
        for asked in asked {
            assert_eq!(asked.join().expect("no panic").map(|numbers| numbers.len()), Ok(251));
        }
    });
}
