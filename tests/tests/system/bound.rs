//! Bindings in Rust: that those of every example module are what `pollen bind rust` makes of it now and are taken by the
//! compiler, that every kind of value is encoded as the ledger does, and that a program calls a real network by them.

use std::collections::BTreeSet;

use pollen_ledger::{AccountId, Action, Hash, KeyPair};
use pollen_rpc::api::EventNotice;
use pollen_rpc::client::bound::{CallError, Char, WitResult};
use pollen_rpc::error::ErrorCode;
use tempfile::TempDir;

use super::harness::{self, Network};
use super::world::{component, contracts};

/// Compiles the kept bindings of these modules, and names their folders.
macro_rules! kept {
    ($($module:ident: $folder:literal),+ $(,)?) => {
        $(mod $module;)+
        const KEPT: &[(&str, &str)] = &[$((stringify!($module), $folder)),+];
    };
}

kept! {
    broken_token: "broken-token", coldchain: "coldchain", counter: "counter", counter_c: "counter-c", escrow: "escrow",
    fleet: "fleet", nft: "nft", probe: "probe", registry: "registry", router: "router", service: "service", token: "token",
}
mod every_kind; // kept by node/src/cli/bind/rust/tests.rs

/// What a module's author would be told by its users: bindings that do not compile, or are not of the module.
#[test]
fn bindings_of_every_example_are_those_that_are_compiled() {
    let folders = std::fs::read_dir(contracts()).unwrap().map(|entry| entry.unwrap().path());
    let is_module = |folder: &std::path::Path| {
        folder.join("wit").is_dir()
            && (folder.join("Cargo.toml").is_file() || folder.join("module.c").is_file())
    };
    let modules = folders.filter(|folder| is_module(folder));
    let modules: BTreeSet<String> =
        modules.map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let known: BTreeSet<String> = KEPT.iter().map(|(_, folder)| (*folder).to_owned()).collect();
    assert_eq!(known, modules, "name the new module in `kept!`");

    let place = TempDir::new().unwrap();
    for (name, folder) in KEPT {
        let file = place.path().join(format!("{folder}.wasm"));
        std::fs::write(&file, component(folder)).unwrap();
        let output = harness::pollen().args(["bind", "rust"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let kept = harness::repository().join(format!("tests/tests/system/bound/{name}.rs"));
        if std::env::var_os("POLLEN_UPDATE").is_some() {
            std::fs::write(&kept, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&kept).unwrap();
        assert!(kept == text, "{name}: POLLEN_UPDATE=1 writes it anew");
    }
}

/// The bytes are those of docs/modules-encoding.md: of whatever is encoded otherwise a call would mean something else.
#[test]
fn every_kind_of_value_is_encoded_as_the_ledger_does() {
    use every_kind::{Choice, Error, EveryKind, EveryKindKeyPair, KeyPair, Rights};
    let module = EveryKind::at(AccountId([9; 32]));
    let arguments = |action: Action| match action {
        Action::Invoke { arguments, interface: Some(every_kind::INTERFACE), .. } => arguments,
        other => panic!("{other:?}"),
    };
    let pair = KeyPair { left_side: 1, right: Some(None) };
    let other = EveryKindKeyPair { data: vec![5] };
    let call = module.made_of_others(
        &[Some(pair.clone()), None],
        Choice::APair(pair),
        Error::DarkGreen,
        Rights { read: true, grant: true, ..Rights::default() },
        (7, other),
        None,
        WitResult::Err(5),
    );
    let mut expected = vec![2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]; // list-of
    expected.extend([1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]); // choice
    expected.extend([1, 0b101, 7, 1, 0, 0, 0, 5, 0, 1, 5, 0, 0, 0]); // color, may, both, maybe, end
    assert_eq!(arguments(call.action().unwrap()), expected);

    let (id, hash) = (AccountId([1; 32]), Hash([2; 32]));
    let scalars = module.scalars(
        true,
        2,
        3,
        4,
        5,
        -1,
        -2,
        -3,
        -4,
        1.0,
        -1.0,
        Char('é'),
        "a",
        6,
        &[7],
        id,
        hash,
        hash,
        hash,
    );
    let mut expected = vec![1, 2, 3, 0, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    expected.extend((-1_i8).to_le_bytes());
    expected.extend((-2_i16).to_le_bytes());
    expected.extend((-3_i32).to_le_bytes());
    expected.extend((-4_i64).to_le_bytes());
    expected.extend([0, 0, 0x80, 0x3f, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf, 0xe9, 0, 0, 0]);
    expected.extend([1, 0, 0, 0, b'a', 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7]);
    expected.extend([[1; 32], [2; 32], [2; 32], [2; 32]].concat());
    assert_eq!(arguments(scalars.action().unwrap()), expected);

    // Names that are taken: by a keyword, by what every struct of bindings has, by the query beside the command.
    assert_eq!(arguments(module.find_call(1, "x").action().unwrap()), [1, 1, 0, 0, 0, b'x']);
    let _ = (module.get(), module.get_query(None), Error::Self_);
    assert_eq!(EveryKind::init_arguments(3).unwrap(), 3_u64.to_le_bytes());
    let nan = module.scalars(
        true,
        2,
        3,
        4,
        5,
        -1,
        -2,
        -3,
        -4,
        f32::NAN,
        -1.0,
        Char('é'),
        "a",
        6,
        &[7],
        id,
        hash,
        hash,
        hash,
    );
    assert!(nan.action().is_err(), "no number has no encoding");
}

/// A program in Rust, as whoever uses a module writes it: results, errors and events come as the module's own types.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_calls_a_module_by_its_bindings() {
    use coldchain::{Coldchain, ColdchainEvent, Error, Verdict};
    let network = Network::start(1).await;
    network.cli(&["keys", "new", "alice"]).await;
    network.cli(&["deploy", "contracts/coldchain", "--name", "coldchain", "--from", "alice"]).await;
    let client = network.client(0);
    let sensor = KeyPair::development("faucet");
    let account = AccountId::of_key(&sensor.public_key());

    let chain = Coldchain::find(client, "@coldchain").await.unwrap();
    let mut events = chain.subscribe(client, None).await.unwrap();
    chain.open_box("box-1", 8.0, None, None).send(client, &sensor).await.unwrap();
    let warm = chain.record("box-1", 9.5).send(client, &sensor).await.unwrap();
    assert_eq!(warm.value, Verdict::TooWarm);
    let told: Vec<ColdchainEvent> =
        warm.status.events.iter().filter_map(|event| ColdchainEvent::of(event).unwrap()).collect();
    assert!(
        told.iter()
            .any(|event| matches!(event, ColdchainEvent::Alarm(alarm) if alarm.limit == 8.0)),
        "{told:?}"
    );

    let status = chain.status("box-1").ask(client).await.unwrap();
    assert_eq!((status.warmest_celsius, status.opened_by), (Some(9.5), account));
    assert_eq!(chain.boxes(0, 9).ask(client).await.unwrap(), ["box-1"]);
    let unknown = chain.status("box-2").ask(client).await;
    assert!(matches!(unknown, Err(CallError::Module(Error::UnknownBox))), "{unknown:?}");
    let taken = chain.open_box("box-1", 8.0, None, None).send(client, &sensor).await;
    assert!(matches!(taken, Err(CallError::Module(Error::NameTaken))), "{taken:?}");
    let starved = chain.record("box-1", 1.0).with_max_fuel(150_000).send(client, &sensor).await;
    let Err(CallError::Failed { code, status, .. }) = starved else { panic!("{starved:?}") };
    assert_eq!(code, ErrorCode::OutOfFuel.number());
    assert!(status.fee.is_some_and(|fee| fee > 0), "the fee was paid: {status:?}");

    // Another module's bindings: what was made from another interface is refused.
    let other = counter::Counter::at(chain.module).increment(1).send(client, &sensor).await;
    let Err(CallError::Client(refused)) = other else { panic!("{other:?}") };
    assert!(refused.is(ErrorCode::InterfaceMismatch), "{refused}");

    let mut followed = Vec::new();
    while followed.len() < 3 {
        let EventNotice::Event { event } = events.next().await.unwrap() else { continue };
        followed.extend(ColdchainEvent::of(&event).unwrap());
    }
    assert!(
        matches!(&followed[0], ColdchainEvent::Opened(opened) if opened.by == account),
        "{followed:?}"
    );
    assert_eq!(followed[1..], told[..], "the subscription tells what the receipt does");
}
