//! Typed bindings of a module for other languages, made of its own interface.

mod names;
mod rust;
mod typescript;

use std::path::{Path, PathBuf};

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
    /// The module: a name, an address, the file of a component (.wasm), or the folder of its sources (., ../greenhouse)
    module: String,
}

/// A language that bindings are made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// TypeScript, for the package @pollen/client
    Ts,
    /// Rust, for the crate pollen-rpc
    Rust,
}

/// `pollen bind LANGUAGE MODULE`.
pub async fn run(session: &Session, args: &BindArgs) -> Result<(), Failure> {
    let (interface, hash, place) = if args.module.ends_with(".wasm") {
        let (interface, hash) = of_file(&PathBuf::from(&args.module))?;
        (interface, hash, None)
    } else if args.module.starts_with('.') || args.module.contains('/') {
        let folder = Path::new(&args.module).canonicalize().map_err(|error| {
            Failure::new(format!("{}: {error}", args.module))
                .hint("it is to be the folder of a module's sources")
        })?;
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (interface, hash) = of_folder(&folder, name)?;
        (interface, hash, Some(format!("@{name}")))
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
    let text = match args.language {
        Language::Ts => typescript::bindings(&interface, &hash, place.as_deref()),
        Language::Rust => rust::formatted(rust::bindings(&interface, &hash))?,
    };
    out!("{text}");
    Ok(())
}

/// The interface of sources, without compiling them, and its hash.
fn of_folder(folder: &Path, name: &str) -> Result<(Interface, Hash), Failure> {
    let package = pollen_build::wit_package(name, folder)?;
    let interface = Interface::from_wit_package(&package)
        .map_err(|error| Failure::new(format!("the interface of {name}: {error}")))?;
    Ok((interface, Hash::of_content(&package)))
}

/// Bindings in TypeScript of sources, for the module that `pollen dev` deploys under this name.
pub fn typescript_of_folder(folder: &Path, name: &str) -> Result<String, Failure> {
    let (interface, hash) = of_folder(folder, name)?;
    Ok(typescript::bindings(&interface, &hash, Some(&format!("@{name}"))))
}

/// What stands for the whole module in bindings in TypeScript, where its package has this name.
pub fn class_of_package(name: &str) -> String {
    names::class_of(name, &typescript::TAKEN_TYPES)
}

/// The interface of a component, and its hash as `module_get` tells it.
fn of_file(path: &Path) -> Result<(Interface, Hash), Failure> {
    let failed = |reason: String| Failure::new(format!("{}: {reason}", path.display()));
    let component = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let interface =
        Interface::from_component(&component).map_err(|error| failed(error.to_string()))?;
    let package = wit_package(&component).map_err(|error| failed(error.to_string()))?;
    Ok((interface, Hash::of_content(package.unwrap_or_default())))
}

#[cfg(test)]
mod tests;
