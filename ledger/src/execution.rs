//! Execution: ordered transactions against the state (DESIGN §4, STATE §3).

mod state;

pub use state::{
    AccountRecord, CallContext, Changes, ModuleRecord, MoveError, Namespace, Savepoint, StateKey,
    StateLimit, StateRead, TransactionState, Value,
};
