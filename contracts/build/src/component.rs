//! From a compiled core module to a component that carries its interface with docs.

use crate::BuildError;
use crate::fuse::fused;
use std::path::Path;
use wasm_encoder::{ComponentSection, CustomSection, Module, NameMap, NameSection, RawSection};
use wasmparser::{
    BinaryReaderError, KnownCustom, Name, NameSectionReader, Naming, Parser, Payload,
    ProducersSectionReader,
};
use wit_component::ComponentEncoder;
use wit_parser::{PackageId, Resolve};

/// Custom section of a component that holds its binary WIT package with docs.
pub const WIT_SECTION: &str = "pollen-wit";

/// The host's interface: the text of `contracts/wit/host.wit`.
pub const HOST_WIT: &str = include_str!("../../wit/host.wit");

/// Custom section in which a module says what it allows: a version, 1, and flags; bit 0 of them: it may be
/// called while it is running. The SDK puts it into the core module, the build moves it to the component.
pub const MANIFEST_SECTION: &str = "pollen-manifest";

/// Custom section of a component that says how it was built, as a JSON object of strings: `module`, `builder`,
/// `language`, `compiler`. Nobody checks it; nodes show it (`module_get`).
pub const BUILD_SECTION: &str = "pollen-build";

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
    let Tidy { core, manifest, build } = tidy(core).map_err(|error| failed(&error))?;
    let component = ComponentEncoder::default()
        .module(&core)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| failed(&error))?;
    let component = without_names(component).map_err(|error| failed(&error))?;
    let mut component = fused(&component).unwrap_or(component);
    let mut append = |name: &str, data: &[u8]| {
        CustomSection { name: name.into(), data: data.into() }.append_to_component(&mut component);
    };
    append(WIT_SECTION, wit_package);
    if let Some(manifest) = manifest {
        append(MANIFEST_SECTION, &manifest);
    }
    let builder = concat!("pollen-build ", env!("CARGO_PKG_VERSION"));
    let mut said = serde_json::Map::from_iter([
        ("module".to_owned(), name.into()),
        ("builder".to_owned(), builder.into()),
    ]);
    said.extend(build.into_iter().map(|(what, tools)| (what.to_owned(), tools.into())));
    append(BUILD_SECTION, serde_json::Value::from(said).to_string().as_bytes());
    Ok(component)
}

/// A core module without what a node does not need, and what was in it for the component.
struct Tidy {
    core: Vec<u8>,
    manifest: Option<Vec<u8>>,
    /// Language and compiler.
    build: Vec<(&'static str, String)>,
}

/// Takes a core module apart. Names of functions stay, since they are what a trap shows, as people write them:
/// shorter than as the compiler does.
fn tidy(core: &[u8]) -> Result<Tidy, BinaryReaderError> {
    let (mut module, mut manifest, mut build) = (Module::new(), None, Vec::new());
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        match &payload {
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                manifest = Some(section.data().to_vec());
            }
            Payload::CustomSection(section) if section.name() == "target_features" => {}
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) => {
                    module.section(&readable(names)?);
                }
                KnownCustom::Producers(fields) => build = producers(fields)?,
                _ => {
                    module.section(&CustomSection {
                        name: section.name().into(),
                        data: section.data().into(),
                    });
                }
            },
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    module.section(&RawSection { id, data: &core[range] });
                }
            }
        }
    }
    Ok(Tidy { core: module.finish(), manifest, build })
}

/// What compilers say of themselves in the standard section `producers`.
fn producers(
    fields: ProducersSectionReader<'_>,
) -> Result<Vec<(&'static str, String)>, BinaryReaderError> {
    let mut said = Vec::new();
    for field in fields {
        let field = field?;
        let what = match field.name {
            "language" => "language",
            "processed-by" => "compiler",
            _ => continue,
        };
        let tools = field.values.into_iter().map(|tool| {
            let tool = tool?;
            Ok(format!("{} {}", tool.name, tool.version).trim().to_owned())
        });
        let tools = tools.collect::<Result<Vec<_>, BinaryReaderError>>()?;
        said.push((what, tools.join(", ")));
    }
    Ok(said)
}

/// The names of the module and of its functions alone, without what mangling adds.
fn readable(names: NameSectionReader<'_>) -> Result<NameSection, BinaryReaderError> {
    let mut section = NameSection::new();
    for subsection in names {
        match subsection? {
            Name::Module { name, .. } => section.module(name),
            Name::Function(functions) => {
                let mut map = NameMap::new();
                for function in functions {
                    let Naming { index, name } = function?;
                    map.append(index, &format!("{:#}", rustc_demangle::demangle(name)));
                }
                section.functions(&map);
            }
            _ => {}
        }
    }
    Ok(section)
}

/// A component without the names of its own parts, which no message shows: 2 KB.
fn without_names(component: Vec<u8>) -> Result<Vec<u8>, BinaryReaderError> {
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 0 && section.name() == "component-name" => {
                // The section's head: its id, and its size in as many bytes as that takes.
                let body = section.range();
                let size = body.len() as u64;
                let head = 1 + (64 - size.leading_zeros()).div_ceil(7) as usize;
                let mut rest = component[..body.start - head].to_vec();
                rest.extend_from_slice(&component[body.end..]);
                return Ok(rest);
            }
            _ => {}
        }
    }
    Ok(component)
}
