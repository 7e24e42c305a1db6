//! Made by `pollen bind rust` of pollen:nft@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x5f, 0x1c, 0xbd, 0x6d, 0xea, 0x4e, 0x53, 0xa0, 0xff, 0xf3, 0x6a, 0x00, 0x55, 0xab, 0xa9, 0x97,
    0x81, 0xa6, 0xab, 0x8e, 0xa6, 0x4f, 0xd7, 0x38, 0xb6, 0x4e, 0x40, 0x9e, 0x31, 0x0d, 0x38, 0x3e,
]);

/// Why nothing was done.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// No token has this number, or it was burnt.
    NoSuchToken,
    /// The caller neither owns the token nor may move it for its owner.
    NotAllowed,
    /// Only the minter may do this.
    NotTheMinter,
    /// A name is 1 to 64 bytes, an address of a document at most 256.
    BadText,
    /// A token cannot go to the account of all zeros.
    Nobody,
}

/// The collection.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Collection {
    /// Its name, such as `Jars`.
    pub name: String,
    /// Its symbol, such as `JAR`.
    pub symbol: String,
    /// Who may mint; none when nobody may.
    pub minter: Option<AccountId>,
    /// How many tokens there are.
    pub tokens: u64,
}

/// A token.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct TokenInfo {
    /// Its number, from 1.
    pub number: u64,
    /// Whose it is.
    pub owner: AccountId,
    /// Who may move it beside its owner and operators.
    pub approved: Option<AccountId>,
    /// Its name.
    pub name: String,
    /// Where it is described.
    pub document: String,
    /// blake3 of the description.
    pub content: Hash,
    /// When it was made: ledger time, in milliseconds since 1970.
    pub minted_at_ms: u64,
}

/// Some numbers in order, and where to go on.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Page {
    /// Numbers of tokens, ascending.
    pub tokens: Vec<u64>,
    /// The first one that is not among them; none at the end.
    pub next: Option<u64>,
}

/// A token changed hands. A new one comes from the account of all zeros, a burnt one goes there.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Moved {
    /// Its number.
    pub token: u64,
    /// Whose it was.
    pub sender: AccountId,
    /// Whose it is.
    pub receiver: AccountId,
}

/// Somebody may move a token, or nobody may any more.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Approved {
    /// Its number.
    pub token: u64,
    /// Whose it is.
    pub owner: AccountId,
    /// Who may move it.
    pub account: Option<AccountId>,
}

/// Somebody may move all of an owner's tokens, or no more.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct OperatorSet {
    /// Whose tokens.
    pub owner: AccountId,
    /// Who may move them.
    pub operator: AccountId,
    /// Whether they may.
    pub allowed: bool,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum NftEvent {
    /// A token changed hands. A new one comes from the account of all zeros, a burnt one goes there.
    Moved(Moved),
    /// Somebody may move a token, or nobody may any more.
    Approved(Approved),
    /// Somebody may move all of an owner's tokens, or no more.
    OperatorSet(OperatorSet),
}

impl NftEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "moved" => bound::event(event).map(Self::Moved).map(Some),
            "approved" => bound::event(event).map(Self::Approved).map(Some),
            "operator-set" => bound::event(event).map(Self::OperatorSet).map(Some),
            _ => Ok(None),
        }
    }
}

/// Tokens that are each their own: every one has an owner, a name and a document that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nft {
    /// The module's id.
    pub module: AccountId,
}

impl Nft {
    /// The module with this id.
    pub const fn at(module: AccountId) -> Self {
        Self { module }
    }

    /// The module at an address or `@name`: a node is asked for its id.
    pub async fn find(client: &PollenClient, module: &str) -> Result<Self, ClientError> {
        Ok(Self::at(bound::find(client, module).await?))
    }

    /// Arguments of `init`, for a deployment.
    ///
    /// Makes the collection; the deployer is its minter.
    pub fn init_arguments(name: &str, symbol: &str) -> Result<Vec<u8>, ClientError> {
        bound::Arguments::new().and(name).and(symbol).encoded()
    }

    /// Makes a token for `to` and returns its number. `document` says where it is described, `content` is the
    /// blake3 of what lies there: neither can be changed later. The minter alone.
    pub fn mint(
        &self,
        to: AccountId,
        name: &str,
        document: &str,
        content: Hash,
    ) -> bound::Call<u64, Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "mint",
            bound::Arguments::new().and(&to).and(name).and(document).and(&content),
        )
    }

    /// Gives a token to `to`, and ends who was approved for it. Its owner, who is approved for it, and the
    /// operators of its owner may.
    pub fn transfer(&self, token: u64, to: AccountId) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "transfer",
            bound::Arguments::new().and(&token).and(&to),
        )
    }

    /// Lets one account move one token, until it was moved; none lets nobody. The owner and operators may.
    pub fn approve(&self, token: u64, account: Option<AccountId>) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "approve",
            bound::Arguments::new().and(&token).and(&account),
        )
    }

    /// Lets `operator` move all the caller's tokens, those to come too, or no more.
    pub fn set_operator(&self, operator: AccountId, allowed: bool) -> bound::Call<()> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "set-operator",
            bound::Arguments::new().and(&operator).and(&allowed),
        )
    }

    /// Destroys a token for good; its number is not used again. Its owner alone.
    pub fn burn(&self, token: u64) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "burn", bound::Arguments::new().and(&token))
    }

    /// Hands the minting over to `to`, who takes it with `accept-minting`. The minter alone.
    pub fn offer_minting(&self, to: AccountId) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "offer-minting", bound::Arguments::new().and(&to))
    }

    /// Takes the minting over.
    pub fn accept_minting(&self) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "accept-minting", bound::Arguments::new())
    }

    /// The collection.
    pub fn info(&self) -> bound::Query<Collection> {
        bound::Query::new(self.module, "info", bound::Arguments::new())
    }

    /// A token.
    pub fn token(&self, number: u64) -> bound::Query<TokenInfo, Error> {
        bound::Query::new(self.module, "token", bound::Arguments::new().and(&number))
    }

    /// Whose a token is.
    pub fn owner_of(&self, number: u64) -> bound::Query<AccountId, Error> {
        bound::Query::new(self.module, "owner-of", bound::Arguments::new().and(&number))
    }

    /// How many tokens an account has.
    pub fn balance_of(&self, of: AccountId) -> bound::Query<u64> {
        bound::Query::new(self.module, "balance-of", bound::Arguments::new().and(&of))
    }

    /// Whether `operator` may move all of `owner`'s tokens.
    pub fn is_operator(&self, owner: AccountId, operator: AccountId) -> bound::Query<bool> {
        bound::Query::new(
            self.module,
            "is-operator",
            bound::Arguments::new().and(&owner).and(&operator),
        )
    }

    /// All tokens from number `start` on, at most `max` and at most 256.
    pub fn tokens(&self, start: u64, max: u32) -> bound::Query<Page> {
        bound::Query::new(self.module, "tokens", bound::Arguments::new().and(&start).and(&max))
    }

    /// The tokens of one account from number `start` on, at most `max` and at most 256.
    pub fn tokens_of(&self, owner: AccountId, start: u64, max: u32) -> bound::Query<Page> {
        bound::Query::new(
            self.module,
            "tokens-of",
            bound::Arguments::new().and(&owner).and(&start).and(&max),
        )
    }

    /// The module's events after a cursor, or from now on; [`NftEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
