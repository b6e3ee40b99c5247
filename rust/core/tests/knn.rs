//! The nearest rows: cases that a person decided, and what is said of a file that is wrong. Hostile files are in `hostile_index.rs`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read files and may panic")]

use burnish_core::Error;
use burnish_core::knn::{HEAD, Index, Metric, Nearest, Storage};
use toml::{Table, Value};

const STORAGES: [(&str, Storage); 3] = [("f32", Storage::F32), ("f16", Storage::F16), ("i8", Storage::I8)];

#[allow(clippy::cast_possible_truncation, reason = "cases are written in few digits")]
fn floats(value: &Value) -> Vec<f32> {
    let rows = value.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    rows.map(|number| number.as_float().unwrap() as f32).collect()
}

fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|number| number.as_integer().unwrap()).collect()
}

fn answer(case: &Table, storage: Storage) -> Result<Nearest, Error> {
    let metric = if case["metric"].as_str() == Some("ip") { Metric::InnerProduct } else { Metric::Cosine };
    let dimension = case["rows"][0].as_array().unwrap().len();
    let mut index = Index::new(dimension, metric, storage)?;
    index.append(&floats(&case["rows"]))?;
    index.remove(&case.get("remove").map_or_else(Vec::new, integers))?;
    index.search(&floats(&case["queries"]), case["k"].as_integer().unwrap().try_into().unwrap(), 2)
}

#[test]
fn the_nearest_rows_are_found() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/knn.toml");
    let cases: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    for case in cases["search"].as_array().unwrap() {
        let case = case.as_table().unwrap();
        for (storage_name, storage) in STORAGES {
            if case.get("storage").is_some_and(|only| only.as_str() != Some(storage_name)) {
                continue;
            }
            let name = format!("{} ({storage_name})", case["name"]);
            match (answer(case, storage), case.get("error")) {
                (Err(error), Some(message)) => {
                    assert_eq!(error.to_string(), message.as_str().unwrap(), "{name}");
                }
                (found, None) => {
                    let found = found.unwrap();
                    let numbers = case["numbers"].as_array().unwrap().iter().flat_map(integers);
                    assert_eq!(found.numbers, numbers.collect::<Vec<_>>(), "{name}");
                    for (one, other) in found.scores.iter().zip(floats(&case["scores"])) {
                        let close = if storage == Storage::F32 { 1e-6 } else { 0.02 };
                        assert!((one - other).abs() <= close, "{name}: {:?}", found.scores);
                    }
                }
                (Ok(found), Some(message)) => panic!("{name}: {found:?}, and not {message}"),
            }
        }
    }
}

#[test]
fn the_width_of_rows_is_held() {
    let mut index = Index::new(3, Metric::InnerProduct, Storage::F32).unwrap();
    let message = index.append(&[1.0; 7]).unwrap_err().to_string();
    assert_eq!(message, "rows hold 7 values, which are no whole rows of 3");
    assert!(index.is_empty());
    assert!(Index::new(0, Metric::InnerProduct, Storage::F32).is_err());
    assert!(Index::new(burnish_core::knn::MOST_PLACES + 1, Metric::InnerProduct, Storage::F32).is_err());
}

#[test]
fn a_file_of_no_numbers_says_so() {
    let mut index = Index::new(2, Metric::InnerProduct, Storage::F32).unwrap();
    index.append(&[1.0, 2.0]).unwrap();
    let (head, panels) = index.to_file();
    let mut file = [&head[..], panels].concat();
    file[HEAD..HEAD + 4].copy_from_slice(&f32::NAN.to_ne_bytes());
    let error = Index::from_file(Box::new(file)).unwrap().search(&[1.0, 1.0], 1, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is no index that can be searched: it holds values that are no numbers; build it again"
    );
}

#[test]
fn a_head_says_what_is_wrong_with_it() {
    let mut index = Index::new(4, Metric::Cosine, Storage::F16).unwrap();
    index.append(&[1.0; 4 * 20]).unwrap();
    let (head, panels) = index.to_file();
    let file = [&head[..], panels].concat();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = file.clone();
        change(&mut file);
        Index::from_file(Box::new(file)).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (change, words) in [
        (&(|file: &mut Vec<u8>| file.truncate(10)) as &dyn Fn(&mut Vec<u8>), "it has 10 bytes"),
        (&|file: &mut Vec<u8>| file[0] = b'X', "it does not begin like an index"),
        (&|file: &mut Vec<u8>| file[8] = 9, "its version is 9"),
        (&|file: &mut Vec<u8>| file[12] = 2, "it names a metric 2"),
        (&|file: &mut Vec<u8>| file[13] = 3, "it names a storage 3"),
        (&|file: &mut Vec<u8>| file[40] = 1, "its head is damaged"),
        (&|file: &mut Vec<u8>| file[16..24].fill(0), "its rows have 0 places"),
        (
            &|file: &mut Vec<u8>| file[24..32].fill(255),
            "which is not what 18446744073709551615 rows of 4 take",
        ),
        (&|file: &mut Vec<u8>| file.truncate(file.len() - 1), "which is not what 20 rows of 4 take"),
        (&|file: &mut Vec<u8>| file[32..36].reverse(), "another order of bytes"),
    ] {
        assert!(refused(change).contains(words), "{} has not: {words}", refused(change));
    }
}
