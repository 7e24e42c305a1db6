//! The folder `ts` of a new project: tests in TypeScript against the network of `pollen dev`, with typed bindings.
//!
//! The package @pollen/client is in no registry: it is in this program, of the same version, and is written into `vendor`.
//! Bindings are made of the project's own interface, as `pollen bind ts .` makes them anew.

use std::path::Path;

use pollen_rpc::server::client_package;
use serde_json::{Value, json};

use super::super::{Failure, bind};
use super::Template;

/// Where the client lies in a project.
pub(super) const CLIENT: &str = "vendor/pollen/pollen-client.tgz";
/// Versions that the client itself is tested with.
const CLIENT_MANIFEST: &str = include_str!("../../../../rpc/ts/package.json");
const NETWORK: &str = include_str!("typescript/network.template.ts");
const TSCONFIG: &str = include_str!("typescript/tsconfig.template.json");
const CONFIG: &str = include_str!("typescript/vitest.template.ts");

impl Template {
    fn typescript_test(self) -> &'static str {
        match self {
            Self::Counter | Self::CounterC => include_str!("typescript/counter.template.ts"),
            Self::Token => include_str!("typescript/token.template.ts"),
            Self::Service => include_str!("typescript/service.template.ts"),
            Self::Fleet => include_str!("typescript/fleet.template.ts"),
        }
    }
}

/// The client, where this program has it.
pub(super) fn client() -> Result<&'static [u8], Failure> {
    client_package().ok_or_else(|| {
        Failure::new("this pollen was built without Node.js, so it lacks the package @pollen/client").hint(
            "build it by `make build` where npm is (scripts/build-page), or make the project without --typescript",
        )
    })
}

/// Path and text of every file but the bindings and the client.
pub(super) fn files(name: &str, template: Template) -> Vec<(String, String)> {
    let class = bind::class_of_package(name);
    let filled = |text: &str| text.replace("{{name}}", name).replace("{{class}}", &class);
    [
        ("ts/package.json", manifest(name)),
        ("ts/tsconfig.json", TSCONFIG.to_owned()),
        ("ts/vitest.config.ts", CONFIG.to_owned()),
        ("ts/tests/network.ts", filled(NETWORK)),
        ("ts/tests/module.test.ts", filled(template.typescript_test())),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into()
}

/// Where the bindings of the module are.
pub(super) fn bindings_path(name: &str) -> String {
    format!("ts/src/{name}.ts")
}

/// Writes what is made of the files of a project that lie in `folder` already.
pub(super) fn complete(folder: &Path, name: &str, client: &[u8]) -> Result<(), Failure> {
    let bindings = folder.join(bindings_path(name));
    let text = bind::typescript_of_folder(folder, name)?;
    let source = bindings.parent().expect("it lies in a folder");
    std::fs::create_dir_all(source)?;
    std::fs::write(&bindings, text)?;
    Ok(std::fs::write(folder.join(CLIENT), client)?)
}

fn manifest(name: &str) -> String {
    let client: Value =
        serde_json::from_str(CLIENT_MANIFEST).expect("the client's own manifest is JSON");
    let version = |package: &str| client["devDependencies"][package].clone();
    let manifest = json!({
        "name": format!("{name}-tests"),
        "private": true,
        "type": "module",
        "engines": client["engines"],
        "scripts": {
            "bind": format!("pollen bind ts .. > src/{name}.ts"),
            "check": "tsc",
            "pretest": "npm run --silent bind && npm run --silent check",
            "test": "vitest run",
        },
        "dependencies": { "@pollen/client": format!("file:../{CLIENT}") },
        "devDependencies": {
            "@types/node": version("@types/node"),
            "typescript": version("typescript"),
            "vitest": version("vitest"),
        },
    });
    serde_json::to_string_pretty(&manifest).expect("it is JSON") + "\n"
}
