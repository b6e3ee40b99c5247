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
const PRIOR: [f64; 4] = [0.0, -3.5, -4.2, -4.6];
/// How far they stray from these, as a standard deviation.
const STRAY: f64 = 1.5;
/// How far the logarithm of a slot's weight does.
const STRAY_OF_SLOTS: f64 = 1.0;
/// Variance of the constant, against the noise: so wide that it holds nothing back.
const CONSTANT: f64 = 10.0;

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
    couples: Vec<(usize, usize)>,
    center: f64,
    log: [f64; 4],
    weights: Vec<f64>,
    kernel: Vec<f64>,
    information: Information,
    factor: Factor,
    /// What each candidate's deviation adds to the worth of all.
    alpha: Vec<f64>,
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
    fn shares(&self, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let slots: Vec<f64> = weights.iter().map(|weight| weight.exp()).collect();
        let pairs: Vec<f64> = self.couples.iter().map(|(a, b)| slots[*a] * slots[*b]).collect();
        let divided = |parts: Vec<f64>| {
            let whole: f64 = parts.iter().sum();
            parts.into_iter().map(|part| part / whole).collect()
        };
        (divided(slots), divided(pairs))
    }

    /// The variance that each slot has, that pairs have, and that candidates have of their own, as shares of the worth's.
    pub fn variances(&self) -> (Vec<f64>, f64, f64) {
        let [_, main, pair, own] = self.log.map(f64::exp);
        let pair = if self.couples.is_empty() { 0.0 } else { pair };
        let whole = main + pair + own;
        let slots = self.shares(&self.weights).0.iter().map(|share| main * share / whole).collect();
        (slots, pair / whole, own / whole)
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
                self.information.estimate[i]
                    - (self.value(&drawn, &self.picks[i]) + drawn.own[i])
                    - error[i]
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
