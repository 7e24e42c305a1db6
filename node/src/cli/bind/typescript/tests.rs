//! What these protect: files of bindings that the compiler of TypeScript takes and that encode as the ledger does
//! (rpc/ts/tests/bindings.test.ts runs them), whatever a module calls its things.

use super::super::tests::{every_kind, is_kept};
use super::*;

#[test]
fn bindings_are_those_that_the_clients_tests_run() {
    let component = include_bytes!("../../../../../vm/vectors/coldchain.wasm");
    let interface = Interface::from_component(component).unwrap();
    let package = pollen_vm::interface::wit_package(component).unwrap().unwrap_or_default();
    is_kept(
        "rpc/ts/tests/bound/coldchain.ts",
        &bindings(&interface, &Hash::of_content(package), Some("@coldchain")),
    );
    let every = every_kind();
    is_kept("rpc/ts/tests/bound/every-kind.ts", &bindings(&every, &Hash([7; 32]), None));
    is_kept(
        "rpc/ts/tests/bound/every-kind.json",
        &(serde_json::to_string_pretty(&every.to_json()).unwrap() + "\n"),
    );
}

#[test]
fn docs_never_end_their_comment() {
    let text = bindings(&every_kind(), &Hash([7; 32]), None);
    for line in text.lines().filter(|line| line.contains("*/")) {
        assert!(line.trim_end().ends_with("*/") && line.matches("*/").count() == 1, "{line}");
    }
    assert_eq!(comment("a */ b **/ c\r\u{2028}d"), "a * / b ** / c d");
}

/// Editors show them where a function is called.
#[test]
fn functions_have_their_docs() {
    let text = bindings(&every_kind(), &Hash([7; 32]), None);
    assert!(text.contains("  /**\n   * Finds * / it.\n   *\n"), "{text}");
}
