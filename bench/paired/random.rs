//! Random numbers of the simulation. The same seed gives the same figures.

use std::f64::consts::{PI, TAU};

pub struct Random(fastrand::Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub fn coin(&mut self) -> bool {
        self.0.bool()
    }

    /// A number from 0 up to `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.usize(..limit)
    }

    /// Over 0, at most 1.
    fn uniform(&mut self) -> f64 {
        1.0 - self.0.f64()
    }

    pub fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Standard normal (Box & Muller).
    pub fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// X(ceil(.99 n)) of n lognormal latencies with median 1, without drawing all of them: the largest of n uniform numbers is
    /// V^(1/n), the next largest is that times V^(1/(n - 1)), and so on, each V uniform. So the order statistic is exact.
    pub fn p99(&mut self, requests: u32, sigma: f64) -> f64 {
        let above = requests - (requests * 99).div_ceil(100);
        let logarithm: f64 = (0..=above).map(|rank| -self.exponential() / f64::from(requests - rank)).sum();
        (sigma * normal_quantile(-logarithm.exp_m1())).exp()
    }
}

/// The standard normal quantile of 1 - `above`, for `above` below a half. Abramowitz & Stegun 26.2.23 as a start, then two steps
/// of Newton on the tail.
fn normal_quantile(above: f64) -> f64 {
    let t = (-2.0 * above.ln()).sqrt();
    let mut quantile = t
        - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
            / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t);
    for _ in 0..2 {
        let density = (-quantile * quantile / 2.0).exp() / (2.0 * PI).sqrt();
        quantile += (tail(quantile) - above) / density;
    }
    quantile
}

/// The probability that a standard normal number is over `x`: the continued fraction of Laplace from 2.5 on, the series below.
fn tail(x: f64) -> f64 {
    let density = (-x * x / 2.0).exp() / (2.0 * PI).sqrt();
    if x >= 2.5 {
        return density / (1..=60).rev().fold(x, |fraction, k| x + f64::from(k) / fraction);
    }
    let (mut term, mut sum) = (x, x);
    for k in 1..40 {
        term *= x * x / f64::from(2 * k + 1);
        sum += term;
    }
    0.5 - density * sum
}
