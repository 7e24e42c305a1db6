//! The tree alone, its records encoded in memory.

use std::collections::BTreeMap;

use pollen_ledger::Hash;
use pollen_ledger::store::StoreError;
use pollen_ledger::tree::{
    Change, Node, NodeKey, NodeReader, Proof, TopLevels, prove, update, value_hash,
};

use super::work::{PROOFS, Size, Spent, batches, key, print, print_proofs, value};

#[derive(Default)]
struct Memory {
    records: BTreeMap<NodeKey, Vec<u8>>,
    top: TopLevels,
}

impl NodeReader for Memory {
    fn node(&self, key: &NodeKey) -> Result<Node, StoreError> {
        if let Some(node) = self.top.get(key) {
            return Ok(node.clone());
        }
        Ok(Node::decode(key, &self.records[key]).expect("encoded by the tree"))
    }
}

/// Prints updates a second, bytes, and what proofs cost.
pub fn run(size: Size, threads: usize) {
    let mut memory = Memory::default();
    let (mut spent, mut bytes, mut stale) = (Spent::default(), 0, 0);
    let (mut base, mut root) = (None, Hash::ZERO);
    for (version, (measured, numbers)) in (0u64..).zip(batches(size)) {
        let values: Vec<_> = numbers.iter().map(|at| (key(*at), value(*at, version))).collect();
        let work = || {
            let mut changes: Vec<_> = values
                .iter()
                .map(|(key, value)| Change { key: *key, value: Some(value_hash(value)) })
                .collect();
            changes.sort_unstable_by_key(|change| change.key);
            update(&memory, base, version, &changes, threads).expect("memory")
        };
        let mut new = if measured { spent.on(work) } else { work() };
        memory.top.keep(&mut new);
        if measured {
            bytes += new.writes().map(|(key, node)| key.encode().len() + node.len()).sum::<usize>();
            stale += new.stale.iter().map(|key| 8 + key.encode().len()).sum::<usize>();
        }
        for key in &new.stale {
            memory.records.remove(key).expect("it was there");
        }
        memory.records.extend(new.writes().map(|(key, node)| (*key, node.to_vec())));
        (base, root) = (Some(new.root_version), new.root);
    }
    print(&format!("ours, {threads} threads"), size, &spent, bytes, stale);
    let live: usize =
        memory.records.iter().map(|(key, node)| key.encode().len() + node.len()).sum();
    println!("  the whole tree: {} bytes a key", live as u64 / size.keys);
    let version = base.expect("there is a tree");
    for (kind, offset) in [("present", 0), ("absent", size.keys)] {
        let proofs: Vec<_> = (0..PROOFS)
            .map(|number| {
                let key = key(offset + number * 7_919 % size.keys);
                let (value, proof) = prove(&memory, version, &key).expect("memory");
                assert_eq!(value.is_some(), offset == 0);
                (key, value, proof.encode())
            })
            .collect();
        let mut verified = Spent::default();
        verified.on(|| {
            for (key, value, bytes) in &proofs {
                let proof = Proof::decode(bytes).expect("encoded by us");
                proof.verify_hash(&root, key, value.as_ref()).expect("it is true");
            }
        });
        print_proofs(kind, proofs.iter().map(|(_, _, bytes)| bytes.len()).collect(), &verified);
    }
}
