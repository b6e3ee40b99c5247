//! What a choice is expected to add: for each choice of a slot how much more a candidate is worth with it than with the slot's first,
//! the other slots' choices averaged over.
//!
//! **Method**: such a mean is linear in the effects, so its posterior is exact where the variances are known, and averaged over them. A pair's effect counts
//! for the share that it has along the slot. **Cost**: candidates² multiplications for each choice that was tried.

use super::linear::dot;
use super::surrogate::{Setting, Surrogate};

impl Surrogate {
    /// Expected gain over the slot's first choice and its standard deviation, for each choice of each slot, slot after slot.
    pub fn above_first(&self) -> (Vec<f64>, Vec<f64>) {
        let count: usize = self.space.sizes.iter().sum();
        let (mut gains, mut squares) = (vec![0.0; count], vec![0.0; count]);
        for setting in &self.settings {
            for (at, (gain, variance)) in self.above_under(setting).into_iter().enumerate() {
                gains[at] += setting.weight * gain;
                squares[at] += setting.weight * (variance + gain * gain);
            }
        }
        let deviations =
            gains.iter().zip(&squares).map(|(gain, square)| (square - gain * gain).max(0.0).sqrt()).collect();
        (gains, deviations)
    }

    /// The same with its variance, where the variances of the effects are these.
    fn above_under(&self, setting: &Setting) -> Vec<(f64, f64)> {
        let [_, main, pair, _] = setting.log.map(f64::exp);
        let (slots, pairs) = self.shares(&self.weights);
        let sizes = &self.space.sizes;
        let mut found = Vec::new();
        for (slot, share) in slots.iter().enumerate() {
            let along = self.couples.iter().zip(&pairs).map(|((a, b), share)| match slot {
                slot if slot == *a => pair * share / sizes[*b] as f64,
                slot if slot == *b => pair * share / sizes[*a] as f64,
                _ => 0.0,
            });
            let weight = main * share + along.sum::<f64>();
            let gain = |choice: usize| {
                let against = |picks: &Vec<usize>| {
                    weight * (f64::from(picks[slot] == choice) - f64::from(picks[slot] == 0))
                };
                let row: Vec<f64> = self.picks.iter().map(against).collect();
                let half = setting.factor.forward(&row, 0);
                let left = (2.0 * weight - dot(&half, &half)).max(0.0);
                (dot(&row, &setting.alpha), setting.noise * left)
            };
            let mut tried = vec![false; sizes[slot]];
            self.picks.iter().for_each(|picks| tried[picks[slot]] = true);
            // Of all that nobody tried the same is known.
            let mut untried = None;
            found.extend(tried.into_iter().enumerate().map(|(choice, tried)| match choice {
                0 => (0.0, 0.0),
                _ if tried => gain(choice),
                _ => *untried.get_or_insert_with(|| gain(choice)),
            }));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::{Factor, dot};
    use super::super::surrogate::{CONSTANT, Surrogate, tests};

    const SIZES: [usize; 3] = [3, 2, 4];
    const COUPLES: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

    fn every() -> Vec<[usize; 3]> {
        (0..24).map(|at| [at / 8, at / 4 % 2, at % 4]).collect()
    }

    /// The mean over the space with one choice, less that with the first: of the kernel between all candidates, nothing simplified.
    #[test]
    fn it_is_a_mean_over_the_space_by_the_textbook() {
        let cells = tests::cells();
        let fitted = Surrogate::fit(&cells);
        let setting = &fitted.settings[0];
        let [ratio, main, pair, own] = setting.log.map(f64::exp);
        let (slots, pairs) = fitted.shares(&fitted.weights);
        let kernel = |one: &[usize], other: &[usize]| {
            let same: Vec<f64> = (0..3).map(|s| f64::from(one[s] == other[s])).collect();
            let pairs: f64 =
                COUPLES.iter().zip(&pairs).map(|((a, b), share)| share * same[*a] * same[*b]).sum();
            CONSTANT + main * dot(&slots, &same) + pair * pairs
        };
        let m = cells.examples;
        let seen: Vec<usize> = (0..cells.known.len()).filter(|at| cells.known[*at] > 0.0).collect();
        let mut covariance = Vec::new();
        for a in &seen {
            for b in &seen {
                let alike = f64::from(a / m == b / m) * own + f64::from(a % m == b % m) * ratio;
                covariance
                    .push(kernel(&fitted.picks[a / m], &fitted.picks[b / m]) + alike + f64::from(a == b));
            }
        }
        let factor = Factor::of(&covariance, seen.len());
        let scores: Vec<f64> = seen.iter().map(|at| cells.score[*at]).collect();
        let found = fitted.above_under(setting);
        let mut at = 0;
        for slot in 0..3 {
            for choice in 0..SIZES[slot] {
                let share = SIZES[slot] as f64 / 24.0;
                let sign = |picks: &[usize; 3]| {
                    share * (f64::from(picks[slot] == choice) - f64::from(picks[slot] == 0))
                };
                let with = |other: &[usize]| -> f64 {
                    every().iter().map(|picks| sign(picks) * kernel(picks, other)).sum()
                };
                let row: Vec<f64> = seen.iter().map(|cell| with(&fitted.picks[cell / m])).collect();
                let prior: f64 = every().iter().map(|picks| sign(picks) * with(picks)).sum();
                let known = dot(&row, &factor.solve(&row));
                assert!(
                    (found[at].0 - dot(&row, &factor.solve(&scores))).abs() < 1e-9,
                    "gain {slot} {choice}"
                );
                let wanted = setting.noise * (prior - known).max(0.0);
                assert!((found[at].1 - wanted).abs() < 1e-9, "variance {slot} {choice}");
                at += 1;
            }
        }
        assert_eq!(at, found.len());
        let mean: f64 = fitted.settings.iter().map(|s| s.weight * fitted.above_under(s)[1].0).sum();
        assert!((fitted.above_first().0[1] - mean).abs() < 1e-12);
    }
}
