//! An executed transaction, run again where it ran.

use std::collections::BTreeMap;

use pollen_ledger::execution::{KeyRead, RetraceError, Retraced, StateKey, Value, retrace};
use pollen_ledger::module::EngineFailure;
use pollen_ledger::store::StoreError;
use pollen_ledger::{Hash, SignedTransaction, codec};
use pollen_rpc::api::{
    Answer, Bytes, ReadAt, TRACE_BYTES_MAX, TRACE_ENTRIES_MAX, TraceContext, TraceEntry, TxTrace,
};
use pollen_rpc::error::{ErrorCode, RpcError};

use super::simulation::{Place, empty};
use super::{Parts, storage};

impl Parts {
    pub(super) fn tx_trace(&self, hash: &Hash, before: bool) -> Result<Answer<TxTrace>, RpcError> {
        let at = self.database.location(hash).map_err(storage)?;
        let at = at.ok_or_else(|| self.unknown(hash))?;
        let found = retrace(&self.database, self.engine.as_ref(), at).map_err(untraceable)?;
        let Retraced { signed, context, simulation, earlier } = found;
        // In words by the interfaces that stood there right after it.
        let reading = self.reading(ReadAt::Height(at.height))?;
        let before = before.then(|| met(&simulation.reads, &earlier)).transpose()?;
        let mut effects = empty(*hash, self.in_words(&reading.state, &signed)?);
        let place = Place { height: at.height, index: at.index, time_ms: context.time_ms };
        self.show_simulation(&reading.state, place, &signed, simulation, &mut effects)?;
        let bare = SignedTransaction { attachments: Vec::new(), ..(*signed).clone() };
        let trace = TxTrace {
            height: at.height,
            index: at.index,
            context: TraceContext {
                time_ms: context.time_ms,
                round: context.round,
                commit: context.commit,
                position: context.position,
            },
            effects,
            transaction: Bytes(codec::encode(&bare)),
            before,
        };
        Ok(Answer::new(self.at_head(), trace))
    }
}

/// What a transaction met: what it read, and what others had changed before it in its checkpoint.
fn met(
    reads: &[KeyRead],
    earlier: &BTreeMap<StateKey, Option<Value>>,
) -> Result<Vec<TraceEntry>, RpcError> {
    let mut all: BTreeMap<&StateKey, &Option<Value>> = earlier.iter().collect();
    all.extend(reads.iter().map(|read| (&read.key, &read.value)));
    let bytes: usize = all
        .iter()
        .map(|(key, value)| key.key.len() + value.as_ref().map_or(0, |value| value.len()))
        .sum();
    if all.len() > TRACE_ENTRIES_MAX || bytes > TRACE_BYTES_MAX {
        let what = format!(
            "it and those before it in its checkpoint concern {} entries of {bytes} bytes; {TRACE_ENTRIES_MAX} and \
             {TRACE_BYTES_MAX} are given out at most",
            all.len()
        );
        return Err(RpcError::new(ErrorCode::Limit, what).with("retryable", false));
    }
    let entry = |(key, value): (&StateKey, &Option<Value>)| TraceEntry {
        owner: Hash(key.owner.0),
        key: Bytes(key.key.clone()),
        value: value.as_ref().map(|value| Bytes(value.to_vec())),
    };
    Ok(all.into_iter().map(entry).collect())
}

fn untraceable(error: RetraceError) -> RpcError {
    match error {
        // Commits and blocks go when the ledger's history does; the state's history is shorter.
        RetraceError::Engine(EngineFailure::Store(
            error @ (StoreError::Gone { .. } | StoreError::NotHeld { .. }),
        )) => storage(error).with(
            "hint",
            "trace it sooner, at a node that keeps more ([history] in its configuration), or at an archive",
        ),
        RetraceError::Engine(error) => storage(error),
        error @ RetraceError::Differs { .. } => RpcError::internal(error.to_string()).with(
            "hint",
            "ask a node whose program is of the version that executed it; `pollen doctor diverge` compares two nodes",
        ),
        error @ RetraceError::TooMuchBefore { .. } => {
            RpcError::new(ErrorCode::Limit, error.to_string()).with("retryable", false)
        }
    }
}
