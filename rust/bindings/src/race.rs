//! Shows `burnish_core::race`: who leaves a race.

use burnish_core::race::{self, Phase};
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arguments::count;
use crate::board::{Columns, RowsOfPython};
use crate::error::enter;

type Counts<'py> = Bound<'py, PyArray1<i64>>;

/// Whether each candidate is worse than the best on the same examples, beyond doubt.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands tuples over")]
pub fn race_beaten<'py>(
    py: Python<'py>,
    rows: RowsOfPython<'py>,
    n_candidates: i64,
    share: f64,
    looks: i64,
    error: f64,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let columns = Columns::of(&rows)?;
    let rows = columns.rows()?;
    let found = enter(py, rows.score.len() * 32, || {
        race::beaten(rows, count("n_candidates", n_candidates)?, share, count("looks", looks)?, error)
    })?;
    Ok(PyArray1::from_vec(py, found))
}

/// Who is still in a race of successive rejects, and how many examples each of them is to have seen next.
#[pyfunction]
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands tuples over")]
pub fn race_rejects<'py>(
    py: Python<'py>,
    rows: RowsOfPython<'py>,
    n_candidates: i64,
    n_examples: i64,
    budget: i64,
) -> PyResult<(Counts<'py>, usize)> {
    let columns = Columns::of(&rows)?;
    let rows = columns.rows()?;
    let Phase { alive, examples } = enter(py, rows.score.len() * 32, || {
        race::rejects(
            rows,
            count("n_candidates", n_candidates)?,
            count("n_examples", n_examples)?,
            count("budget", budget)?,
        )
    })?;
    Ok((PyArray1::from_vec(py, alive), examples))
}
