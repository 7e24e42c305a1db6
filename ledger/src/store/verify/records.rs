//! The state tree and the history below the tip, and the certificates.

use super::super::{Family, keys, read_node};
use super::{Look, Wrong, holds, wrong};
use crate::certificate::{Certificate, Signatures};
use crate::committee::Committee;
use crate::crypto::Hash;
use crate::tree::{Node, NodeKey};

impl Look<'_> {
    /// Every height names the key hashes that have undo there, and no undo is named by none.
    pub(super) fn undo_keys(&mut self) {
        let mut named = 0;
        self.each(Family::UndoKeys, |look, key, value| {
            let height = look.height_held(key)?;
            let (hashes, rest) = value.as_chunks::<32>();
            holds(rest.is_empty() && !hashes.is_empty(), || "is no list of hashes".into())?;
            holds(hashes.is_sorted_by(|a, b| a < b), || "is out of order".into())?;
            for hash in hashes {
                let undo = keys::undo(&Hash(*hash), height);
                let found = look.database.store.get(Family::Undo, &undo)?;
                holds(found.is_some(), || format!("undo {} is missing", hex::encode(undo)))?;
            }
            named += hashes.len() as u64;
            Ok(())
        });
        self.as_many(Family::Undo, named, "names in undo_keys");
    }

    /// The trees of all heights that are held are whole: those of the lowest and the highest from root to
    /// leaf, those between in what their checkpoints wrote. Each has the root of its checkpoint, and what is
    /// in no later tree is on the list of what goes with time.
    pub(super) fn tree(&mut self) {
        let tip = self.findings.tip.height;
        let oldest = match self.database.heights_held() {
            Ok((oldest, _)) => oldest,
            Err(error) => return self.problem(Wrong::from(error).0),
        };
        let mut newer = 0;
        self.each(Family::Tree, |look, key, value| {
            let key = NodeKey::decode(key).ok_or_else(|| wrong("is no key"))?;
            let node = Node::decode(&key, value).ok_or_else(|| wrong("is no record"))?;
            holds(key.version <= tip, || format!("is above the tip, {tip}"))?;
            if key.version <= oldest {
                return Ok(()); // in the tree at that height, or about to go
            }
            newer += 1;
            let written_with_it =
                node.below(&key).filter(|(child, _)| child.version == key.version);
            for (child, hash) in written_with_it {
                look.record(&child, &hash)?;
            }
            Ok(())
        });
        self.stale_records();
        let at_oldest = self.whole_tree(oldest);
        let at_tip = self.whole_tree(tip);
        self.roots(oldest, tip);
        let (all, stale) = (self.entries(Family::Tree), self.entries(Family::TreeStale));
        if at_tip.is_some_and(|at_tip| at_tip + stale != all) {
            self.problem(format!("tree_stale: {stale} entries do not fit the {all} in the tree"));
        }
        if self.is_pruned_to(oldest) && at_oldest.is_some_and(|records| records + newer != all) {
            self.problem(format!("tree: some of its {all} records are in no tree that is held"));
        }
    }

    /// What is on the list of records that go is there, and older than the height that did without it.
    fn stale_records(&mut self) {
        self.each(Family::TreeStale, |look, key, _| {
            let (height, record) = key.split_at_checked(8).ok_or_else(|| wrong("is no key"))?;
            let height = look.height_held(height)?;
            let record_key = NodeKey::decode(record).ok_or_else(|| wrong("names no record"))?;
            holds(record_key.version < height, || "names a record that came later".into())?;
            let found = look.database.store.get(Family::Tree, record)?;
            holds(found.is_some(), || "names a record that is missing".into())
        });
    }

    /// Records of the tree at a height, each looked at; none when it is not whole, which is told.
    fn whole_tree(&mut self, height: u64) -> Option<u64> {
        match self.count_records(height) {
            Ok(records) => Some(records),
            Err(Wrong(what)) => {
                self.problem(format!("tree: at height {height}: {what}"));
                None
            }
        }
    }

    fn count_records(&self, height: u64) -> Result<u64, Wrong> {
        let root = NodeKey::root(self.database.root_version(height)?);
        let mut records = 0;
        // Of every record on the way what is below it: a few thousand names at most.
        let mut open = vec![(root, self.database.state_root(height)?)];
        while let Some((key, hash)) = open.pop() {
            let node = self.record(&key, &hash)?;
            open.extend(node.below(&key));
            records += 1;
        }
        Ok(records)
    }

    fn record(&self, key: &NodeKey, hash: &Hash) -> Result<Node, Wrong> {
        let node = read_node(&*self.database.store, key)?;
        let same = node.hash() == *hash;
        holds(same, || format!("tree {} is not what stands above it", hex::encode(key.encode())))?;
        Ok(node)
    }

    fn roots(&mut self, oldest: u64, tip: u64) {
        for height in oldest..=tip {
            let root = self.database.state_root(height).map_err(Wrong::from);
            let checkpoint = self.database.checkpoint(height);
            let same = match (root, checkpoint) {
                (Ok(root), Ok(Some(checkpoint))) => root == checkpoint.state_root,
                _ => false,
            };
            if !same {
                self.problem(format!("tree: has not the root of checkpoint {height}"));
            }
        }
    }

    /// Certificates are of checkpoints that are there, signed by a quorum. Where one is missing, the
    /// attestations in blocks may take its place.
    pub(super) fn certificates(&mut self) {
        let committee = match self.findings.genesis.committee() {
            Ok(committee) => committee,
            Err(error) => return self.problem(format!("meta genesis: {error}")),
        };
        self.each(Family::Certificates, |look, key, value| {
            look.certificate(&committee, key, value)
        });
    }

    fn certificate(&self, committee: &Committee, key: &[u8], value: &[u8]) -> Result<(), Wrong> {
        let height = read_height(key)?;
        let checkpoint = self.database.checkpoint(height)?;
        let checkpoint = checkpoint.ok_or_else(|| wrong("is of no checkpoint"))?;
        let signatures = Signatures::decode(value).map_err(|error| wrong(error.to_string()))?;
        let certificate = Certificate { checkpoint, signatures };
        let verified = certificate.verify(self.database.chain_id(), committee);
        verified.map(drop).map_err(|error| wrong(error.to_string()))
    }

    /// A height up to the tip that pruning has not passed.
    pub(super) fn height_held(&self, key: &[u8]) -> Result<u64, Wrong> {
        let height = read_height(key)?;
        let tip = self.findings.tip.height;
        holds(height <= tip, || format!("is above the tip, {tip}"))?;
        let done = self.database.pruned_to()?;
        holds(height > done, || format!("should have been pruned, up to {done}"))?;
        Ok(height)
    }

    fn is_pruned_to(&self, oldest: u64) -> bool {
        self.database.pruned_to().is_ok_and(|done| done == oldest)
    }
}

fn read_height(key: &[u8]) -> Result<u64, Wrong> {
    let height = key.try_into().map_err(|_| wrong("is no height"))?;
    Ok(u64::from_be_bytes(height))
}
