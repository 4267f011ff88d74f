//! The paths of routes, and the paths of requests that match them.

/// The decoded path segments at the pattern's `{…}`; `None` if the path does not match the pattern.
pub fn match_path(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let mut segments = path.splitn(pattern.split('/').count(), '/');
    for part in pattern.split('/') {
        let segment = segments.next()?;
        if segment.contains('/') && !matches!(part, "{ref}" | "{path}") {
            return None;
        }
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => found.push((name, decode_segment(segment)?)),
            None if part == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(found)
}

/// Decodes the percent-encoding of a path segment; `None` if it is invalid.
fn decode_segment(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}
