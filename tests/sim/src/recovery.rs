//! What a restarted host reads from its store: the same as the node's own start does (`node/src/node.rs`).

use pollen_ledger::ordering::{Commit, CommittedSubDag, Recovered};
use pollen_ledger::store::{Database, StoreError};
use pollen_ledger::{AuthorIndex, VerifiedBlock};

/// Where ordering goes on.
pub fn recover(
    database: &Database,
    validators: usize,
    own: Option<AuthorIndex>,
) -> Result<Recovered, StoreError> {
    let last = last_commit(database)?;
    let gc_depth = database.parameters().gc_depth;
    let gc_round = last.as_ref().map_or(0, |last| last.round.saturating_sub(gc_depth));
    let mut recent_commits = Vec::new();
    let mut index = last.as_ref().map_or(0, |last| last.index);
    while index > 0
        && let Some(commit) = database.commit::<Commit>(index)?
    {
        if commit.round.saturating_add(gc_depth) < gc_round {
            break;
        }
        recent_commits.push(commit);
        index -= 1;
    }
    recent_commits.reverse();
    let mut blocks: Vec<VerifiedBlock> = Vec::new();
    for author in 0..validators as AuthorIndex {
        for reference in database.author_blocks(author, gc_round + 1, usize::MAX)? {
            blocks.extend(database.block(&reference)?);
        }
    }
    let own_round_floor = if own.is_some() { database.own_floor()? } else { 0 };
    let signing_history = database.signing_history()?;
    Ok(Recovered { last_commit: last, recent_commits, blocks, own_round_floor, signing_history })
}

fn last_commit(database: &Database) -> Result<Option<Commit>, StoreError> {
    let mut index = database.tip()?.commit_index;
    let mut last = database.commit::<Commit>(index)?;
    while let Some(next) = database.commit::<Commit>(index + 1)? {
        index += 1;
        last = Some(next);
    }
    Ok(last)
}

/// Stored commits from an index on, with their blocks.
pub fn commits_from(database: &Database, first: u64) -> Result<Vec<CommittedSubDag>, StoreError> {
    let mut commits = Vec::new();
    while let Some(commit) = database.commit::<Commit>(first + commits.len() as u64)? {
        let mut blocks = Vec::with_capacity(commit.blocks.len());
        for reference in &commit.blocks {
            let block = database.block(reference)?.ok_or_else(|| StoreError::Corrupt {
                what: format!("the block {reference:?} of commit {} is missing", commit.index),
            })?;
            blocks.push(block);
        }
        commits.push(CommittedSubDag { commit, blocks });
    }
    Ok(commits)
}
