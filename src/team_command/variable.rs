//! A variable of the environment, as the setting `env` gives it.

use std::str::FromStr;

use crate::{error::ValueError, secret::Secret};

/// `NAME=VALUE`. The value may be a secret, and is never shown.
#[derive(Clone, Debug)]
pub struct EnvVariable {
    pub name: String,
    pub value: Secret,
}

impl FromStr for EnvVariable {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match text.split_once('=') {
            Some((name, value)) if is_name(name) && !value.contains('\0') => {
                Ok(Self { name: name.to_owned(), value: Secret::new(value.to_owned()) })
            }
            _ => Err(ValueError::new("`NAME=VALUE`, the name of letters, digits and `_`, and the value on one line")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_shell_name_and_any_value() {
        for (text, name, value) in [
            ("ENVIRONMENT=staging", "ENVIRONMENT", "staging"),
            ("_a1=", "_a1", ""),
            ("X==a b\" '$(c)", "X", "=a b\" '$(c)"),
        ] {
            let variable: EnvVariable = text.parse().unwrap();
            assert_eq!((variable.name.as_str(), variable.value.expose()), (name, value));
            assert!(!format!("{variable:?}").contains("staging"));
        }
        for bad in ["", "A", "=x", "1A=x", "A-B=x", "A B=x", " A=x", "Ä=x", "A=\0"] {
            assert!(bad.parse::<EnvVariable>().is_err(), "{bad:?}");
        }
    }
}
