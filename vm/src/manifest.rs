//! What a module says of itself in the custom section [`SECTION`]: two bytes, the version 1 and flags.
//!
//! | bit | meaning |
//! |---|---|
//! | 0 | it can bear to be called while it runs (re-entry) |
//!
//! Without the section nothing is allowed. Another version, other flags, more bytes or a second section are
//! refused at deployment, so that they can get a meaning later.

use borsh::{BorshDeserialize, BorshSerialize};
use wasmparser::{Parser, Payload};

/// The section's name, at the component's top level.
pub const SECTION: &str = "pollen-manifest";
const VERSION: u8 = 1;
const REENTRANT: u8 = 1;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Manifest {
    /// It may be called while it runs.
    pub reentrant: bool,
}

/// Why a manifest is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than one.
    #[error("a component has at most one section {SECTION}")]
    Twice,
    /// Not what this program reads.
    #[error(
        "the section {SECTION} has two bytes: the version {VERSION}, and flags of which bit 0 (re-entry) is known"
    )]
    Unknown,
    /// No component.
    #[error("{0}")]
    Invalid(String),
}

impl Manifest {
    /// Reads the section of a component.
    pub fn of(component: &[u8]) -> Result<Self, ManifestError> {
        let mut found = Vec::new();
        let mut depth = 0u32;
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(|error| ManifestError::Invalid(error.to_string()))? {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                    found.push(Self::read(section.data())?);
                }
                _ => {}
            }
        }
        match found.as_slice() {
            [] => Ok(Self::default()),
            [manifest] => Ok(*manifest),
            _ => Err(ManifestError::Twice),
        }
    }

    fn read(data: &[u8]) -> Result<Self, ManifestError> {
        match *data {
            [VERSION, flags] if flags & !REENTRANT == 0 => Ok(Self { reentrant: flags != 0 }),
            _ => Err(ManifestError::Unknown),
        }
    }
}

/// The section in which a build says how it was made, as JSON, at the component's top level.
pub const BUILD_SECTION: &str = "pollen-build";
/// Bytes of it that are read.
const BUILD_BYTES_MAX: usize = 4096;

/// What a component's build said of itself; none where it said nothing that can be read. Nobody checked it.
pub fn build_information(component: &[u8]) -> Option<serde_json::Value> {
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.ok()? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 1 && section.name() == BUILD_SECTION => {
                let data = section.data();
                return (data.len() <= BUILD_BYTES_MAX)
                    .then(|| serde_json::from_slice(data).ok())
                    .flatten();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Component, CustomSection};

    fn with(sections: &[&[u8]]) -> Vec<u8> {
        let mut component = Component::new();
        for data in sections {
            component.section(&CustomSection { name: SECTION.into(), data: (*data).into() });
        }
        component.finish()
    }

    /// Re-entry is what a module must ask for: silence and zero mean no.
    #[test]
    fn only_the_flag_allows_re_entry() {
        for (sections, reentrant) in
            [(&[][..], false), (&[&[1, 0][..]][..], false), (&[&[1, 1][..]][..], true)]
        {
            assert_eq!(Manifest::of(&with(sections)), Ok(Manifest { reentrant }));
        }
    }

    /// What has no meaning yet is refused, so that it can get one.
    #[test]
    fn what_is_not_known_is_refused() {
        for data in [&[][..], &[1], &[2, 0], &[1, 2], &[1, 0, 0]] {
            assert_eq!(Manifest::of(&with(&[data])), Err(ManifestError::Unknown), "{data:?}");
        }
        assert_eq!(Manifest::of(&with(&[&[1, 0], &[1, 0]])), Err(ManifestError::Twice));
    }
}
