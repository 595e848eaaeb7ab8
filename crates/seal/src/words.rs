//! Four short words that two people can compare.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The 2048 English words of BIP 39, one a line.
static WORDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("../../../vectors/words.txt").lines().collect());

/// The words of a handshake hash: the first 44 bits of `SHA-256("longrein/1 words" || hash)`, eleven bits a word.
pub fn words_of(hash: &[u8; 32]) -> [&'static str; 4] {
    let digest = Sha256::new().chain_update(b"longrein/1 words").chain_update(hash).finalize();
    let bits = digest[..6].iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    // Bits 47 down to 4 of the 48, most significant first.
    [37, 26, 15, 4].map(|shift| {
        let index = usize::try_from(bits >> shift & 0x7ff).unwrap_or(0);
        WORDS[index]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_sorted() {
        assert_eq!(WORDS.len(), 2048);
        assert!(WORDS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
