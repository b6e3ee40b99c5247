//! How many tokens two texts share, each counted as often as both have it.
//!
//! The tokens of one text stand in a hash table with open addressing, twice as large as they are many; those of the other are
//! looked up in it. The table is filled at the first question and serves the next ones until it is emptied. A look-up
//! costs some 5 ns, since most tokens are their first 8 bytes (`Token`), and 1 ns for 8 bytes more.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use super::normal::{Normal, Token};

/// A token of the first text: how often it has it, and how many of them the second has not taken yet.
struct Kind {
    token: Token,
    count: usize,
    left: usize,
}

/// The tokens of a text, counted.
#[derive(Default)]
pub struct Bag {
    kinds: Vec<Kind>,
    /// A kind's number plus one at the place of its hash or the next free one; 0 is free. Its length is a power of two.
    table: Vec<usize>,
    filled: bool,
}

impl Bag {
    /// Makes room for the tokens of another text.
    pub fn empty(&mut self) {
        self.filled = false;
    }

    /// How many tokens the text that the bag is of, and that it is filled with if it is empty, shares with another.
    pub fn shared(&mut self, of: &Normal, with: &Normal) -> usize {
        if !self.filled {
            self.fill(of);
        }
        for kind in &mut self.kinds {
            kind.left = kind.count;
        }
        let mut shared = 0;
        for token in with.tokens() {
            let number = self.table[self.place(of, with, token)];
            if let Some(kind) = self.kinds.get_mut(number.wrapping_sub(1)) {
                let taken = usize::from(kind.left > 0);
                kind.left -= taken;
                shared += taken;
            }
        }
        shared
    }

    fn fill(&mut self, of: &Normal) {
        self.filled = true;
        self.kinds.clear();
        self.table.clear();
        self.table.resize((2 * of.tokens().len()).next_power_of_two().max(2), 0);
        for token in of.tokens() {
            let place = self.place(of, of, token);
            if let Some(kind) = self.kinds.get_mut(self.table[place].wrapping_sub(1)) {
                kind.count += 1;
            } else {
                self.kinds.push(Kind { token: *token, count: 1, left: 0 });
                self.table[place] = self.kinds.len();
            }
        }
    }

    /// Where a token of one text stands among those of another, or would stand.
    fn place(&self, of: &Normal, with: &Normal, token: &Token) -> usize {
        let last = self.table.len() - 1;
        let tail = with.tail(token);
        let mut hasher = FxHasher::default();
        hasher.write_u64(token.head);
        if !tail.is_empty() {
            hasher.write(tail);
        }
        let mut place = usize::try_from(hasher.finish() & last as u64).unwrap_or_default();
        while let Some(kind) = self.kinds.get(self.table[place].wrapping_sub(1)) {
            if kind.token.head == token.head
                && kind.token.length == token.length
                && of.tail(&kind.token) == tail
            {
                break;
            }
            place = (place + 1) & last;
        }
        place
    }
}
