//! Names for texts: equal texts have equal fingerprints, and different ones do not in practice.
//!
//! BLAKE3, cut to its first 16 bytes and written as 32 hex digits. [`Fingerprint`] keeps the state after a prefix, so
//! that a call whose prompt begins like all the others hashes its own suffix only: a finish costs one copy of the
//! state (about 2 kB), the suffix at about 1 ns a byte, and one last block. Two texts that share a fingerprint by chance
//! need about 2^64 texts. It keeps nothing secret: whoever can guess the text can check the guess.

/// Bytes of the BLAKE3 digest that are kept.
const WIDTH: usize = 16;

/// The fingerprint of a whole text: 32 hex digits in lower case.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    hex(&blake3::hash(text.as_bytes()))
}

/// A prefix that is already hashed; it never changes.
///
/// ```
/// use burnish_core::fingerprint::{Fingerprint, fingerprint};
/// let prompt = Fingerprint::new("Sort the ticket.\n");
/// assert_eq!(prompt.extend("Ticket: ").finish("no heat"), fingerprint("Sort the ticket.\nTicket: no heat"));
/// ```
#[derive(Debug, Clone)]
pub struct Fingerprint {
    state: blake3::Hasher,
}

impl Fingerprint {
    /// The state after `prefix`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { state: blake3::Hasher::new() }.extend(prefix)
    }

    /// The state after this prefix and then `text`.
    #[must_use]
    pub fn extend(&self, text: &str) -> Self {
        let mut state = self.state.clone();
        state.update(text.as_bytes());
        Self { state }
    }

    /// The fingerprint of this prefix followed by `suffix`.
    #[must_use]
    pub fn finish(&self, suffix: &str) -> String {
        hex(&self.extend(suffix).state.finalize())
    }
}

/// The first 16 bytes as hex digits.
fn hex(hash: &blake3::Hash) -> String {
    hash.to_hex()[..2 * WIDTH].to_owned()
}
