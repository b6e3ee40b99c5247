//! The one door into the core: lets go of the interpreter lock, runs, and turns refusals into Python's errors.
//!
//! Python owns the error classes, so they are looked up by name when one is needed. Letting go of the lock pays only for
//! work that lasts: taking it back costs about 0.1 µs on an idle interpreter and up to a switch interval (5 ms) on a
//! busy one. A caller therefore says how many bytes it is about to read, and the lock is kept for less than [`LASTING`].

use std::io;
use std::path::Path;

use burnish_core::Error;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// Bytes of input from which the interpreter lock is let go: about 20 µs of work.
const LASTING: usize = 16 * 1024;

/// Runs `work`, which reads about `size` bytes, without the interpreter lock if it lasts.
pub fn enter<T: Send>(
    py: Python<'_>,
    size: usize,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    let result = if size < LASTING { work() } else { py.detach(work) };
    result.map_err(|error| to_python(py, &error))
}

/// The Python error for each way in which the core refuses.
fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    match error {
        Error::Lengths { .. }
        | Error::Nothing { .. }
        | Error::Candidate { .. }
        | Error::Status { .. }
        | Error::Score { .. }
        | Error::NegativeRow { .. }
        | Error::Negative { .. }
        | Error::TooMany { .. }
        | Error::NotANumber { .. }
        | Error::AtLeastOne { .. }
        | Error::TooFewRows { .. }
        | Error::NoRow { .. }
        | Error::Width { .. }
        | Error::Value { .. }
        | Error::NoDirection { .. }
        | Error::Combinations { .. }
        | Error::Pick { .. } => config_error(py, error.to_string()),
        Error::File { .. } => state_error(py, error.to_string()),
    }
}

/// A `burnish.errors.ConfigError` with this message.
pub fn config_error(py: Python<'_>, message: String) -> PyErr {
    burnish_error(py, "ConfigError", message)
}

/// A `burnish.errors.StateError` with this message.
pub fn state_error(py: Python<'_>, message: String) -> PyErr {
    burnish_error(py, "StateError", message)
}

/// An `OSError` with the file that it is about, as Python's own have it.
pub fn with_path(py: Python<'_>, cause: &io::Error, path: &Path) -> PyErr {
    let path = path.to_string_lossy().into_owned();
    match cause.raw_os_error() {
        Some(number) => {
            let words =
                py.import("os").and_then(|os| os.call_method1("strerror", (number,))?.extract::<String>());
            PyOSError::new_err((number, words.unwrap_or_else(|_| cause.to_string()), path))
        }
        None => PyOSError::new_err(format!("{cause}: {path}")),
    }
}

/// An error of Burnish with this message; the error of the import if there is no such class.
fn burnish_error(py: Python<'_>, class: &str, message: String) -> PyErr {
    let class = py.import("burnish.errors").and_then(|errors| errors.getattr(class));
    match class.and_then(|class| class.call1((message,))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
