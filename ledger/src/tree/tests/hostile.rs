//! Bytes of anybody: refused with an error, without a panic, and without work beyond their length.

use super::*;

#[test]
fn random_bytes_are_no_proof() {
    let mut random = Random(1);
    for _ in 0..20_000 {
        let length = random.below(200) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if length > 3 && random.below(2) == 0 {
            // Close to a proof: it gets past the first checks.
            bytes[0] = random.below(3) as u8;
            bytes[1] = random.below(8) as u8;
            bytes[2] = 0;
        }
        if let Ok(proof) = Proof::decode(&bytes) {
            assert_eq!(proof.encode(), bytes);
            assert!(proof.verify_hash(&random.hash(), &random.hash(), None).is_err());
        }
        let entries: Vec<_> = random.entries(3).into_iter().collect();
        assert!(verify_range(&random.hash(), &Hash::ZERO, &entries, &bytes).is_err());
    }
}

#[test]
fn tags_that_go_down_for_ever_end() {
    let mut proof = vec![0];
    proof.resize(RANGE_PROOF_BYTES_MAX, 3);
    let entries = [(Hash([0x55; 32]), Hash([1; 32])), (Hash([0x57; 32]), Hash([1; 32]))];
    let result = verify_range(&Hash([1; 32]), &Hash([0x33; 32]), &entries, &proof);
    assert_eq!(result, Err(RangeError::Malformed));
    proof.push(3);
    let result = verify_range(&Hash([1; 32]), &Hash([0x33; 32]), &entries, &proof);
    assert_eq!(result, Err(RangeError::Malformed));
}

#[test]
fn a_proof_of_too_many_levels_is_refused_even_without_its_encoding() {
    let proof = Proof { end: End::Empty, siblings: vec![Hash::ZERO; 257] };
    let refused = proof.verify_hash(&Hash::ZERO, &Hash::ZERO, None);
    assert_eq!(refused, Err(ProofError::Malformed));
}

/// A record decodes to one that encodes to the same bytes, or not at all: damage on disk is seen.
#[test]
fn damaged_records_are_refused_or_other_records() {
    let forest = Forest::of(&Random(2).entries(200));
    let mut random = Random(3);
    for (key, bytes) in &forest.records {
        let key = NodeKey::decode(key).unwrap();
        for _ in 0..200 {
            let mut damaged = bytes.clone();
            let at = random.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << random.below(8);
            damaged.truncate(damaged.len() - usize::from(random.below(20) == 0));
            if let Some(node) = Node::decode(&key, &damaged) {
                let mut again = Vec::new();
                node.encode(&key, &mut again);
                assert_eq!(again, damaged);
            }
        }
    }
    for bad in [&[0; 9][..8], &[0, 0, 0, 0, 0, 0, 0, 0, 64], &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0x11]] {
        assert_eq!(NodeKey::decode(bad), None);
    }
}
