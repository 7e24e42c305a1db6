//! What becomes of modules after their deployment, with real components: what they may ask for themselves, and
//! what people do with them on the command line.

use pollen_ledger::execution::StateKey;
use pollen_ledger::module::CallEnd;
use pollen_ledger::receipt::{Code, Outcome, Receipt};
use pollen_ledger::transaction::{ModuleChange, UpgradePolicy};
use pollen_ledger::{AccountId, Action, Hash};
use pollen_rpc::api::ModuleCodeParams;
use serde_json::{Value, json};

use crate::harness::Network;
use crate::world::{CALL_FUEL, DEPLOY_FUEL, Deployed, World, code_of, component, contracts};

/// Makes the code of a module of this repository known, without a module.
fn publish(world: &mut World, name: &str) -> Hash {
    let code = component(name);
    let hash = Hash::of_content(&code);
    let action = Action::Publish { code: hash };
    let signed = world.sign("bob", DEPLOY_FUEL, vec![action], vec![code.to_vec()]);
    let (receipts, _) = world.commit(&[signed]);
    assert_eq!(code_of(&receipts[0]), None, "{:?}", world.note(&receipts[0]));
    hash
}

fn returned(receipt: &Receipt) -> &[u8] {
    match &receipt.outcome {
        Outcome::Success { results } => &results[0],
        other => panic!("{other:?}"),
    }
}

fn answer<T: borsh::BorshDeserialize>(
    world: &World,
    module: &Deployed,
    function: &str,
    arguments: impl borsh::BorshSerialize,
) -> T {
    match world.query_raw(module, function, arguments).end {
        CallEnd::Returned(bytes) => borsh::from_slice(&bytes).unwrap(),
        end => panic!("{end:?}"),
    }
}

/// `MODULE`, as its record stands now.
fn record(world: &World, module: &Deployed) -> pollen_ledger::execution::ModuleRecord {
    let key = StateKey::module_record(&module.id);
    borsh::from_slice(&world.executor.state().get(&key).unwrap().unwrap()).unwrap()
}

/// A module makes modules: at an address that its salt alone decides, once, with `init`, paid by it.
#[test]
fn a_module_makes_modules() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let counter = publish(&mut world, "counter");
    let deposit = world.genesis.parameters.account_deposit;
    let ended =
        |world: &World| -> Option<Vec<u8>> { answer(world, &probe, "get", b"ended".to_vec()) };
    let create = |world: &mut World, code: Hash, salt: &[u8], init: &[u8], attach: u64| {
        let arguments = (code.0, salt.to_vec(), init.to_vec(), attach);
        let receipt = world.call_raw("bob", &probe, "create", arguments);
        AccountId(returned(&receipt).try_into().unwrap())
    };
    let seven = 7u64.to_le_bytes();
    // The probe holds nothing yet: nobody pays the deposit.
    assert_eq!(create(&mut world, counter, b"a", &seven, deposit), AccountId([0; 32]));
    assert_eq!(ended(&world).unwrap(), b"insufficient");
    let send = Action::Transfer { to: probe.id, amount: 10 * deposit };
    assert_eq!(code_of(&world.run("bob", CALL_FUEL, vec![send])), None);

    let child = create(&mut world, counter, b"a", &seven, deposit + 5);
    assert_eq!(child, AccountId::of_child(&probe.id, b"a"));
    let interface = pollen_vm::Interface::from_component(&component("counter")).unwrap();
    let child = Deployed { id: child, interface };
    assert_eq!(world.ask(&child, "get", &json!([])), json!("7"));
    let record = record(&world, &child);
    assert_eq!((record.creator, record.upgrade), (probe.id, UpgradePolicy::Itself));

    for (code, salt, init, attach, why) in [
        (counter, &b"a"[..], &seven[..], deposit, &b"address-taken"[..]),
        (Hash([1; 32]), b"b", &seven, deposit, b"no-such-code"),
        (counter, b"b", &seven[..7], deposit, b"bad-arguments"),
        (counter, b"b", &seven, deposit - 1, b"insufficient"),
    ] {
        assert_eq!(create(&mut world, code, salt, init, attach), AccountId([0; 32]));
        assert_eq!(ended(&world).unwrap(), why);
    }
    // What failed left nothing behind: the same salt is free.
    assert_ne!(create(&mut world, counter, b"b", &seven, deposit), AccountId([0; 32]));
}

/// Only under the policy `itself` does a module replace itself, and `freeze` ends that.
#[test]
fn a_module_changes_itself_until_it_freezes() {
    let mut world = World::new();
    let counter = publish(&mut world, "counter");
    let upgrade = |world: &mut World, probe: &Deployed, code: Hash| {
        world.call_raw("bob", probe, "upgrade-itself", (code.0, Vec::<u8>::new()))
    };
    let error = |receipt: &Receipt| match &receipt.outcome {
        Outcome::Failure { code: Code::ModuleError, value, .. } => format!("{value:?}"),
        other => panic!("{other:?}"),
    };
    let text = |text: &str| {
        let bytes = borsh::to_vec(text).unwrap();
        format!("{:?}", pollen_ledger::receipt::FailureValue::Error(bytes))
    };
    let owned = world.deploy_under("probe", &json!([]), UpgradePolicy::Owner { delay_ms: 0 });
    let receipt = upgrade(&mut world, &owned, counter);
    assert_eq!(error(&receipt), text("not-allowed"));

    let probe = world.deploy_under("probe", &json!([]), UpgradePolicy::Itself);
    let receipt = upgrade(&mut world, &probe, Hash([1; 32]));
    assert_eq!(error(&receipt), text("no-such-code"));
    let receipt = upgrade(&mut world, &probe, counter);
    assert_eq!(code_of(&receipt), None, "{:?}", world.note(&receipt));
    assert_eq!((record(&world, &probe).code, record(&world, &probe).version), (counter, 2));

    let frozen = world.deploy_under("probe", &json!([]), UpgradePolicy::Owner { delay_ms: 0 });
    let receipt = world.call_raw("bob", &frozen, "freeze", ());
    assert_eq!(code_of(&receipt), None);
    let change = ModuleChange::Pause;
    let receipt = world.run("alice", CALL_FUEL, vec![Action::Change { module: frozen.id, change }]);
    assert_eq!(code_of(&receipt), Some(Code::PolicyNotMet));
}

/// An upgrade keeps storage: the new code reads what the old one wrote. A paused module answers queries only.
#[test]
fn an_upgrade_keeps_storage_and_a_pause_stops_commands() {
    let mut world = World::new();
    let owner = UpgradePolicy::Owner { delay_ms: 0 };
    let counter = world.deploy_under("counter", &json!(["41"]), owner);
    assert_eq!(code_of(&world.call("bob", &counter, "increment", &json!(["1"]))), None);
    let pause = |world: &mut World, change| {
        let action = Action::Change { module: counter.id, change };
        assert_eq!(code_of(&world.run("alice", CALL_FUEL, vec![action])), None);
    };
    pause(&mut world, ModuleChange::Pause);
    let receipt = world.call("bob", &counter, "increment", &json!(["1"]));
    assert_eq!(code_of(&receipt), Some(Code::ModulePaused));
    assert_eq!(world.ask(&counter, "get", &json!([])), json!("42"));
    pause(&mut world, ModuleChange::Resume);
    assert_eq!(code_of(&world.call("bob", &counter, "increment", &json!(["1"]))), None);

    let code = publish(&mut world, "probe");
    pause(&mut world, ModuleChange::Upgrade { code, arguments: Vec::new() });
    let interface = pollen_vm::Interface::from_component(&component("probe")).unwrap();
    let probe = Deployed { id: counter.id, interface };
    let value: Option<Vec<u8>> = answer(&world, &probe, "get", b"v".to_vec());
    assert_eq!(value.unwrap(), 43u64.to_le_bytes());
}

/// Random bytes differ from call to call and from transaction to transaction, and are the same on every node.
#[test]
fn random_bytes_come_out_of_the_order() {
    let drawn = || {
        let mut world = World::new();
        let probe = world.deploy("probe", &json!([]));
        let draw = |world: &mut World| -> (Vec<u8>, Vec<u8>) {
            let receipt = world.call_raw("bob", &probe, "random", 32u32);
            borsh::from_slice(returned(&receipt)).unwrap()
        };
        let (first, second) = (draw(&mut world), draw(&mut world));
        let receipt = world.call_raw("bob", &probe, "random", 1025u32);
        assert_eq!(code_of(&receipt), Some(Code::LimitExceeded));
        [first.0, first.1, second.0, second.1]
    };
    let once = drawn();
    assert_eq!(once, drawn());
    for (index, bytes) in once.iter().enumerate() {
        assert_eq!(bytes.len(), 32);
        assert!(!once[..index].contains(bytes), "{once:?}");
    }
}

/// What a module asks about itself: its place in the order, its storage; and Keccak.
#[test]
fn a_module_knows_its_place_and_its_bytes() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let used = |world: &World| -> u64 { answer(world, &probe, "used", ()) };
    assert_eq!(used(&world), 0);
    world.call_raw("bob", &probe, "put", (b"key".to_vec(), b"value".to_vec()));
    assert_eq!(used(&world), 3 + 5 + 64);
    world.call_raw("carol", &probe, "take", b"key".to_vec());
    assert_eq!(used(&world), 0);
    let hash: [u8; 32] = answer(&world, &probe, "keccak", Vec::<u8>::new());
    assert_eq!(
        hex::encode(hash),
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
    let CallEnd::Failed { code, .. } = world.query_raw(&probe, "freeze-in-query", ()).end else {
        panic!("a query changed its module");
    };
    assert_eq!(code, Code::ModuleError);
}

async fn cli_json(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[&["--json"], words].concat()).await).unwrap()
}

/// The whole life of a module as its owner types it, on a real network.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_life_of_a_module_on_the_command_line() {
    let network = Network::start(4).await;
    for name in ["alice", "bob"] {
        network.cli(&["keys", "new", name]).await;
    }
    let folder = |name: &str| contracts().join(name).display().to_string();
    let counter = folder("counter");
    let policy = "2/alice,bob";
    let deploy = ["deploy", &counter, "--name", "mine", "--from", "alice", "--policy", policy, "5"];
    network.cli(&deploy).await;
    network.cli(&["call", "mine", "increment", "2", "--from", "bob"]).await;

    // One alone agrees; both make the change.
    let first = cli_json(&network, &["pause", "mine", "--from", "alice"]).await;
    assert_eq!((&first["change"]["made"], &first["change"]["weight"]), (&json!(false), &json!(1)));
    network.cli(&["pause", "mine", "--from", "bob"]).await;
    let refused = network.run(&["call", "mine", "increment", "1", "--from", "bob"]).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("2008"), "{told}");
    assert_eq!(network.cli(&["query", "mine", "get"]).await.trim(), "7");
    for who in ["alice", "bob"] {
        network.cli(&["resume", "mine", "--from", who]).await;
    }

    // Another module in its place breaks who calls it: refused, and nothing sent, unless it is meant.
    let probe = folder("probe");
    let refused = network.run(&["upgrade", "mine", &probe, "--from", "bob"]).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    let meant = told.contains("increment") && told.contains("--allow-breaking");
    assert!(refused.status.code() == Some(1) && meant, "{told}");
    let upgrade = ["upgrade", "mine", &probe, "--allow-breaking", "--from"];
    let begun = network.cli(&[&upgrade[..], &["bob"]].concat()).await;
    assert!(begun.contains("agreed, 1 of 2"), "{begun}");
    // What is announced can be looked at before it is made, and need not be sent again.
    let component = component("probe");
    let code = ModuleCodeParams { code: Some(Hash::of_content(&component)), ..Default::default() };
    let published = network.client(0).module_code(&code).await.unwrap().value.code;
    assert_eq!(published.map(|code| code.0).as_deref(), Some(&component[..]));
    let made = network.cli(&[&upgrade[..], &["alice"]].concat()).await;
    let shown = made.contains("- command increment") && made.contains("breaks callers");
    assert!(made.contains("upgraded mine") && shown && made.contains("  fee "), "{made}");
    let kept = cli_json(&network, &["query", "mine", "get", "text:v", "--node", "3"]).await;
    assert_eq!(kept["result"], json!("BwAAAAAAAAA="), "{kept}");

    let shown = cli_json(&network, &["module", "mine"]).await;
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!(shown["policy"]["threshold"], json!(2));
    for who in ["alice", "bob"] {
        network.cli(&["policy", "mine", "never", "--from", who]).await;
    }
    let refused = network.run(&["pause", "mine", "--from", "alice"]).await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("can never be changed") && told.contains("1013"), "{told}");
}
