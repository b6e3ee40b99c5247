//! `burnish._core`: the core as Python sees it. This file names the exports.
//!
//! Each file here has the name of the core module it shows and holds conversions only: arguments in
//! (`arguments`), one call of the core through the one door (`error::enter`), result out. Arrays cross as numpy
//! columns without a copy; a string crosses as a pointer into the Python object. The cost of a call is about 0.2 µs and
//! some 30 ns a string. What takes less than that in Python should stay there. `http` alone shows another crate, and
//! owns a thread.

mod arguments;
mod board;
mod error;
mod fingerprint;
mod http;
mod knn;
mod race;
mod search;
mod seed;
mod text;
mod traces;

/// The Rust core of Burnish: text metrics, board statistics, the choice of traces, the nearest rows, draws, fingerprints, an HTTP client.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::board::Board;
    #[pymodule_export]
    use crate::fingerprint::{Fingerprint, fingerprint};
    #[pymodule_export]
    use crate::http::HttpClient;
    #[pymodule_export]
    use crate::knn::KnnIndex;
    #[pymodule_export]
    use crate::race::{race_beaten, race_rejects};
    #[pymodule_export]
    use crate::search::{search_design, search_random, search_surrogate, search_tpe};
    #[pymodule_export]
    use crate::seed::draw;
    #[pymodule_export]
    use crate::text::{exact_match, f1, hotpot_f1, normalize, passage_match, precision, recall};
    #[pymodule_export]
    use crate::traces::{TraceTable, near_copies};
}
