//! Times a fingerprint with a kept prefix against one of the whole text: a prompt of 8 kB with 16 demos, and a call's
//! own 200 bytes.
//!
//! The two answers are compared before the clock starts. The gain grows with the prefix; without one, the kept state is only a copy.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use burnish_core::fingerprint::{Fingerprint, fingerprint};
use criterion::{Criterion, criterion_group, criterion_main};

fn prompts(criterion: &mut Criterion) {
    let prefix = "Ticket: no heat since Monday.\nIntent: outage\n".repeat(180);
    let suffix = "Ticket: the invoice lists two meters, and we have one.\n".repeat(4);
    let whole = format!("{prefix}{suffix}");
    let kept = Fingerprint::new(&prefix);
    assert_eq!(kept.finish(&suffix), fingerprint(&whole));
    let mut group = criterion.benchmark_group("fingerprint");
    group.bench_function("kept prefix", |bencher| bencher.iter(|| kept.finish(black_box(&suffix))));
    group.bench_function("whole text", |bencher| bencher.iter(|| fingerprint(black_box(&whole))));
    group.finish();
}

criterion_group!(benches, prompts);
criterion_main!(benches);
