//! Which candidates a race drops, from their scores on the same examples.
//!
//! Every candidate sees the same examples in the same order, so that what decides is the paired difference, whose variance is a fifth to a
//! half of that of independent draws. Two rules: [`beaten`] drops who is beaten beyond doubt and costs what the candidates' differences
//! demand; [`rejects`] spends a given budget and drops the worst after each phase (Audibert, Bubeck and Munos 2010), without
//! a parameter and without a promise. Both read the board alone. **Cost**: candidates × cells.

mod tests_of_difference;

use std::collections::BTreeMap;

use crate::Error;
use crate::board::{self, Rows};
use crate::interval;

/// How a race by [`rejects`] stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phase {
    /// The candidates still in the race, by rising number.
    pub alive: Vec<i64>,
    /// How many examples each of them is to have seen before the next is dropped.
    pub examples: usize,
}

/// Cells that count, by candidate and example; and how many examples each candidate was asked, measured or not.
struct Table {
    scores: Vec<BTreeMap<i64, f64>>,
    asked: Vec<usize>,
}

/// Whether each of the first `n_candidates` is beaten: worse than the best on the examples that both have, beyond doubt.
///
/// The best is the one with the highest mean on at least `share` as many cells as the one with the most. The chance that the candidate
/// which is truly the best is ever called beaten is at most `error`, over all candidates and over `looks` times that this is
/// asked while scores come in: each pair has `error / looks / (candidates − 1)`. Where scores are right or wrong the test is exact;
/// else it is Student's, from ten common examples on, which holds as far as the mean difference is near normal.
pub fn beaten(
    rows: Rows<'_>,
    n_candidates: usize,
    share: f64,
    looks: usize,
    error: f64,
) -> Result<Vec<bool>, Error> {
    for (name, value) in [("share", share), ("error", error)] {
        if value.is_nan() {
            return Err(Error::NotANumber { name });
        }
    }
    if looks == 0 {
        return Err(Error::AtLeastOne { name: "looks" });
    }
    let table = Table::new(rows, n_candidates)?;
    let most = table.scores.iter().map(BTreeMap::len).max().unwrap_or(0);
    let mut best: Option<(f64, usize)> = None;
    for (candidate, cells) in table.scores.iter().enumerate() {
        let counts = !cells.is_empty() && cells.len() as f64 >= share * most as f64;
        let mean = mean(cells.values().copied());
        if counts && best.is_none_or(|(leading, _)| mean > leading) {
            best = Some((mean, candidate));
        }
    }
    let Some((_, best)) = best else { return Ok(vec![false; n_candidates]) };
    let level = error / looks as f64 / n_candidates.saturating_sub(1).max(1) as f64;
    let doubtless = |candidate: usize| {
        let other = &table.scores[candidate];
        let differences: Vec<f64> = table.scores[best]
            .iter()
            .filter_map(|(example, score)| Some(score - other.get(example)?))
            .collect();
        candidate != best && tests_of_difference::chance_of_none(&differences) <= level
    };
    Ok((0..n_candidates).map(doubtless).collect())
}

/// Who is still in a race of `n_candidates` that may cost `budget` cells over `n_examples`, and what they see next.
///
/// Dropped is who has the lowest mean over the examples that all still in the race have; of equals the later. A race that is over has one
/// candidate; the last two share what is left of the budget.
pub fn rejects(
    rows: Rows<'_>,
    n_candidates: usize,
    n_examples: usize,
    budget: usize,
) -> Result<Phase, Error> {
    let table = Table::new(rows, n_candidates)?;
    let mut alive: Vec<usize> = (0..n_candidates).collect();
    let harmonic = 0.5 + (2..=n_candidates).map(|k| 1.0 / k as f64).sum::<f64>();
    let spent = budget.saturating_sub(n_candidates) as f64;
    while alive.len() > 1 {
        let mut examples = (spent / harmonic / alive.len() as f64).floor();
        if alive.len() == 2 {
            let paid: usize = (0..n_candidates).filter(|c| !alive.contains(c)).map(|c| table.asked[c]).sum();
            examples = examples.max((budget.saturating_sub(paid) / 2) as f64);
        }
        // A float of a count; what does not fit is more than there are examples.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates, and is not negative"
        )]
        let examples = (examples as usize).clamp(1, n_examples.max(1));
        if alive.iter().any(|candidate| table.asked[*candidate] < examples) {
            return Ok(Phase { alive: signed(&alive), examples });
        }
        let means = table.common_means(&alive);
        let mut worst = 0;
        for place in 1..alive.len() {
            // One without a score is worse than any other; a later one that is equal is dropped before.
            if means[place].is_nan() || means[place] <= means[worst] {
                worst = place;
            }
        }
        alive.remove(worst);
    }
    Ok(Phase { alive: signed(&alive), examples: 0 })
}

impl Table {
    fn new(rows: Rows<'_>, n_candidates: usize) -> Result<Self, Error> {
        // The board's checks, and its own, that no row names a candidate beyond the race.
        board::Board::new().append(rows)?;
        let mut runs: Vec<BTreeMap<i64, Vec<f64>>> = vec![BTreeMap::new(); n_candidates];
        for (row, candidate) in rows.candidate.iter().enumerate() {
            let place = usize::try_from(*candidate).ok().filter(|place| *place < n_candidates);
            let place = place.ok_or(Error::Candidate { row, candidate: *candidate, most: n_candidates })?;
            let scores = runs[place].entry(rows.example[row]).or_default();
            if rows.status[row] != board::NOT_MEASURED {
                scores.push(rows.score[row]);
            }
        }
        let asked = runs.iter().map(BTreeMap::len).collect();
        let averaged = |cells: BTreeMap<i64, Vec<f64>>| {
            let measured = cells.into_iter().filter(|(_, scores)| !scores.is_empty());
            measured.map(|(example, mut scores)| {
                scores.sort_by(f64::total_cmp);
                (example, mean(scores.into_iter()))
            })
        };
        Ok(Self { scores: runs.into_iter().map(|cells| averaged(cells).collect()).collect(), asked })
    }

    /// Means over the examples that all of these have; over each one's own where there is none.
    fn common_means(&self, alive: &[usize]) -> Vec<f64> {
        let common: Vec<i64> = self.scores[alive[0]]
            .keys()
            .filter(|example| alive.iter().all(|candidate| self.scores[*candidate].contains_key(example)))
            .copied()
            .collect();
        let of = |candidate: &usize| {
            let cells = &self.scores[*candidate];
            if common.is_empty() {
                return mean(cells.values().copied());
            }
            mean(common.iter().map(|example| cells[example]))
        };
        alive.iter().map(of).collect()
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let mut count = 0_usize;
    let sum = interval::sum(values.inspect(|_| count += 1));
    sum / count as f64
}

fn signed(candidates: &[usize]) -> Vec<i64> {
    candidates.iter().map(|candidate| i64::try_from(*candidate).unwrap_or(i64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::{beaten, rejects};
    use crate::board::Rows;

    fn rows(scores: &[&[f64]]) -> (Vec<i64>, Vec<i64>, Vec<f64>, Vec<u8>) {
        let mut columns = (vec![], vec![], vec![], vec![]);
        for (candidate, scores) in (0_i64..).zip(scores) {
            for (example, score) in (0_i64..).zip(*scores) {
                columns.0.push(candidate);
                columns.1.push(example);
                columns.2.push(*score);
                columns.3.push(0);
            }
        }
        columns
    }

    fn as_rows(columns: &(Vec<i64>, Vec<i64>, Vec<f64>, Vec<u8>)) -> Rows<'_> {
        Rows { candidate: &columns.0, example: &columns.1, score: &columns.2, status: &columns.3 }
    }

    #[test]
    fn who_loses_on_every_example_is_beaten_once_there_are_enough() {
        // Two candidates, one look: 2^-n is at most 0.05 from five examples on.
        for (n, wanted) in [(4, false), (5, true)] {
            let columns = rows(&[&vec![0.0; n], &vec![1.0; n]]);
            assert_eq!(beaten(as_rows(&columns), 2, 0.0, 1, 0.05), Ok(vec![wanted, false]));
        }
        let columns = rows(&[&[0.0; 5], &[1.0; 5]]);
        assert_eq!(beaten(as_rows(&columns), 2, 0.0, 2, 0.05), Ok(vec![false, false]));
    }

    #[test]
    fn the_worst_goes_after_each_phase_and_the_last_two_share_the_rest() {
        let columns = rows(&[]);
        let phase = rejects(as_rows(&columns), 3, 100, 60).map(|phase| (phase.alive, phase.examples));
        assert_eq!(phase, Ok((vec![0, 1, 2], 14)));
        let columns = rows(&[&[1.0; 14], &[0.0; 14], &[0.0; 14]]);
        let phase = rejects(as_rows(&columns), 3, 100, 60).map(|phase| (phase.alive, phase.examples));
        assert_eq!(phase, Ok((vec![0, 1], 23)));
        let columns = rows(&[&[1.0; 23], &[0.0; 23], &[0.0; 14]]);
        let phase = rejects(as_rows(&columns), 3, 100, 60).map(|phase| (phase.alive, phase.examples));
        assert_eq!(phase, Ok((vec![0], 0)));
    }
}
