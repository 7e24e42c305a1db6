//! What proves an answer: certificates of checkpoints, and places in their lists.

use std::collections::BTreeMap;

use pollen_ledger::execution::{StateKey, StateRead as _, Value, nonce_window, window_key};
use pollen_ledger::light::CheckpointProof;
use pollen_ledger::store::{Location, StateChange};
use pollen_ledger::{AccountId, Hash, PublicKey, codec};
use pollen_rpc::api::{
    AccountProof, Answer, Bytes, CertificateView, ChainWrites, ReadAt, StateProof, StateRecord,
    StateWrite, TxAbsence, TxProof, TxRecord, Witness, WitnessEntry,
};
use pollen_rpc::backend::{EntryName, Trial};
use pollen_rpc::error::{ErrorCode, RpcError};

use super::{Parts, broken, storage};

/// Entries of a witness at most.
const WITNESS_ENTRIES_MAX: usize = 256;
/// How long a client should wait for a certificate that is on its way, in milliseconds.
const CERTIFICATE_RETRY_MS: u64 = 50;

impl Parts {
    pub(super) fn chain_certificate(
        &self,
        at: ReadAt,
    ) -> Result<Answer<CertificateView>, RpcError> {
        let reading = self.reading(at)?;
        let proof = self.checkpoint_proof(reading.checkpoint.height)?;
        Ok(Answer::new(reading.at, CertificateView::of(&proof)))
    }

    fn checkpoint_proof(&self, height: u64) -> Result<CheckpointProof, RpcError> {
        let found = self.database.prove_checkpoint(height, &self.committee).map_err(storage)?;
        found.ok_or_else(|| match *self.shared.certified.borrow() >= height {
            true => {
                let what =
                    format!("the certificate that proves checkpoint {height} is not kept here");
                RpcError::new(ErrorCode::NotKept, what)
            }
            false => {
                let what = format!("checkpoint {height} is not certified yet");
                RpcError::new(ErrorCode::NotReady, what).with("retryAfterMs", CERTIFICATE_RETRY_MS)
            }
        })
    }

    /// One entry of the state; its name is resolved in the same state.
    pub(super) fn state(
        &self,
        entry: EntryName,
        proof: bool,
        at: ReadAt,
    ) -> Result<Answer<StateRecord>, RpcError> {
        let reading = self.reading(at)?;
        let key = match entry {
            EntryName::Account(named) => StateKey::account(&self.named(&reading.state, &named)?),
            EntryName::Module(named, key) => {
                StateKey::module(self.named(&reading.state, &named)?, &key)
            }
            EntryName::Owner(owner, key) => StateKey { owner, key },
        };
        let (value, proof) = match proof {
            false => (reading.state.get(&key).map_err(storage)?, None),
            true => {
                let height = reading.checkpoint.height;
                let checkpoint = CertificateView::of(&self.checkpoint_proof(height)?);
                let (value, tree) = self.database.prove(height, &key).map_err(storage)?;
                (value, Some(StateProof { tree: Bytes(tree.encode()), checkpoint }))
            }
        };
        let record = StateRecord {
            owner: Hash(key.owner.0),
            key: Bytes(key.key),
            value: value.map(|value| Bytes(value.to_vec())),
            proof,
        };
        Ok(Answer::new(reading.at, record))
    }

    /// What an account's answer at a height is made of, proved.
    pub(super) fn account_proof(
        &self,
        height: u64,
        account: &AccountId,
        key: Option<PublicKey>,
    ) -> Result<AccountProof, RpcError> {
        let proved = |key: StateKey| {
            let entry = EntryName::Owner(key.owner, key.key);
            Ok::<_, RpcError>(self.state(entry, true, ReadAt::Height(height))?.value)
        };
        let window = key.map(|key| proved(window_key(account, &key))).transpose()?;
        Ok(AccountProof { record: proved(StateKey::account(account))?, window })
    }

    /// What was read at a height, with proofs.
    pub(super) fn witness(
        &self,
        height: u64,
        reads: BTreeMap<StateKey, Option<Value>>,
    ) -> Result<Witness, RpcError> {
        if reads.len() > WITNESS_ENTRIES_MAX {
            let what = format!(
                "it read {} entries, of {WITNESS_ENTRIES_MAX} at most a witness is made",
                reads.len()
            );
            return Err(RpcError::new(ErrorCode::Limit, what).with("retryable", false));
        }
        let checkpoint = CertificateView::of(&self.checkpoint_proof(height)?);
        let entries = reads.into_iter().map(|(key, value)| {
            let (_, tree) = self.database.prove(height, &key).map_err(storage)?;
            Ok(WitnessEntry {
                owner: Hash(key.owner.0),
                key: Bytes(key.key),
                value: value.map(|value| Bytes(value.to_vec())),
                tree: Bytes(tree.encode()),
            })
        });
        Ok(Witness { checkpoint, entries: entries.collect::<Result<_, RpcError>>()? })
    }

    /// That a transaction was not executed and never will be.
    pub(super) fn tx_absence(&self, trial: &Trial) -> Result<Answer<TxAbsence>, RpcError> {
        let tx = &trial.signed.transaction;
        let hash = tx.id(&self.network.chain_id);
        let newest = self.reading(ReadAt::Certified)?.checkpoint;
        if newest.timestamp_ms < tx.valid_until_ms {
            let left = tx.valid_until_ms - newest.timestamp_ms;
            let what =
                format!("it is valid for another {left} ms of ledger time: it can still run");
            return Err(RpcError::new(ErrorCode::NotReady, what)
                .with("retryAfterMs", left.min(60_000))
                .with(
                    "hint",
                    "ask again when its time is over; tx_status has what became of it by now",
                ));
        }
        let key = window_key(&tx.sender, &tx.key);
        let free = |height| {
            let state = self.database.state_at(height);
            let window = nonce_window(&state, &tx.sender, &tx.key).map_err(storage)?;
            Ok::<_, RpcError>(window.is_unused(tx.nonce))
        };
        let height = match free(newest.height)? {
            Ok(()) => newest.height,
            // Others may have used it, or come past it, since.
            Err(_) => {
                let first = self.first_from(tx.valid_until_ms, newest.height)?;
                match free(first)? {
                    Ok(()) => first,
                    Err(used) => {
                        let what = format!("it may have run: {used}");
                        let hint = "tx_status and tx_get tell what became of it, where it is kept";
                        return Err(RpcError::not_found(what, None).with("hint", hint));
                    }
                }
            }
        };
        let entry = EntryName::Owner(key.owner, key.key);
        let Answer { at, value: window } = self.state(entry, true, ReadAt::Height(height))?;
        Ok(Answer::new(at, TxAbsence { hash, window }))
    }

    /// The lowest height up to `newest` whose checkpoint is not before a time; of those that are kept.
    fn first_from(&self, time_ms: u64, newest: u64) -> Result<u64, RpcError> {
        let (mut before, mut from) = (self.database.begin_at().map_err(storage)?.height, newest);
        while before < from {
            let middle = before + (from - before) / 2;
            let checkpoint = self.database.checkpoint(middle).map_err(storage)?;
            match checkpoint.is_some_and(|checkpoint| checkpoint.timestamp_ms >= time_ms) {
                true => from = middle,
                false => before = middle + 1,
            }
        }
        Ok(from)
    }

    pub(super) fn chain_writes(
        &self,
        height: u64,
        after: Option<&Hash>,
    ) -> Result<Answer<ChainWrites>, RpcError> {
        let reading = self.reading(ReadAt::Height(height))?;
        let page = self.database.changes_at(height, after).map_err(storage)?;
        let write = |change: StateChange| {
            let (owner, key) =
                change.entry.map(|entry| (Hash(entry.owner.0), Bytes(entry.key))).unzip();
            let (before, after) = (change.before.map(Bytes), change.after.map(Bytes));
            StateWrite { key_hash: change.key_hash, owner, key, before, after }
        };
        let writes = page.changes.into_iter().map(write).collect();
        Ok(Answer::new(reading.at, ChainWrites { writes, next: page.next }))
    }

    pub(super) fn tx_get(
        &self,
        hash: &Hash,
        proof: bool,
        at: ReadAt,
    ) -> Result<Answer<TxRecord>, RpcError> {
        let reading = self.reading(at)?;
        let found = self.database.location(hash).map_err(storage)?;
        let found = found.ok_or_else(|| self.unknown(hash))?;
        let height = reading.checkpoint.height;
        let executed = found.height;
        match at {
            ReadAt::Certified if executed > height => {
                let what =
                    format!("{hash} was executed at height {executed}, which is not certified yet");
                return Err(RpcError::new(ErrorCode::NotReady, what)
                    .with("retryAfterMs", CERTIFICATE_RETRY_MS));
            }
            ReadAt::Height(_) if executed > height => {
                let what =
                    format!("{hash} was not executed up to height {height}, but at {executed}");
                return Err(RpcError::not_found(what, None));
            }
            // It may have been executed since the newest was looked up.
            ReadAt::Latest | ReadAt::Certified | ReadAt::Height(_) => {}
        }
        let read = self.record_at(hash, found, proof);
        // Afterwards: what was let go in between is told as that, and not as corruption.
        self.database.check_height_held(executed).map_err(storage)?;
        Ok(Answer::new(reading.at, read?))
    }

    fn record_at(&self, hash: &Hash, at: Location, proof: bool) -> Result<TxRecord, RpcError> {
        let gone = || broken(format!("the transaction {hash} is gone"));
        let signed = self.database.transaction(at).map_err(storage)?.ok_or_else(gone)?;
        let (receipt, proof) = match proof {
            false => {
                let receipt = self.database.receipt(at).map_err(storage)?.ok_or_else(gone)?;
                (codec::encode(&receipt), None)
            }
            true => {
                let checkpoint = CertificateView::of(&self.checkpoint_proof(at.height)?);
                let proved = self.database.prove_executed(at).map_err(storage)?.ok_or_else(gone)?;
                let (transaction, receipt) = (proved.transaction, proved.receipt);
                (proved.receipt_bytes, Some(TxProof { transaction, receipt, checkpoint }))
            }
        };
        Ok(TxRecord {
            hash: *hash,
            height: at.height,
            index: at.index,
            transaction: Bytes(codec::encode(&signed)),
            receipt: Bytes(receipt),
            proof,
        })
    }
}
