use proptest::prelude::*;

use super::*;

#[test]
fn durations_are_parsed_and_shown() {
    for (text, millis, shown) in [
        ("90", 90_000, "1m30s"),
        ("0", 0, "0s"),
        ("90s", 90_000, "1m30s"),
        ("2m", 120_000, "2m"),
        ("1h30m", 5_400_000, "1h30m"),
        ("500ms", 500, "500ms"),
        ("1s250ms", 1250, "1s250ms"),
        ("2d", 172_800_000, "2d"),
    ] {
        let duration: HumanDuration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(duration.0.as_millis(), millis, "{text}");
        assert_eq!(duration.to_string(), shown);
        assert_eq!(shown.parse::<HumanDuration>(), Ok(duration), "the shown text is accepted");
    }
    assert_eq!(nonzero_duration("1ms"), "1ms".parse());
    assert!(nonzero_duration("0").is_err() && nonzero_duration("0ms").is_err() && nonzero_duration("x").is_err());
    for bad in ["", "s", "-1", "1.5s", "10 m", "1w", "ten", "31d", "99999999999999999999", "m5", "5m3"] {
        assert!(bad.parse::<HumanDuration>().is_err(), "{bad:?}");
    }
}

#[test]
fn numbers_are_plain_and_finite() {
    assert_eq!("1.2".parse::<Ratio>(), Ok(Ratio(1.2)));
    for bad in ["0", "-1", "NaN", "inf", "1e3", "", "1.", ".5", "1,2", "120%"] {
        assert!(bad.parse::<Ratio>().is_err(), "{bad:?}");
    }
    for good in ["5", "5%", "5 %"] {
        assert_eq!(good.parse::<Percent>(), Ok(Percent(5.0)), "{good:?}");
    }
    for bad in ["-5", "%", "five", "5%%"] {
        assert!(bad.parse::<Percent>().is_err(), "{bad:?}");
    }
}

#[test]
fn bytes_are_shown_with_three_digits() {
    for (bytes, shown) in [
        (0, "0 B"),
        (1, "1 B"),
        (10, "10 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1004, "1 kB"),
        (1005, "1.01 kB"),
        (9_995, "10 kB"),
        (12_345, "12.3 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (105_000, "105 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (1_050_000, "1.05 MB"),
        (1_055_000, "1.06 MB"),
        (4_000_000, "4 MB"),
        (80_000_000, "80 MB"),
        (1_500_000_000, "1.5 GB"),
        (999_499_999_999, "999 GB"),
        (5_000_000_000_000, "5000 GB"),
        (u64::MAX, "18446744074 GB"),
    ] {
        assert_eq!(Bytes(bytes).to_string(), shown, "{bytes}");
        assert!(shown.parse::<Bytes>().is_ok() || bytes == u64::MAX, "the shown text is accepted: {shown}");
    }
}

#[test]
fn bytes_are_parsed() {
    for (text, bytes) in [
        ("0", 0),
        ("500", 500),
        ("500 B", 500),
        ("500kB", 500_000),
        ("500 KB", 500_000),
        ("1.5 MB", 1_500_000),
        ("0.025MB", 25_000),
        ("2MiB", 2_097_152),
        ("1.5 KiB", 1536),
        ("1GB", 1_000_000_000),
        ("1GiB", 1_073_741_824),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
    }
    for bad in [
        "",
        "MB",
        "-1",
        "1,5 MB",
        "1.5",
        "1.2345 MB",
        "1. MB",
        ".5 MB",
        "1.2.3 MB",
        "1 mb",
        "1e6",
        "1 TB",
        "18446744073709551616",
        "99999999999999999999999999999999999999999",
        "99999999999 GB",
    ] {
        assert!(bad.parse::<Bytes>().is_err(), "{bad:?}");
    }
}

proptest! {
    /// Without the limits, which a pattern cannot have: 30 days, over zero.
    #[test]
    fn the_patterns_accept_what_the_parsers_accept(
        text in r"-?[0-9]{0,4}[.,]?[0-9]{0,4} ?(ms|s|m|h|d|x|abc|%|B|kB|KB|kb|MB|GiB|TB)?[0-9]{0,2}(s|m|%)?"
    ) {
        for (pattern, is_parsed) in [
            (HumanDuration::PATTERN, parse_duration(&text).is_some()),
            (Ratio::PATTERN, parse_number(&text).is_some()),
            (Percent::PATTERN, text.parse::<Percent>().is_ok()),
            (Bytes::PATTERN, text.parse::<Bytes>().is_ok()),
            (WHOLE_PATTERN, text.parse::<u64>().is_ok()),
        ] {
            let matches = regex_lite::Regex::new(pattern).unwrap().is_match(&text);
            prop_assert_eq!(matches, is_parsed, "{:?} {}", text, pattern);
        }
    }
}

#[test]
fn counts_have_their_thousands_apart() {
    for (count, shown) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (20_000, "20,000"),
        (123_456, "123,456"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(thousands(count), shown);
    }
}

#[test]
fn switches_are_those_of_the_actions_toolkit() {
    assert_eq!(switch("TRUE"), Ok(true));
    assert_eq!(switch("False"), Ok(false));
    for bad in ["yes", "1", "tRue", "on", ""] {
        assert!(switch(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn clipping_counts_characters() {
    assert_eq!(clip("äöü", 3), "äöü");
    assert_eq!(clip("äöüß", 3), "äö…");
}

#[test]
fn only_a_slip_of_the_keys_has_a_closest_name() {
    let known = ["health", "smoke", "performance", "wait", "run", "max-ratio", "environments"];
    for (name, close) in [
        ("healt", Some("health")),
        ("haelth", Some("health")),
        ("Health", Some("health")),
        ("performence", Some("performance")),
        ("max_ratios", Some("max-ratio")),
        ("environment", Some("environments")),
        ("runs", Some("run")),
        ("rum", Some("run")),
        ("zzz", None),
        ("wealth-check", None),
        ("rm", None),
        ("w", None),
        ("conformance", None),
        ("", None),
    ] {
        assert_eq!(closest(name, &known), close, "{name}");
    }
    assert_eq!(closest("x", &["y"]), None);
    assert_eq!(closest("p99", &["p95", "q99"]), Some("q99"), "another number is no slip");
    assert_eq!(closest("stable", &["staging", "stables", "table"]), Some("stables"), "the first of the closest");
}
