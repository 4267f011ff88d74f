//! Images as a table shows them.

/// Characters of a digest that tell two images apart for a reader.
const DIGEST_CHARS: usize = 7;

/// The name without registry and folders, and a digest cut short: `checkout-service:1.4.2`. Other texts stay as they are.
#[must_use]
pub(super) fn short_image(image: &str) -> String {
    if image.contains(' ') {
        return image.to_owned();
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.split_once("@sha256:") {
        Some((name, digest)) => format!("{name}@{}", digest.chars().take(DIGEST_CHARS).collect::<String>()),
        None => name.to_owned(),
    }
}

/// The change from one image to another: `checkout-service 1.4.1 → 1.4.2`.
#[must_use]
pub(super) fn short_change(before: &str, after: &str) -> String {
    let (before, after) = (short_image(before), short_image(after));
    match (before.split_once(':'), after.split_once(':')) {
        (Some((one, old)), Some((other, new))) if one == other => format!("{one} {old} → {new}"),
        _ => format!("{before} → {after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_shown_by_its_last_part() {
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for (image, shown) in [
            ("ghcr.io/acme/shop:1.4.2", "shop:1.4.2"),
            ("localhost:5000/shop", "shop"),
            (&format!("acme/shop@{digest}"), "shop@0123456"),
            (&format!("acme/shop:1@{digest}"), "shop:1@0123456"),
            ("no image entry", "no image entry"),
            ("a file that cannot be read in 12: x/y", "a file that cannot be read in 12: x/y"),
        ] {
            assert_eq!(short_image(image), shown);
        }
        assert_eq!(short_change("acme/shop:1.4.1", "acme/shop:1.4.2"), "shop 1.4.1 → 1.4.2");
        assert_eq!(short_change("acme/shop:1.4.1", "other/app:1.4.2"), "shop:1.4.1 → app:1.4.2");
        assert_eq!(short_change("acme/shop:1.4.1", "no file"), "shop:1.4.1 → no file");
    }
}
