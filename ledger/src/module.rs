//! The door between the ledger and the module host: what execution asks of `vm`, and what it gives it.

use crate::crypto::Hash;
use crate::execution::TransactionState;
use crate::receipt::{Code, FailureValue};
use crate::store::StoreError;
use crate::transaction::AccountId;

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A function of `commands`, by a transaction or another module; never `init` nor `migrate`.
    Command,
    /// `init` of `commands`, once, at deployment.
    Init,
    /// `migrate` of `commands`, once, at an upgrade, by the new code.
    Migrate,
    /// A function of `queries`: every write is refused.
    Query,
}

/// One call of a module.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whom.
    pub module: AccountId,
    /// Its function.
    pub function: &'a str,
    /// In the ledger's value encoding.
    pub arguments: &'a [u8],
    /// Who calls.
    pub caller: AccountId,
    /// Grains sent along; already moved by the caller of [`ModuleEngine::call`].
    pub attached: u64,
    /// The most fuel that it may use.
    pub fuel: u64,
    /// How.
    pub kind: CallKind,
}

/// How a call ended: consensus data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEnd {
    /// With a result, in the ledger's value encoding (of `result<T, E>`: the `ok` case's payload).
    Returned(Vec<u8>),
    /// Everything that it wrote must be undone by whoever called.
    Failed {
        /// Why.
        code: Code,
        /// What the module had to say.
        value: FailureValue,
    },
}

/// What a call did, with what is for people only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReport {
    /// Consensus data.
    pub end: CallEnd,
    /// Consensus data; at most the call's limit.
    pub fuel_used: u64,
    /// For people, never consensus: a backtrace, the path of a wrong argument, where the fuel went.
    pub note: Option<String>,
}

/// What validation says of a component: consensus data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    /// What a deployment costs.
    pub deploy_fuel: u64,
    /// Whether `commands` has an `init`.
    pub has_init: bool,
    /// Whether `commands` has a `migrate`.
    pub has_migrate: bool,
    /// blake3 of the description of its interface: of nothing where it has none.
    pub interface: Hash,
}

/// Why a component may not run here: consensus is only that it may not; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CodeRefusal {
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// A local failure that says nothing about the transaction: the node must stop or retry, never turn it
/// into a result.
#[derive(Debug, thiserror::Error)]
pub enum EngineFailure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The host's own machinery failed: memory, compiler, artefacts.
    #[error("module host: {0}")]
    Host(String),
    /// There is no room for a query now, or no code yet: the same can succeed in a moment. Execution waits
    /// instead and never gets this.
    #[error("module host: {0}; try again in a moment")]
    Busy(String),
}

/// Runs modules. Implemented by `vm`; deterministic in all that is marked consensus data.
pub trait ModuleEngine: Send + Sync {
    /// Whether a component may be deployed, by limits and imports alone, before anything is compiled.
    fn inspect(&self, code: &[u8]) -> Result<CodeFacts, CodeRefusal>;

    /// Runs one function of the module at `call.module` to its end, nested calls included. Writes go to
    /// `state`; on a failure the caller undoes them ([`TransactionState::rollback`]).
    fn call(
        &self,
        state: &mut TransactionState<'_>,
        call: Call<'_>,
    ) -> Result<CallReport, EngineFailure>;

    /// Has code that was just deployed compiled and cached, without waiting for it. Never decides anything.
    fn prepare(&self, code_hash: &Hash, code: &[u8]) -> Result<(), EngineFailure>;
}
