//! What these protect: instrumentation changes nothing but what its rule says, never fails on code that was
//! validated, and never panics on any other. What the counting does is tested in `determinism::stack`.

use wasmparser::{ExternalKind, Parser, Payload, Validator};

use super::*;
use crate::determinism::{metered, unwrapped, wrapped};
use crate::fixtures::probe;
use crate::validate;

fn weights_of(wat: &str) -> Vec<u32> {
    weights(&wrapped(&wat::parse_str(wat).unwrap())).unwrap()
}

/// Sections of a component or module, by their numbers, outside of core modules.
fn sections(code: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut depth = 0;
    let mut all = Vec::new();
    for payload in Parser::new(0).parse_all(code) {
        let payload = payload.unwrap();
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ModuleSection { .. } => all.push((1, Vec::new())),
            payload if depth == 1 => {
                all.extend(payload.as_section().map(|(id, range)| (id, code[range].to_vec())));
            }
            _ => {}
        }
    }
    all
}

#[test]
fn a_component_keeps_everything_but_its_core_modules() {
    let code = probe();
    let instrumented = instrument(&code).unwrap();
    assert_eq!(sections(&code), sections(&instrumented));
    Validator::new_with_features(features()).validate_all(&instrumented).unwrap();
    // And is within the limits of what is compiled: twice is refused by nobody.
    validate::inspect(&instrumented).unwrap();
    instrument(&instrumented).unwrap();
}

#[test]
fn a_module_without_functions_and_a_leaf_stay_as_they_are() {
    let empty = wat::parse_str("(module (memory 1) (data (i32.const 0) \"x\"))").unwrap();
    assert_eq!(metered(&empty), empty);
    assert!(weights_of("(module (func (loop (br 0))) (func return))").is_empty());
}

#[test]
fn a_weight_is_that_of_the_rule() {
    // Body: no locals 1, call 2, end 1.
    assert_eq!(weights_of("(module (func call 0))"), [128 + 2 * 4]);
    let wat = "(module (func (param i32 i64) (result i32) (local i32 i32 f64)
        local.get 0 i32.const 1 i32.const 2 i32.add i32.add drop i32.const 5 return call 0))";
    // Locals: 1 + 2 + 2; 2 + 2 + 2 + 1 + 1 + 1 + 2 + 1 + 2, end 1.
    assert_eq!(weights_of(wat), [128 + 16 * 5 + 16 * 3 + 2 * 20]);
}

#[test]
fn indices_and_exports_do_not_change() {
    let wat = "(module
        (import \"a\" \"f\" (func)) (import \"a\" \"g\" (global i32))
        (global (export \"mine\") (mut i64) (i64.const 7))
        (func (export \"first\") call 0) (func (export \"second\") (result i32 i32) call 1 unreachable)
        (start 1))";
    let core = wat::parse_str(wat).unwrap();
    let code = metered(&core);
    let exports = |code: &[u8]| -> Vec<(String, ExternalKind, u32)> {
        let payloads = Parser::new(0).parse_all(code).map(|payload| payload.unwrap());
        let section = payloads.filter_map(|payload| match payload {
            Payload::ExportSection(section) => Some(section),
            _ => None,
        });
        let all = section.flat_map(|section| section.into_iter().map(|export| export.unwrap()));
        all.map(|export| (export.name.to_owned(), export.kind, export.index)).collect()
    };
    assert_eq!(exports(&core), exports(&code));
    assert!(sections(&code).contains(&(8, vec![1])), "the start function is the same");
}

#[test]
fn offsets_lead_back_to_the_original() {
    let wat = "(module (func (param i32) (result i32 i32) (local i64)
        call $g
        block local.get 0 br_if 0 i32.const 1 i32.const 2 return end
        loop i32.const 3 i32.const 4 return end unreachable)
        (func $g nop nop))";
    let code = wrapped(&wat::parse_str(wat).unwrap());
    let instrumented = instrument(&code).unwrap();
    let operators = |code: &[u8], function: usize| -> Vec<(usize, String)> {
        let mut bodies =
            Parser::new(0).parse_all(code).filter_map(|payload| match payload.unwrap() {
                Payload::CodeSectionEntry(body) => Some(body),
                _ => None,
            });
        let body = bodies.nth(function).unwrap();
        let start = body.range().start;
        let reader = body.get_operators_reader().unwrap();
        let all = reader.into_iter_with_offsets().map(|operator| operator.unwrap());
        all.map(|(operator, offset)| (offset - start, format!("{operator:?}"))).collect()
    };
    for function in 0..2 {
        let original = operators(&code, function);
        let body = Parser::new(0)
            .parse_all(&code)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CodeSectionEntry(body) => Some(body.range().start),
                _ => None,
            })
            .nth(function)
            .unwrap();
        for (offset, operator) in operators(&instrumented, function) {
            let found = original_offset(&code, 0, function as u32, offset).unwrap() - body;
            let (_, at) = original.iter().find(|(at, _)| *at == found).unwrap_or_else(|| {
                panic!("{operator} at {offset} leads to {found}, where no operator begins")
            });
            let is_same = *at == operator || (at == "Return" && operator.starts_with("Br "));
            let is_added = found == original[0].0 || found == original[original.len() - 1].0;
            assert!(is_same || is_added, "{operator} at {offset} leads to {at}");
        }
    }
    assert_eq!(original_offset(&code, 1, 0, 0), None);
    assert_eq!(original_offset(&code, 0, 2, 0), None);
}

#[test]
fn a_damaged_component_is_an_error_and_no_panic() {
    let code = probe();
    for index in (0..code.len()).step_by(3) {
        let mut bad = code.clone();
        bad[index] ^= 0x15;
        let _ = instrument(&bad);
    }
    for length in (0..code.len()).step_by(7) {
        let _ = instrument(&code[..length]);
    }
    assert!(instrument(&unwrapped(&wrapped(b"\0asm\x01\0\0\0"))).is_err(), "no component");
}
