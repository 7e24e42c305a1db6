//! Cases 47, 48 and 50: what a core keeps waiting, and what nobody takes.

use std::collections::BTreeSet;

use pollen_ledger::block::{EquivocationProof, SignedVotes};
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::crypto::Domain;
use pollen_ledger::ordering::{Input, Recovered, Time};
use pollen_ledger::wire::Message;
use pollen_ledger::{
    Attestation, Block, BlockRef, Hash, KeyPair, PublicKey, Signature, VerifiedBlock, codec,
};
use pollen_sim::drawing::{BEGIN_MS, Drawing};
use pollen_sim::random::Random;
use pollen_sim::random_dag::{Shape, delivery};
use pollen_sim::reference::Reference;
use pollen_sim::validity::broken_rule;
use pollen_sim::watched_core::WatchedCore;

use super::{agree, equal};

/// After every block, in any order: accepted is what has all its history, suspended the rest, missing what
/// that names and nobody gave. With everything in, nothing waits, wherever gc is by then.
#[test]
fn case_47_a_block_waits_while_a_parent_is_missing_and_no_longer() {
    for seed in 4_700..4_730 {
        let mut random = Random::drawn(seed);
        let mut shape = Shape::of(&mut random);
        // Of a third variant a core may say that nobody needs it.
        shape.equivocators.clear();
        let (chain, blocks) = (shape.chain(), shape.blocks(&mut random));
        for how in 0..4 {
            let order = match how {
                0 => blocks.iter().rev().cloned().collect(),
                how => delivery(&blocks, how, &mut random),
            };
            let mut core = WatchedCore::following(&chain);
            let mut given = BTreeSet::new();
            for block in &order {
                core.deliver(block);
                given.insert(block.reference());
                if core.status().gc_round == 0 {
                    assert_waits(&core, &blocks, &given, seed);
                }
            }
            let status = core.status();
            assert_eq!((status.suspended, status.missing), (0, 0), "seed {seed}, {how}");
        }
    }
}

fn assert_waits(
    core: &WatchedCore,
    blocks: &[VerifiedBlock],
    given: &BTreeSet<BlockRef>,
    seed: u64,
) {
    let mut whole: BTreeSet<BlockRef> = BTreeSet::new();
    let mut missing: BTreeSet<BlockRef> = BTreeSet::new();
    // Parents before children.
    for block in blocks.iter().filter(|block| given.contains(&block.reference())) {
        let open = |parent: &&BlockRef| parent.round > 0 && !whole.contains(*parent);
        let open: Vec<BlockRef> = block.header().parents.iter().filter(open).copied().collect();
        missing.extend(open.iter().filter(|parent| !given.contains(*parent)));
        if open.is_empty() {
            whole.insert(block.reference());
        }
    }
    let accepted: BTreeSet<BlockRef> = core.accepted.iter().map(VerifiedBlock::reference).collect();
    assert_eq!(accepted, whole, "seed {seed}");
    let status = core.status();
    assert_eq!(status.suspended, given.len() - whole.len(), "seed {seed}");
    assert_eq!(status.missing, missing.len(), "seed {seed}");
}

/// Rounds 1 to 3 in full; what is changed is C3.
fn three_rounds() -> Drawing {
    let mut dag = equal(4);
    dag.draw("Rounds 1-3 : { * }");
    dag
}

/// What is done to a block, and which rule of PROTOCOL §3 that breaks.
type Change = (&'static str, u8, fn(&mut Block));

const NOBODY: Hash = Hash([0x77; 32]);

const CHANGES: &[Change] = &[
    ("another version", 1, |block| block.header.version = 2),
    ("another chain", 1, |block| block.header.chain_id = NOBODY),
    ("another epoch", 1, |block| block.header.epoch = 1),
    ("the first author beyond the committee", 2, |block| block.header.author = 4),
    ("the last author that has a number", 2, |block| block.header.author = u16::MAX),
    ("round 0", 3, |block| block.header.round = 0),
    ("round 2^32 - 1", 3, |block| block.header.round = u32::MAX),
    ("the first round that is nobody's", 3, |block| block.header.round = 4_294_966_272),
    ("no parents", 5, |block| block.header.parents.clear()),
    ("no parent of its own", 5, |block| {
        block.header.parents.remove(0);
    }),
    ("its own parent elsewhere", 5, |block| block.header.parents.swap(0, 1)),
    ("a parent twice", 5, |block| block.header.parents.push(block.header.parents[3])),
    ("its own parent twice", 5, |block| block.header.parents.push(block.header.parents[0])),
    ("two blocks of one author as parents", 5, |block| {
        let other = BlockRef { digest: NOBODY, ..block.header.parents[1] };
        block.header.parents.insert(2, other);
        block.header.parents[1..].sort();
    }),
    ("parents out of order", 5, |block| block.header.parents.swap(1, 2)),
    ("a parent of nobody", 5, |block| block.header.parents[3].author = 4),
    ("a parent of author 2^16 - 1", 5, |block| block.header.parents[3].author = u16::MAX),
    ("a parent of its own round", 5, |block| block.header.parents[3].round = 3),
    ("a parent of round 2^32 - 1", 5, |block| block.header.parents[3].round = u32::MAX),
    ("more parents than there are validators", 5, |block| {
        let parent = block.header.parents[3];
        block.header.parents.extend((4..700).map(|author| BlockRef { author, ..parent }));
    }),
    ("another genesis", 6, |block| {
        let parents = &mut block.header.parents;
        parents[1] = BlockRef { round: 0, author: parents[1].author, digest: NOBODY };
        parents[1..].sort();
    }),
    ("too few strong parents", 7, |block| block.header.parents.truncate(2)),
    ("a body of another digest", 8, |block| block.header.body_digest = NOBODY),
    ("a body of another size", 8, |block| block.header.body_bytes += 1),
    ("a transaction too few", 8, |block| block.header.transaction_count = u32::MAX),
    ("a body that goes on", 8, |block| {
        block.body.push(0);
        name_body(block);
    }),
    ("a body of 2^32 - 1 transactions in 4 bytes", 8, |block| {
        block.body = u32::MAX.to_le_bytes().to_vec();
        block.header.transaction_count = u32::MAX;
        name_body(block);
    }),
    ("a body beyond a block's size", 8, |block| {
        block.body = vec![0; 4 << 20];
        name_body(block);
    }),
    ("17 attestations", 8, |block| {
        let key = KeyPair::development("anybody");
        block.header.attestations = vec![Attestation::sign(&NOBODY, 1, NOBODY, &key); 17];
    }),
    ("101 commit votes", 8, |block| block.header.commit_votes = vec![(u64::MAX, NOBODY); 101]),
    ("evidence of nothing", 9, |block| {
        let header = &block.header;
        block.header.evidence = vec![EquivocationProof {
            version: header.version,
            chain_id: header.chain_id,
            epoch: header.epoch,
            round: header.round,
            author: u16::MAX,
            rests: [Hash::ZERO, NOBODY],
            signatures: [Signature([0; 64]); 2],
        }];
    }),
];

fn name_body(block: &mut Block) {
    block.header.body_bytes = block.body.len() as u32;
    block.header.body_digest = Domain::Body.hash(&[&block.body]);
}

/// Each of these breaks one rule, is signed by who it says, and is refused: by the rules, by a second
/// statement of them that says which one, and over the wire. Nothing panics on the way.
#[test]
fn case_48_blocks_that_break_one_rule() {
    let dag = three_rounds();
    let chain = &dag.chain;
    let good = dag.block("C3");
    assert_eq!(broken_rule(chain, good.block()), None);
    for (what, rule, change) in CHANGES {
        let mut block = good.block().clone();
        change(&mut block);
        let key = chain.keys.get(usize::from(block.header.author)).unwrap_or(&chain.keys[0]);
        block.signature = key.sign(&block.header.digest().0);
        assert_eq!(broken_rule(chain, &block), Some(*rule), "{what}");
        let travels = codec::encode(&Message::Block(codec::encode(&block)));
        let verify = |block: Block| {
            block.verify(&chain.chain_id, &chain.committee, &chain.parameters).is_ok()
        };
        assert!(!verify(block), "{what} is taken");
        let arrives = match Message::decode(&travels) {
            Ok(Message::Block(bytes)) => Block::decode(&bytes, &chain.parameters).ok(),
            _ => None,
        };
        assert!(!arrives.is_some_and(verify), "{what} is taken from a peer");
    }
    let mut unsigned = good.block().clone();
    for bit in 0..512 {
        unsigned.signature.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(broken_rule(chain, &unsigned), Some(4));
        let verified =
            unsigned.clone().verify(&chain.chain_id, &chain.committee, &chain.parameters);
        assert!(verified.is_err(), "bit {bit}");
        unsigned.signature.0[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Lengths that say more than there is, and bytes too many or too few: refused before anything is made
/// room for.
#[test]
fn case_48_lengths_beyond_the_end() {
    let dag = three_rounds();
    let (block, parameters) = (dag.block("C3").encode(), &dag.chain.parameters);
    assert!(Block::decode(&block, parameters).is_ok());
    for place in 0..block.len() - 4 {
        let mut bytes = block.clone();
        bytes[place..place + 4].fill(0xff);
        let decoded = Block::decode(&bytes, parameters);
        // What still decodes has no more in it than there are bytes.
        assert!(decoded.is_err() || decoded.is_ok_and(|decoded| codec::encode(&decoded) == bytes));
    }
    for length in 0..block.len() {
        assert!(Block::decode(&block[..length], parameters).is_err(), "{length} bytes of it");
    }
    assert!(Block::decode(&[&block[..], &[0]].concat(), parameters).is_err());
    for count in [u32::MAX, 1 << 31, 1 << 20] {
        let blocks = [&[1][..], &count.to_le_bytes()].concat();
        assert!(Message::decode(&blocks).is_err(), "{count} blocks in five bytes");
    }
}

/// What passes by itself and is nonsense otherwise, from the last round that there may be down to round 1,
/// and inputs that name validators who are none: a validator and a follower go on as if nothing had been.
#[test]
fn case_48_valid_nonsense_does_not_disturb() {
    let dag = {
        let mut dag = equal(4);
        dag.draw("Rounds 1-12 : { * }");
        dag
    };
    let chain = &dag.chain;
    let now = Time(BEGIN_MS + 5_000);
    for own in [None, Some(0)] {
        let mut core = WatchedCore::start(chain, own, now, Recovered::default());
        let mut random = Random::drawn(48);
        let mut honest = dag.blocks();
        if own.is_some() {
            // It makes its own blocks: the others' rounds go on without it.
            honest.clear();
        }
        for number in 0..400u64 {
            let round = match number % 8 {
                0 => 4_294_966_271,
                1 => 4_294_966_271 - number as u32,
                2 => 2 + random.below(u64::from(u32::MAX) / 2) as u32,
                _ => 2 + random.below(40) as u32,
            };
            let nobodys = |author: AuthorIndex| BlockRef {
                author,
                round: round - 1,
                digest: Hash::of_content(&[number.to_le_bytes(), [author as u8; 8]].concat()),
            };
            let parents = [3, 0, 1, 2].map(nobodys).to_vec();
            let stamp = [0, now.0, now.0 + 400, now.0 + 600, u64::MAX][random.below(5) as usize];
            let block = chain.block(round, 3, stamp, parents, &[]);
            let from = [None, Some(0), Some(3), Some(4), Some(u16::MAX)][random.below(5) as usize];
            let input = match random.below(4) {
                0 => Input::Blocks { blocks: vec![block.clone(), block], from },
                1 => Input::Fetched { id: random.below(9), blocks: vec![block], from },
                _ => Input::Block { block, from },
            };
            core.input(input);
            for author in [4, u16::MAX] {
                core.input(Input::Connected { author });
                core.input(Input::OwnBlock { from: author, block: None });
                core.input(Input::Disconnected { author });
            }
            core.input(Input::FetchFailed { id: random.bits() });
            core.input(Input::CommitsRefused { id: random.bits() });
            if number % 10 == 0 && !honest.is_empty() {
                core.deliver(&honest.remove(0));
            }
            let status = core.status();
            assert!(status.suspended <= 160 + 48 && status.held <= 16, "{status:?}");
            core.sleep(core.now.plus_ms(20));
        }
        // A block whose slot is crowded is taken once somebody's block needs it: it comes again.
        let blocks = if own.is_none() { dag.blocks() } else { Vec::new() };
        for _ in 0..3 {
            blocks.iter().for_each(|block| core.deliver(block));
        }
        match own {
            None => assert_eq!(agree(&dag, &core).commits.len(), 10),
            Some(_) => {
                let answer = Reference::new(chain, &core.accepted).answer();
                assert_eq!(core.difference(&answer), None);
                assert!(!core.proposed.is_empty(), "it proposes");
            }
        }
    }
}

/// The order of the group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Signatures that a lax verifier takes for this one: S plus the order of the group, and with it R of small
/// order or not canonical.
fn likenesses(good: Signature) -> Vec<Signature> {
    let mut other = good;
    let mut carry = 0;
    for (byte, add) in other.0[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    let mut found = vec![other, Signature([0; 64])];
    for (first, rest, last) in [(1, 0, 0), (0, 0, 0), (0xec, 0xff, 0x7f), (0xee, 0xff, 0x7f)] {
        let mut point = [rest; 32];
        (point[0], point[31]) = (first, last);
        for scalar in [[0; 32], good.0[32..].try_into().expect("half of it")] {
            found.push(Signature([point, scalar].concat().try_into().expect("64 bytes")));
        }
    }
    found
}

/// Where the ledger checks a signature, it takes the one that was made and none of its likenesses: blocks,
/// evidence, attestations, commit votes, transactions.
#[test]
fn case_50_one_rule_wherever_a_signature_is_checked() {
    let mut dag = equal(4);
    dag.draw("Round 1 : { *, D' -> [*] }");
    let chain = &dag.chain;
    let (chain_id, committee) = (&chain.chain_id, &chain.committee);
    let block = dag.block("C1").block().clone();
    let proof = EquivocationProof::of(dag.block("D1").block(), dag.block("D1'").block());
    let proof = proof.expect("two blocks of one slot");
    let attestation = Attestation::sign(chain_id, 5, NOBODY, &chain.keys[2]);
    let votes = SignedVotes::of(&block);
    let mut transaction = chain.transaction(1);
    transaction.cosign(chain_id, &chain.keys[1]);
    let (member, stranger) = (chain.keys[2].public_key(), chain.keys[1].public_key());
    let takes_block = |signature| {
        let block = Block { signature, ..block.clone() };
        block.verify(chain_id, committee, &chain.parameters).is_ok()
    };
    let takes_proof = |side: usize, signature| {
        let mut proof = proof.clone();
        proof.signatures[side] = signature;
        proof.verify(chain_id, committee)
    };
    let takes_attestation = |signature, key: &PublicKey| {
        Attestation { signature, ..attestation.clone() }.verify(chain_id, key)
    };
    let takes_votes =
        |signature| SignedVotes { signature, ..votes.clone() }.verify(chain_id, committee);
    let takes_transaction = |signature| {
        let mut transaction = transaction.clone();
        transaction.signature = signature;
        transaction.check_signatures(chain_id).is_ok()
    };
    let takes_cosignature = |signature| {
        let mut transaction = transaction.clone();
        transaction.cosignatures[0].signature = signature;
        transaction.check_signatures(chain_id).is_ok()
    };
    type Takes<'a> = (&'a str, Signature, &'a dyn Fn(Signature) -> bool);
    let places: [Takes<'_>; 7] = [
        ("a block", block.signature, &takes_block),
        ("evidence", proof.signatures[0], &|signature| takes_proof(0, signature)),
        ("evidence, the other side", proof.signatures[1], &|signature| takes_proof(1, signature)),
        ("an attestation", attestation.signature, &|s| takes_attestation(s, &member)),
        ("commit votes", votes.signature, &takes_votes),
        ("a transaction", transaction.signature, &takes_transaction),
        ("its second signature", transaction.cosignatures[0].signature, &takes_cosignature),
    ];
    for (what, good, takes) in places {
        assert!(takes(good), "{what}: what was signed is taken");
        for likeness in likenesses(good) {
            assert!(!takes(likeness), "{what}: {}", hex::encode(likeness.0));
        }
    }
    assert!(!takes_attestation(attestation.signature, &stranger));
}
