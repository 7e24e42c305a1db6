//! The house stays as ARCHITECTURE.md draws it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::harness::repository;

/// Who may use whom, outside of tests.
const MAY_USE: [(&str, &[&str]); 21] = [
    ("pollen-ledger", &[]),
    ("pollen-vm", &["pollen-ledger"]),
    ("pollen-rpc", &["pollen-ledger"]),
    ("pollen-build", &[]),
    (
        "pollen-node",
        &["pollen-ledger", "pollen-vm", "pollen-rpc", "pollen-build", "pollen-harness"],
    ),
    ("pollen-sdk", &[]),
    ("pollen-harness", &[]),
    ("counter", &["pollen-sdk"]),
    ("token", &["pollen-sdk"]),
    ("coldchain", &["pollen-sdk"]),
    ("nft", &["pollen-sdk"]),
    ("escrow", &["pollen-sdk"]),
    ("registry", &["pollen-sdk"]),
    ("router", &["pollen-sdk"]),
    ("service", &["pollen-sdk"]),
    ("fleet", &["pollen-sdk"]),
    ("broken-token", &["pollen-sdk"]),
    ("probe", &["pollen-sdk"]),
    ("pollen-ledger-simulated", &[]),
    ("pollen-sim", &["pollen-ledger-simulated"]),
    ("pollen-light", &["pollen-ledger"]),
];

/// The only crates that may use these: everyone else goes through them.
const KEEPERS: [(&str, &[&str]); 4] = [
    ("wasmtime", &["pollen-vm"]),
    ("jsonrpsee", &["pollen-rpc"]),
    ("libp2p", &["pollen-node"]),
    ("rocksdb", &["pollen-ledger"]),
];

/// Never below `ledger`, whatever the features.
const NOT_IN_LEDGER: [&str; 4] = ["tokio", "libp2p", "wasmtime", "rand"];

/// What each package of the workspace uses, tests and build scripts apart.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let asked = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let mut cargo = std::process::Command::new(env!("CARGO"));
    let output = cargo.args(asked).current_dir(repository()).output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo tells JSON");
    let text = |value: &Value| value.as_str().expect("a name is text").to_owned();
    let packages = metadata["packages"].as_array().expect("there are packages");
    packages
        .iter()
        .map(|package| {
            let used = package["dependencies"].as_array().expect("there is a list");
            let normal = used.iter().filter(|one| one["kind"].is_null());
            (text(&package["name"]), normal.map(|one| text(&one["name"])).collect())
        })
        .collect()
}

/// An arrow the wrong way (ledger using the network, RPC using the module host) would end the pure core.
#[test]
fn dependencies_point_one_way() {
    let dependencies = dependencies();
    let ours: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    for (name, used) in &dependencies {
        if name == "pollen-tests" {
            continue;
        }
        let allowed = MAY_USE.iter().find(|(known, _)| known == name);
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{name} has no place in ARCHITECTURE.md"));
        for used in used.iter().filter(|used| ours.contains(used.as_str())) {
            assert!(allowed.contains(&used.as_str()), "{name} may not use {used}");
        }
    }
}

#[test]
fn each_engine_has_one_keeper() {
    for (name, used) in dependencies() {
        for (engine, keepers) in KEEPERS {
            assert!(
                !used.contains(engine) || keepers.contains(&name.as_str()),
                "{name} uses {engine}: only {keepers:?} may"
            );
        }
    }
    for forbidden in NOT_IN_LEDGER {
        assert!(!dependencies()["pollen-ledger"].contains(forbidden), "ledger uses {forbidden}");
    }
}
