//! How figures are shown to people: few digits, but never so few that a value seems to be within a limit that it exceeds.

use std::time::Duration;

use super::{Bytes, HumanDuration, Percent, grouped, thousands};

/// The most decimals that are shown: about as many as a number near 1 holds.
const MOST_DECIMALS: usize = 15;

/// A measured number with two digits, or with all digits before the point: `412`, `5.2`, `0.088`, `20,000`.
#[must_use]
pub fn rounded(value: f64) -> String {
    with_decimals(value, decimals(value))
}

/// A measured number and its limit, with as many decimals as show on which side of the limit the number is: `412` and
/// `360`, but `360.4` and `360`.
#[must_use]
pub fn rounded_beside(value: f64, limit: f64) -> [String; 2] {
    let decimals = decimals_beside(value, limit, decimals(value).max(decimals(limit)));
    [with_decimals(value, decimals), with_decimals(limit, decimals)]
}

/// A ratio with two decimals, or as many more as show on which side of the limit it is: `1.03`, `1.2001`.
#[must_use]
pub fn ratio_beside(ratio: f64, limit: f64) -> String {
    with_decimals(ratio, decimals_beside(ratio, limit, 2))
}

/// A growth in percent with its sign: `+634 %`, `-2.5 %`, `±0 %`. With a limit, it has as many decimals as show on which
/// side of the limit it is.
#[must_use]
pub fn growth_percent(percent: f64, limit: Option<Percent>) -> String {
    // Where no limit is near, hundredths of a percent are enough.
    let few = decimals(percent).min(2);
    let decimals = limit.map_or(few, |Percent(limit)| decimals_beside(percent, limit, few));
    let sign = if percent > 0.0 {
        "+"
    } else if percent < 0.0 {
        "-"
    } else {
        "±"
    };
    format!("{sign}{} %", with_decimals(percent.abs(), decimals))
}

/// A number of bytes, exact where it would look the same as the limit without being it: `4 MB`, but `1,000,001 B` beside a
/// limit of 1 MB.
#[must_use]
pub fn bytes_beside(bytes: Bytes, limit: Bytes) -> String {
    let shown = bytes.to_string();
    if bytes != limit && shown == limit.to_string() { format!("{} B", thousands(bytes.0)) } else { shown }
}

/// How long something took: `350 ms`, `2.1 s`, `45 s`, `3m20s`.
#[must_use]
pub fn elapsed(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{} s", rounded(duration.as_secs_f64())),
        _ => HumanDuration(Duration::from_secs(duration.as_secs())).to_string(),
    }
}

/// The number of decimals that give a number two digits: none if two or more stand before the point.
fn decimals(value: f64) -> usize {
    let mut size = value.abs();
    if size == 0.0 {
        return 0;
    }
    let mut decimals = 0;
    while size < 10.0 && decimals < MOST_DECIMALS {
        size *= 10.0;
        decimals += 1;
    }
    decimals
}

/// The least number of decimals, from `least` on, with which the number is on the same side of the limit as it really is,
/// whether the limit is rounded as well or not.
fn decimals_beside(value: f64, limit: f64, least: usize) -> usize {
    let round = |number: f64, decimals: usize| format!("{number:.decimals$}").parse().unwrap_or(number);
    let is_right = |decimals: &usize| {
        let shown: f64 = round(value, *decimals);
        [round(limit, *decimals), limit].iter().all(|limit_shown| (shown > *limit_shown) == (value > limit))
    };
    (least..MOST_DECIMALS).find(is_right).unwrap_or(MOST_DECIMALS)
}

fn with_decimals(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    grouped(if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_few_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (88.368, "88"),
            (412.0, "412"),
            (5.24, "5.2"),
            (5.0, "5"),
            (9.96, "10"),
            (0.0881, "0.088"),
            (1e-30, "0"),
            (20_000.4, "20,000"),
            (-1234.5, "-1,234"),
        ] {
            assert_eq!(rounded(value), shown, "{value}");
        }
    }

    #[test]
    fn a_number_beside_its_limit_shows_the_digits_that_differ() {
        for (value, limit, shown) in [
            (412.0, 360.0, ["412", "360"]),
            (88.368, 360.0, ["88", "360"]),
            (360.4, 360.0, ["360.4", "360"]),
            (360.004, 360.0, ["360.004", "360"]),
            (360.0, 360.0, ["360", "360"]),
            (359.6, 360.0, ["360", "360"]),
            (106.2, 106.04, ["106.2", "106"]),
            (360.6, 360.7, ["360.6", "360.7"]),
            (1.23, 1.2, ["1.23", "1.2"]),
            (3.42, 360.0, ["3.4", "360"]),
        ] {
            assert_eq!(rounded_beside(value, limit), shown, "{value} {limit}");
        }
    }

    #[test]
    fn a_ratio_shows_on_which_side_of_its_limit_it_is() {
        for (ratio, shown) in [
            (1.034, "1.03"),
            (1.0, "1"),
            (1.2, "1.2"),
            (1.2001, "1.2001"),
            (1.1999, "1.2"),
            (12.345, "12.35"),
            (0.5, "0.5"),
        ] {
            assert_eq!(ratio_beside(ratio, 1.2), shown, "{ratio}");
        }
    }

    #[test]
    fn growth_has_a_sign_and_a_unit() {
        for (percent, limit, shown) in [
            (634.2, Some(5.0), "+634 %"),
            (3394.92, None, "+3,395 %"),
            (5.24, Some(5.0), "+5.2 %"),
            (5.001, Some(5.0), "+5.001 %"),
            (5.001, None, "+5 %"),
            (5.0, Some(5.0), "+5 %"),
            (4.99, Some(5.0), "+5 %"),
            (4.99, Some(4.995), "+4.99 %"),
            (0.000_01, None, "+0 %"),
            (0.000_01, Some(0.0), "+0.00001 %"),
            (0.0, None, "±0 %"),
            (-33.4, Some(5.0), "-33 %"),
        ] {
            assert_eq!(growth_percent(percent, limit.map(Percent)), shown, "{percent} {limit:?}");
        }
    }

    #[test]
    fn bytes_beside_a_limit_are_exact_where_they_look_the_same() {
        let limit = Bytes(1_000_000);
        for (bytes, shown) in
            [(4_000_000, "4 MB"), (1_000_000, "1 MB"), (1_000_001, "1,000,001 B"), (999_999, "999,999 B")]
        {
            assert_eq!(bytes_beside(Bytes(bytes), limit), shown);
        }
    }

    #[test]
    fn times_are_short() {
        for (millis, shown) in
            [(0, "0 ms"), (350, "350 ms"), (2_140, "2.1 s"), (45_400, "45 s"), (59_999, "60 s"), (200_900, "3m20s")]
        {
            assert_eq!(elapsed(Duration::from_millis(millis)), shown);
        }
    }

    proptest! {
        #[test]
        fn no_value_over_its_limit_looks_as_if_it_were_within(limit in 0.001_f64..1e6, excess in 1e-6_f64..2.0) {
            let parse = |text: &str| text.replace(',', "").parse::<f64>().unwrap();
            let [over, shown] = rounded_beside(limit * (1.0 + excess), limit);
            prop_assert!(parse(&over) > parse(&shown), "{} {}", over, shown);
            let [within, shown] = rounded_beside(limit * (1.0 - excess / 2.0), limit);
            prop_assert!(parse(&within) <= parse(&shown), "{} {}", within, shown);
        }
    }
}
