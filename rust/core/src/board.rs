//! Statistics of the board: what is known of each candidate, how two differ, who leads.
//!
//! The board is four columns with a row for each run of a candidate on an example. A row **counts** if it is scored or
//! failed (with the score it carries); a row that is not measured never enters a mean. The counted rows of one
//! (candidate, example) are averaged first and make one **cell**, so every example weighs the same however often it ran.
//!
//! **Method**: rows are counted out by candidate, then each candidate's are sorted by example, which costs little where
//! they already are. **Cost**: some 20 to 60 ns a row, and 36 bytes of scratch a row. The order of rows changes nothing but the last
//! digit. The intervals ([`crate::interval`]) are each candidate's own: picking the best of many and then quoting its interval
//! flatters it; compare on examples that did not pick it.

use crate::Error;
use crate::error::same_length;
use crate::interval::{self, Interval};

/// Status of a row whose program ran and was scored.
pub const SCORED: u8 = 0;
/// Status of a row whose program or reply was at fault; it counts with the score it carries.
pub const FAILED: u8 = 1;
/// Status of a row that has no score because of the network or the like; it never counts.
pub const NOT_MEASURED: u8 = 2;

/// Candidates at most: each takes memory, with rows or without, and a process that runs out of it is gone.
pub const MOST_CANDIDATES: usize = 1 << 24;

/// The board as columns of equal length.
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

/// What is known of each of the candidates 0 to `n_candidates`, not included.
pub fn summary(rows: Rows<'_>, n_candidates: usize) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    let mut scores = Vec::new();
    for mut runs in by_candidate(rows, n_candidates)? {
        let (mut failed, mut not_measured) = (0, 0);
        scores.clear();
        for_each_cell(&mut runs, |cell| match cell.mean {
            Some(mean) => {
                scores.push(mean);
                failed += i64::from(cell.failed);
            }
            None => not_measured += 1,
        });
        let Interval { n, mean, low, high } = interval::of_scores(&scores);
        summary.n.push(n.try_into().unwrap_or(i64::MAX));
        summary.failed.push(failed);
        summary.not_measured.push(not_measured);
        summary.mean.push(mean);
        summary.low.push(low);
        summary.high.push(high);
    }
    Ok(summary)
}

/// Mean of `first` minus `second` over the examples where both have a cell, with Student's interval.
pub fn paired(rows: Rows<'_>, first: i64, second: i64) -> Result<Interval, Error> {
    check(rows)?;
    let cells = |candidate: i64| {
        let (mut cells, of) = (Vec::new(), runs(rows).filter(|(of, _)| *of == candidate));
        for_each_cell(&mut of.map(|(_, run)| run).collect::<Vec<_>>(), |cell| {
            cells.extend(cell.mean.map(|mean| (cell.example, mean)));
        });
        cells
    };
    let mut others = cells(second).into_iter().peekable();
    let mut differences = Vec::new();
    for (example, mean) in cells(first) {
        while others.next_if(|other| other.0 < example).is_some() {}
        differences.extend(others.next_if(|other| other.0 == example).map(|other| mean - other.1));
    }
    Ok(interval::student(&differences))
}

/// The candidate with the best mean, the lowest of several equals; none if none has a cell.
pub fn leader(rows: Rows<'_>, n_candidates: usize) -> Result<Option<usize>, Error> {
    let mut best: Option<(usize, f64)> = None;
    for (candidate, mut runs) in by_candidate(rows, n_candidates)?.into_iter().enumerate() {
        let mut scores = Vec::new();
        for_each_cell(&mut runs, |cell| scores.extend(cell.mean));
        let mean = interval::mean(&scores);
        if !scores.is_empty() && best.is_none_or(|(_, leading)| mean > leading) {
            best = Some((candidate, mean));
        }
    }
    Ok(best.map(|(candidate, _)| candidate))
}

/// All rows of one candidate on one example.
struct Cell {
    example: i64,
    /// Mean score of the rows that count, if any does.
    mean: Option<f64>,
    /// One of them failed.
    failed: bool,
}

/// A row as its candidate's own: what [`for_each_cell`] needs, side by side in memory.
#[derive(Clone, Copy)]
struct Run {
    example: i64,
    score: f64,
    status: u8,
}

/// Every row with its candidate, in order.
fn runs(rows: Rows<'_>) -> impl Iterator<Item = (i64, Run)> {
    let columns = rows.candidate.iter().zip(rows.example).zip(rows.score.iter().zip(rows.status));
    columns.map(|((candidate, example), (score, status))| {
        (*candidate, Run { example: *example, score: *score, status: *status })
    })
}

/// The runs of each candidate, in order.
fn by_candidate(rows: Rows<'_>, n_candidates: usize) -> Result<Vec<Vec<Run>>, Error> {
    check(rows)?;
    if n_candidates > MOST_CANDIDATES {
        return Err(Error::TooMany { name: "n_candidates", value: n_candidates, most: MOST_CANDIDATES });
    }
    let number = |row: usize, candidate: i64| {
        let number = usize::try_from(candidate).ok().filter(|number| *number < n_candidates);
        number.ok_or(Error::Candidate { row, candidate, n_candidates })
    };
    let mut sizes = vec![0; n_candidates];
    for (row, candidate) in rows.candidate.iter().enumerate() {
        sizes[number(row, *candidate)?] += 1;
    }
    let mut of: Vec<Vec<Run>> = sizes.into_iter().map(Vec::with_capacity).collect();
    for (row, (candidate, run)) in runs(rows).enumerate() {
        of[number(row, candidate)?].push(run);
    }
    Ok(of)
}

/// Hands on the cells of one candidate's runs by rising example.
fn for_each_cell(runs: &mut [Run], mut see: impl FnMut(Cell)) {
    runs.sort_by_key(|run| run.example);
    let mut counted = Vec::new();
    for cell in runs.chunk_by(|one, next| one.example == next.example) {
        counted.clear();
        counted.extend(cell.iter().filter(|run| run.status != NOT_MEASURED).map(|run| run.score));
        see(Cell {
            example: cell[0].example,
            mean: if counted.is_empty() { None } else { Some(interval::mean(&counted)) },
            failed: cell.iter().any(|run| run.status == FAILED),
        });
    }
}

fn check(rows: Rows<'_>) -> Result<(), Error> {
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
    Ok(())
}
