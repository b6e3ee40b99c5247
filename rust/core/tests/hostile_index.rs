//! Files that nobody would save: an index opens them or refuses them, and claims no memory that they do not account for.
//!
//! Whole files of every metric and storage are flipped, cut, lengthened, given another's head, huge counts and values that are no
//! numbers; others are made up from a head and any bytes. What opens is searched, shortened, lengthened and saved. Any end is right but
//! a panic, another error than [`Error::File`], or memory beyond these bounds, which an allocator that counts holds:
//!
//! - opening: [`LITTLE`], whatever the head says;
//! - a search: 16 times the file for each query, if all rows are asked for, and [`SCRATCH`];
//! - a change: the file with a panel and a row or two more, and [`LITTLE`].
//!
//! The draws are the same in each run. `PROPTEST_CASES=1000000` asks for more of them than the few seconds' worth here.

#![allow(unsafe_code, reason = "an allocator is unsafe to write")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test may panic, and its numbers are small"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use burnish_core::Error;
use burnish_core::knn::{HEAD, Index, MOST_PLACES, Metric, Nearest, Storage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index as Place, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// For what does not grow with the file: a message, a list of threads.
const LITTLE: usize = 1 << 12;
/// For the sums of three threads and what starting them takes.
const SCRATCH: usize = 128 << 10;
/// No test needs as much at once; who asks for it is told no, which ends the run with the size asked for.
const ABSURD: usize = 1 << 30;

struct Counting;
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it is the system's allocator, which is asked for everything but absurd sizes; a null says that there is no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= ABSURD {
            return null_mut();
        }
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
/// One test at a time, since all share the count.
static TURN: Mutex<()> = Mutex::new(());

/// What work returns, and how much memory it held at most.
fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    (done, PEAK.load(Relaxed) - before)
}

/// What a file starts with and how many bytes it has, from the page of `knn::file` alone.
fn head(metric: u8, storage: u8, places: u64, rows: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(b"BURNISH\0");
    head[8..12].copy_from_slice(&1_u32.to_ne_bytes());
    head[12..14].copy_from_slice(&[metric, storage]);
    head[16..24].copy_from_slice(&places.to_ne_bytes());
    head[24..32].copy_from_slice(&rows.to_ne_bytes());
    head[32..36].copy_from_slice(&0x0102_0304_u32.to_ne_bytes());
    head
}

fn length(head: &[u8]) -> Option<usize> {
    let field = |from: usize| u64::from_ne_bytes(head[from..from + 8].try_into().unwrap());
    let places = usize::try_from(field(16)).ok().filter(|places| *places <= MOST_PLACES)?;
    let panel = match head[13] {
        0 => 64 * places,
        1 => (32 * places).next_multiple_of(64),
        _ => 64 + 64 * places.div_ceil(4),
    };
    usize::try_from(field(24).div_ceil(16)).ok()?.checked_mul(panel)?.checked_add(HEAD)
}

/// A file as an index writes it.
fn whole() -> impl Strategy<Value = Vec<u8>> {
    let metric = select(vec![Metric::InnerProduct, Metric::Cosine]);
    let storage = select(vec![Storage::F32, Storage::F16, Storage::I8]);
    (metric, storage, 1_usize..20, 0_usize..70).prop_map(|(metric, storage, places, rows)| {
        let mut index = Index::new(places, metric, storage).unwrap();
        let values: Vec<f32> = (0..rows * places).map(|at| (at * 31 % 17 + 1) as f32 / 8.0).collect();
        index.append(&values).unwrap();
        saved(&index)
    })
}

fn saved(index: &Index) -> Vec<u8> {
    let (head, panels) = index.to_file();
    [&head[..], panels].concat()
}

#[derive(Debug, Clone)]
enum Change {
    Flip(Place, u8),
    Head(usize, u64),
    Value(Place, u32),
    Cut(Place),
    More(Vec<u8>),
    Splice(Vec<u8>),
}

/// Numbers at the edge of what a field holds, or sums of such with wholes, and any.
fn count() -> impl Strategy<Value = u64> {
    let edges =
        vec![0, 16, 65_536, 1 << 31, u64::from(u32::MAX), 1 << 32, 1 << 58, 1 << 60, 1 << 63, u64::MAX];
    prop_oneof![
        0_u64..100,
        (select(edges), 0_u64..40).prop_map(|(edge, more)| edge.wrapping_add(more)),
        any::<u64>()
    ]
}

/// 32 bits that are two numbers of half precision too: infinities, NaN, the smallest and the largest, and any.
fn value() -> impl Strategy<Value = u32> {
    let edges =
        vec![0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7f80_0001, 0x7f7f_ffff, 0x0000_0001, 0x8000_0000];
    let halves = vec![0x7c00_7c00, 0xfc00_fc00, 0x7e00_7c01, 0x7bff_fbff, 0x0001_8001];
    prop_oneof![select(edges), select(halves), any::<u32>()]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Place>(), 0_u8..8).prop_map(|(place, bit)| Change::Flip(place, bit)),
        (select(vec![8, 12, 13, 14, 16, 24, 32, 36, 56]), count())
            .prop_map(|(field, value)| Change::Head(field, value)),
        (any::<Place>(), value()).prop_map(|(place, bits)| Change::Value(place, bits)),
        any::<Place>().prop_map(Change::Cut),
        vec(any::<u8>(), 1..200).prop_map(Change::More),
        whole().prop_map(Change::Splice),
    ]
}

impl Change {
    fn make(self, file: &mut Vec<u8>) {
        match self {
            Self::Flip(place, bit) if !file.is_empty() => *place.get_mut(file) ^= 1 << bit,
            // The metric and the storage are a byte each.
            Self::Head(field @ (12 | 13), value) if file.len() >= HEAD => {
                file[field] = value.to_le_bytes()[0] % 5;
            }
            Self::Head(field, value) if file.len() >= HEAD => {
                file[field..field + 8].copy_from_slice(&value.to_ne_bytes());
            }
            Self::Value(place, bits) if file.len() >= HEAD + 4 => {
                let at = HEAD + place.index((file.len() - HEAD) / 4) * 4;
                file[at..at + 4].copy_from_slice(&bits.to_ne_bytes());
            }
            Self::Cut(place) => file.truncate(place.index(file.len() + 1)),
            Self::More(bytes) => file.extend(bytes),
            Self::Splice(other) if file.len() >= HEAD => file[..HEAD].copy_from_slice(&other[..HEAD]),
            _ => (),
        }
    }
}

/// Holds an answer against what every search promises.
fn holds(found: &Nearest, k: usize, n_rows: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!((found.numbers.len(), found.scores.len()), (2 * k, 2 * k));
    for (numbers, scores) in found.numbers.chunks(k).zip(found.scores.chunks(k)) {
        prop_assert!(scores.iter().all(|score| score.is_finite()), "{:?}", scores);
        prop_assert!(scores.is_sorted_by(|one, next| one >= next), "{:?}", scores);
        let mut places: Vec<_> = numbers.iter().map(|number| usize::try_from(*number).unwrap()).collect();
        places.sort_unstable();
        places.dedup();
        prop_assert!(places.len() == k && places[k - 1] < n_rows, "{:?} of {}", numbers, n_rows);
    }
    Ok(())
}

/// How far a file came: refused, opened and then refused by a search, or searched.
#[derive(Clone, Copy)]
enum End {
    Refused,
    Damaged,
    Searched,
}

fn search(index: &Index, size: usize) -> Result<End, TestCaseError> {
    let (n_rows, mut end) = (index.len(), End::Searched);
    let queries: Vec<f32> = (0..2 * index.dimension()).map(|place| (place % 5) as f32 - 1.5).collect();
    for k in [1, n_rows.div_ceil(2), n_rows] {
        let (found, held) = measured(|| index.search(&queries, k, 3));
        prop_assert!(held <= 2 * 16 * size + SCRATCH, "a search of {} bytes held {}", size, held);
        match found {
            Ok(found) => holds(&found, k, n_rows)?,
            Err(Error::File { .. }) => end = End::Damaged,
            Err(error) => prop_assert!(n_rows == 0, "{}", error),
        }
    }
    Ok(end)
}

/// Opens a file and does everything with it.
fn lives(file: &[u8]) -> Result<End, TestCaseError> {
    let size = file.len();
    let (lent, other) = (Box::new(file.to_vec()), Box::new(file.to_vec()));
    let (opened, held) = measured(|| Index::from_file(lent));
    prop_assert!(held <= LITTLE, "to open {} bytes held {}", size, held);
    let (mut index, mut grown) = match (opened, Index::from_file(other)) {
        (Ok(index), Ok(other)) => (index, other),
        (Err(Error::File { .. }), Err(_)) => return Ok(End::Refused),
        (first, _) => return Err(TestCaseError::fail(format!("{:?}", first.err()))),
    };
    let n_rows = index.len();
    prop_assert_eq!(length(file), Some(size));
    let end = search(&index, size)?;
    let rows = vec![1.0; 3 * index.dimension()];
    let largest = size + 64 + (64 + 8) * index.dimension() + LITTLE;
    let (appended, held) = measured(|| grown.append(&rows));
    prop_assert!(appended.is_ok() && held <= largest, "{:?}: {} and 3 rows held {}", appended, size, held);
    prop_assert_eq!(grown.len(), n_rows + 3);
    if n_rows > 0 {
        let last = i64::try_from(n_rows).unwrap() - 1;
        prop_assert!(index.remove(&[last + 1]).is_err());
        let (removed, held) = measured(|| index.remove(&[0, last]));
        prop_assert!(removed.is_ok() && held <= largest, "{:?}: {} less 2 rows held {}", removed, size, held);
        index.append(&rows).unwrap();
        prop_assert_eq!(index.len(), n_rows.saturating_sub(2) + 3);
    }
    for changed in [&index, &grown] {
        let file = saved(changed);
        search(changed, file.len())?;
        prop_assert!(saved(&Index::from_file(Box::new(file.clone())).unwrap()) == file);
    }
    Ok(end)
}

/// Runs a strategy's files and says how many came to each end.
fn run(cases: u32, files: impl Strategy<Value = Vec<u8>>) -> [u32; 3] {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cases = Config::default().cases.max(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let ends = [const { Cell::new(0) }; 3];
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let done = runner.run(&files, |file| {
        let end = &ends[lives(&file)? as usize];
        end.set(end.get() + 1);
        Ok(())
    });
    done.unwrap_or_else(|failed| panic!("{failed}"));
    ends.map(Cell::into_inner)
}

#[test]
fn changed_files_are_refused_or_answer() {
    let files = (whole(), vec(change(), 1..5), any::<bool>()).prop_map(|(mut file, changes, fit)| {
        for change in changes {
            change.make(&mut file);
        }
        // The length that the head says gets a file past the first question.
        if let Some(length) =
            file.get(..HEAD).filter(|_| fit).and_then(length).filter(|length| *length < 1 << 16)
        {
            file.resize(length, 0x7f);
        }
        file
    });
    let ends = run(3_000, files);
    assert!(ends.iter().all(|end| *end > 300), "a bounded run goes down each way: {ends:?}");
}

#[test]
fn made_up_files_are_refused_or_answer() {
    let places = prop_oneof![8 => 1_u64..24, 1 => 100_u64..1000];
    // Words of about 1.0, or a whole number in 8 bits, over and over; here and there another.
    let words = (vec(any::<u16>(), 1..40), vec((any::<Place>(), value()), 0..6));
    let files = (0_u8..2, 0_u8..3, places, 0_u64..40, words);
    let files = files.prop_map(|(metric, storage, places, rows, (words, others))| {
        let mut file = head(metric, storage, places, rows).to_vec();
        let words = words.into_iter().cycle().flat_map(|low| (u32::from(low) | 0x3f80_0000).to_ne_bytes());
        file.extend(words.take(length(&file).unwrap() - HEAD));
        for (place, bits) in others {
            Change::Value(place, bits).make(&mut file);
        }
        file
    });
    let [refused, damaged, searched] = run(1_500, files);
    assert!(refused == 0 && damaged > 200 && searched > 200, "{refused}, {damaged}, {searched}");
}

#[test]
fn counts_that_the_file_does_not_hold_claim_nothing() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Of the last two the sizes of all panels come to 64 and to 0 bytes where the product is cut to 64 bits.
    let counts = [1, u64::from(u32::MAX), 1 << 32, 1 << 60, u64::MAX, (1 << 62) + 16, 1 << 62];
    for (storage, places) in (0..3).flat_map(|storage| [(storage, 1), (storage, 65_536), (storage, u64::MAX)])
    {
        for (rows, size) in counts.into_iter().flat_map(|rows| [0, 64, 192].map(|size| (rows, size))) {
            let file = [&head(0, storage, places, rows)[..], &vec![0; size]].concat();
            let right = length(&file) == Some(file.len());
            let (opened, held) = measured(|| Index::from_file(Box::new(file)).is_ok());
            assert!(
                opened == right && held < LITTLE + size,
                "{storage} {places} × {rows} in {size} held {held}"
            );
        }
    }
}
