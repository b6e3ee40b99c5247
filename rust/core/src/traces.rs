//! Which recorded steps are worth showing as demos.
//!
//! A row is one step of a rollout: one call of one predictor. [`pick`] goes through four sieves, each in row order:
//! 1. rows with a score of at least `min_score` stay (NaN means no score and goes);
//! 2. of several steps that one predictor took in one rollout one stays: the last with probability 1/2, else one of the
//!    earlier ones, each as likely as the other. The draw comes from (seed, "traces", rollout, predictor), so no other
//!    row changes it;
//! 3. of several rows of one predictor with one digest the first stays;
//! 4. each predictor keeps up to `per_predictor` rows whose tokens fit into what `max_tokens` leaves; a row that does not
//!    fit is passed over and later, smaller ones may still come in.
//!
//! **Method**: one pass to count steps, one to sieve, with hash tables. **Cost**: some 50 ns a row that passes the first
//! sieve and 2 ns one that does not; scratch of about 60 bytes a group. Copies are found by exact digest only: texts that
//! differ in a comma are different. Rows are taken first come, not best first: sort them beforehand where that matters.

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use crate::error::same_length;
use crate::{Error, fingerprint, seed};

/// Steps as columns of equal length.
#[derive(Debug, Clone, Copy)]
pub struct Steps<'a> {
    /// Score of the rollout; NaN if it has none.
    pub score: &'a [f64],
    /// Which predictor was called.
    pub predictor: &'a [i64],
    /// In which rollout.
    pub rollout: &'a [i64],
    /// Tokens that the step takes as a demo.
    pub tokens: &'a [i64],
    /// Digest of what the demo says, from [`digests`].
    pub digest: &'a [[u64; 2]],
}

/// What may be picked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The lowest score that is good enough.
    pub min_score: f64,
    /// At most so many rows for each predictor.
    pub per_predictor: i64,
    /// At most so many tokens for each predictor, all its rows together.
    pub max_tokens: Option<i64>,
}

/// A predictor within a rollout.
type Group = (i64, i64);

/// The numbers of the rows picked, rising.
pub fn pick(steps: Steps<'_>, limits: Limits, seed: i64) -> Result<Vec<i64>, Error> {
    check(steps, limits)?;
    let rows = passing(steps, limits.min_score);
    let rows = one_a_group(steps, &rows, seed);
    let rows = without_copies(steps, &rows);
    let rows = within_limits(steps, &rows, limits);
    Ok(rows.into_iter().map(|row| row.try_into().unwrap_or(i64::MAX)).collect())
}

/// The digest of each text, by which [`pick`] finds copies.
pub fn digests<S: AsRef<str>>(texts: &[S]) -> Vec<[u64; 2]> {
    texts.iter().map(|text| fingerprint::digest(text.as_ref())).collect()
}

fn passing(steps: Steps<'_>, min_score: f64) -> Vec<usize> {
    let scores = steps.score.iter().enumerate();
    scores.filter(|(_, score)| **score >= min_score).map(|(row, _)| row).collect()
}

fn one_a_group(steps: Steps<'_>, rows: &[usize], seed: i64) -> Vec<usize> {
    // Each group gets a number when it is first seen, so that rows are looked up once.
    let mut numbers: FxHashMap<Group, usize> = FxHashMap::default();
    let mut groups: Vec<(Group, u64)> = Vec::new();
    let mut number_of = |row: &usize| {
        let group = (steps.rollout[*row], steps.predictor[*row]);
        let number = *numbers.entry(group).or_insert(groups.len());
        if number == groups.len() {
            groups.push((group, 0));
        }
        groups[number].1 += 1;
        number
    };
    let group_of: Vec<usize> = rows.iter().map(&mut number_of).collect();
    let mut ahead: Vec<u64> = groups.into_iter().map(|(group, size)| kept_step(group, size, seed)).collect();
    let mut is_kept = |number: usize| {
        let kept = ahead[number] == 0;
        // Past zero it wraps to a count that no group reaches, so nothing else is kept.
        ahead[number] = ahead[number].wrapping_sub(1);
        kept
    };
    rows.iter().zip(group_of).filter(|(_, number)| is_kept(*number)).map(|(row, _)| *row).collect()
}

/// How many of a group's steps come before the one that stays: the last, or as likely one of the others.
fn kept_step((rollout, predictor): Group, size: u64, seed: i64) -> u64 {
    if size == 1 {
        return 0;
    }
    let draw = seed::named(format_args!("{seed}/traces/{rollout}/{predictor}"));
    if draw % 2 == 0 { size - 1 } else { (draw / 2) % (size - 1) }
}

fn without_copies(steps: Steps<'_>, rows: &[usize]) -> Vec<usize> {
    let mut seen = FxHashSet::with_capacity_and_hasher(rows.len(), FxBuildHasher);
    let is_new = |row: &usize| seen.insert((steps.predictor[*row], steps.digest[*row]));
    rows.iter().copied().filter(is_new).collect()
}

fn within_limits(steps: Steps<'_>, rows: &[usize], limits: Limits) -> Vec<usize> {
    let max_tokens = limits.max_tokens.map_or(i128::MAX, i128::from);
    // Rows and tokens that each predictor may still take.
    let mut room: FxHashMap<i64, (i64, i128)> = FxHashMap::default();
    let fits = |row: &usize| {
        let (count, tokens) = room.entry(steps.predictor[*row]).or_insert((limits.per_predictor, max_tokens));
        let needed = i128::from(steps.tokens[*row]);
        let fits = *count > 0 && needed <= *tokens;
        if fits {
            *count -= 1;
            *tokens -= needed;
        }
        fits
    };
    rows.iter().copied().filter(fits).collect()
}

fn check(steps: Steps<'_>, limits: Limits) -> Result<(), Error> {
    let expected = ("score", steps.score.len());
    same_length(("predictor", steps.predictor.len()), expected)?;
    same_length(("rollout", steps.rollout.len()), expected)?;
    same_length(("tokens", steps.tokens.len()), expected)?;
    same_length(("digest", steps.digest.len()), expected)?;
    if limits.min_score.is_nan() {
        return Err(Error::NotANumber { name: "min_score" });
    }
    for (name, limit) in [("per_predictor", Some(limits.per_predictor)), ("max_tokens", limits.max_tokens)] {
        if let Some(value) = limit.filter(|value| *value < 0) {
            return Err(Error::Negative { name, value });
        }
    }
    match steps.tokens.iter().position(|tokens| *tokens < 0) {
        Some(row) => Err(Error::NegativeRow { name: "tokens", row, value: steps.tokens[row] }),
        None => Ok(()),
    }
}
