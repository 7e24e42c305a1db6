//! What these protect: that who signs reads what the bytes say, in the same words everywhere, and that no module,
//! name or argument can make it look like something else.

use pollen_ledger::keys::{CallScope, OwnerKey, Scope};
use pollen_ledger::policy::PolicyKey;
use pollen_ledger::transaction::TRANSACTION_VERSION;
use pollen_ledger::{KeyPair, PublicKey, codec};
use serde_json::{Value, json};
use wit_parser::Resolve;

use super::*;

const HOST: &str = include_str!("../../../contracts/wit/host.wit");
const PREFIX: &str = "pollend";
const MODULE: &str = r#"
package every:kind@0.1.0;

interface commands {
  use pollen:host/types@0.1.0.{account, amount, bytes, code-hash, hash, id};
  record pair { left: string, right: option<u8> }
  variant choice { nothing, some-text(string), number(f64) }
  enum color { red, green }
  flags rights { read, write, grant }

  none: func();
  integers: func(a: u8, b: u16, c: u32, d: u64, e: s8, f: s16, g: s32, h: s64);
  others: func(yes: bool, single: f32, double: f64, letter: char, text: string);
  of-the-ledger: func(who: account, price: amount, data: bytes, code: code-hash, root: hash, any: id);
  made: func(pair: pair, choice: choice, color: color, may: rights, items: list<pair>, both: tuple<u8, string>,
             maybe: option<string>, end: result<u8, string>);
}
interface queries {}
interface events {}
world module { export commands; }
"#;

fn every_kind() -> Interface {
    let mut resolve = Resolve::default();
    resolve.push_source("host.wit", HOST).unwrap();
    let package = resolve.push_source("module.wit", MODULE).unwrap();
    Interface::from_wit_package(&wit_component::encode(&resolve, package).unwrap()).unwrap()
}

fn coldchain() -> Interface {
    Interface::from_component(include_bytes!("../../vectors/coldchain.wasm")).unwrap()
}

/// A module that the tests know.
struct Known {
    id: AccountId,
    name: Option<&'static str>,
    interface: Interface,
    hash: Hash,
}

fn modules() -> Vec<Known> {
    vec![
        Known { id: id(1), name: Some("coldchain"), interface: coldchain(), hash: Hash([11; 32]) },
        Known { id: id(2), name: None, interface: every_kind(), hash: Hash([12; 32]) },
    ]
}

fn id(byte: u8) -> AccountId {
    AccountId([byte; 32])
}

fn key(byte: u8) -> PublicKey {
    KeyPair::from_seed(&[byte; 32]).public_key()
}

fn transaction(actions: Vec<Action>) -> Transaction {
    Transaction {
        version: TRANSACTION_VERSION,
        sender: id(7),
        key: key(7),
        nonce: 3,
        valid_until_ms: 1_796_000_000_123,
        max_fuel: 1_000_000,
        fuel_price: 1_500,
        payer: None,
        actions,
    }
}

fn preview(transaction: &Transaction, modules: &[Known]) -> Preview {
    let known = |id: &AccountId| {
        let module = modules.iter().find(|module| module.id == *id)?;
        let Known { name, interface, hash, .. } = module;
        Some(KnownModule { name: *name, interface, interface_hash: *hash })
    };
    Preview::of(transaction, PREFIX, &known)
}

fn call(module: &Known, function: &str, arguments: Value) -> Action {
    let function = module.interface.function(FunctionKind::Command, function).unwrap();
    let formats = Formats::new(PREFIX);
    let arguments = value::encode_params_json(function, &arguments, &formats).unwrap();
    let (module, interface) = (module.id, Some(module.hash));
    Action::Invoke { module, function: function.name.clone(), arguments, deposit: 0, interface }
}

#[test]
fn a_preview_says_what_is_signed() {
    let modules = modules();
    let mut tx = transaction(vec![
        Action::Transfer { to: id(8), amount: 5_000_000_000 },
        call(&modules[0], "record", json!({ "box": "box-1", "celsius": 9.5 })),
    ]);
    tx.payer = Some(id(9));
    let address = |byte| Address::account(id(byte)).display(PREFIX);
    let preview = preview(&tx, &modules);
    assert_eq!(
        preview.actions,
        [
            format!("Send 5 pollen from {} to {}", address(7), address(8)),
            "Call coldchain.record with box box-1, celsius 9.5".to_owned(),
        ]
    );
    assert_eq!(
        preview.terms,
        [
            format!("For {}", address(7)),
            format!("Fee at most 0.0015 pollen, paid by {}", address(9)),
            "Valid until 2026-11-30T00:53:20Z".to_owned(),
        ]
    );
}

/// A box whose name says that there is another argument, turns the line around and clears the screen.
#[test]
fn nothing_that_a_stranger_wrote_looks_like_something_else() {
    let modules = modules();
    for (text, shown) in [
        ("box-1, celsius 2", "\"box-1, celsius 2\""),
        ("", "\"\""),
        ("a\"b", "\"a\\\"b\""),
        ("\u{202e}1-xob", "\"\\u{202e}1-xob\""),
        ("\u{1b}[2Jbox", "\"\\u{1b}[2Jbox\""),
        ("für dich – 花", "\"für dich – 花\""),
        ("a\u{200b}b\u{feff}", "\"a\\u{200b}b\\u{feff}\""),
    ] {
        let tx = transaction(vec![call(&modules[0], "record", json!([text, 1]))]);
        let expected = format!("Call coldchain.record with box {shown}, celsius 1");
        assert_eq!(preview(&tx, &modules).actions, [expected]);
    }
}

/// What cannot be read is said to be so, and is never left out.
#[test]
fn what_is_not_known_is_said() {
    let modules = modules();
    let invoke = |module, function: &str, interface| {
        let (function, arguments) = (function.to_owned(), vec![1, 2]);
        let action = Action::Invoke { module, function, arguments, deposit: 1, interface };
        preview(&transaction(vec![action]), &modules).actions.remove(0)
    };
    let stranger = Address::module(id(5)).display(PREFIX);
    assert_eq!(
        invoke(id(5), "take\nall", None),
        format!(
            "Call {stranger}.\"take\\nall\" with arguments 0x0102; its interface is not known, sending \
             0.000000001 pollen"
        )
    );
    assert!(invoke(id(1), "record", Some(Hash([9; 32]))).contains("made from another interface"));
    assert!(invoke(id(1), "recrod", None).contains("it has no such function"));
    assert!(invoke(id(1), "record", None).contains("arguments 0x0102; they are wrong: box: "));
}

/// The same cases for every client: `tests/vectors/previews.json`. POLLEN_UPDATE=1 writes them anew.
#[test]
fn vectors_hold() {
    let modules = modules();
    let cases: Vec<Value> = cases(&modules)
        .into_iter()
        .map(|(name, transaction)| {
            let Preview { actions, terms } = preview(&transaction, &modules);
            let bytes = hex::encode(codec::encode(&transaction));
            json!({ "name": name, "transaction": bytes, "actions": actions, "terms": terms })
        })
        .collect();
    let known: Vec<Value> = modules
        .iter()
        .map(|Known { id, name, interface, hash }| {
            let interface = interface.to_json();
            json!({ "id": id.to_string(), "name": name, "interface": interface, "interfaceHash": hash })
        })
        .collect();
    let document = json!({
        "about": "Transactions in words. `transaction` is the signed part in hexadecimal digits; modules that are not \
                  listed are not known.",
        "addressPrefix": PREFIX,
        "modules": known,
        "previews": cases,
    });
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/previews.json");
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "POLLEN_UPDATE=1 writes it anew");
}

fn cases(modules: &[Known]) -> Vec<(&'static str, Transaction)> {
    let [cold, every] = modules else { panic!("two modules") };
    let account = Address::account(id(8)).display(PREFIX);
    let hex = |byte: &str| byte.repeat(32);
    let single = |name, action| (name, transaction(vec![action]));
    let scope =
        |scope| Action::PutKey(ScopedKey { key: key(4), label: "till \"1\"".to_owned(), scope });
    let window =
        ScopeWindow { length_ms: 129_600_000, spend_max: Some(1), transactions_max: Some(10) };
    let all_of = |module, functions: &[&str]| CallScope {
        module,
        functions: functions.iter().map(|name| (*name).to_owned()).collect(),
    };
    let policy_keys =
        vec![PolicyKey { account: id(8), weight: 1 }, PolicyKey { account: id(9), weight: 2 }];
    let keys = UpgradePolicy::Keys { threshold: 2, keys: policy_keys, delay_ms: 5_400_000 };
    let deploy = |name: Option<&str>, arguments, upgrade| {
        let name = name.map(str::to_owned);
        Action::Deploy { code: Hash([3; 32]), name, arguments, upgrade }
    };
    let mut sponsored = transaction(vec![Action::Publish { code: Hash([3; 32]) }]);
    sponsored.payer = Some(id(9));
    sponsored.valid_until_ms = u64::MAX;
    sponsored.max_fuel = u64::MAX;
    let mut sending = call(cold, "record", json!(["box 1", 0.1]));
    if let Action::Invoke { deposit, .. } = &mut sending {
        *deposit = 2_000_000_001;
    }
    let with = |action: Action, change: fn(&mut Action)| {
        let mut action = action;
        change(&mut action);
        action
    };
    let record = || call(cold, "record", json!(["box-1", 9.5]));
    vec![
        single("transfer", Action::Transfer { to: id(8), amount: 1_500_000_000 }),
        ("several actions", transaction(vec![record(), Action::Transfer { to: id(8), amount: 1 }])),
        ("a payer, for ever, of any price", sponsored),
        single("call with a deposit", sending),
        single("call without arguments", call(every, "none", json!([]))),
        single(
            "integers, lowest",
            call(
                every,
                "integers",
                json!([0, 0, 0, "0", -128, -32768, i32::MIN, i64::MIN.to_string()]),
            ),
        ),
        single(
            "integers, highest",
            call(
                every,
                "integers",
                json!([
                    255,
                    65535,
                    u32::MAX,
                    u64::MAX.to_string(),
                    127,
                    32767,
                    i32::MAX,
                    i64::MAX.to_string()
                ]),
            ),
        ),
        single("others", call(every, "others", json!([true, 8.1, 9.5, "é", "plain-text_1.2/3:@"]))),
        single(
            "small numbers",
            call(every, "others", json!([false, 1e-45, 5e-324, "'", "two words"])),
        ),
        single(
            "large numbers",
            call(every, "others", json!([false, 3.4e38, 1.7e308, "\u{1f33c}", "ü"])),
        ),
        single(
            "numbers between",
            call(every, "others", json!([false, 16777216.0, 1e21, "\n", "\u{2066}x\u{2069}"])),
        ),
        single(
            "numbers that are none",
            call(
                every,
                "others",
                json!([false, "infinity", "-infinity", "\\", "a\\b\"c\td\u{301}"]),
            ),
        ),
        single(
            "minus zero",
            call(
                every,
                "others",
                json!([false, -0.0, -0.0, "\u{ad}", "\u{ffff}\u{10ffff}\u{fe0f}"]),
            ),
        ),
        single(
            "values of the ledger",
            call(
                every,
                "of-the-ledger",
                json!([account, "1000000000", "AQID", hex("0a"), hex("0b"), hex("0c")]),
            ),
        ),
        single(
            "a module as an account, and many bytes",
            call(
                every,
                "of-the-ledger",
                json!([
                    Address::module(id(1)).display(PREFIX),
                    "1",
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                    hex("0a"),
                    hex("0b"),
                    hex("0c")
                ]),
            ),
        ),
        single(
            "values made of others",
            call(
                every,
                "made",
                json!([
                    { "left": "l", "right": 1 }, { "some-text": "t t" }, "green", ["read", "grant"],
                    [{ "left": "", "right": null }, { "left": "\"", "right": 255 }], [1, "x"], "y", { "ok": 1 }
                ]),
            ),
        ),
        single(
            "values made of others, sparsely",
            call(
                every,
                "made",
                json!([{ "left": "l", "right": null }, "nothing", "red", [], [], [1, "x"], null, { "err": "no" }]),
            ),
        ),
        single(
            "another interface",
            with(record(), |action| {
                if let Action::Invoke { interface, .. } = action {
                    *interface = Some(Hash([9; 32]));
                }
            }),
        ),
        single(
            "no pin",
            with(record(), |action| {
                if let Action::Invoke { interface, .. } = action {
                    *interface = None;
                }
            }),
        ),
        single(
            "an unknown module",
            with(record(), |action| {
                if let Action::Invoke { module, .. } = action {
                    *module = id(5);
                }
            }),
        ),
        single(
            "an unknown function",
            with(record(), |action| {
                if let Action::Invoke { function, .. } = action {
                    *function = "re cord".to_owned();
                }
            }),
        ),
        single("deploy", deploy(None, Vec::new(), UpgradePolicy::Never)),
        single("deploy with a name", deploy(Some("gold"), vec![1], UpgradePolicy::Itself)),
        single(
            "deploy with a delay",
            deploy(None, Vec::new(), UpgradePolicy::Owner { delay_ms: 172_800_000 }),
        ),
        single("deploy of several", deploy(None, Vec::new(), keys.clone())),
        single("publish", Action::Publish { code: Hash([3; 32]) }),
        single(
            "upgrade",
            Action::Change {
                module: id(1),
                change: ModuleChange::Upgrade { code: Hash([3; 32]), arguments: vec![0; 40] },
            },
        ),
        single("policy", Action::Change { module: id(2), change: ModuleChange::Policy(keys) }),
        single(
            "policy of the owner",
            Action::Change {
                module: id(2),
                change: ModuleChange::Policy(UpgradePolicy::Owner { delay_ms: 0 }),
            },
        ),
        single("pause", Action::Change { module: id(1), change: ModuleChange::Pause }),
        single("resume", Action::Change { module: id(1), change: ModuleChange::Resume }),
        single("cancel", Action::Cancel { module: id(1), change: Hash([4; 32]) }),
        single(
            "owners",
            Action::SetOwners {
                threshold: 2,
                owners: vec![
                    OwnerKey { key: key(1), weight: 1 },
                    OwnerKey { key: key(2), weight: 2 },
                ],
            },
        ),
        single("a key that may nothing", scope(Scope::default())),
        single(
            "a key that may much",
            scope(Scope {
                calls: vec![all_of(id(1), &["record", "open-box"]), all_of(id(2), &[])],
                transfers: true,
                sponsors: true,
                expires_ms: Some(1_796_000_000_000),
                spend_max: Some(20_000_000_000),
                window: Some(window),
            }),
        ),
        single("a key is taken", Action::RemoveKey { key: key(4) }),
    ]
}
