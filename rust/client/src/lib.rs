//! Sends HTTP requests from a thread of its own, for a caller that waits on an event loop.
//!
//! [`Client::post`] returns at once. What comes of it is collected with [`Client::take`], and the caller is woken
//! through a function that it brings, which is called when the first of several answers has arrived and then not again until they are
//! taken: under load one wake-up brings many answers. The body of a stream of events comes in pieces where that is asked for. All of them share one pool of keep-alive connections without a
//! limit; pacing is the caller's. A call costs about 40 µs of CPU on this thread, most of it the kernel's.
//!
//! What is not done here: no redirect is followed, no body is decompressed, nothing is logged, and no request that may
//! have reached a server is sent again.

#![forbid(unsafe_code)]

mod client;
mod connect;
mod error;
mod wake;

pub use client::{Answer, Came, Client, Outcome};
pub use error::Error;
pub use wake::{Waiting, Waker, pair};
