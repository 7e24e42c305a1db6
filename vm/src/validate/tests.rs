//! What these protect: nothing that could not be compiled, linked or metered passes, and whoever built it
//! is told what to change.

use super::*;
use crate::fixtures::{HOST_WIT, PROBE_WAT, PROBE_WIT, component, probe};
use wit_parser::Resolve;

fn refusal(code: &[u8]) -> String {
    inspect(code).unwrap_err().reason
}

/// A module with one query, whose core module has these fields too.
fn module_with(fields: &str) -> Vec<u8> {
    let wat = format!(
        "(module {fields} (func (export \"probe:it/queries@0.1.0#one\") (result i32) (i32.const 1)))"
    );
    component(&wat, ONE_WIT)
}

const ONE_WIT: &str = "package probe:it@0.1.0;
interface queries { one: func() -> u32; }
world module { export queries; }";

#[test]
fn a_good_module_is_priced() {
    let code = probe();
    let facts = inspect(&code).unwrap();
    assert!(!facts.has_init);
    assert!(facts.deploy_fuel > code.len() as u64 * prices::DEPLOY_BYTE);
    inspect(&module_with("")).unwrap();
}

#[test]
fn what_is_no_component_is_told_apart() {
    assert!(refusal(b"").contains("no WebAssembly"));
    assert!(refusal(b"#!/bin/sh").contains("no WebAssembly"));
    assert!(refusal(b"(component)").contains("text"));
    assert!(refusal(&wat::parse_str("(module)").unwrap()).contains("core WebAssembly module"));
    assert!(refusal(&vec![0; COMPONENT_BYTES_MAX + 1]).contains("bytes of the component"));
    assert!(refusal(&wat::parse_str("(component)").unwrap()).len() > 10);
}

#[test]
fn foreign_imports_are_named_and_the_allowed_ones_listed() {
    let wat = PROBE_WAT.replace(
        "(module\n",
        "(module\n(import \"wasi:cli/exit@0.2.0\" \"exit\" (func (param i32)))\n",
    );
    let wit = PROBE_WIT.replace("world module {", "world module { import wasi:cli/exit@0.2.0;");
    let mut resolve = Resolve::default();
    resolve.push_source("host.wit", HOST_WIT).unwrap();
    let exit = "package wasi:cli@0.2.0; interface exit { exit: func(code: u32); }";
    resolve.push_source("exit.wit", exit).unwrap();
    let package = resolve.push_source("module.wit", &wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut core = wat::parse_str(wat).unwrap();
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut core, &resolve, world, encoding).unwrap();
    let code = wit_component::ComponentEncoder::default().module(&core).unwrap().encode().unwrap();
    let reason = refusal(&code);
    assert!(reason.contains("imports wasi:cli/exit@0.2.0; WASI"), "{reason}");
    assert!(reason.contains("pollen:host/storage@0.1.0"), "{reason}");
}

#[test]
fn an_import_of_another_type_is_refused_here_and_not_by_the_linker() {
    for (function, expected) in
        [("get: func(key: string);", "another type"), ("scan: func();", "has no function 'scan'")]
    {
        let host = format!("package pollen:host@0.1.0; interface storage {{ {function} }}");
        let wit = "package probe:it@0.1.0; interface queries { one: func() -> u32; }
            world module { import pollen:host/storage@0.1.0; export queries; }";
        let mut resolve = Resolve::default();
        resolve.push_source("host.wit", &host).unwrap();
        let package = resolve.push_source("module.wit", wit).unwrap();
        let world = resolve.select_world(&[package], None).unwrap();
        let abi = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
        let mut core = wit_component::dummy_module(&resolve, world, abi);
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut core, &resolve, world, encoding).unwrap();
        let code =
            wit_component::ComponentEncoder::default().module(&core).unwrap().encode().unwrap();
        assert!(refusal(&code).contains(expected), "{}", refusal(&code));
    }
}

/// The table in `imports` against host.wit itself: the component of a module that imports everything
/// passes, and every function of the WIT is in the table.
#[test]
fn the_table_of_imports_is_the_wit() {
    let wit = "package probe:it@0.1.0; interface queries { one: func() -> u32; }
        world module { include pollen:host/module@0.1.0; export queries; }";
    let mut resolve = Resolve::default();
    let host = resolve.push_source("host.wit", HOST_WIT).unwrap();
    let package = resolve.push_source("module.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let abi = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
    let mut core = wit_component::dummy_module(&resolve, world, abi);
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut core, &resolve, world, encoding).unwrap();
    let code = wit_component::ComponentEncoder::default().module(&core).unwrap().encode().unwrap();
    inspect(&code).unwrap();
    // And the linker has them all, with these types.
    let vm = crate::Vm::new(&crate::VmConfig { instances: 18, ..Default::default() }).unwrap();
    let hash = pollen_ledger::crypto::Hash::of_content(&code);
    pollen_ledger::module::ModuleEngine::prepare(&vm, &hash, &code).unwrap();

    let package = &resolve.packages[host];
    assert_eq!(package.interfaces.len(), HOST_INTERFACES.len());
    for (name, id) in &package.interfaces {
        let full = format!("pollen:host/{name}@0.1.0");
        let (_, table) = HOST_INTERFACES.iter().find(|(known, _)| *known == full).unwrap();
        let mut known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        let mut found: Vec<&str> =
            resolve.interfaces[*id].functions.keys().map(String::as_str).collect();
        known.sort_unstable();
        found.sort_unstable();
        assert_eq!(known, found, "{full}");
    }
}

#[test]
fn limits_are_limits() {
    let locals = |count: usize| format!("(func (local {}))", "i32 ".repeat(count));
    let nest = |count: usize| format!("(func {} {})", "loop ".repeat(count), "end ".repeat(count));
    let branches = |count: usize| format!("(func {})", "(br_if 0 (i32.const 0))".repeat(count));
    let stack =
        |count: usize| format!("(func {} {})", "i32.const 1 ".repeat(count), "drop ".repeat(count));
    let functions = |count: usize| "(func)".repeat(count);
    for (good, bad, what) in [
        (locals(512), locals(513), "locals of a function: 513, and at most 512"),
        (nest(32), nest(33), "nested loops"),
        (branches(2_000), branches(2_001), "branches"),
        (stack(1_024), stack(1_025), "operands"),
        (functions(7_000), functions(8_001), "functions"),
        ("(memory 64 256)".into(), "(memory 65)".into(), "pages of memory at the start"),
        ("(memory 1 256)".into(), "(memory 1 257)".into(), "pages of memory"),
        ("(table 10000 funcref)".into(), "(table 10001 funcref)".into(), "elements of a table"),
    ] {
        inspect(&module_with(&good)).unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
        let reason = refusal(&module_with(&bad));
        assert!(reason.contains(what), "{reason}");
    }
}

/// Proposals that wasmtime could run here or elsewhere, and that the ledger does not.
#[test]
fn features_that_are_off_are_refused() {
    for fields in [
        "(memory i64 1)",
        "(memory 1) (memory 1)",
        "(func $f (return_call $f))",
        "(table 1 externref)",
        "(func (result i64 i64) (i64.add128 (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)))",
        "(memory 1 2 shared)",
        "(tag)",
    ] {
        // The component tools refuse some of these themselves: then a bare component carries them.
        let code = wat::parse_str(format!("(component (core module {fields}))")).unwrap();
        assert!(
            refusal(&code).contains("not a valid component") || refusal(&code).contains("memor")
        );
    }
}

#[test]
fn components_may_not_hide_code_resources_or_other_encodings() {
    for (text, expected) in [
        ("(component (component (core module)))", "a component inside the component"),
        ("(component (type (resource (rep i32))))", "resources"),
        ("(component (import \"f\" (func)))", "imports f"),
        (
            "(component (core module) (core module) (core module) (core module) (core module))",
            "core modules",
        ),
    ] {
        let reason = refusal(&wat::parse_str(text).unwrap());
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn a_damaged_component_never_panics() {
    let code = probe();
    for index in (0..code.len()).step_by(5) {
        let mut bad = code.clone();
        bad[index] ^= 0x41;
        let _ = inspect(&bad);
    }
    for length in (0..code.len()).step_by(17) {
        let _ = inspect(&code[..length]);
    }
}
