//! What clients in two languages must agree on to the byte: `tests/vectors/client-rust.json`, made here, and
//! `tests/vectors/client-ts.json`, made by rpc/ts/tests/vectors.test.ts from other inputs. Each side checks what the
//! other made, and refuses it with any byte changed. POLLEN_UPDATE=1 writes the first anew.

use borsh::BorshDeserialize as _;
use pollen_ledger::address::{Address, AddressKind};
use pollen_ledger::crypto::Signature;
use pollen_ledger::genesis::Genesis;
use pollen_ledger::keys::{CallScope, OwnerKey, Scope, ScopeWindow, ScopedKey};
use pollen_ledger::policy::{ModuleChange, PolicyKey, UpgradePolicy};
use pollen_ledger::transaction::{Action, SignedTransaction, Transaction};
use pollen_ledger::{AccountId, Hash, KeyPair, PublicKey, codec, message};
use pollen_node::wallet;
use pollen_vm::interface::{Case, Field, Function, IdKind, Label, Named, Type, TypeName};
use pollen_vm::value::{Formats, decode_params_json, encode_params_json};
use serde_json::{Value, json};

use super::harness::repository;

const PREFIX: &str = "pollend";
const CHAIN: Hash = Hash([0x11; 32]);

fn genesis() -> Genesis {
    let text = std::fs::read_to_string(repository().join("genesis.json")).unwrap();
    Genesis::from_json(&text).unwrap()
}

fn id(byte: u8) -> AccountId {
    AccountId([byte; 32])
}

fn pair(byte: u8) -> KeyPair {
    KeyPair::from_seed(&[byte; 32])
}

pub(super) fn text(value: u64) -> Value {
    value.to_string().into()
}

pub(super) fn digits(bytes: &[u8]) -> Value {
    hex::encode(bytes).into()
}

// ---- The JSON of a transaction, as the TypeScript client's types have it; bytes in hexadecimal digits ----

fn policy_json(policy: &UpgradePolicy) -> Value {
    match policy {
        UpgradePolicy::Never => json!({ "kind": "never" }),
        UpgradePolicy::Itself => json!({ "kind": "itself" }),
        UpgradePolicy::Owner { delay_ms } => json!({ "kind": "owner", "delayMs": text(*delay_ms) }),
        UpgradePolicy::Keys { threshold, keys, delay_ms } => {
            let keys: Value = keys
                .iter()
                .map(|key| json!({ "account": key.account, "weight": key.weight }))
                .collect();
            json!({ "kind": "keys", "threshold": threshold, "keys": keys, "delayMs": text(*delay_ms) })
        }
    }
}

fn change_json(change: &ModuleChange) -> Value {
    match change {
        ModuleChange::Upgrade { code, arguments } => {
            json!({ "kind": "upgrade", "code": code, "arguments": digits(arguments) })
        }
        ModuleChange::Policy(policy) => json!({ "kind": "policy", "policy": policy_json(policy) }),
        ModuleChange::Pause => json!({ "kind": "pause" }),
        ModuleChange::Resume => json!({ "kind": "resume" }),
    }
}

fn scoped_json(key: &ScopedKey) -> Value {
    let scope = &key.scope;
    let calls: Value = scope
        .calls
        .iter()
        .map(|call| json!({ "module": call.module, "functions": call.functions }))
        .collect();
    let window = scope.window.map(|window| {
        json!({
            "lengthMs": text(window.length_ms),
            "spendMax": window.spend_max.map(text),
            "transactionsMax": window.transactions_max,
        })
    });
    json!({
        "key": key.key,
        "label": key.label,
        "scope": {
            "calls": calls, "transfers": scope.transfers, "sponsors": scope.sponsors,
            "expiresMs": scope.expires_ms.map(text), "spendMax": scope.spend_max.map(text), "window": window,
        },
    })
}

fn action_json(action: &Action) -> Value {
    match action {
        Action::Transfer { to, amount } => {
            json!({ "kind": "transfer", "to": to, "amount": text(*amount) })
        }
        Action::Deploy { code, name, arguments, upgrade } => json!({
            "kind": "deploy", "code": code, "name": name, "arguments": digits(arguments),
            "policy": policy_json(upgrade),
        }),
        Action::Invoke { module, function, arguments, deposit, interface } => json!({
            "kind": "invoke", "module": module, "function": function, "arguments": digits(arguments),
            "deposit": text(*deposit), "interface": interface,
        }),
        Action::Publish { code } => json!({ "kind": "publish", "code": code }),
        Action::Change { module, change } => {
            json!({ "kind": "change", "module": module, "change": change_json(change) })
        }
        Action::Cancel { module, change } => {
            json!({ "kind": "cancel", "module": module, "change": change })
        }
        Action::SetOwners { threshold, owners } => {
            let owners: Value = owners
                .iter()
                .map(|owner| json!({ "key": owner.key, "weight": owner.weight }))
                .collect();
            json!({ "kind": "setOwners", "threshold": threshold, "owners": owners })
        }
        Action::PutKey(key) => json!({ "kind": "putKey", "key": scoped_json(key) }),
        Action::RemoveKey { key } => json!({ "kind": "removeKey", "key": key }),
    }
}

fn transaction_json(transaction: &Transaction) -> Value {
    json!({
        "version": transaction.version,
        "sender": transaction.sender,
        "key": transaction.key,
        "nonce": text(transaction.nonce),
        "validUntilMs": text(transaction.valid_until_ms),
        "maxFuel": text(transaction.max_fuel),
        "fuelPrice": text(transaction.fuel_price),
        "payer": transaction.payer,
        "actions": transaction.actions.iter().map(action_json).collect::<Value>(),
    })
}

/// One transaction: its fields, and everything that is made of them. The first of `signers` leads.
fn signed_json(name: &str, signed: &SignedTransaction, signers: &[u8]) -> Value {
    let transaction = &signed.transaction;
    let cosignatures: Value = signed
        .cosignatures
        .iter()
        .map(|one| json!({ "publicKey": one.public_key, "signature": digits(&one.signature.0) }))
        .collect();
    json!({
        "name": name,
        "transaction": transaction_json(transaction),
        "encoded": digits(&codec::encode(transaction)),
        "signingBytes": digits(&transaction.signing_bytes(&CHAIN)),
        "id": transaction.id(&CHAIN),
        "maxFee": text(transaction.max_fee()),
        "seeds": signers.iter().map(|byte| digits(&[*byte; 32])).collect::<Value>(),
        "signature": digits(&signed.signature.0),
        "cosignatures": cosignatures,
        "attachments": signed.attachments.iter().map(|one| digits(one)).collect::<Value>(),
        "signed": digits(&codec::encode(signed)),
    })
}

// ---- What is made here ----

fn transaction(actions: Vec<Action>) -> Transaction {
    let key = pair(1).public_key();
    Transaction {
        version: 1,
        sender: AccountId::of_key(&key),
        key,
        nonce: 7,
        valid_until_ms: 1_796_000_000_123,
        max_fuel: 1_000_000,
        fuel_price: 1_500,
        payer: None,
        actions,
    }
}

fn policies() -> Vec<UpgradePolicy> {
    let key = |byte: u8| PolicyKey { account: id(byte), weight: u32::from(byte) };
    vec![
        UpgradePolicy::Never,
        UpgradePolicy::Owner { delay_ms: 365 * 24 * 3_600_000 },
        UpgradePolicy::Keys { threshold: 3, keys: vec![key(1), key(2)], delay_ms: 0 },
        UpgradePolicy::Itself,
    ]
}

fn scopes() -> Vec<Scope> {
    let functions = vec!["record".to_owned(), "open-box".to_owned()];
    vec![
        Scope::default(),
        Scope {
            calls: vec![
                CallScope { module: id(5), functions },
                CallScope { module: id(6), functions: Vec::new() },
            ],
            transfers: true,
            sponsors: true,
            expires_ms: Some(u64::MAX),
            spend_max: Some(20_000_000_000),
            window: Some(ScopeWindow {
                length_ms: 3_600_000,
                spend_max: Some(0),
                transactions_max: Some(u32::MAX),
            }),
        },
        Scope {
            window: Some(ScopeWindow { length_ms: 1, spend_max: None, transactions_max: None }),
            ..Scope::default()
        },
    ]
}

fn actions() -> Vec<(&'static str, Vec<Action>)> {
    let code = Hash([3; 32]);
    let deploy = |name: Option<&str>, upgrade| Action::Deploy {
        code,
        name: name.map(str::to_owned),
        arguments: vec![1, 2, 3],
        upgrade,
    };
    let change = |change| vec![Action::Change { module: id(9), change }];
    let invoke = |function: &str, interface| Action::Invoke {
        module: id(9),
        function: function.to_owned(),
        arguments: vec![0xff; 3],
        deposit: 5,
        interface,
    };
    let owner = |byte: u8| OwnerKey { key: pair(byte).public_key(), weight: u32::from(byte) };
    let scoped = |scope| {
        let (key, label) = (pair(4).public_key(), "Kälte ❄".to_owned());
        vec![Action::PutKey(ScopedKey { key, label, scope })]
    };
    let mut all = vec![
        ("transfer", vec![Action::Transfer { to: id(8), amount: u64::MAX }]),
        ("invoke", vec![invoke("increment", Some(Hash([7; 32])))]),
        ("invoke without a pin", vec![invoke(&"f".repeat(128), None)]),
        ("publish", vec![Action::Publish { code }]),
        ("upgrade", change(ModuleChange::Upgrade { code, arguments: Vec::new() })),
        ("pause", change(ModuleChange::Pause)),
        ("resume", change(ModuleChange::Resume)),
        ("cancel", vec![Action::Cancel { module: id(9), change: Hash([4; 32]) }]),
        ("owners", vec![Action::SetOwners { threshold: 5, owners: vec![owner(2), owner(3)] }]),
        ("remove key", vec![Action::RemoveKey { key: pair(4).public_key() }]),
        ("sixteen", vec![Action::Transfer { to: id(8), amount: 1 }; 16]),
    ];
    all.extend(
        policies().into_iter().map(|policy| ("deploy", vec![deploy(Some("my-module"), policy)])),
    );
    all.push(("deploy without a name", vec![deploy(None, UpgradePolicy::Never)]));
    all.extend(
        policies().into_iter().map(|policy| ("policy", change(ModuleChange::Policy(policy)))),
    );
    all.extend(scopes().into_iter().map(|scope| ("put key", scoped(scope))));
    all
}

fn transactions() -> Vec<Value> {
    let mut made: Vec<Value> = actions()
        .into_iter()
        .map(|(name, actions)| {
            let signed = transaction(actions).sign(&CHAIN, &pair(1), Vec::new());
            signed_json(name, &signed, &[1])
        })
        .collect();
    let component = b"a component".to_vec();
    let code = Hash::of_content(&component);
    let mut sponsored = transaction(vec![Action::Publish { code }]);
    sponsored.payer = Some(id(9));
    sponsored.nonce = u64::MAX;
    sponsored.valid_until_ms = 0;
    let mut signed = sponsored.sign(&CHAIN, &pair(1), vec![component]);
    for byte in [2, 3, 5] {
        signed.cosign(&CHAIN, &pair(byte));
    }
    made.push(signed_json("a payer, several keys, an attachment", &signed, &[1, 2, 3, 5]));
    made
}

const WORDS: [&str; 2] = [
    "illness spike retreat truth genius clock brain pass fit cave bargain toe",
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
     abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
];

fn keys() -> Vec<Value> {
    let mut made = Vec::new();
    for words in WORDS {
        for (coin, index) in [(1, 0), (148, 1), (1, wallet::INDEX_MAX)] {
            let key = wallet::derive(&wallet::read_words(words).unwrap(), coin, index);
            let account = AccountId::of_key(&key.public_key());
            made.push(json!({
                "words": words, "coinType": coin, "index": index, "seed": digits(&key.seed()),
                "publicKey": key.public_key(), "account": account,
                "address": Address::account(account).display(PREFIX),
            }));
        }
    }
    made
}

fn kind_of(name: &str) -> AddressKind {
    [AddressKind::Account, AddressKind::Module, AddressKind::Validator]
        .into_iter()
        .find(|kind| kind.to_string() == name)
        .unwrap()
}

fn addresses() -> Vec<Value> {
    let mut made = Vec::new();
    for (prefix, byte) in [("pollen", 0), ("pollent", 0xff), (PREFIX, 0x5a)] {
        for kind in [AddressKind::Account, AddressKind::Module, AddressKind::Validator] {
            let address = Address { kind, id: id(byte) };
            made.push(json!({
                "kind": kind.to_string(), "id": address.id, "prefix": prefix, "text": address.display(prefix),
            }));
        }
    }
    made
}

fn messages() -> Vec<Value> {
    let transaction = transaction(vec![Action::Transfer { to: id(8), amount: 1 }]);
    let texts =
        [Vec::new(), b"log in".to_vec(), "Kälte ❄".into(), transaction.signing_bytes(&CHAIN)];
    let case = |text: Vec<u8>| {
        let bytes = message::signing_bytes(&CHAIN, &text);
        json!({
            "message": digits(&text), "bytes": digits(&bytes), "seed": digits(&[6; 32]),
            "publicKey": pair(6).public_key(), "signature": digits(&message::sign(&CHAIN, &pair(6), &text).0),
        })
    };
    texts.into_iter().map(case).collect()
}

/// Types as tests/vectors/values.json has them.
fn type_of(value: &Value) -> Type {
    let nameless = || TypeName { interface: String::new(), name: String::new() };
    if let Some(name) = value.as_str() {
        return match name {
            "bool" => Type::Bool,
            "u8" => Type::U8,
            "u16" => Type::U16,
            "u32" => Type::U32,
            "u64" => Type::U64,
            "s8" => Type::S8,
            "s16" => Type::S16,
            "s32" => Type::S32,
            "s64" => Type::S64,
            "f32" => Type::F32,
            "f64" => Type::F64,
            "char" => Type::Char,
            "string" => Type::String,
            "amount" => Type::Amount,
            "bytes" => Type::Bytes,
            "account" => Type::Id(IdKind::Account),
            "hash" => Type::Id(IdKind::Hash),
            "code-hash" => Type::Id(IdKind::CodeHash),
            "id" => Type::Id(IdKind::Id),
            other => panic!("no type {other}"),
        };
    }
    let maybe = |value: &Value| (!value.is_null()).then(|| type_of(value));
    let list = |value: &Value| value.as_array().unwrap().clone();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    let named = |parts| Named { name: nameless(), docs: None, parts };
    let labels = || {
        let label = |name: &Value| Label { name: word(name), docs: None };
        Named { name: nameless(), docs: None, parts: list(inner).iter().map(label).collect() }
    };
    match kind.as_str() {
        "list" => Type::List(Box::new(type_of(inner))),
        "option" => Type::Option(Box::new(type_of(inner))),
        "tuple" => Type::Tuple(list(inner).iter().map(type_of).collect()),
        "result" => Type::Result {
            ok: maybe(&inner["ok"]).map(Box::new),
            err: maybe(&inner["err"]).map(Box::new),
        },
        "record" => {
            let field =
                |one: &Value| Field { name: word(&one[0]), docs: None, ty: type_of(&one[1]) };
            Type::Record(named(list(inner).iter().map(field).collect()))
        }
        "variant" => {
            let case = |one: &Value| Case { name: word(&one[0]), docs: None, ty: maybe(&one[1]) };
            let parts = list(inner).iter().map(case).collect();
            Type::Variant(Named { name: nameless(), docs: None, parts })
        }
        "enum" => Type::Enum(labels()),
        "flags" => Type::Flags(labels()),
        other => panic!("no type {other}"),
    }
}

fn function_of(params: &Value) -> Function {
    let param = |one: &Value| (one[0].as_str().unwrap().to_owned(), type_of(&one[1]));
    let params = params.as_array().unwrap().iter().map(param).collect();
    Function { name: "f".into(), docs: None, params, result: None }
}

/// Parameters, values as they are given, and what is wrong with those that are refused.
fn arguments() -> Vec<Value> {
    let account = Address::account(id(8)).display(PREFIX);
    let pair =
        json!({ "record": [["left", "u64"], ["right", { "option": { "option": "string" } }]] });
    let choice = json!({ "variant": [["none", null], ["some-text", "string"], ["numbers", { "list": "f32" }]] });
    let flags = json!({ "flags": ["a", "b", "c", "d", "e", "f", "g", "h", "i"] });
    let many = json!([
        ["who", "account"], ["price", "amount"], ["pair", pair], ["choice", choice], ["may", flags],
        ["color", { "enum": ["red", "green"] }], ["both", { "tuple": ["s64", "char", "bytes"] }],
        ["end", { "result": { "ok": null, "err": "f64" } }], ["note", { "option": "string" }],
    ]);
    let case = |params: &Value, values: Value| {
        let formats = Formats::new(PREFIX);
        let encoded = encode_params_json(&function_of(params), &values, &formats);
        let (hex, error) = match encoded {
            Ok(bytes) => (Some(hex::encode(bytes)), None),
            Err(error) => (None, Some(error.to_string())),
        };
        json!({ "params": params, "values": values, "hex": hex, "refused": error })
    };
    let good = json!({
        "who": account, "price": "1.5 pollen", "pair": { "left": "18446744073709551615", "right": { "some": null } },
        "choice": { "numbers": [8.1, -0.5, "infinity"] }, "may": ["a", "i"], "color": "green",
        "both": ["-9223372036854775808", "🌼", "AAEC"], "end": { "err": 1e300 },
    });
    let with = |field: &str, value: Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed
    };
    let small = json!([["by", "u64"], ["times", { "option": "u8" }]]);
    vec![
        case(&json!([]), json!([])),
        case(&json!([]), json!({})),
        case(&json!([]), json!([1])),
        case(&small, json!(["5"])),
        case(&small, json!({ "times": 3, "by": 5 })),
        case(&small, json!({ "times": 3 })),
        case(&small, json!({ "by": "-1" })),
        case(&small, json!({ "by": 1, "time": 3 })),
        case(&small, json!({ "by": 1, "quantity": 3 })),
        case(&small, json!({ "by": 1, "times": 256 })),
        case(&small, json!({ "by": 1.5 })),
        case(&small, json!({ "by": true })),
        case(&small, json!("5")),
        case(&many, good.clone()),
        case(&many, with("who", digits(&id(3).0))),
        case(&many, with("who", json!("@nobody"))),
        case(&many, with("who", json!(Address::account(id(8)).display("pollen")))),
        case(
            &many,
            with("who", json!(Address { kind: AddressKind::Validator, id: id(1) }.display(PREFIX))),
        ),
        case(&many, with("price", json!("1.0000000001 pollen"))),
        case(&many, with("pair", json!({ "left": 1, "right": "x" }))),
        case(&many, with("pair", json!({ "left": 1, "right": { "some": "x" }, "more": 1 }))),
        case(&many, with("choice", json!("none"))),
        case(&many, with("choice", json!("numbers"))),
        case(&many, with("choice", json!({ "none": 1 }))),
        case(&many, with("choice", json!({ "numbers": [1, 1e300] }))),
        case(&many, with("may", json!(["a", "a"]))),
        case(&many, with("may", json!(["z"]))),
        case(&many, with("color", json!("blue"))),
        case(&many, with("both", json!([1, "xy", ""]))),
        case(&many, with("both", json!([1, "x", "AB=="]))),
        case(&many, with("both", json!([1, "x"]))),
        case(&many, with("end", json!({ "ok": null }))),
        case(&many, with("end", json!("ok"))),
        case(&many, with("end", json!({ "err": "infinite" }))),
    ]
}

fn made() -> String {
    let document = json!({
        "about": "Made by tests/tests/system/client_vectors.rs: what rpc/ts must make of the same, and refuse with any \
                  byte changed. Bytes are hexadecimal digits, u64 decimal digits.",
        "chainId": CHAIN, "addressPrefix": PREFIX, "genesis": genesis().chain_id(),
        "addresses": addresses(), "keys": keys(), "transactions": transactions(), "messages": messages(),
        "arguments": arguments(),
    });
    serde_json::to_string_pretty(&document).unwrap() + "\n"
}

#[test]
fn client_vectors_made_here_are_kept() {
    let path = repository().join("tests/vectors/client-rust.json");
    let text = made();
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "POLLEN_UPDATE=1 writes it anew");
}

// ---- What TypeScript made ----

fn theirs() -> Value {
    let path = repository().join("tests/vectors/client-ts.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(super) fn bytes_of(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// What a node does with bytes that it is sent, before it looks at the state.
fn accept(bytes: &[u8]) -> Result<SignedTransaction, String> {
    let parameters = genesis().parameters;
    let signed =
        SignedTransaction::decode(bytes, &parameters).map_err(|error| error.to_string())?;
    signed.check_shape(&parameters).map_err(|error| error.to_string())?;
    signed.check_signatures(&CHAIN).map_err(|error| error.to_string())?;
    Ok(signed)
}

#[test]
fn client_vectors_made_by_typescript_are_what_the_ledger_takes() {
    let theirs = theirs();
    let all = |name: &str| theirs[name].as_array().unwrap().clone();
    assert_eq!(theirs["chainId"], json!(CHAIN));
    assert!(all("transactions").len() >= 20);
    for vector in all("transactions") {
        let signed = accept(&bytes_of(&vector["signed"])).unwrap();
        let seeds: Vec<u8> =
            vector["seeds"].as_array().unwrap().iter().map(|seed| bytes_of(seed)[0]).collect();
        assert_eq!(signed_json(vector["name"].as_str().unwrap(), &signed, &seeds), vector);
    }
    for vector in all("keys") {
        let words = wallet::read_words(vector["words"].as_str().unwrap()).unwrap();
        let number = |name: &str| u32::try_from(vector[name].as_u64().unwrap()).unwrap();
        let key = wallet::derive(&words, number("coinType"), number("index"));
        assert_eq!(json!(key.public_key()), vector["publicKey"]);
        assert_eq!(json!(AccountId::of_key(&key.public_key())), vector["account"]);
    }
    for vector in all("addresses") {
        let (text, prefix) = (vector["text"].as_str().unwrap(), vector["prefix"].as_str().unwrap());
        let address = Address::parse(text, prefix).unwrap();
        assert_eq!(address.kind, kind_of(vector["kind"].as_str().unwrap()));
        assert_eq!(json!(address.id), vector["id"]);
    }
    for vector in all("messages") {
        let text = bytes_of(&vector["message"]);
        assert_eq!(digits(&message::signing_bytes(&CHAIN, &text)), vector["bytes"]);
        let key: PublicKey = vector["publicKey"].as_str().unwrap().parse().unwrap();
        let signature = Signature::try_from_slice(&bytes_of(&vector["signature"])).unwrap();
        assert!(message::verify(&CHAIN, &key, &text, &signature));
    }
    let formats = Formats::new(PREFIX);
    for vector in all("arguments") {
        let function = function_of(&vector["params"]);
        let encoded = encode_params_json(&function, &vector["values"], &formats);
        match vector["hex"].as_str() {
            Some(hex) => {
                assert_eq!(hex::encode(encoded.unwrap()), hex);
                let bytes = hex::decode(hex).unwrap();
                decode_params_json(&function.params, &bytes, &formats).unwrap();
            }
            None => assert_eq!(json!(encoded.unwrap_err().to_string()), vector["refused"]),
        }
    }
    // What is no transaction there is none here.
    for vector in all("refused") {
        assert!(accept(&bytes_of(&vector["signed"])).is_err(), "{}", vector["name"]);
    }
}

/// Protects whoever signs: nothing that was signed can be made into something else on its way.
#[test]
fn client_vectors_with_a_byte_changed_are_refused() {
    let ours: Value = serde_json::from_str(&made()).unwrap();
    for vectors in [ours, theirs()] {
        for vector in vectors["transactions"].as_array().unwrap() {
            let good = bytes_of(&vector["signed"]);
            accept(&good).unwrap();
            for place in 0..good.len() {
                let mut changed = good.clone();
                changed[place] ^= 1 << (place % 8);
                assert!(accept(&changed).is_err(), "{} at byte {place}", vector["name"]);
            }
            assert!(accept(&good[..good.len() - 1]).is_err());
            assert!(accept(&[&good[..], &[0]].concat()).is_err());
        }
    }
}
