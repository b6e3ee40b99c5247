//! The best of what was offered: a list of those above a floor, cut to the best k whenever it is full.
//!
//! Better is the higher score and, of equal ones, the lower number: a total order, so what is kept does not depend on who offered
//! what, and the best of several lists together are the best of all. **Method**: score and number make one whole number, the better
//! the less, which is compared at once. **Cost**: a comparison for what is not above the floor, some ns for the rest; of n
//! rows in no order some k log(n/k) pass. A heap, whose floor is always the k-th best, lets fewer pass and takes longer for each.

/// Rows that a list may grow by at least between two cuts.
const ROOM: usize = 48;

/// Rows that can be told apart.
pub const MOST_ROWS: usize = u32::MAX as usize;

/// A row and its score: the better the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scored(u64);

impl Scored {
    /// A row below [`MOST_ROWS`] and a score that is a number.
    #[allow(clippy::cast_possible_truncation, reason = "numbers are below `MOST_ROWS`")]
    const fn new(score: f32, number: usize) -> Self {
        // A sum with zero makes one zero of both.
        let bits = (score + 0.0).to_bits();
        let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Self((!rising as u64) << 32 | number as u32 as u64)
    }

    /// The score.
    #[allow(clippy::cast_possible_truncation, reason = "the upper half fits")]
    pub const fn score(self) -> f32 {
        let rising = !((self.0 >> 32) as u32);
        f32::from_bits(if rising >> 31 == 1 { rising & !(1 << 31) } else { !rising })
    }

    /// The row's number.
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// At least the k best of the rows offered, and some that are not.
#[derive(Debug)]
pub struct Best {
    k: usize,
    rows: Vec<Scored>,
    floor: f32,
}

impl Best {
    /// Room for `k` rows, one at least.
    pub const fn new(k: usize) -> Self {
        Self { k, rows: Vec::new(), floor: f32::NEG_INFINITY }
    }

    /// What a score must be above to be among the best.
    pub const fn floor(&self) -> f32 {
        self.floor
    }

    /// Takes in the rows above the floor; numbers rise from `number` on, and from one offer to the next.
    pub fn offer(&mut self, scores: &[f32], number: usize) {
        for (number, score) in (number..).zip(scores) {
            if *score > self.floor {
                self.rows.push(Scored::new(*score, number));
            }
        }
        if self.rows.len() >= self.k.saturating_add(self.k.max(ROOM)) {
            self.cut();
        }
    }

    /// The best `k` in no order, or as many as there are.
    pub fn into_rows(mut self) -> Vec<Scored> {
        self.cut();
        self.rows
    }

    /// Keeps the best k, and takes the last of them for the floor: a later row with its score has a higher number.
    fn cut(&mut self) {
        if self.rows.len() >= self.k {
            self.floor = self.rows.select_nth_unstable(self.k - 1).1.score();
            self.rows.truncate(self.k);
        }
    }
}
