//! Shows `burnish_core::traces`: columns in, row numbers out, so that only the rows picked become Python objects.
//!
//! The digests are copied (16 bytes a row) to stand as pairs; the other columns are read in place.

use burnish_core::traces::{self, Limits, Steps};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{column, found, size, texts};
use crate::error::{config_error, enter};

/// The numbers of the steps worth showing as demos, rising.
#[pyfunction]
#[pyo3(signature = (score, predictor, rollout, tokens, digest, *, min_score, per_predictor, max_tokens, seed))]
#[allow(clippy::too_many_arguments, reason = "five columns and four limits, the limits by name")]
pub fn pick_traces<'py>(
    score: &Bound<'py, PyAny>,
    predictor: &Bound<'py, PyAny>,
    rollout: &Bound<'py, PyAny>,
    tokens: &Bound<'py, PyAny>,
    digest: &Bound<'py, PyAny>,
    min_score: f64,
    per_predictor: i64,
    max_tokens: Option<i64>,
    seed: i64,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let py = score.py();
    let (score, tokens) = (column::<f64>("score", score)?, column::<i64>("tokens", tokens)?);
    let (predictor, rollout) = (column::<i64>("predictor", predictor)?, column::<i64>("rollout", rollout)?);
    let digest = pairs(digest)?;
    let steps = Steps {
        score: score.as_slice()?,
        predictor: predictor.as_slice()?,
        rollout: rollout.as_slice()?,
        tokens: tokens.as_slice()?,
        digest: &digest,
    };
    let limits = Limits { min_score, per_predictor, max_tokens };
    let rows = enter(py, steps.score.len() * 48, || traces::pick(steps, limits, seed))?;
    Ok(PyArray1::from_vec(py, rows))
}

/// The digest of each text: an array with two columns.
#[pyfunction]
pub fn digests<'py>(texts: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let py = texts.py();
    let texts = self::texts("texts", texts)?;
    let digests = enter(py, size(&texts), || Ok(traces::digests(&texts)))?;
    PyArray1::from_vec(py, digests.into_flattened()).reshape([texts.len(), 2])
}

/// The digests as pairs.
fn pairs(digest: &Bound<'_, PyAny>) -> PyResult<Vec<[u64; 2]>> {
    match digest.extract::<PyReadonlyArray2<'_, u64>>() {
        Ok(array) if array.shape()[1] == 2 => {
            Ok(array.as_array().rows().into_iter().map(|row| [row[0], row[1]]).collect())
        }
        _ => {
            let found = found(digest);
            let message =
                format!("digest is {found}; give what digests() returns: uint64 of shape [rows, 2]");
            Err(config_error(digest.py(), message))
        }
    }
}
