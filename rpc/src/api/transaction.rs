//! What became of a transaction: stages, ends, and what it asked for.

use pollen_ledger::receipt::{Code, FailureValue};
use pollen_ledger::{Action, Address, Hash, PublicKey, Transaction};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    BlockName, Bytes, ChangeView, Decimal, EventView, OptionalDecimal, OwnerView, PolicyView,
    ScopedKeyView,
};

/// How far a transaction has come. `Ordered` and later survive any f faults; the two before are
/// progress and no promise.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// In a node's pool.
    Accepted,
    /// In a block.
    Included,
    /// At its place in the order.
    Ordered,
    /// Run (or rejected in its place): its receipt is written.
    Executed,
    /// In a checkpoint that a quorum attested to.
    Certified,
}

impl Stage {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Included => "included",
            Self::Ordered => "ordered",
            Self::Executed => "executed",
            Self::Certified => "certified",
        }
    }
}

impl Stage {
    /// The one behind it.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Accepted => Some(Self::Included),
            Self::Included => Some(Self::Ordered),
            Self::Ordered => Some(Self::Executed),
            Self::Executed => Some(Self::Certified),
            Self::Certified => None,
        }
    }
}

/// What a subscription to a transaction tells (`tx_subscribe`): each stage, and then no more. `type` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum TxNotice {
    /// It reached another stage, or its end.
    Status {
        /// What became of it.
        status: Box<TxStatus>,
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

/// What a submission waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitFor {
    /// Nothing but admission.
    #[default]
    None,
    /// See [`Stage::Accepted`].
    Accepted,
    /// See [`Stage::Included`].
    Included,
    /// See [`Stage::Ordered`].
    Ordered,
    /// See [`Stage::Executed`].
    Executed,
    /// See [`Stage::Certified`].
    Certified,
}

impl WaitFor {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The stage; of `None` none.
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::None => None,
            Self::Accepted => Some(Stage::Accepted),
            Self::Included => Some(Stage::Included),
            Self::Ordered => Some(Stage::Ordered),
            Self::Executed => Some(Stage::Executed),
            Self::Certified => Some(Stage::Certified),
        }
    }
}

impl From<Stage> for WaitFor {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Accepted => Self::Accepted,
            Stage::Included => Self::Included,
            Stage::Ordered => Self::Ordered,
            Stage::Executed => Self::Executed,
            Stage::Certified => Self::Certified,
        }
    }
}

/// What became of a transaction (`tx_submit`, `tx_status`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxStatus {
    /// Its id.
    pub hash: Hash,
    /// The furthest stage that it reached.
    pub stage: Stage,
    /// Whether `outcome` stands and can change no more.
    pub ended: bool,
    /// Its end.
    pub outcome: Option<TxOutcome>,
    /// The block that it stands in, from `included` on.
    pub block: Option<BlockName>,
    /// Height of its checkpoint, from `executed` on.
    #[serde(with = "OptionalDecimal", default)]
    pub height: Option<u64>,
    /// Its place in the checkpoint, from 0.
    pub index: Option<u32>,
    /// Fuel used.
    #[serde(with = "OptionalDecimal", default)]
    pub fuel_used: Option<u64>,
    /// Grains paid.
    #[serde(with = "OptionalDecimal", default)]
    pub fee: Option<u64>,
    /// What its modules told the world, in order.
    pub events: Vec<EventView>,
    /// This node's own notes for people, never the same on two nodes by promise: a backtrace, why
    /// code was refused, where the fuel went.
    pub note: Option<String>,
    /// When this node saw it reach each stage.
    pub times: StageTimes,
    /// What it asked for, where the node still has it.
    pub transaction: Option<TransactionView>,
}

impl TxStatus {
    /// The status of a transaction of which nothing more is known than its stage.
    pub const fn at_stage(hash: Hash, stage: Stage) -> Self {
        Self {
            hash,
            stage,
            ended: false,
            outcome: None,
            block: None,
            height: None,
            index: None,
            fuel_used: None,
            fee: None,
            events: Vec::new(),
            note: None,
            times: StageTimes {
                accepted_ms: None,
                included_ms: None,
                ordered_ms: None,
                executed_ms: None,
                certified_ms: None,
            },
            transaction: None,
        }
    }

    /// True when who waits for `stage` need wait no longer: it is reached, or never will be.
    pub fn satisfies(&self, stage: Stage) -> bool {
        let never = self.ended && self.stage < Stage::Executed;
        self.stage >= stage || never
    }
}

/// By this node's clock, milliseconds since 1970; null where it did not see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StageTimes {
    /// See [`Stage::Accepted`].
    #[serde(with = "OptionalDecimal")]
    pub accepted_ms: Option<u64>,
    /// See [`Stage::Included`].
    #[serde(with = "OptionalDecimal")]
    pub included_ms: Option<u64>,
    /// See [`Stage::Ordered`].
    #[serde(with = "OptionalDecimal")]
    pub ordered_ms: Option<u64>,
    /// See [`Stage::Executed`].
    #[serde(with = "OptionalDecimal")]
    pub executed_ms: Option<u64>,
    /// See [`Stage::Certified`].
    #[serde(with = "OptionalDecimal")]
    pub certified_ms: Option<u64>,
}

/// How a transaction ended. `kind` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum TxOutcome {
    /// Everything was done.
    Success {
        /// One per action.
        results: Vec<ActionResult>,
    },
    /// Nothing was done but paying the fee.
    Failure {
        /// The action that failed, from 0.
        action: u16,
        /// Number in docs/rpc.md.
        code: i32,
        /// Stable name of that number.
        name: String,
        /// What happened, for people.
        message: String,
        /// Of 2006 with an error value: that value.
        error: Option<ActionResult>,
    },
    /// Nothing was done: refused in its place in the order.
    Rejected {
        /// Number in docs/rpc.md.
        code: i32,
        /// Stable name of that number.
        name: String,
        /// What happened, for people.
        message: String,
    },
    /// It was not ordered while it was valid, and never will be.
    Expired {
        /// Until when it was valid.
        #[serde(with = "Decimal")]
        valid_until_ms: u64,
    },
}

impl TxOutcome {
    /// A failure as the receipt has it. `error` is the module's error value in JSON where its
    /// interface could be read; `note` (a backtrace, a wrong argument's path) becomes part of the
    /// message.
    pub fn failure(
        action: u16,
        code: Code,
        value: &FailureValue,
        error: Option<Value>,
        note: Option<&str>,
    ) -> Self {
        let (said, error) = match value {
            FailureValue::None => (None, None),
            FailureValue::Message(message) => (Some(message.clone()), None),
            FailureValue::Error(bytes) => (
                error.as_ref().map(Value::to_string),
                Some(ActionResult { bytes: Bytes(bytes.clone()), json: error }),
            ),
        };
        let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let message = said
            .or_else(|| note.map(first_line))
            .unwrap_or_else(|| crate::error::describe(code).to_owned());
        let (code, name) = (i32::from(code.number()), code.name().to_owned());
        Self::Failure { action, code, name, message, error }
    }

    /// A rejection as the receipt has it.
    pub fn rejected(code: Code) -> Self {
        Self::Rejected {
            code: i32::from(code.number()),
            name: code.name().to_owned(),
            message: crate::error::describe(code).to_owned(),
        }
    }
}

/// A value that a module returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionResult {
    /// In the ledger's value encoding (borsh).
    pub bytes: Bytes,
    /// The same by the module's interface, where it could be read.
    pub json: Option<Value>,
}

/// What a transaction asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// Who asked, and pays unless there is a payer.
    pub sender: String,
    /// The key of the sender's that signed first; the nonce is of its window.
    pub key: PublicKey,
    /// Another account that pays the fee.
    pub payer: Option<String>,
    /// Its nonce.
    #[serde(with = "Decimal")]
    pub nonce: u64,
    /// Until when it is valid.
    #[serde(with = "Decimal")]
    pub valid_until_ms: u64,
    /// Most fuel that it may use.
    #[serde(with = "Decimal")]
    pub max_fuel: u64,
    /// Grains per 1 000 fuel.
    #[serde(with = "Decimal")]
    pub fuel_price: u64,
    /// What to do, in order.
    pub actions: Vec<ActionView>,
}

/// One thing to do. `kind` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ActionView {
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
        /// Plain blake3 of the component.
        code: Hash,
        /// Name to register.
        name: Option<String>,
        /// Address that the module gets.
        module: String,
        /// Arguments of `init` (borsh).
        arguments: Bytes,
        /// Who may change the module.
        policy: PolicyView,
    },
    /// Calls a module.
    Invoke {
        /// The module.
        module: String,
        /// The function.
        function: String,
        /// Its arguments (borsh).
        arguments: Bytes,
        /// Grains to send along.
        #[serde(with = "Decimal")]
        deposit: u64,
        /// Hash of the interface that the call was made from, where it is to hold.
        interface: Option<Hash>,
    },
    /// Puts code on the ledger.
    Publish {
        /// Plain blake3 of the component.
        code: Hash,
    },
    /// Agrees to a change of a module, and makes it when it is due.
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
    /// Gives the sender's account other owners.
    SetOwners {
        /// The weight of signatures that a transaction needs from then on.
        threshold: u32,
        /// All of them.
        owners: Vec<OwnerView>,
    },
    /// Gives the sender's account a scoped key.
    PutKey {
        /// The key and what it may.
        key: Box<ScopedKeyView>,
    },
    /// Takes a scoped key from the sender's account.
    RemoveKey {
        /// Which.
        key: PublicKey,
    },
}

impl TransactionView {
    /// A transaction whose id is `hash`, with addresses of the network of `prefix`.
    pub fn of(transaction: &Transaction, hash: &Hash, prefix: &str) -> Self {
        let action = |(index, action): (usize, &Action)| match action {
            Action::Transfer { to, amount } => {
                ActionView::Transfer { to: Address::account(*to).display(prefix), amount: *amount }
            }
            Action::Deploy { code, name, arguments, upgrade } => ActionView::Deploy {
                code: *code,
                name: name.clone(),
                module: Address::module(pollen_ledger::AccountId::of_module(hash, index as u16))
                    .display(prefix),
                arguments: Bytes(arguments.clone()),
                policy: PolicyView::of(upgrade, prefix),
            },
            Action::Invoke { module, function, arguments, deposit, interface } => {
                ActionView::Invoke {
                    module: Address::module(*module).display(prefix),
                    function: function.clone(),
                    arguments: Bytes(arguments.clone()),
                    deposit: *deposit,
                    interface: *interface,
                }
            }
            Action::Publish { code } => ActionView::Publish { code: *code },
            Action::Change { module, change } => ActionView::Change {
                module: Address::module(*module).display(prefix),
                change: ChangeView::of(change, prefix),
            },
            Action::Cancel { module, change } => ActionView::Cancel {
                module: Address::module(*module).display(prefix),
                change: *change,
            },
            Action::SetOwners { threshold, owners } => ActionView::SetOwners {
                threshold: *threshold,
                owners: owners.iter().map(OwnerView::from).collect(),
            },
            Action::PutKey(key) => {
                ActionView::PutKey { key: Box::new(ScopedKeyView::of(key, prefix)) }
            }
            Action::RemoveKey { key } => ActionView::RemoveKey { key: *key },
        };
        Self {
            sender: Address::account(transaction.sender).display(prefix),
            key: transaction.key,
            payer: transaction.payer.map(|payer| Address::account(payer).display(prefix)),
            nonce: transaction.nonce,
            valid_until_ms: transaction.valid_until_ms,
            max_fuel: transaction.max_fuel,
            fuel_price: transaction.fuel_price,
            actions: transaction.actions.iter().enumerate().map(action).collect(),
        }
    }
}
