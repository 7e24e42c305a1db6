//! What a transaction says and would do, asked before it is sent (`tx_preview`, `tx_simulate`, `tx_feeEstimate`).

use pollen_ledger::{Hash, PublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Decimal, EventView, OptionalDecimal, TransactionView, TxOutcome};

/// A transaction in words (`tx_preview`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// What it does: a sentence per action, in order.
    pub actions: Vec<String>,
    /// Who asks, what it costs at most and who pays, until when it is valid.
    pub terms: Vec<String>,
}

/// What a transaction says (`tx_preview`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxPreview {
    /// Its id.
    pub hash: Hash,
    /// In words, by the interfaces that its modules have now.
    pub preview: Preview,
    /// In numbers and addresses.
    pub transaction: TransactionView,
    /// Who signed it; empty when only the part that is signed was given.
    pub signatures: Vec<SignatureView>,
    /// Bytes that travel with it.
    pub attachments: Vec<AttachmentView>,
}

/// A signature on a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignatureView {
    /// Whose.
    pub key: PublicKey,
    /// Whether it fits.
    pub good: bool,
}

/// Bytes that travel with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachmentView {
    /// Their plain blake3.
    pub hash: Hash,
    /// How many.
    pub bytes: u32,
}

/// What a transaction would do now (`tx_simulate`). No promise: the state moves on until it is ordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxSimulation {
    /// Its id.
    pub hash: Hash,
    /// Why a node would not take it in now, its signatures apart; null when it would.
    pub refusal: Option<SimulatedRefusal>,
    /// How it would end; null when it would leave no trace (`refusal` tells why).
    pub outcome: Option<TxOutcome>,
    /// Fuel that it would use.
    #[serde(with = "Decimal")]
    pub fuel_used: u64,
    /// Grains that it would pay.
    #[serde(with = "Decimal")]
    pub fee: u64,
    /// What its modules would tell the world. (Cursors are made up: there is no place yet.)
    pub events: Vec<EventView>,
    /// For people: a backtrace, the path of a wrong argument, where the fuel went.
    pub note: Option<String>,
    /// Calls of modules, in the order in which they begin, at most 1 024.
    pub calls: Vec<SimulatedCall>,
    /// Entries that it would read, at most [`SIMULATED_KEYS_MAX`].
    pub reads: Vec<SimulatedRead>,
    /// Entries that it would change, at most [`SIMULATED_KEYS_MAX`].
    pub changes: Vec<SimulatedChange>,
    /// In words.
    pub preview: Preview,
}

/// Entries of each kind that a simulation shows.
pub const SIMULATED_KEYS_MAX: usize = 1_000;
/// Bytes of a value that a simulation shows; of a longer one the length is told.
pub const SIMULATED_VALUE_BYTES_MAX: usize = 1_024;

/// Why a node would not take a transaction in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedRefusal {
    /// Number in docs/rpc.md.
    pub code: i32,
    /// Stable name of that number.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// A call of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedCall {
    /// How many calls are open around it.
    pub depth: u32,
    /// Whom: address.
    pub module: String,
    /// The name that it is registered under.
    pub module_name: Option<String>,
    /// Its function.
    pub function: String,
    /// Fuel that it uses, calls inside it included.
    #[serde(with = "Decimal")]
    pub fuel_used: u64,
    /// Stable name of why it fails; null when it does not.
    pub failed: Option<String>,
}

/// An entry that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedRead {
    /// Whose: as it is stored.
    pub owner: Hash,
    /// The key under its owner.
    pub key: Bytes,
    /// What stands there; null where nothing does.
    pub value: Option<SimulatedValue>,
}

/// An entry that is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedChange {
    /// Whose: as it is stored.
    pub owner: Hash,
    /// The key under its owner.
    pub key: Bytes,
    /// What stands there; null where nothing does.
    pub before: Option<SimulatedValue>,
    /// What stands there then; null where nothing does.
    pub after: Option<SimulatedValue>,
}

/// A value in a simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedValue {
    /// Its length.
    pub length: u32,
    /// The value; null when it is longer than 1 024 bytes.
    pub bytes: Option<Bytes>,
}

impl SimulatedValue {
    /// Of a value in the state.
    pub fn of(value: &[u8]) -> Self {
        let shown = value.len() <= SIMULATED_VALUE_BYTES_MAX;
        Self { length: value.len() as u32, bytes: shown.then(|| Bytes(value.to_vec())) }
    }
}

/// What to offer (`tx_feeEstimate`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeeEstimate {
    /// Least grains per 1 000 fuel that the chain takes.
    #[serde(with = "Decimal")]
    pub fuel_price_floor: u64,
    /// What to offer now, in grains per 1 000 fuel.
    #[serde(with = "Decimal")]
    pub fuel_price: u64,
    /// Fuel that the transaction would use now; null without one, and of one that cannot run.
    #[serde(with = "OptionalDecimal", default)]
    pub fuel_used: Option<u64>,
    /// `maxFuel` to offer: a quarter more than it would use now, within the chain's bound.
    #[serde(with = "OptionalDecimal", default)]
    pub max_fuel: Option<u64>,
    /// Grains that it would pay now at `fuelPrice`.
    #[serde(with = "OptionalDecimal", default)]
    pub fee: Option<u64>,
    /// Grains that it would pay at most with `maxFuel` at `fuelPrice`.
    #[serde(with = "OptionalDecimal", default)]
    pub max_fee: Option<u64>,
}
