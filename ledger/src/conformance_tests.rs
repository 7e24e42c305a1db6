//! Holds the encoding of everything that travels or is stored: samples drawn from a fixed stream, encoded,
//! hashed together. A hash that differs means that a format changed: that needs a new version of the wire or
//! of the schema (docs/storage.md), and only then a new hash here.
//!
//! Borsh alone would let a field change its place or its width without a test noticing.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{EquivocationProof, SignedVotes};
use crate::certificate::{Certificate, Signatures};
use crate::committee::Validator;
use crate::execution::{
    AccountRecord, CodeRecord, KeyUse, ModuleRecord, ModuleVersion, NonceWindow, Proposal, StateKey,
};
use crate::genesis::{CommitOrder, GenesisAccount};
use crate::keys::{AccountKeys, CallScope, OwnerKey, Scope, ScopeWindow, ScopedKey};
use crate::light::CheckpointProof;
use crate::list::ListProof;
use crate::ordering::{Commit, Probation, ProbationRecord};
use crate::policy::{ChangeReport, ModuleChange, PolicyKey};
use crate::receipt::{Code, FailureValue};
use crate::store::snapshot::{Chunk, Position, SnapshotHead};
use crate::store::{
    Begin, Index, IndexPlace, IndexState, Indexes, LedgerHeld, LedgerPruned, Location, Pruned,
    StateEntry, Tip,
};
use crate::transaction::{TransactionSignature, UpgradePolicy};
use crate::wire::{CommitsAnswer, CommitsRequest, HistoryRequest, Message, Request, Response};
use crate::{
    AccountId, Action, Attestation, Block, BlockHeader, BlockRef, Checkpoint, Event, Genesis, Hash,
    Outcome, Parameters, PublicKey, Receipt, Signature, SignedTransaction, Transaction, codec,
};

/// Samples of each type.
const SAMPLES: usize = 64;

/// Types that are hashed and never decoded, by what holds them instead.
const ONLY_HASHED: [(&str, &str); 2] = [
    ("HeaderRest", "the digests of headers, below"),
    ("Ordering", "the ordering roots that every simulated run compares"),
];

/// The same bytes for ever.
struct Stream(blake3::OutputReader);

impl Stream {
    fn of(name: &str) -> Self {
        Self(blake3::Hasher::new().update(name.as_bytes()).finalize_xof())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }

    fn below(&mut self, end: u8) -> u8 {
        self.bytes::<1>()[0] % end
    }
}

trait Sample {
    fn sample(stream: &mut Stream) -> Self;
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Sample for $number {
            fn sample(stream: &mut Stream) -> Self {
                Self::from_le_bytes(stream.bytes())
            }
        })*
    };
}
numbers!(u8, u16, u32, u64, i32);

macro_rules! byte_strings {
    ($($name:ident),*) => {
        $(impl Sample for $name {
            fn sample(stream: &mut Stream) -> Self {
                Self(stream.bytes())
            }
        })*
    };
}
byte_strings!(Hash, PublicKey, AccountId, Signature);

impl Sample for bool {
    fn sample(stream: &mut Stream) -> Self {
        stream.below(2) == 1
    }
}

impl Sample for () {
    fn sample(_: &mut Stream) {}
}

impl Sample for String {
    fn sample(stream: &mut Stream) -> Self {
        (0..stream.below(12)).map(|_| char::from(b'a' + stream.below(26))).collect()
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(stream: &mut Stream) -> Self {
        (0..stream.below(4)).map(|_| T::sample(stream)).collect()
    }
}

impl<K: Sample + Ord, V: Sample> Sample for BTreeMap<K, V> {
    fn sample(stream: &mut Stream) -> Self {
        (0..stream.below(4)).map(|_| Sample::sample(stream)).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(stream: &mut Stream) -> Self {
        (stream.below(2) == 1).then(|| T::sample(stream))
    }
}

impl<T: Sample, E: Sample> Sample for Result<T, E> {
    fn sample(stream: &mut Stream) -> Self {
        match stream.below(2) {
            0 => Ok(T::sample(stream)),
            _ => Err(E::sample(stream)),
        }
    }
}

impl<T: Sample> Sample for [T; 2] {
    fn sample(stream: &mut Stream) -> Self {
        [T::sample(stream), T::sample(stream)]
    }
}

impl<A: Sample, B: Sample> Sample for (A, B) {
    fn sample(stream: &mut Stream) -> Self {
        (A::sample(stream), B::sample(stream))
    }
}

/// Every field is named, so that a new one does not compile without a look at this file.
macro_rules! structs {
    ($($name:ident { $($field:ident),* })*) => {
        $(impl Sample for $name {
            fn sample(stream: &mut Stream) -> Self {
                Self { $($field: Sample::sample(stream)),* }
            }
        })*
    };
}

/// Every variant is named, for the same reason: `one_of` would not be complete.
macro_rules! enums {
    ($($name:ident { $($variant:ident $(($($place:ident),*))? $({ $($field:ident),* })?,)* })*) => {
        $(impl Sample for $name {
            fn sample(stream: &mut Stream) -> Self {
                let made: &[fn(&mut Stream) -> Self] = &[$(|_stream: &mut Stream| {
                    $($(let $place = Sample::sample(_stream);)*)?
                    $($(let $field = Sample::sample(_stream);)*)?
                    Self::$variant $(($($place),*))? $({ $($field),* })?
                }),*];
                let one = made[usize::from(stream.below(made.len() as u8))](stream);
                match &one {
                    $(Self::$variant $(($($place),*))? $({ $($field),* })? => {
                        $($(let _ = $place;)*)?
                        $($(let _ = $field;)*)?
                    })*
                }
                one
            }
        })*
    };
}

structs! {
    BlockRef { author, round, digest }
    EquivocationProof { version, chain_id, epoch, round, author, rests, signatures }
    BlockHeader {
        version, chain_id, epoch, round, author, timestamp_ms, parents, body_digest, transaction_count,
        body_bytes, attestations, commit_votes, evidence
    }
    SignedVotes { version, epoch, round, author, others, commit_votes, signature }
    Block { header, signature, body }
    ProbationRecord { author, split, terms, until }
    Probation { scored, records }
    Commit {
        index, round, timestamp_ms, previous, digest, active, slots, blocks, ignored, probation, ordering_root
    }
    Validator { name, public_key, stake }
    Transaction { version, sender, key, nonce, valid_until_ms, max_fuel, fuel_price, payer, actions }
    TransactionSignature { public_key, signature }
    SignedTransaction { transaction, signature, cosignatures, attachments }
    OwnerKey { key, weight }
    CallScope { module, functions }
    ScopeWindow { length_ms, spend_max, transactions_max }
    Scope { calls, transfers, sponsors, expires_ms, spend_max, window }
    ScopedKey { key, label, scope }
    AccountKeys { threshold, owners, scoped }
    KeyUse { spent, window, window_spent, window_transactions }
    HistoryRequest { targets, frontier }
    CommitsRequest { after }
    CommitsAnswer { commits, blocks, votes }
    Parameters {
        gc_depth, block_bytes_max, block_transactions_max, block_fuel_max, transaction_bytes_max,
        transaction_fuel_max, call_fuel_max, fuel_price_floor, transaction_fuel_base, signature_fuel,
        signed_byte_fuel, attachment_byte_fuel, account_deposit, storage_byte_deposit, code_activation_ms,
        fee_reserve, checkpoint_interval_ms, checkpoint_interval_max_ms, commit_order, probation_window_rounds, probation_split_percent,
        probation_doublings_max, transaction_lifetime_max_ms
    }
    GenesisAccount { name, id, balance }
    Genesis { name, address_prefix, coin_type, protocol_version, time_ms, committee, accounts, parameters }
    IndexPlace { family, from }
    Indexes { height, states }
    ListProof { count, index, siblings }
    Checkpoint {
        chain_id, epoch, height, commit_index, commit_digest, previous, timestamp_ms, transactions_root,
        receipts_root, state_root, ordering_root
    }
    Attestation { height, digest, signature }
    Signatures { signers, signatures }
    Certificate { checkpoint, signatures }
    CheckpointProof { path, certificate }
    Event { module, name, topics, data }
    Receipt { transaction, outcome, fuel_used, fee, events }
    Tip { height, commit_index, digest, state_root }
    Location { height, index }
    Pruned { oldest, done }
    Begin { height, commit_index }
    LedgerHeld { height, commit, round }
    LedgerPruned { height, commit, round }
    SnapshotHead { proof, commits }
    Chunk { entries, proof }
    Position { next, done, entries, bytes }
    StateEntry { owner, key, value }
    StateKey { owner, key }
    AccountRecord { balance, deposit, has_keys }
    ModuleRecord { code, creator, name, upgrade, deployed_ms, version, revision, is_paused }
    CodeRecord { active_ms, bytes, has_init, has_migrate, interface }
    ModuleVersion { code, since_ms, transaction }
    Proposal { approvals, ready_ms }
    PolicyKey { account, weight }
    ChangeReport { is_made, change, weight, threshold, ready_ms }
}

enums! {
    UpgradePolicy {
        Never,
        Owner { delay_ms },
        Keys { threshold, keys, delay_ms },
        Itself,
    }
    ModuleChange {
        Upgrade { code, arguments },
        Policy(policy),
        Pause,
        Resume,
    }
    Action {
        Transfer { to, amount },
        Deploy { code, name, arguments, upgrade },
        Invoke { module, function, arguments, deposit, interface },
        Publish { code },
        Change { module, change },
        Cancel { module, change },
        SetOwners { threshold, owners },
        PutKey(key),
        RemoveKey { key },
    }
    Message { Block(one), Blocks(many), }
    Request {
        Hello { chain_id },
        History(request),
        Transaction(bytes),
        Commits(request),
        NewestBlock { author },
        Snapshots,
        SnapshotHead { height },
        SnapshotChunk { height, from },
        Blocks(names),
        Code { hash },
    }
    Response {
        Hello { chain_id, author },
        History(blocks),
        Transaction(result),
        Commits(answer),
        NewestBlock(block),
        Refused(why),
        Snapshots(heights),
        SnapshotHead(head),
        SnapshotChunk(chunk),
        Blocks(blocks),
        Code(code),
        CommitsGone { index },
    }
    CommitOrder { AllSlots, FirstCommit, }
    Code {
        BalanceTooLow, ModuleNotFound, FunctionNotFound, BadArguments, OutOfFuel, Trapped, ModuleError,
        LimitExceeded, CodeRefused, NameTaken, CodeNotFound, Reentered, TooDeep, ModulePaused, PolicyNotMet,
        CodeNotActive, KeyNotAllowed, InterfaceMismatch,
    }
    FailureValue { None, Error(bytes), Message(text), }
    Index { Accounts, Keys, Events, }
    IndexState { Removing(place), Building(place), Whole, }
    Outcome { Success { results }, Failure { action, code, value }, Rejected { code }, }
}

impl Sample for NonceWindow {
    fn sample(stream: &mut Stream) -> Self {
        let mut window = Self::default();
        for _ in 0..stream.below(40) {
            // Those that are used or lost by now are refused, which is as good.
            let _ = window.consume(u64::from(u16::sample(stream) % 3_000));
        }
        window
    }
}

/// The hash over the samples of a type; each decodes to itself, and with a byte behind it to nothing.
fn conformance<T>(name: &str) -> Hash
where
    T: Sample + BorshSerialize + BorshDeserialize + PartialEq + Debug,
{
    let (mut stream, mut hasher) = (Stream::of(name), blake3::Hasher::new());
    for _ in 0..SAMPLES {
        let sample = T::sample(&mut stream);
        let mut encoded = codec::encode(&sample);
        assert_eq!(codec::decode::<T>(&encoded, encoded.len()).unwrap(), sample, "{name}");
        hasher.update(&(encoded.len() as u64).to_le_bytes()).update(&encoded);
        encoded.push(0);
        assert!(
            codec::decode::<T>(&encoded, encoded.len()).is_err(),
            "{name} with a byte too many"
        );
    }
    Hash(*hasher.finalize().as_bytes())
}

macro_rules! found {
    ($($name:ident)*) => {
        BTreeMap::from([$((stringify!($name), conformance::<$name>(stringify!($name)))),*])
    };
}

fn found() -> BTreeMap<&'static str, Hash> {
    let mut found = found! {
        AccountId AccountKeys AccountRecord Action Attestation Begin Block BlockHeader BlockRef CallScope Certificate ChangeReport
        Checkpoint CheckpointProof Chunk Code CodeRecord Commit CommitOrder CommitsAnswer CommitsRequest EquivocationProof Event
        FailureValue Genesis GenesisAccount Hash HistoryRequest Index IndexPlace IndexState Indexes KeyUse LedgerHeld LedgerPruned ListProof
        Location Message ModuleChange ModuleRecord ModuleVersion
        NonceWindow Outcome OwnerKey Parameters PolicyKey Position Probation ProbationRecord Proposal Pruned PublicKey Receipt Request Response
        Scope ScopeWindow ScopedKey Signature Signatures SignedTransaction SignedVotes SnapshotHead StateEntry StateKey Tip Transaction
        TransactionSignature UpgradePolicy Validator
    };
    found.insert("digest of BlockHeader", digests(|header: &BlockHeader| header.digest()));
    found.insert("digest of Commit", digests(Commit::compute_digest));
    found.insert("digest of Checkpoint", digests(Checkpoint::digest));
    found.insert("id of Transaction", digests(|one: &Transaction| one.id(&Hash::ZERO)));
    found
}

fn digests<T: Sample>(digest: impl Fn(&T) -> Hash) -> Hash {
    let (mut stream, mut hasher) = (Stream::of("digests"), blake3::Hasher::new());
    for _ in 0..SAMPLES {
        hasher.update(&digest(&T::sample(&mut stream)).0);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// `name hash`, a line each.
const HELD: &str = include_str!("conformance.txt");

#[test]
fn no_format_changes_silently() {
    let found: String = found().iter().map(|(name, hash)| format!("{name}: {hash}\n")).collect();
    assert!(
        found == HELD,
        "a format changed, see the head of this file; what ledger/src/conformance.txt would be:\n{found}"
    );
}

/// A type that somebody adds is held as well.
#[test]
fn every_type_that_is_encoded_is_held() {
    let mut missing = Vec::new();
    let mut folders = vec![Path::new("src").to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                None => folders.push(path),
                Some(end) if end == "rs" && !path.ends_with("conformance_tests.rs") => {
                    missing.extend(encoded_types(&std::fs::read_to_string(path).unwrap()));
                }
                _ => (),
            }
        }
    }
    assert!(missing.len() > 30, "the sources were read: {missing:?}");
    missing.retain(|name| {
        !HELD.lines().any(|line| line.split(':').next() == Some(name))
            && !ONLY_HASHED.iter().any(|(hashed, _)| hashed == name)
    });
    assert_eq!(missing, Vec::<String>::new(), "types without a conformance hash");
}

/// The names behind `derive(.. BorshSerialize ..)`.
fn encoded_types(source: &str) -> Vec<String> {
    let derives = source.match_indices("#[derive(").filter_map(|(at, _)| {
        let rest = &source[at..];
        let end = rest.find(")]")?;
        rest[..end].contains("BorshSerialize").then(|| &rest[end..])
    });
    let named = derives.filter_map(|behind| {
        let at =
            ["struct ", "enum "].iter().filter_map(|word| Some(behind.find(word)? + word.len()));
        let name = &behind[at.min()?..];
        let end = name.find(|letter: char| !letter.is_alphanumeric())?;
        Some(name[..end].to_owned())
    });
    named.filter(|name| !name.is_empty()).collect()
}
