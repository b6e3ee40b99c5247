//! Shows `burnish_core::knn`: rows in as a table, numbers and scores out, without a copy of either. About 2 µs a call for crossing.
//!
//! An index is shared between Python's threads: searches run side by side, a change waits for them and they for it. The core
//! computes and knows no files; here they are written, and mapped. A mapped file must not be written to by others: Burnish itself
//! writes another and puts it in its place, which a search under way does not notice.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use burnish_core::knn::{HEAD, Index, Lent, Metric, Nearest, Storage};
use memmap2::Mmap;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::arguments::{column, count, found};
use crate::error::{config_error, enter, with_path};

/// Rows, and for each query the nearest of them.
#[pyclass(frozen, module = "burnish._core")]
pub struct KnnIndex(RwLock<Index>);

type Table<'py, T> = Bound<'py, PyArray2<T>>;

#[pymethods]
#[allow(clippy::needless_pass_by_value, reason = "Python hands a path over as one that is owned")]
impl KnnIndex {
    #[new]
    #[pyo3(signature = (dimension, metric = "ip", storage = "f32"), text_signature = "(dimension, metric='ip', storage='f32')")]
    fn new(py: Python<'_>, dimension: i64, metric: &str, storage: &str) -> PyResult<Self> {
        let metric = match metric {
            "ip" => Metric::InnerProduct,
            "cosine" => Metric::Cosine,
            other => return Err(config_error(py, format!("metric is '{other}'; use 'ip' or 'cosine'"))),
        };
        let storage = match storage {
            "f32" => Storage::F32,
            "f16" => Storage::F16,
            "i8" => Storage::I8,
            other => return Err(config_error(py, format!("storage is '{other}'; use 'f32', 'f16' or 'i8'"))),
        };
        enter(py, 0, || Ok(Self(RwLock::new(Index::new(count("dimension", dimension)?, metric, storage)?))))
    }

    /// The index in a file, which is read as it is searched.
    #[staticmethod]
    #[pyo3(signature = (path, /))]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let file = py.detach(|| map(&path)).map_err(|cause| with_path(py, &cause, &path))?;
        enter(py, 0, || Ok(Self(RwLock::new(Index::from_file(file)?))))
    }

    /// Writes the index to a file.
    #[pyo3(signature = (path, /))]
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| write(&self.read(), &path)).map_err(|cause| with_path(py, &cause, &path))
    }

    /// Adds rows behind those that are there.
    #[pyo3(signature = (rows, /))]
    fn append(&self, py: Python<'_>, rows: &Bound<'_, PyAny>) -> PyResult<()> {
        let rows = table("rows", rows, self.dimension())?;
        let rows = rows.as_slice()?;
        enter(py, usize::MAX, || self.write().append(rows))
    }

    /// Takes rows out; those behind them move down.
    #[pyo3(signature = (numbers, /))]
    fn remove(&self, py: Python<'_>, numbers: &Bound<'_, PyAny>) -> PyResult<()> {
        let numbers = column::<i64>("numbers", numbers)?;
        let numbers = numbers.as_slice()?;
        enter(py, usize::MAX, || self.write().remove(numbers))
    }

    /// Numbers and scores of the k nearest rows of each query.
    #[pyo3(signature = (queries, k, threads = None))]
    fn search<'py>(
        &self,
        py: Python<'py>,
        queries: &Bound<'py, PyAny>,
        k: i64,
        threads: Option<i64>,
    ) -> PyResult<(Table<'py, i64>, Table<'py, f32>)> {
        let queries = table("queries", queries, self.dimension())?;
        let (n_queries, queries) = (queries.shape()[0], queries.as_slice()?);
        let Nearest { numbers, scores } = enter(py, usize::MAX, || {
            let k = count("k", k)?;
            let threads = threads.map_or_else(|| Ok(processors()), |threads| count("threads", threads))?;
            self.read().search(queries, k, threads)
        })?;
        let shape = [n_queries, numbers.len().checked_div(n_queries).unwrap_or(count("k", k).unwrap_or(0))];
        Ok((PyArray1::from_vec(py, numbers).reshape(shape)?, PyArray1::from_vec(py, scores).reshape(shape)?))
    }

    fn __len__(&self) -> usize {
        self.read().len()
    }

    /// Numbers of a row.
    #[getter]
    fn dimension(&self) -> usize {
        self.read().dimension()
    }

    /// What makes a row near: ip or cosine.
    #[getter]
    fn metric(&self) -> &'static str {
        match self.read().metric() {
            Metric::InnerProduct => "ip",
            Metric::Cosine => "cosine",
        }
    }

    /// How a value is kept: f32, f16 or i8.
    #[getter]
    fn storage(&self) -> &'static str {
        match self.read().storage() {
            Storage::F32 => "f32",
            Storage::F16 => "f16",
            Storage::I8 => "i8",
        }
    }
}

impl KnnIndex {
    /// The index as it stands; the core leaves it whole even where it panics.
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may run at once in this process; asking costs a few file reads, so it is asked once.
pub fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Rows of the index's width, one after another in memory.
fn table<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
    dimension: usize,
) -> PyResult<PyReadonlyArray2<'py, f32>> {
    match value.extract::<PyReadonlyArray2<'py, f32>>() {
        Ok(array) if array.shape()[1] == dimension && array.is_c_contiguous() => Ok(array),
        Ok(array) if array.shape()[1] == dimension => {
            let message = format!("{name} is a strided view; pass numpy.ascontiguousarray({name})");
            Err(config_error(value.py(), message))
        }
        _ => {
            let message = format!(
                "{name} is {}; give a numpy table of float32 and shape [rows, {dimension}]",
                found(value)
            );
            Err(config_error(value.py(), message))
        }
    }
}

#[allow(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "files are for the bindings, and mapping one is unsafe"
)]
fn map(path: &Path) -> io::Result<Lent> {
    // Asked of the path first: to open a pipe waits for somebody who writes into it.
    let told = std::fs::metadata(path)?;
    if told.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !told.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pipe or a device, and no file"));
    }
    let file = File::open(path)?;
    if file.metadata()?.len() < HEAD as u64 {
        // Nothing to map; the core says what is wrong with it.
        let mut short = Vec::new();
        file.take(HEAD as u64).read_to_end(&mut short)?;
        return Ok(Box::new(short));
    }
    // SAFETY: a mapped file must not be cut short or written to, which this file's page asks of others. Any bytes are values.
    Ok(Box::new(unsafe { Mmap::map(&file)? }))
}

/// Writes beside the place and then moves there, so that whoever has mapped what was there keeps it.
#[allow(clippy::disallowed_methods, reason = "files are for the bindings")]
fn write(index: &Index, path: &Path) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part).and_then(|file| {
        let mut file = BufWriter::new(file);
        let (head, panels) = index.to_file();
        file.write_all(&head)?;
        file.write_all(panels)?;
        file.into_inner()?.sync_all()?;
        std::fs::rename(&part, path)
    });
    written.inspect_err(|_| drop(std::fs::remove_file(&part)))
}
