//! Random draws that depend only on (seed, purpose, step).
//!
//! There is no generator to advance: each draw hashes its own name, so adding a draw somewhere never changes
//! another one, and neither does the order in which work finishes. The name `"{seed}/{purpose}/{step}"` goes
//! through FNV-1a with 64 bits and then through the finish of `SplitMix64`, which spreads FNV's weak low bits.
//! About 1 ns a byte and no allocation. It is not for secrets, and not for streams of millions of numbers, where
//! a counter-based generator seeded by one draw is cheaper.

use std::fmt::{self, Write};

/// FNV-1a over what is written to it.
struct Fnv(u64);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

/// The draw with this name, uniform over all of `u64`.
///
/// ```
/// assert_eq!(burnish_core::seed::draw(0, "minibatch", 3), burnish_core::seed::draw(0, "minibatch", 3));
/// assert_ne!(burnish_core::seed::draw(0, "minibatch", 3), burnish_core::seed::draw(0, "minibatch", 4));
/// ```
#[must_use]
pub fn draw(seed: i64, purpose: &str, step: i64) -> u64 {
    named(format_args!("{seed}/{purpose}/{step}"))
}

/// The draw with any name; [`draw`] and the kernels fix what names look like.
pub(crate) fn named(name: fmt::Arguments<'_>) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    // Writing to `Fnv` cannot fail, and the parts are integers and strings, whose `Display` cannot either.
    let _ = hash.write_fmt(name);
    finish(hash.0)
}

/// The finish of `SplitMix64`: one state in, one well-mixed number out.
pub(crate) fn finish(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::finish;

    #[test]
    fn finish_gives_the_published_first_numbers_of_splitmix64() {
        assert_eq!(finish(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(finish(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }
}
