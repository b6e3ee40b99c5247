//! The surrogate: what the board says of every candidate of a space, tried or not.
//!
//! A score is the candidate's worth plus the example's effect plus noise. The worth is a constant, an effect of each choice, one
//! of each pair of choices in two slots, and one of the candidate's own: a Gaussian process over slots. **Method**: example effects
//! are integrated out by hand, so a shared example costs nothing and what is left is as large as there are candidates measured. How
//! large the effects are, which few scores tell, is averaged over: a fixed handful of settings around the most likely one, each weighed
//! by its density under wide priors, so that candidates which may all be alike are hardly told apart. **Cost**: the most likely setting
//! is climbed to on [`CLIMB_ON`] candidates at most, by one to two hundred factorisations; then fifteen of all, candidates³/3
//! multiplications each.
//! With fewer than some ten candidates it says little more than their means.

use std::cmp::Ordering;

use super::cells::{Cells, Space};
use super::effects::Effects;
use super::information::Information;
use super::linear::{Factor, dot};
use super::normal::Stream;

/// Logarithms of the variances before anything is known, against the noise: example, main, pair, own.
const PRIOR: [f64; 4] = [0.0, -5.1, -5.5, -5.5];
/// How far that of the examples strays from this, as a standard deviation.
const STRAY: f64 = 1.5;
/// How far those of main, pair and own stray together: candidates may all be alike.
const TOGETHER: f64 = 2.0;
/// How far each of the three strays alone.
const ALONE: f64 = 1.0;
/// By how much all effects are smaller or larger in the settings around the best one, in logarithms.
const SCALES: [f64; 5] = [-4.2, -2.8, -1.4, 0.0, 1.4];
/// By how much those of candidates alone are, and those of slots and pairs the other way.
const SCALES_OF_OWN: [f64; 3] = [-0.7, 0.0, 0.7];
/// Candidates that the variances are climbed to on: the first ones, which were chosen by little.
const CLIMB_ON: usize = 160;
/// A setting that is less likely than this beside the best is left out.
const NEGLIGIBLE: f64 = 0.02;
/// How far the logarithm of a slot's weight does.
const STRAY_OF_SLOTS: f64 = 1.0;
/// Variance of the constant, against the noise: so wide that it holds nothing back.
pub(super) const CONSTANT: f64 = 10.0;

/// What the candidates are worth where the variances are these.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// How much of the answer is its: all settings' make 1.
    pub weight: f64,
    pub log: [f64; 4],
    pub factor: Factor,
    /// What each candidate's deviation adds to the worth of all.
    pub alpha: Vec<f64>,
    pub noise: f64,
}

/// What is fitted.
#[derive(Debug, Clone)]
pub(crate) struct Surrogate {
    pub space: Space,
    /// Choices of the candidates that were measured.
    pub picks: Vec<Vec<usize>>,
    pub(super) couples: Vec<(usize, usize)>,
    center: f64,
    log: [f64; 4],
    pub(super) weights: Vec<f64>,
    information: Information,
    pub(super) settings: Vec<Setting>,
}

impl Surrogate {
    /// The surrogate of cells, of which there is one at least.
    pub fn fit(cells: &Cells) -> Self {
        let few = cells.first(CLIMB_ON);
        let mut fitted = Self::of(&few, PRIOR, vec![0.0; cells.space.sizes.len()]);
        fitted.climb(&few);
        if few.measured.len() < cells.measured.len() {
            fitted = Self::of(cells, fitted.log, fitted.weights);
        }
        fitted.settings = fitted.around(cells.count as f64);
        fitted
    }

    /// The candidates with these variances and weights of slots, before any setting is weighed.
    fn of(cells: &Cells, log: [f64; 4], weights: Vec<f64>) -> Self {
        let slots = cells.space.sizes.len();
        Self {
            space: cells.space.clone(),
            picks: cells.measured.iter().map(|place| cells.all[*place].clone()).collect(),
            couples: (0..slots).flat_map(|a| (a + 1..slots).map(move |b| (a, b))).collect(),
            center: cells.mean,
            log,
            weights,
            information: Information::new(cells, log[0].exp()),
            settings: Vec::new(),
        }
    }

    /// The likely settings of the variances: the best, and others with smaller and larger effects, of slots and of candidates alone.
    fn around(&self, count: f64) -> Vec<Setting> {
        let mut found: Vec<Setting> = Vec::new();
        let mut best = f64::NEG_INFINITY;
        for all in SCALES {
            for own in SCALES_OF_OWN {
                let [example, main, pair, alone] = self.log;
                let log = [example, main + all - own, pair + all - own, alone + all + own];
                let (factor, alpha, rest) =
                    self.solved(&self.information, &self.kernel_of(&log, &self.weights));
                let weight = Self::density_of(count, &self.information, &factor, rest, &log, &self.weights);
                found.push(Setting { weight, log, factor, alpha, noise: (rest / count).max(1e-9) });
                best = best.max(weight);
                // A factor is as large as all candidates squared: those of no use go at once.
                let least = best + NEGLIGIBLE.ln();
                found.retain(|setting| setting.weight.partial_cmp(&least) != Some(Ordering::Less));
            }
        }
        for setting in &mut found {
            setting.weight = (setting.weight - best).exp();
        }
        let whole: f64 = found.iter().map(|setting| setting.weight).sum();
        for setting in &mut found {
            setting.weight /= whole;
        }
        found
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
        Self::density_of(count, information, &factor, rest, log, weights)
    }

    /// The logarithm of the density, but for a constant, of what was factored.
    fn density_of(
        count: f64,
        information: &Information,
        factor: &Factor,
        rest: f64,
        log: &[f64; 4],
        weights: &[f64],
    ) -> f64 {
        let likelihood =
            information.log_determinant + factor.log_determinant() + count * (rest.max(1e-9) / count).ln();
        let mut away = [0.0; 4];
        away.iter_mut().zip(log.iter().zip(PRIOR)).for_each(|(away, (a, b))| *away = a - b);
        let [example, effects @ ..] = away;
        let (squares, sum) = (dot(&effects, &effects), effects.iter().sum::<f64>());
        // The quadratic form of variances ALONE² on the diagonal and TOGETHER² everywhere.
        let (alone, together) = (ALONE * ALONE, TOGETHER * TOGETHER);
        let strayed =
            (example / STRAY).powi(2) + (squares - together / (alone + 3.0 * together) * sum * sum) / alone;
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
    pub fn shares_of_worth(&self) -> (Vec<f64>, f64, f64) {
        self.mean().shares(&self.space.sizes, &self.couples)
    }

    /// Mean and standard deviation of the worth of each candidate measured; that of the average example is in neither.
    pub fn standings(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.picks.len();
        let (mut mean, mut square) = (vec![0.0; n], vec![0.0; n]);
        for Setting { weight, log, factor, alpha, noise } in &self.settings {
            let kernel = self.kernel_of(log, &self.weights);
            for (i, row) in kernel.chunks_exact(n).enumerate() {
                let half = factor.forward(row, 0);
                let (known, variance) = (dot(row, alpha), noise * (row[i] - dot(&half, &half)).max(0.0));
                mean[i] += weight * known;
                square[i] += weight * (variance + known * known);
            }
        }
        let spread = mean.iter().zip(square).map(|(mean, square)| (square - mean * mean).max(0.0).sqrt());
        let spread = spread.collect();
        (mean.into_iter().map(|mean| self.center + mean).collect(), spread)
    }

    /// The posterior mean as a function over the space.
    pub fn mean(&self) -> Effects {
        let mut all = Effects::none(&self.space.sizes, &self.couples, self.picks.len());
        for Setting { weight, log, alpha, .. } in &self.settings {
            let scaled: Vec<f64> = alpha.iter().map(|value| weight * value).collect();
            all.add(&self.effects(log, &scaled));
        }
        all.constant += self.center;
        all
    }

    /// A function drawn from the posterior, by Matheron's rule: one from the prior, moved by what the scores say against it.
    pub fn draw(&self, stream: &mut Stream) -> Effects {
        let mut above = stream.uniform();
        let mut chosen = &self.settings[0];
        for setting in &self.settings {
            if above >= 0.0 {
                chosen = setting;
            }
            above -= setting.weight;
        }
        let Setting { log, factor, noise, .. } = chosen;
        let [_, main, pair, own] = log.map(f64::exp);
        let (slots, pairs) = self.shares(&self.weights);
        let sizes = &self.space.sizes;
        let mut scaled = |variance: f64, count: usize| -> Vec<f64> {
            let deviation = (noise * variance).sqrt();
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
        drawn.add(&self.effects(log, &factor.solve(&against)));
        drawn.constant += self.center;
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
    fn effects(&self, log: &[f64; 4], alpha: &[f64]) -> Effects {
        let [_, main, pair, own] = log.map(f64::exp);
        let (slots, pairs) = self.shares(&self.weights);
        let sizes = &self.space.sizes;
        let mut effects = Effects::none(&self.space.sizes, &self.couples, self.picks.len());
        effects.constant = CONSTANT * alpha.iter().sum::<f64>();
        effects.own = alpha.iter().map(|weight| own * weight).collect();
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::cells::{Cells, Tried};
    use super::super::linear::{Factor, dot};
    use super::super::normal::Stream;
    use super::{CONSTANT, Setting, Surrogate};
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
    fn textbook(fitted: &Surrogate, cells: &Cells, setting: &Setting) -> Vec<(f64, f64)> {
        let m = cells.examples;
        let seen: Vec<usize> = (0..cells.known.len()).filter(|at| cells.known[*at] > 0.0).collect();
        let [ratio, main, pair, own] = setting.log.map(f64::exp);
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
                (cells.mean + dot(&row, &weights), setting.noise * (kernel(i, i) - known))
            })
            .collect()
    }

    /// The same over all settings: a mixture.
    fn mixture(fitted: &Surrogate, cells: &Cells) -> Vec<(f64, f64)> {
        let parts: Vec<(f64, Vec<(f64, f64)>)> = fitted
            .settings
            .iter()
            .map(|setting| (setting.weight, textbook(fitted, cells, setting)))
            .collect();
        (0..fitted.picks.len())
            .map(|i| {
                let mean: f64 = parts.iter().map(|(weight, found)| weight * found[i].0).sum();
                let squares =
                    parts.iter().map(|(weight, found)| weight * (found[i].1 + (found[i].0 - mean).powi(2)));
                (mean, squares.sum::<f64>().sqrt())
            })
            .collect()
    }

    #[test]
    fn it_is_the_posterior_of_the_textbook() {
        let cells = cells();
        let fitted = Surrogate::fit(&cells);
        assert!(fitted.settings.len() > 3, "{}", fitted.settings.len());
        let (mean, spread) = fitted.standings();
        for (i, (wanted, deviation)) in mixture(&fitted, &cells).into_iter().enumerate() {
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
