//! The step's outputs: the file behind `GITHUB_OUTPUT`.

use std::io;

use super::tail::Tail;
use crate::finding::Verdict;

/// Writes outputs into the runner's file, each as a heredoc with a random delimiter that its key and value do not contain.
///
/// Source: GitHub's documentation of workflow commands, "Multiline strings".
///
/// # Errors
/// When they cannot be written whole. The file then holds an inconclusive verdict if possible, and the caller must end as
/// inconclusive.
pub fn put(file: &Tail, outputs: &[(&str, &str)]) -> io::Result<()> {
    let random = || fastrand::u128(..);
    file.put(&render(outputs, random)).inspect_err(|error| {
        let reason = format!("the outputs could not be written: {error}");
        // The exit code reports the failure as well.
        let _ = file.put(&render(&[("verdict", Verdict::Inconclusive.word()), ("reason", &reason)], random));
    })
}

fn render(outputs: &[(&str, &str)], mut random: impl FnMut() -> u128) -> String {
    let mut text = String::new();
    for (key, value) in outputs {
        // The runner also splits lines at a lone CR.
        let value = value.replace("\r\n", "\n").replace('\r', "\n");
        let delimiter = std::iter::repeat_with(|| format!("EOF_{:032x}", random()))
            .find(|delimiter| !value.contains(delimiter.as_str()) && !key.contains(delimiter.as_str()))
            .unwrap_or_default();
        text.push_str(&format!("{key}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_that_the_value_contains_is_replaced() {
        let mut numbers = [1_u128, 1, 2].into_iter();
        let taken = format!("a\nEOF_{:032x}\nverdict=passed", 1);
        let text = render(&[("reason", &taken)], || numbers.next().unwrap_or(9));
        assert_eq!(text, format!("reason<<EOF_{:032x}\n{taken}\nEOF_{:032x}\n", 2, 2));
    }

    #[test]
    fn a_carriage_return_cannot_start_another_output() {
        let text = render(&[("reason", "x\rverdict=passed\r\ny")], || 7);
        assert_eq!(text, format!("reason<<EOF_{0:032x}\nx\nverdict=passed\ny\nEOF_{0:032x}\n", 7));
    }
}
