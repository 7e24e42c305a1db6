//! A module that is not written in Rust. `counter-c` has the interface of `counter` and must be the same to
//! whoever calls it: outcomes, events, what is in storage.

use pollen_ledger::receipt::{Code, FailureValue, Outcome, Receipt};
use serde_json::{Value, json};

use crate::world::{Deployed, World, component};

/// An event's name, topics and data.
type Told = (String, Vec<Vec<u8>>, Vec<u8>);

/// What a receipt says that a caller can see, without fuel: compilers differ in that.
fn seen(receipt: &Receipt) -> (Outcome, Vec<Told>) {
    let events = receipt.events.iter();
    let event = |event: &pollen_ledger::receipt::Event| {
        (event.name.clone(), event.topics.clone(), event.data.clone())
    };
    (receipt.outcome.clone(), events.map(event).collect())
}

#[test]
fn a_counter_in_c_is_the_counter() {
    let mut world = World::new();
    let counters = ["counter", "counter-c"].map(|name| world.deploy(name, &json!(["5"])));
    assert_eq!(counters[0].interface, counters[1].interface, "docs and all");
    let calls = [json!({ "by": "3" }), json!(["0"]), json!([u64::MAX.to_string()]), json!(["34"])];
    for arguments in calls {
        let [rust, c] = counters.each_ref().map(|counter| {
            let receipt = world.call("bob", counter, "increment", &arguments);
            println!("increment {arguments}: {} fuel", receipt.fuel_used);
            seen(&receipt)
        });
        assert_eq!(c, rust, "{arguments}");
    }
    let value =
        |world: &World, counter: &Deployed| -> Value { world.ask(counter, "get", &json!([])) };
    assert_eq!(counters.each_ref().map(|it| value(&world, it)), [json!("42"), json!("42")]);
    let overflow = world.call("bob", &counters[1], "increment", &json!([u64::MAX.to_string()]));
    assert!(matches!(
        overflow.outcome,
        Outcome::Failure { code: Code::ModuleError, value: FailureValue::Error(_), .. }
    ));
}

/// The sizes of both are printed for docs/benchmarks.md.
#[test]
fn the_component_in_c_is_as_small() {
    let [rust, c] = ["counter", "counter-c"].map(|name| component(name).len());
    println!("counter: {rust} bytes in Rust, {c} in C");
    assert!(c < 2 * rust, "{c} bytes against {rust}");
}
