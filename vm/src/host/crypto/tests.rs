//! Published vectors: what a signature is must be what the rest of the world means by it.

use super::*;

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// The Ethereum address of the private key 1, which everybody knows.
const ADDRESS: &str = "7e5f4552091a69125d5dfcb7b8c2659029395bdf";
const DIGEST: [u8; 32] = [0x5a; 32];

/// A signature of the private key 1, with s in the lower half, and its recovery id.
fn signed() -> (Vec<u8>, u8) {
    let key = k256::ecdsa::SigningKey::from_slice(&bytes::<32>(&format!("{:064x}", 1))).unwrap();
    let (signature, recovery) = key.sign_prehash_recoverable(&DIGEST);
    assert_eq!(signature.normalize_s(), signature);
    (signature.to_bytes().to_vec(), recovery.to_byte())
}

/// The other form of a signature: s' = n - s, for which the other recovery id holds.
fn upper(signature: &[u8]) -> Vec<u8> {
    let signature = k256::ecdsa::Signature::from_slice(signature).unwrap();
    let (r, s) = signature.split_scalars();
    k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes())
        .unwrap()
        .to_bytes()
        .to_vec()
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
    let (signature, recovery) = signed();
    let key = recover(&DIGEST, &signature, recovery).unwrap();
    assert_eq!((key.len(), key[0]), (65, 4));
    assert_eq!(hex::encode(&Keccak256::digest(&key[1..])[12..]), ADDRESS);
    assert_ne!(recover(&DIGEST, &signature, 1 - recovery), Some(key));
}

/// One signature has one form: s in the upper half is refused, though Ethereum's precompile takes it. So a
/// module that remembers signatures cannot be shown the same one twice.
#[test]
fn a_signature_has_one_form() {
    let (signature, _) = signed();
    for recovery in 0..=255 {
        assert_eq!(recover(&DIGEST, &upper(&signature), recovery), None, "{recovery}");
    }
    for recovery in 2..=255 {
        assert_eq!(recover(&DIGEST, &signature, recovery), None, "{recovery}");
    }
}

/// Whatever is no signature is refused and never panics.
#[test]
fn garbage_recovers_nothing() {
    let (signature, recovery) = signed();
    let long = [&signature[..], &[0]].concat();
    for signature in [&[][..], &[0; 64], &[0xff; 64], &signature[..63], &long] {
        assert_eq!(recover(&DIGEST, signature, recovery), None);
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
