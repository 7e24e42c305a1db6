//! Docs as wit-component keeps them beside a binary WIT package: a version byte, then JSON.

use std::collections::BTreeMap;

use super::InterfaceError;

/// Where wit-component keeps docs in a binary WIT package.
pub(super) const DOCS_SECTION: &str = "package-docs";

/// All docs of a package.
#[derive(Default)]
pub(super) struct Docs {
    pub(super) package: Option<String>,
    interfaces: BTreeMap<String, InterfaceDocs>,
}

#[derive(serde::Deserialize)]
struct PackageDocs {
    docs: Option<String>,
    #[serde(default)]
    interfaces: BTreeMap<String, InterfaceDocs>,
}

#[derive(Default, serde::Deserialize)]
struct InterfaceDocs {
    #[serde(default)]
    funcs: BTreeMap<String, FunctionDocs>,
    #[serde(default)]
    types: BTreeMap<String, TypeDocs>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum FunctionDocs {
    Plain(Option<String>),
    WithStability { docs: Option<String> },
}

/// Docs of a type, and of its fields, cases or flags by name.
#[derive(Default, Clone, serde::Deserialize)]
pub(super) struct TypeDocs {
    pub(super) docs: Option<String>,
    #[serde(default)]
    pub(super) items: BTreeMap<String, String>,
}

impl Docs {
    pub(super) fn read(section: Option<&[u8]>) -> Result<Self, InterfaceError> {
        let Some(section) = section else { return Ok(Self::default()) };
        let unreadable = |reason: String| InterfaceError::Docs { reason };
        let Some((0 | 1, json)) = section.split_first() else {
            return Err(unreadable("its version is neither 0 nor 1".to_owned()));
        };
        let docs: PackageDocs =
            serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))?;
        let mut docs = Self { package: docs.docs, interfaces: docs.interfaces };
        docs.clean();
        Ok(docs)
    }

    /// Docs are printed on terminals: control characters other than line breaks go.
    fn clean(&mut self) {
        let keep = |letter: char| letter == '\n' || !letter.is_control();
        self.package.iter_mut().for_each(|text| text.retain(keep));
        for interface in self.interfaces.values_mut() {
            for function in interface.funcs.values_mut() {
                let (FunctionDocs::Plain(docs) | FunctionDocs::WithStability { docs }) = function;
                docs.iter_mut().for_each(|text| text.retain(keep));
            }
            for ty in interface.types.values_mut() {
                ty.docs.iter_mut().chain(ty.items.values_mut()).for_each(|text| text.retain(keep));
            }
        }
    }

    pub(super) fn of(&self, interface: &str, name: &str) -> Option<&TypeDocs> {
        self.interfaces.get(interface)?.types.get(name)
    }

    pub(super) fn function(&self, interface: &str, name: &str) -> Option<String> {
        match self.interfaces.get(interface)?.funcs.get(name)? {
            FunctionDocs::Plain(docs) | FunctionDocs::WithStability { docs } => docs.clone(),
        }
    }
}
