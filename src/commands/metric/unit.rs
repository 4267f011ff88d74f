//! The units of figures and limits. A limit is compared with a figure only if both count the same: time, size, or a plain number.

use crate::{error::ValueError, values::decimal::Decimal};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A share or a count: `0.01`, `1 %`.
    Number,
    Time,
    Size,
}

/// A unit: its notation, what it counts, and how many of the base unit it is (1, seconds, bytes): `digits` × 10^`power`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricUnit {
    pub notation: &'static str,
    pub quantity: Quantity,
    digits: u64,
    power: i32,
}

impl MetricUnit {
    /// A number without a unit.
    pub const NONE: Self = Self::new("", Quantity::Number, 1, 0);

    /// `µs` is another notation of `us`.
    pub const ALL: [Self; 12] = [
        Self::new("%", Quantity::Number, 1, -2),
        Self::new("ns", Quantity::Time, 1, -9),
        Self::new("us", Quantity::Time, 1, -6),
        Self::new("ms", Quantity::Time, 1, -3),
        Self::new("s", Quantity::Time, 1, 0),
        Self::new("B", Quantity::Size, 1, 0),
        Self::new("kB", Quantity::Size, 1, 3),
        Self::new("MB", Quantity::Size, 1, 6),
        Self::new("GB", Quantity::Size, 1, 9),
        Self::new("KiB", Quantity::Size, 1 << 10, 0),
        Self::new("MiB", Quantity::Size, 1 << 20, 0),
        Self::new("GiB", Quantity::Size, 1 << 30, 0),
    ];

    const fn new(notation: &'static str, quantity: Quantity, digits: u64, power: i32) -> Self {
        Self { notation, quantity, digits, power }
    }

    /// # Errors
    /// No unit; the text lists the accepted ones.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let text = if matches!(text, "µs" | "μs") { "us" } else { text };
        let unit = Self::ALL.into_iter().find(|unit| unit.notation == text);
        unit.ok_or_else(|| ValueError::from(format!("accepted are the units {}", Self::list())))
    }

    /// Every unit, for messages.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.map(|unit| format!("`{}`", unit.notation)).join(", ")
    }

    /// A number of this unit in the base unit. Exact.
    #[must_use]
    pub fn to_base(self, value: Decimal) -> Decimal {
        value.times(Decimal::whole(self.digits)).shifted(self.power)
    }

    /// A number of the base unit in this one, to show it.
    #[must_use]
    pub fn show_base(self, value: Decimal) -> f64 {
        value.shifted(self.power.saturating_neg()).to_f64() / Decimal::whole(self.digits).to_f64()
    }

    /// `12 ms`, or `12` without a unit.
    #[must_use]
    pub fn label(self, number: &str) -> String {
        if self.notation.is_empty() { number.to_owned() } else { format!("{number} {}", self.notation) }
    }
}
