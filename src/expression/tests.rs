use std::time::Duration;

use serde_json::json;

use super::*;

fn expression(text: &str) -> Expression {
    Expression::compile(text).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    Expression::compile(text).expect_err(text).to_string()
}

fn number(text: &str, input: &[u8]) -> f64 {
    expression(text).number(&parse(input).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

fn outcome(text: &str, input: &Value, limits: EvaluationLimits) -> Result<Vec<Value>, String> {
    expression(text).run(input, &[], 10, limits).map_err(|error| error.to_string())
}

fn outputs(text: &str, input: &Value) -> Result<Vec<Value>, String> {
    outcome(text, input, EvaluationLimits::DEFAULT)
}

/// A time limit that only an endless expression is sure to exceed.
const BRIEFLY: EvaluationLimits = EvaluationLimits { time: Duration::from_millis(60), ..EvaluationLimits::DEFAULT };

#[test]
fn the_p99_of_real_tools_is_read() {
    let oha = include_bytes!("../../tests/samples/oha/report.json");
    let autocannon = include_bytes!("../../tests/samples/autocannon/report.json");
    let artillery = include_bytes!("../../tests/samples/artillery/report.json");
    let k6 = include_bytes!("../../tests/samples/k6/summary.json");
    let points = include_bytes!("../../tests/samples/k6/out.ndjson");
    let locust = include_bytes!("../../tests/samples/locust/run.json");
    for (text, report, expected) in [
        (".latencyPercentiles.p99", &oha[..], 0.067_919_949),
        (".latencyPercentiles.p99 * 1000 | round", oha, 68.0),
        (".latency.p99", autocannon, 57.0),
        (r#".aggregate.summaries["http.response_time"].p99"#, artillery, 64.7),
        (r#".metrics.http_req_duration["p(99)"]"#, k6, 60.164_489),
        (
            r#"map(select(.type == "Point" and .metric == "http_req_duration").data.value) | sort | .[length * 0.99 | floor]"#,
            points,
            18.040_442,
        ),
        // Locust writes no p99, but how many answers took how many milliseconds: {"57": 27, …}.
        (
            "[.[].response_times | to_entries[] | {ms: (.key | tonumber), n: .value}] | sort_by(.ms)
             | (map(.n) | add * 0.99 | ceil) as $rank
             | reduce .[] as $bin ({seen: 0}; if .seen < $rank then {seen: (.seen + $bin.n), ms: $bin.ms} end) | .ms",
            locust,
            110.0,
        ),
    ] {
        assert!((number(text, report) - expected).abs() < 1e-9, "{text}: {}", number(text, report));
    }
}

#[test]
fn a_missing_percentile_is_explained_by_its_path() {
    let k6 = parse(include_bytes!("../../tests/samples/k6/summary-default.json")).unwrap();
    let error = expression(r#".metrics.http_req_duration["p(99)"]"#).number(&k6).unwrap_err();
    let expected = r#"`.metrics.http_req_duration["p(99)"]` gave null, expected one number; input: object with keys root_group, metrics; `.metrics.http_req_duration` has no key "p(99)": object with keys "p(95)", avg, min, med, max, "p(90)", thresholds"#;
    assert_eq!(error.to_string(), expected);

    let input = json!({"a": [{"b": 1}]});
    for (text, end) in [
        (".x", Some(r#"the input has no key "x""#)),
        (".a[3].b", Some("`.a` has no element 3: array of 1 object, the first with the key b")),
        (r#".["a"][0]."c".d"#, Some(r#"`.["a"][0]` has no key "c": object with the key b"#)),
        (".a.b", Some(r#"`.a` has no key "b": array of 1 object, the first with the key b"#)),
        (".a[0].b.c | . + 1", Some(r#"`.a[0].b` has no key "c": the number 1"#)),
        // Not a plain path, or not a missing one: no description rather than a wrong one.
        (".a[0].b", None),
        (".a[].c", None),
        (r#".["\("x")"]"#, None),
        ("map(.x)", None),
        (".é", None),
        ("", None),
    ] {
        assert_eq!(document::dead_end(text, &input).as_deref(), end, "{text}");
    }
}

#[test]
fn only_one_finite_number_is_a_number() {
    let input =
        json!({"n": 0.5, "text": "0.12", "many": [1, 2], "nan": "NaN", "inf": "+Inf", "dash": "-", "big": 1e308});
    for (text, expected) in
        [(".n", 0.5), (".text", 0.12), ("1e3", 1000.0), ("18446744073709551615", 18_446_744_073_709_551_615.0)]
    {
        let number = expression(text).number(&input).unwrap();
        assert!((number - expected).abs() < 1e-9, "{text}: {number}");
    }
    for (text, actual) in [
        (".none", "gave null"),
        (".many", "gave [1,2]"),
        (".many[]", "gave several values: 1, 2, …"),
        ("empty", "gave nothing"),
        (".nan", r#"gave "NaN""#),
        (".inf", r#"gave "+Inf""#),
        (".dash", r#"gave "-""#),
        (r#""""#, r#"gave """#),
        ("true", "gave true"),
        ("nan", "gave NaN, which is not a finite number"),
        (".big * 10", "gave inf, which is not a finite number"),
        ("1 / 0", "gave inf, which is not a finite number"),
        (".text.x", r#"failed: cannot index "0.12" with "x""#),
        (".n[]", "failed: cannot use 0.5 as iterable (array or object)"),
        (r#"error("no data")"#, r#"failed: "no data""#),
        ("halt", "called halt"),
        (r#""bye" | halt_error"#, "called halt"),
    ] {
        let error = expression(text).number(&input).expect_err(text);
        assert_eq!((error.actual.as_str(), error.expected.as_str()), (actual, "one number"), "{text}");
    }
}

#[test]
fn a_condition_is_only_true_or_false() {
    let input = json!({"version": "1.4.2", "ok": true});
    assert_eq!(expression(r#".version == "1.4.2" and .ok"#).holds(&input), Ok(true));
    assert_eq!(expression(r#".version == "1.4.3""#).holds(&input), Ok(false));
    for text in [".ok, .ok", ".missing", ".version", "1", "empty", r#""true""#] {
        assert_eq!(expression(text).holds(&input).expect_err(text).expected, "true or false", "{text}");
    }
}

#[test]
fn the_value_of_a_variable_is_never_code() {
    let condition = Expression::with_variables(".version == $subject.tag", &["$subject"]).unwrap();
    for (tag, holds) in [("1.4.2", true), ("1.4.3", false), ("\" or true or \"", false), ("1.4.2\" #", false)] {
        let subject = json!({ "tag": tag });
        assert_eq!(condition.holds_with(&json!({ "version": "1.4.2" }), &[subject]), Ok(holds), "{tag}");
    }
    let error = condition.holds(&json!({})).expect_err("a value is missing").to_string();
    assert!(error.contains("has no value for $subject"), "{error}");
    assert!(expression(".a").holds_with(&json!({ "a": true }), &[json!(1)]).is_err(), "a value too many");
    let several = Expression::with_variables("[$a, $b] == [1, 2]", &["$a", "$b"]).unwrap();
    assert_eq!(several.holds_with(&json!(null), &[json!(1), json!(2)]), Ok(true), "in the order they were named");
    let unknown = Expression::with_variables("$tag", &["$subject"]).expect_err("unknown").to_string();
    assert!(unknown.contains("unknown variable $tag; known: $subject"), "{unknown}");
    assert!(refused("$subject").ends_with("unknown variable $subject"), "{}", refused("$subject"));
}

#[test]
fn a_condition_is_explained_by_its_first_path() {
    let input = json!({ "version": "1.4.1", "checks": [{ "db": null }] });
    for (text, found) in [
        (".version == \"1.4.2\"", Some("`.version` is the string \"1.4.1\"")),
        (".checks[0].db|not", Some("`.checks[0].db` is null")),
        (".versoin == 1", Some("the input has no key \"versoin\" (did you mean \"version\"?)")),
        (".checks | length == 2", Some("`.checks` is array of 1 object, the first with the key db")),
        (".", None),
        ("all(.checks[]; .db)", None),
    ] {
        assert_eq!(expression(text).explain(&input).as_deref(), found, "{text}");
    }
}

#[test]
fn evaluate_returns_every_output_in_order() {
    let input = json!({"b": 1, "a": [1.5, null, {"deep": "é\u{0}"}]});
    assert_eq!(
        expression("., .a[]").evaluate(&input).unwrap(),
        [input.clone(), json!(1.5), json!(null), json!({"deep": "é\u{0}"})]
    );
    assert_eq!(expression("empty").evaluate(&input), Ok(vec![]));
    // Keys keep their order, and integers stay integers.
    assert_eq!(expression("tojson").evaluate(&input).unwrap(), [r#"{"b":1,"a":[1.5,null,{"deep":"é\u0000"}]}"#]);
    assert_eq!(expression("range(100001)").evaluate(&input).unwrap_err().actual, "gave more than 100000 values");
}

#[test]
fn a_compile_error_has_a_position_and_a_reason() {
    let outside = "an expression sees only its input";
    for (text, reason) in [
        (".latency |", "column 11: expected term, found the end".to_owned()),
        ("(1", "column 3: expected closing parenthesis, found the end".to_owned()),
        ("[1, ]", "column 5: expected term, found \"]\"".to_owned()),
        ("\"é\" & 1", "column 5: expected token, found \"&\"".to_owned()),
        ("nope(1)", "column 1: unknown filter nope/1".to_owned()),
        ("1 +\n  $x", "line 2, column 3: unknown variable $x".to_owned()),
        ("env", format!("column 1: unknown filter env/0: {outside}")),
        ("env.GITHUB_TOKEN", format!("column 1: unknown filter env/0: {outside}")),
        ("$ENV.GITHUB_TOKEN", format!("column 1: unknown variable $ENV: {outside}")),
        ("input", format!("column 1: unknown filter input/0: {outside}")),
        ("[inputs]", format!("column 2: unknown filter inputs/0: {outside}")),
        ("input_filename", format!("column 1: unknown filter input_filename/0: {outside}")),
        ("import \"a\" as a; a::b", format!("column 9: modules cannot be imported: {outside}")),
        ("include \"a\"; b", format!("column 10: modules cannot be imported: {outside}")),
        ("import \"a\" as $a; $a", format!("modules cannot be imported: {outside}")),
    ] {
        assert_eq!(refused(text), format!("cannot compile {text:?}: {reason}"));
    }
    assert_eq!(refused(" \n"), "empty, expected a jq expression such as .latency.p99");
    assert_eq!(refused(&".".repeat(20_000)), "20000 bytes long, accepted are 16384");
    // Nested as deep as the length allows: a result either way, without a stack overflow.
    assert!(Expression::compile(&format!("{}1{}", "(".repeat(8000), ")".repeat(8000))).is_ok());
    assert!(Expression::compile(&"[".repeat(16_000)).is_err());
    assert!(Expression::compile(&format!("{}1", "-".repeat(16_000))).is_ok());
}

#[test]
fn an_expression_that_never_ends_is_an_error() {
    for text in [
        "def f: f; f",
        "[range(1e12)]",
        "last(range(infinite))",
        "[repeat(1)]",
        "until(false; [.])",
        "first(range(1e12) | select(false))",
    ] {
        assert_eq!(outcome(text, &Value::Null, BRIEFLY).unwrap_err(), "did not end within 60ms", "{text}");
    }
    for text in ["def f: 1 + f; f", "def f: [f]; f"] {
        let reason = outcome(text, &Value::Null, EvaluationLimits { memory: u64::MAX, ..EvaluationLimits::DEFAULT })
            .unwrap_err();
        assert_eq!(reason, "calls itself without end", "{text}");
    }
    // Endless outputs are fine: only as many are taken as needed.
    assert_eq!(expression("repeat(1)").number(&Value::Null).unwrap_err().actual, "gave several values: 1, 1, …");
    assert_eq!(expression("first(repeat(1))").number(&Value::Null), Ok(1.0));
}

#[test]
#[cfg(target_os = "linux")]
fn an_expression_that_takes_too_much_memory_is_an_error() {
    let limits = EvaluationLimits { memory: 8 << 10, ..EvaluationLimits::DEFAULT };
    let reason = outcome("[range(1e12)]", &Value::Null, limits).unwrap_err();
    assert_eq!(reason, "took more than 8 MiB of memory");
    // What was left behind counts before the next one.
    let reason = outcome(".", &Value::Null, EvaluationLimits { resident: 1, ..EvaluationLimits::DEFAULT }).unwrap_err();
    assert!(reason.starts_with("was not evaluated: this process takes "), "{reason}");
}

#[test]
fn a_value_that_unfolds_without_end_is_an_error() {
    assert_eq!(
        outcome("reduce range(60) as $i (0; [., .])", &Value::Null, BRIEFLY).unwrap_err(),
        "did not end within 60ms"
    );
    let deep = "reduce range(200) as $i (0; [.])";
    assert_eq!(outputs(deep, &Value::Null).unwrap_err(), "gave a value that is nested too deep or too large");
    // Deep values are fine inside of the expression, and can be dropped.
    assert_eq!(expression("reduce range(20000) as $i (0; [.]) | 1").number(&Value::Null), Ok(1.0));
    assert_eq!(outputs("{(1 | tojson): 2}", &Value::Null), Ok(vec![json!({"1": 2})]));
    assert_eq!(
        outputs("{} | .[[1]] = 2", &Value::Null).unwrap_err(),
        "gave an object with the key [1], which is not a string"
    );
    assert_eq!(outputs(r#""/w==" | @base64d"#, &Value::Null).unwrap_err(), "gave bytes that are not UTF-8 text");
}

#[test]
fn an_expression_cannot_read_the_environment() {
    let names: Vec<_> = interpreter::builtins().map(|(name, args, _)| (name, args.len())).collect();
    assert!(
        !names.iter().any(|(name, _)| ["env", "input", "inputs", "input_filename", "get_search_list"].contains(name))
    );
    // `debug` and `stderr` would write the input into our log: here they only return it.
    assert_eq!(outputs("debug, stderr, debug(\"x\")", &json!(1)), Ok(vec![json!(1); 3]));
    for text in ["$ENV", "env", "$__prog_args", "getenv(\"PATH\")", "@env"] {
        assert!(Expression::compile(text).is_err(), "{text}");
    }
}

#[test]
fn fromjson_and_tonumber_are_bounded() {
    assert_eq!(outputs(r#""[1, {\"a\": 2}] 3" | fromjson"#, &Value::Null), Ok(vec![json!([1, {"a": 2}]), json!(3)]));
    assert_eq!(outputs(r#""57.5" | tonumber"#, &Value::Null), Ok(vec![json!(57.5)]));
    for text in [r#""NaN" | tonumber"#, r#""12ms" | tonumber"#, r#"("[" * 60000) | fromjson"#, "1 | fromjson"] {
        assert!(outputs(text, &Value::Null).unwrap_err().starts_with("failed: "), "{text}");
    }
}

#[test]
fn parse_reads_one_document_or_several() {
    assert_eq!(parse(br#" {"a": 1} "#).unwrap(), json!({"a": 1}));
    assert_eq!(parse(b"\xef\xbb\xbf[1]").unwrap(), json!([1]));
    assert_eq!(parse(b"{\"a\": 1}\n{\"a\": 2}\r\n\n3").unwrap(), json!([{"a": 1}, {"a": 2}, 3]));
    let points = parse(include_bytes!("../../tests/samples/k6/out.ndjson")).unwrap();
    assert_eq!(shape(&points), "array of 50 objects, the first with keys type, data, metric");
    for (bytes, reason) in [
        (&b""[..], "not JSON: there is nothing in it"),
        (b" \n", "not JSON: there is nothing in it"),
        (
            b"<!doctype html>\n<title>\x1b[31mBad Gateway</title>",
            r#"not JSON: expected value at line 1 column 1; it begins with "<!doctype html>\n<title>\u{1b}[31mBad Gateway</title>""#,
        ),
        (
            b"{\"a\": 1,\n \"b\": }",
            r#"not JSON: expected value at line 2 column 7; it begins with "{\"a\": 1,\n \"b\": }""#,
        ),
        (b"[1, 2", r#"not JSON: EOF while parsing a list at line 1 column 5; it begins with "[1, 2""#),
        (b"{\"a\": NaN}", r#"not JSON: expected value at line 1 column 7; it begins with "{\"a\": NaN}""#),
        (b"1e999", r#"not JSON: number out of range at line 1 column 5; it begins with "1e999""#),
        (b"\"\xff\"", "not JSON: invalid unicode code point at line 1 column 2; it begins with \"\\\"\u{fffd}\\\"\""),
    ] {
        assert_eq!(parse(bytes).unwrap_err().to_string(), reason);
    }
    let deep = parse(&b"[".repeat(60_000)).unwrap_err().to_string();
    assert!(deep.starts_with("not JSON: recursion limit exceeded at line 1 column 128; it begins with \"[["), "{deep}");
    assert!(deep.len() < 200, "{deep}");
}

#[test]
fn a_shape_is_one_short_line() {
    for (value, expected) in [
        (json!(null), "null"),
        (json!(true), "true"),
        (json!(1.5), "the number 1.5"),
        (json!("two\nlines"), r#"the string "two\nlines""#),
        (json!([]), "empty array"),
        (json!({}), "empty object"),
        (json!([1, 2, 3]), "array of 3 numbers"),
        (json!([1, "a"]), "array of 2 values"),
        (json!([{"a": 1}, {"b": 2}]), "array of 2 objects, the first with the key a"),
        (json!({"latency": 1, "http.time": 2, "9": 3, "": 4}), r#"object with keys latency, "http.time", "9", """#),
    ] {
        assert_eq!(shape(&value), expected);
    }
    let wide: serde_json::Map<_, _> = (0..20).map(|i| (format!("k{i}"), Value::Null)).collect();
    assert_eq!(shape(&Value::Object(wide)), "object with keys k0, k1, k2, k3, k4, k5, k6, k7, … (12 more)");
    let long = shape(&json!({ "x".repeat(10_000): "y" }));
    assert!(long.len() < 80, "{long}");
}

#[test]
fn errors_are_short_for_any_input() {
    let input = json!({"body": "x\n".repeat(100_000)});
    let error = expression(&format!(".body{}", " | .".repeat(500))).number(&input).unwrap_err();
    assert!(error.to_string().len() < 600, "{}", error.to_string().len());
    assert!(!error.to_string().contains('\n'));
    assert!(expression(".body.x").number(&input).unwrap_err().to_string().len() < 400);
}

#[test]
fn an_expression_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + FromStr + fmt::Display>(_: &T) {}
    let expression: Expression = ".a".parse().unwrap();
    shared(&expression);
    assert_eq!(
        (expression.text(), expression.to_string().as_str(), format!("{expression:?}").as_str()),
        (".a", ".a", r#"Expression(".a")"#)
    );
    assert_eq!(expression, expression.clone());
}
