//! Published vectors: what a signature is must be what the rest of the world means by it.

use super::*;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// A well-known vector of Ethereum's `ecrecover`: hash, r, s (in the upper half), and the signer's address.
const DIGEST: &str = "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f15d3d1c0";
const R: &str = "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f";
const S_HIGH: &str = "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549";
const ADDRESS: &str = "a94f5374fce5edbc8e2a8697c15331677e6ebf0b";

/// The same signature with s in the lower half, for which the other recovery id holds.
fn low() -> Vec<u8> {
    let high = k256::ecdsa::Signature::from_slice(&hex::decode(format!("{R}{S_HIGH}")).unwrap());
    high.unwrap().normalize_s().to_bytes().to_vec()
}

/// keccak256 is Ethereum's, not SHA3-256: the empty string tells.
#[test]
fn keccak_is_ethereums() {
    assert_eq!(
        hex::encode(Keccak256::digest(b"")),
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    );
}

/// The recovered key hashes to the address that Ethereum names.
#[test]
fn a_key_is_recovered_as_ethereum_does() {
    let key = recover(&bytes(DIGEST), &low(), 0).unwrap();
    assert_eq!((key.len(), key[0]), (65, 4));
    assert_eq!(hex::encode(&Keccak256::digest(&key[1..])[12..]), ADDRESS);
}

/// One signature has one form: s in the upper half is refused, though Ethereum's precompile takes it. So a
/// module that remembers signatures cannot be shown the same one twice.
#[test]
fn a_signature_has_one_form() {
    let high = hex::decode(format!("{R}{S_HIGH}")).unwrap();
    for recovery in 0..=255 {
        assert_eq!(recover(&bytes(DIGEST), &high, recovery), None, "{recovery}");
    }
    for recovery in 2..=255 {
        assert_eq!(recover(&bytes(DIGEST), &low(), recovery), None, "{recovery}");
    }
    assert_ne!(recover(&bytes(DIGEST), &low(), 1), recover(&bytes(DIGEST), &low(), 0));
}

/// Whatever is no signature is refused and never panics.
#[test]
fn garbage_recovers_nothing() {
    for signature in [&[][..], &[0; 64], &[0xff; 64], &low()[..63], &[low(), vec![0]].concat()] {
        assert_eq!(recover(&bytes(DIGEST), signature, 0), None);
    }
}

/// RFC 6979, A.2.5: P-256, SHA-256, message "sample". Its s lies in the upper half, and counts.
#[test]
fn p256_signatures_of_the_standard() {
    let x = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
    let y = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
    let r = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
    let s = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
    let digest: [u8; 32] = Sha256::digest(b"sample").into();
    let signature = hex::decode(format!("{r}{s}")).unwrap();
    let whole = hex::decode(format!("04{x}{y}")).unwrap();
    let short = hex::decode(format!("03{x}")).unwrap();
    assert!(is_p256_signature(&whole, &digest, &signature));
    assert!(is_p256_signature(&short, &digest, &signature));

    let other = hex::decode(format!("02{x}")).unwrap();
    assert!(!is_p256_signature(&other, &digest, &signature), "the other point of the same x");
    let mut changed = signature.clone();
    changed[40] ^= 1;
    assert!(!is_p256_signature(&whole, &digest, &changed));
    assert!(!is_p256_signature(&whole, &[1; 32], &signature));
    for key in [&[][..], &[0], &[4; 65], &whole[..64], &[6; 65]] {
        assert!(!is_p256_signature(key, &digest, &signature));
    }
    assert!(!is_p256_signature(&whole, &digest, &[0; 64]));
}
