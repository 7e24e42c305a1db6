//! A ledger in memory that commits one transaction at a time, by the rules of every node.
//!
//! A transaction is signed, encoded, decoded, admitted and its signatures are checked as a node does with what a client
//! sends; then it is alone in a block, and the block in a commit that the ledger's own executor makes a checkpoint of.
//! Each takes [`World::TRANSACTION_MS`] of ledger time. What is not there: ordering, mempool, network, disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use pollen_ledger::block::{Block, VerifiedBlock};
use pollen_ledger::crypto::{Domain, Signature};
use pollen_ledger::execution::admission::{self, Refusal};
use pollen_ledger::execution::{
    CallContext, CodeRecord, CommitInput, ExecutedTransaction, Executor, QueryCall, StateKey,
    Terms, TransactionState, nonce_window, position, query, verify_block_signatures,
};
use pollen_ledger::store::{Database, Durability, MemoryStore, StateWrite};
use pollen_ledger::transaction::{ModuleChange, UpgradePolicy};
use pollen_ledger::{
    AccountId, Action, Address, Genesis, Hash, KeyPair, SignedTransaction, Transaction, codec,
};
use pollen_vm::interface::{Function, FunctionKind};
use pollen_vm::value::{self, Formats};
use pollen_vm::{Interface, Vm, VmConfig};
use serde_json::{Value, json};

use super::Failure;
use super::told::{self, Told};
use crate::dev;

/// What an account has at first: 1 000 pollen.
const FUNDS: u64 = 1_000_000_000_000;
/// The most fuel of a call that is not told otherwise, as `pollen call` offers it.
const CALL_FUEL: u64 = 100_000_000;
/// How long a transaction is valid.
const VALID_FOR_MS: u64 = 60_000;
/// The latest that ledger time may become: the year 9999.
const TIME_MS_MAX: u64 = 253_402_300_799_000;
/// Instances of modules: a call and a query of the greatest depth need 18.
const INSTANCES: u32 = 18;
/// The account of genesis.
const FAUCET: &str = "faucet";

/// What every ledger of this process runs on.
pub(super) struct Machine {
    genesis: Genesis,
    vm: Arc<Vm>,
    /// Interfaces by the hash of their code.
    known: Arc<Mutex<BTreeMap<Hash, Arc<Interface>>>>,
}

impl Machine {
    /// The module host, and the genesis of development networks.
    pub fn new() -> Result<Self, Failure> {
        let config = VmConfig { instances: INSTANCES, ..VmConfig::default() };
        let vm = Arc::new(Vm::new(&config).map_err(failed)?);
        Ok(Self { genesis: dev::genesis(1), vm, known: Arc::default() })
    }
}

/// How a ledger was at some time.
pub(super) struct Saved {
    store: MemoryStore,
    time_ms: u64,
    funded: BTreeSet<String>,
}

/// What to call, and how.
pub(super) struct Call {
    pub module: String,
    pub function: String,
    pub arguments: Value,
    pub deposit: u64,
    pub max_fuel: Option<u64>,
}

/// A transaction to be.
struct Wanted {
    action: Action,
    max_fuel: u64,
    attachments: Vec<Vec<u8>>,
}

/// What became of one that was admitted.
struct Done {
    executed: ExecutedTransaction,
    /// Entries of modules that it changed.
    entries_changed: usize,
    /// Fuel that it costs whatever it does.
    intrinsic: u64,
}

/// See the module's documentation.
pub(super) struct World {
    genesis: Genesis,
    store: Arc<MemoryStore>,
    database: Database,
    executor: Executor,
    vm: Arc<Vm>,
    known: Arc<Mutex<BTreeMap<Hash, Arc<Interface>>>>,
    time_ms: u64,
    /// The last commit's digest.
    commit: Hash,
    /// Names that were used as accounts.
    funded: BTreeSet<String>,
}

pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

impl World {
    /// Nothing but genesis.
    pub fn new(machine: &Machine) -> Result<Self, Failure> {
        let funded = BTreeSet::from([FAUCET.to_owned()]);
        let time_ms = machine.genesis.time_ms;
        Self::of(machine, &Saved { store: MemoryStore::new(), time_ms, funded })
    }

    /// As it was saved.
    pub fn of(machine: &Machine, saved: &Saved) -> Result<Self, Failure> {
        let genesis = machine.genesis.clone();
        let store = Arc::new(saved.store.image());
        let database = Database::open(store.clone(), &genesis, None).map_err(failed)?;
        let executor = Executor::new(&database, machine.vm.clone()).map_err(failed)?;
        let (vm, known) = (machine.vm.clone(), machine.known.clone());
        let (time_ms, funded, commit) = (saved.time_ms, saved.funded.clone(), Hash::ZERO);
        Ok(Self { genesis, store, database, executor, vm, known, time_ms, commit, funded })
    }

    /// How it is now.
    pub fn save(&self) -> Saved {
        // Each transaction closes a checkpoint, which is written: the store has everything.
        assert!(!self.executor.has_open_checkpoint(), "what was executed is written");
        let (time_ms, funded) = (self.time_ms, self.funded.clone());
        Saved { store: self.store.image(), time_ms, funded }
    }

    /// Ledger time, in milliseconds since 1970.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Moves time on, by a commit of nothing.
    pub fn advance_time(&mut self, ms: u64) -> Result<(), Failure> {
        let time_ms = self.time_ms.checked_add(ms).filter(|time_ms| *time_ms <= TIME_MS_MAX);
        self.time_ms = time_ms.ok_or_else(|| Failure::usage("time ends with the year 9999"))?;
        self.commit(&[])?;
        Ok(())
    }

    /// Address and balance of an account, made at its first use, or of `@module`.
    pub fn account(&mut self, name: &str) -> Result<Value, Failure> {
        let address = match name.strip_prefix('@') {
            Some(module) => Address::module(self.module(module)?.0),
            None => Address::account(self.funded(name)?),
        };
        let account = self.view().account(&address.id).map_err(failed)?.unwrap_or_default();
        let address = address.display(&self.genesis.address_prefix);
        Ok(json!({ "address": address, "balance": account.balance, "deposit": account.deposit }))
    }

    fn funded(&mut self, name: &str) -> Result<AccountId, Failure> {
        let id = id_of(name);
        if self.funded.insert(name.to_owned()) {
            let action = Action::Transfer { to: id, amount: FUNDS };
            let wanted = Wanted { action, max_fuel: CALL_FUEL, attachments: Vec::new() };
            let done = self.execute(FAUCET, wanted)?;
            done.map_err(|refusal| failed(format!("cannot fund '{name}': {refusal}")))?;
        }
        Ok(id)
    }

    /// Puts code on the ledger, and a module of it under a name.
    pub fn deploy(
        &mut self,
        from: &str,
        name: &str,
        component: Vec<u8>,
        arguments: &Value,
    ) -> Result<Value, Failure> {
        let arguments = self.reserved(&component, "init", arguments)?;
        let code = Hash::of_content(&component);
        let upgrade = UpgradePolicy::Owner { delay_ms: 0 };
        let action = Action::Deploy { code, name: Some(name.to_owned()), arguments, upgrade };
        self.transact(from, None, self.with_code(action, component))
    }

    /// Gives a module other code, as its owner, in place.
    pub fn upgrade(
        &mut self,
        from: &str,
        module: &str,
        component: Vec<u8>,
        arguments: &Value,
    ) -> Result<Value, Failure> {
        let (module, _) = self.module(module)?;
        let arguments = self.reserved(&component, "migrate", arguments)?;
        let change = ModuleChange::Upgrade { code: Hash::of_content(&component), arguments };
        let action = Action::Change { module, change };
        self.transact(from, None, self.with_code(action, component))
    }

    fn with_code(&self, action: Action, component: Vec<u8>) -> Wanted {
        let max_fuel = self.genesis.parameters.transaction_fuel_max;
        Wanted { action, max_fuel, attachments: vec![component] }
    }

    /// A command, as a transaction of its own.
    pub fn call(&mut self, from: &str, call: &Call) -> Result<Value, Failure> {
        let (module, code) = self.module(&call.module)?;
        let interface = self.interface(&code)?;
        let function = function(&interface, FunctionKind::Command, &call.function)?;
        let arguments = self.encode(function, &call.arguments)?;
        let code: Option<CodeRecord> =
            self.view().record(&StateKey::code(&code)).map_err(failed)?;
        let action = Action::Invoke {
            module,
            function: call.function.clone(),
            arguments,
            deposit: call.deposit,
            interface: code.map(|code| code.interface),
        };
        let max_fuel = call.max_fuel.unwrap_or(CALL_FUEL);
        self.transact(from, Some(function), Wanted { action, max_fuel, attachments: Vec::new() })
    }

    /// Moves grains.
    pub fn transfer(&mut self, from: &str, to: &str, amount: u64) -> Result<Value, Failure> {
        let to = match to.strip_prefix('@') {
            Some(module) => self.module(module)?.0,
            None => id_of(to),
        };
        let action = Action::Transfer { to, amount };
        self.transact(from, None, Wanted { action, max_fuel: CALL_FUEL, attachments: Vec::new() })
    }

    /// A query, read-only, as a node answers it.
    pub fn query(
        &mut self,
        from: Option<&str>,
        module: &str,
        name: &str,
        arguments: &Value,
    ) -> Result<Value, Failure> {
        let caller = from.map(id_of).unwrap_or_default();
        let (module, code) = self.module(module)?;
        let interface = self.interface(&code)?;
        let function = function(&interface, FunctionKind::Query, name)?;
        let arguments = self.encode(function, arguments)?;
        let fuel = self.genesis.parameters.call_fuel_max;
        let call = QueryCall { module, function: name, arguments: &arguments, caller, fuel };
        let terms = Terms::from(&self.genesis.parameters);
        let report = query(self.executor.state(), &*self.vm, call, self.context(caller), terms);
        Told { world: self, function: Some(function) }.query(report.map_err(failed)?)
    }

    /// Signs, admits and executes a transaction of one action; what became of it, or why it was not admitted.
    fn transact(
        &mut self,
        from: &str,
        function: Option<&Function>,
        wanted: Wanted,
    ) -> Result<Value, Failure> {
        self.funded(from)?;
        match self.execute(from, wanted)? {
            Err(refusal) => Ok(told::refused(&refusal)),
            Ok(Done { executed, entries_changed, intrinsic }) => {
                let told = Told { world: self, function };
                told.transaction(&executed, entries_changed, intrinsic)
            }
        }
    }

    fn execute(&mut self, from: &str, wanted: Wanted) -> Result<Result<Done, Refusal>, Failure> {
        let parameters = self.genesis.parameters.clone();
        let (key, chain_id) = (KeyPair::development(from), self.genesis.chain_id());
        let (sender, key_of) = (id_of(from), key.public_key());
        let window = nonce_window(self.executor.state(), &sender, &key_of).map_err(failed)?;
        let transaction = Transaction {
            version: pollen_ledger::transaction::TRANSACTION_VERSION,
            sender,
            key: key_of,
            nonce: window.next(),
            valid_until_ms: self.time_ms + VALID_FOR_MS,
            max_fuel: wanted.max_fuel,
            fuel_price: parameters.fuel_price_floor,
            payer: None,
            actions: vec![wanted.action],
        };
        let signed = transaction.sign(&chain_id, &key, wanted.attachments);
        // As a node takes it in: bytes, shape, state, signatures.
        let signed = match SignedTransaction::decode(&codec::encode(&signed), &parameters) {
            Ok(signed) => signed,
            Err(error) => {
                return Ok(Err(pollen_ledger::transaction::TransactionError::from(error).into()));
            }
        };
        let state = self.executor.state();
        if let Err(refusal) =
            admission::check(state, &parameters, &signed, self.time_ms).map_err(failed)?
        {
            return Ok(Err(refusal));
        }
        if let Err(error) = signed.check_signatures(&chain_id) {
            return Ok(Err(error.into()));
        }
        let intrinsic = signed.intrinsic_fuel(&parameters);
        self.time_ms += parameters.checkpoint_interval_ms;
        let (mut executed, writes) = self.commit(&[signed])?;
        let entries_changed = writes.iter().filter(|write| is_module_entry(write)).count();
        let executed = executed.pop().ok_or_else(|| {
            failed(format!("the ledger passed over a transaction of '{from}' that it had admitted"))
        })?;
        Ok(Ok(Done { executed, entries_changed, intrinsic }))
    }

    /// Executes a commit of one block, and writes the checkpoint that it may close.
    fn commit(
        &mut self,
        transactions: &[SignedTransaction],
    ) -> Result<(Vec<ExecutedTransaction>, Vec<StateWrite>), Failure> {
        let index = self.executor.next_commit();
        let round = u32::try_from(index).map_err(|_| failed("too many commits"))?;
        let block = self.block(round, transactions)?;
        let verdicts = verify_block_signatures(&block, &self.genesis.chain_id());
        self.commit = Hash::of_content(&index.to_le_bytes());
        let input = CommitInput {
            index,
            digest: self.commit,
            round,
            timestamp_ms: self.time_ms,
            ordering_root: Hash::ZERO,
            blocks: &[(block, verdicts)],
        };
        let report = self.executor.execute(&input).map_err(failed)?;
        let Some(finished) = report.finished else { return Ok((Vec::new(), Vec::new())) };
        self.database.write(finished.batch, Durability::Synced).map_err(failed)?;
        self.executor.written(finished.checkpoint.height);
        Ok((finished.executed, finished.writes))
    }

    /// A block of these transactions. Nobody else reads it, so it is not signed.
    fn block(
        &self,
        round: u32,
        transactions: &[SignedTransaction],
    ) -> Result<VerifiedBlock, Failure> {
        let body = codec::encode(&transactions.to_vec());
        let mut header = VerifiedBlock::genesis(self.genesis.chain_id(), 0, 0).header().clone();
        header.round = round;
        header.transaction_count = transactions.len() as u32;
        header.body_bytes = body.len() as u32;
        header.body_digest = Domain::Body.hash(&[&body]);
        let block = Block { header, signature: Signature([0; 64]), body };
        VerifiedBlock::trusted(block, &self.genesis.parameters).map_err(failed)
    }

    /// What a query is told about where it runs.
    fn context(&self, caller: AccountId) -> CallContext {
        CallContext {
            chain_id: self.genesis.chain_id(),
            transaction: Hash::ZERO,
            signer: caller,
            by_scoped_key: false,
            time_ms: self.time_ms,
            round: 0,
            commit: self.commit,
            position: position(self.executor.next_commit(), 0) - 1,
        }
    }

    /// The state, to look at.
    pub fn view(&self) -> TransactionState<'_> {
        let context = self.context(AccountId::default());
        TransactionState::new(self.executor.state(), context, Terms::default())
    }

    /// Address and code of a module, by its name or its address.
    fn module(&self, module: &str) -> Result<(AccountId, Hash), Failure> {
        let view = self.view();
        let id = match Address::parse(module, &self.genesis.address_prefix) {
            Ok(address) => Some(address.id),
            Err(_) => view.resolve(module).map_err(failed)?,
        };
        let record = match id {
            Some(id) => view.module(&id).map_err(failed)?.map(|record| (id, record.code)),
            None => None,
        };
        record.ok_or_else(|| {
            Failure::usage(format!("there is no module '{module}' on this ledger")).hint(
                "deploy it first: `ledger.deploy(..)`, or `.deploy_component(..)` another one",
            )
        })
    }

    /// The interface of code on the ledger.
    pub fn interface(&self, code: &Hash) -> Result<Arc<Interface>, Failure> {
        if let Some(known) = self.known.lock().get(code) {
            return Ok(known.clone());
        }
        let bytes = self.view().code(code).map_err(failed)?;
        let bytes = bytes.ok_or_else(|| failed(format!("the code {code} is gone")))?;
        let interface = Arc::new(Interface::from_component(&bytes).map_err(failed)?);
        self.known.lock().insert(*code, interface.clone());
        Ok(interface)
    }

    /// Arguments of `init` or `migrate`.
    fn reserved(
        &self,
        component: &[u8],
        name: &str,
        arguments: &Value,
    ) -> Result<Vec<u8>, Failure> {
        let interface = Interface::from_component(component).map_err(failed)?;
        match interface.function(FunctionKind::Command, name) {
            Ok(function) => self.encode(function, arguments),
            Err(_) if arguments.as_array().is_some_and(Vec::is_empty) || arguments.is_null() => {
                Ok(Vec::new())
            }
            Err(_) => {
                Err(Failure::usage(format!("the module has no `{name}`: it takes no arguments")))
            }
        }
    }

    /// Accounts are known in arguments by their names, modules as `@name`.
    fn encode(&self, function: &Function, arguments: &Value) -> Result<Vec<u8>, Failure> {
        let prefix = &self.genesis.address_prefix;
        let resolve = |name: &str| match name.strip_prefix('@') {
            Some(module) => self.module(module).ok().map(|(id, _)| id),
            None if Address::parse(name, prefix).is_ok() => None,
            None => Some(id_of(name)),
        };
        let formats = Formats { resolve: Some(&resolve), ..Formats::new(prefix) };
        value::encode_params_json(function, arguments, &formats).map_err(|error| {
            Failure::usage(format!("{}: {error}", function.name))
                .hint(format!("its signature is {}", function.signature()))
        })
    }

    /// Prefix of addresses.
    pub fn prefix(&self) -> &str {
        &self.genesis.address_prefix
    }
}

fn function<'a>(
    interface: &'a Interface,
    kind: FunctionKind,
    name: &str,
) -> Result<&'a Function, Failure> {
    interface.function(kind, name).map_err(|unknown| {
        let failure = Failure::usage(unknown.to_string());
        match (unknown.is_other_kind, kind) {
            (true, FunctionKind::Command) => failure.hint("ask it: `.query(..)`"),
            (true, FunctionKind::Query) => failure.hint("call it: `.as_caller(..).call(..)`"),
            (false, _) => failure,
        }
    })
}

/// Whether a write is to a module's own storage, not to a record of the ledger's.
fn is_module_entry(write: &StateWrite) -> bool {
    let is_ledgers = write.key.owner.0[..31].iter().all(|byte| *byte == 0);
    !is_ledgers && write.before != write.after
}

fn id_of(name: &str) -> AccountId {
    AccountId::of_key(&KeyPair::development(name).public_key())
}
