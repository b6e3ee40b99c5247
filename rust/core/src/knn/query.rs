//! Queries as the kernels read them: bits of `f32`, or four whole numbers of 8 bits a word.

use super::kernel::{Packed, Path};
use super::layout::{Layout, PANEL, Storage, rounded};
use super::scan::{Block, QUERIES};

/// What turns a query's whole sums of 8-bit values into scores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tail {
    /// What the 128 that stands in each stored value adds to a sum.
    bias: i32,
    scale: f32,
}

impl Tail {
    /// The scores of a panel: its scales stand in front of it.
    pub fn scores(self, sums: &[u32; PANEL], panel: &[u8]) -> [f32; PANEL] {
        let scales = panel.as_chunks::<4>().0;
        std::array::from_fn(|lane| {
            let sum = sums[lane].cast_signed().wrapping_sub(self.bias);
            sum as f32 * f32::from_ne_bytes(scales[lane]) * self.scale
        })
    }
}

/// Blocks of queries that a path can read, from rows that are already of length 1 where the metric wants it.
pub fn blocks(layout: &Layout, queries: &[f32], path: Path) -> Vec<Block> {
    let chunks = queries.chunks(QUERIES * layout.dimension);
    chunks.map(|queries| block(layout, queries, path)).collect()
}

fn block(layout: &Layout, queries: &[f32], path: Path) -> Block {
    let rows = queries.chunks_exact(layout.dimension);
    let (mut words, mut tails) = (Vec::with_capacity(queries.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        match layout.storage {
            Storage::F32 | Storage::F16 => {
                words.extend(row.iter().map(|value| value.to_bits()));
                tails.push(Tail::default());
            }
            Storage::I8 => {
                let (scale, numbers) = rounded(row);
                words.extend(numbers.chunks(4).map(|four| {
                    let four: [u8; 4] = std::array::from_fn(|place| {
                        four.get(place).map_or(0, |number| number.cast_unsigned())
                    });
                    u32::from_le_bytes(four)
                }));
                let bias = numbers.iter().map(|number| 128 * i32::from(*number)).sum();
                tails.push(Tail { bias, scale });
            }
        }
    }
    Block { packed: Packed::new(&words, layout.steps(), path), tails }
}
