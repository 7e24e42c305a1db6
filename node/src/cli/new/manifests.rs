//! Manifests and lock files of a new project.
//!
//! Versions of dependencies, settings of packages and the lock file come from this workspace's own Cargo.toml and
//! Cargo.lock, so that a project is built with what was tested here, and without a network where this program was
//! built.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::project::VENDOR;

const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// This workspace's manifest.
pub(super) fn workspace() -> Table {
    parsed(WORKSPACE)
}

fn parsed(text: &str) -> Table {
    text.parse().expect("this workspace's own files are TOML")
}

fn table<'a>(of: &'a Table, path: &[&str]) -> &'a Table {
    path.iter().fold(of, |table, key| {
        table.get(*key).and_then(Value::as_table).expect("this workspace's own manifests have it")
    })
}

/// A project's manifest: a workspace of its own, so that it can lie anywhere, even below another one.
pub(super) fn of_module(
    name: &str,
    description: &str,
    test_dependencies: &[&str],
    workspace: &Table,
) -> String {
    let package = table(workspace, &["workspace", "package"]);
    let version = |crate_name: &str| dependency(crate_name, workspace);
    let tested_with: String =
        test_dependencies.iter().map(|name| format!("{name} = {}\n", version(name))).collect();
    let text = |key: &str| package.get(key).map(Value::to_string).expect("the workspace says it");
    format!(
        "[workspace]\nexclude = [\"vendor\"]\n\n\
         [package]\nname = \"{name}\"\ndescription = \"{description}\"\nversion = \"0.1.0\"\nedition = {}\n\
         rust-version = {}\npublish = false\n\n\
         # cdylib: what is deployed; rlib: what the tests run.\n\
         [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\ndoctest = false\n\n\
         [dependencies]\npollen-sdk = {{ path = \"{VENDOR}/sdk\" }}\nwit-bindgen = {}\n\
         borsh = {{ version = \"1.8\", default-features = false, features = [\"derive\", \"de_strict_order\"] }}\n\n\
         # For the tests of the compiled module: pollen test.\n\
         [dev-dependencies]\npollen-harness = {{ path = \"{VENDOR}/harness\" }}\n{tested_with}\n\
         # The tests run natively: little to optimise, much to wait for.\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n",
        text("edition"),
        text("rust-version"),
        version("wit-bindgen"),
    )
}

/// The manifest of the tests of a module in C: a package that is nothing but a test.
pub(super) fn of_tests(name: &str, workspace: &Table) -> String {
    let package = table(workspace, &["workspace", "package"]);
    let text = |key: &str| package.get(key).map(Value::to_string).expect("the workspace says it");
    format!(
        "# The tests of the module, in Rust: pollen test.\n[workspace]\n\n\
         [package]\nname = \"{name}\"\ndescription = \"Tests of the module {name}\"\nversion = \"0.1.0\"\n\
         edition = {}\nrust-version = {}\npublish = false\n\n\
         [[test]]\nname = \"machine\"\npath = \"machine.rs\"\n\n\
         [dev-dependencies]\npollen-harness = {{ path = \"../{VENDOR}/harness\" }}\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n",
        text("edition"),
        text("rust-version"),
    )
}

/// One of the workspace's dependencies, as a manifest writes it.
fn dependency(name: &str, workspace: &Table) -> String {
    match &table(workspace, &["workspace", "dependencies"])[name] {
        Value::Table(dependency) => Value::Table(dependency.clone()).to_string(),
        other => other.to_string(),
    }
}

/// A manifest with the values that it takes from this workspace.
pub(super) fn vendored(text: &str, workspace: &Table) -> String {
    let mut manifest = parsed(text);
    manifest.remove("lints");
    let package = table(workspace, &["workspace", "package"]);
    let dependencies = table(workspace, &["workspace", "dependencies"]);
    inherit(manifest.get_mut("package"), package);
    inherit(manifest.get_mut("dependencies"), dependencies);
    let targets = manifest.get_mut("target").and_then(Value::as_table_mut);
    for (_, target) in targets.into_iter().flat_map(Table::iter_mut) {
        inherit(target.get_mut("dependencies"), dependencies);
    }
    format!("# Written by `pollen new`.\n{manifest}")
}

/// Puts the workspace's value where one says `workspace = true`.
fn inherit(of: Option<&mut Value>, from: &Table) {
    for (key, value) in of.and_then(Value::as_table_mut).into_iter().flat_map(Table::iter_mut) {
        let inherits =
            value.as_table().is_some_and(|it| it.get("workspace") == Some(&Value::Boolean(true)));
        if inherits {
            *value = from.get(key).cloned().expect("the workspace has what its members inherit");
        }
    }
}

/// The lock file of a package: of this workspace's packages those that it `needs`, at the same versions.
pub(super) fn lock(name: &str, needs: &[&str]) -> String {
    let mut lock = parsed(LOCK);
    let packages = lock.remove("package");
    let packages: Vec<Table> = packages
        .and_then(|packages| packages.as_array().cloned())
        .into_iter()
        .flatten()
        .filter_map(|package| package.as_table().cloned())
        .collect();
    let named = |package: &Table, key: &str| {
        package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate() {
        by_name.entry(named(package, "name")).or_default().push(index);
    }
    let mut needs = needs.to_vec();
    needs.sort_unstable();
    let mut todo: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
    let mut wanted = BTreeSet::new();
    while let Some(dependency) = todo.pop() {
        // `name`, or `name version` where there are several.
        let mut words = dependency.split(' ');
        let (dependency, version) = (words.next().unwrap_or_default(), words.next());
        for index in by_name.get(dependency).into_iter().flatten() {
            let package = &packages[*index];
            let is_it = version.is_none_or(|version| named(package, "version") == version);
            if is_it && wanted.insert(*index) {
                let needs =
                    package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
                todo.extend(needs.filter_map(|need| need.as_str().map(str::to_owned)));
            }
        }
    }
    let mut kept: Vec<Value> =
        wanted.into_iter().map(|index| Value::Table(packages[index].clone())).collect();
    let mut own = Table::new();
    own.insert("name".into(), name.into());
    own.insert("version".into(), "0.1.0".into());
    let needs = needs.into_iter().map(|need| Value::String(need.into()));
    own.insert("dependencies".into(), Value::Array(needs.collect()));
    kept.push(Value::Table(own));
    lock.insert("package".into(), Value::Array(kept));
    format!(
        "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\n{lock}"
    )
}
