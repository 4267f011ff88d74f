use std::thread;

use jiff::Timestamp;

use super::*;

const NOW: i64 = 1_700_000_000;

/// A branch of `count` commits, a minute apart, the last one made at [`NOW`]. Each has its number, from 1, in a trailer, and
/// every tenth changes the file `ten`.
fn forge(count: i64) -> Forge {
    let forge = Forge::new();
    let mut stream = String::new();
    for number in 1..=count {
        let text = format!("c{number}\n\nNumber: {number}\nimage:  a:{number}\n b\n");
        let at = NOW - 60 * (count - number);
        let from = if number == 1 { "from refs/heads/main^0\n" } else { "" };
        let _ =
            write!(stream, "commit refs/heads/main\ncommitter C <c@x> {at} +0000\ndata {}\n{text}{from}", text.len());
        if number % 10 == 0 {
            let _ = write!(stream, "M 644 inline ten\ndata 4\n{number:4}\nM 644 inline x\ndata 4\n{number:4}\n");
        }
        stream.push('\n');
    }
    forge.import(stream);
    forge
}

/// Every commit, with its changes of the file `ten`.
const ALL: HistoryFilter<'_> = HistoryFilter { is_wanted: &|path| path == "ten", is_relevant: &|_| true };

fn number(commit: &LoggedCommit) -> Option<i64> {
    commit.summary.trailer("number")?.parse().ok()
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOW - 60 * minutes).expect("a time")
}

fn numbers(dir: &Path, forge: &Forge, since: Timestamp) -> Result<Vec<i64>, Finding> {
    let checkout = open(dir);
    let commits = checkout.commits_since(&origin(&checkout), &main_branch(), &commit(&forge.tip()), since, &ALL)?;
    Ok(commits.iter().filter_map(number).collect())
}

#[test]
fn commits_since_have_their_trailers_newest_first() {
    let forge = forge(4);
    let checkout = open(&forge.checkout("infra", &[]));
    let commits =
        checkout.commits_since(&origin(&checkout), &main_branch(), &commit(&forge.tip()), ago(1), &ALL).expect("read");
    let [last, before] = &commits[..] else { panic!("{commits:?}") };
    assert_eq!(last.parents.first(), Some(&before.summary.commit));
    let (last, before) = (&last.summary, &before.summary);
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

/// The numbers of the commits that changed the file `ten`, until there are `enough` of them.
fn changing(dir: &Path, enough: usize) -> Result<Vec<i64>, Finding> {
    let checkout = open(dir);
    let tip = commit(&git(dir, &["rev-parse", "HEAD"]));
    let mut numbers = Vec::new();
    let remote = origin(&checkout);
    checkout.commits_of_files(&remote, &main_branch(), &tip, &[tree_path("ten")], &ALL, |commits, first| {
        if first {
            numbers.clear();
        }
        assert!(commits.iter().all(|commit| commit.changes.len() == 1), "{commits:?}");
        numbers.extend(commits.iter().filter_map(number));
        Ok(numbers.len() >= enough)
    })?;
    Ok(numbers)
}

#[test]
fn a_search_deepens_the_checkout_until_enough_commits_changed_the_file() {
    let forge = forge(355);
    for (enough, fetched) in [(1, "101"), (10, "101"), (11, "301"), (35, "358"), (99, "358")] {
        let dir = forge.checkout(&enough.to_string(), &["--depth=1"]);
        let numbers = changing(&dir, enough).expect("read");
        let expected: Vec<i64> = (1..=35).rev().map(|ten| ten * 10).collect();
        assert!(numbers.len() >= enough.min(35) && expected.starts_with(&numbers), "{enough}: {numbers:?}");
        assert_eq!(git(&dir, &["rev-list", "--count", "HEAD"]), fetched, "{enough}");
    }
    fs::rename(forge.bare(), forge.path("away")).expect("moved");
    assert_eq!(changing(&forge.path("99"), 100).expect("read").len(), 35, "a complete checkout contacts no remote");
}

#[test]
fn the_changes_of_a_merged_branch_are_the_merges() {
    let forge = Forge::new();
    let dir = forge.checkout("work", &[]);
    git(&dir, &["switch", "-qc", "side"]);
    for text in ["a", "b"] {
        fs::write(dir.join("ten"), text).expect("written");
        git(&dir, &["add", "ten"]);
        git(&dir, &["commit", "-qm", text]);
    }
    git(&dir, &["switch", "-q", "main"]);
    git(&dir, &["merge", "-q", "--no-ff", "-m", "Merge side", "side"]);
    let checkout = open(&dir);
    let tip = commit(&git(&dir, &["rev-parse", "HEAD"]));
    let commits = checkout.commits_since(&origin(&checkout), &main_branch(), &tip, Timestamp::MIN, &ALL).expect("read");
    let titles: Vec<_> = commits.iter().map(|commit| commit.summary.title.as_str()).collect();
    assert_eq!(titles, ["Merge side", "c3", "c2", "c1"]);
    let [change] = &commits[0].changes[..] else { panic!("{commits:?}") };
    assert_eq!((commits[0].parents.len(), &change.before), (2, &None));
    assert_eq!(change.after.as_ref().map(BlobId::as_str), Some(git(&dir, &["rev-parse", "HEAD:ten"]).as_str()));
}

#[test]
fn a_commit_whose_time_cannot_be_read_has_that_of_its_neighbour() {
    let forge = forge(3);
    let dir = forge.checkout("work", &[]);
    let odd = |parent: &str| {
        let text = format!(
            "tree {}\nparent {parent}\nauthor A <a@x> 1700000000000 +0000\ncommitter A <a@x> 1700000000000 +0000\n\nodd\n",
            git(&dir, &["rev-parse", "HEAD^{tree}"])
        );
        fs::write(forge.path("odd"), text).expect("written");
        git(&dir, &["hash-object", "-t", "commit", "-w", &forge.path("odd").display().to_string()])
    };
    let times = |tip: &str| -> Vec<(String, Timestamp)> {
        let checkout = open(&dir);
        let commits =
            checkout.commits_since(&origin(&checkout), &main_branch(), &commit(tip), ago(1), &ALL).expect("read");
        commits.into_iter().map(|commit| (commit.summary.title, commit.summary.at)).collect()
    };
    let entry = |title: &str, at| (title.to_owned(), at);
    let head = git(&dir, &["rev-parse", "HEAD"]);
    let (at_tip, below) = (odd(&head), odd(&git(&dir, &["rev-parse", "HEAD~1"])));
    assert_eq!(times(&at_tip), [entry("odd", ago(0)), entry("c3", ago(0)), entry("c2", ago(1))]);
    assert_eq!(times(&below), [entry("odd", ago(1)), entry("c2", ago(1))]);
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
    let commits = checkout.commits_since(&origin(&checkout), &main_branch(), &tip, ago(2), &ALL);
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
