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
//! **Method**: one pass over each string. ASCII text is lowered byte by byte; other text is decomposed and lowered
//! first. Categories are looked up only beside an article. F1 sorts tokens by their first 8 bytes as a number, so most
//! comparisons are of integers. Each reference is normalised once.
//!
//! **Cost**: about 3 ns a byte of ASCII, 10 to 30 ns a character otherwise, and scratch of the size of one row. For
//! a question of meaning rather than of words (paraphrases, other scripts' word breaks) use a semantic metric.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::Error;
use crate::error::same_length;

/// Answers that `HotPotQA` gives no partial credit for.
const ALL_OR_NOTHING: [&str; 3] = ["yes", "no", "noanswer"];

/// The normalised form of a text.
///
/// ```
/// assert_eq!(burnish_core::text::normalize("The Eiffel  Tower!"), "eiffel tower");
/// ```
#[must_use]
pub fn normalize(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
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
    let mut writer = Writer::new(normal);
    if text.is_ascii() {
        text.bytes().for_each(|byte| writer.put(char::from(byte.to_ascii_lowercase())));
    } else {
        // Lowering sees the whole decomposed text, because a sigma is final or not by its neighbours.
        text.nfd().collect::<String>().to_lowercase().chars().for_each(|character| writer.put(character));
    }
    writer.end_run(' ');
}

/// Takes lowered characters and writes tokens: drops punctuation and articles, squeezes white space.
struct Writer<'a> {
    normal: &'a mut String,
    /// White space or an article was seen since the last character written.
    gap: bool,
    /// The last character seen that is not punctuation.
    last: char,
    /// The ASCII letters and digits being written, if any: they may turn out to be an article.
    run: Option<Run>,
}

/// A run of ASCII letters and digits.
#[derive(Clone, Copy)]
struct Run {
    /// The character before it.
    before: char,
    /// Length of the output before the run and before the space in front of it.
    rewind: usize,
    /// Where the run begins in the output.
    start: usize,
}

impl<'a> Writer<'a> {
    fn new(normal: &'a mut String) -> Self {
        Self { normal, gap: false, last: ' ', run: None }
    }

    fn put(&mut self, character: char) {
        if character.is_ascii_alphanumeric() {
            if self.run.is_none() {
                let rewind = self.normal.len();
                self.close_gap();
                self.run = Some(Run { before: self.last, rewind, start: self.normal.len() });
            }
            self.normal.push(character);
        } else if character.is_ascii_punctuation() {
            return;
        } else {
            self.end_run(character);
            if is_space(character) {
                self.gap = true;
            } else {
                self.close_gap();
                self.normal.push(character);
            }
        }
        self.last = character;
    }

    /// Takes the run back if it is an article that stands as a word before the character `after`.
    fn end_run(&mut self, after: char) {
        let Some(run) = self.run.take() else { return };
        let article = matches!(&self.normal.as_bytes()[run.start..], b"a" | b"an" | b"the");
        if article && !is_word(run.before) && !is_word(after) {
            self.normal.truncate(run.rewind);
            self.gap = true;
        }
    }

    fn close_gap(&mut self) {
        if self.gap && !self.normal.is_empty() {
            self.normal.push(' ');
        }
        self.gap = false;
    }
}

/// What Python's `str.split` splits at: Unicode's white space and four separators of ASCII.
fn is_space(character: char) -> bool {
    matches!(character, '\u{1c}'..='\u{1f}') || character.is_whitespace()
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
