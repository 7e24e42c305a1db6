//! From a compiled core module to a component that carries its interface with docs.

use crate::BuildError;
use std::path::Path;
use wasm_encoder::{ComponentSection, CustomSection, Module, RawSection};
use wasmparser::{BinaryReaderError, Parser, Payload};
use wit_component::ComponentEncoder;
use wit_parser::{PackageId, Resolve};

/// Custom section of a component that holds its binary WIT package with docs.
pub const WIT_SECTION: &str = "pollen-wit";

/// The host's interface: the text of `contracts/wit/host.wit`.
pub const HOST_WIT: &str = include_str!("../../wit/host.wit");

/// Custom section in which a module says what it allows: a version, 1, and flags; bit 0 of them: it may be
/// called while it is running. The SDK puts it into the core module, [`encode`] moves it to the component.
pub const MANIFEST_SECTION: &str = "pollen-manifest";

/// The WIT of the module in `dir`, and its package. The host's package need not lie in the module's
/// `wit/deps`; when it does (`wit/deps/host` or `host.wit`), that copy is taken.
pub(crate) fn resolve(name: &str, dir: &Path) -> Result<(Resolve, PackageId), BuildError> {
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
    Ok((resolve, package))
}

/// The WIT package below `wit/` of `dir`, in its binary form, docs included: what [`WIT_SECTION`] holds. `name`
/// is for errors.
///
/// # Errors
/// The package cannot be read, or is none.
pub fn wit_package(name: &str, dir: &Path) -> Result<Vec<u8>, BuildError> {
    let (resolve, package) = resolve(name, dir)?;
    wit_component::encode(&resolve, package)
        .map_err(|error| BuildError::Interface { name: name.into(), reason: format!("{error:#}") })
}

/// The component of a core module, valid, with the interface and the manifest in their sections.
pub(crate) fn encode(name: &str, core: &[u8], wit_package: &[u8]) -> Result<Vec<u8>, BuildError> {
    let failed = |error: &dyn std::fmt::Display| BuildError::Component {
        name: name.into(),
        reason: format!("{error:#}"),
    };
    let (core, manifest) = take_manifest(core).map_err(|error| failed(&error))?;
    let mut component = ComponentEncoder::default()
        .module(&core)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| failed(&error))?;
    let mut append = |name: &str, data: &[u8]| {
        CustomSection { name: name.into(), data: data.into() }.append_to_component(&mut component);
    };
    append(WIT_SECTION, wit_package);
    if let Some(manifest) = manifest {
        append(MANIFEST_SECTION, &manifest);
    }
    Ok(component)
}

/// The core module without its manifest section, and what that held.
fn take_manifest(core: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), BinaryReaderError> {
    let (mut module, mut manifest) = (Module::new(), None);
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        match &payload {
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                manifest = Some(section.data().to_vec());
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    module.section(&RawSection { id, data: &core[range] });
                }
            }
        }
    }
    Ok((module.finish(), manifest))
}
