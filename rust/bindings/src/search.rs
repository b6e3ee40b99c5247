//! Shows `burnish_core::search`: the next candidates of a space. The lock is let go of from the first cell on.

use burnish_core::search::{self, Advice, Ask, Tried};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::arguments::{column, count};
use crate::board::{Columns, RowsOfPython};
use crate::error::enter;

type Counts<'py> = Bound<'py, PyArray1<i64>>;
type Floats<'py> = Bound<'py, PyArray1<f64>>;

/// Bytes that fitting a cell is worth, against reading one.
const CELL: usize = 4096;

/// `n` new candidates by chance, choices of each slot, candidate after candidate.
#[pyfunction]
pub fn search_random<'py>(
    py: Python<'py>,
    sizes: &Bound<'py, PyAny>,
    picks: &Bound<'py, PyAny>,
    n: i64,
    seed: i64,
    step: i64,
) -> PyResult<Counts<'py>> {
    let (sizes, picks) = (column::<i64>("sizes", sizes)?, column::<i64>("picks", picks)?);
    let (sizes, picks) = (sizes.as_slice()?, picks.as_slice()?);
    let found = enter(py, picks.len() * 8, || search::random(sizes, picks, count("n", n)?, seed, step))?;
    Ok(PyArray1::from_vec(py, found))
}

/// `n` candidates in which every choice of a slot comes equally often, the first of all first choices.
#[pyfunction]
pub fn search_design<'py>(
    py: Python<'py>,
    sizes: &Bound<'py, PyAny>,
    n: i64,
    seed: i64,
) -> PyResult<Counts<'py>> {
    let sizes = column::<i64>("sizes", sizes)?;
    let sizes = sizes.as_slice()?;
    Ok(PyArray1::from_vec(py, enter(py, 0, || search::design(sizes, count("n", n)?, seed))?))
}

/// `n` candidates by a tree-structured Parzen estimator.
#[pyfunction]
#[allow(
    clippy::too_many_arguments,
    clippy::needless_pass_by_value,
    reason = "columns cross one by one, and PyO3 hands tuples over"
)]
pub fn search_tpe<'py>(
    py: Python<'py>,
    sizes: &Bound<'py, PyAny>,
    picks: &Bound<'py, PyAny>,
    rows: RowsOfPython<'py>,
    closed: &Bound<'py, PyAny>,
    n: i64,
    seed: i64,
    step: i64,
) -> PyResult<Counts<'py>> {
    let told = Told::new(sizes, picks, &rows, closed)?;
    let (tried, closed) = (told.tried()?, told.closed.as_slice()?);
    let found = enter(py, tried.rows.score.len() * 8, || {
        search::tpe(tried, closed, Ask { n: count("n", n)?, greedy: 0.0, seed, step })
    })?;
    Ok(PyArray1::from_vec(py, found))
}

/// `n` candidates by a surrogate; mean and deviation of each candidate tried; shares of the variance; what each choice adds.
#[pyfunction]
#[allow(
    clippy::too_many_arguments,
    clippy::type_complexity,
    clippy::needless_pass_by_value,
    reason = "columns cross one by one, and PyO3 hands tuples over"
)]
pub fn search_surrogate<'py>(
    py: Python<'py>,
    sizes: &Bound<'py, PyAny>,
    picks: &Bound<'py, PyAny>,
    rows: RowsOfPython<'py>,
    closed: &Bound<'py, PyAny>,
    n: i64,
    greedy: f64,
    seed: i64,
    step: i64,
) -> PyResult<(Counts<'py>, Floats<'py>, Floats<'py>, Floats<'py>, Floats<'py>, Floats<'py>)> {
    let told = Told::new(sizes, picks, &rows, closed)?;
    let (tried, closed) = (told.tried()?, told.closed.as_slice()?);
    let Advice { picks, mean, spread, shares, above, deviation } =
        enter(py, tried.rows.score.len() * CELL, || {
            search::surrogate(tried, closed, Ask { n: count("n", n)?, greedy, seed, step })
        })?;
    let floats = |column| PyArray1::from_vec(py, column);
    Ok((
        PyArray1::from_vec(py, picks),
        floats(mean),
        floats(spread),
        floats(shares),
        floats(above),
        floats(deviation),
    ))
}

/// The columns that a searcher is told, held while the core reads them.
struct Told<'py> {
    sizes: PyReadonlyArray1<'py, i64>,
    picks: PyReadonlyArray1<'py, i64>,
    rows: Columns<'py>,
    closed: PyReadonlyArray1<'py, bool>,
}

impl<'py> Told<'py> {
    fn new(
        sizes: &Bound<'py, PyAny>,
        picks: &Bound<'py, PyAny>,
        rows: &RowsOfPython<'py>,
        closed: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        Ok(Self {
            sizes: column("sizes", sizes)?,
            picks: column("picks", picks)?,
            rows: Columns::of(rows)?,
            closed: column("closed", closed)?,
        })
    }

    fn tried(&self) -> PyResult<Tried<'_>> {
        Ok(Tried { sizes: self.sizes.as_slice()?, picks: self.picks.as_slice()?, rows: self.rows.rows()? })
    }
}
