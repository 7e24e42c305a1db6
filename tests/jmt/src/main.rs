//! The state tree beside `jmt`, the Jellyfish tree of other chains: the same keys, batches and hash, records
//! encoded in memory in both. `cd tests/jmt && cargo run -- [keys] [batch] [rounds]`

use std::collections::BTreeMap;

use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, SimpleHasher, Version};

struct Blake3(blake3::Hasher);

impl SimpleHasher for Blake3 {
    fn new() -> Self {
        Self(blake3::Hasher::new())
    }
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
    fn finalize(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

#[derive(Default)]
struct Memory {
    records: BTreeMap<NodeKey, Vec<u8>>,
    values: BTreeMap<KeyHash, OwnedValue>,
}

impl TreeReader for Memory {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.records.get(key).map(|bytes| borsh::from_slice(bytes).expect("encoded by it")))
    }
    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.values.get(&key).cloned())
    }
    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

fn jmt(size: Size) {
    let mut memory = Memory::default();
    let (mut spent, mut bytes, mut stale) = (Spent::default(), 0, 0);
    let mut last = 0;
    for (version, (measured, numbers)) in (0u64..).zip(batches(size)) {
        let values: Vec<_> =
            numbers.iter().map(|at| (KeyHash(key(*at).0), Some(value(*at, version)))).collect();
        let work = || {
            let tree = JellyfishMerkleTree::<_, Blake3>::new(&memory);
            let (_, batch) = tree.put_value_set(values, version).expect("memory");
            let nodes = batch.node_batch.nodes().iter();
            let nodes: Vec<_> = nodes
                .map(|(key, node)| (key.clone(), borsh::to_vec(node).expect("memory")))
                .collect();
            (nodes, batch)
        };
        let (nodes, batch) = if measured { spent.on(work) } else { work() };
        let length = |key: &NodeKey| borsh::to_vec(key).expect("memory").len();
        if measured {
            bytes += nodes.iter().map(|(key, node)| length(key) + node.len()).sum::<usize>();
            let old = batch.stale_node_index_batch.iter();
            stale += old.map(|index| 8 + length(&index.node_key)).sum::<usize>();
        }
        for index in &batch.stale_node_index_batch {
            memory.records.remove(&index.node_key);
        }
        memory.records.extend(nodes);
        let new = batch.node_batch.values().iter();
        memory.values.extend(new.map(|((_, key), value)| (*key, value.clone().expect("put"))));
        last = version;
    }
    print("jmt", size, &spent, bytes, stale);
    let tree = JellyfishMerkleTree::<_, Blake3>::new(&memory);
    let root = tree.get_root_hash(last).expect("there is a tree");
    let proofs: Vec<_> = (0..PROOFS)
        .map(|number| {
            let key = KeyHash(key(number * 7_919 % size.keys).0);
            let (value, proof) = tree.get_with_proof(key, last).expect("memory");
            (key, value, proof)
        })
        .collect();
    let sizes = proofs.iter().map(|(_, _, proof)| borsh::to_vec(proof).expect("memory").len());
    let sizes = sizes.collect();
    let mut verified = Spent::default();
    verified.on(|| {
        for (key, value, proof) in proofs {
            proof.verify(root, key, value).expect("it is true");
        }
    });
    print_proofs("jmt, present", sizes, &verified);
}

#[path = "../../../ledger/examples/tree_speed/memory.rs"]
mod ours;
#[path = "../../../ledger/examples/tree_speed/work.rs"]
mod work;

use work::{PROOFS, Size, Spent, batches, key, print, print_proofs, value};

fn main() {
    let size = Size::read();
    ours::run(size, 1);
    jmt(size);
}
