//! Exact decimal numbers. In binary floating point 1.2 × 100.1 is less than 120.12, so a limit that is met exactly would block.

use std::{cmp::Ordering, fmt, str::FromStr};

use crate::error::ValueError;

/// A number of at least zero: `digits` × 10^`exponent`, without trailing zeros in `digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: u128,
    exponent: i32,
}

/// The most significant digits that are taken from a text. The shortest form of a double has at most 17.
const MOST_DIGITS: usize = 18;

impl Decimal {
    pub const ZERO: Self = Self { digits: 0, exponent: 0 };

    const fn new(mut digits: u128, mut exponent: i32) -> Self {
        if digits == 0 {
            return Self::ZERO;
        }
        while digits.is_multiple_of(10) {
            digits /= 10;
            exponent = exponent.saturating_add(1);
        }
        Self { digits, exponent }
    }

    /// The shortest decimal that reads as this double, which is what JSON and CSV writers print. `None` for a negative number
    /// and for one that is not finite.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        parse(&format!("{value:e}"))
    }

    #[must_use]
    pub const fn whole(number: u64) -> Self {
        Self::new(number as u128, 0)
    }

    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::INFINITY)
    }

    /// This number × 10^`power`.
    #[must_use]
    pub const fn shifted(self, power: i32) -> Self {
        Self::new(self.digits, self.exponent.saturating_add(power))
    }

    /// The exact product, for numbers of at most 18 digits each. More digits than 38 are cut.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let (mut left, mut right) = (self, other);
        loop {
            if let Some(digits) = left.digits.checked_mul(right.digits) {
                return Self::new(digits, left.exponent.saturating_add(right.exponent));
            }
            let longer = if left.digits > right.digits { &mut left } else { &mut right };
            *longer = Self { digits: longer.digits / 10, exponent: longer.exponent.saturating_add(1) };
        }
    }

    /// The position of the first digit: 2 for 120, -1 for 0.12.
    fn magnitude(self) -> i64 {
        i64::from(self.digits.checked_ilog10().unwrap_or_default()) + i64::from(self.exponent)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        // With the same magnitude the digits compare as texts do: a missing digit is a zero.
        let digits = |number: &Self| number.digits.to_string();
        self.magnitude().cmp(&other.magnitude()).then_with(|| digits(self).cmp(&digits(other)))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self::whole(number)
    }
}

impl FromStr for Decimal {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).ok_or(ValueError::new("a finite number of at least 0 such as `70.25`"))
    }
}

/// Digits with an optional point and exponent, as JSON and CSV files have them.
fn parse(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let dropped = digits.len().saturating_sub(MOST_DIGITS);
    let kept = &digits[..digits.len() - dropped];
    let places = i32::try_from(dropped).ok()? - i32::try_from(fraction.len()).ok()?;
    let value = Decimal::new(if kept.is_empty() { 0 } else { kept.parse().ok()? }, exponent.checked_add(places)?);
    (value.is_zero() || !text.starts_with('-')).then_some(value)
}

impl fmt::Display for Decimal {
    /// Plain notation, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.to_string();
        if let Ok(zeros) = usize::try_from(self.exponent) {
            return write!(f, "{digits}{:0<zeros$}", "");
        }
        let places = self.exponent.unsigned_abs() as usize;
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        write!(f, "{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_product_is_exact_where_a_double_is_not() {
        let (limit, p99) = (decimal("1.2").times(decimal("100.1")), decimal("120.12"));
        assert_eq!(limit, p99);
        let [ratio, baseline, figure] = ["1.2", "100.1", "120.12"].map(|text| text.parse::<f64>().unwrap());
        assert!(ratio * baseline < figure, "which a double gets wrong");
        assert!(decimal("120.120000001") > limit && decimal("120.1199999") < limit);
        assert_eq!(decimal("999999999999999999").times(decimal("999999999999999999")).to_string().len(), 36);
    }

    #[test]
    fn numbers_are_read_and_shown() {
        for (text, shown) in [
            ("70", "70"),
            ("70.250", "70.25"),
            ("0.00280427", "0.00280427"),
            ("9.196e-6", "0.000009196"),
            ("1E3", "1000"),
            ("+5", "5"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0", "0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("22.880478963772656", "22.880478963772656"),
            ("12345678901234567890123", "12345678901234567800000"),
        ] {
            assert_eq!(decimal(text).to_string(), shown, "{text}");
        }
        for bad in ["", "-1", "-0.5", "-1e-3", "NaN", "inf", "1,2", "0x1", "e5", ".", "1e", "1 ", "1e99999999999"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad:?}");
        }
        assert_eq!(Decimal::from_f64(0.067_919_949).map(|value| value.shifted(3).to_string()).unwrap(), "67.919949");
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(Decimal::from_f64(bad), None);
        }
    }

    #[test]
    fn numbers_of_any_size_compare() {
        let sorted = ["0", "1e-300", "0.1", "0.12", "1", "1.2", "9", "10", "119.9", "120", "1e300"];
        for pair in sorted.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
        assert_eq!(Decimal::from_f64(f64::MAX).unwrap().times(decimal("1e300")).magnitude(), 608);
    }

    proptest! {
        #[test]
        fn decimals_order_and_print_as_their_doubles_do(left in 0.0_f64..1e9, right in 0.0_f64..1e9) {
            let [a, b] = [left, right].map(|value| Decimal::from_f64(value).unwrap());
            prop_assert_eq!(a.cmp(&b), left.total_cmp(&right));
            prop_assert_eq!(a.to_f64().to_bits(), left.to_bits());
            prop_assert_eq!(a.to_string().parse::<Decimal>().unwrap(), a);
        }
    }
}
