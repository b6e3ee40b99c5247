//! What a searcher is told: the space, the candidates that were tried, and their rows of the board.

use std::collections::{HashMap, HashSet};

use crate::Error;
use crate::board::{self, Rows};
use crate::error::same_length;
use crate::interval;

use super::normal::Stream;

/// Combinations of a space at most, so that each has a number.
pub const MOST_COMBINATIONS: u64 = 1 << 62;
/// Pairs of choices of different slots that a surrogate keeps an effect for at most.
pub const MOST_PAIRS: usize = 1 << 22;
/// Candidates that a surrogate is fitted to at most: its cost grows with their cube.
pub const MOST_TRIED: usize = 2048;

/// Attempts to draw a free candidate before the space is counted through.
const ATTEMPTS: usize = 64;

/// A space, what was tried in it, and how that went.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// How many choices each slot has.
    pub sizes: &'a [i64],
    /// The choice of each slot, candidate after candidate: their numbers on the board are their places here.
    pub picks: &'a [i64],
    /// The rows of the board.
    pub rows: Rows<'a>,
}

/// A space whose sizes were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Space {
    pub sizes: Vec<usize>,
    /// Combinations of choices.
    pub size: u64,
}

/// The candidate's number in counting order.
pub(crate) type Number = u64;

impl Space {
    pub fn new(sizes: &[i64]) -> Result<Self, Error> {
        let mut checked = Vec::with_capacity(sizes.len());
        let mut size = 1_u64;
        for (row, value) in sizes.iter().enumerate() {
            match usize::try_from(*value) {
                Err(_) => return Err(Error::NegativeRow { name: "sizes", row, value: *value }),
                Ok(0) => return Err(Error::AtLeastOne { name: "sizes" }),
                Ok(choices) if choices > board::MOST_CANDIDATES => {
                    return Err(Error::TooMany {
                        name: "sizes",
                        value: choices,
                        most: board::MOST_CANDIDATES,
                    });
                }
                Ok(choices) => {
                    size = size.saturating_mul(choices as u64);
                    checked.push(choices);
                }
            }
        }
        if size > MOST_COMBINATIONS {
            return Err(Error::Combinations { most: MOST_COMBINATIONS });
        }
        Ok(Self { sizes: checked, size })
    }

    /// So many candidates as a question may ask for.
    pub fn asked(&self, n: usize) -> Result<usize, Error> {
        if n > board::MOST_CANDIDATES {
            return Err(Error::TooMany { name: "n", value: n, most: board::MOST_CANDIDATES });
        }
        Ok(n.min(usize::try_from(self.size).unwrap_or(usize::MAX)))
    }

    /// The candidate's number.
    pub fn number(&self, picks: &[usize]) -> Number {
        picks.iter().zip(&self.sizes).fold(0, |number, (pick, size)| number * *size as u64 + *pick as u64)
    }

    /// The candidate with this number.
    pub fn picks(&self, mut number: Number) -> Vec<usize> {
        let mut picks = vec![0; self.sizes.len()];
        for (pick, size) in picks.iter_mut().zip(&self.sizes).rev() {
            *pick = usize::try_from(number % *size as u64).unwrap_or(0);
            number /= *size as u64;
        }
        picks
    }

    /// A candidate by chance.
    pub fn random(&self, stream: &mut Stream) -> Vec<usize> {
        self.sizes.iter().map(|size| stream.below(*size)).collect()
    }

    /// A candidate that is not left out: by chance, or the next in counting order where few are free; None if none is.
    pub fn free(&self, without: &HashSet<Number>, stream: &mut Stream) -> Option<Number> {
        if without.len() as u64 >= self.size {
            return None;
        }
        let mut number = 0;
        for _ in 0..ATTEMPTS {
            number = self.number(&self.random(stream));
            if !without.contains(&number) {
                break;
            }
        }
        while without.contains(&number) {
            number = (number + 1) % self.size;
        }
        Some(number)
    }

    /// The choices of each candidate, checked.
    pub fn candidates(&self, picks: &[i64]) -> Result<Vec<Vec<usize>>, Error> {
        let slots = self.sizes.len();
        if slots == 0 || !picks.len().is_multiple_of(slots) {
            return Err(Error::Width { name: "picks", length: picks.len(), dimension: slots });
        }
        let mut candidates = Vec::with_capacity(picks.len() / slots);
        for (row, chosen) in picks.chunks_exact(slots).enumerate() {
            let mut candidate = Vec::with_capacity(slots);
            for (slot, (value, size)) in chosen.iter().zip(&self.sizes).enumerate() {
                let pick = usize::try_from(*value).ok().filter(|pick| pick < size);
                candidate.push(pick.ok_or(Error::Pick { row, slot, value: *value, size: *size })?);
            }
            candidates.push(candidate);
        }
        Ok(candidates)
    }
}

/// The scores that count, as a table of candidates by examples.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    pub space: Space,
    /// The choices of every candidate on the board, with cells or without.
    pub all: Vec<Vec<usize>>,
    /// Numbers on the board of the candidates that have a cell: the rows of the table.
    pub measured: Vec<usize>,
    /// Columns of the table.
    pub examples: usize,
    /// 1 where there is a score, else 0.
    pub known: Vec<f64>,
    /// Score less the mean of all, and 0 where there is none.
    pub score: Vec<f64>,
    pub count: usize,
    pub mean: f64,
}

impl Cells {
    pub fn new(tried: Tried<'_>) -> Result<Self, Error> {
        let space = Space::new(tried.sizes)?;
        let all = space.candidates(tried.picks)?;
        let rows = tried.rows;
        let expected = ("candidate", rows.candidate.len());
        same_length(("example", rows.example.len()), expected)?;
        same_length(("score", rows.score.len()), expected)?;
        same_length(("status", rows.status.len()), expected)?;
        let mut found: Vec<(usize, i64, f64)> = Vec::with_capacity(rows.score.len());
        for (row, status) in rows.status.iter().enumerate() {
            let (candidate, score) = (rows.candidate[row], rows.score[row]);
            let place = usize::try_from(candidate).ok().filter(|place| *place < all.len());
            let place = place.ok_or(Error::Candidate { row, candidate, most: all.len() })?;
            match *status {
                board::NOT_MEASURED => {}
                board::SCORED | board::FAILED if score.is_finite() => {
                    found.push((place, rows.example[row], score));
                }
                board::SCORED | board::FAILED => return Err(Error::Score { row, score, status: *status }),
                status => return Err(Error::Status { row, status }),
            }
        }
        Ok(Self::table(space, all, found))
    }

    /// Mean score of each candidate measured.
    pub fn means(&self) -> Vec<f64> {
        let rows = |table: &'_ [f64], row: usize| -> f64 {
            table[row * self.examples..][..self.examples].iter().sum()
        };
        let rows = (0..self.measured.len()).map(|row| rows(&self.score, row) / rows(&self.known, row));
        rows.map(|mean| mean + self.mean).collect()
    }

    /// The same of the first so many candidates.
    pub fn first(&self, candidates: usize) -> Self {
        let rows = candidates.min(self.measured.len());
        let known = self.known[..rows * self.examples].to_vec();
        let score = self.score[..rows * self.examples].to_vec();
        let count = known.iter().filter(|known| **known > 0.0).count();
        Self { measured: self.measured[..rows].to_vec(), known, score, count, ..self.clone() }
    }

    fn table(space: Space, all: Vec<Vec<usize>>, mut found: Vec<(usize, i64, f64)>) -> Self {
        // By score too, so that a cell's mean is the same whatever the order in which its runs came.
        found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        let cells: Vec<(usize, i64, f64)> = found
            .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
            .map(|runs| {
                (runs[0].0, runs[0].1, interval::sum(runs.iter().map(|run| run.2)) / runs.len() as f64)
            })
            .collect();
        let mut columns: Vec<i64> = cells.iter().map(|cell| cell.1).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut measured: Vec<usize> = cells.iter().map(|cell| cell.0).collect();
        measured.dedup();
        let place: HashMap<i64, usize> = columns.iter().enumerate().map(|(i, column)| (*column, i)).collect();
        let count = cells.len();
        let mean =
            if count == 0 { 0.0 } else { interval::sum(cells.iter().map(|cell| cell.2)) / count as f64 };
        let examples = columns.len();
        let mut known = vec![0.0; measured.len() * examples];
        let mut score = known.clone();
        let mut row = 0;
        for (candidate, example, value) in cells {
            while measured[row] != candidate {
                row += 1;
            }
            let at = row * examples + place[&example];
            known[at] = 1.0;
            score[at] = value - mean;
        }
        Self { space, all, measured, examples, known, score, count, mean }
    }
}
