//! The genesis document: everything that all nodes of a chain must agree on before the first block. The
//! hash of its binary form is the chain's identity.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::committee::{Committee, CommitteeError, Validator};
use crate::crypto::{Domain, Hash};
use crate::limits::{BLOCK_HEADER_BYTES_MAX, COMPONENT_BYTES_MAX, TRANSACTION_SIGNED_BYTES_MAX};
use crate::transaction::AccountId;

/// The protocol that this program runs: names the engine, its cost table and every rule.
pub const PROTOCOL_VERSION: u16 = 1;

/// Which slots of a round a commit takes (PROTOCOL §5).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum CommitOrder {
    /// All slots of a round are decided before it is output.
    AllSlots,
    /// A round is output at its first committed slot.
    FirstCommit,
}

/// Consensus-critical numbers of a chain.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// Rounds that a block may lag behind the last commit and still be committed.
    pub gc_depth: u32,
    /// Bytes of an encoded block.
    pub block_bytes_max: u32,
    /// Transactions in a block.
    pub block_transactions_max: u32,
    /// Sum of the `max_fuel` of a block's transactions.
    pub block_fuel_max: u64,
    /// Bytes of an encoded transaction, attachments included.
    pub transaction_bytes_max: u32,
    /// `max_fuel` of a transaction.
    pub transaction_fuel_max: u64,
    /// Fuel that one action may spend in modules, whatever the transaction offers.
    pub call_fuel_max: u64,
    /// Least grains per 1 000 fuel.
    pub fuel_price_floor: u64,
    /// Fuel of any transaction.
    pub transaction_fuel_base: u64,
    /// Fuel of a signature.
    pub signature_fuel: u64,
    /// Fuel of a signed byte.
    pub signed_byte_fuel: u64,
    /// Fuel of an attached byte.
    pub attachment_byte_fuel: u64,
    /// Grains locked in an account when it is created, paid by who creates it.
    pub account_deposit: u64,
    /// Grains locked for each byte of a module's storage, as [`crate::limits::STORAGE_ENTRY_BYTES`] counts them.
    pub storage_byte_deposit: u64,
    /// Ledger time from the publication of code until modules may run it, in milliseconds, so that every
    /// node has compiled it by then; 0: at once, and execution waits for its compilation.
    pub code_activation_ms: u64,
    /// Grains of a balance that only fees may touch (all of a smaller balance).
    pub fee_reserve: u64,
    /// Least ledger time between two checkpoints that hold something, in milliseconds.
    pub checkpoint_interval_ms: u64,
    /// Most ledger time between two checkpoints, in milliseconds.
    pub checkpoint_interval_max_ms: u64,
    /// Which slots a commit takes.
    pub commit_order: CommitOrder,
    /// Rounds of a probation window, and of the shortest probation.
    pub probation_window_rounds: u32,
    /// More split rounds than this percentage of a window put a validator on probation; 100 for never.
    pub probation_split_percent: u32,
    /// How often the time on probation doubles at most.
    pub probation_doublings_max: u32,
    /// How far past ledger time a transaction's `valid_until_ms` may lie when it is admitted.
    pub transaction_lifetime_max_ms: u64,
}

/// A balance at genesis.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisAccount {
    /// What people call it; no meaning to the protocol.
    pub name: String,
    /// The account's id, as hexadecimal.
    pub id: AccountId,
    /// Grains.
    #[serde(with = "u64_text")]
    pub balance: u64,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Genesis {
    /// The chain's name, for people.
    pub name: String,
    /// Prefix of its addresses: 1 to 20 lower-case letters.
    pub address_prefix: String,
    /// Coin type in the paths of wallets (SLIP-0044); 1 on networks for tests.
    pub coin_type: u32,
    /// [`PROTOCOL_VERSION`].
    pub protocol_version: u16,
    /// Ledger time of genesis, in milliseconds since 1970.
    pub time_ms: u64,
    /// Validators of epoch 0.
    pub committee: Vec<Validator>,
    /// Balances; their sum is the supply.
    pub accounts: Vec<GenesisAccount>,
    /// Numbers.
    pub parameters: Parameters,
}

/// Why a genesis document was refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Not JSON of this shape.
    #[error("genesis: {0}")]
    Json(#[from] serde_json::Error),
    /// Made for another program.
    #[error(
        "genesis asks for protocol version {found}; this program runs {PROTOCOL_VERSION}: get the version that fits the chain"
    )]
    Protocol {
        /// What it asks for.
        found: u16,
    },
    /// A committee that cannot be.
    #[error("genesis: {0}")]
    Committee(#[from] CommitteeError),
    /// A field out of its bounds.
    #[error("genesis: {what}")]
    Field {
        /// Which, and what is allowed.
        what: String,
    },
}

impl Genesis {
    /// Reads and checks the JSON document.
    pub fn from_json(text: &str) -> Result<Self, GenesisError> {
        let genesis: Self = serde_json::from_str(text)?;
        genesis.check()?;
        Ok(genesis)
    }

    /// The JSON document.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a genesis has only JSON's types")
    }

    /// The chain's identity: blake3 of the binary form, not of JSON text.
    pub fn chain_id(&self) -> Hash {
        Domain::Genesis.hash(&[&codec::encode(self)])
    }

    /// The committee of epoch 0.
    pub fn committee(&self) -> Result<Committee, CommitteeError> {
        Committee::new(0, self.committee.clone())
    }

    /// Refuses what no chain could run on.
    pub fn check(&self) -> Result<(), GenesisError> {
        let field = |what: &str| Err(GenesisError::Field { what: what.to_owned() });
        if self.protocol_version != PROTOCOL_VERSION {
            return Err(GenesisError::Protocol { found: self.protocol_version });
        }
        self.committee()?;
        let prefix = &self.address_prefix;
        if !(1..=20).contains(&prefix.len())
            || !prefix.bytes().all(|byte| byte.is_ascii_lowercase())
        {
            return field("addressPrefix is 1 to 20 lower-case letters");
        }
        let ids: std::collections::BTreeSet<_> =
            self.accounts.iter().map(|account| account.id).collect();
        if ids.len() != self.accounts.len() {
            return field("an account is named twice");
        }
        if self
            .accounts
            .iter()
            .try_fold(0u64, |sum, account| sum.checked_add(account.balance))
            .is_none()
        {
            return field("the balances sum up to more than 2^64 - 1 grains");
        }
        let p = &self.parameters;
        if p.gc_depth < 4 {
            return field("gcDepth is at least 4");
        }
        if p.probation_window_rounds == 0
            || p.probation_split_percent > 100
            || p.probation_doublings_max > 16
        {
            return field(
                "probationWindowRounds is at least 1, probationSplitPercent at most 100, \
                 probationDoublingsMax at most 16",
            );
        }
        let transaction_bytes_least = COMPONENT_BYTES_MAX + TRANSACTION_SIGNED_BYTES_MAX + 1024;
        if (p.transaction_bytes_max as usize) < transaction_bytes_least {
            return field("transactionBytesMax must hold a component of 1 MiB and its transaction");
        }
        if (p.block_bytes_max as usize)
            < p.transaction_bytes_max as usize + BLOCK_HEADER_BYTES_MAX + 1024
        {
            return field("blockBytesMax must hold a header and the largest transaction");
        }
        if p.block_bytes_max as usize > 4 << 20 {
            return field("blockBytesMax is at most 4 MiB");
        }
        if p.block_fuel_max < p.transaction_fuel_max || p.transaction_fuel_max < p.call_fuel_max {
            return field("blockFuelMax >= transactionFuelMax >= callFuelMax");
        }
        if p.block_transactions_max == 0
            || p.fuel_price_floor == 0
            || p.checkpoint_interval_max_ms == 0
        {
            return field(
                "blockTransactionsMax, fuelPriceFloor and checkpointIntervalMaxMs are at least 1",
            );
        }
        Ok(())
    }
}

/// u64 as a decimal string in JSON, since other readers lose digits beyond 2^53.
pub mod u64_text {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the decimal string.
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the decimal string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            serde::de::Error::custom("expected a whole number from 0 to 2^64-1 as a string")
        })
    }
}
