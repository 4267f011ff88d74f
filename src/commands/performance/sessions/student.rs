//! Student's t distribution.

use std::f64::consts::FRAC_2_PI;

/// The value that a t distribution exceeds with this probability.
pub fn quantile(above: f64, degrees: u32) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while tail(high, degrees) > above {
        high *= 2.0;
        if high > 1e12 {
            return f64::INFINITY;
        }
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if tail(middle, degrees) > above { low = middle } else { high = middle }
    }
    high
}

/// The probability that t is over `t`, exactly: Abramowitz & Stegun 26.7.3 and 26.7.4.
fn tail(t: f64, degrees: u32) -> f64 {
    let nu = f64::from(degrees);
    let (sine, cosine) = (t / (nu + t * t).sqrt(), (nu / (nu + t * t)).sqrt());
    let series = |first: f64, begin: u32| {
        let (mut term, mut sum) = (first, first);
        let mut k = begin;
        while k + 1 < degrees {
            term *= cosine * cosine * f64::from(k) / f64::from(k + 1);
            sum += term;
            k += 2;
        }
        sum
    };
    let inside = if degrees == 1 {
        FRAC_2_PI * (t / nu.sqrt()).atan()
    } else if degrees.is_multiple_of(2) {
        sine * series(1.0, 1)
    } else {
        FRAC_2_PI * ((t / nu.sqrt()).atan() + sine * series(cosine, 2))
    };
    (1.0 - inside) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (above, degrees, expected) in [
            (0.05, 1, 6.314),
            (0.05, 2, 2.920),
            (0.05, 3, 2.353),
            (0.05, 4, 2.132),
            (0.05, 5, 2.015),
            (0.05, 9, 1.833),
            (0.05, 10, 1.812),
            (0.05, 29, 1.699),
            (0.05, 120, 1.658),
            (0.025, 4, 2.776),
            (0.025, 7, 2.365),
            (0.01, 6, 3.143),
        ] {
            assert!(
                (quantile(above, degrees) - expected).abs() < 5e-4,
                "{above} {degrees}: {}",
                quantile(above, degrees)
            );
        }
    }
}
