//! Panels by NEON: four registers hold one value of all 16 rows. Every 64-bit ARM has it.
//!
//! Half precision is widened by shifts and one multiplication, which is exact, and 8 bits by way of 16, since the
//! instructions that do either at once are not in every such CPU.

use std::arch::aarch64::{
    float32x4_t, int16x8_t, int32x4_t, uint32x4_t, vaddq_s32, vandq_u32, vdup_n_s32, vdupq_n_f32,
    vdupq_n_s32, vdupq_n_u32, vfmaq_n_f32, vget_high_s16, vget_high_u16, vget_low_s16, vget_low_u16, vld1_u8,
    vld1q_f32, vld1q_s32, vld1q_u16, vmovl_s8, vmovl_u8, vmovl_u16, vmull_s16, vmulq_f32, vorrq_u32,
    vpaddq_s32, vreinterpret_s8_s32, vreinterpretq_f32_u32, vreinterpretq_s16_u16, vreinterpretq_u32_f32,
    vshlq_n_u32, vst1q_f32, vst1q_s32,
};

use super::{Job, Lanes, Storage, walk};

/// 1 panel × 4 queries of sums are 16 registers of 32.
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
    type Row = [float32x4_t; 4];
    type Sum = [float32x4_t; 4];
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn zero() -> [float32x4_t; 4] {
        unsafe { [vdupq_n_f32(0.0); 4] }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> [float32x4_t; 4] {
        unsafe { Self::read(bytes.cast()) }
    }

    #[inline(always)]
    unsafe fn add(sum: [float32x4_t; 4], row: [float32x4_t; 4], word: u32) -> [float32x4_t; 4] {
        std::array::from_fn(|part| unsafe { vfmaq_n_f32(sum[part], row[part], f32::from_bits(word)) })
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> [float32x4_t; 4] {
        std::array::from_fn(|part| unsafe { vld1q_f32(words.add(4 * part).cast()) })
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: [float32x4_t; 4]) {
        for (part, sum) in sum.into_iter().enumerate() {
            unsafe { vst1q_f32(words.add(4 * part).cast(), sum) }
        }
    }
}

/// Four numbers of half precision, as `layout::f32_of_f16` reads one.
#[inline(always)]
unsafe fn widened(half: uint32x4_t) -> float32x4_t {
    unsafe {
        let size = vshlq_n_u32::<13>(vandq_u32(half, vdupq_n_u32(0x7fff)));
        let size = vmulq_f32(vreinterpretq_f32_u32(size), vdupq_n_f32(f32::from_bits(0x7780_0000)));
        let sign = vshlq_n_u32::<16>(vandq_u32(half, vdupq_n_u32(0x8000)));
        vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(size), sign))
    }
}

impl Lanes for F16 {
    type Row = [float32x4_t; 4];
    type Sum = [float32x4_t; 4];
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn zero() -> [float32x4_t; 4] {
        unsafe { F32::zero() }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> [float32x4_t; 4] {
        unsafe {
            let (first, second) = (vld1q_u16(bytes.cast()), vld1q_u16(bytes.add(16).cast()));
            [
                widened(vmovl_u16(vget_low_u16(first))),
                widened(vmovl_u16(vget_high_u16(first))),
                widened(vmovl_u16(vget_low_u16(second))),
                widened(vmovl_u16(vget_high_u16(second))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add(sum: [float32x4_t; 4], row: [float32x4_t; 4], word: u32) -> [float32x4_t; 4] {
        unsafe { F32::add(sum, row, word) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> [float32x4_t; 4] {
        unsafe { F32::read(words) }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: [float32x4_t; 4]) {
        unsafe { F32::write(words, sum) }
    }
}

impl Lanes for I8 {
    /// Two rows in each, 16 bits a value.
    type Row = [int16x8_t; 8];
    type Sum = [int32x4_t; 4];
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn zero() -> [int32x4_t; 4] {
        unsafe { [vdupq_n_s32(0); 4] }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> [int16x8_t; 8] {
        std::array::from_fn(|two| unsafe { vreinterpretq_s16_u16(vmovl_u8(vld1_u8(bytes.add(8 * two)))) })
    }

    #[inline(always)]
    unsafe fn add(sum: [int32x4_t; 4], row: [int16x8_t; 8], word: u32) -> [int32x4_t; 4] {
        unsafe {
            let word = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(word.cast_signed())));
            let two = |row: int16x8_t| {
                let first = vmull_s16(vget_low_s16(row), vget_low_s16(word));
                vpaddq_s32(first, vmull_s16(vget_high_s16(row), vget_high_s16(word)))
            };
            std::array::from_fn(|part| {
                vaddq_s32(sum[part], vpaddq_s32(two(row[2 * part]), two(row[2 * part + 1])))
            })
        }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> [int32x4_t; 4] {
        std::array::from_fn(|part| unsafe { vld1q_s32(words.add(4 * part).cast()) })
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: [int32x4_t; 4]) {
        for (part, sum) in sum.into_iter().enumerate() {
            unsafe { vst1q_s32(words.add(4 * part).cast(), sum) }
        }
    }
}
