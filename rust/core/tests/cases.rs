//! Runs `tests/cases/*.toml` against the core: what a person decided about ties, empties and limits.
//!
//! Each table of a file is a kind of case and each of its entries one case with a name; Python runs the same files
//! against the bindings. Costs nothing worth counting. What holds for all inputs is in the property tests.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    reason = "tests read files and may panic"
)]

use burnish_core::board::{Board, Rows};
use burnish_core::traces::{self, Limits, Steps};
use burnish_core::{Error, fingerprint, interval, race, search, seed, text};
use toml::{Table, Value};

/// Every case of one kind in a file, with its name for messages.
fn each(file: &str, kind: &str, check: impl Fn(&Table, &str)) {
    let path = format!("{}/../../tests/cases/{file}.toml", env!("CARGO_MANIFEST_DIR"));
    let cases: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let cases = cases[kind].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let case = case.as_table().unwrap();
        check(case, case["name"].as_str().unwrap());
    }
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(item).collect()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    list(value, string)
}

fn float(value: &Value) -> f64 {
    value.as_float().unwrap()
}

fn integer(value: &Value) -> i64 {
    value.as_integer().unwrap()
}

/// Equal up to rounding, NaN to NaN, infinite to infinite.
fn close(one: f64, other: f64) -> bool {
    one == other || (one.is_nan() && other.is_nan()) || (one - other).abs() <= 1e-12 * one.abs().max(1.0)
}

fn all_close(ones: &[f64], others: &[f64]) -> bool {
    ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| close(*one, *other))
}

/// The answer, if the case expects one; the refusal is checked here.
fn answer<T: std::fmt::Debug>(case: &Table, name: &str, result: Result<T, Error>) -> Option<T> {
    match case.get("error") {
        Some(message) => {
            assert_eq!(result.unwrap_err().to_string(), string(message), "{name}");
            None
        }
        None => Some(result.unwrap()),
    }
}

#[test]
fn texts_normalise() {
    each("text", "normalize", |case, name| {
        assert_eq!(text::normalize(case["text"].as_str().unwrap()), string(&case["normal"]), "{name}");
    });
}

type Metric = fn(&[String], &[Vec<String>]) -> Result<Vec<f64>, Error>;

#[test]
fn predictions_score() {
    let metrics: [(&str, Metric); 5] = [
        ("exact_match", text::exact_match),
        ("f1", text::f1),
        ("precision", text::precision),
        ("recall", text::recall),
        ("hotpot_f1", text::hotpot_f1),
    ];
    for (kind, metric) in metrics {
        each("text", kind, |case, name| {
            let scores = metric(&strings(&case["predictions"]), &list(&case["references"], strings));
            if let Some(scores) = answer(case, name, scores) {
                assert!(all_close(&scores, &list(&case["scores"], float)), "{name}: {scores:?}");
            }
        });
    }
}

#[test]
fn passages_hold_answers() {
    each("text", "passage_match", |case, name| {
        let scores = text::passage_match(&list(&case["passages"], strings), &list(&case["answers"], strings));
        if let Some(scores) = answer(case, name, scores) {
            assert_eq!(scores, list(&case["scores"], float), "{name}");
        }
    });
}

/// Hands rows on as columns.
fn with_rows<T>(rows: &Value, take: impl FnOnce(Rows<'_>) -> T) -> T {
    let rows = list(rows, |row| row.as_array().unwrap().clone());
    let (candidate, example): (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (integer(&row[0]), integer(&row[1]))).unzip();
    let score: Vec<f64> = rows.iter().map(|row| float(&row[2])).collect();
    let status: Vec<u8> = rows.iter().map(|row| integer(&row[3]).try_into().unwrap()).collect();
    take(Rows { candidate: &candidate, example: &example, score: &score, status: &status })
}

/// A board of these rows.
fn board(rows: &Value) -> Result<Board, Error> {
    let mut board = Board::new();
    with_rows(rows, |rows| board.append(rows)).map(|()| board)
}

fn n_candidates(case: &Table) -> usize {
    integer(&case["n_candidates"]).try_into().unwrap()
}

#[test]
fn boards_are_summed_up() {
    each("board", "summary", |case, name| {
        let summary = board(&case["rows"]).and_then(|mut board| board.summary(n_candidates(case)));
        let Some(summary) = answer(case, name, summary) else { return };
        for (column, counts) in
            [("n", &summary.n), ("failed", &summary.failed), ("not_measured", &summary.not_measured)]
        {
            assert_eq!(*counts, list(&case[column], integer), "{name}: {column}");
        }
        for (column, floats) in [("mean", &summary.mean), ("low", &summary.low), ("high", &summary.high)] {
            assert!(all_close(floats, &list(&case[column], float)), "{name}: {column} is {floats:?}");
        }
    });
}

#[test]
fn candidates_are_paired() {
    each("board", "paired", |case, name| {
        let (first, second) = (integer(&case["first"]), integer(&case["second"]));
        let gain = board(&case["rows"]).unwrap().paired(first, second);
        assert_eq!(gain.n, usize::try_from(integer(&case["n"])).unwrap(), "{name}");
        let expected = ["mean", "low", "high"].map(|column| float(&case[column]));
        assert!(all_close(&[gain.mean, gain.low, gain.high], &expected), "{name}: {gain:?}");
    });
}

#[test]
fn somebody_leads() {
    each("board", "leader", |case, name| {
        let share = case.get("share").map_or(0.0, float);
        let leader = board(&case["rows"]).unwrap().leader(n_candidates(case), share).unwrap();
        assert_eq!(leader, usize::try_from(integer(&case["leader"])).ok(), "{name}");
    });
}

#[test]
fn fronts_are_found() {
    each("board", "front", |case, name| {
        let front = board(&case["rows"]).unwrap().front(n_candidates(case)).unwrap();
        assert_eq!(front.candidate, list(&case["front"], integer), "{name}");
        assert_eq!(front.wins, list(&case["wins"], integer), "{name}");
    });
}

#[test]
fn cells_are_replaced() {
    each("board", "replace", |case, name| {
        let mut replaced = board(&case["rows"]).unwrap();
        answer(case, name, with_rows(&case["with"], |rows| replaced.replace(rows)));
        let mut same = board(&case["same_as"]).unwrap();
        assert_eq!(replaced.len(), same.len(), "{name}");
        // By their words, in which NaN equals itself.
        let words = |board: &mut Board| format!("{:?}", board.summary(4).unwrap());
        assert_eq!(words(&mut replaced), words(&mut same), "{name}");
    });
}

#[test]
fn quantiles_of_t_are_known() {
    each("board", "t_quantile", |case, name| {
        let degrees = list(&case["degrees"], |degrees| usize::try_from(integer(degrees)).unwrap());
        let quantiles: Vec<f64> = degrees.into_iter().map(interval::t_quantile).collect();
        assert!(all_close(&quantiles, &list(&case["quantiles"], float)), "{name}: {quantiles:?}");
    });
}

#[test]
fn traces_are_picked() {
    each("traces", "pick", |case, name| {
        let rows = list(&case["rows"], |row| row.as_array().unwrap().clone());
        let column = |place: usize| -> Vec<i64> { rows.iter().map(|row| integer(&row[place])).collect() };
        let texts: Vec<String> = rows.iter().map(|row| string(&row[4])).collect();
        let predictor: Vec<String> = column(1).iter().map(ToString::to_string).collect();
        let steps = Steps {
            score: &rows.iter().map(|row| float(&row[0])).collect::<Vec<f64>>(),
            predictor: &predictor,
            rollout: &column(2),
            tokens: &column(3),
            inputs: &texts,
            outputs: &vec![String::new(); rows.len()],
        };
        let mut table = traces::Table::default();
        let limits = Limits {
            min_score: Some(float(&case["min_score"])),
            per_predictor: integer(&case["per_predictor"]),
            max_tokens: case.get("max_tokens").map(integer),
            near: false,
            variety: false,
            stratify: false,
        };
        let picked = table.append(&steps).and_then(|()| traces::pick(&table, limits, integer(&case["seed"])));
        if let Some(mut picked) = answer(case, name, picked) {
            picked.sort_unstable();
            assert_eq!(picked, list(&case["picked"], integer), "{name}");
        }
    });
}

#[test]
fn near_copies_are_grouped() {
    each("traces", "near", |case, name| {
        let rows = list(&case["rows"], strings);
        let rows: Vec<&[String]> = rows.iter().map(Vec::as_slice).collect();
        let firsts = list(&case["firsts"], |place| usize::try_from(integer(place)).unwrap());
        assert_eq!(traces::near_copies(&rows), firsts, "{name}");
    });
}

#[test]
fn draws_bind() {
    each("seed", "draw", |case, name| {
        let value = seed::draw(integer(&case["seed"]), &string(&case["purpose"]), integer(&case["step"]));
        assert_eq!(format!("{value:#018x}"), string(&case["value"]), "{name}");
    });
}

#[test]
fn fingerprints_bind() {
    each("fingerprint", "fingerprint", |case, name| {
        let parts = strings(&case["parts"]);
        assert_eq!(fingerprint::fingerprint(&parts.concat()), string(&case["value"]), "{name}");
        let prefix = parts.iter().fold(fingerprint::Fingerprint::new(""), |prefix, part| prefix.extend(part));
        assert_eq!(prefix.finish(""), string(&case["value"]), "{name}");
    });
}

fn integers(value: &Value) -> Vec<i64> {
    list(value, integer)
}

fn count(case: &Table, name: &str) -> usize {
    integer(&case[name]).try_into().unwrap()
}

#[test]
fn candidates_come_by_chance() {
    each("search", "random", |case, name| {
        let (sizes, picks) = (integers(&case["sizes"]), integers(&case["picks"]));
        let found = search::random(&sizes, &picks, count(case, "n"), 0, 0);
        if let Some(found) = answer(case, name, found) {
            assert_eq!(found, integers(&case["found"]), "{name}");
        }
    });
}

#[test]
fn who_is_beaten_beyond_doubt_is_told() {
    each("search", "beaten", |case, name| {
        let looks = count(case, "looks");
        let found = with_rows(&case["rows"], |rows| race::beaten(rows, n_candidates(case), 0.0, looks, 0.05));
        if let Some(found) = answer(case, name, found) {
            assert_eq!(found, list(&case["found"], |value| value.as_bool().unwrap()), "{name}");
        }
    });
}

#[test]
fn the_worst_is_rejected() {
    each("search", "rejects", |case, name| {
        let (examples, budget) = (count(case, "n_examples"), count(case, "budget"));
        let found =
            with_rows(&case["rows"], |rows| race::rejects(rows, n_candidates(case), examples, budget));
        let phase = answer(case, name, found).unwrap();
        assert_eq!(phase.alive, integers(&case["alive"]), "{name}");
        assert_eq!(phase.examples, count(case, "examples"), "{name}");
    });
}
