//! Finds the explanation in the description of a pull request: the rest of a line that begins with a name, or what is below a
//! heading of this name.

/// The text behind the name, without HTML comments, code blocks and quotes; `None` if no line and no heading has the name.
/// Several of them count together.
#[must_use]
pub fn section(description: &str, name: &str) -> Option<String> {
    let mut found: Option<Vec<&str>> = None;
    let (mut is_below, mut fence) = (false, None);
    for line in description.lines() {
        let text = line.trim();
        match fence {
            Some(mark) => {
                fence = Some(mark).filter(|mark| !text.starts_with(mark));
                continue;
            }
            None if text.starts_with("```") => fence = Some("```"),
            None if text.starts_with("~~~") => fence = Some("~~~"),
            None => {}
        }
        if fence.is_some() {
            continue;
        }
        let is_heading = text.starts_with('#');
        match behind(text, name) {
            Some(rest) if is_heading || rest.has_colon => {
                is_below = is_heading;
                found.get_or_insert_default().push(rest.text);
            }
            _ if is_heading => is_below = false,
            _ if is_below && !text.starts_with('>') => found.get_or_insert_default().push(line),
            _ => {}
        }
    }
    found.map(|lines| lines.join("\n"))
}

/// What is behind a name at the beginning of a line.
struct Rest<'a> {
    has_colon: bool,
    text: &'a str,
}

/// What is behind the name, if the line begins with it: `- **Name:** text`, `## Name`.
fn behind<'a>(line: &'a str, name: &str) -> Option<Rest<'a>> {
    const EMPHASIS: [char; 3] = ['*', '_', ' '];
    let bare = line.trim_start_matches(['#', '*', '_', '-', '+', ' ', '\t']);
    let (start, rest) = bare.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    let rest = rest.trim_start_matches(EMPHASIS);
    match rest.strip_prefix([':', '：']) {
        Some(text) => Some(Rest { has_colon: true, text: text.trim_start_matches(EMPHASIS) }),
        None => rest.trim_end_matches('#').is_empty().then_some(Rest { has_colon: false, text: "" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_or_a_heading_explains() {
        for (description, expected) in [
            ("Bundle-size: the new editor", Some("the new editor")),
            ("What it does.\r\n\r\nbundle-size : the new editor\r\nRisk: none at all", Some("the new editor")),
            ("- **Bundle-size:** the new editor", Some("the new editor")),
            ("* __Bundle-size__: up to +9 kB: *the* editor", Some("up to +9 kB: *the* editor")),
            ("### Bundle-size: the new editor\nand more", Some("the new editor\nand more")),
            (
                "## Bundle-size\n\nthe new editor\n> who asked?\nmoved in\n## Risk\nnone",
                Some("\n\nthe new editor\nmoved in"),
            ),
            ("## Bundle-size ##\nwhy", Some("\nwhy")),
            ("Bundle-size：新しいエディター", Some("新しいエディター")),
            ("Bundle-size: one\nBundle-size: two", Some("one\ntwo")),
            // A line without an answer takes none from the next one.
            ("Bundle-size:\nRisk: it changes everything", Some("")),
            ("Bundle-size", None),
            ("Bundle-sizes: the new editor", None),
            ("The Bundle-size: the new editor", None),
            ("> Bundle-size: the new editor", None),
            ("```\nBundle-size: the new editor\n```", None),
            ("~~~ text\n```\nBundle-size: the new editor\n~~~\nBundle-size: real", Some("real")),
            ("## Bundle-size of all apps\nwhy", None),
            ("B", None),
            ("", None),
        ] {
            assert_eq!(section(description, "Bundle-size").as_deref(), expected, "{description:?}");
        }
        assert_eq!(section("Größe: neu", "Größe").as_deref(), Some("neu"));
        assert_eq!(section("Grö", "Grö\u{df}e"), None);
    }
}
