//! The methods' parameters and results: names and shapes as they stand in JSON (docs/rpc.md).
//!
//! Fields are camelCase; u64 are decimal strings; hashes and keys 64 lower-case hexadecimal digits;
//! accounts and modules addresses (bech32m) already written out; bytes base64; times milliseconds
//! since 1970. An absent value is null. Servers add fields freely, so readers ignore those they do
//! not know; parameters are the opposite: an unknown one is refused.

mod chain;
mod dev;
mod keys;
mod lists;
mod params;
mod policy;
mod proofs;
mod simulation;
mod trace;
mod transaction;
mod values;

use pollen_ledger::{Hash, Parameters, PublicKey};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use chain::*;
pub use dev::*;
pub use keys::*;
pub use lists::*;
pub use params::*;
pub use policy::*;
pub use proofs::*;
pub use simulation::*;
pub use trace::*;
pub use transaction::*;
pub use values::*;

/// An answer with the state that it was made from. In JSON `at` stands beside the answer's own
/// fields.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "{T}Answer")]
pub struct Answer<T> {
    /// The state that it was made from.
    pub at: At,
    /// The answer.
    #[serde(flatten)]
    pub value: T,
}

/// Reads the text twice, once for each part: what `flatten` does, holding every value in between, took half
/// of a client's time.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Answer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Made {
            at: At,
        }
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Made { at } = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        let value = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self { at, value })
    }
}

impl<T> Answer<T> {
    /// An answer made from the state `at`.
    pub const fn new(at: At, value: T) -> Self {
        Self { at, value }
    }

    /// Another value made from the same state.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { at: self.at, value: change(self.value) }
    }
}

/// What a node is (`node_info`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// Version of the program.
    pub version: String,
    /// The chain's name, for people.
    pub chain_name: String,
    /// The chain: hash of its genesis.
    pub chain_id: Hash,
    /// Prefix of the chain's addresses.
    pub address_prefix: String,
    /// Coin type in the paths of wallets (SLIP-0044).
    pub coin_type: u32,
    /// Protocol that the chain runs.
    pub protocol_version: u16,
    /// What it keeps of the past: `validator`, `full` or `archive`.
    pub role: String,
    /// Optional indexes that it keeps: `accounts`, `keys`, `events`.
    #[serde(default)]
    pub indexes: Vec<String>,
    /// Its place in the committee, of a validator.
    pub author: Option<u16>,
    /// What people call it.
    pub name: Option<String>,
    /// Its identity in the peer-to-peer network.
    pub peer_id: Option<String>,
    /// Where other nodes reach it (multiaddresses).
    pub listen_addresses: Vec<String>,
    /// Validators, in index order.
    pub committee: Vec<CommitteeMember>,
    /// Numbers that who builds transactions must know.
    pub parameters: ChainParameters,
    /// Of a node of a development network.
    #[serde(default)]
    pub dev: Option<DevInfo>,
}

/// A validator of the committee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitteeMember {
    /// Its place.
    pub author: u16,
    /// What people call it.
    pub name: String,
    /// Its key.
    pub public_key: PublicKey,
    /// Its weight.
    #[serde(with = "Decimal")]
    pub stake: u64,
}

/// The chain's numbers that matter to who builds transactions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainParameters {
    /// Least grains per 1 000 fuel.
    #[serde(with = "Decimal")]
    pub fuel_price_floor: u64,
    /// Most fuel of a transaction.
    #[serde(with = "Decimal")]
    pub transaction_fuel_max: u64,
    /// Most fuel of a call.
    #[serde(with = "Decimal")]
    pub call_fuel_max: u64,
    /// Fuel of any transaction.
    #[serde(with = "Decimal")]
    pub transaction_fuel_base: u64,
    /// Fuel of a signature.
    #[serde(with = "Decimal")]
    pub signature_fuel: u64,
    /// Fuel of a signed byte.
    #[serde(with = "Decimal")]
    pub signed_byte_fuel: u64,
    /// Fuel of an attached byte.
    #[serde(with = "Decimal")]
    pub attachment_byte_fuel: u64,
    /// Grains locked in a new account.
    #[serde(with = "Decimal")]
    pub account_deposit: u64,
    /// Grains locked for a byte of a module's storage.
    #[serde(with = "Decimal")]
    pub storage_byte_deposit: u64,
    /// Ledger time from the publication of code until modules may run it.
    #[serde(with = "Decimal")]
    pub code_activation_ms: u64,
    /// Grains of a balance that only fees may touch.
    #[serde(with = "Decimal")]
    pub fee_reserve: u64,
    /// How far ahead of ledger time `validUntilMs` may lie.
    #[serde(with = "Decimal")]
    pub transaction_lifetime_max_ms: u64,
    /// Most bytes of an encoded transaction.
    pub transaction_bytes_max: u32,
}

impl From<&Parameters> for ChainParameters {
    fn from(p: &Parameters) -> Self {
        Self {
            fuel_price_floor: p.fuel_price_floor,
            transaction_fuel_max: p.transaction_fuel_max,
            call_fuel_max: p.call_fuel_max,
            transaction_fuel_base: p.transaction_fuel_base,
            signature_fuel: p.signature_fuel,
            signed_byte_fuel: p.signed_byte_fuel,
            attachment_byte_fuel: p.attachment_byte_fuel,
            account_deposit: p.account_deposit,
            storage_byte_deposit: p.storage_byte_deposit,
            code_activation_ms: p.code_activation_ms,
            fee_reserve: p.fee_reserve,
            transaction_lifetime_max_ms: p.transaction_lifetime_max_ms,
            transaction_bytes_max: p.transaction_bytes_max,
        }
    }
}

/// `node_info` as it is answered: what the node is, and what its JSON-RPC offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServedNodeInfo")]
pub struct NodeInfoAnswer {
    /// What the node is.
    #[serde(flatten)]
    pub node: NodeInfo,
    /// Groups of methods served.
    pub groups: Vec<String>,
    /// Bounds of the interface.
    pub limits: ServedLimits,
}

/// The bounds of a server that its clients should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServedLimits {
    /// Bytes of a request.
    pub body_bytes: u32,
    /// Bytes of an answer.
    pub response_bytes: u32,
    /// Calls in a batch.
    pub batch: u32,
    /// Subscriptions of a connection.
    pub subscriptions_per_connection: u32,
    /// The longest wait, in milliseconds.
    pub wait_ms: u64,
    /// Items of a page.
    pub page: u32,
    /// Items of a page of `tx_list` and `state_scan`.
    #[serde(default)]
    pub list: u32,
    /// Rounds of a `dag_rounds`.
    pub dag_rounds: u32,
}

/// Whether a node does its work (`node_health`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeHealth {
    /// Whether it should be asked: started, caught up, and going on.
    pub ready: bool,
    /// What is wrong, in words; empty when nothing is.
    pub reasons: Vec<String>,
    /// Ledger time of the last checkpoint.
    #[serde(with = "Decimal")]
    pub ledger_time_ms: u64,
    /// How far that lies behind the node's clock, in milliseconds.
    #[serde(with = "Decimal")]
    pub lag_ms: u64,
    /// Highest round of the DAG that it holds.
    pub round: u32,
    /// Connected peers.
    pub peers: u32,
    /// Transactions that wait in its pool.
    pub pool: u32,
}

/// Whom a node is connected to (`node_peers`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodePeers {
    /// The peers.
    pub peers: Vec<Peer>,
}

/// A connected node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Its identity in the peer-to-peer network.
    pub peer_id: String,
    /// Where it is (multiaddress).
    pub address: String,
    /// Its place in the committee, of a validator.
    pub author: Option<u16>,
    /// What people call it.
    pub name: Option<String>,
    /// True when it called us.
    pub inbound: bool,
    /// The last ping's round trip, in microseconds.
    #[serde(with = "OptionalDecimal", default)]
    pub round_trip_us: Option<u64>,
}

/// Where the chain is (`chain_head`); height and state root stand in `at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainHead {
    /// Digest of the checkpoint.
    pub digest: Hash,
    /// Ledger time.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Height of the last checkpoint that a quorum attested to, as far as this node has seen.
    #[serde(with = "Decimal")]
    pub certified_height: u64,
    /// Index of the last commit.
    #[serde(with = "Decimal")]
    pub commit_index: u64,
    /// Round of the last commit.
    pub committed_round: u32,
    /// Highest round of the DAG that this node holds.
    pub round: u32,
    /// Transactions that this checkpoint executed; null where the node does not keep them any more.
    #[serde(with = "OptionalDecimal", default)]
    pub transactions: Option<u64>,
}

/// A checkpoint (`chain_checkpoint`); height and state root stand in `at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointView {
    /// What attestations sign.
    pub digest: Hash,
    /// Epoch of the committee.
    #[serde(with = "Decimal")]
    pub epoch: u64,
    /// The last commit in it.
    #[serde(with = "Decimal")]
    pub commit_index: u64,
    /// That commit's digest.
    pub commit_digest: Hash,
    /// Digest of the checkpoint before.
    pub previous: Hash,
    /// Ledger time.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Root of the list of the transactions' ids.
    pub transactions_root: Hash,
    /// Root of the list of their receipts.
    pub receipts_root: Hash,
    /// Digest of what the commits after it depend on.
    pub ordering_root: Hash,
    /// Ids of the transactions, in order; null where the node does not keep them any more.
    pub transactions: Option<Vec<Hash>>,
}

/// What a checkpoint changed in the state (`chain_writes`), ascending by key hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainWrites {
    /// Some of the changes; may be none, and go on all the same.
    pub writes: Vec<StateWrite>,
    /// What to give as `after` to go on; null at the end.
    pub next: Option<Hash>,
}

/// A change of one key by a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateWrite {
    /// Hash of the key.
    pub key_hash: Hash,
    /// Whose entry it is, as 64 hexadecimal digits; null when it has been removed since.
    pub owner: Option<Hash>,
    /// The key under its owner; null when it has been removed since.
    pub key: Option<Bytes>,
    /// The value before the checkpoint; null where there was none.
    pub before: Option<Bytes>,
    /// The value after it; null where there is none.
    pub after: Option<Bytes>,
}

/// A block by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockName {
    /// Its author.
    pub author: u16,
    /// Its round.
    pub round: u32,
    /// Its digest.
    pub digest: Hash,
}

impl From<pollen_ledger::BlockRef> for BlockName {
    fn from(block: pollen_ledger::BlockRef) -> Self {
        Self { author: block.author, round: block.round, digest: block.digest }
    }
}

/// Rounds of the DAG (`dag_rounds`), oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DagRounds {
    /// The rounds.
    pub rounds: Vec<DagRound>,
    /// Round of the last commit: this one and all before it are output for good, also where this node
    /// does not know (any more) how a slot was decided.
    pub committed_round: u32,
    /// Highest round that this node holds.
    pub round: u32,
    /// Lowest round that it still holds.
    pub oldest_round: u32,
    /// Who signed two blocks for one round: what this node knows, at most one a validator, by author.
    pub evidence: Vec<DagEvidence>,
}

/// Two blocks of one author and round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DagEvidence {
    /// Who signed both.
    pub author: u16,
    /// For which round.
    pub round: u32,
    /// Their digests.
    pub blocks: [Hash; 2],
}

/// One round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DagRound {
    /// Which.
    pub round: u32,
    /// Its blocks, by author.
    pub blocks: Vec<DagBlock>,
    /// The validators' slots in it, by author.
    pub slots: Vec<DagSlot>,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DagBlock {
    /// Its author.
    pub author: u16,
    /// Its digest.
    pub digest: Hash,
    /// Its author's clock.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Blocks that it stands on; the author's own first.
    pub parents: Vec<BlockName>,
    /// Transactions in it.
    pub transactions: u32,
    /// Whether a commit has output it.
    pub committed: bool,
}

/// What the decider says of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SlotStatus {
    /// Nothing yet.
    Undecided,
    /// Its block is in the order.
    Committed,
    /// It has no block in the order as a slot.
    Skipped,
}

/// A slot of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DagSlot {
    /// Whose.
    pub author: u16,
    /// What the decider says; `skipped` on probation.
    pub status: SlotStatus,
    /// Its author is on probation and has no slot in this round.
    pub on_probation: bool,
}

/// An account (`account_get`). One that does not exist has `exists: false` and zeros.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its address.
    pub account: String,
    /// Whether it exists.
    pub exists: bool,
    /// Grains, the reserve included.
    #[serde(with = "Decimal")]
    pub balance: u64,
    /// Grains of the balance that only fees may touch.
    #[serde(with = "Decimal")]
    pub reserve: u64,
    /// Grains locked while it exists, beside the balance.
    #[serde(with = "Decimal")]
    pub deposit: u64,
    /// The nonce window of the key that was asked for.
    pub nonces: Option<NonceWindow>,
    /// That balance, deposit and nonces are so, where it was asked for.
    pub proof: Option<AccountProof>,
}

/// Which nonces of a key are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NonceWindow {
    /// The highest used; null before the first.
    #[serde(with = "OptionalDecimal", default)]
    pub highest: Option<u64>,
    /// The lowest above every used one: good for the next transaction.
    #[serde(with = "Decimal")]
    pub next: u64,
    /// The highest that is good now.
    #[serde(with = "Decimal")]
    pub last: u64,
}

/// A module (`module_get`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// Its address.
    pub module: String,
    /// The name that it is registered under.
    pub name: Option<String>,
    /// Plain blake3 of its component.
    pub code_hash: Hash,
    /// Bytes of its component.
    pub code_bytes: u32,
    /// Who deployed it.
    pub creator: String,
    /// Plain blake3 of its binary WIT package (`package` of `module_interface`).
    pub interface_hash: Hash,
    /// What its build said of itself, as JSON; null where it said nothing. Nobody checked it.
    pub build: Option<serde_json::Value>,
    /// Who may change it.
    pub policy: PolicyView,
    /// Whether its commands are refused.
    pub paused: bool,
    /// How often it was changed.
    pub revision: u32,
    /// The codes that it had, the newest first, at most [`VERSIONS_SHOWN_MAX`].
    pub versions: Vec<VersionView>,
    /// Ledger time of its deployment.
    #[serde(with = "Decimal")]
    pub deployed_ms: u64,
    /// Grains that it holds.
    #[serde(with = "Decimal")]
    pub balance: u64,
    /// Bytes of its storage, as their deposit counts them.
    #[serde(with = "Decimal")]
    pub storage_bytes: u64,
    /// Grains locked for its account and its storage.
    #[serde(with = "Decimal")]
    pub deposit: u64,
}

/// Codes of a module that `module_get` shows.
pub const VERSIONS_SHOWN_MAX: u32 = 32;

/// When a module came to its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// 1 is that of its deployment.
    pub version: u32,
    /// Plain blake3 of the component.
    pub code_hash: Hash,
    /// Ledger time.
    #[serde(with = "Decimal")]
    pub since_ms: u64,
    /// The transaction that did it.
    pub transaction: Hash,
}

/// What a module offers (`module_interface`), out of its own component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModuleInterface {
    /// Its address.
    pub module: String,
    /// The name that it is registered under.
    pub name: Option<String>,
    /// Plain blake3 of its component.
    pub code_hash: Hash,
    /// As WIT text, with docs.
    pub wit: String,
    /// As JSON: commands, queries and events with their types and docs.
    pub interface: Value,
    /// As a binary WIT package.
    pub package: Bytes,
}

/// Code on the ledger (`module_code`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModuleCode {
    /// Plain blake3 of the component.
    pub code_hash: Hash,
    /// Its length.
    pub code_bytes: u32,
    /// Ledger time from which on modules may run it.
    #[serde(with = "Decimal")]
    pub active_ms: u64,
    /// Plain blake3 of its interface's description.
    pub interface_hash: Hash,
    /// The component; null when it was not asked for.
    pub code: Option<Bytes>,
}

/// Modules (`module_list`), ascending by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModuleList {
    /// Some of them; may be none, and go on all the same.
    pub modules: Vec<ModuleListed>,
    /// What to give as `after` to go on; null at the end.
    pub next: Option<Hash>,
}

/// A module of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModuleListed {
    /// Its address.
    pub module: String,
    /// The name that it is registered under.
    pub name: Option<String>,
    /// Plain blake3 of its component.
    pub code_hash: Hash,
    /// Who deployed it.
    pub creator: String,
    /// Whether its commands are refused.
    pub paused: bool,
    /// Ledger time of its deployment.
    #[serde(with = "Decimal")]
    pub deployed_ms: u64,
}

/// What a query returned (`module_call`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModuleCall {
    /// In JSON, by the module's interface.
    pub result: Value,
    /// In the ledger's value encoding (borsh).
    pub result_bytes: Bytes,
    /// Fuel that it took; nobody pays for it.
    #[serde(with = "Decimal")]
    pub fuel_used: u64,
    /// What it read, with proofs, where it was asked for.
    #[serde(default)]
    pub witness: Option<Witness>,
}

/// Events (`events_query`), in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsPage {
    /// The events.
    pub events: Vec<EventView>,
    /// What to give as `after` to go on.
    pub next: Cursor,
    /// Whether there may be more right now.
    pub more: bool,
    /// The lowest height whose events this node keeps.
    #[serde(with = "Decimal", default)]
    pub oldest_height: u64,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// Its place.
    pub cursor: Cursor,
    /// The transaction that it came from.
    pub transaction: Hash,
    /// Ledger time.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Who told it: address.
    pub module: String,
    /// The name that the module is registered under.
    pub module_name: Option<String>,
    /// Its name.
    pub name: String,
    /// Indexed bytes.
    pub topics: Vec<Bytes>,
    /// Its value in the ledger's encoding (borsh).
    pub data: Bytes,
    /// The same by the module's interface, where it could be read.
    pub json: Option<Value>,
}

/// What a subscription to events tells. `type` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum EventNotice {
    /// An event.
    Event {
        /// The event.
        event: Box<EventView>,
    },
    /// The subscriber fell too far behind: events after `after` up to `resume` are left out here,
    /// and can be read with `events_query`.
    Gap {
        /// Read again from here.
        after: Cursor,
        /// Up to here; the subscription goes on after it.
        resume: Cursor,
    },
    /// The node ends the subscription: nothing more comes.
    End {
        /// Number in docs/rpc.md.
        code: i32,
        /// Stable name of that number.
        name: String,
        /// What happened.
        message: String,
    },
}
