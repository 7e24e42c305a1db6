//! What a Pollen module is written with: the host's interfaces, typed storage, events, and the parts of
//! a small guest (bump allocator, panics that abort with their message).
//!
//! A module is a `no_std` crate with its interface in `wit/world.wit`:
//!
//! ```ignore
//! #![no_std]
//! pollen_sdk::module!(Counter in "pollen:counter/counter");
//! use bindings::exports::pollen::counter::commands;
//!
//! struct Counter;
//! impl commands::Guest for Counter { /* the functions of the interface */ }
//! ```
//!
//! What is here beside the host: typed storage ([`Item`], [`Map`], [`Set`], [`Vector`], [`OrderedMap`],
//! [`Sum`]), typed events ([`event!`]), calls of other modules ([`Module`], [`stub!`]), who may do what
//! ([`access`]), amounts ([`amounts`]). docs/modules-writing.md is the guide.
//!
//! Invariants: state lives only in storage, since every call gets a fresh instance; nothing that is
//! allocated is given back before the call ends. On any other target than wasm the host is
//! [`test::Host`], so the tests of a module run with a plain `cargo test`.
//!
//! What it deliberately does not do: hide the host. [`context`], [`storage`], [`bank`] and the others are
//! the host's own functions as `contracts/wit/host.wit` documents them.

#![no_std]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

pub mod access;
pub mod amounts;
#[doc(hidden)] // its macros name what is in it
pub mod calls;
mod collections;
mod event;
mod id;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub mod test;

pub use alloc::{format, string::String, string::ToString, vec, vec::Vec};
pub use borsh;
use borsh::BorshSerialize;
pub use calls::{Module, own_error};
pub use collections::{Item, Map, OrderedKey, OrderedMap, Page, Set, Sum, Vector};
pub use event::{Event, Topic};
pub use id::NONE;
pub use wit_bindgen;

/// Generated from `contracts/wit/host.wit`; modules reuse its types.
#[allow(missing_docs, unsafe_code, clippy::all, clippy::unwrap_used)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "pollen:host/module",
        generate_all,
        generate_unused_types: true,
        additional_derives: [
            PartialEq, Eq, PartialOrd, Ord, Hash,
            borsh::BorshSerialize, borsh::BorshDeserialize,
        ],
    });
}

pub use bindings::pollen::host::types::{Account, Amount, CodeHash, Hash, Id};

#[cfg(target_arch = "wasm32")]
pub use bindings::pollen::host::{bank, context, control, crypto, events, modules, storage};
#[cfg(not(target_arch = "wasm32"))]
pub use test::imports::{bank, context, control, crypto, events, modules, storage};

/// Generates the bindings of a module's own interface into a module `bindings` and exports the type that
/// implements it: `module!(Counter in "pollen:counter/counter")`, the world by its full name.
///
/// The interface is read from `wit/` of the crate, the host's from `../wit` beside it. The crate needs
/// `borsh` among its dependencies, since the types of the interface can be stored and emitted.
///
/// `module!(Router in "pollen:router/router", reentrant)` says that the module can be called while it is
/// running, by a module that it called. Without it such calls are refused, which is what a module wants that
/// has not thought about it.
#[macro_export]
macro_rules! module {
    ($implementor:ident in $world:tt, reentrant) => {
        $crate::module!($implementor in $world);
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)] // a section of a name of our own: no other code reads it
        mod manifest {
            /// Version 1, flags: bit 0, re-entry is allowed. `pollen build` moves it to the component.
            #[used]
            #[unsafe(link_section = "pollen-manifest")]
            static MANIFEST: [u8; 2] = [1, 1];
        }
    };
    ($implementor:ident in $world:tt) => {
        #[allow(missing_docs, unsafe_code, clippy::all, clippy::unwrap_used)]
        mod bindings {
            $crate::wit_bindgen::generate!({
                path: ["../wit", "wit"],
                world: $world,
                runtime_path: "pollen_sdk::wit_bindgen::rt",
                generate_unused_types: true,
                additional_derives: [
                    PartialEq,
                    pollen_sdk::borsh::BorshSerialize,
                    pollen_sdk::borsh::BorshDeserialize,
                ],
                with: {
                    "pollen:host/types@0.1.0": pollen_sdk::bindings::pollen::host::types,
                    "pollen:host/context@0.1.0": pollen_sdk::bindings::pollen::host::context,
                    "pollen:host/storage@0.1.0": pollen_sdk::bindings::pollen::host::storage,
                    "pollen:host/events@0.1.0": pollen_sdk::bindings::pollen::host::events,
                    "pollen:host/bank@0.1.0": pollen_sdk::bindings::pollen::host::bank,
                    "pollen:host/modules@0.1.0": pollen_sdk::bindings::pollen::host::modules,
                    "pollen:host/crypto@0.1.0": pollen_sdk::bindings::pollen::host::crypto,
                    "pollen:host/control@0.1.0": pollen_sdk::bindings::pollen::host::control,
                },
            });
            #[cfg(target_arch = "wasm32")]
            export!($implementor with_types_in self);
            #[cfg(target_arch = "wasm32")]
            use super::$implementor;
        }
    };
}

/// Returns with the error unless the condition holds. The ledger undoes all that the call wrote.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $error:expr $(,)?) => {
        if !$condition {
            return Err($error);
        }
    };
}

/// Ends the call: all that it wrote is undone, unused fuel goes back to its payer, and the message (cut
/// to 1 KiB) stands in the receipt.
pub fn abort(message: &str) -> ! {
    control::abort(message);
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    unreachable!("the host's abort does not return");
}

/// Puts an event into the receipt, where [`event!`] does not fit: `name` is the kebab-case name of a type of the module's `events`
/// interface, `event` a value of that type. At most 4 topics of at most 64 bytes are indexed.
pub fn emit<T: BorshSerialize>(name: &str, topics: &[&[u8]], event: &T) {
    let topics: Vec<Vec<u8>> = topics.iter().map(|topic| topic.to_vec()).collect();
    events::emit(name, &topics, &encode(event));
}

/// A value in the ledger's encoding. A value that has none (a NaN) ends the call.
///
/// It is borsh, which agrees with the ledger's encoding in all but one type: Rust's `Result` has its cases
/// the other way round than WIT's `result`. Put none into events or into arguments of calls; what a
/// function returns is encoded by the host.
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    match borsh::to_vec(value) {
        Ok(bytes) => bytes,
        Err(_) => abort("a value cannot be encoded: it holds a NaN or more than 2^32 items"),
    }
}
