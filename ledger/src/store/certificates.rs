//! Certificates: as they were collected while the node ran, or made of the attestations in stored blocks.
//!
//! A node that was down or behind while attestations travelled has not collected those of every height;
//! the blocks that carried them are in its store all the same. So what nobody asks for costs nothing.

use std::collections::BTreeMap;

use super::{Batch, Database, Direction, Family, Location, Scan, StoreError, keys};
use crate::block::{BlockRef, Round};
use crate::certificate::{Certificate, Signatures};
use crate::checkpoint::{Attestation, Checkpoint};
use crate::codec;
use crate::committee::{AuthorIndex, Committee};
use crate::light::{CheckpointProof, PATH_CHECKPOINTS_MAX};
use crate::list::{self, ListProof};
use crate::ordering::Commit;

/// Rounds above a checkpoint's last commit in which attestations of it are looked for. They come some
/// rounds up, unless execution lagged.
const ATTESTED_ROUNDS: Round = 64;
/// Blocks that are read at a time.
const PAGE_BLOCKS: usize = 64;
/// Receipts that are read at a time.
const PAGE_RECEIPTS: usize = 1024;

/// That a transaction was executed at a place, and with what receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutedProof {
    /// Of its id, in the checkpoint's transactions.
    pub transaction: ListProof,
    /// Its encoded receipt.
    pub receipt_bytes: Vec<u8>,
    /// Of that, in the checkpoint's receipts.
    pub receipt: ListProof,
}

impl Database {
    /// Adds a certificate's signatures; its checkpoint is there by its height.
    pub fn put_signatures(batch: &mut Batch, height: u64, signatures: &Signatures) {
        batch.put_encoded(Family::Certificates, keys::number(height), signatures);
    }

    /// The signatures that were collected for a height.
    pub fn signatures(&self, height: u64) -> Result<Option<Signatures>, StoreError> {
        self.read(Family::Certificates, &keys::number(height))
    }

    /// The highest height with signatures; 0 without any.
    pub fn certified_height(&self) -> Result<u64, StoreError> {
        let last = self.signed_heights(&keys::number(0), 1, Direction::Descending)?;
        Ok(last.first().copied().unwrap_or(0))
    }

    /// The lowest height from `height` on that signatures were collected for.
    pub fn next_signed_height(&self, height: u64) -> Result<Option<u64>, StoreError> {
        Ok(self.signed_heights(&keys::number(height), 1, Direction::Ascending)?.pop())
    }

    fn signed_heights(
        &self,
        from: &[u8],
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<u64>, StoreError> {
        let entries = self.store.scan(Scan {
            family: Family::Certificates,
            from,
            to: &[0xff; 9],
            limit,
            bytes_max: 1,
            direction,
        })?;
        let read = |(key, _): (Vec<u8>, Vec<u8>)| {
            let bytes = key.as_slice().try_into().map_err(|_| StoreError::Corrupt {
                what: format!("certificates {}", hex::encode(&key)),
            })?;
            Ok(u64::from_be_bytes(bytes))
        };
        entries.into_iter().map(read).collect()
    }

    /// Proves a transaction and its receipt against the roots of their checkpoint; none where there is none.
    /// Reads the receipts of the whole checkpoint.
    pub fn prove_executed(&self, at: Location) -> Result<Option<ExecutedProof>, StoreError> {
        let first = Location { height: at.height, index: 0 };
        let (mut transactions, mut receipts, mut asked) = (Vec::new(), Vec::new(), None);
        let mut from = first;
        loop {
            let page = self.receipts(from, PAGE_RECEIPTS)?;
            let Some((last, _)) = page.last() else { break };
            from = Location { height: at.height, index: last.index.saturating_add(1) };
            for (place, receipt) in page {
                let encoded = codec::encode(&receipt);
                transactions.push(list::leaf(&receipt.transaction.0));
                receipts.push(list::leaf(&encoded));
                if place == at {
                    asked = Some(encoded);
                }
            }
        }
        let index = at.index as usize;
        let proofs = (list::prove(transactions, index), list::prove(receipts, index), asked);
        let (Some(transaction), Some(receipt), Some(receipt_bytes)) = proofs else {
            return Ok(None);
        };
        Ok(Some(ExecutedProof { transaction, receipt_bytes, receipt }))
    }

    /// What proves the checkpoint at a height: its own certificate, else the next one with the checkpoints
    /// in between. None when the next is more than [`PATH_CHECKPOINTS_MAX`] ahead, or not there yet.
    pub fn prove_checkpoint(
        &self,
        height: u64,
        committee: &Committee,
    ) -> Result<Option<CheckpointProof>, StoreError> {
        let Some(checkpoint) = self.checkpoint(height)? else { return Ok(None) };
        if let Some(certificate) = self.certificate(&checkpoint, committee)? {
            return Ok(Some(CheckpointProof { path: Vec::new(), certificate }));
        }
        let Some(next) = self.next_signed_height(height)? else { return Ok(None) };
        let between = usize::try_from(next - height).unwrap_or(usize::MAX);
        if between > PATH_CHECKPOINTS_MAX {
            return Ok(None);
        }
        let (Some(checkpoint), Some(signatures)) = (self.checkpoint(next)?, self.signatures(next)?)
        else {
            return Err(StoreError::Corrupt {
                what: format!("certificate {next} has no checkpoint"),
            });
        };
        let path = self.checkpoints(height, between)?;
        Ok(Some(CheckpointProof { path, certificate: Certificate { checkpoint, signatures } }))
    }

    /// The certificate of a checkpoint of ours: as collected, else of the attestations in stored blocks.
    /// None when neither has a quorum.
    pub fn certificate(
        &self,
        checkpoint: &Checkpoint,
        committee: &Committee,
    ) -> Result<Option<Certificate>, StoreError> {
        let signatures = match self.signatures(checkpoint.height)? {
            Some(signatures) => Some(signatures),
            None => self.signatures_in_blocks(checkpoint, committee)?,
        };
        let whole = |signatures| Certificate { checkpoint: checkpoint.clone(), signatures };
        Ok(signatures.map(whole))
    }

    fn signatures_in_blocks(
        &self,
        checkpoint: &Checkpoint,
        committee: &Committee,
    ) -> Result<Option<Signatures>, StoreError> {
        let Some(commit) = self.commit::<Commit>(checkpoint.commit_index)? else { return Ok(None) };
        let (height, digest) = (checkpoint.height, checkpoint.digest());
        let last = commit.round.saturating_add(ATTESTED_ROUNDS);
        let mut voices: BTreeMap<AuthorIndex, Attestation> = BTreeMap::new();
        let mut stake = 0;
        let mut after: Option<BlockRef> = None;
        loop {
            let page = self.blocks(commit.round.saturating_add(1), after.as_ref(), PAGE_BLOCKS)?;
            let Some(end) = page.last() else { return Ok(None) };
            after = Some(end.reference());
            for block in &page {
                let said = &block.header().attestations;
                let Some(voice) = said.iter().find(|one| one.height == height) else { continue };
                let author = block.author();
                let good = voice.digest == digest
                    && !voices.contains_key(&author)
                    && committee.member(author).is_some_and(|member| {
                        voice.verify(&checkpoint.chain_id, &member.public_key)
                    });
                if good {
                    stake += committee.stake(author);
                    voices.insert(author, voice.clone());
                }
                if stake >= committee.quorum() {
                    let said = voices.iter().map(|(author, voice)| (*author, voice));
                    let signatures = Signatures::collect(committee, said)
                        .expect("a map has each author once, and only members are heard");
                    return Ok(Some(signatures));
                }
            }
            if end.round() > last {
                return Ok(None);
            }
        }
    }
}
