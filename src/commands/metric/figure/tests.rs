use serde_json::json;

use super::*;

fn figure(text: &str) -> FigureDefinition {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_figure_has_a_name_a_unit_and_a_query() {
    for (text, label, unit, query) in [
        ("errors = sum(rate(e[$window]))", "errors", "", "sum(rate(e[$window]))"),
        ("errors (%)=100 * x == 3", "errors", "%", "100 * x == 3"),
        ("p99 ( ms ) = p99", "p99", "ms", "p99"),
        ("p99 baseline = p99 offset 1w", "p99 baseline", "", "p99 offset 1w"),
        ("requests = http:requests:rate5m", "requests", "", "http:requests:rate5m"),
    ] {
        let figure = figure(text);
        assert_eq!((figure.label().as_str(), figure.unit.notation), (label, unit), "{text}");
        assert_eq!(figure.query, FigureQuery::Prometheus(query.to_owned()), "{text}");
    }
    let lcp = figure("lcp (ms) = https://rum.example/api?of=$service | .pages | map(.p75) | max");
    let FigureQuery::Json { url, expression } = &lcp.query else { panic!("{lcp:?}") };
    assert_eq!((url.as_str(), expression.text()), ("https://rum.example/api?of=$service", ".pages | map(.p75) | max"));
    assert!(figure("a = rate(x[$window])").has_window() && !figure("a = rate(x[5m])").has_window());
}

#[test]
fn an_unusable_figure_is_refused_with_its_place() {
    for (text, part) in [
        ("", "in column 1 "),
        ("errors", "in column 7 there is the end, accepted is `=`"),
        ("errors sum(x)", "in column 8 "),
        ("errors =", "in column 9 there is the end, accepted is a query"),
        ("with = x", "is a word of the conditions"),
        ("p99 (sec) = x", "in column 6 there is \"sec)\""),
        ("p99 (ms = x", "in column 6 "),
        ("p99 baseline (ms) = x", "a baseline has that of its figure"),
        ("lcp = https://rum.example/api", "an address without a jq expression"),
        ("lcp = https://rum.example/api | .a ==", "cannot compile"),
        ("lcp = https://rum.example/api | ", "empty"),
    ] {
        let error = text.parse::<FigureDefinition>().expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(format!("x = {}", "y".repeat(5000)).parse::<FigureDefinition>().is_err());
}

#[test]
fn variables_stand_for_the_window_and_the_subject() {
    let subject: Subject = r#"{"service": "shop", "tag": "1.4.2"}"#.parse().unwrap();
    let variables = Variables::new(&subject, "1h30m".parse().unwrap());
    for (text, filled) in [
        (r#"rate(x{service="$service",code=~"5..$"}[$window])"#, r#"rate(x{service="shop",code=~"5..$"}[1h30m])"#),
        ("$tag$tag", "1.4.21.4.2"),
        (
            r#"label_replace(x, "a", "$1-${2}", "b", "(a|b$|c$)(.*)")"#,
            r#"label_replace(x, "a", "$1-${2}", "b", "(a|b$|c$)(.*)")"#,
        ),
        ("no variable", "no variable"),
    ] {
        assert_eq!(variables.fill(text).as_deref(), Ok(filled));
    }
    for (text, part) in [
        ("x{c=\"$commit\"}", "the subject has no commit"),
        ("$windw", "did you mean `$window`?"),
        ("$x", "accepted are"),
    ] {
        let error = variables.fill(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_json_figure_is_a_number_with_or_without_its_time() {
    assert_eq!(json_value(&[json!(1)]), Ok((&json!(1), None)));
    assert_eq!(json_value(&[json!([5, "1"])]), Ok((&json!("1"), Some(&json!(5)))));
    for outputs in [vec![], vec![json!(1), json!(2)], vec![json!([])], vec![json!([1])], vec![json!([1, 2, 3])]] {
        assert!(json_value(&outputs).is_err(), "{outputs:?}");
    }
}
