//! The ways in which a request brings no answer.

use std::error::Error as _;
use std::fmt::Write as _;

/// Why there is no answer, with what the system or the protocol said of it.
///
/// No address and no header is part of a text: either may hold a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The thread, the socket or the TLS of a client could not be set up.
    #[error("The HTTP client cannot start: {0}.")]
    Start(String),
    /// Address or headers are not HTTP's; nothing was sent.
    #[error("Cannot be sent as an HTTP request: {0}.")]
    Request(String),
    /// The name, the network, the server or its certificate; nothing was sent.
    #[error("No connection: {0}.")]
    Connect(String),
    /// The connection ended before the whole answer was there.
    #[error("The connection ended before the reply did: {0}.")]
    Dropped(String),
}

impl From<hyper_util::client::legacy::Error> for Error {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        // What it says itself is only that a request failed.
        let text = error.source().map_or_else(|| error.to_string(), causes);
        if error.is_connect() { Self::Connect(text) } else { Self::Dropped(text) }
    }
}

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Self {
        Self::Dropped(causes(&error))
    }
}

impl From<hyper::http::Error> for Error {
    fn from(error: hyper::http::Error) -> Self {
        Self::Request(error.to_string())
    }
}

/// What an error and its causes say.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        let said = found.to_string();
        // Some repeat the text of their own cause.
        if !text.ends_with(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = found.source();
    }
    text
}
