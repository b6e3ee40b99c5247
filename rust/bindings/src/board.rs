//! Shows `burnish_core::board`: columns in, columns or numbers out, without a copy. About 0.5 µs a call for crossing.
//!
//! A board is shared between Python's threads, one at a time: questions put rows in their places, so they wait for each other too.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burnish_core::board::{self, Front, Rows, Summary};
use burnish_core::interval::Interval;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::arguments::{column, count};
use crate::error::enter;

/// Rows of (candidate, example, score, status), and what they say.
#[pyclass(frozen, module = "burnish._core")]
pub struct Board(Mutex<board::Board>);

/// Counts, of examples.
type Counts<'py> = Bound<'py, PyArray1<i64>>;
/// Means or ends of intervals.
type Floats<'py> = Bound<'py, PyArray1<f64>>;

/// Bytes that a row takes in columns.
const ROW: usize = 25;

#[pymethods]
impl Board {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(board::Board::new()))
    }

    /// Adds rows.
    #[pyo3(signature = (candidate, example, score, status, /))]
    fn append(
        &self,
        candidate: &Bound<'_, PyAny>,
        example: &Bound<'_, PyAny>,
        score: &Bound<'_, PyAny>,
        status: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let columns = Columns::new(candidate, example, score, status)?;
        let rows = columns.rows()?;
        enter(candidate.py(), rows.score.len() * ROW, || self.lock().append(rows))
    }

    /// Puts rows in place of all others of their cells.
    #[pyo3(signature = (candidate, example, score, status, /))]
    fn replace(
        &self,
        candidate: &Bound<'_, PyAny>,
        example: &Bound<'_, PyAny>,
        score: &Bound<'_, PyAny>,
        status: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let columns = Columns::new(candidate, example, score, status)?;
        let rows = columns.rows()?;
        enter(candidate.py(), self.unread() + rows.score.len() * ROW, || self.lock().replace(rows))
    }

    /// For each candidate (n, failed, not measured, mean, low, high), as six columns.
    #[pyo3(signature = (n_candidates, /))]
    #[allow(clippy::type_complexity, reason = "six named columns are what the caller unpacks")]
    fn summary<'py>(
        &self,
        py: Python<'py>,
        n_candidates: i64,
    ) -> PyResult<(Counts<'py>, Counts<'py>, Counts<'py>, Floats<'py>, Floats<'py>, Floats<'py>)> {
        let Summary { n, failed, not_measured, mean, low, high } =
            enter(py, self.unread(), || self.lock().summary(count("n_candidates", n_candidates)?))?;
        let counts = |column| PyArray1::from_vec(py, column);
        let floats = |column| PyArray1::from_vec(py, column);
        Ok((counts(n), counts(failed), counts(not_measured), floats(mean), floats(low), floats(high)))
    }

    /// The candidate with the best mean; None if none has a score.
    #[pyo3(signature = (n_candidates, share = 0.0, /))]
    fn leader(&self, py: Python<'_>, n_candidates: i64, share: f64) -> PyResult<Option<usize>> {
        enter(py, self.unread(), || self.lock().leader(count("n_candidates", n_candidates)?, share))
    }

    /// (n, mean, low, high) of `first` minus `second` over the examples where both have a score.
    #[pyo3(signature = (first, second, /))]
    fn paired(&self, py: Python<'_>, first: i64, second: i64) -> PyResult<(usize, f64, f64, f64)> {
        let Interval { n, mean, low, high } =
            enter(py, usize::MAX, || Ok(self.lock().paired(first, second)))?;
        Ok((n, mean, low, high))
    }

    /// The candidates that no other dominates, and the examples on which each is best.
    #[pyo3(signature = (n_candidates, /))]
    fn front<'py>(&self, py: Python<'py>, n_candidates: i64) -> PyResult<(Counts<'py>, Counts<'py>)> {
        let Front { candidate, wins } =
            enter(py, usize::MAX, || self.lock().front(count("n_candidates", n_candidates)?))?;
        Ok((PyArray1::from_vec(py, candidate), PyArray1::from_vec(py, wins)))
    }

    fn __len__(&self) -> usize {
        self.lock().len()
    }
}

impl Board {
    /// The board as it stands; the core leaves it whole even where it panics.
    fn lock(&self) -> MutexGuard<'_, board::Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of rows that a question has to read; many, while another thread is at work.
    fn unread(&self) -> usize {
        self.0.try_lock().map_or(usize::MAX / 2, |board| board.unread() * ROW)
    }
}

/// Candidate, example, score and status of the board's rows, as Python hands them over.
pub type RowsOfPython<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// The board's columns, held while the core reads them.
pub struct Columns<'py> {
    candidate: PyReadonlyArray1<'py, i64>,
    example: PyReadonlyArray1<'py, i64>,
    score: PyReadonlyArray1<'py, f64>,
    status: PyReadonlyArray1<'py, u8>,
}

impl<'py> Columns<'py> {
    pub fn new(
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

    pub fn of(rows: &RowsOfPython<'py>) -> PyResult<Self> {
        Self::new(&rows.0, &rows.1, &rows.2, &rows.3)
    }

    pub fn rows(&self) -> PyResult<Rows<'_>> {
        Ok(Rows {
            candidate: self.candidate.as_slice()?,
            example: self.example.as_slice()?,
            score: self.score.as_slice()?,
            status: self.status.as_slice()?,
        })
    }
}
