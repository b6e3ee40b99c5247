//! Times the choice of traces from a million steps, and digests of the texts they say.
//!
//! Throughput is in steps, and in bytes for digests. The count picked is checked before the clock starts. Half of the rows
//! fail the first sieve, as in a bootstrap whose program is right half of the time.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros, and a bench may panic")]

use std::hint::black_box;

use burnish_core::seed::draw;
use burnish_core::traces::{self, Limits, Steps};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const N_ROWS: i64 = 1_000_000;

fn choice(criterion: &mut Criterion) {
    // Rollouts of four steps: two predictors, called twice each.
    let (rollout, predictor): (Vec<i64>, Vec<i64>) = (0..N_ROWS).map(|row| (row / 4, row % 2)).unzip();
    let score: Vec<f64> =
        rollout.iter().map(|rollout| f64::from(draw(0, "score", *rollout) % 2 == 0)).collect();
    let tokens: Vec<i64> = (0..N_ROWS).map(|row| 50 + row % 200).collect();
    let digest: Vec<[u64; 2]> = (0..N_ROWS).map(|row| [draw(0, "text", row % 300_000), 0]).collect();
    let steps =
        Steps { score: &score, predictor: &predictor, rollout: &rollout, tokens: &tokens, digest: &digest };
    let limits = Limits { min_score: 1.0, per_predictor: 16, max_tokens: Some(2000) };
    assert!((10..=32).contains(&traces::pick(steps, limits, 0).unwrap().len()));
    let mut group = criterion.benchmark_group("traces");
    group.throughput(Throughput::Elements(N_ROWS.unsigned_abs())).sample_size(20);
    group.bench_function("pick", |bencher| bencher.iter(|| traces::pick(black_box(steps), limits, 0)));
    let texts = vec!["Ticket: no heat since Monday.\nIntent: outage\n".repeat(10); 1000];
    group.throughput(Throughput::Bytes(texts.iter().map(|text| text.len() as u64).sum()));
    group.bench_function("digests", |bencher| bencher.iter(|| traces::digests(black_box(&texts))));
    group.finish();
}

criterion_group!(benches, choice);
criterion_main!(benches);
