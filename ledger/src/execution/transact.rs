//! One ordered transaction, from its first check to its receipt. The rules are numbered in the
//! documentation of [`crate::execution`].

use crate::crypto::Hash;
use crate::genesis::Parameters;
use crate::module::{Call, CallEnd, CallKind, CallReport, EngineFailure, ModuleEngine};
use crate::receipt::{Code, FailureValue, Outcome, Receipt};
use crate::store::StoreError;
use crate::transaction::{AccountId, Action, SignedTransaction, Transaction, fee};

use super::authority::{Authority, AuthorityError, authorize};
use super::modules::Deployment;
use super::{
    AccountRecord, CallContext, Changes, CodeRecord, MoveError, NonceError, NonceWindow, StateKey,
    StateRead, Terms, TransactionState, fees_key, window_key,
};

/// Bytes of a note that are kept.
const NOTE_BYTES_MAX: usize = 8 * 1024;

/// Why an ordered copy of a transaction was passed over: it left no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// The signature does not fit.
    #[error("bad signature")]
    BadSignature,
    /// A price below the floor: it can never run on this chain.
    #[error("fuel price below the floor")]
    PriceBelowFloor,
    /// Ledger time had reached `valid_until_ms`.
    #[error("expired")]
    Expired,
    /// It deploys code that is neither attached to this copy nor deployed.
    #[error("missing attachment")]
    MissingAttachment,
    /// Who signed may not do it.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Its nonce: mostly the second copy of one that was executed.
    #[error(transparent)]
    Nonce(#[from] NonceError),
}

/// What became of an ordered copy.
pub(super) enum Transacted {
    /// Nothing.
    Skipped(SkipReason),
    /// It has a receipt.
    Executed { changes: Changes, receipt: Receipt, note: Option<String> },
}

/// What every transaction of a chain runs with.
pub(super) struct Rules<'a> {
    pub(super) parameters: &'a Parameters,
    pub(super) engine: &'a dyn ModuleEngine,
    /// Whether nothing of it will stay.
    pub(super) simulated: bool,
}

/// Why an action was not done: a failure of the transaction, unless it is the node's own.
pub(super) enum ActionError {
    Failure { code: Code, value: FailureValue, note: Option<String> },
    Node(EngineFailure),
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        Self::Node(error.into())
    }
}

pub(super) fn failure(code: Code) -> ActionError {
    ActionError::Failure { code, value: FailureValue::None, note: None }
}

/// Runs one copy of a transaction on `base`. Rules 1 and 2; the rest is [`Run`]'s.
pub(super) fn transact(
    rules: &Rules<'_>,
    base: &dyn StateRead,
    signed: &SignedTransaction,
    signatures_good: bool,
    context: CallContext,
) -> Result<Transacted, EngineFailure> {
    let tx = &signed.transaction;
    if !signatures_good {
        return Ok(Transacted::Skipped(SkipReason::BadSignature));
    }
    if tx.fuel_price < rules.parameters.fuel_price_floor {
        return Ok(Transacted::Skipped(SkipReason::PriceBelowFloor));
    }
    if context.time_ms >= tx.valid_until_ms {
        return Ok(Transacted::Skipped(SkipReason::Expired));
    }
    let attached = attached_code(signed);
    if !has_code(base, tx, &attached)? {
        return Ok(Transacted::Skipped(SkipReason::MissingAttachment));
    }
    let authority = match authorize(base, signed, context.time_ms)? {
        Ok(authority) => authority,
        Err(error) => return Ok(Transacted::Skipped(error.into())),
    };
    let id = context.transaction;
    let context = CallContext { by_scoped_key: authority.by_scoped_key, ..context };
    let mut state = TransactionState::new(base, context, Terms::from(rules.parameters));
    if rules.simulated {
        state = state.simulated();
    }
    let window_key = window_key(&tx.sender, &tx.key);
    let mut window: NonceWindow = state.record(&window_key)?.unwrap_or_default();
    if let Err(error) = window.consume(tx.nonce) {
        return Ok(Transacted::Skipped(error.into()));
    }
    state.put_record(window_key, &window);
    let notes = Vec::new();
    let run = Run { rules, signed, id, attached, authority, state, spent: 0, fuel_left: 0, notes };
    run.paid()
}

/// The attachments with their plain blake3 hashes, hashed once; mostly there are none.
fn attached_code(signed: &SignedTransaction) -> Vec<(Hash, &[u8])> {
    let attachments = signed.attachments.iter();
    attachments.map(|bytes| (Hash::of_content(bytes), bytes.as_slice())).collect()
}

fn has_code(
    base: &dyn StateRead,
    tx: &Transaction,
    attached: &[(Hash, &[u8])],
) -> Result<bool, StoreError> {
    for action in &tx.actions {
        if let Some(code) = action.code()
            && !attached.iter().any(|(hash, _)| hash == code)
            && base.code(code)?.is_none()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A transaction whose nonce is used up.
pub(super) struct Run<'a> {
    pub(super) rules: &'a Rules<'a>,
    pub(super) signed: &'a SignedTransaction,
    pub(super) id: Hash,
    pub(super) attached: Vec<(Hash, &'a [u8])>,
    authority: Authority,
    pub(super) state: TransactionState<'a>,
    /// Grains that left the sender's balance, fees apart. What goes in circles counts each time, so that the sum
    /// may be more than all grains there are: it stops at the highest number.
    spent: u64,
    /// Of `max_fuel`.
    fuel_left: u64,
    notes: Vec<String>,
}

impl Run<'_> {
    /// Rules 3 to 5.
    fn paid(mut self) -> Result<Transacted, EngineFailure> {
        let tx = &self.signed.transaction;
        let most = tx.max_fee();
        if let Err(limit) = self.within_limits() {
            self.notes.push(limit);
            return self.end(Outcome::Rejected { code: Code::KeyNotAllowed }, 0, 0);
        }
        let payer = StateKey::account(tx.fee_payer());
        let account: Option<AccountRecord> = self.state.record(&payer)?;
        let mut account = account.unwrap_or_default();
        if account.balance < most {
            let left = account.balance.min(self.rules.parameters.fee_reserve);
            account.balance -= left;
            if left > 0 {
                self.state.put_record(payer, &account);
            }
            let outcome = Outcome::Rejected { code: Code::BalanceTooLow };
            return self.end(outcome, 0, left);
        }
        account.balance -= most;
        self.state.put_record(payer.clone(), &account);
        let intrinsic = self.signed.intrinsic_fuel(self.rules.parameters);
        let outcome = match tx.max_fuel.checked_sub(intrinsic) {
            Some(left) => {
                self.fuel_left = left;
                self.actions()?
            }
            None => {
                Outcome::Failure { action: 0, code: Code::OutOfFuel, value: FailureValue::None }
            }
        };
        let used = tx.max_fuel - self.fuel_left;
        let paid = fee(used, tx.fuel_price);
        let mut account: AccountRecord =
            self.state.record(&payer)?.expect("an account that paid exists");
        account.balance += most - paid;
        self.state.put_record(payer, &account);
        self.end(outcome, used, paid)
    }

    fn sender_balance(&self) -> Result<u64, StoreError> {
        let account = self.state.account(&self.signed.transaction.sender)?;
        Ok(account.map_or(0, |account| account.balance))
    }

    /// Whether the keys that signed may spend what the actions did and the highest possible fee.
    fn within_limits(&self) -> Result<(), String> {
        let tx = &self.signed.transaction;
        let fee = tx.max_fee();
        if let Some(limits) = &self.authority.sender {
            let fee = if tx.payer.is_none() { fee } else { 0 };
            limits.check(self.spent.saturating_add(fee))?;
        }
        self.authority.payer.as_ref().map_or(Ok(()), |limits| limits.check(fee))
    }

    /// Books the fee, and what the keys that signed have spent, and writes the receipt.
    fn end(mut self, outcome: Outcome, used: u64, paid: u64) -> Result<Transacted, EngineFailure> {
        if let Some(limits) = self.authority.sender.take() {
            let fee = if self.signed.transaction.payer.is_none() { paid } else { 0 };
            limits.book(&mut self.state, self.spent.saturating_add(fee));
        }
        if let Some(limits) = self.authority.payer.take() {
            limits.book(&mut self.state, paid);
        }
        if paid > 0 {
            let fees: u64 = self.state.record(&fees_key())?.unwrap_or(0);
            self.state.put_record(fees_key(), &(fees + paid));
        }
        let succeeded = matches!(outcome, Outcome::Success { .. });
        let mut changes = self.state.finish(succeeded);
        for (hash, code) in &changes.code {
            self.rules.engine.prepare(hash, code)?;
        }
        let events = std::mem::take(&mut changes.events);
        let receipt = Receipt { transaction: self.id, outcome, fuel_used: used, fee: paid, events };
        let mut note = self.notes.join("\n");
        if note.len() > NOTE_BYTES_MAX {
            note.truncate(note.floor_char_boundary(NOTE_BYTES_MAX));
        }
        let note = Some(note).filter(|note| !note.is_empty());
        Ok(Transacted::Executed { changes, receipt, note })
    }

    /// Runs the actions in order, all or nothing.
    fn actions(&mut self) -> Result<Outcome, EngineFailure> {
        let savepoint = self.state.savepoint();
        let actions = &self.signed.transaction.actions;
        let mut results = Vec::with_capacity(actions.len());
        for (index, action) in (0u16..).zip(actions) {
            let mut end = self.action(index, action);
            if end.is_ok() {
                end = self.own_upgrades().and(end);
            }
            if end.is_ok() && usize::from(index) + 1 == actions.len() {
                end = self.settle_storage().and_then(|()| self.check_spent()).and(end);
            }
            match end {
                Ok(result) => results.push(result),
                Err(ActionError::Node(error)) => return Err(error),
                Err(ActionError::Failure { code, value, note }) => {
                    self.state.rollback(savepoint);
                    self.spent = 0;
                    self.notes.extend(note);
                    return Ok(Outcome::Failure { action: index, code, value });
                }
            }
        }
        Ok(Outcome::Success { results })
    }

    fn action(&mut self, index: u16, action: &Action) -> Result<Vec<u8>, ActionError> {
        match action {
            Action::Transfer { to, amount } => self.transfer(to, *amount),
            Action::Publish { code } => self.publish(code).map(|_| Vec::new()),
            Action::Deploy { code, name, arguments, upgrade } => {
                let name = name.as_deref();
                self.deploy(index, Deployment { code, name, arguments, upgrade })
            }
            Action::Invoke { module, function, arguments, deposit, interface } => {
                self.check_interface(module, interface.as_ref())?;
                self.invoke(module, function, arguments, *deposit)
            }
            Action::Change { module, change } => self.change(module, change),
            Action::Cancel { module, change } => self.cancel(module, change),
            Action::SetOwners { threshold, owners } => self.set_owners(*threshold, owners),
            Action::PutKey(key) => self.put_key(key),
            Action::RemoveKey { key } => self.remove_key(key),
        }
    }

    /// The scoped key's limits, with what the actions spent.
    fn check_spent(&self) -> Result<(), ActionError> {
        self.within_limits().map_err(|limit| ActionError::Failure {
            code: Code::KeyNotAllowed,
            value: FailureValue::None,
            note: Some(limit),
        })
    }

    /// Whether a module still has the interface that a call was made from.
    fn check_interface(
        &self,
        module: &AccountId,
        expected: Option<&Hash>,
    ) -> Result<(), ActionError> {
        let Some((expected, record)) = expected.zip(self.state.module(module)?) else {
            return Ok(());
        };
        let code: Option<CodeRecord> = self.state.record(&StateKey::code(&record.code))?;
        match code.is_some_and(|code| code.interface == *expected) {
            true => Ok(()),
            false => Err(failure(Code::InterfaceMismatch)),
        }
    }

    /// The sender pays for what modules store more than before, and gets back what they store less.
    fn settle_storage(&mut self) -> Result<(), ActionError> {
        let sender = self.signed.transaction.sender;
        let before = self.sender_balance()?;
        self.state.settle_storage(&sender)?.map_err(|_| ActionError::Failure {
            code: Code::BalanceTooLow,
            value: FailureValue::None,
            note: Some("the balance does not pay the deposit of what was stored".to_owned()),
        })?;
        let paid = before.saturating_sub(self.sender_balance()?);
        self.spent = self.spent.saturating_add(paid);
        Ok(())
    }

    fn transfer(&mut self, to: &AccountId, amount: u64) -> Result<Vec<u8>, ActionError> {
        self.ensure_account(to)?;
        self.pay(to, amount)?;
        Ok(Vec::new())
    }

    /// Moves grains of the sender's.
    fn pay(&mut self, to: &AccountId, amount: u64) -> Result<(), ActionError> {
        let sender = self.signed.transaction.sender;
        match self.state.transfer(&sender, to, amount)? {
            Ok(()) => {
                self.spent = self.spent.saturating_add(amount);
                Ok(())
            }
            Err(MoveError::Insufficient) => Err(failure(Code::BalanceTooLow)),
            Err(MoveError::NoSuchAccount) => unreachable!("whoever is paid was made before"),
        }
    }

    /// Makes an account when there is none; the sender pays its deposit.
    pub(super) fn ensure_account(&mut self, id: &AccountId) -> Result<(), ActionError> {
        if self.state.account(id)?.is_some() {
            return Ok(());
        }
        // Paid like a transfer, so the reserve stays; then locked.
        let deposit = self.rules.parameters.account_deposit;
        self.state.put_record(StateKey::account(id), &AccountRecord::default());
        self.pay(id, deposit)?;
        self.state.put_record(
            StateKey::account(id),
            &AccountRecord { deposit, ..AccountRecord::default() },
        );
        Ok(())
    }

    fn invoke(
        &mut self,
        module: &AccountId,
        function: &str,
        arguments: &[u8],
        deposit: u64,
    ) -> Result<Vec<u8>, ActionError> {
        if self.state.module(module)?.is_none() {
            return Err(failure(Code::ModuleNotFound));
        }
        if deposit > 0 {
            self.pay(module, deposit)?;
        }
        self.call(module, function, arguments, deposit, CallKind::Command)
    }

    pub(super) fn call(
        &mut self,
        module: &AccountId,
        function: &str,
        arguments: &[u8],
        attached: u64,
        kind: CallKind,
    ) -> Result<Vec<u8>, ActionError> {
        let fuel = self.fuel_left.min(self.rules.parameters.call_fuel_max);
        let caller = self.signed.transaction.sender;
        let call = Call { module: *module, function, arguments, caller, attached, fuel, kind };
        let CallReport { end, fuel_used, note } =
            self.rules.engine.call(&mut self.state, call).map_err(ActionError::Node)?;
        assert!(fuel_used <= fuel, "a call uses at most what it was given");
        self.fuel_left -= fuel_used;
        match end {
            CallEnd::Returned(result) => {
                self.notes.extend(note);
                Ok(result)
            }
            CallEnd::Failed { code, value } => Err(ActionError::Failure { code, value, note }),
        }
    }

    /// Uses up fuel outside of calls; all that is left when it is not enough.
    pub(super) fn burn(&mut self, fuel: u64) -> Result<(), ActionError> {
        match self.fuel_left.checked_sub(fuel) {
            Some(left) => {
                self.fuel_left = left;
                Ok(())
            }
            None => {
                self.fuel_left = 0;
                Err(failure(Code::OutOfFuel))
            }
        }
    }
}
