//! The state, how to take it back, and the code of modules.

use super::super::Family;
use super::super::database::{StateEntry, decode};
use super::{Look, Wrong, holds, wrong};
use crate::crypto::Hash;
use crate::execution::StateKey;
use crate::tree::{StreamedRoot, value_hash};

/// What was before the newest change of a key that was met so far.
struct Newest {
    hash: Hash,
    before: Option<Vec<u8>>,
}

impl Look<'_> {
    /// Code stands under its hash.
    pub(super) fn modules(&mut self) {
        self.each(Family::Modules, |_, key, value| {
            holds(key == Hash::of_content(value).0, || "is not the code of its hash".into())
        });
    }

    /// Every entry stands under the hash of its key, and all of them together have the tip's state root:
    /// so none is missing, and none has another value.
    pub(super) fn state(&mut self) {
        let mut root = StreamedRoot::default();
        self.each(Family::State, |_, key, value| {
            let entry: StateEntry = decode(Family::State, key, value)?;
            let named = StateKey { owner: entry.owner, key: entry.key }.hash();
            holds(key == named.0, || "holds the entry of another key".into())?;
            root.add(named, &value_hash(&entry.value));
            Ok(())
        });
        let (found, expected) = (root.finish(), self.findings.tip.state_root);
        if found != expected {
            self.problem(format!(
                "state: the entries have the root {found}, the tip says {expected}: entries are missing or altered"
            ));
        }
    }

    /// Every change made a difference: what was before one is never what was before the next, and what was
    /// before the newest is not what is there now. None is above the tip.
    pub(super) fn undo(&mut self) {
        let mut newest: Option<Newest> = None;
        self.each(Family::Undo, |look, key, value| {
            let (hash, height) = read_key(key).ok_or_else(|| wrong("is no key"))?;
            let before = match value {
                [0] => None,
                [1, value @ ..] => Some(value.to_vec()),
                _ => return Err(wrong("is neither a value nor none")),
            };
            let tip = look.findings.tip.height;
            let last = newest.take();
            let of_same = last.as_ref().filter(|last| last.hash == hash).map(|last| &last.before);
            let changed = of_same != Some(&before);
            let of_other = last.filter(|last| last.hash != hash);
            newest = Some(Newest { hash, before });
            holds(height <= tip, || format!("is above the tip, {tip}"))?;
            holds(changed, || "was no change".into())?;
            of_other.map_or(Ok(()), |last| look.changed_since(&last))
        });
        if let Some(last) = newest
            && let Err(Wrong(what)) = self.changed_since(&last)
        {
            self.problem(what);
        }
    }

    fn changed_since(&self, newest: &Newest) -> Result<(), Wrong> {
        let now = self.database.store.get(Family::State, &newest.hash.0)?;
        let now = now.map(|bytes| decode::<StateEntry>(Family::State, &newest.hash.0, &bytes));
        let now = now.transpose()?.map(|entry| entry.value);
        let hash = hex::encode(newest.hash.0);
        holds(now != newest.before, || format!("state {hash} is what was before its last change"))
    }
}

/// Key hash 32, height u64.
fn read_key(key: &[u8]) -> Option<(Hash, u64)> {
    let key: &[u8; 40] = key.try_into().ok()?;
    let hash = Hash(key[..32].try_into().ok()?);
    let height = u64::from_be_bytes(key[32..].try_into().ok()?);
    Some((hash, height))
}
