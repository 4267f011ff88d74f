use super::*;

fn condition(text: &str) -> MetricCondition {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn limit(number: &str, unit: &str) -> Amount {
    let unit = if unit.is_empty() { MetricUnit::NONE } else { MetricUnit::parse(unit).unwrap() };
    Amount::Limit { number: decimal(number), unit }
}

#[test]
fn a_figure_has_bounds_and_minimums() {
    use Direction::{AtLeast, AtMost, LessThan, MoreThan};
    for (text, figure, bounds, minimums) in [
        ("error-rate <= 1 %", "error-rate", vec![(AtMost, limit("1", "%"))], vec![]),
        ("error-rate<=1%", "error-rate", vec![(AtMost, limit("1", "%"))], vec![]),
        ("p99 < 500 ms", "p99", vec![(LessThan, limit("500", "ms"))], vec![]),
        ("p99 ≤ 500 µs", "p99", vec![(AtMost, limit("500", "us"))], vec![]),
        ("heap <= 1.5 GiB", "heap", vec![(AtMost, limit("1.5", "GiB"))], vec![]),
        ("up >= 1", "up", vec![(AtLeast, limit("1", ""))], vec![]),
        ("orders > .5", "", vec![], vec![]),
        ("orders > 0.5", "orders", vec![(MoreThan, limit("0.5", ""))], vec![]),
        ("lcp <= 1.1 × baseline", "lcp", vec![(AtMost, Amount::TimesBaseline(decimal("1.1")))], vec![]),
        ("lcp <= 1.1x baseline", "lcp", vec![(AtMost, Amount::TimesBaseline(decimal("1.1")))], vec![]),
        ("lcp <= 1.1 * baseline", "lcp", vec![(AtMost, Amount::TimesBaseline(decimal("1.1")))], vec![]),
        ("lcp <= baseline", "lcp", vec![(AtMost, Amount::TimesBaseline(decimal("1")))], vec![]),
        (
            " p99 <= 2 s and <= 1.2 × baseline with requests >= 100 and sessions ≥ 5 ",
            "p99",
            vec![(AtMost, limit("2", "s")), (AtMost, Amount::TimesBaseline(decimal("1.2")))],
            vec![("requests", "100"), ("sessions", "5")],
        ),
    ] {
        if bounds.is_empty() {
            assert!(text.parse::<MetricCondition>().is_err(), "{text}");
            continue;
        }
        let bounds = bounds.into_iter().map(|(direction, amount)| Bound { direction, amount }).collect();
        let minimum = |(figure, least): (&str, &str)| Minimum { figure: figure.to_owned(), least: decimal(least) };
        let minimums = minimums.into_iter().map(minimum).collect();
        let expected = Rule::Figure { figure: figure.to_owned(), bounds, minimums };
        assert_eq!(condition(text).rule, expected, "{text}");
        assert_eq!(condition(text).to_string(), text.trim());
    }
}

#[test]
fn alerts_are_named_by_matchers() {
    for (text, matchers) in [
        ("no alert", vec![]),
        ("no alert {}", vec![]),
        (r#"no alert {service="shop"}"#, vec![r#"service="shop""#]),
        (
            r#"no alert { service = "shop", severity=~"page|critical",team!="b\"}", x !~ "y" }"#,
            vec![r#"service="shop""#, r#"severity=~"page|critical""#, r#"team!="b\"}""#, r#"x!~"y""#],
        ),
    ] {
        let matchers = AlertMatchers(matchers.into_iter().map(ToOwned::to_owned).collect());
        assert_eq!(condition(text).rule, Rule::NoAlert(matchers), "{text}");
    }
}

#[test]
fn a_burn_rate_has_an_objective_a_limit_and_two_windows() {
    let Rule::BurnRate(burn) =
        condition("burn-rate of error-rate at 99.9 % <= 14.4 over 1h and 5m with requests >= 10").rule
    else {
        panic!("no burn rate");
    };
    assert_eq!((burn.figure.as_str(), burn.objective.as_str()), ("error-rate", "99.9 %"));
    assert_eq!((burn.budget, burn.limit), (decimal("0.001"), decimal("14.4")));
    assert_eq!((burn.long.to_string(), burn.short.to_string()), ("1h".to_owned(), "5m".to_owned()));
    assert_eq!(burn.minimums.len(), 1);
    for (percent, budget) in
        [("99.99", Some("0.0001")), ("95", Some("0.05")), ("100", None), ("0", None), ("101", None)]
    {
        assert_eq!(super::budget(decimal(percent)), budget.map(decimal), "{percent}");
    }
}

#[test]
fn an_error_names_the_column_and_what_is_accepted() {
    for (text, column, parts) in [
        ("", 1, ["the end", "the name of a figure"]),
        ("1 <= 2", 1, ["\"1\"", "the name of a figure"]),
        ("baseline <= 2", 1, ["\"baseline\"", "is a word of the conditions"]),
        ("error-rate", 11, ["the end", "`<=`"]),
        ("error-rate = 1 %", 12, ["\"=\"", "one of `<=`"]),
        ("error-rate <= one", 15, ["\"one\"", "a number of at least 0"]),
        ("error-rate <= -1", 15, ["\"-1\"", "a number of at least 0"]),
        ("error-rate <= 1.", 15, ["\"1.\"", "a number of at least 0"]),
        ("error-rate <= 1 percent", 17, ["\"percent\"", "a unit, `and`, `with` or the end"]),
        ("p99 <= 2 sec", 10, ["\"sec\"", "a unit"]),
        ("p99 <= 1.1 × before", 14, ["\"before\"", "`baseline`"]),
        ("p99 <= 2 s with", 16, ["the end", "the name of a figure"]),
        ("p99 <= 2 s with requests <= 100", 26, ["\"<=\"", "`>=`"]),
        ("p99 <= 2 s with requests >= 100 please", 33, ["\"please\"", "`and` or the end"]),
        ("no alerts", 4, ["\"alerts\"", "`alert`"]),
        ("no alert service=\"shop\"", 10, ["\"service=", "`{`"]),
        ("no alert {service=shop}", 19, ["\"shop}\"", "a text in double quotes"]),
        ("no alert {service=\"shop}", 19, ["\"shop}", "ends with a double quote"]),
        ("no alert {service:\"shop\"}", 18, ["\":", "one of `=`"]),
        ("no alert {a=\"b\" c=\"d\"}", 17, ["\"c=", "`,`"]),
        ("no alert {a=\"b\"} now", 18, ["\"now\"", "the end"]),
        ("burn-rate of e at 100 % <= 1 over 1h and 5m", 19, ["\"100\"", "between 0 and 100 %"]),
        ("burn-rate of e at 99 <= 1 over 1h and 5m", 22, ["\"<=\"", "`%`"]),
        ("burn-rate of e at 99 % <= 0 over 1h and 5m", 27, ["\"0\"", "over 0"]),
        ("burn-rate of e at 99 % <= 1 over 5m and 1h", 41, ["\"1h\"", "shorter than the first"]),
        ("burn-rate of e at 99 % <= 1 over 1h and 5", 41, ["\"5\"", "with its unit"]),
        ("burn-rate of e at 99 % <= 1 over 1h", 36, ["the end", "`and`"]),
    ] {
        let error = text.parse::<MetricCondition>().expect_err(text).to_string();
        assert!(error.starts_with(&format!("in column {column} ")), "{text}: {error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}
