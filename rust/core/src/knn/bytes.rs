//! Panels in memory: owned and on whole cache lines, or lent by somebody who has mapped a file.
//!
//! What is lent is read in place and copied once it is to be changed. Unsafe is here for one reason: lines are seen as bytes.

#![allow(unsafe_code, reason = "lines that stand on 64 bytes are seen as plain bytes")]

use super::layout::LINE;

/// Bytes that somebody else keeps, such as a mapped file.
pub type Lent = Box<dyn AsRef<[u8]> + Send + Sync>;

/// A line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Panels, one after another.
pub enum Bytes {
    /// Owned; grows by doubling.
    Owned(Lines),
    /// Lent: those after so many bytes of a header.
    Lent(Lent, usize),
}

/// Owned lines.
#[derive(Default)]
pub struct Lines(Vec<Line>);

impl Lines {
    /// All of them as bytes.
    fn bytes(&self) -> &[u8] {
        // SAFETY: a line is 64 bytes without padding, and bytes stand anywhere.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * LINE) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and any bytes make a line.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * LINE) }
    }
}

impl Bytes {
    /// No panels.
    pub fn none() -> Self {
        Self::Owned(Lines::default())
    }

    /// All panels.
    pub fn get(&self) -> &[u8] {
        match self {
            Self::Owned(lines) => lines.bytes(),
            Self::Lent(lent, header) => lent.as_ref().as_ref().get(*header..).unwrap_or(&[]),
        }
    }

    /// All panels as `length` bytes that may be written, new ones zero. `length` is whole lines. What was lent is copied, once and into
    /// no more room than it takes with what is new.
    pub fn resized(&mut self, length: usize) -> &mut [u8] {
        if let Self::Lent(..) = self {
            let lent = self.get();
            let mut lines = Lines(vec![Line([0; LINE]); length.max(lent.len()).div_ceil(LINE)]);
            lines.bytes_mut()[..lent.len()].copy_from_slice(lent);
            *self = Self::Owned(lines);
        }
        match self {
            Self::Owned(lines) => {
                lines.0.resize(length.div_ceil(LINE), Line([0; LINE]));
                lines.bytes_mut()
            }
            Self::Lent(..) => &mut [],
        }
    }
}
