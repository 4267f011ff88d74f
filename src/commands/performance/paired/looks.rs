//! After how many pairs the rule looks, and the critical value of each look.

/// The error of one side over all looks together.
pub const ALPHA: f64 = 0.05;

/// The looks. Fewer than six pairs can decide nothing: of four, the most extreme order has a probability of 1/16.
pub const AFTER: [usize; 4] = [6, 12, 24, 48];

/// A look at which one side can decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub pairs: usize,
    /// How many Walsh averages must lie on that side.
    pub critical: usize,
}

/// The looks of one side up to `max_pairs`, without those that cannot decide yet.
///
/// The budget that may be spent up to a look is that of Lan & `DeMets`, of the type of Pocock. What the looks before left over
/// stays in it. By the union bound, the probabilities of all looks together stay within `alpha`.
pub fn schedule(max_pairs: usize, alpha: f64) -> Vec<Look> {
    let mut spent = 0.0;
    let mut looks = Vec::new();
    for pairs in AFTER.into_iter().filter(|pairs| *pairs <= max_pairs) {
        let part = count_as_f64(pairs) / count_as_f64(max_pairs);
        let budget = alpha * (1.0 + (std::f64::consts::E - 1.0) * part).ln() - spent;
        if let Some((critical, probability)) = critical_value(pairs, budget) {
            spent += probability;
            looks.push(Look { pairs, critical });
        }
    }
    looks
}

/// The smallest critical value whose probability is within the budget, and that probability. Exact: the counts are integers.
fn critical_value(pairs: usize, budget: f64) -> Option<(usize, f64)> {
    let counts = signed_rank_counts(pairs);
    let all = counts.iter().sum::<u64>();
    let mut tail = 0;
    let mut found = None;
    for (statistic, count) in counts.iter().enumerate().rev() {
        tail += count;
        let probability = exact(tail) / exact(all);
        if probability > budget {
            break;
        }
        found = Some((statistic, probability));
    }
    found
}

/// How many of the equally likely signs of the ranks 1 to `pairs` give each sum of the positive ranks, from 0 on.
fn signed_rank_counts(pairs: usize) -> Vec<u64> {
    let mut counts = vec![0_u64; pairs * (pairs + 1) / 2 + 1];
    counts[0] = 1;
    for rank in 1..=pairs {
        for sum in (rank..counts.len()).rev() {
            counts[sum] += counts[sum - rank];
        }
    }
    counts
}

/// 2^48, the largest count, is exact in a float.
#[expect(clippy::cast_precision_loss, reason = "at most 2^48")]
const fn exact(count: u64) -> f64 {
    count as f64
}

fn count_as_f64(count: usize) -> f64 {
    exact(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(max_pairs: usize, figures: u32) -> String {
        let looks = schedule(max_pairs, ALPHA / f64::from(figures));
        looks.iter().map(|look| format!("{}:{}", look.pairs, look.critical)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_critical_values_are_those_of_the_tables() {
        for (max_pairs, figures, looks) in [
            (12, 1, "6:21 12:63"),
            (12, 2, "12:65"),
            (12, 5, "12:69"),
            (12, 10, "12:71"),
            (12, 20, "12:73"),
            (24, 1, "6:21 12:67 24:222"),
            (24, 2, "12:67 24:229"),
            (24, 5, "12:70 24:242"),
            (24, 10, "12:73 24:246"),
            (24, 20, "12:75 24:252"),
            (48, 1, "12:66 24:227 48:790"),
            (48, 2, "12:69 24:235 48:814"),
            (48, 5, "12:72 24:245 48:845"),
            (48, 10, "12:74 24:252 48:864"),
            (48, 20, "12:76 24:256 48:885"),
        ] {
            assert_eq!(shown(max_pairs, figures), looks, "{max_pairs} pairs, {figures} figures");
        }
    }

    /// Every combination of signs, each from the one before by one changed sign (Gray code): no recursion over ranks.
    fn enumerated(pairs: usize) -> Vec<u64> {
        let mut counts = vec![0_u64; pairs * (pairs + 1) / 2 + 1];
        let (mut sum, mut positive) = (0, vec![false; pairs]);
        counts[0] = 1;
        for step in 1..1_u64 << pairs {
            let changed = step.trailing_zeros() as usize;
            positive[changed] = !positive[changed];
            sum = if positive[changed] { sum + changed + 1 } else { sum - changed - 1 };
            counts[sum] += 1;
        }
        counts
    }

    #[test]
    fn the_distribution_is_that_of_an_enumeration_of_all_signs() {
        for pairs in [1, 2, 6, 7, 12, 20] {
            assert_eq!(signed_rank_counts(pairs), enumerated(pairs), "{pairs}");
        }
        let largest = signed_rank_counts(48);
        assert_eq!(largest.iter().sum::<u64>(), 1 << 48);
        assert!(largest.iter().eq(largest.iter().rev()), "the distribution is symmetric");
    }

    #[test]
    fn the_looks_together_stay_within_alpha_and_a_smaller_value_would_not() {
        for (max_pairs, alpha) in AFTER.iter().flat_map(|most| [(*most, 0.05), (*most, 0.025), (*most, 0.001)]) {
            let probability = |look: &Look| {
                let counts = signed_rank_counts(look.pairs);
                exact(counts[look.critical..].iter().sum()) / exact(counts.iter().sum())
            };
            let looks = schedule(max_pairs, alpha);
            let spent: f64 = looks.iter().map(probability).sum();
            assert!(spent <= alpha + 1e-12, "{max_pairs} {alpha}: {spent}");
            if let Some((last, before)) = looks.split_last().filter(|(last, _)| last.pairs == max_pairs) {
                let closer = Look { critical: last.critical - 1, ..*last };
                let more: f64 = before.iter().map(probability).sum::<f64>() + probability(&closer);
                assert!(more > alpha, "{max_pairs} {alpha}: {more}");
            }
            let has_majority = |look: &Look| look.critical > look.pairs * (look.pairs + 1) / 4;
            assert!(looks.iter().all(has_majority), "no order of the bounds is reversed");
        }
    }

    #[test]
    fn the_smallest_budgets_decide_nothing() {
        assert_eq!(schedule(6, 1.0 / 65.0), []);
        assert_eq!(schedule(6, 1.0 / 64.0), [Look { pairs: 6, critical: 21 }]);
        assert_eq!(schedule(12, 0.0), []);
    }
}
