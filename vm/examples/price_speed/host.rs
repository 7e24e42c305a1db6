//! Every host function at sizes from nothing to the largest, whole calls, and memory that is touched for
//! the first time. The first touch of a key is left out: it pays for a read from disk.

use pollen_ledger::execution::StateKey;
use pollen_vm::Vm;

use super::fixtures::{Base, OTHER, PROBE, component};
use super::{Line, measure};

const IMPORTS: &str = "
  (import \"pollen:host/context@0.1.0\" \"signer\" (func $signer (param i32)))
  (import \"pollen:host/context@0.1.0\" \"caller\" (func $caller (param i32)))
  (import \"pollen:host/context@0.1.0\" \"this\" (func $this (param i32)))
  (import \"pollen:host/context@0.1.0\" \"code\" (func $code (param i32)))
  (import \"pollen:host/context@0.1.0\" \"transaction\" (func $transaction (param i32)))
  (import \"pollen:host/context@0.1.0\" \"chain\" (func $chain (param i32)))
  (import \"pollen:host/context@0.1.0\" \"time-ms\" (func $time (result i64)))
  (import \"pollen:host/context@0.1.0\" \"round\" (func $round (result i64)))
  (import \"pollen:host/context@0.1.0\" \"attached\" (func $attached (result i64)))
  (import \"pollen:host/context@0.1.0\" \"fuel-left\" (func $fuel_left (result i64)))
  (import \"pollen:host/context@0.1.0\" \"depth\" (func $depth (result i32)))
  (import \"pollen:host/context@0.1.0\" \"read-only\" (func $read_only (result i32)))
  (import \"pollen:host/storage@0.1.0\" \"get\" (func $get (param i32 i32 i32)))
  (import \"pollen:host/storage@0.1.0\" \"len\" (func $len (param i32 i32 i32)))
  (import \"pollen:host/storage@0.1.0\" \"get-range\" (func $range (param i32 i32 i32 i32 i32)))
  (import \"pollen:host/storage@0.1.0\" \"set\" (func $set (param i32 i32 i32 i32)))
  (import \"pollen:host/storage@0.1.0\" \"remove\" (func $remove (param i32 i32) (result i32)))
  (import \"pollen:host/storage@0.1.0\" \"add\" (func $add (param i32 i32 i64)))
  (import \"pollen:host/events@0.1.0\" \"emit\" (func $emit (param i32 i32 i32 i32 i32 i32)))
  (import \"pollen:host/events@0.1.0\" \"debug\" (func $debug (param i32 i32)))
  (import \"pollen:host/bank@0.1.0\" \"balance\" (func $balance (param i64 i64 i64 i64) (result i64)))
  (import \"pollen:host/bank@0.1.0\" \"transfer\"
    (func $transfer (param i64 i64 i64 i64 i64 i32)))
  (import \"pollen:host/modules@0.1.0\" \"call\"
    (func $call (param i64 i64 i64 i64 i32 i32 i32 i32 i32 i64 i64 i32)))
  (import \"pollen:host/modules@0.1.0\" \"view\"
    (func $view (param i64 i64 i64 i64 i32 i32 i32 i32 i32)))
  (import \"pollen:host/modules@0.1.0\" \"code-of\" (func $code_of (param i64 i64 i64 i64 i32)))
  (import \"pollen:host/modules@0.1.0\" \"resolve\" (func $resolve (param i32 i32 i32)))
  (import \"pollen:host/crypto@0.1.0\" \"blake3\" (func $blake3 (param i32 i32 i32)))
  (import \"pollen:host/crypto@0.1.0\" \"sha256\" (func $sha256 (param i32 i32 i32)))
  (import \"pollen:host/crypto@0.1.0\" \"ed25519-verify\"
    (func $verify (param i64 i64 i64 i64 i32 i32 i32 i32) (result i32)))
  (import \"pollen:host/control@0.1.0\" \"abort\" (func $abort (param i32 i32)))";

const WIT: &str = "package probe:it@0.1.0;
interface commands {
  run: func(n: u32);
  nothing: func();
  take: func(bytes: list<u8>);
  take-numbers: func(numbers: list<u64>);
  take-words: func(words: list<string>);
  give: func(size: u32) -> list<u8>;
  give-words: func(count: u32) -> list<string>;
  touch: func(bytes: u32);
}
interface queries { look: func(); }
world module { include pollen:host/module@0.1.0; export commands; export queries; }";

/// A signature of the empty message (RFC 8032, 7.1, test 1).
const SIGNATURE: &str = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e397\
01cf9b46bd25bf5f0595bbe24655141438e7a100b";
const KEY_WORDS: [u64; 4] =
    [0xb70a_b182_0198_5ad7, 0x3a07_64c9_d3fe_4bd5, 0x2523_a6da_f372_e10e, 0x1a51_07f7_681a_02af];

/// Where lists that the host gives lie, one over another.
const ANSWERS: u32 = 1 << 16;

/// Pages of memory that cost nothing.
const FEW_PAGES: u32 = 2;
/// Pages for the largest data; those above the free ones are paid in every call.
const MANY_PAGES: u32 = 64;

fn module(body: &str, pages: u32) -> Vec<u8> {
    let signature: String = (0..SIGNATURE.len() / 2)
        .map(|at| format!("\\{}", &SIGNATURE[at * 2..at * 2 + 2]))
        .collect();
    let wat = format!(
        "(module {IMPORTS}
           (memory (export \"memory\") {pages} 256)
           (data (i32.const 0) \"nothing\\00look\\00\\00\\00\\00name\")
           (data (i32.const 64) \"{signature}\")
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const {ANSWERS}))
           (func (export \"probe:it/commands@0.1.0#nothing\"))
           (func (export \"probe:it/queries@0.1.0#look\"))
           (func (export \"probe:it/commands@0.1.0#take\") (param i32 i32))
           (func (export \"probe:it/commands@0.1.0#take-numbers\") (param i32 i32))
           (func (export \"probe:it/commands@0.1.0#take-words\") (param i32 i32))
           (func (export \"probe:it/commands@0.1.0#give\") (param i32) (result i32)
             (i32.store (i32.const 256) (i32.const {ANSWERS}))
             (i32.store (i32.const 260) (local.get 0))
             (i32.const 256))
           (func (export \"probe:it/commands@0.1.0#give-words\") (param i32) (result i32)
             (i32.store (i32.const 256) (i32.const {ANSWERS}))
             (i32.store (i32.const 260) (local.get 0))
             (i32.const 256))
           (func (export \"probe:it/commands@0.1.0#touch\") (param $end i32)
             (local $at i32)
             (loop $again
               (i32.store8 (local.get $at) (i32.const 1))
               (br_if $again (i32.lt_u
                 (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (local.get $end)))))
           (func (export \"probe:it/commands@0.1.0#run\") (param $n i32)
             loop $again
               {body}
               (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
             end))"
    );
    component(&wat, WIT)
}

/// A loop body, and how often it can run in one transaction.
fn bodies() -> Vec<(String, String, u32)> {
    let mut all: Vec<(String, String, u32)> = Vec::new();
    let mut add = |name: &str, body: String, most: u32| all.push((name.to_owned(), body, most));
    for name in ["signer", "caller", "this", "code", "transaction", "chain"] {
        add(&format!("context.{name}"), format!("i32.const 512 call ${name}"), 2_000);
    }
    for name in ["time", "round", "attached", "fuel_left", "depth", "read_only"] {
        add(&format!("context.{name}"), format!("call ${name} drop"), 2_000);
    }
    let key = "i32.const 0 i32.const 7";
    // Sizes: none, small, middling, the largest. Written first, so that there is something to read.
    for bytes in [0, 32, 1_024, 65_536] {
        let set = format!("{key} i32.const 2048 i32.const {bytes} call $set");
        let most = (4_000_000 / (bytes + 64)).min(1_000);
        add(&format!("storage.set of {bytes} bytes"), set.clone(), most);
        let reads = [("get", "call $get"), ("len", "call $len")];
        for (name, call) in reads {
            let body = format!(
                "(if (i32.eqz (i32.load (i32.const 600))) (then {set} (i32.store (i32.const 600) (i32.const 1))))
                 {key} i32.const 512 {call}"
            );
            add(&format!("storage.{name} of {bytes} bytes"), body, 1_000);
        }
        let body = format!(
            "(if (i32.eqz (i32.load (i32.const 600))) (then {set} (i32.store (i32.const 600) (i32.const 1))))
             {key} i32.const 1 i32.const {bytes} i32.const 512 call $range"
        );
        add(&format!("storage.get-range of {bytes} bytes"), body, 1_000);
    }
    let long_key = "i32.const 4096 i32.const 256";
    add("storage.get of nothing", format!("{long_key} i32.const 512 call $get"), 1_000);
    add("storage.remove of nothing", format!("{long_key} call $remove drop"), 1_000);
    add(
        "storage.set, remove",
        format!("{key} i32.const 2048 i32.const 8 call $set {key} call $remove drop"),
        1_000,
    );
    add("storage.add", format!("{key} i64.const 1 call $add"), 1_000);
    add(
        "events.emit, nothing in it",
        "i32.const 0 i32.const 7 i32.const 0 i32.const 0 i32.const 0 i32.const 0 call $emit".into(),
        60,
    );
    add(
        "events.emit of 1 000 bytes",
        "i32.const 0 i32.const 7 i32.const 0 i32.const 0 i32.const 2048 i32.const 1000 call $emit"
            .into(),
        60,
    );
    for bytes in [0, 1_024, 65_536, 1_048_576] {
        let n = (40_000_000 / (bytes + 40_000)).max(20);
        let data = format!("i32.const 4096 i32.const {bytes}");
        add(&format!("events.debug of {bytes} bytes"), format!("{data} call $debug"), n);
        add(
            &format!("crypto.blake3 of {bytes} bytes"),
            format!("{data} i32.const 512 call $blake3"),
            n,
        );
        add(
            &format!("crypto.sha256 of {bytes} bytes"),
            format!("{data} i32.const 512 call $sha256"),
            n,
        );
        let words: String = KEY_WORDS.iter().map(|word| format!("i64.const {word} ")).collect();
        let verify = format!("{words} {data} i32.const 64 i32.const 64 call $verify drop");
        add(&format!("crypto.ed25519-verify of {bytes} bytes"), verify, n.min(200));
    }
    let other: String = words(&OTHER.0);
    add("bank.balance", format!("{other} call $balance drop"), 1_000);
    add("bank.transfer", format!("{other} i64.const 1 i32.const 512 call $transfer"), 900);
    add(
        "bank.transfer of too much",
        format!("{other} i64.const -1 i32.const 512 call $transfer"),
        900,
    );
    add("modules.code-of", format!("{other} i32.const 512 call $code_of"), 1_000);
    add("modules.resolve", "i32.const 16 i32.const 4 i32.const 512 call $resolve".into(), 1_000);
    let options = "i32.const 0 i64.const 0 i64.const 0 i32.const 512";
    add(
        "modules.call of nothing",
        format!("{other} i32.const 0 i32.const 7 i32.const 0 i32.const 0 {options} call $call"),
        500,
    );
    add(
        "modules.call of a function that is not there",
        format!("{other} i32.const 0 i32.const 5 i32.const 0 i32.const 0 {options} call $call"),
        500,
    );
    add(
        "modules.call of a module that is not there",
        format!(
            "i64.const 1 i64.const 2 i64.const 3 i64.const 4 i32.const 0 i32.const 5 i32.const 0 \
                 i32.const 0 {options} call $call"
        ),
        500,
    );
    add(
        "modules.call with wrong arguments",
        format!(
            "{other} i32.const 0 i32.const 7 i32.const 2048 i32.const 60000 {options} call $call"
        ),
        500,
    );
    add(
        "modules.view of nothing",
        format!("{other} i32.const 8 i32.const 4 i32.const 0 i32.const 0 i32.const 512 call $view"),
        500,
    );
    all
}

fn words(id: &[u8; 32]) -> String {
    id.chunks_exact(8)
        .map(|word| {
            let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
            format!("i64.const {word} ")
        })
        .collect()
}

/// Two runs of different length: what they have in common is not what is measured.
fn difference(long: Line, short: &Line, times: u64) -> Line {
    Line { name: long.name, ns: (long.ns - short.ns).max(0.0), fuel: long.fuel - short.fuel, times }
}

pub fn lines(vm: &Vm, is_wanted: impl Fn(&str) -> bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, body, most) in bodies() {
        if !is_wanted(&name) {
            continue;
        }
        let is_large = ["65536", "1048576"].iter().any(|size| name.contains(size));
        let base = base(&module(&body, if is_large { MANY_PAGES } else { FEW_PAGES }));
        let short = measure(vm, &base, &name, "run", &1_u32.to_le_bytes());
        let long = measure(vm, &base, &name, "run", &most.to_le_bytes());
        lines.push(difference(long, &short, u64::from(most) - 1));
    }
    let few = base(&module("nop", FEW_PAGES));
    let many = base(&module("nop", MANY_PAGES));
    let list = |count: u32, item: &[u8]| {
        [&count.to_le_bytes(), item.repeat(count as usize).as_slice()].concat()
    };
    let calls: Vec<(&str, &str, Vec<u8>)> = vec![
        ("a call of nothing", "nothing", vec![]),
        ("a call with 60 000 bytes", "take", list(60_000, &[7])),
        ("a call with 7 500 numbers", "take-numbers", list(7_500, &[7; 8])),
        ("a call with 8 000 empty words", "take-words", list(8_000, &[0; 4])),
        ("a call that gives 60 000 bytes", "give", 60_000_u32.to_le_bytes().to_vec()),
        ("a call that gives 8 000 empty words", "give-words", 8_000_u32.to_le_bytes().to_vec()),
    ];
    for (name, function, arguments) in calls {
        if is_wanted(name) {
            lines.push(measure(vm, &few, name, function, &arguments));
        }
    }
    for kib in [128_u32, 1_024, 4_096] {
        let name = format!("a call that touches {kib} KiB of memory for the first time");
        if is_wanted(&name) {
            lines.push(measure(vm, &many, &name, "touch", &(kib * 1_024).to_le_bytes()));
        }
    }
    lines
}

fn base(code: &[u8]) -> Base {
    let mut base = Base::with(code);
    // Enough to give away.
    base.put(
        StateKey::account(&PROBE),
        pollen_ledger::codec::encode(&pollen_ledger::execution::AccountRecord {
            balance: 1 << 40,
            ..Default::default()
        }),
    );
    base
}
