//! Text metrics over columns of strings: `SQuAD` normalisation, exact match, F1, `HotPotQA`'s F1, passage match.
//!
//! **Normalisation** is, in this order: canonical decomposition (NFD), lower case, without ASCII punctuation, without
//! the articles *a*, *an*, *the*, with runs of white space as one space and none at the ends. It is defined by what
//! Python's `unicodedata`, `str` and `re` do: a word character is a letter, a number or `_` (so a combining mark ends a
//! word: `"à"` decomposes to the article *a* and an accent), white space includes U+001C to U+001F, and a final sigma
//! is lowered by its context. It equals `CPython` 3.11 to 3.13 on every string of characters that the Python knows, but for
//! one case: a capital sigma beside U+0295 or U+1171E, whose classes Unicode changed later, may be lowered as the other
//! small sigma. The tables here are newer than a Python's: a character that only they know is decomposed and lowered
//! here, and left alone there.
//!
//! **Method**: plain ASCII goes byte by byte through a table; other text token by token, where only tokens beyond ASCII
//! are decomposed, and categories are looked up only beside what may be an article. F1 sorts tokens by their first 8 bytes as a number, so most
//! comparisons are of integers. Each reference is normalised once.
//!
//! **Cost**: about 3 ns a byte of ASCII, 10 to 30 ns a character otherwise, and scratch of the size of one row. For
//! a question of meaning rather than of words (paraphrases, other scripts' word breaks) use a semantic metric.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::Error;
use crate::error::same_length;

/// Marks a character of ASCII that is left out.
const DROP: u8 = 0xff;
/// Marks a character of ASCII that separates tokens.
const SPACE: u8 = 0xfe;
/// Answers that `HotPotQA` gives no partial credit for.
const ALL_OR_NOTHING: [&str; 3] = ["yes", "no", "noanswer"];

/// The normalised form of a text.
///
/// ```
/// assert_eq!(burnish_core::text::normalize("The Eiffel  Tower!"), "eiffel tower");
/// ```
#[must_use]
pub fn normalize(text: &str) -> String {
    let mut normal = String::with_capacity(text.len() + 1);
    normalize_into(text, &mut normal);
    normal
}

/// For each row 1.0 if the prediction equals one of the row's references once both are normalised, else 0.0.
pub fn exact_match<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
) -> Result<Vec<f64>, Error> {
    best(predictions, references, |prediction, reference| f64::from(prediction == reference))
}

/// For each row the best F1 of the tokens that the prediction shares with a reference, counted with repeats.
///
/// Two texts without tokens agree (1.0); one without tokens beside one with tokens shares nothing (0.0).
pub fn f1<S: AsRef<str>, R: AsRef<[S]>>(predictions: &[S], references: &[R]) -> Result<Vec<f64>, Error> {
    best(predictions, references, overlap)
}

/// As [`f1`], but *yes*, *no* and *noanswer* on either side give 0.0 unless both sides say the same.
pub fn hotpot_f1<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
) -> Result<Vec<f64>, Error> {
    best(predictions, references, |prediction, reference| {
        let strict = ALL_OR_NOTHING.contains(&prediction) || ALL_OR_NOTHING.contains(&reference);
        if strict && prediction != reference { 0.0 } else { overlap(prediction, reference) }
    })
}

/// For each row 1.0 if the tokens of one of its answers stand side by side in one of its passages, else 0.0.
///
/// An answer that normalises to nothing is found nowhere; a row without passages is 0.0.
pub fn passage_match<S: AsRef<str>, R: AsRef<[S]>>(passages: &[R], answers: &[R]) -> Result<Vec<f64>, Error> {
    same_length(("answers", answers.len()), ("passages", passages.len()))?;
    some_in_each_row("answers", answers)?;
    let mut passage = String::new();
    let mut scores = Vec::with_capacity(passages.len());
    for (passages, answers) in passages.iter().zip(answers) {
        // Between spaces, a run of whole tokens is a substring.
        let runs: Vec<String> = answers.as_ref().iter().map(|answer| normalize(answer.as_ref())).collect();
        let runs: Vec<String> =
            runs.iter().filter(|run| !run.is_empty()).map(|run| format!(" {run} ")).collect();
        let found = passages.as_ref().iter().any(|text| {
            normalize_into(text.as_ref(), &mut passage);
            passage.insert(0, ' ');
            passage.push(' ');
            runs.iter().any(|run| passage.contains(run.as_str()))
        });
        scores.push(f64::from(found));
    }
    Ok(scores)
}

/// The best score of each row's prediction over the row's references.
fn best<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
    score: impl Fn(&str, &str) -> f64,
) -> Result<Vec<f64>, Error> {
    same_length(("references", references.len()), ("predictions", predictions.len()))?;
    some_in_each_row("references", references)?;
    let (mut prediction, mut reference) = (String::new(), String::new());
    let mut scores = Vec::with_capacity(predictions.len());
    for (text, references) in predictions.iter().zip(references) {
        normalize_into(text.as_ref(), &mut prediction);
        let mut row: f64 = 0.0;
        for text in references.as_ref() {
            normalize_into(text.as_ref(), &mut reference);
            row = row.max(score(&prediction, &reference));
        }
        scores.push(row);
    }
    Ok(scores)
}

fn some_in_each_row<S, R: AsRef<[S]>>(name: &'static str, rows: &[R]) -> Result<(), Error> {
    match rows.iter().position(|row| row.as_ref().is_empty()) {
        Some(row) => Err(Error::Nothing { name, row }),
        None => Ok(()),
    }
}

/// F1 of the tokens of two normalised texts.
fn overlap(prediction: &str, reference: &str) -> f64 {
    if prediction == reference {
        return 1.0;
    }
    let (predicted, expected) = (sorted_tokens(prediction), sorted_tokens(reference));
    let (mut shared, mut left, mut right) =
        (0_usize, predicted.iter().peekable(), expected.iter().peekable());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let order = one.cmp(other);
        shared += usize::from(order == Ordering::Equal);
        left.next_if(|_| order != Ordering::Greater);
        right.next_if(|_| order != Ordering::Less);
    }
    if shared == 0 {
        return 0.0;
    }
    let precision = shared as f64 / predicted.len() as f64;
    let recall = shared as f64 / expected.len() as f64;
    2.0 * precision * recall / (precision + recall)
}

/// The tokens of a normalised text, sorted, each behind its first 8 bytes as a number that sorts as they do.
fn sorted_tokens(normal: &str) -> Vec<(u64, &str)> {
    let mut tokens = Vec::with_capacity(normal.len() / 4 + 1);
    tokens.extend(normal.split(' ').filter(|token| !token.is_empty()).map(|token| (head(token), token)));
    tokens.sort_unstable();
    tokens
}

fn head(token: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = token.len().min(8);
    bytes[..length].copy_from_slice(&token.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

/// Writes the normalised form of `text` over what `normal` held.
fn normalize_into(text: &str, normal: &mut String) {
    normal.clear();
    if is_plain(text) {
        let mut bytes = std::mem::take(normal).into_bytes();
        normalize_plain(text, &mut bytes);
        // What is written is ASCII.
        *normal = String::from_utf8(bytes).unwrap_or_default();
    } else {
        normalize_any(text, normal);
    }
}

/// Whether all of a text is white space and printing characters of ASCII.
fn is_plain(text: &str) -> bool {
    // Without an early end the check is done on many bytes at once.
    let plain = |byte: u8| matches!(byte, b'\t'..=b'\r' | 0x1c..=0x7e);
    text.bytes().fold(true, |all, byte| all & plain(byte))
}

/// What becomes of each character of ASCII: itself, lowered, or one of these. White space is what Python's `str.split`
/// splits at, so Unicode's and four separators.
const LOWERED: [u8; 128] = {
    let mut lowered = [0; 128];
    let mut byte: u8 = 0;
    while byte < 128 {
        lowered[byte as usize] = match byte {
            b'\t'..=b'\r' | 0x1c..=b' ' => SPACE,
            _ if byte.is_ascii_punctuation() => DROP,
            _ => byte.to_ascii_lowercase(),
        };
        byte += 1;
    }
    lowered
};

fn normalize_plain(text: &str, normal: &mut Vec<u8>) {
    // Every byte is written where the next one goes, and stays if the place moves on.
    normal.resize(text.len() + 1, b' ');
    let (mut start, mut end) = (0, 0);
    for byte in text.bytes() {
        let lowered = LOWERED[usize::from(byte & 0x7f)];
        if lowered == SPACE {
            start = close_token(normal, start, end);
            end = start;
        } else {
            normal[end] = lowered;
            end += usize::from(lowered != DROP);
        }
    }
    start = close_token(normal, start, end);
    normal.truncate(start.saturating_sub(1));
}

/// Ends the token that was written, with a space; takes it back if it is empty or an article. Where the next one begins.
fn close_token(normal: &mut [u8], start: usize, end: usize) -> usize {
    if matches!(&normal[start..end], b"" | b"a" | b"an" | b"the") {
        return start;
    }
    normal[end] = b' ';
    end + 1
}

/// Any text: written flat first, then token by token without articles.
fn normalize_any(text: &str, normal: &mut String) {
    let mut flat = String::with_capacity(2 * text.len());
    if text.contains('Σ') {
        // Only a sigma is lowered by its neighbours; what is lowered here stays as it is after that.
        flatten(&text.nfd().collect::<String>().to_lowercase(), &mut flat);
    } else {
        flatten(text, &mut flat);
    }
    for token in flat.split(' ').filter(|token| !token.is_empty() && !is_article(token)) {
        // Only a token of several words may hold an article.
        if token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            push_token(token, normal);
        } else {
            push_without_articles(token, normal);
        }
    }
}

/// Appends a text decomposed, lowered and without punctuation, with a space for each character of white space.
fn flatten(text: &str, flat: &mut String) {
    // Decomposing leaves ASCII as it is and moves nothing past it, so only what lies between is decomposed.
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, beyond) =
            rest.split_at(rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len()));
        let (beyond, next) =
            beyond.split_at(beyond.bytes().position(|byte| byte.is_ascii()).unwrap_or(beyond.len()));
        plain.bytes().for_each(|byte| push_plain(byte, flat));
        for character in beyond.nfd() {
            match u8::try_from(character) {
                Ok(byte) if byte.is_ascii() => push_plain(byte, flat),
                _ if character.is_whitespace() => flat.push(' '),
                _ => flat.extend(character.to_lowercase()),
            }
        }
        rest = next;
    }
}

fn push_plain(byte: u8, flat: &mut String) {
    match LOWERED[usize::from(byte & 0x7f)] {
        DROP => {}
        SPACE => flat.push(' '),
        lowered => flat.push(char::from(lowered)),
    }
}

fn push_token(token: &str, normal: &mut String) {
    if !token.is_empty() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.push_str(token);
    }
}

/// The runs of ASCII letters and digits in a token, each with its place; between two others there may be an empty one.
fn words(token: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut place = 0;
    token.split(|character: char| !character.is_ascii_alphanumeric()).map(move |word| {
        let start = place;
        place += word.len() + token[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        (word, start)
    })
}

/// Appends what is left of a token once each article that stands as a word in it has become a space.
fn push_without_articles(token: &str, normal: &mut String) {
    let mut from = 0;
    for (word, start) in words(token) {
        let end = start + word.len();
        let bounded = || {
            !token[..start].chars().next_back().is_some_and(is_word)
                && !token[end..].chars().next().is_some_and(is_word)
        };
        if is_article(word) && bounded() {
            push_token(&token[from..start], normal);
            from = end;
        }
    }
    push_token(&token[from..], normal);
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the")
}

/// What `\w` of Python's `re` matches, for characters that are not punctuation: letters and numbers.
fn is_word(character: char) -> bool {
    matches!(character.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn heads_sort_like_their_texts() {
        let mut texts = ["b", "a", "abcdefgh", "abcdefghi", "é", "ab", "𝄞"];
        texts.sort_unstable();
        assert!(texts.is_sorted_by_key(|text| (head(text), *text)));
    }
}
