//! Made by `pollen bind rust` of pollen:token@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x1b, 0x74, 0x1e, 0xbf, 0xd5, 0xb2, 0x54, 0x3d, 0xf5, 0xbd, 0x46, 0x97, 0x57, 0x5b, 0xbc, 0x72,
    0x7b, 0xe9, 0xcd, 0x98, 0xaa, 0xa3, 0x50, 0xe2, 0xb1, 0x5b, 0x71, 0xea, 0x9f, 0x3a, 0x67, 0x48,
]);

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// The account that pays holds less; its balance.
    InsufficientBalance(u64),
    /// The spender may spend less; what it may.
    InsufficientAllowance(u64),
    /// The supply or a balance would pass 2^64 - 1.
    Overflow,
    /// Only the owner may do this.
    NotTheOwner,
}

/// What the token is.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct TokenInfo {
    /// Its name, such as `Honey`.
    pub name: String,
    /// Its symbol, such as `HNY`.
    pub symbol: String,
    /// Digits behind the point.
    pub decimals: u8,
    /// Who may mint: who deployed it.
    pub owner: AccountId,
}

/// Tokens moved. Minted ones come from the account of all zeros, burnt ones go there.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Transfer {
    /// From whom.
    pub sender: AccountId,
    /// To whom.
    pub receiver: AccountId,
    /// How many.
    pub amount: u64,
}

/// Somebody was allowed to spend.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Approval {
    /// Whose tokens.
    pub owner: AccountId,
    /// Who may spend them.
    pub spender: AccountId,
    /// How many.
    pub amount: u64,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenEvent {
    /// Tokens moved. Minted ones come from the account of all zeros, burnt ones go there.
    Transfer(Transfer),
    /// Somebody was allowed to spend.
    Approval(Approval),
}

impl TokenEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "transfer" => bound::event(event).map(Self::Transfer).map(Some),
            "approval" => bound::event(event).map(Self::Approval).map(Some),
            _ => Ok(None),
        }
    }
}

/// A fungible token: balances, allowances, a fixed owner who may mint.
///
/// Amounts are in the token's smallest unit; `decimals` says how many of its digits people read behind
/// the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The module's id.
    pub module: AccountId,
}

impl Token {
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
    /// Makes the token; the deployer owns it and holds the whole `supply`.
    pub fn init_arguments(
        name: &str,
        symbol: &str,
        decimals: u8,
        supply: u64,
    ) -> Result<Vec<u8>, ClientError> {
        bound::Arguments::new().and(name).and(symbol).and(&decimals).and(&supply).encoded()
    }

    /// Moves `amount` from the caller to `to`.
    pub fn transfer(&self, to: AccountId, amount: u64) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "transfer",
            bound::Arguments::new().and(&to).and(&amount),
        )
    }

    /// Lets `spender` spend up to `amount` of the caller's tokens; replaces what it could before.
    pub fn approve(&self, spender: AccountId, amount: u64) -> bound::Call<()> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "approve",
            bound::Arguments::new().and(&spender).and(&amount),
        )
    }

    /// Moves `amount` from `owner` to `to`, out of what `owner` let the caller spend.
    pub fn transfer_from(
        &self,
        owner: AccountId,
        to: AccountId,
        amount: u64,
    ) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "transfer-from",
            bound::Arguments::new().and(&owner).and(&to).and(&amount),
        )
    }

    /// Makes `amount` new tokens for `to`. The owner alone.
    pub fn mint(&self, to: AccountId, amount: u64) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "mint",
            bound::Arguments::new().and(&to).and(&amount),
        )
    }

    /// Destroys `amount` of the caller's tokens.
    pub fn burn(&self, amount: u64) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "burn", bound::Arguments::new().and(&amount))
    }

    /// What `of` holds.
    pub fn balance_of(&self, of: AccountId) -> bound::Query<u64> {
        bound::Query::new(self.module, "balance-of", bound::Arguments::new().and(&of))
    }

    /// What `spender` may still spend of `owner`'s tokens.
    pub fn allowance(&self, owner: AccountId, spender: AccountId) -> bound::Query<u64> {
        bound::Query::new(
            self.module,
            "allowance",
            bound::Arguments::new().and(&owner).and(&spender),
        )
    }

    /// All tokens there are.
    pub fn total_supply(&self) -> bound::Query<u64> {
        bound::Query::new(self.module, "total-supply", bound::Arguments::new())
    }

    /// What the token is.
    pub fn info(&self) -> bound::Query<TokenInfo> {
        bound::Query::new(self.module, "info", bound::Arguments::new())
    }

    /// The module's events after a cursor, or from now on; [`TokenEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
