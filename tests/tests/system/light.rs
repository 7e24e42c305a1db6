//! The light client compiled for wasm32, in a module host that offers it nothing: what a browser would run.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wasmtime::{Engine, Instance, Module, Store};

use super::harness::{outside, repository};

/// Protects that verification needs neither clock, thread, socket nor randomness, and that its answers do
/// not depend on the platform: every vector has the same verdict there, to the word.
#[test]
fn the_light_client_answers_in_a_browsers_place_as_it_does_here() {
    let engine = Engine::default();
    let module = Module::from_file(&engine, compiled()).unwrap();
    assert_eq!(module.imports().count(), 0, "it needs nothing of its host");
    for (file, lists, word) in [
        ("certificates", &["certificates", "lists"][..], "was altered"),
        ("state", &["states"], "does not show"),
    ] {
        let vectors = repository().join(format!("tests/vectors/{file}.json"));
        let vectors = std::fs::read(vectors).unwrap();
        let parsed: Value = serde_json::from_slice(&vectors).unwrap();
        let count = |name: &&str| parsed[name].as_array().unwrap().len();
        let expected = lists.iter().map(count).sum::<usize>() as i32;
        assert_eq!(checked(&module, &vectors), expected);
        // What is not as the vectors say shows.
        let vectors = String::from_utf8(vectors).unwrap();
        let other = vectors.replacen(word, "has another reason", 1);
        assert_eq!(checked(&module, other.as_bytes()), expected - 1);
    }
    // Entries and ranges of whole trees.
    let vectors = std::fs::read_to_string(repository().join("tests/vectors/tree.json")).unwrap();
    let parsed: Value = serde_json::from_str(&vectors).unwrap();
    let count =
        |tree: &Value| ["proofs", "ranges"].map(|name| tree[name].as_array().unwrap().len());
    let expected = parsed["trees"].as_array().unwrap().iter().flat_map(count).sum::<usize>() as i32;
    assert_eq!(checked(&module, vectors.as_bytes()), expected);
    for (was, is) in [("\"end\": true", "\"end\": false"), ("\"value\": null", "\"value\": \"00\"")]
    {
        let other = vectors.replacen(was, is, 1);
        assert_eq!(checked(&module, other.as_bytes()), expected - 1, "{was}");
    }
    assert_eq!(checked(&module, b"{}"), -1);
}

/// Runs the module over some vectors.
fn checked(module: &Module, vectors: &[u8]) -> i32 {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let room = instance.get_typed_func::<u32, u32>(&mut store, "room").unwrap();
    let at = room.call(&mut store, vectors.len() as u32).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.write(&mut store, at as usize, vectors).unwrap();
    instance.get_typed_func::<(), i32>(&mut store, "check").unwrap().call(&mut store, ()).unwrap()
}

/// Compiles it, where it is not compiled yet; the path of the module.
fn compiled() -> std::path::PathBuf {
    let target = "wasm32-unknown-unknown";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("light");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    outside(&mut command);
    // Flags for this machine's processor are none for wasm32.
    command.env("CARGO_ENCODED_RUSTFLAGS", "");
    command
        .args(["build", "--locked", "--package", "pollen-light", "--target", target])
        .arg("--target-dir")
        .arg(&folder)
        .current_dir(repository());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the light client does not compile for {target} (its standard library is needed: rustup target add {target}):\n{said}"
    );
    folder.join(target).join("debug").join("pollen_light.wasm")
}
