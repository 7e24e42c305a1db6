//! How many transfers a second the executor makes checkpoints of, with the store in memory and without
//! signatures: `cargo run -p pollen-ledger --example executor_speed`.

use std::sync::Arc;
#[expect(clippy::disallowed_types, reason = "a measurement, not the ledger")]
use std::time::Instant;

use pollen_ledger::block::{Block, VerifiedBlock};
use pollen_ledger::crypto::{Domain, Hash, KeyPair, Signature};
use pollen_ledger::execution::{CommitInput, Executor, TransactionState};
use pollen_ledger::genesis::{Genesis, GenesisAccount};
use pollen_ledger::module::{
    Call, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine,
};
use pollen_ledger::store::{Database, Durability, MemoryStore};
use pollen_ledger::{AccountId, Action, SignedTransaction, Transaction, codec};

const ACCOUNTS: u64 = 1_000;
const COMMITS: u64 = 200;
const PER_COMMIT: u64 = 250;

/// Transfers call no module.
struct NoModules;

impl ModuleEngine for NoModules {
    fn inspect(&self, _: &[u8]) -> Result<CodeFacts, CodeRefusal> {
        Err(CodeRefusal { reason: "no modules here".to_owned() })
    }
    fn call(&self, _: &mut TransactionState<'_>, _: Call<'_>) -> Result<CallReport, EngineFailure> {
        Err(EngineFailure::Host("no modules here".to_owned()))
    }
    fn prepare(&self, _: &Hash, _: &[u8]) -> Result<(), EngineFailure> {
        Ok(())
    }
}

fn block(genesis: &Genesis, round: u64, keys: &[KeyPair]) -> VerifiedBlock {
    let transfer = |at: u64| {
        let turn = round * PER_COMMIT + at;
        let key = keys[(turn % ACCOUNTS) as usize].public_key();
        let to = keys[((turn * 7 + 1) % ACCOUNTS) as usize].public_key();
        let transaction = Transaction {
            version: 1,
            sender: AccountId::of_key(&key),
            key,
            nonce: turn / ACCOUNTS,
            valid_until_ms: u64::MAX,
            max_fuel: 1_000_000,
            fuel_price: 1,
            payer: None,
            actions: vec![Action::Transfer { to: AccountId::of_key(&to), amount: 1 }],
        };
        let signature = Signature([0; 64]);
        let (cosignatures, attachments) = (Vec::new(), Vec::new());
        SignedTransaction { transaction, signature, cosignatures, attachments }
    };
    let body = codec::encode(&(0..PER_COMMIT).map(transfer).collect::<Vec<_>>());
    let mut header = VerifiedBlock::genesis(genesis.chain_id(), 0, 0).header().clone();
    header.round = round as u32;
    header.body_digest = Domain::Body.hash(&[&body]);
    let block = Block { header, signature: Signature([0; 64]), body };
    VerifiedBlock::trusted(block, &genesis.parameters).expect("made above")
}

fn main() {
    let mut genesis = Genesis::from_json(include_str!("../../genesis.json")).expect("checked");
    let keys: Vec<_> =
        (0..ACCOUNTS).map(|number| KeyPair::development(&format!("account {number}"))).collect();
    let account = |key: &KeyPair| GenesisAccount {
        name: String::new(),
        id: AccountId::of_key(&key.public_key()),
        balance: 1_000_000_000_000,
    };
    genesis.accounts = keys.iter().map(account).collect();
    let database =
        Database::open(Arc::new(MemoryStore::new()), &genesis, None).expect("an empty store");
    let mut executor = Executor::new(&database, Arc::new(NoModules)).expect("just begun");
    let commits: Vec<_> = (1..=COMMITS)
        .map(|round| (block(&genesis, round, &keys), vec![true; PER_COMMIT as usize]))
        .collect();
    let (mut executed, mut bytes) = (0, 0);
    #[expect(clippy::disallowed_types, reason = "a measurement, not the ledger")]
    let start = Instant::now();
    for (index, block) in (1..).zip(&commits) {
        let input = CommitInput {
            index,
            digest: Hash::ZERO,
            round: index as u32,
            timestamp_ms: genesis.time_ms + index * 20,
            ordering_root: Hash::ZERO,
            blocks: std::slice::from_ref(block),
        };
        let report = executor.execute(&input).expect("nothing here fails");
        executed += report.executed.len();
        if let Some(finished) = report.finished {
            bytes += finished.batch.bytes();
            database.write(finished.batch, Durability::Synced).expect("memory");
            executor.written(finished.checkpoint.height);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{executed} transfers in {seconds:.2} s: {:.0} a second, {:.1} us and {} bytes of batch each",
        executed as f64 / seconds,
        seconds * 1e6 / executed as f64,
        bytes / executed.max(1)
    );
}
