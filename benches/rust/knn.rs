//! Times searches for the 16 nearest of 10³ and 10⁵ rows of 384, and beside them a plain sum over the same bytes.
//!
//! Throughput is in bytes of rows, so a search of one query can be held against the sum: both read everything once, the sum
//! on one thread. Answers are checked before the clock starts. 10⁶ rows and other libraries are in `benches/python/knn.py`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench may panic, and rounds draws"
)]

use std::hint::black_box;

use burnish_core::knn::{Index, Metric, Storage};
use burnish_core::seed::draw;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const DIMENSION: usize = 384;
const K: usize = 16;

/// Numbers from -1 to 1.
fn numbers(seed: i64, length: usize) -> Vec<f32> {
    (0..length)
        .map(|place| (draw(seed, "rows", place.try_into().unwrap()) >> 40) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

/// A sum with room for all the additions that a core can have under way.
fn sum(numbers: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 64];
    for part in numbers.chunks_exact(64) {
        for (sum, number) in sums.iter_mut().zip(part) {
            *sum += number;
        }
    }
    sums.iter().sum()
}

fn searches(criterion: &mut Criterion) {
    for n_rows in [1_000, 100_000] {
        let rows = numbers(0, DIMENSION * n_rows);
        let mut group = criterion.benchmark_group(format!("knn, {n_rows} rows"));
        group.throughput(Throughput::Bytes((4 * DIMENSION * n_rows) as u64)).sample_size(20);
        group.bench_function("a plain sum", |bencher| bencher.iter(|| sum(black_box(&rows))));
        for (name, storage) in [("f32", Storage::F32), ("f16", Storage::F16), ("i8", Storage::I8)] {
            let mut index = Index::new(DIMENSION, Metric::Cosine, storage).unwrap();
            index.append(&rows).unwrap();
            // A row is nearest to itself.
            let found = index.search(&rows[DIMENSION * 7..DIMENSION * 8], K, 1).unwrap();
            assert_eq!(found.numbers[0], 7);
            for (batch, threads) in [(1, 1), (1, 2), (64, 1), (64, 2)] {
                let queries = numbers(1, DIMENSION * batch);
                let id = BenchmarkId::new(name, format!("batch {batch}, threads {threads}"));
                group.bench_function(id, |bencher| {
                    bencher.iter(|| index.search(black_box(&queries), K, threads).unwrap());
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, searches);
criterion_main!(benches);
