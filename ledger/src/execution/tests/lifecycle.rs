//! What becomes of a module after its deployment: upgrades, policies, pauses, and the deposit of what it stores.

use super::engine::DEPLOY_FUEL;
use std::collections::BTreeMap;

use super::*;
use crate::codec;
use crate::execution::{CodeRecord, ModuleVersion, StateKey, Terms};
use crate::limits::STORAGE_ENTRY_BYTES;
use crate::policy::{ChangeReport, ModuleChange, PolicyKey};
use crate::transaction::UpgradePolicy;

const START: u64 = 10 * POLLEN;
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "mallory"];

/// A chain with a module of `m`'s under a policy, and its people.
struct Chain {
    world: World,
    module: AccountId,
    nonces: BTreeMap<&'static str, u64>,
}

impl Chain {
    fn with(policy: UpgradePolicy) -> Self {
        let world = World::new(&PEOPLE.map(|name| (name, START)));
        let mut chain = Self { world, module: AccountId([0; 32]), nonces: BTreeMap::new() };
        let code = Hash::of_content(b"m");
        let deploy = Action::Deploy { code, name: None, arguments: Vec::new(), upgrade: policy };
        let receipt = chain.run("alice", deploy, &[b"m"]);
        let Outcome::Success { results } = receipt.outcome else { panic!("{receipt:?}") };
        chain.module = AccountId(results[0].as_slice().try_into().unwrap());
        chain
    }

    fn run(&mut self, who: &'static str, action: Action, attached: &[&[u8]]) -> Receipt {
        let nonce = self.nonces.entry(who).or_default();
        let tx = self.world.transaction(who, *nonce, vec![action]);
        *nonce += 1;
        let attached = attached.iter().map(|bytes| bytes.to_vec()).collect();
        let signed = self.world.sign_with(who, tx, attached);
        self.world.commit(vec![signed]).receipts.remove(0)
    }

    fn change(&mut self, who: &'static str, change: ModuleChange) -> Result<ChangeReport, Code> {
        let attached: &[&[u8]] = match &change {
            ModuleChange::Upgrade { code, .. } if *code == Hash::of_content(NEW) => &[NEW],
            _ => &[],
        };
        let receipt = self.run(who, Action::Change { module: self.module, change }, attached);
        match receipt.outcome {
            Outcome::Success { results } => {
                Ok(codec::decode(&results[0], results[0].len()).unwrap())
            }
            Outcome::Failure { code, .. } | Outcome::Rejected { code } => Err(code),
        }
    }

    fn record(&self) -> crate::execution::ModuleRecord {
        self.read(&StateKey::module_record(&self.module)).unwrap()
    }

    fn read<T: borsh::BorshDeserialize>(&self, key: &StateKey) -> Option<T> {
        let value = self.world.executor.state().get(key).unwrap()?;
        Some(T::try_from_slice(&value).unwrap())
    }

    fn invoke(&mut self, who: &'static str, function: &str, arguments: &[u8]) -> Receipt {
        let (function, arguments) = (function.to_owned(), arguments.to_vec());
        let action = Action::Invoke {
            module: self.module,
            function,
            arguments,
            deposit: 0,
            interface: None,
        };
        self.run(who, action, &[])
    }

    fn deposit(&self) -> u64 {
        self.world.account(&self.module).unwrap().deposit
    }
}

/// The code that modules are upgraded to.
const NEW: &[u8] = b"m migrate";

fn upgrade() -> ModuleChange {
    ModuleChange::Upgrade { code: Hash::of_content(NEW), arguments: Vec::new() }
}

fn owner(delay_ms: u64) -> UpgradePolicy {
    UpgradePolicy::Owner { delay_ms }
}

fn keys(threshold: u32, people: &[(&str, u32)]) -> UpgradePolicy {
    let keys =
        people.iter().map(|(name, weight)| PolicyKey { account: id_of(name), weight: *weight });
    UpgradePolicy::Keys { threshold, keys: keys.collect(), delay_ms: 0 }
}

/// An upgrade keeps address and state, runs `migrate` once, and leaves a trace of both codes.
#[test]
fn an_upgrade_keeps_the_state_and_migrates() {
    let mut chain = Chain::with(owner(0));
    chain.invoke("bob", "touch", b"");
    let report = chain.change("alice", upgrade()).unwrap();
    assert!(report.is_made);
    let record = chain.record();
    assert_eq!((record.code, record.version, record.revision), (Hash::of_content(NEW), 2, 1));
    let version = |number| {
        let version: ModuleVersion = chain.read(&StateKey::version(&chain.module, number)).unwrap();
        version.code
    };
    assert_eq!((version(1), version(2)), (Hash::of_content(b"m"), Hash::of_content(NEW)));
    // The old code's `touch` and the new code's `migrate` counted in the same entry.
    let key = StateKey::module(chain.module, b"count");
    assert_eq!(&*chain.world.executor.state().get(&key).unwrap().unwrap(), [2]);
}

/// A `migrate` that fails leaves the old code running.
#[test]
fn a_migration_that_fails_undoes_the_upgrade() {
    let mut chain = Chain::with(owner(0));
    let code = Hash::of_content(NEW);
    let refused = ModuleChange::Upgrade { code, arguments: b"refuse".to_vec() };
    assert_eq!(chain.change("alice", refused), Err(Code::ModuleError));
    assert_eq!(chain.record().code, Hash::of_content(b"m"));
    assert_eq!(chain.read::<CodeRecord>(&StateKey::code(&code)), None, "the code went, too");
}

/// Only those whom the policy names have a say; under `never` and `itself` nobody has.
#[test]
fn strangers_have_no_say() {
    for policy in [owner(0), keys(1, &[("alice", 1)]), UpgradePolicy::Never, UpgradePolicy::Itself]
    {
        let nobody = matches!(policy, UpgradePolicy::Never | UpgradePolicy::Itself);
        let mut chain = Chain::with(policy);
        for change in [upgrade(), ModuleChange::Pause, ModuleChange::Policy(owner(0))] {
            assert_eq!(chain.change("mallory", change.clone()), Err(Code::PolicyNotMet));
            if nobody {
                assert_eq!(chain.change("alice", change), Err(Code::PolicyNotMet));
            }
        }
        assert_eq!(chain.record().revision, 0);
    }
}

/// Weights add up over accounts, each counts once, and what was agreed to is the very same change.
#[test]
fn a_change_needs_its_weight() {
    let mut chain = Chain::with(keys(3, &[("alice", 2), ("bob", 1), ("carol", 1)]));
    let report = chain.change("alice", upgrade()).unwrap();
    assert_eq!((report.is_made, report.weight, report.ready_ms), (false, 2, None));
    // Again by the same, and another change by the others: both count for nothing here.
    assert_eq!(chain.change("alice", upgrade()).unwrap().weight, 2);
    assert!(!chain.change("bob", ModuleChange::Pause).unwrap().is_made);
    assert_eq!(chain.record().version, 1);
    let report = chain.change("carol", upgrade()).unwrap();
    assert_eq!((report.is_made, report.weight), (true, 3));
    assert_eq!(chain.record().version, 2);
    // Bob agreed to a pause of the revision before: that agreement is gone.
    assert!(!chain.change("carol", ModuleChange::Pause).unwrap().is_made);
    assert!(chain.change("alice", ModuleChange::Pause).unwrap().is_made);
}

/// A delay gives users the time to leave: the change is made by sending it again when it is over, not before.
/// A pause does not wait.
#[test]
fn a_delay_is_waited_for() {
    let mut chain = Chain::with(owner(60_000));
    let report = chain.change("alice", upgrade()).unwrap();
    let ready_ms = report.ready_ms.unwrap();
    assert!(!report.is_made && ready_ms >= chain.world.time_ms + 59_000);
    assert!(chain.change("alice", ModuleChange::Pause).unwrap().is_made, "a pause does not wait");
    // The pause was a change of its own: what was agreed before has to be agreed again.
    let ready_ms = chain.change("alice", upgrade()).unwrap().ready_ms.unwrap();
    assert!(!chain.change("alice", upgrade()).unwrap().is_made);
    chain.world.time_ms = ready_ms;
    assert!(chain.change("alice", upgrade()).unwrap().is_made);
    assert_eq!(chain.record().version, 2);
}

/// Whoever agreed can take it back, and a wait that ran begins anew.
#[test]
fn an_agreement_can_be_taken_back() {
    let mut chain = Chain::with(owner(1_000));
    let report = chain.change("alice", upgrade()).unwrap();
    let cancel = Action::Cancel { module: chain.module, change: report.change };
    let receipt = chain.run("mallory", cancel.clone(), &[]);
    assert!(matches!(receipt.outcome, Outcome::Failure { code: Code::PolicyNotMet, .. }));
    let receipt = chain.run("alice", cancel, &[]);
    assert!(matches!(receipt.outcome, Outcome::Success { .. }), "{receipt:?}");
    assert_eq!(chain.read::<Vec<u8>>(&StateKey::change(&chain.module, &report.change)), None);
    chain.world.time_ms += 5_000;
    assert!(!chain.change("alice", upgrade()).unwrap().is_made);
}

/// A module may replace itself under the policy `itself`: after its own call, and then `migrate` runs.
#[test]
fn a_module_upgrades_itself() {
    let mut chain = Chain::with(UpgradePolicy::Itself);
    let code = Hash::of_content(NEW);
    let receipt = chain.run("bob", Action::Publish { code }, &[NEW]);
    assert!(receipt.fuel_used > DEPLOY_FUEL, "{receipt:?}");
    let receipt = chain.invoke("bob", "upgrade-to", &code.0);
    assert!(matches!(receipt.outcome, Outcome::Success { .. }), "{receipt:?}");
    assert_eq!(chain.record().code, code);
    let names: Vec<_> = receipt.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["upgrade-to", "migrate"]);
}

/// "No upgrade ever again" is for the upgrade too that the module asked for a moment before: such a one was made
/// at the action's end, though the record said by then that nobody may.
#[test]
fn a_frozen_module_makes_no_upgrade_that_it_asked_for() {
    let mut chain = Chain::with(UpgradePolicy::Itself);
    let code = Hash::of_content(NEW);
    let before = chain.record().code;
    chain.run("bob", Action::Publish { code }, &[NEW]);
    let receipt = chain.invoke("bob", "upgrade-and-freeze", &code.0);
    assert!(matches!(receipt.outcome, Outcome::Success { .. }), "{receipt:?}");
    let record = chain.record();
    assert_eq!((record.code, record.upgrade), (before, UpgradePolicy::Never));
    let names: Vec<_> = receipt.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["upgrade-and-freeze"]);
}

/// Code that waits for its activation cannot be used before, and needs no attachment then.
#[test]
fn code_is_used_when_it_is_active() {
    let mut world = World::new(&[("alice", START)]);
    let mut genesis = world.genesis.clone();
    genesis.parameters.code_activation_ms = 3_000;
    world = World::of(genesis);
    let code = Hash::of_content(b"m");
    let upgrade = UpgradePolicy::Never;
    let deploy = Action::Deploy { code, name: None, arguments: Vec::new(), upgrade };
    let attached = |world: &mut World, nonce, action, attachments: Vec<Vec<u8>>| {
        let tx = world.transaction("alice", nonce, vec![action]);
        let signed = world.sign_with("alice", tx, attachments);
        world.commit(vec![signed]).receipts.remove(0).outcome
    };
    let early = attached(&mut world, 0, deploy.clone(), vec![b"m".to_vec()]);
    assert!(matches!(early, Outcome::Failure { code: Code::CodeNotActive, .. }), "{early:?}");
    let published = attached(&mut world, 1, Action::Publish { code }, vec![b"m".to_vec()]);
    assert!(matches!(published, Outcome::Success { .. }));
    let active_ms = world.time_ms + 3_000;
    let early = attached(&mut world, 2, deploy.clone(), Vec::new());
    assert!(matches!(early, Outcome::Failure { code: Code::CodeNotActive, .. }), "{early:?}");
    world.time_ms = active_ms;
    let deployed = attached(&mut world, 3, deploy, Vec::new());
    assert!(matches!(deployed, Outcome::Success { .. }), "{deployed:?}");
}

/// Whoever leaves an entry behind pays its deposit, whoever removes it gets it back; no grain is made or lost.
#[test]
fn storage_has_its_deposit() {
    let mut chain = Chain::with(owner(0));
    let price = chain.world.genesis.parameters.storage_byte_deposit;
    let entry = (b"count".len() + 1 + STORAGE_ENTRY_BYTES) as u64 * price;
    let before = chain.deposit();
    let (bob, carol) = (chain.world.balance("bob"), chain.world.balance("carol"));
    let touched = chain.invoke("bob", "touch", b"");
    assert_eq!(chain.deposit(), before + entry);
    assert_eq!(chain.world.balance("bob"), bob - entry - touched.fee);
    // Again: the entry is there, of the same size.
    let again = chain.invoke("bob", "touch", b"");
    assert_eq!(chain.world.balance("bob"), bob - entry - touched.fee - again.fee);
    let state = chain.world.executor.state();
    let terms = Terms::from(&chain.world.genesis.parameters);
    let state = TransactionState::new(state, context(&chain.world), terms);
    let stored = state.stored_bytes(&chain.module).unwrap();
    assert_eq!(stored * price, entry);
    let forgot = chain.invoke("carol", "forget", b"");
    assert_eq!(chain.world.balance("carol"), carol + entry - forgot.fee);
    assert_eq!(chain.deposit(), before);
    // A call that fails leaves nothing behind, and no deposit.
    chain.invoke("bob", "refuse", b"");
    assert_eq!(chain.deposit(), before);
}

/// Who cannot pay the deposit leaves nothing behind.
#[test]
fn a_deposit_that_cannot_be_paid_undoes_the_call() {
    let mut chain = Chain::with(owner(0));
    let reserve = chain.world.genesis.parameters.fee_reserve;
    // What is left beside the reserve pays fees, and no entry of 70 bytes.
    let left = FUEL / 1_000 + 20_000;
    let send = Action::Transfer {
        to: id_of("alice"),
        amount: chain.world.balance("bob") - reserve - left,
    };
    let receipt = chain.run("bob", send, &[]);
    assert!(matches!(receipt.outcome, Outcome::Success { .. }), "{receipt:?}");
    let receipt = chain.invoke("bob", "touch", b"");
    let outcome = receipt.outcome;
    assert!(matches!(outcome, Outcome::Failure { code: Code::BalanceTooLow, .. }), "{outcome:?}");
    let key = StateKey::module(chain.module, b"count");
    assert_eq!(chain.world.executor.state().get(&key).unwrap(), None);
}

fn context(world: &World) -> CallContext {
    CallContext {
        chain_id: world.genesis.chain_id(),
        transaction: Hash::ZERO,
        signer: AccountId([0; 32]),
        by_scoped_key: false,
        time_ms: world.time_ms,
        round: 0,
        commit: Hash::ZERO,
        position: 0,
    }
}
