//! Reads that believe a node only as far as it proves what it says.

use std::time::Duration;

use pollen_ledger::execution::{AccountRecord, StateKey};
use pollen_ledger::light::{CertifiedCheckpoint, CheckpointProof, LightClient, LightError};
use pollen_ledger::{AccountId, Hash, Receipt, Transaction, codec};
use tokio::time::Instant;

use super::{ClientError, PollenClient};
use crate::api::{Answer, Bytes, ReadAt, StateGetParams, StateRecord, TxGetParams, TxTrialParams};
use crate::error::ErrorCode;

/// How long a certificate that is on its way is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before asking for it again: a round or two of the chain.
const PAUSE: Duration = Duration::from_millis(50);

/// What the state had under a key, proved.
#[derive(Debug, Clone)]
pub struct ProvedState {
    /// The checkpoint after which it was so: it tells height and time.
    pub checkpoint: CertifiedCheckpoint,
    /// What proved the checkpoint.
    pub proof: CheckpointProof,
    /// The value; none where it was proved that there is none.
    pub value: Option<Vec<u8>>,
}

/// Why there is no proved answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProvedError {
    /// There is no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is one that is not proved.
    #[error("{url} is not to be believed: {reason}")]
    Refused {
        /// Who gave it.
        url: String,
        /// Why it was refused.
        reason: LightError,
    },
    /// What is proved is of a later protocol.
    #[error(
        "{what} is proved, and cannot be read ({reason}): install a newer version of this program"
    )]
    Unreadable {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// There is one without a proof.
    #[error("{url} gave no proof: its version and this one's may differ")]
    NoProof {
        /// Who gave it.
        url: String,
    },
}

/// An executed transaction, proved.
#[derive(Debug, Clone)]
pub struct ProvedTransaction {
    /// Its checkpoint.
    pub checkpoint: CertifiedCheckpoint,
    /// What proved the checkpoint.
    pub proof: CheckpointProof,
    /// Its receipt: outcome, fuel, fee, events.
    pub receipt: Receipt,
}

/// An account, proved.
#[derive(Debug, Clone)]
pub struct ProvedAccount {
    /// The checkpoint after which it was so.
    pub checkpoint: CertifiedCheckpoint,
    /// What proved the checkpoint.
    pub proof: CheckpointProof,
    /// Its record: balance and deposit; none where it was proved that there is none.
    pub record: Option<AccountRecord>,
}

impl PollenClient {
    /// An account as [`Self::state_proved`] has it.
    pub async fn account_proved(
        &self,
        light: &LightClient,
        account: &AccountId,
        at: ReadAt,
    ) -> Result<ProvedAccount, ProvedError> {
        let proved = self.state_proved(light, &StateKey::account(account), at).await?;
        let ProvedState { checkpoint, proof, value } = proved;
        let record = value.map(|value| codec::decode(&value, value.len())).transpose();
        let record = record.map_err(|error| ProvedError::Unreadable {
            what: "the account",
            reason: error.to_string(),
        })?;
        Ok(ProvedAccount { checkpoint, proof, record })
    }

    /// A transaction that was executed, with its receipt, proved to `light`. Waits for a certificate that is on its way;
    /// -32040 where the node has not executed it.
    pub async fn transaction_proved(
        &self,
        light: &LightClient,
        hash: &Hash,
    ) -> Result<ProvedTransaction, ProvedError> {
        let params = TxGetParams { proof: true, ..TxGetParams::of(*hash) };
        let deadline = Instant::now() + PATIENCE;
        let record = loop {
            match self.tx_get(&params).await {
                Err(error) if error.is(ErrorCode::NotReady) && Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                answered => break answered?.value,
            }
        };
        let url = || self.url().to_owned();
        let proof = record.proof.ok_or_else(|| ProvedError::NoProof { url: url() })?;
        let check = || {
            let whole = proof.checkpoint.proof()?;
            let checkpoint = light.checkpoint(record.height, &whole)?;
            checkpoint.transaction(hash, &proof.transaction)?;
            let receipt = checkpoint.receipt_of(hash, &record.receipt.0, &proof.receipt)?;
            Ok(ProvedTransaction { checkpoint, proof: whole, receipt })
        };
        check().map_err(|reason| ProvedError::Refused { url: url(), reason })
    }

    /// What the state has under a key, proved to `light`: after the checkpoint of the height asked for, else
    /// after the last that is certified where the node is. Waits for a certificate that is on its way.
    ///
    /// How fresh the answer is, no proof tells: compare the checkpoint's time with your clock.
    pub async fn state_proved(
        &self,
        light: &LightClient,
        key: &StateKey,
        at: ReadAt,
    ) -> Result<ProvedState, ProvedError> {
        let asked = match at {
            ReadAt::Height(height) => Some(height),
            ReadAt::Latest | ReadAt::Certified => None,
        };
        let params = StateGetParams {
            owner: Some(Hash(key.owner.0)),
            key: Some(Bytes(key.key.clone())),
            proof: true,
            at: asked.map_or(ReadAt::Certified, ReadAt::Height),
            ..StateGetParams::default()
        };
        let deadline = Instant::now() + PATIENCE;
        let answer = loop {
            match self.state_get(&params).await {
                Err(error) if error.is(ErrorCode::NotReady) && Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                answered => break answered?,
            }
        };
        let url = || self.url().to_owned();
        let Answer { at, value: StateRecord { value, proof, .. } } = answer;
        let proof = proof.ok_or_else(|| ProvedError::NoProof { url: url() })?;
        let check = || {
            let whole = proof.checkpoint.proof()?;
            let checkpoint = light.checkpoint(asked.unwrap_or(at.height), &whole)?;
            let value = value.map(|value| value.0);
            checkpoint.state(key, value.as_deref(), &proof.tree()?)?;
            Ok(ProvedState { checkpoint, proof: whole, value })
        };
        check().map_err(|reason| ProvedError::Refused { url: url(), reason })
    }

    /// That a transaction was never executed and never will be, proved to `light`. An error of a node says that it
    /// cannot prove it (yet): the transaction is still valid, or it may have run.
    pub async fn absence_proved(
        &self,
        light: &LightClient,
        transaction: &Transaction,
    ) -> Result<ProvedState, ProvedError> {
        let unsigned = Some(Bytes(codec::encode(transaction)));
        let params = TxTrialParams { unsigned, ..TxTrialParams::default() };
        let Answer { at, value } = self.tx_absence(&params).await?;
        let url = || self.url().to_owned();
        let StateRecord { value, proof, .. } = value.window;
        let proof = proof.ok_or_else(|| ProvedError::NoProof { url: url() })?;
        let check = || {
            let whole = proof.checkpoint.proof()?;
            let checkpoint = light.checkpoint(at.height, &whole)?;
            let value = value.map(|value| value.0);
            checkpoint.absence(transaction, value.as_deref(), &proof.tree()?)?;
            Ok(ProvedState { checkpoint, proof: whole, value })
        };
        check().map_err(|reason| ProvedError::Refused { url: url(), reason })
    }
}
