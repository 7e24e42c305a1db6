//! Case 53 of PROTOCOL §12 and what a light client must refuse: each alteration with its own reason. The
//! vectors that other clients share are made and compared here.

use serde_json::{Value, json};

use super::*;
use crate::certificate::Signatures;
use crate::checkpoint::Attestation;
use crate::committee::Validator;
use crate::crypto::{KeyPair, Signature};
use crate::execution::tests::{self as executed, POLLEN, World, transfer};
use crate::receipt::Outcome;
use crate::store::Location;
use crate::transaction::AccountId;
use crate::tree::End;

/// Stakes of the committee: S = 10, f = 3, Q = 7, so that Q - 1 can be signed.
const STAKES: [u64; 5] = [1, 2, 2, 2, 3];

fn key(author: usize) -> KeyPair {
    KeyPair::development(&format!("light validator {author}"))
}

fn genesis() -> Genesis {
    let mut genesis = executed::genesis(&[("alice", 10 * POLLEN)]);
    let member = |(author, stake): (usize, &u64)| Validator {
        name: format!("v{author}"),
        public_key: key(author).public_key(),
        stake: *stake,
    };
    genesis.committee = STAKES.iter().enumerate().map(member).collect();
    genesis
}

fn client() -> LightClient {
    LightClient::new(&genesis()).unwrap()
}

fn checkpoint(height: u64, previous: Hash) -> Checkpoint {
    Checkpoint {
        chain_id: genesis().chain_id(),
        epoch: 0,
        height,
        commit_index: 10 * height,
        commit_digest: Hash::of_content(b"commit"),
        previous,
        timestamp_ms: 1_000 * height,
        transactions_root: list::root(leaves(&transactions())),
        receipts_root: list::root(leaves(&receipts())),
        state_root: Hash::of_content(b"state"),
        ordering_root: Hash::of_content(b"ordering"),
    }
}

fn transactions() -> Vec<Vec<u8>> {
    (0..5u8).map(|number| Hash::of_content(&[number]).0.to_vec()).collect()
}

fn receipts() -> Vec<Vec<u8>> {
    let event = |number: u8| Event {
        module: AccountId([7; 32]),
        name: "alarm".to_owned(),
        topics: vec![vec![number]],
        data: vec![1, 2, number],
    };
    let receipt = |number: u8| Receipt {
        transaction: Hash::of_content(&[number]),
        outcome: Outcome::Success { results: vec![vec![number]] },
        fuel_used: 1_000,
        fee: 1,
        events: (0..number).map(event).collect(),
    };
    (0..5).map(|number| codec::encode(&receipt(number))).collect()
}

fn leaves(items: &[Vec<u8>]) -> Vec<Hash> {
    items.iter().map(|item| list::leaf(item)).collect()
}

fn signed(checkpoint: &Checkpoint, authors: &[usize]) -> Certificate {
    let (chain_id, digest) = (checkpoint.chain_id, checkpoint.digest());
    let sign = |author| Attestation::sign(&chain_id, checkpoint.height, digest, &key(author));
    let said: Vec<_> = authors.iter().map(|author| (*author as u16, sign(*author))).collect();
    let said = said.iter().map(|(author, attestation)| (*author, attestation));
    let signatures = Signatures::collect(client().committee(), said).unwrap();
    Certificate { checkpoint: checkpoint.clone(), signatures }
}

fn own(certificate: Certificate) -> CheckpointProof {
    CheckpointProof { path: Vec::new(), certificate }
}

fn refused(certificate: Certificate) -> CertificateError {
    match client().checkpoint(3, &own(certificate)) {
        Err(LightError::Certificate(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn case_53_a_quorum_is_believed_and_one_stake_less_is_not() {
    let checkpoint = checkpoint(3, Hash::ZERO);
    let all = [0, 1, 2, 3, 4];
    for authors in (0..1 << all.len()).map(|set: u32| {
        all.iter().copied().filter(|author| set & (1 << author) != 0).collect::<Vec<_>>()
    }) {
        let stake: u64 = authors.iter().map(|author| STAKES[*author]).sum();
        let certificate = signed(&checkpoint, &authors);
        let verdict = client().checkpoint(3, &own(certificate));
        match stake {
            7.. => assert_eq!(verdict.unwrap().checkpoint(), &checkpoint),
            found => {
                let reason = CertificateError::Stake { found, needed: 7 };
                assert_eq!(verdict, Err(LightError::Certificate(reason)), "{authors:?}");
            }
        }
    }
}

#[test]
fn case_53_nobody_signs_twice() {
    let good = signed(&checkpoint(3, Hash::ZERO), &[1, 2, 4]);
    let mut again = good.clone();
    let first = again.signatures.signatures[0];
    again.signatures.signatures.push(first);
    assert_eq!(refused(again), CertificateError::Count { signers: 3, signatures: 4 });
    // Counted as somebody else's, it is not theirs.
    let mut posed = signed(&checkpoint(3, Hash::ZERO), &[1, 2, 3]);
    posed.signatures.signers[0] |= 1;
    posed.signatures.signatures.insert(0, first);
    assert_eq!(refused(posed), CertificateError::Signature { author: 0 });
    let attestation = Attestation::sign(&Hash::ZERO, 3, Hash::ZERO, &key(1));
    let twice = [(1, &attestation), (2, &attestation), (1, &attestation)];
    let reason = Signatures::collect(client().committee(), twice);
    assert_eq!(reason, Err(CertificateError::DuplicateSigner { author: 1 }));
}

#[test]
fn case_53_another_epoch_another_chain_and_strange_signers_are_refused() {
    let mut epoch = checkpoint(3, Hash::ZERO);
    epoch.epoch = 1;
    let reason = CertificateError::WrongEpoch { found: 1, expected: 0 };
    assert_eq!(refused(signed(&epoch, &[1, 2, 4])), reason);
    let mut chain = checkpoint(3, Hash::ZERO);
    chain.chain_id = Hash([9; 32]);
    let reason =
        CertificateError::WrongChain { found: chain.chain_id, expected: *client().chain_id() };
    assert_eq!(refused(signed(&chain, &[1, 2, 4])), reason);
    let good = signed(&checkpoint(3, Hash::ZERO), &[1, 2, 4]);
    for signers in [vec![0b10110, 0], vec![], vec![0b110110]] {
        let mut strange = good.clone();
        strange.signatures.signers = signers;
        assert_eq!(refused(strange), CertificateError::Signers { members: 5 });
    }
}

#[test]
fn case_53_each_altered_byte_of_a_certificate_is_refused() {
    let proof = own(signed(&checkpoint(3, Hash::ZERO), &[0, 1, 2, 4]));
    let bytes = codec::encode(&proof);
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        if let Ok(altered) = codec::decode::<CheckpointProof>(&altered, bytes.len()) {
            assert!(client().checkpoint(3, &altered).is_err(), "byte {at}");
        }
    }
    let mut forged = signed(&checkpoint(3, Hash::ZERO), &[1, 2, 4]);
    forged.signatures.signatures[1] = Signature([0; 64]);
    assert_eq!(refused(forged), CertificateError::Signature { author: 2 });
    let mut moved = signed(&checkpoint(3, Hash::ZERO), &[1, 2, 4]);
    moved.checkpoint.timestamp_ms += 1;
    assert_eq!(refused(moved), CertificateError::Signature { author: 1 });
}

/// A height without a certificate of its own is proved by the next one that has it.
#[test]
fn a_later_certificate_proves_earlier_checkpoints_by_their_digests() {
    let mut path = vec![checkpoint(1, Hash::ZERO)];
    for height in 2..=5 {
        path.push(checkpoint(height, path[path.len() - 1].digest()));
    }
    let certificate = signed(&path.pop().unwrap(), &[1, 2, 4]);
    let proof = CheckpointProof { path, certificate };
    assert_eq!(client().checkpoint(1, &proof).unwrap().checkpoint().height, 1);
    let refused = LightError::Height { found: 1, expected: 2 };
    assert_eq!(client().checkpoint(2, &proof), Err(refused));
    for place in 0..proof.path.len() {
        let mut altered = proof.clone();
        altered.path[place].state_root.0[0] ^= 1;
        let height = place as u64 + 1;
        assert_eq!(client().checkpoint(1, &altered), Err(LightError::Path { height }));
    }
    let mut gap = proof.clone();
    gap.path.remove(2);
    assert_eq!(client().checkpoint(1, &gap), Err(LightError::Path { height: 2 }));
    let mut long = proof;
    long.path = vec![long.path[0].clone(); PATH_CHECKPOINTS_MAX + 1];
    let found = PATH_CHECKPOINTS_MAX + 1;
    assert_eq!(client().checkpoint(1, &long), Err(LightError::PathLength { found }));
}

#[test]
fn transactions_receipts_and_events_are_proved_and_nothing_else() {
    let proof = own(signed(&checkpoint(3, Hash::ZERO), &[1, 2, 4]));
    let certified = client().checkpoint(3, &proof).unwrap();
    let (transactions, receipts) = (transactions(), receipts());
    for place in 0..5usize {
        let id = Hash(transactions[place].clone().try_into().unwrap());
        let of_transaction = list::prove(leaves(&transactions), place).unwrap();
        let of_receipt = list::prove(leaves(&receipts), place).unwrap();
        certified.transaction(&id, &of_transaction).unwrap();
        let receipt = certified.receipt_of(&id, &receipts[place], &of_receipt).unwrap();
        for number in 0..place as u32 {
            let event = certified.event(&id, &receipts[place], &of_receipt, number).unwrap();
            assert_eq!(event, receipt.events[number as usize]);
        }
        let none = certified.event(&id, &receipts[place], &of_receipt, place as u32);
        let number = place as u32;
        assert_eq!(none, Err(LightError::NoEvent { number, count: place }));
        let other = Hash::of_content(b"other");
        let list = |what| LightError::List { what, reason: ListProofError::Root };
        assert_eq!(certified.transaction(&other, &of_transaction), Err(list("transaction")));
        let wrong = certified.receipt_of(&other, &receipts[place], &of_receipt);
        assert_eq!(wrong, Err(LightError::OtherTransaction { found: id, expected: other }));
        for at in 0..receipts[place].len() {
            let mut altered = receipts[place].clone();
            altered[at] ^= 1;
            let refused = certified.receipt_of(&id, &altered, &of_receipt);
            assert_eq!(refused, Err(list("receipt")), "byte {at}");
        }
        // A receipt is no transaction, nor the other way round.
        assert!(certified.receipt(&transactions[place], &of_transaction).is_err());
    }
}

/// The roots that execution writes are those that the light client reads.
#[test]
fn what_was_executed_can_be_proved_from_the_store() {
    let mut world = World::new(&[("alice", 10 * POLLEN)]);
    let sent: Vec<_> =
        (0..3).map(|nonce| world.sign("alice", nonce, vec![transfer("bob", 1)])).collect();
    let checkpoint = world.commit(sent.clone()).checkpoint;
    let certified = CertifiedCheckpoint { digest: checkpoint.digest(), checkpoint };
    for (index, signed) in (0u32..).zip(&sent) {
        let at = Location { height: 1, index };
        let proved = world.database.prove_executed(at).unwrap().unwrap();
        let id = world.id(signed);
        certified.transaction(&id, &proved.transaction).unwrap();
        let receipt = certified.receipt_of(&id, &proved.receipt_bytes, &proved.receipt).unwrap();
        assert_eq!(Some(receipt), world.database.receipt(at).unwrap());
    }
    assert_eq!(world.database.prove_executed(Location { height: 1, index: 3 }).unwrap(), None);
}

/// The whole way from genesis alone: a certificate, its checkpoint's state root, an entry or that there is
/// none. Each alteration has its reason.
#[test]
fn the_state_is_proved_and_nothing_else() {
    let mut world = World::new(&[("alice", 10 * POLLEN)]);
    let sent = world.sign("alice", 0, vec![transfer("bob", POLLEN)]);
    let committed = world.commit(vec![sent]).checkpoint;
    // The same state under the committee of this file.
    let checkpoint = Checkpoint { state_root: committed.state_root, ..checkpoint(3, Hash::ZERO) };
    let certified = client().checkpoint(3, &own(signed(&checkpoint, &[1, 2, 4]))).unwrap();
    let other = CertifiedCheckpoint {
        checkpoint: world.database.checkpoint(0).unwrap().unwrap(),
        digest: Hash::ZERO,
    };
    let key = |name: &str| StateKey::account(&executed::id_of(name));
    for (name, there) in [("alice", true), ("bob", true), ("carol", false)] {
        let (value, proof) = world.database.prove(1, &key(name)).unwrap();
        assert_eq!(value.is_some(), there, "{name}");
        let value = value.as_deref();
        certified.state(&key(name), value, &proof).unwrap();
        let refused = |key: &StateKey, value: Option<&[u8]>, proof: &Proof| match certified
            .state(key, value, proof)
        {
            Err(LightError::State(reason)) => reason,
            other => panic!("{name}: {other:?}"),
        };
        let root = |reason| matches!(reason, ProofError::Root { .. });
        // The value.
        match value {
            Some(value) => {
                let mut altered = value.to_vec();
                altered[0] ^= 1;
                assert!(root(refused(&key(name), Some(&altered), &proof)));
                assert_eq!(refused(&key(name), None, &proof), ProofError::Claim);
                assert!(root(refused(&key("dave"), Some(value), &proof)));
            }
            None => assert_eq!(refused(&key(name), Some(&[1]), &proof), ProofError::Claim),
        }
        // The proof: each bit of it.
        let bytes = proof.encode();
        for bit in 0..8 * bytes.len() {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let altered = Proof::decode(&altered);
            let verdict = altered.map_err(LightError::from);
            let verdict = verdict.and_then(|proof| certified.state(&key(name), value, &proof));
            assert!(verdict.is_err(), "{name}: bit {bit}");
        }
        assert_eq!(Proof::decode(&bytes[1..]), Err(ProofError::Malformed));
        // The root: that of another checkpoint.
        let of_other = other.state(&key(name), value, &proof);
        assert!(matches!(of_other, Err(LightError::State(ProofError::Root { .. }))));
    }
}

/// That a transaction never ran is proved by a checkpoint behind the end of its validity that has its nonce free. A node
/// that lies has an earlier checkpoint, one where it is not free, or another key's window.
#[test]
fn only_what_never_ran_and_never_can_is_absent() {
    let mut world = World::new(&[("alice", 10 * POLLEN)]);
    let ran = world.sign("alice", 3, vec![transfer("bob", POLLEN)]);
    let absent = world.sign("alice", 4, vec![transfer("bob", POLLEN)]).transaction;
    let committed = world.commit(vec![ran.clone()]).checkpoint;
    let ran = ran.transaction;
    let at = |timestamp_ms| {
        let state_root = committed.state_root;
        let checkpoint = Checkpoint { state_root, timestamp_ms, ..checkpoint(3, Hash::ZERO) };
        client().checkpoint(3, &own(signed(&checkpoint, &[1, 2, 4]))).unwrap()
    };
    let window = window_key(&ran.sender, &ran.key);
    let (value, proof) = world.database.prove(1, &window).unwrap();
    let value = value.as_deref();
    let end = at(absent.valid_until_ms);
    assert_eq!(end.absence(&absent, value, &proof), Ok(()));
    let early = at(absent.valid_until_ms - 1).absence(&absent, value, &proof);
    assert!(matches!(early, Err(LightError::StillValid { .. })), "{early:?}");
    let used = end.absence(&ran, value, &proof);
    assert!(matches!(used, Err(LightError::MayHaveRun(NonceError::Used { nonce: 3, .. }))));
    // Below what the window remembers nobody can tell; above it nothing was ever used.
    let of = |nonce| Transaction { nonce, ..absent.clone() };
    assert_eq!(end.absence(&of(u64::MAX), value, &proof), Ok(()));
    let none = end.absence(&absent, None, &proof);
    assert!(matches!(none, Err(LightError::State(ProofError::Claim))), "{none:?}");
    let (nothing, missing) =
        world.database.prove(1, &window_key(&ran.sender, &key(0).public_key())).unwrap();
    assert_eq!(nothing, None);
    let other = end.absence(&absent, None, &missing);
    assert!(matches!(other, Err(LightError::State(_))), "of another key: {other:?}");
    let fresh = Transaction { key: key(0).public_key(), ..absent };
    assert_eq!(end.absence(&fresh, None, &missing), Ok(()), "a key that never signed");
}

/// What clients in other languages are tested with. Made here, from the same types: a change of a format
/// changes the file, and fails the test until the file is made again with `POLLEN_WRITE_VECTORS=1`.
#[test]
fn the_vectors_for_other_clients_are_these() {
    are_kept("../tests/vectors/certificates.json", &vectors());
    are_kept("../tests/vectors/state.json", &state_vectors());
}

fn are_kept(path: &str, made: &Value) {
    if std::env::var_os("POLLEN_WRITE_VECTORS").is_some() {
        std::fs::write(path, format!("{made:#}\n")).unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(kept, *made, "{path}");
}

/// Entries of a state, and that there are none, under one root: proved, and refused for each reason.
fn state_vectors() -> Value {
    let names: Vec<_> = (0..40).map(|number| format!("account {number}")).collect();
    let accounts: Vec<_> = names.iter().map(|name| (name.as_str(), POLLEN)).collect();
    let world = World::new(&accounts);
    let root = world.database.checkpoint(0).unwrap().unwrap().state_root;
    let key = |name: &str| StateKey::account(&executed::id_of(name));
    let prove = |key: &StateKey| world.database.prove(0, key).unwrap();
    let absent = |ends: fn(&End) -> bool| {
        let keys = (0..).map(|number| key(&format!("nobody {number}")));
        let mut proved = keys.map(|key| (prove(&key).1, key));
        proved.find(|(proof, _)| ends(&proof.end)).unwrap()
    };
    let (nowhere, at_nothing) = absent(|end| *end == End::Empty);
    let (elsewhere, at_another) = absent(|end| matches!(end, End::Other { .. }));
    let (first, second) = (key(&names[0]), key(&names[1]));
    let (value, proof) = prove(&first);
    let value = value.unwrap();
    let mut altered = value.to_vec();
    altered[0] ^= 1;
    let mut sibling = proof.clone();
    sibling.siblings[0].0[31] ^= 1;
    let case = |name: &str, key: &StateKey, value: Option<&[u8]>, proof: &[u8]| {
        let verdict =
            Proof::decode(proof).and_then(|proof| proof.verify(&root, &key.hash(), value));
        json!({
            "name": name, "owner": hex::encode(key.owner.0), "key": hex::encode(&key.key),
            "keyHash": key.hash(), "value": value.map(hex::encode), "proof": hex::encode(proof),
            "refused": verdict.err().map(|error| error.to_string()),
        })
    };
    let bytes = proof.encode();
    let longer = [&bytes[..], &[0]].concat();
    let states = [
        case("an entry", &first, Some(&value), &bytes),
        case("no entry: the way ends at nothing", &at_nothing, None, &nowhere.encode()),
        case("no entry: the way ends at another", &at_another, None, &elsewhere.encode()),
        case("an altered value", &first, Some(&altered), &bytes),
        case("an entry as none", &first, None, &bytes),
        case("none as an entry", &at_nothing, Some(&value), &nowhere.encode()),
        case("the proof of another key", &second, Some(&value), &bytes),
        case("another absent key", &at_another, None, &nowhere.encode()),
        case("an altered sibling", &first, Some(&value), &sibling.encode()),
        case("a byte too many", &first, Some(&value), &longer),
        case("a byte too few", &first, Some(&value), &bytes[..bytes.len() - 1]),
    ];
    assert_eq!(states.iter().filter(|case| case["refused"].is_null()).count(), 3);
    json!({ "stateRoot": root, "states": states })
}

fn vectors() -> Value {
    let hex = |value: &[u8]| hex::encode(value);
    let first = checkpoint(3, Hash::ZERO);
    let good = signed(&checkpoint(4, first.digest()), &[1, 2, 4]);
    let case = |name: &str, height: u64, proof: &CheckpointProof| {
        let verdict = client().checkpoint(height, proof);
        let path: Vec<_> = proof.path.iter().map(|one| hex(&codec::encode(one))).collect();
        json!({
            "name": name, "height": height.to_string(), "path": path,
            "certificate": hex(&codec::encode(&proof.certificate)),
            "digest": verdict.as_ref().ok().map(|one| one.digest().to_string()),
            "refused": verdict.err().map(|error| error.to_string()),
        })
    };
    let mut tampered = good.clone();
    tampered.checkpoint.state_root.0[0] ^= 1;
    let mut doubled = good.clone();
    let again = doubled.signatures.signatures[0];
    doubled.signatures.signatures.push(again);
    let mut forged = good.clone();
    forged.signatures.signatures[2] = again;
    let mut epoch = checkpoint(4, first.digest());
    epoch.epoch = 1;
    let mut chain = checkpoint(4, first.digest());
    chain.chain_id = Hash([9; 32]);
    let joined = CheckpointProof { path: vec![first], certificate: good.clone() };
    let mut broken = joined.clone();
    broken.path[0].timestamp_ms += 1;
    let certificates = [
        case("a quorum", 4, &own(good.clone())),
        case("the checkpoint before, by its digest", 3, &joined),
        case("an altered checkpoint before", 3, &broken),
        case("an altered state root", 4, &own(tampered)),
        case("a signature twice", 4, &own(doubled)),
        case("a signature of another validator", 4, &own(forged)),
        case("stake Q - 1", 4, &own(signed(&good.checkpoint, &[0, 1, 4]))),
        case("another epoch", 4, &own(signed(&epoch, &[1, 2, 4]))),
        case("another chain", 4, &own(signed(&chain, &[1, 2, 4]))),
    ];
    let lists = (1..=5usize).flat_map(|count| {
        (0..count).map(move |index| {
            let items = &receipts()[..count];
            let proof = list::prove(leaves(items), index).unwrap();
            json!({
                "item": hex(&items[index]), "proof": proof, "root": list::root(leaves(items)),
            })
        })
    });
    let members = genesis().committee;
    let committee: Vec<_> = members
        .iter()
        .map(|one| json!({ "publicKey": one.public_key, "stake": one.stake.to_string() }))
        .collect();
    json!({
        "chainId": client().chain_id(), "epoch": "0", "committee": committee,
        "certificates": certificates, "lists": lists.collect::<Vec<_>>(),
        "emptyListRoot": list::root(Vec::new()),
    })
}
