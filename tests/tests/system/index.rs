//! The optional indexes of a node: what an account was in, what a module keeps. A node without them says so,
//! and one that gets them later, and is killed while it makes them, answers like one that always had them.

use serde_json::Value;

use super::harness::Network;

const OFF: [(&str, &str); 3] = [
    ("POLLEN_NODE_INDEX__ACCOUNTS", "false"),
    ("POLLEN_NODE_INDEX__KEYS", "false"),
    ("POLLEN_NODE_INDEX__EVENTS", "false"),
];
/// Dies with the third write, which is one of the first steps of making indexes.
const DIE_EARLY: [(&str, &str); 1] = [("POLLEN_FAILPOINT", "any:3:after:abort")];

async fn json(network: &Network, node: &str, words: &[&str]) -> Value {
    let words = [&["--json", "--node", node], words].concat();
    serde_json::from_str(&network.cli(&words).await).unwrap()
}

/// All that node `node` lists of an account, newest first.
async fn listed(network: &Network, node: &str, who: &str) -> Vec<Value> {
    let mut list = json(network, node, &["tx", "list", who, "--all"]).await;
    assert_eq!(list["next"], Value::Null, "{list}");
    std::mem::take(list["transactions"].as_array_mut().unwrap())
}

/// Keys with values of the token module, at a height where that is given.
async fn balances(network: &Network, node: &str, at: Option<&str>) -> (String, Vec<Value>) {
    let mut words = vec!["state", "scan", "token", "--prefix", "b", "--all"];
    words.extend(at.iter().flat_map(|at| ["--at", at]));
    let mut scan = json(network, node, &words).await;
    let height = scan["at"]["height"].as_str().unwrap().to_owned();
    (height, std::mem::take(scan["entries"].as_array_mut().unwrap()))
}

async fn pay(network: &Network, from: &str, to: &Value) {
    let to = to["account"].as_str().unwrap();
    network.cli(&["call", "token", "transfer", to, "400", "--from", from]).await;
}

/// Runs a command that node 4 must refuse, since it has no index.
async fn refused(network: &Network, words: &[&str], name: &str) {
    let output = network.run(&[&["--node", "4"], words].concat()).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["-32043 NotKept", &format!("`{name} = true`"), "another node"] {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

/// Protects what wallets and explorers stand on: lists are complete and the same on every node that keeps the
/// index, whenever it was switched on; without it they are refused and never empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_an_index_lists_and_one_without_refuses() {
    let mut network = Network::lay_out(4);
    for index in 0..4 {
        network.spawn_with(index, if index == 3 { &OFF } else { &[] });
    }
    for index in 0..4 {
        network.ready(index).await;
    }
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["keys", "new", "bob"]).await;
    network.cli(&["transfer", "alice", "bob", "5"]).await;
    let deploy = ["deploy", "contracts/token", "--name", "token", "--from", "alice"];
    network.cli(&[&deploy[..], &["Gold", "GLD", "2", "1000"]].concat()).await;
    let bob: Value = json(&network, "1", &["account", "bob"]).await;
    let alice: Value = json(&network, "1", &["account", "alice"]).await;
    pay(&network, "alice", &bob).await;
    let (two_holders, held) = balances(&network, "1", None).await;
    assert_eq!(held.len(), 2, "{held:?}");
    pay(&network, "bob", &alice).await;
    network.level().await;

    // The faucet's transfer to bob, alice's, his own call: newest first.
    let of_bob = listed(&network, "1", "bob").await;
    let kinds: Vec<_> = of_bob.iter().map(|one| one["actions"][0]["kind"].as_str()).collect();
    assert_eq!(kinds, [Some("invoke"), Some("transfer"), Some("transfer")], "{of_bob:?}");
    assert!(of_bob.iter().all(|one| one["outcome"] == "success"), "{of_bob:?}");
    assert_eq!(of_bob[1]["actions"][0]["amount"], "5000000000");
    assert_eq!(of_bob[0]["sender"], bob["account"]);
    let of_token = listed(&network, "1", "@token").await;
    assert_eq!(of_token.len(), 2, "both calls: {of_token:?}");
    let page = json(&network, "1", &["tx", "list", "bob", "--limit", "1", "--oldest-first"]).await;
    assert_eq!(page["transactions"][0], of_bob[2]);
    let next = page["next"].as_str().unwrap();
    let words = ["tx", "list", "bob", "--limit", "1", "--oldest-first", "--after", next];
    assert_eq!(json(&network, "1", &words).await["transactions"][0], of_bob[1]);
    // An empty balance gives its key back; the height before still has it.
    let (_, now) = balances(&network, "1", None).await;
    assert_eq!(now.len(), 1, "{now:?}");
    assert_eq!(balances(&network, "1", Some(&two_holders)).await.1, held);
    // People see the same.
    let text = network.cli(&["tx", "list", "bob"]).await;
    assert!(text.contains("send 5 pollen") && text.contains("success"), "{text}");
    let text = network.cli(&["state", "scan", "token", "--prefix", "b"]).await;
    assert!(text.contains("entries: 1, at height"), "{text}");

    refused(&network, &["tx", "list", "bob"], "accounts").await;
    refused(&network, &["state", "scan", "token"], "keys").await;
    let events = |page: Value| page["events"].clone();
    let told = events(json(&network, "4", &["events", "token"]).await);
    assert_eq!(told.as_array().unwrap().len(), 3, "found without the index: {told}");
    let info = network.client(3).node_info().await.unwrap().value.node;
    assert_eq!(info.indexes, Vec::<String>::new());

    // Switched on, and killed on the way.
    network.kill(3).await;
    network.spawn_with(3, &DIE_EARLY);
    let how = network.ended(3).await;
    assert!(how.contains("signal"), "{how}: {}", network.log(3));
    let stats = json(&network, "4", &["db", "stats"]).await;
    assert!(stats["held"]["indexes"].to_string().contains("being made"), "{stats}");
    network.start_node(3).await;
    assert!(network.log(3).contains("the indexes are as configured"), "{}", network.log(3));
    network.level().await;
    let info = network.client(3).node_info().await.unwrap().value.node;
    assert_eq!(info.indexes, ["accounts", "keys", "events"]);
    for who in ["alice", "bob", "@token"] {
        let expected = listed(&network, "1", who).await;
        assert_eq!(listed(&network, "4", who).await, expected, "{who}");
    }
    for at in [None, Some(two_holders.as_str())] {
        let expected = balances(&network, "1", at).await.1;
        assert_eq!(balances(&network, "4", at).await.1, expected, "{at:?}");
    }
    assert_eq!(events(json(&network, "4", &["events", "token"]).await), told);
    // And it keeps up.
    pay(&network, "alice", &bob).await;
    network.level().await;
    assert_eq!(listed(&network, "4", "alice").await, listed(&network, "1", "alice").await);
    assert_eq!(balances(&network, "4", None).await.1.len(), 2);

    network.stop_all().await;
    for node in ["1", "4"] {
        let verified = json(&network, node, &["db", "verify"]).await;
        assert_eq!(verified["whole"], true, "{verified}");
        let entries = &verified["families"]["index_keys"]["entries"];
        assert!(entries.as_u64() > Some(1), "{verified}");
    }
}
