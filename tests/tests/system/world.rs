//! A chain of one commit at a time with the real module host and the repository's own modules, built from
//! source; without ordering and network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use pollen_build::{Options, build_module};
use pollen_ledger::block::{Block, VerifiedBlock};
use pollen_ledger::crypto::{Domain, Hash, Signature};
use pollen_ledger::execution::{
    CallContext, CommitInput, Executor, QueryCall, SkipReason, Terms, query,
    verify_block_signatures,
};
use pollen_ledger::genesis::GenesisAccount;
use pollen_ledger::module::{CallEnd, CallReport};
use pollen_ledger::receipt::{Code, Outcome, Receipt};
use pollen_ledger::store::{Database, Durability, MemoryStore, Store};
use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action, Genesis, KeyPair, SignedTransaction, Transaction, codec};
use pollen_vm::cache::{ArtefactSums, MemorySums};
use pollen_vm::interface::FunctionKind;
use pollen_vm::value::{self, Formats};
use pollen_vm::{Interface, Vm, VmConfig};
use serde_json::Value;

use crate::harness::repository;

pub const POLLEN: u64 = 1_000_000_000;
/// Offered by transactions that are not told otherwise: enough for anything that is not a deployment.
pub const CALL_FUEL: u64 = 310_000_000;
/// Enough for a deployment.
pub const DEPLOY_FUEL: u64 = 2_000_000_000;
/// Accounts that hold something at genesis.
pub const NAMES: [&str; 4] = ["alice", "bob", "carol", "dora"];

pub fn contracts() -> PathBuf {
    repository().join("contracts")
}

/// The component of a module of this repository, built once in this process.
pub fn component(name: &str) -> Arc<[u8]> {
    static BUILT: Mutex<BTreeMap<String, Arc<[u8]>>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap();
    let build = || {
        let module = build_module(&contracts().join(name), &Options::default());
        module.unwrap_or_else(|error| panic!("{error}")).component.into()
    };
    built.entry(name.to_owned()).or_insert_with(build).clone()
}

pub fn genesis() -> Genesis {
    let mut genesis = Genesis::from_json(include_str!("../../../genesis.json")).unwrap();
    let account = |name: &&str| GenesisAccount {
        name: (*name).to_owned(),
        id: id_of(name),
        balance: 1_000 * POLLEN,
    };
    genesis.accounts = NAMES.iter().map(account).collect();
    genesis
}

pub fn key_of(name: &str) -> KeyPair {
    KeyPair::development(name)
}

pub fn id_of(name: &str) -> AccountId {
    AccountId::of_key(&key_of(name).public_key())
}

pub fn hex_of(name: &str) -> String {
    hex::encode(id_of(name).0)
}

/// A module host; those of one directory share the checksums of what is in it, as a node's database would.
pub fn vm(cache_dir: Option<&Path>) -> Arc<Vm> {
    static SUMS: Mutex<BTreeMap<PathBuf, Arc<MemorySums>>> = Mutex::new(BTreeMap::new());
    let cache_dir = cache_dir.map(Path::to_owned);
    let sums =
        cache_dir.as_ref().map(|dir| SUMS.lock().unwrap().entry(dir.clone()).or_default().clone());
    let cache_sums = sums.map(|sums| sums as Arc<dyn ArtefactSums>);
    let config = VmConfig { cache_dir, cache_sums, instances: 36, ..VmConfig::default() };
    Arc::new(Vm::new(&config).unwrap())
}

pub fn block(genesis: &Genesis, round: u32, transactions: &[SignedTransaction]) -> VerifiedBlock {
    let body = codec::encode(&transactions.to_vec());
    let mut header = VerifiedBlock::genesis(genesis.chain_id(), 0, 0).header().clone();
    header.round = round;
    header.transaction_count = transactions.len() as u32;
    header.body_bytes = body.len() as u32;
    header.body_digest = Domain::Body.hash(&[&body]);
    let block = Block { header, signature: Signature([0; 64]), body };
    VerifiedBlock::trusted(block, &genesis.parameters).unwrap()
}

/// A module on the chain.
#[derive(Debug, Clone)]
pub struct Deployed {
    pub id: AccountId,
    pub interface: Interface,
}

pub struct World {
    pub genesis: Genesis,
    pub store: Arc<dyn Store>,
    pub database: Database,
    pub executor: Executor,
    pub vm: Arc<Vm>,
    pub time_ms: u64,
    nonces: BTreeMap<String, u64>,
}

impl World {
    pub fn new() -> Self {
        Self::of(vm(None), Arc::new(MemoryStore::new()))
    }

    pub fn of(vm: Arc<Vm>, store: Arc<dyn Store>) -> Self {
        let genesis = genesis();
        let database = Database::open(store.clone(), &genesis, None).unwrap();
        let executor = Executor::new(&database, vm.clone()).unwrap();
        let time_ms = genesis.time_ms;
        Self { genesis, store, database, executor, vm, time_ms, nonces: BTreeMap::new() }
    }

    /// Opens the store again with another engine, as after a restart.
    pub fn restart(&mut self, vm: Arc<Vm>) {
        self.database = Database::open(self.store.clone(), &self.genesis, None).unwrap();
        self.executor = Executor::new(&self.database, vm.clone()).unwrap();
        self.vm = vm;
    }

    pub fn sign(
        &mut self,
        who: &str,
        max_fuel: u64,
        actions: Vec<Action>,
        attachments: Vec<Vec<u8>>,
    ) -> SignedTransaction {
        let next = self.nonces.entry(who.to_owned()).or_default();
        let nonce = *next;
        *next += 1;
        let transaction = Transaction {
            version: 1,
            sender: id_of(who),
            key: key_of(who).public_key(),
            nonce,
            valid_until_ms: self.time_ms + 60_000,
            max_fuel,
            fuel_price: 1,
            payer: None,
            actions,
        };
        transaction.sign(&self.genesis.chain_id(), &key_of(who), attachments)
    }

    /// Executes a commit that closes a checkpoint, writes it, and says what it did.
    pub fn commit(
        &mut self,
        transactions: &[SignedTransaction],
    ) -> (Vec<Receipt>, Vec<SkipReason>) {
        self.time_ms += self.genesis.parameters.checkpoint_interval_max_ms;
        let index = self.executor.next_commit();
        let block = block(&self.genesis, index as u32, transactions);
        let verdicts = verify_block_signatures(&block, &self.genesis.chain_id());
        let input = CommitInput {
            index,
            digest: Hash::of_content(&index.to_le_bytes()),
            round: index as u32,
            timestamp_ms: self.time_ms,
            ordering_root: Hash::ZERO,
            blocks: &[(block, verdicts)],
        };
        let report = self.executor.execute(&input).unwrap();
        let finished = report.finished.expect("the interval has passed");
        self.database.write(finished.batch, Durability::Synced).unwrap();
        self.executor.written(finished.checkpoint.height);
        let skipped = report.skipped.into_iter().map(|skipped| skipped.reason).collect();
        (finished.executed.into_iter().map(|one| one.receipt).collect(), skipped)
    }

    pub fn run(&mut self, who: &str, max_fuel: u64, actions: Vec<Action>) -> Receipt {
        let signed = self.sign(who, max_fuel, actions, Vec::new());
        let (mut receipts, skipped) = self.commit(&[signed]);
        assert_eq!(skipped, []);
        receipts.pop().expect("it was executed")
    }

    /// Deploys a module of this repository, by alice, for ever as it is; `init` are its arguments.
    pub fn deploy(&mut self, name: &str, init: &Value) -> Deployed {
        self.deploy_under(name, init, UpgradePolicy::Never)
    }

    /// The same, under a policy.
    pub fn deploy_under(&mut self, name: &str, init: &Value, upgrade: UpgradePolicy) -> Deployed {
        let code = component(name);
        let interface = Interface::from_component(&code).unwrap();
        let arguments = match interface.function(FunctionKind::Command, "init") {
            Ok(_) => self.encode(&interface, FunctionKind::Command, "init", init),
            Err(_) => Vec::new(),
        };
        let action =
            Action::Deploy { code: Hash::of_content(&code), name: None, arguments, upgrade };
        let signed = self.sign("alice", DEPLOY_FUEL, vec![action], vec![code.to_vec()]);
        let (receipts, skipped) = self.commit(&[signed]);
        assert_eq!(skipped, []);
        let Outcome::Success { results } = &receipts[0].outcome else {
            panic!("{name}: {:?} {:?}", receipts[0].outcome, self.note(&receipts[0]));
        };
        Deployed { id: AccountId(results[0].as_slice().try_into().unwrap()), interface }
    }

    pub fn encode(
        &self,
        interface: &Interface,
        kind: FunctionKind,
        function: &str,
        arguments: &Value,
    ) -> Vec<u8> {
        let function = interface.function(kind, function).unwrap();
        let formats = Formats::new(&self.genesis.address_prefix);
        value::encode_params_json(function, arguments, &formats).unwrap()
    }

    /// An action that calls a command, with arguments by the module's own interface.
    pub fn action(&self, module: &Deployed, function: &str, arguments: &Value) -> Action {
        let encoded = self.encode(&module.interface, FunctionKind::Command, function, arguments);
        raw_action(module, function, encoded)
    }

    pub fn call(&mut self, who: &str, module: &Deployed, function: &str, args: &Value) -> Receipt {
        let action = self.action(module, function, args);
        self.run(who, CALL_FUEL, vec![action])
    }

    /// The same with arguments that are encoded already.
    pub fn call_raw(
        &mut self,
        who: &str,
        module: &Deployed,
        function: &str,
        arguments: impl borsh::BorshSerialize,
    ) -> Receipt {
        let action = raw_action(module, function, borsh::to_vec(&arguments).unwrap());
        self.run(who, CALL_FUEL, vec![action])
    }

    pub fn query_raw(
        &self,
        module: &Deployed,
        function: &str,
        arguments: impl borsh::BorshSerialize,
    ) -> CallReport {
        let context = CallContext {
            chain_id: self.genesis.chain_id(),
            transaction: Hash::ZERO,
            signer: AccountId([0; 32]),
            by_scoped_key: false,
            time_ms: self.time_ms,
            round: 0,
            commit: Hash::ZERO,
            position: 0,
        };
        let call = QueryCall {
            module: module.id,
            function,
            arguments: &borsh::to_vec(&arguments).unwrap(),
            caller: AccountId([0; 32]),
            fuel: 20_000_000,
        };
        let state = self.database.state_at(self.database.tip().unwrap().height);
        let terms = Terms::from(&self.genesis.parameters);
        query(&state, &*self.vm, call, context, terms).unwrap()
    }

    /// A query's answer as JSON, arguments and answer by the module's own interface.
    pub fn ask(&self, module: &Deployed, function: &str, arguments: &Value) -> Value {
        let encoded = self.encode(&module.interface, FunctionKind::Query, function, arguments);
        let report = self.query_raw(module, function, Raw(encoded));
        let CallEnd::Returned(bytes) = &report.end else { panic!("{report:?}") };
        let function = module.interface.function(FunctionKind::Query, function).unwrap();
        let formats = Formats::new(&self.genesis.address_prefix);
        value::decode_json(function.success().unwrap(), bytes, &formats).unwrap()
    }

    /// The one action's result of a success, as JSON.
    pub fn result(&self, module: &Deployed, function: &str, receipt: &Receipt) -> Value {
        let Outcome::Success { results } = &receipt.outcome else {
            panic!("{:?} {:?}", receipt.outcome, self.note(receipt));
        };
        let function = module.interface.function(FunctionKind::Command, function).unwrap();
        let formats = Formats::new(&self.genesis.address_prefix);
        value::decode_json(function.success().unwrap(), &results[0], &formats).unwrap()
    }

    /// An event's data as JSON, by the interface of the module that told it.
    pub fn event(&self, module: &Deployed, receipt: &Receipt, index: usize) -> Value {
        let event = &receipt.events[index];
        assert_eq!(event.module, module.id);
        let ty = &module.interface.event(&event.name).unwrap().ty;
        value::decode_json(ty, &event.data, &Formats::new(&self.genesis.address_prefix)).unwrap()
    }

    pub fn note(&self, receipt: &Receipt) -> Option<String> {
        let at = self.database.location(&receipt.transaction).unwrap()?;
        self.database.note(at).unwrap()
    }

    /// Fuel of a transaction's calls alone.
    pub fn fuel_of_calls(&mut self, who: &str, actions: Vec<Action>) -> u64 {
        let signed = self.sign(who, CALL_FUEL, actions, Vec::new());
        let intrinsic = signed.intrinsic_fuel(&self.genesis.parameters);
        let (receipts, _) = self.commit(&[signed]);
        let outcome = &receipts[0].outcome;
        assert!(matches!(outcome, Outcome::Success { .. }), "{outcome:?}");
        receipts[0].fuel_used - intrinsic
    }
}

/// Bytes that are encoded already.
pub struct Raw(pub Vec<u8>);

impl borsh::BorshSerialize for Raw {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(&self.0)
    }
}

pub fn raw_action(module: &Deployed, function: &str, arguments: Vec<u8>) -> Action {
    Action::Invoke {
        module: module.id,
        function: function.to_owned(),
        arguments,
        deposit: 0,
        interface: None,
    }
}

pub fn code_of(receipt: &Receipt) -> Option<Code> {
    match &receipt.outcome {
        Outcome::Success { .. } => None,
        Outcome::Failure { code, .. } | Outcome::Rejected { code } => Some(*code),
    }
}
