//! The files of a new project, from the sources of this repository that the program carries.
//!
//! Versions of dependencies, settings of packages and the lock file come from this workspace's own Cargo.toml and
//! Cargo.lock, so that a project is built with what was tested here, and without a network where this program was
//! built.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Template;

const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");
const SDK_MANIFEST: &str = include_str!("../../../../contracts/sdk/Cargo.toml");
const HARNESS_MANIFEST: &str = include_str!("../../../../contracts/harness/Cargo.toml");
const README: &str = include_str!("README.template.md");
const VENDOR_README: &str = include_str!("vendor.template.md");
const FORMAT: &str = include_str!("../../../../rustfmt.toml");
const GITIGNORE: &str = "/target\n/.pollen\n";
/// Where the SDK, the test harness and the host's interface lie in a project.
const VENDOR: &str = "vendor/pollen";
/// Where the SDK's macro looks for the host's interface in this repository, and in a project.
const HOST_WIT_HERE: &str = "path: [\"../wit\", \"wit\"]";
const HOST_WIT_THERE: &str = "path: [\"vendor/pollen/wit\", \"wit\"]";

macro_rules! sources {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../contracts/", $folder, "/", $file)))),+]
    };
}

/// Path in its folder, and text.
pub(super) type Sources = &'static [(&'static str, &'static str)];

pub(super) const HOST_WIT: Sources = sources!("wit": "host.wit");
pub(super) const SDK: Sources = sources!("sdk":
    "src/lib.rs", "src/access.rs", "src/amounts.rs", "src/calls.rs", "src/collections.rs",
    "src/collections/key.rs", "src/collections/node.rs", "src/collections/ordered.rs",
    "src/collections/plain.rs", "src/collections/tests.rs", "src/event.rs", "src/id.rs", "src/test.rs",
    "src/test/imports.rs", "src/test/tests.rs", "src/wasm.rs",
);

pub(super) const HARNESS: Sources = sources!("harness":
    "src/fuel.rs", "src/host.rs", "src/ledger.rs", "src/lib.rs", "src/outcome.rs", "src/tests.rs",
);

impl Template {
    /// Its tests of the compiled module. They are here and not in `contracts/`, whose own tests run before there is a
    /// program to host a ledger; `tests/tests/system/module_tests.rs` runs them.
    fn machine_tests(self) -> &'static str {
        match self {
            Self::Counter => include_str!("machine/counter.rs"),
            Self::Token => include_str!("machine/token.rs"),
            Self::Service => include_str!("machine/service.rs"),
            Self::Fleet => include_str!("machine/fleet.rs"),
        }
    }

    /// What they need beside the harness, of the workspace's dependencies.
    fn test_dependencies(self) -> &'static [&'static str] {
        match self {
            Self::Token => &["proptest"],
            Self::Counter | Self::Service | Self::Fleet => &[],
        }
    }

    /// Its sources, as they are in `contracts/`.
    pub(super) fn sources(self) -> Sources {
        match self {
            Self::Counter => sources!("counter": "src/lib.rs", "src/tests.rs", "wit/world.wit"),
            Self::Token => {
                sources!("token": "src/lib.rs", "src/native.rs", "src/tests.rs", "wit/world.wit")
            }
            Self::Service => {
                sources!("service": "src/json.rs", "src/lib.rs", "src/tests.rs", "wit/world.wit")
            }
            Self::Fleet => sources!("fleet": "src/lib.rs", "src/tests.rs", "wit/world.wit"),
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Counter => "one number that anybody may raise",
            Self::Token => "a fungible token: balances, allowances, an owner who may mint",
            Self::Service => "a guestbook, read by queries that answer as a web server does",
            Self::Fleet => "a fleet of devices: readings, a threshold, alarms",
        }
    }
}

/// Path and content of every file of a project, sorted by path.
pub(super) fn files(name: &str, template: Template) -> Vec<(String, String)> {
    let workspace = parsed(WORKSPACE);
    let mut files = vec![
        ("Cargo.toml".to_owned(), manifest(name, template, &workspace)),
        ("Cargo.lock".to_owned(), lock(name, template)),
        ("README.md".to_owned(), readme(name, template)),
        (".gitignore".to_owned(), GITIGNORE.to_owned()),
        ("rustfmt.toml".to_owned(), FORMAT.to_owned()),
        (
            format!("{VENDOR}/README.md"),
            filled(VENDOR_README, &[("version", env!("CARGO_PKG_VERSION"))]),
        ),
        (format!("{VENDOR}/sdk/Cargo.toml"), vendored_manifest(SDK_MANIFEST, &workspace)),
        (format!("{VENDOR}/harness/Cargo.toml"), vendored_manifest(HARNESS_MANIFEST, &workspace)),
        ("tests/machine.rs".to_owned(), template.machine_tests().to_owned()),
    ];
    files.extend(
        HARNESS.iter().map(|(path, text)| (format!("{VENDOR}/harness/{path}"), (*text).to_owned())),
    );
    files.extend(
        HOST_WIT.iter().map(|(path, text)| (format!("{VENDOR}/wit/{path}"), (*text).to_owned())),
    );
    files.extend(SDK.iter().map(|(path, text)| {
        (format!("{VENDOR}/sdk/{path}"), text.replace(HOST_WIT_HERE, HOST_WIT_THERE))
    }));
    let own = template.sources().iter();
    files
        .extend(own.map(|(path, text)| ((*path).to_owned(), renamed(text, template.name(), name))));
    files.sort();
    files
}

/// A source of an example under the new name: package and world of the interface, and the paths of what is
/// generated from them.
fn renamed(text: &str, old: &str, new: &str) -> String {
    let rust = new.replace('-', "_");
    text.replace(&format!("pollen:{old}/{old}"), &format!("my:{new}/{new}"))
        .replace(&format!("pollen:{old}@"), &format!("my:{new}@"))
        .replace(&format!("pollen::{old}::"), &format!("my::{rust}::"))
        .replace(&format!("world {old} {{"), &format!("world {new} {{"))
}

fn filled(text: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (key, value)| text.replace(&format!("{{{{{key}}}}}"), value))
}

fn readme(name: &str, template: Template) -> String {
    let [call, query] = template.first_calls();
    let init = template.init_words();
    let spaced = if init.is_empty() { String::new() } else { format!(" {init}") };
    let dashed = if init.is_empty() { String::new() } else { format!(" -- {init}") };
    filled(
        README,
        &[
            ("name", name),
            ("description", template.description()),
            ("call", call),
            ("query", query),
            ("init", &spaced),
            ("dev-init", &dashed),
        ],
    )
}

fn parsed(text: &str) -> Table {
    text.parse().expect("this workspace's own files are TOML")
}

fn table<'a>(of: &'a Table, path: &[&str]) -> &'a Table {
    path.iter().fold(of, |table, key| {
        table.get(*key).and_then(Value::as_table).expect("this workspace's own manifests have it")
    })
}

/// The project's manifest: a workspace of its own, so that it can lie anywhere, even below another one.
fn manifest(name: &str, template: Template, workspace: &Table) -> String {
    let package = table(workspace, &["workspace", "package"]);
    let version = |crate_name: &str| dependency(crate_name, workspace);
    let tested_with = template.test_dependencies().iter();
    let tested_with: String =
        tested_with.map(|name| format!("{name} = {}\n", version(name))).collect();
    let text = |key: &str| package.get(key).map(Value::to_string).expect("the workspace says it");
    format!(
        "[workspace]\nexclude = [\"vendor\"]\n\n\
         [package]\nname = \"{name}\"\ndescription = \"{}\"\nversion = \"0.1.0\"\nedition = {}\n\
         rust-version = {}\npublish = false\n\n\
         # cdylib: what is deployed; rlib: what the tests run.\n\
         [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\ndoctest = false\n\n\
         [dependencies]\npollen-sdk = {{ path = \"{VENDOR}/sdk\" }}\nwit-bindgen = {}\n\
         borsh = {{ version = \"1.8\", default-features = false, features = [\"derive\", \"de_strict_order\"] }}\n\n\
         # For the tests of the compiled module: pollen test.\n\
         [dev-dependencies]\npollen-harness = {{ path = \"{VENDOR}/harness\" }}\n{tested_with}\n\
         # The tests run natively: little to optimise, much to wait for.\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n",
        template.description(),
        text("edition"),
        text("rust-version"),
        version("wit-bindgen"),
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
fn vendored_manifest(text: &str, workspace: &Table) -> String {
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

/// The lock file: of this workspace's packages those that the project needs, at the same versions.
fn lock(name: &str, template: Template) -> String {
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
    let mut needs = vec!["borsh", "pollen-harness", "pollen-sdk", "wit-bindgen"];
    needs.extend(template.test_dependencies());
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
