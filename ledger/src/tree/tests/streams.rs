//! The root of a stream is that of the tree.

use super::*;

fn streamed(entries: &Entries) -> Hash {
    let mut stream = StreamedRoot::default();
    entries.iter().for_each(|(key, value)| stream.add(*key, value));
    stream.finish()
}

/// Protects what looks for lost entries: another root than the tree's would cry wolf, or not at all.
#[test]
fn a_stream_has_the_root_of_its_entries() {
    let mut random = Random(7);
    for count in (0..40).chain([100, 1_000, 5_000]) {
        let entries = random.entries(count);
        assert_eq!(streamed(&entries), root_of(&entries), "{count} entries");
        assert_eq!(streamed(&entries), Forest::of(&entries).root);
    }
}

/// Two entries that differ in one bit, and a third above them, at every depth.
#[test]
fn shared_prefixes_of_every_length_have_their_inner_nodes() {
    for depth in 0..256 {
        let mut other = Hash::ZERO;
        other.0[depth / 8] = 0x80 >> (depth % 8);
        for more in [Hash::ZERO, Hash([0xff; 32]), Hash([0x0f; 32])] {
            let entries: Entries =
                [Hash::ZERO, other, more].map(|key| (key, Hash::of_content(&key.0))).into();
            assert_eq!(streamed(&entries), root_of(&entries), "bit {depth}, {more}");
        }
    }
}
