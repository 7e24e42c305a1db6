//! What these protect: files of bindings that the compiler of Rust takes and that encode as the ledger does
//! (`tests/tests/system/bound.rs` compiles and runs them), whatever a module calls its things.

use super::super::tests::{every_kind, is_kept};
use super::*;

#[test]
fn bindings_of_every_kind_of_type_are_those_that_are_compiled() {
    let text = bindings(&every_kind(), &Hash([7; 32]));
    is_kept("tests/tests/system/bound/every_kind.rs", &formatted(text).unwrap());
}

/// rustdoc makes tests of code in docs, and runs them: a module's author must not have a program run on the machine
/// of whoever calls the module.
#[test]
fn docs_hold_no_code() {
    for code in
        ["```rust", "    exit(1);", "\tfn main() {}", "-     exit(1);", "~~~", ">\u{a0}   x"]
    {
        let doc = doc(code);
        assert!(!doc.contains("  ") && !doc.contains("```") && !doc.contains("~~~"), "{doc}");
        assert!(!doc.contains('\t') && !doc.starts_with(' '), "{doc}");
    }
    assert_eq!(doc("never\u{202e} what it\rseems"), "never what itseems");
}

#[test]
fn no_name_is_a_keyword() {
    assert_eq!(
        ["key-pair", "type", "self", "NFT-id"].map(snake),
        ["key_pair", "r#type", "self_", "nft_id"]
    );
    assert_eq!(["self", "dark-green"].map(case_name), ["Self_", "DarkGreen"]);
}

/// A module that calls a type of its own `client-error` has bindings that compile, too.
#[test]
fn no_type_has_the_name_of_an_imported_one() {
    let text = bindings(&every_kind(), &Hash([7; 32]));
    let imports = text.lines().filter(|line| line.starts_with("use "));
    let words = imports.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric()));
    let types: Vec<&str> =
        words.filter(|word| word.starts_with(|first: char| first.is_uppercase())).collect();
    assert!(types.len() > 3 && types.iter().all(|ty| TAKEN_TYPES.contains(ty)), "{types:?}");
}
