//! Addresses as people see them: bech32m (BIP-350), a prefix per network, payload = kind byte + 32 bytes.

use std::fmt;

use bech32::{Bech32m, Hrp};

use crate::transaction::AccountId;

/// What an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// An account that a key controls.
    Account,
    /// A module.
    Module,
    /// A validator.
    Validator,
}

impl AddressKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Account => 0,
            Self::Module => 1,
            Self::Validator => 2,
        }
    }
}

/// Why a text is no address of this network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Wrong characters or checksum.
    #[error("'{text}' is not an address: mistyped or cut off (its checksum does not fit)")]
    Checksum {
        /// What came.
        text: String,
    },
    /// Made for another network.
    #[error("this address is for the network '{found}', not '{expected}'")]
    Network {
        /// Its prefix.
        found: String,
        /// This network's.
        expected: String,
    },
    /// Not a kind byte and 32 bytes.
    #[error("'{text}' has no account, module or validator inside")]
    Payload {
        /// What came.
        text: String,
    },
}

/// An account, module or validator, with its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// What it names.
    pub kind: AddressKind,
    /// Which one.
    pub id: AccountId,
}

impl Address {
    /// The address of an account.
    pub const fn account(id: AccountId) -> Self {
        Self { kind: AddressKind::Account, id }
    }

    /// The address of a module.
    pub const fn module(id: AccountId) -> Self {
        Self { kind: AddressKind::Module, id }
    }

    /// The text for a network's prefix (1 to 83 printable ASCII characters; genesis checks it).
    pub fn display(&self, prefix: &str) -> String {
        let mut payload = [0; 33];
        payload[0] = self.kind.byte();
        payload[1..].copy_from_slice(&self.id.0);
        let prefix = Hrp::parse_unchecked(prefix);
        bech32::encode::<Bech32m>(prefix, &payload).expect("33 bytes fit into a bech32m string")
    }

    /// Reads a text made for the network of `prefix`.
    pub fn parse(text: &str, prefix: &str) -> Result<Self, AddressError> {
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(text)
            .map_err(|_| AddressError::Checksum { text: text.chars().take(120).collect() })?;
        let found = checked.hrp().to_lowercase();
        if found != prefix {
            return Err(AddressError::Network { found, expected: prefix.to_owned() });
        }
        let wrong = || AddressError::Payload { text: text.chars().take(120).collect() };
        // 33 bytes are 53 letters with one bit over, which is 0: else one account had several addresses.
        checked.validate_segwit_padding().map_err(|_| wrong())?;
        let payload: Vec<u8> = checked.byte_iter().collect();
        let (kind, id) = payload.split_first().ok_or_else(wrong)?;
        let kind = match kind {
            0 => AddressKind::Account,
            1 => AddressKind::Module,
            2 => AddressKind::Validator,
            _ => return Err(wrong()),
        };
        Ok(Self { kind, id: AccountId(id.try_into().map_err(|_| wrong())?) })
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Module => "module",
            Self::Validator => "validator",
        })
    }
}

#[cfg(test)]
mod tests {
    use bech32::primitives::iter::{ByteIterExt as _, Fe32IterExt as _};
    use bech32::{Fe32, Hrp};

    use super::*;

    /// One account, one text. Two more were read once: with a bit in the padding, and with a letter more. A list of
    /// addresses that are blocked, or paid once, must not be had by another spelling.
    #[test]
    fn an_account_has_one_address() {
        let address = Address::account(AccountId([7; 32]));
        let text = address.display("pollend");
        assert_eq!(Address::parse(&text, "pollend"), Ok(address));
        let payload = [&[0][..], &[7; 32]].concat();
        let letters: Vec<Fe32> = payload.into_iter().bytes_to_fes().collect();
        let spelled = |letters: Vec<Fe32>| {
            let prefix = Hrp::parse_unchecked("pollend");
            let spelled = letters.into_iter().with_checksum::<Bech32m>(&prefix).chars();
            spelled.collect::<String>()
        };
        assert_eq!(spelled(letters.clone()), text);
        let (last, rest) = letters.split_last().unwrap();
        let padded = Fe32::try_from(last.to_u8() | 1).unwrap();
        for other in [[rest, &[padded]].concat(), [&letters[..], &[Fe32::Q]].concat()] {
            let read = Address::parse(&spelled(other), "pollend");
            assert!(matches!(read, Err(AddressError::Payload { .. })), "{read:?}");
        }
    }
}
