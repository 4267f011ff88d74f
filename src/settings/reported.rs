//! Settings for the report: typed, and without secrets.

use serde_json::Value;

use super::setting::{Setting, SettingKind};
use crate::{
    report::compact::hex_sha256,
    values::{Bytes, HumanDuration, switch},
    world::{http::Header, url::Url},
};

/// The most bytes of a text that a report repeats.
const MAX_TEXT: usize = 1000;

pub(super) fn as_json(setting: &Setting, texts: &[String]) -> Value {
    let texts: Vec<String> = texts.iter().map(|text| without_secrets(setting.kind, text)).collect();
    let value = |text: &String| match setting.kind {
        // A variable's value may be a secret that nothing masks.
        SettingKind::Text if setting.takes_pairs() => text.split('=').next().unwrap_or_default().into(),
        SettingKind::Number => {
            let bare = text.trim_end_matches('%').trim();
            bare.parse::<i64>()
                .map(Value::from)
                .or_else(|_| bare.parse::<f64>().map(Value::from))
                .or_else(|_| bare.parse::<Bytes>().map(|Bytes(bytes)| Value::from(bytes)))
                .unwrap_or_else(|_| text.clone().into())
        }
        SettingKind::Duration => text.parse::<HumanDuration>().map_or_else(
            |_| text.clone().into(),
            |duration| {
                let millis = u64::try_from(duration.0.as_millis()).unwrap_or(u64::MAX);
                if millis % 1000 == 0 { Value::from(millis / 1000) } else { Value::from(duration.0.as_secs_f64()) }
            },
        ),
        SettingKind::Switch => switch(text).map_or_else(|_| text.clone().into(), Value::from),
        // Most likely the results of other jobs, which have their own reports. The hash identifies them. Among the outputs of the
        // steps is the token of an App.
        SettingKind::Text if text.len() > MAX_TEXT || setting.key == "results" && text.starts_with('{') => {
            format!("{} bytes, sha256 {}", text.len(), hex_sha256(text.as_bytes())).into()
        }
        SettingKind::Text | SettingKind::Header | SettingKind::Url | SettingKind::Secret => text.clone().into(),
    };
    match texts.as_slice() {
        [text] if !setting.many => value(text),
        texts => texts.iter().map(value).collect(),
    }
}

/// A value without secrets: a header's name only, a URL without its secret parts. A text may be a URL, too.
fn without_secrets(kind: SettingKind, text: &str) -> String {
    match kind {
        SettingKind::Header => text.parse::<Header>().map_or_else(|_| "***".to_owned(), |header| format!("{header:?}")),
        SettingKind::Url | SettingKind::Text => {
            text.parse::<Url>().map_or_else(|_| text.to_owned(), |url| url.to_string())
        }
        SettingKind::Number | SettingKind::Duration | SettingKind::Switch | SettingKind::Secret => text.to_owned(),
    }
}
