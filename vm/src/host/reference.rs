//! docs/host-functions.md: every host function with what it costs. Names, signatures and docs are those of host.wit,
//! prices those of [`prices`]; that the one belongs to the other is measured, by a module for each function that
//! calls it and one that does not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pollen_ledger::module::{Call, CallKind, ModuleEngine as _};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, Type, TypeDefKind};

use super::prices::{self, Price};
use crate::fixtures::{Base, HOST_WIT, PROBE, SIGNER, component};
use crate::{Vm, VmConfig};

const FUEL: u64 = 50_000_000;
/// How long a list is made to see what its bytes cost.
const BYTES: u64 = 16;

/// What a function costs.
struct Cost {
    price: Price,
    /// Which bytes are paid.
    of: &'static str,
    /// Parameters among them.
    paid: &'static [&'static str],
    /// Keys that a call touches; each costs [`prices::FIRST_TOUCH`] the first time in a transaction.
    touches: u64,
    /// What else there is.
    also: &'static str,
}

const fn flat(base: u64, touches: u64) -> Cost {
    Cost { price: Price { base, byte: 0 }, of: "", paid: &[], touches, also: "" }
}

const fn sized(
    price: Price,
    of: &'static str,
    paid: &'static [&'static str],
    touches: u64,
    also: &'static str,
) -> Cost {
    Cost { price, of, paid, touches, also }
}

/// A call of a module that is there pays for its instance; one of none as much.
const CALL: Price = Price { base: prices::MODULE_CALL.base + prices::CALL, ..prices::MODULE_CALL };

const CALLEE: &str = "what the callee uses beside its instance (10 000, counted here); \
    with tokens attached as much as `bank.transfer`";

#[rustfmt::skip]
const COSTS: [(&str, Cost); 26] = [
    ("storage.get", sized(prices::STORAGE_READ, "key and value", &["key"], 1, "")),
    ("storage.len", sized(prices::STORAGE_READ, "key", &["key"], 1, "")),
    ("storage.get-range", sized(prices::STORAGE_READ, "key and the part that is returned", &["key"], 1, "")),
    ("storage.set", sized(prices::STORAGE_WRITE, "key and value", &["key", "value"], 1, "")),
    ("storage.remove", sized(prices::STORAGE_WRITE, "key", &["key"], 1, "")),
    ("storage.add", sized(Price { base: prices::STORAGE_WRITE.of(8), ..prices::STORAGE_WRITE }, "key", &["key"], 1, "")),
    ("storage.used", flat(prices::STORAGE_READ.base, 1)),
    ("events.emit", sized(prices::EVENT, "name and data", &["name", "data"], 0, TOPIC)),
    ("events.debug", sized(prices::DEBUG, "message", &["message"], 0, "")),
    ("bank.balance", flat(prices::BALANCE, 1)),
    ("bank.transfer", flat(prices::TRANSFER, 2)),
    ("modules.call", sized(CALL, "function's name, arguments and answer", &["function", "arguments"], 1, CALLEE)),
    ("modules.view", sized(CALL, "function's name, arguments and answer", &["function", "arguments"], 1, "what the callee uses beside its instance")),
    ("modules.create", sized(prices::CREATE, "salt and arguments", &["salt", "arguments"], 5, "what `init` uses, 10 000 for its instance included")),
    ("modules.code-of", flat(prices::MODULE_LOOKUP.base, 1)),
    ("modules.resolve", sized(prices::MODULE_LOOKUP, "name", &["name"], 1, "")),
    ("crypto.blake3", sized(prices::BLAKE3, "data", &["data"], 0, "")),
    ("crypto.sha256", sized(prices::SHA256, "data", &["data"], 0, "")),
    ("crypto.keccak256", sized(prices::KECCAK256, "data", &["data"], 0, "")),
    ("crypto.ed25519-verify", sized(prices::ED25519, "message", &["message"], 0, "")),
    ("crypto.secp256k1-recover", flat(prices::SECP256K1, 0)),
    ("crypto.secp256r1-verify", flat(prices::SECP256R1, 0)),
    ("crypto.random", sized(prices::RANDOM, "answer", &["n"], 0, "")),
    ("control.abort", sized(prices::ABORT, "message", &["message"], 0, "")),
    ("control.upgrade", sized(prices::UPGRADE, "arguments", &["arguments"], 2, "what `migrate` uses")),
    ("control.freeze", flat(prices::FREEZE, 1)),
];

/// A topic pays for the most bytes that it may have, before it is read.
const TOPIC_FUEL: u64 =
    prices::EVENT_TOPIC + prices::EVENT.byte * pollen_ledger::limits::EVENT_TOPIC_BYTES_MAX as u64;
const TOPIC: &str = "392 for each topic: 200, and 64 bytes whatever its length";

fn cost(name: &str) -> Cost {
    if name.starts_with("context.") {
        return flat(prices::CONTEXT, 0);
    }
    let found = COSTS.into_iter().find(|(listed, _)| *listed == name);
    found.unwrap_or_else(|| panic!("{name} of host.wit has no price here")).1
}

/// What stands in host.wit before a declaration, and the declaration in one line.
struct Declared {
    docs: String,
    line: String,
}

/// Interfaces of host.wit in their order, with their functions.
fn declared() -> Vec<(String, String, Vec<Declared>)> {
    let mut interfaces: Vec<(String, String, Vec<Declared>)> = Vec::new();
    let mut docs = Vec::new();
    for line in HOST_WIT.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim().to_owned());
            continue;
        }
        let said = docs.join(" ").replace("  ", "\n\n");
        docs.clear();
        if let Some(name) = line.strip_prefix("interface ").and_then(|rest| rest.strip_suffix(" {"))
        {
            interfaces.push((name.to_owned(), said, Vec::new()));
        } else if line.contains(": func(") {
            let function = Declared { docs: said, line: line.trim_end_matches(';').to_owned() };
            interfaces.last_mut().unwrap().2.push(function);
        }
    }
    interfaces.retain(|(_, _, functions)| !functions.is_empty());
    interfaces
}

/// 100 000, as the docs write it.
fn spaced(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

const HEAD: &str = "# Host functions

All that a module can ask of the host, and what it costs in fuel. Made from `contracts/wit/host.wit` and the prices in
`vm/src/host/prices.rs`, and measured by calls: `POLLEN_UPDATE=1 cargo nextest run -p pollen-vm reference` writes it anew. A
module in Rust meets these functions through the SDK ([modules.md](modules.md)).

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let (touch, call) = (spaced(prices::FIRST_TOUCH), spaced(prices::CALL));
    let _ = writeln!(
        page,
        "A price is charged before the work. **Keys**: how many entries of the state a call touches (storage, accounts, \
         records of modules, names). The first touch of an entry in a transaction costs {touch} more, whichever module \
         touches it; later ones nothing.\n\nA call of a module costs {call} before it begins, {} for each byte of its \
         arguments and of its result, {} for each number there and {} for each other value. A page of memory (64 KiB) \
         above the first two costs {}. Functions that need the module's memory (lists, strings, \
         larger results) cost it 30 more, and 1 a word of parameters, for the component's own indirection. What code \
         costs beside that: [vm.md](vm.md#fuel).",
        prices::VALUE_BYTE,
        prices::VALUE_NUMBER,
        prices::VALUE_NODE,
        spaced(prices::PAGE),
    );
    for (interface, docs, functions) in declared() {
        let _ = writeln!(page, "\n## {interface}\n\n{docs}\n");
        page += "| function | fuel | a byte | keys | also |\n|---|---|---|---|---|\n";
        for function in &functions {
            let name = function.line.split(':').next().unwrap();
            let cost = cost(&format!("{interface}.{name}"));
            let byte = match cost.price.byte {
                0 => String::new(),
                byte => format!("{byte}, of {}", cost.of),
            };
            let base = spaced(cost.price.base);
            let keys = if cost.touches == 0 { String::new() } else { cost.touches.to_string() };
            let _ = writeln!(page, "| `{name}` | {base} | {byte} | {keys} | {} |", cost.also);
        }
        page.push('\n');
        for function in &functions {
            let _ = writeln!(page, "- `{}`: {}", function.line, function.docs);
        }
    }
    page
}

/// What these protect: the page that module authors count with says what the machine takes.
#[test]
fn the_reference_of_host_functions_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/host-functions.md");
    let page = page();
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == page, "docs/host-functions.md is stale: POLLEN_UPDATE=1 writes it anew");
}

/// The words of host.wit name the same numbers.
#[test]
fn the_reference_and_the_words_of_the_wit_agree() {
    for (interface, docs, functions) in declared() {
        for function in functions {
            let name = function.line.split(':').next().unwrap();
            let said = if interface == "context" { &docs } else { &function.docs };
            if said.contains("Costs as") {
                continue;
            }
            let cost = cost(&format!("{interface}.{name}"));
            let called = interface == "modules" && ["call", "view"].contains(&name);
            let base = if called { prices::MODULE_CALL.base } else { cost.price.base };
            let base = format!("{} fuel", spaced(base).replace(' ', "_"));
            assert!(said.contains(&base), "{interface}.{name} costs {base}: {said}");
        }
    }
}

fn flat_types(resolve: &Resolve, ty: &Type) -> usize {
    let Type::Id(id) = ty else { return if *ty == Type::String { 2 } else { 1 } };
    match &resolve.types[*id].kind {
        TypeDefKind::Type(ty) => flat_types(resolve, ty),
        TypeDefKind::List(_) => 2,
        TypeDefKind::Option(ty) => 1 + flat_types(resolve, ty),
        TypeDefKind::Record(record) => {
            record.fields.iter().map(|field| flat_types(resolve, &field.ty)).sum()
        }
        other => panic!("a parameter of the host is no {}", other.as_str()),
    }
}

fn core_type(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        _ => "i32",
    }
}

/// A component whose command `plain` calls a function of its own, `all` the host's with nothing but zeros, and `b0` and
/// so on with [`BYTES`] in one parameter.
fn probe(resolve: &Resolve, interface: &str, function: &Function) -> (Vec<u8>, Vec<String>) {
    const RETURNED_AT: &str = "8192";
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let types: Vec<_> = signature.params.iter().map(|ty| core_type(*ty)).collect();
    let results: Vec<_> = signature.results.iter().map(|ty| core_type(*ty)).collect();
    let mut zeros = vec!["0".to_owned(); types.len()];
    if signature.retptr {
        *zeros.last_mut().unwrap() = RETURNED_AT.to_owned();
    }
    let mut exports = vec![("plain".to_owned(), "$own", zeros.clone())];
    exports.push(("all".to_owned(), "$host", zeros.clone()));
    let (mut at, mut parameters) = (0, Vec::new());
    for parameter in &function.params {
        let width = flat_types(resolve, &parameter.ty);
        if width == 2 || parameter.name == "n" {
            let mut values = zeros.clone();
            let is_topics = parameter.name == "topics";
            values[at + width - 1] = if is_topics { 1 } else { BYTES }.to_string();
            exports.push((format!("b{}", parameters.len()), "$host", values));
            parameters.push(parameter.name.clone());
        }
        at += width;
    }
    let list = |word: &str, types: &[&str]| {
        if types.is_empty() { String::new() } else { format!("({word} {})", types.join(" ")) }
    };
    let shape = format!("{} {}", list("param", &types), list("result", &results));
    let name = &function.name;
    let own: String = results.iter().map(|ty| format!("({ty}.const 0)")).collect();
    let mut wat = format!(
        "(module (import \"pollen:host/{interface}@0.1.0\" \"{name}\" (func $host {shape}))
         (memory (export \"memory\") 2)
         (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 16384))
         (func $own {shape} {own})"
    );
    let mut wit = "package probe:it@0.1.0; interface commands {".to_owned();
    for (export, callee, values) in exports {
        let values: String =
            types.iter().zip(values).map(|(ty, value)| format!("({ty}.const {value})")).collect();
        let drops = "drop ".repeat(results.len());
        let _ = write!(
            wat,
            "(func (export \"probe:it/commands@0.1.0#{export}\") {values} call {callee} {drops})"
        );
        let _ = write!(wit, "{export}: func();");
    }
    wat.push(')');
    wit += "} world module { include pollen:host/module@0.1.0; export commands; }";
    (component(&wat, &wit), parameters)
}

/// Each function, called: it takes what the page says, no more and no less.
#[test]
fn the_reference_of_host_functions_is_what_calls_cost() {
    assert_eq!(TOPIC.split(' ').next().unwrap(), TOPIC_FUEL.to_string());
    let mut resolve = Resolve::default();
    let host = resolve.push_source("host.wit", HOST_WIT).unwrap();
    let vm = Vm::new(&VmConfig { instances: 18, ..VmConfig::default() }).unwrap();
    let functions = resolve.packages[host].interfaces.values();
    let count: usize = functions.map(|id| resolve.interfaces[*id].functions.len()).sum();
    let on_page: usize = declared().iter().map(|(_, _, functions)| functions.len()).sum();
    assert_eq!(on_page, count, "the page has every function of host.wit");
    let mut wrong = BTreeMap::new();
    for (interface, id) in &resolve.packages[host].interfaces {
        for (name, function) in &resolve.interfaces[*id].functions {
            let (code, parameters) = probe(&resolve, interface, function);
            let base = Base::with(&code);
            let fuel = |export: &str| {
                let call = Call {
                    module: PROBE,
                    function: export,
                    arguments: &[],
                    caller: SIGNER,
                    attached: 0,
                    fuel: FUEL,
                    kind: CallKind::Command,
                };
                vm.call(&mut base.state(), call).unwrap().fuel_used
            };
            let more = fuel("all") as i64 - fuel("plain") as i64;
            let all = (more - beside(&resolve, function)) as u64;
            let listed = cost(&format!("{interface}.{name}"));
            let expected = listed.price.base + listed.touches * prices::FIRST_TOUCH;
            if all != expected {
                wrong.insert(format!("{interface}.{name}"), format!("{all}, not {expected}"));
            }
            for (number, parameter) in parameters.iter().enumerate() {
                let more = fuel(&format!("b{number}")) - fuel("all");
                let expected = match parameter.as_str() {
                    "topics" => TOPIC_FUEL,
                    paid if listed.paid.contains(&paid) => BYTES * listed.price.byte,
                    _ => 0,
                };
                if more != expected {
                    let what = format!("{interface}.{name} with {parameter}");
                    wrong.insert(what, format!("{more}, not {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What `all` takes more than `plain` without the host: `plain` enters a function of its own and makes its results.
/// What needs the module's memory is called through a function that `wit-component` adds, by an indirect call.
fn beside(resolve: &Resolve, function: &Function) -> i64 {
    const INDIRECT: i64 = 30;
    /// The probe's `cabi_realloc`, which is asked for a list.
    const ALLOCATION: i64 = 2;
    /// What stack metering adds behind a function's body.
    const END: i64 = 4;
    let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
    let takes_lists = function
        .params
        .iter()
        .any(|one| matches!(one.ty, Type::String) || flat_types(resolve, &one.ty) == 2);
    let mut fuel = 0;
    if signature.retptr || takes_lists {
        fuel += INDIRECT + signature.params.len() as i64;
    }
    if ["random", "get-range"].contains(&function.name.as_str()) {
        fuel += ALLOCATION;
    }
    if function.name == "abort" {
        fuel -= 2 * END; // it does not come back, neither here nor there
    }
    fuel - 1 - signature.results.len() as i64
}
