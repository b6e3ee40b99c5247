//! Times normalisation, F1 and passage match on texts of the lengths that answers and passages have.
//!
//! Throughput is in bytes of input for normalisation and in rows for the scores; the answers are checked before the clock starts.
//! The texts repeat, so the caches are warm; what crossing from Python costs is in benches/python/text.py.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros, and a bench may panic")]

use std::hint::black_box;

use burnish_core::text;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ANSWER: &str = "The Battle of Waterloo (18 June 1815), near the village of Waterloo.";
const ACCENTED: &str = "La bataille de Waterloo s’est déroulée à l’été 1815, près d’un village belge.";

fn normalisation(criterion: &mut Criterion) {
    assert_eq!(text::normalize("The Battle, of a Lake"), "battle of lake");
    let passage = [ANSWER; 20].join(" ");
    let mut group = criterion.benchmark_group("normalize");
    for (name, text) in [("answer", ANSWER), ("accented answer", ACCENTED), ("passage", &passage)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| text::normalize(black_box(text))));
    }
    group.finish();
}

fn scores(criterion: &mut Criterion) {
    let predictions = vec!["It was the battle of Waterloo in 1815."; 1000];
    let references = vec![[ANSWER, "Waterloo"]; 1000];
    let passages = vec![[[ANSWER; 20].join(" ")]; 100];
    let answers = vec![["the 1816".to_owned()]; 100];
    assert!(text::exact_match(&predictions, &references).unwrap().iter().sum::<f64>() < 0.5);
    assert!(text::passage_match(&passages, &answers).unwrap().iter().sum::<f64>() < 0.5);
    let mut group = criterion.benchmark_group("scores");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("exact_match", |bencher| {
        bencher.iter(|| text::exact_match(black_box(&predictions), black_box(&references)));
    });
    group.bench_function("f1", |bencher| {
        bencher.iter(|| text::f1(black_box(&predictions), black_box(&references)));
    });
    group.throughput(Throughput::Elements(100));
    group.bench_function("passage_match", |bencher| {
        bencher.iter(|| text::passage_match(black_box(&passages), black_box(&answers)));
    });
    group.finish();
}

criterion_group!(benches, normalisation, scores);
criterion_main!(benches);
