//! What Python passes, as the core takes it: strings as borrowed UTF-8, columns as slices.
//!
//! A wrong type is a `ConfigError` that names the argument and the row. A string with a lone surrogate has no UTF-8 form
//! and is refused the same way, since two different ones must not become one text. Strings cost about 30 ns each; an
//! ASCII string is not copied, and another keeps its UTF-8 form with it until it dies. While a call has let go of the
//! interpreter lock, its arrays must not be written to.

use std::fmt;

use burnish_core::Error;
use numpy::{Element, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyString};

use crate::error::config_error;

/// Where a value stands, for messages: an argument, or a row of one.
#[derive(Clone, Copy)]
struct Place<'a> {
    name: &'a str,
    row: Option<usize>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(to, "{}[{row}]", self.name),
            None => write!(to, "{}", self.name),
        }
    }
}

/// One string, borrowed.
pub fn text<'a>(name: &str, value: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    value.to_str().map_err(|cause| no_text(value, Place { name, row: None }, cause))
}

/// A sequence of strings.
pub fn texts(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<PyBackedStr>> {
    let mut texts = Vec::with_capacity(room(value));
    push_strings(Place { name, row: None }, value, &mut texts)?;
    Ok(texts)
}

/// Rows of strings, one after the other.
pub struct TextRows {
    texts: Vec<PyBackedStr>,
    /// Where each row ends.
    ends: Vec<usize>,
}

impl TextRows {
    /// The rows as the core takes them.
    pub fn rows(&self) -> Vec<&[PyBackedStr]> {
        let mut start = 0;
        self.ends.iter().map(|&end| &self.texts[std::mem::replace(&mut start, end)..end]).collect()
    }

    /// Bytes of text in all of them.
    pub fn size(&self) -> usize {
        size(&self.texts)
    }
}

/// A sequence of sequences of strings.
pub fn text_rows(name: &str, value: &Bound<'_, PyAny>) -> PyResult<TextRows> {
    let place = Place { name, row: None };
    let room = room(value);
    let mut rows = TextRows { texts: Vec::with_capacity(room), ends: Vec::with_capacity(room) };
    each(place, value, "sequences of strings", |row, item| {
        push_strings(Place { name, row: Some(row) }, item, &mut rows.texts)?;
        rows.ends.push(rows.texts.len());
        Ok(())
    })?;
    Ok(rows)
}

/// Places to make ready for a sequence: as many as it says it has, up to where a false or useless length would hurt.
fn room(value: &Bound<'_, PyAny>) -> usize {
    value.len().unwrap_or(0).min(1 << 16)
}

/// Bytes of text in a sequence.
pub fn size(texts: &[PyBackedStr]) -> usize {
    texts.iter().map(|text| text.len()).sum()
}

/// One contiguous numpy column of the type that the core takes.
pub fn column<'py, T: Element>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray1<'py, T>> {
    let py = value.py();
    let array: PyReadonlyArray1<'py, T> = value.extract().map_err(|cause: PyErr| {
        let (wanted, found) = (numpy::dtype::<T>(py), found(value));
        chained(py, format!("{name} is {found}; give a numpy column of {wanted}"), cause)
    })?;
    if array.as_slice().is_err() {
        let message = format!("{name} is a strided view; pass numpy.ascontiguousarray({name})");
        return Err(config_error(py, message));
    }
    Ok(array)
}

/// A number of things, which Python may have made negative.
pub fn count(name: &'static str, value: i64) -> Result<usize, Error> {
    value.try_into().map_err(|_| Error::Negative { name, value })
}

fn push_strings(place: Place<'_>, value: &Bound<'_, PyAny>, texts: &mut Vec<PyBackedStr>) -> PyResult<()> {
    each(place, value, "strings", |row, item| {
        let refuse = |cause: PyErr| {
            let within = place.to_string();
            no_text(item, Place { name: &within, row: Some(row) }, cause)
        };
        texts.push(item.extract::<PyBackedStr>().map_err(refuse)?);
        Ok(())
    })
}

/// Hands on each item of a sequence with its number.
fn each<'py>(
    place: Place<'_>,
    value: &Bound<'py, PyAny>,
    of: &str,
    mut take: impl FnMut(usize, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    // Lists are most of what comes, and their items are at hand without an iterator.
    if let Ok(list) = value.cast_exact::<PyList>() {
        return list.iter().enumerate().try_for_each(|(row, item)| take(row, &item));
    }
    // A string is a sequence of strings to Python, and never what was meant.
    if value.is_instance_of::<PyString>() {
        return Err(config_error(value.py(), format!("{place} is one string; give a list of {of}")));
    }
    let items = value.try_iter().map_err(|cause| {
        let found = found(value);
        chained(value.py(), format!("{place} is {found}; give a list of {of}"), cause)
    })?;
    items.enumerate().try_for_each(|(row, item)| take(row, &item?))
}

/// Says why a value is no text: not a string, or one that UTF-8 cannot write.
fn no_text(value: &Bound<'_, PyAny>, place: Place<'_>, cause: PyErr) -> PyErr {
    let py = value.py();
    if !cause.is_instance_of::<PyUnicodeEncodeError>(py) {
        return chained(py, format!("{place} is {}; give a string", found(value)), cause);
    }
    let start = cause.value(py).getattr("start").and_then(|start| start.extract::<usize>());
    let at = start.map_or_else(|_| String::new(), |start| format!(" at character {start}"));
    let message = format!(
        "{place} holds a lone surrogate{at}, half of a character that cannot be written as UTF-8; \
         replace it first, for example with text.encode('utf-8', 'replace').decode()"
    );
    chained(py, message, cause)
}

/// What was passed, by its type, and an array by its contents too.
pub fn found(value: &Bound<'_, PyAny>) -> String {
    match value.cast::<PyUntypedArray>() {
        Ok(array) => format!("an array of {} and shape {:?}", array.dtype(), array.shape()),
        Err(_) => {
            value.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string())
        }
    }
}

fn chained(py: Python<'_>, message: String, cause: PyErr) -> PyErr {
    let error = config_error(py, message);
    error.set_cause(py, Some(cause));
    error
}
