//! Bad input to a running node, over real HTTP: each has its number of docs/rpc.md, says what to do, and
//! leaves the node working with nothing lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pollen_ledger::crypto::{Hash, Signature};
use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action, Address, KeyPair, SignedTransaction, Transaction, codec};
use pollen_node::config::NodeConfig;
use pollen_node::dev;
use pollen_node::keys;
use pollen_node::node::Node;
use pollen_rpc::api::{
    Bytes, ModuleCallParams, ReadAt, Stage, TxOutcome, TxStatus, TxSubmitParams,
};
use pollen_rpc::client::{ClientError, Intent, PollenClient, Signed};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{lay_out_one, pollen};
use crate::world::{POLLEN, component, contracts};

const PATIENCE: Duration = Duration::from_secs(30);
const FUEL: u64 = 10_000_000;

/// A running network of one validator, in this process.
struct Served {
    home: tempfile::TempDir,
    node: Node,
    endpoint: String,
    client: PollenClient,
    random: AtomicU64,
}

impl Served {
    async fn start() -> Self {
        let (home, laid) = lay_out_one();
        let node = Node::start(NodeConfig::load(Some(&laid.config)).unwrap()).await.unwrap();
        // Before its first commit a chain has genesis' time: what is signed by that expires at once.
        let ready = async {
            while !dev::is_ready(&laid.endpoint).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("it becomes ready");
        let client = PollenClient::new([&laid.endpoint]).unwrap();
        Self { home, node, endpoint: laid.endpoint, client, random: AtomicU64::new(0) }
    }

    /// Nothing was lost: it still executes, and still stops in order.
    async fn end(self) {
        let to = AccountId::of_key(&KeyPair::development("the last").public_key());
        let status = self.run(FUEL, vec![Action::Transfer { to, amount: 1 }]).await;
        assert!(matches!(status.outcome, Some(TxOutcome::Success { .. })), "{status:?}");
        assert_eq!(*self.node.failed().borrow(), None);
        assert!(self.client.node_health().await.unwrap().value.ready);
        self.node.stop().await;
    }

    async fn sign(&self, intent: Intent) -> Signed {
        let random = self.random.fetch_add(1, Ordering::Relaxed);
        self.client.sign(&dev::faucet_key(), intent, random).await.unwrap()
    }

    async fn submit(&self, signed: &Signed) -> TxStatus {
        let done = self.client.submit_and_wait(signed, Stage::Executed, PATIENCE).await;
        done.unwrap().value
    }

    async fn run(&self, max_fuel: u64, actions: Vec<Action>) -> TxStatus {
        self.submit(&self.sign(Intent::new(actions, max_fuel)).await).await
    }

    async fn deploy(&self, name: &str, arguments: Vec<u8>, code: Vec<u8>) -> TxStatus {
        let action = Action::Deploy {
            code: Hash::of_content(&code),
            name: Some(name.to_owned()),
            arguments,
            upgrade: UpgradePolicy::Never,
        };
        let mut intent = Intent::new(vec![action], 2_000_000_000);
        intent.attachments = vec![code];
        self.submit(&self.sign(intent).await).await
    }

    /// A module's id, deployed as it is in this repository.
    async fn module(&self, name: &str, arguments: Vec<u8>) -> AccountId {
        let status = self.deploy(name, arguments, component(name).to_vec()).await;
        let Some(TxOutcome::Success { results }) = &status.outcome else { panic!("{status:?}") };
        AccountId(results[0].bytes.0.as_slice().try_into().unwrap())
    }

    /// A good transaction of the faucet's, to be spoiled.
    async fn transaction(&self) -> Transaction {
        let to = AccountId([3; 32]);
        let signed = self.sign(Intent::new(vec![Action::Transfer { to, amount: 1 }], FUEL)).await;
        codec::decode::<SignedTransaction>(&signed.bytes, 1 << 20).unwrap().transaction
    }

    async fn submit_bytes(&self, bytes: Vec<u8>, chain_id: Option<Hash>) -> ClientError {
        let params = TxSubmitParams {
            transaction: Bytes(bytes),
            wait: Stage::Executed.into(),
            timeout_ms: Some(5_000),
            chain_id,
        };
        self.client.tx_submit(&params).await.expect_err("it is refused")
    }

    async fn submit_signed(&self, transaction: Transaction, key: &KeyPair) -> ClientError {
        let chain_id = dev::genesis(1).chain_id();
        self.submit_bytes(codec::encode(&transaction.sign(&chain_id, key, vec![])), None).await
    }

    /// One request as it is, and the answer's body.
    async fn post(&self, body: &str) -> Value {
        let address = self.endpoint.strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }

    async fn query(
        &self,
        module: &str,
        function: &str,
        arguments: Value,
    ) -> Result<Value, ClientError> {
        let params = ModuleCallParams {
            witness: false,
            module: module.to_owned(),
            function: function.to_owned(),
            arguments: Some(arguments),
            arguments_bytes: None,
            caller: None,
            at: ReadAt::Latest,
            at_least: None,
            wait_ms: 0,
        };
        Ok(self.client.module_call(&params).await?.value.result)
    }
}

/// The fields of an answer with this number: each says what to do.
#[track_caller]
fn refusal(error: ClientError, number: i32) -> (String, Value) {
    let ClientError::Rpc { code, name, message, hint, data, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(code, number, "{message}");
    assert!(!name.is_empty() && !message.is_empty());
    assert!(hint.is_some_and(|hint| !hint.is_empty()), "{name} has no hint");
    (message, data)
}

/// A transaction that was ordered and failed: its number and message. It has its receipt, and has paid.
#[track_caller]
fn failed(status: &TxStatus) -> (i32, &str, &str) {
    let Some(TxOutcome::Failure { code, message, .. }) = &status.outcome else {
        panic!("{status:?}");
    };
    assert!(status.ended && status.stage >= Stage::Executed && status.height.is_some());
    assert!(status.fee.unwrap() > 0 && status.fuel_used.unwrap() > 0);
    assert!(status.events.is_empty());
    (*code, message, status.note.as_deref().unwrap_or_default())
}

fn invoke(module: AccountId, function: &str, arguments: Vec<u8>) -> Vec<Action> {
    vec![Action::Invoke {
        module,
        function: function.to_owned(),
        arguments,
        deposit: 0,
        interface: None,
    }]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_run_is_refused_before_it_is_ordered() {
    let served = Served::start().await;
    let faucet = dev::faucet_key();
    let good = served.transaction().await;

    refusal(served.submit_bytes(vec![], None).await, 1001);
    refusal(served.submit_bytes(vec![0xff; 300], None).await, 1001);
    let chain_id = dev::genesis(1).chain_id();
    let mut signed = good.clone().sign(&chain_id, &faucet, vec![]);
    let mut longer = codec::encode(&signed);
    longer.push(0);
    refusal(served.submit_bytes(longer, None).await, 1001);
    let none = Transaction { actions: vec![], ..good.clone() };
    refusal(served.submit_signed(none, &faucet).await, 1001);
    let newer = Transaction { version: 9, ..good.clone() };
    let (message, _) = refusal(served.submit_signed(newer, &faucet).await, 1001);
    assert!(message.contains("version 9"), "{message}");

    let most = dev::genesis(1).parameters.transaction_bytes_max as usize;
    refusal(served.submit_bytes(vec![0; most + 1], None).await, 1004);
    let arguments = invoke(AccountId([3; 32]), "f", vec![0; 70_000]);
    let large = Transaction { actions: arguments, ..good.clone() };
    let (message, _) = refusal(served.submit_signed(large, &faucet).await, 1004);
    assert!(message.contains("65536"), "says the bound: {message}");

    let bytes = codec::encode(&signed);
    let (_, data) = refusal(served.submit_bytes(bytes, Some(Hash([9; 32]))).await, 1003);
    assert_eq!(data["chainId"], json!(chain_id));
    let other_chain = good.clone().sign(&Hash([9; 32]), &faucet, vec![]);
    refusal(served.submit_bytes(codec::encode(&other_chain), None).await, 1002);
    signed.signature = Signature([7; 64]);
    refusal(served.submit_bytes(codec::encode(&signed), None).await, 1002);
    let stranger = KeyPair::development("stranger");
    refusal(served.submit_signed(good.clone(), &stranger).await, 1002);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_now_says_what_to_change() {
    let served = Served::start().await;
    let faucet = dev::faucet_key();
    let to = AccountId([3; 32]);
    let status = served.run(FUEL, vec![Action::Transfer { to, amount: 1 }]).await;
    let used = status.transaction.unwrap().nonce;
    let good = served.transaction().await;

    let again = Transaction { nonce: used, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(again, &faucet).await, 1005);
    assert_eq!(data["suggested"], json!((used + 1).to_string()));
    let far = Transaction { nonce: used + 1_000_000, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(far, &faucet).await, 1006);
    assert_eq!(data["highest"], json!((used + 4096).to_string()));

    let late = Transaction { valid_until_ms: 1, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(late, &faucet).await, 1007);
    assert!(data["ledgerTimeMs"].is_string(), "u64 are texts: {data}");
    let early = Transaction { valid_until_ms: u64::MAX, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(early, &faucet).await, 1008);
    assert!(data["mostMs"].is_string(), "u64 are texts: {data}");

    let cheap = Transaction { fuel_price: 0, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(cheap, &faucet).await, 1009);
    assert_eq!(data["floor"], json!("1"));
    let little = Transaction { max_fuel: 1_000, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(little, &faucet).await, 1009);
    assert!(data["fuelNeeded"].as_str().unwrap().parse::<u64>().unwrap() > 100_000);

    let poor = KeyPair::development("poor");
    let sender = AccountId::of_key(&poor.public_key());
    let posing = Transaction { key: poor.public_key(), ..good.clone() };
    let (_, data) = refusal(served.submit_signed(posing, &poor).await, 1012);
    assert_eq!(data["rule"], json!("no key of the sender signed"));
    let unpaid = Transaction { sender, key: poor.public_key(), nonce: 0, ..good.clone() };
    let (_, data) = refusal(served.submit_signed(unpaid, &poor).await, 1010);
    assert_eq!((&data["have"], &data["needed"]), (&json!("0"), &json!("10000")));

    // More than there is, told only when it is executed: it failed, and the fee is paid.
    let all = served.run(FUEL, vec![Action::Transfer { to, amount: u64::MAX }]).await;
    assert_eq!(failed(&all).0, 1010);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_fail_have_their_number_and_reason() {
    let served = Served::start().await;
    let probe = served.module("probe", vec![]).await;
    let counter = served.module("counter", borsh::to_vec(&1_u64).unwrap()).await;

    let status = served.run(FUEL, invoke(AccountId([9; 32]), "f", vec![])).await;
    assert_eq!(failed(&status).0, 2001);
    let status = served.run(FUEL, invoke(counter, "decrement", vec![])).await;
    assert_eq!(failed(&status).0, 2002);
    let status = served.run(FUEL, invoke(counter, "increment", vec![1, 2])).await;
    let (code, message, _) = failed(&status);
    assert_eq!(code, 2003);
    assert!(message.contains("by") && message.contains("u64"), "where and what: {message}");

    let status = served.run(FUEL, invoke(probe, "spin", vec![])).await;
    assert_eq!(failed(&status).0, 2004);
    assert_eq!(status.fuel_used, Some(FUEL));
    let status = served.run(FUEL, invoke(probe, "trap", vec![])).await;
    let (code, message, note) = failed(&status);
    assert_eq!(code, 2005);
    assert!(message.contains("unreachable"), "{message}");
    assert!(note.contains("probe") && note.contains("trap"), "a backtrace: {note}");
    let why = borsh::to_vec("because").unwrap();
    let status = served.run(FUEL, invoke(probe, "abort", why.clone())).await;
    assert_eq!((failed(&status).0, failed(&status).1), (2006, "because"));
    let status = served.run(FUEL, invoke(probe, "fail", why)).await;
    assert_eq!((failed(&status).0, failed(&status).1), (2006, "\"because\""));
    let size = borsh::to_vec(&(64_u32 << 20)).unwrap();
    let status = served.run(200_000_000, invoke(probe, "fill-memory", size)).await;
    let (code, message, _) = failed(&status);
    assert_eq!(code, 2007);
    assert!(message.contains("memory"), "{message}");

    // Found again later by its hash, as it was told.
    let hash = status.hash;
    let params = pollen_rpc::api::TxStatusParams { hash: Some(hash), ..Default::default() };
    let found = served.client.tx_status(&params).await.unwrap().value;
    assert_eq!((found.outcome, found.fee), (status.outcome, status.fee));
    assert_eq!(served.query("@counter", "get", json!([])).await.unwrap(), json!("1"));
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_deployed_is_told_why() {
    let served = Served::start().await;
    let status = served.deploy("junk", vec![], b"no component".to_vec()).await;
    assert_eq!(failed(&status).0, 2009);
    let module = wat::parse_str("(module)").unwrap();
    let status = served.deploy("core-module", vec![], module).await;
    let (code, message, _) = failed(&status);
    assert_eq!(code, 2009);
    assert!(message.contains("component"), "{message}");
    let wasi = wat::parse_str(
        r#"(component (import "wasi:cli/environment@0.2.0"
            (instance (export "get-environment" (func (result (list string)))))))"#,
    );
    let status = served.deploy("wasi", vec![], wasi.unwrap()).await;
    let (code, message, _) = failed(&status);
    assert_eq!(code, 2009);
    assert!(message.contains("wasi:cli/environment"), "{message}");
    assert!(message.contains("pollen:host"), "says what may be imported: {message}");

    served.module("counter", borsh::to_vec(&1_u64).unwrap()).await;
    let code = component("counter").to_vec();
    let status = served.deploy("counter", borsh::to_vec(&5_u64).unwrap(), code.clone()).await;
    assert_eq!(failed(&status).0, 2010);
    let status = served.deploy("other", vec![1], code).await;
    assert_eq!(failed(&status).0, 2003);
    for name in ["junk", "core-module", "wasi", "other"] {
        let error = served.query(&format!("@{name}"), "get", json!([])).await.unwrap_err();
        refusal(error, 2001);
    }
    assert_eq!(served.query("@counter", "get", json!([])).await.unwrap(), json!("1"));
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_requests_are_refused_with_the_place() {
    let served = Served::start().await;
    let probe = served.module("probe", vec![]).await;
    served.module("token", borsh::to_vec(&("Gold", "GLD", 2_u8, 5_u64)).unwrap()).await;

    let error = served.query("@nothing", "get", json!([])).await.unwrap_err();
    assert!(refusal(error, 2001).0.contains("nothing"));
    let error = served.query("@token", "balance", json!([])).await.unwrap_err();
    let (message, data) = refusal(error, 2002);
    assert_eq!(data["functions"], json!(["balance-of", "allowance", "total-supply", "info"]));
    assert!(message.contains("balance-of"), "suggests: {message}");
    let error = served.query("@token", "balance-of", json!({ "of": 5 })).await.unwrap_err();
    let (_, data) = refusal(error, 2003);
    assert_eq!(data["path"], json!("arguments.of"));
    assert!(data["expected"].as_str().unwrap().contains("account"), "{data}");
    let address = Address::module(probe).display("pollend");
    for function in ["put-in-query", "emit-in-query"] {
        refusal(served.query(&address, function, json!([])).await.unwrap_err(), 2006);
    }
    refusal(served.query(&address, "spin-in-query", json!([])).await.unwrap_err(), 2004);

    assert_eq!(served.post("{ no json").await["error"]["code"], json!(-32700));
    let call = |method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
    };
    let cases = [
        (call("account_get", json!({ "account": 5 })), -32602, "params.account"),
        (call("chain_head", json!({ "surprise": 5 })), -32602, "params"),
        (call("tx_status", json!({ "hash": "xyz" })), -32602, "params.hash"),
        (call("tx_submit", json!({ "transaction": "*" })), -32602, "params.transaction"),
    ];
    for (body, code, path) in cases {
        let answer = served.post(&body).await;
        assert_eq!(answer["error"]["code"], json!(code), "{answer}");
        let at = answer["error"]["data"]["path"].as_str().unwrap_or_default();
        assert!(at.starts_with(path), "{answer}");
        assert!(answer["error"]["data"]["hint"].is_string());
    }
    assert_eq!(served.post(&call("nothing_here", json!({}))).await["error"]["code"], json!(-32601));
    let unknown = call("tx_status", json!({ "hash": Hash([1; 32]) }));
    assert_eq!(served.post(&unknown).await["error"]["code"], json!(-32040));
    served.end().await;
}

/// What a person sees: the exit code, what is wrong in one line, and what to do.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_it_in_a_line() {
    let served = Served::start().await;
    served.module("probe", vec![]).await;
    served.module("coldchain", vec![]).await;
    let home = served.home.path().join("user");
    let alice = keys::path_of(&home, "alice").unwrap();
    keys::write(&alice, &KeyPair::development("alice")).unwrap();
    let id = AccountId::of_key(&KeyPair::development("alice").public_key());
    served.run(FUEL, vec![Action::Transfer { to: id, amount: 10 * POLLEN }]).await;

    let endpoint = served.endpoint.clone();
    let run = |words: &[&str]| {
        let mut command = pollen();
        command.args(words).env("POLLEN_HOME", &home).env("POLLEN_RPC", &endpoint);
        async move {
            let output = tokio::process::Command::from(command).output().await.unwrap();
            (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
        }
    };
    let open =
        ["call", "coldchain", "open-box", "box-1", "--max-celsius", "8.0", "--from", "alice"];
    let (code, text) = run(&open).await;
    assert_eq!((code, text.as_str()), (0, ""));
    let cases: [(&[&str], i32, &[&str]); 11] = [
        (&open, 1, &["name-taken", "2006", "the fee was paid"]),
        (&["call", "probe", "trap", "--from", "alice"], 1, &["unreachable", "2005", "trap"]),
        (
            &["call", "probe", "spin", "--max-fuel", "3000000", "--from", "alice"],
            1,
            &["2004", "spin"],
        ),
        (
            &["call", "coldchain", "record", "box-1", "warm", "--from", "alice"],
            2,
            &["celsius", "f64", "warm", "usage: record"],
        ),
        (&["call", "coldchain", "recrod", "--from", "alice"], 2, &["did you mean 'record'"]),
        (
            &["call", "coldchain", "status", "--from", "alice"],
            2,
            &["pollen query coldchain status"],
        ),
        (&["query", "nothing", "get"], 1, &["no module is named 'nothing'", "2001"]),
        (&["query", "coldchain", "status", "box-9"], 1, &["unknown-box", "2006"]),
        (&["transfer", "alice", "bob", "5"], 1, &["there is no key at", "pollen keys new"]),
        (&["transfer", "alice", "alice", "five"], 2, &["five"]),
        (&["deploy", "/nowhere", "--from", "alice"], 1, &["/nowhere"]),
    ];
    for (words, expected, says) in cases {
        let (code, text) = run(words).await;
        assert_eq!(code, expected, "{words:?}: {text}");
        assert!(text.starts_with("error: ") && !text.contains("panicked"), "{text}");
        for said in says {
            assert!(text.contains(said), "{words:?} does not say {said:?}: {text}");
        }
    }
    let counter = contracts().join("counter");
    let deploy =
        ["deploy", counter.to_str().unwrap(), "--name", "coldchain", "--from", "alice", "1"];
    let (code, text) = run(&deploy).await;
    assert!(code == 1 && text.contains("2010"), "{code}: {text}");
    let unreachable = ["account", "alice", "--rpc", "http://127.0.0.1:1"];
    let (code, text) = run(&unreachable).await;
    assert!(code == 3 && text.contains("no node answered"), "{code}: {text}");
    served.end().await;
}
