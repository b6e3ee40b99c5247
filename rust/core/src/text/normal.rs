//! A text as the metrics compare it: tokens without case, punctuation and articles.
//!
//! **What it is**, in this order: canonical decomposition (NFD), lower case, without ASCII punctuation, without
//! the articles *a*, *an*, *the*, with runs of white space as one space and none at the ends. It is defined by what
//! Python's `unicodedata`, `str` and `re` do: a word character is a letter, a number or `_` (so a combining mark ends a
//! word: `"à"` decomposes to the article *a* and an accent), white space includes U+001C to U+001F, and a final sigma
//! is lowered by its context. It equals `CPython` 3.11 to 3.13 on every string of characters that the Python knows, but for
//! one case: a capital sigma beside U+0295 or U+1171E, whose classes Unicode changed later, may be lowered as the other
//! small sigma. The tables here are newer than a Python's: a character that only they know is decomposed and lowered
//! here, and left alone there.
//!
//! **Method**: the text is written flat, lowered and without punctuation, through a table of ASCII and one of other
//! characters (`characters`); then spaces are found 64 bytes at a time, and what lies between them is a token unless it is an article.
//! Only a token that is not all ASCII letters and digits may hold an article as a word; it falls into the parts around it. Nothing is moved: a
//! text's tokens are places in its flat form, each with its first 8 bytes as a number, so that most comparisons are of numbers.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::characters::{Flat, is_plain};

/// A token: its place in the flat text, and its first 8 bytes as a number, with zeros where it has fewer.
#[derive(Clone, Copy, Default)]
pub struct Token {
    pub head: u64,
    pub start: usize,
    pub length: usize,
}

/// A text's tokens, in scratch that the next text takes over.
#[derive(Default)]
pub struct Normal {
    flat: Flat,
    /// The first `count` are the tokens.
    slots: Vec<Token>,
    count: usize,
}

impl Normal {
    /// Takes the tokens of this text, in place of those that were there.
    pub fn read(&mut self, text: &str) {
        (self.count, self.flat.end) = (0, 0);
        if is_plain(text) {
            self.flat.push_ascii(text);
            self.split(Self::close);
            return;
        }
        if text.contains('Σ') {
            // Only a sigma is lowered by its neighbours; what is lowered here stays as it is after that.
            self.flat.push(&text.nfd().collect::<String>().to_lowercase());
        } else {
            self.flat.push(text);
        }
        self.split(Self::close_any);
    }

    /// The tokens, in order.
    pub fn tokens(&self) -> &[Token] {
        &self.slots[..self.count]
    }

    /// What a token has beyond its head.
    pub fn tail(&self, token: &Token) -> &[u8] {
        if token.length <= 8 { &[] } else { &self.flat.bytes[token.start + 8..token.start + token.length] }
    }

    /// Whether the text is this one word.
    pub fn is(&self, word: &[u8]) -> bool {
        matches!(self.tokens(), [token] if self.bytes(token) == word)
    }

    /// Whether the tokens of another text, at least one, stand side by side in this one.
    pub fn holds(&self, other: &Normal) -> bool {
        let wanted = other.tokens();
        !wanted.is_empty() && self.tokens().windows(wanted.len()).any(|run| self.same(run, other, wanted))
    }

    /// The tokens with single spaces between them.
    pub fn write(&self) -> String {
        let tokens: Vec<&[u8]> = self.tokens().iter().map(|token| self.bytes(token)).collect();
        // The flat text is UTF-8, and tokens end where characters do.
        String::from_utf8(tokens.join(&b' ')).unwrap_or_default()
    }

    fn bytes(&self, token: &Token) -> &[u8] {
        &self.flat.bytes[token.start..token.start + token.length]
    }

    fn same(&self, run: &[Token], other: &Normal, wanted: &[Token]) -> bool {
        run.iter().zip(wanted).all(|(one, two)| {
            one.head == two.head && one.length == two.length && self.tail(one) == other.tail(two)
        })
    }

    /// Calls `close` for each stretch of the flat text between two spaces, empty ones too.
    fn split(&mut self, close: fn(&mut Self, usize, usize)) {
        // A token takes two bytes with its space, and the last one may lack it.
        let (end, most) = (self.flat.end, self.flat.end / 2 + 1);
        if self.slots.len() < most {
            self.slots.resize(most, Token::default());
        }
        let mut start = 0;
        for block in (0..end).step_by(64) {
            let mut spaces = spaces(&self.flat.bytes[block..]);
            if end - block < 64 {
                spaces &= (1 << (end - block)) - 1;
            }
            while spaces != 0 {
                let space = block + spaces.trailing_zeros() as usize;
                close(self, start, space);
                start = space + 1;
                spaces &= spaces - 1;
            }
        }
        close(self, start, end);
    }

    /// Takes a stretch as a token unless it is empty or an article.
    fn close(&mut self, start: usize, end: usize) {
        let length = end - start;
        let head = head(&self.flat.bytes[start..], length);
        if let Some(slot) = self.slots.get_mut(self.count) {
            *slot = Token { head, start, length };
        }
        // Whether the next word is an article cannot be guessed, so the slot is written anyhow and stays if it counts.
        self.count += usize::from(length > 0 && !ARTICLES.contains(&(head, length)));
    }

    /// Takes what is left of a stretch once each article that stands as a word in it has become a space.
    fn close_any(&mut self, start: usize, end: usize) {
        if self.may_hold_words(start, end) {
            self.close_around_articles(start, end);
        } else {
            self.close(start, end);
        }
    }

    /// Whether a stretch has both letters or digits of ASCII and something else.
    fn may_hold_words(&self, start: usize, end: usize) -> bool {
        let (mut inside, mut outside) = (0, 0);
        for place in (start..end).step_by(8) {
            let length = (end - place).min(8);
            let there = u64::MAX >> (64 - 8 * length);
            let other = outside_words(head(&self.flat.bytes[place..], length));
            inside |= !other & HIGH & there;
            outside |= other & there;
        }
        inside != 0 && outside != 0
    }

    fn close_around_articles(&mut self, start: usize, end: usize) {
        let (mut from, mut place) = (start, start);
        while place < end {
            let letters = self.flat.bytes[place..end].iter().take_while(|byte| byte.is_ascii_alphanumeric());
            let word = place..place + letters.count();
            if is_article(&self.flat.bytes[word.clone()]) && self.bounded(start, word.clone(), end) {
                self.close(from, word.start);
                from = word.end;
            }
            place = word.end + 1;
        }
        self.close(from, end);
    }

    /// Whether no word character stands before or after a word in its stretch.
    fn bounded(&self, start: usize, word: Range<usize>, end: usize) -> bool {
        // The one character on each side, of four bytes at most: a stretch may be as long as a text, and full of articles.
        let bytes = &self.flat.bytes;
        let begins = |place: &usize| bytes[*place] & 0xc0 != 0x80;
        let before = (start.max(word.start.saturating_sub(4))..word.start).rev().find(begins);
        let behind = (word.end + 1..end.min(word.end + 4)).find(begins).unwrap_or(end.min(word.end + 4));
        let character =
            |range: Range<usize>| str::from_utf8(&bytes[range]).ok().and_then(|text| text.chars().next());
        !before.and_then(|place| character(place..word.start)).is_some_and(is_word)
            && !character(word.end..behind.max(word.end)).is_some_and(is_word)
    }
}

impl PartialEq for Normal {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.same(self.tokens(), other, other.tokens())
    }
}

/// The heads of *a*, *an* and *the*, with their lengths.
const ARTICLES: [(u64, usize); 3] = [
    (u64::from_le_bytes(*b"a\0\0\0\0\0\0\0"), 1),
    (u64::from_le_bytes(*b"an\0\0\0\0\0\0"), 2),
    (u64::from_le_bytes(*b"the\0\0\0\0\0"), 3),
];
/// The same bits in each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;
const LOW: u64 = 0x7f * EACH;

fn is_article(word: &[u8]) -> bool {
    matches!(word, b"a" | b"an" | b"the")
}

/// The first 8 bytes of a token of this length as a number, with zeros where it has fewer.
fn head(flat: &[u8], length: usize) -> u64 {
    let word = flat.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if length < 8 { word & ((1 << (8 * length)) - 1) } else { word }
}

/// A bit for each of the first 64 bytes, set where it is a space.
fn spaces(flat: &[u8]) -> u64 {
    let mut found = 0;
    for (place, bytes) in flat.as_chunks::<8>().0.iter().take(8).enumerate() {
        let other = u64::from_le_bytes(*bytes) ^ (EACH * u64::from(b' '));
        // The high bit of each byte that is zero, then these bits side by side.
        let zero = !(((other & LOW) + LOW) | other | LOW);
        found |= ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * place);
    }
    found
}

/// The high bit of each of eight bytes of a flat text that is no letter or digit of ASCII.
fn outside_words(bytes: u64) -> u64 {
    // Without punctuation and capitals these are the only bytes from `0` to 0x7e.
    let low = bytes & LOW;
    (bytes | !(low + (0x80 - 0x30) * EACH) | (low + EACH)) & HIGH
}

/// What `\w` of Python's `re` matches, for characters that are not punctuation: letters and numbers.
fn is_word(character: char) -> bool {
    matches!(character.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
}
