//! Times the board over a million rows: filled and summed up (in order, shuffled, with several rows a cell), asked again after a
//! thousand rows more, and asked for the front.
//!
//! Throughput is in rows. The answers are checked before the clock starts. The target is ten million rows a second.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a bench may panic, and cuts draws"
)]

use std::hint::black_box;

use burnish_core::board::{self, Rows};
use burnish_core::seed::draw;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const N_ROWS: i64 = 1_000_000;
const N_CANDIDATES: i64 = 100;

struct Board {
    name: &'static str,
    candidate: Vec<i64>,
    example: Vec<i64>,
}

/// Every candidate on every example, as an engine that finishes cell by cell leaves them.
fn boards() -> [Board; 3] {
    let per_candidate = N_ROWS / N_CANDIDATES;
    let ordered: Vec<(i64, i64)> =
        (0..N_ROWS).map(|row| (row / per_candidate, row % per_candidate)).collect();
    let mut shuffled = ordered.clone();
    shuffled.sort_by_key(|(candidate, example)| draw(*candidate, "shuffle", *example));
    let repeated = ordered.iter().map(|(candidate, example)| (*candidate, example % 100)).collect();
    [("ordered", ordered), ("shuffled", shuffled), ("100 rows a cell", repeated)].map(|(name, rows)| {
        let (candidate, example) = rows.into_iter().unzip();
        Board { name, candidate, example }
    })
}

fn filled(rows: Rows<'_>) -> board::Board {
    let mut board = board::Board::new();
    board.append(rows).unwrap();
    board
}

fn statistics(criterion: &mut Criterion) {
    let score: Vec<f64> = (0..N_ROWS).map(|row| f64::from(draw(0, "score", row) as u8 % 11) / 10.0).collect();
    let status = vec![board::SCORED; score.len()];
    let n_candidates = usize::try_from(N_CANDIDATES).unwrap();
    let mut group = criterion.benchmark_group("board");
    group.throughput(Throughput::Elements(N_ROWS.unsigned_abs())).sample_size(20);
    for Board { name, candidate, example } in &boards() {
        let rows = Rows { candidate, example, score: &score, status: &status };
        let mut board = filled(rows);
        let summary = board.summary(n_candidates).unwrap();
        assert!(summary.mean.iter().all(|mean| (mean - 0.5).abs() < 0.05));
        assert!(!board.front(n_candidates).unwrap().candidate.is_empty());
        group.bench_function(format!("filled and summed up, {name}"), |bencher| {
            bencher.iter(|| filled(black_box(rows)).summary(n_candidates));
        });
        group.bench_function(format!("front, {name}"), |bencher| bencher.iter(|| board.front(n_candidates)));
        let new = Rows {
            candidate: &[3; 1000],
            example: &example[..1000],
            score: &score[..1000],
            status: &status[..1000],
        };
        // Put in place, so that the board stays as large as it is.
        group.bench_function(format!("a thousand new rows, {name}"), |bencher| {
            bencher.iter(|| {
                board.replace(black_box(new)).unwrap();
                board.summary(n_candidates)
            });
        });
        group.bench_function(format!("paired, {name}"), |bencher| {
            bencher.iter(|| board.paired(black_box(3), 4));
        });
    }
    group.finish();
}

criterion_group!(benches, statistics);
criterion_main!(benches);
