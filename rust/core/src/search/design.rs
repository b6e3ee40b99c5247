//! Candidates that need no scores: by chance, and so that every choice of every slot comes equally often.

use std::collections::HashSet;

use super::cells::Space;
use super::normal::Stream;
use super::signed;
use crate::Error;

/// So many different candidates by chance, none of which stands in `picks` (candidate after candidate).
pub fn random(sizes: &[i64], picks: &[i64], n: usize, seed: i64, step: i64) -> Result<Vec<i64>, Error> {
    let space = Space::new(sizes)?;
    let mut taken: HashSet<u64> = space.candidates(picks)?.iter().map(|picks| space.number(picks)).collect();
    let mut stream = Stream::new(seed, "search/random", step);
    Ok(columns(&space, drawn(&space, &mut taken, space.asked(n)?, &mut stream)))
}

/// So many different candidates, the first with the first choice of every slot, each choice of a slot as often as the others or once more.
///
/// Where that makes a candidate twice, chance makes another.
pub fn design(sizes: &[i64], n: usize, seed: i64) -> Result<Vec<i64>, Error> {
    let space = Space::new(sizes)?;
    let n = space.asked(n)?;
    let mut stream = Stream::new(seed, "search/design", 0);
    let slots: Vec<Vec<usize>> = space.sizes.iter().map(|size| balanced(*size, n, &mut stream)).collect();
    let mut taken = HashSet::new();
    let mut found = Vec::with_capacity(n);
    for candidate in 0..n {
        let picks: Vec<usize> = slots.iter().map(|column| column[candidate]).collect();
        let number = space.number(&picks);
        if taken.insert(number) {
            found.push(number);
        }
    }
    let missing = n - found.len();
    found.extend(drawn(&space, &mut taken, missing, &mut stream));
    Ok(columns(&space, found))
}

/// Choices of one slot, the first in front, shuffled afresh each time round.
fn balanced(size: usize, n: usize, stream: &mut Stream) -> Vec<usize> {
    let mut column = Vec::with_capacity(n + size);
    while column.len() < n {
        let mut round: Vec<usize> = (0..size).collect();
        for last in (1..size).rev() {
            round.swap(last, stream.below(last + 1));
        }
        if column.is_empty()
            && let Some(first) = round.iter().position(|choice| *choice == 0)
        {
            round.swap(0, first);
        }
        column.extend(round);
    }
    column
}

fn drawn(space: &Space, seen: &mut HashSet<u64>, n: usize, stream: &mut Stream) -> Vec<u64> {
    let mut found = Vec::new();
    while found.len() < n
        && let Some(number) = space.free(seen, stream)
    {
        seen.insert(number);
        found.push(number);
    }
    found
}

/// Choices of each slot, candidate after candidate.
fn columns(space: &Space, numbers: Vec<u64>) -> Vec<i64> {
    numbers.into_iter().flat_map(|number| space.picks(number)).map(signed).collect()
}
