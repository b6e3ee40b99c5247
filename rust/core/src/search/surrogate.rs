//! The surrogate: what the board says of every candidate of a space, tried or not.
//!
//! A score is the candidate's worth plus the example's effect plus noise. The worth is a constant, an effect of each choice, one
//! of each pair of choices in two slots, and one of the candidate's own: a Gaussian process over slots. **Method**: example effects
//! are integrated out by hand, so a shared example costs nothing and what is left is as large as there are candidates measured. Variances,
//! and how much each slot matters, are those of the highest posterior density, climbed to by factors under wide
//! priors. **Cost**: some sixty factorisations of candidates³/3 multiplications: about 10 ms for 100 candidates, a second for 500.
//! With fewer than some ten candidates it says little more than their means.

use super::cells::{Cells, Space};
use super::linear::{Factor, dot};
use super::normal::Stream;

/// Logarithms of the variances before anything is known, against the noise: example, main, pair, own.
const PRIOR: [f64; 4] = [0.0, -5.1, -5.5, -5.5];
/// How far they stray from these, as a standard deviation.
const STRAY: f64 = 1.5;
/// How far the logarithm of a slot's weight does.
const STRAY_OF_SLOTS: f64 = 1.0;
/// Variance of the constant, against the noise: so wide that it holds nothing back.
pub(super) const CONSTANT: f64 = 10.0;

/// Values of a function over a space: a constant, a table for each slot, one for each pair of slots, and what candidates measured have
/// of their own.
#[derive(Debug, Clone)]
pub(crate) struct Effects {
    pub constant: f64,
    pub slots: Vec<Vec<f64>>,
    pub pairs: Vec<Vec<f64>>,
    pub own: Vec<f64>,
}

/// What is fitted.
#[derive(Debug, Clone)]
pub(crate) struct Surrogate {
    pub space: Space,
    /// Choices of the candidates that were measured.
    pub picks: Vec<Vec<usize>>,
    pub(super) couples: Vec<(usize, usize)>,
    center: f64,
    pub(super) log: [f64; 4],
    pub(super) weights: Vec<f64>,
    kernel: Vec<f64>,
    information: Information,
    pub(super) factor: Factor,
    /// What each candidate's deviation adds to the worth of all.
    pub(super) alpha: Vec<f64>,
    pub noise: f64,
}

/// What the scores say of the candidates, once example effects are integrated out; in units of the noise.
#[derive(Debug, Clone)]
struct Information {
    /// The inverse of the candidates' precision, and its factor.
    inverse: Vec<f64>,
    factor: Factor,
    /// What the scores alone say of each.
    estimate: Vec<f64>,
    linear: Vec<f64>,
    square: f64,
    log_determinant: f64,
}

impl Information {
    fn new(cells: &Cells, ratio: f64) -> Self {
        let (n, m) = (cells.measured.len(), cells.examples);
        let rows = |table: &'_ [f64], i: usize| -> Vec<f64> { table[i * m..(i + 1) * m].to_vec() };
        let known: Vec<Vec<f64>> = (0..n).map(|i| rows(&cells.known, i)).collect();
        let score: Vec<Vec<f64>> = (0..n).map(|i| rows(&cells.score, i)).collect();
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
                let shared = -dot(&weighted, &known[j]);
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

impl Surrogate {
    /// The surrogate of cells, of which there is one at least.
    pub fn fit(cells: &Cells) -> Self {
        let slots = cells.space.sizes.len();
        let couples = (0..slots).flat_map(|a| (a + 1..slots).map(move |b| (a, b))).collect();
        let mut fitted = Self {
            space: cells.space.clone(),
            picks: cells.measured.iter().map(|place| cells.all[*place].clone()).collect(),
            couples,
            center: cells.mean,
            log: PRIOR,
            weights: vec![0.0; slots],
            kernel: Vec::new(),
            information: Information::new(cells, PRIOR[0].exp()),
            factor: Factor::of(&[], 0),
            alpha: Vec::new(),
            noise: 0.0,
        };
        fitted.climb(cells);
        fitted.kernel = fitted.kernel_of(&fitted.log, &fitted.weights);
        let (factor, alpha, rest) = fitted.solved(&fitted.information, &fitted.kernel);
        fitted.noise = (rest / cells.count as f64).max(1e-9);
        fitted.factor = factor;
        fitted.alpha = alpha;
        fitted
    }

    /// Moves one variance or weight at a time, as long as that makes the scores more likely.
    fn climb(&mut self, cells: &Cells) {
        let count = cells.count as f64;
        let mut best = self.density(count, &self.information, &self.log, &self.weights);
        for step in [4.0_f64.ln(), 2.0_f64.ln()] {
            let mut moved = true;
            while moved {
                moved = false;
                for (parameter, sign) in (0..4).flat_map(|i| [(i, 1.0), (i, -1.0)]) {
                    let mut log = self.log;
                    log[parameter] += sign * step;
                    let other = (parameter == 0).then(|| Information::new(cells, log[0].exp()));
                    let density =
                        self.density(count, other.as_ref().unwrap_or(&self.information), &log, &self.weights);
                    if density > best + 1e-6 {
                        (best, self.log, moved) = (density, log, true);
                        self.information = other.unwrap_or_else(|| self.information.clone());
                    }
                }
                if self.space.sizes.len() > 1 {
                    for (slot, sign) in (0..self.weights.len()).flat_map(|i| [(i, 1.0), (i, -1.0)]) {
                        let mut weights = self.weights.clone();
                        weights[slot] += sign * step;
                        let density = self.density(count, &self.information, &self.log, &weights);
                        if density > best + 1e-6 {
                            (best, self.weights, moved) = (density, weights, true);
                        }
                    }
                }
            }
        }
    }

    fn density(&self, count: f64, information: &Information, log: &[f64; 4], weights: &[f64]) -> f64 {
        let (factor, _, rest) = self.solved(information, &self.kernel_of(log, weights));
        let likelihood =
            information.log_determinant + factor.log_determinant() + count * (rest.max(1e-9) / count).ln();
        let strayed: f64 = log.iter().zip(PRIOR).map(|(a, b)| ((a - b) / STRAY).powi(2)).sum();
        let slots: f64 = weights.iter().map(|weight| (weight / STRAY_OF_SLOTS).powi(2)).sum();
        -(likelihood + strayed + slots) / 2.0
    }

    /// The factor of worth and noise together, the weights of the candidates, and the squares that are left.
    fn solved(&self, information: &Information, kernel: &[f64]) -> (Factor, Vec<f64>, f64) {
        let n = self.picks.len();
        let sum: Vec<f64> = kernel.iter().zip(&information.inverse).map(|(a, b)| a + b).collect();
        let factor = Factor::of(&sum, n);
        let alpha = factor.solve(&information.estimate);
        let worth: Vec<f64> = (0..n).map(|i| dot(&kernel[i * n..(i + 1) * n], &alpha)).collect();
        let rest = information.square - dot(&information.linear, &worth);
        (factor, alpha, rest)
    }

    fn kernel_of(&self, log: &[f64; 4], weights: &[f64]) -> Vec<f64> {
        let n = self.picks.len();
        let [_, main, pair, own] = log.map(f64::exp);
        let (slots, pairs) = self.shares(weights);
        let mut kernel = vec![0.0; n * n];
        let mut same = vec![0.0; slots.len()];
        for i in 0..n {
            for j in 0..i {
                let mut value = CONSTANT;
                for (slot, (same, share)) in same.iter_mut().zip(&slots).enumerate() {
                    *same = f64::from(self.picks[i][slot] == self.picks[j][slot]);
                    value += main * share * *same;
                }
                for ((a, b), share) in self.couples.iter().zip(&pairs) {
                    value += pair * share * same[*a] * same[*b];
                }
                kernel[i * n + j] = value;
                kernel[j * n + i] = value;
            }
            let whole = if self.couples.is_empty() { 0.0 } else { pair };
            kernel[i * n + i] = CONSTANT + main + whole + own;
        }
        kernel
    }

    /// How the variances of main and of pair effects are divided, for logarithms of the slots' weights.
    pub(super) fn shares(&self, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let slots: Vec<f64> = weights.iter().map(|weight| weight.exp()).collect();
        let pairs: Vec<f64> = self.couples.iter().map(|(a, b)| slots[*a] * slots[*b]).collect();
        let divided = |parts: Vec<f64>| {
            let whole: f64 = parts.iter().sum();
            parts.into_iter().map(|part| part / whole).collect()
        };
        (divided(slots), divided(pairs))
    }

    /// Of the variance of the expected worth over the space, the share of each slot, of pairs, and of what candidates have of their own.
    ///
    /// What a pair's table has in common along a slot is that slot's.
    pub fn shares_of_worth(&self) -> (Vec<f64>, f64, f64) {
        let Effects { mut slots, pairs, own, .. } = self.mean();
        let mut together = 0.0;
        for ((a, b), mut table) in self.couples.iter().zip(pairs) {
            let (rows, columns) = (self.space.sizes[*a], self.space.sizes[*b]);
            let mean = table.iter().sum::<f64>() / table.len() as f64;
            let along_rows: Vec<f64> =
                table.chunks(columns).map(|row| row.iter().sum::<f64>() / columns as f64 - mean).collect();
            let along_columns: Vec<f64> = (0..columns)
                .map(|column| {
                    (0..rows).map(|row| table[row * columns + column]).sum::<f64>() / rows as f64 - mean
                })
                .collect();
            for (at, value) in table.iter_mut().enumerate() {
                *value -= along_rows[at / columns] + along_columns[at % columns];
            }
            slots[*a].iter_mut().zip(&along_rows).for_each(|(value, more)| *value += more);
            slots[*b].iter_mut().zip(&along_columns).for_each(|(value, more)| *value += more);
            together += variance(&table);
        }
        let slots: Vec<f64> = slots.iter().map(|slot| variance(slot)).collect();
        let own = variance(&own);
        // All alike: nothing to divide.
        let whole = (slots.iter().sum::<f64>() + together + own).max(f64::MIN_POSITIVE);
        (slots.into_iter().map(|slot| slot / whole).collect(), together / whole, own / whole)
    }

    /// Mean and standard deviation of the worth of each candidate measured; that of the average example is in neither.
    pub fn standings(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.picks.len();
        let mean = (0..n).map(|i| self.center + dot(&self.kernel[i * n..(i + 1) * n], &self.alpha)).collect();
        // The constant is what all candidates have alike; it tells nothing of which is better.
        let spread = (0..n).map(|i| {
            let row = &self.kernel[i * n..(i + 1) * n];
            let half = self.factor.forward(row, 0);
            (self.noise * (row[i] - dot(&half, &half)).max(0.0)).sqrt()
        });
        (mean, spread.collect())
    }

    /// The posterior mean as a function over the space.
    pub fn mean(&self) -> Effects {
        let mut effects = self.effects(&self.alpha);
        effects.constant += self.center;
        effects
    }

    /// A function drawn from the posterior, by Matheron's rule: one from the prior, moved by what the scores say against it.
    pub fn draw(&self, stream: &mut Stream) -> Effects {
        let [_, main, pair, own] = self.log.map(f64::exp);
        let (slots, pairs) = self.shares(&self.weights);
        let sizes = &self.space.sizes;
        let mut scaled = |variance: f64, count: usize| -> Vec<f64> {
            let deviation = (self.noise * variance).sqrt();
            stream.normals(count).into_iter().map(|value| deviation * value).collect()
        };
        let mut drawn = Effects {
            constant: scaled(CONSTANT, 1)[0],
            slots: slots.iter().zip(sizes).map(|(share, size)| scaled(main * share, *size)).collect(),
            pairs: pairs
                .iter()
                .zip(&self.couples)
                .map(|(share, (a, b))| scaled(pair * share, sizes[*a] * sizes[*b]))
                .collect(),
            own: scaled(own, self.picks.len()),
        };
        let error = self.information.factor.times(&scaled(1.0, self.picks.len()));
        let against: Vec<f64> = (0..self.picks.len())
            .map(|i| {
                self.information.estimate[i] - (self.value(&drawn, &self.picks[i]) + drawn.own[i]) - error[i]
            })
            .collect();
        let more = self.effects(&self.factor.solve(&against));
        drawn.constant += more.constant + self.center;
        let add = |into: &mut Vec<f64>, more: &Vec<f64>| {
            into.iter_mut().zip(more).for_each(|(value, more)| *value += more);
        };
        drawn.slots.iter_mut().zip(&more.slots).for_each(|(into, more)| add(into, more));
        drawn.pairs.iter_mut().zip(&more.pairs).for_each(|(into, more)| add(into, more));
        add(&mut drawn.own, &more.own);
        drawn
    }

    /// The value of a candidate, without what it has of its own.
    pub fn value(&self, effects: &Effects, picks: &[usize]) -> f64 {
        let slots = effects.slots.iter().zip(picks).map(|(table, pick)| table[*pick]);
        let pairs = self.couples.iter().zip(&effects.pairs);
        let pairs = pairs.map(|((a, b), table)| table[picks[*a] * self.space.sizes[*b] + picks[*b]]);
        effects.constant + slots.sum::<f64>() + pairs.sum::<f64>()
    }

    /// The function that gives candidates these weights.
    fn effects(&self, alpha: &[f64]) -> Effects {
        let [_, main, pair, own] = self.log.map(f64::exp);
        let (slots, pairs) = self.shares(&self.weights);
        let sizes = &self.space.sizes;
        let mut effects = Effects {
            constant: CONSTANT * alpha.iter().sum::<f64>(),
            slots: sizes.iter().map(|size| vec![0.0; *size]).collect(),
            pairs: self.couples.iter().map(|(a, b)| vec![0.0; sizes[*a] * sizes[*b]]).collect(),
            own: alpha.iter().map(|weight| own * weight).collect(),
        };
        for (picks, weight) in self.picks.iter().zip(alpha) {
            for (slot, share) in slots.iter().enumerate() {
                effects.slots[slot][picks[slot]] += main * share * weight;
            }
            for ((table, share), (a, b)) in effects.pairs.iter_mut().zip(&pairs).zip(&self.couples) {
                table[picks[*a] * sizes[*b] + picks[*b]] += pair * share * weight;
            }
        }
        effects
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::cells::{Cells, Tried};
    use super::super::linear::{Factor, dot};
    use super::super::normal::Stream;
    use super::{CONSTANT, Surrogate};
    use crate::board::Rows;

    const SIZES: [i64; 3] = [3, 2, 4];

    /// Candidates that saw different examples, some of them none.
    pub fn cells() -> Cells {
        let mut stream = Stream::new(0, "test", 0);
        let picks: Vec<i64> =
            (0..30).map(|at| i64::try_from(stream.below([3, 2, 4][at % 3])).unwrap_or(0)).collect();
        let (mut candidate, mut example, mut score) = (vec![], vec![], vec![]);
        for i in 0..9_i64 {
            for e in 0..12_i64 {
                if stream.uniform() < 0.6 {
                    candidate.push(i);
                    example.push(e);
                    let worth =
                        0.2 * picks[3 * usize::try_from(i).unwrap_or(0)] as f64 + 0.1 * (e % 3) as f64;
                    score.push(worth + 0.1 * stream.normal());
                }
            }
        }
        let rows =
            Rows { candidate: &candidate, example: &example, score: &score, status: &vec![0; score.len()] };
        Cells::new(Tried { sizes: &SIZES, picks: &picks, rows }).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Mean and deviation of each candidate by the textbook: one matrix over all scores, nothing integrated out by hand.
    fn textbook(fitted: &Surrogate, cells: &Cells) -> Vec<(f64, f64)> {
        let m = cells.examples;
        let seen: Vec<usize> = (0..cells.known.len()).filter(|at| cells.known[*at] > 0.0).collect();
        let [ratio, main, pair, own] = fitted.log.map(f64::exp);
        let (slots, pairs) = fitted.shares(&fitted.weights);
        let kernel = |i: usize, j: usize| {
            let same: Vec<f64> =
                (0..3).map(|s| f64::from(fitted.picks[i][s] == fitted.picks[j][s])).collect();
            let couples = [(0, 1), (0, 2), (1, 2)].iter().zip(&pairs);
            let pairs: f64 = couples.map(|((a, b), share)| share * same[*a] * same[*b]).sum();
            CONSTANT + main * dot(&slots, &same) + pair * pairs + own * f64::from(i == j)
        };
        let mut covariance = Vec::new();
        for a in &seen {
            for b in &seen {
                let example = ratio * f64::from(a % m == b % m);
                covariance.push(kernel(a / m, b / m) + example + f64::from(a == b));
            }
        }
        let factor = Factor::of(&covariance, seen.len());
        let scores: Vec<f64> = seen.iter().map(|at| cells.score[*at]).collect();
        let weights = factor.solve(&scores);
        (0..fitted.picks.len())
            .map(|i| {
                let row: Vec<f64> = seen.iter().map(|at| kernel(i, at / m)).collect();
                let known = dot(&row, &factor.solve(&row));
                (cells.mean + dot(&row, &weights), (fitted.noise * (kernel(i, i) - known)).sqrt())
            })
            .collect()
    }

    #[test]
    fn it_is_the_posterior_of_the_textbook() {
        let cells = cells();
        let fitted = Surrogate::fit(&cells);
        let (mean, spread) = fitted.standings();
        for (i, (wanted, deviation)) in textbook(&fitted, &cells).into_iter().enumerate() {
            assert!((mean[i] - wanted).abs() < 1e-9, "mean {i}: {} and {wanted}", mean[i]);
            assert!((spread[i] - deviation).abs() < 1e-7, "spread {i}: {} and {deviation}", spread[i]);
        }
    }

    #[test]
    fn the_mean_is_one_function_over_the_space() {
        let fitted = Surrogate::fit(&cells());
        let (mean, effects) = (fitted.standings().0, fitted.mean());
        for (i, picks) in fitted.picks.iter().enumerate() {
            assert!((fitted.value(&effects, picks) + effects.own[i] - mean[i]).abs() < 1e-9);
        }
    }

    #[test]
    fn draws_have_the_posterior_mean_and_deviation() {
        let fitted = Surrogate::fit(&cells());
        let (mean, spread) = fitted.standings();
        let mut stream = Stream::new(0, "test", 1);
        let draws: Vec<Vec<f64>> = (0..4000)
            .map(|_| {
                let drawn = fitted.draw(&mut stream);
                fitted
                    .picks
                    .iter()
                    .zip(&drawn.own)
                    .map(|(picks, own)| fitted.value(&drawn, picks) + own)
                    .collect()
            })
            .collect();
        for i in 0..mean.len() {
            let average = draws.iter().map(|draw| draw[i]).sum::<f64>() / 4000.0;
            let deviation =
                (draws.iter().map(|draw| (draw[i] - average).powi(2)).sum::<f64>() / 4000.0).sqrt();
            assert!((average - mean[i]).abs() < 5.0 * spread[i] / 4000.0_f64.sqrt());
            assert!((deviation / spread[i] - 1.0).abs() < 0.08, "{deviation} and {}", spread[i]);
        }
    }
}
