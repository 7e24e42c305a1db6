//! What a component may import: the interfaces of `pollen:host`, with exactly their functions' types.
//!
//! Types are compared by structure, in a short notation of our own: names of types do not matter, names
//! of fields and cases do. Resources cannot be written in it, so no import has any.

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentFuncType,
    ComponentValType,
};
use wasmparser::types::TypesRef;

use super::refuse;
use pollen_ledger::module::CodeRefusal;

/// Longest notation that is written: every allowed one is far shorter.
const NOTATION_BYTES_MAX: usize = 512;

/// The interfaces of `pollen:host` and their functions, as `(parameters) -> result`.
pub const HOST_INTERFACES: &[(&str, &[(&str, &str)])] = &[
    ("pollen:host/types@0.1.0", &[]),
    (
        "pollen:host/context@0.1.0",
        &[
            ("signer", "() -> id"),
            ("by-scoped-key", "() -> bool"),
            ("caller", "() -> id"),
            ("this", "() -> id"),
            ("code", "() -> id"),
            ("transaction", "() -> id"),
            ("chain", "() -> id"),
            ("time-ms", "() -> u64"),
            ("round", "() -> u64"),
            ("attached", "() -> u64"),
            ("position", "() -> u64"),
            ("fuel-left", "() -> u64"),
            ("depth", "() -> u32"),
            ("read-only", "() -> bool"),
        ],
    ),
    (
        "pollen:host/storage@0.1.0",
        &[
            ("get", "(list<u8>) -> option<list<u8>>"),
            ("len", "(list<u8>) -> option<u32>"),
            ("get-range", "(list<u8>, u32, u32) -> list<u8>"),
            ("set", "(list<u8>, list<u8>)"),
            ("remove", "(list<u8>) -> bool"),
            ("add", "(list<u8>, s64)"),
            ("used", "() -> u64"),
        ],
    ),
    (
        "pollen:host/events@0.1.0",
        &[("emit", "(string, list<list<u8>>, list<u8>)"), ("debug", "(string)")],
    ),
    (
        "pollen:host/bank@0.1.0",
        &[
            ("balance", "(id) -> u64"),
            ("transfer", "(id, u64) -> result<_, enum{insufficient, no-such-account}>"),
        ],
    ),
    (
        "pollen:host/modules@0.1.0",
        &[
            (
                "call",
                "(id, string, list<u8>, record{fuel: option<u64>, attach: u64}) -> \
                 result<list<u8>, variant{no-such-module, no-such-function, bad-arguments, \
                 reentered, out-of-fuel, too-deep, trapped, insufficient, limit-exceeded, \
                 paused, no-such-code, address-taken, \
                 aborted(string), module-error(list<u8>)}>",
            ),
            (
                "view",
                "(id, string, list<u8>) -> \
                 result<list<u8>, variant{no-such-module, no-such-function, bad-arguments, \
                 reentered, out-of-fuel, too-deep, trapped, insufficient, limit-exceeded, \
                 paused, no-such-code, address-taken, \
                 aborted(string), module-error(list<u8>)}>",
            ),
            (
                "create",
                "(id, list<u8>, list<u8>, record{fuel: option<u64>, attach: u64}) -> \
                 result<id, variant{no-such-module, no-such-function, bad-arguments, \
                 reentered, out-of-fuel, too-deep, trapped, insufficient, limit-exceeded, \
                 paused, no-such-code, address-taken, \
                 aborted(string), module-error(list<u8>)}>",
            ),
            ("code-of", "(id) -> option<id>"),
            ("resolve", "(string) -> option<id>"),
        ],
    ),
    (
        "pollen:host/crypto@0.1.0",
        &[
            ("blake3", "(list<u8>) -> id"),
            ("sha256", "(list<u8>) -> id"),
            ("keccak256", "(list<u8>) -> id"),
            ("ed25519-verify", "(id, list<u8>, list<u8>) -> bool"),
            ("secp256k1-recover", "(id, list<u8>, u8) -> option<list<u8>>"),
            ("secp256r1-verify", "(list<u8>, id, list<u8>) -> bool"),
            ("random", "(u32) -> list<u8>"),
        ],
    ),
    (
        "pollen:host/control@0.1.0",
        &[
            ("abort", "(string)"),
            ("upgrade", "(id, list<u8>) -> result<_, enum{not-allowed, no-such-code}>"),
            ("freeze", "()"),
        ],
    ),
];

/// Refuses every import that the host does not offer. `imports` are the top-level ones.
pub(super) fn check<'a>(
    types: TypesRef<'_>,
    imports: impl Iterator<Item = &'a str>,
) -> Result<(), CodeRefusal> {
    let mut unknown = Vec::new();
    for name in imports {
        let known = HOST_INTERFACES.iter().find(|(interface, _)| *interface == name);
        match known {
            None => unknown.push(name),
            Some((interface, functions)) => check_interface(types, interface, functions)?,
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(unknown_imports(&unknown)) }
}

fn unknown_imports(unknown: &[&str]) -> CodeRefusal {
    let shown: Vec<&str> = unknown.iter().take(16).copied().collect();
    let wasi = if unknown.iter().any(|name| name.starts_with("wasi:")) {
        "; WASI (files, clocks, randomness, network) does not exist here: build the module for \
         wasm32-unknown-unknown with the Pollen SDK, not for wasm32-wasip1 or wasip2"
    } else {
        ""
    };
    let allowed: Vec<&str> = HOST_INTERFACES.iter().map(|(interface, _)| *interface).collect();
    refuse(format!(
        "the component imports {}{wasi}; a module may import only {}",
        shown.join(", "),
        allowed.join(", ")
    ))
}

fn check_interface(
    types: TypesRef<'_>,
    interface: &str,
    functions: &[(&str, &str)],
) -> Result<(), CodeRefusal> {
    let item = types.component_item_for_import(interface).map(|item| item.ty);
    let Some(ComponentEntityType::Instance(instance)) = item else {
        return Err(refuse(format!("the import {interface} must be an interface")));
    };
    for (name, item) in &types[instance].exports {
        match item.ty {
            ComponentEntityType::Func(id) => {
                let Some((_, expected)) = functions.iter().find(|(known, _)| known == name) else {
                    return Err(refuse(format!(
                        "{interface} has no function '{name}'; it has: {}",
                        functions.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
                    )));
                };
                let found = notation(types, &types[id]);
                if found.as_deref() != Some(*expected) {
                    return Err(refuse(format!(
                        "the import {interface} '{name}' has another type than this chain's \
                         {name}{expected}; build the module against this chain's WIT"
                    )));
                }
            }
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Defined(_), .. } => {}
            _ => {
                return Err(refuse(format!(
                    "the import {interface} '{name}' is neither a function nor a value type"
                )));
            }
        }
    }
    Ok(())
}

/// A function's type in our notation; none when it is longer than any allowed one or cannot be written.
fn notation(types: TypesRef<'_>, function: &ComponentFuncType) -> Option<String> {
    let mut text = String::from("(");
    for (index, (_, ty)) in function.params.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write_type(types, ty, &mut text)?;
    }
    text.push(')');
    if let Some(result) = &function.result {
        text.push_str(" -> ");
        write_type(types, result, &mut text)?;
    }
    (!function.async_).then_some(text)
}

fn write_type(types: TypesRef<'_>, ty: &ComponentValType, text: &mut String) -> Option<()> {
    // Shared parts can make a small type long: stop as soon as it cannot be an allowed one. The nesting
    // is bounded by the text's length, since every level writes something.
    if text.len() > NOTATION_BYTES_MAX {
        return None;
    }
    let id = match ty {
        ComponentValType::Primitive(primitive) => {
            text.push_str(&primitive.to_string());
            return Some(());
        }
        ComponentValType::Type(id) => *id,
    };
    match &types[id] {
        ComponentDefinedType::Primitive(primitive) => text.push_str(&primitive.to_string()),
        ComponentDefinedType::List { element, .. } => write_around("list<", element, types, text)?,
        ComponentDefinedType::Option { ty, .. } => write_around("option<", ty, types, text)?,
        ComponentDefinedType::Result { ok, err, .. } => {
            text.push_str("result<");
            write_optional(types, ok.as_ref(), text)?;
            text.push_str(", ");
            write_optional(types, err.as_ref(), text)?;
            text.push('>');
        }
        ComponentDefinedType::Record(record) => {
            let start = text.len();
            text.push_str("record{");
            for (index, (name, ty)) in record.fields.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                text.push_str(name.as_str());
                text.push_str(": ");
                write_type(types, ty, text)?;
            }
            text.push('}');
            if &text[start..] == "record{a: u64, b: u64, c: u64, d: u64}" {
                text.replace_range(start.., "id");
            }
        }
        ComponentDefinedType::Variant(variant) => {
            text.push_str("variant{");
            for (index, (name, case)) in variant.cases.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                text.push_str(name.as_str());
                if let Some(ty) = &case.ty {
                    text.push('(');
                    write_type(types, ty, text)?;
                    text.push(')');
                }
            }
            text.push('}');
        }
        ComponentDefinedType::Enum(names) => {
            text.push_str("enum{");
            for (index, name) in names.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                text.push_str(name.as_str());
            }
            text.push('}');
        }
        _ => return None,
    }
    Some(())
}

fn write_around(
    before: &str,
    ty: &ComponentValType,
    types: TypesRef<'_>,
    text: &mut String,
) -> Option<()> {
    text.push_str(before);
    write_type(types, ty, text)?;
    text.push('>');
    Some(())
}

fn write_optional(
    types: TypesRef<'_>,
    ty: Option<&ComponentValType>,
    text: &mut String,
) -> Option<()> {
    match ty {
        Some(ty) => write_type(types, ty, text),
        None => {
            text.push('_');
            Some(())
        }
    }
}
