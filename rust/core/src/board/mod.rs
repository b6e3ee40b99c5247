//! Statistics of the board: what is known of each candidate, how two differ, who leads, whom no other beats.
//!
//! The board takes rows, a **run** of a candidate on an example each, in any order and in any pieces. A run **counts** if it is scored
//! or failed (with the score it carries); one that is not measured never enters a mean. The counted runs of one (candidate, example) are
//! averaged first and make one **cell**, so every example weighs the same however often it ran; [`Board::replace`] takes what ran
//! before out of the cell. All answers are the same bits for the same runs, whatever the order in which they came.
//!
//! **Method**: rows are counted out by candidate as they come; at a question each candidate's new ones are put in order of
//! their examples, and only candidates with new rows are worked out again. **Cost**: 24 bytes a row, up to twice that
//! where a board has grown little by little; over ten million rows 20 to 40 ns a row that comes in order, and 40 to 70 for one that does not.
//! A question costs what is new and then a few ns a candidate. The intervals ([`crate::interval`]) are each candidate's own:
//! picking the best of many and then quoting its interval flatters it; compare on examples that did not pick it.

mod front;
mod runs;

pub use front::Front;

use crate::Error;
use crate::error::same_length;
use crate::interval::{self, Interval};
use front::Table;
use runs::{Run, Runs};

/// Status of a row whose program ran and was scored.
pub const SCORED: u8 = 0;
/// Status of a row whose program or reply was at fault; it counts with the score it carries.
pub const FAILED: u8 = 1;
/// Status of a row that has no score because of the network or the like; it never counts.
pub const NOT_MEASURED: u8 = 2;

/// Candidates at most: each takes some hundred bytes, with rows or without, and a process that runs out of them is gone.
pub const MOST_CANDIDATES: usize = 1 << 20;

/// Rows as columns of equal length.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Which candidate ran.
    pub candidate: &'a [i64],
    /// On which example.
    pub example: &'a [i64],
    /// With what score; anything if the row is not measured.
    pub score: &'a [f64],
    /// [`SCORED`], [`FAILED`] or [`NOT_MEASURED`].
    pub status: &'a [u8],
}

/// What is known of each candidate, as columns with one row a candidate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Examples with a counted row: the `n` of the mean.
    pub n: Vec<i64>,
    /// Of these, the examples with a failed row.
    pub failed: Vec<i64>,
    /// Examples with rows of which none counts.
    pub not_measured: Vec<i64>,
    /// Mean over the `n` cells; NaN if there are none.
    pub mean: Vec<f64>,
    /// Lower end of its 95% interval.
    pub low: Vec<f64>,
    /// Upper end of its 95% interval.
    pub high: Vec<f64>,
}

/// What a candidate's runs say.
#[derive(Debug, Clone, Copy)]
struct Standing {
    failed: usize,
    not_measured: usize,
    interval: Interval,
}

/// A candidate: its runs, and what they say unless some are new.
#[derive(Debug, Clone, Default)]
struct Held {
    runs: Runs,
    known: Option<Standing>,
}

/// All rows, and what has been worked out of them.
#[derive(Debug, Clone, Default)]
pub struct Board {
    held: Vec<Held>,
}

impl Board {
    /// A board without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.iter().map(|held| held.runs.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows the next [`Board::summary`] has to read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.held.iter().filter(|held| held.known.is_none()).map(|held| held.runs.len()).sum()
    }

    /// Adds rows; none if one is refused.
    pub fn append(&mut self, rows: Rows<'_>) -> Result<(), Error> {
        let sizes = sizes(rows)?;
        self.make_room(sizes.len());
        for (held, more) in self.held.iter_mut().zip(sizes) {
            if more > 0 {
                held.runs.reserve(more);
                held.known = None;
            }
        }
        for (place, run) in runs(rows) {
            self.held[place].runs.push(run);
        }
        Ok(())
    }

    /// Puts rows in place of all others of their cells, one after another; none if one is refused.
    pub fn replace(&mut self, rows: Rows<'_>) -> Result<(), Error> {
        self.make_room(sizes(rows)?.len());
        for (place, run) in runs(rows) {
            self.held[place].runs.replace(run);
            self.held[place].known = None;
        }
        Ok(())
    }

    /// What is known of each of the candidates 0 to `n_candidates`, not included.
    pub fn summary(&mut self, n_candidates: usize) -> Result<Summary, Error> {
        let mut summary = Summary::default();
        for Standing { failed, not_measured, interval } in self.standings(n_candidates)? {
            let Interval { n, mean, low, high } = interval;
            summary.n.push(signed(n));
            summary.failed.push(signed(failed));
            summary.not_measured.push(signed(not_measured));
            summary.mean.push(mean);
            summary.low.push(low);
            summary.high.push(high);
        }
        Ok(summary)
    }

    /// Of the first `n_candidates`, the one with the best mean, the lowest of several equals; none if none has a cell.
    ///
    /// Only those count that have at least `share` as many cells as the candidate with the most.
    pub fn leader(&mut self, n_candidates: usize, share: f64) -> Result<Option<usize>, Error> {
        if share.is_nan() {
            return Err(Error::NotANumber { name: "share" });
        }
        let standings = self.standings(n_candidates)?;
        let most = standings.iter().map(|standing| standing.interval.n).max().unwrap_or(0);
        let mut best: Option<(usize, f64)> = None;
        for (candidate, Standing { interval: Interval { n, mean, .. }, .. }) in standings.iter().enumerate() {
            let counts = *n > 0 && *n as f64 >= share * most as f64;
            if counts && best.is_none_or(|(_, leading)| *mean > leading) {
                best = Some((candidate, *mean));
            }
        }
        Ok(best.map(|(candidate, _)| candidate))
    }

    /// Mean of `first` minus `second` over the examples where both have a cell, with Student's interval.
    ///
    /// A candidate that the board does not know has none.
    #[must_use]
    pub fn paired(&mut self, first: i64, second: i64) -> Interval {
        for candidate in [first, second] {
            if let Some(held) = place(candidate).and_then(|place| self.held.get_mut(place)) {
                held.runs.settle();
            }
        }
        let means = |candidate: i64| {
            let held = place(candidate).and_then(|place| self.held.get(place));
            held.into_iter().flat_map(|held| held.runs.means())
        };
        let mut others = means(second).peekable();
        let mut differences = Vec::new();
        for (example, mean) in means(first) {
            while others.next_if(|other| other.0 < example).is_some() {}
            differences.extend(others.next_if(|other| other.0 == example).map(|other| mean - other.1));
        }
        interval::student(&differences)
    }

    /// Of the first `n_candidates`, those that no other of them dominates.
    pub fn front(&mut self, n_candidates: usize) -> Result<Front, Error> {
        let standings = self.standings(n_candidates)?;
        let mut table = Table::default();
        for (candidate, (held, standing)) in self.held.iter().zip(standings).enumerate() {
            table.push(signed(candidate), standing.interval.mean, &held.runs);
        }
        Ok(table.front())
    }

    /// How the first `n_candidates` stand, each with new rows worked out again.
    fn standings(&mut self, n_candidates: usize) -> Result<Vec<Standing>, Error> {
        if n_candidates > MOST_CANDIDATES {
            return Err(Error::TooMany { name: "n_candidates", value: n_candidates, most: MOST_CANDIDATES });
        }
        let mut scores = Vec::new();
        for held in self.held.iter_mut().take(n_candidates) {
            if held.known.is_none() {
                held.runs.settle();
                held.known = Some(standing(&held.runs, &mut scores));
            }
        }
        let nothing = standing(&Runs::default(), &mut scores);
        let known = self.held.iter().map(|held| held.known.unwrap_or(nothing));
        Ok(known.chain(std::iter::repeat(nothing)).take(n_candidates).collect())
    }

    fn make_room(&mut self, n_candidates: usize) {
        let n_candidates = n_candidates.max(self.held.len());
        self.held.resize_with(n_candidates, Held::default);
    }
}

/// What the settled runs of a candidate say; `scores` is scratch.
fn standing(runs: &Runs, scores: &mut Vec<f64>) -> Standing {
    let (mut failed, mut not_measured) = (0, 0);
    scores.clear();
    for cell in runs.cells() {
        failed += usize::from(cell.failed);
        match cell.mean {
            Some(mean) => scores.push(mean),
            None => not_measured += 1,
        }
    }
    Standing { failed, not_measured, interval: interval::of_scores(scores) }
}

/// How many rows each candidate has; refuses the first row that cannot stand on a board.
fn sizes(rows: Rows<'_>) -> Result<Vec<usize>, Error> {
    let expected = ("candidate", rows.candidate.len());
    same_length(("example", rows.example.len()), expected)?;
    same_length(("score", rows.score.len()), expected)?;
    same_length(("status", rows.status.len()), expected)?;
    for (row, (status, score)) in rows.status.iter().zip(rows.score).enumerate() {
        match *status {
            SCORED | FAILED if !score.is_finite() => {
                return Err(Error::Score { row, score: *score, status: *status });
            }
            SCORED | FAILED | NOT_MEASURED => {}
            status => return Err(Error::Status { row, status }),
        }
    }
    let mut sizes = Vec::new();
    for (row, candidate) in rows.candidate.iter().enumerate() {
        let Some(place) = place(*candidate) else {
            return Err(Error::Candidate { row, candidate: *candidate, most: MOST_CANDIDATES });
        };
        if place >= sizes.len() {
            sizes.resize(place + 1, 0);
        }
        sizes[place] += 1;
    }
    Ok(sizes)
}

/// Every row, with where its candidate is held.
fn runs(rows: Rows<'_>) -> impl Iterator<Item = (usize, Run)> {
    let columns = rows.candidate.iter().zip(rows.example).zip(rows.score.iter().zip(rows.status));
    columns.filter_map(|((candidate, example), (score, status))| {
        Some((place(*candidate)?, Run { example: *example, score: *score, status: *status }))
    })
}

/// Where a candidate is held, if a board can have it.
fn place(candidate: i64) -> Option<usize> {
    usize::try_from(candidate).ok().filter(|place| *place < MOST_CANDIDATES)
}

fn signed(count: usize) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
