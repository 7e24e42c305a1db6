//! The catalogue against itself and against the ledger's numbers.

use std::collections::BTreeSet;

use super::*;

/// Programs branch on numbers and names: each means one thing, in our own range.
#[test]
fn numbers_and_names_are_unique_and_in_range() {
    let numbers: BTreeSet<i32> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!((numbers.len(), names.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
    for number in numbers {
        let ours = (-32099..=-32040).contains(&number);
        let standard = [-32700, -32600, -32601, -32602, -32603].contains(&number);
        assert!(ours || standard || (1000..3000).contains(&number), "{number}");
    }
}

/// A receipt and an error of a call say the same number and name for the same thing.
#[test]
fn receipts_use_the_catalogues_numbers() {
    for code in [
        Code::BalanceTooLow,
        Code::ModuleNotFound,
        Code::FunctionNotFound,
        Code::BadArguments,
        Code::OutOfFuel,
        Code::Trapped,
        Code::ModuleError,
        Code::LimitExceeded,
        Code::CodeRefused,
        Code::NameTaken,
        Code::CodeNotFound,
        Code::Reentered,
        Code::TooDeep,
        Code::ModulePaused,
        Code::PolicyNotMet,
        Code::CodeNotActive,
    ] {
        let error = ErrorCode::from(code);
        assert_eq!(error.number(), i32::from(code.number()));
        assert_eq!(error.name(), code.name());
    }
}

/// docs/rpc.md is what people read: every error stands in its table, with its name.
#[test]
fn every_error_stands_in_the_documentation() {
    let docs = std::fs::read_to_string("../docs/rpc.md").unwrap();
    for code in ErrorCode::ALL {
        let row = format!("| {} | {} | {} |", code.number(), code.name(), yes(code.retryable()));
        assert!(docs.contains(&row), "docs/rpc.md lacks the row: {row}");
    }
}

fn yes(retryable: bool) -> &'static str {
    if retryable { "yes" } else { "no" }
}

/// What is added to `data` never hides the fields that every error has.
#[test]
fn data_always_has_name_retryable_and_hint() {
    let error = RpcError::new(ErrorCode::Limit, "slow down").with("name", "other").with("path", 1);
    let data = error.data_json();
    assert_eq!(data["name"], "Limit");
    assert_eq!(data["retryable"], true);
    assert_eq!(data["path"], 1);
    assert_eq!(data["hint"], ErrorCode::Limit.hint());
}
