//! What a component is made of, to see in what two differ: its code, data, imports, custom sections.
//!
//! It reads what this crate writes, and any other component well enough to compare; it judges nothing.

use std::collections::BTreeMap;

use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::BUILD_SECTION;

/// The parts of a component, by name: the bytes of all its sections of that kind, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anatomy(BTreeMap<String, Vec<u8>>);

/// A part in which two components differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartDifference {
    /// `code`, `data`, `custom section pollen-wit`, ..
    pub part: String,
    /// Bytes of the first; none where it has no such part.
    pub bytes_before: Option<usize>,
    /// Bytes of the second.
    pub bytes_after: Option<usize>,
}

impl Anatomy {
    /// Takes a component apart.
    ///
    /// # Errors
    /// The bytes are no WebAssembly.
    pub fn of(component: &[u8]) -> Result<Self, BinaryReaderError> {
        let (mut parts, mut depth) = (BTreeMap::<String, Vec<u8>>::new(), 0_usize);
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload?;
            match &payload {
                // What is in them follows.
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    continue;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            let Some((_, range)) = payload.as_section() else { continue };
            let bytes = component.get(range).unwrap_or_default();
            parts.entry(part_of(&payload, depth)).or_default().extend_from_slice(bytes);
        }
        Ok(Self(parts))
    }

    /// In what `after` differs from these parts.
    pub fn compared(&self, after: &Self) -> Vec<PartDifference> {
        let mut names: Vec<&String> = self.0.keys().chain(after.0.keys()).collect();
        names.sort();
        names.dedup();
        let differs = |name: &&String| self.0.get(*name) != after.0.get(*name);
        let bytes = |of: &Self, name: &String| of.0.get(name).map(Vec::len);
        let difference = |name: &String| PartDifference {
            part: name.clone(),
            bytes_before: bytes(self, name),
            bytes_after: bytes(after, name),
        };
        names.into_iter().filter(differs).map(difference).collect()
    }

    /// What the build said of itself, by name: module, builder, language, compiler. Nobody has checked it.
    pub fn build(&self) -> BTreeMap<String, String> {
        let said = self.0.get(&custom(BUILD_SECTION)).map(Vec::as_slice).unwrap_or_default();
        // The section's bytes begin with its name.
        let json = said.iter().position(|byte| *byte == b'{').map_or(&[][..], |at| &said[at..]);
        serde_json::from_slice(json).unwrap_or_default()
    }
}

fn custom(name: &str) -> String {
    format!("custom section {name}")
}

fn part_of(payload: &Payload<'_>, depth: usize) -> String {
    let part = match payload {
        Payload::CustomSection(section) if depth == 0 => return custom(section.name()),
        Payload::CustomSection(section) => return format!("names and notes ({})", section.name()),
        Payload::CodeSectionStart { .. } => "code",
        Payload::DataSection(_) | Payload::DataCountSection { .. } => "data",
        Payload::ImportSection(_) | Payload::ComponentImportSection(_) => "imports",
        Payload::ExportSection(_) | Payload::ComponentExportSection(_) => "exports",
        _ if depth == 0 => "types and wiring of the component",
        _ => "types and tables of the code",
    };
    part.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(code: &str, section: &[u8]) -> Vec<u8> {
        let text = format!("(component (core module (func (export \"f\") (result i32) {code})))");
        let mut component = wat::parse_str(text).unwrap();
        let section =
            wasm_encoder::CustomSection { name: BUILD_SECTION.into(), data: section.into() };
        section.append_to_component(&mut component);
        component
    }

    trait Append {
        fn append_to_component(&self, component: &mut Vec<u8>);
    }
    impl Append for wasm_encoder::CustomSection<'_> {
        fn append_to_component(&self, component: &mut Vec<u8>) {
            wasm_encoder::ComponentSection::append_to_component(self, component);
        }
    }

    #[test]
    fn components_differ_in_the_parts_that_differ() {
        let of = |code, section: &[u8]| Anatomy::of(&component(code, section)).unwrap();
        let one = of("i32.const 1", b"{\"compiler\":\"rustc 1.95.0\"}");
        assert!(one.compared(&one).is_empty());
        assert_eq!(one.build()["compiler"], "rustc 1.95.0");
        let names = |other: &Anatomy| -> Vec<String> {
            one.compared(other).into_iter().map(|it| it.part).collect()
        };
        assert_eq!(names(&of("i32.const 2", b"{\"compiler\":\"rustc 1.95.0\"}")), ["code"]);
        let other = of("i32.const 1", b"{}");
        assert_eq!(names(&other), ["custom section pollen-build"]);
        let sizes = &one.compared(&other)[0];
        assert!(sizes.bytes_before > sizes.bytes_after, "{sizes:?}");
    }
}
