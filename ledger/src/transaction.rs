//! Transactions: what accounts ask of the ledger, and how they sign it (DESIGN §4).
//!
//! The signed part names code by hash and stays small; the bytes travel beside it as attachments, in the
//! same block body, so that they are there when it is executed.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::codec::{self, DecodeError};
use crate::crypto::{self, Domain, Hash, KeyPair, PublicKey, Signature};
use crate::genesis::Parameters;
use crate::keys::{self, OwnerKey, ScopedKey};
use crate::limits::{
    ACTIONS_MAX, ATTACHMENTS_MAX, COMPONENT_BYTES_MAX, FUNCTION_NAME_BYTES_MAX,
    MODULE_NAME_BYTES_MAX, SIGNATURES_MAX, TRANSACTION_SIGNED_BYTES_MAX, VALUE_BYTES_MAX,
};
pub use crate::policy::{ModuleChange, PolicyKey, UpgradePolicy};

crypto::bytes32! {
    /// An account or a module. Of an account: blake3(scheme byte || first public key), so it stays when
    /// keys rotate. Shown as an address ([`crate::Address`]).
    AccountId
}

/// Signature scheme byte of ed25519.
pub const SCHEME_ED25519: u8 = 0;
/// The version of [`Transaction`] that this program reads and writes.
pub const TRANSACTION_VERSION: u16 = 1;
/// First bytes of what a transaction's signature covers.
pub const SIGNING_DOMAIN: &[u8] = b"pollen transaction v1\n";

impl AccountId {
    /// The account whose first key is this one.
    pub fn of_key(key: &PublicKey) -> Self {
        Self(Domain::Account.hash(&[&[SCHEME_ED25519], &key.0]).0)
    }

    /// The address of a module that another one makes.
    pub fn of_child(parent: &Self, salt: &[u8]) -> Self {
        Self(Domain::ModuleChild.hash(&[&parent.0, salt]).0)
    }

    /// The address of the module that a transaction's action deploys.
    pub fn of_module(transaction: &Hash, action: u16) -> Self {
        Self(Domain::Module.hash(&[&transaction.0, &action.to_le_bytes()]).0)
    }
}

/// One thing to do. The actions of a transaction run in order, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Action {
    /// Moves grains; creates the receiving account when there is none, for a deposit from genesis.
    Transfer {
        /// Who receives.
        to: AccountId,
        /// Grains; more than 0.
        amount: u64,
    },
    /// Makes a module out of a component: attached to this transaction, or deployed before.
    Deploy {
        /// Plain blake3 of the component.
        code: Hash,
        /// A name for it, unique on the chain: lower-case letters, digits and inner hyphens.
        name: Option<String>,
        /// Arguments of `init`, in the ledger's value encoding; empty when there is no `init`.
        arguments: Vec<u8>,
        /// Who may change the module.
        upgrade: UpgradePolicy,
    },
    /// Calls a function of a module's `commands`.
    Invoke {
        /// The module.
        module: AccountId,
        /// The function's name in `commands`.
        function: String,
        /// Its arguments, in the ledger's value encoding.
        arguments: Vec<u8>,
        /// Grains to send along.
        deposit: u64,
        /// The hash of the interface that it was made from: of a module that has another one by then the call
        /// fails with `InterfaceMismatch`.
        interface: Option<Hash>,
    },
    /// Puts a component on the ledger, attached to this transaction, so that modules can be made of it and
    /// upgraded to it once it is active.
    Publish {
        /// Plain blake3 of the component.
        code: Hash,
    },
    /// Agrees to a change of a module, and makes it when enough have agreed and the wait is over.
    Change {
        /// The module.
        module: AccountId,
        /// What to change. Everybody who agrees sends the same.
        change: ModuleChange,
    },
    /// Takes back one's agreement to a change that was not made yet.
    Cancel {
        /// The module.
        module: AccountId,
        /// [`ModuleChange::digest`].
        change: Hash,
    },
    /// Gives the sender's account other owners. Its id stays.
    SetOwners {
        /// The weight of signatures that a transaction needs from then on.
        threshold: u32,
        /// All of them.
        owners: Vec<OwnerKey>,
    },
    /// Gives the sender's account a scoped key, in place of the one with the same key.
    PutKey(ScopedKey),
    /// Takes a scoped key from the sender's account.
    RemoveKey {
        /// Which.
        key: PublicKey,
    },
}

impl Action {
    /// The code that must be on the ledger or attached for this to run.
    pub fn code(&self) -> Option<&Hash> {
        match self {
            Self::Deploy { code, .. }
            | Self::Publish { code }
            | Self::Change { change: ModuleChange::Upgrade { code, .. }, .. } => Some(code),
            _ => None,
        }
    }
}

/// The signed part of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// [`TRANSACTION_VERSION`].
    pub version: u16,
    /// Who asks, and pays unless there is a payer.
    pub sender: AccountId,
    /// The key of the sender's that signs first, and whose window has the nonce: named here, since else the
    /// same transaction could run once for each of its signatures.
    pub key: PublicKey,
    /// Unused in the key's window: a sliding window, not a counter.
    pub nonce: u64,
    /// Ledger time, in milliseconds, from which on it can no longer run.
    pub valid_until_ms: u64,
    /// Most fuel that it may use, the intrinsic part included.
    pub max_fuel: u64,
    /// Grains per 1 000 fuel; at least the chain's floor.
    pub fuel_price: u64,
    /// Another account that pays the fee, and signs too.
    pub payer: Option<AccountId>,
    /// What to do, in order.
    pub actions: Vec<Action>,
}

/// A key's signature on a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TransactionSignature {
    /// Whose.
    pub public_key: PublicKey,
    /// On [`Transaction::signing_bytes`].
    pub signature: Signature,
}

/// A transaction with what it needs to run.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedTransaction {
    /// The signed part.
    pub transaction: Transaction,
    /// By [`Transaction::key`], on [`Transaction::signing_bytes`].
    pub signature: Signature,
    /// By other owners of the sender, and by the payer; ascending by key.
    pub cosignatures: Vec<TransactionSignature>,
    /// Bytes that the signed part names by their plain blake3 hash.
    pub attachments: Vec<Vec<u8>>,
}

/// Why a transaction can never run, told by its bytes alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Not the encoding of a transaction.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A field out of its bounds.
    #[error("{what}")]
    Malformed {
        /// What is wrong and what is allowed.
        what: String,
    },
    /// Too many bytes.
    #[error("{what} has {bytes} bytes, {max} are allowed")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// What came.
        bytes: usize,
        /// What may come.
        max: usize,
    },
    /// The signature does not fit.
    #[error(
        "the signature does not fit: signed by another key, changed after signing, or for another chain"
    )]
    BadSignature,
}

impl Transaction {
    /// Its id: hash of the unsigned part with the chain.
    pub fn id(&self, chain_id: &Hash) -> Hash {
        Domain::Transaction.hash(&[&chain_id.0, &codec::encode(self)])
    }

    /// What is signed: the domain, the chain and the transaction itself.
    pub fn signing_bytes(&self, chain_id: &Hash) -> Vec<u8> {
        let mut bytes = SIGNING_DOMAIN.to_vec();
        bytes.extend_from_slice(&chain_id.0);
        bytes.extend_from_slice(&codec::encode(self));
        bytes
    }

    /// Signs with its key and adds the attachments. Others sign with [`SignedTransaction::cosign`].
    pub fn sign(
        self,
        chain_id: &Hash,
        key: &KeyPair,
        attachments: Vec<Vec<u8>>,
    ) -> SignedTransaction {
        let signature = key.sign(&self.signing_bytes(chain_id));
        SignedTransaction { signature, transaction: self, cosignatures: Vec::new(), attachments }
    }

    /// Who pays the fee.
    pub fn fee_payer(&self) -> &AccountId {
        self.payer.as_ref().unwrap_or(&self.sender)
    }

    /// The most that it can cost in fees, in grains, rounded up.
    pub fn max_fee(&self) -> u64 {
        fee(self.max_fuel, self.fuel_price)
    }
}

/// Grains for an amount of fuel at a price per 1 000, rounded up, saturating.
pub fn fee(fuel: u64, price: u64) -> u64 {
    u64::try_from((u128::from(fuel) * u128::from(price)).div_ceil(1000)).unwrap_or(u64::MAX)
}

impl SignedTransaction {
    /// Decodes strictly, within the chain's bound. Does not check anything else.
    pub fn decode(bytes: &[u8], parameters: &Parameters) -> Result<Self, DecodeError> {
        codec::decode(bytes, parameters.transaction_bytes_max as usize)
    }

    /// Takes one off the front of a block's body, with its id. The encoding is canonical, so the id is
    /// hashed from the bytes as they came.
    pub(crate) fn take(rest: &mut &[u8], chain_id: &Hash) -> Result<(Self, Hash), DecodeError> {
        let before = *rest;
        let transaction = codec::take(rest)?;
        let id = Domain::Transaction.hash(&[&chain_id.0, &before[..before.len() - rest.len()]]);
        let (signature, cosignatures) = (codec::take(rest)?, codec::take(rest)?);
        let attachments = codec::take(rest)?;
        Ok((Self { transaction, signature, cosignatures, attachments }, id))
    }

    /// Adds the signature of another key; replaces the one that it may have made before.
    pub fn cosign(&mut self, chain_id: &Hash, key: &KeyPair) {
        let (public_key, signature) =
            (key.public_key(), key.sign(&self.transaction.signing_bytes(chain_id)));
        let place = self.cosignatures.binary_search_by_key(&public_key.0, |one| one.public_key.0);
        let one = TransactionSignature { public_key, signature };
        match place {
            Ok(place) => self.cosignatures[place] = one,
            Err(place) => self.cosignatures.insert(place, one),
        }
    }

    /// The keys that signed, the sender's first.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        let others = self.cosignatures.iter().map(|one| &one.public_key);
        std::iter::once(&self.transaction.key).chain(others)
    }

    /// All that can be told without state and without expensive cryptography: bounds and shapes.
    pub fn check_shape(&self, parameters: &Parameters) -> Result<(), TransactionError> {
        let malformed = |what: String| Err(TransactionError::Malformed { what });
        let tx = &self.transaction;
        if tx.version != TRANSACTION_VERSION {
            return malformed(format!(
                "transaction version {} is not known, {TRANSACTION_VERSION} is",
                tx.version
            ));
        }
        if tx.payer == Some(tx.sender) {
            return malformed("the payer is another account than the sender, or none".into());
        }
        if tx.actions.is_empty() || tx.actions.len() > ACTIONS_MAX {
            return malformed(format!(
                "a transaction has 1 to {ACTIONS_MAX} actions, not {}",
                tx.actions.len()
            ));
        }
        let ascending = self.cosignatures.is_sorted_by(|a, b| a.public_key.0 < b.public_key.0);
        if self.cosignatures.len() >= SIGNATURES_MAX
            || !ascending
            || self.cosignatures.iter().any(|one| one.public_key == tx.key)
        {
            return malformed(format!(
                "a transaction has at most {SIGNATURES_MAX} signatures, of distinct keys, those beside the first \
                 ascending by key"
            ));
        }
        if tx.max_fuel == 0 || tx.max_fuel > parameters.transaction_fuel_max {
            return malformed(format!(
                "max_fuel is 1 to {}, not {}",
                parameters.transaction_fuel_max, tx.max_fuel
            ));
        }
        let signed = codec::length(tx);
        if signed > TRANSACTION_SIGNED_BYTES_MAX {
            let max = TRANSACTION_SIGNED_BYTES_MAX;
            return Err(TransactionError::TooLarge { what: "the signed part", bytes: signed, max });
        }
        if self.attachments.len() > ATTACHMENTS_MAX {
            return malformed(format!(
                "{} attachments, {ATTACHMENTS_MAX} are allowed",
                self.attachments.len()
            ));
        }
        for attachment in &self.attachments {
            if attachment.len() > COMPONENT_BYTES_MAX {
                let max = COMPONENT_BYTES_MAX;
                return Err(TransactionError::TooLarge {
                    what: "an attachment",
                    bytes: attachment.len(),
                    max,
                });
            }
        }
        tx.actions.iter().try_for_each(check_action)?;
        self.check_attachments_named()
    }

    /// Every attachment is named by an action: nobody's bytes travel for nothing.
    fn check_attachments_named(&self) -> Result<(), TransactionError> {
        let named =
            |hash: Hash| self.transaction.actions.iter().any(|action| action.code() == Some(&hash));
        match self
            .attachments
            .iter()
            .map(|attachment| Hash::of_content(attachment))
            .find(|hash| !named(*hash))
        {
            Some(hash) => Err(TransactionError::Malformed {
                what: format!("no action names the attachment {hash}"),
            }),
            None => Ok(()),
        }
    }

    /// Checks that every signature is by its key. Whose keys they are is in the state, and asked in
    /// execution. Costs about 50 us each: on a pool, never in the core.
    pub fn check_signatures(&self, chain_id: &Hash) -> Result<(), TransactionError> {
        let bytes = self.transaction.signing_bytes(chain_id);
        let good = self.transaction.key.verify(&bytes, &self.signature)
            && self.cosignatures.iter().all(|one| one.public_key.verify(&bytes, &one.signature));
        if good { Ok(()) } else { Err(TransactionError::BadSignature) }
    }

    /// The attachment with this plain blake3 hash.
    pub fn attachment(&self, hash: &Hash) -> Option<&[u8]> {
        self.attachments
            .iter()
            .find(|attachment| Hash::of_content(attachment) == *hash)
            .map(Vec::as_slice)
    }

    /// Fuel that it costs before anything runs: base, signatures, signed bytes and attached bytes.
    pub fn intrinsic_fuel(&self, parameters: &Parameters) -> u64 {
        let signed = codec::length(&self.transaction) as u64;
        let signatures = 1 + self.cosignatures.len() as u64;
        let attached: u64 = self.attachments.iter().map(|attachment| attachment.len() as u64).sum();
        parameters
            .transaction_fuel_base
            .saturating_add(parameters.signature_fuel.saturating_mul(signatures))
            .saturating_add(parameters.signed_byte_fuel.saturating_mul(signed))
            .saturating_add(parameters.attachment_byte_fuel.saturating_mul(attached))
    }
}

fn check_action(action: &Action) -> Result<(), TransactionError> {
    let malformed = |what: String| Err(TransactionError::Malformed { what });
    let arguments_fit = |bytes: usize| match bytes <= VALUE_BYTES_MAX {
        true => Ok(()),
        false => {
            Err(TransactionError::TooLarge { what: "the arguments", bytes, max: VALUE_BYTES_MAX })
        }
    };
    match action {
        Action::Transfer { amount: 0, .. } => malformed("a transfer moves at least 1 grain".into()),
        Action::Transfer { .. } | Action::Publish { .. } | Action::Cancel { .. } => Ok(()),
        Action::Change { change: ModuleChange::Upgrade { arguments, .. }, .. } => {
            arguments_fit(arguments.len())
        }
        Action::Change { change: ModuleChange::Policy(policy), .. } => {
            policy.check().map_err(|what| TransactionError::Malformed { what })
        }
        Action::SetOwners { threshold, owners } => keys::check_owners(*threshold, owners)
            .map_err(|what| TransactionError::Malformed { what }),
        Action::PutKey(key) => key.check().map_err(|what| TransactionError::Malformed { what }),
        Action::RemoveKey { .. } => Ok(()),
        Action::Change { .. } => Ok(()),
        Action::Deploy { name, arguments, upgrade, .. } => {
            upgrade.check().map_err(|what| TransactionError::Malformed { what })?;
            if let Some(name) = name.as_ref().filter(|name| !is_module_name(name)) {
                return malformed(format!(
                    "'{}' is no module name: 2 to {MODULE_NAME_BYTES_MAX} lower-case letters, digits and inner hyphens, \
                     a letter first",
                    name.chars().take(80).collect::<String>()
                ));
            }
            arguments_fit(arguments.len())
        }
        Action::Invoke { function, arguments, .. } => {
            if function.is_empty() || function.len() > FUNCTION_NAME_BYTES_MAX {
                return malformed(format!(
                    "a function's name has 1 to {FUNCTION_NAME_BYTES_MAX} bytes"
                ));
            }
            arguments_fit(arguments.len())
        }
    }
}

/// True for a name that a module may register.
pub fn is_module_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    (2..=MODULE_NAME_BYTES_MAX).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes[bytes.len() - 1] != b'-'
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}
