//! The state, how to take it back, and the code of modules.

use super::super::database::{Removed, StateEntry, decode, value_before};
use super::super::{Family, keys};
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
        self.each(Family::State, |look, key, value| {
            let entry: StateEntry = decode(Family::State, key, value)?;
            let name = entry.key;
            let named = StateKey { owner: entry.owner, key: name.clone() }.hash();
            holds(key == named.0, || "holds the entry of another key".into())?;
            root.add(named, &value_hash(&entry.value));
            look.key_is_named(&entry.owner, &name)
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
            let (hash, height) = keys::read_undo(key).ok_or_else(|| wrong("is no key"))?;
            let removed =
                Removed::read(value).ok_or_else(|| wrong("is neither a value nor none"))?;
            let before = value_before(value, &hash)?.map(<[u8]>::to_vec);
            let tip = look.findings.tip.height;
            let last = newest.take();
            let of_same = last.as_ref().filter(|last| last.hash == hash).map(|last| &last.before);
            let changed = of_same != Some(&before);
            let of_other = last.filter(|last| last.hash != hash);
            newest = Some(Newest { hash, before });
            holds(height <= tip, || format!("is above the tip, {tip}"))?;
            holds(changed, || "was no change".into())?;
            of_other.map_or(Ok(()), |last| look.changed_since(&last))?;
            let Some(Removed { owner, key, .. }) = removed else { return Ok(()) };
            let key = StateKey { owner, key: key.to_vec() };
            holds(key.hash() == hash, || "names another key".into())?;
            look.removed_key_is_named(height, &key)
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
