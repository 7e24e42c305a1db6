//! Who sends: accounts of the benchmark's own, some for each validator, and the transactions they make.
//!
//! A transaction tells by its sender and its nonce whose it is and which: that is how the tallies find
//! in a commit what they have seen, without a word beside it.

use std::collections::HashMap;
use std::sync::Arc;

use pollen_ledger::crypto::Signature;
use pollen_ledger::transaction::TRANSACTION_VERSION;
use pollen_ledger::{
    AccountId, Action, AuthorIndex, Genesis, Hash, KeyPair, Parameters, SignedTransaction,
    Transaction, codec,
};

use crate::dev;

/// Sending accounts of each validator.
const SENDERS: usize = 64;
/// What each gets where transfers are executed.
const GRAINS: u64 = 100_000_000_000;
/// Fuel that a transaction may use.
const FUEL_MAX: u64 = 1_000_000;
/// Fuel that a funding transaction may use.
const FUNDING_FUEL_MAX: u64 = 300_000_000;
/// How long a transaction is valid, in milliseconds.
const VALID_FOR_MS: u64 = 60_000;

struct Sender {
    key: KeyPair,
    id: AccountId,
}

/// See the module's documentation.
pub struct Accounts {
    /// The chain.
    pub chain_id: Hash,
    /// Its numbers.
    pub parameters: Parameters,
    senders: Vec<Vec<Sender>>,
    tills: Vec<AccountId>,
    /// Bytes of a padded transaction beside its padding.
    bytes_around: usize,
    places: HashMap<AccountId, (AuthorIndex, usize)>,
}

/// A transaction, as a core takes it.
pub struct Made {
    /// The transaction.
    pub signed: Arc<SignedTransaction>,
    /// Its id.
    pub id: Hash,
    /// Bytes of its encoding.
    pub bytes: u32,
}

/// What transactions look like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A call of nothing, of this many encoded bytes, whose signature nobody checks.
    Unsigned(u32),
    /// The same, signed.
    Signed(u32),
    /// A native transfer of one grain to the validator's till, signed.
    Transfer,
}

impl Accounts {
    /// For so many validators.
    pub fn new(validators: u16, genesis: &Genesis) -> Self {
        let sender = |author: u16, place: usize| {
            let key = KeyPair::development(&format!("bench ordering {author} {place}"));
            Sender { id: AccountId::of_key(&key.public_key()), key }
        };
        let of = |author| (0..SENDERS).map(|place| sender(author, place)).collect();
        let senders: Vec<Vec<Sender>> = (0..validators).map(of).collect();
        let mut places = HashMap::new();
        for (author, of_author) in (0..).zip(&senders) {
            places
                .extend(of_author.iter().enumerate().map(|(place, one)| (one.id, (author, place))));
        }
        let (chain_id, parameters) = (genesis.chain_id(), genesis.parameters.clone());
        let tills = (0..validators).map(till).collect();
        let mut accounts = Self { chain_id, parameters, senders, tills, bytes_around: 0, places };
        accounts.bytes_around = accounts.count_bytes_around();
        accounts
    }

    /// Which transaction of which validator this is; none when it is not one of the load's.
    pub fn which(&self, transaction: &Transaction) -> Option<(AuthorIndex, usize)> {
        let (author, place) = *self.places.get(&transaction.sender)?;
        Some((author, transaction.nonce as usize * SENDERS + place))
    }

    /// The account that a validator's transfers go to.
    pub fn till(&self, author: AuthorIndex) -> AccountId {
        self.tills[usize::from(author)]
    }

    /// What a till holds before the load.
    pub fn till_grains() -> u64 {
        GRAINS
    }

    /// A validator's transaction of this number.
    pub fn make(&self, shape: Shape, author: AuthorIndex, number: usize, now_ms: u64) -> Made {
        let sender = &self.senders[usize::from(author)][number % SENDERS];
        let action = match shape {
            Shape::Transfer => Action::Transfer { to: self.till(author), amount: 1 },
            Shape::Unsigned(bytes) | Shape::Signed(bytes) => {
                padded(bytes as usize - self.bytes_around)
            }
        };
        let nonce = (number / SENDERS) as u64;
        let transaction = self.transaction(&sender.key, nonce, now_ms, FUEL_MAX, vec![action]);
        match shape {
            Shape::Unsigned(_) => self.made(unsigned(transaction)),
            Shape::Signed(_) | Shape::Transfer => {
                self.made(transaction.sign(&self.chain_id, &sender.key, Vec::new()))
            }
        }
    }

    /// What gives every account of the load, and every till, something to spend.
    pub fn funding(&self, now_ms: u64) -> Vec<Made> {
        let faucet = dev::faucet_key();
        let senders = self.senders.iter().flatten().map(|sender| sender.id);
        let all: Vec<AccountId> = senders.chain(self.tills.iter().copied()).collect();
        let parts = all.chunks(pollen_ledger::limits::ACTIONS_MAX);
        let transfer = |to: &AccountId| Action::Transfer { to: *to, amount: GRAINS };
        (0..)
            .zip(parts)
            .map(|(nonce, part)| {
                let actions = part.iter().map(transfer).collect();
                let transaction =
                    self.transaction(&faucet, nonce, now_ms, FUNDING_FUEL_MAX, actions);
                self.made(transaction.sign(&self.chain_id, &faucet, Vec::new()))
            })
            .collect()
    }

    fn transaction(
        &self,
        key: &KeyPair,
        nonce: u64,
        now_ms: u64,
        max_fuel: u64,
        actions: Vec<Action>,
    ) -> Transaction {
        Transaction {
            version: TRANSACTION_VERSION,
            sender: AccountId::of_key(&key.public_key()),
            key: key.public_key(),
            nonce,
            valid_until_ms: now_ms + VALID_FOR_MS,
            max_fuel,
            fuel_price: self.parameters.fuel_price_floor,
            payer: None,
            actions,
        }
    }

    fn made(&self, signed: SignedTransaction) -> Made {
        let id = signed.transaction.id(&self.chain_id);
        let bytes = codec::length(&signed) as u32;
        Made { signed: Arc::new(signed), id, bytes }
    }

    fn count_bytes_around(&self) -> usize {
        let sender = &self.senders[0][0];
        let empty = self.transaction(&sender.key, 0, 0, FUEL_MAX, vec![padded(0)]);
        codec::length(&unsigned(empty))
    }
}

fn till(author: AuthorIndex) -> AccountId {
    let key = KeyPair::development(&format!("bench ordering till {author}"));
    AccountId::of_key(&key.public_key())
}

fn padded(bytes: usize) -> Action {
    Action::Invoke {
        module: AccountId::default(),
        function: "bench".to_owned(),
        arguments: vec![0x5a; bytes],
        deposit: 0,
        interface: None,
    }
}

fn unsigned(transaction: Transaction) -> SignedTransaction {
    let signature = Signature([0; 64]);
    let (cosignatures, attachments) = (Vec::new(), Vec::new());
    SignedTransaction { transaction, signature, cosignatures, attachments }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate times the size is what the sockets and disks carry: a size that is not kept would make
    /// the figures those of another load.
    #[test]
    fn transactions_have_the_size_that_was_asked_for_and_tell_which_they_are() {
        let accounts = Accounts::new(2, &dev::genesis(2));
        for (number, bytes) in [(0, 512), (1, 512), (64, 256), (1_000_000, 4096)] {
            let made = accounts.make(Shape::Unsigned(bytes), 1, number, 7);
            assert_eq!(made.bytes, bytes);
            assert_eq!(accounts.which(&made.signed.transaction), Some((1, number)));
            made.signed.check_shape(&accounts.parameters).unwrap();
            assert!(made.signed.check_signatures(&accounts.chain_id).is_err());
        }
        for shape in [Shape::Signed(512), Shape::Transfer] {
            let made = accounts.make(shape, 0, 65, 7);
            made.signed.check_signatures(&accounts.chain_id).unwrap();
            assert_eq!(accounts.which(&made.signed.transaction), Some((0, 65)));
        }
        assert_eq!(accounts.which(&accounts.funding(7)[0].signed.transaction), None);
    }
}
