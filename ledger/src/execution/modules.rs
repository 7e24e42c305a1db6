//! How modules come to be and change: what the ledger does for actions, and for modules themselves
//! (MODULES §4, DESIGN §4).
//!
//! Code is published once, under its hash, and checked then; modules are made of it and upgraded to it once
//! it is active. Who may change a module is its policy's to say: [`crate::policy`].

use crate::crypto::{Domain, Hash};
use crate::limits::{RANDOM_BYTES_MAX, SALT_BYTES_MAX, UPGRADES_PENDING_MAX};
use crate::module::CallKind;
use crate::policy::{ChangeReport, ModuleChange};
use crate::receipt::{Code, FailureValue};
use crate::store::StoreError;
use crate::transaction::{AccountId, UpgradePolicy};

use super::state::{CreateError, OwnUpgrade};
use super::transact::{ActionError, Run, failure};
use super::{
    AccountRecord, CodeRecord, ModuleRecord, ModuleVersion, MoveError, Namespace, Proposal,
    StateKey, TransactionState, Value,
};

/// Fuel of making a module of code that is on the ledger, or of changing one.
pub(super) const MODULE_FUEL: u64 = 100_000;

/// A new module's record.
fn new_module(code: Hash, creator: AccountId, upgrade: UpgradePolicy, now_ms: u64) -> ModuleRecord {
    ModuleRecord {
        code,
        creator,
        name: None,
        upgrade,
        deployed_ms: now_ms,
        version: 1,
        revision: 0,
        is_paused: false,
    }
}

fn told(code: Code, note: String) -> ActionError {
    ActionError::Failure { code, value: FailureValue::None, note: Some(note) }
}

/// A deployment as the transaction asks for it.
pub(super) struct Deployment<'a> {
    pub(super) code: &'a Hash,
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a [u8],
    pub(super) upgrade: &'a UpgradePolicy,
}

impl Run<'_> {
    /// Puts attached code on the ledger; nothing to do where it is there.
    pub(super) fn publish(&mut self, hash: &Hash) -> Result<CodeRecord, ActionError> {
        if let Some(record) = self.state.record(&StateKey::code(hash))? {
            return Ok(record);
        }
        let attached = self.attached.iter().find(|(attached, _)| attached == hash);
        let Some((_, code)) = attached else { return Err(failure(Code::CodeNotFound)) };
        let facts = self
            .rules
            .engine
            .inspect(code)
            .map_err(|refusal| told(Code::CodeRefused, refusal.reason))?;
        let code = Value::from(*code);
        self.burn(facts.deploy_fuel)?;
        let activation_ms = self.rules.parameters.code_activation_ms;
        let record = CodeRecord {
            active_ms: self.state.context().time_ms.saturating_add(activation_ms),
            bytes: code.len() as u32,
            has_init: facts.has_init,
            has_migrate: facts.has_migrate,
            interface: facts.interface,
        };
        self.state.put_record(StateKey::code(hash), &record);
        self.state.put_code(*hash, code);
        Ok(record)
    }

    /// Code that modules may run now, published by this very action where that is enough.
    fn active(&mut self, hash: &Hash) -> Result<CodeRecord, ActionError> {
        let record = self.publish(hash)?;
        if record.active_ms > self.state.context().time_ms {
            let note = format!(
                "the code {hash} is active from {} ms of ledger time on: publish it first, then wait",
                record.active_ms
            );
            return Err(told(Code::CodeNotActive, note));
        }
        Ok(record)
    }

    pub(super) fn deploy(
        &mut self,
        index: u16,
        deployment: Deployment<'_>,
    ) -> Result<Vec<u8>, ActionError> {
        let Deployment { code: hash, name, arguments, upgrade } = deployment;
        let code = self.active(hash)?;
        self.burn(MODULE_FUEL)?;
        check_arguments("init", code.has_init, arguments)?;
        let sender = self.signed.transaction.sender;
        let module = AccountId::of_module(&self.id, index);
        self.ensure_account(&module)?;
        if let Some(name) = name {
            let key = StateKey::ledger(Namespace::Names, name.as_bytes());
            if self.state.get(&key)?.is_some() {
                return Err(failure(Code::NameTaken));
            }
            self.state.put_record(key, &module);
        }
        let now_ms = self.state.context().time_ms;
        let mut record = new_module(*hash, sender, upgrade.clone(), now_ms);
        record.name = name.map(str::to_owned);
        self.state.put_module_record(&module, &record);
        self.state.put_version(&module, &record);
        if code.has_init {
            self.call(&module, "init", arguments, 0, CallKind::Init)?;
        }
        Ok(module.0.to_vec())
    }

    /// Agrees to a change, and makes it when it is due.
    pub(super) fn change(
        &mut self,
        module: &AccountId,
        change: &ModuleChange,
    ) -> Result<Vec<u8>, ActionError> {
        self.burn(MODULE_FUEL)?;
        let sender = self.signed.transaction.sender;
        let Some(record) = self.state.module(module)? else {
            return Err(failure(Code::ModuleNotFound));
        };
        let (policy, creator) = (&record.upgrade, &record.creator);
        if policy.weight(creator, &sender) == 0 {
            let note = match policy {
                UpgradePolicy::Never => "the module can never be changed",
                UpgradePolicy::Itself => "only the module itself can change its code",
                UpgradePolicy::Owner { .. } => "only who deployed the module may change it",
                UpgradePolicy::Keys { .. } => "the sender is not among those who may change it",
            };
            return Err(told(Code::PolicyNotMet, note.to_owned()));
        }
        let digest = change.digest(module, record.revision);
        let key = StateKey::change(module, &digest);
        let mut proposal: Proposal = self.state.record(&key)?.unwrap_or_default();
        if !proposal.approvals.contains(&sender) {
            proposal.approvals.push(sender);
        }
        let weights = proposal.approvals.iter().map(|who| policy.weight(creator, who));
        let weight = weights.fold(0, u32::saturating_add);
        let now_ms = self.state.context().time_ms;
        if weight >= policy.threshold() && proposal.ready_ms.is_none() {
            let delay_ms = if change.waits() { policy.delay_ms() } else { 0 };
            proposal.ready_ms = Some(now_ms.saturating_add(delay_ms));
        }
        let is_made = proposal.ready_ms.is_some_and(|ready_ms| now_ms >= ready_ms);
        let report = ChangeReport {
            is_made,
            change: digest,
            weight,
            threshold: policy.threshold(),
            ready_ms: proposal.ready_ms,
        };
        if is_made {
            self.state.put(key, None);
            self.make_change(module, record, change)?;
        } else {
            self.state.put_record(key, &proposal);
        }
        Ok(crate::codec::encode(&report))
    }

    fn make_change(
        &mut self,
        module: &AccountId,
        mut record: ModuleRecord,
        change: &ModuleChange,
    ) -> Result<(), ActionError> {
        match change {
            ModuleChange::Upgrade { code, arguments } => {
                return self.upgrade(module, record, code, arguments);
            }
            ModuleChange::Policy(policy) => record.upgrade = policy.clone(),
            ModuleChange::Pause => record.is_paused = true,
            ModuleChange::Resume => record.is_paused = false,
        }
        record.revision += 1;
        self.state.put_module_record(module, &record);
        Ok(())
    }

    /// Gives a module other code and runs its `migrate`.
    fn upgrade(
        &mut self,
        module: &AccountId,
        mut record: ModuleRecord,
        hash: &Hash,
        arguments: &[u8],
    ) -> Result<(), ActionError> {
        let code = self.active(hash)?;
        check_arguments("migrate", code.has_migrate, arguments)?;
        record.code = *hash;
        record.version += 1;
        record.revision += 1;
        self.state.put_module_record(module, &record);
        self.state.put_version(module, &record);
        if code.has_migrate {
            // The new code may change the record in turn (`freeze`): it is not touched after this.
            self.call(module, "migrate", arguments, 0, CallKind::Migrate)?;
        }
        Ok(())
    }

    /// Makes the upgrades that modules asked for while the action ran.
    pub(super) fn own_upgrades(&mut self) -> Result<(), ActionError> {
        let mut made = 0;
        while let Some(OwnUpgrade { module, code, arguments }) = self.state.next_upgrade() {
            made += 1;
            if made > UPGRADES_PENDING_MAX {
                return Err(failure(Code::LimitExceeded));
            }
            self.burn(MODULE_FUEL)?;
            let record = self.state.module(&module)?.expect("a module that ran exists");
            // It may have frozen itself after it had asked.
            if record.upgrade != UpgradePolicy::Itself {
                continue;
            }
            self.upgrade(&module, record, &code, &arguments)?;
        }
        Ok(())
    }

    /// Takes back one's agreement.
    pub(super) fn cancel(
        &mut self,
        module: &AccountId,
        change: &Hash,
    ) -> Result<Vec<u8>, ActionError> {
        self.burn(MODULE_FUEL)?;
        let sender = self.signed.transaction.sender;
        let key = StateKey::change(module, change);
        let mut proposal: Proposal = self.state.record(&key)?.unwrap_or_default();
        let before = proposal.approvals.len();
        proposal.approvals.retain(|who| *who != sender);
        if proposal.approvals.len() == before {
            let note = "the sender did not agree to that change, or it was made".to_owned();
            return Err(told(Code::PolicyNotMet, note));
        }
        // Whoever took part can stop it: what is left must be enough again, and wait again.
        proposal.ready_ms = None;
        if proposal.approvals.is_empty() {
            self.state.put(key, None);
        } else {
            self.state.put_record(key, &proposal);
        }
        Ok(Vec::new())
    }
}

fn check_arguments(function: &str, is_there: bool, arguments: &[u8]) -> Result<(), ActionError> {
    if is_there || arguments.is_empty() {
        return Ok(());
    }
    Err(told(Code::BadArguments, format!("the module has no {function}, so it takes no arguments")))
}

/// What modules may ask for themselves.
impl TransactionState<'_> {
    /// Writes a module's record.
    pub(super) fn put_module_record(&mut self, module: &AccountId, record: &ModuleRecord) {
        self.put_record(StateKey::module_record(module), record);
    }

    /// Remembers since when a module has its code.
    pub(super) fn put_version(&mut self, module: &AccountId, record: &ModuleRecord) {
        let (since_ms, transaction) = (self.context().time_ms, self.context().transaction);
        let version = ModuleVersion { code: record.code, since_ms, transaction };
        self.put_record(StateKey::version(module, record.version), &version);
    }

    /// The child that `parent` makes with `salt`, of at most [`SALT_BYTES_MAX`] bytes.
    pub fn child(parent: &AccountId, salt: &[u8]) -> AccountId {
        assert!(salt.len() <= SALT_BYTES_MAX, "the host bounds a salt before it is used");
        AccountId::of_child(parent, salt)
    }

    /// Makes `child` a module of `parent`'s, out of active code. `attached` grains go from the parent to it,
    /// its account's deposit first. Returns its code, and what is left of the grains. Its `init` is the
    /// caller's to run; on any error it is the caller's to roll back.
    pub fn create_module(
        &mut self,
        parent: &AccountId,
        child: &AccountId,
        code: &Hash,
        attached: u64,
    ) -> Result<Result<(CodeRecord, u64), CreateError>, StoreError> {
        let Some(facts) = self.active_code(code)? else { return Ok(Err(CreateError::NoSuchCode)) };
        if self.module(child)?.is_some() {
            return Ok(Err(CreateError::AddressTaken));
        }
        let mut left = attached;
        if self.account(child)?.is_none() {
            let deposit = self.terms().account_deposit;
            let Some(rest) = attached.checked_sub(deposit) else {
                return Ok(Err(CreateError::Insufficient));
            };
            left = rest;
            let mut payer = self.account(parent)?.unwrap_or_default();
            let Some(balance) = payer.balance.checked_sub(deposit) else {
                return Ok(Err(CreateError::Insufficient));
            };
            payer.balance = balance;
            self.put_record(StateKey::account(parent), &payer);
            self.put_record(
                StateKey::account(child),
                &AccountRecord { deposit, ..AccountRecord::default() },
            );
        }
        if left > 0 {
            match self.transfer(parent, child, left)? {
                Ok(()) => {}
                Err(MoveError::Insufficient | MoveError::NoSuchAccount) => {
                    return Ok(Err(CreateError::Insufficient));
                }
            }
        }
        let record = new_module(*code, *parent, UpgradePolicy::Itself, self.context().time_ms);
        self.put_module_record(child, &record);
        self.put_version(child, &record);
        Ok(Ok((facts, left)))
    }

    /// Makes sure that nobody changes the module any more.
    pub fn freeze(&mut self, module: &AccountId) -> Result<(), StoreError> {
        let mut record = self.module(module)?.expect("a module that runs exists");
        if record.upgrade != UpgradePolicy::Never {
            record.upgrade = UpgradePolicy::Never;
            record.revision += 1;
            self.put_module_record(module, &record);
        }
        Ok(())
    }

    /// `n` bytes, at most [`RANDOM_BYTES_MAX`], other ones at each call: blake3's output over commit,
    /// transaction, module and the number of the call. Block authors can choose among several commits.
    pub fn random(&mut self, module: &AccountId, n: usize) -> Vec<u8> {
        assert!(n <= RANDOM_BYTES_MAX, "the host bounds random bytes before they are made");
        self.random_calls += 1;
        let mut hasher = Domain::ModuleRandom.hasher();
        hasher.update(&self.context().commit.0);
        hasher.update(&self.context().transaction.0);
        hasher.update(&module.0);
        hasher.update(&self.random_calls.to_le_bytes());
        let mut bytes = vec![0; n];
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }
}
