//! The notation of conditions.
//!
//! ```text
//! error-rate <= 1 % with requests >= 100
//! p99 <= 500 ms and <= 1.2 × baseline
//! no alert {service="checkout", severity=~"page|critical"}
//! burn-rate of error-rate at 99.9 % <= 14.4 over 1h and 5m with requests >= 100
//! ```

use std::{fmt, str::FromStr};

use super::{unit::MetricUnit, words::Words};
use crate::{
    error::ValueError,
    values::{HumanDuration, decimal::Decimal},
};

/// The words of the notation, which no figure can have as its name.
pub const RESERVED: [&str; 9] = ["no", "alert", "burn-rate", "baseline", "and", "with", "over", "at", "x"];

/// A condition as it was written. It holds, or it blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricCondition {
    /// As the user wrote it.
    pub text: String,
    pub rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Figure { figure: String, bounds: Vec<Bound>, minimums: Vec<Minimum> },
    NoAlert(AlertMatchers),
    BurnRate(BurnRate),
}

/// `<= 500 ms`, `<= 1.2 × baseline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub direction: Direction,
    pub amount: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    AtMost,
    LessThan,
    AtLeast,
    MoreThan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Limit { number: Decimal, unit: MetricUnit },
    TimesBaseline(Decimal),
}

/// `requests >= 100`: with less, the figure says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimum {
    pub figure: String,
    pub least: Decimal,
}

/// The multiwindow rule of the SRE workbook (chapter 5, "Multiwindow, Multi-Burn-Rate Alerts"): it blocks if the error budget burns
/// faster than `limit` over both windows. The long one shows that much was burnt, the short one that it still burns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnRate {
    pub figure: String,
    /// The share of errors that the objective allows: 0.001 at 99.9 %.
    pub budget: Decimal,
    /// The objective, as the user wrote it.
    pub objective: String,
    pub limit: Decimal,
    pub long: HumanDuration,
    pub short: HumanDuration,
    pub minimums: Vec<Minimum>,
}

/// Matchers of labels, each as Alertmanager reads it: `severity=~"page|critical"`. None: every alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertMatchers(pub Vec<String>);

impl Direction {
    #[must_use]
    pub fn holds(self, value: Decimal, limit: Decimal) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::LessThan => value < limit,
            Self::AtLeast => value >= limit,
            Self::MoreThan => value > limit,
        }
    }

    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::LessThan => "<",
            Self::AtLeast => ">=",
            Self::MoreThan => ">",
        }
    }

    /// Longer signs first: `<` is the beginning of `<=`.
    fn parse(words: &mut Words<'_>) -> Result<Self, ValueError> {
        let known = [Self::AtMost, Self::AtLeast, Self::LessThan, Self::MoreThan];
        if words.take("≤") {
            return Ok(Self::AtMost);
        }
        if words.take("≥") {
            return Ok(Self::AtLeast);
        }
        let found = known.into_iter().find(|direction| words.take(direction.sign()));
        found.ok_or_else(|| words.error("one of `<=`, `<`, `>=`, `>`"))
    }
}

impl FromStr for MetricCondition {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut words = Words::new(text);
        let rule = if words.take_word("no") {
            words.expect_word("alert")?;
            let matchers = if words.rest().is_empty() { AlertMatchers::default() } else { matchers(&mut words)? };
            words.expect_end("matchers in `{}`")?;
            Rule::NoAlert(matchers)
        } else if words.take_word("burn-rate") {
            Rule::BurnRate(burn_rate(&mut words)?)
        } else {
            figure(&mut words)?
        };
        Ok(Self { text: text.trim().to_owned(), rule })
    }
}

fn figure(words: &mut Words<'_>) -> Result<Rule, ValueError> {
    let figure = words.name(&RESERVED)?.to_owned();
    let mut bounds = vec![bound(words)?];
    while words.take_word("and") {
        bounds.push(bound(words)?);
    }
    let minimums = minimums(words)?;
    words.expect_end(if minimums.is_empty() { "a unit, `and`, `with`" } else { "`and`" })?;
    Ok(Rule::Figure { figure, bounds, minimums })
}

fn bound(words: &mut Words<'_>) -> Result<Bound, ValueError> {
    let direction = Direction::parse(words)?;
    if words.take_word("baseline") {
        return Ok(Bound { direction, amount: Amount::TimesBaseline(Decimal::whole(1)) });
    }
    let number = words.number()?;
    let is_ratio = ["×", "*"].iter().any(|sign| words.take(sign)) || words.take_word("x");
    let amount = if is_ratio {
        words.expect_word("baseline")?;
        Amount::TimesBaseline(number)
    } else {
        Amount::Limit { number, unit: unit(words) }
    };
    Ok(Bound { direction, amount })
}

/// The unit behind a number, if there is one.
fn unit(words: &mut Words<'_>) -> MetricUnit {
    let named = MetricUnit::ALL.into_iter().find(|unit| match unit.notation {
        "%" => words.take("%"),
        name => words.take_word(name),
    });
    let is_micro = named.is_none() && ["µs", "μs"].iter().any(|name| words.take_word(name));
    let micro = is_micro.then(|| MetricUnit::parse("us").ok()).flatten();
    named.or(micro).unwrap_or(MetricUnit::NONE)
}

/// `with requests >= 100 and sessions >= 20`, or nothing.
fn minimums(words: &mut Words<'_>) -> Result<Vec<Minimum>, ValueError> {
    let mut minimums = Vec::new();
    if !words.take_word("with") {
        return Ok(minimums);
    }
    loop {
        let figure = words.name(&RESERVED)?.to_owned();
        if !words.take("≥") {
            words.expect(">=")?;
        }
        minimums.push(Minimum { figure, least: words.number()? });
        if !words.take_word("and") {
            return Ok(minimums);
        }
    }
}

/// `of error-rate at 99.9 % <= 14.4 over 1h and 5m with requests >= 100`
fn burn_rate(words: &mut Words<'_>) -> Result<BurnRate, ValueError> {
    words.expect_word("of")?;
    let figure = words.name(&RESERVED)?.to_owned();
    words.expect_word("at")?;
    let mut before = words.clone();
    let percent = words.number()?;
    words.expect("%")?;
    let budget = budget(percent).ok_or_else(|| before.error("an objective between 0 and 100 %, such as `99.9 %`"))?;
    if !words.take("≤") {
        words.expect("<=")?;
    }
    let mut before = words.clone();
    let limit = words.number()?;
    if limit.is_zero() {
        return Err(before.error("a burn rate over 0, such as `14.4`"));
    }
    words.expect_word("over")?;
    let long = words.duration()?;
    words.expect_word("and")?;
    let mut before = words.clone();
    let short = words.duration()?;
    if short >= long {
        return Err(before.error("a second window that is shorter than the first, such as `1h and 5m`"));
    }
    let minimums = minimums(words)?;
    words.expect_end(if minimums.is_empty() { "`with`" } else { "`and`" })?;
    Ok(BurnRate { figure, budget, objective: format!("{percent} %"), limit, long, short, minimums })
}

/// The share that an objective in percent leaves for errors. Exact up to 15 decimals.
fn budget(percent: Decimal) -> Option<Decimal> {
    // In 10^-15 of a percent: a hundred percent has 18 digits.
    let scaled: u64 = percent.shifted(15).to_string().parse().ok()?;
    let left = 100_000_000_000_000_000_u64.checked_sub(scaled).filter(|left| *left > 0 && scaled > 0)?;
    Some(Decimal::whole(left).shifted(-17))
}

/// `{service="checkout", severity=~"page|critical"}`
fn matchers(words: &mut Words<'_>) -> Result<AlertMatchers, ValueError> {
    let mut matchers = Vec::new();
    words.expect("{")?;
    while !words.take("}") {
        if !matchers.is_empty() {
            words.expect(",")?;
        }
        let label = words.name(&[])?.to_owned();
        if !label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(words.error(&format!("a label of letters, digits and `_` before it, not `{label}`")));
        }
        let signs = ["=~", "!~", "!=", "="];
        let sign = signs.into_iter().find(|sign| words.take(sign));
        let sign = sign.ok_or_else(|| words.error("one of `=`, `!=`, `=~`, `!~`"))?;
        matchers.push(format!("{label}{sign}{}", words.quoted()?));
    }
    Ok(AlertMatchers(matchers))
}

impl FromStr for AlertMatchers {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut words = Words::new(text);
        let found = matchers(&mut words)?;
        words.expect_end("")?;
        Ok(found)
    }
}

impl fmt::Display for AlertMatchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0.join(", "))
    }
}

impl fmt::Display for MetricCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
