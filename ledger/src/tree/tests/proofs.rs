//! Proofs of one key: whatever is changed in them, they are refused or mean the same.

use super::*;

/// Absent keys of each kind of end, beside those in the tree.
fn sample() -> (Forest, Entries, Vec<Hash>) {
    let mut random = Random(41);
    let entries = random.entries(300);
    let forest = Forest::of(&entries);
    let mut keys: Vec<Hash> = entries.keys().step_by(20).copied().collect();
    keys.extend((0..30).map(|_| random.hash()));
    keys.extend([Hash::ZERO, Hash([0xff; 32])]);
    (forest, entries, keys)
}

#[test]
fn what_is_and_what_is_not_there_can_be_proved() {
    let (forest, entries, keys) = sample();
    let mut ends = [0; 3];
    for key in keys {
        let (value, proof) = forest.prove(&key);
        assert_eq!(value, entries.get(&key).copied());
        assert_eq!(Proof::decode(&proof.encode()), Ok(proof.clone()));
        assert_eq!(proof.verify_hash(&forest.root, &key, value.as_ref()), Ok(()));
        ends[match proof.end {
            End::Empty => 0,
            End::Leaf => 1,
            End::Other { .. } => 2,
        }] += 1;
        // The opposite, another value, another root.
        let opposite = value.is_none().then_some(Hash([1; 32]));
        let refused = proof.verify_hash(&forest.root, &key, opposite.as_ref());
        assert_eq!(refused, Err(ProofError::Claim));
        if value.is_some() {
            let refused = proof.verify_hash(&forest.root, &key, Some(&Hash([1; 32])));
            assert!(matches!(refused, Err(ProofError::Root { .. })));
        }
        let refused = proof.verify_hash(&Hash([1; 32]), &key, value.as_ref());
        assert!(matches!(refused, Err(ProofError::Root { .. })));
    }
    assert!(ends.iter().all(|count| *count > 2), "{ends:?}");
}

#[test]
fn a_proof_takes_the_value_itself() {
    let key = key_hash(&[1; 32], b"key");
    let entries = Entries::from([(key, value_hash(b"value")), (Hash([7; 32]), Hash([8; 32]))]);
    let forest = Forest::of(&entries);
    let (_, proof) = forest.prove(&key);
    assert_eq!(proof.verify(&forest.root, &key, Some(b"value")), Ok(()));
    assert!(proof.verify(&forest.root, &key, Some(b"other")).is_err());
    assert_eq!(proof.verify(&forest.root, &key, None), Err(ProofError::Claim));
}

/// A proof for one key says nothing about another: neither that it is there, nor that it is not.
#[test]
fn a_proof_is_about_its_key() {
    let (forest, entries, keys) = sample();
    for key in &keys {
        let (value, proof) = forest.prove(key);
        for other in &keys {
            let truth = entries.get(other).copied();
            for claim in [value, None, Some(Hash([1; 32]))] {
                if claim != truth {
                    assert!(proof.verify_hash(&forest.root, other, claim.as_ref()).is_err());
                }
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let (forest, _, keys) = sample();
    let mut flipped = 0;
    for key in keys.iter().step_by(3) {
        let (value, proof) = forest.prove(key);
        let bytes = proof.encode();
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            if let Ok(proof) = Proof::decode(&changed) {
                for claim in [value, None, Some(Hash([1; 32]))] {
                    let result = proof.verify_hash(&forest.root, key, claim.as_ref());
                    assert!(result.is_err(), "bit {at} of {}", hex::encode(&bytes));
                }
            }
            flipped += 1;
        }
    }
    assert!(flipped > 10_000);
}

/// One meaning has one encoding: what is decoded encodes to the bytes it came from.
#[test]
fn other_encodings_of_a_proof_are_refused() {
    let proof = Proof { end: End::Leaf, siblings: vec![Hash([1; 32]), Hash::ZERO, Hash([2; 32])] };
    let bytes = proof.encode();
    assert_eq!(bytes.len(), 3 + 1 + 64);
    assert_eq!(&bytes[..4], [1, 3, 0, 0b101]);
    assert_eq!(Proof::decode(&bytes), Ok(proof));
    let mut longer = bytes.clone();
    longer.push(0);
    let mut padded = bytes.clone();
    padded[3] |= 1 << 3;
    let mut zero = bytes.clone();
    zero[4..36].fill(0);
    let mut deep = vec![0, 1, 1];
    deep.resize(3 + 33, 0);
    for bad in [longer, padded, zero, deep, bytes[..67].to_vec(), vec![3, 0, 0], Vec::new()] {
        assert_eq!(Proof::decode(&bad), Err(ProofError::Malformed), "{}", hex::encode(&bad));
    }
    let longest = Proof {
        end: End::Other { key: Hash::ZERO, value: Hash::ZERO },
        siblings: vec![Hash([1; 32]); 256],
    };
    assert_eq!(longest.encode().len(), PROOF_BYTES_MAX);
    assert_eq!(Proof::decode(&longest.encode()), Ok(longest));
}
