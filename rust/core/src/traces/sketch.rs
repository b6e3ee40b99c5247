//! 128 bits by which near copies of a text are found: the more words in a row two texts share, the fewer of their bits differ.
//!
//! A text is the set of its pairs of neighbouring words. If two texts share a part J of all their pairs (Jaccard's index), each bit
//! differs with probability (1 − J)/2, so some 64·(1 − J) bits do, give or take its root. [`NEAR`] bits are about J = 0.9.
//!
//! **Method**: one-permutation minwise hashing with one bit kept a bucket (Li, Owen and Zhang 2012, arXiv:1208.1259; Li and König
//! 2010, "b-bit minwise hashing"); an empty bucket borrows from the next (Shrivastava and Li 2014, arXiv:1406.4784). Words are runs of
//! letters and digits, ASCII ones in either case alike; a character of three or four bytes is a word by itself, as in Chinese. **Cost**: about 1 ns
//! a byte and no allocation. **When not**: a text of fewer than 32 pairs is near
//! to those with the very same pairs (another case, other marks) and far from all others.

/// Bits of which at most so many differ between near copies.
pub const NEAR: u32 = 7;

/// Pairs below which a text has too few for its buckets: most would borrow from the same.
const FEW: usize = 32;
const BUCKETS: usize = 128;
const EMPTY: u32 = u32::MAX;
/// Odd numbers without a pattern, to multiply by: from the golden ratio, and from the fraction of the root of 3.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const CHAIN: u64 = 0xbb67_ae85_84ca_a73b;
/// The bit that tells small letters of ASCII from capital ones, in eight bytes.
const CASE: u64 = 0x2020_2020_2020_2020;

/// A sketch being made, of one text or of several that stand apart.
pub struct Sketch {
    least: [u32; BUCKETS],
    pairs: usize,
    /// The pairs of a short text, whatever their order.
    sum: u64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketch {
    /// Of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { least: [EMPTY; BUCKETS], pairs: 0, sum: 0 }
    }

    /// Takes in a text; its first word makes a pair with what `name` stands for.
    pub fn add(&mut self, name: u64, text: &str) {
        let bytes = text.as_bytes();
        if bytes.iter().fold(0, |most: u8, byte| most.max(*byte)) < 0xe0 {
            self.add_words(name, bytes);
        } else {
            self.add_any(name, bytes);
        }
    }

    /// A text without characters that are words by themselves: 64 bytes at a time, of which a bit each says whether it is within a word.
    fn add_words(&mut self, name: u64, bytes: &[u8]) {
        let (mut before, mut inside, mut start) = (name, 0, 0);
        for (number, block) in bytes.chunks(64).enumerate() {
            let within = within(block);
            // Where a word begins or ends the bit is another than the one before it.
            let mut edges = within ^ (within << 1 | inside);
            while edges != 0 {
                let place = 64 * number + edges.trailing_zeros() as usize;
                edges &= edges - 1;
                if inside == 1 {
                    let word = hash_at(bytes, start, place);
                    self.pair(before, word);
                    before = word;
                }
                start = place;
                inside ^= 1;
            }
        }
        if inside == 1 {
            self.pair(before, hash_at(bytes, start, bytes.len()));
        }
    }

    /// Any text, byte by byte.
    fn add_any(&mut self, name: u64, bytes: &[u8]) {
        let (mut at, mut before) = (0, name);
        while at < bytes.len() {
            let start = at;
            match CLASS[usize::from(bytes[at])] {
                APART => {
                    at += 1;
                    continue;
                }
                ALONE => at += if bytes[at] >= 0xf0 { 4 } else { 3 },
                _ => {
                    while at < bytes.len() && CLASS[usize::from(bytes[at])] == WITHIN {
                        at += 1;
                    }
                }
            }
            let word = hash(&bytes[start..at.min(bytes.len())]);
            self.pair(before, word);
            before = word;
        }
    }

    fn pair(&mut self, one: u64, next: u64) {
        let mixed = (one.wrapping_mul(CHAIN) ^ next).wrapping_mul(SPREAD);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(SPREAD);
        #[allow(clippy::cast_possible_truncation, reason = "parts of a number that is mixed all over")]
        let (bucket, value) = ((mixed >> 57) as usize, (mixed >> 24) as u32);
        let least = &mut self.least[bucket];
        *least = value.min(*least);
        self.pairs += 1;
        self.sum = self.sum.wrapping_add(mixed);
    }

    /// The bits. Where there are few pairs, they tell the same pairs from all others and nothing between; where there is no word, those
    /// of `digest`, so that only exact copies are near.
    #[must_use]
    pub fn bits(&self, digest: u64) -> [u64; 2] {
        if self.pairs < FEW {
            let all = if self.pairs == 0 { digest } else { self.sum };
            return [all, all.rotate_left(32)].map(|half| (half ^ (half >> 29)).wrapping_mul(SPREAD));
        }
        // Backwards, each empty bucket takes what is behind it, and those behind the last take from the first that holds something.
        let first = self.least.iter().position(|value| *value != EMPTY).unwrap_or(0);
        let (mut borrowed, mut distance) = (self.least[first], first as u64);
        let mut half = |buckets: &[u32]| {
            buckets.iter().rev().fold(0, |bits: u64, value| {
                let empty = *value == EMPTY;
                borrowed = if empty { borrowed } else { *value };
                distance = (distance + 1) * u64::from(empty);
                // The minimum is decided by the high bits, and the low one says nothing of it; a borrowed one is mixed with the distance.
                let mixed = (u64::from(borrowed) << 32 | distance).wrapping_mul(SPREAD) >> 63;
                bits << 1 | if empty { mixed } else { u64::from(borrowed & 1) }
            })
        };
        let (low, high) = self.least.split_at(BUCKETS / 2);
        let high = half(high);
        [half(low), high]
    }
}

/// How many bits differ.
#[must_use]
pub const fn distance(one: [u64; 2], other: [u64; 2]) -> u32 {
    (one[0] ^ other[0]).count_ones() + (one[1] ^ other[1]).count_ones()
}

/// A word, in either case alike if it is ASCII.
pub fn hash(word: &[u8]) -> u64 {
    let (eights, rest) = word.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash_of(word.len(), eights, u64::from_le_bytes(last))
}

/// As [`hash`], of a part of a text: what lies behind it is read along and cut off.
fn hash_at(bytes: &[u8], start: usize, end: usize) -> u64 {
    let (eights, rest) = bytes[start..end].as_chunks::<8>();
    match bytes[end - rest.len()..].first_chunk::<8>() {
        Some(last) => {
            let kept = (1_u64 << (8 * rest.len())) - 1;
            hash_of(end - start, eights, u64::from_le_bytes(*last) & kept)
        }
        None => hash(&bytes[start..end]),
    }
}

fn hash_of(length: usize, eights: &[[u8; 8]], last: u64) -> u64 {
    let mut hash = length as u64;
    for eight in eights {
        hash = (hash ^ (u64::from_le_bytes(*eight) | CASE)).wrapping_mul(SPREAD).rotate_left(29);
    }
    (hash ^ (last | CASE)).wrapping_mul(SPREAD)
}

/// For each of up to 64 bytes a bit: whether it is a letter or a digit, or beyond ASCII.
fn within(block: &[u8]) -> u64 {
    let mut bits = 0;
    let (eights, rest) = block.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        bits |= within_eight(u64::from_le_bytes(*eight)) << (8 * number);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        bits |= within_eight(u64::from_le_bytes(last)) << (8 * eights.len());
    }
    bits
}

/// As [`within`], for eight bytes in one number.
const fn within_eight(eight: u64) -> u64 {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte below 128 plus what is missing to 128 has its highest bit set from there on, and carries nothing over.
    const fn from(bytes: u64, least: u8) -> u64 {
        bytes + ONES * (128 - least as u64)
    }
    let low = eight & !HIGHS;
    let small = (eight | CASE) & !HIGHS;
    let letters = from(small, b'a') & !from(small, b'z' + 1);
    let digits = from(low, b'0') & !from(low, b'9' + 1);
    let found = (letters | digits | eight) & HIGHS;
    // One bit a byte, brought together by a product.
    (found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Bytes between words.
const APART: u8 = 0;
/// Bytes of words.
const WITHIN: u8 = 1;
/// First bytes of characters that are words by themselves.
const ALONE: u8 = 2;

const CLASS: [u8; 256] = {
    let mut class = [APART; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "a byte")]
        let value = byte as u8;
        class[byte] = match value {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..0xe0 => WITHIN,
            0xe0.. => ALONE,
            _ => APART,
        };
        byte += 1;
    }
    class
};
