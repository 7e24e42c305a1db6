//! What a project is made of, without building it; `tests/tests/system/developer.rs` builds, tests and deploys each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;

const TEMPLATES: [Template; 5] =
    [Template::Counter, Template::Token, Template::Service, Template::Fleet, Template::CounterC];

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts")
}

/// Files below a folder, by their path in it.
fn below(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path(), &format!("{path}/")));
        } else {
            found.insert(path);
        }
    }
    found
}

fn embedded(sources: project::Sources) -> BTreeSet<String> {
    sources.iter().map(|(path, _)| (*path).to_owned()).collect()
}

/// A file that somebody adds to the SDK or an example would be missing in every new project.
#[test]
fn every_source_is_embedded() {
    assert_eq!(embedded(project::SDK), below(&contracts().join("sdk/src"), "src/"));
    assert_eq!(embedded(project::HARNESS), below(&contracts().join("harness/src"), "src/"));
    for template in TEMPLATES {
        let folder = contracts().join(template.name());
        let mut there = match template {
            Template::CounterC => BTreeSet::from(["module.c".to_owned()]),
            _ => below(&folder.join("src"), "src/"),
        };
        there.extend(below(&folder.join("wit"), "wit/"));
        assert_eq!(embedded(template.sources()), there, "{}", template.name());
    }
}

/// Nothing in a project may point out of it, or still have the example's name.
#[test]
fn a_project_stands_alone_under_its_own_name() {
    for template in TEMPLATES {
        let files = project::files("my-green-house", template, true);
        let old = if template == Template::CounterC { "counter" } else { template.name() };
        for (path, text) in &files {
            let own = !path.starts_with("vendor/") && !path.ends_with("Cargo.lock");
            assert!(!path.ends_with("Cargo.toml") || !text.contains("workspace = true"), "{path}");
            assert!(
                !text.contains("../wit\", \"wit\""),
                "{path} looks outside for the host's interface"
            );
            for residue in [
                format!("pollen:{old}/"),
                format!("pollen:{old}@"),
                format!("pollen::{old}::"),
                format!("pollen_{old}"),
                format!("POLLEN_{}", old.to_uppercase()),
            ] {
                assert!(!own || !text.contains(&residue), "{path} still has {residue}");
            }
            assert!(!own || !text.contains("{{"), "{path} has a place that was not filled");
        }
        let text = |wanted: &str| &files.iter().find(|(path, _)| path == wanted).unwrap().1;
        assert!(text("wit/world.wit").contains("package my:my-green-house@0.1.0;"));
        let (source, package, lock) = match template {
            Template::CounterC => ("module.c", "exports_my_my_green_house_", "tests/Cargo.lock"),
            _ => ("src/lib.rs", "exports::my::my_green_house::", "Cargo.lock"),
        };
        assert!(text(source).contains(package), "{source} of {}", template.name());
        assert!(text(lock).contains("name = \"my-green-house\""));
        assert!(!text(lock).contains("wasmtime"), "only what is needed is locked");
    }
}

/// Whoever mistypes a name must not lose a folder.
#[test]
fn a_folder_that_is_there_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("greenhouse");
    std::fs::create_dir(&there).unwrap();
    std::fs::write(there.join("thesis.txt"), "years of work").unwrap();
    let files = project::files("greenhouse", Template::Counter, false);
    let refused = write(&there, |folder| write_all(folder, &files)).unwrap_err();
    assert!(refused.text.contains("is there already"), "{}", refused.text);
    assert_eq!(below(folder.path(), ""), BTreeSet::from(["greenhouse/thesis.txt".to_owned()]));
    write(&folder.path().join("other"), |folder| write_all(folder, &files)).unwrap();
    assert_eq!(below(&folder.path().join("other"), "").len(), files.len());
}
