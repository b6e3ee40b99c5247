//! What a line of a log says: calls of predictors, as inputs and outputs by name.
//!
//! Three kinds of lines are known, by their keys and in any mixture; [`super::calls`] finds them. What a call said is read
//! only once its score is known to be good enough, and read by [`step`]: from fields where the log has them, else from the messages of a chat.
//!
//! **From messages**: the last user turn is what was asked. Where it has sections (`[[ ## name ## ]]` at the beginning of a line), as
//! the prompts of Burnish and `DSPy` have, they are the fields, and the closing paragraph that asks for `completed` is none of them;
//! else all of it is the field `user`. The reply is read alike, its field being `assistant`. Earlier turns are not shown.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::{Finder, FinderRev};

use super::json::{Cursor, Fault, Text};

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// Another value, as the JSON that it is written as.
    Json(&'a str),
}

/// A name and what it holds.
pub type Field<'a> = (Cow<'a, str>, Value<'a>);

/// One call of one predictor: what went in and what came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step<'a> {
    /// The name that the log has for the predictor.
    pub name: Option<Cow<'a, str>>,
    /// What went in.
    pub inputs: Vec<Field<'a>>,
    /// What came out.
    pub outputs: Vec<Field<'a>>,
}

/// What was said in a call, as the line has it.
#[derive(Debug, Clone)]
pub enum Said<'a> {
    /// Objects of fields.
    Fields {
        /// The inputs, a JSON object.
        inputs: &'a [u8],
        /// The outputs, a JSON object.
        outputs: &'a [u8],
    },
    /// What messages contain: JSON strings, or arrays of parts.
    Chat {
        /// The last user turn.
        asked: Cow<'a, [u8]>,
        /// The reply.
        replied: Cow<'a, [u8]>,
    },
}

impl Step<'_> {
    /// Writes the name of the predictor: the log's, or its fields, as in `"question -> answer"`.
    pub fn predictor(&self, into: &mut String) {
        if let Some(name) = &self.name {
            into.push_str(name);
            return;
        }
        for (number, (name, _)) in self.inputs.iter().chain(&self.outputs).enumerate() {
            if number == self.inputs.len() {
                into.push_str(" -> ");
            } else if number > 0 {
                into.push_str(", ");
            }
            into.push_str(name);
        }
    }
}

impl Value<'_> {
    /// The string, or the JSON: what demos are compared and counted by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Json(json) => json,
        }
    }
}

/// Hands on what was said in a call.
///
/// Returns false, having handed on nothing, where nothing was asked or nothing came back.
pub fn step(name: Option<Text<'_>>, said: &Said<'_>, see: impl FnOnce(Step<'_>)) -> Result<bool, Fault> {
    let name = name.map(Text::read).transpose()?.filter(|name| !name.is_empty());
    match said {
        Said::Fields { inputs, outputs } => {
            let (inputs, outputs) = (fields(inputs)?, fields(outputs)?);
            Ok(hand_on(name, inputs, outputs, see))
        }
        Said::Chat { asked, replied } => {
            let (asked, replied) = (content(asked)?, content(replied)?);
            if asked.trim().is_empty() || replied.trim().is_empty() {
                return Ok(false);
            }
            let (inputs, outputs) = (sections(&asked, "user"), sections(&replied, "assistant"));
            Ok(hand_on(name, inputs, outputs, see))
        }
    }
}

fn hand_on<'a>(
    name: Option<Cow<'a, str>>,
    inputs: Vec<Field<'a>>,
    outputs: Vec<Field<'a>>,
    see: impl FnOnce(Step<'a>),
) -> bool {
    let any = !outputs.is_empty();
    if any {
        see(Step { name, inputs, outputs });
    }
    any
}

/// The members of a JSON object.
fn fields(object: &[u8]) -> Result<Vec<Field<'_>>, Fault> {
    let (mut cursor, mut fields) = (Cursor::new(object), Vec::new());
    if cursor.enter(b'{')? {
        while let Some(key) = cursor.key()? {
            let value = if cursor.peek() == b'"' {
                Value::Text(cursor.text()?.unwrap_or_default().read()?)
            } else {
                let raw = valid(cursor.skip()?)?;
                Value::Json(
                    std::str::from_utf8(raw)
                        .map_err(|_| Fault { at: 0, what: "a value that is no UTF-8" })?,
                )
            };
            fields.push((key.read()?, value));
        }
    }
    Ok(fields)
}

/// Digits of a number at most: what Python reads as a whole one.
const MOST_DIGITS: usize = 4300;

/// A value that whoever reads JSON can read, which the cursor alone does not see to.
fn valid(raw: &[u8]) -> Result<&[u8], Fault> {
    let digits = raw.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or(0);
    if digits > MOST_DIGITS {
        return Err(Fault { at: 0, what: "a number of more than 4,300 digits" });
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(raw) {
        Ok(_) => Ok(raw),
        Err(_) => Err(Fault { at: 0, what: "a field that is no JSON" }),
    }
}

/// The text that a message contains: a string, or the texts of its parts.
fn content(raw: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let mut cursor = Cursor::new(raw);
    match cursor.peek() {
        b'"' => cursor.text()?.unwrap_or_default().read(),
        b'[' => parts(cursor).map(Cow::Owned),
        _ => Ok(Cow::Borrowed("")),
    }
}

/// Kinds of parts that are thoughts.
const THOUGHTS: [&str; 3] = ["reasoning", "reasoning_text", "thinking"];

/// The texts of the parts of a message, a line each; pictures and the like have none.
fn parts(mut cursor: Cursor<'_>) -> Result<String, Fault> {
    let mut texts = String::new();
    cursor.enter(b'[')?;
    while cursor.element()? {
        if !cursor.enter(b'{')? {
            continue;
        }
        // OpenAI's parts have `text`, those of OpenTelemetry `content`; thoughts are no part of what is shown.
        let (mut text, mut thought) = (None, false);
        while let Some(key) = cursor.key()? {
            if key.is("text") || key.is("content") {
                text = cursor.text()?.or(text);
            } else if key.is("type") {
                thought = cursor.text()?.is_some_and(|kind| THOUGHTS.iter().any(|thought| kind.is(thought)));
            } else {
                cursor.skip()?;
            }
        }
        if let Some(text) = text.filter(|_| !thought) {
            if !texts.is_empty() {
                texts.push('\n');
            }
            texts.push_str(&text.read()?);
        }
    }
    Ok(texts)
}

const OPEN: &str = "[[ ## ";
static OPENING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(OPEN));
static ASKING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("completed"));
static PARAGRAPH: LazyLock<FinderRev<'static>> = LazyLock::new(|| FinderRev::new("\n\n"));
const CLOSE: &str = " ## ]]";

/// The sections of a turn as fields; all of it as the field `whole` where it has none.
fn sections<'a>(turn: &'a str, whole: &'static str) -> Vec<Field<'a>> {
    let mut found: Vec<(&'a str, usize, usize)> = Vec::new();
    let mut from = 0;
    while let Some(place) = OPENING.find(&turn.as_bytes()[from..]).map(|place| from + place) {
        from = place + OPEN.len();
        let begins = place == 0 || turn.as_bytes()[place - 1] == b'\n';
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = turn.as_bytes()[from..].iter().take_while(|byte| word(byte)).count();
        let (name, after) = turn[from..].split_at(length);
        if begins && length > 0 && after.starts_with(CLOSE) {
            from += length + CLOSE.len();
            found.push((name, place, from));
        }
    }
    if found.is_empty() {
        return vec![(Cow::Borrowed(whole), Value::Text(Cow::Borrowed(turn.trim())))];
    }
    let mut fields = Vec::with_capacity(found.len());
    for (number, (name, _, start)) in found.iter().enumerate() {
        let section = match found.get(number + 1) {
            Some((_, end, _)) => &turn[*start..*end],
            None => without_closing(&turn[*start..]),
        };
        if *name == "completed" {
            break;
        }
        fields.push((Cow::Borrowed(*name), Value::Text(Cow::Borrowed(section.trim()))));
    }
    fields
}

/// The last section of a turn, without the paragraph with which a prompt asks for sections.
fn without_closing(section: &str) -> &str {
    let Some(place) = PARAGRAPH.rfind(section.trim_end().as_bytes()) else { return section };
    let (above, closing) = section.split_at(place);
    let asks = ASKING.find_iter(closing.as_bytes()).any(|place| {
        let (before, after) = (&closing[..place], &closing[place + "completed".len()..]);
        before.ends_with('`') && after.starts_with('`') || before.ends_with(OPEN) && after.starts_with(CLOSE)
    });
    if asks { above } else { section }
}
