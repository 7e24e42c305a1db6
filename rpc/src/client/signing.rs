//! From what an account wants done to signed bytes.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pollen_ledger::transaction::TRANSACTION_VERSION;
use pollen_ledger::{
    AccountId, Action, Address, Hash, KeyPair, PublicKey, SignedTransaction, Transaction, codec,
};

use super::{Author, ClientError, PollenClient};
use crate::api::{AccountGetParams, Answer, ChainHeadParams, NodeInfo, TxStatus};
use crate::error::ErrorCode;

/// How long a transaction is valid when it is not told, from the chain's head on, in milliseconds.
const VALID_FOR_MS: u64 = 60_000;
/// Nonces above the next free one among which one is chosen, so that two shells of one key that ask
/// at the same time rarely choose the same; small against the 4 096 that the window allows.
const NONCE_SPREAD: u64 = 256;
/// How many of them are tried where other programs are quicker with theirs.
const NONCE_TRIES: u32 = 4;

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Which keys sign for which account, and who pays.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Who asks.
    pub account: AccountId,
    /// Keys of that account, at least one; the first leads: its nonces are used.
    pub keys: Vec<KeyPair>,
    /// Another account that pays the fee, with keys of its own.
    pub payer: Option<(AccountId, Vec<KeyPair>)>,
}

impl From<&Signer> for Signer {
    fn from(signer: &Signer) -> Self {
        signer.clone()
    }
}

impl From<&KeyPair> for Signer {
    /// The account that began with this key.
    fn from(key: &KeyPair) -> Self {
        let account = AccountId::of_key(&key.public_key());
        Self { account, keys: vec![key.clone()], payer: None }
    }
}

/// What an account wants done.
#[derive(Debug, Clone)]
pub struct Intent {
    /// What to do, in order.
    pub actions: Vec<Action>,
    /// Bytes that the actions name by hash.
    pub attachments: Vec<Vec<u8>>,
    /// Most fuel that it may use; what is not used is not paid.
    pub max_fuel: u64,
    /// Grains per 1 000 fuel; the chain's floor unless told.
    pub fuel_price: Option<u64>,
    /// How long it is valid after the chain's head, in milliseconds; 60 000 unless told.
    pub valid_for_ms: Option<u64>,
}

impl Intent {
    /// Actions without attachments, at the floor price.
    pub fn new(actions: Vec<Action>, max_fuel: u64) -> Self {
        Self { actions, attachments: Vec::new(), max_fuel, fuel_price: None, valid_for_ms: None }
    }

    /// The transaction that does it, signed by `key` for its own account; valid from `time_ms` on, which
    /// is the chain's head or a clock close to it.
    pub fn sign(self, network: &NodeInfo, key: &KeyPair, nonce: u64, time_ms: u64) -> Signed {
        self.sign_by(network, &Signer::from(key), nonce, time_ms)
    }

    /// [`Self::sign`] by any keys of any account.
    pub fn sign_by(self, network: &NodeInfo, by: &Signer, nonce: u64, time_ms: u64) -> Signed {
        let lead = by.keys.first().expect("a signer has a key");
        let payer = by.payer.as_ref().map(|(payer, _)| *payer);
        let author = Author { account: by.account, key: lead.public_key(), payer };
        let attachments = self.attachments.clone();
        let transaction = self.transaction(network, &author, nonce, time_ms);
        let mut signed = transaction.sign(&network.chain_id, lead, attachments);
        let payers = by.payer.iter().flat_map(|(_, keys)| keys);
        for key in by.keys[1..].iter().chain(payers) {
            if key.public_key() != lead.public_key() {
                signed.cosign(&network.chain_id, key);
            }
        }
        Signed::new(&signed, network.chain_id)
    }
}

impl Intent {
    /// The part that is signed.
    pub(super) fn transaction(
        self,
        network: &NodeInfo,
        author: &Author,
        nonce: u64,
        time_ms: u64,
    ) -> Transaction {
        let parameters = &network.parameters;
        let lifetime = self.valid_for_ms.unwrap_or(VALID_FOR_MS);
        let lifetime = lifetime.min(parameters.transaction_lifetime_max_ms);
        Transaction {
            version: TRANSACTION_VERSION,
            sender: author.account,
            key: author.key,
            nonce,
            valid_until_ms: time_ms.saturating_add(lifetime),
            max_fuel: self.max_fuel,
            fuel_price: self.fuel_price.unwrap_or(parameters.fuel_price_floor),
            payer: author.payer,
            actions: self.actions,
        }
    }
}

/// A key whose nonces are counted here: signs many transactions without asking a node each time. Nobody
/// else may use the key meanwhile.
#[derive(Debug)]
pub struct Sender {
    /// The key.
    pub key: KeyPair,
    /// Its account.
    pub account: AccountId,
    next_nonce: AtomicU64,
}

impl Sender {
    /// With the first nonce that is free.
    pub fn new(key: KeyPair, next_nonce: u64) -> Self {
        let account = AccountId::of_key(&key.public_key());
        Self { key, account, next_nonce: AtomicU64::new(next_nonce) }
    }

    /// [`Intent::sign`] with the next nonce.
    pub fn sign(&self, intent: Intent, network: &NodeInfo, time_ms: u64) -> Signed {
        let nonce = self.next_nonce.fetch_add(1, Ordering::Relaxed);
        intent.sign(network, &self.key, nonce, time_ms)
    }
}

/// A signed transaction on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The chain that it is for.
    pub chain_id: Hash,
    /// Its id.
    pub hash: Hash,
    /// Its encoding: what is submitted, and submitted again.
    pub bytes: Vec<u8>,
}

impl Signed {
    /// A transaction that was signed elsewhere.
    pub fn new(transaction: &SignedTransaction, chain_id: Hash) -> Self {
        let hash = transaction.transaction.id(&chain_id);
        Self { chain_id, hash, bytes: codec::encode(transaction) }
    }
}

impl PollenClient {
    /// The transaction that does what is intended, signed by a key for its own account or by any
    /// [`Signer`]. Asks the node for the first key's next nonce and the chain's time. `random` is any 64
    /// random bits.
    pub async fn sign(
        &self,
        by: impl Into<Signer>,
        intent: Intent,
        random: u64,
    ) -> Result<Signed, ClientError> {
        let by = by.into();
        let network = self.network().await?;
        let lead = by.keys.first().expect("a signer has a key").public_key();
        let (nonce, time_ms) = self.next_place(&by.account, &lead, random).await?;
        Ok(intent.sign_by(network, &by, nonce, time_ms))
    }

    /// Signs what is intended and submits it by `submit`; a nonce that another program took meanwhile is chosen anew.
    pub async fn sign_and_submit(
        &self,
        by: impl Into<Signer>,
        intent: Intent,
        submit: impl AsyncFn(&Signed) -> Result<Answer<TxStatus>, ClientError>,
    ) -> Result<(Signed, Answer<TxStatus>), ClientError> {
        let by = by.into();
        let mut tries = 0;
        loop {
            // Each of these states has keys of its own, drawn at random.
            let random = RandomState::new().build_hasher().finish();
            let signed = self.sign(&by, intent.clone(), random).await?;
            tries += 1;
            match submit(&signed).await {
                Err(error) if error.is(ErrorCode::NonceUsed) && tries < NONCE_TRIES => {}
                submitted => return Ok((signed, submitted?)),
            }
        }
    }

    /// A nonce that is free, and the time of the chain's head.
    pub(super) async fn next_place(
        &self,
        account: &AccountId,
        key: &PublicKey,
        random: u64,
    ) -> Result<(u64, u64), ClientError> {
        let network = self.network().await?;
        let account = Address::account(*account).display(&network.address_prefix);
        let params = AccountGetParams { public_key: Some(*key), ..AccountGetParams::of(account) };
        let account = self.account_get(&params).await?;
        let nonces = account.value.nonces.ok_or_else(|| ClientError::Protocol {
            reason: "account_get told no nonces of the key".to_owned(),
        })?;
        let nonce = nonces.next.saturating_add(random % NONCE_SPREAD).min(nonces.last);
        let head = self.chain_head(&ChainHeadParams::default()).await?;
        // A chain that has executed nothing yet is still at the time of its genesis, maybe years ago.
        let time_ms = match head.at.height {
            0 => now_ms().max(head.value.time_ms),
            _ => head.value.time_ms,
        };
        Ok((nonce, time_ms))
    }
}
