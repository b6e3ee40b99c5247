//! Shows `burnish_core::traces`: columns and texts in, row numbers out, so that only the rows picked become Python objects.
//!
//! The core reads whatever can be read; here logs are opened, and opened again for the rows that were picked. A log that was changed in
//! between is found out by the digest of what stands there.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use burnish_core::Error;
use burnish_core::traces::{
    self, Counts, Field, Limits, MOST_LINE, Options, Origin, Row, Step, Steps, Table, Value,
};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{column, size, texts};
use crate::error::{config_error, enter, state_error, with_path};
use crate::knn::processors;

/// Recorded steps, as columns.
#[pyclass(frozen, module = "burnish._core")]
pub struct TraceTable(RwLock<Logs>);

/// A table, and the logs that its rows stand in.
#[derive(Default)]
struct Logs {
    table: Table,
    paths: Vec<PathBuf>,
}

type Numbers<'py> = Bound<'py, PyArray1<i64>>;
/// Score, predictor, rollout, tokens, sketch of each row.
type Columns<'py> =
    (Bound<'py, PyArray1<f64>>, Numbers<'py>, Numbers<'py>, Numbers<'py>, Bound<'py, PyArray2<u64>>);
/// Name, text, and whether the text is JSON.
type Told = (String, String, bool);
/// Predictor, inputs, outputs, score, path and line of a row.
type Recorded = (String, Vec<Told>, Vec<Told>, f64, PathBuf, u32);
/// Lines, malformed, without a call, failed, without a score, below the score; and numbers and faults of malformed lines.
type Counted = (u64, u64, u64, u64, u64, u64, Vec<(u64, String)>);

#[pymethods]
impl TraceTable {
    #[new]
    fn new() -> Self {
        Self(RwLock::new(Logs::default()))
    }

    /// Adds steps that were run here: a score, a predictor, a rollout, tokens, the text of inputs and that of outputs for each.
    fn append(
        &self,
        score: &Bound<'_, PyAny>,
        predictor: &Bound<'_, PyAny>,
        rollout: &Bound<'_, PyAny>,
        tokens: &Bound<'_, PyAny>,
        inputs: &Bound<'_, PyAny>,
        outputs: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = score.py();
        let (score, predictor) = (column::<f64>("score", score)?, texts("predictor", predictor)?);
        let (rollout, tokens) = (column::<i64>("rollout", rollout)?, column::<i64>("tokens", tokens)?);
        let (inputs, outputs) = (texts("inputs", inputs)?, texts("outputs", outputs)?);
        let steps = Steps {
            score: score.as_slice()?,
            predictor: &predictor,
            rollout: rollout.as_slice()?,
            tokens: tokens.as_slice()?,
            inputs: &inputs,
            outputs: &outputs,
        };
        enter(py, size(&inputs) + size(&outputs), || self.write().table.append(&steps))
    }

    /// Adds the calls that a log of JSON lines tells of; gives counts of what it did with its lines.
    #[pyo3(signature = (path, *, score, label, min_score, threads))]
    fn scan(
        &self,
        py: Python<'_>,
        path: PathBuf,
        score: Vec<String>,
        label: Option<String>,
        min_score: Option<f64>,
        threads: Option<i64>,
    ) -> PyResult<Counted> {
        let threads = match threads.map(usize::try_from) {
            None => processors(),
            Some(Ok(threads)) if threads > 0 => threads,
            Some(_) => return Err(config_error(py, "threads must be at least 1".to_owned())),
        };
        let mut logs = self.write();
        let Ok(file) = u16::try_from(logs.paths.len()) else {
            return Err(config_error(py, "a table takes 65,536 logs at most".to_owned()));
        };
        let options = Options { file, score, label, min_score };
        let scanned = py.detach(|| traces::scan(open(&path)?, &options, threads));
        let (table, counts) = scanned.map_err(|cause| with_path(py, &cause, &path))?;
        logs.table.extend(table);
        logs.paths.push(path);
        Ok(counted(counts))
    }

    /// The numbers of the rows worth showing as demos: predictor by predictor, in the order in which they were given.
    #[pyo3(signature = (*, min_score, per_predictor, max_tokens, near, variety, stratify, seed))]
    #[allow(clippy::too_many_arguments, reason = "limits, by name")]
    fn pick<'py>(
        &self,
        py: Python<'py>,
        min_score: Option<f64>,
        per_predictor: i64,
        max_tokens: Option<i64>,
        near: bool,
        variety: bool,
        stratify: bool,
        seed: i64,
    ) -> PyResult<Numbers<'py>> {
        let limits = Limits { min_score, per_predictor, max_tokens, near, variety, stratify };
        let logs = self.read();
        let rows = enter(py, logs.table.rows.len() * 72, || traces::pick(&logs.table, limits, seed))?;
        Ok(PyArray1::from_vec(py, rows))
    }

    /// What the rows say, read again from their logs.
    #[pyo3(signature = (rows, /))]
    fn steps(&self, py: Python<'_>, rows: &Bound<'_, PyAny>) -> PyResult<Vec<Recorded>> {
        let rows = column::<i64>("rows", rows)?;
        let logs = self.read();
        let mut open_log: Option<(u16, BufReader<File>)> = None;
        let mut read = Vec::with_capacity(rows.as_slice()?.len());
        for (place, number) in rows.as_slice()?.iter().enumerate() {
            let n_rows = logs.table.rows.len();
            let row = usize::try_from(*number).ok().and_then(|number| logs.table.rows.get(number)).copied();
            let row = match row {
                Some(row) => enter(py, 0, || Ok(row))?,
                None => return enter(py, 0, || Err(Error::NoRow { row: place, value: *number, n_rows })),
            };
            let Some(path) = logs.paths.get(usize::from(row.origin.file)).filter(|_| row.origin.line > 0)
            else {
                return Err(config_error(
                    py,
                    format!("row {number} is of no log; what it says is with who ran it"),
                ));
            };
            if open_log.as_ref().is_none_or(|(file, _)| *file != row.origin.file) {
                let file = open(path).map_err(|cause| with_path(py, &cause, path))?;
                open_log = Some((row.origin.file, BufReader::new(file)));
            }
            let Some((_, log)) = open_log.as_mut() else { continue };
            let step = step_of(log, row).map_err(|cause| with_path(py, &cause, path))?;
            let Some((inputs, outputs)) = step else {
                return Err(state_error(
                    py,
                    format!(
                        "{}, line {}: another text stands there than when the log was scanned; scan it again",
                        path.display(),
                        row.origin.line
                    ),
                ));
            };
            let name = logs.table.names()[row.predictor as usize].clone();
            read.push((name, inputs, outputs, row.score, path.clone(), row.origin.line));
        }
        Ok(read)
    }

    /// The names of the predictors, by their numbers.
    fn names(&self) -> Vec<String> {
        self.read().table.names().to_vec()
    }

    /// Score, predictor, rollout, tokens and sketch of each row.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Columns<'py>> {
        let logs = self.read();
        let rows = &logs.table.rows;
        let sketches: Vec<u64> = rows.iter().flat_map(|row| row.sketch).collect();
        Ok((
            PyArray1::from_iter(py, rows.iter().map(|row| row.score)),
            PyArray1::from_iter(py, rows.iter().map(|row| row.predictor.into())),
            PyArray1::from_iter(py, rows.iter().map(|row| row.rollout)),
            PyArray1::from_iter(py, rows.iter().map(|row| row.tokens.into())),
            PyArray1::from_vec(py, sketches).reshape([rows.len(), 2])?,
        ))
    }

    fn __len__(&self) -> usize {
        self.read().table.rows.len()
    }
}

impl TraceTable {
    fn read(&self) -> RwLockReadGuard<'_, Logs> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Logs> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[allow(clippy::disallowed_methods, reason = "files are for the bindings")]
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

fn counted(counts: Counts) -> Counted {
    let named = counts.named.into_iter().map(|line| (line.line, line.what)).collect();
    let Counts { lines, malformed, without_call, failed, without_score, below, .. } = counts;
    (lines, malformed, without_call, failed, without_score, below, named)
}

/// The inputs and outputs of the step that a row was made from; none if something else stands there now.
fn step_of(log: &mut BufReader<File>, row: Row) -> io::Result<Option<(Vec<Told>, Vec<Told>)>> {
    let Origin { step, offset, .. } = row.origin;
    log.seek(SeekFrom::Start(offset))?;
    let mut line = Vec::new();
    log.take(MOST_LINE as u64 + 1).read_until(b'\n', &mut line)?;
    let mut told = None;
    let found = traces::step_at(&line, step, |step: Step<'_>, digest| {
        if digest == row.digest {
            told = Some((fields(step.inputs), fields(step.outputs)));
        }
    });
    Ok(told.filter(|_| found == Ok(true)))
}

fn fields(fields: Vec<Field<'_>>) -> Vec<Told> {
    let told = |(name, value): Field<'_>| {
        let json = matches!(value, Value::Json(_));
        (name.into_owned(), value.as_str().to_owned(), json)
    };
    fields.into_iter().map(told).collect()
}
