//! Keys: fixed widths, big-endian, so that byte order is the order of what they mean.

use crate::block::{BlockRef, Round};
use crate::committee::AuthorIndex;
use crate::crypto::Hash;
use crate::transaction::AccountId;
use crate::tree::NodeKey;

/// Above every key of every family: none is as long.
pub(super) const ABOVE_ALL: [u8; 320] = [0xff; 320];

/// A height, an index or any other number.
pub(super) fn number(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// `height u64 || index u32`: a transaction's place.
pub(super) fn place(height: u64, index: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&height.to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The reverse of [`place`].
pub(super) fn read_place(key: &[u8]) -> Option<(u64, u32)> {
    let (height, index) = key.split_at_checked(8)?;
    Some((u64::from_be_bytes(height.try_into().ok()?), u32::from_be_bytes(index.try_into().ok()?)))
}

/// `round u32 || author u16 || digest 32`.
pub(super) fn block(reference: &BlockRef) -> [u8; 38] {
    let mut key = [0; 38];
    key[..4].copy_from_slice(&reference.round.to_be_bytes());
    key[4..6].copy_from_slice(&reference.author.to_be_bytes());
    key[6..].copy_from_slice(&reference.digest.0);
    key
}

/// `author u16 || round u32 || digest 32`.
pub(super) fn author_block(reference: &BlockRef) -> [u8; 38] {
    let mut key = [0; 38];
    key[..6].copy_from_slice(&author_round(reference.author, reference.round));
    key[6..].copy_from_slice(&reference.digest.0);
    key
}

/// `author u16 || round u32`: below every block of that author from that round on.
pub(super) fn author_round(author: AuthorIndex, round: Round) -> [u8; 6] {
    let mut key = [0; 6];
    key[..2].copy_from_slice(&author.to_be_bytes());
    key[2..].copy_from_slice(&round.to_be_bytes());
    key
}

/// The reverse of [`author_block`].
pub(super) fn read_author_block(key: &[u8]) -> Option<BlockRef> {
    let key: &[u8; 38] = key.try_into().ok()?;
    Some(BlockRef {
        author: u16::from_be_bytes(key[..2].try_into().ok()?),
        round: u32::from_be_bytes(key[2..6].try_into().ok()?),
        digest: Hash(key[6..].try_into().ok()?),
    })
}

/// `key hash 32 || height u64`.
pub(super) fn undo(key_hash: &Hash, height: u64) -> [u8; 40] {
    let mut key = [0; 40];
    key[..32].copy_from_slice(&key_hash.0);
    key[32..].copy_from_slice(&height.to_be_bytes());
    key
}

/// The reverse of [`undo`].
pub(super) fn read_undo(key: &[u8]) -> Option<(Hash, u64)> {
    let key: &[u8; 40] = key.try_into().ok()?;
    Some((Hash(key[..32].try_into().ok()?), u64::from_be_bytes(key[32..].try_into().ok()?)))
}

/// `height u64 || key of a record of the tree`.
pub(super) fn stale(height: u64, node: &NodeKey) -> Vec<u8> {
    [&number(height)[..], &node.encode()].concat()
}

/// `account 32 || height u64 || index u32`.
pub(super) fn account(account: &AccountId, height: u64, index: u32) -> [u8; 44] {
    let mut key = [0; 44];
    key[..32].copy_from_slice(&account.0);
    key[32..].copy_from_slice(&place(height, index));
    key
}

/// The reverse of [`account`], without the account.
pub(super) fn read_account(key: &[u8]) -> Option<(u64, u32)> {
    read_place(key.get(32..).filter(|place| place.len() == 12)?)
}

/// `owner 32 || key`.
pub(super) fn owned(owner: &AccountId, key: &[u8]) -> Vec<u8> {
    [&owner.0[..], key].concat()
}

/// `height u64 || owner 32 || key`.
pub(super) fn gone(height: u64, owned: &[u8]) -> Vec<u8> {
    [&number(height)[..], owned].concat()
}

/// `module 32 || height u64 || index u32 || number u32`.
pub(super) fn event(module: &AccountId, height: u64, index: u32, number: u32) -> [u8; 48] {
    let mut key = [0; 48];
    key[..32].copy_from_slice(&module.0);
    key[32..44].copy_from_slice(&place(height, index));
    key[44..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The reverse of [`event`], without the module.
pub(super) fn read_event(key: &[u8]) -> Option<(u64, u32, u32)> {
    let rest = key.get(32..)?;
    let (height, index) = read_place(rest.get(..12)?)?;
    Some((height, index, u32::from_be_bytes(rest.get(12..)?.try_into().ok()?)))
}
