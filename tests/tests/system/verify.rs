//! Certificates end to end: the stage `certified`, `pollen verify` with nothing trusted but genesis, on
//! validators, after a restart of all, and against a node that lies.

use std::net::SocketAddr;
use std::time::Duration;

use pollen_ledger::execution::{AccountRecord, StateKey, window_key};
use pollen_ledger::light::LightClient;
use pollen_ledger::receipt::Outcome;
use pollen_ledger::tree::Proof;
use pollen_ledger::{AccountId, Address, Genesis, Hash, SignedTransaction, codec};
use pollen_rpc::api::{
    AccountGetParams, Answer, ChainCheckpointsParams, ChainHeadParams, ModuleCall, ReadAt,
    StateRecord, TxGetParams,
};
use pollen_rpc::client::{ClientError, ProvedError};
use pollen_rpc::error::ErrorCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::harness::{Network, eventually};

/// Grains of a pollen.
const POLLEN: u64 = 1_000_000_000;

/// How long a checkpoint of an idle chain may take: one closes each second of ledger time, and its
/// certificate takes two rounds. The rest is for a busy machine.
const IDLE_PATIENCE: Duration = Duration::from_secs(20);

/// Protects the way of trust: from genesis alone to a transaction, its receipt and a checkpoint, at every
/// node; and that neither a restart nor a lie changes what is believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nodes_say_is_proved_from_genesis_alone() {
    let mut network = Network::start(4).await;
    for name in ["alice", "bob"] {
        network.cli(&["keys", "new", name]).await;
    }
    let sent = json_of(&network, &["transfer", "alice", "bob", "5"]).await;
    let hash = sent["hash"].as_str().unwrap().to_owned();
    let told = json_of(&network, &["tx", &hash, "--wait", "certified"]).await;
    assert_eq!(told["stage"], "certified", "{told}");
    let height = told["height"].as_str().unwrap().to_owned();
    for node in ["1", "2", "3", "4"] {
        is_verified(&network, node, &hash, &height).await;
        state_is_verified(&network, node, &height).await;
    }
    an_event_is_verified(&network).await;
    a_query_is_witnessed(&network).await;
    the_client_believes_proofs(&network, &hash).await;
    answers_are_proved_and_of_their_height(&network, &hash).await;
    idle_chain_certifies(&network).await;
    refusals(&network, &hash, &height).await;
    network.stop_all().await;
    network.start_all().await;
    for node in ["1", "2", "3", "4"] {
        is_verified(&network, node, &hash, &height).await;
    }
    idle_chain_certifies(&network).await;
    network.stop_all().await;
}

async fn json_of(network: &Network, words: &[&str]) -> Value {
    serde_json::from_str(&network.cli(&[&["--json"], words].concat()).await).unwrap()
}

/// Everything about one transaction, at one node; genesis has a proof too.
async fn is_verified(network: &Network, node: &str, hash: &str, height: &str) {
    for what in [
        &["verify", "tx", hash][..],
        &["verify", "receipt", hash],
        &["verify", "checkpoint", height],
        &["verify", "checkpoint", "0"],
    ] {
        let verified = json_of(network, &[&["--node", node], what].concat()).await;
        assert_eq!(verified["verified"], true, "{verified}");
        if what.contains(&hash) {
            assert_eq!(verified["height"].as_str(), Some(height));
        }
        if what.contains(&"receipt") {
            assert_eq!(verified["receipt"]["outcome"]["kind"], "success", "{verified}");
        }
    }
}

/// What a module told, at every node: by whom, under which name.
async fn an_event_is_verified(network: &Network) {
    let deploy = ["deploy", "contracts/token", "--name", "token", "--from", "alice"];
    let deployed = json_of(network, &[&deploy[..], &["Gold", "GLD", "2", "1000"]].concat()).await;
    let hash = deployed["transaction"]["hash"].as_str().unwrap();
    json_of(network, &["tx", hash, "--wait", "certified"]).await;
    let told = json_of(network, &["events", "token"]).await;
    for node in ["1", "2", "3", "4"] {
        let proved = json_of(network, &["--node", node, "verify", "event", hash, "0"]).await;
        assert_eq!(proved["verified"], true, "{proved}");
        let events = proved["receipt"]["events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{proved}");
        assert_eq!(events[0]["name"], told["events"][0]["name"], "{proved}: {told}");
        assert_eq!(events[0]["number"], 0);
        assert!(events[0]["module"].as_str().is_some_and(|module| module.starts_with("pollend")));
    }
    is_refused(network, &["verify", "event", hash, "1"], "1 events").await;
}

/// What accounts have and modules keep, or that there is nothing, before and after a transfer.
async fn state_is_verified(network: &Network, node: &str, height: &str) {
    let before = (height.parse::<u64>().unwrap() - 1).to_string();
    let at = async |what: &[&str], height: &str| {
        let words = [&["--node", node, "verify"], what, &["--at", height]].concat();
        let proved = json_of(network, &words).await;
        assert_eq!(
            (&proved["verified"], proved["height"].as_str()),
            (&Value::Bool(true), Some(height))
        );
        proved
    };
    let balance = async |height: &str| {
        let proved = at(&["account", "bob"], height).await;
        assert_eq!(proved["account"]["exists"], true, "{proved}");
        proved["account"]["balance"].as_str().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(balance(height).await - balance(&before).await, 5 * POLLEN);
    let genesis = at(&["account", "bob"], "0").await;
    assert_eq!(genesis["account"]["exists"], false, "{genesis}");
    // Nobody deployed anything: the address is no module's, and keeps nothing.
    let nobody = Address::module(AccountId([7; 32])).display("pollend");
    let nothing = at(&["state", &nobody, "00ff", "--hex"], height).await;
    assert_eq!(
        (&nothing["state"]["exists"], &nothing["state"]["key"]),
        (&Value::Bool(false), &"00ff".into())
    );
    is_refused(network, &["--node", node, "verify", "state", "@nobody", "key"], "that is proved")
        .await;
    is_refused(
        network,
        &["--node", node, "verify", "account", "bob", "--at", "99999999"],
        "this node has executed",
    )
    .await;
    let newest = json_of(network, &["--node", node, "verify", "account", "alice"]).await;
    assert_eq!(newest["account"]["exists"], true, "{newest}");
}

/// Nobody sends anything: heights go on being certified, and the last is never far behind.
/// What a query read comes with proofs that hold, and that hold of nothing else.
async fn a_query_is_witnessed(network: &Network) {
    let client = network.client(1);
    let light = light(network);
    let alice = json_of(network, &["account", "alice"]).await["account"].clone();
    let asked = json!({
        "module": "@token", "function": "balance-of", "arguments": [alice], "at": "certified", "witness": true,
    });
    let answer: Answer<ModuleCall> = eventually("it is certified", IDLE_PATIENCE, async || {
        client.call("module_call", &asked).await.map_err(|error: ClientError| error.to_string())
    })
    .await;
    let witness = answer.value.witness.expect("it was asked for");
    let checkpoint =
        light.checkpoint(answer.at.height, &witness.checkpoint.proof().unwrap()).unwrap();
    let entries = witness.entries.len();
    assert!(entries > 1, "the module's record and what it keeps, not {entries}");
    for entry in witness.entries {
        let key = StateKey { owner: AccountId(entry.owner.0), key: entry.key.0 };
        let proof = Proof::decode(&entry.tree.0).unwrap();
        let value = entry.value.map(|value| value.0);
        checkpoint.state(&key, value.as_deref(), &proof).unwrap();
        let other = [value.as_deref().unwrap_or_default(), b"x"].concat();
        assert!(checkpoint.state(&key, Some(&other), &proof).is_err());
    }
}

/// The Rust client takes proved accounts and transactions, and says of a transaction that there is none.
async fn the_client_believes_proofs(network: &Network, hash: &str) {
    let (client, light) = (network.client(2), light(network));
    let bob = json_of(network, &["account", "bob"]).await;
    let id = Address::parse(bob["account"].as_str().unwrap(), "pollend").unwrap().id;
    let proved = client.account_proved(&light, &id, ReadAt::Certified).await.unwrap();
    assert_eq!(proved.record.unwrap().balance.to_string(), bob["balance"].as_str().unwrap());
    let hash = hash.parse().unwrap();
    let proved = client.transaction_proved(&light, &hash).await.unwrap();
    assert!(matches!(proved.receipt.outcome, Outcome::Success { .. }), "{:?}", proved.receipt);
    let unknown = client.transaction_proved(&light, &Hash([7; 32])).await.unwrap_err();
    assert!(matches!(&unknown, ProvedError::Client(error) if error.is(ErrorCode::NotFound)));
}

/// `account_get` proves what it says, the nonces of a key included; `tx_get` keeps to the height that is asked for.
async fn answers_are_proved_and_of_their_height(network: &Network, hash: &str) {
    let (client, light) = (network.client(1), light(network));
    let of = TxGetParams::of(hash.parse().unwrap());
    let sent = client.tx_get(&of).await.unwrap().value.transaction.0;
    let sent: SignedTransaction = codec::decode(&sent, sent.len()).unwrap();
    let (id, key) = (sent.transaction.sender, sent.transaction.key);
    let address = Address::account(id).display("pollend");
    let params = AccountGetParams {
        public_key: Some(key),
        proof: true,
        at: ReadAt::Certified,
        ..AccountGetParams::of(address)
    };
    let Answer { at, value: account } = client.account_get(&params).await.unwrap();
    let proof = account.proof.unwrap();
    let value_of = |key: StateKey, record: StateRecord| {
        let proof = record.proof.unwrap();
        let checkpoint = light.checkpoint(at.height, &proof.checkpoint.proof().unwrap()).unwrap();
        let value = record.value.unwrap().0;
        checkpoint.state(&key, Some(&value), &proof.tree().unwrap()).unwrap();
        value
    };
    let record = value_of(StateKey::account(&id), proof.record);
    let record: AccountRecord = codec::decode(&record, record.len()).unwrap();
    assert_eq!((record.balance, record.deposit), (account.balance, account.deposit));
    assert!(!value_of(window_key(&id, &key), proof.window.unwrap()).is_empty());

    let executed = client.tx_get(&TxGetParams { at: ReadAt::Certified, ..of.clone() }).await;
    let height = executed.unwrap().value.height;
    let before = TxGetParams { at: ReadAt::Height(height - 1), ..of.clone() };
    assert!(client.tx_get(&before).await.unwrap_err().is(ErrorCode::NotFound));
    let at = ReadAt::Height(height);
    assert_eq!(client.tx_get(&TxGetParams { at, ..of }).await.unwrap().at.height, height);
    let list = ChainCheckpointsParams { limit: Some(1), at, ..Default::default() };
    let list = client.chain_checkpoints(&list).await.unwrap().value;
    assert_eq!((list.checkpoints[0].height, list.next), (height, Some(height - 1)));
}

fn light(network: &Network) -> LightClient {
    let genesis = std::fs::read_to_string(network.genesis()).unwrap();
    LightClient::new(&Genesis::from_json(&genesis).unwrap()).unwrap()
}

async fn idle_chain_certifies(network: &Network) {
    for index in 0..network.len() {
        let client = network.client(index);
        let head = async || client.chain_head(&ChainHeadParams::default()).await.unwrap().value;
        let before = head().await.certified_height;
        eventually("three more certificates", IDLE_PATIENCE, async || {
            let head = head().await;
            match head.certified_height >= before + 3 {
                true => Ok(()),
                false => Err(format!("{} after {before}", head.certified_height)),
            }
        })
        .await;
    }
}

/// Another genesis, an event that is not there, a node that alters what it passes on.
async fn refusals(network: &Network, hash: &str, height: &str) {
    let genesis = std::fs::read_to_string(network.genesis()).unwrap();
    let mut other: Value = serde_json::from_str(&genesis).unwrap();
    other["name"] = "another chain".into();
    let other_path = network.home.join("other.json");
    std::fs::write(&other_path, other.to_string()).unwrap();
    let other_path = other_path.to_str().unwrap();
    is_refused(network, &["verify", "checkpoint", height, "--genesis", other_path], "the chain")
        .await;
    is_refused(network, &["verify", "receipt", hash, "--event", "0"], "0 events").await;
    is_refused(network, &["verify", "event", hash, "0"], "0 events").await;
    network.cli(&["keys", "new", "nobody", "--no-fund"]).await;
    for (field, what, reason) in [
        ("certificate", &["verify", "checkpoint", height][..], "the certificate is refused"),
        ("receipt", &["verify", "receipt", hash], "the receipt is refused"),
        ("transaction", &["verify", "tx", hash], "not of"),
        ("value", &["verify", "account", "bob", "--at", height], "the state is not proved"),
        ("tree", &["verify", "account", "bob", "--at", height], "the state is not proved"),
        ("tree", &["verify", "account", "nobody", "--at", height], "the state is not proved"),
        (
            "certificate",
            &["verify", "account", "bob", "--at", height],
            "the certificate is refused",
        ),
    ] {
        let liar = Liar::start(network.endpoint(0), field).await;
        let words = [&["--rpc", &liar.endpoint], what].concat();
        is_refused(network, &words, reason).await;
    }
}

async fn is_refused(network: &Network, words: &[&str], reason: &str) {
    let output = network.run(words).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
    assert!(said.contains(reason), "{words:?}: {said}");
}

/// A node that passes questions on to another and alters one field of the answers.
struct Liar {
    endpoint: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Liar {
    async fn start(behind: &str, field: &'static str) -> Self {
        let behind: SocketAddr = behind.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(pass_on(socket, behind, field));
            }
        });
        Self { endpoint, task }
    }
}

/// One connection: each question's body is asked of the node behind on a connection of its own.
async fn pass_on(mut socket: TcpStream, behind: SocketAddr, field: &str) {
    while let Some(body) = read_body(&mut socket).await {
        let mut asked = TcpStream::connect(behind).await.unwrap();
        let question = format!(
            "POST / HTTP/1.1\r\nHost: {behind}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        asked.write_all(question.as_bytes()).await.unwrap();
        let mut answer = String::new();
        asked.read_to_string(&mut answer).await.unwrap();
        let answer = altered(answer.split_once("\r\n\r\n").unwrap().1, field);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        if socket.write_all((head + &answer).as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The body of the next request; none at the end.
async fn read_body(socket: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let whole = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length:").and_then(|rest| rest.trim().parse().ok())
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(body.to_owned());
            }
        }
        let mut piece = [0; 4096];
        match socket.read(&mut piece).await {
            Ok(read) if read > 0 => text.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    }
}

/// Another character of base64 in the middle of a field's bytes, behind lengths and numbers.
fn altered(answer: &str, field: &str) -> String {
    let name = format!("\"{field}\":\"");
    let Some(at) = answer.find(&name) else { return answer.to_owned() };
    let begin = at + name.len();
    let length = answer[begin..].find('"').unwrap();
    let place = begin + length / 2;
    let mut bytes = answer.as_bytes().to_vec();
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}
