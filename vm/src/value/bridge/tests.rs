//! What these protect: a module gets exactly the value that was signed, and its answer is encoded as such.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::interface::IdKind;
use crate::value::tests::{FORMATS, any_type, any_typed_json};
use crate::value::{decode_json, encode_json};

proptest! {
    #[test]
    fn every_value_goes_through_wasmtime((ty, value) in any_typed_json()) {
        let bytes = encode_json(&ty, &value, &FORMATS).unwrap();
        let params = [("it".to_owned(), ty.clone())];
        let vals = to_vals(&params, &bytes).unwrap();
        prop_assert_eq!(&from_val(&ty, &vals[0]).unwrap(), &bytes);
        for end in 0..bytes.len() {
            prop_assert!(to_vals(&params, &bytes[..end]).is_err());
        }
        prop_assert!(to_vals(&params, &[bytes.as_slice(), &[0]].concat()).is_err());
    }

    /// The door of RPC and the door of execution let the same bytes in.
    #[test]
    fn both_readers_agree(
        ty in any_type(),
        bytes in proptest::collection::vec(prop_oneof![0..3_u8, any::<u8>()], 0..40),
    ) {
        let params = [("it".to_owned(), ty.clone())];
        match (to_vals(&params, &bytes), decode_json(&ty, &bytes, &FORMATS)) {
            (Ok(vals), Ok(_)) => prop_assert_eq!(from_val(&ty, &vals[0]).unwrap(), bytes),
            (Err(_), Err(_)) => {}
            (vals, json) => prop_assert!(false, "{vals:?} against {json:?}"),
        }
    }

    #[test]
    fn a_value_of_another_type_is_an_error_not_a_panic(
        (ty, value) in any_typed_json(),
        other in any_type(),
    ) {
        let bytes = encode_json(&ty, &value, &FORMATS).unwrap();
        let vals = to_vals(&[("it".to_owned(), ty)], &bytes).unwrap();
        if let Ok(bytes) = from_val(&other, &vals[0]) {
            prop_assert!(to_vals(&[("it".to_owned(), other)], &bytes).is_ok());
        }
    }
}

#[test]
fn ids_are_four_little_endian_words() {
    let id: Vec<u8> = (0..32).collect();
    let vals = to_vals(&[("who".to_owned(), Type::Id(IdKind::Account))], &id).unwrap();
    let word = |name: &str, start: u8| {
        let bytes: Vec<u8> = (start..start + 8).collect();
        (name.to_owned(), Val::U64(u64::from_le_bytes(bytes.try_into().unwrap())))
    };
    let words = vec![word("a", 0), word("b", 8), word("c", 16), word("d", 24)];
    assert_eq!(vals, [Val::Record(words)]);
}

#[test]
fn what_a_module_may_not_return() {
    assert!(from_val(&Type::F64, &Val::Float64(f64::NAN)).is_err());
    assert!(from_val(&Type::F32, &Val::Float32(f32::NAN)).is_err());
    let text = Val::String("x".repeat(crate::value::VALUE_BYTES_MAX));
    assert!(from_val(&Type::String, &text).is_err());
}

/// `cargo test -p pollen-vm --lib speed -- --ignored --nocapture` tells the price of a call's arguments.
#[test]
#[ignore = "a measurement, not a check"]
fn speed_of_three_parameters() {
    let params = [
        ("to".to_owned(), Type::Id(IdKind::Account)),
        ("value".to_owned(), Type::Amount),
        ("memo".to_owned(), Type::String),
    ];
    let mut bytes = vec![7; 40];
    bytes.extend(encode_json(&Type::String, &json!("box-1"), &FORMATS).unwrap());
    let rounds = 1_000_000_u32;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(to_vals(&params, std::hint::black_box(&bytes)).unwrap());
    }
    println!("to_vals of an id, an amount and a string: {:?}", start.elapsed() / rounds);
    let vals = to_vals(&params, &bytes).unwrap();
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        for ((_, ty), val) in params.iter().zip(&vals) {
            std::hint::black_box(from_val(ty, val).unwrap());
        }
    }
    println!("from_val of the same, one by one: {:?}", start.elapsed() / rounds);
}
