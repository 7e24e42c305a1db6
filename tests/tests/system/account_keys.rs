//! Keys of an account as its holder meets them: on the command line, against real nodes.

use serde_json::{Value, json};

use super::harness::Network;
use super::world::contracts;

async fn told(network: &Network, words: &[&str]) -> String {
    let output = network.run(words).await;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "pollen {words:?} is refused: {text}");
    text
}

async fn document(network: &Network, words: &[&str]) -> Value {
    let text = network.cli(&[&["--json"], words].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Protects what docs/accounts.md promises: rotation, several owners, a device's key, another one who pays, and
/// an answer that says what to do when a key may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_an_account_on_the_command_line() {
    let network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["keys", "new", "shop"]).await;
    for name in ["laptop", "phone", "sensor", "till", "newcomer"] {
        network.cli(&["keys", "new", name, "--no-fund"]).await;
    }
    let counter = contracts().join("counter").display().to_string();
    network.cli(&["deploy", &counter, "--name", "counter", "--from", "alice", "5"]).await;
    let before = document(&network, &["account", "alice"]).await;

    let shown = network.cli(&["account", "keys", "alice"]).await;
    assert!(shown.contains("the key that it began with"), "{shown}");
    let owners = ["account", "owners", "alice", "laptop", "phone", "--threshold", "2"];
    network.cli(&owners).await;
    let refused = told(&network, &["transfer", "alice", "shop", "1"]).await;
    assert!(refused.contains("no key of the sender signed (1012 KeyNotAllowed)"), "{refused}");
    let refused = told(&network, &["transfer", "laptop@alice", "shop", "1"]).await;
    assert!(refused.contains("weight 1, 2 is needed (1013 PolicyNotMet)"), "{refused}");
    assert!(refused.contains("have more owners sign"), "{refused}");
    network.cli(&["transfer", "laptop,phone@alice", "shop", "1"]).await;
    let after = document(&network, &["account", "alice"]).await;
    assert_eq!(before["account"], after["account"], "the address stays");

    let from = ["--from", "laptop,phone"];
    let add = ["account", "add-key", "alice", "sensor", "--call", "counter.increment"];
    let limits = ["--per", "1000h", "--transactions", "2", "--expires", "90d"];
    network.cli(&[&add[..], &limits, &from].concat()).await;
    for number in ["1", "2"] {
        let call = ["call", "counter", "increment", number, "--from", "sensor@alice"];
        network.cli(&call).await;
    }
    let call = ["call", "counter", "increment", "3", "--from", "sensor@alice"];
    let refused = told(&network, &call).await;
    assert!(
        refused.contains("may sign 2 transactions in") && refused.contains("1012"),
        "{refused}"
    );
    let refused = told(&network, &["transfer", "sensor@alice", "shop", "1"]).await;
    assert!(refused.contains("action 0: the key may not transfer"), "{refused}");
    assert_eq!(network.cli(&["query", "counter", "get"]).await.trim(), "8");
    let keys = document(&network, &["account", "keys", "alice", "--node", "3"]).await;
    assert_eq!(keys["threshold"], json!(2));
    assert_eq!(keys["scoped"][0]["used"]["windowTransactions"], json!(2));
    let shown = network.cli(&["account", "keys", "alice"]).await;
    assert!(shown.contains("scoped 'sensor' sensor"), "{shown}");
    assert!(shown.contains("may call increment of"), "{shown}");
    network.cli(&[&["account", "remove-key", "alice", "sensor"][..], &from].concat()).await;
    let refused = told(&network, &call).await;
    assert!(refused.contains("no key of the sender signed"), "{refused}");

    // Whoever was never given anything begins at the expense of a key that may do only that.
    let sponsor = ["account", "add-key", "shop", "till", "--sponsors", "--spend", "1"];
    network.cli(&sponsor).await;
    let begin = ["call", "counter", "increment", "1", "--from", "newcomer"];
    let alone = told(&network, &begin).await;
    assert!(alone.contains("1010"), "{alone}");
    network.cli(&[&begin[..], &["--payer", "till@shop"]].concat()).await;
    assert_eq!(network.cli(&["query", "counter", "get"]).await.trim(), "9");
    let nothing = document(&network, &["account", "newcomer"]).await;
    assert_eq!(nothing["exists"], json!(false), "{nothing}");
    let keys = document(&network, &["account", "keys", "shop"]).await;
    assert_ne!(keys["scoped"][0]["used"]["spent"], json!("0"), "{keys}");
}
