//! Certificates and proofs that another implementation made from the documentation: `tests/vectors/proofs-ts.json`,
//! by rpc/ts/tests/proof-vectors.test.ts. The ledger's light client believes them, and refuses them with any byte
//! changed. The other way round (certificates.json, state.json, tree.json): ledger/src/light_tests.rs.

use std::collections::BTreeMap;

use pollen_ledger::codec::DecodeError;
use pollen_ledger::committee::Validator;
use pollen_ledger::execution::StateKey;
use pollen_ledger::light::{CertifiedCheckpoint, CheckpointProof, LightClient};
use pollen_ledger::list::{self, ListProof};
use pollen_ledger::receipt::FailureValue;
use pollen_ledger::tree::{End, Proof, StreamedRoot};
use pollen_ledger::{
    AccountId, Certificate, Checkpoint, Committee, Event, Genesis, Hash, KeyPair, Outcome, Receipt,
    SignedTransaction, Transaction, codec,
};
use serde_json::{Value, json};

use super::client_vectors::{bytes_of, digits, text};
use super::harness::repository;

/// Bytes of an encoded checkpoint and of an encoded transaction at most.
const BYTES_MAX: usize = 64 * 1024;
/// A certificate of more bytes is tried with one changed byte in this many only: each costs up to 512 signatures.
const FLIPS_STEP: usize = 251;

fn vectors() -> Value {
    let path = repository().join("tests/vectors/proofs-ts.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn hash_of(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn number_of(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn bytes_or_none(value: &Value) -> Option<Vec<u8>> {
    (!value.is_null()).then(|| bytes_of(value))
}

/// The same bytes with one bit of one byte changed, for every byte.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(move |place| {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1 << (place % 8);
        changed
    })
}

fn flipped_hashes(hash: &Hash) -> Vec<Hash> {
    flips(&hash.0).map(|bytes| Hash(bytes.try_into().unwrap())).collect()
}

// ---- Chains and certificates ----

fn members_of(chain: &Value) -> Vec<Validator> {
    let member = |one: &Value| Validator {
        name: String::new(),
        public_key: one["publicKey"].as_str().unwrap().parse().unwrap(),
        stake: number_of(&one["stake"]),
    };
    items(&chain["committee"]).iter().map(member).collect()
}

fn client_of(chain_id: Hash, epoch: u64, members: Vec<Validator>) -> LightClient {
    LightClient::of(chain_id, Committee::new(epoch, members).unwrap())
}

/// The file's chains by name.
fn clients(vectors: &Value) -> BTreeMap<&str, LightClient> {
    let client = |chain: &Value| {
        client_of(hash_of(&chain["chainId"]), number_of(&chain["epoch"]), members_of(chain))
    };
    items(&vectors["chains"])
        .iter()
        .map(|chain| (chain["name"].as_str().unwrap(), client(chain)))
        .collect()
}

/// The proof of a checkpoint, as it came.
#[derive(Clone)]
struct Given {
    height: u64,
    certificate: Vec<u8>,
    path: Vec<Vec<u8>>,
}

impl Given {
    fn of(vector: &Value) -> Self {
        Self {
            height: number_of(&vector["height"]),
            certificate: bytes_of(&vector["certificate"]),
            path: items(&vector["path"]).iter().map(bytes_of).collect(),
        }
    }

    fn believed_by(&self, client: &LightClient) -> Result<CertifiedCheckpoint, String> {
        let certificate =
            Certificate::decode(&self.certificate).map_err(|error| error.to_string())?;
        let path = self
            .path
            .iter()
            .map(|one| codec::decode::<Checkpoint>(one, BYTES_MAX))
            .collect::<Result<Vec<_>, DecodeError>>()
            .map_err(|error| error.to_string())?;
        client
            .checkpoint(self.height, &CheckpointProof { path, certificate })
            .map_err(|error| error.to_string())
    }
}

/// Each checkpoint of the file, with its chain's name and what proves it.
fn each_checkpoint(vectors: &Value, mut run: impl FnMut(&Value, &LightClient, &Given)) {
    let clients = clients(vectors);
    let checkpoints = items(&vectors["checkpoints"]);
    assert!(checkpoints.len() >= 10);
    for vector in checkpoints {
        run(vector, &clients[vector["chain"].as_str().unwrap()], &Given::of(vector));
    }
}

fn checkpoint_json(checkpoint: &Checkpoint) -> Value {
    json!({
        "chainId": checkpoint.chain_id,
        "epoch": text(checkpoint.epoch),
        "height": text(checkpoint.height),
        "commitIndex": text(checkpoint.commit_index),
        "commitDigest": checkpoint.commit_digest,
        "previous": checkpoint.previous,
        "timestampMs": text(checkpoint.timestamp_ms),
        "transactionsRoot": checkpoint.transactions_root,
        "receiptsRoot": checkpoint.receipts_root,
        "stateRoot": checkpoint.state_root,
        "orderingRoot": checkpoint.ordering_root,
    })
}

fn receipt_json(receipt: &Receipt) -> Value {
    let all = |many: &[Vec<u8>]| many.iter().map(|one| digits(one)).collect::<Value>();
    let outcome = match &receipt.outcome {
        Outcome::Success { results } => json!({ "kind": "success", "results": all(results) }),
        Outcome::Failure { action, code, value } => {
            let value = match value {
                FailureValue::None => json!({ "kind": "none" }),
                FailureValue::Error(bytes) => json!({ "kind": "error", "bytes": digits(bytes) }),
                FailureValue::Message(words) => json!({ "kind": "message", "text": words }),
            };
            json!({ "kind": "failure", "action": action, "code": code.number(), "value": value })
        }
        Outcome::Rejected { code } => json!({ "kind": "rejected", "code": code.number() }),
    };
    let event = |event: &Event| {
        json!({
            "module": event.module, "name": event.name, "topics": all(&event.topics),
            "data": digits(&event.data),
        })
    };
    json!({
        "transaction": receipt.transaction,
        "outcome": outcome,
        "fuelUsed": text(receipt.fuel_used),
        "fee": text(receipt.fee),
        "events": receipt.events.iter().map(event).collect::<Value>(),
    })
}

#[test]
fn certificates_made_by_typescript_are_believed_and_lead_to_their_checkpoints() {
    let vectors = vectors();
    let chain = &vectors["chains"][0];
    let genesis = Genesis::from_json(&chain["genesis"].to_string()).unwrap();
    assert_eq!(genesis.chain_id(), hash_of(&chain["chainId"]));
    let trusting = LightClient::new(&genesis).unwrap();
    each_checkpoint(&vectors, |vector, client, given| {
        let certified = given.believed_by(client).unwrap();
        assert_eq!(*certified.digest(), hash_of(&vector["digest"]), "{}", vector["name"]);
        assert_eq!(checkpoint_json(certified.checkpoint()), vector["checkpoint"]);
        if vector["chain"] == chain["name"] {
            assert_eq!(given.believed_by(&trusting), Ok(certified));
        }
    });
}

#[test]
fn certificates_made_by_typescript_are_refused_with_any_byte_changed() {
    each_checkpoint(&vectors(), |vector, client, given| {
        let refused = |changed: Given| {
            assert!(changed.believed_by(client).is_err(), "{}", vector["name"]);
        };
        let step = if given.certificate.len() > 4_096 { FLIPS_STEP } else { 1 };
        for certificate in flips(&given.certificate).step_by(step) {
            refused(Given { certificate, ..given.clone() });
        }
        for (place, checkpoint) in given.path.iter().enumerate() {
            for flipped in flips(checkpoint) {
                let mut changed = given.clone();
                changed.path[place] = flipped;
                refused(changed);
            }
            let mut changed = given.clone();
            changed.path.remove(place);
            refused(changed);
        }
        let bytes = &given.certificate;
        refused(Given { certificate: bytes[..bytes.len() - 1].to_vec(), ..given.clone() });
        refused(Given { certificate: [&bytes[..], &[0]].concat(), ..given.clone() });
        for height in [given.height.wrapping_add(1), given.height.wrapping_sub(1)] {
            refused(Given { height, ..given.clone() });
        }
    });
}

#[test]
fn certificates_made_by_typescript_are_refused_by_another_chain_or_committee() {
    let vectors = vectors();
    let clients = clients(&vectors);
    each_checkpoint(&vectors, |vector, own, given| {
        let (chain_id, committee) = (*own.chain_id(), own.committee());
        let members = committee.members().to_vec();
        let strangers = |is_one: &dyn Fn(u16) -> bool| {
            let mut members = members.clone();
            for (author, member) in (0..).zip(&mut members).filter(|(author, _)| is_one(*author)) {
                member.public_key = KeyPair::development(&format!("another {author}")).public_key();
            }
            client_of(chain_id, committee.epoch(), members)
        };
        let certificate = Certificate::decode(&given.certificate).unwrap();
        let signer = certificate.signatures.authors().last().unwrap();
        let others = [
            client_of(Hash::of_content(b"another chain"), committee.epoch(), members.clone()),
            client_of(chain_id, committee.epoch() ^ 1, members.clone()),
            strangers(&|_| true),
            strangers(&|author| author == signer),
        ];
        for other in &others {
            assert!(given.believed_by(other).is_err(), "{}", vector["name"]);
        }
        for (name, other) in &clients {
            if vector["chain"] != *name {
                assert!(given.believed_by(other).is_err(), "{}", vector["name"]);
            }
        }
        // Whose signature is not needed may have any key.
        let silent = committee
            .authors()
            .find(|author| !certificate.signatures.authors().any(|signed| signed == *author));
        if let Some(silent) = silent {
            given.believed_by(&strangers(&|author| author == silent)).unwrap();
        }
    });
}

/// Signed well, most of them: each is refused here for the reason for which it is refused there.
#[test]
fn certificates_that_are_none_are_refused_in_the_same_words() {
    let vectors = vectors();
    let clients = clients(&vectors);
    let refused = items(&vectors["refusedCertificates"]);
    assert!(refused.len() >= 30);
    for vector in refused {
        let client = &clients[vector["chain"].as_str().unwrap()];
        let words = Given::of(vector).believed_by(client).unwrap_err();
        assert_eq!(Value::from(words), vector["refused"], "{}", vector["name"]);
    }
}

// ---- Transactions and receipts ----

fn list_proof(vector: &Value) -> ListProof {
    serde_json::from_value(vector["proof"].clone()).unwrap()
}

/// A list's items and proofs are those that the ledger makes of them, where the file has all of them.
fn is_our_list(root: &Hash, proofs: &[(Vec<u8>, ListProof)]) {
    let leaves: Vec<Hash> = proofs.iter().map(|(item, _)| list::leaf(item)).collect();
    if proofs.first().is_some_and(|(_, proof)| proof.count != leaves.len() as u64) {
        return;
    }
    assert_eq!(list::root(leaves.clone()), *root);
    for (index, (_, proof)) in proofs.iter().enumerate() {
        assert_eq!(list::prove(leaves.clone(), index).as_ref(), Some(proof));
    }
}

/// That an item at its place is proved by nothing else.
fn is_refused_with_a_byte_changed(root: &Hash, item: &[u8], proof: &ListProof) {
    let leaf = list::leaf(item);
    proof.verify(root, leaf).unwrap();
    for changed in flips(item) {
        assert!(proof.verify(root, list::leaf(&changed)).is_err());
    }
    for changed in flipped_hashes(root) {
        assert!(proof.verify(&changed, leaf).is_err());
    }
    for changed in flips(&codec::encode(proof)) {
        let changed = codec::decode::<ListProof>(&changed, changed.len());
        assert!(!changed.is_ok_and(|proof| proof.verify(root, leaf).is_ok()), "{proof:?}");
    }
}

#[test]
fn transactions_and_receipts_in_lists_made_by_typescript_are_proved_and_nothing_else() {
    let mut count = 0;
    each_checkpoint(&vectors(), |vector, client, given| {
        let certified = given.believed_by(client).unwrap();
        let checkpoint = certified.checkpoint();
        let mut listed = Vec::new();
        for one in items(&vector["transactions"]) {
            let (id, proof) = (hash_of(&one["id"]), list_proof(one));
            certified.transaction(&id, &proof).unwrap();
            if let Some(bytes) = bytes_or_none(&one["encoded"]) {
                let signed = codec::decode::<SignedTransaction>(&bytes, BYTES_MAX).unwrap();
                assert_eq!(signed.transaction.id(client.chain_id()), id);
                signed.check_signatures(client.chain_id()).unwrap();
            }
            is_refused_with_a_byte_changed(&checkpoint.transactions_root, &id.0, &proof);
            listed.push((id.0.to_vec(), proof));
            count += 1;
        }
        is_our_list(&checkpoint.transactions_root, &listed);
        listed.clear();
        for one in items(&vector["receipts"]) {
            let (id, proof) = (hash_of(&one["id"]), list_proof(one));
            let bytes = bytes_of(&one["encoded"]);
            let receipt = certified.receipt_of(&id, &bytes, &proof).unwrap();
            assert_eq!(receipt_json(&receipt), one["receipt"]);
            assert_eq!(codec::encode(&receipt), bytes);
            for (number, event) in (0..).zip(&receipt.events) {
                assert_eq!(certified.event(&id, &bytes, &proof, number).as_ref(), Ok(event));
            }
            let behind = receipt.events.len() as u32;
            assert!(certified.event(&id, &bytes, &proof, behind).is_err());
            let another = Hash::of_content(b"another");
            assert!(certified.receipt_of(&another, &bytes, &proof).is_err());
            is_refused_with_a_byte_changed(&checkpoint.receipts_root, &bytes, &proof);
            listed.push((bytes, proof));
        }
        is_our_list(&checkpoint.receipts_root, &listed);
    });
    assert!(count >= 30);
}

// ---- The state ----

/// The root over entries as the file has them: key hash and value hash each.
fn root_over(entries: &Value) -> Hash {
    let mut root = StreamedRoot::default();
    for entry in items(entries) {
        let bytes = bytes_of(entry);
        let half = |from: usize| Hash(bytes[from..from + 32].try_into().unwrap());
        root.add(half(0), &half(32));
    }
    root.finish()
}

/// Of an absent key those beside it are absent too, by the same proof: all that go the same way.
fn is_as_absent(key: &Hash, other: &Hash, proof: &Proof) -> bool {
    let bit = |hash: &Hash, at: usize| (hash.0[at / 8] >> (7 - at % 8)) & 1;
    let goes_along = (0..proof.siblings.len()).all(|at| bit(key, at) == bit(other, at));
    let is_the_leaf = match &proof.end {
        End::Other { key, .. } => key == other,
        End::Empty | End::Leaf => false,
    };
    goes_along && !is_the_leaf
}

/// That under a root a key has this value, or none, and that nothing else is proved so.
fn is_proved_and_nothing_else(root: &Hash, key: &Hash, value: Option<&[u8]>, bytes: &[u8]) {
    let proof = Proof::decode(bytes).unwrap();
    assert_eq!(proof.encode(), bytes);
    assert_eq!(proof.verify(root, key, value), Ok(()));
    for changed in flips(bytes) {
        let verdict = Proof::decode(&changed).and_then(|changed| changed.verify(root, key, value));
        assert!(verdict.is_err(), "{key}");
    }
    assert!(Proof::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(Proof::decode(&[bytes, &[0]].concat()).is_err());
    for changed in flips(value.unwrap_or_default()) {
        assert!(proof.verify(root, key, Some(&changed)).is_err());
    }
    let nothing: &[u8] = &[];
    let opposite = if value.is_some() { None } else { Some(nothing) };
    assert!(proof.verify(root, key, opposite).is_err());
    for changed in flipped_hashes(root) {
        assert!(proof.verify(&changed, key, value).is_err());
    }
    for other in flipped_hashes(key) {
        is_proved_only_if_absent_alike(root, key, &other, value, &proof);
    }
}

fn is_proved_only_if_absent_alike(
    root: &Hash,
    key: &Hash,
    other: &Hash,
    value: Option<&[u8]>,
    proof: &Proof,
) {
    let expected = value.is_none() && is_as_absent(key, other, proof);
    assert_eq!(proof.verify(root, other, value).is_ok(), expected, "{key} {other}");
}

#[test]
fn entries_of_states_made_by_typescript_are_proved_and_nothing_else() {
    let (mut there, mut not_there) = (0, 0);
    each_checkpoint(&vectors(), |vector, client, given| {
        let certified = given.believed_by(client).unwrap();
        let root = certified.state_root();
        if !vector["entries"].is_null() {
            assert_eq!(root_over(&vector["entries"]), *root);
        }
        for one in items(&vector["states"]) {
            let owner = hash_of(&one["owner"]);
            let key = StateKey { owner: AccountId(owner.0), key: bytes_of(&one["key"]) };
            let times = usize::try_from(one["times"].as_u64().unwrap()).unwrap();
            let value = bytes_or_none(&one["value"]).map(|bytes| bytes.repeat(times));
            let value = value.as_deref();
            let bytes = bytes_of(&one["proof"]);
            let proof = Proof::decode(&bytes).unwrap();
            certified.state(&key, value, &proof).unwrap();
            is_proved_and_nothing_else(root, &key.hash(), value, &bytes);
            // The key itself, not its hash.
            for owner in flipped_hashes(&owner) {
                let other = StateKey { owner: AccountId(owner.0), key: key.key.clone() };
                is_proved_only_if_absent_alike(root, &key.hash(), &other.hash(), value, &proof);
            }
            for changed in flips(&key.key) {
                let other = StateKey { owner: key.owner, key: changed };
                is_proved_only_if_absent_alike(root, &key.hash(), &other.hash(), value, &proof);
            }
            match value {
                Some(_) => there += 1,
                None => not_there += 1,
            }
        }
    });
    assert!(there >= 20 && not_there >= 20, "{there} {not_there}");
}

#[test]
fn transactions_that_never_ran_are_absent_and_no_others() {
    let mut count = 0;
    each_checkpoint(&vectors(), |vector, client, given| {
        let certified = given.believed_by(client).unwrap();
        for one in items(&vector["absences"]) {
            let bytes = bytes_of(&one["transaction"]);
            let transaction = codec::decode::<Transaction>(&bytes, BYTES_MAX).unwrap();
            let window = bytes_or_none(&one["window"]);
            let window = window.as_deref();
            let bytes = bytes_of(&one["proof"]);
            let proof = Proof::decode(&bytes).unwrap();
            let verdict = certified.absence(&transaction, window, &proof);
            assert_eq!(Value::from(verdict.is_ok()), one["isAbsent"], "{}", one["name"]);
            for changed in flips(&bytes) {
                if let Ok(changed) = Proof::decode(&changed) {
                    assert!(certified.absence(&transaction, window, &changed).is_err());
                }
            }
            for changed in flips(window.unwrap_or_default()) {
                assert!(certified.absence(&transaction, Some(&changed), &proof).is_err());
            }
            count += 1;
        }
    });
    assert!(count >= 10);
}

/// Trees over key hashes that no key is known to have: ways as long as they can be.
#[test]
fn trees_made_by_typescript_have_the_roots_and_proofs_that_the_ledger_takes() {
    let vectors = vectors();
    for tree in items(&vectors["trees"]) {
        let root = hash_of(&tree["root"]);
        assert_eq!(root_over(&tree["entries"]), root, "{}", tree["name"]);
        for one in items(&tree["proofs"]) {
            let value = bytes_or_none(&one["value"]);
            let (key, bytes) = (hash_of(&one["keyHash"]), bytes_of(&one["proof"]));
            is_proved_and_nothing_else(&root, &key, value.as_deref(), &bytes);
        }
        for one in items(&tree["refused"]) {
            let value = bytes_or_none(&one["value"]);
            let verdict = Proof::decode(&bytes_of(&one["proof"]))
                .and_then(|proof| proof.verify(&root, &hash_of(&one["keyHash"]), value.as_deref()));
            let words = verdict.unwrap_err().to_string();
            assert_eq!(Value::from(words), one["refused"], "{}: {}", tree["name"], one["name"]);
        }
    }
}
