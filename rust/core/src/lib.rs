//! What Burnish computes, apart from Python.
//!
//! Pure functions from columns to columns, and two that keep rows between questions ([`board`], [`knn`]): text metrics ([`text`]), board statistics ([`board`]), the choice of
//! traces ([`traces`]), the nearest rows ([`knn`]), seeded draws ([`seed`]) and fingerprints ([`fingerprint`]). Nothing here reads
//! a clock, a file or the environment, so the same arguments give the same answer on every machine. Every function but `knn`'s
//! search and `traces`' scan, which are told how many threads to use, is single-threaded and allocates what it returns plus scratch that its own page states; a caller with a Python
//! interpreter lock may let go of it for the whole call. What needs text to be sent anywhere is Python's work.

// Two modules of `knn` need it, and each says for what.
#![deny(unsafe_code)]
// Reasoned exceptions from clippy's pedantic family:
#![allow(
    // Counts of rows become floats in every statistic; 2^53 rows do not fit in memory.
    clippy::cast_precision_loss,
    // `board::summary` says where it lives; callers write the module's name.
    clippy::module_name_repetitions,
    // Scores that are exactly 0 or 1 are a case of their own.
    clippy::float_cmp,
    // One error enum serves the crate and its messages state the cases.
    clippy::missing_errors_doc
)]

pub mod board;
mod error;
pub mod fingerprint;
pub mod interval;
pub mod knn;
pub mod race;
pub mod search;
pub mod seed;
pub mod text;
mod threads;
pub mod traces;

pub use error::Error;
