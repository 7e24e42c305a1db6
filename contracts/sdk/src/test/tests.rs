//! The host double must refuse what the real host refuses, or native tests of modules prove nothing.

use super::Host;
use crate::access::{Owner, Pause, Roles};
use crate::amounts::{mul_div, share};
use crate::modules::{CallError, CallOptions};
use crate::{
    Id, Item, Map, Module, Set, Sum, Vector, bank, context, control, crypto, emit, modules,
    own_error, storage,
};
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
    // Text that is none; shorter than it says; a byte too many; cut within its length; nothing.
    for stored in [&b"\x01\0\0\0\xff"[..], b"no string", b"\x01\0\0\0ab", b"\x01\0", b""] {
        storage::set(b"n", stored);
        assert!(host.abort_of(|| NAME.get()).contains("does not decode"), "{stored:?}");
    }
}

#[test]
fn hashes_are_the_real_ones() {
    let sha256 = crypto::sha256(b"abc").to_bytes(); // FIPS 180-4, the one-block example
    assert_eq!(sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
    let blake3 = crypto::blake3(b"").to_bytes(); // the official vector of the empty input
    assert_eq!(blake3[..4], [0xaf, 0x13, 0x49, 0xb9]);
    assert!(!crypto::ed25519_verify(Id::from_bytes([0; 32]), b"", &[0; 64]));
}

#[test]
fn sets_sums_and_vectors_take_out_what_they_took_in() {
    const TAGS: Set<str> = Set::new(b"t");
    const TOTAL: Sum = Sum::new(b"s");
    const LOG: Vector<u64> = Vector::new(b"l");
    let host = Host::new();
    assert_eq!((TAGS.insert("a"), TAGS.insert("a"), TAGS.contains("b")), (true, false, false));
    assert_eq!((TAGS.remove("a"), TAGS.remove("a")), (true, false));
    TOTAL.add(7);
    TOTAL.add(-9);
    assert_eq!(TOTAL.get(), -2);
    assert_eq!((LOG.pop(), LOG.swap_remove(0)), (None, None));
    (0..4).for_each(|value| LOG.push(&value));
    assert_eq!((LOG.swap_remove(1), LOG.page(0, 9)), (Some(1), vec![0, 3, 2]));
    assert_eq!((LOG.swap_remove(2), LOG.pop(), LOG.page(0, 9)), (Some(2), Some(3), vec![0]));
    LOG.set(0, &8);
    assert_eq!(LOG.get(0), Some(8));
    assert!(host.abort_of(|| LOG.set(1, &0)).contains("no such index"));
    assert_eq!((LOG.pop(), LOG.len(), host.storage_keys()), (Some(8), 0, 2));
}

#[test]
fn ownership_is_handed_over_in_two_steps_and_can_be_given_up() {
    const OWNER: Owner = Owner::new(b"o");
    let host = Host::new();
    let (first, heir) = (host.account("first"), host.account("heir"));
    assert_eq!(OWNER.get(), None);
    assert!(host.abort_of(|| OWNER.require()).contains("only the owner"));
    OWNER.init(first);
    host.set_caller(first);
    OWNER.require();
    OWNER.offer(heir);
    assert!(!OWNER.accept(), "it was offered to another");
    assert!(OWNER.is_caller(), "an offer changes nothing yet");
    host.set_caller(heir);
    assert!(OWNER.accept() && OWNER.is_caller());
    assert!(!OWNER.accept(), "once");
    host.set_caller(first);
    assert!(host.abort_of(|| OWNER.renounce()).contains("only the owner"));
    host.set_caller(heir);
    OWNER.renounce();
    assert_eq!(OWNER.get(), None);
}

#[test]
fn roles_are_apart_and_a_pause_stops_what_asks() {
    const ROLES: Roles<u8> = Roles::new(b"r");
    const PAUSE: Pause = Pause::new(b"p");
    let host = Host::new();
    let (alice, bob) = (host.account("alice"), host.account("bob"));
    assert!(ROLES.grant(1, alice) && !ROLES.grant(1, alice));
    assert!(ROLES.has(1, alice) && !ROLES.has(2, alice) && !ROLES.has(1, bob));
    host.set_caller(bob);
    assert!(host.abort_of(|| ROLES.require(1)).contains("lacks the role"));
    assert!(ROLES.revoke(1, alice) && !ROLES.has(1, alice));
    PAUSE.require_running();
    PAUSE.set(true);
    PAUSE.set(true);
    assert!(host.abort_of(|| PAUSE.require_running()).contains("paused"));
    PAUSE.set(false);
    assert_eq!((PAUSE.is_paused(), host.storage_keys()), (false, 0));
}

#[test]
fn shares_lose_nothing_and_products_do_not_overflow_in_between() {
    assert_eq!(mul_div(u64::MAX, 3, 3), Some(u64::MAX));
    assert_eq!((mul_div(u64::MAX, 2, 1), mul_div(1, 1, 0)), (None, None));
    assert_eq!(share(999, 250), Some((24, 975)));
    assert_eq!((share(u64::MAX, 10_000), share(1, 10_001)), (Some((u64::MAX, 0)), None));
}

crate::stub! {
    /// What the tests below call.
    struct Shop {
        commands { fn buy_now(what: String, price: u64) -> u64; }
        queries { fn price_of(what: String) -> u64; }
    }
}

#[test]
fn another_module_runs_in_its_own_world_and_its_failure_is_undone() {
    const SOLD: Item<u64> = Item::new(b"sold");
    let host = Host::new();
    let (this, shop) = (host.module(), host.account("shop"));
    host.set_balance(this, 100);
    host.name_module("shop", shop);
    host.serve(shop, "buy-now", move |(what, price): (String, u64)| {
        assert_eq!((context::caller(), context::this(), context::depth()), (this, shop, 1));
        SOLD.set(&price);
        emit("sold", &[], &what);
        if context::attached() < price { Err(price) } else { Ok(context::attached() - price) }
    });
    host.serve(shop, "price-of", |(what,): (String,)| {
        if what == "written" {
            SOLD.set(&1);
        }
        Ok::<_, ()>(7_u64)
    });
    let stub = Shop::named("shop").unwrap();
    let error = stub.buy_now("jar".to_string(), 7).unwrap_err();
    assert_eq!(own_error::<u64>(&error), Some(7));
    assert_eq!((SOLD.get(), host.events().len(), bank::balance(shop)), (None, 0, 0));

    let stub = Shop(stub.0.attach(10));
    assert_eq!(stub.buy_now("jar".to_string(), 7), Ok(3));
    assert_eq!((bank::balance(this), bank::balance(shop)), (90, 10));
    assert_eq!((SOLD.get(), host.inside(shop, || SOLD.get())), (None, Some(7)), "storage is apart");
    assert_eq!(host.events()[0].module, shop);
    assert_eq!(stub.price_of("jar".to_string()), Ok(7));
    let end = stub.price_of("written".to_string());
    assert!(matches!(end, Err(CallError::Aborted(message)) if message.contains("may not write")));
    assert_eq!(
        Shop(Module::at(shop).attach(91)).buy_now(String::new(), 0),
        Err(CallError::Insufficient)
    );
}

#[test]
fn answers_of_another_type_end_a_call_and_fail_a_view() {
    let host = Host::new();
    let other = host.account("other");
    host.answer(other, "f", |_| Ok(vec![1, 2, 3]));
    let message = host.abort_of(|| Module::at(other).call::<u64>("f", &()));
    assert!(message.contains("another type"), "{message}");
    assert!(matches!(Module::at(other).view::<u64>("f", &()), Err(CallError::Aborted(_))));
    assert_eq!(Module::at(other).call_raw("g", &[]), Err(CallError::NoSuchFunction));
    let nobody = Module::at(host.account("nobody"));
    assert_eq!(nobody.call_raw("f", &[]), Err(CallError::NoSuchModule));
}

/// A module that calls itself through others, allowed and not, and for ever.
#[test]
fn re_entry_is_refused_unless_allowed_and_ends_at_its_depth() {
    let host = Host::new();
    let echo = host.account("echo");
    host.serve(echo, "again", move |(): ()| {
        let end = Module::at(echo).call::<u32>("again", &());
        match end {
            Ok(depth) => Ok(depth),
            Err(CallError::Reentered) => Err("reentered".to_string()),
            Err(CallError::TooDeep) => Ok(context::depth()),
            Err(other) => panic!("{other:?}"),
        }
    });
    let end = Module::at(echo).call::<u32>("again", &()).unwrap_err();
    assert_eq!(own_error::<String>(&end), Some("reentered".to_string()));
    host.allow_reentry(echo);
    assert_eq!(Module::at(echo).call::<u32>("again", &()), Ok(8));
}

#[test]
fn a_module_makes_modules_each_once() {
    const OWNER: Owner = Owner::new(b"o");
    let host = Host::new();
    let code = host.publish("child", |host, module| {
        host.serve(module, "init", |(allowed,): (bool,)| {
            OWNER.init(context::caller());
            if allowed { Ok(()) } else { Err(5_u8) }
        });
        host.serve(module, "owner", |(): ()| Ok::<_, ()>(OWNER.get()));
    });
    let create = |salt: &[u8], allowed: bool| {
        let options = CallOptions { fuel: None, attach: 0 };
        modules::create(code, salt, &crate::encode(&allowed), options)
    };
    assert_eq!(create(b"1", false), Err(CallError::ModuleError(vec![5])));
    let child = create(b"1", true).unwrap();
    assert_eq!(create(b"1", true), Err(CallError::AddressTaken));
    assert_ne!(create(b"2", true).unwrap(), child);
    assert_eq!(Module::at(child).view("owner", &()), Ok(Some(host.module())));
    assert_eq!(modules::code_of(child), Some(code));
    let options = CallOptions { fuel: None, attach: 0 };
    let end = modules::create(host.account("no code"), b"", &[], options);
    assert_eq!(end, Err(CallError::NoSuchCode));
}

#[test]
fn upgrades_need_the_policy_the_code_and_no_freeze() {
    use control::UpgradeError::{NoSuchCode, NotAllowed};
    let host = Host::new();
    let code = host.publish("next", |_, _| ());
    assert_eq!(control::upgrade(code, &[]), Err(NotAllowed));
    host.let_it_upgrade_itself();
    assert_eq!(control::upgrade(host.account("no code"), &[]), Err(NoSuchCode));
    assert_eq!(control::upgrade(code, &[]), Ok(()));
    assert_eq!(host.code_of(host.module()), Some(code));
    control::freeze();
    assert!(host.is_frozen(host.module()));
    assert_eq!(control::upgrade(code, &[]), Err(NotAllowed));
}

#[test]
fn positions_grow_random_bytes_differ_and_used_bytes_count() {
    let host = Host::new();
    let alice = host.account("alice");
    let ask =
        || host.call(alice, || Ok::<_, ()>((context::position(), crypto::random(32)))).unwrap();
    let (first, second) = (ask(), ask());
    assert!(first.0 < second.0 && first.1 != second.1 && first.1.len() == 32);
    assert_ne!(crypto::random(8), crypto::random(8));
    assert!(host.abort_of(|| crypto::random(1_025)).contains("1024"));
    storage::set(b"key", b"value");
    assert_eq!(storage::used(), 3 + 5 + 64);
}

#[test]
fn keys_are_recovered_and_passkeys_checked_as_their_standards_say() {
    // The Keccak team's vector of the empty input, as Ethereum hashes.
    assert_eq!(crypto::keccak256(b"").to_bytes()[..4], [0xc5, 0xd2, 0x46, 0x01]);
    let key = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let digest = crypto::keccak256(b"message");
    let (signature, recovery) = key.sign_prehash_recoverable(&digest.to_bytes());
    let bytes = signature.to_bytes();
    let recovered = crypto::secp256k1_recover(digest, &bytes, recovery.to_byte()).unwrap();
    assert_eq!(recovered, key.verifying_key().to_sec1_point(false).as_bytes());
    assert_eq!((recovered.len(), recovered[0]), (65, 4));
    let other = crypto::secp256k1_recover(digest, &bytes, 1 - recovery.to_byte());
    assert_ne!(other.as_ref(), Some(&recovered));
    assert_eq!(crypto::secp256k1_recover(digest, &bytes, 2), None);
    assert_eq!(crypto::secp256k1_recover(digest, &bytes[1..], 0), None);

    use p256::ecdsa::signature::hazmat::PrehashSigner as _;
    let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let signature: p256::ecdsa::Signature = key.sign_prehash(&digest.to_bytes()).unwrap();
    let public = key.verifying_key().to_sec1_point(true);
    let mut bytes = signature.to_bytes().to_vec();
    assert!(crypto::secp256r1_verify(public.as_bytes(), digest, &bytes));
    bytes[0] ^= 1;
    assert!(!crypto::secp256r1_verify(public.as_bytes(), digest, &bytes));
    assert!(!crypto::secp256r1_verify(&[4], digest, &bytes));
}
