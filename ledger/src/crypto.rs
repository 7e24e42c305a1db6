//! Hashes and signatures, each bound to a purpose.
//!
//! blake3 with a derived key per purpose, so that a hash made for one purpose is never one for another;
//! ed25519 by `verify_strict` only (RFC 8032 with canonical points and scalars, no small-order keys):
//! batch verification accepts other inputs and would fork the chain.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_dalek::Signer as _;

#[cfg(feature = "simulation")]
pub mod simulated;

/// What a hash or a signature is for. The name enters the blake3 key derivation context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Genesis document: the chain's identity.
    Genesis,
    /// Block digests and their signatures.
    Block,
    /// The part of a block header that an equivocation proof leaves out.
    BlockRest,
    /// Block bodies.
    Body,
    /// Transaction ids.
    Transaction,
    /// Commits.
    Commit,
    /// Order of blocks inside a commit.
    CommitSeed,
    /// Order of slots inside a round.
    Permutation,
    /// Checkpoints and their attestations.
    Checkpoint,
    /// Lists of slot holders.
    List,
    /// Items of the lists in a checkpoint.
    ListLeaf,
    /// Pairs in the tree over such a list.
    ListInner,
    /// Such a list with its length.
    ListRoot,
    /// What the next commit depends on.
    Ordering,
    /// Account ids.
    Account,
    /// Addresses of modules that a transaction deploys.
    Module,
    /// Addresses of modules that another module makes.
    ModuleChild,
    /// Changes of a module that others must agree to.
    ModuleChange,
    /// Random bytes for modules.
    ModuleRandom,
}

impl Domain {
    const fn context(self) -> &'static str {
        match self {
            Self::Genesis => "pollen 2026 genesis v1",
            Self::Block => "pollen 2026 block v1",
            Self::BlockRest => "pollen 2026 block rest v1",
            Self::Body => "pollen 2026 body v1",
            Self::Transaction => "pollen 2026 transaction v1",
            Self::Commit => "pollen 2026 commit v1",
            Self::CommitSeed => "pollen 2026 commit seed v1",
            Self::Permutation => "pollen 2026 permutation v1",
            Self::Checkpoint => "pollen 2026 checkpoint v1",
            Self::List => "pollen 2026 list v1",
            Self::ListLeaf => "pollen 2026 list leaf v1",
            Self::ListInner => "pollen 2026 list inner v1",
            Self::ListRoot => "pollen 2026 list root v1",
            Self::Ordering => "pollen 2026 ordering v1",
            Self::Account => "pollen 2026 account v1",
            Self::Module => "pollen 2026 module v1",
            Self::ModuleChild => "pollen 2026 module child v1",
            Self::ModuleChange => "pollen 2026 module change v1",
            Self::ModuleRandom => "pollen 2026 module random v1",
        }
    }

    /// A hasher for this purpose.
    pub fn hasher(self) -> blake3::Hasher {
        blake3::Hasher::new_derive_key(self.context())
    }

    /// The hash of the concatenation of `parts`, for this purpose. Callers keep it unambiguous: every
    /// part but the last has a fixed length.
    pub fn hash(self, parts: &[&[u8]]) -> Hash {
        let mut hasher = self.hasher();
        for part in parts {
            hasher.update(part);
        }
        Hash(*hasher.finalize().as_bytes())
    }
}

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, borsh::BorshSerialize, borsh::BorshDeserialize,
        )]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", &hex::encode(&self.0[..6]))
            }
        }

        impl std::str::FromStr for $name {
            type Err = hex::FromHexError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(|_| {
                    serde::de::Error::custom(concat!(stringify!($name), ": expected 64 hexadecimal digits"))
                })
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": "32 bytes as 64 lower-case hexadecimal digits.",
                    "pattern": "^[0-9a-f]{64}$",
                })
            }
        }
    };
}
pub(crate) use bytes32;

bytes32! {
    /// A blake3 hash. Shown and read as 64 lower-case hexadecimal digits.
    Hash
}
bytes32! {
    /// An ed25519 public key, compressed (RFC 8032 §5.1.5). Any 32 bytes: whether it is a point shows at use.
    PublicKey
}

impl Hash {
    /// 32 zero bytes: "nothing before this".
    pub const ZERO: Self = Self([0; 32]);

    /// The plain blake3 hash of some content: what names attachments and code.
    pub fn of_content(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }
}

/// An ed25519 signature (RFC 8032 §5.1.6).
#[derive(Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", &hex::encode(&self.0[..6]))
    }
}

impl PublicKey {
    /// True when `signature` is this key's on `message`, by the chain's one rule.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        #[cfg(feature = "simulation")]
        if simulated::is_active() {
            return simulated::sign(self, message) == *signature;
        }
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        DECODED.with_borrow_mut(|decoded| {
            let key = match decoded.get(&self.0) {
                Some(key) => *key,
                None => {
                    let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&self.0) else {
                        return false;
                    };
                    if decoded.len() == DECODED_MAX {
                        decoded.clear();
                    }
                    decoded.insert(self.0, key);
                    key
                }
            };
            key.verify_strict(message, &signature).is_ok()
        })
    }
}

/// Keys that a thread keeps decoded, about 250 bytes each.
const DECODED_MAX: usize = 1024;

thread_local! {
    /// Keys by their encoding: decompressing the point is a sixth of a verification, and the same few
    /// accounts and validators sign again and again. No answer depends on what is in here.
    static DECODED: RefCell<BTreeMap<[u8; 32], ed25519_dalek::VerifyingKey>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// A signing key. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct KeyPair(ed25519_dalek::SigningKey);

impl KeyPair {
    /// The key of a 32-byte secret seed (RFC 8032 §5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// A key that everybody knows: for development networks and tests only.
    pub fn development(label: &str) -> Self {
        Self::from_seed(&blake3::derive_key(
            "pollen 2026 development key, known to all",
            label.as_bytes(),
        ))
    }

    /// The secret seed, to write it into a key file.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        #[cfg(feature = "simulation")]
        if simulated::is_active() {
            return simulated::sign(&self.public_key(), message);
        }
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({:?})", self.public_key())
    }
}

#[cfg(test)]
#[path = "crypto_tests.rs"]
mod tests;
