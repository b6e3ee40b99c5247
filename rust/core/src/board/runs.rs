//! One candidate's runs, kept by rising example, and the cells that they make.
//!
//! Runs come in at the end and are put in their places at the next question (`settle`). Within an example they stand by
//! rising score, so what is worked out of them is the same bits whatever the order in which they came. **Method**: where the examples
//! lie close together they are counted out, else compared; the new ones are then merged from behind into those that stand, and
//! only what comes after the first of them moves. **Cost**: 24 bytes a run, as many again while runs are counted out, some
//! 5 ns a run that comes in order and 10 to 60 for one that does not.

use std::cmp::Ordering;

use super::{FAILED, NOT_MEASURED};
use crate::interval;

/// Examples are counted out where no more than so many numbers lie between them for each run.
const SPARSE: usize = 4;
/// For fewer runs than this, comparing is faster.
const FEW: usize = 64;

/// A row as its candidate's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub example: i64,
    /// Anything if the run was not measured.
    pub score: f64,
    pub status: u8,
}

impl Run {
    fn order(&self, other: &Self) -> Ordering {
        self.example.cmp(&other.example).then_with(|| self.score.total_cmp(&other.score))
    }
}

/// All runs on one example.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub example: i64,
    /// Mean score of the runs that count, if any does.
    pub mean: Option<f64>,
    /// One of them failed.
    pub failed: bool,
}

impl Cell {
    fn of(runs: &[Run]) -> Self {
        let example = runs[0].example;
        if let [run] = runs {
            let mean = (run.status != NOT_MEASURED).then_some(run.score);
            return Self { example, mean, failed: run.status == FAILED };
        }
        let counted = || runs.iter().filter(|run| run.status != NOT_MEASURED).map(|run| run.score);
        let count = counted().count();
        let mean = (count > 0).then(|| interval::sum(counted()) / count as f64);
        Self { example, mean, failed: runs.iter().any(|run| run.status == FAILED) }
    }
}

/// The runs of one candidate.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// So many at the front stand in their places.
    settled: usize,
}

impl Runs {
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Makes room for so many more: no more than they need where nothing stands yet.
    pub fn reserve(&mut self, more: usize) {
        if self.runs.is_empty() { self.runs.reserve_exact(more) } else { self.runs.reserve(more) }
    }

    pub fn push(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// Puts a run in place of all others on its example.
    pub fn replace(&mut self, run: Run) {
        self.settle();
        let first = self.runs.partition_point(|other| other.example < run.example);
        let after = first + self.runs[first..].partition_point(|other| other.example == run.example);
        self.runs.splice(first..after, [run]);
        self.settled = self.runs.len();
    }

    /// Puts the new runs in their places.
    pub fn settle(&mut self) {
        let (front, new) = self.runs.split_at_mut(self.settled);
        sort(new);
        if let (Some(last), Some(first)) = (front.last(), new.first())
            && last.order(first).is_gt()
        {
            let new = new.to_vec();
            self.merge(&new);
        }
        self.settled = self.runs.len();
    }

    /// The cells by rising example; the runs are settled.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        self.runs.chunk_by(|one, next| one.example == next.example).map(Cell::of)
    }

    /// The mean of each cell that has one, with its example.
    pub fn means(&self) -> impl Iterator<Item = (i64, f64)> {
        self.cells().filter_map(|cell| Some((cell.example, cell.mean?)))
    }

    /// Merges the new runs, which stand behind the settled ones and again in `new`.
    fn merge(&mut self, new: &[Run]) {
        let (mut left, mut free) = (self.settled, self.runs.len());
        for run in new.iter().rev() {
            while left > 0 && self.runs[left - 1].order(run).is_gt() {
                (left, free) = (left - 1, free - 1);
                self.runs[free] = self.runs[left];
            }
            free -= 1;
            self.runs[free] = *run;
        }
    }
}

fn sort(runs: &mut [Run]) {
    if runs.is_sorted_by(|one, next| one.order(next).is_le()) {
        return;
    }
    let least = runs.iter().map(|run| run.example).min().unwrap_or(0);
    let most = runs.iter().map(|run| run.example).max().unwrap_or(0);
    // Negative where the difference is more than an i64 holds.
    let span = usize::try_from(most.wrapping_sub(least)).ok();
    let Some(span) = span.filter(|span| runs.len() >= FEW && span / SPARSE < runs.len()) else {
        return runs.sort_unstable_by(Run::order);
    };
    let place = |run: &Run| usize::try_from(run.example - least).unwrap_or(0);
    let mut next = vec![0_usize; span + 1];
    for run in &*runs {
        next[place(run)] += 1;
    }
    let mut before = 0;
    for slot in &mut next {
        before += std::mem::replace(slot, before);
    }
    let came = runs.to_vec();
    for run in &came {
        let slot = &mut next[place(run)];
        runs[*slot] = *run;
        *slot += 1;
    }
    for cell in runs.chunk_by_mut(|one, next| one.example == next.example) {
        cell.sort_unstable_by(|one, next| one.score.total_cmp(&next.score));
    }
}
