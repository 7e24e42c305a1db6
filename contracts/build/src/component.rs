//! From a compiled core module to a component that carries its interface with docs.

use crate::BuildError;
use std::path::Path;
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

/// Custom section of a component that holds its binary WIT package with docs.
pub const WIT_SECTION: &str = "pollen-wit";

/// The host's interface: the text of `contracts/wit/host.wit`.
pub const HOST_WIT: &str = include_str!("../../wit/host.wit");

/// The WIT package of the module in `dir`, in its binary form, docs included. The host's package need not
/// lie in the module's `wit/deps`; when it does (`wit/deps/host` or `host.wit`), that copy is taken.
pub(crate) fn wit_package(name: &str, dir: &Path) -> Result<Vec<u8>, BuildError> {
    let failed = |error: &dyn std::fmt::Display| BuildError::Interface {
        name: name.into(),
        reason: format!("{error:#}"),
    };
    let wit = dir.join("wit");
    let own_copy = ["host", "host.wit"].iter().any(|entry| wit.join("deps").join(entry).exists());
    let mut resolve = Resolve::default();
    if !own_copy {
        resolve.push_str("host.wit", HOST_WIT).map_err(|error| failed(&error))?;
    }
    let (package, _) = resolve.push_dir(&wit).map_err(|error| failed(&error))?;
    wit_component::encode(&resolve, package).map_err(|error| failed(&error))
}

/// The component of a core module, valid, with the interface in its section.
pub(crate) fn encode(name: &str, core: &[u8], wit_package: &[u8]) -> Result<Vec<u8>, BuildError> {
    let mut component = ComponentEncoder::default()
        .module(core)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| BuildError::Component {
            name: name.into(),
            reason: format!("{error:#}"),
        })?;
    let section = CustomSection { name: WIT_SECTION.into(), data: wit_package.into() };
    section.append_to_component(&mut component);
    Ok(component)
}
