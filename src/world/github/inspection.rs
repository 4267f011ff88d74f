//! What GitHub shows of a thing that a token may not be allowed to see. "There is none" and "not shown" are different answers.

use crate::finding::Finding;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection<T> {
    Seen(T),
    /// 404: there is none, or GitHub hides it from this token.
    NotFound,
    /// 403: the token may not see it.
    Denied(Denial),
    /// 401: GitHub does not know the token. Its message.
    UnknownToken(String),
    /// No answer, or one that says nothing about the thing: a server error, a rate limit, a body that cannot be read.
    Failed(Finding),
}

/// A refusal, in GitHub's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub message: String,
    /// The permissions of which one would do: `administration=read`. GitHub names them to Apps and fine-grained tokens.
    pub accepted: Option<String>,
}

impl<T> Inspection<T> {
    /// What was seen.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            _ => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Inspection<U> {
        self.and_then(|value| Inspection::Seen(change(value)))
    }

    pub fn and_then<U>(self, next: impl FnOnce(T) -> Inspection<U>) -> Inspection<U> {
        match self {
            Self::Seen(value) => next(value),
            Self::NotFound => Inspection::NotFound,
            Self::Denied(denial) => Inspection::Denied(denial),
            Self::UnknownToken(message) => Inspection::UnknownToken(message),
            Self::Failed(finding) => Inspection::Failed(finding),
        }
    }

    /// The refusal, if it is one.
    pub const fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Denied(denial) => Some(denial),
            _ => None,
        }
    }
}
