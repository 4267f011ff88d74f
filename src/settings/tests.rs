use super::*;
use crate::{
    command::ParsedCommand,
    commands::{self, command_table},
    runner_env,
};

fn resolve<const LAYERS: usize>(name: &str, layers: [&Layer; LAYERS]) -> Result<Resolved<ParsedCommand>, CommandError> {
    commands::find(name).unwrap().resolve(&command_table(), layers, None)
}

fn inputs(command: &str, given: &BTreeMap<String, String>) -> Result<Layer, CommandError> {
    input_layer(&command_table(), command, given)
}

fn layer(origin: &SettingOrigin, values: &[(&str, &str)]) -> Layer {
    values
        .iter()
        .map(|(key, text)| {
            ((*key).to_owned(), SettingValue { texts: vec![(*text).to_owned()], origin: origin.clone() })
        })
        .collect()
}

fn finding<T>(result: Result<T, CommandError>) -> String {
    match result {
        Err(CommandError::BadInput(finding)) => finding.to_string(),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("must be refused"),
    }
}

fn read_flags(arguments: &[&str]) -> Result<CommandLine, CommandError> {
    parse_command_line(
        &command_table(),
        &["promote-gates"].iter().chain(arguments).map(OsString::from).collect::<Vec<_>>(),
    )
}

#[test]
fn an_input_wins_over_the_config_file_and_that_over_the_default() {
    let input = layer(&SettingOrigin::Input, &[("max-ratio", "1.5"), ("results", "r.json")]);
    let config = layer(&SettingOrigin::Config("f:1:2".to_owned()), &[("max-ratio", "1.3"), ("baseline", "b.json")]);
    let resolved = resolve("performance", [&input, &config]).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(resolved.settings["max-ratio"], serde_json::json!(1.5));
    assert_eq!(resolved.origins["max-ratio"], "input");
    assert_eq!(resolved.origins["baseline"], "f:1:2");
    let plain = resolve("performance", [&layer(&SettingOrigin::Flag, &[("results", "r"), ("baseline", "b")])])
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(
        (&plain.settings["max-ratio"], plain.origins["max-ratio"].as_str()),
        (&serde_json::json!(1.2), "default")
    );
}

#[test]
fn a_bad_value_names_setting_value_origin_and_what_is_accepted() {
    let config = layer(
        &SettingOrigin::Config("promote-gates.yml:4:12".to_owned()),
        &[("max-ratio", "fast"), ("results", "r"), ("baseline", "b")],
    );
    let text = finding(resolve("performance", [&config]));
    for part in ["`max-ratio`", "promote-gates.yml:4:12", "\"fast\"", "a number over 0"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = finding(resolve(
        "performance",
        [&layer(&SettingOrigin::Input, &[("dry-run", "yes"), ("results", "r"), ("baseline", "b")])],
    ));
    assert!(text.contains("`dry-run` (input)") && text.contains("true, True, TRUE"), "{text}");
    let text = finding(resolve(
        "performance",
        [&layer(&SettingOrigin::Input, &[("service", "../../etc"), ("results", "r"), ("baseline", "b")])],
    ));
    assert!(text.contains("`service`") && text.contains("../../etc") && text.contains("lower-case"), "{text}");
}

#[test]
fn a_missing_setting_is_named_with_the_ways_to_give_it() {
    let text = finding(resolve("bundle-size", []));
    assert!(text.contains("`path`") && text.contains("not given") && text.contains("config file"), "{text}");
    let text = finding(resolve("emergency", []));
    for part in [
        "`incident`, `reason`: not given; expected ",
        "give `incident` as an input, as a flag, or as a key of the config file",
        "; give `reason` as an input",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_missing_secret_is_answered_with_an_expression_only() {
    let command_table = command_table();
    let mut expressions = Vec::new();
    for name in &command_table.names {
        for setting in command_table.settings_of(name).unwrap_or_default().iter().filter(|setting| setting.is_secret())
        {
            let way = setting.way_to_give();
            assert!(!way.contains("config file"), "{name}: {way}");
            expressions.push(format!("{name} {}", way.split_once(": ").unwrap().1));
        }
    }
    assert_eq!(
        expressions,
        [
            "health `kubeconfig: ${{ secrets.KUBECONFIG }}`",
            "health `registry-token: ${{ secrets.REGISTRY_TOKEN }}`",
            "performance `token: ${{ github.token }}`",
            "bundle-size `token: ${{ github.token }}`",
            "approval `token: ${{ github.token }}`",
            "approval `source-token: ${{ steps.reader.outputs.token }}`; docs/apps.md has the step",
            "wait `token: ${{ github.token }}`",
            "comment `token: ${{ github.token }}`",
            "baseline `token: ${{ steps.dispatcher.outputs.token }}`; docs/apps.md has the step",
            "record `token: ${{ steps.dispatcher.outputs.token }}`; docs/apps.md has the step",
            "record `source-token: ${{ github.token }}`",
            "evidence `source-token: ${{ steps.reader.outputs.token }}`; docs/apps.md has the step",
            "evidence `token: ${{ github.token }}`",
            "promote `token: ${{ steps.writer.outputs.token }}`; docs/apps.md has the step",
            "status `token: ${{ github.token }}`",
            "status `source-token: ${{ steps.reader.outputs.token }}`; docs/apps.md has the step",
            "emergency `api-token: ${{ github.token }}`",
            "emergency `token: ${{ steps.writer.outputs.token }}`; docs/apps.md has the step",
            "rollback `api-token: ${{ github.token }}`",
            "rollback `token: ${{ steps.writer.outputs.token }}`; docs/apps.md has the step",
            "environments `token: ${{ github.token }}`",
            "doctor `token: ${{ github.token }}`",
            "doctor `kubeconfig: ${{ secrets.KUBECONFIG }}`",
            "doctor `registry-token: ${{ secrets.REGISTRY_TOKEN }}`",
            "audit `token: ${{ github.token }}`",
        ]
    );
    let text = finding(resolve("wait", []));
    assert!(text.ends_with("next: give `token` as an expression: `token: ${{ github.token }}`"), "{text}");
}

#[test]
fn unknown_flags_commands_and_inputs_name_the_closest_known_one() {
    assert!(finding(read_flags(&["performance", "--max-rato=1"])).contains("did you mean `--max-ratio`"));
    assert!(finding(read_flags(&["performence"])).contains("did you mean `performance`"));
    for stranger in [&["zzz"][..], &["performance", "--zzz"], &["performance", "--results-of-the-test=1"]] {
        let text = finding(read_flags(stranger));
        assert!(text.contains(&stranger[stranger.len() - 1][..3]) && !text.contains("did you mean"), "{text}");
    }
    let unknown = BTreeMap::from([("max-rato".to_owned(), "1".to_owned())]);
    let text = finding(inputs("performance", &unknown));
    assert!(text.contains("PROMOTE_GATES_MAX_RATO") && text.contains("did you mean `max-ratio`"), "{text}");
}

#[test]
fn an_input_of_another_command_is_ignored() {
    let others = BTreeMap::from([("attempts".to_owned(), "3".to_owned())]);
    assert_eq!(inputs("performance", &others).ok(), Some(Layer::new()));
}

#[test]
fn switches_can_be_given_bare_or_with_a_value_and_empty_flags_are_absent() {
    for (arguments, expected) in [
        (&["performance", "--dry-run"][..], Some("true")),
        (&["performance", "--dry-run=false"], Some("false")),
        (&["performance", "--results="], None),
        (&["performance"], None),
    ] {
        let Ok(CommandLine::Command { flags, .. }) = read_flags(arguments) else { panic!("{arguments:?}") };
        assert_eq!(flags.values().next().map(|given| given.texts[0].as_str()), expected, "{arguments:?}");
    }
}

#[test]
fn durations_are_reported_in_seconds_and_lists_as_lists() {
    let flag = layer(&SettingOrigin::Flag, &[("interval", "1m30s"), ("endpoints", "https://staging.example/ready")]);
    let resolved = resolve("health", [&flag]).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(resolved.settings["interval"], serde_json::json!(90));
    assert_eq!(resolved.settings["endpoints"], serde_json::json!(["https://staging.example/ready"]));
}

#[test]
fn settings_in_force_hold_the_names_of_headers_and_urls_without_secrets() {
    let input = layer(&SettingOrigin::Input, &[("endpoints", "HTTPS://a.example/r?token=s3cr3t&page=2")]);
    let headers = SettingValue {
        texts: vec!["Authorization: Bearer s3cr3t".to_owned(), "X-Key:s3cr3t".to_owned()],
        origin: SettingOrigin::Input,
    };
    let input = input.into_iter().chain([("headers".to_owned(), headers)]).collect();
    let resolved = resolve("health", [&input]).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(resolved.settings["endpoints"], serde_json::json!(["https://a.example/r?token=***&page=2"]));
    assert_eq!(resolved.settings["headers"], serde_json::json!(["authorization: ***", "x-key: ***"]));
    let baseline = "https://a.example/p99.json?token=s3cr3t";
    let input = layer(&SettingOrigin::Input, &[("results", "r.json"), ("baseline", baseline)]);
    let resolved = resolve("performance", [&input]).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(resolved.settings["baseline"], "https://a.example/p99.json?token=***");
}

#[test]
fn results_are_reported_by_their_hash_as_they_hold_tokens() {
    let steps = r#"{"reader": {"outputs": {"token": "ghs_s3cr3t"}}}"#;
    let resolved = resolve(
        "record",
        [&layer(&SettingOrigin::Input, &[("results", steps), ("repository", "acme/ecommerce-infra"), ("token", "t")])],
    );
    let settings = resolved.unwrap_or_else(|error| panic!("{error:?}")).settings;
    let text = settings["results"].as_str().unwrap();
    assert!(text.starts_with("48 bytes, sha256 ") && !text.contains("s3cr3t"), "{text}");
}

#[test]
fn a_bad_header_or_url_is_refused_without_its_secret() {
    for (key, text, parts) in [
        ("headers", "Authorization s3cr3t", ["`headers` (input)", "hidden", "accepted is `Name: value`"]),
        ("headers", "Content-Length: s3cr3t", ["`headers` (input)", "hidden", "cannot be set"]),
        ("endpoints", "ftp://a.example/?s3cr3t", ["`endpoints` (input)", "\"ftp://a.example/\"", "https://"]),
        ("endpoints", "https://bob:s3cr3t@a.example/", ["`endpoints`", "\"https://a.example/\"", "in a header"]),
        ("endpoints", "bob:s3cr3t@a.example", ["`endpoints`", "hidden", "https://"]),
        ("service", "https://bob:s3cr3t@a.example/", ["`service`", "\"https://a.example/\"", "lower-case"]),
    ] {
        let good = layer(&SettingOrigin::Input, &[("endpoints", "https://a.example")]);
        let text = finding(resolve("health", [&layer(&SettingOrigin::Input, &[(key, text)]), &good]));
        assert!(parts.iter().all(|part| text.contains(part)) && !text.contains("s3cr3t"), "{text}");
    }
}

#[test]
fn only_the_name_of_a_variable_is_reported() {
    let given = |text: &str| {
        let texts = vec!["ENVIRONMENT=staging".to_owned(), text.to_owned()];
        Layer::from([("env".to_owned(), SettingValue { texts, origin: SettingOrigin::Input })])
    };
    let resolved = resolve("smoke", [&given("KEY=hunter2=hunter2")]).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(resolved.settings["env"], serde_json::json!(["ENVIRONMENT", "KEY"]));
    assert!(!format!("{:?}", resolved.typed).contains("hunter2"));
    let text = finding(resolve("smoke", [&given("hunter2")]));
    assert!(text.contains("`env` (input)") && text.contains("NAME=VALUE") && !text.contains("hunter2"), "{text}");
}

#[test]
fn every_setting_is_documented_and_secrets_are_known_by_name() {
    let command_table = command_table();
    for name in &command_table.names {
        for setting in command_table.settings_of(name).unwrap_or_default() {
            assert!(
                !setting.help.is_empty() && !setting.help.ends_with('.'),
                "{name} {}: {:?}",
                setting.key,
                setting.help
            );
            assert_eq!(runner_env::is_secret(&setting.key), setting.is_secret(), "{name} {}", setting.key);
            assert_eq!(
                runner_env::holds_headers(&setting.key),
                setting.kind == SettingKind::Header,
                "{name} {}",
                setting.key
            );
            assert!(!setting.key.contains('_'), "{name} {}", setting.key);
        }
    }
}

#[test]
fn a_secret_in_the_config_file_is_answered_with_its_expression() {
    let file = b"wait: { token: s3cr3t }";
    let text = finding(crate::config::Config::read(&command_table(), "f.yml", file, None));
    assert!(text.contains("`token` (f.yml:1:9)") && text.contains("`token: ${{ github.token }}`; revoke"), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
}
