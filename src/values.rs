//! The small values of settings, with one notation each: durations, ratios, percentages, bytes, switches.

pub mod decimal;
pub mod figures;
pub mod percent;
pub mod schema;

use std::{fmt, str::FromStr, time::Duration};

use crate::error::ValueError;

/// A duration: `90s`, `2m`, `1h30m`, `500ms`; a bare number means seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// The longest that is accepted; the runner ends a job much sooner.
    pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
    /// The notation as a regular expression, for the schemas. Each type here has one, and a test holds it against the parser.
    pub const PATTERN: &str = "^([0-9]+|([0-9]+(ms|s|m|h|d))+)$";
}

impl FromStr for HumanDuration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
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

impl fmt::Display for HumanDuration {
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

/// Parses a duration over zero.
pub fn nonzero_duration(text: &str) -> Result<HumanDuration, ValueError> {
    let duration: HumanDuration = text.parse()?;
    if duration.0.is_zero() { Err(ValueError::new("a duration over 0 such as `10s`")) } else { Ok(duration) }
}

/// A whole number, in the notation of a setting.
pub const WHOLE_PATTERN: &str = "^[0-9]+$";

/// A finite number over zero such as `1.2`: the allowed multiple of something.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

impl Ratio {
    pub const PATTERN: &str = r"^[0-9]+(\.[0-9]+)?$";
}

impl FromStr for Ratio {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse_number(text)
            .filter(|value| *value > 0.0)
            .map(Self)
            .ok_or(ValueError::new("a number over 0 such as `1.2` (1.2 means 120 % of the baseline)"))
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

impl Percent {
    pub const PATTERN: &str = r"^[0-9]+(\.[0-9]+)? *%?$";
}

impl FromStr for Percent {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let bare = text.strip_suffix('%').unwrap_or(text).trim_end();
        parse_number(bare).map(Self).ok_or(ValueError::new("a percentage of at least 0 such as `5` or `5%`"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A number of bytes: `512 B`, `12.3 kB`, `1.05 MB`. `KiB`, `MiB` and a bare number are accepted as well.
///
/// Shown with three digits, in powers of 1000 as size-limit and browsers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    pub const PATTERN: &str = r"^([0-9]+ *B?|[0-9]+(\.[0-9]{1,3})? *([kK]B|MB|GB|KiB|MiB|GiB))$";
}

impl FromStr for Bytes {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("a number of bytes such as `500 kB`, `1.5MB` or `2MiB`; a bare number means bytes");
        parse_bytes(text).map(Self).ok_or(ACCEPTED)
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let size: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // Three decimals are enough, and keep the arithmetic exact.
    let is_valid = digits(whole) && fraction.is_none_or(|fraction| digits(fraction) && fraction.len() <= 3 && size > 1);
    let thousandths: u128 = format!("{whole}{:0<3}", fraction.unwrap_or_default()).parse().ok().filter(|_| is_valid)?;
    u64::try_from(thousandths.checked_mul(size.into())? / 1000).ok()
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u128); 4] = [("B", 1), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
        let bytes = u128::from(self.0);
        for (unit, size) in UNITS {
            // Two decimals up to 9.99, one up to 99.9; a value that rounds up to 1000 is 1 of the next unit.
            for (parts, figures) in [(100, 2), (10, 1), (1, 0)] {
                let rounded = (bytes * parts * 2 + size) / (2 * size);
                if rounded < 1000 || (unit, parts) == ("GB", 1) {
                    let (whole, fraction) = (rounded / parts, rounded % parts);
                    let fraction = format!("{fraction:0figures$}");
                    let fraction = fraction.trim_end_matches('0');
                    let point = if fraction.is_empty() { "" } else { "." };
                    return write!(f, "{whole}{point}{fraction} {unit}");
                }
            }
        }
        Ok(())
    }
}

/// A count with its thousands apart: `20,000`.
#[must_use]
pub fn thousands(count: u64) -> String {
    grouped(&count.to_string())
}

/// Puts commas between the thousands before the point of a decimal number.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits = whole.trim_start_matches('-');
    let mut text = whole[..whole.len() - digits.len()].to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// Parses plain decimal notation only: no `inf`, no `NaN`, no exponent, no sign.
fn parse_number(text: &str) -> Option<f64> {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && !text.ends_with('.');
    plain.then(|| text.parse().ok()).flatten().filter(|value: &f64| value.is_finite())
}

/// Parses a switch as `getBooleanInput` of `@actions/core` does, by the YAML 1.2 core schema.
pub fn switch(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(ValueError::new("one of true, True, TRUE, false, False, FALSE")),
    }
}

/// The first seven characters of a commit id, as git and GitHub show it.
#[must_use]
pub fn short_sha(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// At most `limit` characters of `text`; `…` marks where it was cut.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The known name that a mistyped one most likely means. At most two characters, and at most a third of them, may be wrong,
/// missing, added or swapped: a name that merely looks similar would mislead. So would another number: `p95` is not `p99`.
#[must_use]
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    let limit = (length / 3).clamp(1, 2);
    known
        .iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit && digits(&name).eq(digits(candidate)))
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit && *distance < length)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn digits(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(char::is_ascii_digit)
}

/// Control characters, and characters that Unicode lets a reader ignore. The runner compares by culture, which skips the
/// latter: it finds a `::` behind a zero-width space.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    let ignorable = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    c != '\t' && (c.is_control() || ignorable)
}

#[cfg(test)]
mod tests;
