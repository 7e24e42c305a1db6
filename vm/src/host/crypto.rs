//! `pollen:host/crypto`: hashes and signatures, at native speed.

use pollen_ledger::crypto::{PublicKey, Signature};
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Linker, WasmList};

use super::{Context, HostData, Id, charge, prices};

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
    )
}
