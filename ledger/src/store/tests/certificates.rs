//! Certificates: as they were collected, made of stored blocks, or by the way of a later one.

use super::*;
use crate::certificate::Signatures;
use crate::checkpoint::{Attestation, Checkpoint};
use crate::execution::tests::{block_saying, genesis};
use crate::light::{LightClient, LightError, PATH_CHECKPOINTS_MAX};
use crate::ordering::{Commit, Probation};
use crate::{AuthorIndex, Committee, Genesis, Hash, KeyPair, VerifiedBlock};

/// Four validators with keys that sign, and checkpoints above genesis, one per commit.
struct Chain {
    genesis: Genesis,
    database: Database,
    committee: Committee,
    last: Checkpoint,
}

fn key(author: AuthorIndex) -> KeyPair {
    KeyPair::development(&format!("certificates {author}"))
}

impl Chain {
    fn new(store: Arc<dyn Store>) -> Self {
        let mut genesis = genesis(&[]);
        for (author, member) in (0..).zip(&mut genesis.committee) {
            member.public_key = key(author).public_key();
        }
        let database = Database::open(store, &genesis, None).unwrap();
        let committee = genesis.committee().unwrap();
        let last = database.checkpoint(0).unwrap().unwrap();
        Self { genesis, database, committee, last }
    }

    /// The next checkpoint, with the commit that closed it.
    fn checkpoint(&mut self) -> Checkpoint {
        let height = self.last.height + 1;
        let next = Checkpoint {
            height,
            commit_index: height,
            previous: self.last.digest(),
            timestamp_ms: self.last.timestamp_ms + 1,
            ..self.last.clone()
        };
        let commit = Commit {
            index: height,
            round: 10 * height as u32,
            timestamp_ms: next.timestamp_ms,
            previous: Hash::ZERO,
            digest: Hash::ZERO,
            active: Hash::ZERO,
            slots: Vec::new(),
            blocks: Vec::new(),
            ignored: Vec::new(),
            probation: Probation::default(),
            ordering_root: Hash::ZERO,
        };
        let mut batch = Batch::default();
        Database::put_commit(&mut batch, height, &commit);
        Database::put_checkpoint(&mut batch, &next);
        Database::put_tip(
            &mut batch,
            &Tip {
                height,
                commit_index: height,
                digest: next.digest(),
                state_root: next.state_root,
            },
        );
        self.database.write(batch, Durability::Synced).unwrap();
        self.last = next.clone();
        next
    }

    fn said(&self, checkpoint: &Checkpoint, author: AuthorIndex) -> Attestation {
        let (height, digest) = (checkpoint.height, checkpoint.digest());
        Attestation::sign(&checkpoint.chain_id, height, digest, &key(author))
    }

    /// Stores the certificate by these authors.
    fn certify(&self, checkpoint: &Checkpoint, authors: &[AuthorIndex]) -> Signatures {
        let said: Vec<_> =
            authors.iter().map(|author| (*author, self.said(checkpoint, *author))).collect();
        let said = said.iter().map(|(author, attestation)| (*author, attestation));
        let signatures = Signatures::collect(&self.committee, said).unwrap();
        let mut batch = Batch::default();
        Database::put_signatures(&mut batch, checkpoint.height, &signatures);
        self.database.write(batch, Durability::Buffered).unwrap();
        signatures
    }

    /// Stores a block that carries attestations.
    fn block(&self, author: AuthorIndex, round: u32, said: Vec<Attestation>) -> VerifiedBlock {
        let block = block_saying(&self.genesis, author, round, said);
        let mut batch = Batch::default();
        Database::put_block(&mut batch, &block);
        self.database.write(batch, Durability::Buffered).unwrap();
        block
    }

    fn is_proved(&self, height: u64) -> Option<usize> {
        let proof = self.database.prove_checkpoint(height, &self.committee).unwrap()?;
        let certified =
            LightClient::new(&self.genesis).unwrap().checkpoint(height, &proof).unwrap();
        assert_eq!(
            Some(certified.checkpoint()),
            self.database.checkpoint(height).unwrap().as_ref()
        );
        Some(proof.path.len())
    }
}

#[test]
fn what_was_collected_is_kept_by_height() {
    on_each(|store| {
        let mut chain = Chain::new(store);
        assert_eq!(chain.database.certified_height().unwrap(), 0);
        let checkpoints: Vec<_> = (0..4).map(|_| chain.checkpoint()).collect();
        let signatures = chain.certify(&checkpoints[1], &[0, 1, 3]);
        chain.certify(&checkpoints[2], &[0, 1, 2, 3]);
        assert_eq!(chain.database.signatures(2).unwrap(), Some(signatures));
        assert_eq!(chain.database.signatures(1).unwrap(), None);
        assert_eq!(chain.database.certified_height().unwrap(), 3);
        let next = |height| chain.database.next_signed_height(height).unwrap();
        assert_eq!([next(0), next(2), next(3), next(4)], [Some(2), Some(2), Some(3), None]);
        // Genesis and a height without a certificate of its own go by the next one.
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|height| chain.is_proved(height)),
            [Some(2), Some(1), Some(0), Some(0), None, None]
        );
        let recovered = chain.database.recover(None).unwrap();
        let checkpoints = recovered.checkpoints.iter().map(|one| (one.height, one.certified));
        assert!(checkpoints.eq([(0, false), (1, false), (2, true), (3, true), (4, false)]));
        assert_eq!(recovered.certified_height, 3);
    });
}

/// Story: the node was behind while attestations travelled, and has the blocks that carried them.
#[test]
fn a_certificate_is_made_of_what_stored_blocks_say() {
    on_each(|store| {
        let mut chain = Chain::new(store);
        let checkpoint = chain.checkpoint();
        let said = |author| chain.said(&checkpoint, author);
        // At the round of its own commit nobody can know it yet; round 10 is that of the commit.
        chain.block(0, 10, vec![said(0)]);
        chain.block(1, 11, vec![said(1)]);
        // The same author twice, a stolen voice, another digest.
        chain.block(1, 12, vec![said(1)]);
        chain.block(2, 12, vec![said(3)]);
        let other = Checkpoint { timestamp_ms: 1, ..checkpoint.clone() };
        chain.block(3, 12, vec![chain.said(&other, 3)]);
        chain.block(2, 13, vec![said(2)]);
        assert_eq!(chain.is_proved(1), None, "two of four");
        chain.block(0, 14, vec![said(0)]);
        assert_eq!(chain.is_proved(1), Some(0));
        let proof = chain.database.prove_checkpoint(1, &chain.committee).unwrap().unwrap();
        assert_eq!(proof.certificate.signatures.authors().collect::<Vec<_>>(), [0, 1, 2]);
    });
}

#[test]
fn a_certificate_too_far_ahead_is_not_offered() {
    on_each(|store| {
        let mut chain = Chain::new(store);
        for _ in 0..=PATH_CHECKPOINTS_MAX {
            chain.checkpoint();
        }
        let last = chain.last.clone();
        chain.certify(&last, &[0, 1, 2]);
        assert_eq!(chain.is_proved(0), None);
        assert_eq!(chain.is_proved(1), Some(PATH_CHECKPOINTS_MAX));
        let light = LightClient::new(&chain.genesis).unwrap();
        let proof = chain.database.prove_checkpoint(1, &chain.committee).unwrap().unwrap();
        let refused = LightError::Height { found: 1, expected: 2 };
        assert_eq!(light.checkpoint(2, &proof), Err(refused));
    });
}

/// A certificate that was never collected is made of the blocks that carry its attestations before they go:
/// all heights stay provable.
#[test]
fn what_only_blocks_prove_is_proved_when_they_are_gone() {
    let store = Arc::new(MemoryStore::new());
    let mut chain = Chain::new(store);
    let light = LightClient::new(&chain.genesis).unwrap();
    let heights = PATH_CHECKPOINTS_MAX as u64 + 500;
    for height in 1..=heights {
        let checkpoint = chain.checkpoint();
        let mut batch = Batch::default();
        for author in 0..3 {
            let said = vec![chain.said(&checkpoint, author)];
            let block = block_saying(&chain.genesis, author, 10 * height as u32 + 3, said);
            Database::put_block(&mut batch, &block);
        }
        chain.database.write(batch, Durability::Buffered).unwrap();
    }
    // The state's window is not what this is about.
    let mut batch = Batch::default();
    batch.put_encoded(Family::Meta, b"pruned", &(heights, heights));
    chain.database.write(batch, Durability::Buffered).unwrap();
    let little = LedgerRetention { time_ms: 0, commits: 50 };
    while chain.database.prune_ledger(&little, &chain.committee).unwrap() {}
    let held = chain.database.ledger_held().unwrap();
    assert_eq!(held.height, heights - 49);
    assert!(chain.database.blocks(0, None, 1).unwrap()[0].round() >= held.round);
    for height in (1..=heights).step_by(97).chain([1, held.height - 1, held.height]) {
        let proof = chain.database.prove_checkpoint(height, &chain.committee).unwrap();
        let proof = proof.unwrap_or_else(|| panic!("nothing proves {height}"));
        assert_eq!(light.checkpoint(height, &proof).unwrap().checkpoint().height, height);
    }
    let kept = chain.database.next_signed_height(0).unwrap();
    assert_eq!(kept, Some(PATH_CHECKPOINTS_MAX as u64 + 1));
}
