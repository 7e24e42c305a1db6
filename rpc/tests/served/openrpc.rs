//! What these protect: the document that clients are made from, and the page that people read, say what the program
//! does.

use serde_json::{Value, json};

use super::{exchange, served};

/// A file that is made from the program; POLLEN_UPDATE=1 writes it anew.
fn held(name: &str, text: &str) {
    let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/{name} is stale: POLLEN_UPDATE=1 writes it anew");
}

/// The documents in docs/ are those of the program: who changes the interface changes them, and sees it.
#[tokio::test]
async fn the_openrpc_document_and_its_page_are_not_stale() {
    let served = served().await;
    let address = served.server.address();
    let get = format!("GET /openrpc.json HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let (status, body) = exchange(address, &get).await;
    assert_eq!(status, 200, "{body}");
    let document: Value = serde_json::from_str(&body).unwrap();
    let called = served.call("rpc.discover", json!({})).await;
    assert_eq!(called["result"], document, "both ways tell the same");
    held("openrpc.json", &(serde_json::to_string_pretty(&document).unwrap() + "\n"));
    held("rpc-reference.md", &pollen_rpc::openrpc::reference(&document));
}

/// A client that is generated needs every type that is named, names of parameters in their order, and words.
#[tokio::test]
async fn the_openrpc_document_is_whole() {
    let served = served().await;
    let document = served.call("rpc.discover", json!({})).await["result"].clone();
    let methods = document["methods"].as_array().unwrap();
    assert!(methods.len() >= 35, "{}", methods.len());
    for method in methods {
        let name = &method["name"];
        assert!(method["summary"].as_str().is_some_and(|words| words.len() > 10), "{name}");
        for param in method["params"].as_array().unwrap() {
            assert!(param["description"].is_string(), "{name}: {param}");
        }
    }
    let submit = methods.iter().find(|method| method["name"] == "tx_submit").unwrap();
    let order: Vec<&Value> =
        submit["params"].as_array().unwrap().iter().map(|param| &param["name"]).collect();
    assert_eq!(order, ["transaction", "wait", "timeoutMs", "chainId"]);
    assert_eq!(submit["params"][0]["required"], true);
    assert_eq!(submit["params"][1]["required"], false);
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref") {
                    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                // Examples are answers: what a module's own schema refers to lies in there.
                let parts = fields.iter().filter(|(name, _)| *name != "examples");
                open.extend(parts.map(|(_, part)| part));
            }
            _ => {}
        }
    }
}
