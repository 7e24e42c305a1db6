//! The example modules, compiled from source, in the real machine: that they do there what their native tests
//! say, money and calls of each other included.

use pollen_ledger::crypto::Hash;
use pollen_ledger::receipt::{Code, FailureValue, Outcome, Receipt};
use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action};
use pollen_vm::Interface;
use pollen_vm::interface::FunctionKind;
use pollen_vm::value::{Formats, decode_json};
use serde_json::{Value, json};

use crate::world::{CALL_FUEL, DEPLOY_FUEL, Deployed, World, code_of, component, hex_of, id_of};

/// Deploys a module under its folder's name.
fn named(world: &mut World, folder: &str, name: &str, init: &Value) -> Deployed {
    let code = component(folder);
    let interface = Interface::from_component(&code).unwrap();
    let arguments = match interface.function(FunctionKind::Command, "init") {
        Ok(_) => world.encode(&interface, FunctionKind::Command, "init", init),
        Err(_) => Vec::new(),
    };
    let action = Action::Deploy {
        code: Hash::of_content(&code),
        name: Some(name.to_owned()),
        arguments,
        upgrade: UpgradePolicy::Never,
    };
    let signed = world.sign("alice", DEPLOY_FUEL, vec![action], vec![code.to_vec()]);
    let (receipts, _) = world.commit(&[signed]);
    let Outcome::Success { results } = &receipts[0].outcome else {
        panic!("{name}: {:?} {:?}", receipts[0].outcome, world.note(&receipts[0]));
    };
    Deployed { id: AccountId(results[0].as_slice().try_into().unwrap()), interface }
}

/// A call with grains sent along.
fn pay(
    world: &mut World,
    who: &str,
    module: &Deployed,
    call: (&str, &Value),
    grains: u64,
) -> Receipt {
    let mut action = world.action(module, call.0, call.1);
    if let Action::Invoke { deposit, .. } = &mut action {
        *deposit = grains;
    }
    world.run(who, CALL_FUEL, vec![action])
}

/// The module's own error of a failed call.
fn error_of(world: &World, module: &Deployed, function: &str, receipt: &Receipt) -> Value {
    let Outcome::Failure { code: Code::ModuleError, value: FailureValue::Error(bytes), .. } =
        &receipt.outcome
    else {
        panic!("{:?} {:?}", receipt.outcome, world.note(receipt));
    };
    let function = module.interface.function(FunctionKind::Command, function).unwrap();
    let formats = Formats::new(&world.genesis.address_prefix);
    decode_json(function.failure().unwrap(), bytes, &formats).unwrap()
}

fn balance(world: &World, token: &Deployed, of: &AccountId) -> Value {
    world.ask(token, "balance-of", &json!([hex::encode(of.0)]))
}

#[test]
fn tokens_of_their_own_are_listed_by_owner() {
    let mut world = World::new();
    let jars = world.deploy("nft", &json!(["Jars", "JAR"]));
    for number in 1..=40 {
        let to = if number % 2 == 0 { "bob" } else { "carol" };
        let mint = json!([hex_of(to), format!("jar {number}"), "", "00".repeat(32)]);
        let receipt = world.call("alice", &jars, "mint", &mint);
        assert_eq!(world.result(&jars, "mint", &receipt), json!(number.to_string()));
    }
    let receipt = world.call("bob", &jars, "transfer", &json!(["2", hex_of("dora")]));
    assert_eq!(code_of(&receipt), None, "{:?}", world.note(&receipt));
    assert_eq!(receipt.events[0].name, "moved");
    println!("nft transfer among 40: {} fuel", receipt.fuel_used);
    let page = world.ask(&jars, "tokens-of", &json!([hex_of("bob"), "0", 3]));
    assert_eq!(page, json!({ "tokens": ["4", "6", "8"], "next": "10" }));
    let page = world.ask(&jars, "tokens-of", &json!([hex_of("dora"), "0", 3]));
    assert_eq!(page, json!({ "tokens": ["2"], "next": null }));
    let receipt = world.call("bob", &jars, "transfer", &json!(["2", hex_of("bob")]));
    assert_eq!(error_of(&world, &jars, "transfer", &receipt), json!("not-allowed"));
    assert_eq!(world.ask(&jars, "info", &json!([]))["tokens"], json!("40"));
}

#[test]
fn money_in_escrow_goes_to_one_of_two_once() {
    let mut world = World::new();
    let escrow = world.deploy("escrow", &json!([]));
    let held = |world: &World| world.ask(&escrow, "held", &json!([]));
    let deadline = world.time_ms + 1_000_000;
    let open = json!({ "seller": hex_of("bob"), "deadline-ms": deadline.to_string(), "note": "a bicycle" });
    let receipt = pay(&mut world, "alice", &escrow, ("open", &open), 5_000);
    assert_eq!(world.result(&escrow, "open", &receipt), json!("1"));
    let receipt = pay(&mut world, "alice", &escrow, ("open", &open), 7_000);
    assert_eq!(world.result(&escrow, "open", &receipt), json!("2"));
    assert_eq!(held(&world), json!("12000"));

    let receipt = world.call("bob", &escrow, "release", &json!(["1"]));
    assert_eq!(error_of(&world, &escrow, "release", &receipt), json!("not-allowed"));
    let receipt = pay(&mut world, "alice", &escrow, ("release", &json!(["1"])), 1);
    let told = format!("{:?}", receipt.outcome);
    assert!(told.contains("takes no money"), "{told}");
    let receipt = world.call("alice", &escrow, "release", &json!(["1"]));
    assert_eq!(world.result(&escrow, "release", &receipt), json!("5000"));

    let receipt = world.call("alice", &escrow, "refund", &json!(["2"]));
    assert_eq!(error_of(&world, &escrow, "refund", &receipt), json!("not-allowed"), "not yet");
    world.time_ms = deadline;
    let receipt = world.call("alice", &escrow, "refund", &json!(["2"]));
    assert_eq!(world.result(&escrow, "refund", &receipt), json!("7000"));
    assert_eq!(world.event(&escrow, &receipt, 0)["grains"], json!("7000"));
    assert_eq!(held(&world), json!("0"));
    let receipt = world.call("alice", &escrow, "refund", &json!(["2"]));
    assert_eq!(error_of(&world, &escrow, "refund", &receipt), json!("no-such-deal"));
}

#[test]
fn a_registry_asks_tokens_what_they_are() {
    let mut world = World::new();
    let registry = world.deploy("registry", &json!([]));
    let gold = world.deploy("token", &json!(["Gold", "GLD", 2, "1000"]));
    let counter = world.deploy("counter", &json!(["1"]));
    let enlist = |world: &mut World, module: &Deployed| {
        world.call("bob", &registry, "enlist", &json!([hex::encode(module.id.0)]))
    };
    let receipt = enlist(&mut world, &gold);
    assert_eq!(error_of(&world, &registry, "enlist", &receipt), json!("not-a-curator"));
    world.call("alice", &registry, "grant", &json!(["curator", hex_of("bob")]));
    let receipt = enlist(&mut world, &gold);
    let listing = world.result(&registry, "enlist", &receipt);
    assert_eq!((&listing["symbol"], &listing["decimals"]), (&json!("GLD"), &json!(2)));
    assert_eq!(listing["code"], json!(hex::encode(Hash::of_content(&component("token")).0)));
    let receipt = enlist(&mut world, &counter);
    assert_eq!(error_of(&world, &registry, "enlist", &receipt), json!("not-a-token"));
    let holdings = world.ask(&registry, "holdings", &json!({ "of": hex_of("alice"), "max": 16 }));
    assert_eq!(holdings, json!([{ "symbol": "GLD", "amount": "1000" }]));
    assert_eq!(world.ask(&registry, "check", &json!(["GLD"])), json!("same"));
}

#[test]
fn a_route_is_taken_to_its_end_or_not_at_all() {
    let mut world = World::new();
    let router = named(&mut world, "router", "router", &json!([]));
    let gold = named(&mut world, "token", "gold", &json!(["Gold", "GLD", 2, "1000"]));
    let honey = named(&mut world, "token", "honey", &json!(["Honey", "HNY", 2, "1000"]));
    for token in [&gold, &honey] {
        world.call("alice", token, "transfer", &json!([hex::encode(router.id.0), "100"]));
    }
    let bob = id_of("bob");
    let hop = |module: &str, amount: u64, may_fail: bool| {
        json!({
            "module": module,
            "function": "transfer",
            "arguments": base64_of(&borsh::to_vec(&(bob.0, amount)).unwrap()),
            "attach": "0",
            "pass-on": false,
            "may-fail": may_fail,
        })
    };
    let receipt = world.call(
        "bob",
        &router,
        "run",
        &json!([[hop("gold", 10, false), hop("honey", 20, false)]]),
    );
    assert_eq!(code_of(&receipt), None, "{:?} {:?}", receipt.outcome, world.note(&receipt));
    println!("a route of two transfers: {} fuel", receipt.fuel_used);
    assert_eq!(
        (balance(&world, &gold, &bob), balance(&world, &honey, &bob)),
        (json!("10"), json!("20"))
    );

    let receipt = world.call(
        "bob",
        &router,
        "run",
        &json!([[hop("gold", 10, false), hop("honey", 81, false)]]),
    );
    let error = error_of(&world, &router, "run", &receipt);
    assert_eq!(error["hop-failed"]["hop"], json!(1));
    assert!(error["hop-failed"]["why"].get("module-error").is_some(), "{error}");
    assert_eq!(balance(&world, &gold, &bob), json!("10"), "the good hop is gone with the bad one");

    let receipt = world.call(
        "bob",
        &router,
        "run",
        &json!([[hop("gold", 10, false), hop("honey", 81, true)]]),
    );
    assert_eq!(code_of(&receipt), None);
    assert_eq!(
        (balance(&world, &gold, &bob), balance(&world, &honey, &bob)),
        (json!("20"), json!("20"))
    );
    let receipt = world.call("bob", &router, "run", &json!([[hop("nowhere", 1, true)]]));
    assert_eq!(error_of(&world, &router, "run", &receipt), json!({ "unknown-name": 0 }));
}

/// Bytes as JSON writes them.
fn base64_of(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let sextet = (word >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[sextet]) } else { '=' });
        }
    }
    text
}

/// A panic costs what it used and says what and where: the arithmetic of a module is checked.
#[test]
fn an_overflow_that_nobody_foresaw_reads_well_and_costs_little() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let receipt = world.call("bob", &probe, "panic", &json!(["the author's mistake"]));
    let Outcome::Failure { value: FailureValue::Message(message), .. } = &receipt.outcome else {
        panic!("{:?}", receipt.outcome);
    };
    println!("a panic: {} fuel, {message:?}", receipt.fuel_used);
    assert!(receipt.fuel_used < 200_000, "{}", receipt.fuel_used);
}
