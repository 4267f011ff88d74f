//! The small values that settings are made of: durations, ratios, percentages, switches. One notation for all of them.

use std::{fmt, str::FromStr, time::Duration};

use crate::subject::NotAccepted;

/// A duration as people write it: `90s`, `2m`, `1h30m`, `500ms`; a bare number means seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// The longest accepted: a runner ends a job long before.
    const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
}

impl FromStr for Span {
    type Err = NotAccepted;

    fn from_str(text: &str) -> Result<Self, NotAccepted> {
        const ACCEPTED: NotAccepted = NotAccepted(
            "a duration of at most 30 days such as `500ms`, `90s`, `2m`, `1h30m`; a bare number means seconds",
        );
        parse_duration(text).filter(|duration| *duration <= Self::LONGEST).map(Self).ok_or(ACCEPTED)
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let number: u64 = rest[..unit_at].parse().ok()?;
        let after = &rest[unit_at..];
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let part = match &after[..unit_end] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "d" => Duration::from_secs(number.checked_mul(86400)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = &after[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let rest = millis
                % match unit {
                    "d" => u128::MAX,
                    "h" => 86_400_000,
                    "m" => 3_600_000,
                    "s" => 60_000,
                    _ => 1000,
                };
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
            }
        }
        Ok(())
    }
}

/// A finite number over zero, `1.2`: how many times as large something may be.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

impl FromStr for Ratio {
    type Err = NotAccepted;

    fn from_str(text: &str) -> Result<Self, NotAccepted> {
        number(text)
            .filter(|value| *value > 0.0)
            .map(Self)
            .ok_or(NotAccepted("a number over 0 such as `1.2` (1.2 means 120 % of the baseline)"))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A percentage of at least zero, written `5`, `5%` or `2.5 %`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

impl FromStr for Percent {
    type Err = NotAccepted;

    fn from_str(text: &str) -> Result<Self, NotAccepted> {
        let bare = text.strip_suffix('%').unwrap_or(text).trim_end();
        number(bare).map(Self).ok_or(NotAccepted("a percentage of at least 0 such as `5` or `5%`"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Plain decimal notation only: no `inf`, no `NaN`, no exponent, no sign.
fn number(text: &str) -> Option<f64> {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && !text.ends_with('.');
    plain.then(|| text.parse().ok()).flatten().filter(|value: &f64| value.is_finite())
}

/// A switch as `@actions/core` reads it (`getBooleanInput`, the YAML 1.2 core schema).
pub fn switch(text: &str) -> Result<bool, NotAccepted> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(NotAccepted("one of true, True, TRUE, false, False, FALSE")),
    }
}

/// At most `limit` characters of `text`, with a mark where it was cut.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
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
            let span: Span = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(span.0.as_millis(), millis, "{text}");
            assert_eq!(span.to_string(), shown);
            assert_eq!(shown.parse::<Span>(), Ok(span), "what is shown can be given");
        }
        for bad in ["", "s", "-1", "1.5s", "10 m", "1w", "ten", "31d", "99999999999999999999", "m5", "5m3"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
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
    fn switches_are_those_of_the_toolkit() {
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
}
