//! The host double must refuse what the real host refuses, or native tests of modules prove nothing.

use super::Host;
use crate::{Id, Item, Map, Vector, bank, crypto, emit, storage};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

#[test]
fn ids_are_their_32_bytes_in_order() {
    let mut bytes = [0u8; 32];
    bytes.iter_mut().enumerate().for_each(|(index, byte)| *byte = index as u8);
    let id = Id::from_bytes(bytes);
    assert_eq!(id.a.to_le_bytes(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(id.to_bytes(), bytes);
    assert_eq!(crate::encode(&id), bytes);
}

#[test]
fn a_failed_call_leaves_nothing_behind() {
    let host = Host::new();
    let alice = host.account("alice");
    host.set_balance(alice, 0);
    let end: Result<(), u8> = host.call(alice, || {
        host.attach(7);
        bank::transfer(alice, 7).unwrap();
        storage::set(b"k", b"v");
        emit("event", &[], &1u8);
        Err(3)
    });
    assert_eq!(end, Err(3));
    assert_eq!((storage::get(b"k"), host.events().len(), bank::balance(alice)), (None, 0, 0));
}

#[test]
fn a_query_cannot_write() {
    let host = Host::new();
    let message = host.abort_of(|| host.query(|| storage::set(b"k", b"v")));
    assert_eq!(message, "a query may not write");
    storage::set(b"k", b"v");
    assert_eq!(host.query(|| storage::get(b"k")), Some(b"v".to_vec()));
}

#[test]
fn bounds_of_keys_values_and_events_hold() {
    let host = Host::new();
    assert!(host.abort_of(|| storage::get(&[0; 257])).contains("256"));
    assert!(host.abort_of(|| storage::set(b"k", &vec![0; 65_537])).contains("64 KiB"));
    assert!(host.abort_of(|| emit("e", &[&[0; 65]], &0u8)).contains("64 bytes"));
    assert!(host.abort_of(|| (0..65).for_each(|_| emit("e", &[], &0u8))).contains("64 events"));
}

#[test]
fn add_keeps_a_signed_sum_and_refuses_to_overflow() {
    let host = Host::new();
    storage::add(b"sum", 5);
    storage::add(b"sum", -7);
    assert_eq!(storage::get(b"sum"), Some((-2i64).to_le_bytes().to_vec()));
    assert!(host.abort_of(|| storage::add(b"sum", i64::MIN)).contains("overflows"));
}

#[test]
fn collections_keep_what_they_are_given() {
    const NAME: Item<String> = Item::new(b"n");
    const AGES: Map<str, u8> = Map::new(b"a");
    const LOG: Vector<u64> = Vector::new(b"l");
    let host = Host::new();
    assert_eq!((NAME.get(), AGES.get("ada"), LOG.len()), (None, None, 0));
    NAME.set(&"pollen".to_string());
    AGES.set("ada", &36);
    (0..5).for_each(|value| LOG.push(&(value * 10)));
    assert_eq!(NAME.get().as_deref(), Some("pollen"));
    assert_eq!((AGES.get("ada"), AGES.contains("bob")), (Some(36), false));
    assert_eq!(LOG.page(3, 100), [30, 40]);
    assert_eq!(LOG.page(9, u32::MAX), Vec::<u64>::new());
    assert_eq!((AGES.remove("ada"), AGES.remove("ada")), (true, false));
    storage::set(b"n", b"no string");
    assert!(host.abort_of(|| NAME.get()).contains("does not decode"));
}

#[test]
fn hashes_are_the_real_ones() {
    let sha256 = crypto::sha256(b"abc").to_bytes(); // FIPS 180-4, the one-block example
    assert_eq!(sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
    let blake3 = crypto::blake3(b"").to_bytes(); // the official vector of the empty input
    assert_eq!(blake3[..4], [0xaf, 0x13, 0x49, 0xb9]);
    assert!(!crypto::ed25519_verify(Id::from_bytes([0; 32]), b"", &[0; 64]));
}
