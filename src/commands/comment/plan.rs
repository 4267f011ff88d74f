//! Plans what to write: one comment of a name, and the newest run in it.

use super::marker::Marker;
use crate::reconcile::Plan;

/// A comment of the wanted name by the own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnComment {
    pub id: u64,
    pub url: String,
    pub marker: Marker,
}

/// The comment that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptComment {
    pub url: String,
    /// A newer run has written it, and this one leaves it alone.
    pub is_newer: bool,
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommentEdit {
    Create,
    Update(u64),
}

/// Plans for the own comments of this name, the oldest first: the oldest one stays. A run that started earlier replaces nothing: a
/// delayed job would show the result of a commit that is gone.
#[must_use]
pub fn plan(own: &[OwnComment], wanted: &Marker) -> Plan<CommentEdit, KeptComment> {
    let Some(first) = own.first() else { return Plan::Write(CommentEdit::Create) };
    let is_newer = first.marker.run > wanted.run;
    if is_newer || first.marker == *wanted {
        Plan::UpToDate(KeptComment { url: first.url.clone(), is_newer })
    } else {
        Plan::Write(CommentEdit::Update(first.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(run: (u64, u32), sum: &str) -> Marker {
        Marker { name: "gates".parse().unwrap(), run, sum: sum.to_owned() }
    }

    fn planned(own: &[(u64, Marker)]) -> Result<CommentEdit, bool> {
        let own: Vec<OwnComment> =
            own.iter().map(|(id, marker)| OwnComment { id: *id, url: String::new(), marker: marker.clone() }).collect();
        match plan(&own, &marker((7, 2), "b")) {
            Plan::Write(edit) => Ok(edit),
            Plan::UpToDate(kept) => Err(kept.is_newer),
            Plan::Refuse(finding) => panic!("{finding}"),
        }
    }

    #[test]
    fn the_oldest_comment_gets_the_newest_result() {
        for (own, expected) in [
            (vec![], Ok(CommentEdit::Create)),
            (vec![(3, marker((7, 2), "b"))], Err(false)),
            (vec![(3, marker((7, 2), "a"))], Ok(CommentEdit::Update(3))),
            (vec![(3, marker((7, 1), "b"))], Ok(CommentEdit::Update(3))),
            (vec![(3, marker((6, 9), "b"))], Ok(CommentEdit::Update(3))),
            (vec![(3, marker((7, 3), "b"))], Err(true)),
            (vec![(3, marker((8, 1), "b"))], Err(true)),
            (vec![(3, marker((6, 1), "a")), (4, marker((7, 2), "b"))], Ok(CommentEdit::Update(3))),
        ] {
            assert_eq!(planned(&own), expected, "{own:?}");
        }
    }
}
