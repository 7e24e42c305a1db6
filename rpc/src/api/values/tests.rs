//! The spellings that clients in every language must agree on.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

fn read<T: for<'de> Deserialize<'de>>(value: serde_json::Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

/// Whoever reads JSON numbers as doubles loses digits: big numbers are strings in both directions.
#[test]
fn u64_is_written_as_a_string_and_read_strictly() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Amount {
        #[serde(with = "Decimal")]
        amount: u64,
        #[serde(with = "OptionalDecimal", default)]
        tip: Option<u64>,
    }
    let most = Amount { amount: u64::MAX, tip: None };
    let text = json!({ "amount": "18446744073709551615", "tip": null });
    assert_eq!(serde_json::to_value(&most).unwrap(), text);
    assert_eq!(read(text), Some(most));
    assert_eq!(read(json!({ "amount": 5, "tip": "6" })), Some(Amount { amount: 5, tip: Some(6) }));
    for wrong in [
        json!({ "amount": "18446744073709551616" }),
        json!({ "amount": "+1" }),
        json!({ "amount": "-1" }),
        json!({ "amount": " 1" }),
        json!({ "amount": "" }),
        json!({ "amount": 1.5 }),
        json!({ "amount": null }),
        json!({ "amount": "1", "tip": "x" }),
    ] {
        assert_eq!(read::<Amount>(wrong.clone()), None, "{wrong}");
    }
}

/// A cursor read back is the cursor written, and runs in the order of the events.
#[test]
fn cursors_are_ordered_and_written_one_way() {
    let texts = ["0", "7.0.0", "7.0.1", "7.1.0", "7.1.4294967295", "7", "8.0.0"];
    let cursors: Vec<Cursor> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert!(cursors.is_sorted());
    for (cursor, text) in cursors.iter().zip(texts) {
        assert_eq!(cursor.to_string(), text);
        assert!(cursor.successor() > *cursor);
    }
    let successors: Vec<String> =
        cursors.iter().map(|cursor| cursor.successor().to_string()).collect();
    assert_eq!(
        successors,
        ["1.0.0", "7.0.1", "7.0.2", "7.1.1", "7.2.0", "8.0.0", "8.0.1"],
        "nothing lies between a cursor and its successor"
    );
    for wrong in ["", ".", "1.2", "1.2.3.4", "1.2.4294967296", "1.-2.3", "x", "1. 2.3"] {
        assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
    }
}

/// What clients name a state by.
#[test]
fn states_are_named_by_word_or_height() {
    assert_eq!(read(json!("latest")), Some(ReadAt::Latest));
    assert_eq!(read(json!("certified")), Some(ReadAt::Certified));
    assert_eq!(read(json!("12")), Some(ReadAt::Height(12)));
    assert_eq!(read(json!(12)), Some(ReadAt::Height(12)));
    for wrong in [json!("newest"), json!(-1), json!(1.5), json!(null), json!("0x1")] {
        assert_eq!(read::<ReadAt>(wrong.clone()), None, "{wrong}");
    }
    assert_eq!(serde_json::to_value(ReadAt::Height(12)).unwrap(), json!("12"));
}

/// Names and addresses cannot be taken for each other, nor an address of another network for ours.
#[test]
fn names_start_with_an_at_sign() {
    let id = AccountId([3; 32]);
    let address = Address::module(id).display("pollend");
    assert_eq!(Named::parse(&address, "pollend"), Ok(Named::Id(id)));
    assert!(matches!(
        Named::parse(&address, "pollen"),
        Err(NamedError::Address(AddressError::Network { .. }))
    ));
    assert_eq!(Named::parse("@coldchain", "pollend"), Ok(Named::Name("coldchain".into())));
    for wrong in ["coldchain", "@", "@Cold", "@-a", "", "@a b"] {
        assert!(Named::parse(wrong, "pollend").is_err(), "{wrong}");
    }
}
