//! `tests/vectors/tree.json`: hashes, roots and proofs for implementations in other languages. A change of
//! any format fails here. To write the file anew, knowingly:
//! `cargo test -p pollen-ledger write_the_vectors -- --ignored`.

use serde_json::{Value, json};

use super::*;
use crate::tree::hash::DOMAINS;

/// Tests run in their package's folder.
const FILE: &str = "../tests/vectors/tree.json";

fn key_of(number: usize) -> Hash {
    key_hash(&[5; 32], format!("key {number}").as_bytes())
}

fn value_of(number: usize) -> String {
    format!("value {number}")
}

fn tree(count: usize) -> Value {
    let entries: Entries =
        (0..count).map(|at| (key_of(at), value_hash(value_of(at).as_bytes()))).collect();
    let forest = Forest::of(&entries);
    let proof = |number: usize| {
        let value = (number < count).then(|| hex::encode(value_of(number)));
        let (_, proof) = forest.prove(&key_of(number));
        json!({
            "keyHash": key_of(number), "value": value, "proof": hex::encode(proof.encode()),
        })
    };
    let range = |from: Hash, most: usize| {
        let left: Vec<_> = entries.range(from..).collect();
        let chunk = &left[..left.len().min(most)];
        let last = (chunk.len() < left.len()).then(|| chunk[chunk.len() - 1].0);
        let proof = prove_range(&forest, 0, &from, last).unwrap();
        json!({
            "from": from, "entries": chunk, "end": last.is_none(), "proof": hex::encode(proof),
        })
    };
    let mut middle = Hash::ZERO;
    middle.0[0] = 0x60;
    json!({
        "count": count,
        "root": forest.root,
        "proofs": ([0, 1, 2, count, count + 1, count + 2].map(proof)),
        "ranges": [range(Hash::ZERO, 4), range(middle, 3), range(Hash([0xff; 32]), 1)],
    })
}

fn vectors() -> String {
    let domains: serde_json::Map<_, _> =
        DOMAINS.iter().map(|(name, key)| ((*name).to_owned(), json!(hex::encode(key)))).collect();
    let document = json!({
        "about": "The state tree: ledger/src/tree.rs says what is what. Entry n has the owner 05 x 32, the key \
                  'key n' and the value 'value n'; entries of ranges are [key hash, value hash].",
        "domains": domains,
        "hashes": {
            "key": key_of(0),
            "value": value_hash(value_of(0).as_bytes()),
            "emptyValue": value_hash(b""),
            "leaf": leaf_hash(&Hash([1; 32]), &Hash([2; 32])),
            "inner": inner_hash(&Hash([1; 32]), &Hash([2; 32])),
        },
        "trees": ([0, 1, 2, 20, 1_000].map(tree)),
    });
    serde_json::to_string_pretty(&document).unwrap() + "\n"
}

#[test]
fn the_vectors_are_what_the_code_says() {
    let file = std::fs::read_to_string(FILE).unwrap();
    assert!(
        file == vectors(),
        "a format of the tree changed: docs/storage.md and clients must too"
    );
}

/// The file alone, as a client has it.
#[test]
fn the_vectors_verify() {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let hash = |value: &Value| value.as_str().unwrap().parse::<Hash>().unwrap();
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut checked = 0;
    for tree in file["trees"].as_array().unwrap() {
        let root = hash(&tree["root"]);
        for proof in tree["proofs"].as_array().unwrap() {
            let value = proof["value"].as_str().map(|text| hex::decode(text).unwrap());
            let decoded = Proof::decode(&bytes(&proof["proof"])).unwrap();
            assert_eq!(decoded.verify(&root, &hash(&proof["keyHash"]), value.as_deref()), Ok(()));
            checked += 1;
        }
        for range in tree["ranges"].as_array().unwrap() {
            let entries: Vec<_> = range["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| (hash(&entry[0]), hash(&entry[1])))
                .collect();
            let end = verify_range(&root, &hash(&range["from"]), &entries, &bytes(&range["proof"]));
            assert_eq!(end, Ok(range["end"].as_bool().unwrap()));
            checked += 1;
        }
    }
    assert_eq!(checked, 5 * 9);
}

#[test]
#[ignore = "writes tests/vectors/tree.json"]
fn write_the_vectors() {
    std::fs::write(FILE, vectors()).unwrap();
}
