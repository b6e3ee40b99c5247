//! One pass over all panels for all queries, by as many threads as the work is worth.
//!
//! Threads take pieces of panels as they get done, so that one that is held up holds nobody up, and keep the best rows of their
//! pieces for each query. What is kept goes by a total order ([`Best`]), so neither the pieces nor the number of threads show
//! in the result. A piece fits the second cache and meets all queries there: memory is read once, whatever the number of queries.
//! **Scratch**: 64 queries × 3 panels of sums a thread, and the rows kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::best::{Best, Scored};
use super::kernel::{self, Packed, TILE};
use super::layout::{Layout, PANEL, Storage};
use super::query::Tail;
use crate::threads;

/// Queries scored at a time.
pub const QUERIES: usize = 64;
/// Bytes of panels that a thread takes at a time, as long as there are enough for all.
const PIECE: usize = 512 * 1024;
/// Work that a thread more must have to do: about a quarter of a millisecond. To wake it costs some 50 µs, and on a machine that is
/// busy the wait for it is longer than so little work. A step of a panel is one for each query, and eight for being read.
const SHARE: usize = 1 << 19;

/// All rows: panels, of which the last may be filled in part.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    pub layout: Layout,
    pub bytes: &'a [u8],
    pub n_rows: usize,
}

/// A block of queries, ready for the kernels.
pub struct Block {
    pub packed: Packed,
    pub tails: Vec<Tail>,
}

/// For each query its best rows, at most `k` and fewer only if scores are no numbers, the best first.
pub fn nearest(panels: Panels<'_>, blocks: &[Block], k: usize, threads: usize) -> Vec<Vec<Scored>> {
    let n_panels = panels.n_rows.div_ceil(PANEL);
    let queries: usize = blocks.iter().map(|block| block.packed.len()).sum();
    let work = n_panels.saturating_mul(panels.layout.steps()).saturating_mul(queries + 8);
    let threads = threads.min(work / SHARE).max(1);
    let pieces = Pieces::new(n_panels, panels.layout.panel_bytes(), threads);
    let shares = threads::together(threads, || best_of(panels, blocks, k, &pieces));
    merged(shares, k)
}

/// The best of all shares for each query.
fn merged(shares: Vec<Vec<Best>>, k: usize) -> Vec<Vec<Scored>> {
    let mut shares = shares.into_iter();
    let first = shares.next().unwrap_or_default();
    let mut all: Vec<Vec<Scored>> = first.into_iter().map(Best::into_rows).collect();
    for share in shares {
        for (rows, best) in all.iter_mut().zip(share) {
            rows.extend(best.into_rows());
        }
    }
    for rows in &mut all {
        rows.sort_unstable();
        rows.truncate(k);
    }
    all
}

/// Hands out panels, a piece at a time, in order.
struct Pieces {
    next: AtomicUsize,
    end: usize,
    size: usize,
}

impl Pieces {
    fn new(n_panels: usize, panel_bytes: usize, threads: usize) -> Self {
        let most = (PIECE / panel_bytes).min(n_panels / (8 * threads));
        Self { next: AtomicUsize::new(0), end: n_panels, size: most.max(TILE).next_multiple_of(TILE) }
    }

    fn take(&self) -> Option<(usize, usize)> {
        let first = self.next.fetch_add(self.size, Ordering::Relaxed);
        (first < self.end).then(|| (first, self.end.min(first + self.size)))
    }
}

/// One thread's share: for each query the best rows of the pieces it got hold of.
fn best_of(panels: Panels<'_>, blocks: &[Block], k: usize, pieces: &Pieces) -> Vec<Best> {
    let layout = &panels.layout;
    let queries: usize = blocks.iter().map(|block| block.packed.len()).sum();
    let mut best: Vec<Best> = (0..queries).map(|_| Best::new(k)).collect();
    let mut sums = vec![0; queries.min(QUERIES) * TILE * PANEL];
    while let Some((first, end)) = pieces.take() {
        let mut start = 0;
        for block in blocks {
            let best = &mut best[start..start + block.packed.len()];
            start += best.len();
            for panel in (first..end).step_by(TILE) {
                let tile =
                    &panels.bytes[panel * layout.panel_bytes()..end.min(panel + TILE) * layout.panel_bytes()];
                kernel::score(layout, tile, &block.packed, &mut sums);
                sift(panels, panel, tile, block, &sums, best);
            }
        }
    }
    best
}

/// Offers the scores of a tile to their queries.
fn sift(panels: Panels<'_>, panel: usize, tile: &[u8], block: &Block, sums: &[u32], best: &mut [Best]) {
    let layout = &panels.layout;
    let n_panels = tile.len() / layout.panel_bytes();
    let sums = sums.chunks_exact(n_panels * PANEL);
    for ((best, tail), sums) in best.iter_mut().zip(&block.tails).zip(sums) {
        for (place, sums) in sums.as_chunks::<PANEL>().0.iter().enumerate() {
            let scores = match layout.storage {
                Storage::F32 | Storage::F16 => sums.map(f32::from_bits),
                Storage::I8 => tail.scores(sums, &tile[place * layout.panel_bytes()..]),
            };
            let floor = best.floor();
            // All are compared before one is looked at: that is a few wide instructions.
            if scores.map(|score| score > floor).contains(&true) {
                let first = (panel + place) * PANEL;
                best.offer(&scores[..PANEL.min(panels.n_rows - first)], first);
            }
        }
    }
}
