//! Inner products of panels with a block of queries, by the widest instructions that the machine has.
//!
//! A **panel** holds 16 rows side by side: step after step the 16 values of one place (or, in 8 bits, of four places).
//! Each of the 16 lanes of a register is a row, and a step multiplies the register by one number of the query. A sum
//! is therefore the same chain of fused multiply-adds in the order of the places on every machine, for one query or many and in
//! any number of threads: results are equal bit for bit, and [`scalar`] is the twin that says what they are. Sums of 8-bit values are
//! whole numbers, so their order is free.
//!
//! **Method**: a tile of registers holds up to 3 panels × 8 queries of sums, so that a value is loaded once for all of them; panels are
//! walked in blocks of [`BLOCK`] steps, which stay in the first cache while all queries pass. **Cost**: with AVX-512 up to two
//! steps of a panel a cycle where the values are at hand, as with a matrix product. Without AVX2, FMA and F16C the scalar twin calls the
//! C library's `fmaf` for each value and is many times slower.
//!
//! **Unsafe** is here alone: loads and stores by pointer, and calls of functions that need CPU features. [`score`] is safe: it checks
//! the lengths of all slices, and [`Path::best`] offers only what the CPU says it has.

#![allow(unsafe_code, reason = "registers are loaded by pointer and need CPU features; `score` checks both")]
#![allow(
    clippy::inline_always,
    reason = "a function that needs a CPU feature is inlined where the feature is known, or called at each step"
)]
#![allow(clippy::cast_ptr_alignment, reason = "what loads through these pointers asks for no alignment")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use super::layout::{Layout, PANEL, Storage};

/// Panels scored at a time.
pub const TILE: usize = 3;
/// Steps of a panel that stay in the first cache: 3 panels × 128 × 64 bytes.
const BLOCK: usize = 128;

/// Which instructions compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// AVX-512, with VNNI for 8 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// NEON, which every 64-bit ARM has.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// No special instructions.
    Scalar,
}

impl Path {
    /// All that this machine can run for a kind of storage, the fastest first.
    pub fn all(storage: Storage) -> Vec<Self> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let bytes = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vnni");
            if is_x86_feature_detected!("avx512f") && (storage != Storage::I8 || bytes) {
                paths.push(Self::Avx512);
            }
            let floats = is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            if is_x86_feature_detected!("avx2") && floats {
                paths.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        paths.push(Self::Neon);
        let _ = storage;
        paths.push(Self::Scalar);
        paths
    }

    /// The fastest that this machine can run.
    pub fn best(storage: Storage) -> Self {
        Self::all(storage)[0]
    }

    /// Queries that share a load of a row; also the most that stand in one group of a packed block.
    const fn full(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::FULL,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::FULL,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::FULL,
            Self::Scalar => scalar::FULL,
        }
    }
}

/// Queries of the next group when `left` are left.
const fn group(left: usize, full: usize) -> usize {
    match left {
        _ if left >= full => full,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Queries as the kernels read them: in groups, and in each group step by step one word a query.
#[derive(Debug)]
pub struct Packed {
    words: Vec<u32>,
    queries: usize,
    steps: usize,
    path: Path,
}

impl Packed {
    /// Packs queries of `steps` words each, one after the other.
    pub fn new(words: &[u32], steps: usize, path: Path) -> Self {
        let queries = words.len() / steps;
        let mut packed = Vec::with_capacity(words.len());
        let mut first = 0;
        while first < queries {
            let size = group(queries - first, path.full());
            for step in 0..steps {
                packed.extend((first..first + size).map(|query| words[query * steps + step]));
            }
            first += size;
        }
        Self { words: packed, queries, steps, path }
    }

    /// How many queries there are.
    pub const fn len(&self) -> usize {
        self.queries
    }
}

/// What [`score`] hands to a path: pointers whose lengths it has checked.
#[derive(Clone, Copy)]
struct Job {
    /// The first step of the first panel.
    panels: *const u8,
    /// From one panel to the next.
    stride: usize,
    n_panels: usize,
    words: *const u32,
    queries: usize,
    steps: usize,
    /// 16 sums a panel, all panels of one query after another.
    sums: *mut u32,
}

/// Sums of up to [`TILE`] panels: for each query, panel and row the bits of an `f32`, or of an `i32` for [`Storage::I8`].
///
/// # Panics
///
/// If a slice is too short for the layout.
pub fn score(layout: &Layout, panels: &[u8], queries: &Packed, sums: &mut [u32]) {
    let n_panels = panels.len() / layout.panel_bytes();
    assert!(n_panels <= TILE && panels.len() == n_panels * layout.panel_bytes());
    assert!(layout.head_bytes() + queries.steps * layout.step_bytes() <= layout.panel_bytes());
    assert!(queries.words.len() == queries.queries * queries.steps);
    assert!(sums.len() >= queries.queries * n_panels * PANEL);
    let job = Job {
        panels: panels[layout.head_bytes().min(panels.len())..].as_ptr(),
        stride: layout.panel_bytes(),
        n_panels,
        words: queries.words.as_ptr(),
        queries: queries.queries,
        steps: queries.steps,
        sums: sums.as_mut_ptr(),
    };
    // SAFETY: the asserts above are the conditions on lengths; the path was offered by `Path::all` or is scalar.
    unsafe {
        match queries.path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => avx512::score(layout.storage, job),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => avx2::score(layout.storage, job),
            #[cfg(target_arch = "aarch64")]
            Path::Neon => neon::score(layout.storage, job),
            Path::Scalar => scalar::score(layout.storage, job),
        }
    }
}

/// A panel's 16 rows in registers.
trait Lanes {
    /// One step of 16 rows.
    type Row: Copy;
    /// 16 sums.
    type Sum: Copy;
    /// Bytes of a step.
    const STEP: usize;

    /// Sums of nothing.
    unsafe fn zero() -> Self::Sum;
    /// A step, from `STEP` bytes.
    unsafe fn load(bytes: *const u8) -> Self::Row;
    /// The sums with one step more, for the query's word of that step.
    unsafe fn add(sum: Self::Sum, row: Self::Row, word: u32) -> Self::Sum;
    /// The sums from 16 words.
    unsafe fn read(words: *const u32) -> Self::Sum;
    /// The sums to 16 words.
    unsafe fn write(words: *mut u32, sum: Self::Sum);
}

/// Walks a job in blocks of steps, each by groups of queries. `WIDE` panels × `FULL` queries fill the registers.
#[inline(always)]
unsafe fn walk<L: Lanes, const WIDE: usize, const FULL: usize>(job: Job) {
    let mut from = 0;
    while from < job.steps {
        // One group passes once, whatever stays in the cache.
        let to = if job.queries <= FULL { job.steps } else { job.steps.min(from + BLOCK) };
        let mut query = 0;
        while query < job.queries {
            let size = group(job.queries - query, FULL);
            // SAFETY: the group lies within the queries and the steps within the panels.
            unsafe {
                match size {
                    1 => each::<L, TILE, 1>(job, query, from, to),
                    2 => each::<L, WIDE, 2>(job, query, from, to),
                    4 => each::<L, WIDE, 4>(job, query, from, to),
                    _ => each::<L, WIDE, FULL>(job, query, from, to),
                }
            }
            query += size;
        }
        from = to;
    }
}

/// All panels of a job for one group of queries: `P` at a time, then one at a time.
#[inline(always)]
unsafe fn each<L: Lanes, const P: usize, const Q: usize>(job: Job, query: usize, from: usize, to: usize) {
    let mut panel = 0;
    // SAFETY: no tile goes past the last panel.
    unsafe {
        while panel + P <= job.n_panels {
            tile::<L, P, Q>(job, panel, query, from, to);
            panel += P;
        }
        while panel < job.n_panels {
            tile::<L, 1, Q>(job, panel, query, from, to);
            panel += 1;
        }
    }
}

/// `P` panels × `Q` queries over some steps, in registers from the first step to the last.
#[inline(always)]
unsafe fn tile<L: Lanes, const P: usize, const Q: usize>(
    job: Job,
    panel: usize,
    query: usize,
    from: usize,
    to: usize,
) {
    // SAFETY: the caller keeps panel, query and steps within the job; `score` has checked the job's lengths.
    unsafe {
        let sums = job.sums.add((query * job.n_panels + panel) * PANEL);
        let mut words = job.words.add(query * job.steps + from * Q);
        let mut bytes = job.panels.add(panel * job.stride + from * L::STEP);
        let mut tile = [[L::zero(); Q]; P];
        if from > 0 {
            for (p, column) in tile.iter_mut().enumerate() {
                for (q, sum) in column.iter_mut().enumerate() {
                    *sum = L::read(sums.add((q * job.n_panels + p) * PANEL));
                }
            }
        }
        for _ in from..to {
            let mut rows = [L::load(bytes); P];
            for (p, row) in rows.iter_mut().enumerate().skip(1) {
                *row = L::load(bytes.add(p * job.stride));
            }
            for q in 0..Q {
                let word = *words.add(q);
                for (column, row) in tile.iter_mut().zip(rows) {
                    column[q] = L::add(column[q], row, word);
                }
            }
            words = words.add(Q);
            bytes = bytes.add(L::STEP);
        }
        for (p, column) in tile.iter().enumerate() {
            for (q, sum) in column.iter().enumerate() {
                L::write(sums.add((q * job.n_panels + p) * PANEL), *sum);
            }
        }
    }
}
