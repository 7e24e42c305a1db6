//! One block: decoding is strict, verification agrees with the second statement of validity.

use std::sync::LazyLock;

use pollen_ledger::block::EquivocationProof;
use pollen_ledger::crypto::Domain;
use pollen_ledger::{Attestation, Block, BlockRef, Hash, codec};

use super::Choices;
use crate::drawing::Drawing;
use crate::validity::broken_rule;

/// A drawing whose E4 names parents of several rounds; D signs twice.
static DRAWN: LazyLock<Drawing> = LazyLock::new(|| {
    let mut drawing = Drawing::new(&[3, 2, 2, 2, 1]);
    drawing.draw(
        "Rounds 1-2 : { *, D' -> [*] @77 }
         Round 3 : { * +2, D' -> [*] @77 }
         Round 4 : { A -> [*] +1, B -> [ABCD'], C -> [*, D2], D -> [*], D' -> [-E] @77, E -> [-D, D1] +3 }",
    );
    drawing
});

/// Any bytes as a block, and any changes to a valid one.
pub fn block(bytes: &[u8]) {
    let chain = &DRAWN.chain;
    if let Ok(block) = Block::decode(bytes, &chain.parameters) {
        assert_eq!(codec::encode(&block), bytes, "two encodings of one block");
        check(block);
    }
    let mut choices = Choices(bytes);
    let blocks = DRAWN.blocks();
    let mut changed = blocks[choices.below(blocks.len())].block().clone();
    for _ in 0..choices.below(4) {
        change(&mut changed, &mut choices);
    }
    if choices.yes() {
        changed.header.body_digest = Domain::Body.hash(&[&changed.body]);
        changed.header.body_bytes = changed.body.len() as u32;
    }
    let key = chain.keys.get(usize::from(changed.header.author));
    if let Some(key) = key.filter(|_| choices.byte() % 8 > 0) {
        changed.signature = key.sign(&changed.header.digest().0);
    }
    check(changed);
}

/// `verify` says what the second statement says; what it lets through decodes to itself.
fn check(block: Block) {
    let chain = &DRAWN.chain;
    let rule = broken_rule(chain, &block);
    let bytes = codec::encode(&block);
    let verified = block.verify(&chain.chain_id, &chain.committee, &chain.parameters);
    assert_eq!(verified.as_ref().err().is_some(), rule.is_some(), "{verified:?}, rule {rule:?}");
    if let Ok(block) = verified {
        assert_eq!(block.encode(), bytes);
        let digest = block.header().digest();
        assert_eq!(block.reference().digest, digest);
        let again = Block::decode(&bytes, &chain.parameters);
        assert_eq!(again.as_ref().ok(), Some(block.block()), "it fits its own bound");
    }
}

fn change(block: &mut Block, choices: &mut Choices<'_>) {
    let header = &mut block.header;
    match choices.below(16) {
        0 => header.version = choices.below(3) as u16,
        1 => header.chain_id.0[choices.below(32)] ^= choices.byte(),
        2 => header.epoch = choices.below(2) as u64,
        3 => header.round = round(choices, header.round),
        4 => header.author = choices.below(7) as u16,
        5 => header.timestamp_ms = choices.number(),
        6..=9 => change_parents(&mut header.parents, choices),
        10 => {
            let attested = Attestation::sign(
                &DRAWN.chain.chain_id,
                choices.number(),
                Hash::ZERO,
                &DRAWN.chain.keys[0],
            );
            header.attestations = vec![attested; choices.below(20)];
        }
        11 => header.commit_votes = vec![(choices.number(), Hash::ZERO); choices.below(104)],
        12 => add_evidence(block, choices),
        13 => header.transaction_count = choices.below(5) as u32,
        14 => {
            let place = choices.below(block.body.len());
            block.body[place] ^= choices.byte();
        }
        _ => match choices.below(4) {
            0 => drop(block.body.pop()),
            1 => block.body.push(choices.byte()),
            2 => block.signature.0[choices.below(64)] ^= choices.byte(),
            _ => header.body_bytes = choices.number() as u32,
        },
    }
    if block.body.is_empty() {
        block.body.push(0);
    }
}

fn round(choices: &mut Choices<'_>, near: u32) -> u32 {
    match choices.below(6) {
        0 => choices.number() as u32,
        1 => u32::MAX,
        2 => 4_294_966_271,
        3 => near.wrapping_add(1),
        4 => 0,
        _ => near.saturating_sub(1),
    }
}

fn change_parents(parents: &mut Vec<BlockRef>, choices: &mut Choices<'_>) {
    let any = DRAWN.blocks();
    let any = any[choices.below(any.len())].reference();
    if parents.is_empty() {
        parents.push(any);
    }
    let place = choices.below(parents.len());
    match choices.below(8) {
        0 => drop(parents.remove(place)),
        1 => parents.push(any),
        2 => parents.insert(place, any),
        3 => parents[place] = any,
        4 => parents[place].author = choices.below(7) as u16,
        5 => parents[place].round = round(choices, parents[place].round),
        6 => parents[place].digest.0[choices.below(32)] ^= choices.byte(),
        _ => parents[1..].sort(),
    }
}

fn add_evidence(block: &mut Block, choices: &mut Choices<'_>) {
    let (first, second) = (DRAWN.block("D1"), DRAWN.block("D1'"));
    let proof = EquivocationProof::of(first.block(), second.block());
    let mut proof = proof.expect("two blocks of one slot");
    match choices.below(8) {
        0 => proof.round = 2,
        1 => proof.author = choices.below(7) as u16,
        2 => proof.rests[1] = proof.rests[0],
        3 => proof.rests.reverse(),
        4 => proof.chain_id = Hash::ZERO,
        _ => {}
    }
    block.header.evidence = vec![proof; choices.below(6)];
}
