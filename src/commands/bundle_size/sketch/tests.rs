use super::*;

/// Distinct words, as minified code has them between its punctuation.
fn text(words: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..words).map(|_| format!("{:04x}(", random.u32(0x1000..0xffff_ffff))).collect()
}

fn alike(one: &str, other: &str) -> (bool, bool) {
    let [one, other] = [one, other].map(|text| Sketch::of(text.as_bytes()));
    (one.resemblance(&other).is_some(), one.is_contained(&other))
}

#[test]
fn alike_are_contents_that_share_most_of_their_words() {
    for seed in 0..50 {
        let page = text(2000, seed);
        assert_eq!(alike(&page, &page), (true, true));
        let changed = page.replacen('7', "8", 50);
        assert!(alike(&page, &changed).0, "{seed}");
        // A minifier renames the variables.
        let [one, other] = ["a", "bc"].map(|name| page.replace('(', &format!("({name},")));
        assert_eq!(alike(&one, &other), (true, true), "{seed}");
        assert_eq!(alike(&page, &text(2000, seed + 1000)), (false, false), "{seed}");
        let [page, changed, other] = [page, changed, text(2000, seed + 1000)].map(|text| Sketch::of(text.as_bytes()));
        assert!(page.is_unlike(&other) && !page.is_unlike(&changed), "{seed}");
    }
}

#[test]
fn libraries_that_share_a_few_words_are_unlike_each_other() {
    for seed in 0..300 {
        let common = text(160, seed);
        let [one, other] = [1000, 2000].map(|library| common.clone() + &text(1840, seed + library));
        let [one, other] = [one, other].map(|text| Sketch::of(text.as_bytes()));
        assert!(one.is_unlike(&other), "{seed}");
    }
}

#[test]
fn the_parts_are_contained_in_the_whole() {
    let mut found = 0;
    for seed in 0..50 {
        let parts: Vec<String> = (0..4).map(|part| text(1500, seed * 10 + part)).collect();
        let whole = Sketch::of(parts.concat().as_bytes());
        let contained = parts.iter().filter(|part| Sketch::of(part.as_bytes()).is_contained(&whole)).count();
        found += contained;
        assert!(!Sketch::of(text(1500, seed + 9000).as_bytes()).is_contained(&whole), "{seed}");
    }
    assert!(found >= 190, "{found} of 200 parts");
}

#[test]
fn short_contents_tell_nothing() {
    assert_eq!(alike("\"use strict\";", "\"use strict\";"), (true, true), "the windows of bytes");
    assert_eq!(alike("a", "a"), (false, false));
    assert_eq!(alike("", ""), (false, false));
}

#[test]
fn bytes_without_words_are_compared_by_windows() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut noise = |length| std::iter::repeat_with(|| random.u8(128..)).take(length).collect::<Vec<u8>>();
    let (one, other) = (noise(20_000), noise(20_000));
    let moved = [&one[..10_000], &[1, 2, 3], &one[10_000..]].concat();
    assert!(Sketch::of(&one).resemblance(&Sketch::of(&moved)).is_some());
    assert_eq!(Sketch::of(&one).resemblance(&Sketch::of(&other)), None);
}

/// The hashes of the words, one word after the other.
fn hashes_of_words(content: &[u8]) -> Vec<u32> {
    let words = content.split(|byte| !is_in_word(*byte)).filter(|word| word.len() >= SHORTEST_WORD);
    let (mut hashes, mut last) = (Vec::new(), [0_u32; 2]);
    for word in words {
        let word = word.iter().fold(0_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        hashes.push(mix(last[0].rotate_left(14) ^ last[1].rotate_left(7) ^ word));
        last = [last[1], word];
    }
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(SIZE);
    hashes
}

#[test]
fn the_words_of_any_text_are_found_in_any_pieces() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200 {
        let longest = [6, 20, 200][round % 3];
        let mut content = text(64, round as u64).into_bytes();
        for _ in 0..random.usize(..200) {
            let length = random.usize(..longest);
            content.extend(std::iter::repeat_with(|| random.alphanumeric() as u8).take(length));
            content.extend([b"(".as_slice(), b", ", b"\n\n\t", b"\xc3\xa4", b"_"][random.usize(..5)]);
        }
        let expected = hashes_of_words(&content);
        assert_eq!(Sketch::of(&content).hashes, expected, "{round}");
        for length in [1, 7, 63, 64, 65, 500] {
            let mut sketcher = Sketcher::default();
            content.chunks(length).for_each(|piece| sketcher.add(piece));
            let sketch = sketcher.finish();
            assert_eq!((sketch.of, sketch.hashes), (SketchOf::Words, expected.clone()), "{round}: {length}");
        }
    }
}

/// Baselines have sketches of earlier versions. If this one changes, contents are not found in them any more.
#[test]
fn sketches_are_pinned() {
    let words: String = (0..400_u32).map(|at| format!("{:07x}({at});", at.wrapping_mul(0x9e37_79b9) >> 4)).collect();
    let bytes: Vec<u8> = (0..400_u32).map(|at| 128 | (at * at % 127) as u8).collect();
    for (content, sketch) in [
        (
            words.as_bytes(),
            "wA4MAmgOo7qUEwKyMBNcHEAXU2kQF/xX0BnNdLgfopikIImktCMBp2QmwelwJ6NMaCgb1qAtX6g8MQ172DGjL7wzZECMNRLqfDdwYjA3neOkPV1RzD/Mn6BAqV0AR0e54EnfcaRR6ObcVdMbCFl8mIheu5KYaNQyhGmOisRq2Zgg",
        ),
        (
            bytes.as_slice(),
            "bAXXcOgHecioCBB9ABfsqpgeJ+rwJa3AkCbvBGQrwuuUMygdvESYyZxKzREIS1k2RFWnGdRacUXMaWJsAGnHEwBtFCGgb0rv+HWOh2R6MkCQeqbMGIJSkOCExrlkhgA4XI5eLXSYYMhUnlMqUKGQ4ECm2Jd4p7bO2Kg/ORCofJoM",
        ),
    ] {
        assert_eq!(serde_json::to_string(&Sketch::of(content)).expect("JSON"), format!("\"{sketch}\""));
    }
}

#[test]
fn a_sketch_is_read_back() {
    let sketch = Sketch::of(text(500, 5).as_bytes());
    let written = serde_json::to_string(&sketch).expect("JSON");
    assert_eq!(serde_json::from_str::<Sketch>(&written).expect("a sketch"), sketch);
    for bad in ["\"\"", "\"x\"", "\"wAAAA\"", "\"w!\"", "\"wAAAAAQAAAAE\"", "7"] {
        assert!(serde_json::from_str::<Sketch>(bad).is_err(), "{bad}");
    }
}
