//! Every path against the naive twin: bit for bit.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::kernel::Path;
use super::layout::{f16_of_f32, f32_of_f16, rounded};
use super::{HEAD, Index, Metric, Storage};
use crate::seed::draw;

/// Numbers from -1 to 1, the same on every machine; every eighth is a tenth of a whole number, so that rows tie.
fn numbers(seed: i64, length: usize) -> Vec<f32> {
    (0..length)
        .map(|place| {
            let drawn = draw(seed, "knn", place.try_into().unwrap_or(0));
            let fine = (drawn >> 40) as f32 / 8_388_608.0 - 1.0;
            if drawn % 8 == 0 { (fine * 10.0).round() / 10.0 } else { fine }
        })
        .collect()
}

/// A score as the page of the kernels defines it.
fn score(storage: Storage, row: &[f32], query: &[f32]) -> f32 {
    let chain =
        |row: &[f32]| row.iter().zip(query).fold(0.0, |sum, (value, factor)| value.mul_add(*factor, sum));
    match storage {
        Storage::F32 => chain(row),
        Storage::F16 => chain(&row.iter().map(|value| f32_of_f16(f16_of_f32(*value))).collect::<Vec<_>>()),
        Storage::I8 => {
            let ((scale, row), (factor, query)) = (rounded(row), rounded(query));
            let products = row.iter().zip(query).map(|(one, other)| i32::from(*one) * i32::from(other));
            products.sum::<i32>() as f32 * scale * factor
        }
    }
}

/// The best k rows of a query, in plain words.
fn nearest(storage: Storage, rows: &[f32], query: &[f32], k: usize) -> Vec<(i64, f32)> {
    let rows = rows.chunks(query.len()).map(|row| score(storage, row, query));
    let mut scored: Vec<(i64, f32)> = (0..).zip(rows).collect();
    scored.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    scored.truncate(k);
    scored
}

#[test]
fn every_path_gives_the_same_bits() {
    for storage in [Storage::F32, Storage::F16, Storage::I8] {
        for (dimension, n_rows, queries) in
            [(1, 1, 1), (3, 17, 2), (5, 64, 3), (16, 50, 7), (130, 95, 13), (384, 49, 9), (300, 160, 70)]
        {
            let (rows, asked) = (numbers(1, dimension * n_rows), numbers(2, dimension * queries));
            let mut index = Index::new(dimension, Metric::InnerProduct, storage).unwrap();
            index.append(&rows).unwrap();
            let k = n_rows.min(20);
            let expected: Vec<(i64, f32)> =
                asked.chunks(dimension).flat_map(|query| nearest(storage, &rows, query, k)).collect();
            for path in Path::all(storage) {
                for threads in [1, 3] {
                    let found = index.search_by(path, &asked, k, threads).unwrap();
                    let found: Vec<(i64, f32)> = found.numbers.into_iter().zip(found.scores).collect();
                    assert_eq!(
                        found, expected,
                        "{storage:?} {dimension} × {n_rows}, {queries}, {path:?}, {threads}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_path_says_the_same_of_a_damaged_file() {
    let infinite = [0x7f80_0000_u32, 0xff80_0000, 0x7c00_7c00, 0xfc00_fc00];
    let others = [0x7fc0_0000, 0x7f80_0001, 0x7e00_7c01, 0x7f7f_ffff, 1, 0x8000_0001, 0xffff_ffff, 0];
    for storage in [Storage::F32, Storage::F16, Storage::I8] {
        let mut index = Index::new(5, Metric::InnerProduct, storage).unwrap();
        index.append(&numbers(9, 5 * 20)).unwrap();
        let (head, panels) = index.to_file();
        for (bits, at) in infinite.into_iter().chain(others).flat_map(|bits| [(bits, 0), (bits, 132)]) {
            let mut file = [&head[..], panels].concat();
            file[HEAD + at..HEAD + at + 4].copy_from_slice(&bits.to_ne_bytes());
            let loaded = Index::from_file(Box::new(file)).unwrap();
            for (query, k) in [1.0, -1.0, 0.0].into_iter().flat_map(|query| [(query, 1), (query, 20)]) {
                let said =
                    Path::all(storage).into_iter().map(|path| loaded.search_by(path, &[query; 5], k, 1));
                let said: Vec<_> = said.collect();
                assert!(said.iter().all(|one| *one == said[0]), "{storage:?} {bits:x} at {at}: {said:?}");
            }
        }
    }
}

#[test]
fn the_widest_sums_of_8_bits_fit() {
    let dimension = super::MOST_PLACES;
    for (sign, place) in [(1.0, 0), (-1.0, 1)] {
        let mut index = Index::new(dimension, Metric::InnerProduct, Storage::I8).unwrap();
        index.append(&vec![1.0; dimension]).unwrap();
        index.append(&vec![-1.0; dimension]).unwrap();
        for path in Path::all(Storage::I8) {
            let found = index.search_by(path, &vec![sign; dimension], 2, 1).unwrap();
            assert_eq!(found.numbers, [place, 1 - place], "{path:?}");
            assert!((found.scores[0] / dimension as f32 - 1.0).abs() < 1e-4, "{path:?}: {:?}", found.scores);
        }
    }
}

#[test]
fn many_threads_find_what_one_finds() {
    let (dimension, n_rows) = (96, 8000);
    let mut index = Index::new(dimension, Metric::Cosine, Storage::F32).unwrap();
    // Each row stands there five times, so that ties go across pieces.
    for _ in 0..5 {
        index.append(&numbers(3, dimension * n_rows / 5)).unwrap();
    }
    let asked = numbers(4, dimension * 70);
    let one = index.search(&asked, 12, 1).unwrap();
    for threads in [2, 5, 16] {
        assert_eq!(index.search(&asked, 12, threads).unwrap(), one);
    }
    for (place, query) in asked.chunks(dimension).enumerate() {
        let alone = index.search(query, 12, 1).unwrap();
        assert_eq!(alone.numbers, one.numbers[12 * place..12 * (place + 1)]);
        assert_eq!(alone.scores, one.scores[12 * place..12 * (place + 1)]);
    }
}

#[test]
fn what_is_removed_leaves_no_trace() {
    for storage in [Storage::F32, Storage::F16, Storage::I8] {
        let (dimension, rows) = (7, numbers(5, 7 * 60));
        let mut index = Index::new(dimension, Metric::InnerProduct, storage).unwrap();
        index.append(&rows).unwrap();
        index.remove(&[59, 0, 17, 17, 30, 31, 32]).unwrap();
        let left: Vec<f32> = (0..60)
            .filter(|number| ![59, 0, 17, 30, 31, 32].contains(number))
            .flat_map(|number| rows[number * dimension..(number + 1) * dimension].to_vec())
            .collect();
        let mut fresh = Index::new(dimension, Metric::InnerProduct, storage).unwrap();
        fresh.append(&left).unwrap();
        let asked = numbers(6, dimension * 3);
        assert_eq!(index.search(&asked, 54, 1).unwrap(), fresh.search(&asked, 54, 1).unwrap());
        index.remove(&(0..54).collect::<Vec<_>>()).unwrap();
        assert!(index.is_empty() && index.to_file().1.is_empty());
        index.append(&rows).unwrap();
        assert_eq!(index.len(), 60);
    }
}

#[test]
fn a_file_gives_back_what_was_saved() {
    for storage in [Storage::F32, Storage::F16, Storage::I8] {
        let (dimension, rows, asked) = (9, numbers(7, 9 * 40), numbers(8, 9 * 5));
        let mut index = Index::new(dimension, Metric::Cosine, storage).unwrap();
        index.append(&rows).unwrap();
        let (head, panels) = index.to_file();
        let file = [&head[..], panels].concat();
        let mut loaded = Index::from_file(Box::new(file)).unwrap();
        assert_eq!((loaded.dimension(), loaded.metric(), loaded.storage()), (9, Metric::Cosine, storage));
        assert_eq!(loaded.search(&asked, 40, 1).unwrap(), index.search(&asked, 40, 1).unwrap());
        for one in [&mut loaded, &mut index] {
            one.append(&rows[..18]).unwrap();
            one.remove(&[3]).unwrap();
        }
        assert_eq!(loaded.search(&asked, 41, 1).unwrap(), index.search(&asked, 41, 1).unwrap());
    }
}
