//! How a figure developed, as a chart that GitHub draws: mermaid's `xychart`.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::clip;

/// The most characters of a label: neighbours must not overlap.
const LABEL: usize = 14;

/// Smaller than by default, and in a colour that is seen on a light and on a dark page.
const SIZE: &str = r##"%%{init: {"xyChart": {"width": 700, "height": 260}, "themeVariables": {"xyChart": {"plotColorPalette": "#1f6feb"}}}}%%"##;

/// A figure of several releases, the oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// What the figure is, with its unit.
    pub title: String,
    /// The name of each release, and its figure.
    pub points: Vec<(String, f64)>,
}

/// The chart. Names become plain text: a quote or a bracket in one would end the list of names, and a name that comes twice would be one
/// column.
#[must_use]
pub fn chart(trend: &Trend) -> String {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in &trend.points {
        let name = plain(name, LABEL);
        let earlier = names.iter().filter(|known| **known == name || known.starts_with(&format!("{name} ("))).count();
        names.push(if earlier == 0 { name } else { format!("{name} ({})", earlier + 1) });
    }
    let figures: Vec<String> = trend.points.iter().map(|(_, figure)| plain_number(*figure)).collect();
    let most = trend.points.iter().map(|(_, figure)| *figure).fold(0.0, f64::max);
    let mut text = format!("```mermaid\n{SIZE}\nxychart-beta\n");
    let _ = writeln!(text, "  title \"{}\"", plain(&trend.title, 100));
    let _ =
        writeln!(text, "  x-axis [{}]", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "));
    let _ = writeln!(text, "  y-axis 0 --> {}", plain_number(most * 1.1));
    let _ = writeln!(text, "  bar [{}]", figures.join(", "));
    text + "```\n\n"
}

/// Without characters that mean something to mermaid or to markdown.
fn plain(text: &str, most: usize) -> String {
    let shown = |c: char| c.is_alphanumeric() || "._-+@/(), …".contains(c);
    clip(&text.chars().map(|c| if shown(c) { c } else { '?' }).collect::<String>(), most)
}

/// A decimal number without an exponent.
fn plain_number(value: f64) -> String {
    let text = format!("{:.4}", if value.is_finite() { value } else { 0.0 });
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_column_for_each_release() {
        let points = [("1.4.0", 98.25), ("1.4.1", 101.0), ("1.4.1", 99.0), ("now", 120.0)];
        let trend = Trend {
            title: "p99 (ms)".to_owned(),
            points: points.map(|(name, figure)| (name.to_owned(), figure)).to_vec(),
        };
        insta::assert_snapshot!(chart(&trend), @r##"
        ```mermaid
        %%{init: {"xyChart": {"width": 700, "height": 260}, "themeVariables": {"xyChart": {"plotColorPalette": "#1f6feb"}}}}%%
        xychart-beta
          title "p99 (ms)"
          x-axis ["1.4.0", "1.4.1", "1.4.1 (2)", "now"]
          y-axis 0 --> 132
          bar [98.25, 101, 99, 120]
        ```
        "##);
    }

    #[test]
    fn no_name_ends_its_list_or_the_block() {
        let hostile = "\"]\n```\n<script> [x]: %%{init}%% ; `".to_owned();
        let trend = Trend { title: hostile.clone(), points: vec![(hostile, f64::NAN)] };
        let chart = chart(&trend).replace(SIZE, "");
        assert_eq!((chart.matches("```").count(), chart.lines().count()), (2, 9), "{chart}");
        assert!(!chart.contains(['<', '%', ';', '{']) && chart.matches('"').count() == 4, "{chart}");
    }
}
