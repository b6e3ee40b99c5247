//! The best of what was offered: a heap of at most k, the worst on top.
//!
//! Better is the higher score and, of equal ones, the lower number: a total order, so what is kept does not depend on who offered
//! what, and the best of several heaps together are the best of all. **Cost**: one comparison for what is not better than the
//! worst kept, log k for the rest; of n rows in no order that is about k ln(n/k) of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and its score, which is a number.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    pub score: f32,
    pub number: usize,
}

impl Ord for Scored {
    /// The better is the lesser, so that a sorted list begins with the best and a heap has the worst on top.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_score = other.score.partial_cmp(&self.score).unwrap_or(Ordering::Equal);
        by_score.then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scored {}

/// At most k rows, the best of those offered.
#[derive(Debug)]
pub struct Best {
    k: usize,
    heap: BinaryHeap<Scored>,
    floor: f32,
}

impl Best {
    /// Room for `k` rows, one at least.
    pub const fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new(), floor: f32::NEG_INFINITY }
    }

    /// Only a score above this one can enter, as long as numbers are offered in rising order.
    pub const fn floor(&self) -> f32 {
        self.floor
    }

    /// Takes a row in if it is better than the worst kept.
    pub fn offer(&mut self, score: f32, number: usize) {
        let offered = Scored { score, number };
        if self.heap.len() < self.k {
            self.heap.push(offered);
        } else if let Some(mut worst) = self.heap.peek_mut().filter(|worst| offered < **worst) {
            *worst = offered;
        }
        if let Some(worst) = self.heap.peek().filter(|_| self.heap.len() == self.k) {
            self.floor = worst.score;
        }
    }

    /// What is kept, in no order.
    pub fn into_rows(self) -> Vec<Scored> {
        self.heap.into_vec()
    }
}
