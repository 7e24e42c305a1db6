//! What a test does on a ledger: accounts by name, modules, calls and queries with JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use pollen_ledger::execution::{CodeRecord, QueryCall, StateKey, Terms, TransactionState, query};
use pollen_ledger::transaction::{ModuleChange, UpgradePolicy};
use pollen_ledger::{AccountId, Action, Address, Genesis, Hash, KeyPair};
use pollen_vm::interface::{Function, FunctionKind};
use pollen_vm::value::{self, Formats};
use pollen_vm::{Interface, Vm, VmConfig};
use serde_json::{Value, json};

use super::Failure;
use super::chain::{Chain, Done, Saved, Wanted, failed};
use super::told::{self, Told};
use crate::dev;

/// What an account has at first: 1 000 pollen.
const FUNDS: u64 = 1_000_000_000_000;
/// The most fuel of a call that is not told otherwise, as `pollen call` offers it.
const CALL_FUEL: u64 = 100_000_000;
/// Instances of modules: a call and a query of the greatest depth need 18.
const INSTANCES: u32 = 18;
/// The account of genesis.
const FAUCET: &str = "faucet";

type Interfaces = Arc<Mutex<BTreeMap<Hash, Arc<Interface>>>>;

/// What every ledger of this process runs on.
pub(super) struct Machine {
    genesis: Genesis,
    vm: Arc<Vm>,
    /// Interfaces by the hash of their code.
    known: Interfaces,
}

impl Machine {
    /// The module host, and the genesis of development networks.
    pub fn new() -> Result<Self, Failure> {
        let config = VmConfig { instances: INSTANCES, ..VmConfig::default() };
        let vm = Arc::new(Vm::new(&config).map_err(failed)?);
        Ok(Self { genesis: dev::genesis(1), vm, known: Arc::default() })
    }
}

/// What to call, and how.
pub(super) struct Call {
    pub module: String,
    pub function: String,
    pub arguments: Value,
    pub deposit: u64,
    pub max_fuel: Option<u64>,
}

/// See the module's documentation.
pub(super) struct World {
    pub chain: Chain,
    vm: Arc<Vm>,
    known: Interfaces,
    /// Names that were used as accounts.
    funded: BTreeSet<String>,
}

impl World {
    /// Nothing but genesis.
    pub fn new(machine: &Machine) -> Result<Self, Failure> {
        let funded = BTreeSet::from([FAUCET.to_owned()]);
        Self::of(machine, &Saved::at_genesis(&machine.genesis, funded))
    }

    /// As it was saved.
    pub fn of(machine: &Machine, saved: &Saved) -> Result<Self, Failure> {
        let chain = Chain::of(&machine.genesis, machine.vm.clone(), saved)?;
        let (vm, known) = (machine.vm.clone(), machine.known.clone());
        Ok(Self { chain, vm, known, funded: saved.funded.clone() })
    }

    /// How it is now.
    pub fn save(&self) -> Saved {
        self.chain.save(self.funded.clone())
    }

    /// Address and balance of an account, made at its first use, or of `@module`.
    pub fn account(&mut self, name: &str) -> Result<Value, Failure> {
        let address = match name.strip_prefix('@') {
            Some(module) => Address::module(self.module(module)?.0),
            None => Address::account(self.funded(name)?),
        };
        let account = self.view().account(&address.id).map_err(failed)?.unwrap_or_default();
        let address = address.display(&self.chain.genesis.address_prefix);
        Ok(json!({ "address": address, "balance": account.balance, "deposit": account.deposit }))
    }

    fn funded(&mut self, name: &str) -> Result<AccountId, Failure> {
        let id = id_of(name);
        if self.funded.insert(name.to_owned()) {
            let action = Action::Transfer { to: id, amount: FUNDS };
            let wanted = Wanted { action, max_fuel: CALL_FUEL, attachments: Vec::new() };
            let done = self.chain.execute(&KeyPair::development(FAUCET), wanted)?;
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
        let max_fuel = self.chain.genesis.parameters.transaction_fuel_max;
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
        let fuel = self.chain.genesis.parameters.call_fuel_max;
        let call = QueryCall { module, function: name, arguments: &arguments, caller, fuel };
        let terms = Terms::from(&self.chain.genesis.parameters);
        let report =
            query(self.chain.executor.state(), &*self.vm, call, self.chain.context(caller), terms);
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
        match self.chain.execute(&KeyPair::development(from), wanted)? {
            Err(refusal) => Ok(told::refused(&refusal)),
            Ok(Done { executed, entries_changed, intrinsic }) => {
                let told = Told { world: self, function };
                told.transaction(&executed, entries_changed, intrinsic)
            }
        }
    }

    /// The state, to look at.
    pub fn view(&self) -> TransactionState<'_> {
        self.chain.view()
    }

    /// Address and code of a module, by its name or its address.
    fn module(&self, module: &str) -> Result<(AccountId, Hash), Failure> {
        let view = self.view();
        let id = match Address::parse(module, &self.chain.genesis.address_prefix) {
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
        let prefix = &self.chain.genesis.address_prefix;
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
        &self.chain.genesis.address_prefix
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

fn id_of(name: &str) -> AccountId {
    AccountId::of_key(&KeyPair::development(name).public_key())
}
