//! One rule of signatures for the whole chain: what one node takes, all take (protocol.md case 50).

use super::*;

/// The order of the group, little-endian: 2^252 + 27742317777372353535851937790883648493.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// Encodings of points whose order divides 8, the not canonical ones included: y is 0, 1, -1 or one of two
/// others, or one of these plus the field's prime; each with both signs.
fn small_order_points() -> Vec<[u8; 32]> {
    let ys = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let both = |y: &str| {
        let y = bytes::<32>(y);
        let mut other = y;
        other[31] |= 0x80;
        [y, other]
    };
    ys.into_iter().flat_map(both).collect()
}

/// RFC 8032, section 7.1, tests 1 to 3.
#[test]
fn vectors_of_the_standard() {
    for (seed, key, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
             387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
             4a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let message = hex::decode(message).unwrap();
        let pair = KeyPair::from_seed(&bytes(seed));
        assert_eq!(pair.public_key(), PublicKey(bytes(key)));
        assert_eq!(pair.sign(&message), Signature(bytes(signature)));
        assert!(pair.public_key().verify(&message, &Signature(bytes(signature))));
    }
}

/// A key of small order makes one signature fit many messages; verifiers that do not refuse it differ in
/// what they take.
#[test]
fn keys_and_commitments_of_small_order_are_refused_case_50() {
    let pair = KeyPair::development("strict");
    let good = pair.sign(b"message");
    for point in small_order_points() {
        // With S = 0 the equation S B = R + k A holds for R = -k A: many R of small order fit.
        for commitment in small_order_points() {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&commitment);
            for nonce in 0u8..8 {
                let fits = PublicKey(point).verify(&[nonce], &Signature(signature));
                assert!(!fits, "key {} with {}", hex::encode(point), hex::encode(commitment));
            }
        }
        let mut spoiled = good;
        spoiled.0[..32].copy_from_slice(&point);
        assert!(!pair.public_key().verify(b"message", &spoiled));
    }
}

/// S + order satisfies the same equation: a second signature of the same message, by nobody.
#[test]
fn a_signature_has_one_encoding_case_50() {
    let pair = KeyPair::development("strict");
    for number in 0u32..64 {
        let message = number.to_le_bytes();
        let good = pair.sign(&message);
        assert!(pair.public_key().verify(&message, &good));
        let mut other = good;
        let mut carry = 0;
        for (byte, add) in other.0[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0);
        assert!(!pair.public_key().verify(&message, &other));
        for bit in [0, 100, 255, 256, 300, 511] {
            let mut flipped = good;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!pair.public_key().verify(&message, &flipped), "bit {bit}");
        }
    }
}

/// What is kept decoded changes no answer: not of a key seen again, not after more keys than are kept.
#[test]
fn kept_keys_change_no_answer() {
    let first = KeyPair::development("first");
    let signature = first.sign(b"message");
    let wrong = KeyPair::development("second").sign(b"message");
    let bad = PublicKey([0xff; 32]);
    let check = || {
        for _ in 0..2 {
            assert!(first.public_key().verify(b"message", &signature));
            assert!(!first.public_key().verify(b"message", &wrong));
            assert!(!first.public_key().verify(b"another", &signature));
            assert!(!bad.verify(b"message", &signature));
        }
    };
    check();
    for number in 0..=DECODED_MAX {
        let pair = KeyPair::development(&number.to_string());
        assert!(!pair.public_key().verify(b"message", &signature));
    }
    check();
    assert!(DECODED.with_borrow(|decoded| decoded.len() <= DECODED_MAX));
}
