//! The trace table: a row for each recorded step, as columns, without its texts.
//!
//! Rows come from an engine that has run programs ([`Table::append`]) or from logs ([`super::scan`]). A row is 72 bytes whatever its texts were; what a
//! log's row said is read again from where it stands ([`Row::origin`]). Predictors have numbers in the order in which they were first met.

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

use super::sketch::{self, Sketch};
use super::steps::{Field, Step, Value};
use crate::Error;
use crate::error::same_length;

/// Where a row stands in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// Which of the files that were scanned.
    pub file: u16,
    /// Which step of the line.
    pub step: u16,
    /// The line's number, from 1 on.
    pub line: u32,
    /// The byte at which the line begins.
    pub offset: u64,
}

impl Origin {
    /// The rollout of a line that belongs to no other.
    pub(super) fn rollout(self) -> i64 {
        (u64::from(self.file) << 48 | u64::from(self.line)).cast_signed()
    }
}

/// A recorded step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Row {
    /// Score of the rollout; NaN if it has none.
    pub score: f64,
    /// Number of the predictor.
    pub predictor: u32,
    /// Tokens that the step takes as a demo.
    pub tokens: u32,
    /// In which rollout.
    pub rollout: i64,
    /// What it is stratified by; 0 if by nothing.
    pub label: u64,
    /// Digest of all that the demo says.
    pub digest: u64,
    /// Sketch of what went in.
    pub sketch: [u64; 2],
    /// Where it stands; the default for a row that is of no log.
    pub origin: Origin,
}

/// Steps that an engine has run, as columns of equal length.
#[derive(Debug, Clone, Copy)]
pub struct Steps<'a, S> {
    /// Score of the rollout; NaN if it has none.
    pub score: &'a [f64],
    /// Which predictor was called.
    pub predictor: &'a [S],
    /// In which rollout.
    pub rollout: &'a [i64],
    /// Tokens that the step takes as a demo.
    pub tokens: &'a [i64],
    /// What went in, as one text.
    pub inputs: &'a [S],
    /// What came out, as one text.
    pub outputs: &'a [S],
}

impl<S> Steps<'_, S> {
    fn check(&self) -> Result<(), Error> {
        let expected = ("score", self.score.len());
        same_length(("predictor", self.predictor.len()), expected)?;
        same_length(("rollout", self.rollout.len()), expected)?;
        same_length(("tokens", self.tokens.len()), expected)?;
        same_length(("inputs", self.inputs.len()), expected)?;
        same_length(("outputs", self.outputs.len()), expected)?;
        match self.tokens.iter().position(|tokens| *tokens < 0) {
            Some(row) => Err(Error::NegativeRow { name: "tokens", row, value: self.tokens[row] }),
            None => Ok(()),
        }
    }
}

/// Recorded steps.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The rows, in the order in which they came.
    pub rows: Vec<Row>,
    names: Vec<String>,
    numbers: FxHashMap<String, u32>,
}

impl Table {
    /// The names of the predictors, by their numbers.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of a predictor, a new one for a new name.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// Adds steps that an engine has run; none if one is refused.
    pub fn append<S: AsRef<str>>(&mut self, steps: &Steps<'_, S>) -> Result<(), Error> {
        steps.check()?;
        for place in 0..steps.score.len() {
            let (inputs, outputs) = (steps.inputs[place].as_ref(), steps.outputs[place].as_ref());
            let mut hasher = FxHasher::default();
            write(&mut hasher, inputs);
            write(&mut hasher, outputs);
            let (digest, mut sketch) = (hasher.finish(), Sketch::new());
            sketch.add(0, inputs);
            let predictor = self.number(steps.predictor[place].as_ref());
            self.rows.push(Row {
                score: steps.score[place],
                predictor,
                tokens: u32::try_from(steps.tokens[place]).unwrap_or(u32::MAX),
                rollout: steps.rollout[place],
                digest,
                sketch: sketch.bits(digest),
                ..Row::default()
            });
        }
        Ok(())
    }

    /// Says in which file all rows stand, which a scan does not know.
    pub fn belongs_to(&mut self, file: u16) {
        for row in &mut self.rows {
            let own = row.rollout == row.origin.rollout();
            row.origin.file = file;
            if own {
                row.rollout = row.origin.rollout();
            }
        }
    }

    /// Adds the rows of another table behind one's own.
    pub fn extend(&mut self, other: Self) {
        let numbers: Vec<u32> = other.names.iter().map(|name| self.number(name)).collect();
        self.rows.reserve(other.rows.len());
        self.rows.extend(
            other.rows.into_iter().map(|row| Row { predictor: numbers[row.predictor as usize], ..row }),
        );
    }
}

/// The digest, the sketch and the tokens of a step, and its label if one of its fields is that.
///
/// Half of the sketch is of all inputs and half of the shortest, so that many questions about one long passage are not alike.
pub fn measured(step: &Step<'_>, label: Option<&str>) -> (u64, [u64; 2], u32, u64) {
    let mut hasher = FxHasher::default();
    let (mut characters, mut stratum) = (0, 0);
    for fields in [&step.inputs, &step.outputs] {
        hasher.write_usize(fields.len());
        for (name, value) in fields {
            let text = value.as_str();
            write(&mut hasher, name);
            hasher.write_u8(u8::from(matches!(value, Value::Json(_))));
            write(&mut hasher, text);
            characters += characters_of(name) + characters_of(text);
            if Some(name.as_ref()) == label {
                stratum = label_of(text);
            }
        }
    }
    let digest = hasher.finish();
    let sketch = |fields: &[Field<'_>]| {
        let mut sketch = Sketch::new();
        for (name, value) in fields {
            sketch.add(sketch::hash(name.as_bytes()), value.as_str());
        }
        sketch.bits(digest)
    };
    let mut bits = sketch(&step.inputs);
    if step.inputs.len() > 1 {
        let shortest = step.inputs.iter().min_by_key(|(_, value)| value.as_str().len());
        bits[1] = sketch(shortest.map_or(&[], std::slice::from_ref))[1];
    }
    // Four characters a token, as many estimates have it.
    (digest, bits, u32::try_from(characters.div_ceil(4)).unwrap_or(u32::MAX), stratum)
}

/// What a label is told apart by; never 0, which is no label.
pub fn label_of(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    write(&mut hasher, text.trim());
    hasher.finish() | 1
}

fn write(hasher: &mut FxHasher, text: &str) {
    hasher.write_usize(text.len());
    hasher.write(text.as_bytes());
}

/// Characters of a text: its bytes that do not go on with one.
fn characters_of(text: &str) -> usize {
    // Summed in bytes, many of which are added at once, and 255 of which do not overflow.
    let some = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(byte & 0xc0 != 0x80)).sum::<u8>();
    text.as_bytes().chunks(255).map(|bytes| usize::from(some(bytes))).sum()
}
