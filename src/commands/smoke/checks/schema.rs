//! The JSON Schema of a file of checks, so that an editor completes and checks it.

use serde_json::{Value, json};

use crate::values::schema::{self as notation, described};

/// The schema in draft 7, which the YAML servers of editors read.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "promote-gates file of checks",
        "description": "Critical paths of a service as HTTP requests, for the setting `checks` of `smoke`.",
        "type": "object",
        "properties": {
            "base-url": text("The URL of the service under test, which relative URLs are below of. The setting `target` takes precedence."),
            "headers": texts("Headers of every request to the service under test."),
            "timeout": duration("The time limit of each request. Default: 10s."),
            "follow": count("How many redirects are followed. Default: 0.", 20),
            "parallel": count("How many paths run at the same time. Default: 8.", 50),
            "setup": steps("Steps before all paths. Every path has their captures and cookies."),
            "paths": {
                "description": "The critical paths, by name. They run in parallel; the steps of one follow one another.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {
                    "anyOf": [
                        { "$ref": "#/definitions/some-steps" },
                        {
                            "type": "object",
                            "properties": {
                                "critical": { "description": "Whether its failure blocks; if any path is critical, the failures of others only warn.", "type": "boolean" },
                                "retries": count("How often the whole path runs again after a failure. Default: the setting `retries`.", 10),
                                "headers": texts("Headers of every request of the path."),
                                "steps": { "$ref": "#/definitions/some-steps" },
                                "teardown": steps("Steps after the others, however they ended."),
                            },
                            "required": ["steps"],
                            "additionalProperties": false,
                        },
                    ],
                },
            },
            "teardown": steps("Steps after all paths, however they ended, and after a signal."),
        },
        "required": ["paths"],
        "additionalProperties": false,
        "definitions": {
            "steps": { "type": "array", "items": { "$ref": "#/definitions/step" } },
            "some-steps": { "type": "array", "items": { "$ref": "#/definitions/step" }, "minItems": 1 },
            "step": step(),
            "capture": capture(),
        },
    })
}

fn step() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": text("What messages call it. Default: method and URL."),
            "method": { "description": "Default: GET.", "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] },
            "url": text("A path below `base-url` such as /api/cart, a whole URL, or a captured one."),
            "headers": texts("Headers of this request."),
            "cookies": texts("Cookies that are added before this request."),
            "body": text("A body as text."),
            "json": { "description": "A body as JSON: a mapping or list, or a text of JSON." },
            "form": texts("A body as the fields of a form."),
            "timeout": duration("The time limit of this request."),
            "follow": count("How many redirects are followed.", 20),
            "retries": count("How often the request is sent again if its response is not as expected; then the path is flaky. Default: 0.", 60),
            "pause": duration("The time before it is sent again. Default: 1s."),
            "expect": {
                "description": "What the response has to be like.",
                "type": ["object", "null"],
                "properties": {
                    "status": {
                        "description": "Status codes: 201, 2xx, 200-204, or a list. Default: 200-299.",
                        "type": ["integer", "string", "array"],
                        "items": { "type": ["integer", "string"] },
                    },
                    "within": duration("How long the response may take, with its connection and body."),
                    "jq": one_or_more("jq conditions on the JSON body, with `$subject` and `$captures`."),
                    "contains": one_or_more("Texts that the body has to contain."),
                    "excludes": one_or_more("Texts that the body must not contain."),
                    "headers": texts("Texts that headers have to contain."),
                },
                "additionalProperties": false,
            },
            "capture": {
                "description": "Values for later steps, by name: a jq expression, or its source.",
                "type": ["object", "null"],
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
                "additionalProperties": { "$ref": "#/definitions/capture" },
            },
        },
        "required": ["url"],
        "additionalProperties": false,
    })
}

fn capture() -> Value {
    json!({
        "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": {
                    "jq": text("A jq expression that gives one text, number, true or false."),
                    "header": text("The name of a header."),
                    "regex": text("A regular expression on the body; its first group is the value."),
                    "secret": { "description": "Whether to hide the value. Default: false.", "type": "boolean" },
                },
                "additionalProperties": false,
            },
        ],
    })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string" })
}

fn texts(description: &str) -> Value {
    json!({
        "description": description,
        "type": ["object", "null"],
        "additionalProperties": { "type": ["string", "number", "boolean"] },
    })
}

fn one_or_more(description: &str) -> Value {
    json!({ "description": description, "type": ["string", "array"], "items": { "type": "string" } })
}

fn duration(description: &str) -> Value {
    described(notation::duration(), description)
}

fn count(description: &str, most: u32) -> Value {
    json!({ "description": description, "type": "integer", "minimum": 0, "maximum": most })
}

fn steps(description: &str) -> Value {
    json!({ "description": description, "anyOf": [{ "$ref": "#/definitions/steps" }, { "type": "null" }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::smoke::checks::reader::{
        FILE_KEYS, PATH_KEYS,
        step::{CAPTURE_KEYS, EXPECT_KEYS, STEP_KEYS},
    };

    /// The reader and the schema know the same keys in the same places.
    #[test]
    fn the_schema_accepts_the_keys_that_the_reader_accepts() {
        let schema = schema();
        let step = &schema["definitions"]["step"];
        for (object, keys) in [
            (&schema, &FILE_KEYS[..]),
            (&schema["properties"]["paths"]["additionalProperties"]["anyOf"][1], &PATH_KEYS),
            (step, &STEP_KEYS),
            (&step["properties"]["expect"], &EXPECT_KEYS),
            (&schema["definitions"]["capture"]["anyOf"][1], &CAPTURE_KEYS),
        ] {
            let mut offered: Vec<&str> = object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut known = keys.to_vec();
            offered.sort_unstable();
            known.sort_unstable();
            assert_eq!(offered, known);
        }
    }
}
