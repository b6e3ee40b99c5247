//! A stream of draws that one named draw begins: uniform and normal numbers.
//!
//! Surrogates draw whole functions, thousands of numbers each; hashing a name for every one would cost more than what they are used
//! for. A counter goes through the finish of `SplitMix64`, and pairs of uniform numbers become normal ones by Box and Muller.

use crate::seed;

/// Numbers that depend only on the name of the draw that began them and on their place.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    state: u64,
    kept: Option<f64>,
}

impl Stream {
    /// The stream with this name.
    pub fn new(seed: i64, purpose: &str, step: i64) -> Self {
        Self { state: seed::draw(seed, purpose, step), kept: None }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        seed::finish(self.state)
    }

    /// Above 0 and below 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A whole number from 0 to `below`, not included; `below` is at least 1.
    pub fn below(&mut self, below: usize) -> usize {
        // The high half of the product: even but for 2^-64 × below.
        let wide = u128::from(self.next()) * below as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Normal, with mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.kept = Some(radius * sine);
        radius * cosine
    }

    /// So many of them.
    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }
}
