//! Keys out of words: BIP-39 mnemonics, and SLIP-0010 derivation for ed25519.
//!
//! Sources: BIP-39 (English list, no passphrase of its own) and SLIP-0010. The path is `m/44'/coin'/index'`, all of it
//! hardened, with the chain's coin type (1 on development networks, as SLIP-0044 has it for tests).

use bip39::Mnemonic;
use pollen_ledger::KeyPair;
use zeroize::Zeroizing;

/// The purpose of BIP-44.
const PURPOSE: u32 = 44;
/// Number of an account, at most: above it hardened numbers begin.
pub const INDEX_MAX: u32 = (1 << 31) - 1;

/// Why words are no mnemonic.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// Too many or too few.
    #[error("a mnemonic has 12 or 24 words, these are {0}")]
    Count(usize),
    /// A word that is not in the list.
    #[error("word {0} is not in the English list of BIP-39")]
    Unknown(usize),
    /// All are good words, and one is not the right one.
    #[error("the words do not fit together: one is wrong, or two are exchanged")]
    Checksum,
}

/// Reads 12 or 24 words. (What they are is told nowhere, also not in errors.)
pub fn read_words(text: &str) -> Result<Mnemonic, WordsError> {
    let text = Zeroizing::new(text.to_lowercase());
    let count = text.split_whitespace().count();
    if count != 12 && count != 24 {
        return Err(WordsError::Count(count));
    }
    Mnemonic::parse_in(bip39::Language::English, text.as_str()).map_err(|error| match error {
        bip39::Error::UnknownWord(place) => WordsError::Unknown(place + 1),
        _ => WordsError::Checksum,
    })
}

/// New words from the system's randomness: 24 of them from 32 bytes, 12 from 16.
pub fn new_words(entropy: &[u8]) -> Mnemonic {
    Mnemonic::from_entropy_in(bip39::Language::English, entropy).expect("16 or 32 bytes")
}

/// The key of a number.
pub fn derive(words: &Mnemonic, coin_type: u32, index: u32) -> KeyPair {
    let seed = Zeroizing::new(words.to_seed_normalized(""));
    let path = [PURPOSE, coin_type, index];
    let key = slip10_ed25519::derive_ed25519_private_key(seed.as_ref(), &path);
    KeyPair::from_seed(&Zeroizing::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stellar's SEP-0005, test 1: a published mnemonic with keys of the very same path.
    #[test]
    fn published_words_give_the_published_keys() {
        let words = "illness spike retreat truth genius clock brain pass fit cave bargain toe";
        let words = read_words(words).unwrap();
        for (index, public) in [
            (0, "e3726830a0b60cb5f52c844cffcd4eed65eba5c155e89b26411562724e71e544"),
            (1, "416edcd6746d5293579a7039ac67bcf1a8698efecf81183bbb0ac877da86ada3"),
        ] {
            assert_eq!(derive(&words, 148, index).public_key().to_string(), public);
        }
    }

    /// BIP-39's own vectors (the seed with the passphrase "TREZOR"), and SLIP-0010's for ed25519.
    #[test]
    fn the_standards_own_vectors_hold() {
        for (entropy, words, seed) in [
            (
                "00000000000000000000000000000000",
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
                "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c\
                 4ab7c81b2f001698e7463b04",
            ),
            (
                "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
                "legal winner thank year wave sausage worth useful legal winner thank yellow",
                "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd\
                 381ee6260e8d9739fce1f607",
            ),
        ] {
            let made = new_words(&hex::decode(entropy).unwrap());
            assert_eq!(made.to_string(), words);
            assert_eq!(hex::encode(read_words(words).unwrap().to_seed("TREZOR")), seed);
        }
        let seed = hex::decode("000102030405060708090a0b0c0d0e0f").unwrap();
        for (path, key) in [
            (&[][..], "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7"),
            (&[0][..], "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3"),
            (
                &[0, 1, 2, 2, 1_000_000_000][..],
                "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793",
            ),
        ] {
            assert_eq!(hex::encode(slip10_ed25519::derive_ed25519_private_key(&seed, path)), key);
        }
    }

    #[test]
    fn words_that_are_none_are_told_without_repeating_them() {
        let count = read_words("abandon abandon").unwrap_err();
        assert!(matches!(count, WordsError::Count(2)));
        let text = format!("{}secretz", "abandon ".repeat(11));
        let unknown = read_words(&text).unwrap_err();
        assert!(matches!(unknown, WordsError::Unknown(12)));
        assert!(!unknown.to_string().contains("secretz"));
        assert!(matches!(read_words(&"abandon ".repeat(12)).unwrap_err(), WordsError::Checksum));
        let spaced = format!("  {}\n About ", "abandon  ".repeat(11));
        read_words(&spaced).unwrap();
    }
}
