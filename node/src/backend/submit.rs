//! The way of a transaction into the pool, and of its progress back to the client.

use pollen_ledger::execution::NonceError;
use pollen_ledger::execution::admission::{self, Refusal};
use pollen_ledger::mempool::PoolError;
use pollen_ledger::ordering::Input;
use pollen_ledger::wire::{Request, Response};
use pollen_ledger::{Hash, SignedTransaction};
use pollen_rpc::api::{Answer, Stage, TxOutcome, TxStatus};
use pollen_rpc::error::{ErrorCode, RpcError};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use super::{LAG_READY_MAX_MS, NodeBackend, Parts, storage};
use crate::clock;
use crate::network::Target;
use crate::shared::Head;
use crate::tracker::Progress;

/// What a node says that its operator is about to stop.
pub(super) const DRAINING: &str = "this node is being drained: it takes no transactions";
/// When a node without room is worth another question, in milliseconds: another node is a better answer.
const DISK_RETRY_MS: u64 = 5_000;

/// A transaction that passed every check that state and cryptography can make.
struct Checked {
    signed: Arc<SignedTransaction>,
    id: Hash,
    bytes: u32,
    reserve: u64,
}

enum Intake {
    Known(Box<Answer<TxStatus>>),
    New(Checked),
}

/// A refusal in the words of the RPC catalogue.
pub fn refused(refusal: &Refusal) -> RpcError {
    let number = i32::from(refusal.number());
    let code = ErrorCode::ALL.iter().find(|code| code.number() == number);
    let mut error =
        RpcError::new(code.copied().unwrap_or(ErrorCode::InternalError), refusal.to_string());
    if let Value::Object(data) = refusal.data() {
        error.data.extend(data);
    }
    error.with("hint", refusal.hint())
}

impl Parts {
    fn check(&self, bytes: &[u8]) -> Result<Intake, RpcError> {
        let parameters = &self.genesis.parameters;
        let signed = SignedTransaction::decode(bytes, parameters)?;
        signed.check_shape(parameters)?;
        let id = signed.transaction.id(&self.network.chain_id);
        if let Ok(known) = self.tx_status(&id) {
            return Ok(Intake::Known(Box::new(known)));
        }
        if let Some(reason) = self.shared.disk_low.borrow().as_ref() {
            return Err(RpcError::new(ErrorCode::NotReady, reason.as_str())
                .with("retryAfterMs", DISK_RETRY_MS));
        }
        if *self.shared.draining.borrow() {
            return Err(
                RpcError::new(ErrorCode::NotReady, DRAINING).with("retryAfterMs", DISK_RETRY_MS)
            );
        }
        let head = self.shared.head.borrow().checkpoint.clone();
        let lag_ms = clock::now_ms().saturating_sub(head.timestamp_ms);
        if lag_ms > LAG_READY_MAX_MS {
            // Whatever it says of nonces, balances and time would be of long ago.
            let what = format!("the newest checkpoint here is {lag_ms} ms old");
            return Err(RpcError::new(ErrorCode::NotReady, what).with("retryAfterMs", 500));
        }
        let state = self.database.latest();
        let admitted = admission::check(&state, parameters, &signed, head.timestamp_ms);
        let admitted = match admitted.map_err(storage)? {
            Ok(admitted) => admitted,
            // What refuses it may be what it did itself: another copy was executed meanwhile.
            Err(refusal) => {
                let known = self.tx_status(&id).map_err(|_| refused(&refusal))?;
                return Ok(Intake::Known(Box::new(known)));
            }
        };
        signed.check_signatures(&self.network.chain_id)?;
        let bytes = bytes.len() as u32;
        Ok(Intake::New(Checked { signed: Arc::new(signed), id, bytes, reserve: admitted.reserve }))
    }
}

impl NodeBackend {
    /// Takes a transaction in. Idempotent: of one that is known already, its status.
    pub(super) async fn take_in(&self, bytes: Vec<u8>) -> Result<Answer<TxStatus>, RpcError> {
        // Point reads and one signature, about 80 us: less than what handing it to another thread and
        // back costs at thousands a second.
        let checked = match self.0.check(&bytes)? {
            Intake::Known(status) => return Ok(*status),
            Intake::New(checked) => checked,
        };
        let id = checked.id;
        let valid_until_ms = checked.signed.transaction.valid_until_ms;
        // Between the check and now another copy may have been executed.
        let in_store = || self.0.tx_status(&id).ok().filter(|known| known.value.ended);
        let known = self.0.shared.tracker.follow_unless(id, valid_until_ms, in_store);
        if let Some(known) = known {
            return Ok(known);
        }
        let taken = if self.0.own.is_some() {
            self.offer(checked).await
        } else {
            self.forward(id, bytes).await
        };
        if let Err(error) = taken {
            // Another copy may have gone through meanwhile: then that is the answer.
            return match self.0.tx_status(&id) {
                Ok(status) => Ok(status),
                Err(_) => {
                    self.0.shared.tracker.forget(&id);
                    Err(error)
                }
            };
        }
        self.0.tx_status(&id)
    }

    async fn offer(&self, checked: Checked) -> Result<(), RpcError> {
        let Checked { signed, id, bytes, reserve } = checked;
        let answer = self.0.shared.expect_submission(id);
        let busy = || {
            RpcError::new(ErrorCode::PoolFull, "the node is overloaded").with("retryAfterMs", 1000)
        };
        let input = Input::Submit { transaction: signed, id, bytes, reserve };
        self.0.core.input(input).map_err(|_| busy())?;
        match answer.await.map_err(|_| busy())? {
            Ok(()) | Err(PoolError::AlreadyKnown) => {
                self.0.shared.tracker.advance([id], Stage::Accepted);
                Ok(())
            }
            Err(error) => {
                Err(RpcError::new(ErrorCode::PoolFull, error.to_string())
                    .with("retryAfterMs", 1000))
            }
        }
    }

    /// A peer has no pool: it hands the transaction to a validator.
    async fn forward(&self, id: Hash, encoded: Vec<u8>) -> Result<(), RpcError> {
        let answer =
            self.0.peers.request(Target::AnyConnected, Request::Transaction(encoded)).await;
        match answer {
            Ok(Response::Transaction(Ok(()))) => {
                self.0.shared.tracker.advance([id], Stage::Accepted);
                Ok(())
            }
            Ok(Response::Transaction(Err((number, text)))) => {
                let code = ErrorCode::ALL.iter().find(|code| code.number() == number);
                Err(RpcError::new(code.copied().unwrap_or(ErrorCode::InternalError), text))
            }
            Ok(_) => Err(RpcError::new(ErrorCode::NotReady, "the validator is busy")),
            Err(error) => Err(RpcError::new(
                ErrorCode::NotReady,
                format!("no validator took the transaction: {error}"),
            )),
        }
    }

    /// Waits until a transaction reached a stage, or can no longer.
    pub(super) async fn wait_for(
        &self,
        hash: Hash,
        stage: Stage,
    ) -> Result<Answer<TxStatus>, RpcError> {
        let mut head = self.0.shared.head.subscribe();
        let mut certified = self.0.shared.certified.subscribe();
        let mut progress = self.0.shared.tracker.following(&hash);
        loop {
            if let Some(following) = &mut progress {
                // Most of the wait is here: nothing is read until there is something to tell.
                let until_ms = Some(following.borrow().valid_until_ms);
                let gone = tokio::select! {
                    reached = following.wait_for(|now| now.stage >= Some(stage) || now.lost.is_some()) => {
                        reached.is_err()
                    }
                    () = ledger_time(head.clone(), until_ms) => false,
                };
                if gone {
                    progress = None; // the pool refused it, or it was forgotten
                }
            }
            if let Some(progress) = &mut progress {
                progress.borrow_and_update();
            }
            head.borrow_and_update();
            certified.borrow_and_update();
            let status = self.0.tx_status(&hash)?;
            if status.value.satisfies(stage) {
                return Ok(status);
            }
            let executed = status.value.stage >= Stage::Executed;
            let valid_until_ms = status
                .value
                .transaction
                .as_ref()
                .map(|transaction| transaction.valid_until_ms)
                .or_else(|| progress.as_ref().map(|progress| progress.borrow().valid_until_ms));
            tokio::select! {
                changed = next(progress.as_mut()), if !executed => {
                    if !changed {
                        progress = None; // the pool refused it, or it was forgotten
                    }
                }
                _ = certified.changed(), if executed => {}
                () = ledger_time(head.clone(), valid_until_ms), if !executed => {}
            }
        }
    }

    /// A transaction that a peer passes on to this validator.
    pub async fn take_forwarded(&self, encoded: Vec<u8>) -> Response {
        if self.0.own.is_none() {
            return Response::Refused("this node is no validator".into());
        }
        match self.take_in(encoded).await {
            Ok(_) => Response::Transaction(Ok(())),
            Err(error) => Response::Transaction(Err((error.code.number(), error.message))),
        }
    }
}

/// Ends when ledger time has reached `until_ms`; never without one.
async fn ledger_time(mut head: watch::Receiver<Head>, until_ms: Option<u64>) {
    let until_ms = until_ms.unwrap_or(u64::MAX);
    // Thousands of transactions wait at a time: none looks at heads before its time has come.
    let early = until_ms.saturating_sub(clock::now_ms());
    tokio::time::sleep(Duration::from_millis(early)).await;
    let reached = head.wait_for(|head| head.checkpoint.timestamp_ms >= until_ms).await.is_ok();
    if !reached {
        std::future::pending::<()>().await;
    }
}

async fn next(progress: Option<&mut watch::Receiver<Progress>>) -> bool {
    match progress {
        Some(progress) => progress.changed().await.is_ok(),
        None => std::future::pending().await,
    }
}

/// The outcome of a transaction whose nonce another one used first.
pub fn lost(error: NonceError) -> TxOutcome {
    let refusal = Refusal::from(error);
    let (code, name) = (i32::from(refusal.number()), refusal.name().to_owned());
    TxOutcome::Rejected { code, name, message: error.to_string() }
}

/// The outcome of a transaction whose time has passed.
pub fn expired(valid_until_ms: u64) -> TxOutcome {
    TxOutcome::Expired { valid_until_ms }
}
