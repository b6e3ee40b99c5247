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

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        // Before anything else: every text below would show it.
        let error = error.without_url();
        let text = causes(&error);
        if error.is_builder() {
            Self::Request(text)
        } else if error.is_connect() {
            Self::Connect(text)
        } else {
            Self::Dropped(text)
        }
    }
}

/// What an error says last: its causes, the outermost of which only says that a request failed.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(found) = cause {
        let said = found.to_string();
        // Some repeat the text of their own cause.
        if !text.ends_with(&said) {
            let colon = if text.is_empty() { "" } else { ": " };
            let _ = write!(text, "{colon}{said}");
        }
        cause = found.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
