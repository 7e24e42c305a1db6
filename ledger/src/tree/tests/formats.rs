//! Records to the byte.

use super::*;
use crate::tree::hash::DOMAINS;
use crate::tree::node::Child;

#[test]
fn domain_keys_are_derived_from_their_names() {
    for (name, key) in DOMAINS {
        let context = format!("pollen 2026 state {name} v1");
        assert_eq!(hex::encode(key), hex::encode(blake3::derive_key(&context, b"")), "{name}");
    }
}

#[test]
fn hashes_are_keyed_blake3_of_the_parts_together() {
    let keyed = |name: &str, parts: &[&[u8]]| {
        let key = blake3::derive_key(&format!("pollen 2026 state {name} v1"), b"");
        Hash(*blake3::keyed_hash(&key, &parts.concat()).as_bytes())
    };
    let (a, b) = (Hash([1; 32]), Hash([2; 32]));
    assert_eq!(key_hash(&a.0, b"key"), keyed("key", &[&a.0, b"key"]));
    assert_eq!(value_hash(b"value"), keyed("value", &[b"value"]));
    assert_eq!(leaf_hash(&a, &b), keyed("leaf", &[&a.0, &b.0]));
    assert_eq!(inner_hash(&a, &b), keyed("inner", &[&a.0, &b.0]));
}

/// One record drawn by hand: a change of the format must change docs/storage.md as well.
#[test]
fn a_record_is_these_bytes() {
    let path = Path::ROOT.child(0xa).child(0xb);
    let key = NodeKey { version: 300, path };
    let mut leaf = [7; 32];
    leaf[..2].copy_from_slice(&[0xab, 0x31]);
    let mut node = Node::EMPTY;
    node.children[3] = Child::Leaf { key: Hash(leaf), value: Hash([9; 32]) };
    node.children[15] = Child::Inner { version: 100, hash: Hash([8; 32]) };
    let mut bytes = Vec::new();
    node.encode(&key, &mut bytes);
    let mut drawn = vec![0x08, 0x80, 0x08, 0x00, 0x31];
    drawn.extend([7; 30]);
    drawn.extend([9; 32]);
    drawn.extend([0xc8, 0x01]);
    drawn.extend([8; 32]);
    assert_eq!(bytes, drawn);
    assert_eq!(Node::decode(&key, &bytes), Some(node));
    assert_eq!(key.encode(), [0, 0, 0, 0, 0, 0, 1, 44, 2, 0xab]);
    let deeper = NodeKey { version: 1, path: path.child(0xc) };
    assert_eq!(deeper.encode(), [0, 0, 0, 0, 0, 0, 0, 1, 3, 0xab, 0xc0]);
}

/// Keys of records sort as their bytes do: the executor finds them by one, the store by the other.
#[test]
fn keys_of_records_sort_as_their_bytes() {
    let mut random = Random(7);
    let mut keys: Vec<NodeKey> = (0..500)
        .map(|_| {
            let length = random.below(64);
            let path =
                (0..length).fold(Path::ROOT, |path, _| path.child(random.below(16) as usize));
            NodeKey { version: random.below(3), path }
        })
        .collect();
    keys.sort_unstable();
    assert!(keys.is_sorted_by_key(NodeKey::encode));
    for key in keys {
        assert_eq!(NodeKey::decode(&key.encode()), Some(key));
    }
}
