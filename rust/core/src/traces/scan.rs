//! From a log of production traffic to the trace table: JSON lines, read in shares by several threads.
//!
//! **Method**: a thread takes the next share of the log ([`super::lines`]) and turns the lines that begin there into rows; a line's calls are measured only if
//! their score is good enough. Parts are put together in the order of the log, so the table does not depend on the threads. **Cost**: about 1 ns a byte
//! for finding calls and scores, and 3 to 4 µs for each call that is measured. Memory: a share and the longest line for each thread, and 72 bytes a
//! row kept; nothing grows with what is skipped. **When not**: a log in one huge JSON array has no lines.
//!
//! No line ends a scan. One that is no JSON object, is longer than [`MOST_LINE`] or holds no UTF-8 where text is wanted is counted as malformed and
//! its number kept, up to [`MOST_NAMED`] of them; one without a call that both asks and answers is counted as holding none.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHasher;

use super::calls::{Call, calls};
use super::json::Fault;
use super::lines::{Lines, Log, MOST_LINE};
use super::steps::step;
use super::table::{Origin, Row, Table, measured};
use crate::threads::together;

/// Bytes of a predictor's name at most.
pub const MOST_NAME: usize = 512;
/// Malformed lines whose numbers are kept.
pub const MOST_NAMED: usize = 1000;
/// What some editors put in front of a text.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is looked for in a log.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The keys on the way to the score, where it is not where the log's kind has it.
    pub score: Vec<String>,
    /// The field that rows are stratified by.
    pub label: Option<String>,
    /// The lowest score that is good enough; none takes calls without a score too.
    pub min_score: Option<f64>,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its number, from 1 on.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What became of the lines of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that are not empty.
    pub lines: u64,
    /// Lines that could not be read.
    pub malformed: u64,
    /// The first of them.
    pub named: Vec<Malformed>,
    /// Lines without a call that both asks and answers.
    pub without_call: u64,
    /// Calls that failed or were cut off.
    pub failed: u64,
    /// Calls without a score, where one is wanted.
    pub without_score: u64,
    /// Calls with a lower score.
    pub below: u64,
}

/// Scans a log to its end.
pub fn scan<L: Log + ?Sized>(log: &L, options: &Options, threads: usize) -> io::Result<(Table, Counts)> {
    // A log that grows meanwhile ends where it ended, for every thread.
    let length = log.length()?;
    let (next, merged) = (AtomicU64::new(0), Mutex::new(Merged::default()));
    let work = || -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(lines) = Lines::of(log, length, number, &mut bytes)? else { return Ok(()) };
            let part = Part::of(&lines, options);
            merged.lock().unwrap_or_else(PoisonError::into_inner).add(number, part);
        }
    };
    together(threads, work).into_iter().collect::<io::Result<()>>()?;
    let Part { table, counts, .. } = merged.into_inner().unwrap_or_else(PoisonError::into_inner).all;
    Ok((table, counts))
}

/// The parts so far, put together in the order of the log.
#[derive(Default)]
struct Merged {
    all: Part,
    next: u64,
    /// Parts whose predecessors are still being read.
    early: BTreeMap<u64, Part>,
}

impl Merged {
    fn add(&mut self, number: u64, part: Part) {
        self.early.insert(number, part);
        while let Some(part) = self.early.remove(&self.next) {
            self.all.extend(part);
            self.next += 1;
        }
    }
}

/// The rows of a block, and what became of its lines.
#[derive(Default)]
struct Part {
    table: Table,
    counts: Counts,
    /// Lines, empty ones too.
    line: u64,
    /// Where the names of predictors are written, to be looked up.
    name: String,
}

impl Part {
    /// The calls of some lines, which are numbered from 1 on until it is known how many come before them.
    fn of(lines: &Lines<'_>, options: &Options) -> Self {
        let mut part = Self::default();
        let score: Vec<&str> = options.score.iter().map(String::as_str).collect();
        let (mut offset, mut bytes) = (lines.offset, lines.bytes);
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |place| place + 1);
            let text;
            (text, bytes) = bytes.split_at(end);
            part.line += 1;
            let bare = if offset == 0 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
            if !bare.trim_ascii().is_empty() {
                part.counts.lines += 1;
                let line = u32::try_from(part.line).unwrap_or(u32::MAX);
                let origin = Origin { file: 0, step: 0, line, offset };
                if let Err(fault) = part.read(bare, origin, options, &score) {
                    part.counts.malformed(part.line, format!("{} at byte {}", fault.what, fault.at));
                }
            }
            offset += text.len() as u64;
        }
        if lines.too_long {
            part.line += 1;
            part.counts.lines += 1;
            part.counts.malformed(part.line, format!("longer than {} MiB", MOST_LINE >> 20));
        }
        part
    }

    /// Takes in the part that comes behind this one.
    fn extend(&mut self, mut next: Self) {
        let before = u32::try_from(self.line).unwrap_or(u32::MAX);
        for row in &mut next.table.rows {
            let own = row.rollout == row.origin.rollout();
            row.origin.line = row.origin.line.saturating_add(before);
            if own {
                row.rollout = row.origin.rollout();
            }
        }
        for fault in &mut next.counts.named {
            fault.line += self.line;
        }
        self.line += next.line;
        self.table.extend(next.table);
        self.counts.add(next.counts);
    }

    /// Takes in the calls of a line, all of them or, where there is a fault, none.
    fn read(&mut self, text: &[u8], origin: Origin, options: &Options, score: &[&str]) -> Result<(), Fault> {
        let line = calls(text, score)?;
        if line.calls.is_empty() && line.failed == 0 {
            self.counts.without_call += 1;
            return Ok(());
        }
        let before = self.table.rows.len();
        let (mut failed, mut without_score, mut below) = (line.failed as u64, 0, 0);
        for (number, call) in line.calls.iter().enumerate() {
            match (options.min_score, call.score) {
                (Some(_), None) => without_score += 1,
                (Some(least), Some(score)) if score < least => below += 1,
                _ => {
                    let step = u16::try_from(number).unwrap_or(u16::MAX);
                    let row = self.row(call, Origin { step, ..origin }, options).inspect_err(|_| {
                        self.table.rows.truncate(before);
                    })?;
                    failed += u64::from(row.is_none());
                    self.table.rows.extend(row);
                }
            }
        }
        self.counts.failed += failed;
        self.counts.without_score += without_score;
        self.counts.below += below;
        Ok(())
    }

    /// The row of a call; none where nothing was asked or answered.
    fn row(&mut self, call: &Call<'_>, origin: Origin, options: &Options) -> Result<Option<Row>, Fault> {
        let rollout = match call.rollout {
            Some(name) => hashed(&name.read()?),
            None => origin.rollout(),
        };
        let (mut row, mut too_long) = (None, false);
        step(call.predictor, &call.said, |step| {
            let (digest, sketch, tokens, label) = measured(&step, options.label.as_deref());
            self.name.clear();
            step.predictor(&mut self.name);
            too_long = self.name.len() > MOST_NAME;
            if too_long {
                return;
            }
            let predictor = self.table.number(&self.name);
            let score = call.score.unwrap_or(f64::NAN);
            row = Some(Row { score, predictor, tokens, rollout, label, digest, sketch, origin });
        })?;
        if too_long {
            return Err(Fault { at: 0, what: "a predictor's name of more than 512 bytes" });
        }
        Ok(row)
    }
}

fn hashed(name: &str) -> i64 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    hasher.finish().cast_signed()
}

impl Counts {
    fn malformed(&mut self, line: u64, what: String) {
        self.malformed += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(Malformed { line, what });
        }
    }

    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.malformed += other.malformed;
        let room = MOST_NAMED.saturating_sub(self.named.len());
        self.named.extend(other.named.into_iter().take(room));
        self.without_call += other.without_call;
        self.failed += other.failed;
        self.without_score += other.without_score;
        self.below += other.below;
    }
}
