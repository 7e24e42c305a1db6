//! Bombs in the component around the core module: types, aliases, instances.

use std::fmt::Write as _;

/// The first bytes of a component.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
const TYPE_SECTION: u8 = 7;
const COMPONENT_SECTION: u8 = 4;

fn leb(mut number: usize, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    leb(contents.len(), &mut bytes);
    bytes.extend_from_slice(contents);
    bytes
}

/// An instance's type in an instance's type, and so on: three bytes a level.
pub fn deep_instance_types(levels: usize) -> Vec<u8> {
    let mut contents = vec![1];
    for _ in 0..levels {
        contents.extend([0x42, 1, 1]);
    }
    contents.extend([0x42, 0]);
    [HEADER, &section(TYPE_SECTION, &contents)].concat()
}

/// A component in a component, and so on.
pub fn deep_components(levels: usize) -> Vec<u8> {
    // From the inside out, written once: the lengths first.
    let mut lengths = vec![HEADER.len()];
    for level in 0..levels {
        let mut length = Vec::new();
        leb(lengths[level], &mut length);
        lengths.push(HEADER.len() + 1 + length.len() + lengths[level]);
    }
    let mut bytes = HEADER.to_vec();
    for level in (0..levels).rev() {
        bytes.push(COMPONENT_SECTION);
        leb(lengths[level], &mut bytes);
        bytes.extend_from_slice(HEADER);
    }
    bytes
}

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is right")
}

const CONTEXT: &str = "(import \"pollen:host/context@0.1.0\" (instance $context
  (export \"time-ms\" (func (result u64)))))";

/// The same host function under many numbers.
pub fn aliases(count: usize) -> Vec<u8> {
    let alias = "(alias export $context \"time-ms\" (func))".repeat(count);
    text(&format!("(component {CONTEXT} {alias})"))
}

/// The same lowered many times.
pub fn lowered(count: usize) -> Vec<u8> {
    let lower = "(core func (canon lower (func $f)))".repeat(count);
    text(&format!("(component {CONTEXT} (alias export $context \"time-ms\" (func $f)) {lower})"))
}

/// Tuples of two of the one before.
pub fn doubling_types(count: usize) -> Vec<u8> {
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for number in 1..count {
        let before = number - 1;
        let _ = write!(types, "(type $t{number} (tuple $t{before} $t{before}))");
    }
    text(&format!("(component {types})"))
}

/// Records of many fields, each of the record before.
pub fn wide_records(count: usize, fields: usize) -> Vec<u8> {
    let mut types = String::from("(type $t0 u8)");
    for number in 1..=count {
        let _ = write!(types, "(type $t{number} (record");
        let of = if number % 2 == 0 { number - 1 } else { 0 };
        for field in 0..fields {
            let _ = write!(types, "(field \"f{field}\" $t{of})");
        }
        types += "))";
    }
    text(&format!("(component {types})"))
}

/// Many exports of an instance made here.
pub fn inline_exports(count: usize) -> Vec<u8> {
    let mut exports = String::new();
    for number in 0..count {
        let _ = write!(exports, "(export \"e{number}\" (type $t))");
    }
    text(&format!("(component (type $t u8) (instance {exports}))"))
}

/// A host function as the module's own query: valid, and not for wasmtime.
pub fn import_exported_again() -> Vec<u8> {
    text(&format!(
        "(component {CONTEXT} (alias export $context \"time-ms\" (func $f))
          (instance $queries (export \"one\" (func $f)))
          (export \"bomb:it/queries@0.1.0\" (instance $queries)))"
    ))
}

/// The component calls its own function.
pub fn own_call() -> Vec<u8> {
    text(
        "(component (core module $m (func (export \"one\") (result i32) (i32.const 1)))
          (core instance $i (instantiate $m))
          (func $f (result u32) (canon lift (core func $i \"one\")))
          (core func $g (canon lower (func $f)))
          (instance $queries (export \"one\" (func $f)))
          (export \"bomb:it/queries@0.1.0\" (instance $queries)))",
    )
}

/// One core module with a memory, instantiated more than once.
pub fn memories(count: usize) -> Vec<u8> {
    let more = "(core instance (instantiate $m))".repeat(count - 1);
    text(&format!(
        "(component (core module $m (memory 1) (func (export \"one\") (result i32) (i32.const 1)))
          (core instance $i (instantiate $m)) {more}
          (func $f (result u32) (canon lift (core func $i \"one\")))
          (instance $queries (export \"one\" (func $f)))
          (export \"bomb:it/queries@0.1.0\" (instance $queries)))"
    ))
}
