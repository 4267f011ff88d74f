use super::*;

fn locator(repository: &str) -> ImageLocator {
    let repository = repository.parse().ok();
    ImageLocator { repository, ..ImageLocator::new("k.yaml".parse().unwrap(), "shop".parse().unwrap()) }
}

/// A base that was read whole.
fn base(images: &[&str]) -> BaseImages {
    BaseImages { images: images.iter().map(ToString::to_string).collect(), ..BaseImages::default() }
}

fn partly_read(images: &[&str]) -> BaseImages {
    BaseImages { unread: vec!["`../../base` of k.yaml is fetched from the network".to_owned()], ..base(images) }
}

fn patched(images: &[&str]) -> BaseImages {
    BaseImages {
        changed_by: vec!["`patches` of k.yaml may change images, and are not applied".to_owned()],
        ..base(images)
    }
}

const OWN: &str = "ghcr.io/acme/shop";

fn entries(names: &[&str]) -> String {
    let entries: String = names.iter().map(|name| format!("- name: {name}\n  newTag: '1'\n")).collect();
    format!("images:\n{entries}")
}

#[test]
fn the_entry_that_kustomize_uses_is_found() {
    let moved = "images:\n- {name: app, newName: ghcr.io/acme/shop, newTag: '1'}\n";
    for (text, repository, base, found) in [
        // By the repository, by the service's name.
        (entries(&[OWN]), OWN, base(&[OWN]), OWN),
        (entries(&["shop"]), OWN, base(&["shop"]), "shop"),
        (moved.to_owned(), OWN, base(&["app:latest"]), "app"),
        (entries(&["acme/shop"]), "docker.io/acme/shop", base(&["acme/shop:1"]), "acme/shop"),
        // The one of two that the base uses.
        (entries(&["shop", OWN]), OWN, base(&["ghcr.io/acme/shop:0"]), OWN),
        (entries(&["shop", OWN]), "", base(&["shop"]), "shop"),
        (entries(&["shop", OWN]), "", base(&["ghcr.io/acme/shop:0", "envoy"]), OWN),
        // By the image of the base.
        (entries(&["quay.io/a/shop", "envoy"]), "", base(&["quay.io/a/shop@sha256:0a", "envoy"]), "quay.io/a/shop"),
        (entries(&["quay.io/a/shop"]), OWN, base(&["quay.io/a/shop"]), "quay.io/a/shop"),
        (entries(&[".*/shop"]), OWN, base(&[OWN]), ".*/shop"),
        // To add, where an image of the base is the service's.
        (entries(&[]), OWN, base(&["ghcr.io/acme/shop:1", "envoy"]), OWN),
        (entries(&["envoy"]), OWN, base(&["shop", "envoy"]), "shop"),
        (entries(&["shopping"]), "", base(&["quay.io/a/shop"]), "quay.io/a/shop"),
        (entries(&[]), OWN, partly_read(&[OWN]), OWN),
        // What cannot be read does not stop an entry that is there.
        (entries(&[OWN]), OWN, partly_read(&[]), OWN),
        (entries(&["shop"]), OWN, partly_read(&["envoy"]), "shop"),
        (entries(&["shop"]), OWN, patched(&["envoy"]), "shop"),
    ] {
        let name = locator(repository).find(&text, &base).map(|field| field.name());
        assert_eq!(name, Ok(found.to_owned()), "{text} {base:?}");
    }
}

#[test]
fn an_entry_that_no_image_uses_is_inconclusive() {
    for (text, repository, base, parts) in [
        (
            entries(&["shop"]),
            OWN,
            base(&["quay.io/other/storefront"]),
            ["the entry `shop`", "quay.io/other/storefront"],
        ),
        (entries(&["shop"]), OWN, base(&[]), ["the entry `shop`", "no images"]),
        (entries(&[OWN]), OWN, base(&["ghcr.io/acme/shop-extra"]), ["the entry `ghcr.io/acme/shop`", "shop-extra"]),
        (entries(&[]), OWN, base(&["envoy"]), ["`ghcr.io/acme/shop` or `shop`", "envoy"]),
        (entries(&["envoy"]), "", base(&["envoy"]), ["`shop`", "the base has envoy"]),
        (entries(&[]), OWN, partly_read(&["envoy"]), ["the base has envoy", "fetched from the network"]),
        (entries(&[]), OWN, partly_read(&["quay.io/a/shop"]), ["quay.io/a/shop", "from the network"]),
        (entries(&[]), OWN, patched(&[OWN]), ["ghcr.io/acme/shop", "`patches` of k.yaml may"]),
        (entries(&[]), "", base(&["a/shop", "b/shop"]), ["a/shop", "b/shop"]),
    ] {
        let Err(CommandError::Unobservable(finding)) = locator(repository).find(&text, &base) else {
            panic!("{text} {base:?}")
        };
        let message = finding.to_string();
        assert!(parts.iter().all(|part| message.contains(part)) && finding.next.is_some(), "{text}: {message}");
    }
}

#[test]
fn two_entries_that_fit_are_bad_input() {
    let chain =
        "images:\n- {name: shop, newName: ghcr.io/acme/shop, newTag: '1'}\n- {name: ghcr.io/acme/shop, newTag: '2'}\n";
    let other = "images:\n- {name: shop, newTag: '1'}\n- {name: 'sho.', newTag: '2'}\n";
    for (text, repository, base) in [
        (chain, OWN, base(&["shop"])),
        (chain, OWN, partly_read(&[])),
        (chain, "", base(&["shop"])),
        (chain, "", partly_read(&[])),
        // The new name of the first would be the image of the second.
        (&entries(&["shop", OWN]), OWN, base(&["shop"])),
        (other, "", base(&["shop"])),
        (&entries(&["a/shop", ".*/shop"]), "", base(&["a/shop"])),
    ] {
        let Err(CommandError::BadInput(finding)) = locator(repository).find(text, &base) else {
            panic!("{text} {base:?}")
        };
        assert!(finding.to_string().contains("two entries of k.yaml"), "{finding}");
    }
    // The same name twice is left to the edit, which names both lines.
    assert_eq!(locator("").find(&entries(&["shop", "shop"]), &base(&["shop"])).unwrap().name(), "shop");
}

#[test]
fn the_name_that_is_given_decides() {
    let named = |name: &str| ImageLocator { image_name: Some(name.to_owned()), ..locator(OWN) };
    let text = entries(&["app", "shop"]);
    assert_eq!(named("app").find(&text, &base(&["app", "shop"])).unwrap().name(), "app");
    assert_eq!(named("envoy").find(&text, &base(&["envoy:1"])).unwrap().name(), "envoy");
    assert_eq!(named(".*/x").find(&text, &base(&["a/x:1"])).unwrap().name(), ".*/x");
    for (name, base) in [("app", base(&["shop"])), ("envoy", base(&["shop"])), ("envoy", partly_read(&["shop"]))] {
        assert!(matches!(named(name).find(&text, &base), Err(CommandError::Unobservable(_))), "{name}");
    }
}

#[test]
fn create_entry_adds_an_entry_that_nothing_is_known_to_use() {
    let create = |image_name: Option<&str>| ImageLocator {
        image_name: image_name.map(ToOwned::to_owned),
        create_entry: true,
        ..locator(OWN)
    };
    for base in [base(&["envoy"]), partly_read(&[]), patched(&[OWN])] {
        assert_eq!(create(None).find(&entries(&["envoy"]), &base).unwrap().name(), "shop");
        assert_eq!(create(Some("app")).find(&entries(&[]), &base).unwrap().name(), "app");
    }
    assert_eq!(
        create(None).find(&entries(&[]), &base(&[OWN])).unwrap().name(),
        OWN,
        "the image of the base comes first"
    );
    assert!(create(None).find(&entries(&["shop"]), &base(&["envoy"])).is_err(), "an entry that is there is not added");
}

#[test]
fn without_the_base_the_file_alone_shows_the_entry() {
    let find = |names: &[&str]| locator(OWN).find_in_file(&entries(names)).map(|field| field.map(|field| field.name()));
    assert_eq!(find(&["shop", OWN]), Ok(Some(OWN.to_owned())));
    assert_eq!(find(&["shop"]), Ok(Some("shop".to_owned())));
    assert_eq!(find(&["envoy"]), Ok(None));
    assert!(matches!(find(&["acme/other", "'a['"]), Err(CommandError::Unobservable(_))));
}
