//! A log in blocks of whole lines, each of which a thread reads for itself.
//!
//! A block holds the lines that begin in its share of the log: it begins behind the first end of a line at or before its share, and is
//! read on past its share until its last line ends. So every line is in one block, whoever reads which. **Cost**: the bytes of a line that
//! lies across a border are read twice. Memory: a share and the longest line, for each thread.

use std::io::{self, ErrorKind};

/// Bytes of a line at most.
pub const MOST_LINE: usize = 64 << 20;
/// Bytes of a share.
pub const SHARE: usize = 1 << 20;
/// Bytes that are read at a time past the share.
const STEP: usize = 1 << 16;

/// What can be read from several places at once, such as a file.
pub trait Log: Sync {
    /// How many bytes there are.
    fn length(&self) -> io::Result<u64>;
    /// Reads some bytes from a place on, and says how many; none at the end.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Log for [u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or(&[]);
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

/// The lines that begin in one share of a log.
#[derive(Debug)]
pub struct Lines<'a> {
    /// Where the first of them begins.
    pub offset: u64,
    /// All of them, but for one that is too long.
    pub bytes: &'a [u8],
    /// Whether behind them comes one that is longer than [`MOST_LINE`].
    pub too_long: bool,
}

impl<'a> Lines<'a> {
    /// Those of a share by its number, read into `buffer`; none behind the end of the log.
    pub fn of<L: Log + ?Sized>(
        log: &L,
        length: u64,
        number: u64,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<Option<Self>> {
        let start = number * SHARE as u64;
        // The byte before tells whether a line begins with the share.
        let before = usize::from(number > 0);
        let from = start - before as u64;
        buffer.clear();
        if start >= length {
            return Ok(None);
        }
        let ends = SHARE + before;
        let within =
            |offset: u64, most: usize| most.min(usize::try_from(length - offset).unwrap_or(usize::MAX));
        read_on(log, buffer, from, within(from, ends))?;
        let first = if number == 0 { Some(0) } else { memchr::memchr(b'\n', buffer).map(|place| place + 1) };
        let Some(first) = first.filter(|first| *first < ends) else {
            return Ok(Some(Self { offset: start, bytes: &[], too_long: false }));
        };
        let mut whole = buffer.len() < ends || buffer.last() == Some(&b'\n');
        let mut too_long = false;
        while !whole {
            let read = buffer.len();
            let next = from + read as u64;
            if next >= length || read_on(log, buffer, next, within(next, STEP))? == 0 {
                break;
            }
            if let Some(place) = memchr::memchr(b'\n', &buffer[read..]) {
                buffer.truncate(read + place + 1);
                whole = true;
            }
            let last = memchr::memrchr(b'\n', &buffer[first..ends]).map_or(first, |place| first + place + 1);
            if buffer.len() - last > MOST_LINE {
                buffer.truncate(last);
                (whole, too_long) = (true, true);
            }
        }
        Ok(Some(Self { offset: from + first as u64, bytes: buffer.get(first..).unwrap_or(&[]), too_long }))
    }
}

/// Reads up to so many bytes more behind those that are there; fewer only at the end of the log.
fn read_on<L: Log + ?Sized>(log: &L, buffer: &mut Vec<u8>, offset: u64, most: usize) -> io::Result<usize> {
    let start = buffer.len();
    buffer.resize(start + most, 0);
    let mut length = 0;
    while length < most {
        match log.read_at(&mut buffer[start + length..], offset + length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(start + length);
    Ok(length)
}
