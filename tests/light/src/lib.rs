//! The light client as a browser runs it: compiled for wasm32 without any import, given the vectors that
//! clients in other languages are tested with, and asked whether it answers as they say.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code)] // exported names have to be unique, which nobody checks: there are two

use std::cell::RefCell;

use pollen_ledger::certificate::Certificate;
use pollen_ledger::checkpoint::Checkpoint;
use pollen_ledger::committee::Validator;
use pollen_ledger::execution::StateKey;
use pollen_ledger::light::{CheckpointProof, LightClient};
use pollen_ledger::list::{self, ListProof};
use pollen_ledger::tree::{Proof, verify_range};
use pollen_ledger::{AccountId, Committee, Hash, codec};
use serde_json::Value;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for the vectors' JSON and says where.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        *input = vec![0; bytes];
        input.as_mut_ptr()
    })
}

/// How many of the vectors are answered as they say; less than 0 when they cannot be read.
#[unsafe(no_mangle)]
pub extern "C" fn check() -> i32 {
    let input = INPUT.take();
    serde_json::from_slice(&input).ok().and_then(|vectors| good(&vectors)).unwrap_or(-1)
}

fn good(vectors: &Value) -> Option<i32> {
    if let Some(states) = vectors["states"].as_array() {
        let root = text(&vectors["stateRoot"])?.parse().ok()?;
        let answers = states.iter().map(|case| is_in_its_state(&root, case));
        return Some(
            answers.collect::<Option<Vec<_>>>()?.into_iter().filter(|good| *good).count() as i32
        );
    }
    if let Some(trees) = vectors["trees"].as_array() {
        return trees.iter().map(good_in_tree).sum();
    }
    let members = vectors["committee"].as_array()?.iter().map(member).collect::<Option<_>>()?;
    let committee = Committee::new(text(&vectors["epoch"])?.parse().ok()?, members).ok()?;
    let client = LightClient::of(text(&vectors["chainId"])?.parse().ok()?, committee);
    let certificates =
        vectors["certificates"].as_array()?.iter().map(|case| is_as_said(&client, case));
    let lists = vectors["lists"].as_array()?.iter().map(is_in_its_list);
    let answers = certificates.chain(lists).collect::<Option<Vec<bool>>>()?;
    Some(answers.into_iter().filter(|good| *good).count() as i32)
}

/// How many proofs of entries and of ranges lead to a tree's root.
fn good_in_tree(tree: &Value) -> Option<i32> {
    let hash = |value: &Value| text(value)?.parse::<Hash>().ok();
    let bytes = |value: &Value| hex::decode(text(value)?).ok();
    let root = hash(&tree["root"])?;
    let mut good = 0;
    for case in tree["proofs"].as_array()? {
        let (proof, value) = (Proof::decode(&bytes(&case["proof"])?).ok()?, bytes(&case["value"]));
        let verdict = proof.verify(&root, &hash(&case["keyHash"])?, value.as_deref());
        good += i32::from(verdict.is_ok());
    }
    for case in tree["ranges"].as_array()? {
        let entry = |entry: &Value| Some((hash(&entry[0])?, hash(&entry[1])?));
        let entries = case["entries"].as_array()?.iter().map(entry).collect::<Option<Vec<_>>>()?;
        let ends = verify_range(&root, &hash(&case["from"])?, &entries, &bytes(&case["proof"])?);
        good += i32::from(ends.is_ok() && ends.ok() == case["end"].as_bool());
    }
    Some(good)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn member(value: &Value) -> Option<Validator> {
    Some(Validator {
        name: String::new(),
        public_key: serde_json::from_value(value["publicKey"].clone()).ok()?,
        stake: text(&value["stake"])?.parse().ok()?,
    })
}

fn is_as_said(client: &LightClient, case: &Value) -> Option<bool> {
    let bytes = |value: &Value| hex::decode(text(value)?).ok();
    let checkpoint = |value: &Value| codec::decode::<Checkpoint>(&bytes(value)?, 512).ok();
    let path = case["path"].as_array()?.iter().map(checkpoint).collect::<Option<_>>()?;
    let certificate = Certificate::decode(&bytes(&case["certificate"])?).ok()?;
    let height = text(&case["height"])?.parse().ok()?;
    let said = match client.checkpoint(height, &CheckpointProof { path, certificate }) {
        Ok(certified) => (certified.digest().to_string(), "digest"),
        Err(refused) => (refused.to_string(), "refused"),
    };
    Some(text(&case[said.1]) == Some(said.0.as_str()))
}

fn is_in_its_list(case: &Value) -> Option<bool> {
    let item = hex::decode(text(&case["item"])?).ok()?;
    let proof: ListProof = serde_json::from_value(case["proof"].clone()).ok()?;
    let root: Hash = text(&case["root"])?.parse().ok()?;
    let good = proof.verify(&root, list::leaf(&item)).is_ok();
    Some(good && proof.verify(&root, list::leaf(b"another")).is_err())
}

fn is_in_its_state(root: &Hash, case: &Value) -> Option<bool> {
    let bytes = |value: &Value| hex::decode(text(value)?).ok();
    let owner: Hash = text(&case["owner"])?.parse().ok()?;
    let key = StateKey { owner: AccountId(owner.0), key: bytes(&case["key"])? };
    let value = bytes(&case["value"]);
    let verdict = Proof::decode(&bytes(&case["proof"])?)
        .and_then(|proof| proof.verify(root, &key.hash(), value.as_deref()));
    let same_key = text(&case["keyHash"])?.parse() == Ok(key.hash());
    let refused = verdict.err().map(|refused| refused.to_string());
    Some(same_key && text(&case["refused"]) == refused.as_deref())
}
