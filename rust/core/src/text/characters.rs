//! What each character becomes in the flat text: decomposed, lowered, a space for white space, nothing for punctuation.
//!
//! ASCII goes through one table. Another character is looked up in pages of 256, each made when a text first has one of its
//! characters (about 20 µs and 2 kB), that hold the UTF-8 of what it becomes. Where combining marks may have to change places,
//! where a character becomes more than 6 bytes, and beyond U+FFFF, the stretch is decomposed by the book instead, at some 30 ns
//! a character.

use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Bytes behind a flat text that may be read with it: it is read up to 64 at a time.
const ROOM: usize = 64;

/// Marks a character of ASCII that is left out.
const DROP: u8 = 0xff;

/// What becomes of each character of ASCII: itself, lowered, a space, or [`DROP`]. White space is what Python's `str.split`
/// splits at, so Unicode's and four separators.
const LOWERED: [u8; 128] = {
    let mut lowered = [0; 128];
    let mut byte: u8 = 0;
    while byte < 128 {
        lowered[byte as usize] = match byte {
            b'\t'..=b'\r' | 0x1c..=b' ' => b' ',
            _ if byte.is_ascii_punctuation() => DROP,
            _ => byte.to_ascii_lowercase(),
        };
        byte += 1;
    }
    lowered
};

/// Whether all of a text is white space and printing characters of ASCII.
pub fn is_plain(text: &str) -> bool {
    // Without an early end the check is done on many bytes at once.
    let plain = |byte: u8| matches!(byte, b'\t'..=b'\r' | 0x1c..=0x7e);
    text.bytes().fold(true, |all, byte| all & plain(byte))
}

/// What a character beyond ASCII becomes, where that is the same wherever it stands.
#[derive(Clone, Copy, Default)]
struct Form {
    bytes: [u8; 6],
    /// How many of the bytes count; 0 where the neighbours decide, or the bytes do not suffice.
    length: u8,
    /// Whether a combining mark after the character may have to move before the form's last.
    open: bool,
}

/// The forms of 256 characters.
type Page = Box<[Form; 256]>;

static PAGES: [OnceLock<Page>; 256] = [const { OnceLock::new() }; 256];

/// What a text becomes, in scratch that the next text takes over.
#[derive(Default)]
pub struct Flat {
    /// The text, and after it at least [`ROOM`] bytes of anything.
    pub bytes: Vec<u8>,
    /// Where the text ends.
    pub end: usize,
}

impl Flat {
    /// Makes room for a text's next bytes.
    fn ready(&mut self, more: usize) {
        if self.bytes.len() < self.end + more + ROOM {
            self.bytes.resize(2 * (self.end + more) + ROOM, b' ');
        }
    }

    /// Appends what a text of ASCII becomes.
    pub fn push_ascii(&mut self, text: &str) {
        self.ready(text.len());
        let (bytes, mut end) = (self.bytes.as_mut_slice(), self.end);
        // Every byte is written where the next one goes, and stays if the place moves on.
        for byte in text.bytes() {
            let lowered = LOWERED[usize::from(byte & 0x7f)];
            bytes[end] = lowered;
            end += usize::from(lowered != DROP);
        }
        self.end = end;
    }

    /// Appends what a text becomes. A capital sigma is lowered as if it stood alone.
    pub fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let plain = rest.bytes().take_while(u8::is_ascii).count();
            self.push_ascii(&rest[..plain]);
            rest = self.push_beyond(&rest[plain..]);
        }
    }

    /// Appends what the characters before the next one of ASCII become; what follows them.
    fn push_beyond<'a>(&mut self, text: &'a str) -> &'a str {
        let mut characters = text.chars();
        let mut next = characters.next();
        let mut from = text;
        while let Some(character) = next.filter(|character| !character.is_ascii()) {
            let form = form(character);
            let mut after = characters.as_str();
            next = characters.next();
            if form.length > 0 && (!form.open || next.is_none_or(stands_alone)) {
                self.push_bytes(form.bytes, form.length.into());
            } else {
                // Marks change places among themselves only, so the stretch ends before what begins with another character.
                while next.is_some_and(|next| !stands_alone(next)) {
                    after = characters.as_str();
                    next = characters.next();
                }
                self.push_by_the_book(&from[..from.len() - after.len()]);
            }
            from = after;
        }
        from
    }

    /// Appends what a text becomes, decomposed as a whole.
    fn push_by_the_book(&mut self, text: &str) {
        for character in text.nfd() {
            if character.is_ascii() {
                self.push_ascii(character.encode_utf8(&mut [0; 4]));
            } else if character.is_whitespace() {
                self.push_bytes(*b" ", 1);
            } else {
                for lowered in character.to_lowercase() {
                    let mut bytes = [0; 4];
                    let length = lowered.encode_utf8(&mut bytes).len();
                    self.push_bytes(bytes, length);
                }
            }
        }
    }

    /// Appends the first of some bytes; what is beyond them is written over.
    fn push_bytes<const N: usize>(&mut self, bytes: [u8; N], length: usize) {
        self.ready(N);
        if let Some(place) = self.bytes[self.end..].first_chunk_mut() {
            *place = bytes;
        }
        self.end += length;
    }
}

/// Whether nothing before a character can change places with it, or with what it becomes.
fn stands_alone(character: char) -> bool {
    character.is_ascii() || form(character).length > 0
}

fn form(character: char) -> Form {
    let code = u32::from(character);
    let place = (code & 0xff) as usize;
    PAGES
        .get((code >> 8) as usize)
        .map_or(Form::default(), |page| page.get_or_init(|| self::page(code >> 8))[place])
}

fn page(number: u32) -> Page {
    let mut forms = Box::new([Form::default(); 256]);
    for (place, form) in (0..).zip(forms.iter_mut()) {
        *form = char::from_u32(number << 8 | place).map_or(Form::default(), form_by_the_book);
    }
    forms
}

fn form_by_the_book(character: char) -> Form {
    let mut flat = Flat::default();
    let text = character.to_string();
    flat.push_by_the_book(&text);
    let mark = |character: Option<char>| character.is_some_and(|one| canonical_combining_class(one) != 0);
    let mut form = Form { open: mark(text.nfd().last()), ..Form::default() };
    if flat.end <= form.bytes.len() && !mark(text.nfd().next()) {
        form.bytes[..flat.end].copy_from_slice(&flat.bytes[..flat.end]);
        form.length = u8::try_from(flat.end).unwrap_or_default();
    }
    form
}
