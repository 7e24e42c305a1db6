//! Calls of other modules, with types.
//!
//! [`Module`] calls by name and types at hand; [`crate::stub!`] makes a type of the functions once, so that
//! callers write `token.transfer(to, amount)`. Neither is checked against the callee before the call: what
//! lives at an address is decided by whoever deployed it.
//!
//! What a caller must know: a call that fails is undone and comes back as a value; the callee sees *this
//! module* as its caller; a module that is running cannot be entered again unless it says so
//! (`reentrant` in [`crate::module!`]), so put your own books in order before you call out.

use crate::modules::{self, CallError, CallOptions};
use crate::{Account, Amount, Vec, abort, context, encode};
use borsh::{BorshDeserialize, BorshSerialize};

const OTHER_TYPE: &str = "a module answered with another type than it was asked for";

/// Another module, and what a call of it may use.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// Its address.
    pub address: Account,
    attach: Amount,
    fuel: Option<u64>,
}

impl Module {
    /// The module at an address; a call may use all the fuel that is left but a 64th.
    pub const fn at(address: Account) -> Self {
        Self { address, attach: 0, fuel: None }
    }

    /// The module that has this name now, or none. Who owns a name can point it elsewhere: keep the address
    /// where that would matter.
    pub fn named(name: &str) -> Option<Self> {
        modules::resolve(name).map(Self::at)
    }

    /// Sends this many grains of the native token with each call.
    #[must_use]
    pub const fn attach(mut self, grains: Amount) -> Self {
        self.attach = grains;
        self
    }

    /// Lets each call use this much fuel at most.
    #[must_use]
    pub const fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// Calls a function of its `commands` (or `queries`), named as in its WIT, with a tuple of its arguments:
    /// `Module::at(token).call::<()>("transfer", &(to, amount))`. `R` is what it returns; of a function that
    /// returns a `result`, the good half. An answer that is no `R` ends the call: another kind of module
    /// lives there.
    ///
    /// # Errors
    /// The call failed and was undone; the callee's own error is in `ModuleError` ([`own_error`]).
    pub fn call<R: BorshDeserialize>(
        &self,
        function: &str,
        arguments: &impl BorshSerialize,
    ) -> Result<R, CallError> {
        self.call_raw(function, &encode(arguments)).map(|bytes| answer(&bytes))
    }

    /// The same of its `queries` alone, read-only: it can change nothing, and nothing is sent along. Since
    /// there is nothing to undo, an answer that is no `R` is a failure like others here.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn view<R: BorshDeserialize>(
        &self,
        function: &str,
        arguments: &impl BorshSerialize,
    ) -> Result<R, CallError> {
        let bytes = self.view_raw(function, &encode(arguments))?;
        R::try_from_slice(&bytes).map_err(|_| CallError::Aborted(OTHER_TYPE.into()))
    }

    /// [`Self::call`] with arguments and answer in the ledger's encoding.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_raw(&self, function: &str, arguments: &[u8]) -> Result<Vec<u8>, CallError> {
        let options = CallOptions { fuel: self.fuel, attach: self.attach };
        modules::call(self.address, function, arguments, options)
    }

    /// [`Self::view`] with arguments and answer in the ledger's encoding. The host's `view` has no limit of
    /// fuel but a 64th: in a query, where calls change nothing either, a limit is kept by calling.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn view_raw(&self, function: &str, arguments: &[u8]) -> Result<Vec<u8>, CallError> {
        if self.fuel.is_some() && context::read_only() {
            let options = CallOptions { fuel: self.fuel, attach: 0 };
            return modules::call(self.address, function, arguments, options);
        }
        modules::view(self.address, function, arguments)
    }
}

fn answer<R: BorshDeserialize>(bytes: &[u8]) -> R {
    match R::try_from_slice(bytes) {
        Ok(answer) => answer,
        Err(_) => abort(OTHER_TYPE),
    }
}

/// The callee's own error, when it is one and an `E`.
pub fn own_error<E: BorshDeserialize>(error: &CallError) -> Option<E> {
    match error {
        CallError::ModuleError(bytes) => E::try_from_slice(bytes).ok(),
        _ => None,
    }
}

/// A Rust name as WIT writes it: `balance_of` is `balance-of`, `OwnerChanged` is `owner-changed`. `N` is the
/// name's length and one more for each capital letter but the first.
#[doc(hidden)]
pub const fn kebab<const N: usize>(name: &str) -> [u8; N] {
    let (name, mut out, mut from, mut to) = (name.as_bytes(), [0; N], 0, 0);
    while from < name.len() {
        let byte = name[from];
        if byte.is_ascii_uppercase() && from > 0 {
            out[to] = b'-';
            to += 1;
        }
        out[to] = if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        (from, to) = (from + 1, to + 1);
    }
    out
}

/// Bytes of [`kebab`].
#[doc(hidden)]
pub const fn kebab_len(name: &str) -> usize {
    let (name, mut at, mut len) = (name.as_bytes(), 0, name.len());
    while at < name.len() {
        if at > 0 && name[at].is_ascii_uppercase() {
            len += 1;
        }
        at += 1;
    }
    len
}

/// The kebab-case text of a Rust name, at compile time.
#[doc(hidden)]
#[macro_export]
macro_rules! kebab {
    ($name:expr) => {{
        const BYTES: [u8; $crate::calls::kebab_len($name)] = $crate::calls::kebab($name);
        const NAME: &str = match core::str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => panic!("a Rust name is text"),
        };
        NAME
    }};
}

/// Makes a type out of another module's functions, as its WIT declares them:
///
/// ```ignore
/// pollen_sdk::stub! {
///     /// A fungible token.
///     pub struct Token {
///         commands { fn transfer(to: Account, amount: u64) -> (); }
///         queries { fn balance_of(of: Account) -> u64; }
///     }
/// }
/// let token = Token::at(address);
/// token.transfer(to, 5)?;
/// ```
///
/// Each method returns `Result<what it says, CallError>`: of a function that returns a `result`, say the good
/// half; the callee's error is read with [`own_error`]. Names become kebab-case.
#[macro_export]
macro_rules! stub {
    (
        $(#[$doc:meta])* $vis:vis struct $stub:ident {
            commands { $($(#[$command_doc:meta])* fn $command:ident($($param:ident: $type:ty),* $(,)?) -> $returns:ty;)* }
            queries { $($(#[$query_doc:meta])* fn $query:ident($($query_param:ident: $query_type:ty),* $(,)?) -> $answers:ty;)* }
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        $vis struct $stub(pub $crate::Module);

        #[allow(dead_code, missing_docs)] // a stub may have more than its module uses
        impl $stub {
            /// The module at an address.
            $vis const fn at(address: $crate::Account) -> Self {
                Self($crate::Module::at(address))
            }
            /// The module that has this name now, or none.
            $vis fn named(name: &str) -> Option<Self> {
                $crate::Module::named(name).map(Self)
            }
            $(
                $(#[$command_doc])*
                $vis fn $command(&self, $($param: $type),*) -> Result<$returns, $crate::modules::CallError> {
                    self.0.call($crate::kebab!(stringify!($command)), &($($param,)*))
                }
            )*
            $(
                $(#[$query_doc])*
                $vis fn $query(&self, $($query_param: $query_type),*) -> Result<$answers, $crate::modules::CallError> {
                    self.0.view($crate::kebab!(stringify!($query)), &($($query_param,)*))
                }
            )*
        }
    };
}
