//! A simulation says what execution does, and changes nothing.

use pollen_ledger::execution::{CallContext, Simulation, SkipReason, position, simulate};
use pollen_ledger::receipt::{Code, Outcome};
use pollen_ledger::store::MemoryStore;
use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action, Hash, SignedTransaction};
use serde_json::json;
use std::sync::Arc;

use super::world::{World, component, id_of, vm};

const FUEL: u64 = 100_000_000;

/// What the next commit would do to a transaction.
fn simulated(world: &World, signed: &SignedTransaction) -> Result<Simulation, SkipReason> {
    let index = world.executor.next_commit();
    let context = CallContext {
        chain_id: world.genesis.chain_id(),
        transaction: signed.transaction.id(&world.genesis.chain_id()),
        signer: signed.transaction.sender,
        by_scoped_key: false,
        time_ms: world.time_ms + world.genesis.parameters.checkpoint_interval_max_ms,
        round: index as u32,
        commit: Hash::of_content(&index.to_le_bytes()),
        position: position(index, 0),
    };
    let state = world.executor.state();
    simulate(state, &*world.vm, &world.genesis.parameters, signed, context).unwrap()
}

/// A wallet shows what a simulation says, and a developer looks for faults by it: so outcome, fuel, fee and events are
/// those of execution, of what succeeds and of what fails, and what it says of the state is what was written.
#[test]
fn a_simulation_is_what_execution_does() {
    let mut world = World::of(vm(None), Arc::new(MemoryStore::new()));
    let cold = world.deploy("coldchain", &json!([]));
    let router = world.deploy("router", &json!([]));
    let open = world.action(&cold, "open-box", &json!(["box-1", 8.0, null, null]));
    let record = world.action(&cold, "record", &json!(["box-1", 9.5]));
    let unknown = world.action(&cold, "record", &json!(["box-2", 9.5]));
    let transfer = Action::Transfer { to: AccountId([9; 32]), amount: 5 };
    let too_much = Action::Transfer { to: AccountId([9; 32]), amount: u64::MAX };
    let missing = Action::Invoke {
        module: AccountId([8; 32]),
        function: "any".to_owned(),
        arguments: Vec::new(),
        deposit: 0,
        interface: None,
    };
    let _ = router;
    for (actions, fuel) in [
        (vec![transfer.clone()], FUEL),
        (vec![open], FUEL),
        (vec![record.clone(), transfer], FUEL),
        (vec![record.clone()], 150_000),
        (vec![unknown], FUEL),
        (vec![record, too_much], FUEL),
        (vec![missing], FUEL),
    ] {
        let signed = world.sign("alice", fuel, actions.clone(), Vec::new());
        let first = simulated(&world, &signed).unwrap();
        let again = simulated(&world, &signed).unwrap();
        assert_eq!(first, again, "nothing of a simulation stays");
        let before: Vec<_> = first
            .changes
            .iter()
            .map(|change| world.executor.state().get(&change.key).unwrap())
            .collect();
        let (receipts, skipped) = world.commit(std::slice::from_ref(&signed));
        assert_eq!(skipped, []);
        assert_eq!(first.receipt, receipts[0], "{actions:?}");
        for (change, before) in first.changes.iter().zip(before) {
            assert_eq!(change.before, before, "{:?}", change.key);
            assert_eq!(world.executor.state().get(&change.key).unwrap(), change.after);
        }
        let called =
            actions.iter().filter(|action| matches!(action, Action::Invoke { .. })).count();
        assert!(first.calls.len() <= called + 1 && first.reads.len() > 1);
        if let (Outcome::Success { .. }, [call]) = (&first.receipt.outcome, &first.calls[..]) {
            assert_eq!((call.depth, call.failed), (0, None));
            assert!(call.fuel_used > 100_000 && call.fuel_used < first.receipt.fuel_used);
        }
    }
    // Its nonce is used now: no trace.
    let used = world.sign(
        "alice",
        FUEL,
        vec![Action::Transfer { to: AccountId([9; 32]), amount: 1 }],
        Vec::new(),
    );
    world.commit(std::slice::from_ref(&used));
    assert!(matches!(simulated(&world, &used), Err(SkipReason::Nonce(_))));
}

/// Whoever asks for a simulation pays nothing, so that it compiles nothing: code that is not on the ledger is looked at
/// and not run.
#[test]
fn a_simulation_runs_no_code_of_strangers() {
    let mut world = World::of(vm(None), Arc::new(MemoryStore::new()));
    let code = component("token");
    let hash = Hash::of_content(&code);
    let deploy = |arguments| Action::Deploy {
        code: hash,
        name: None,
        arguments,
        upgrade: UpgradePolicy::Never,
    };
    let signed = world.sign("alice", 900_000_000, vec![deploy(vec![1])], vec![code.to_vec()]);
    let simulation = simulated(&world, &signed).unwrap();
    assert!(
        matches!(simulation.receipt.outcome, Outcome::Failure { code: Code::CodeNotActive, .. }),
        "{:?}",
        simulation.receipt
    );
    assert!(simulation.note.unwrap().contains("publish it first"));
    assert_eq!(world.vm.last_used(&hash), None, "nothing was compiled");
    assert_eq!(signed.transaction.sender, id_of("alice"));
}
