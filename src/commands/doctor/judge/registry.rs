//! Whether the registry lets the image's repository be read. Pure.

use crate::{
    commands::doctor::check::{Check, CheckState, Needs, shell_word},
    finding::Finding,
    world::registry::RegistryAccess,
};

const NEEDS: Needs = Needs::pat_or_app("`registry-token`: read access to the image");

/// `repository`: without tag and digest. `has_token`: `registry-token` was given.
#[must_use]
pub fn judge(repository: &str, has_token: bool, access: &RegistryAccess) -> Check {
    let check = format!("registry {repository}");
    let login = format!(
        "log in where the token is to be used, to see what the registry says: `docker login {}`",
        shell_word(repository.split('/').next().unwrap_or(repository))
    );
    match access {
        RegistryAccess::Readable if has_token => Check::ok(check, "readable with `registry-token`"),
        RegistryAccess::Readable => Check::ok(check, "readable without a token"),
        RegistryAccess::Refused(why) if has_token => {
            Check::problem(check, why.clone(), "a `registry-token` that may read the image", login)
        }
        RegistryAccess::Missing if has_token => Check::problem(
            check,
            "the registry has no such repository, or does not show it to this token",
            "the repository of `image`",
            login,
        ),
        RegistryAccess::Refused(_) | RegistryAccess::Missing => {
            let check = Check::not_seen(check, NEEDS, "without a token, the registry does not show it");
            let finding = check.finding.next(
                "give `registry-token`, such as `${{ github.token }}` with `packages: read` for `ghcr.io`; only `health` with \
                 `registry-token` needs it",
            );
            Check { state: CheckState::NotSeen, finding }
        }
        RegistryAccess::Unknown(why) => {
            let finding = Finding::inconclusive(check).actual(why).expected("an answer of the registry");
            Check { state: CheckState::Unknown, finding: finding.next(login) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_token_a_refusal_is_no_problem_yet() {
        let refused = || RegistryAccess::Refused("401".to_owned());
        for (has_token, access, state) in [
            (true, RegistryAccess::Readable, CheckState::Ok),
            (false, RegistryAccess::Readable, CheckState::Ok),
            (true, refused(), CheckState::Problem),
            (false, refused(), CheckState::NotSeen),
            (true, RegistryAccess::Missing, CheckState::Problem),
            (false, RegistryAccess::Missing, CheckState::NotSeen),
            (true, RegistryAccess::Unknown("cut".to_owned()), CheckState::Unknown),
        ] {
            assert_eq!(judge("ghcr.io/acme/shop", has_token, &access).state, state, "{access:?}");
        }
    }
}
