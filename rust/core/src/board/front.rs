//! The Pareto front: the candidates that no other dominates, and on how many examples each is best.
//!
//! A **dominates** B if A counts on every example that counts for B, is at least as good on each, and better on one of them. Equals stand
//! on the front together; a candidate that counts nowhere is not on it. A candidate **wins** an example if no other has a better
//! score there. Drawing from the front in proportion to wins is the selection of GEPA (Agrawal et al. 2025, arXiv:2507.19457,
//! Algorithm 2), which keeps who is best on some example, drops the dominated, and draws by how often each is best: a
//! candidate on the front that wins nothing is never drawn there.
//!
//! **Method**: each candidate is held against the others, better means first, and against none that is dominated, since what dominates
//! that dominates this too. Who alone wins an example is held against nobody; else a pair begins with the example that this one
//! wins with the fewest others and with the one that the other, unlike most, does not win, and ends at the first on which this one is better.
//! **Cost**: 8 bytes and some 10 ns a row, and a pair from a few ns to 1 ns an example where the two hardly differ; a thousand
//! candidates by 10⁴ examples take tenths of a second.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::runs::Runs;

/// So many scores are compared before it is asked whether one of them decided.
const AT_ONCE: usize = 64;

/// The candidates on the front by rising number, as columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Front {
    /// Their numbers.
    pub candidate: Vec<i64>,
    /// Examples on which no other candidate has a better score.
    pub wins: Vec<i64>,
}

/// A candidate that has a cell.
struct Entry {
    candidate: i64,
    mean: f64,
    /// Which list of examples its scores belong to.
    list: usize,
    scores: Vec<f64>,
    wins: i64,
    /// Where in its scores the example stands that it wins with the fewest others, and how many win it.
    rarest: Option<(usize, u32)>,
    /// Where the example stands that it does not win and most others do, and how many win it.
    weakest: Option<(usize, u32)>,
}

/// The scores of all candidates; those that count on the same examples share one list of them.
#[derive(Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    known: FxHashMap<Vec<i64>, usize>,
}

impl Table {
    /// Takes the next candidate by rising number; its runs are settled.
    pub fn push(&mut self, candidate: i64, mean: f64, runs: &Runs) {
        let (examples, scores): (Vec<i64>, Vec<f64>) = runs.means().unzip();
        if !scores.is_empty() {
            let next = self.known.len();
            let list = *self.known.entry(examples).or_insert(next);
            self.entries.push(Entry { candidate, mean, list, scores, wins: 0, rarest: None, weakest: None });
        }
    }

    pub fn front(self) -> Front {
        let mut lists = vec![Vec::new(); self.known.len()];
        for (examples, list) in self.known {
            lists[list] = examples;
        }
        let mut entries = self.entries;
        count_wins(&mut entries, &lists);
        let on_front = undominated(&entries, &lists);
        let mut front = Front::default();
        for (entry, _) in entries.iter().zip(on_front).filter(|(_, on_front)| *on_front) {
            front.candidate.push(entry.candidate);
            front.wins.push(entry.wins);
        }
        front
    }
}

/// Fills in what each candidate wins.
fn count_wins(entries: &mut [Entry], lists: &[Vec<i64>]) {
    let mut numbers = FxHashMap::default();
    let lists: Vec<Vec<usize>> = lists
        .iter()
        .map(|examples| {
            let mut number = |example: &i64| {
                let next = numbers.len();
                *numbers.entry(*example).or_insert(next)
            };
            examples.iter().map(&mut number).collect()
        })
        .collect();
    let mut best = vec![f64::NEG_INFINITY; numbers.len()];
    for entry in &*entries {
        for (number, score) in lists[entry.list].iter().zip(&entry.scores) {
            best[*number] = best[*number].max(*score);
        }
    }
    let mut winners = vec![0_u32; best.len()];
    for entry in &*entries {
        for (number, score) in lists[entry.list].iter().zip(&entry.scores) {
            winners[*number] += u32::from(*score == best[*number]);
        }
    }
    for entry in entries {
        for (place, (number, score)) in lists[entry.list].iter().zip(&entry.scores).enumerate() {
            let here = winners[*number];
            if *score == best[*number] {
                entry.wins += 1;
                if entry.rarest.is_none_or(|(_, fewest)| here < fewest) {
                    entry.rarest = Some((place, here));
                }
            } else if entry.weakest.is_none_or(|(_, most)| here > most) {
                entry.weakest = Some((place, here));
            }
        }
    }
}

/// Whether each candidate is one that no other dominates.
fn undominated(entries: &[Entry], lists: &[Vec<i64>]) -> Vec<bool> {
    let mut turns: Vec<usize> = (0..entries.len()).collect();
    turns.sort_by(|one, other| entries[*other].mean.total_cmp(&entries[*one].mean));
    let mut on_front = vec![true; entries.len()];
    for (turn, place) in turns.iter().enumerate() {
        let entry = &entries[*place];
        if entry.rarest.is_some_and(|(_, winners)| winners == 1) {
            continue;
        }
        for (rival_turn, rival) in turns.iter().enumerate() {
            if rival == place || !on_front[*rival] {
                continue;
            }
            let rival = &entries[*rival];
            match compare(rival, entry, lists) {
                Some(Ordering::Greater) => {
                    on_front[*place] = false;
                    break;
                }
                // Its twin was held against everybody in its own turn.
                Some(Ordering::Equal) if rival.list == entry.list && rival_turn < turn => break,
                _ => {}
            }
        }
    }
    on_front
}

/// How the rival compares on the examples of the other: greater if it dominates, none if it misses one or is worse there.
fn compare(rival: &Entry, entry: &Entry, lists: &[Vec<i64>]) -> Option<Ordering> {
    let mut better = false;
    if rival.list == entry.list {
        let worse = |(place, _): &(usize, u32)| rival.scores[*place] < entry.scores[*place];
        if entry.rarest.iter().chain(&rival.weakest).any(worse) {
            return None;
        }
        for (theirs, scores) in rival.scores.chunks(AT_ONCE).zip(entry.scores.chunks(AT_ONCE)) {
            let mut worse = false;
            for (their, score) in theirs.iter().zip(scores) {
                worse |= their < score;
                better |= their > score;
            }
            if worse {
                return None;
            }
        }
    } else if rival.scores.len() > entry.scores.len() {
        let mut theirs = lists[rival.list].iter().zip(&rival.scores);
        for (example, score) in lists[entry.list].iter().zip(&entry.scores) {
            let (_, their) =
                theirs.find(|(their, _)| *their >= example).filter(|(their, _)| *their == example)?;
            if their < score {
                return None;
            }
            better |= their > score;
        }
    } else {
        return None;
    }
    Some(if better { Ordering::Greater } else { Ordering::Equal })
}
