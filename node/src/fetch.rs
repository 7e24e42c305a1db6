//! What the core asks of peers: history, ranges of commits, and what they know of our own blocks. One
//! question, one peer, one answer; whom to ask next and when is the core's to say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pollen_ledger::block::Block;
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::limits::{HISTORY_BLOCKS_MAX, HISTORY_BYTES_MAX, RANGE_COMMITS_MAX};
use pollen_ledger::ordering::{CommitRange, Input, RangeError};
use pollen_ledger::wire::{CommitsAnswer, CommitsRequest, HistoryRequest, Request, Response};
use pollen_ledger::{Committee, Hash, Parameters, VerifiedBlock};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::core_thread::CoreHandle;
use crate::network::{NetworkHandle, RequestError, Target};

/// How often it is told that a peer's ledger does not go back far enough.
const TELL_GONE: Duration = Duration::from_secs(30);

/// What a block is checked against.
#[derive(Clone)]
pub struct Rules {
    /// The chain.
    pub chain_id: Hash,
    /// The epoch's committee.
    pub committee: Arc<Committee>,
    /// The chain's numbers.
    pub parameters: Arc<Parameters>,
}

impl Rules {
    /// Decodes and verifies a block from a peer.
    pub fn verify(&self, bytes: &[u8]) -> Result<VerifiedBlock, pollen_ledger::block::BlockError> {
        Block::decode(bytes, &self.parameters)?.verify(
            &self.chain_id,
            &self.committee,
            &self.parameters,
        )
    }

    /// Verifies blocks, about 60 us each: not on a thread that others wait for. None when one is bad.
    pub fn verify_all(
        &self,
        encoded: &[Vec<u8>],
    ) -> Result<Vec<VerifiedBlock>, pollen_ledger::block::BlockError> {
        encoded.iter().map(|bytes| self.verify(bytes)).collect()
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub struct Fetcher {
    /// The runtime that requests run on.
    pub runtime: Handle,
    /// The network.
    pub network: NetworkHandle,
    /// The core's queue.
    pub core: CoreHandle,
    /// What answers are checked against.
    pub rules: Rules,
    /// The range behind the one that is being verified, on its way.
    pub ahead: Arc<Mutex<Option<Ahead>>>,
    /// When it was last told that a peer's ledger does not go back far enough.
    pub told_gone: Arc<Mutex<Option<Instant>>>,
}

/// What a peer answered, and its index; none when it has no connection to us.
type Answered = Option<(Option<AuthorIndex>, Response)>;

/// A range of commits that is asked for before the core wants it: while one is verified and installed, the
/// next one is read and sent. At most one, and dropped when the core asks somebody else or for another.
#[derive(Debug)]
pub struct Ahead {
    from: AuthorIndex,
    request: CommitsRequest,
    answer: JoinHandle<Answered>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.answer.abort();
    }
}

impl Fetcher {
    /// Asks for history, and gives the answer or the failure to the core.
    pub fn fetch(&self, id: u64, from: AuthorIndex, request: HistoryRequest) {
        let this = self.clone();
        self.runtime.spawn(async move {
            let input = match this.ask(from, Request::History(request)).await {
                Some((from, Response::History(blocks))) => {
                    this.take_history(id, from, blocks).await
                }
                _ => Input::FetchFailed { id },
            };
            this.core.mail(input);
        });
    }

    async fn take_history(
        &self,
        id: u64,
        from: Option<AuthorIndex>,
        blocks: Vec<Vec<u8>>,
    ) -> Input {
        let rules = self.rules.clone();
        match tokio::task::spawn_blocking(move || rules.verify_all(&blocks)).await {
            Ok(Ok(blocks)) => Input::Fetched { id, from, blocks },
            Ok(Err(error)) => {
                tracing::warn!(from, %error, "a peer answered with a bad block");
                Input::FetchFailed { id }
            }
            Err(_) => Input::FetchFailed { id },
        }
    }

    /// Asks for commits, and gives what became of the answer to the core.
    pub fn fetch_commits(&self, id: u64, from: AuthorIndex, request: CommitsRequest) {
        let this = self.clone();
        let ahead = self.ahead.lock().take();
        let ahead = ahead.filter(|ahead| ahead.from == from && ahead.request == request);
        self.runtime.spawn(async move {
            let answered = match ahead {
                Some(mut ahead) => (&mut ahead.answer).await.ok().flatten(),
                None => this.ask(from, Request::Commits(request)).await,
            };
            let (answerer, answer) = match answered {
                Some((answerer, Response::Commits(answer))) => (answerer, answer),
                Some((answerer, Response::CommitsGone { index })) => {
                    this.tell_gone(answerer, request.after, index);
                    return this.core.mail(Input::FetchFailed { id });
                }
                _ => return this.core.mail(Input::FetchFailed { id }),
            };
            this.ask_ahead(from, &answer);
            let rules = this.rules.clone();
            let verify = move || {
                let Rules { chain_id, committee, parameters } = &rules;
                CommitRange::verify(answer, chain_id, committee, parameters)
            };
            this.core.mail(match tokio::task::spawn_blocking(verify).await {
                Ok(Ok(range)) => Input::Commits { id, range },
                Ok(Err(RangeError::Empty)) | Err(_) => Input::FetchFailed { id },
                Ok(Err(error)) => {
                    tracing::warn!(from = answerer, %error, "a peer answered with commits that are refused");
                    Input::CommitsRefused { id }
                }
            });
        });
    }

    /// Says what to do when a peer has not the commits that this node needs. Others may have them, so the
    /// core goes on asking.
    fn tell_gone(&self, from: Option<AuthorIndex>, after: u64, index: u64) {
        let mut told = self.told_gone.lock();
        if told.is_some_and(|told| told.elapsed() < TELL_GONE) {
            return;
        }
        *told = Some(Instant::now());
        tracing::warn!(
            from,
            last_commit = after,
            peer_begins_behind = index,
            "this node is further behind than that peer's ledger goes back. If no other peer has the commits in \
             between, stop this node, move its `ledger` folder away and start it again: it takes a snapshot of \
             the state then"
        );
    }

    /// Asks for the range behind an answer that was cut off by its bounds. Nothing in the answer is
    /// believed: should its last commit not be what it says, the core asks for another range.
    fn ask_ahead(&self, from: AuthorIndex, answer: &CommitsAnswer) {
        let bytes: usize = answer.blocks.iter().map(Vec::len).sum();
        let cut_off = answer.commits.len() > RANGE_COMMITS_MAX / 2
            || answer.blocks.len() > HISTORY_BLOCKS_MAX / 2
            || bytes > HISTORY_BYTES_MAX / 2;
        let Some(last) = answer.commits.last().filter(|_| cut_off) else { return };
        let request = CommitsRequest { after: last.index };
        let this = self.clone();
        let answer =
            self.runtime.spawn(async move { this.ask(from, Request::Commits(request)).await });
        *self.ahead.lock() = Some(Ahead { from, request, answer });
    }

    /// Asks a validator for its newest block by `own`, us. No answer is no input: the core asks again.
    pub fn ask_own_block(&self, to: AuthorIndex, own: AuthorIndex) {
        let this = self.clone();
        self.runtime.spawn(async move {
            let request = Request::NewestBlock { author: own };
            let answer = this.network.request(Target::Author(to), request).await;
            let Ok(Response::NewestBlock(encoded)) = answer else { return };
            let block = match encoded.map(|bytes| this.rules.verify(&bytes)).transpose() {
                Ok(block) => block,
                Err(error) => {
                    tracing::warn!(from = to, %error, "a peer answered with a bad block of ours");
                    return;
                }
            };
            // When the queue is full, the core asks again.
            let _ = this.core.input(Input::OwnBlock { from: to, block });
        });
    }

    /// The answer of a validator; of any connected peer, whose index is not told, when it has no
    /// connection to us.
    async fn ask(&self, from: AuthorIndex, request: Request) -> Answered {
        match self.network.request(Target::Author(from), request.clone()).await {
            Ok(response) => Some((Some(from), response)),
            Err(RequestError::NotConnected { .. }) => {
                let response = self.network.request(Target::AnyConnected, request).await.ok()?;
                Some((None, response))
            }
            Err(_) => None,
        }
    }
}
