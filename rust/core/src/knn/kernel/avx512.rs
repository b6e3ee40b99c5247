//! Panels by AVX-512: a register holds one value of all 16 rows. 8 bits need VNNI, which multiplies four places at once.
//!
//! Every function needs `avx512f`, those of [`I8`] `avx512bw` and `avx512vnni` too; [`super::Path::all`] asks the CPU.

use std::arch::x86_64::{
    __m256i, __m512, __m512i, _mm256_loadu_si256, _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_storeu_ps, _mm512_storeu_si512,
};

use super::{Job, Lanes, Storage, walk};

/// 3 panels × 8 queries of sums are 24 registers of 32.
pub const FULL: usize = 8;
const WIDE: usize = 3;

pub unsafe fn score(storage: Storage, job: Job) {
    // SAFETY: the caller has checked the features and the job.
    unsafe {
        match storage {
            Storage::F32 => f32(job),
            Storage::F16 => f16(job),
            Storage::I8 => i8(job),
        }
    }
}

#[target_feature(enable = "avx512f")]
unsafe fn f32(job: Job) {
    unsafe { walk::<F32, WIDE, FULL>(job) }
}

#[target_feature(enable = "avx512f")]
unsafe fn f16(job: Job) {
    unsafe { walk::<F16, WIDE, FULL>(job) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn i8(job: Job) {
    unsafe { walk::<I8, WIDE, FULL>(job) }
}

struct F32;
struct F16;
struct I8;

impl Lanes for F32 {
    type Row = __m512;
    type Sum = __m512;
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> __m512 {
        unsafe { _mm512_loadu_ps(bytes.cast()) }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512, row: __m512, word: u32) -> __m512 {
        unsafe { _mm512_fmadd_ps(row, _mm512_set1_ps(f32::from_bits(word)), sum) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> __m512 {
        unsafe { _mm512_loadu_ps(words.cast()) }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: __m512) {
        unsafe { _mm512_storeu_ps(words.cast(), sum) }
    }
}

impl Lanes for F16 {
    type Row = __m512;
    type Sum = __m512;
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        unsafe { F32::zero() }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> __m512 {
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(bytes.cast::<__m256i>())) }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512, row: __m512, word: u32) -> __m512 {
        unsafe { F32::add(sum, row, word) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> __m512 {
        unsafe { F32::read(words) }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: __m512) {
        unsafe { F32::write(words, sum) }
    }
}

impl Lanes for I8 {
    type Row = __m512i;
    type Sum = __m512i;
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> __m512i {
        unsafe { _mm512_loadu_si512(bytes.cast()) }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512i, row: __m512i, word: u32) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(sum, row, _mm512_set1_epi32(word.cast_signed())) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> __m512i {
        unsafe { _mm512_loadu_si512(words.cast()) }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: __m512i) {
        unsafe { _mm512_storeu_si512(words.cast(), sum) }
    }
}
