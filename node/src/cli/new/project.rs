//! The files of a new project, from the sources of this repository that the program carries.

use super::{Template, manifests, typescript};

const SDK_MANIFEST: &str = include_str!("../../../../contracts/sdk/Cargo.toml");
const HARNESS_MANIFEST: &str = include_str!("../../../../contracts/harness/Cargo.toml");
const README: &str = include_str!("README.template.md");
const README_OF_C: &str = include_str!("README-c.template.md");
const VENDOR_README: &str = include_str!("vendor.template.md");
const FORMAT: &str = include_str!("../../../../rustfmt.toml");
const GITIGNORE: &str = "/target\n/.pollen\n";
/// Of the tests of a module in C, whose package is not the project's folder: compiled where the module is.
const TESTS_CONFIG: &str = "[build]\ntarget-dir = \"../target\"\n";
/// Where the SDK, the test harness and the host's interface lie in a project.
pub(super) const VENDOR: &str = "vendor/pollen";
/// Where the SDK's macro looks for the host's interface in this repository, and in a project.
const HOST_WIT_HERE: &str = "path: [\"../wit\", \"wit\"]";
const HOST_WIT_THERE: &str = "path: [\"vendor/pollen/wit\", \"wit\"]";

/// The end of a README with tests in TypeScript.
const TYPESCRIPT_README: &str = include_str!("README-typescript.template.md");
/// What `vendor/pollen/README.md` says of the SDK.
const SDK_LINE: &str = "- `sdk/`: the crate `pollen-sdk`, what a module is written with; its module documentation says what there is\n";

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
            // The same interface, so the same tests: who calls a module cannot tell its language.
            Self::Counter | Self::CounterC => include_str!("machine/counter.rs"),
            Self::Token => include_str!("machine/token.rs"),
            Self::Service => include_str!("machine/service.rs"),
            Self::Fleet => include_str!("machine/fleet.rs"),
        }
    }

    /// What they need beside the harness, of the workspace's dependencies.
    fn test_dependencies(self) -> &'static [&'static str] {
        match self {
            Self::Token => &["proptest"],
            Self::Counter | Self::CounterC | Self::Service | Self::Fleet => &[],
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
            Self::CounterC => sources!("counter-c": "module.c", "wit/world.wit"),
        }
    }

    /// The example whose name its sources have.
    fn package(self) -> &'static str {
        match self {
            Self::CounterC => Self::Counter.name(),
            other => other.name(),
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Counter | Self::CounterC => "one number that anybody may raise",
            Self::Token => "a fungible token: balances, allowances, an owner who may mint",
            Self::Service => "a guestbook, read by queries that answer as a web server does",
            Self::Fleet => "a fleet of devices: readings, a threshold, alarms",
        }
    }
}

/// Path and content of every file of a project, sorted by path.
pub(super) fn files(
    name: &str,
    template: Template,
    with_typescript: bool,
) -> Vec<(String, String)> {
    let workspace = manifests::workspace();
    let (of_language, vendored) = match template {
        Template::CounterC => {
            let files = vec![
                ("tests/Cargo.toml", manifests::of_tests(name, &workspace)),
                ("tests/Cargo.lock", manifests::lock(name, &["pollen-harness"])),
                ("tests/.cargo/config.toml", TESTS_CONFIG.to_owned()),
            ];
            (files, "")
        }
        _ => {
            let tested_with = template.test_dependencies();
            let needs = ["borsh", "pollen-harness", "pollen-sdk", "wit-bindgen"];
            let needs = [&needs[..], tested_with].concat();
            let of_module =
                manifests::of_module(name, template.description(), tested_with, &workspace);
            let files = vec![
                ("Cargo.toml", of_module),
                ("Cargo.lock", manifests::lock(name, &needs)),
                ("rustfmt.toml", FORMAT.to_owned()),
            ];
            (files, SDK_LINE)
        }
    };
    let mut files: Vec<(String, String)> =
        of_language.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    let mut add = |path: String, text: String| files.push((path, text));
    let (readme_end, ignored) = match with_typescript {
        true => (TYPESCRIPT_README, GITIGNORE.to_owned() + "/ts/node_modules\n"),
        false => ("", GITIGNORE.to_owned()),
    };
    add("README.md".to_owned(), readme(name, template) + &filled(readme_end, &[("name", name)]));
    add(".gitignore".to_owned(), ignored);
    add("tests/machine.rs".to_owned(), template.machine_tests().to_owned());
    let version = env!("CARGO_PKG_VERSION");
    let about = filled(VENDOR_README, &[("version", version), ("sdk", vendored)]);
    add(format!("{VENDOR}/README.md"), about);
    let harness = manifests::vendored(HARNESS_MANIFEST, &workspace);
    add(format!("{VENDOR}/harness/Cargo.toml"), harness);
    for (path, text) in HARNESS {
        add(format!("{VENDOR}/harness/{path}"), (*text).to_owned());
    }
    for (path, text) in HOST_WIT {
        add(format!("{VENDOR}/wit/{path}"), (*text).to_owned());
    }
    if template != Template::CounterC {
        add(format!("{VENDOR}/sdk/Cargo.toml"), manifests::vendored(SDK_MANIFEST, &workspace));
        for (path, text) in SDK {
            add(format!("{VENDOR}/sdk/{path}"), text.replace(HOST_WIT_HERE, HOST_WIT_THERE));
        }
    }
    for (path, text) in template.sources() {
        add((*path).to_owned(), renamed(text, template.package(), name));
    }
    if with_typescript {
        files.extend(typescript::files(name, template));
    }
    files.sort();
    files
}

/// A source of an example under the new name: package and world of the interface, and the paths of what is
/// generated from them.
fn renamed(text: &str, old: &str, new: &str) -> String {
    let snake = new.replace('-', "_");
    text.replace(&format!("pollen:{old}/{old}"), &format!("my:{new}/{new}"))
        .replace(&format!("pollen:{old}@"), &format!("my:{new}@"))
        .replace(&format!("pollen::{old}::"), &format!("my::{snake}::"))
        .replace(&format!("exports_pollen_{old}_"), &format!("exports_my_{snake}_"))
        .replace(
            &format!("EXPORTS_POLLEN_{}_", old.to_uppercase()),
            &format!("EXPORTS_MY_{}_", snake.to_uppercase()),
        )
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
    let text = if template == Template::CounterC { README_OF_C } else { README };
    filled(
        text,
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
