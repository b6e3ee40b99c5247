//! Shows `burnish_core::text`: lists of strings in, a column of scores out; about 0.3 µs a call and 60 ns a pair for crossing.

use burnish_core::{Error, text};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::arguments::{size, text_rows, texts};
use crate::error::enter;

/// The normalised form of each text.
#[pyfunction]
pub fn normalize(py: Python<'_>, texts: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let texts = self::texts("texts", texts)?;
    enter(py, size(&texts), || Ok(texts.iter().map(|text| text::normalize(text)).collect()))
}

/// A metric of predictions against the references of their rows. It is a closure, since rows of any lifetime go in.
type Metric = fn(&[PyBackedStr], &[&[PyBackedStr]]) -> Result<Vec<f64>, Error>;

fn score<'py>(
    metric: Metric,
    predictions: &Bound<'py, PyAny>,
    references: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let py = predictions.py();
    let predictions = texts("predictions", predictions)?;
    let references = text_rows("references", references)?;
    let size = size(&predictions) + references.size();
    let scores = enter(py, size, || metric(&predictions, &references.rows()))?;
    Ok(PyArray1::from_vec(py, scores))
}

/// For each row 1.0 if the prediction equals a reference, both normalised, else 0.0.
#[pyfunction]
pub fn exact_match<'py>(
    predictions: &Bound<'py, PyAny>,
    references: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    score(|texts, rows| text::exact_match(texts, rows), predictions, references)
}

/// For each row the best F1 of shared tokens over its references.
#[pyfunction]
pub fn f1<'py>(
    predictions: &Bound<'py, PyAny>,
    references: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    score(|texts, rows| text::f1(texts, rows), predictions, references)
}

/// For each row the best precision of shared tokens over its references.
#[pyfunction]
pub fn precision<'py>(
    predictions: &Bound<'py, PyAny>,
    references: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    score(|texts, rows| text::precision(texts, rows), predictions, references)
}

/// For each row the best recall of shared tokens over its references.
#[pyfunction]
pub fn recall<'py>(
    predictions: &Bound<'py, PyAny>,
    references: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    score(|texts, rows| text::recall(texts, rows), predictions, references)
}

/// As `f1`, but yes, no and noanswer score only against themselves.
#[pyfunction]
pub fn hotpot_f1<'py>(
    predictions: &Bound<'py, PyAny>,
    references: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    score(|texts, rows| text::hotpot_f1(texts, rows), predictions, references)
}

/// For each row 1.0 if an answer's tokens stand side by side in a passage, else 0.0.
#[pyfunction]
pub fn passage_match<'py>(
    passages: &Bound<'py, PyAny>,
    answers: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let py = passages.py();
    let passages = text_rows("passages", passages)?;
    let answers = text_rows("answers", answers)?;
    let size = passages.size() + answers.size();
    let scores = enter(py, size, || text::passage_match(&passages.rows(), &answers.rows()))?;
    Ok(PyArray1::from_vec(py, scores))
}
