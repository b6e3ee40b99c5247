//! From a log of production traffic to the trace table: JSON lines, read in blocks by several threads.
//!
//! **Method**: a thread takes the next block of the reader, up to its last whole line, and turns its lines into rows; a line's calls are measured only if
//! their score is good enough. Blocks are put together in the order of the log, so the table does not depend on the threads. **Cost**: about 1 GB/s a
//! thread. Memory: two blocks a thread, the longest line, and 72 bytes a row kept; nothing grows with what is skipped. **When not**: a log in one huge
//! JSON array has no lines.
//!
//! No line ends a scan. One that is no JSON object, is longer than [`MOST_LINE`] or holds no UTF-8 where text is wanted is counted as malformed and
//! its number kept, up to [`MOST_NAMED`] of them; one without a call that both asks and answers is counted as holding none.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustc_hash::FxHasher;

use super::calls::{Call, calls};
use super::json::Fault;
use super::steps::step;
use super::table::{Origin, Row, Table, measured};

/// Bytes of a line at most.
pub const MOST_LINE: usize = 64 << 20;
/// Malformed lines whose numbers are kept.
pub const MOST_NAMED: usize = 1000;
/// Bytes that a thread reads at a time.
const BLOCK: usize = 1 << 20;
/// What some editors put in front of a text.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is looked for in a log.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which file this is, for [`Origin::file`].
    pub file: u16,
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
pub fn scan(log: impl Read + Send, options: &Options, threads: usize) -> io::Result<(Table, Counts)> {
    let reader = Mutex::new(Blocks { log, rest: Vec::new(), offset: 0, line: 1, number: 0, ended: false });
    let merged = Mutex::new(Merged::default());
    let work = || -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let taken = reader.lock().unwrap_or_else(PoisonError::into_inner).take(&mut bytes)?;
            let Some(block) = taken else { return Ok(()) };
            let part = block.part(&bytes, options);
            merged.lock().unwrap_or_else(PoisonError::into_inner).add(block.number, part);
        }
    };
    thread::scope(|scope| {
        // A thread that the system does not give leaves its blocks to the others.
        let others: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let own = work();
        let joined = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.fold(own, Result::and)
    })?;
    let Part { table, counts, .. } = merged.into_inner().unwrap_or_else(PoisonError::into_inner).all;
    Ok((table, counts))
}

/// The parts so far, put together in the order of the log.
#[derive(Default)]
struct Merged {
    all: Part,
    next: usize,
    /// Parts whose predecessors are still being read: fewer than there are threads.
    early: BTreeMap<usize, Part>,
}

impl Merged {
    fn add(&mut self, number: usize, part: Part) {
        self.early.insert(number, part);
        while let Some(part) = self.early.remove(&self.next) {
            self.all.table.extend(part.table);
            self.all.counts.add(part.counts);
            self.next += 1;
        }
    }
}

/// Hands out a log block by block.
struct Blocks<R> {
    log: R,
    /// The beginning of a line whose end is in the next block.
    rest: Vec<u8>,
    offset: u64,
    line: u64,
    number: usize,
    ended: bool,
}

/// Where a block stands in the log.
struct Block {
    number: usize,
    offset: u64,
    line: u64,
    /// Its first bytes are the end of a line that is too long, which nobody kept.
    too_long: bool,
}

impl<R: Read> Blocks<R> {
    /// Fills `bytes` with whole lines; none at the end of the log.
    fn take(&mut self, bytes: &mut Vec<u8>) -> io::Result<Option<Block>> {
        bytes.clear();
        bytes.append(&mut self.rest);
        let mut too_long = false;
        let mut dropped = 0_u64;
        while !self.ended {
            let before = bytes.len();
            // A block, or the rest of one beside the line that was begun.
            let read = (&mut self.log).take(BLOCK as u64).read_to_end(bytes)?;
            self.ended = read == 0;
            if let Some(place) = memchr::memrchr(b'\n', &bytes[before..]) {
                self.rest.extend_from_slice(&bytes[before + place + 1..]);
                bytes.truncate(before + place + 1);
                break;
            }
            if bytes.len() > MOST_LINE {
                dropped += bytes.len() as u64;
                too_long = true;
                bytes.clear();
            }
        }
        if bytes.is_empty() && !too_long {
            return Ok(None);
        }
        let block = Block { number: self.number, offset: self.offset + dropped, line: self.line, too_long };
        self.number += 1;
        self.offset += dropped + bytes.len() as u64;
        self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(Some(block))
    }
}

/// The rows of a block, and what became of its lines.
#[derive(Default)]
struct Part {
    table: Table,
    counts: Counts,
    /// Where the names of predictors are written, to be looked up.
    name: String,
}

impl Block {
    fn part(&self, bytes: &[u8], options: &Options) -> Part {
        let mut part = Part::default();
        let score: Vec<&str> = options.score.iter().map(String::as_str).collect();
        let (mut offset, mut line) = (self.offset, self.line);
        let mut bytes = bytes;
        if self.too_long {
            // Its end, if it has one, belongs to it.
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |place| place + 1);
            part.counts.lines += 1;
            part.counts.malformed(line, format!("longer than {} MiB", MOST_LINE >> 20));
            (bytes, offset, line) = (&bytes[end..], offset + end as u64, line + 1);
        }
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |place| place + 1);
            let text;
            (text, bytes) = bytes.split_at(end);
            let bare = if offset == 0 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
            if !bare.trim_ascii().is_empty() {
                part.counts.lines += 1;
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                let origin = Origin { file: options.file, step: 0, line, offset };
                if let Err(fault) = part.read(bare, origin, options, &score) {
                    part.counts.malformed(line.into(), format!("{} at byte {}", fault.what, fault.at));
                }
            }
            offset += text.len() as u64;
            line += 1;
        }
        part
    }
}

impl Part {
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
            None => (u64::from(origin.file) << 48 | u64::from(origin.line)).cast_signed(),
        };
        let mut row = None;
        step(call.predictor, &call.said, |step| {
            let (digest, sketch, tokens, label) = measured(&step, options.label.as_deref());
            self.name.clear();
            step.predictor(&mut self.name);
            let predictor = self.table.number(&self.name);
            let score = call.score.unwrap_or(f64::NAN);
            row = Some(Row { score, predictor, tokens, rollout, label, digest, sketch, origin });
        })?;
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
