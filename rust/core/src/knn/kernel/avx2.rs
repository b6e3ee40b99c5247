//! Panels by AVX2 with FMA and F16C: two registers hold one value of all 16 rows.
//!
//! Every function needs `avx2`, `fma` and `f16c`; [`super::Path::all`] asks the CPU. 8 bits are widened to 16, where a
//! product of two pairs cannot overflow, as the shorter way over `maddubs` would.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_loadu_si128, _mm_set1_epi32, _mm256_add_epi32, _mm256_cvtepi8_epi16,
    _mm256_cvtepu8_epi16, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_hadd_epi32, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_permute4x64_epi64, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
};

use super::{Job, Lanes, Storage, walk};

/// 1 panel × 6 queries of sums are 12 registers of 16.
pub const FULL: usize = 6;
const WIDE: usize = 1;

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

#[target_feature(enable = "avx2,fma")]
unsafe fn f32(job: Job) {
    unsafe { walk::<F32, WIDE, FULL>(job) }
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn f16(job: Job) {
    unsafe { walk::<F16, WIDE, FULL>(job) }
}

#[target_feature(enable = "avx2")]
unsafe fn i8(job: Job) {
    unsafe { walk::<I8, WIDE, FULL>(job) }
}

struct F32;
struct F16;
struct I8;

impl Lanes for F32 {
    type Row = [__m256; 2];
    type Sum = [__m256; 2];
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn zero() -> [__m256; 2] {
        unsafe { [_mm256_setzero_ps(); 2] }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> [__m256; 2] {
        unsafe { [_mm256_loadu_ps(bytes.cast()), _mm256_loadu_ps(bytes.add(32).cast())] }
    }

    #[inline(always)]
    unsafe fn add(sum: [__m256; 2], row: [__m256; 2], word: u32) -> [__m256; 2] {
        unsafe {
            let word = _mm256_set1_ps(f32::from_bits(word));
            [_mm256_fmadd_ps(row[0], word, sum[0]), _mm256_fmadd_ps(row[1], word, sum[1])]
        }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> [__m256; 2] {
        unsafe { [_mm256_loadu_ps(words.cast()), _mm256_loadu_ps(words.add(8).cast())] }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: [__m256; 2]) {
        unsafe {
            _mm256_storeu_ps(words.cast(), sum[0]);
            _mm256_storeu_ps(words.add(8).cast(), sum[1]);
        }
    }
}

impl Lanes for F16 {
    type Row = [__m256; 2];
    type Sum = [__m256; 2];
    const STEP: usize = 32;

    #[inline(always)]
    unsafe fn zero() -> [__m256; 2] {
        unsafe { F32::zero() }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> [__m256; 2] {
        unsafe {
            let half = |from: usize| _mm256_cvtph_ps(_mm_loadu_si128(bytes.add(from).cast::<__m128i>()));
            [half(0), half(16)]
        }
    }

    #[inline(always)]
    unsafe fn add(sum: [__m256; 2], row: [__m256; 2], word: u32) -> [__m256; 2] {
        unsafe { F32::add(sum, row, word) }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> [__m256; 2] {
        unsafe { F32::read(words) }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: [__m256; 2]) {
        unsafe { F32::write(words, sum) }
    }
}

impl Lanes for I8 {
    /// Four rows in each, 16 bits a value.
    type Row = [__m256i; 4];
    type Sum = [__m256i; 2];
    const STEP: usize = 64;

    #[inline(always)]
    unsafe fn zero() -> [__m256i; 2] {
        unsafe { [_mm256_setzero_si256(); 2] }
    }

    #[inline(always)]
    unsafe fn load(bytes: *const u8) -> [__m256i; 4] {
        unsafe {
            let four = |from: usize| _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes.add(from).cast::<__m128i>()));
            [four(0), four(16), four(32), four(48)]
        }
    }

    #[inline(always)]
    unsafe fn add(sum: [__m256i; 2], row: [__m256i; 4], word: u32) -> [__m256i; 2] {
        unsafe {
            let word = _mm256_cvtepi8_epi16(_mm_set1_epi32(word.cast_signed()));
            let eight = |low: __m256i, high: __m256i| {
                let pairs = _mm256_hadd_epi32(_mm256_madd_epi16(low, word), _mm256_madd_epi16(high, word));
                // hadd works within halves: rows 0 1 4 5, 2 3 6 7.
                _mm256_permute4x64_epi64::<0b11_01_10_00>(pairs)
            };
            [_mm256_add_epi32(sum[0], eight(row[0], row[1])), _mm256_add_epi32(sum[1], eight(row[2], row[3]))]
        }
    }

    #[inline(always)]
    unsafe fn read(words: *const u32) -> [__m256i; 2] {
        unsafe { [_mm256_loadu_si256(words.cast()), _mm256_loadu_si256(words.add(8).cast())] }
    }

    #[inline(always)]
    unsafe fn write(words: *mut u32, sum: [__m256i; 2]) {
        unsafe {
            _mm256_storeu_si256(words.cast(), sum[0]);
            _mm256_storeu_si256(words.add(8).cast(), sum[1]);
        }
    }
}
