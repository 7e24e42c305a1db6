//! Lists of every small length: each place can be proved, and nothing else passes for it.

use super::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf(&number.to_le_bytes())).collect()
}

#[test]
fn every_place_of_every_list_is_proved() {
    for count in 1..=70 {
        let (leaves, root) = (leaves(count), root(leaves(count)));
        for index in 0..leaves.len() {
            let proof = prove(leaves.clone(), index).unwrap();
            assert_eq!(proof.verify(&root, leaves[index]), Ok(()), "{index} of {count}");
            assert!(proof.siblings.len() <= 7);
        }
        assert_eq!(prove(leaves.clone(), leaves.len()), None);
    }
}

/// The definition of RFC 6962 (2.1), by halves, against the one by levels.
#[test]
fn the_tree_is_that_of_rfc_6962() {
    fn top(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::ZERO,
            [one] => *one,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                inner(&top(&leaves[..half]), &top(&leaves[half..]))
            }
        }
    }
    for count in 0..=70 {
        let leaves = leaves(count);
        assert_eq!(root(leaves.clone()), bind(count, &top(&leaves)), "{count}");
    }
}

#[test]
fn what_is_altered_is_refused_with_its_reason() {
    for count in [1, 2, 3, 7, 8, 13] {
        let (leaves, root) = (leaves(count), root(leaves(count)));
        for index in 0..leaves.len() {
            let proof = prove(leaves.clone(), index).unwrap();
            let leaf = leaves[index];
            for (other, wrong) in leaves.iter().enumerate().filter(|(other, _)| *other != index) {
                assert_eq!(proof.verify(&root, *wrong), Err(ListProofError::Root));
                let moved = ListProof { index: other as u64, ..proof.clone() };
                assert!(moved.verify(&root, leaf).is_err(), "{index} as {other} of {count}");
            }
            for other in (1..=2 * count).filter(|other| *other != count) {
                let stretched = ListProof { count: other, ..proof.clone() };
                assert!(stretched.verify(&root, leaf).is_err(), "{count} as {other}");
            }
            for sibling in 0..proof.siblings.len() {
                let mut altered = proof.clone();
                altered.siblings[sibling].0[31] ^= 1;
                assert_eq!(altered.verify(&root, leaf), Err(ListProofError::Root));
            }
            let mut longer = proof.clone();
            longer.siblings.push(Hash::ZERO);
            let expected = proof.siblings.len();
            let refused = ListProofError::Length { found: expected + 1, expected };
            assert_eq!(longer.verify(&root, leaf), Err(refused));
        }
    }
    let nowhere = ListProof { count: 0, index: 0, siblings: Vec::new() };
    let refused = Err(ListProofError::Place { index: 0, count: 0 });
    assert_eq!(nowhere.verify(&root(Vec::new()), Hash::ZERO), refused);
    let huge = ListProof { count: u64::MAX, index: u64::MAX - 1, siblings: vec![Hash::ZERO; 64] };
    assert!(huge.verify(&Hash::ZERO, Hash::ZERO).is_err());
}

/// An inner node given out as an item, and an item as an inner node, hash to something else.
#[test]
fn leaves_and_inner_nodes_are_different_purposes() {
    let (left, right) = (leaf(b"left"), leaf(b"right"));
    let pair = [left.0, right.0].concat();
    assert_ne!(leaf(&pair), inner(&left, &right));
    assert_ne!(root(vec![leaf(&pair)]), root(vec![left, right]));
}
