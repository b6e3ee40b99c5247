//! Which recorded steps are worth showing as demos.
//!
//! A row is one step of a rollout: one call of one predictor. [`pick`] goes through three sieves, each in row order:
//! 1. rows with a score of at least `min_score` stay (NaN means no score and goes; without `min_score` every row stays);
//! 2. of several steps that one predictor took in one rollout one stays: the last with probability 1/2, else one of the
//!    earlier ones, each as likely as the other. The draw comes from (seed, "traces", rollout, predictor), so no other
//!    row changes it;
//! 3. each predictor is given up to `per_predictor` rows whose tokens fit into what `max_tokens` leaves, one after the other, and none
//!    that is a copy of one that it has: with the same digest or, with `near`, with a sketch that differs in at most
//!    [`NEAR`] bits. A row that does not fit is passed over, and later, smaller ones may still come in.
//!
//! In the third sieve rows come first come, first served. With `variety` the next is the one whose sketch is farthest from all that the predictor
//! has (Gonzalez 1985, "Clustering to minimize the maximum intercluster distance"), the first the one with the best score; of
//! equals the one with the better score, then the earlier. With `stratify` the labels take turns, in the order in which they first come.
//!
//! **Method**: hash tables for the second sieve, and for the third a distance from each row to each that was given: n · `per_predictor` of them, of
//! about 1 ns. **Cost**: some 50 ns a row that passes the first sieve and 1 ns one that does not; scratch of about 80 bytes a row that passes.

use rustc_hash::{FxHashMap, FxHashSet};

use super::sketch::{NEAR, distance};
use super::table::{Row, Table};
use crate::{Error, seed};

/// What may be picked.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The lowest score that is good enough; none takes rows without a score too.
    pub min_score: Option<f64>,
    /// At most so many rows for each predictor.
    pub per_predictor: i64,
    /// At most so many tokens for each predictor, all its rows together.
    pub max_tokens: Option<i64>,
    /// Whether near copies are copies.
    pub near: bool,
    /// Whether the rows farthest from each other are preferred.
    pub variety: bool,
    /// Whether labels take turns.
    pub stratify: bool,
}

/// A predictor within a rollout.
type Group = (i64, u32);

/// The numbers of the rows picked: predictor by predictor, each one's in the order in which they were given.
pub fn pick(table: &Table, limits: Limits, seed: i64) -> Result<Vec<i64>, Error> {
    check(limits)?;
    let rows = passing(&table.rows, limits.min_score);
    let rows = one_a_group(table, &rows, seed);
    let mut by_predictor: Vec<Vec<usize>> = vec![Vec::new(); table.names().len()];
    for row in rows {
        by_predictor[table.rows[row].predictor as usize].push(row);
    }
    let picked = by_predictor.iter().flat_map(|rows| Picker::new(&table.rows, rows, limits).picked());
    Ok(picked.map(|row| row.try_into().unwrap_or(i64::MAX)).collect())
}

fn passing(rows: &[Row], min_score: Option<f64>) -> Vec<usize> {
    let Some(least) = min_score else { return (0..rows.len()).collect() };
    rows.iter().enumerate().filter(|(_, row)| row.score >= least).map(|(number, _)| number).collect()
}

fn one_a_group(table: &Table, rows: &[usize], seed: i64) -> Vec<usize> {
    // Each group gets a number when it is first seen, so that rows are looked up once.
    let mut numbers: FxHashMap<Group, usize> = FxHashMap::default();
    let mut groups: Vec<(Group, u64)> = Vec::new();
    let mut number_of = |row: &usize| {
        let group = (table.rows[*row].rollout, table.rows[*row].predictor);
        let number = *numbers.entry(group).or_insert(groups.len());
        if number == groups.len() {
            groups.push((group, 0));
        }
        groups[number].1 += 1;
        number
    };
    let group_of: Vec<usize> = rows.iter().map(&mut number_of).collect();
    if groups.len() == rows.len() {
        return rows.to_vec();
    }
    let kept_step = |((rollout, predictor), size): (Group, u64)| {
        kept_step((rollout, &table.names()[predictor as usize]), size, seed)
    };
    let mut ahead: Vec<u64> = groups.into_iter().map(kept_step).collect();
    let mut is_kept = |number: usize| {
        let kept = ahead[number] == 0;
        // Past zero it wraps to a count that no group reaches, so nothing else is kept.
        ahead[number] = ahead[number].wrapping_sub(1);
        kept
    };
    rows.iter().zip(group_of).filter(|(_, number)| is_kept(*number)).map(|(row, _)| *row).collect()
}

/// How many of a group's steps come before the one that stays: the last, or as likely one of the others.
fn kept_step((rollout, predictor): (i64, &str), size: u64, seed: i64) -> u64 {
    if size == 1 {
        return 0;
    }
    let draw = seed::named(format_args!("{seed}/traces/{rollout}/{predictor}"));
    if draw % 2 == 0 { size - 1 } else { (draw / 2) % (size - 1) }
}

/// Gives one predictor its rows.
struct Picker<'a> {
    rows: &'a [Row],
    limits: Limits,
    /// For each label its rows, and for each of these the distance to the nearest that was given.
    strata: Vec<Vec<(usize, u32)>>,
    given: Vec<usize>,
    digests: FxHashSet<u64>,
    /// Tokens that are left.
    tokens: i128,
}

impl<'a> Picker<'a> {
    fn new(rows: &'a [Row], own: &[usize], limits: Limits) -> Self {
        let mut strata: Vec<Vec<(usize, u32)>> = Vec::new();
        let mut numbers: FxHashMap<u64, usize> = FxHashMap::default();
        for row in own {
            let label = if limits.stratify { rows[*row].label } else { 0 };
            let number = *numbers.entry(label).or_insert(strata.len());
            if number == strata.len() {
                strata.push(Vec::new());
            }
            strata[number].push((*row, u32::MAX));
        }
        let tokens = limits.max_tokens.map_or(i128::MAX, i128::from);
        Self { rows, limits, strata, given: Vec::new(), digests: FxHashSet::default(), tokens }
    }

    fn picked(mut self) -> Vec<usize> {
        let most = usize::try_from(self.limits.per_predictor).unwrap_or(0);
        if !self.limits.variety {
            // What comes first is taken from the end.
            self.strata.iter_mut().for_each(|rows| rows.reverse());
        }
        while self.given.len() < most && self.strata.iter().any(|rows| !rows.is_empty()) {
            for stratum in 0..self.strata.len() {
                if self.given.len() == most {
                    break;
                }
                let next = if self.limits.variety { self.farthest(stratum) } else { self.first(stratum) };
                if let Some(row) = next {
                    self.give(row);
                }
            }
        }
        self.given
    }

    /// The first row of a label that may be given.
    fn first(&mut self, stratum: usize) -> Option<usize> {
        loop {
            let (row, _) = self.strata[stratum].pop()?;
            if self.fits(row) && !self.is_copy(row) {
                return Some(row);
            }
        }
    }

    /// The row of a label that may be given and is farthest from all that were.
    fn farthest(&mut self, stratum: usize) -> Option<usize> {
        // None of them is a copy, since `give` has put those out; the first time some may be too large.
        if self.given.is_empty() {
            let (rows, tokens) = (self.rows, self.tokens);
            self.strata[stratum].retain(|(row, _)| i128::from(rows[*row].tokens) <= tokens);
        }
        let score = |row: usize| {
            if self.rows[row].score.is_nan() { f64::NEG_INFINITY } else { self.rows[row].score }
        };
        let better = |(_, (one, far)): &(usize, &(usize, u32)),
                      (_, (other, near)): &(usize, &(usize, u32))| {
            far.cmp(near).then(score(*one).total_cmp(&score(*other))).then(other.cmp(one))
        };
        let (place, _) = self.strata[stratum].iter().enumerate().max_by(better)?;
        Some(self.strata[stratum].swap_remove(place).0)
    }

    fn fits(&self, row: usize) -> bool {
        i128::from(self.rows[row].tokens) <= self.tokens
    }

    fn is_copy(&self, row: usize) -> bool {
        let own = &self.rows[row];
        self.digests.contains(&own.digest)
            || (self.limits.near
                && self.given.iter().any(|given| distance(self.rows[*given].sketch, own.sketch) <= NEAR))
    }

    fn give(&mut self, row: usize) {
        let given = self.rows[row];
        self.tokens -= i128::from(given.tokens);
        self.digests.insert(given.digest);
        self.given.push(row);
        if self.limits.variety {
            let (rows, tokens, near) = (self.rows, self.tokens, self.limits.near);
            for stratum in &mut self.strata {
                // What may not be given any more goes at once, and is never met one by one.
                stratum.retain_mut(|(other, nearest)| {
                    let other = &rows[*other];
                    let apart = distance(other.sketch, given.sketch);
                    *nearest = (*nearest).min(apart);
                    let copy = other.digest == given.digest || (near && apart <= NEAR);
                    !copy && i128::from(other.tokens) <= tokens
                });
            }
        }
    }
}

fn check(limits: Limits) -> Result<(), Error> {
    if limits.min_score.is_some_and(f64::is_nan) {
        return Err(Error::NotANumber { name: "min_score" });
    }
    for (name, limit) in [("per_predictor", Some(limits.per_predictor)), ("max_tokens", limits.max_tokens)] {
        if let Some(value) = limit.filter(|value| *value < 0) {
            return Err(Error::Negative { name, value });
        }
    }
    Ok(())
}
