//! Times the scan of a log, its sketches, the choice of traces from a million steps, and near copies among a hundred thousand rows.
//!
//! Throughput is in bytes for logs and sketches, and in steps for the choice. The counts are checked before the clock starts. Half of
//! the calls have a low score, as in a program that is right half of the time.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::format_collect,
    reason = "criterion's macros; a bench may panic, and makes its log before the clock starts"
)]

use std::hint::black_box;

use burnish_core::seed::draw;
use burnish_core::traces::{self, Limits, Options, Sketch, Steps, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const N_ROWS: i64 = 1_000_000;

/// A log of requests and responses as programs with sections have them: some 1,600 bytes a line.
fn log() -> String {
    let system = r"Your fields are `question` and `answer`.\n\nThey stand in sections.\n".repeat(6);
    let words = |row: i64, number: i64| -> String {
        (0..number).map(|word| format!("word{} ", draw(row, "word", word) % 5000)).collect()
    };
    (0..20_000)
        .map(|row| {
            let (asked, replied) = (words(row, 60), words(row + 1_000_000, 30));
            format!(
                "{{\"request\": {{\"model\": \"m\", \"messages\": [{{\"role\": \"system\", \"content\": \"{system}\"}}, {{\"role\": \"user\", \
                 \"content\": \"[[ ## question ## ]]\\n{asked}\"}}]}}, \"response\": {{\"choices\": [{{\"message\": {{\"content\": \
                 \"[[ ## answer ## ]]\\n{replied}\\n\\n[[ ## completed ## ]]\"}}}}]}}, \"score\": {}}}\n",
                row % 2
            )
        })
        .collect()
}

fn scan(criterion: &mut Criterion) {
    let log = log();
    let mut group = criterion.benchmark_group("traces");
    group.throughput(Throughput::Bytes(log.len() as u64)).sample_size(20);
    for (name, min_score, rows) in
        [("every call", None, 20_000), ("half of them", Some(1.0), 10_000), ("none", Some(2.0), 0)]
    {
        let options = Options { min_score, ..Options::default() };
        assert_eq!(traces::scan(log.as_bytes(), &options, 1).unwrap().0.rows.len(), rows);
        group.bench_function(format!("scan, {name}"), |bencher| {
            bencher.iter(|| traces::scan(black_box(log.as_bytes()), &options, 1).unwrap());
        });
    }
    let text = "Where is the card that I ordered in March, please? ".repeat(2000);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("sketch", |bencher| {
        bencher.iter(|| {
            let mut sketch = Sketch::new();
            sketch.add(0, black_box(&text));
            sketch.bits(0)
        });
    });
    group.finish();
}

fn choice(criterion: &mut Criterion) {
    // Rollouts of four steps: two predictors, called twice each.
    let (rollout, predictor): (Vec<i64>, Vec<String>) =
        (0..N_ROWS).map(|row| (row / 4, (row % 2).to_string())).unzip();
    let score: Vec<f64> =
        rollout.iter().map(|rollout| f64::from(draw(0, "score", *rollout) % 2 == 0)).collect();
    let tokens: Vec<i64> = (0..N_ROWS).map(|row| 50 + row % 200).collect();
    let inputs: Vec<String> =
        (0..N_ROWS).map(|row| format!("question number {} of many", row % 300_000)).collect();
    let outputs = vec![String::new(); inputs.len()];
    let steps = Steps {
        score: &score,
        predictor: &predictor,
        rollout: &rollout,
        tokens: &tokens,
        inputs: &inputs,
        outputs: &outputs,
    };
    let mut table = Table::default();
    table.append(&steps).unwrap();
    let mut group = criterion.benchmark_group("traces");
    group.throughput(Throughput::Elements(N_ROWS.unsigned_abs())).sample_size(20);
    for (name, variety) in [("first come", false), ("farthest", true)] {
        let limits = Limits {
            min_score: Some(1.0),
            per_predictor: 16,
            max_tokens: Some(2000),
            near: true,
            variety,
            stratify: false,
        };
        assert!((10..=32).contains(&traces::pick(&table, limits, 0).unwrap().len()));
        group.bench_function(format!("pick, {name}"), |bencher| {
            bencher.iter(|| traces::pick(black_box(&table), limits, 0));
        });
    }
    group.finish();
}

fn near(criterion: &mut Criterion) {
    // Questions of some 50 words, each tenth of which is one of the others with a word changed.
    let words = |row: i64| -> Vec<String> {
        (0..50).map(|word| format!("word{}", draw(row, "word", word) % 5000)).collect()
    };
    let texts: Vec<[String; 1]> = (0..100_000)
        .map(|row| {
            let mut words = words(if row % 10 == 9 { row - 9 } else { row });
            if row % 10 == 9 {
                words[0] = "another".into();
            }
            [words.join(" ")]
        })
        .collect();
    let rows: Vec<&[String]> = texts.iter().map(<[String; 1]>::as_slice).collect();
    let copies = traces::near_copies(&rows).iter().enumerate().filter(|(row, first)| row != *first).count();
    assert!((8_000..=10_000).contains(&copies), "{copies}");
    let mut group = criterion.benchmark_group("traces");
    group.throughput(Throughput::Elements(rows.len() as u64)).sample_size(20);
    group.bench_function("near copies", |bencher| {
        bencher.iter(|| traces::near_copies(black_box(&rows)));
    });
    group.finish();
}

criterion_group!(benches, scan, choice, near);
criterion_main!(benches);
