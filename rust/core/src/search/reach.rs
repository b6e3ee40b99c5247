//! The best candidate of a function over a space that may be too large to try them all.
//!
//! Up to [`ALL`] combinations each is tried. Beyond, the best of a fixed handful of starts (random ones and all that were measured)
//! are climbed from, one slot at a time; what is found is the best of its neighbours, and mostly the best of all.

use std::collections::{HashMap, HashSet};

use super::cells::Number;
use super::effects::Effects;
use super::normal::Stream;
use super::surrogate::Surrogate;

/// Combinations that are all tried.
const ALL: u64 = 1 << 12;
/// Random starts in a larger space.
const STARTS: usize = 512;
/// How many of the starts are climbed from.
const CLIMBS: usize = 6;

pub(crate) struct Reach<'a> {
    fitted: &'a Surrogate,
    starts: Vec<(Number, Vec<usize>)>,
    whole: bool,
    measured: HashMap<Number, usize>,
}

impl<'a> Reach<'a> {
    pub fn new(fitted: &'a Surrogate, stream: &mut Stream) -> Self {
        let space = &fitted.space;
        let measured: HashMap<Number, usize> =
            fitted.picks.iter().enumerate().map(|(i, picks)| (space.number(picks), i)).collect();
        let whole = space.size <= ALL;
        let mut numbers: Vec<Number> = if whole {
            (0..space.size).collect()
        } else {
            let random = (0..STARTS).map(|_| space.number(&space.random(stream)));
            let mut numbers: Vec<Number> = random.collect();
            numbers.extend(measured.keys());
            numbers
        };
        numbers.sort_unstable();
        numbers.dedup();
        let starts = numbers.into_iter().map(|number| (number, space.picks(number))).collect();
        Self { fitted, starts, whole, measured }
    }

    /// The best that is not left out; of equals the one that comes first in counting order.
    pub fn best(&self, effects: &Effects, without: &HashSet<Number>) -> Option<Vec<usize>> {
        let mut ranked: Vec<(f64, &Vec<usize>)> = self
            .starts
            .iter()
            .filter(|(number, _)| !without.contains(number))
            .map(|(number, picks)| (self.worth(effects, *number, picks), picks))
            .collect();
        if ranked.is_empty() && !self.whole {
            return None;
        }
        if self.whole {
            let mut best: Option<(f64, &Vec<usize>)> = None;
            for (value, picks) in ranked {
                if best.is_none_or(|(leading, _)| value > leading) {
                    best = Some((value, picks));
                }
            }
            return best.map(|(_, picks)| picks.clone());
        }
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut best: Option<(f64, Vec<usize>)> = None;
        for (value, picks) in ranked.into_iter().take(CLIMBS) {
            let (value, picks) = self.climb(effects, value, picks.clone(), without);
            if best.as_ref().is_none_or(|(leading, _)| value > *leading) {
                best = Some((value, picks));
            }
        }
        best.map(|(_, picks)| picks)
    }

    /// Changes one slot at a time as long as that helps.
    fn climb(
        &self,
        effects: &Effects,
        mut value: f64,
        mut picks: Vec<usize>,
        without: &HashSet<Number>,
    ) -> (f64, Vec<usize>) {
        let mut moved = true;
        while moved {
            moved = false;
            for slot in 0..picks.len() {
                let stays = picks[slot];
                let mut best = (value, stays);
                for pick in 0..self.fitted.space.sizes[slot] {
                    picks[slot] = pick;
                    let number = self.fitted.space.number(&picks);
                    if pick == stays || without.contains(&number) {
                        continue;
                    }
                    let other = self.worth(effects, number, &picks);
                    if other > best.0 + 1e-12 {
                        best = (other, pick);
                    }
                }
                picks[slot] = best.1;
                moved |= best.1 != stays;
                value = best.0;
            }
        }
        (value, picks)
    }

    fn worth(&self, effects: &Effects, number: Number, picks: &[usize]) -> f64 {
        let own = self.measured.get(&number).map_or(0.0, |place| effects.own[*place]);
        self.fitted.value(effects, picks) + own
    }
}
