//! What these protect: bytes that are not exactly what we wrote are never run.

use super::*;
use crate::fixtures::probe;
use wasmtime::Config;

fn engine() -> Engine {
    Engine::new(Config::new().wasm_component_model(true)).unwrap()
}

#[test]
fn damaged_code_is_removed_and_never_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = CodeCache::open(&dir.path().join("code"), 1 << 30, &engine).unwrap();
    let code = probe();
    let hash = Hash::of_content(&code);
    let component = Component::from_binary(&engine, &code).unwrap();
    let path = cache.path(&hash);
    for damage in [
        |bytes: &mut Vec<u8>| bytes[CHECKSUM_BYTES + 100] ^= 1,
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
        |bytes: &mut Vec<u8>| bytes.truncate(CHECKSUM_BYTES - 1),
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1),
    ] {
        cache.store(&hash, &component).unwrap();
        assert!(cache.load(&engine, &hash).is_some());
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
    CodeCache::open(&path, 1 << 30, &engine()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_directory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = CodeCache::open(dir.path(), 1, &engine).unwrap();
    let component = Component::from_binary(&engine, &probe()).unwrap();
    for number in 0..3 {
        cache.store(&Hash([number; 32]), &component).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the newest");
    }
}
