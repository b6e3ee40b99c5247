//! The head of a saved index: 64 bytes in front of its panels, which are the file's rest, as they stand in memory.
//!
//! ```text
//! 0  "BURNISH\0"   8  version 1   12  metric   13  storage   14  0 0   16  dimension   24  rows   32  order mark   36  0 …
//! ```
//!
//! Whole numbers are in the machine's order, as the panels are, and the mark tells the two orders apart. A file is held against its head
//! before anything else: its length must be what the head says, so a head that lies claims no memory. The values themselves are
//! not read: an index of any size opens at once. Whatever they are, a search returns scores that are numbers, or an error.

use super::best::MOST_ROWS;
use super::layout::{LINE, Layout, PANEL, Storage};
use super::{MOST_PLACES, Metric};
use crate::Error;

/// Bytes of the head.
pub const HEAD: usize = LINE;

const MAGIC: [u8; 8] = *b"BURNISH\0";
const VERSION: u32 = 1;
const MARK: u32 = 0x0102_0304;

/// The head of an index with these rows.
pub fn write(metric: Metric, layout: &Layout, n_rows: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_ne_bytes());
    head[12] = match metric {
        Metric::InnerProduct => 0,
        Metric::Cosine => 1,
    };
    head[13] = match layout.storage {
        Storage::F32 => 0,
        Storage::F16 => 1,
        Storage::I8 => 2,
    };
    head[16..24].copy_from_slice(&(layout.dimension as u64).to_ne_bytes());
    head[24..32].copy_from_slice(&(n_rows as u64).to_ne_bytes());
    head[32..36].copy_from_slice(&MARK.to_ne_bytes());
    head
}

/// Metric, layout and number of rows of a whole file; an error says where it is wrong.
pub fn read(file: &[u8]) -> Result<(Metric, Layout, usize), Error> {
    let wrong = |what: String| Err(Error::File { what });
    let Some(head) = file.first_chunk::<HEAD>() else {
        return wrong(format!("it has {} bytes, and an index has {HEAD} at least", file.len()));
    };
    if head[..8] != MAGIC {
        return wrong("it does not begin like an index".to_owned());
    }
    let (version, mark) = (u32::from_ne_bytes(four(head, 8)), u32::from_ne_bytes(four(head, 32)));
    if mark == MARK.swap_bytes() {
        return wrong("it comes from a machine with another order of bytes".to_owned());
    }
    if version != VERSION {
        return wrong(format!("its version is {version}, and this Burnish reads version {VERSION}"));
    }
    if mark != MARK || head[14..16] != [0; 2] || head[36..] != [0; HEAD - 36] {
        return wrong("its head is damaged".to_owned());
    }
    let metric = match head[12] {
        0 => Metric::InnerProduct,
        1 => Metric::Cosine,
        other => return wrong(format!("it names a metric {other}, and there are 0 and 1")),
    };
    let storage = match head[13] {
        0 => Storage::F32,
        1 => Storage::F16,
        2 => Storage::I8,
        other => return wrong(format!("it names a storage {other}, and there are 0, 1 and 2")),
    };
    let (places, rows) = (u64::from_ne_bytes(eight(head, 16)), u64::from_ne_bytes(eight(head, 24)));
    let dimension = usize::try_from(places).ok().filter(|places| (1..=MOST_PLACES).contains(places));
    let Some(dimension) = dimension else {
        return wrong(format!("its rows have {places} places, and 1 to {MOST_PLACES} are possible"));
    };
    let layout = Layout { dimension, storage };
    let panels = rows.div_ceil(PANEL as u64);
    let expected =
        panels.checked_mul(layout.panel_bytes() as u64).and_then(|size| size.checked_add(HEAD as u64));
    match (expected, usize::try_from(rows)) {
        (Some(expected), Ok(n_rows)) if expected == file.len() as u64 && n_rows <= MOST_ROWS => {
            Ok((metric, layout, n_rows))
        }
        _ => wrong(format!("it has {} bytes, which is not what {rows} rows of {dimension} take", file.len())),
    }
}

fn four(head: &[u8; HEAD], from: usize) -> [u8; 4] {
    std::array::from_fn(|place| head[from + place])
}

fn eight(head: &[u8; HEAD], from: usize) -> [u8; 8] {
    std::array::from_fn(|place| head[from + place])
}
