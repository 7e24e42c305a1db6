//! Everything that a peer can send which is not the chain's: refused with its reason, and nothing is written.

use super::*;
use crate::light::LightError;
use crate::ordering::{PastError, ProbationRecord};
use crate::tree::RangeError;

fn chain() -> Chain {
    Chain::with(small(&mut Random(21), 400))
}

fn refusal(head: SnapshotHead, chain: &Chain) -> ImportError {
    let store = Arc::new(MemoryStore::new());
    let error = Import::begin(store.clone(), &chain.genesis, head).unwrap_err();
    assert!(everything(&*store).iter().all(Vec::is_empty), "something was written");
    assert!(error.blames_sender(), "{error}");
    error
}

#[test]
fn a_head_that_is_not_certified_is_refused() {
    let chain = chain();
    let head = chain.head();
    let mut other = head.clone();
    other.proof.certificate.checkpoint.state_root = Hash([1; 32]);
    assert!(matches!(refusal(other, &chain), ImportError::Head(LightError::Certificate(_))));
    let mut other = head.clone();
    other.proof.certificate.signatures.signatures.pop();
    assert!(matches!(refusal(other, &chain), ImportError::Head(LightError::Certificate(_))));
    let mut other = head.clone();
    other.proof.path.push(other.proof.certificate.checkpoint.clone());
    assert!(matches!(refusal(other, &chain), ImportError::Head(LightError::Path { .. })));
    // Another chain's, whole as it is.
    let mut genesis = chain.genesis.clone();
    genesis.time_ms += 1;
    let store = Arc::new(MemoryStore::new());
    let error = Import::begin(store, &genesis, head).unwrap_err();
    assert!(matches!(error, ImportError::Head(LightError::Certificate(_))), "{error}");
}

#[test]
fn genesis_is_no_snapshot() {
    let chain = chain();
    let young = Chain::new();
    assert_eq!(young.database.snapshot_head(&young.database).unwrap(), None);
    let mut head = chain.head();
    head.proof.path = vec![chain.database.checkpoint(0).unwrap().unwrap()];
    assert!(matches!(head.verify(&chain.genesis), Err(ImportError::Genesis)));
}

/// One lie about the commits after another, each with what shows it.
#[test]
fn commits_that_are_not_the_chains_are_refused() {
    let chain = chain();
    let head = chain.head();
    let last = head.commits.len() - 1;
    assert!(last >= 2, "a lie needs room");
    let lie = |change: &dyn Fn(&mut Vec<Commit>)| {
        let mut head = head.clone();
        change(&mut head.commits);
        match refusal(head, &chain) {
            ImportError::Past(reason) => reason,
            other => panic!("{other}"),
        }
    };
    assert_eq!(lie(&|commits| commits.clear()), PastError::Empty);
    let index = chain.last.commit_index;
    assert_eq!(lie(&|commits| drop(commits.pop())), PastError::OtherCommit { index });
    // The first is left out: then blocks above gc are in no commit.
    assert!(matches!(lie(&|commits| drop(commits.remove(0))), PastError::Root { .. }));
    assert!(matches!(lie(&|commits| drop(commits.remove(1))), PastError::Commits(_)));
    let older = chain.commits[chain.commits.len() - last - 2].clone();
    let more = lie(&|commits| commits.insert(0, older.clone()));
    assert!(matches!(more, PastError::BelowGc { .. }), "{more}");
    for at in 0..=last {
        let slots = lie(&|commits| commits[at].slots.truncate(3));
        assert!(matches!(slots, PastError::Commits(_)), "{slots}");
        let blocks = lie(&|commits| commits[at].blocks.truncate(7));
        assert!(matches!(blocks, PastError::Commits(_)), "{blocks}");
        let above = head.commits[at].ignored[0].round > head.commits[last].round - GC_DEPTH;
        if above {
            let ignored = lie(&|commits| commits[at].ignored.clear());
            assert!(matches!(ignored, PastError::Root { .. }), "{ignored}");
        }
        let stranger = chain.twin(3, head.commits[at].round).reference();
        let ignored = lie(&|commits| commits[at].ignored.push(stranger));
        assert!(matches!(ignored, PastError::Root { .. }), "{ignored}");
        let record = ProbationRecord { author: 1, split: 0, terms: 1, until: 900 };
        let probation = lie(&|commits| commits[at].probation.records.push(record));
        match at == last {
            true => assert!(matches!(probation, PastError::Root { .. }), "{probation}"),
            false => assert!(matches!(probation, PastError::Probation { .. }), "{probation}"),
        }
        // No member, and more than a set of authors holds.
        let record = ProbationRecord { author: 60_000, split: 0, terms: 1, until: 900 };
        lie(&|commits| commits[at].probation.records.push(record));
    }
}

/// What neither digests nor the root cover changes nothing of what is kept.
#[test]
fn what_nothing_vouches_for_is_not_taken_over() {
    let chain = chain();
    let honest = chain.head();
    let taken = |head: &SnapshotHead| {
        let store = Arc::new(MemoryStore::new());
        let import = Import::begin(store.clone(), &chain.genesis, head.clone()).unwrap();
        while chain.feed(&import) {}
        import.finish(None, &mut |_| {}).unwrap();
        all(&*store, Family::Commits)
    };
    let expected = taken(&honest);
    let mut other = honest.clone();
    let last = other.commits.len() - 1;
    for commit in &mut other.commits[..last] {
        commit.ordering_root = Hash([5; 32]);
        commit.ignored.insert(0, BlockRef { author: 9, round: 1, digest: Hash([7; 32]) });
        let executed = commit.blocks[3];
        commit.ignored.push(executed);
    }
    other.commits[last].ordering_root = Hash([5; 32]);
    assert_eq!(taken(&other), expected);
}

/// Puts a chunk that must be refused; nothing of the store may change.
fn refused(chain: &Chain, from: &Hash, chunk: &Chunk) -> RangeError {
    let store = Arc::new(MemoryStore::new());
    let import = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap();
    let before = everything(&*store);
    let error = import.put_chunk(from, chunk).unwrap_err();
    assert_eq!(everything(&*store), before, "something was written");
    assert!(error.blames_sender(), "{error}");
    assert!(import.parts().iter().all(|part| !part.done));
    match error {
        ImportError::Chunk { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn chunks_that_are_not_the_state_are_refused() {
    let chain = chain();
    for part in 0..PARTS as u8 {
        let mut from = Hash::ZERO;
        from.0[0] = part << 4;
        let honest = chain.chunk(&from);
        assert!(honest.entries.len() > 5, "part {part:x} is too small for this test");
        let lie = |change: &dyn Fn(&mut Chunk)| {
            let mut chunk = honest.clone();
            change(&mut chunk);
            refused(&chain, &from, &chunk)
        };
        let middle = honest.entries.len() / 2;
        for at in [0, middle, honest.entries.len() - 1] {
            let changed = lie(&|chunk| chunk.entries[at].value.push(0));
            assert!(matches!(changed, RangeError::Root { .. }), "{changed}");
            lie(&|chunk| chunk.entries[at].key.push(0));
            lie(&|chunk| chunk.entries[at].owner.0[31] ^= 1);
            lie(&|chunk| drop(chunk.entries.remove(at)));
        }
        assert_eq!(lie(&|chunk| chunk.entries.swap(0, 1)), RangeError::Entries);
        let twice = lie(&|chunk| chunk.entries.insert(1, chunk.entries[0].clone()));
        assert_eq!(twice, RangeError::Entries);
        let extra = entry(&mut Random(7 + u64::from(part)), 10);
        lie(&|chunk| {
            let entry = StateEntry {
                owner: extra.0.owner,
                key: extra.0.key.clone(),
                value: extra.1.clone(),
            };
            let place = chunk.entries.partition_point(|one| one.key_hash() < entry.key_hash());
            chunk.entries.insert(place, entry);
        });
        // The tail is left out, and the proof says "to the end", or "to the last".
        lie(&|chunk| chunk.entries.truncate(middle));
        lie(&|chunk| {
            chunk.entries.truncate(middle);
            chunk.proof[0] = 0;
        });
        lie(&|chunk| chunk.entries.clear());
        lie(&|chunk| chunk.proof.clear());
        lie(&|chunk| chunk.proof.push(0));
        for at in 0..honest.proof.len() {
            lie(&|chunk| chunk.proof[at] ^= 1);
        }
        // The right entries of another part, under this one's name.
        let mut elsewhere = Hash::ZERO;
        elsewhere.0[0] = (part ^ 1) << 4;
        assert!(matches!(
            refused(&chain, &elsewhere, &honest),
            RangeError::Entries | RangeError::Root { .. } | RangeError::Malformed
        ));
    }
}

/// Story: chunks of one entry each, all of them true, were taken: each with a question, a proof and a write of
/// its own, so that one peer could make days of an import of minutes, and was never found.
#[test]
fn a_chunk_that_is_cut_too_early_is_refused() {
    let chain = chain();
    let store = Arc::new(MemoryStore::new());
    let import = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap();
    let before = everything(&*store);
    for part in 0..PARTS as u8 {
        let (from, mut end) = (part_begin(part), Hash([0xff; 32]));
        end.0[0] = part << 4 | 0xf;
        let mut chunk = chain.chunk(&from);
        chunk.entries.truncate(3);
        let last = chunk.entries[2].key_hash();
        let height = chain.last.height;
        let proof = chain.database.prove_range_within(height, &from, &end, Some(&last));
        chunk.proof = proof.unwrap();
        let error = import.put_chunk(&from, &chunk).unwrap_err();
        assert!(matches!(error, ImportError::Runt { .. }) && error.blames_sender(), "{error}");
    }
    assert_eq!(everything(&*store), before);
}

/// A chunk of the state as it was before is proved by nothing.
#[test]
fn a_chunk_of_another_height_is_refused() {
    let mut chain = chain();
    let old = chain.chunk(&Hash::ZERO);
    chain.checkpoint(small(&mut Random(3), 50).into_iter().map(|(key, value)| (key, Some(value))));
    assert!(matches!(refused(&chain, &Hash::ZERO, &old), RangeError::Root { .. }));
}

/// Two threads asked for the same: the second answer is no lie, and is not written.
#[test]
fn a_chunk_that_is_not_the_next_is_not_taken_and_nobodys_fault() {
    let chain = chain();
    let store = Arc::new(MemoryStore::new());
    let import = Import::begin(store, &chain.genesis, chain.head()).unwrap();
    let chunk = chain.chunk(&Hash::ZERO);
    import.put_chunk(&Hash::ZERO, &chunk).unwrap();
    for from in [Hash::ZERO, Hash([0x11; 32])] {
        let error = import.put_chunk(&from, &chunk).unwrap_err();
        assert!(matches!(error, ImportError::Position { .. }), "{error}");
        assert!(!error.blames_sender());
    }
}

#[test]
fn blocks_and_code_that_nobody_asked_for_are_refused() {
    let chain = chain();
    let store = Arc::new(MemoryStore::new());
    let import = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap();
    let before = everything(&*store);
    let (old, strange) =
        (block(&chain.genesis, 0, 1, Vec::new()), chain.twin(0, chain.last.height as u32));
    for block in [old, strange] {
        let error = import.put_blocks(vec![block]).unwrap_err();
        assert!(matches!(error, ImportError::Block(_)) && error.blames_sender(), "{error}");
    }
    let error = import.put_code(b"anything").unwrap_err();
    assert!(matches!(error, ImportError::Code(_)) && error.blames_sender(), "{error}");
    assert_eq!(everything(&*store), before);
}

#[test]
fn an_import_ends_only_when_all_is_there() {
    let ((record, code), chain) = (module(1), ());
    let () = chain;
    let chain = Chain::with([record]);
    let store = Arc::new(MemoryStore::new());
    let begun =
        || Import::begin(Arc::new(MemoryStore::new()), &chain.genesis, chain.head()).unwrap();
    let early = |import: Import| match import.finish(None, &mut |_| {}).unwrap_err() {
        ImportError::Incomplete(what) => what,
        other => panic!("{other}"),
    };
    assert!(early(begun()).contains("chunks"));
    let import = begun();
    for part in import.parts() {
        import.put_chunk(&part.next, &chain.chunk(&part.next)).unwrap();
    }
    assert_eq!(import.missing_code(9), [Hash::of_content(&code)]);
    assert!(early(import).contains("blocks"));
    let import = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap();
    let named = import.missing_blocks(usize::MAX);
    let blocks = named.iter().map(|name| chain.database.block(name).unwrap().unwrap());
    import.put_blocks(blocks.collect()).unwrap();
    for part in import.parts() {
        import.put_chunk(&part.next, &chain.chunk(&part.next)).unwrap();
    }
    assert!(early(import).contains("code"));
    let again = Import::begin(store.clone(), &chain.genesis, chain.head()).unwrap_err();
    assert!(matches!(again, ImportError::NotEmpty), "{again}");
    let import = Import::resume(store, &chain.genesis).unwrap().unwrap();
    import.put_code(&code).unwrap();
    import.finish(None, &mut |_| {}).unwrap();
}
