//! The goals of a benchmark.

/// The goals, each with what was measured.
#[derive(Default)]
pub struct Goals {
    lines: Vec<String>,
    missed: bool,
}

impl Goals {
    /// A goal is missed unless the measured value is at most the limit.
    pub fn at_most(&mut self, limit: f64, measured: f64, goal: &str) {
        let held = measured <= limit;
        self.missed |= !held;
        let word = if held { "held  " } else { "MISSED" };
        self.lines.push(format!("{word}  {goal}: {measured:.2}, at most {limit}"));
    }

    /// A goal is missed unless the measured value is at least the limit.
    pub fn at_least(&mut self, limit: f64, measured: f64, goal: &str) {
        let held = measured >= limit;
        self.missed |= !held;
        let word = if held { "held  " } else { "MISSED" };
        self.lines.push(format!("{word}  {goal}: {measured:.2}, at least {limit}"));
    }

    pub fn unmeasured(&mut self, goal: &str, reason: &str) {
        self.lines.push(format!("?       {goal}: not measured, {reason}"));
    }

    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    pub fn missed(&self) -> bool {
        self.missed
    }
}
