//! `pollen:host/crypto`: hashes and signatures, at native speed, and random bytes.
//!
//! What counts as a signature is consensus data: ed25519 by the chain's one rule; secp256k1 with s in the lower
//! half only, so that each has one form; P-256 as SEC 1 and FIPS 186-5 have it, with any s, since secure
//! elements do not normalise.

use k256::ecdsa::signature::hazmat::PrehashVerifier as _;
use pollen_ledger::crypto::{PublicKey, Signature};
use pollen_ledger::limits::RANDOM_BYTES_MAX;
use sha2::{Digest as _, Sha256};
use sha3::Keccak256;
use wasmtime::component::{Linker, WasmList};

use super::{Context, HostData, HostEnd, Id, charge, prices, with_state};

pub(super) fn add(linker: &mut Linker<HostData>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("pollen:host/crypto@0.1.0")?;
    interface.func_wrap("blake3", |mut context: Context<'_>, (data,): (WasmList<u8>,)| {
        charge(&mut context, prices::BLAKE3.of(data.len()))?;
        let hash = blake3::hash(data.as_le_slice(&context));
        Ok((Id::from(*hash.as_bytes()),))
    })?;
    interface.func_wrap("sha256", |mut context: Context<'_>, (data,): (WasmList<u8>,)| {
        charge(&mut context, prices::SHA256.of(data.len()))?;
        let hash: [u8; 32] = Sha256::digest(data.as_le_slice(&context)).into();
        Ok((Id::from(hash),))
    })?;
    interface.func_wrap("keccak256", |mut context: Context<'_>, (data,): (WasmList<u8>,)| {
        charge(&mut context, prices::KECCAK256.of(data.len()))?;
        let hash: [u8; 32] = Keccak256::digest(data.as_le_slice(&context)).into();
        Ok((Id::from(hash),))
    })?;
    interface.func_wrap(
        "ed25519-verify",
        |mut context: Context<'_>, (key, message, signature): (Id, WasmList<u8>, WasmList<u8>)| {
            charge(&mut context, prices::ED25519.of(message.len()))?;
            let signature: Result<[u8; 64], _> = signature.as_le_slice(&context).try_into();
            let is_valid = signature.is_ok_and(|signature| {
                PublicKey(key.into()).verify(message.as_le_slice(&context), &Signature(signature))
            });
            Ok((is_valid,))
        },
    )?;
    interface.func_wrap(
        "secp256k1-recover",
        |mut context: Context<'_>, (digest, signature, recovery): (Id, WasmList<u8>, u8)| {
            charge(&mut context, prices::SECP256K1)?;
            let key = recover(&digest.into(), signature.as_le_slice(&context), recovery);
            Ok((key,))
        },
    )?;
    interface.func_wrap(
        "secp256r1-verify",
        |mut context: Context<'_>, (key, digest, signature): (WasmList<u8>, Id, WasmList<u8>)| {
            charge(&mut context, prices::SECP256R1)?;
            let (key, signature) = (key.as_le_slice(&context), signature.as_le_slice(&context));
            Ok((is_p256_signature(key, &digest.into(), signature),))
        },
    )?;
    interface.func_wrap("random", |mut context: Context<'_>, (n,): (u32,)| {
        charge(&mut context, prices::RANDOM.of(n as usize))?;
        if n as usize > RANDOM_BYTES_MAX {
            let limit = format!("at most {RANDOM_BYTES_MAX} random bytes at once");
            return Err(HostEnd::Limit(limit).into());
        }
        let module = context.data().module;
        Ok((with_state(&mut context, |state| Ok(state.random(&module, n as usize)))?,))
    })
}

/// The key that signed, uncompressed (65 bytes, SEC 1); recovery ids above 1 belong to r beyond the order,
/// which nobody meets by chance: refused, as Ethereum does.
fn recover(digest: &[u8; 32], signature: &[u8], recovery: u8) -> Option<Vec<u8>> {
    use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
    if recovery > 1 {
        return None;
    }
    let signature = Signature::from_slice(signature).ok()?;
    if signature.normalize_s() != signature {
        return None;
    }
    let recovery = RecoveryId::from_byte(recovery)?;
    let key = VerifyingKey::recover_from_prehash(digest, &signature, recovery).ok()?;
    Some(key.to_sec1_point(false).as_bytes().to_vec())
}

fn is_p256_signature(key: &[u8], digest: &[u8; 32], signature: &[u8]) -> bool {
    use p256::ecdsa::{Signature, VerifyingKey};
    let is_sec1 = matches!((key.len(), key.first()), (33, Some(2 | 3)) | (65, Some(4)));
    let (Ok(key), Ok(signature)) =
        (VerifyingKey::from_sec1_bytes(key), Signature::from_slice(signature))
    else {
        return false;
    };
    is_sec1 && key.verify_prehash(digest, &signature).is_ok()
}

#[cfg(test)]
mod tests;
