//! What can be wrong with a directory or a toolchain, each told in words; the builds themselves are in
//! `tests/modules.rs`.

use crate::{BuildError, Options, Toolchain, build_module};
use std::fs;
use std::path::Path;

fn refusal(dir: &Path) -> String {
    build_module(dir, &Options::default()).unwrap_err().to_string()
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn what_is_no_module_is_told_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let absent = refusal(&dir.path().join("absent"));
    assert!(absent.contains("is no module") && absent.contains("contracts/counter"), "{absent}");
    assert!(refusal(dir.path()).contains("Cargo.toml does not exist"));
    write(dir.path(), "Cargo.toml", "[package]\nname = \"m\"\nedition = \"2024\"\n[workspace]\n");
    assert!(refusal(dir.path()).contains("wit does not exist"));
    write(dir.path(), "wit/world.wit", "package a:b@0.1.0;");
    write(dir.path(), "src/lib.rs", "");
    assert!(refusal(dir.path()).contains("cdylib"), "{}", refusal(dir.path()));
}

#[test]
fn a_damaged_private_toolchain_says_to_bootstrap() {
    let prefix = tempfile::tempdir().unwrap();
    assert_eq!(Toolchain::private(prefix.path()).unwrap(), None);
    write(prefix.path(), "toolchain.toml", "rustc = 5");
    let error = Toolchain::private(prefix.path()).unwrap_err();
    assert!(matches!(error, BuildError::BrokenToolchain { .. }));
    let absent = "rustc = \"/absent\"\nlinker = \"/absent\"\nlibrary_path = []\n";
    write(prefix.path(), "toolchain.toml", absent);
    let error = Toolchain::private(prefix.path()).unwrap_err().to_string();
    assert!(
        error.contains("/absent does not exist") && error.contains("make bootstrap"),
        "{error}"
    );
}
