//! Everything that a kernel can refuse, as one enum.
//!
//! Kernels check their columns before they compute, so an error means that nothing was done. A message names the
//! column and the row, shows the value, then says what to do. Building one costs an allocation and happens at
//! most once a call. Programming slips inside the core are panics of a test, never a variant here.

use thiserror::Error;

/// Why a kernel refused its arguments.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Error {
    /// Two columns that describe the same rows differ in length.
    #[error("{name} has {length} rows and {other} has {expected}; give one of each for every row")]
    Lengths {
        /// The column found at fault.
        name: &'static str,
        /// Its number of rows.
        length: usize,
        /// The column it must match.
        other: &'static str,
        /// The number of rows of that column.
        expected: usize,
    },
    /// A row has nothing to be compared with.
    #[error("{name}[{row}] is empty; every row needs at least one text to compare with")]
    Nothing {
        /// The column found at fault.
        name: &'static str,
        /// The row found at fault.
        row: usize,
    },
    /// A row names a candidate that no board has.
    #[error("candidate[{row}] is {candidate}; number candidates from 0 to {most} (not included)")]
    Candidate {
        /// The row found at fault.
        row: usize,
        /// What it says.
        candidate: i64,
        /// From here on no candidate has a number.
        most: usize,
    },
    /// A row has a status that is none of the three.
    #[error("status[{row}] is {status}; use 0 (scored), 1 (failed) or 2 (not measured)")]
    Status {
        /// The row found at fault.
        row: usize,
        /// What it says.
        status: u8,
    },
    /// A row that counts has a score that cannot enter a mean.
    #[error(
        "score[{row}] is {score}, and the row counts (status {status}); give a finite score, or status 2 (not measured)"
    )]
    Score {
        /// The row found at fault.
        row: usize,
        /// What it says.
        score: f64,
        /// The status of the row.
        status: u8,
    },
    /// A row has a number that its column cannot hold.
    #[error("{name}[{row}] is {value}; it must not be negative")]
    NegativeRow {
        /// The column found at fault.
        name: &'static str,
        /// The row found at fault.
        row: usize,
        /// What it says.
        value: i64,
    },
    /// An argument that counts something is below zero.
    #[error("{name} is {value}; it must not be negative")]
    Negative {
        /// The argument found at fault.
        name: &'static str,
        /// What it says.
        value: i64,
    },
    /// An argument that counts something asks for more than memory may hold.
    #[error("{name} is {value}; it must be at most {most}")]
    TooMany {
        /// The argument found at fault.
        name: &'static str,
        /// What it says.
        value: usize,
        /// The most that it may say.
        most: usize,
    },
    /// An argument is not a number.
    #[error("{name} is NaN; give a number")]
    NotANumber {
        /// The argument found at fault.
        name: &'static str,
    },
    /// An argument that counts something is zero.
    #[error("{name} is 0; it must be at least 1")]
    AtLeastOne {
        /// The argument found at fault.
        name: &'static str,
    },
    /// More rows are asked for than the index has.
    #[error("k is {k} and the index has {n_rows} rows; ask for as many at most")]
    TooFewRows {
        /// How many are asked for.
        k: usize,
        /// How many there are.
        n_rows: usize,
    },
    /// A number names a row that the index does not have.
    #[error("numbers[{row}] is {value}, and the index has rows 0 to {n_rows} (not included)")]
    NoRow {
        /// Where the number stands.
        row: usize,
        /// What it says.
        value: i64,
        /// How many rows there are.
        n_rows: usize,
    },
    /// The last of several rows is not whole.
    #[error("{name} hold {length} values, which are no whole rows of {dimension}")]
    Width {
        /// The rows found at fault.
        name: &'static str,
        /// How many values they hold.
        length: usize,
        /// How many a row has.
        dimension: usize,
    },
    /// A row of numbers holds none, or one that no sum can take.
    #[error("{name}[{row}] holds {value:?} at place {place}; give finite numbers of size {most:?} at most")]
    Value {
        /// The rows found at fault.
        name: &'static str,
        /// The row found at fault.
        row: usize,
        /// Where in the row.
        place: usize,
        /// What stands there.
        value: f32,
        /// The largest size that may.
        most: f32,
    },
    /// A row of zeros, where a direction is needed.
    #[error("{name}[{row}] is all zeros, which point nowhere; leave it out, or compare by inner product")]
    NoDirection {
        /// The rows found at fault.
        name: &'static str,
        /// The row found at fault.
        row: usize,
    },
    /// A space has more candidates than can be numbered.
    #[error("sizes multiply to more than {most} candidates; give fewer slots or choices")]
    Combinations {
        /// How many there may be.
        most: u64,
    },
    /// A candidate picks a choice that its slot does not have.
    #[error("picks[{row}] has {value} in slot {slot}, which has choices 0 to {size} (not included)")]
    Pick {
        /// The candidate found at fault.
        row: usize,
        /// The slot found at fault.
        slot: usize,
        /// What it says.
        value: i64,
        /// How many choices the slot has.
        size: usize,
    },
    /// A saved index cannot be read.
    #[error("this is no index that can be searched: {what}; build it again")]
    File {
        /// What is wrong with it.
        what: String,
    },
}

/// Refuses a column whose length is not that of the column it goes with.
pub(crate) fn same_length(
    (name, length): (&'static str, usize),
    (other, expected): (&'static str, usize),
) -> Result<(), Error> {
    if length == expected { Ok(()) } else { Err(Error::Lengths { name, length, other, expected }) }
}
