//! The messages of a chat: which turn asked last, and what the reply is.
//!
//! `OpenTelemetry` writes messages as JSON, as JSON within a string, or as OTLP's own values (`arrayValue`, `kvlistValue`); [`plain`] makes
//! one of the three, which costs a copy. `OpenAI`'s stand in the line and are read where they are.

use super::json::{Cursor, Fault, MOST_DEEP};

/// Messages as plain JSON.
pub struct Messages(Vec<u8>);

/// A turn, as JSON of its own.
type Turn = Option<Vec<u8>>;

/// What a message contains, as it stands there: a string, or an array of parts.
type Content<'a> = Option<&'a [u8]>;

/// The last user turn, and the assistant's turn after it if there is one; a bare string is a user turn.
pub fn last_turns<'a>(cursor: &mut Cursor<'a>) -> Result<(Content<'a>, Content<'a>), Fault> {
    if cursor.peek() == b'"' {
        return Ok((Some(cursor.skip()?), None));
    }
    let (mut asked, mut replied) = (None, None);
    if !cursor.enter(b'[')? {
        return Ok((None, None));
    }
    while cursor.element()? {
        if !cursor.enter(b'{')? {
            continue;
        }
        let (mut role, mut content) = (None, None);
        while let Some(key) = cursor.key()? {
            if key.is("role") {
                role = cursor.text()?;
            } else if key.is("content") || key.is("parts") {
                content = Some(cursor.skip()?);
            } else {
                cursor.skip()?;
            }
        }
        match role {
            Some(role) if role.is("user") => (asked, replied) = (content, None),
            Some(role) if role.is("assistant") => replied = content,
            _ => {}
        }
    }
    Ok((asked, replied))
}

/// A value as plain JSON, whichever of the three ways it is written in.
pub fn plain(value: &[u8]) -> Result<Messages, Fault> {
    let mut cursor = Cursor::new(value);
    match cursor.peek() {
        b'"' => Ok(Messages(cursor.text()?.unwrap_or_default().read()?.into_owned().into_bytes())),
        b'{' => {
            let mut out = Vec::with_capacity(value.len());
            any_value(&mut cursor, &mut out, 0)?;
            // A string within OTLP's value may hold the JSON.
            if out.first() == Some(&b'"') { plain(&out) } else { Ok(Messages(out)) }
        }
        _ => Ok(Messages(value.to_vec())),
    }
}

impl Messages {
    /// As [`last_turns`], each turn as JSON of its own.
    pub fn last_turns(&self) -> Result<(Turn, Turn), Fault> {
        let (asked, replied) = last_turns(&mut Cursor::new(&self.0))?;
        Ok((asked.map(<[u8]>::to_vec), replied.map(<[u8]>::to_vec)))
    }

    /// Whether one of the messages ended because it was too long, or was held back.
    pub fn is_cut_off(&self) -> Result<bool, Fault> {
        let (mut cursor, mut cut) = (Cursor::new(&self.0), false);
        if cursor.peek() == b'[' && cursor.enter(b'[')? {
            while cursor.element()? {
                if !cursor.enter(b'{')? {
                    continue;
                }
                while let Some(key) = cursor.key()? {
                    if key.is("finish_reason") {
                        cut |= cursor.text()?.is_some_and(|why| why.is("length") || why.is("content_filter"));
                    } else {
                        cursor.skip()?;
                    }
                }
            }
        }
        Ok(cut)
    }

    /// The number that this is.
    pub fn number(&self) -> Result<Option<f64>, Fault> {
        if self.0.is_empty() { Ok(None) } else { Cursor::new(&self.0).number() }
    }
}

/// Writes one of OTLP's values as plain JSON.
fn any_value(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    if depth == MOST_DEEP {
        return Err(Fault { at: 0, what: "too many values within each other" });
    }
    if !cursor.enter(b'{')? {
        return Ok(());
    }
    while let Some(key) = cursor.key()? {
        if key.is("stringValue") || key.is("boolValue") || key.is("doubleValue") {
            out.extend_from_slice(cursor.skip()?);
        } else if key.is("intValue") {
            // A whole number of 64 bits is a string there.
            let digits = cursor.skip()?;
            out.extend(digits.iter().filter(|byte| **byte != b'"'));
        } else if key.is("arrayValue") {
            values(cursor, out, depth, *b"[]")?;
        } else if key.is("kvlistValue") {
            values(cursor, out, depth, *b"{}")?;
        } else {
            cursor.skip()?;
        }
    }
    Ok(())
}

/// Writes the `values` of a list, or the keys and values of a map.
fn values(
    cursor: &mut Cursor<'_>,
    out: &mut Vec<u8>,
    depth: u32,
    [open, close]: [u8; 2],
) -> Result<(), Fault> {
    out.push(open);
    if cursor.enter(b'{')? {
        while let Some(key) = cursor.key()? {
            if !key.is("values") || !cursor.enter(b'[')? {
                if !key.is("values") {
                    cursor.skip()?;
                }
                continue;
            }
            let mut first = true;
            while cursor.element()? {
                if !first {
                    out.push(b',');
                }
                first = false;
                if open == b'[' { any_value(cursor, out, depth + 1)? } else { pair(cursor, out, depth)? }
            }
        }
    }
    out.push(close);
    Ok(())
}

fn pair(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    let (mut name, mut value) = (&b"\"\""[..], None);
    if cursor.enter(b'{')? {
        while let Some(key) = cursor.key()? {
            if key.is("key") {
                name = cursor.skip()?;
            } else if key.is("value") {
                value = Some(cursor.skip()?);
            } else {
                cursor.skip()?;
            }
        }
    }
    out.extend_from_slice(name);
    out.push(b':');
    let start = out.len();
    if let Some(value) = value {
        any_value(&mut Cursor::new(value), out, depth + 1)?;
    }
    if out.len() == start {
        out.extend_from_slice(b"null");
    }
    Ok(())
}
