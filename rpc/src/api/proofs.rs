//! What a client needs to believe an answer without believing the node: certificates and inclusion proofs.
//! Checked by [`pollen_ledger::light`]; nothing here is believed before.

use pollen_ledger::Hash;
use pollen_ledger::certificate::Certificate;
use pollen_ledger::checkpoint::Checkpoint;
use pollen_ledger::codec;
use pollen_ledger::light::{CheckpointProof, LightError, PATH_CHECKPOINTS_MAX};
use pollen_ledger::list::ListProof;
use pollen_ledger::tree::Proof;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Decimal};

/// Bytes of an encoded checkpoint at most: all its fields have fixed widths.
const CHECKPOINT_BYTES_MAX: usize = 512;

/// What proves a checkpoint (`chain_certificate`); which one stands in `at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// The height that the certificate is of: the proved one, or the next that has one here.
    #[serde(with = "Decimal")]
    pub certified_height: u64,
    /// The certificate, borsh.
    pub certificate: Bytes,
    /// Checkpoints, borsh, from the proved one up to the one before the certificate's; empty when the
    /// certificate is its own.
    pub path: Vec<Bytes>,
    /// Who signed, for people: the certificate says it itself.
    pub signers: Vec<u16>,
}

impl CertificateView {
    /// As it is sent.
    pub fn of(proof: &CheckpointProof) -> Self {
        let CheckpointProof { path, certificate } = proof;
        Self {
            certified_height: certificate.checkpoint.height,
            certificate: Bytes(codec::encode(certificate)),
            path: path.iter().map(|one| Bytes(codec::encode(one))).collect(),
            signers: certificate.signatures.authors().collect(),
        }
    }

    /// As it is checked.
    pub fn proof(&self) -> Result<CheckpointProof, LightError> {
        if self.path.len() > PATH_CHECKPOINTS_MAX {
            return Err(LightError::PathLength { found: self.path.len() });
        }
        let certificate = Certificate::decode(&self.certificate.0)
            .map_err(|reason| LightError::Malformed { what: "certificate", reason })?;
        let checkpoint = |bytes: &Bytes| {
            codec::decode::<Checkpoint>(&bytes.0, CHECKPOINT_BYTES_MAX)
                .map_err(|reason| LightError::Malformed { what: "checkpoint", reason })
        };
        let path = self.path.iter().map(checkpoint).collect::<Result<_, _>>()?;
        Ok(CheckpointProof { path, certificate })
    }
}

/// An executed transaction as it stands in its checkpoint (`tx_get`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxRecord {
    /// Its id.
    pub hash: Hash,
    /// Height of its checkpoint.
    #[serde(with = "Decimal")]
    pub height: u64,
    /// Its place in the checkpoint, from 0.
    pub index: u32,
    /// The signed transaction without its attachments, borsh.
    pub transaction: Bytes,
    /// Its receipt, events included, borsh.
    pub receipt: Bytes,
    /// That all of it is so, where it was asked for.
    pub proof: Option<TxProof>,
}

/// That a transaction stands at its place, with its receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TxProof {
    /// Of the id, against `transactionsRoot`.
    pub transaction: ListProof,
    /// Of the receipt's bytes, against `receiptsRoot`.
    pub receipt: ListProof,
    /// Of the checkpoint.
    pub checkpoint: CertificateView,
}

/// An entry of the state (`state_get`); of which height stands in `at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateRecord {
    /// Whose entry: a module's id, or a namespace of the ledger's own, as 64 hexadecimal digits.
    pub owner: Hash,
    /// The key under its owner.
    pub key: Bytes,
    /// The value; null where there is none.
    pub value: Option<Bytes>,
    /// That it is so, where it was asked for.
    pub proof: Option<StateProof>,
}

/// What a query read of the state, and that it is so: the checkpoint that `at` names, and of each entry its place in the
/// state's tree. The code is named by an entry, the module's record, and has its own hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Of the checkpoint.
    pub checkpoint: CertificateView,
    /// What was read, ascending.
    pub entries: Vec<WitnessEntry>,
}

/// An entry that a query read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessEntry {
    /// Whose entry: a module's id, or a namespace of the ledger's own, as 64 hexadecimal digits.
    pub owner: Hash,
    /// The key under its owner.
    pub key: Bytes,
    /// The value; null where there is none.
    pub value: Option<Bytes>,
    /// Its place in the tree, or that it has none: docs/storage.md.
    pub tree: Bytes,
}

/// Entries of the state (`state_getMany`), in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateRecords {
    /// The entries.
    pub entries: Vec<StateRecord>,
}

/// What an answer of `account_get` is made of, proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountProof {
    /// The account's record (docs/storage.md).
    pub record: StateRecord,
    /// The nonce window of the key that was asked for.
    pub window: Option<StateRecord>,
}

/// That a transaction was not executed and never will be (`tx_absence`): after the checkpoint that `at` names, which is
/// not before the end of its validity, its nonce was free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TxAbsence {
    /// Its id.
    pub hash: Hash,
    /// The nonce window of its key (docs/storage.md), with its proof.
    pub window: StateRecord,
}

/// That the state has an entry, or has not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateProof {
    /// Against the checkpoint's state root, as docs/storage.md draws it.
    pub tree: Bytes,
    /// Of the checkpoint.
    pub checkpoint: CertificateView,
}

impl StateProof {
    /// The proof in the tree, as it is checked.
    pub fn tree(&self) -> Result<Proof, LightError> {
        Ok(Proof::decode(&self.tree.0)?)
    }
}
