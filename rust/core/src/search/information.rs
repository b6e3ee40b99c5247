//! What scores say of the candidates once the examples' own effects are integrated out: as many numbers as there are candidates.
//!
//! On one example candidates are alike: it is hard for all of them, and suits one choice of a slot more than another. So the scores of
//! one example have a covariance `D + U Uᵀ`, where `U` has a column for all and one for each choice that some of them share, and `D`,
//! which is diagonal, the noise and the choices that nobody shares. **Method**: its inverse is `D⁻¹ − W Wᵀ` by Woodbury's identity, with
//! as many columns in `W` as in `U`; examples that the same candidates saw have the same one, and are a [`Block`].
//! **Cost**: for each block candidates² × columns, and columns³; then candidates³ for the inverse of the precision.

use std::collections::HashMap;

use super::cells::Cells;
use super::linear::{Factor, dot};

/// The examples that the same candidates saw.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Those candidates.
    rows: Vec<usize>,
    /// For each slot, its column of each candidate's choice; None of a choice that no other has.
    columns: Vec<Vec<Option<usize>>>,
    /// The slot of each column.
    slots: Vec<usize>,
    /// Scores, example after example.
    scores: Vec<f64>,
    examples: usize,
}

impl Block {
    /// The blocks of cells; that of the first example comes first.
    pub fn all(cells: &Cells) -> Vec<Self> {
        let m = cells.examples;
        let mut places: HashMap<Vec<usize>, usize> = HashMap::new();
        let mut found: Vec<Self> = Vec::new();
        for example in 0..m {
            let seen = |row: &usize| cells.known[row * m + example] > 0.0;
            let rows: Vec<usize> = (0..cells.measured.len()).filter(seen).collect();
            // Where only some candidates are asked of, an example may have been shown to none of them.
            if rows.is_empty() {
                continue;
            }
            let place = *places.entry(rows).or_insert_with_key(|rows| {
                found.push(Self::of(rows, cells));
                found.len() - 1
            });
            let block = &mut found[place];
            block.scores.extend(block.rows.iter().map(|row| cells.score[row * m + example]));
            block.examples += 1;
        }
        found
    }

    fn of(rows: &[usize], cells: &Cells) -> Self {
        let mut slots = Vec::new();
        let columns = (0..cells.space.sizes.len())
            .map(|slot| {
                let picks: Vec<usize> =
                    rows.iter().map(|row| cells.all[cells.measured[*row]][slot]).collect();
                let mut counts: HashMap<usize, usize> = HashMap::new();
                for pick in &picks {
                    *counts.entry(*pick).or_default() += 1;
                }
                let mut names: HashMap<usize, usize> = HashMap::new();
                let column = |pick: &usize| {
                    (counts[pick] > 1).then(|| {
                        *names.entry(*pick).or_insert_with(|| {
                            slots.push(slot);
                            slots.len()
                        })
                    })
                };
                picks.iter().map(column).collect()
            })
            .collect();
        Self { rows: rows.to_vec(), columns, slots, scores: Vec::new(), examples: 0 }
    }

    /// Adds to the precision of the candidates and to what is said of each; the squares of the scores, and the logarithm of the determinant.
    fn add(&self, ratio: f64, with_example: &[f64], precision: &mut [f64], linear: &mut [f64]) -> (f64, f64) {
        let n = linear.len();
        let (count, width) = (self.rows.len(), self.slots.len() + 1);
        let deviations: Vec<f64> = std::iter::once(ratio)
            .chain(self.slots.iter().map(|slot| with_example[*slot]))
            .map(f64::sqrt)
            .collect();
        let mut noise = vec![1.0 - with_example.iter().sum::<f64>(); count];
        for (columns, variance) in self.columns.iter().zip(with_example) {
            noise
                .iter_mut()
                .zip(columns)
                .filter(|(_, column)| column.is_none())
                .for_each(|(n, _)| *n += variance);
        }
        // The columns in which each candidate's row of U is not 0.
        let filled: Vec<Vec<usize>> = (0..count)
            .map(|i| std::iter::once(0).chain(self.columns.iter().filter_map(|column| column[i])).collect())
            .collect();
        let mut inner = vec![0.0; width * width];
        for column in 0..width {
            inner[column * width + column] = 1.0;
        }
        for (filled, noise) in filled.iter().zip(&noise) {
            for a in filled {
                for b in filled {
                    inner[a * width + b] += deviations[*a] * deviations[*b] / noise;
                }
            }
        }
        let factor = Factor::of(&inner, width);
        // A row of W for each candidate.
        let mut whitened = Vec::with_capacity(count * width);
        let mut row = vec![0.0; width];
        for (filled, noise) in filled.iter().zip(&noise) {
            row.fill(0.0);
            for column in filled {
                row[*column] = deviations[*column] / noise;
            }
            whitened.extend(factor.forward(&row, 0));
        }
        let whitened: Vec<&[f64]> = whitened.chunks_exact(width).collect();
        let examples = self.examples as f64;
        for (i, one) in whitened.iter().enumerate() {
            for (j, other) in whitened[..=i].iter().enumerate() {
                let shared = -examples * dot(one, other);
                precision[self.rows[i] * n + self.rows[j]] += shared;
                if i != j {
                    precision[self.rows[j] * n + self.rows[i]] += shared;
                }
            }
            precision[self.rows[i] * n + self.rows[i]] += examples / noise[i];
        }
        let mut squares = 0.0;
        let mut along = vec![0.0; width];
        for scores in self.scores.chunks_exact(count) {
            let mut along_one = vec![0.0; width];
            for ((score, whitened), noise) in scores.iter().zip(&whitened).zip(&noise) {
                squares += score * score / noise;
                along_one.iter_mut().zip(*whitened).for_each(|(sum, value)| *sum += score * value);
            }
            squares -= dot(&along_one, &along_one);
            along.iter_mut().zip(&along_one).for_each(|(sum, value)| *sum += value);
            for (row, (score, noise)) in self.rows.iter().zip(scores.iter().zip(&noise)) {
                linear[*row] += score / noise;
            }
        }
        for (row, whitened) in self.rows.iter().zip(&whitened) {
            linear[*row] -= dot(whitened, &along);
        }
        let determinant = factor.log_determinant() + noise.iter().map(|noise| noise.ln()).sum::<f64>();
        (squares, examples * determinant)
    }
}

/// What the scores say of the candidates, once example effects are integrated out; in units of the noise and the choices' effects on examples.
#[derive(Debug, Clone, Default)]
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
    /// Of so many candidates, where these are the variances of an example's effects: `ratio` for all candidates alike, against that of what
    /// differs between them; and of the latter, which is 1, `with_example` for the choices of each slot. What is left of it is noise.
    pub fn new(blocks: &[Block], candidates: usize, ratio: f64, with_example: &[f64]) -> Self {
        let n = candidates;
        let (mut precision, mut linear) = (vec![0.0; n * n], vec![0.0; n]);
        let (mut square, mut log_determinant) = (0.0, 0.0);
        for block in blocks {
            let (squares, determinant) = block.add(ratio, with_example, &mut precision, &mut linear);
            square += squares;
            log_determinant += determinant;
        }
        let factor = Factor::of(&precision, n);
        let inverse = factor.inverse();
        Self {
            estimate: factor.solve(&linear),
            factor: Factor::of(&inverse, n),
            inverse,
            linear,
            square,
            log_determinant: log_determinant + factor.log_determinant(),
        }
    }
}
