//! Times a question to the surrogate and to TPE: 30 and 100 candidates of a space with four and eight slots, ten examples each, eight picks.
//!
//! Throughput is in picks. That the picks differ is checked before the clock starts. The cost of the surrogate grows with the cube of
//! the candidates; a program run costs a hundred times as much or more.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "a bench may panic, and counts little"
)]

use std::collections::HashSet;
use std::hint::black_box;

use burnish_core::board::Rows;
use burnish_core::search::{self, Ask, Tried};
use burnish_core::seed::draw;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const EXAMPLES: i64 = 10;
const PICKS: usize = 8;

fn questions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("search");
    group.throughput(Throughput::Elements(PICKS as u64)).sample_size(10);
    for (slots, count) in [(4, 30), (4, 100), (8, 100)] {
        let sizes = vec![6_i64; slots];
        let picks = search::design(&sizes, count, 0).unwrap();
        let n = picks.len() / slots;
        let (mut candidate, mut example, mut score) = (vec![], vec![], vec![]);
        for (c, picks) in (0_i64..).zip(picks.chunks(slots)) {
            for e in 0..EXAMPLES {
                candidate.push(c);
                example.push(e);
                score.push(f64::from(draw(c, "right", e) % 10 < 4 + picks[0].unsigned_abs()));
            }
        }
        let status = vec![0; score.len()];
        let rows = Rows { candidate: &candidate, example: &example, score: &score, status: &status };
        let tried = Tried { sizes: &sizes, picks: &picks, rows };
        let (closed, ask) = (vec![false; n], Ask { n: PICKS, greedy: 0.5, seed: 0, step: 1 });
        let found = search::surrogate(tried, &closed, ask).unwrap().picks;
        assert_eq!(found.chunks(slots).collect::<HashSet<_>>().len(), PICKS);
        group.bench_function(format!("surrogate, {n} candidates, {slots} slots"), |bencher| {
            bencher.iter(|| search::surrogate(black_box(tried), &closed, ask));
        });
        group.bench_function(format!("TPE, {n} candidates, {slots} slots"), |bencher| {
            bencher.iter(|| search::tpe(black_box(tried), &closed, ask));
        });
    }
    group.finish();
}

criterion_group!(benches, questions);
criterion_main!(benches);
