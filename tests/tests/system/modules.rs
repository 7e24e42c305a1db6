//! The repository's modules, compiled from source, in the real module host under the real executor.
//!
//! What these protect: a module does what its interface says, and whatever a bad one does has one end, one
//! price and a reason that its author can read.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use pollen_ledger::module::CallEnd;
use pollen_ledger::receipt::{Code, FailureValue, Outcome, Receipt};
use pollen_ledger::store::MemoryStore;
use pollen_vm::host::{READ_ONLY_MESSAGE, prices};
use pollen_vm::interface::{FunctionKind, Type};
use pollen_vm::value::{Formats, decode_json};
use serde_json::{Value, json};

use crate::world::{
    CALL_FUEL, Deployed, Raw, World, code_of, component, hex_of, id_of, raw_action, vm,
};

const SUPPLY: u64 = 1_000_000;

fn token(world: &mut World) -> Deployed {
    world.deploy("token", &json!(["Gold", "GLD", 2, SUPPLY.to_string()]))
}

/// The module's own error of a failed call, as JSON.
fn error_of(world: &World, module: &Deployed, function: &str, receipt: &Receipt) -> Value {
    let Outcome::Failure { code: Code::ModuleError, value: FailureValue::Error(bytes), .. } =
        &receipt.outcome
    else {
        panic!("{:?}", receipt.outcome);
    };
    let function = module.interface.function(FunctionKind::Command, function).unwrap();
    let formats = Formats::new(&world.genesis.address_prefix);
    decode_json(function.failure().unwrap(), bytes, &formats).unwrap()
}

fn message_of(receipt: &Receipt) -> &str {
    match &receipt.outcome {
        Outcome::Failure { value: FailureValue::Message(message), .. } => message,
        outcome => panic!("{outcome:?}"),
    }
}

/// The value under a key of the probe's storage.
fn stored(world: &World, probe: &Deployed, key: &str) -> Option<Vec<u8>> {
    match world.query_raw(probe, "get", key).end {
        CallEnd::Returned(bytes) => borsh::from_slice(&bytes).unwrap(),
        end => panic!("{end:?}"),
    }
}

#[test]
fn a_counter_counts_tells_and_refuses_to_overflow() {
    let mut world = World::new();
    let counter = world.deploy("counter", &json!(["5"]));
    assert_eq!(world.ask(&counter, "get", &json!([])), json!("5"));
    let receipt = world.call("bob", &counter, "increment", &json!({ "by": "3" }));
    assert_eq!(world.result(&counter, "increment", &receipt), json!("8"));
    assert_eq!(receipt.events[0].name, "incremented");
    assert_eq!(world.event(&counter, &receipt, 0), json!({ "by": "3", "value": "8" }));
    let receipt = world.call("bob", &counter, "increment", &json!([u64::MAX.to_string()]));
    assert_eq!(error_of(&world, &counter, "increment", &receipt), json!("overflow"));
    assert!(receipt.fee > 0 && receipt.events.is_empty());
    assert_eq!(world.ask(&counter, "get", &json!([])), json!("8"));
    // `init` is the deployment's: nobody starts the number anew.
    let receipt = world.call("bob", &counter, "init", &json!(["0"]));
    assert_eq!(code_of(&receipt), Some(Code::FunctionNotFound));
}

#[test]
fn a_token_keeps_its_supply_whatever_is_done() {
    let mut world = World::new();
    let token = token(&mut world);
    let names = ["alice", "bob", "carol"];
    let balance =
        |world: &World, name: &str| world.ask(&token, "balance-of", &json!([hex_of(name)]));
    let total = |world: &World| -> u64 {
        let held = names.map(|name| balance(world, name).as_str().unwrap().parse::<u64>().unwrap());
        held.iter().sum()
    };
    assert_eq!(balance(&world, "alice"), json!(SUPPLY.to_string()));
    let receipt = world.call("alice", &token, "transfer", &json!([hex_of("bob"), "700"]));
    assert_eq!(code_of(&receipt), None);
    let moved = world.event(&token, &receipt, 0);
    assert_eq!(moved["amount"], json!("700"));
    assert_eq!(receipt.events[0].topics, [id_of("alice").0.to_vec(), id_of("bob").0.to_vec()]);
    assert_eq!(total(&world), SUPPLY);

    // To oneself nothing is made; more than one has is refused with what one has.
    world.call("bob", &token, "transfer", &json!([hex_of("bob"), "700"]));
    assert_eq!(balance(&world, "bob"), json!("700"));
    let receipt = world.call("bob", &token, "transfer", &json!([hex_of("carol"), "701"]));
    let error = error_of(&world, &token, "transfer", &receipt);
    assert_eq!(error, json!({ "insufficient-balance": "700" }));
    assert_eq!(total(&world), SUPPLY);

    // An allowance is spent once.
    world.call("bob", &token, "approve", &json!([hex_of("carol"), "100"]));
    let spend = json!([hex_of("bob"), hex_of("carol"), "60"]);
    assert_eq!(code_of(&world.call("carol", &token, "transfer-from", &spend)), None);
    let receipt = world.call("carol", &token, "transfer-from", &spend);
    let error = error_of(&world, &token, "transfer-from", &receipt);
    assert_eq!(error, json!({ "insufficient-allowance": "40" }));
    assert_eq!(balance(&world, "carol"), json!("60"));
    let left = world.ask(&token, "allowance", &json!([hex_of("bob"), hex_of("carol")]));
    assert_eq!(left, json!("40"));
    assert_eq!(total(&world), SUPPLY);

    let receipt = world.call("bob", &token, "mint", &json!([hex_of("bob"), "1"]));
    assert_eq!(error_of(&world, &token, "mint", &receipt), json!("not-the-owner"));
    assert_eq!(code_of(&world.call("alice", &token, "mint", &json!([hex_of("bob"), "9"]))), None);
    assert_eq!(code_of(&world.call("bob", &token, "burn", &json!(["5"]))), None);
    assert_eq!(total(&world), SUPPLY + 4);
    assert_eq!(world.ask(&token, "total-supply", &json!([])), json!((SUPPLY + 4).to_string()));
}

#[test]
fn a_warm_box_raises_an_alarm_that_reads_by_the_interface() {
    let mut world = World::new();
    let chain = world.deploy("coldchain", &json!([]));
    let open = json!({ "box": "box-1", "max-celsius": 8.0 });
    assert_eq!(code_of(&world.call("alice", &chain, "open-box", &open)), None);
    let receipt = world.call("bob", &chain, "record", &json!(["box-1", 7.5]));
    assert_eq!(world.result(&chain, "record", &receipt), json!("good"));
    assert_eq!(receipt.events.len(), 1);
    let receipt = world.call("bob", &chain, "record", &json!(["box-1", 9.5]));
    assert_eq!(world.result(&chain, "record", &receipt), json!("too-warm"));
    assert_eq!(receipt.events[1].name, "alarm");
    assert_eq!(receipt.events[1].topics, [b"box-1"]);
    let alarm = world.event(&chain, &receipt, 1);
    assert_eq!(alarm["box"], json!("box-1"));
    assert_eq!((&alarm["celsius"], &alarm["limit"]), (&json!(9.5), &json!(8.0)));
    assert_eq!(alarm["at-ms"], json!(world.time_ms.to_string()), "ledger time");
    let status = world.ask(&chain, "status", &json!(["box-1"]));
    assert_eq!((&status["readings"], &status["alarms"]), (&json!(2), &json!(1)));
    assert_eq!(status["warmest-celsius"], json!(9.5));

    let receipt = world.call("bob", &chain, "record", &json!(["box-2", 1.0]));
    assert_eq!(error_of(&world, &chain, "record", &receipt), json!("unknown-box"));
    let receipt = world.call("bob", &chain, "close-box", &json!(["box-1"]));
    assert_eq!(error_of(&world, &chain, "close-box", &receipt), json!("not-allowed"));
    // A NaN has no encoding: it never reaches the module.
    let nan = ("box-1".to_owned(), Raw(f64::NAN.to_le_bytes().to_vec()));
    let receipt = world.call_raw("bob", &chain, "record", nan);
    assert_eq!(code_of(&receipt), Some(Code::BadArguments));
    assert!(world.note(&receipt).unwrap().contains("celsius"));
}

/// Fuel follows what the machine must do. The exact numbers belong to one compiler, so what is held here
/// is their structure: first touches of keys, and how little is left beside them.
#[test]
fn the_fuel_of_a_call_is_its_keys_and_little_more() {
    let mut world = World::new();
    let token = token(&mut world);
    let counter = world.deploy("counter", &json!(["0"]));
    let chain = world.deploy("coldchain", &json!([]));
    world.call("alice", &token, "transfer", &json!([hex_of("bob"), "10"]));
    world.call("alice", &counter, "increment", &json!(["1"]));
    world.call("alice", &chain, "open-box", &json!({ "box": "box-1", "max-celsius": 8.0 }));
    world.call("alice", &chain, "record", &json!(["box-1", 1.0]));
    let calls = [
        ("token transfer", world.action(&token, "transfer", &json!([hex_of("bob"), "1"])), 2, 0),
        ("counter increment", world.action(&counter, "increment", &json!(["1"])), 1, 0),
        // A reading has a key of its own, new each time.
        ("coldchain record", world.action(&chain, "record", &json!(["box-1", 1.0])), 1, 1),
    ];
    for (what, action, keys, new_keys) in calls {
        let once = world.fuel_of_calls("alice", vec![action.clone()]);
        let twice = world.fuel_of_calls("alice", vec![action.clone(); 2]);
        let thrice = world.fuel_of_calls("alice", vec![action; 3]);
        println!("{what}: {once} fuel, {} more in the same transaction", twice - once);
        assert_eq!(thrice - twice, twice - once, "{what}: again costs the same again");
        assert_eq!(
            once - (twice - once),
            keys * prices::FIRST_TOUCH,
            "{what}: touches {keys} keys"
        );
        let own = twice - once - new_keys * prices::FIRST_TOUCH;
        assert!((prices::CALL..60_000).contains(&own), "{what}: {own} beside its keys");
    }
}

#[test]
fn traps_name_the_functions_on_the_way() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let cases = [
        ("divide", json!([1, 0]), "divide by zero"),
        ("trap", json!([]), "unreachable"),
        ("read-out-of-bounds", json!([]), "out of bounds"),
        ("call-wrong-signature", json!([]), "indirect call type mismatch"),
        ("recurse", json!([1_000_000]), "more than 1 MiB of stack"),
    ];
    for (function, arguments, reason) in cases {
        let receipt = world.call("bob", &probe, function, &arguments);
        assert_eq!(code_of(&receipt), Some(Code::Trapped), "{function}");
        assert!(receipt.fee > 0);
        let note = world.note(&receipt).unwrap();
        assert!(note.lines().next().unwrap().contains(reason), "{function}: {note}");
        let frames = note.replace('_', "-");
        assert!(frames.contains("\n  in ") && frames.contains(function), "{function}: {note}");
    }
}

#[test]
fn aborts_panics_and_errors_are_told_and_undone_with_the_fee_kept() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let receipt = world.call("bob", &probe, "abort", &json!(["enough is enough"]));
    assert_eq!(code_of(&receipt), Some(Code::ModuleError));
    assert_eq!(message_of(&receipt), "enough is enough");
    let receipt = world.call("bob", &probe, "panic", &json!(["the author's mistake"]));
    assert_eq!(code_of(&receipt), Some(Code::ModuleError));
    assert!(message_of(&receipt).contains("the author's mistake"), "{}", message_of(&receipt));
    assert!(message_of(&receipt).contains("lib.rs"), "says where: {}", message_of(&receipt));

    let before = stored(&world, &probe, "failed");
    let receipt = world.call("bob", &probe, "fail", &json!(["no"]));
    assert_eq!(error_of(&world, &probe, "fail", &receipt), json!("no"));
    assert_eq!((before, stored(&world, &probe, "failed")), (None, None));
    assert_eq!(receipt.fee, receipt.fuel_used.div_ceil(1000));

    // All or nothing: what an earlier action wrote goes with the later one's failure.
    let put = borsh::to_vec(&("kept", "x")).unwrap();
    let put = raw_action(&probe, "put", put);
    let abort = world.action(&probe, "abort", &json!(["late"]));
    let receipt = world.run("bob", CALL_FUEL, vec![put.clone(), abort]);
    assert!(matches!(receipt.outcome, Outcome::Failure { action: 1, .. }));
    assert_eq!(stored(&world, &probe, "kept"), None);
    assert_eq!(code_of(&world.run("bob", CALL_FUEL, vec![put])), None);
    assert_eq!(stored(&world, &probe, "kept"), Some(b"x".to_vec()));
}

#[test]
fn a_loop_stops_at_what_was_offered_and_at_the_chains_bound() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let spin = world.action(&probe, "spin", &json!([]));
    let receipt = world.run("bob", 3_000_000, vec![spin.clone()]);
    assert_eq!((code_of(&receipt), receipt.fuel_used), (Some(Code::OutOfFuel), 3_000_000));
    assert!(world.note(&receipt).unwrap().contains("spin"));
    let signed = world.sign("bob", 1_000_000_000, vec![spin], Vec::new());
    let most =
        signed.intrinsic_fuel(&world.genesis.parameters) + world.genesis.parameters.call_fuel_max;
    let (receipts, _) = world.commit(&[signed]);
    assert_eq!((code_of(&receipts[0]), receipts[0].fuel_used), (Some(Code::OutOfFuel), most));
}

#[test]
fn limits_of_memory_storage_and_events_have_their_code() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let fits = world.call("bob", &probe, "fill-memory", &json!([6 << 20]));
    let bytes = world.result(&probe, "fill-memory", &fits);
    assert!(bytes.as_str().unwrap().parse::<u64>().unwrap() >= 6 << 20);
    // Every call begins with a memory of its own: the next one is small again.
    let small = world.call("bob", &probe, "fill-memory", &json!([1]));
    let bytes = world.result(&probe, "fill-memory", &small);
    assert!(bytes.as_str().unwrap().parse::<u64>().unwrap() < 3 << 20, "{bytes}");

    let too_much = [
        ("fill-memory", json!([64 << 20])),
        ("put-sized", json!([257, 1])),
        ("put-sized", json!([1, 65_537])),
        ("emit-many", json!([65, 1])),
        ("emit-many", json!([2, 40_000])),
    ];
    for (function, arguments) in too_much {
        let receipt = world.call("bob", &probe, function, &arguments);
        let note = world.note(&receipt);
        assert_eq!(code_of(&receipt), Some(Code::LimitExceeded), "{function}: {note:?}");
        assert!(note.is_some_and(|note| !note.is_empty()));
        assert!(receipt.events.is_empty());
    }
}

#[test]
fn floats_are_the_same_bits_everywhere() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let canonical = 0x7ff8_0000_0000_0000_u64;
    for (value, by, bits) in [
        (0.0, 0.0, canonical),
        (-0.0, 0.0, canonical),
        (f64::INFINITY, f64::NEG_INFINITY, canonical),
        (1.0, 3.0, (1.0_f64 / 3.0).to_bits()),
        (-1.0, 0.0, f64::NEG_INFINITY.to_bits()),
        (f64::MIN_POSITIVE, 2.0, (f64::MIN_POSITIVE / 2.0).to_bits()),
    ] {
        let receipt = world.call_raw("bob", &probe, "quotient-bits", (value, by));
        let result = world.result(&probe, "quotient-bits", &receipt);
        assert_eq!(result, json!(bits.to_string()), "{value} / {by}");
    }
    let receipt = world.call("bob", &probe, "not-a-number", &json!([]));
    assert_eq!(code_of(&receipt), Some(Code::LimitExceeded), "a result may hold no NaN");
    assert!(world.note(&receipt).unwrap().contains("result"));
}

#[test]
fn a_query_that_writes_is_refused() {
    let mut world = World::new();
    let probe = world.deploy("probe", &json!([]));
    let to = id_of("bob").0.to_vec();
    for (function, arguments) in
        [("put-in-query", vec![]), ("emit-in-query", vec![]), ("transfer-in-query", to)]
    {
        let report = world.query_raw(&probe, function, Raw(arguments));
        let value = FailureValue::Message(READ_ONLY_MESSAGE.to_owned());
        assert_eq!(report.end, CallEnd::Failed { code: Code::ModuleError, value }, "{function}");
    }
    assert_eq!(stored(&world, &probe, "query"), None);
    let report = world.query_raw(&probe, "spin-in-query", ());
    assert!(matches!(report.end, CallEnd::Failed { code: Code::OutOfFuel, .. }));
    assert_eq!(report.fuel_used, 20_000_000);
}

/// One module calls another: what the callee did counts when it returned and is gone when it failed, and
/// the caller goes on either way.
#[test]
fn a_module_survives_the_failure_of_one_that_it_calls() {
    let mut world = World::new();
    let caller = world.deploy("probe", &json!([]));
    let callee = world.deploy("probe", &json!([]));
    let counter = world.deploy("counter", &json!(["1"]));
    let call = |world: &mut World, target: &Deployed, function: &str, bytes: Vec<u8>, fuel| {
        let arguments = (target.id.0, function, bytes, None::<u64>.or(fuel));
        let receipt = world.call_raw("bob", &caller, "call-other", arguments);
        assert_eq!(code_of(&receipt), None, "{:?}", world.note(&receipt));
        assert_eq!(stored(world, &caller, "before"), Some(b"1".to_vec()));
        assert_eq!(stored(world, &caller, "after"), Some(b"1".to_vec()));
        let ended = String::from_utf8(stored(world, &caller, "ended").unwrap()).unwrap();
        (ended, receipt)
    };
    let (ended, receipt) =
        call(&mut world, &counter, "increment", 4_u64.to_le_bytes().to_vec(), None);
    assert_eq!(ended, "returned");
    assert_eq!(receipt.events[0].module, counter.id);
    assert_eq!(world.ask(&counter, "get", &json!([])), json!("5"));

    let why = borsh::to_vec("why").unwrap();
    let (ended, _) = call(&mut world, &callee, "fail", why.clone(), None);
    assert_eq!(ended, "module-error: 7 bytes");
    assert_eq!(stored(&world, &callee, "failed"), None, "undone");
    let cases = [
        ("abort", why, "aborted: why"),
        ("trap", vec![], "trapped"),
        ("no-such-function", vec![], "no-such-function"),
        ("divide", vec![1], "bad-arguments"),
    ];
    for (function, bytes, expected) in cases {
        assert_eq!(call(&mut world, &callee, function, bytes, None).0, expected);
    }
    let nobody = Deployed { id: id_of("nobody"), ..callee.clone() };
    assert_eq!(call(&mut world, &nobody, "spin", vec![], None).0, "no-such-module");

    // A share of the fuel: what was set, or all but what the caller keeps.
    let (ended, receipt) = call(&mut world, &callee, "spin", vec![], Some(2_000_000));
    assert_eq!(ended, "out-of-fuel");
    assert!((2_000_000..4_000_000).contains(&receipt.fuel_used), "{}", receipt.fuel_used);
    let (ended, receipt) = call(&mut world, &callee, "spin", vec![], None);
    assert_eq!(ended, "out-of-fuel");
    assert!(receipt.fuel_used < CALL_FUEL);

    // Nobody enters a module that is running, however far around.
    let (ended, _) = call(&mut world, &caller, "spin", vec![], None);
    assert_eq!(ended, "reentered");
    let around = borsh::to_vec(&(caller.id.0, "spin", Vec::<u8>::new(), None::<u64>)).unwrap();
    assert_eq!(call(&mut world, &callee, "call-other", around, None).0, "returned");
    assert_eq!(stored(&world, &callee, "ended"), Some(b"reentered".to_vec()));
    let receipt = world.call("bob", &caller, "re-enter", &json!([]));
    assert_eq!(error_of(&world, &caller, "re-enter", &receipt), json!("reentered"));
}

/// Files of compiled code with their inodes, once there are `count`: they are written after whoever waited
/// for the code has it. One that was written anew is another.
fn compiled(dir: &Path, count: usize) -> Vec<(String, u64)> {
    let files = || {
        let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
        let whole = entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "code"));
        let mut files: Vec<_> = whole
            .map(|entry| {
                let inode = entry.metadata().unwrap().ino();
                (entry.file_name().into_string().unwrap(), inode)
            })
            .collect();
        files.sort();
        files
    };
    for _ in 0..500 {
        if files().len() == count {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    files()
}

#[test]
fn compiled_code_survives_a_restart_and_damage_is_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::of(vm(Some(dir.path())), Arc::new(MemoryStore::new()));
    let token = token(&mut world);
    let counter = world.deploy("counter", &json!(["7"]));
    let first = compiled(dir.path(), 2);
    assert_eq!(first.len(), 2);

    world.restart(vm(Some(dir.path())));
    assert_eq!(world.ask(&counter, "get", &json!([])), json!("7"));
    let receipt = world.call("alice", &token, "transfer", &json!([hex_of("bob"), "1"]));
    assert_eq!(code_of(&receipt), None);
    assert_eq!(compiled(dir.path(), 2), first, "nothing was compiled");

    for (name, _) in &first {
        std::fs::write(dir.path().join(name), b"damaged").unwrap();
    }
    world.restart(vm(Some(dir.path())));
    assert_eq!(world.ask(&counter, "get", &json!([])), json!("7"));
    let receipt = world.call("alice", &token, "transfer", &json!([hex_of("bob"), "1"]));
    assert_eq!(code_of(&receipt), None);
    // Its threads end, after what they were writing.
    world.restart(vm(None));
    for (name, _) in &first {
        assert!(std::fs::metadata(dir.path().join(name)).unwrap().len() > 1_000, "{name}");
    }
}

fn holds_a_result(ty: &Type) -> bool {
    matches!(ty, Type::Result { .. }) || ty.parts().into_iter().any(holds_a_result)
}

/// Rust's borsh numbers `Err` 0 and `Ok` 1, the ledger's encoding `ok` 0 and `err` 1. What a module encodes
/// by itself are its events; results of functions are encoded by the host.
#[test]
fn no_module_encodes_a_result_by_itself() {
    for name in ["counter", "token", "coldchain", "probe"] {
        let interface = pollen_vm::Interface::from_component(&component(name)).unwrap();
        assert!(!interface.events.is_empty());
        for event in &interface.events {
            assert!(!holds_a_result(&event.ty), "{name}: {}", event.name);
        }
    }
}
