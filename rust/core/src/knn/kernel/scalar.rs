//! Panels without special instructions: the twin that says what every other path must answer, bit for bit.
//!
//! Safe but for the pointers that it shares with the others. For machines that have nothing better, and for tests.

use super::super::layout::{PANEL, f32_of_f16};
use super::{Job, Lanes, Storage, walk};

pub const FULL: usize = 4;
const WIDE: usize = 1;

pub unsafe fn score(storage: Storage, job: Job) {
    // SAFETY: the caller has checked the job.
    unsafe {
        match storage {
            Storage::F32 => walk::<F32, WIDE, FULL>(job),
            Storage::F16 => walk::<F16, WIDE, FULL>(job),
            Storage::I8 => walk::<I8, WIDE, FULL>(job),
        }
    }
}

struct F32;
struct F16;
struct I8;

impl Lanes for F32 {
    type Row = [f32; PANEL];
    type Sum = [f32; PANEL];
    const STEP: usize = 64;

    unsafe fn zero() -> [f32; PANEL] {
        [0.0; PANEL]
    }

    unsafe fn load(bytes: *const u8) -> [f32; PANEL] {
        unsafe { bytes.cast::<[f32; PANEL]>().read_unaligned() }
    }

    unsafe fn add(sum: [f32; PANEL], row: [f32; PANEL], word: u32) -> [f32; PANEL] {
        std::array::from_fn(|lane| row[lane].mul_add(f32::from_bits(word), sum[lane]))
    }

    unsafe fn read(words: *const u32) -> [f32; PANEL] {
        unsafe { words.cast::<[f32; PANEL]>().read_unaligned() }
    }

    unsafe fn write(words: *mut u32, sum: [f32; PANEL]) {
        unsafe { words.cast::<[f32; PANEL]>().write_unaligned(sum) }
    }
}

impl Lanes for F16 {
    type Row = [f32; PANEL];
    type Sum = [f32; PANEL];
    const STEP: usize = 32;

    unsafe fn zero() -> [f32; PANEL] {
        [0.0; PANEL]
    }

    unsafe fn load(bytes: *const u8) -> [f32; PANEL] {
        unsafe { bytes.cast::<[u16; PANEL]>().read_unaligned() }.map(f32_of_f16)
    }

    unsafe fn add(sum: [f32; PANEL], row: [f32; PANEL], word: u32) -> [f32; PANEL] {
        unsafe { F32::add(sum, row, word) }
    }

    unsafe fn read(words: *const u32) -> [f32; PANEL] {
        unsafe { F32::read(words) }
    }

    unsafe fn write(words: *mut u32, sum: [f32; PANEL]) {
        unsafe { F32::write(words, sum) }
    }
}

impl Lanes for I8 {
    type Row = [[u8; 4]; PANEL];
    type Sum = [i32; PANEL];
    const STEP: usize = 64;

    unsafe fn zero() -> [i32; PANEL] {
        [0; PANEL]
    }

    unsafe fn load(bytes: *const u8) -> [[u8; 4]; PANEL] {
        unsafe { bytes.cast::<[[u8; 4]; PANEL]>().read() }
    }

    unsafe fn add(sum: [i32; PANEL], row: [[u8; 4]; PANEL], word: u32) -> [i32; PANEL] {
        let word = word.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
        std::array::from_fn(|lane| {
            let products = row[lane].iter().zip(word).map(|(value, factor)| i32::from(*value) * factor);
            products.fold(sum[lane], i32::wrapping_add)
        })
    }

    unsafe fn read(words: *const u32) -> [i32; PANEL] {
        unsafe { words.cast::<[i32; PANEL]>().read_unaligned() }
    }

    unsafe fn write(words: *mut u32, sum: [i32; PANEL]) {
        unsafe { words.cast::<[i32; PANEL]>().write_unaligned(sum) }
    }
}
