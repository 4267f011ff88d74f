//! The expressions of a text, and what they refer to. Pure.

/// The expressions of a text, without their braces.
pub fn expressions(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("${{") {
        let end = end_of_expression(behind);
        found.push(&behind[..end]);
        rest = behind.get(end + 2..).unwrap_or_default();
    }
    found
}

/// Where an expression ends. Its texts, in single quotes, may contain braces.
fn end_of_expression(expression: &str) -> usize {
    let mut quoted = false;
    for (index, character) in expression.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '}' if !quoted && expression[index..].starts_with("}}") => return index,
            _ => {}
        }
    }
    expression.len()
}

/// The paths that an expression refers to, as in `steps.health.outputs.report`, each as its parts.
pub fn references(expression: &str) -> Vec<Vec<&str>> {
    // Every second part is a text.
    expression.split('\'').step_by(2).flat_map(paths).collect()
}

fn paths(code: &str) -> Vec<Vec<&str>> {
    let in_path = |c: char| c.is_ascii_alphanumeric() || "_-.*".contains(c);
    let words = code.split(|c| !in_path(c));
    let paths = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    paths.map(|word| word.split('.').collect()).filter(|path: &Vec<&str>| path.len() > 1).collect()
}

/// Whether an expression has a value for the case that one of its parts is empty.
pub fn has_fallback(expression: &str) -> bool {
    expression.split('\'').step_by(2).any(|code| code.contains("||") || code.contains("&&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_end_at_braces_outside_of_texts() {
        assert_eq!(expressions("a ${{ b }} c ${{ format('{{0}}', d.e) }}"), [" b ", " format('{{0}}', d.e) "]);
        assert_eq!(expressions("a ${{ b"), [" b"]);
        assert_eq!(expressions("a }} b"), Vec::<&str>::new());
    }

    #[test]
    fn references_are_paths_outside_of_texts() {
        let found = references(" toJSON(needs.a-b.outputs.c) == 'steps.x.y' && !matrix.d ");
        assert_eq!(found, [vec!["needs", "a-b", "outputs", "c"], vec!["matrix", "d"]]);
        assert!(has_fallback("a.b || c.d") && !has_fallback("format('||', a.b)"));
    }
}
