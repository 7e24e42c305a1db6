//! What a node answers out of its optional indexes: transactions of an account, entries of a module.

use std::fmt;
use std::str::FromStr;

use pollen_ledger::{AccountId, Action, Address, Hash, PublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::keys::{OwnerView, ScopedKeyView};
use super::policy::ChangeView;
use super::values::{Bytes, Decimal, text_schema};

/// A place in the chain's one list of transactions, the same on every node: `height.index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TxCursor {
    /// Height of the checkpoint.
    pub height: u64,
    /// Place of the transaction in it, from 0.
    pub index: u32,
}

impl fmt::Display for TxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.height, self.index)
    }
}

impl FromStr for TxCursor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (height, index) = text.split_once('.')?;
            let index = u32::try_from(Decimal::parse(index)?).ok()?;
            Some(Self { height: Decimal::parse(height)?, index })
        };
        read().ok_or_else(|| format!("'{text}': expected a place `height.index`"))
    }
}

text_schema!(
    TxCursor,
    "TxCursor",
    "A place in the chain's one list of transactions: `height.index`."
);

impl Serialize for TxCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TxCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.chars().take(64).collect::<String>().parse().map_err(de::Error::custom)
    }
}

/// Transactions of an account (`tx_list`), in the order that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxList {
    /// The transactions.
    pub transactions: Vec<TxListed>,
    /// What to give as `after` to go on; null at the end.
    pub next: Option<TxCursor>,
    /// The lowest height whose transactions this node keeps: what was before is not in the list.
    #[serde(with = "Decimal")]
    pub oldest_height: u64,
}

/// A transaction of a list: `tx_status` has the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxListed {
    /// Its id.
    pub hash: Hash,
    /// Height of its checkpoint.
    #[serde(with = "Decimal")]
    pub height: u64,
    /// Its place in the checkpoint, from 0.
    pub index: u32,
    /// Ledger time of the checkpoint.
    #[serde(with = "Decimal")]
    pub time_ms: u64,
    /// Who asked, and paid.
    pub sender: String,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why, of what was no success: number in docs/rpc.md.
    pub code: Option<i32>,
    /// Stable name of that number.
    pub code_name: Option<String>,
    /// Fuel used.
    #[serde(with = "Decimal")]
    pub fuel_used: u64,
    /// Grains paid.
    #[serde(with = "Decimal")]
    pub fee: u64,
    /// What it asked for, in order.
    pub actions: Vec<ActionListed>,
}

/// How a transaction ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// Everything was done.
    Success,
    /// Nothing was done but paying the fee.
    Failure,
    /// Nothing was done.
    Rejected,
}

/// One thing that a listed transaction asked for, without arguments. `kind` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ActionListed {
    /// Moves grains.
    Transfer {
        /// Who receives.
        to: String,
        /// Grains.
        #[serde(with = "Decimal")]
        amount: u64,
    },
    /// Makes a module.
    Deploy {
        /// Name to register.
        name: Option<String>,
        /// Address that the module gets.
        module: String,
    },
    /// Calls a module.
    Invoke {
        /// The module.
        module: String,
        /// The function.
        function: String,
        /// Grains to send along.
        #[serde(with = "Decimal")]
        deposit: u64,
    },
    /// Puts code on the ledger.
    Publish {
        /// Plain blake3 of the component.
        code: Hash,
    },
    /// Agrees to a change of a module.
    Change {
        /// The module.
        module: String,
        /// The change.
        change: ChangeView,
    },
    /// Takes an agreement back.
    Cancel {
        /// The module.
        module: String,
        /// The change's digest.
        change: Hash,
    },
    /// Gives the account other owners.
    SetOwners {
        /// The weight of signatures that a transaction needs from then on.
        threshold: u32,
        /// All of them.
        owners: Vec<OwnerView>,
    },
    /// Gives the account a scoped key.
    PutKey {
        /// The key and what it may.
        key: Box<ScopedKeyView>,
    },
    /// Takes a scoped key from the account.
    RemoveKey {
        /// Which.
        key: PublicKey,
    },
}

impl ActionListed {
    /// The action at a place in the transaction with this id.
    pub fn of(action: &Action, hash: &Hash, place: u16, prefix: &str) -> Self {
        match action {
            Action::Transfer { to, amount } => {
                Self::Transfer { to: Address::account(*to).display(prefix), amount: *amount }
            }
            Action::Deploy { name, .. } => {
                let module = Address::module(AccountId::of_module(hash, place)).display(prefix);
                Self::Deploy { name: name.clone(), module }
            }
            Action::Invoke { module, function, deposit, .. } => Self::Invoke {
                module: Address::module(*module).display(prefix),
                function: function.clone(),
                deposit: *deposit,
            },
            Action::Publish { code } => Self::Publish { code: *code },
            Action::Change { module, change } => Self::Change {
                module: Address::module(*module).display(prefix),
                change: ChangeView::of(change, prefix),
            },
            Action::Cancel { module, change } => {
                Self::Cancel { module: Address::module(*module).display(prefix), change: *change }
            }
            Action::SetOwners { threshold, owners } => Self::SetOwners {
                threshold: *threshold,
                owners: owners.iter().map(OwnerView::from).collect(),
            },
            Action::PutKey(key) => Self::PutKey { key: Box::new(ScopedKeyView::of(key, prefix)) },
            Action::RemoveKey { key } => Self::RemoveKey { key: *key },
        }
    }
}

/// Entries of the state (`state_scan`), ascending by key; of which height stands in `at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateScan {
    /// Whose entries: a module's id, or a namespace of the ledger's own, as 64 hexadecimal digits.
    pub owner: Hash,
    /// The entries; may be none, and go on all the same.
    pub entries: Vec<StateListed>,
    /// What to give as `after` to go on; null at the end.
    pub next: Option<Bytes>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateListed {
    /// The key under its owner.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
}
