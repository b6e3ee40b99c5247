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
    self, Counts, Field, Limits, Log, MOST_LINE, Options, Origin, Row, Step, Steps, Table, Value,
};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{column, text_rows, texts};
use crate::error::{config_error, enter, state_error, with_path};
use crate::knn::processors;

/// For each row of texts the place of the first row that is a near copy of it.
#[pyfunction]
#[pyo3(signature = (rows, /))]
pub fn near_copies<'py>(rows: &Bound<'py, PyAny>) -> PyResult<Numbers<'py>> {
    let py = rows.py();
    let rows = text_rows("rows", rows)?;
    let firsts = enter(py, rows.size(), || Ok(traces::near_copies(&rows.rows())))?;
    Ok(PyArray1::from_iter(py, firsts.into_iter().map(|place| place.try_into().unwrap_or(i64::MAX))))
}

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
#[allow(clippy::needless_pass_by_value, reason = "Python hands a path over as one that is owned")]
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
        // Never with the interpreter's lock and the table's together: who holds one may wait for the other.
        enter(py, usize::MAX, || self.write().table.append(&steps))
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
        let options = Options { score, label, min_score };
        let scanned = py.detach(|| {
            let (mut table, counts) = traces::scan(&LogFile(open(&path)?), &options, threads)?;
            let mut logs = self.write();
            let Ok(file) = u16::try_from(logs.paths.len()) else {
                return Err(io::Error::other("a table takes 65,536 logs at most"));
            };
            table.belongs_to(file);
            logs.table.extend(table);
            logs.paths.push(path.clone());
            Ok(counts)
        });
        let counts = scanned.map_err(|cause| with_path(py, &cause, &path))?;
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
        let rows = enter(py, usize::MAX, || traces::pick(&self.read().table, limits, seed))?;
        Ok(PyArray1::from_vec(py, rows))
    }

    /// What the rows say, read again from their logs.
    #[pyo3(signature = (rows, /))]
    fn steps(&self, py: Python<'_>, rows: &Bound<'_, PyAny>) -> PyResult<Vec<Recorded>> {
        let rows = column::<i64>("rows", rows)?;
        let numbers = rows.as_slice()?;
        let wanted = enter(py, 0, || self.places(numbers))?;
        let mut open_log: Option<(PathBuf, BufReader<File>)> = None;
        let mut read = Vec::with_capacity(wanted.len());
        for (number, row, name, path) in wanted {
            let Some(path) = path else {
                return Err(config_error(
                    py,
                    format!("row {number} is of no log; what it says is with who ran it"),
                ));
            };
            if open_log.as_ref().is_none_or(|(own, _)| *own != path) {
                let file = open(&path).map_err(|cause| with_path(py, &cause, &path))?;
                open_log = Some((path.clone(), BufReader::new(file)));
            }
            let Some((_, log)) = open_log.as_mut() else { continue };
            let step = py.detach(|| step_of(log, row)).map_err(|cause| with_path(py, &cause, &path))?;
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
            read.push((name, inputs, outputs, row.score, path, row.origin.line));
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

/// A row with its number, the name of its predictor, and the log that it stands in.
type Place = (i64, Row, String, Option<PathBuf>);

impl TraceTable {
    /// Rows by their numbers.
    fn places(&self, numbers: &[i64]) -> Result<Vec<Place>, Error> {
        let logs = self.read();
        let place = |(row, value): (usize, &i64)| {
            let n_rows = logs.table.rows.len();
            let found = usize::try_from(*value).ok().and_then(|number| logs.table.rows.get(number)).copied();
            let found = found.ok_or(Error::NoRow { row, value: *value, n_rows })?;
            let name = logs.table.names()[found.predictor as usize].clone();
            let path = logs.paths.get(usize::from(found.origin.file)).filter(|_| found.origin.line > 0);
            Ok((*value, found, name, path.cloned()))
        };
        numbers.iter().enumerate().map(place).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Logs> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Logs> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A log on the disk, which threads read without minding each other's place in it.
struct LogFile(File);

impl Log for LogFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, into, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, into, offset)
    }
}

#[allow(clippy::disallowed_methods, reason = "files are for the bindings")]
fn open(path: &Path) -> io::Result<File> {
    // Asked before it is opened, since a pipe without a writer would be waited for.
    let told = path.metadata()?;
    if told.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !told.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no file: what is picked is read again from its place",
        ));
    }
    File::open(path)
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
