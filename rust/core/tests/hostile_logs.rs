//! Logs that mean harm, or that broke: whatever the bytes, the scan ends well, says what it saw, and takes no more memory than it promises.
//!
//! A bounded run of `proptest` over lines made of JSON's own pieces, whole logs that were cut and flipped, and plain bytes. What a scan
//! allocates is counted: two blocks a thread, a part of the log, and a constant.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    missing_docs,
    reason = "a test may panic, and its numbers are small"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use burnish_core::traces::{self, Limits, Log, MOST_DEEP, MOST_LINE, Options};
use proptest::prelude::*;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator is unsafe, and this one only counts what the system's does")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One test at a time counts.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// The bytes that a scan held at its peak, beside what it found.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = work();
    (PEAK.load(Ordering::Relaxed).saturating_sub(before), done)
}

/// Scans, picks, and reads the picked rows again: every line is accounted for, and what was read is what was scanned.
fn survives(log: &[u8], options: &Options) {
    let (peak, (table, counts)) = peak_of(|| traces::scan(log, options, 2).unwrap());
    assert!(peak < 64 * log.len() + (8 << 20), "{peak} bytes for a log of {}", log.len());
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;
    // A byte order mark alone is no line.
    assert!(counts.lines == lines || log.starts_with(b"\xef\xbb\xbf"));
    assert_eq!(counts.named.len() as u64, counts.malformed.min(1000));
    let limits = Limits {
        min_score: options.min_score,
        per_predictor: 100,
        max_tokens: None,
        near: false,
        variety: true,
        stratify: true,
    };
    for number in traces::pick(&table, limits, 0).unwrap() {
        let row = table.rows[usize::try_from(number).unwrap()];
        let from = usize::try_from(row.origin.offset).unwrap();
        let line = log[from..].split_inclusive(|byte| *byte == b'\n').next().unwrap();
        let mut seen = None;
        assert!(traces::step_at(line, row.origin.step, |_, digest| seen = Some(digest)).unwrap());
        assert_eq!(seen, Some(row.digest));
    }
}

/// Pieces of JSON, and of the logs that are known, put together in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "\\ude00",
        "\\u12",
        "\\x",
        "null",
        "true",
        "-1e9",
        "1e999",
        "NaN",
        "Infinity",
        "\"score\":",
        "\"request\":{",
        "\"response\":{",
        "\"messages\":[",
        "\"role\":\"user\",",
        "\"content\":",
        "\"choices\":[{\"message\":{\"content\":\"x\"}}]",
        "\"trace\":[",
        "\"predictor\":\"p\",",
        "\"inputs\":{\"x\":1}",
        "\"outputs\":{\"y\":\"z\"}",
        "\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{",
        "\"attributes\":[{\"key\":\"gen_ai.input.messages\",\"value\":",
        "{\"arrayValue\":{\"values\":[",
        "{\"kvlistValue\":{\"values\":[{\"key\":\"role\",\"value\":",
        "{\"stringValue\":\"[[ ## a ## ]]\"}",
        "\"[{\\\"role\\\":\\\"user\\\"}]\"",
        "[[ ## completed ## ]]",
        "\n",
        "\r\n",
        " ",
        "\u{feff}",
        "é",
        "日本",
        "\u{0}",
    ]);
    prop::collection::vec(prop_oneof![9 => piece.prop_map(|piece| piece.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..4)], 0..60)
        .prop_map(|pieces| pieces.concat())
}

/// Lines of each known kind, whole.
const WHOLE: &str = r#"{"kind": "rollout_done", "status": "scored", "score": 1.0, "trace": [{"predictor": "p", "inputs": {"x": "a é \ud83d\ude00"}, "outputs": {"y": [1, {"z": null}]}}]}
{"request": {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "[[ ## q ## ]]\nWhy?\n\nReply with `completed`."}]}, "response": {"choices": [{"finish_reason": "stop", "message": {"content": "[[ ## a ## ]]\nSo.\n\n[[ ## completed ## ]]"}}]}, "score": 0.5}
{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "t", "attributes": [{"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": [{"kvlistValue": {"values": [{"key": "role", "value": {"stringValue": "user"}}, {"key": "parts", "value": {"stringValue": "Hi"}}]}}]}}}, {"key": "gen_ai.output.messages", "value": {"stringValue": "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"Ho\"}]}]"}}]}]}]}]}
{"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}, {"role": "assistant", "content": "y"}]}
"#;

fn options() -> impl Strategy<Value = Options> {
    let score = prop::option::of(prop::sample::select(vec!["score", "a.b.c", "request.messages"]));
    (score, any::<bool>(), prop::option::of(0.0..1.0)).prop_map(|(score, labelled, min_score)| Options {
        score: score.map(|keys| keys.split('.').map(str::to_owned).collect()).unwrap_or_default(),
        label: labelled.then(|| "y".to_owned()),
        min_score,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_json_in_any_order(log in pieces(), options in options()) {
        let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        survives(&log, &options);
    }

    #[test]
    fn whole_logs_that_were_cut_flipped_and_glued(
        flips in prop::collection::vec((0..WHOLE.len(), any::<u8>()), 0..6),
        cut in 0..WHOLE.len(),
        glued in 0..WHOLE.len(),
        options in options(),
    ) {
        let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut log = WHOLE.as_bytes().to_vec();
        for (place, byte) in flips {
            log[place] = byte;
        }
        log.splice(cut.., WHOLE.as_bytes()[glued..].iter().copied());
        survives(&log, &options);
    }
}

#[test]
fn a_whole_log_is_read_whole() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (table, counts) = traces::scan(WHOLE.as_bytes(), &Options::default(), 1).unwrap();
    assert_eq!((table.rows.len(), counts.lines, counts.malformed), (4, 4, 0));
}

#[test]
fn brackets_within_brackets_are_a_fault_and_no_overflow() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (open, close) in [
        ("[", "]"),
        (r#"{"a":"#, "}"),
        (r#"{"request":"#, "}"),
        (r#"{"resourceSpans":["#, "]}"),
        (r#"{"trace":["#, "]}"),
    ] {
        for depth in [MOST_DEEP as usize / 4, 100_000] {
            let line = format!("{{\"x\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            survives(line.as_bytes(), &Options::default());
            survives(
                format!("{}1{}", open.repeat(depth), close.repeat(depth)).as_bytes(),
                &Options::default(),
            );
        }
    }
    let value = r#"{"arrayValue":{"values":["#.repeat(5000);
    survives(
        format!(r#"{{"attributes":[{{"key":"gen_ai.input.messages","value":{value}"#).as_bytes(),
        &Options::default(),
    );
}

/// A line, a line without an end that nobody keeps, and a line.
struct Endless {
    good: &'static [u8],
    size: u64,
}

impl Log for Endless {
    fn length(&self) -> io::Result<u64> {
        Ok(2 * self.good.len() as u64 + self.size + 1)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let (own, end) = (self.good.len() as u64, self.good.len() as u64 + self.size);
        match offset {
            _ if offset < own => self.good.read_at(into, offset),
            _ if offset < end => {
                let length = into.len().min(usize::try_from(end - offset).unwrap());
                into[..length].fill(b'[');
                Ok(length)
            }
            _ if offset == end => {
                into[0] = b'\n';
                Ok(1)
            }
            _ => self.good.read_at(into, offset - end - 1),
        }
    }
}

#[test]
fn a_line_without_an_end_is_let_go_of() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let good = b"{\"predictor\": \"p\", \"inputs\": {\"x\": \"a\"}, \"outputs\": {\"y\": \"z\"}}\n";
    let size = 5 * MOST_LINE as u64 / 2;
    let (peak, (table, counts)) =
        peak_of(|| traces::scan(&Endless { good, size }, &Options::default(), 2).unwrap());
    assert_eq!((table.rows.len(), counts.lines, counts.malformed), (2, 3, 1));
    assert_eq!((counts.named[0].line, counts.named[0].what.as_str()), (2, "longer than 64 MiB"));
    assert_eq!((table.rows[1].origin.line, table.rows[1].origin.offset), (3, good.len() as u64 + 1 + size));
    // A buffer that grows by doubling is there twice while it does.
    assert!(peak < 4 * MOST_LINE, "{peak} bytes");
}

#[test]
fn many_malformed_lines_are_counted_and_not_kept() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let log = b"}\n".repeat(3_000_000);
    let (peak, (_, counts)) = peak_of(|| traces::scan(&log[..], &Options::default(), 2).unwrap());
    assert_eq!((counts.malformed, counts.named.len(), counts.named[999].line), (3_000_000, 1000, 1000));
    assert!(peak < 16 << 20, "{peak} bytes");
}

/// A disk that fails behind a part of the log.
struct Broken<'a>(&'a [u8]);

impl Log for Broken<'_> {
    fn length(&self) -> io::Result<u64> {
        Ok(2 * self.0.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.0.read_at(into, offset) {
            Ok(0) => Err(io::Error::other("the disk is gone")),
            read => read,
        }
    }
}

#[test]
fn a_disk_that_fails_is_an_error_and_no_short_log() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let log = WHOLE.as_bytes().repeat(2000);
    let told = traces::scan(&Broken(&log), &Options::default(), 2).unwrap_err();
    assert_eq!(told.to_string(), "the disk is gone");
}

/// As long a line as the seed says, so that lines end on, before and behind the borders of shares.
#[test]
fn lines_lie_across_the_borders_of_shares() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for length in [1000, 4095, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let line = |number: usize| {
            let rest =
                format!("{{\"predictor\":\"p\",\"inputs\":{{\"x\":\"{number}\"}},\"outputs\":{{\"y\":\"");
            format!("{rest}{}\"}}}}\n", "z".repeat(length - rest.len() - 4))
        };
        let count = 5_000_000 / length + 2;
        let log: String = (0..count).map(line).collect();
        for threads in [1, 3] {
            let (table, counts) = traces::scan(log.as_bytes(), &Options::default(), threads).unwrap();
            assert_eq!(
                (table.rows.len(), counts.lines, counts.malformed),
                (count, count as u64, 0),
                "{length}"
            );
            let places = table
                .rows
                .iter()
                .map(|row| (row.origin.line as usize, row.origin.offset as usize, row.rollout));
            assert!(
                places.eq((0..count).map(|number| (number + 1, number * length, number as i64 + 1))),
                "{length}"
            );
        }
    }
}
