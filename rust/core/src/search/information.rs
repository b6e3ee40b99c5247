//! What scores say of the candidates once the examples' own effects are integrated out: as many numbers as there are candidates.
//!
//! **Cost**: candidates² × examples for the precision, and candidates³ for its inverse.

use super::cells::Cells;
use super::linear::{Factor, dot};

/// What the scores say of the candidates, once example effects are integrated out; in units of the noise.
#[derive(Debug, Clone)]
pub(crate) struct Information {
    /// The inverse of the candidates' precision, and its factor.
    pub inverse: Vec<f64>,
    pub factor: Factor,
    /// What the scores alone say of each.
    pub estimate: Vec<f64>,
    pub linear: Vec<f64>,
    pub square: f64,
    pub log_determinant: f64,
}

impl Information {
    pub fn new(cells: &Cells, ratio: f64) -> Self {
        let (n, m) = (cells.measured.len(), cells.examples);
        let known: Vec<&[f64]> = cells.known.chunks_exact(m).collect();
        let score: Vec<&[f64]> = cells.score.chunks_exact(m).collect();
        let (mut counts, mut sums) = (vec![0.0; m], vec![0.0; m]);
        for (known, score) in known.iter().zip(&score) {
            for j in 0..m {
                counts[j] += known[j];
                sums[j] += score[j];
            }
        }
        let shrink: Vec<f64> = counts.iter().map(|count| ratio / (1.0 + count * ratio)).collect();
        let mut precision = vec![0.0; n * n];
        let mut linear = vec![0.0; n];
        for i in 0..n {
            let weighted: Vec<f64> = known[i].iter().zip(&shrink).map(|(a, b)| a * b).collect();
            for j in 0..=i {
                let shared = -dot(&weighted, known[j]);
                precision[i * n + j] = shared;
                precision[j * n + i] = shared;
            }
            precision[i * n + i] += known[i].iter().sum::<f64>();
            linear[i] = score[i].iter().sum::<f64>() - dot(&weighted, &sums);
        }
        let factor = Factor::of(&precision, n);
        let squares: f64 = score.iter().map(|score| dot(score, score)).sum();
        let explained: f64 = shrink.iter().zip(&sums).map(|(a, b)| a * b * b).sum();
        let inverse = factor.inverse();
        Self {
            estimate: factor.solve(&linear),
            factor: Factor::of(&inverse, n),
            inverse,
            linear,
            square: squares - explained,
            log_determinant: factor.log_determinant()
                + counts.iter().map(|count| (count * ratio).ln_1p()).sum::<f64>(),
        }
    }
}
