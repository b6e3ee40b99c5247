//! Which rows of texts are near copies of each other: those whose sketches differ in at most [`NEAR`] bits.
//!
//! A row is the values of some fields, each row's in the same order. Half of its sketch is of all of them and half of the shortest, as for recorded
//! steps, so that many questions about one long passage are not alike. Near to near is near: rows that a chain of near copies joins are one group.
//!
//! **Method**: rows with the same sketch are one from the start. Of two sketches that differ in at most seven bits, one of eight parts of 16 bits is the same
//! (the pigeonhole principle), so they are sorted by each part in turn and compared where it is the same; groups are joined by a union-find.
//! **Cost**: the sketches, 1 ns a byte, and some 2 µs a row as long as texts are unlike, at 100,000 rows as at 1,000; scratch of 40 bytes a row. **When not**:
//! where one template makes most texts nearly alike, parts are alike too, and all pairs of such rows are compared, up to eight times, at 1 ns each.

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

use super::sketch::{NEAR, Sketch, distance};

const PARTS: u32 = 8;

/// For each row the place of the first row of its group; its own where no earlier row is near.
#[must_use]
pub fn near_copies<S: AsRef<str>>(rows: &[&[S]]) -> Vec<usize> {
    let sketches: Vec<[u64; 2]> = rows.iter().map(|row| sketch(row)).collect();
    grouped(&sketches)
}

fn grouped(sketches: &[[u64; 2]]) -> Vec<usize> {
    let mut firsts: FxHashMap<[u64; 2], usize> = FxHashMap::default();
    let mut groups = Groups::new(sketches.len());
    let mut different: Vec<usize> = Vec::new();
    for (place, bits) in sketches.iter().enumerate() {
        let first = *firsts.entry(*bits).or_insert(place);
        groups.join(first, place);
        if first == place {
            different.push(place);
        }
    }
    for number in 0..PARTS {
        let part = |place: usize| sketches[place][(number / 4) as usize] >> (16 * (number % 4)) & 0xffff;
        different.sort_unstable_by_key(|place| part(*place));
        for alike in different.chunk_by(|one, other| part(*one) == part(*other)) {
            for (number, one) in alike.iter().enumerate() {
                for other in &alike[number + 1..] {
                    if distance(sketches[*one], sketches[*other]) <= NEAR {
                        groups.join(*one, *other);
                    }
                }
            }
        }
    }
    (0..sketches.len()).map(|place| groups.first(place)).collect()
}

fn sketch<S: AsRef<str>>(row: &[S]) -> [u64; 2] {
    let mut hasher = FxHasher::default();
    let mut all = Sketch::new();
    for (place, text) in row.iter().enumerate() {
        let text = text.as_ref();
        hasher.write_usize(text.len());
        hasher.write(text.as_bytes());
        all.add(place as u64, text);
    }
    let digest = hasher.finish();
    let mut bits = all.bits(digest);
    if row.len() > 1 {
        let shortest = row.iter().enumerate().min_by_key(|(_, text)| text.as_ref().len());
        let mut alone = Sketch::new();
        if let Some((place, text)) = shortest {
            alone.add(place as u64, text.as_ref());
        }
        bits[1] = alone.bits(digest)[1];
    }
    bits
}

/// Groups of places, each known by its first.
struct Groups(Vec<usize>);

impl Groups {
    fn new(places: usize) -> Self {
        Self((0..places).collect())
    }

    fn first(&mut self, mut place: usize) -> usize {
        while self.0[place] != place {
            // Halves the way for whoever comes next.
            self.0[place] = self.0[self.0[place]];
            place = self.0[place];
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, near_copies};

    fn of(texts: &[&str]) -> Vec<usize> {
        let rows: Vec<[&str; 1]> = texts.iter().map(|text| [*text]).collect();
        near_copies(&rows.iter().map(<[&str; 1]>::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn a_chain_of_near_copies_is_one_group() {
        let words: Vec<String> = (0..200).map(|number| format!("w{number}")).collect();
        let changed = |places: &[usize]| {
            let mut words = words.clone();
            for place in places {
                words[*place] = format!("x{place}");
            }
            words.join(" ")
        };
        let texts = [
            changed(&[]),
            "another text".into(),
            changed(&[3, 50]),
            changed(&[3, 50, 90, 120]),
            changed(&[3, 50, 90, 120, 150, 170]),
        ];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(of(&texts), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn two_sketches_that_agree_in_one_part_alone_are_found() {
        for agreeing in 0..8 {
            let bits =
                (0..8).filter(|part| *part != agreeing).fold(0_u128, |bits, part| bits | 1 << (16 * part));
            #[allow(clippy::cast_possible_truncation, reason = "halves")]
            let other = [bits as u64, (bits >> 64) as u64];
            assert_eq!(grouped(&[[0, 0], other]), [0, 0], "{agreeing}");
            // One more, and they are eight bits apart.
            assert_eq!(grouped(&[[0, 0], [other[0] | 1 << 63, other[1]]]), [0, 1], "{agreeing}");
        }
    }

    #[test]
    fn texts_without_words_are_copies_of_themselves_only() {
        assert_eq!(of(&["", "!", "", "?", "!"]), [0, 1, 0, 3, 1]);
    }
}
