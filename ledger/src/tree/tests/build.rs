//! A tree that is built out of entries in order is the one that updates make.

use super::*;

fn built(entries: &Entries) -> (Hash, BTreeMap<Vec<u8>, Vec<u8>>) {
    let mut records = BTreeMap::new();
    let mut emit = |key: &NodeKey, bytes: &[u8]| {
        let fresh = records.insert(key.encode(), bytes.to_vec()).is_none();
        assert!(fresh, "a record is given once");
    };
    let mut builder = TreeBuilder::new(0);
    entries.iter().for_each(|(key, value)| builder.add(*key, *value, &mut emit));
    let root = builder.finish(&mut emit);
    (root, records)
}

/// Protects imports: later checkpoints update the records that the builder wrote, and prove by them.
#[test]
fn the_records_are_those_of_an_update_to_the_byte() {
    let mut random = Random(31);
    for count in (0..40).chain([100, 1_000, 5_000]) {
        let entries = random.entries(count);
        let forest = Forest::of(&entries);
        let (root, records) = built(&entries);
        assert_eq!(root, forest.root, "{count} entries");
        assert_eq!(records, forest.records, "{count} entries");
    }
}

/// Two keys that differ in one bit, at every depth, with neighbours on either side.
#[test]
fn shared_prefixes_of_every_length_have_their_records() {
    for depth in 0..256 {
        let mut other = Hash::ZERO;
        other.0[depth / 8] = 0x80 >> (depth % 8);
        for more in [Hash::ZERO, Hash([0xff; 32]), Hash([0x0f; 32])] {
            let entries: Entries =
                [Hash::ZERO, other, more].map(|key| (key, Hash::of_content(&key.0))).into();
            let forest = Forest::of(&entries);
            assert_eq!(built(&entries), (forest.root, forest.records), "bit {depth}, {more}");
        }
    }
}
