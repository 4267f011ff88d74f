//! What a report shows of a setting: typed, and nothing secret.

use serde_json::Value;

use super::{Kind, Setting};
use crate::{
    report::compact::hex_sha256,
    values::{Bytes, HumanDuration, switch},
    world::{http::Header, url::Url},
};

/// The longest text that a report repeats of a setting, in bytes.
const LONGEST_SHOWN: usize = 1000;

pub(super) fn as_json(setting: &Setting, texts: &[String]) -> Value {
    let texts: Vec<String> = texts.iter().map(|text| shown(setting.kind, text)).collect();
    let one = |text: &String| match setting.kind {
        // A variable's value may be a secret that nothing masks.
        Kind::Text if setting.pairs() => text.split('=').next().unwrap_or_default().into(),
        Kind::Number => {
            let bare = text.trim_end_matches('%').trim();
            bare.parse::<i64>()
                .map(Value::from)
                .or_else(|_| bare.parse::<f64>().map(Value::from))
                .or_else(|_| bare.parse::<Bytes>().map(|Bytes(bytes)| Value::from(bytes)))
                .unwrap_or_else(|_| text.clone().into())
        }
        Kind::Duration => text.parse::<HumanDuration>().map_or_else(
            |_| text.clone().into(),
            |span| {
                let millis = u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX);
                if millis % 1000 == 0 { Value::from(millis / 1000) } else { Value::from(span.0.as_secs_f64()) }
            },
        ),
        Kind::Switch => switch(text).map_or_else(|_| text.clone().into(), Value::from),
        // The results of other jobs, most likely: they travel by themselves, and the hash says which they were.
        Kind::Text if text.len() > LONGEST_SHOWN => {
            format!("{} bytes, sha256 {}", text.len(), hex_sha256(text.as_bytes())).into()
        }
        Kind::Text | Kind::Header | Kind::Url | Kind::Secret => text.clone().into(),
    };
    match texts.as_slice() {
        [text] if !setting.many => one(text),
        texts => texts.iter().map(one).collect(),
    }
}

/// A value as it may be shown: of a header the name, of a URL nothing secret. A text may be a URL as well as a file.
pub(super) fn shown(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Header => text.parse::<Header>().map_or_else(|_| "***".to_owned(), |header| format!("{header:?}")),
        Kind::Url | Kind::Text => text.parse::<Url>().map_or_else(|_| text.to_owned(), |url| url.to_string()),
        Kind::Number | Kind::Duration | Kind::Switch | Kind::Secret => text.to_owned(),
    }
}
