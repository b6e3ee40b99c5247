//! A tree-structured Parzen estimator over categorical slots, all slots together (Bergstra et al. 2011; Falkner et al. 2018).
//!
//! The best tenth of the candidates by their means makes one density, the others make another; draws from the first are ranked by
//! the ratio of the two. Each candidate is a product of kernels, one a slot, so that choices which go well together
//! are drawn together. **Cost**: draws × candidates × slots, microseconds. It sees a candidate's mean and not on how many or on which
//! examples: where these differ much, the surrogate knows more.

use std::collections::HashSet;

use super::cells::{Cells, Space, Tried};
use super::normal::Stream;
use super::{Ask, signed};
use crate::Error;

/// Candidates below which chance alone decides.
const STARTUP: usize = 10;
/// Draws from the good density for each pick.
const DRAWS: usize = 24;
/// The good ones are a tenth, and so many at most.
const MOST_GOOD: usize = 25;

/// The candidates that the estimator would run next; those with `closed[i]` are left out, others may come again.
pub fn tpe(tried: Tried<'_>, closed: &[bool], ask: Ask) -> Result<Vec<i64>, Error> {
    let cells = Cells::new(tried)?;
    crate::error::same_length(("closed", closed.len()), ("picks", cells.all.len()))?;
    let space = &cells.space;
    let mut without: HashSet<u64> = cells
        .all
        .iter()
        .zip(closed)
        .filter(|(_, closed)| **closed)
        .map(|(picks, _)| space.number(picks))
        .collect();
    let means = cells.means();
    let mut ranked: Vec<(f64, &[usize])> =
        means.iter().zip(&cells.measured).map(|(mean, place)| (*mean, &cells.all[*place][..])).collect();
    // Stable, so that of equals the earlier is the better.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let candidates: Vec<&[usize]> = ranked.into_iter().map(|(_, picks)| picks).collect();
    let good = candidates.len().div_ceil(10).min(MOST_GOOD);
    let (good, rest) = candidates.split_at(good);
    let (good, rest) = (Density { space, kernels: good }, Density { space, kernels: rest });
    let mut stream = Stream::new(ask.seed, "search/tpe", ask.step);
    let mut picks = Vec::new();
    for _ in 0..space.asked(ask.n)? {
        let mut best: Option<(f64, u64)> = None;
        for _ in 0..DRAWS {
            let drawn =
                if candidates.len() < STARTUP { space.random(&mut stream) } else { good.draw(&mut stream) };
            let number = space.number(&drawn);
            let value = good.log_at(&drawn) - rest.log_at(&drawn);
            if !without.contains(&number) && best.is_none_or(|(leading, _)| value > leading) {
                best = Some((value, number));
                if candidates.len() < STARTUP {
                    break;
                }
            }
        }
        let Some(number) = best.map(|(_, number)| number).or_else(|| space.free(&without, &mut stream))
        else {
            break;
        };
        without.insert(number);
        picks.extend(space.picks(number).into_iter().map(signed));
    }
    Ok(picks)
}

/// A mixture of one kernel for each candidate, and the even density as one more.
struct Density<'a> {
    space: &'a Space,
    kernels: &'a [&'a [usize]],
}

impl Density<'_> {
    /// How much of a kernel lies evenly over the choices of its slot: less, the more candidates there are.
    fn even(&self) -> f64 {
        1.0 / (1.0 + self.kernels.len() as f64)
    }

    fn draw(&self, stream: &mut Stream) -> Vec<usize> {
        let chosen = stream.below(self.kernels.len() + 1);
        let Some(kernel) = self.kernels.get(chosen) else { return self.space.random(stream) };
        let even = self.even();
        let slots = kernel.iter().zip(&self.space.sizes);
        slots.map(|(pick, size)| if stream.uniform() < even { stream.below(*size) } else { *pick }).collect()
    }

    fn log_at(&self, picks: &[usize]) -> f64 {
        let even = self.even();
        let at = |kernel: &[usize]| -> f64 {
            let slots = kernel.iter().zip(picks).zip(&self.space.sizes);
            slots
                .map(|((own, pick), size)| even / *size as f64 + if own == pick { 1.0 - even } else { 0.0 })
                .product()
        };
        let flat: f64 = self.space.sizes.iter().map(|size| 1.0 / *size as f64).product();
        let sum: f64 = self.kernels.iter().map(|kernel| at(kernel)).sum();
        ((sum + flat) / (self.kernels.len() as f64 + 1.0)).ln()
    }
}
