//! Shows `burnish_core::board`: four columns in, columns or numbers out, without a copy. About 0.5 µs a call for crossing.

use burnish_core::Error;
use burnish_core::board::{self, Rows};
use burnish_core::interval::Interval;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::arguments::column;
use crate::error::enter;

/// The board's columns, held while the core reads them.
struct Columns<'py> {
    candidate: PyReadonlyArray1<'py, i64>,
    example: PyReadonlyArray1<'py, i64>,
    score: PyReadonlyArray1<'py, f64>,
    status: PyReadonlyArray1<'py, u8>,
}

impl<'py> Columns<'py> {
    fn new(
        candidate: &Bound<'py, PyAny>,
        example: &Bound<'py, PyAny>,
        score: &Bound<'py, PyAny>,
        status: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        Ok(Self {
            candidate: column("candidate", candidate)?,
            example: column("example", example)?,
            score: column("score", score)?,
            status: column("status", status)?,
        })
    }

    fn rows(&self) -> PyResult<Rows<'_>> {
        Ok(Rows {
            candidate: self.candidate.as_slice()?,
            example: self.example.as_slice()?,
            score: self.score.as_slice()?,
            status: self.status.as_slice()?,
        })
    }

    fn size(&self) -> usize {
        self.score.as_array().len() * 25
    }
}

fn count(n_candidates: i64) -> Result<usize, Error> {
    n_candidates.try_into().map_err(|_| Error::Negative { name: "n_candidates", value: n_candidates })
}

/// Counts, of examples.
type Counts<'py> = Bound<'py, PyArray1<i64>>;
/// Means or ends of intervals.
type Floats<'py> = Bound<'py, PyArray1<f64>>;

/// For each candidate (n, failed, not measured, mean, low, high), as six columns.
#[pyfunction]
#[allow(clippy::type_complexity, reason = "six named columns are what the caller unpacks")]
pub fn board_summary<'py>(
    candidate: &Bound<'py, PyAny>,
    example: &Bound<'py, PyAny>,
    score: &Bound<'py, PyAny>,
    status: &Bound<'py, PyAny>,
    n_candidates: i64,
) -> PyResult<(Counts<'py>, Counts<'py>, Counts<'py>, Floats<'py>, Floats<'py>, Floats<'py>)> {
    let py = candidate.py();
    let columns = Columns::new(candidate, example, score, status)?;
    let rows = columns.rows()?;
    let summary = enter(py, columns.size(), || board::summary(rows, count(n_candidates)?))?;
    Ok((
        PyArray1::from_vec(py, summary.n),
        PyArray1::from_vec(py, summary.failed),
        PyArray1::from_vec(py, summary.not_measured),
        PyArray1::from_vec(py, summary.mean),
        PyArray1::from_vec(py, summary.low),
        PyArray1::from_vec(py, summary.high),
    ))
}

/// (n, mean, low, high) of `first` minus `second` over the examples where both have a score.
#[pyfunction]
pub fn board_paired(
    candidate: &Bound<'_, PyAny>,
    example: &Bound<'_, PyAny>,
    score: &Bound<'_, PyAny>,
    status: &Bound<'_, PyAny>,
    first: i64,
    second: i64,
) -> PyResult<(usize, f64, f64, f64)> {
    let columns = Columns::new(candidate, example, score, status)?;
    let rows = columns.rows()?;
    let Interval { n, mean, low, high } =
        enter(candidate.py(), columns.size(), || board::paired(rows, first, second))?;
    Ok((n, mean, low, high))
}

/// The candidate with the best mean, the lowest of several equals; -1 if none has a score.
#[pyfunction]
pub fn board_leader(
    candidate: &Bound<'_, PyAny>,
    example: &Bound<'_, PyAny>,
    score: &Bound<'_, PyAny>,
    status: &Bound<'_, PyAny>,
    n_candidates: i64,
) -> PyResult<i64> {
    let columns = Columns::new(candidate, example, score, status)?;
    let rows = columns.rows()?;
    let leader = enter(candidate.py(), columns.size(), || board::leader(rows, count(n_candidates)?))?;
    Ok(leader.and_then(|leader| leader.try_into().ok()).unwrap_or(-1))
}
