//! Any bytes as a value of every kind of type. What decodes encodes to the same bytes by every way there is;
//! all else is refused with a text.

use std::sync::OnceLock;

use super::Choices;
use crate::fixtures::component;
use crate::interface::{Function, FunctionKind, Interface};
use crate::value::{Formats, decode_params_json, encode_params_json, show_params, to_vals};

const WIT: &str = "package probe:it@0.1.0;
interface queries {
  use pollen:host/types@0.1.0.{account, amount, code-hash};
  enum colour { red, green, blue }
  flags marks { a, b, c, d, e, f, g, h, i }
  record point { x: s32, y: option<f64>, tag: string }
  variant shape { none, dot(point), many(list<point>), named(tuple<string, u8>) }
  numbers: func(a: u8, b: s8, c: u16, d: s16, e: u32, f: s32, g: u64, h: s64, i: f32, j: f64);
  words: func(a: string, b: char, c: bool, d: list<u8>, e: list<string>);
  ids: func(a: account, b: amount, c: code-hash, d: list<account>);
  shapes: func(a: shape, b: colour, c: marks, d: list<shape>, e: result<point, colour>);
  deep: func(a: list<list<list<option<option<tuple<u8, list<marks>>>>>>>);
}
world module { include pollen:host/module@0.1.0; export queries; }";

fn functions() -> &'static [Function] {
    static FUNCTIONS: OnceLock<Vec<Function>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let mut wat = String::from(
            "(module (memory (export \"memory\") 1)
          (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 8))",
        );
        for (name, flat) in [
            ("numbers", "i32 i32 i32 i32 i32 i32 i64 i64 f32 f64"),
            ("words", "i32 i32 i32 i32 i32 i32 i32 i32"),
            ("ids", "i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32"),
            ("shapes", "i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 f64 i32 i32"),
            ("deep", "i32 i32"),
        ] {
            let export = format!("probe:it/queries@0.1.0#{name}");
            wat += &format!("(func (export \"{export}\") (param {flat}))");
        }
        let code = component(&(wat + ")"), WIT);
        let interface = Interface::from_component(&code).expect("the text is right");
        interface.functions(FunctionKind::Query).to_vec()
    })
}

/// See the file.
pub fn values(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let functions = functions();
    let function = &functions[choices.below(functions.len())];
    let bytes = choices.0;
    let formats = Formats::new("pollen");
    let shown = show_params(&function.params, bytes, &formats);
    let vals = to_vals(&function.params, bytes);
    let json = decode_params_json(&function.params, bytes, &formats);
    assert_eq!(vals.is_ok(), json.is_ok(), "one decoder takes what the other refuses: {shown}");
    match (vals, json) {
        (Ok(vals), Ok(json)) => {
            let mut again = Vec::new();
            for ((_, ty), val) in function.params.iter().zip(&vals) {
                again.extend(crate::value::from_val(ty, val).expect("it was decoded"));
            }
            assert_eq!(again, bytes, "a value has one encoding");
            let again = encode_params_json(function, &json, &formats).expect("it was decoded");
            assert_eq!(again, bytes, "JSON says it all: {json}");
        }
        (Err(error), _) | (_, Err(error)) => assert!(!error.to_string().is_empty()),
    }
}
