//! Shows `burnish_client::Client`: requests in, answers out, and a socket that becomes readable when there are some.
//!
//! It is the one part of the bindings with a thread behind it. The thread never calls Python: it writes a byte into a
//! socket that the event loop watches. Sending costs about 5 µs here and taking an answer about 2 µs.

use burnish_client::{Came, Client, Error, pair};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::error::config_error;

/// Sends requests from a thread of its own.
#[pyclass(frozen, module = "burnish._core")]
pub struct HttpClient {
    client: Client,
    /// The number of the socket to watch, which belongs to whoever made the client.
    #[pyo3(get)]
    socket: i64,
}

#[pymethods]
impl HttpClient {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let (waiting, waker) = pair()?;
        let client =
            py.detach(|| Client::start(move || waker.wake())).map_err(|error| refusal(py, &error))?;
        Ok(Self { client, socket: waiting.into_number() })
    }

    /// Send a POST request; returns the number under which its answer will come, in pieces where it is a stream of events.
    #[pyo3(signature = (url, headers, body, pieces=false, /))]
    fn post(
        &self,
        py: Python<'_>,
        url: &str,
        headers: &Bound<'_, PyDict>,
        body: &[u8],
        pieces: bool,
    ) -> PyResult<u64> {
        let headers = pairs(headers)?;
        self.client.post(url, texts(&headers)?, body.to_vec(), pieces).map_err(|error| refusal(py, &error))
    }

    /// Send a GET request; returns the number under which its answer will come.
    #[pyo3(signature = (url, headers, /))]
    fn get(&self, py: Python<'_>, url: &str, headers: &Bound<'_, PyDict>) -> PyResult<u64> {
        let headers = pairs(headers)?;
        self.client.get(url, texts(&headers)?).map_err(|error| refusal(py, &error))
    }

    /// Give a request up; its connection is closed.
    #[pyo3(signature = (number, /))]
    fn cancel(&self, number: u64) {
        self.client.cancel(number);
    }

    /// What has come since the last time: each number with status, headers and body, or with the reason for none, or with
    /// a piece of the body.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let taken = PyList::empty(py);
        for (number, came) in self.client.take() {
            match came {
                Came::Piece(piece) => taken.append((number, PyBytes::new(py, &piece)))?,
                Came::End(Ok(answer)) => {
                    let headers = PyDict::new(py);
                    for (name, value) in &answer.headers {
                        headers.set_item(name.as_str(), String::from_utf8_lossy(value.as_bytes()))?;
                    }
                    taken.append((number, (answer.status, headers, PyBytes::new(py, &answer.body))))?;
                }
                Came::End(Err(error)) => taken.append((number, error.to_string()))?,
            }
        }
        Ok(taken)
    }
}

type Pair<'py> = (Bound<'py, PyString>, Bound<'py, PyString>);

/// The headers as Python's texts, which the borrowed ones of [`texts`] live in.
fn pairs<'py>(headers: &Bound<'py, PyDict>) -> PyResult<Vec<Pair<'py>>> {
    headers.iter().map(|(name, value)| Ok((name.cast_into()?, value.cast_into()?))).collect()
}

fn texts<'a>(headers: &'a [Pair<'_>]) -> PyResult<Vec<(&'a str, &'a str)>> {
    headers.iter().map(|(name, value)| Ok((name.to_str()?, value.to_str()?))).collect()
}

fn refusal(py: Python<'_>, error: &Error) -> PyErr {
    match error {
        Error::Request(_) => config_error(py, error.to_string()),
        Error::Start(_) | Error::Connect(_) | Error::Dropped(_) => PyOSError::new_err(error.to_string()),
    }
}
