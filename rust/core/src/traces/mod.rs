//! Recorded steps, and which of them are worth showing as demos.
//!
//! A [`Table`] has a row for each step: from an engine that has run programs, or from logs of production traffic ([`scan`]). [`pick`] chooses rows:
//! by score, without copies and near copies, within limits on number and tokens, of each label, as different as can be. Only what is picked is
//! ever read again in full ([`step_at`]).
//!
//! | file | what it holds |
//! |---|---|
//! | `json` | a lazy reader of JSON |
//! | `calls`, `messages` | the calls that a line tells of, in three kinds of logs |
//! | `steps` | a call as inputs and outputs by name |
//! | `sketch` | 128 bits by which near copies are found |
//! | `lines` | a log in blocks of whole lines |
//! | `table`, `scan`, `pick` | the rows, where they come from, which are chosen |
//! | `near` | which rows of texts are near copies, whatever they are of |

mod calls;
mod json;
mod lines;
mod messages;
mod near;
mod pick;
mod scan;
mod sketch;
mod steps;
mod table;

pub use json::{Fault, MOST_DEEP};
pub use lines::{Log, MOST_LINE};
pub use near::near_copies;
pub use pick::{Limits, pick};
pub use scan::{Counts, MOST_NAMED, Malformed, Options, scan};
pub use sketch::{NEAR, Sketch, distance};
pub use steps::{Field, Step, Value};
pub use table::{Origin, Row, Steps, Table};

/// Hands on the step of a line that a row was made from, and its digest; false if there is none.
pub fn step_at(line: &[u8], number: u16, see: impl FnOnce(Step<'_>, u64)) -> Result<bool, Fault> {
    let line = calls::calls(line.strip_prefix(scan::BYTE_ORDER_MARK).unwrap_or(line), &[])?;
    let Some(call) = line.calls.get(usize::from(number)) else { return Ok(false) };
    steps::step(call.predictor, &call.said, |step| {
        let (digest, ..) = table::measured(&step, None);
        see(step, digest);
    })
}
