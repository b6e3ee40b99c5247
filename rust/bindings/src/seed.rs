//! Shows `burnish_core::seed`: a draw by its name, about 0.2 µs. For a stream of numbers use `random.Random(draw(…))`.

use burnish_core::seed;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::text;
use crate::error::enter;

/// The draw named by (seed, purpose, step): uniform over the integers from 0 to 2**64 - 1.
#[pyfunction]
pub fn draw(py: Python<'_>, seed: i64, purpose: &Bound<'_, PyString>, step: i64) -> PyResult<u64> {
    let purpose = text("purpose", purpose)?;
    enter(py, purpose.len(), || Ok(seed::draw(seed, purpose, step)))
}
