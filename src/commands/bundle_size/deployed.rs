//! The sizes of a deployed bundle, which `evidence` compares with those of the last promotion. Only absolute limits are judged here,
//! as for a first measurement.

use super::{
    bundle::{Bundle, BundleFile},
    growth::{empty_bundle, empty_group, judge_size},
    limits::GrowthLimits,
    scope::Scope,
    sizes::{Compression, Sizes},
};
use crate::{
    bundle_sizes::{BundleSize, BundleSizes},
    finding::{Figures, Finding},
    values::Bytes,
};

/// Judges a bundle by itself. The sizes are `None` if there is nothing to compare.
#[must_use]
pub fn judge(
    check: &str,
    limits: &GrowthLimits,
    scope: &Scope,
    bundle: &Bundle,
) -> (Vec<Finding>, Option<BundleSizes>) {
    if bundle.total().raw == 0 {
        return (vec![empty_bundle(check, bundle)], None);
    }
    let is_raw = limits.compression == Compression::Raw;
    let size = |sizes: Sizes| BundleSize { raw: sizes.raw, compressed: if is_raw { 0 } else { sizes.compressed } };
    let groups = scope.groups.iter().enumerate();
    let groups =
        groups.map(|(index, group)| (group.name.clone(), size(sum(&files_of(scope, bundle, Some(index)))))).collect();
    let compressor = (!is_raw).then(|| bundle.compressor.clone());
    let sizes = BundleSizes { total: size(bundle.total()), groups, compressor };
    let shown = |sizes| shown(sizes, limits.compression);
    let mut findings = vec![
        Finding::passed(check)
            .expected("sizes, which `evidence` compares with those of the last promotion")
            .actual(format!(
                "measured: {}, {} raw in {}",
                shown(bundle.total()),
                Bytes(bundle.total().raw),
                bundle.count()
            ))
            .figures(Figures::now(format!("{}, to be judged by `evidence`", shown(bundle.total())))),
    ];
    findings.extend(judge_sizes(limits, scope, bundle));
    if !sizes.fits() {
        findings.push(
            Finding::inconclusive("groups")
                .actual(format!("the sizes of {} groups", scope.groups.len()))
                .expected("as many as fit into the commit of a promotion: about 15")
                .next("give fewer groups where the deployed bundle is measured"),
        );
        return (findings, None);
    }
    (findings, Some(sizes))
}

/// Judges what needs no baseline: the size of a bundle and of its groups, and groups without files.
#[must_use]
pub fn judge_sizes(limits: &GrowthLimits, scope: &Scope, bundle: &Bundle) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rest = files_of(scope, bundle, None);
    if !rest.is_empty() || scope.groups.is_empty() {
        findings.extend(judge_size("size", sum(&rest).bytes(limits.compression), &[], limits));
    }
    for (index, group) in scope.groups.iter().enumerate() {
        let files = files_of(scope, bundle, Some(index));
        let limits = limits.of_group(group);
        findings.push(if files.is_empty() {
            empty_group(&group.name)
        } else {
            Finding::passed(&group.name)
                .expected("sizes of this group")
                .actual(format!("measured: {}", shown(sum(&files), limits.compression)))
        });
        let now = sum(&files).bytes(limits.compression);
        findings.extend(judge_size(&format!("{}: size", group.name), now, &[], &limits));
    }
    findings
}

/// The files of a group, or of none.
fn files_of<'a>(scope: &Scope, bundle: &'a Bundle, group: Option<usize>) -> Vec<&'a BundleFile> {
    bundle.files.iter().filter(|file| scope.group_of(&file.path) == group).collect()
}

fn sum(files: &[&BundleFile]) -> Sizes {
    files.iter().map(|file| file.sizes).sum()
}

/// `1.05 MB gzip`
fn shown(sizes: Sizes, compression: Compression) -> String {
    format!("{} {}", Bytes(sizes.bytes(compression)), compression.word())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;
    use crate::finding::{Verdict, verdict};

    fn judged(files: &[(&str, u64)], groups: &[&str], arguments: &[&str]) -> (Vec<Finding>, Option<String>) {
        let command = GrowthLimits::augment_args(clap::Command::new("test").no_binary_name(true));
        let limits = GrowthLimits::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap();
        let bundle = Bundle::from_files(files.iter().map(|(path, raw)| BundleFile {
            path: (*path).to_owned(),
            sizes: Sizes { raw: *raw, compressed: raw / 2 },
            ..BundleFile::default()
        }));
        let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
        let scope = Scope { patterns: vec!["dist".to_owned()], groups };
        let (findings, sizes) = judge("shop", &limits, &scope, &bundle);
        (findings, sizes.map(|sizes| sizes.to_string()))
    }

    #[test]
    fn the_sizes_of_the_bundle_and_its_groups_are_one_line() {
        let files = [("dist/a.js", 1000), ("dist/admin/b.js", 600), ("dist/admin/c.js", 100)];
        let (findings, sizes) = judged(&files, &["admin dist/admin"], &[]);
        assert_eq!(verdict(&findings), Verdict::Passed, "{findings:?}");
        assert_eq!(sizes.as_deref(), Some("850 gzip, 1700 raw; admin: 350 gzip, 700 raw; by gzip 8 zlib-rs 0.6.8"));
        let (_, sizes) = judged(&files, &[], &["--compression=raw"]);
        assert_eq!(sizes.as_deref(), Some("1700 raw"));
    }

    #[test]
    fn only_absolute_limits_are_judged() {
        let files = [("dist/a.js", 1000), ("dist/admin/b.js", 600)];
        for (groups, arguments, expected) in [
            (&["admin dist/admin"][..], &[][..], Verdict::Passed),
            (&["admin dist/admin max-size=300"], &["--max-size=500"], Verdict::Passed),
            (&["admin dist/admin max-size=299"], &[], Verdict::Blocked),
            (&["admin dist/admin"], &["--max-size=499"], Verdict::Blocked),
            (&[], &["--max-size=799"], Verdict::Blocked),
            (&["gone dist/gone"], &[], Verdict::Inconclusive),
        ] {
            let (findings, _) = judged(&files, groups, arguments);
            assert_eq!(verdict(&findings), expected, "{groups:?} {arguments:?} {findings:?}");
        }
        let (findings, sizes) = judged(&[("dist/a.js", 0)], &[], &[]);
        assert_eq!((verdict(&findings), sizes), (Verdict::Inconclusive, None));
        let many: Vec<String> = (0..40).map(|at| format!("group-{at} dist/a.js")).collect();
        let (findings, sizes) = judged(&files, &many.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        assert_eq!((verdict(&findings), sizes), (Verdict::Inconclusive, None));
    }
}
