//! The past through JSON-RPC: state at any height of the window, proved; what lies behind it and above the tip
//! refused, each in its own words.

use std::time::Duration;

use pollen_rpc::api::{AccountGetParams, ChainHeadParams, ReadAt};
use pollen_rpc::client::ClientError;
use pollen_rpc::error::ErrorCode;
use serde_json::Value;

use super::harness::{Network, eventually};

/// How long fifteen checkpoints of a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The window of the node that keeps little, in checkpoints.
const WINDOW: u64 = 12;

/// Protects that a node never answers from a state that it has let go: it names the oldest that it has; and
/// that everything in its window can be proved to who trusts genesis alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_is_read_and_proved_in_the_window_and_refused_outside() {
    let mut network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["keys", "new", "bob"]).await;
    network.kill(3).await;
    let window = WINDOW.to_string();
    network.spawn_with(
        3,
        &[
            ("POLLEN_NODE_STORAGE__STATE_CHECKPOINTS", &window),
            ("POLLEN_NODE_STORAGE__STATE_MINUTES", "0"),
        ],
    );
    network.ready(3).await;
    let client = network.client(3);
    let address: Value = json(&network, &["keys", "list"]).await;
    let address = address[0]["address"].as_str().unwrap().to_owned();
    let read = async |at: u64| {
        let (account, at) = (address.clone(), ReadAt::Height(at));
        client.account_get(&AccountGetParams { at, ..AccountGetParams::of(account) }).await
    };
    eventually("heights behind the window", PATIENCE, async || {
        network.cli(&["transfer", "alice", "bob", "1"]).await;
        match read(1).await {
            Ok(_) => Err("height 1 is still read".to_owned()),
            Err(error) if oldest(&error) == Some(true) => Ok(()),
            Err(error) => panic!("{error:?}"),
        }
    })
    .await;
    // In the window: read and proved. Above the tip: in its own words, and worth another try.
    let head = client.chain_head(&ChainHeadParams::default()).await.unwrap().at.height;
    let within = head - WINDOW / 2;
    assert_eq!(read(within).await.unwrap().at.height, within);
    let at = within.to_string();
    let proved = json(&network, &["--node", "4", "verify", "account", "bob", "--at", &at]).await;
    assert_eq!((&proved["verified"], proved["height"].as_str()), (&true.into(), Some(at.as_str())));
    let above = read(head + 1_000_000).await.unwrap_err();
    assert!(above.is(ErrorCode::BehindRequested), "{above}");
    // A proof of what is gone is refused in the same way; the others have it.
    let gone = network.run(&["--node", "4", "verify", "account", "bob", "--at", "1"]).await;
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert_eq!(gone.status.code(), Some(1));
    assert!(said.contains("not kept here any more"), "{said}");
    let kept = json(&network, &["--node", "1", "verify", "account", "bob", "--at", "1"]).await;
    assert_eq!(kept["verified"], true);
    // The operator sees what is held; a validator's role needs no word.
    let stats = json(&network, &["--node", "4", "db", "stats"]).await;
    assert!(stats["held"]["state"].as_u64() > Some(1), "{stats}");
    assert_eq!(stats["held"]["transactions"], 0, "{stats}");
    assert_eq!(client.network().await.unwrap().role, "validator");
    network.stop_all().await;
}

/// Whether an error names the oldest height that is kept, one above the first.
fn oldest(error: &ClientError) -> Option<bool> {
    let ClientError::Rpc { data, .. } = error else { return None };
    let oldest: u64 = data["oldestHeight"].as_str()?.parse().ok()?;
    Some(error.is(ErrorCode::NotFound) && oldest > 1)
}

async fn json(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[&["--json"], words].concat()).await).unwrap()
}
