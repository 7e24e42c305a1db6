//! The validators of the benchmark: a node's own parts, wired as a node wires them, with a tally where
//! commits come out.
//!
//! With execution a validator is a whole node but RPC. Without, there is no module host and no
//! executor: a commit's transactions count as executed at once (or once their signatures are checked),
//! so that they leave the pool as they would in a node.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use pollen_ledger::execution::{self, Executor};
use pollen_ledger::ordering::{CommittedSubDag, Input};
use pollen_ledger::store::{Database, StoreError};
use pollen_ledger::{AccountId, AuthorIndex, Hash};
use tokio::task::JoinHandle;

use super::accounts::{Accounts, Made};
use super::tally::Tally;
use super::{Beyond, POLL};
use crate::cli::Failure;
use crate::clock;
use crate::config::NodeConfig;
use crate::core_thread::CoreHandle;
use crate::network::NetworkHandle;
use crate::node::{self, Begun, EXECUTION_QUEUE, Events, NodeError, Ordering};
use crate::shared::{Head, Shared};
use crate::snapshot_service::SnapshotService;
use crate::snapshots::Snapshots;
use crate::verdicts::Verdicts;

/// How long validators may take to find each other, and accounts to be funded.
const PATIENCE: Duration = Duration::from_secs(30);

type Commits = Receiver<Arc<CommittedSubDag>>;

/// See the module's documentation.
pub struct Validator {
    /// Its index.
    pub author: AuthorIndex,
    /// The way to its core.
    pub core: CoreHandle,
    /// What its threads tell.
    pub shared: Arc<Shared>,
    /// Its store.
    pub database: Arc<Database>,
    /// Its book.
    pub tally: Arc<Tally>,
    network: NetworkHandle,
    threads: Vec<thread::JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    driver: JoinHandle<()>,
}

impl Validator {
    /// Starts one. Moments of its tally count from `origin`.
    pub async fn start(
        config: &NodeConfig,
        with: Option<Beyond>,
        accounts: &Arc<Accounts>,
        origin: Instant,
    ) -> Result<Self, Failure> {
        let (begun, (network, events, driver)) = Begun::new(config).await?;
        let author = begun.own.ok_or_else(|| Failure::new("the key is no validator's"))?;
        let shared = Arc::new(Shared::new(begun.rules.chain_id, head(&begun.database)?));
        let tally = Arc::new(Tally::new(author, accounts, origin));
        let (core, queue) = CoreHandle::new();
        let verdicts = with.map(|_| Arc::new(Verdicts::new(begun.rules.chain_id)));
        let (to_tally, commits) = sync_channel(EXECUTION_QUEUE);
        let mut threads = node::start_ordering(Ordering {
            config,
            begun: &begun,
            shared: shared.clone(),
            network: network.clone(),
            core: core.clone(),
            queue,
            verdicts: verdicts.clone(),
            again: Vec::new(),
            commits: to_tally,
        })?;
        let mut tasks = Vec::new();
        let book = tally.clone();
        match (with, verdicts) {
            (Some(Beyond::Signatures), Some(verdicts)) => {
                let (next, tallied) = sync_channel(EXECUTION_QUEUE);
                threads.push(spawn("tally", move || pass_on(&commits, &book, &next)));
                let (core, book) = (core.clone(), tally.clone());
                let gc_depth = begun.genesis.parameters.gc_depth;
                threads.push(spawn("execution", move || {
                    check_signatures(&tallied, &verdicts, gc_depth, &book, &core);
                }));
            }
            (Some(Beyond::Execution), Some(verdicts)) => {
                let (next, tallied) = sync_channel(EXECUTION_QUEUE);
                threads.push(spawn("tally", move || pass_on(&commits, &book, &next)));
                let executor =
                    Executor::new(&begun.database, node::open_engine(config, &begun.database)?)
                        .map_err(NodeError::Store)?;
                let snapshots = Arc::new(Snapshots::new(
                    &config.data,
                    begun.rocks.clone(),
                    config.snapshots.clone(),
                ));
                threads.push(node::start_execution(
                    &begun, executor, snapshots, verdicts, &shared, &core, tallied,
                )?);
                tasks.push(tokio::spawn(watch_checkpoints(shared.clone(), tally.clone())));
            }
            _ => {
                let core = core.clone();
                threads.push(spawn("tally", move || take_commits(&commits, &book, &core)));
            }
        }
        let Begun { own, database, rules, .. } = begun;
        let snapshots = SnapshotService::new(config.data.clone(), database.clone());
        let events_of = Events {
            core: core.clone(),
            rules,
            database: database.clone(),
            own,
            backend: None,
            snapshots: Arc::new(snapshots),
        };
        tasks.push(tokio::spawn(events_of.run(Vec::new(), events)));
        Ok(Self { author, core, shared, database, tally, network, threads, tasks, driver })
    }

    /// Transactions that its pool did not take.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Relaxed)
    }

    /// An error when it cannot go on.
    pub fn check(&self) -> Result<(), Failure> {
        let fatal = self.shared.fatal.borrow().clone();
        let diverged = self.shared.divergence.borrow().is_some().then(|| "diverged".to_owned());
        match fatal.or(diverged) {
            None => Ok(()),
            Some(reason) => Err(Failure::new(format!("validator {}: {reason}", self.author))),
        }
    }

    /// Stops it, as a node stops.
    pub async fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.core.stop();
        let threads = self.threads;
        let _ = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        })
        .await;
        self.network.shutdown().await;
        let _ = self.driver.await;
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(body).expect("the system starts a thread")
}

/// The head of a store.
fn head(database: &Database) -> Result<Head, NodeError> {
    let tip = database.tip()?;
    let checkpoint = database.checkpoint(tip.height)?.ok_or_else(|| StoreError::Corrupt {
        what: format!("no checkpoint at the tip, height {}", tip.height),
    })?;
    Ok(Head { checkpoint, digest: tip.digest })
}

/// Ordering alone: what is ordered is done with.
fn take_commits(commits: &Commits, tally: &Tally, core: &CoreHandle) {
    while let Ok(commit) = commits.recv() {
        tally.commit(&commit, false);
        core.mail(done_with(&commit));
    }
}

/// What execution would say that has nothing to say of checkpoints.
fn done_with(commit: &CommittedSubDag) -> Input {
    let ids: Vec<Hash> =
        commit.blocks.iter().flat_map(|block| block.transaction_ids()).copied().collect();
    let commit_index = commit.commit.index;
    Input::Executed {
        height: 0,
        commit_index,
        ids,
        digest: None,
        attestation: None,
        checkpoint_open: false,
    }
}

fn pass_on(commits: &Commits, tally: &Tally, next: &SyncSender<Arc<CommittedSubDag>>) {
    while let Ok(commit) = commits.recv() {
        tally.commit(&commit, true);
        if next.send(commit).is_err() {
            return;
        }
    }
}

/// What execution does with signatures, and nothing after it.
fn check_signatures(
    commits: &Commits,
    verdicts: &Verdicts,
    gc_depth: u32,
    tally: &Tally,
    core: &CoreHandle,
) {
    while let Ok(commit) = commits.recv() {
        let bad = commit.blocks.iter().flat_map(|block| verdicts.take(block));
        tally.bad_signatures(bad.filter(|good| !good).count() as u64);
        tally.finish(commit.commit.index);
        core.mail(done_with(&commit));
        verdicts.forget_up_to(commit.commit.round.saturating_sub(gc_depth));
    }
}

async fn watch_checkpoints(shared: Arc<Shared>, tally: Arc<Tally>) {
    let mut head = shared.head.subscribe();
    while head.changed().await.is_ok() {
        let commit_index = head.borrow_and_update().checkpoint.commit_index;
        tally.finish(commit_index);
    }
}

/// Waits until everybody is connected to everybody.
pub async fn connect(validators: &[Validator]) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    for validator in validators {
        loop {
            let peers = validator.network.peers().await;
            let others = peers.iter().filter(|peer| peer.author.is_some()).count();
            if others + 1 == validators.len() {
                break;
            }
            if Instant::now() > deadline {
                let text = format!("validator {} found only {others} others", validator.author);
                return Err(Failure::new(text));
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Gives the accounts of the load something to spend, by transactions of the faucet.
pub async fn fund(validators: &[Validator], accounts: &Accounts) -> Result<(), Failure> {
    let made = accounts.funding(clock::now_ms());
    for Made { signed, id, bytes } in made {
        let input = Input::Submit { transaction: signed, id, bytes, reserve: u64::MAX };
        validators[0].core.input(input).map_err(|busy| Failure::new(busy.to_string()))?;
    }
    // The last account of the last transaction, which are executed in order.
    let last = accounts.till(validators.len() as AuthorIndex - 1);
    let deadline = Instant::now() + PATIENCE;
    for validator in validators {
        while balance(validator, &last)? == 0 {
            validator.check()?;
            if Instant::now() > deadline {
                return Err(Failure::new("the accounts of the load were not funded in time"));
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

fn balance(validator: &Validator, account: &AccountId) -> Result<u64, Failure> {
    let record = execution::account(&validator.database.latest(), account);
    Ok(record.map_err(NodeError::Store)?.map_or(0, |record| record.balance))
}

/// What was executed came out as it must: every transfer put one grain into its validator's till, on
/// every validator.
pub fn audit(validators: &[Validator], accounts: &Accounts) -> Result<(), Failure> {
    for validator in validators {
        for paying in validators {
            let (author, paid) = (paying.author, paying.tally.own_committed());
            let held = balance(validator, &accounts.till(author))?;
            if held != Accounts::till_grains() + paid {
                let text = format!(
                    "validator {} has {held} grains in the till of {author}, where {} were due",
                    validator.author,
                    Accounts::till_grains() + paid,
                );
                return Err(Failure::new(text));
            }
        }
    }
    Ok(())
}
