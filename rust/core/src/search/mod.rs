//! The next candidates of a space: by chance, by a tree-structured Parzen estimator, or by a surrogate.
//!
//! A space is a number of choices for each slot; a candidate picks one of each. Every searcher is a function of the space, the
//! board, a seed and a step: it keeps nothing, and asked the same twice it answers the same. Answers are new picks, different from
//! each other and from what is left out; where the space has no more, they are fewer.
//!
//! [`random`] and [`design`] need no scores; [`tpe()`] learns from the candidates' means and costs microseconds; [`surrogate()`]
//! learns from the cells and costs milliseconds.

mod above;
mod cells;
mod design;
mod effects;
mod information;
mod linear;
mod normal;
mod reach;
mod surrogate;
mod tpe;

pub use cells::{MOST_COMBINATIONS, MOST_PAIRS, MOST_TRIED, Tried};
pub use design::{design, random};
pub use tpe::tpe;

use std::collections::HashSet;

use crate::Error;
use cells::Cells;
use normal::Stream;
use reach::Reach;
use surrogate::Surrogate;

/// What a searcher is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// How many picks.
    pub n: usize,
    /// Share of them that the surrogate's mean chooses, the others by draws from it.
    pub greedy: f64,
    /// Where chance comes from.
    pub seed: i64,
    /// Which time it is that this seed is asked: another step is another draw.
    pub step: i64,
}

/// What a surrogate answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Advice {
    /// Choices of each slot, candidate after candidate, in the order in which they are wanted.
    pub picks: Vec<i64>,
    /// Expected score of each candidate on the board, on the examples that were asked; NaN where it was never measured.
    pub mean: Vec<f64>,
    /// Its standard deviation, the examples' own not in it.
    pub spread: Vec<f64>,
    /// Of the variance of the expected score over the space, the share of each slot, then that of pairs of choices, then that of
    /// single candidates; empty without a score.
    pub shares: Vec<f64>,
    /// For each choice of each slot, slot after slot, how much more a candidate is expected to score with it than with the slot's
    /// first, the other slots' choices averaged over; empty without a score.
    pub above: Vec<f64>,
    /// The standard deviation of each.
    pub deviation: Vec<f64>,
}

/// The candidates that a surrogate would run next, and what it makes of those that were run.
///
/// Candidates on the board may come again, since a candidate that may be the best deserves more examples; those with `closed[i]`
/// do not. Without a score, picks are a level-balanced design.
pub fn surrogate(tried: Tried<'_>, closed: &[bool], ask: Ask) -> Result<Advice, Error> {
    let cells = Cells::new(tried)?;
    crate::error::same_length(("closed", closed.len()), ("picks", cells.all.len()))?;
    if !ask.greedy.is_finite() {
        return Err(Error::NotANumber { name: "greedy" });
    }
    if cells.measured.len() > MOST_TRIED {
        return Err(Error::TooMany {
            name: "candidates measured",
            value: cells.measured.len(),
            most: MOST_TRIED,
        });
    }
    let sizes = &cells.space.sizes;
    let ahead = |slot: usize| sizes[..slot].iter().sum::<usize>();
    let pairs: usize =
        (0..sizes.len()).map(|slot| sizes[slot].saturating_mul(ahead(slot))).fold(0, usize::saturating_add);
    if pairs > MOST_PAIRS {
        return Err(Error::TooMany { name: "pairs of choices", value: pairs, most: MOST_PAIRS });
    }
    if cells.count == 0 {
        let nothing = vec![f64::NAN; cells.all.len()];
        let picks = design(tried.sizes, ask.n, ask.seed)?;
        return Ok(Advice { picks, mean: nothing.clone(), spread: nothing, ..Advice::default() });
    }
    let fitted = Surrogate::fit(&cells);
    let mut stream = Stream::new(ask.seed, "search/surrogate", ask.step);
    let mut without: HashSet<u64> = closed
        .iter()
        .zip(&cells.all)
        .filter(|(closed, _)| **closed)
        .map(|(_, picks)| cells.space.number(picks))
        .collect();
    let reach = Reach::new(&fitted, &mut stream);
    let mean = fitted.mean();
    let mut picks = Vec::new();
    for place in 0..cells.space.asked(ask.n)? {
        // So many of every so many, evenly spread.
        let greedy = ((place + 1) as f64 * ask.greedy).floor() > (place as f64 * ask.greedy).floor();
        let found = if greedy {
            reach.best(&mean, &without)
        } else {
            reach.best(&fitted.draw(&mut stream), &without)
        };
        let Some(found) = found else { break };
        without.insert(cells.space.number(&found));
        picks.extend(found.into_iter().map(signed));
    }
    let (known, deviations) = fitted.standings();
    let (mut mean, mut spread) = (vec![f64::NAN; cells.all.len()], vec![f64::NAN; cells.all.len()]);
    for ((place, known), deviation) in cells.measured.iter().zip(known).zip(deviations) {
        (mean[*place], spread[*place]) = (known, deviation);
    }
    let (mut shares, pairs, own) = fitted.shares_of_worth();
    shares.extend([pairs, own]);
    let (above, deviation) = fitted.above_first();
    Ok(Advice { picks, mean, spread, shares, above, deviation })
}

fn signed(value: usize) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
