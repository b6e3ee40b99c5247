//! The nearest rows: exact top-k by inner product or cosine over rows that the index owns or a file holds.
//!
//! Every row is scored, so what comes back is exact for the values as they are kept ([`Storage`]), best first and of equal scores the
//! lower number first. A row's **number** is its place, as in a list: [`Index::remove`] moves later rows down. With
//! [`Metric::Cosine`] rows and queries are brought to length 1 when they come in, so that a cosine is an inner product.
//!
//! **Method**: rows stand in panels of 16 ([`layout`]), a tile of panels meets a block of queries in registers ([`kernel`]), threads share
//! the panels and keep the best ([`scan`]). A score is one chain of fused multiply-adds in the order of the places: the same bits on every
//! machine, for a query alone or among others, on one thread or many. **Cost**: one query reads all rows once, at the speed of
//! memory; from some twenty queries on, arithmetic bounds it. An append writes 16 bytes apart, about 1 ns a value. **When not**: beyond
//! some 10⁷ rows and where a few wrong neighbours do no harm, an approximate index answers in a fraction of the time.

mod best;
mod bytes;
mod file;
mod kernel;
mod layout;
mod query;
mod scan;
#[cfg(test)]
mod tests;

use best::{MOST_ROWS, Scored};
use bytes::Bytes;
pub use bytes::Lent;
pub use file::HEAD;
use kernel::Path;
pub use layout::Storage;
use layout::{Layout, MOST, PANEL};
use scan::Panels;

use crate::Error;

/// Places of a row at most: sums of 8-bit values then fit 32 bits, and no sum of numbers overflows.
pub const MOST_PLACES: usize = 1 << 16;

/// What makes a row near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// A large inner product.
    InnerProduct,
    /// A large cosine of the angle: an inner product of rows of length 1.
    Cosine,
}

/// For each query its nearest rows, best first, one query after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// Row numbers.
    pub numbers: Vec<i64>,
    /// Their scores.
    pub scores: Vec<f32>,
}

/// Rows to be searched.
pub struct Index {
    metric: Metric,
    layout: Layout,
    n_rows: usize,
    panels: Bytes,
}

impl Index {
    /// An index without rows.
    pub fn new(dimension: usize, metric: Metric, storage: Storage) -> Result<Self, Error> {
        at_least_one("dimension", dimension)?;
        if dimension > MOST_PLACES {
            return Err(Error::TooMany { name: "dimension", value: dimension, most: MOST_PLACES });
        }
        Ok(Self { metric, layout: Layout { dimension, storage }, n_rows: 0, panels: Bytes::none() })
    }

    /// The index that a file holds, which stays where it is until a row is added or removed.
    pub fn from_file(file: Lent) -> Result<Self, Error> {
        let (metric, layout, n_rows) = file::read(file.as_ref().as_ref())?;
        Ok(Self { metric, layout, n_rows, panels: Bytes::Lent(file, HEAD) })
    }

    /// What a file of this index holds: its head, and its panels.
    #[must_use]
    pub fn to_file(&self) -> ([u8; HEAD], &[u8]) {
        (file::write(self.metric, &self.layout, self.n_rows), self.panels.get())
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.n_rows
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Numbers of a row.
    #[must_use]
    pub const fn dimension(&self) -> usize {
        self.layout.dimension
    }

    /// What makes a row near.
    #[must_use]
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// How a value is kept.
    #[must_use]
    pub const fn storage(&self) -> Storage {
        self.layout.storage
    }

    /// Adds rows, one after another, behind those that are there; none if one is refused.
    pub fn append(&mut self, rows: &[f32]) -> Result<(), Error> {
        let most = if self.metric == Metric::Cosine { MOST } else { self.layout.most() };
        self.check("rows", rows, most)?;
        let n_rows = self.n_rows + rows.len() / self.layout.dimension;
        if n_rows > MOST_ROWS {
            return Err(Error::TooMany { name: "rows", value: n_rows, most: MOST_ROWS });
        }
        let size = self.layout.panel_bytes();
        let panels = self.panels.resized(n_rows.div_ceil(PANEL) * size);
        let mut buffer = vec![0.0; self.layout.dimension];
        for (number, row) in (self.n_rows..).zip(rows.chunks_exact(self.layout.dimension)) {
            let panel = &mut panels[number / PANEL * size..][..size];
            self.layout.put(panel, number % PANEL, self.metric.ready(row, &mut buffer));
        }
        self.n_rows = n_rows;
        Ok(())
    }

    /// Takes rows out; those behind them move down, so that numbers stay places. A number may be given twice.
    pub fn remove(&mut self, numbers: &[i64]) -> Result<(), Error> {
        let mut gone = Vec::with_capacity(numbers.len());
        for (row, value) in numbers.iter().enumerate() {
            let number = usize::try_from(*value).ok().filter(|number| *number < self.n_rows);
            gone.push(number.ok_or(Error::NoRow { row, value: *value, n_rows: self.n_rows })?);
        }
        gone.sort_unstable();
        gone.dedup();
        let Some(first) = gone.first().copied() else { return Ok(()) };
        let panels = self.panels.resized(self.n_rows.div_ceil(PANEL) * self.layout.panel_bytes());
        let (mut to, mut gone) = (first, gone.into_iter().peekable());
        for from in first..self.n_rows {
            if gone.next_if_eq(&from).is_none() {
                self.layout.copy(panels, (from / PANEL, from % PANEL), (to / PANEL, to % PANEL));
                to += 1;
            }
        }
        self.n_rows = to;
        // What stands behind the last row is of rows that are gone.
        let nothing = vec![0.0; self.layout.dimension];
        for number in to..to.next_multiple_of(PANEL) {
            let panel =
                &mut panels[number / PANEL * self.layout.panel_bytes()..][..self.layout.panel_bytes()];
            self.layout.put(panel, number % PANEL, &nothing);
        }
        self.panels.resized(to.div_ceil(PANEL) * self.layout.panel_bytes());
        Ok(())
    }

    /// The `k` nearest rows of each query, on at most so many threads.
    pub fn search(&self, queries: &[f32], k: usize, threads: usize) -> Result<Nearest, Error> {
        self.search_by(Path::best(self.layout.storage), queries, k, threads)
    }

    fn search_by(&self, path: Path, queries: &[f32], k: usize, threads: usize) -> Result<Nearest, Error> {
        at_least_one("k", k)?;
        at_least_one("threads", threads)?;
        if k > self.n_rows {
            return Err(Error::TooFewRows { k, n_rows: self.n_rows });
        }
        self.check("queries", queries, MOST)?;
        let mut ready = Vec::with_capacity(queries.len());
        let mut buffer = vec![0.0; self.layout.dimension];
        for row in queries.chunks_exact(self.layout.dimension) {
            ready.extend_from_slice(self.metric.ready(row, &mut buffer));
        }
        let blocks = query::blocks(&self.layout, &ready, path);
        let panels = Panels { layout: self.layout, bytes: self.panels.get(), n_rows: self.n_rows };
        let found = scan::nearest(panels, &blocks, k, threads);
        // What `append` takes makes no infinite score, and the best stands first.
        let endless = |rows: &[Scored]| rows.first().is_some_and(|row| row.score().is_infinite());
        if found.iter().any(|rows| rows.len() < k || endless(rows)) {
            return Err(Error::File { what: "it holds values that are no numbers".to_owned() });
        }
        let rows = || found.iter().flatten();
        Ok(Nearest {
            numbers: rows().map(|row| row.number().into()).collect(),
            scores: rows().map(|row| row.score()).collect(),
        })
    }

    /// Refuses rows that are not whole, numbers that are none or too large, and rows without a direction where one is needed.
    fn check(&self, name: &'static str, rows: &[f32], most: f32) -> Result<(), Error> {
        let dimension = self.layout.dimension;
        if !rows.len().is_multiple_of(dimension) {
            return Err(Error::Width { name, length: rows.len(), dimension });
        }
        for (row, values) in rows.chunks_exact(dimension).enumerate() {
            if values.iter().any(|value| value.is_nan() || value.abs() > most) {
                let place = values.iter().position(|value| value.is_nan() || value.abs() > most).unwrap_or(0);
                return Err(Error::Value { name, row, place, value: values[place], most });
            }
            if self.metric == Metric::Cosine && values.iter().all(|value| *value == 0.0) {
                return Err(Error::NoDirection { name, row });
            }
        }
        Ok(())
    }
}

impl Metric {
    /// A row as it is kept: itself, or of length 1.
    fn ready<'a>(self, row: &'a [f32], buffer: &'a mut [f32]) -> &'a [f32] {
        match self {
            Self::InnerProduct => row,
            Self::Cosine => {
                let length = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                for (to, value) in buffer.iter_mut().zip(row) {
                    #[allow(clippy::cast_possible_truncation, reason = "a row of length 1 fits")]
                    {
                        *to = (f64::from(*value) / length) as f32;
                    }
                }
                buffer
            }
        }
    }
}

fn at_least_one(name: &'static str, value: usize) -> Result<(), Error> {
    if value == 0 { Err(Error::AtLeastOne { name }) } else { Ok(()) }
}
