//! Typed bindings of a module for other languages, made of its own interface.

mod typescript;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pollen_ledger::Hash;
use pollen_rpc::api::{ModuleParams, ReadAt};
use pollen_vm::Interface;
use pollen_vm::interface::wit_package;

use super::{Failure, Session, modules};

/// `pollen bind`.
#[derive(Debug, Args)]
pub struct BindArgs {
    /// For which language
    #[arg(value_enum)]
    language: Language,
    /// The module: a name, an address, or the file of a component (.wasm)
    module: String,
}

/// A language that bindings are made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// TypeScript, for the package @pollen/client
    Ts,
}

/// `pollen bind LANGUAGE MODULE`.
pub async fn run(session: &Session, args: &BindArgs) -> Result<(), Failure> {
    let Language::Ts = args.language;
    let (interface, hash, place) = if args.module.ends_with(".wasm") {
        let (interface, hash) = of_file(&PathBuf::from(&args.module))?;
        (interface, hash, None)
    } else {
        let client = session.client()?;
        let module = modules::spelled(&client, &args.module).await?;
        let (at, at_least, wait_ms) = (ReadAt::Latest, None, 0);
        let params = ModuleParams { module: module.clone(), at, at_least, wait_ms };
        let package = client.module_interface(&params).await?.value.package.0;
        // Out of the bytes that the hash is of, not of what the node says beside them.
        let interface = Interface::from_wit_package(&package)
            .map_err(|error| Failure::new(format!("the interface of {module}: {error}")))?;
        (interface, Hash::of_content(&package), Some(module))
    };
    print!("{}", typescript::bindings(&interface, &hash, place.as_deref()));
    Ok(())
}

/// The interface of a component, and its hash as `module_get` tells it.
fn of_file(path: &std::path::Path) -> Result<(Interface, Hash), Failure> {
    let failed = |reason: String| Failure::new(format!("{}: {reason}", path.display()));
    let component = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let interface =
        Interface::from_component(&component).map_err(|error| failed(error.to_string()))?;
    let package = wit_package(&component).map_err(|error| failed(error.to_string()))?;
    Ok((interface, Hash::of_content(package.unwrap_or_default())))
}
