//! The one thread that runs the pure ordering core: inputs in, effects out, in order.
//!
//! Nothing here blocks but the bounded queue to the storage writer, which is the node's back-pressure.
//! Execution reports through a mailbox that it never waits at, so that the two cannot wait for each
//! other.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;

use parking_lot::Mutex;
use pollen_ledger::AuthorIndex;
use pollen_ledger::ordering::{Core, Effect, Input, Time};

use crate::clock;
use crate::divergence;
use crate::fetch::Fetcher;
use crate::shared::{Divergence, Shared};
use crate::verdicts::Verdicts;
use crate::writer::Write;

/// Orders that may wait for the core.
const CORE_QUEUE: usize = 8192;

/// What may be asked of the core thread.
pub enum CoreOrder {
    /// An input for the core.
    Input(Input),
    /// Look at the core.
    Inspect(Box<dyn FnOnce(&Core) + Send>),
    /// There is something in the mailbox.
    Mail,
    /// End.
    Stop,
}

/// A way to the core thread. Never blocks.
#[derive(Clone)]
pub struct CoreHandle {
    queue: SyncSender<CoreOrder>,
    mailbox: Arc<Mutex<VecDeque<Input>>>,
}

/// The core's queue is full or gone.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the node is overloaded or stopping")]
pub struct CoreBusy;

impl CoreHandle {
    /// A handle and the queue's other end.
    pub fn new() -> (Self, Receiver<CoreOrder>) {
        let (queue, receiver) = std::sync::mpsc::sync_channel(CORE_QUEUE);
        (Self { queue, mailbox: Arc::default() }, receiver)
    }

    /// Gives an input; refused when the queue is full. Blocks that are refused are fetched again.
    pub fn input(&self, input: Input) -> Result<(), CoreBusy> {
        self.queue.try_send(CoreOrder::Input(input)).map_err(|_| CoreBusy)
    }

    /// Leaves what must not be lost: at most what the commits in flight and the open fetches bring.
    pub fn mail(&self, input: Input) {
        self.mailbox.lock().push_back(input);
        // A full queue wakes the core as well, and it looks into the mailbox each time.
        let _ = self.queue.try_send(CoreOrder::Mail);
    }

    /// Looks at the core, from its own thread.
    pub async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Result<T, CoreBusy> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let order = CoreOrder::Inspect(Box::new(move |core| {
            let _ = answer.send(look(core));
        }));
        self.queue.try_send(order).map_err(|_| CoreBusy)?;
        answered.await.map_err(|_| CoreBusy)
    }

    /// Ends the thread, once it has worked off what came before.
    pub fn stop(&self) {
        let mut order = CoreOrder::Stop;
        while let Err(TrySendError::Full(back)) = self.queue.try_send(order) {
            order = back;
            std::thread::yield_now();
        }
    }
}

/// Where effects go.
pub struct CoreWiring {
    /// To the storage writer.
    pub writer: SyncSender<Write>,
    /// Signatures of transactions, verified since acceptance; none where nobody asks for them.
    pub verdicts: Option<Arc<Verdicts>>,
    /// Asks peers for history.
    pub fetcher: Fetcher,
    /// What the rest of the node looks at.
    pub shared: Arc<Shared>,
    /// Our index, of a validator.
    pub own: Option<AuthorIndex>,
    /// Where the evidence of a divergence is kept.
    pub evidence: PathBuf,
}

/// Runs the core until it is stopped or the writer is gone.
pub fn run(
    mut core: Core,
    first: Vec<Effect>,
    queue: &Receiver<CoreOrder>,
    handle: &CoreHandle,
    wiring: &CoreWiring,
) {
    let mut wake: Option<Time> = None;
    if !perform(first, &mut wake, wiring) {
        return;
    }
    loop {
        let patience = wake.map_or(Duration::from_secs(1), |wake| {
            Duration::from_millis(wake.0.saturating_sub(clock::now_ms()))
        });
        let order = match queue.recv_timeout(patience) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => {
                wake = None;
                Some(CoreOrder::Input(Input::Timer))
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mail: Vec<Input> = handle.mailbox.lock().drain(..).collect();
        for input in mail {
            if !perform(core.handle(Time(clock::now_ms()), input), &mut wake, wiring) {
                return;
            }
        }
        let effects = match order {
            Some(CoreOrder::Input(input)) => core.handle(Time(clock::now_ms()), input),
            Some(CoreOrder::Inspect(look)) => {
                look(&core);
                continue;
            }
            Some(CoreOrder::Stop) => return,
            Some(CoreOrder::Mail) | None => continue,
        };
        if !perform(effects, &mut wake, wiring) {
            return;
        }
    }
}

/// Performs effects in order; false when the writer is gone.
fn perform(effects: Vec<Effect>, wake: &mut Option<Time>, wiring: &CoreWiring) -> bool {
    for effect in effects {
        let order = match effect {
            Effect::Accepted(block) => {
                if let Some(verdicts) = &wiring.verdicts {
                    verdicts.verify(&block);
                }
                Write::Block(block)
            }
            Effect::Propose(block) => {
                if let Some(verdicts) = &wiring.verdicts {
                    verdicts.known_good(&block);
                }
                Write::Proposal(block)
            }
            Effect::Commit(commit) => Write::Commit(Arc::new(commit)),
            Effect::Push { to, blocks } => Write::Push(to, blocks),
            Effect::Fetch { id, from, request } => {
                wiring.fetcher.fetch(id, from, request);
                continue;
            }
            Effect::FetchCommits { id, from, request } => {
                wiring.fetcher.fetch_commits(id, from, request);
                continue;
            }
            Effect::AskOwnBlock { to } => {
                if let Some(own) = wiring.own {
                    wiring.fetcher.ask_own_block(to, own);
                }
                continue;
            }
            Effect::Submitted { id, result } => {
                wiring.shared.submitted(id, result);
                continue;
            }
            Effect::Included { id, block } => {
                wiring.shared.tracker.included(&id, block);
                continue;
            }
            Effect::Evidence(proof) if Some(proof.author) == wiring.own => {
                wiring.shared.fatal(&format!(
                    "round {} was signed twice with this validator's key: another process has it. \
                     Stop that process before this one starts again",
                    proof.round
                ));
                return false;
            }
            Effect::Evidence(proof) => {
                tracing::warn!(author = proof.author, round = proof.round, "validator equivocates");
                continue;
            }
            Effect::Diverged { height, ours, theirs, attestations } => {
                let found = Divergence { height, ours, theirs };
                divergence::keep(&wiring.evidence, &found, &attestations);
                wiring.shared.diverged(found);
                continue;
            }
            Effect::Certified { height, signatures } => Write::Certificate(height, signatures),
            Effect::WakeAt(at) => {
                *wake = Some(at);
                continue;
            }
        };
        if wiring.writer.send(order).is_err() {
            return false;
        }
    }
    true
}
