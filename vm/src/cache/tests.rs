//! What these protect: bytes that are not exactly what we wrote are never run.

use super::*;
use crate::fixtures::probe;
use wasmtime::Config;

fn open(dir: &Path, bytes_max: u64, engine: &Engine) -> CodeCache {
    let config = VmConfig { cache_bytes_max: bytes_max, ..VmConfig::default() };
    CodeCache::open(dir, &config, engine).unwrap()
}

fn described() -> Described {
    Described::of(&probe()).unwrap()
}

fn engine() -> Engine {
    Engine::new(Config::new().wasm_component_model(true)).unwrap()
}

#[test]
fn damaged_code_is_removed_and_never_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = open(&dir.path().join("code"), 1 << 30, &engine);
    let code = probe();
    let hash = Hash::of_content(&code);
    let component = Component::from_binary(&engine, &code).unwrap();
    let path = cache.path(&cache.name(&hash));
    for damage in [
        |bytes: &mut Vec<u8>| bytes[100] ^= 1,
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
        |bytes: &mut Vec<u8>| bytes.clear(),
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1),
        |bytes: &mut Vec<u8>| bytes.push(0),
    ] {
        cache.store(&hash, &component, &described()).unwrap();
        assert!(cache.load(&engine, &hash).is_some_and(|(_, loaded)| loaded == described()));
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        assert!(cache.load(&engine, &hash).is_none());
        assert!(!path.exists());
    }
}

#[cfg(unix)]
#[test]
fn only_this_user_may_enter() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("code");
    open(&path, 1 << 30, &engine());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_directory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = open(dir.path(), 1, &engine);
    let component = Component::from_binary(&engine, &probe()).unwrap();
    for number in 0..3 {
        cache.store(&Hash([number; 32]), &component, &described()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the newest");
    }
}

/// Whole files whose checksum nobody wrote down: what a crash between file and checksum leaves, and what
/// somebody else put there.
#[test]
fn a_file_without_its_checksum_is_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine();
    let code = probe();
    let hash = Hash::of_content(&code);
    let component = Component::from_binary(&engine, &code).unwrap();
    let first = open(dir.path(), 1 << 30, &engine);
    first.store(&hash, &component, &described()).unwrap();
    let forgot = open(dir.path(), 1 << 30, &engine);
    assert!(forgot.load(&engine, &hash).is_none());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(first.load(&engine, &hash).is_none(), "and it is gone for all");
}

/// What was dropped beyond the bound leaves no checksum behind, and what is used stays.
#[test]
fn the_longest_unused_goes_first_with_its_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine();
    let component = Component::from_binary(&engine, &probe()).unwrap();
    let bytes =
        component.serialize().unwrap().len() + borsh::to_vec(&described()).unwrap().len() + 4;
    let cache = open(dir.path(), 2 * bytes as u64, &engine);
    for number in 0..2 {
        cache.store(&Hash([number; 32]), &component, &described()).unwrap();
    }
    cache.touch(&Hash([0; 32]));
    cache.store(&Hash([2; 32]), &component, &described()).unwrap();
    let there = |number| cache.used(&Hash([number; 32])).is_some();
    assert_eq!([there(0), there(1), there(2)], [true, false, true]);
    assert_eq!(cache.sums.get(&cache.name(&Hash([1; 32]))), None);
    assert!(cache.load(&engine, &Hash([0; 32])).is_some());
}
