//! A block's body is read by hand, to hash ids from the bytes that came: it must be read as the codec
//! reads it, byte for byte.

use super::*;
use crate::transaction::{Action, TRANSACTION_VERSION, Transaction, UpgradePolicy};

const CHAIN: Hash = Hash([3; 32]);

fn transaction(nonce: u64, action: Action, attachments: Vec<Vec<u8>>) -> SignedTransaction {
    let key = KeyPair::development("body");
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        sender: crate::AccountId::of_key(&key.public_key()),
        key: key.public_key(),
        nonce,
        valid_until_ms: 9,
        max_fuel: 8,
        fuel_price: 7,
        payer: (nonce == 2).then_some(crate::AccountId([4; 32])),
        actions: vec![action; nonce as usize % 3],
    };
    transaction.sign(&CHAIN, &key, attachments)
}

fn body() -> Vec<SignedTransaction> {
    let transfer = Action::Transfer { to: crate::AccountId([5; 32]), amount: 6 };
    let deploy = Action::Deploy {
        code: Hash([6; 32]),
        name: Some("name".to_owned()),
        arguments: vec![1; 40],
        upgrade: UpgradePolicy::Owner { delay_ms: 0 },
    };
    let invoke = Action::Invoke {
        module: crate::AccountId([7; 32]),
        function: "function".to_owned(),
        arguments: vec![2; 300],
        deposit: 1,
        interface: None,
    };
    vec![
        transaction(0, transfer.clone(), Vec::new()),
        transaction(1, deploy, vec![vec![8; 100], Vec::new()]),
        transaction(2, invoke, Vec::new()),
        transaction(4, transfer, vec![vec![9; 3]]),
    ]
}

/// What one node accepts and another refuses splits them: both readers agree on good bodies, on every
/// prefix, on every single changed byte, on more and fewer transactions than the count says.
#[test]
fn a_body_is_read_as_the_codec_reads_it() {
    let whole = codec::encode(&body());
    let mut bodies = vec![whole.clone(), codec::encode(&Vec::<SignedTransaction>::new())];
    bodies.extend((0..whole.len()).map(|end| whole[..end].to_vec()));
    for (place, change) in (0..whole.len()).flat_map(|place| [(place, 1), (place, 0x80)]) {
        let mut changed = whole.clone();
        changed[place] ^= change;
        bodies.push(changed);
    }
    bodies.push([&whole[..], &[0]].concat());
    let mut good = 0;
    for bytes in bodies {
        let by_codec = codec::decode::<Vec<SignedTransaction>>(&bytes, usize::MAX);
        let by_hand = Transactions::decode(&bytes, &CHAIN);
        assert_eq!(by_codec.is_ok(), by_hand.is_ok(), "{}", hex::encode(&bytes));
        let (Ok(by_codec), Ok(by_hand)) = (by_codec, by_hand) else { continue };
        good += 1;
        assert!(by_hand.signed.iter().map(|signed| &**signed).eq(&by_codec));
        let ids: Vec<Hash> = by_codec.iter().map(|signed| signed.transaction.id(&CHAIN)).collect();
        assert_eq!(by_hand.ids, ids);
        assert_eq!(codec::encode(&by_codec), bytes, "one value has one encoding");
    }
    assert!(good > 1000, "most changes leave something that can be read: {good}");
}

/// The bound on what is allocated before anything is read.
#[test]
fn no_transaction_is_shorter_than_the_least() {
    let transfer = Action::Transfer { to: crate::AccountId::default(), amount: 0 };
    let shortest = transaction(0, transfer, Vec::new());
    assert_eq!(codec::encode(&shortest).len(), TRANSACTION_BYTES_MIN);
    assert!(Transactions::decode(&u32::MAX.to_le_bytes(), &CHAIN).is_err());
}
