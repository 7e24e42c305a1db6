//! What these protect: an upgrade of the engine that brings a new feature, a new operator or another default
//! price does not pass unnoticed. Each list is complete and written out.
//!
//! After a deliberate change run with `POLLEN_UPDATE=1` and read the difference in `vm/vectors`.

use std::collections::BTreeMap;
use std::path::Path;

use wasmparser::WasmFeatures;

use crate::engine::operator_cost;
use crate::validate::features;

/// Compares with a file of `vm/vectors`, or writes it.
pub(super) fn hold(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let mut differences = Vec::new();
    for (line, (was, is)) in expected.lines().zip(found.lines()).enumerate() {
        if was != is {
            differences.push(format!("line {}: was '{was}', is '{is}'", line + 1));
        }
    }
    let (was, is) = (expected.lines().count(), found.lines().count());
    assert!(
        differences.is_empty() && was == is,
        "{file} is consensus data; {was} lines were held, {is} found\n{}",
        differences.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// BULK_MEMORY has BULK_MEMORY_OPT in it, and REFERENCE_TYPES has CALL_INDIRECT_OVERLONG.
const ON: [&str; 9] = [
    "MUTABLE_GLOBAL",
    "SATURATING_FLOAT_TO_INT",
    "SIGN_EXTENSION",
    "REFERENCE_TYPES",
    "MULTI_VALUE",
    "BULK_MEMORY",
    "SIMD",
    "FLOATS",
    "COMPONENT_MODEL",
];

const OFF: [&str; 31] = [
    "RELAXED_SIMD",
    "THREADS",
    "SHARED_EVERYTHING_THREADS",
    "TAIL_CALL",
    "MULTI_MEMORY",
    "EXCEPTIONS",
    "MEMORY64",
    "EXTENDED_CONST",
    "FUNCTION_REFERENCES",
    "MEMORY_CONTROL",
    "GC",
    "CUSTOM_PAGE_SIZES",
    "LEGACY_EXCEPTIONS",
    "GC_TYPES",
    "STACK_SWITCHING",
    "WIDE_ARITHMETIC",
    "CM_VALUES",
    "CM_NESTED_NAMES",
    "CM_ASYNC",
    "CM_ASYNC_STACKFUL",
    "CM_MORE_ASYNC_BUILTINS",
    "CM_THREADING",
    "CM_ERROR_CONTEXT",
    "CM_FIXED_LENGTH_LISTS",
    "CM_GC",
    "CUSTOM_DESCRIPTORS",
    "COMPACT_IMPORTS",
    "CM_MAP",
    "CM64",
    "CM_IMPLEMENTS",
    "CM_CANON_NAMES",
];

#[test]
fn every_feature_has_its_name_here() {
    let found: BTreeMap<&str, bool> = WasmFeatures::all()
        .iter_names()
        .map(|(name, feature)| (name, features().contains(feature)))
        .collect();
    let expected: BTreeMap<&str, bool> =
        ON.iter().map(|name| (*name, true)).chain(OFF.iter().map(|name| (*name, false))).collect();
    assert_eq!(found, expected);
    // What the engine was told is what is validated.
    let engine = super::engine(crate::Compiler::Speed);
    assert_eq!(engine.get_wasm_features(), features());
}

/// Tables and everything else that would hold references of the host.
#[test]
fn references_of_the_host_are_refused_wherever_they_could_stand() {
    for fields in [
        "(table 1 externref)",
        "(func (param externref))",
        "(func (result externref) ref.null extern)",
        "(func (local externref))",
        "(global externref (ref.null extern))",
        "(elem externref (ref.null extern))",
        "(import \"a\" \"b\" (table 1 externref))",
        "(import \"a\" \"b\" (global externref))",
        "(import \"a\" \"b\" (func (param externref)))",
        "(func (drop (ref.null extern)))",
        "(type (func (param externref)))",
        "(table 1 anyref)",
        "(func (param exnref))",
    ] {
        let code = wat::parse_str(format!("(component (core module {fields}))")).unwrap();
        let reason = crate::validate::inspect(&code).unwrap_err().reason;
        assert!(reason.contains("not a valid component"), "{fields}: {reason}");
    }
}

/// Every price of every operator, those that no module can hold included.
#[test]
fn every_operator_has_its_price_here() {
    let text = format!("{:#?}", operator_cost());
    let fields = text.lines().filter_map(|line| {
        let (name, price) = line.trim().trim_end_matches(',').split_once(": ")?;
        price.parse::<u8>().ok().map(|price| format!("{name} {price}\n"))
    });
    let found: String = fields.collect();
    assert!(found.lines().count() > 600, "{}", found.lines().count());
    hold("costs.txt", &found);
}
