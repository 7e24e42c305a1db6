//! One question to one peer, and what became of the answer: checked and written, or whose fault it is.

use std::sync::Arc;

use pollen_ledger::Hash;
use pollen_ledger::block::BlockRef;
use pollen_ledger::store::snapshot::{Chunk, Import, ImportError};
use pollen_ledger::wire::{Request, Response};

use tokio::sync::Semaphore;

use super::Shared;
use super::plan::Work;
use crate::fetch::Rules;
use crate::network::{NetworkHandle, PeerId, Target};

/// A question that is about to be asked.
pub(super) struct Question {
    pub(super) network: NetworkHandle,
    pub(super) import: Shared,
    pub(super) rules: Rules,
    /// The blocks that are asked for.
    pub(super) names: Vec<BlockRef>,
    /// The snapshot's.
    pub(super) height: u64,
    pub(super) work: Work,
    pub(super) peer: PeerId,
    /// Answers that may be checked at once: each takes some times its bytes.
    pub(super) checking: Arc<Semaphore>,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) work: Work,
    pub(super) peer: PeerId,
    pub(super) fetched: Fetched,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) enum Fetched {
    /// It is written; by this answer or by another one that came first.
    Done,
    /// The peer has it not.
    Lacks,
    /// No answer.
    Failed(String),
    /// The answer is not what it should be.
    Lied(String),
    /// The import cannot go on, whoever answers.
    Fatal(ImportError),
}

impl Question {
    pub(super) async fn ask(self) -> Outcome {
        let Self { network, import, rules, names, height, work, peer, checking } = self;
        let request = match work {
            Work::Blocks(_) => Request::Blocks(names.clone()),
            Work::Code(hash) => Request::Code { hash },
            Work::Chunk(from) => Request::SnapshotChunk { height, from },
        };
        let fetched = match network.request(Target::Peer(peer), request).await {
            Err(error) => Fetched::Failed(error.to_string()),
            Ok(Response::Refused(reason)) => Fetched::Failed(reason),
            Ok(answer) => {
                let take = move || {
                    let held = import.read();
                    match held.as_ref() {
                        Some(import) => take(import, &rules, work, &names, answer),
                        None => Fetched::Done,
                    }
                };
                let _permit = checking.acquire().await;
                let taken = tokio::task::spawn_blocking(take).await;
                match taken {
                    Ok(taken) => taken,
                    // A bug, and what it was about may be half done: no reason to go on.
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(error) => Fetched::Failed(error.to_string()),
                }
            }
        };
        Outcome { work, peer, fetched }
    }
}

/// Checks an answer and writes it.
pub(super) fn take(
    import: &Import,
    rules: &Rules,
    work: Work,
    names: &[BlockRef],
    answer: Response,
) -> Fetched {
    let written = match (work, answer) {
        (Work::Chunk(_), Response::SnapshotChunk(None)) | (Work::Code(_), Response::Code(None)) => {
            return Fetched::Lacks;
        }
        (Work::Chunk(from), Response::SnapshotChunk(Some(bytes))) => match Chunk::decode(&bytes) {
            Ok(chunk) => import.put_chunk(&from, &chunk),
            Err(error) => return Fetched::Lied(format!("a chunk cannot be read: {error}")),
        },
        (Work::Code(hash), Response::Code(Some(code))) => {
            if Hash::of_content(&code) != hash {
                return Fetched::Lied(format!("other code than that with the hash {hash}"));
            }
            import.put_code(&code)
        }
        (Work::Blocks(_), Response::Blocks(encoded)) => {
            if encoded.is_empty() {
                return Fetched::Lacks;
            }
            match rules.verify_all(&encoded) {
                Ok(blocks) if blocks.iter().all(|block| names.contains(&block.reference())) => {
                    import.put_blocks(blocks)
                }
                Ok(_) => return Fetched::Lied("blocks that were not asked for".to_owned()),
                Err(error) => return Fetched::Lied(format!("a bad block: {error}")),
            }
        }
        _ => return Fetched::Lied("an answer to another question".to_owned()),
    };
    match written {
        Ok(()) | Err(ImportError::Position { .. }) => Fetched::Done,
        Err(error) if error.blames_sender() => Fetched::Lied(error.to_string()),
        Err(error) => Fetched::Fatal(error),
    }
}
