//! Blocks and commits.

use super::super::{Family, StoreError, keys};
use super::{Look, Wrong, holds, wrong};
use crate::block::Round;
use crate::crypto::Hash;
use crate::ordering::{Commit, OrderingRoots, inherit};

impl Look<'_> {
    /// Every block is the one that its key names, and is found by its author; no two of our own are of one
    /// round.
    pub(super) fn blocks(&mut self) {
        let mut own_round = 0;
        self.each(Family::Dag, |look, key, value| {
            let block = look.database.decode_block(key, value)?;
            let named = keys::author_block(&block.reference());
            let found = look.database.store.get(Family::DagAuthor, &named)?;
            if Some(block.author()) == look.own {
                let twice = own_round == block.round();
                own_round = block.round();
                holds(!twice, || "a second block of this validator in its round".to_owned())?;
            }
            holds(found.is_some(), || "is not in dag_author".to_owned())
        });
        self.each(Family::DagAuthor, |_, key, _| {
            keys::read_author_block(key).map(drop).ok_or_else(|| wrong("is no key"))
        });
        let blocks = self.entries(Family::Dag);
        self.as_many(Family::DagAuthor, blocks, "blocks");
    }

    /// Commits are chained from the first one that is held on, and their blocks are there; of what a snapshot
    /// brought only blocks above its gc.
    pub(super) fn commits(&mut self) {
        let gc_round = match self.inherited() {
            Ok(gc_round) => gc_round,
            Err(Wrong(what)) => {
                self.problem(what);
                0
            }
        };
        let first = self.held.commit;
        let mut last: (u64, Option<Hash>) =
            (first - 1, (first == 1).then_some(*self.database.chain_id()));
        let mut roots = OrderingRoots::new(self.database.parameters().gc_depth);
        self.each(Family::Commits, |look, key, value| {
            let commit: Commit = super::super::database::decode(Family::Commits, key, value)?;
            holds(key == keys::number(commit.index), || "holds another commit".to_owned())?;
            if commit.index < first {
                return Ok(()); // about to go
            }
            let digest = Some(commit.digest);
            let (index, previous) = std::mem::replace(&mut last, (commit.index, digest));
            holds(commit.index == index + 1, || format!("comes after commit {index}"))?;
            holds(commit.digest == commit.compute_digest(), || {
                "is not what its digest says".into()
            })?;
            let follows = previous.is_none_or(|previous| previous == commit.previous);
            holds(follows, || format!("does not follow commit {index}"))?;
            let is_inherited = commit.index <= look.findings.begin.commit_index;
            // No digest covers it but the checkpoint's, and not every commit closes one.
            let root = roots.next(&commit).filter(|_| !is_inherited);
            holds(root.is_none_or(|root| root == commit.ordering_root), || {
                "is not followed by what its ordering root says".into()
            })?;
            for reference in commit.blocks.iter().chain(&commit.ignored) {
                let named = keys::author_block(reference);
                let found = look.database.store.get(Family::DagAuthor, &named)?;
                let is_below = is_inherited && reference.round <= gc_round;
                holds(found.is_some() || is_below, || {
                    format!("its block {reference:?} is missing")
                })?;
            }
            Ok(())
        });
        let tip = self.findings.tip.commit_index;
        if last.0 < tip {
            self.problem(format!("commits: end at {}, the tip has executed {tip}", last.0));
        }
    }

    /// The commits that a snapshot brought, while they are held, are those of its checkpoint. Answers its gc
    /// round.
    fn inherited(&self) -> Result<Round, Wrong> {
        let begin = self.findings.begin;
        if begin.height == 0 || self.held.commit > begin.commit_index {
            return Ok(0);
        }
        let missing = |what: &str| StoreError::Corrupt {
            what: format!("{what} of the snapshot at height {} is missing", begin.height),
        };
        let checkpoint = self.database.checkpoint(begin.height)?;
        let checkpoint = checkpoint.ok_or_else(|| missing("the checkpoint"))?;
        let last: Option<Commit> = self.database.commit(begin.commit_index)?;
        let last = last.ok_or_else(|| missing("the last commit"))?;
        let parameters = self.database.parameters();
        let gc_round = last.round.saturating_sub(parameters.gc_depth);
        let commits = self.database.commits_down_to(last.index, gc_round + 1)?;
        let committee = self.findings.genesis.committee();
        let committee = committee.map_err(|error| wrong(format!("meta genesis: {error}")))?;
        let refused = |error| wrong(format!("commits: those of the snapshot: {error}"));
        inherit(commits, &checkpoint, &committee, parameters).map_err(refused)?;
        Ok(gc_round)
    }
}
