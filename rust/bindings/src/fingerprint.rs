//! Shows `burnish_core::fingerprint`: a whole text, or a kept prefix and many suffixes.
//!
//! A finish on a kept prefix costs about 0.5 µs and 1 ns a byte of suffix. For a single text use the function.

use burnish_core::fingerprint as core;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::text;
use crate::error::enter;

/// The fingerprint of a text: 32 hex digits.
#[pyfunction]
#[pyo3(name = "fingerprint", signature = (text, /))]
pub fn fingerprint(py: Python<'_>, text: &Bound<'_, PyString>) -> PyResult<String> {
    let text = self::text("text", text)?;
    enter(py, text.len(), || Ok(core::fingerprint(text)))
}

/// A prefix that is already hashed; it never changes.
#[pyclass(frozen, module = "burnish._core")]
pub struct Fingerprint(core::Fingerprint);

#[pymethods]
impl Fingerprint {
    #[new]
    #[pyo3(signature = (prefix = None), text_signature = "(prefix='')")]
    fn new(py: Python<'_>, prefix: Option<&Bound<'_, PyString>>) -> PyResult<Self> {
        let prefix = prefix.map_or(Ok(""), |prefix| text("prefix", prefix))?;
        enter(py, prefix.len(), || Ok(Self(core::Fingerprint::new(prefix))))
    }

    /// The prefix followed by `text`, as a new prefix.
    #[pyo3(signature = (text, /))]
    fn extend(&self, py: Python<'_>, text: &Bound<'_, PyString>) -> PyResult<Self> {
        let text = self::text("text", text)?;
        enter(py, text.len(), || Ok(Self(self.0.extend(text))))
    }

    /// The fingerprint of the prefix followed by `suffix`.
    #[pyo3(signature = (suffix = None), text_signature = "($self, suffix='')")]
    fn finish(&self, py: Python<'_>, suffix: Option<&Bound<'_, PyString>>) -> PyResult<String> {
        let suffix = suffix.map_or(Ok(""), |suffix| text("suffix", suffix))?;
        enter(py, suffix.len(), || Ok(self.0.finish(suffix)))
    }
}
