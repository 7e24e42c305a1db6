//! Deployments and calls: execution's side of the door to the module host.

use super::engine::{CALL_FUEL, DEPLOY_FUEL};
use super::*;
use crate::execution::modules::MODULE_FUEL;
use crate::transaction::UpgradePolicy;

const START: u64 = 10 * POLLEN;

fn deploy(code: &[u8], name: Option<&str>, arguments: &[u8]) -> Action {
    Action::Deploy {
        code: Hash::of_content(code),
        name: name.map(str::to_owned),
        arguments: arguments.to_vec(),
        upgrade: UpgradePolicy::Owner { delay_ms: 0 },
    }
}

fn invoke(module: AccountId, function: &str, arguments: &[u8], deposit: u64) -> Action {
    let (function, arguments) = (function.to_owned(), arguments.to_vec());
    Action::Invoke { module, function, arguments, deposit, interface: None }
}

fn world() -> World {
    World::new(&[("alice", START), ("bob", START)])
}

/// Deploys from alice, with the code attached, and answers receipt and address.
fn deployed(
    world: &mut World,
    nonce: u64,
    code: &[u8],
    name: Option<&str>,
) -> (Receipt, AccountId) {
    let tx = world.transaction("alice", nonce, vec![deploy(code, name, b"")]);
    let signed = world.sign_with("alice", tx, vec![code.to_vec()]);
    let module = AccountId::of_module(&world.id(&signed), 0);
    (world.commit(vec![signed]).receipts.remove(0), module)
}

fn failure(action: u16, code: Code) -> Outcome {
    Outcome::Failure { action, code, value: FailureValue::None }
}

#[test]
fn a_deployment_makes_an_account_a_record_a_name_and_calls_init() {
    let mut world = world();
    let (receipt, module) = deployed(&mut world, 0, b"m init", Some("counter"));
    assert_eq!(receipt.outcome, Outcome::Success { results: vec![module.0.to_vec()] });
    assert_eq!(receipt.events[0].name, "init");
    let state = TransactionState::new(world.executor.state(), context(&world), Terms::default());
    assert_eq!(state.resolve("counter").unwrap(), Some(module));
    let record = state.module(&module).unwrap().unwrap();
    assert_eq!(record.code, Hash::of_content(b"m init"));
    assert_eq!((record.creator, record.deployed_ms), (id_of("alice"), world.time_ms));
    assert_eq!(&*state.code(&record.code).unwrap().unwrap(), b"m init");
    // Of its account, and of the one entry that `init` wrote: a key of 5 bytes, a value of 1, and 64.
    let parameters = &world.genesis.parameters;
    let deposit = parameters.account_deposit + 70 * parameters.storage_byte_deposit;
    assert_eq!(
        world.account(&module),
        Some(AccountRecord { balance: 0, deposit, has_keys: false })
    );
    assert_eq!(world.balance("alice"), START - deposit - receipt.fee);
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

#[test]
fn deployment_fuel_is_charged_and_too_little_costs_all() {
    let mut world = world();
    let tx = world.transaction("alice", 0, vec![deploy(b"m", None, b"")]);
    let intrinsic = world
        .sign_with("alice", tx.clone(), vec![b"m".to_vec()])
        .intrinsic_fuel(&world.genesis.parameters);
    let mut poor = tx;
    poor.max_fuel = intrinsic + DEPLOY_FUEL + MODULE_FUEL - 1;
    let signed = world.sign_with("alice", poor.clone(), vec![b"m".to_vec()]);
    let receipt = world.commit(vec![signed]).receipts.remove(0);
    assert_eq!(receipt.outcome, failure(0, Code::OutOfFuel));
    assert_eq!(receipt.fuel_used, poor.max_fuel);
    let (receipt, _) = deployed(&mut world, 1, b"m", None);
    assert_eq!(receipt.fuel_used, intrinsic + DEPLOY_FUEL + MODULE_FUEL);
    // Code that is there was paid for.
    let (receipt, _) = deployed(&mut world, 2, b"m", None);
    assert_eq!(receipt.fuel_used, intrinsic + MODULE_FUEL);
}

/// Story: a Byzantine validator strips an attachment. Its copy is no occurrence; an honest one executes.
#[test]
fn a_copy_without_its_attachment_is_no_occurrence() {
    let mut world = world();
    let tx = world.transaction("alice", 0, vec![deploy(b"m", None, b"")]);
    let stripped = world.sign_with("alice", tx.clone(), Vec::new());
    let whole = world.sign_with("alice", tx, vec![b"m".to_vec()]);
    let committed = world.commit(vec![stripped, whole]);
    assert_eq!(committed.skipped, [SkipReason::MissingAttachment]);
    assert!(matches!(committed.receipts[0].outcome, Outcome::Success { .. }));
    // From now on the code is there, before and after the checkpoint is written.
    let receipt = world.run("alice", 1, deploy(b"m", None, b""));
    assert!(matches!(receipt.outcome, Outcome::Success { .. }));
    world.restart();
    let receipt = world.run("alice", 2, deploy(b"m", None, b""));
    assert!(matches!(receipt.outcome, Outcome::Success { .. }));
}

#[test]
fn refused_code_taken_names_and_idle_arguments_fail_without_a_trace() {
    let mut world = world();
    deployed(&mut world, 0, b"m", Some("taken"));
    let (receipt, module) = deployed(&mut world, 1, b"x", Some("free"));
    assert_eq!(receipt.outcome, failure(0, Code::CodeRefused));
    let at = world.database.location(&receipt.transaction).unwrap().unwrap();
    assert_eq!(world.database.note(at).unwrap().unwrap(), "code begins with an m");
    assert_eq!(world.account(&module), None);
    assert_eq!(world.executor.state().code(&Hash::of_content(b"x")).unwrap(), None);

    let (receipt, module) = deployed(&mut world, 2, b"m 2", Some("taken"));
    assert_eq!(receipt.outcome, failure(0, Code::NameTaken));
    assert_eq!(world.account(&module), None);
    assert_eq!(world.executor.state().code(&Hash::of_content(b"m 2")).unwrap(), None);

    let receipt = world.run("alice", 3, deploy(b"m", None, b"?"));
    assert_eq!(receipt.outcome, failure(0, Code::BadArguments));
}

#[test]
fn a_call_gets_its_deposit_and_leaves_result_and_events() {
    let mut world = world();
    let (_, module) = deployed(&mut world, 0, b"m", None);
    let receipt = world.run("bob", 0, invoke(module, "touch", b"abc", 25));
    assert_eq!(receipt.outcome, Outcome::Success { results: vec![vec![0]] });
    let event = Event { module, name: "touch".to_owned(), topics: vec![], data: b"abc".to_vec() };
    assert_eq!(receipt.events, [event]);
    assert_eq!(world.account(&module).unwrap().balance, 25);
    let to_alice = invoke(module, "forward", &id_of("alice").0, 30);
    let before = world.balance("alice");
    let receipt = world.run("bob", 1, to_alice);
    assert_eq!(receipt.outcome, Outcome::Success { results: vec![vec![1]] });
    assert_eq!(world.balance("alice"), before + 30);
}

#[test]
fn a_failing_call_undoes_everything_and_says_why() {
    let mut world = world();
    let (_, module) = deployed(&mut world, 0, b"m", None);
    let actions = vec![
        invoke(module, "touch", b"", 0),
        transfer("carol", 5),
        invoke(module, "refuse", b"", 1_000),
    ];
    let signed = world.sign("bob", 0, actions);
    let receipt = world.commit(vec![signed]).receipts.remove(0);
    let value = FailureValue::Message("refused".to_owned());
    assert_eq!(receipt.outcome, Outcome::Failure { action: 2, code: Code::ModuleError, value });
    assert_eq!(receipt.events, []);
    assert_eq!(world.account(&id_of("carol")), None);
    assert_eq!(world.account(&module).unwrap().balance, 0);
    assert_eq!(world.balance("bob"), START - receipt.fee);
    let at = world.database.location(&receipt.transaction).unwrap().unwrap();
    assert_eq!(world.database.note(at).unwrap().unwrap(), "at refuse");
    let count = world.executor.state().get(&StateKey::module(module, b"count")).unwrap();
    assert_eq!(count, None);
}

#[test]
fn unknown_modules_and_functions_have_their_codes() {
    let mut world = world();
    let (_, module) = deployed(&mut world, 0, b"m", None);
    let receipt = world.run("bob", 0, invoke(id_of("alice"), "touch", b"", 0));
    assert_eq!(receipt.outcome, failure(0, Code::ModuleNotFound));
    let receipt = world.run("bob", 1, invoke(module, "nothing", b"", 0));
    assert_eq!(receipt.outcome, failure(0, Code::FunctionNotFound));
    let receipt = world.run("bob", 2, invoke(module, "touch", b"", 100 * POLLEN));
    assert_eq!(receipt.outcome, failure(0, Code::BalanceTooLow));
}

/// A module that loops for ever stops at the chain's bound for a call, not at what the sender offered.
#[test]
fn a_call_gets_at_most_the_chains_bound_of_fuel() {
    let mut genesis = genesis(&[("alice", START), ("bob", START)]);
    genesis.parameters.call_fuel_max = 50 * CALL_FUEL;
    let mut world = World::of(genesis);
    let (_, module) = deployed(&mut world, 0, b"m", None);
    let signed = world.sign("bob", 0, vec![invoke(module, "spin", b"", 0)]);
    let intrinsic = signed.intrinsic_fuel(&world.genesis.parameters);
    let receipt = world.commit(vec![signed]).receipts.remove(0);
    assert_eq!(receipt.outcome, failure(0, Code::OutOfFuel));
    assert_eq!(receipt.fuel_used, intrinsic + 50 * CALL_FUEL);
}

/// A node that runs out of memory must not turn that into a result that others do not have.
#[test]
fn a_failure_of_the_host_is_no_result() {
    let mut world = world();
    let (_, module) = deployed(&mut world, 0, b"m", None);
    let signed = world.sign("bob", 0, vec![invoke(module, "broken-host", b"", 0)]);
    let block = block(&world.genesis, 0, 9, vec![signed]);
    let verdicts = verify_block_signatures(&block, &world.genesis.chain_id());
    let blocks = [(block, verdicts)];
    let input = CommitInput { blocks: &blocks, ..idle(2, world.time_ms) };
    assert!(matches!(world.executor.execute(&input), Err(ExecutionError::Engine(_))));
}

#[test]
fn a_query_reads_and_changes_nothing() {
    let mut world = world();
    let (_, module) = deployed(&mut world, 0, b"m", None);
    world.run("bob", 0, invoke(module, "touch", b"", 0));
    let call = QueryCall {
        module,
        function: "count",
        arguments: b"",
        caller: AccountId([0; 32]),
        fuel: 10 * CALL_FUEL,
    };
    let at = world.database.state_at(world.database.tip().unwrap().height);
    let report = query(&at, &TestEngine, call, context(&world), Terms::default()).unwrap();
    assert_eq!(report.end, crate::module::CallEnd::Returned(vec![1]));
    let nowhere = QueryCall { module: id_of("bob"), ..call };
    let report = query(&at, &TestEngine, nowhere, context(&world), Terms::default()).unwrap();
    assert!(matches!(
        report.end,
        crate::module::CallEnd::Failed { code: Code::ModuleNotFound, .. }
    ));
}
