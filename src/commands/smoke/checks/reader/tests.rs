use super::*;
use crate::commands::smoke::checks::{expectation::CaptureSource, model::StepBody};

const WHOLE: &str = r#"
base-url: https://staging.example/v1
headers: { Authorization: "Bearer {{ env.TOKEN }}" }
timeout: 5s
parallel: 4
setup:
  - { method: POST, url: /session, json: { user: smoke }, capture: { session: { jq: .id, secret: true } } }
paths:
  browse: [{ url: / }]
  buy a sock:
    critical: true
    retries: 2
    headers: { X-Session: "{{ session }}" }
    steps:
      - name: add to cart
        method: POST
        url: /carts
        json: { sku: sock-1, count: 2, version: "{{ subject.tag }}", gift: false }
        cookies: { consent: "yes" }
        follow: 3
        retries: 5
        pause: 200ms
        expect:
          status: [201, 204]
          within: 500ms
          jq: [.count == 2, .version == $subject.tag]
          headers: { Location: /carts/ }
        capture:
          cart: .id
          next: { header: Location }
          csrf: { regex: 'csrf" value="([^"]+)"' }
      - url: "{{ next }}"
        expect: { contains: ["{{ cart }}"], excludes: error, jq: .id == $captures.cart }
    teardown:
      - { method: DELETE, url: "/carts/{{ cart }}", expect: { status: 2xx } }
teardown:
  - { method: DELETE, url: "/session/{{ session }}" }
"#;

fn read_with(text: &str, target: Option<&str>) -> Result<CheckFile, CommandError> {
    let variables: BTreeMap<String, Secret> = [("TOKEN", "s3cr3t"), ("EMPTY", "")]
        .map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())))
        .into();
    let (subject, target) = (r#"{"tag":"1.4.2"}"#.parse().unwrap(), target.map(|url| url.parse().unwrap()));
    read("c.yml", text, &ReadInputs { target: target.as_ref(), subject: &subject, variables: &variables })
}

fn error_of(text: &str) -> String {
    match read_with(text, None) {
        Err(CommandError::BadInput(finding)) => finding.to_string(),
        other => panic!("{text}: must be refused, is {other:?}"),
    }
}

#[test]
fn a_file_is_read_with_its_defaults() {
    let file = read_with(WHOLE, None).unwrap();
    assert_eq!((file.base_url.as_ref().unwrap().full(), file.parallel), ("https://staging.example/v1", 4));
    assert_eq!((file.setup.len(), file.teardown.len(), file.paths.len()), (1, 1, 2));
    assert_eq!(file.values.env["TOKEN"].expose(), "s3cr3t");
    let [browse, buy] = &file.paths[..] else { panic!("two paths") };
    assert_eq!(
        (browse.critical, browse.retries, browse.line, browse.steps[0].name.as_str()),
        (false, None, 9, "GET /")
    );
    assert_eq!((buy.critical, buy.retries, buy.teardown.len()), (true, Some(2), 1));
    let [add, show] = &buy.steps[..] else { panic!("two steps") };
    assert_eq!((add.name.as_str(), add.method.as_str(), add.follow, add.retries), ("add to cart", "POST", 3, 5));
    assert_eq!((add.timeout, add.pause), (Duration::from_secs(5), Duration::from_millis(200)));
    assert_eq!(add.expect.status.to_string(), "201 or 204");
    assert_eq!((show.expect.status.to_string().as_str(), show.expect.excludes.len()), ("200 to 299", 1));
    let Some(StepBody::Json(json)) = &add.body else { panic!("{:?}", add.body) };
    let json = json.render(&file.values).unwrap();
    assert_eq!(json, serde_json::json!({ "sku": "sock-1", "count": 2, "version": "1.4.2", "gift": false }));
    assert!(matches!(&add.captures[1].source, CaptureSource::Header(name) if name == "location"));
    assert!(file.setup[0].captures[0].secret && !add.captures[0].secret);
    assert!(!format!("{file:?}").contains("s3cr3t"));
}

#[test]
fn the_target_takes_precedence_and_is_enough() {
    let target = Some("http://127.0.0.1:8080");
    assert_eq!(read_with(WHOLE, target).unwrap().base_url.unwrap().full(), "http://127.0.0.1:8080/");
    assert!(read_with("paths: { a: [{ url: /x }] }", target).is_ok());
    assert!(read_with("paths: { a: [{ url: 'https://other.example/x' }] }", None).is_ok());
}

#[test]
fn an_error_names_its_line_and_column() {
    let step = |step: &str| format!("base-url: http://a.example\npaths:\n  p:\n    - {step}\n");
    for (text, parts) in [
        ("pathz: {}".to_owned(), &["`pathz` (c.yml:1:1)", "did you mean `paths`?"][..]),
        ("base-url: http://a.example\n".to_owned(), &["`paths` (c.yml:1:1)", "no path"]),
        ("paths:\n".to_owned(), &["`paths` (c.yml:1:1)", "no path"]),
        (String::new(), &["`paths`", "no path"]),
        ("paths: { a: }".to_owned(), &["`a` (c.yml:1:10)", "a path without steps"]),
        ("paths: { a: [] }".to_owned(), &["`a` (c.yml:1:10)", "a path without steps"]),
        ("paths: { a: { steps: } }".to_owned(), &["`a` (c.yml:1:10)", "a path without steps"]),
        ("paths: { a: { step: [] } }".to_owned(), &["`step` (c.yml:1:15)", "did you mean `steps`?"]),
        ("paths: { 'a*': [{ url: /x }] }".to_owned(), &["`a*` (c.yml:1:10)", "without `*`"]),
        ("paths: { a: [{ url: /x }] }".to_owned(), &["`url` (c.yml:1:21)", "`base-url`"]),
        ("paths: [a]".to_owned(), &["`paths` (c.yml:1:8)", "a list"]),
        ("base-url: ftp://a\npaths: { a: [{ url: /x }] }".to_owned(), &["`base-url` (c.yml:1:11)", "http://"]),
        (step("{ url: /x, expct: {} }"), &["`expct` (c.yml:4:18)", "did you mean `expect`?"]),
        (step("{ url: /x, expect: { stauts: 200 } }"), &["`stauts` (c.yml:4:28)", "did you mean `status`?"]),
        (step("{ url: /x, capture: { a: { jqq: .a } } }"), &["`jqq`", "did you mean `jq`?"]),
        (step("{ name: x }"), &["`url` (c.yml:4:7)", "not given"]),
        (step("{ url: x }"), &["`url` (c.yml:4:14)", "a path such as /api/cart"]),
        (step("x"), &["`steps` (c.yml:4:7)", "a mapping with `url`"]),
        (step("{ url: /x, method: FETCH }"), &["`method` (c.yml:4:26)", "one of GET"]),
        (step("{ url: /x, body: a }"), &["`body` (c.yml:4:18)", "a body for GET"]),
        (step("{ url: /x, method: POST, body: a, form: { b: c } }"), &["`form`", "a second body"]),
        (step("{ url: /x, method: POST, json: '{' }"), &["`json` (c.yml:4:38)", "no JSON"]),
        (step("{ url: /x, method: POST, json: { v: 1.10 } }"), &["`json`", "is 1.10 the text \"1.10\"?"]),
        (step("{ url: /x, headers: { Cookie: a=b } }"), &["`Cookie`", "`cookies` of a step"]),
        (step("{ url: /x, headers: { Content-Length: 1 } }"), &["`Content-Length`", "cannot be set"]),
        (step("{ url: /x, cookies: { 'a b': c } }"), &["`cookies`", "\"a b\""]),
        (step("{ url: /x, expect: { status: 700 } }"), &["`status` (c.yml:4:36)", "from 100 to 599"]),
        (step("{ url: /x, expect: { status: [] } }"), &["`status`", "an empty list"]),
        (step("{ url: /x, expect: { jq: '.a <' } }"), &["`jq` (c.yml:4:32)", "compiles"]),
        (step("{ url: /x, expect: { jq: .a == $subject.commit } }"), &["`jq`", "the subject has no commit"]),
        (step("{ url: /x, expect: { jq: .a == $captures.b } }"), &["`jq`", "no value for `{{ b }}`"]),
        (step("{ url: /x, expect: { contains: '' } }"), &["`contains`", "a text that is not empty"]),
        (step("{ url: /x, expect: { within: 0 } }"), &["`within`", "\"0\""]),
        (step("{ url: /x, retries: 61 }"), &["`retries`", "from 0 to 60"]),
        (step("{ url: /x, capture: { 'a-b': .a } }"), &["`a-b`", "letters, digits and `_`"]),
        (step("{ url: /x, capture: { a: {} } }"), &["`a`", "no source"]),
        (step("{ url: /x, capture: { a: { jq: .a, header: b } } }"), &["`a`", "several sources"]),
        (step("{ url: /x, capture: { a: { regex: '(' } } }"), &["`regex`", "a regular expression"]),
        (step("{ url: '/x/{{ gone }}' }"), &["`url` (c.yml:4:14)", "no value for `{{ gone }}`", "earlier step"]),
        (step("{ url: '/x/{{ env.GONE }}' }"), &["no value for `{{ env.GONE }}`", "a variable"]),
        (step("{ url: '/x/{{ env.EMPTY }}' }"), &["no value for `{{ env.EMPTY }}`", "not empty"]),
        (step("{ url: '/x/{{ subject.tga }}' }"), &["no value for `{{ subject.tga }}`", "did you mean `tag`?"]),
        (step("{ url: '/x/{{ subject.commit }}' }"), &["no value for `{{ subject.commit }}`"]),
        (step("{ url: '/x/{{ a' }"), &["`url`", "placeholders such as"]),
        (step("{ url: '/x/${{ secrets.TOKEN }}' }"), &["`url`", "placeholders such as"]),
        (step("{ url: /x, body: {{ a }} }"), &["c.yml", "in quotes"]),
        ("paths: { a: [{ url: /x }], a: [] }".to_owned(), &["c.yml", "for the second time"]),
        ("paths: [".to_owned(), &["c.yml", "line 2, column 1"]),
    ] {
        let message = error_of(&text);
        for part in parts {
            assert!(message.contains(part), "{text}: {part} in {message}");
        }
        assert!(!message.contains("s3cr3t"), "{message}");
    }
}

#[test]
fn a_capture_is_known_to_later_steps_of_its_path_only() {
    let head = "base-url: http://a.example\n";
    for (text, is_accepted) in [
        ("paths: { a: [{ url: /x, capture: { c: .c } }, { url: '/{{ c }}' }] }", true),
        ("paths: { a: [{ url: '/{{ c }}', capture: { c: .c } }] }", false),
        ("paths: { a: [{ url: '/{{ c }}' }, { url: /x, capture: { c: .c } }] }", false),
        ("paths: { a: [{ url: /x, capture: { c: .c } }], b: [{ url: '/{{ c }}' }] }", false),
        ("setup: [{ url: /x, capture: { c: .c } }]\npaths: { a: [{ url: '/{{ c }}' }] }", true),
        (
            "setup: [{ url: /x, capture: { c: .c } }]\npaths: { a: { headers: { X: '{{ c }}' }, steps: [{ url: / }] } }",
            true,
        ),
        ("headers: { X: '{{ c }}' }\nsetup: [{ url: /x, capture: { c: .c } }]\npaths: { a: [{ url: / }] }", false),
        ("paths: { a: { steps: [{ url: /x, capture: { c: .c } }], teardown: [{ url: '/{{ c }}' }] } }", true),
        ("paths: { a: [{ url: /x, capture: { c: .c } }] }\nteardown: [{ url: '/{{ c }}' }]", false),
    ] {
        assert_eq!(read_with(&format!("{head}{text}"), None).is_ok(), is_accepted, "{text}");
    }
}

#[test]
fn limits_hold() {
    let paths: String = (0..=MOST_PATHS).map(|number| format!("  p{number}: [{{ url: http://a }}]\n")).collect();
    assert!(error_of(&format!("paths:\n{paths}")).contains("1001 paths"));
    let steps = "{ url: http://a },".repeat(MOST_STEPS + 1);
    assert!(error_of(&format!("paths: {{ a: [{steps}] }}")).contains("101 steps"));
}
