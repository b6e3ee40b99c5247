//! Text metrics over columns of strings: exact match, F1, precision, recall, `HotPotQA`'s F1, passage match.
//!
//! All of them compare texts by their tokens once [normalised](normalize) as `SQuAD` does (Rajpurkar et al. 2016). Each text is
//! read once, so the references of a row are normalised once.
//!
//! **Method**: the tokens that two texts share are counted in a table of the prediction's tokens, against which all
//! references of the row are held. Where two texts are the same once normalised they agree (1.0), without tokens too; a text
//! without tokens beside one with tokens shares nothing (0.0).
//!
//! **Cost**: about 2 ns a byte of ASCII, 5 to 10 ns a character otherwise, some 5 ns a token to count it, and scratch of
//! about 15 times the longest text. Passages are searched token by token, which is quadratic only where both a passage and
//! an answer repeat one token over and over. For a question of meaning rather than of words (paraphrases, other scripts'
//! word breaks) use a semantic metric.

mod bag;
mod characters;
mod normal;

use bag::Bag;
use normal::Normal;

use crate::Error;
use crate::error::same_length;

/// Answers that `HotPotQA` gives no partial credit for.
const ALL_OR_NOTHING: [&[u8]; 3] = [b"yes", b"no", b"noanswer"];

/// The normalised form of a text: its tokens, with single spaces between them.
///
/// ```
/// assert_eq!(burnish_core::text::normalize("The Eiffel  Tower!"), "eiffel tower");
/// ```
#[must_use]
pub fn normalize(text: &str) -> String {
    let mut normal = Normal::default();
    normal.read(text);
    normal.write()
}

/// For each row 1.0 if the prediction equals one of the row's references once both are normalised, else 0.0.
pub fn exact_match<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
) -> Result<Vec<f64>, Error> {
    best(predictions, references, |_, _, _| 0.0)
}

/// For each row the best F1 of the tokens that the prediction shares with a reference, counted with repeats.
///
/// Two texts without tokens agree (1.0); one without tokens beside one with tokens shares nothing (0.0). So it is for
/// precision and recall too.
pub fn f1<S: AsRef<str>, R: AsRef<[S]>>(predictions: &[S], references: &[R]) -> Result<Vec<f64>, Error> {
    best(predictions, references, overlap)
}

/// For each row the best share of the prediction's tokens that a reference has too, counted with repeats.
pub fn precision<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
) -> Result<Vec<f64>, Error> {
    best(predictions, references, |bag, prediction, reference| shares(bag, prediction, reference).0)
}

/// For each row the best share of a reference's tokens that the prediction has too, counted with repeats.
pub fn recall<S: AsRef<str>, R: AsRef<[S]>>(predictions: &[S], references: &[R]) -> Result<Vec<f64>, Error> {
    best(predictions, references, |bag, prediction, reference| shares(bag, prediction, reference).1)
}

/// As [`f1`], but *yes*, *no* and *noanswer* on either side give 0.0 unless both sides say the same.
pub fn hotpot_f1<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
) -> Result<Vec<f64>, Error> {
    best(predictions, references, |bag, prediction, reference| {
        let strict = ALL_OR_NOTHING.iter().any(|word| prediction.is(word) || reference.is(word));
        if strict { 0.0 } else { overlap(bag, prediction, reference) }
    })
}

/// For each row 1.0 if the tokens of one of its answers stand side by side in one of its passages, else 0.0.
///
/// An answer that normalises to nothing is found nowhere; a row without passages is 0.0.
pub fn passage_match<S: AsRef<str>, R: AsRef<[S]>>(passages: &[R], answers: &[R]) -> Result<Vec<f64>, Error> {
    same_length(("answers", answers.len()), ("passages", passages.len()))?;
    some_in_each_row("answers", answers)?;
    let (mut passage, mut wanted) = (Normal::default(), Vec::new());
    let mut scores = Vec::with_capacity(passages.len());
    for (passages, answers) in passages.iter().zip(answers) {
        let answers = answers.as_ref();
        if wanted.len() < answers.len() {
            wanted.resize_with(answers.len(), Normal::default);
        }
        for (answer, text) in wanted.iter_mut().zip(answers) {
            answer.read(text.as_ref());
        }
        let found = passages.as_ref().iter().any(|text| {
            passage.read(text.as_ref());
            wanted[..answers.len()].iter().any(|answer| passage.holds(answer))
        });
        scores.push(f64::from(found));
    }
    Ok(scores)
}

/// The best score of each row's prediction over the row's references: 1.0 where they are the same, else what `score` says.
fn best<S: AsRef<str>, R: AsRef<[S]>>(
    predictions: &[S],
    references: &[R],
    score: impl Fn(&mut Bag, &Normal, &Normal) -> f64,
) -> Result<Vec<f64>, Error> {
    same_length(("references", references.len()), ("predictions", predictions.len()))?;
    some_in_each_row("references", references)?;
    let (mut prediction, mut reference, mut bag) = (Normal::default(), Normal::default(), Bag::default());
    let mut scores = Vec::with_capacity(predictions.len());
    for (text, references) in predictions.iter().zip(references) {
        prediction.read(text.as_ref());
        bag.empty();
        let mut row: f64 = 0.0;
        for text in references.as_ref() {
            reference.read(text.as_ref());
            let same = prediction == reference;
            row = row.max(if same { 1.0 } else { score(&mut bag, &prediction, &reference) });
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

/// F1 of the tokens of two texts that differ.
fn overlap(bag: &mut Bag, prediction: &Normal, reference: &Normal) -> f64 {
    let (precision, recall) = shares(bag, prediction, reference);
    if precision == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

/// Precision and recall of the tokens of two texts that differ.
fn shares(bag: &mut Bag, prediction: &Normal, reference: &Normal) -> (f64, f64) {
    match bag.shared(prediction, reference) {
        0 => (0.0, 0.0),
        shared => (
            shared as f64 / prediction.tokens().len() as f64,
            shared as f64 / reference.tokens().len() as f64,
        ),
    }
}
