//! Keys and transactions as a wallet handles them, on the command line and against real nodes.

use std::process::Stdio;

use pollen_ledger::transaction::SIGNING_DOMAIN;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use std::time::Duration;

use super::harness::{Network, eventually, pollen};
use super::world::contracts;

/// A mnemonic that is published, with the address of its second key: nobody keeps anything there.
const WORDS: &str = "illness spike retreat truth genius clock brain pass fit cave bargain toe";

/// Runs the command line with something on standard input; whatever it answers: code, output, errors.
async fn piped(network: &Network, words: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::from(pollen());
    command.arg("--home").arg(&network.home).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that refuses at once may be gone before it has read all of it.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn done(network: &Network, words: &[&str], input: &str) -> String {
    let (code, out, error) = piped(network, words, input).await;
    assert_eq!(code, Some(0), "pollen {words:?}: {error}");
    out
}

async fn refused(network: &Network, words: &[&str], input: &str) -> String {
    let (code, _, error) = piped(network, words, input).await;
    assert!(matches!(code, Some(1 | 2)), "pollen {words:?}: {code:?} {error}");
    error
}

/// Protects who lost a key file and has the words, and whoever's disk is read by others: words give the same keys again,
/// an encrypted file shows no secret and is opened by its passphrase alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_out_of_words_and_under_a_passphrase() {
    let network = Network::start(4).await;
    let made: Value = serde_json::from_str(
        &network.cli(&["--json", "keys", "new", "alice", "--words", "24"]).await,
    )
    .unwrap();
    let words = made["words"].as_str().unwrap();
    assert_eq!(words.split(' ').count(), 24);
    assert_eq!(made["path"], "m/44'/1'/0'");
    let again = done(&network, &["--json", "keys", "recover", "again"], words).await;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["account"], made["account"]);
    let next = done(&network, &["--json", "keys", "recover", "next", "--index", "1"], words).await;
    assert_ne!(serde_json::from_str::<Value>(&next).unwrap()["account"], made["account"]);
    let known = ["--json", "keys", "recover", "known", "--coin-type", "148", "--index", "1"];
    let known: Value = serde_json::from_str(&done(&network, &known, WORDS).await).unwrap();
    let published = "416edcd6746d5293579a7039ac67bcf1a8698efecf81183bbb0ac877da86ada3";
    assert_eq!(known["publicKey"], published, "SEP-0005, test 1");
    let wrong = WORDS.replace("toe", "spike");
    let told = refused(&network, &["keys", "recover", "wrong"], &wrong).await;
    assert!(told.contains("do not fit together"), "{told}");

    let passphrase = network.home.join("passphrase");
    std::fs::write(&passphrase, "correct horse\n").unwrap();
    let variable = [("POLLEN_PASSPHRASE_FILE", passphrase.to_str().unwrap())];
    let make = ["keys", "new", "vault", "--words", "12", "--encrypt", "--no-fund"];
    let made = network.run_with(&make, &variable).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file: Value = serde_json::from_str(
        &std::fs::read_to_string(network.home.join("keys/vault.json")).unwrap(),
    )
    .unwrap();
    assert_eq!((&file["version"], file.get("secretKey")), (&json!(2), None));
    assert!(file["encryptedKey"].as_str().unwrap().starts_with("-----BEGIN AGE ENCRYPTED FILE"));
    // Its address is known without the passphrase.
    network.cli(&["transfer", "alice", "vault", "3"]).await;
    let pay = ["transfer", "vault", "alice", "1"];
    assert!(network.run_with(&pay, &variable).await.status.success());
    std::fs::write(&passphrase, "wrong horse\n").unwrap();
    let told = network.run_with(&pay, &variable).await;
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("is not this one"), "{told}");
}

/// Protects keys on a machine without a network, and who signs from signing what they do not see: a transaction goes
/// from who builds it over who signs it to who sends it, is shown in words on the way, and none can change it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_goes_from_hand_to_hand() {
    let network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["keys", "new", "bob", "--no-fund"]).await;
    let source = contracts().join("coldchain").display().to_string();
    network.cli(&["deploy", &source, "--name", "coldchain", "--from", "alice"]).await;

    let call = [
        "tx",
        "build",
        "call",
        "coldchain",
        "open-box",
        "box-1",
        "--max-celsius",
        "8.0",
        "--from",
        "alice",
    ];
    let draft = network.cli(&call).await;
    let nobody = ["--rpc", "http://127.0.0.1:9"];
    let shown = done(&network, &[&nobody[..], &["tx", "show"]].concat(), &draft).await;
    assert!(
        shown.contains(".open-box with box box-1, max-celsius 8, carrier none, sensors none"),
        "{shown}"
    );
    assert!(shown.contains("not yet  alice"), "{shown}");
    let simulated = done(&network, &["--json", "tx", "simulate"], &draft).await;
    let simulated: Value = serde_json::from_str(&simulated).unwrap();
    let said = &simulated["preview"]["actions"][0];
    assert_eq!(
        said,
        "Call coldchain.open-box with box box-1, max-celsius 8, carrier none, sensors none"
    );
    assert_eq!(simulated["outcome"]["kind"], "success");
    let unsigned = refused(&network, &["tx", "send"], &draft).await;
    assert!(unsigned.contains("the key that leads has not signed"), "{unsigned}");

    let sign = [&nobody[..], &["tx", "sign", "alice"]].concat();
    let (code, signed, told) = piped(&network, &sign, &draft).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("with box box-1"), "who signs is told what: {told}");
    let mut changed: Value = serde_json::from_str(&signed).unwrap();
    let text = changed["transaction"].as_str().unwrap().to_owned();
    let other = if text.as_bytes()[60] == b'A' { "B" } else { "A" };
    changed["transaction"] = json!(format!("{}{other}{}", &text[..60], &text[61..]));
    let told = refused(&network, &["tx", "send"], &changed.to_string()).await;
    assert!(told.contains("does not fit") || told.contains("no transaction"), "{told}");
    let sent = done(&network, &["--json", "tx", "send", "--wait", "certified"], &signed).await;
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(
        (&sent["stage"], &sent["outcome"]["kind"]),
        (&json!("certified"), &json!("success"))
    );
    assert_eq!(sent["fuelUsed"], simulated["fuelUsed"], "as it was simulated");
    let again = done(&network, &["--json", "tx", "send"], &signed).await;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["height"], sent["height"], "sent twice, done once");

    // Keys that are nowhere on this machine: only the public half is written out.
    let alice: Value =
        serde_json::from_str(&network.cli(&["--json", "tx", sent["hash"].as_str().unwrap()]).await)
            .unwrap();
    let key = alice["transaction"]["key"].as_str().unwrap();
    let draft = network.cli(&["tx", "build", "transfer", key, "bob", "2"]).await;
    let by_bob = done(&network, &["tx", "sign", "bob"], &draft).await;
    let told = refused(&network, &["tx", "send"], &by_bob).await;
    assert!(told.contains("the key that leads has not signed"), "{told}");
    let both = done(&network, &["tx", "sign", "alice"], &by_bob).await;
    let told = refused(&network, &["tx", "send"], &both).await;
    assert!(told.contains("1012"), "a signature too many: {told}");
    let told = refused(&network, &["tx", "build", "status"], "").await;
    assert!(told.contains("sends no transaction"), "{told}");
}

/// Protects who must know that a payment will not come after all: a node proves it once the time is over, and no node can
/// prove it of one that was executed, or that still can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_a_transaction_never_ran_is_proved() {
    let network = Network::start(4).await;
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["keys", "new", "bob", "--no-fund"]).await;
    let genesis = network.genesis().display().to_string();
    let file = |name: &str| network.home.join(name).display().to_string();
    let build = async |name: &str, time: &str| {
        let words = ["tx", "build", "--valid-for", time, "transfer", "alice", "bob", "1"];
        std::fs::write(network.home.join(name), network.cli(&words).await).unwrap();
    };
    let absent = async |name: &str| {
        let file = file(name);
        let words = ["--json", "verify", "--genesis", &genesis, "absence", &file];
        let output = network.run(&words).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        match output.status.success() {
            true => Ok(serde_json::from_str::<Value>(&text(output.stdout)).unwrap()),
            false => Err(text(output.stderr)),
        }
    };
    build("forgotten", "1s").await;
    build("valid", "10m").await;
    build("sent", "3s").await;
    let draft = std::fs::read_to_string(network.home.join("sent")).unwrap();
    let signed = done(&network, &["tx", "sign", "alice"], &draft).await;
    done(&network, &["tx", "send"], &signed).await;
    let told = absent("sent").await.unwrap_err();
    assert!(told.contains("it can still run"), "as far as time tells: {told}");
    let proved =
        eventually("its time is over", Duration::from_secs(20), async || absent("forgotten").await)
            .await;
    assert_eq!((&proved["verified"], proved["absent"].is_string()), (&json!(true), true));
    let told = absent("valid").await.unwrap_err();
    assert!(told.contains("it can still run"), "{told}");
    eventually("the sent one's time is over", Duration::from_secs(20), async || {
        match absent("sent").await {
            Err(told) if told.contains("it may have run") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// Protects who proves who they are by a signature: a text is signed, found to be theirs, and can be no transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_signed_and_checked() {
    let network = Network::start(4).await;
    network.cli(&["keys", "new", "alice", "--no-fund"]).await;
    network.cli(&["keys", "new", "bob", "--no-fund"]).await;
    let text = format!("{}I am alice", String::from_utf8(SIGNING_DOMAIN.to_vec()).unwrap());
    let signature = network.cli(&["keys", "sign", "alice", &text]).await.trim().to_owned();
    let good = network.cli(&["keys", "check", "alice", &signature, &text]).await;
    assert!(good.starts_with("good: "), "{good}");
    for (who, text) in [("bob", text.as_str()), ("alice", "I am bob")] {
        let told = refused(&network, &["keys", "check", who, &signature, text], "").await;
        assert!(told.contains("does not fit"), "{told}");
    }
}

/// Protects who works with several networks from sending to the wrong one: a name stands for the endpoints that were
/// asked which chain they are of, the one in use is shown, and nothing is guessed of a name that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn networks_have_names() {
    let network = Network::start(4).await;
    let add = ["context", "add", "other", network.endpoint(0)];
    let told = network.cli(&add).await;
    assert!(told.contains("pollen-dev") && told.contains("in use"), "{told}");
    let chain = async |words: &[&str]| {
        let status = network.cli(&[&["--json"], words, &["status"]].concat()).await;
        serde_json::from_str::<Value>(&status).unwrap().as_array().unwrap().len()
    };
    assert_eq!(chain(&[]).await, 1, "the one in use");
    assert_eq!(chain(&["--context", "dev"]).await, 4);
    assert_eq!(chain(&["--rpc", network.endpoint(0)]).await, 1);
    let list: Value =
        serde_json::from_str(&network.cli(&["--json", "context", "list"]).await).unwrap();
    assert_eq!(list["current"], "other");
    network.cli(&["context", "use", "dev"]).await;
    assert_eq!(chain(&[]).await, 4);
    let told = refused(&network, &["context", "use", "nowhere"], "").await;
    assert!(told.contains("no network is called 'nowhere'"), "{told}");
    let told = refused(&network, &["--context", "nowhere", "status"], "").await;
    assert!(told.contains("there are other, and dev"), "{told}");
    network.cli(&["context", "remove", "other"]).await;
    let (code, _, told) =
        piped(&network, &["context", "add", "dead", "http://127.0.0.1:9"], "").await;
    assert_eq!(code, Some(3), "no node answered: {told}");
}
