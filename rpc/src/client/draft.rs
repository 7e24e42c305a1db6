//! Transactions on their way from who builds them over those who sign them to a node: one JSON document, which any
//! machine can read, show and sign without a network.

use pollen_ledger::limits::TRANSACTION_SIGNED_BYTES_MAX;
use pollen_ledger::limits::{ACTIONS_MAX, ATTACHMENTS_MAX, COMPONENT_BYTES_MAX, SIGNATURES_MAX};
use pollen_ledger::transaction::TransactionSignature;
use pollen_ledger::{
    AccountId, Action, Hash, KeyPair, PublicKey, Signature, SignedTransaction, Transaction, codec,
};
use serde::{Deserialize, Serialize};

use super::{ClientError, Intent, PollenClient, Signed};
use crate::api::{Bytes, ModuleParams, ReadAt};

/// Bytes of a draft's text: all of its parts at their largest.
pub const DRAFT_BYTES_MAX: usize = 16 << 20;
/// What stands in [`Draft::pollen`].
const KIND: &str = "transaction";
/// Modules whose descriptions travel along.
const MODULES_MAX: usize = ACTIONS_MAX;

/// Whose transaction it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who asks.
    pub account: AccountId,
    /// The key of that account that signs first, and whose nonces are used.
    pub key: PublicKey,
    /// Another account that pays the fee.
    pub payer: Option<AccountId>,
}

/// A transaction before all have signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    /// What the document is: `transaction`.
    pub pollen: String,
    /// Its form: 1.
    pub version: u32,
    /// The chain that it is for.
    pub chain_id: Hash,
    /// Prefix of that chain's addresses.
    pub address_prefix: String,
    /// What is signed, borsh.
    pub transaction: Bytes,
    /// Who signed it so far.
    pub signatures: Vec<DraftSignature>,
    /// Bytes that the transaction names by hash.
    pub attachments: Vec<Bytes>,
    /// Descriptions of the modules that it calls: binary WIT packages, by whose hashes the calls are pinned, so that
    /// a machine without a network can say what the arguments are.
    pub interfaces: Vec<Bytes>,
}

/// A signature on a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DraftSignature {
    /// Whose.
    pub key: PublicKey,
    /// 64 bytes, on the domain, the chain and the transaction.
    pub signature: Bytes,
}

/// Why a document is no transaction that can be signed or sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Not such a document.
    #[error("this is no transaction of `pollen tx build`: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// A signature that is not what it says.
    #[error("the signature of {key} does not fit: the transaction was changed after signing")]
    BadSignature {
        /// Whose it is said to be.
        key: PublicKey,
    },
    /// Nobody has signed for the sender yet.
    #[error("the key that leads has not signed: {key}")]
    NotSigned {
        /// The key.
        key: PublicKey,
    },
}

fn malformed(reason: impl ToString) -> DraftError {
    DraftError::Malformed { reason: reason.to_string() }
}

impl Draft {
    /// Reads one. Nothing in it is believed: [`Self::transaction`] decodes, [`Self::signed`] checks signatures.
    pub fn read(text: &str) -> Result<Self, DraftError> {
        if text.len() > DRAFT_BYTES_MAX {
            return Err(malformed(format!("more than {DRAFT_BYTES_MAX} bytes")));
        }
        let draft: Self = serde_json::from_str(text).map_err(malformed)?;
        if draft.pollen != KIND || draft.version != 1 {
            return Err(malformed("it is of another kind or version"));
        }
        if draft.signatures.len() > SIGNATURES_MAX
            || draft.attachments.len() > ATTACHMENTS_MAX
            || draft.attachments.iter().any(|attached| attached.0.len() > COMPONENT_BYTES_MAX)
            || draft.interfaces.len() > MODULES_MAX
        {
            return Err(malformed("it has more than a transaction may have"));
        }
        draft.transaction()?;
        Ok(draft)
    }

    /// What is signed.
    pub fn transaction(&self) -> Result<Transaction, DraftError> {
        codec::decode(&self.transaction.0, TRANSACTION_SIGNED_BYTES_MAX).map_err(malformed)
    }

    /// Its id.
    pub fn hash(&self) -> Result<Hash, DraftError> {
        Ok(self.transaction()?.id(&self.chain_id))
    }

    /// Adds the signature of a key; replaces the one that it may have made before.
    pub fn sign(&mut self, key: &KeyPair) -> Result<(), DraftError> {
        let signature = key.sign(&self.transaction()?.signing_bytes(&self.chain_id));
        let key = key.public_key();
        self.signatures.retain(|one| one.key != key);
        self.signatures.push(DraftSignature { key, signature: Bytes(signature.0.to_vec()) });
        Ok(())
    }

    /// With a signature of zeros where the key that leads has not signed: good for looking, not for sending.
    pub fn unsigned(&self) -> Result<SignedTransaction, DraftError> {
        let transaction = self.transaction()?;
        let bytes = transaction.signing_bytes(&self.chain_id);
        let mut lead = Signature([0; 64]);
        let mut cosignatures: Vec<TransactionSignature> = Vec::new();
        for DraftSignature { key, signature } in &self.signatures {
            let signature = signature.0.as_slice().try_into();
            let signature =
                Signature(signature.map_err(|_| malformed("a signature has 64 bytes"))?);
            if !key.verify(&bytes, &signature) {
                return Err(DraftError::BadSignature { key: *key });
            }
            if *key == transaction.key {
                lead = signature;
            } else {
                cosignatures.push(TransactionSignature { public_key: *key, signature });
            }
        }
        cosignatures.sort_by_key(|one| one.public_key.0);
        let attachments = self.attachments.iter().map(|attached| attached.0.clone()).collect();
        Ok(SignedTransaction { transaction, signature: lead, cosignatures, attachments })
    }

    /// Ready to be sent; every signature is checked.
    pub fn signed(&self) -> Result<Signed, DraftError> {
        let signed = self.unsigned()?;
        let key = signed.transaction.key;
        match self.signatures.iter().any(|one| one.key == key) {
            true => Ok(Signed::new(&signed, self.chain_id)),
            false => Err(DraftError::NotSigned { key }),
        }
    }
}

impl PollenClient {
    /// The transaction that does what is intended, for others to sign. Asks the node for the key's next nonce, the
    /// chain's time and the interfaces of modules that are called. `random` is any 64 random bits.
    pub async fn draft(
        &self,
        author: &Author,
        intent: Intent,
        random: u64,
    ) -> Result<Draft, ClientError> {
        let network = self.network().await?;
        let (chain_id, prefix) = (network.chain_id, network.address_prefix.clone());
        let (nonce, time_ms) = self.next_place(&author.account, &author.key, random).await?;
        let mut interfaces: Vec<Bytes> = Vec::new();
        for action in &intent.actions {
            let Action::Invoke { module, interface: Some(_), .. } = action else { continue };
            let module = pollen_ledger::Address::module(*module).display(&prefix);
            let params = ModuleParams { module, at: ReadAt::Latest, at_least: None, wait_ms: 0 };
            let package = self.module_interface(&params).await?.value.package;
            if !interfaces.contains(&package) {
                interfaces.push(package);
            }
        }
        let attachments = intent.attachments.iter().cloned().map(Bytes).collect();
        let transaction = intent.transaction(network, author, nonce, time_ms);
        Ok(Draft {
            pollen: KIND.to_owned(),
            version: 1,
            chain_id,
            address_prefix: prefix,
            transaction: Bytes(codec::encode(&transaction)),
            signatures: Vec::new(),
            attachments,
            interfaces,
        })
    }
}
