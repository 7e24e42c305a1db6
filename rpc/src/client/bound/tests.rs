//! What these protect: that values which borsh would write otherwise are written as the ledger reads them, and that what
//! is not their only encoding is refused (`tests/vectors/values.json` has the same bytes).

use super::*;

#[test]
fn results_are_numbered_as_wit_orders_them() {
    let (good, bad): (WitResult<u8, ()>, WitResult<u8, ()>) =
        (WitResult::Ok(7), WitResult::Err(()));
    assert_eq!(borsh::to_vec(&good).unwrap(), [0, 7]);
    assert_eq!(borsh::to_vec(&bad).unwrap(), [1]);
    assert_eq!(borsh::from_slice::<WitResult<u8, ()>>(&[1]).unwrap(), bad);
}

#[test]
fn characters_are_their_numbers() {
    assert_eq!(borsh::to_vec(&Char('é')).unwrap(), [0xe9, 0, 0, 0]);
    assert_eq!(borsh::from_slice::<Char>(&[0xe9, 0, 0, 0]).unwrap(), Char('é'));
    assert!(borsh::from_slice::<Char>(&[0, 0xd8, 0, 0]).is_err(), "a surrogate");
}

#[test]
fn flags_fill_bytes_from_the_lowest_bit() {
    let mut nine = [false; 9];
    (nine[0], nine[8]) = (true, true);
    let mut bytes = Vec::new();
    write_flags(&nine, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 1]);
    assert_eq!(read_flags::<9, _>(&mut &bytes[..]).unwrap(), nine);
    assert!(read_flags::<9, _>(&mut &[1, 2][..]).is_err(), "a bit that means nothing");
    assert!(read_flags::<9, _>(&mut &[1][..]).is_err(), "cut off");
}

/// A float that is no number must not be signed as something else.
#[test]
fn an_argument_without_an_encoding_is_told() {
    let told = Arguments::new().and(&f64::NAN).and(&1_u8).encoded().unwrap_err();
    assert!(matches!(told, ClientError::Argument { .. }), "{told}");
    assert_eq!(
        Arguments::new().and("ab").and(&[1_u8][..]).encoded().unwrap(),
        *b"\x02\0\0\0ab\x01\0\0\0\x01"
    );
}
