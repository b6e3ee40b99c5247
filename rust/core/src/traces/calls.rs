//! The calls that a line of a log tells of, found by its keys.
//!
//! | kind | by its keys | a call |
//! |---|---|---|
//! | Burnish's events | `trace`: steps with `predictor`, `inputs`, `outputs`; or a line that is such a step | each step |
//! | `OpenAI` | `request`, `response`, or `messages` and `choices` themselves, a `body` around them | the line |
//! | `OpenTelemetry` | `resourceSpans`, or a span with `attributes` a line | each span with messages |
//!
//! The score is the number under `score` (for spans `gen_ai.evaluation.score.value`, their events included), or where the caller says. What is not looked
//! for is skipped unread, so a line may hold anything beside.

use std::borrow::Cow;

use super::json::{Cursor, Fault, Text};
use super::messages::{last_turns, plain};
use super::steps::Said;

/// One call that a line tells of.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The name of the predictor, where the line has it.
    pub predictor: Option<Text<'a>>,
    /// The score of the rollout that it is part of.
    pub score: Option<f64>,
    /// What calls of one rollout share; the line itself if there is nothing.
    pub rollout: Option<Text<'a>>,
    /// What was said.
    pub said: Said<'a>,
}

/// Calls of a line at most: each has a number of 16 bits.
const MOST_CALLS: usize = 1 << 16;

/// What a line came to.
#[derive(Debug, Clone, Default)]
pub struct Line<'a> {
    /// Its calls, in order.
    pub calls: Vec<Call<'a>>,
    /// Calls that failed, or whose reply was cut off.
    pub failed: usize,
}

/// What stands in an object, in whatever order, until all of it is known.
#[derive(Default)]
struct Found<'a> {
    predictor: Option<Text<'a>>,
    rollout: Option<Text<'a>>,
    score: Option<f64>,
    inputs: Option<&'a [u8]>,
    outputs: Option<&'a [u8]>,
    asked: Option<Cow<'a, [u8]>>,
    replied: Option<Cow<'a, [u8]>>,
    /// The assistant's turn behind the last question; the reply where there is no response.
    went_on: Option<Cow<'a, [u8]>>,
    has_response: bool,
    steps: Vec<(Option<Text<'a>>, Said<'a>)>,
    spans: Vec<Call<'a>>,
    failed: bool,
    failed_spans: usize,
}

/// The calls of a line; a fault where it is no JSON object.
pub fn calls<'a>(line: &'a [u8], score_at: &[&str]) -> Result<Line<'a>, Fault> {
    let mut cursor = Cursor::new(line);
    if cursor.peek() != b'{' {
        return Err(Fault { at: 0, what: "no JSON object" });
    }
    let mut found = Found::default();
    let told = (!score_at.is_empty()).then(|| number_at(cursor, score_at)).transpose()?;
    object(&mut cursor, &mut found)?;
    cursor.end()?;
    let mut line = found.into_line();
    if line.calls.len() > MOST_CALLS {
        return Err(Fault { at: 0, what: "more than 65,536 calls in one line" });
    }
    if let Some(told) = told {
        line.calls.iter_mut().for_each(|call| call.score = told);
    }
    Ok(line)
}

impl<'a> Found<'a> {
    fn into_line(self) -> Line<'a> {
        let Self { predictor, rollout, score, asked, .. } = self;
        let replied = self.replied.or(if self.has_response { None } else { self.went_on });
        let spoken = usize::from(asked.is_some() || replied.is_some());
        let mut said: Vec<(Option<Text<'a>>, Said<'a>)> = self.steps;
        if let (Some(inputs), Some(outputs)) = (self.inputs, self.outputs) {
            said.push((predictor, Said::Fields { inputs, outputs }));
        } else if let (Some(asked), Some(replied)) = (asked, replied) {
            said.push((predictor, Said::Chat { asked, replied }));
        }
        if self.failed {
            return Line { calls: self.spans, failed: self.failed_spans + said.len().max(spoken) };
        }
        let own = said.into_iter().map(|(predictor, said)| Call { predictor, score, rollout, said });
        // A score of the line itself is that of all its spans, which may have their own.
        let spans = self.spans.into_iter().map(|span| Call { score: span.score.or(score), ..span });
        Line { calls: own.chain(spans).collect(), failed: self.failed_spans }
    }
}

/// Reads an object that may be a line, a request, a response, a body or a span.
fn object<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    if !cursor.enter(b'{')? {
        return Ok(());
    }
    while let Some(key) = cursor.key()? {
        found.has_response |= key.is("response") || key.is("choices") || key.is("output");
        if key.is("request") || key.is("response") || key.is("body") {
            object(cursor, found)?;
        } else if key.is("messages") || key.is("input") {
            turns(cursor, found)?;
        } else if key.is("choices") || key.is("output") {
            replies(cursor, found)?;
        } else if key.is("trace") {
            steps(cursor, found)?;
        } else if key.is("inputs") {
            found.inputs = Some(cursor.skip()?);
        } else if key.is("outputs") {
            found.outputs = Some(cursor.skip()?);
        } else if key.is("predictor") {
            found.predictor = cursor.text()?;
        } else if key.is("score") {
            found.score = cursor.number()?;
        } else if key.is("status") {
            found.failed |= status(cursor)?;
        } else if key.is("status_code") {
            found.failed |= cursor.number()?.is_some_and(|code| code >= 400.0);
        } else if key.is("resourceSpans") || key.is("scopeSpans") || key.is("spans") {
            within(cursor, found)?;
        } else if key.is("attributes") {
            attributes(cursor, found)?;
        } else if key.is("events") {
            events(cursor, found)?;
        } else if key.is("traceId") || key.is("trace_id") {
            found.rollout = cursor.text()?;
        } else {
            cursor.skip()?;
        }
    }
    Ok(())
}

/// Spans, and what stands around them, each as an object of its own.
fn within<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    if !cursor.enter(b'[')? {
        return Ok(());
    }
    while cursor.element()? {
        let mut one = Found::default();
        object(cursor, &mut one)?;
        let line = one.into_line();
        found.failed_spans += line.failed;
        found.spans.extend(line.calls);
    }
    Ok(())
}

/// The messages of a request: what was asked last and, where they go on to it, the reply.
fn turns<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    let (asked, replied) = last_turns(cursor)?;
    found.asked = asked.map(Cow::Borrowed).or_else(|| found.asked.take());
    found.went_on = replied.map(Cow::Borrowed);
    Ok(())
}

/// The first reply of a response: of its `choices`, or the message in its `output`.
fn replies<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    if !cursor.enter(b'[')? {
        return Ok(());
    }
    let mut first = None;
    while cursor.element()? {
        let mut cut = false;
        let (mut content, mut other) = (None, false);
        if cursor.enter(b'{')? {
            while let Some(key) = cursor.key()? {
                if key.is("message") {
                    content = member(cursor, "content")?.or(content);
                } else if key.is("content") {
                    content = Some(cursor.skip()?);
                } else if key.is("type") {
                    // Beside the message a response may hold thoughts and calls of tools.
                    other = cursor.text()?.is_some_and(|kind| !kind.is("message"));
                } else if key.is("finish_reason") {
                    cut = cursor
                        .text()?
                        .is_some_and(|reason| reason.is("length") || reason.is("content_filter"));
                } else {
                    cursor.skip()?;
                }
            }
        }
        if first.is_none() && content.is_some() && !other {
            first = content;
            found.failed |= cut;
        }
    }
    found.replied = first.map(Cow::Borrowed).or_else(|| found.replied.take());
    Ok(())
}

/// The member of an object that has this name.
fn member<'a>(cursor: &mut Cursor<'a>, name: &str) -> Result<Option<&'a [u8]>, Fault> {
    let mut found = None;
    if cursor.enter(b'{')? {
        while let Some(key) = cursor.key()? {
            let value = cursor.skip()?;
            if key.is(name) {
                found = Some(value);
            }
        }
    }
    Ok(found)
}

/// The steps of a rollout as Burnish writes them.
fn steps<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    if !cursor.enter(b'[')? {
        return Ok(());
    }
    while cursor.element()? {
        let mut one = Found::default();
        object(cursor, &mut one)?;
        if let (Some(inputs), Some(outputs)) = (one.inputs, one.outputs) {
            found.steps.push((one.predictor, Said::Fields { inputs, outputs }));
        }
    }
    Ok(())
}

/// Whether a status says that something failed: Burnish's word, or a span's code.
fn status(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    let bad = |word: Text<'_>| {
        ["failed", "not_measured", "error", "ERROR", "STATUS_CODE_ERROR", "incomplete"]
            .iter()
            .any(|name| word.is(name))
    };
    match cursor.peek() {
        b'"' => Ok(cursor.text()?.is_some_and(bad)),
        b'{' => {
            let mut failed = false;
            cursor.enter(b'{')?;
            while let Some(key) = cursor.key()? {
                if !(key.is("code") || key.is("status_code")) {
                    cursor.skip()?;
                } else if cursor.peek() == b'"' {
                    failed |= cursor.text()?.is_some_and(bad);
                } else {
                    failed |= cursor.number()? == Some(2.0);
                }
            }
            Ok(failed)
        }
        _ => Ok(cursor.number()?.is_some_and(|code| code >= 400.0)),
    }
}

/// The events of a span: the attributes of those that tell what was said or how it was judged.
fn events<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    if !cursor.enter(b'[')? {
        return Ok(());
    }
    while cursor.element()? {
        if cursor.enter(b'{')? {
            while let Some(key) = cursor.key()? {
                if key.is("attributes") {
                    attributes(cursor, found)?;
                } else {
                    cursor.skip()?;
                }
            }
        }
    }
    Ok(())
}

/// Attributes of a span: an object, or OTLP's list of keys and values.
fn attributes<'a>(cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Result<(), Fault> {
    if cursor.peek() != b'[' {
        if cursor.enter(b'{')? {
            while let Some(key) = cursor.key()? {
                let value = cursor.skip()?;
                attribute(key, value, found)?;
            }
        }
        return Ok(());
    }
    cursor.enter(b'[')?;
    while cursor.element()? {
        let (mut name, mut value) = (None, None);
        if cursor.enter(b'{')? {
            while let Some(key) = cursor.key()? {
                if key.is("key") {
                    name = cursor.text()?;
                } else if key.is("value") {
                    value = Some(cursor.skip()?);
                } else {
                    cursor.skip()?;
                }
            }
        }
        if let (Some(name), Some(value)) = (name, value) {
            attribute(name, value, found)?;
        }
    }
    Ok(())
}

fn attribute<'a>(name: Text<'a>, value: &'a [u8], found: &mut Found<'a>) -> Result<(), Fault> {
    // What an attribute holds as text may have been cut off by whoever wrote it, which is its own span's fault alone.
    if name.is("gen_ai.input.messages") {
        match plain(value).and_then(|input| input.last_turns()) {
            Ok((asked, _)) => found.asked = asked.map(Cow::Owned).or_else(|| found.asked.take()),
            Err(_) => found.failed = true,
        }
    } else if name.is("gen_ai.output.messages") {
        match plain(value).and_then(|output| Ok((output.is_cut_off()?, output.last_turns()?.1))) {
            Ok((cut, replied)) => {
                found.failed |= cut;
                found.replied = replied.map(Cow::Owned).or_else(|| found.replied.take());
            }
            Err(_) => found.failed = true,
        }
    } else if name.is("gen_ai.evaluation.score.value") {
        found.score = plain(value).and_then(|score| score.number()).unwrap_or(None).or(found.score);
    } else if name.is("gen_ai.agent.name") || name.is("burnish.predictor") {
        found.predictor = string(value)?.or(found.predictor);
    }
    Ok(())
}

/// A string value: itself, or under OTLP's `stringValue`.
fn string(value: &[u8]) -> Result<Option<Text<'_>>, Fault> {
    let mut cursor = Cursor::new(value);
    if cursor.peek() == b'"' {
        return cursor.text();
    }
    let inside = member(&mut cursor, "stringValue")?;
    inside.map_or(Ok(None), |value| Cursor::new(value).text())
}

/// The number at a path of keys, if there is one.
fn number_at(mut cursor: Cursor<'_>, path: &[&str]) -> Result<Option<f64>, Fault> {
    let Some((last, ways)) = path.split_last() else { return Ok(None) };
    for name in ways {
        let Some(inside) = member(&mut cursor, name)? else { return Ok(None) };
        cursor = Cursor::new(inside);
    }
    member(&mut cursor, last)?.map_or(Ok(None), |value| Cursor::new(value).number())
}
