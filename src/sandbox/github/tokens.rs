//! The token of a request, and what permissions include.

use hyper::header;

use crate::sandbox::server::ReceivedRequest;

pub fn token(request: &ReceivedRequest) -> Option<&str> {
    let credentials = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    credentials.strip_prefix("Bearer ").or_else(|| credentials.strip_prefix("token "))
}

/// Whether a granted permission includes the needed one. Write includes read.
pub fn suffices(granted: &str, needed: &str) -> bool {
    granted == needed || needed.strip_suffix("=read").is_some_and(|scope| granted.strip_suffix("=write") == Some(scope))
}
