//! Made by `pollen bind rust` of pollen:registry@0.1.0: do not edit. Calls name the interface [`INTERFACE`] and fail
//! where the module has another one by then: make this file anew after an upgrade. Needs the crates
//! `pollen-rpc`, `pollen-ledger` and `borsh` (with its feature `derive`).

// Names and docs are the module's author's; a program need not use all of them.
#![allow(clippy::all, dead_code, missing_docs, rustdoc::all)]

use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::{ClientError, PollenClient, bound};

/// The hash of the interface that these bindings were made of.
pub const INTERFACE: Hash = Hash([
    0x8f, 0x88, 0xdc, 0x10, 0xf8, 0xb3, 0x56, 0xef, 0x1a, 0x6a, 0xa6, 0xe1, 0xd6, 0x57, 0x5f, 0x42,
    0x97, 0x37, 0xb4, 0xa1, 0xdc, 0xb8, 0xde, 0x07, 0x28, 0x1b, 0x98, 0xe0, 0x59, 0x84, 0x71, 0x06,
]);

/// What somebody may do.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Role {
    /// List tokens and strike them off.
    Curator,
    /// Pause the list, and let it go on.
    Guard,
}

/// Why nothing was done.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Error {
    /// Only the owner may do this.
    NotTheOwner,
    /// Only a curator may do this.
    NotACurator,
    /// Only a guard may do this.
    NotAGuard,
    /// The list is paused: nothing is listed or struck off.
    Paused,
    /// No module answers there as a token does.
    NotAToken,
    /// A symbol is 1 to 16 bytes.
    BadSymbol,
    /// Another token has this symbol.
    SymbolTaken,
    /// No token has this symbol.
    UnknownSymbol,
}

/// A token of the list.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Listing {
    /// What the token calls itself, in short: the key of the list.
    pub symbol: String,
    /// What it calls itself.
    pub name: String,
    /// Digits behind the point.
    pub decimals: u8,
    /// Where it lives.
    pub address: AccountId,
    /// The code that ran there when it was listed.
    pub code: Hash,
    /// Which curator listed it.
    pub listed_by: AccountId,
    /// When: ledger time, in milliseconds since 1970.
    pub listed_at_ms: u64,
}

/// Some tokens in the order of their symbols, and where to go on.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Page {
    /// The tokens.
    pub listings: Vec<Listing>,
    /// The first symbol that is not among them; none at the end.
    pub next: Option<String>,
}

/// How a token stands now.
#[derive(Copy, Eq, Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum State {
    /// As it was listed.
    Same,
    /// Its code was changed since.
    Changed,
    /// Nothing runs there any more.
    Gone,
}

/// What an account holds of one token.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Holding {
    /// The token.
    pub symbol: String,
    /// How much; none when the token does not answer.
    pub amount: Option<u64>,
}

/// A token was listed.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Enlisted {
    /// Its symbol.
    pub symbol: String,
    /// Where it lives.
    pub address: AccountId,
    /// Which curator did it.
    pub by: AccountId,
}

/// A token was struck off.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct Struck {
    /// Its symbol.
    pub symbol: String,
    /// Which curator did it.
    pub by: AccountId,
}

/// A role was given or taken.
#[derive(Debug, Clone, PartialEq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct RoleChanged {
    /// Which.
    pub role: Role,
    /// Whose.
    pub account: AccountId,
    /// Whether they have it now.
    pub granted: bool,
}

/// An event of the module.
#[derive(Debug, Clone, PartialEq)]
pub enum RegistryEvent {
    /// A token was listed.
    Enlisted(Enlisted),
    /// A token was struck off.
    Struck(Struck),
    /// A role was given or taken.
    RoleChanged(RoleChanged),
}

impl RegistryEvent {
    /// What an event of this module says; none of one that the interface did not have. An event of another
    /// module is told from it by its `module` alone.
    pub fn of(event: &pollen_rpc::api::EventView) -> Result<Option<Self>, ClientError> {
        match event.name.as_str() {
            "enlisted" => bound::event(event).map(Self::Enlisted).map(Some),
            "struck" => bound::event(event).map(Self::Struck).map(Some),
            "role-changed" => bound::event(event).map(Self::RoleChanged).map(Some),
            _ => Ok(None),
        }
    }
}

/// A list of tokens that curators keep. What a token calls itself is asked of the token, never typed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registry {
    /// The module's id.
    pub module: AccountId,
}

impl Registry {
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
    /// Makes the list; the deployer owns it.
    pub fn init_arguments() -> Result<Vec<u8>, ClientError> {
        bound::Arguments::new().encoded()
    }

    /// Gives a role to an account; true when it is new. The owner alone.
    pub fn grant(&self, role: Role, account: AccountId) -> bound::Call<bool, Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "grant",
            bound::Arguments::new().and(&role).and(&account),
        )
    }

    /// Takes a role from an account; true when they had it. The owner alone.
    pub fn revoke(&self, role: Role, account: AccountId) -> bound::Call<bool, Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "revoke",
            bound::Arguments::new().and(&role).and(&account),
        )
    }

    /// Offers the ownership to `to`, who takes it with `accept-ownership`. The owner alone.
    pub fn offer_ownership(&self, to: AccountId) -> bound::Call<(), Error> {
        bound::Call::new(
            self.module,
            INTERFACE,
            "offer-ownership",
            bound::Arguments::new().and(&to),
        )
    }

    /// Takes the ownership that was offered.
    pub fn accept_ownership(&self) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "accept-ownership", bound::Arguments::new())
    }

    /// Lists the token at `address` under the symbol that it tells. Curators alone.
    pub fn enlist(&self, address: AccountId) -> bound::Call<Listing, Error> {
        bound::Call::new(self.module, INTERFACE, "enlist", bound::Arguments::new().and(&address))
    }

    /// Strikes a token off. Curators alone.
    pub fn strike(&self, symbol: &str) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "strike", bound::Arguments::new().and(symbol))
    }

    /// Pauses the list or lets it go on. Guards alone.
    pub fn pause(&self, paused: bool) -> bound::Call<(), Error> {
        bound::Call::new(self.module, INTERFACE, "pause", bound::Arguments::new().and(&paused))
    }

    /// A token by its symbol.
    pub fn find_query(&self, symbol: &str) -> bound::Query<Listing, Error> {
        bound::Query::new(self.module, "find", bound::Arguments::new().and(symbol))
    }

    /// Tokens from symbol `start` on (none: from the first), at most `max` and at most 64.
    pub fn listings(&self, start: Option<String>, max: u32) -> bound::Query<Page> {
        bound::Query::new(self.module, "listings", bound::Arguments::new().and(&start).and(&max))
    }

    /// Whether a token still runs the code that was listed.
    pub fn check(&self, symbol: &str) -> bound::Query<State, Error> {
        bound::Query::new(self.module, "check", bound::Arguments::new().and(symbol))
    }

    /// What `of` holds of the tokens from symbol `start` on, asked of each: at most `max` and at most 16.
    pub fn holdings(
        &self,
        of: AccountId,
        start: Option<String>,
        max: u32,
    ) -> bound::Query<Vec<Holding>> {
        bound::Query::new(
            self.module,
            "holdings",
            bound::Arguments::new().and(&of).and(&start).and(&max),
        )
    }

    /// Whether an account has a role.
    pub fn has_role(&self, role: Role, account: AccountId) -> bound::Query<bool> {
        bound::Query::new(self.module, "has-role", bound::Arguments::new().and(&role).and(&account))
    }

    /// Who owns the list.
    pub fn owner(&self) -> bound::Query<Option<AccountId>> {
        bound::Query::new(self.module, "owner", bound::Arguments::new())
    }

    /// Whether the list is paused.
    pub fn is_paused(&self) -> bound::Query<bool> {
        bound::Query::new(self.module, "is-paused", bound::Arguments::new())
    }

    /// The module's events after a cursor, or from now on; [`RegistryEvent::of`] tells what they say.
    pub async fn subscribe(
        &self,
        client: &PollenClient,
        after: Option<pollen_rpc::api::Cursor>,
    ) -> Result<pollen_rpc::client::EventStream, ClientError> {
        bound::subscribe(client, self.module, after).await
    }
}
