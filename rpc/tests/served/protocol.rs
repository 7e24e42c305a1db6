//! JSON-RPC itself, and the conventions of every method.

use serde_json::{Value, json};

use super::chain::{account_address, module_address};
use super::{get, served};

/// Protects clients that name parameters and those that give them by order.
#[tokio::test]
async fn parameters_are_read_by_name_and_by_order() {
    let served = served().await;
    let account = account_address();
    let named = served.result("account_get", json!({ "account": account })).await;
    let ordered = served.result("account_get", json!([account])).await;
    assert_eq!(named, ordered);
    assert_eq!(named["account"], json!(account));
    assert_eq!(named["balance"], json!(u64::MAX.to_string()), "u64 are strings");
    assert_eq!(named["nonces"], Value::Null);

    let key = "11".repeat(32);
    let ordered = served.result("account_get", json!([account, key, 5])).await;
    assert_eq!(ordered["nonces"]["next"], "42");
    // A method without parameters takes none, an empty object and an empty array.
    for params in [json!({}), json!([]), Value::Null] {
        assert_eq!(served.result("node_peers", params).await["peers"], json!([]));
    }
}

/// Every result says which state it was made from.
#[tokio::test]
async fn every_result_says_where_it_was_made() {
    let served = served().await;
    for method in ["node_info", "node_health", "node_peers", "chain_head", "dag_rounds"] {
        let result = served.result(method, json!({})).await;
        let at = json!({ "height": "7", "stateRoot": "00".repeat(32), "certified": false });
        assert_eq!(result["at"], at, "{method}");
    }
    let info = served.result("node_info", json!({})).await;
    assert_eq!(info["parameters"]["fuelPriceFloor"], "11");
    assert_eq!(info["limits"]["batch"], 32);
    assert_eq!(info["groups"][0], "rpc");
}

/// A wrong parameter is named by its path, with what is expected there; an unknown one is refused.
#[tokio::test]
async fn a_wrong_parameter_is_named_by_its_path() {
    let served = served().await;
    let account = account_address();
    let cases = [
        ("account_get", json!({ "account": 5 }), "params.account", "expected a string"),
        ("account_get", json!({}), "params.account", "missing field"),
        ("account_get", json!([]), "params", "AccountGetParams"),
        ("account_get", json!([5]), "params[0]", "expected a string"),
        ("account_get", json!({ "account": "pollend1x" }), "params.account", "not an address"),
        ("account_get", json!({ "account": "@No" }), "params.account", "no module name"),
        ("account_get", json!({ "account": account, "prove": 1 }), "params.prove", "unknown field"),
        ("account_get", json!({ "account": account, "at": "x" }), "params.at", "\"latest\""),
        ("account_get", json!({ "account": account, "at": -1 }), "params.at", "a height"),
        (
            "account_get",
            json!({ "account": account, "atLeast": "+1" }),
            "params.atLeast",
            "decimal string",
        ),
        (
            "account_get",
            json!({ "account": account, "publicKey": "ab" }),
            "params.publicKey",
            "64 hexadecimal digits",
        ),
        (
            "account_get",
            json!({ "account": account, "waitMs": 60_001 }),
            "params.waitMs",
            "at most 60000",
        ),
        ("tx_submit", json!({ "transaction": "?" }), "params.transaction", "base64"),
        ("tx_submit", json!({ "transaction": "", "wait": "soon" }), "params.wait", "`accepted`"),
        ("tx_status", json!({}), "params", "either"),
        ("events_query", json!({ "after": "1.2" }), "params.after", "cursor"),
        ("events_query", json!({ "limit": 0 }), "params.limit", "1 to 1000"),
        ("dag_rounds", json!({ "last": 201 }), "params.last", "1 to 200"),
        ("dag_rounds", json!({ "from": 1, "to": 201 }), "params.to", "1 to 200"),
        ("dag_rounds", json!({ "from": 9, "to": 8 }), "params.to", "1 to 200"),
        ("dag_rounds", json!({ "from": 9 }), "params", "`last`"),
        ("node_peers", json!({ "all": true }), "params.all", "unknown field"),
        ("node_peers", json!("all"), "params", "object or an array"),
        (
            "module_call",
            json!({ "module": module_address(), "function": "f", "caller": "@a-b" }),
            "params.caller",
            "address",
        ),
    ];
    for (method, params, path, words) in cases {
        let error = served.error(method, params.clone()).await;
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
        assert_eq!(error["data"]["name"], "InvalidParams");
        assert_eq!(error["data"]["path"], path, "{method} {params}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{method} {params}: {message}");
    }
}

/// The protocol's own errors, batches and notifications (JSON-RPC 2.0 §4 to §6).
#[tokio::test]
async fn the_protocol_is_kept() {
    let served = served().await;
    let code = async |body: &str| {
        let (_, answer) = served.post(body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["error"]["code"].as_i64().unwrap()
    };
    assert_eq!(code("{").await, -32700);
    assert_eq!(code("[1,").await, -32700);
    assert_eq!(code(r#"{"foo":1,"id":1}"#).await, -32600);
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"no_such"}"#).await, -32601);
    // Arguments nested deeper than any reader should follow.
    let (open, close) = ("[".repeat(50_000), "]".repeat(50_000));
    let params = format!(r#"{{"module":"@ab","function":"echo","arguments":{open}{close}}}"#);
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"module_call","params":{params}}}"#);
    assert_eq!(code(&call).await, -32602);

    let (status, body) = served.post(r#"{"jsonrpc":"2.0","method":"node_peers"}"#).await;
    assert_eq!((status, body.as_str()), (204, ""), "a notification has no answer");

    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"chain_head"},
        {"jsonrpc":"2.0","id":"b","method":"no_such"}, 5,
        {"jsonrpc":"2.0","method":"node_peers"}]"#;
    let (_, body) = served.post(batch).await;
    let answers: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert_eq!(answers.len(), 3, "{body}");
    let answer = |id: Value| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(answer(json!(1))["result"]["round"], 5);
    assert_eq!(answer(json!("b"))["error"]["code"], -32601);
    assert_eq!(answer(Value::Null)["error"]["code"], -32600);
}

/// An error of the catalogue carries its name, whether to try again, a hint, and what programs
/// need.
#[tokio::test]
async fn errors_have_the_catalogues_shape() {
    let served = served().await;
    let error = served.error("module_get", json!({ "module": "@nothing" })).await;
    assert_eq!(error["code"], 2001);
    assert_eq!(error["data"]["name"], "ModuleNotFound");
    assert_eq!(error["data"]["retryable"], false);
    assert!(error["data"]["hint"].as_str().unwrap().contains("module"));

    let call = json!({ "module": "@echo-module", "function": "ech" });
    let error = served.error("module_call", call).await;
    assert_eq!(error["data"]["functions"], json!(["echo"]));
    let error = served.error("chain_checkpoint", json!({ "at": "3" })).await;
    assert_eq!((&error["code"], &error["data"]["oldestHeight"]), (&json!(-32040), &json!("5")));
}

/// What is not certified yet can be asked for again soon; a transaction is found by name or by order.
#[tokio::test]
async fn proofs_are_promised_or_given() {
    let served = served().await;
    let error = served.error("chain_certificate", json!({ "at": "7" })).await;
    assert_eq!((&error["code"], &error["data"]["retryable"]), (&json!(-32041), &json!(true)));
    assert_eq!(error["data"]["retryAfterMs"], 100);
    let unknown = served.error("tx_get", json!({ "hash": "00".repeat(32), "proof": true })).await;
    assert_eq!(unknown["code"], -32040);
    let missing = served.error("tx_get", json!({ "proof": true })).await;
    assert_eq!(missing["data"]["path"], "params.hash");
    let unkept = served.error("chain_writes", json!([3])).await;
    assert_eq!(unkept["code"], -32043);
}

/// An entry is named in one of three ways; what is not kept any more names the oldest that is.
#[tokio::test]
async fn an_entry_of_the_state_is_named_in_one_way() {
    let served = served().await;
    let owner = "07".repeat(32);
    let (module, account) = (module_address(), account_address());
    for (params, of) in [
        (json!({ "module": module, "key": "AQI=" }), "09".repeat(32)),
        (json!({ "account": account }), "01".repeat(32)),
        (json!({ "owner": owner, "key": "AQI=" }), owner.clone()),
    ] {
        let entry = served.result("state_get", params).await;
        assert_eq!((&entry["owner"], &entry["proof"]), (&json!(of), &Value::Null));
        assert_eq!(entry["value"], if of.starts_with("01") { Value::Null } else { json!("AQI=") });
        assert_eq!(entry["at"]["height"], "7");
    }
    for params in [
        json!({}),
        json!({ "module": module }),
        json!({ "account": account, "key": "AQI=" }),
        json!({ "module": module, "owner": owner, "key": "AQI=" }),
    ] {
        let error = served.error("state_get", params).await;
        assert_eq!((&error["code"], &error["data"]["path"]), (&json!(-32602), &json!("params")));
    }
    let long = json!({ "owner": owner, "key": "AAAA".repeat(100) });
    assert_eq!(served.error("state_get", long).await["data"]["path"], "params.key");
    let at = |height: u64| json!({ "owner": owner, "key": "AQI=", "at": height });
    let gone = served.error("state_get", at(4)).await;
    assert_eq!((&gone["code"], &gone["data"]["oldestHeight"]), (&json!(-32040), &json!("5")));
    assert_eq!(served.error("state_get", at(8)).await["code"], -32044);
    let proof = json!({ "owner": owner, "key": "AQI=", "proof": true });
    assert_eq!(served.error("state_get", proof).await["code"], -32041);
}

/// Pages are bounded, newest first unless told, and go on behind the last of one; an index that is off has
/// its own number.
#[tokio::test]
async fn an_accounts_transactions_are_listed_in_pages() {
    let served = served().await;
    let account = account_address();
    let page = served.result("tx_list", json!({ "account": account, "limit": 2 })).await;
    assert_eq!((&page["next"], &page["oldestHeight"]), (&json!("299.0"), &json!("1")));
    let first = &page["transactions"][0];
    assert_eq!((&first["height"], &first["outcome"]), (&json!("300"), &json!("failure")));
    assert_eq!(
        (&first["codeName"], &first["fee"]),
        (&json!("ModuleError"), &json!(u64::MAX.to_string()))
    );
    assert_eq!(first["actions"][0]["kind"], "transfer");
    let page = served.result("tx_list", json!([account, "299.0", 256])).await;
    assert_eq!(page["transactions"][0]["height"], "298");
    let page = served
        .result("tx_list", json!({ "account": account, "after": "299.0", "descending": false }))
        .await;
    assert_eq!(page["transactions"][0]["height"], "300");
    assert_eq!(page["next"], Value::Null);
    for (params, path) in [
        (json!({ "account": account, "limit": 257 }), "params.limit"),
        (json!({ "account": account, "limit": 0 }), "params.limit"),
        (json!({ "account": account, "after": "299" }), "params.after"),
        (json!({ "account": account, "after": "1.-2" }), "params.after"),
        (json!({ "limit": 2 }), "params.account"),
    ] {
        assert_eq!(served.error("tx_list", params).await["data"]["path"], path);
    }
    let error = served.error("tx_list", json!({ "account": "@unindexed" })).await;
    assert_eq!((&error["code"], &error["data"]["index"]), (&json!(-32043), &json!("accounts")));
    let behind = json!({ "account": account, "at": "8" });
    assert_eq!(served.error("tx_list", behind).await["code"], -32044);
    let info = served.result("node_info", json!({})).await;
    assert_eq!((&info["indexes"], &info["limits"]["list"]), (&json!(["keys"]), &json!(256)));
}

/// Entries are of one owner, named in one of two ways.
#[tokio::test]
async fn the_entries_of_a_module_are_listed_in_pages() {
    let served = served().await;
    let module = module_address();
    let params = json!({ "module": module, "prefix": "AQI=", "after": "AQ==", "limit": 1 });
    let page = served.result("state_scan", params).await;
    assert_eq!(page["owner"], "09".repeat(32));
    assert_eq!(page["entries"], json!([{ "key": "AQIBAQ==", "value": "Ag==" }]));
    assert_eq!(page["next"], "AQIBAQ==");
    let owner = "07".repeat(32);
    let page = served.result("state_scan", json!({ "owner": owner })).await;
    assert_eq!((&page["owner"], &page["next"]), (&json!(owner), &Value::Null));
    for (params, path) in [
        (json!({}), "params"),
        (json!({ "module": module, "owner": owner }), "params"),
        (json!({ "owner": owner, "prefix": "AAAA".repeat(100) }), "params.prefix"),
        (json!({ "owner": owner, "after": "AAAA".repeat(100) }), "params.after"),
        (json!({ "owner": owner, "limit": 257 }), "params.limit"),
    ] {
        assert_eq!(served.error("state_scan", params).await["data"]["path"], path);
    }
}

/// Arguments reach the module as JSON or encoded, and never both.
#[tokio::test]
async fn a_query_takes_json_or_encoded_arguments() {
    let served = served().await;
    let call = |more: Value| {
        let mut call = json!({ "module": "@echo-module", "function": "echo" });
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    let result = served.result("module_call", call(json!({ "arguments": ["a", 1] }))).await;
    assert_eq!((&result["result"], &result["fuelUsed"]), (&json!(["a", 1]), &json!("12")));
    let result = served.result("module_call", call(json!({ "argumentsBytes": "AQI=" }))).await;
    assert_eq!(result["resultBytes"], "AQI=");
    assert_eq!(served.result("module_call", call(json!({}))).await["result"], json!([]));
    let both = call(json!({ "arguments": [], "argumentsBytes": "" }));
    let error = served.error("module_call", both).await;
    assert_eq!(error["data"]["path"], "params.argumentsBytes");
}

/// A read can ask for a height that this node has not executed yet: it waits, or is told so.
#[tokio::test]
async fn a_read_waits_for_the_height_it_asks_for() {
    let served = served().await;
    for params in [json!({ "atLeast": "9" }), json!({ "at": 9 })] {
        let error = served.error("chain_head", params).await;
        assert_eq!(error["code"], -32044);
        assert_eq!(error["data"]["height"], "7");
        assert_eq!(error["data"]["requested"], "9");
        assert_eq!(error["data"]["retryable"], true);
    }
    let read = served.result("chain_head", json!({ "atLeast": "9", "waitMs": 20_000 }));
    let (result, ()) = tokio::join!(read, async { served.chain.advance(2, &[]) });
    assert_eq!(result["at"]["height"], "9");
}

/// What is read as certified lies behind the head: `atLeast` waits for the certificate then, and not for the execution
/// alone. (It did, and gave an older answer than was asked for.)
#[tokio::test]
async fn a_certified_read_waits_for_the_certificate() {
    let served = served().await;
    let certified = json!({ "at": "certified", "atLeast": "7" });
    let error = served.error("chain_head", certified).await;
    assert_eq!((&error["code"], &error["data"]["height"]), (&json!(-32044), &json!("5")));
    let read = json!({ "at": "certified", "atLeast": "7", "waitMs": 20_000 });
    let read = served.result("chain_checkpoints", read);
    let (result, ()) = tokio::join!(read, async { served.chain.certify() });
    assert_eq!(result["checkpoints"][0]["height"], "7");
}

/// Reads of progress, of the DAG and of history wait like those of the state.
#[tokio::test]
async fn every_read_takes_a_least_height() {
    let served = served().await;
    let hash = "00".repeat(32);
    for (method, mut params) in [
        ("tx_status", json!({ "hash": hash })),
        ("tx_get", json!({ "hash": hash })),
        ("dag_rounds", json!({})),
        ("dag_block", json!({ "round": 1, "author": 0 })),
        ("chain_checkpoints", json!({})),
        ("chain_writes", json!({ "height": "3" })),
        ("events_query", json!({})),
    ] {
        params["atLeast"] = json!("8");
        let error = served.error(method, params).await;
        assert_eq!(error["code"], -32044, "{method}: {error}");
    }
}

/// Who reads events up to a certified height sees none that is not, and waits for those that become so.
#[tokio::test]
async fn events_are_read_up_to_a_height() {
    let served = served().await;
    served.chain.advance(3, &["recorded"]);
    let certified = json!({ "at": "certified" });
    let page = served.result("events_query", certified.clone()).await;
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &json!("5")));
    let fixed = json!({ "at": 8, "after": "8", "waitMs": 20_000 });
    let page = served.result("events_query", fixed).await;
    assert_eq!(
        (&page["events"], &page["next"]),
        (&json!([]), &json!("8")),
        "nothing can come any more"
    );
    let poll = json!({ "at": "certified", "waitMs": 20_000 });
    let poll = served.result("events_query", poll);
    let (page, ()) = tokio::join!(poll, async { served.chain.certify() });
    assert_eq!(page["events"].as_array().unwrap().len(), 3);
}

/// Events come in order and in pages; a long poll ends with the first.
#[tokio::test]
async fn events_are_read_in_pages_and_awaited() {
    let served = served().await;
    served.chain.advance(3, &["recorded", "alarm"]);
    let page = served.result("events_query", json!({ "limit": 4 })).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 4);
    assert_eq!(page["events"][0]["cursor"], "8.0.0");
    assert_eq!((&page["next"], &page["more"]), (&json!("9.0.1"), &json!(true)));
    let page = served.result("events_query", json!({ "after": page["next"] })).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    assert_eq!((&page["next"], &page["more"]), (&json!("10"), &json!(false)));

    let none = served.result("events_query", json!({ "after": "10", "waitMs": 1 })).await;
    assert_eq!((&none["events"], &none["next"]), (&json!([]), &json!("10")));

    let ask = json!({ "after": "10", "name": "alarm", "waitMs": 20_000 });
    let poll = served.result("events_query", ask);
    let (page, ()) = tokio::join!(poll, async {
        served.chain.advance(1, &["recorded"]);
        served.chain.advance(1, &["alarm"]);
    });
    assert_eq!(page["events"][0]["cursor"], "12.0.0");
    assert_eq!(page["events"][0]["json"]["box"], "box-1");
}

/// Those who watch a node need no JSON-RPC: alive is not the same as ready.
#[tokio::test]
async fn health_pages_tell_alive_from_ready() {
    let served = served().await;
    let address = served.server.address();
    let host = format!("Host: {address}\r\n");
    assert_eq!(get(address, "/healthz", &host).await, (200, "alive\n".into()));
    assert_eq!(get(address, "/readyz", &host).await, (200, "ready\n".into()));
    served.chain.set_ready(false);
    assert_eq!(get(address, "/healthz", &host).await.0, 200);
    assert_eq!(get(address, "/readyz", &host).await, (503, "catching up\n".into()));
    let (status, page) = get(address, "/", &host).await;
    assert_eq!((status, &page[..15]), (200, "<!doctype html>"));
    assert_eq!(get(address, "/genesis.json", &host).await, (200, "{}".into()));
    assert_eq!(get(address, "/ws", &host).await.0, 405);
    assert_eq!(get(address, "/nothing", &host).await.0, 404);
}
