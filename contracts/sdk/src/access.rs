//! Who may do what: an owner, roles, a pause. Each is a handle on a prefix of its own, like a collection.
//!
//! Every check comes in two forms: a question (`is_owner`, `has`, `is_paused`) for modules that answer with
//! an error of their own, and a demand (`require`) that ends the call with a readable message. All of them
//! ask about the *caller*, which is the signer or the module that made the call: asking about the signer
//! would let any module that somebody calls act in that somebody's name.
//!
//! What it deliberately does not do: upgrades and their policy. Those are the ledger's.

use crate::collections::{Item, Set};
use crate::{Account, abort, context};
use borsh::{BorshDeserialize, BorshSerialize};

#[derive(BorshSerialize, BorshDeserialize)]
struct Owners {
    owner: Option<Account>,
    /// Who was offered it and has not taken it.
    heir: Option<Account>,
}

/// One account that may do what others may not. It is handed over in two steps, so that it cannot be handed
/// to an address that nobody has.
pub struct Owner {
    owners: Item<Owners>,
}

impl Owner {
    /// The owner under `key`.
    pub const fn new(key: &'static [u8]) -> Self {
        Self { owners: Item::new(key) }
    }

    /// Makes `owner` the owner: in `init`, since it asks nobody.
    pub fn init(&self, owner: Account) {
        self.owners.set(&Owners { owner: Some(owner), heir: None });
    }

    fn read(&self) -> Owners {
        self.owners.get().unwrap_or(Owners { owner: None, heir: None })
    }

    /// Who it is; none before `init` and after `renounce`.
    pub fn get(&self) -> Option<Account> {
        self.read().owner
    }

    /// Whether the caller is the owner.
    pub fn is_caller(&self) -> bool {
        self.get() == Some(context::caller())
    }

    /// Ends the call unless the owner makes it.
    pub fn require(&self) {
        if !self.is_caller() {
            abort("only the owner may do this");
        }
    }

    /// Offers the ownership to `heir`, who takes it with [`Self::accept`]. The owner alone; a second offer
    /// replaces the first.
    pub fn offer(&self, heir: Account) {
        self.require();
        self.owners.set(&Owners { owner: self.get(), heir: Some(heir) });
    }

    /// Makes the caller the owner, when it was offered to them; true when it was.
    pub fn accept(&self) -> bool {
        let caller = context::caller();
        let offered = self.read().heir == Some(caller);
        if offered {
            self.init(caller);
        }
        offered
    }

    /// Nobody owns it from now on. The owner alone.
    pub fn renounce(&self) {
        self.require();
        self.owners.set(&Owners { owner: None, heir: None });
    }
}

/// Who has which role. `R` is a type of the module's own, such as an enum: its encoding is part of the key.
/// Who may grant is the module's decision.
pub struct Roles<R> {
    members: Set<(R, Account)>,
}

impl<R: BorshSerialize + Copy> Roles<R> {
    /// The roles under `prefix`.
    pub const fn new(prefix: &'static [u8]) -> Self {
        Self { members: Set::new(prefix) }
    }

    /// Whether `account` has `role`.
    pub fn has(&self, role: R, account: Account) -> bool {
        self.members.contains(&(role, account))
    }

    /// Whether the caller has `role`.
    pub fn caller_has(&self, role: R) -> bool {
        self.has(role, context::caller())
    }

    /// Ends the call unless the caller has `role`.
    pub fn require(&self, role: R) {
        if !self.caller_has(role) {
            abort("the caller lacks the role that this needs");
        }
    }

    /// Gives `role` to `account`; true when it is new.
    pub fn grant(&self, role: R, account: Account) -> bool {
        self.members.insert(&(role, account))
    }

    /// Takes `role` from `account`; true when they had it.
    pub fn revoke(&self, role: R, account: Account) -> bool {
        self.members.remove(&(role, account))
    }
}

/// A switch that stops what asks it. While nothing is paused it costs one touch and keeps no entry.
pub struct Pause {
    paused: Item<()>,
}

impl Pause {
    /// The switch under `key`.
    pub const fn new(key: &'static [u8]) -> Self {
        Self { paused: Item::new(key) }
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.get().is_some()
    }

    /// Pauses or goes on.
    pub fn set(&self, paused: bool) {
        if paused {
            self.paused.set(&());
        } else {
            self.paused.remove();
        }
    }

    /// Ends the call while it is paused.
    pub fn require_running(&self) {
        if self.is_paused() {
            abort("paused: try again later");
        }
    }
}
