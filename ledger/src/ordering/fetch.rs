//! Which missing history is asked of whom (protocol.md 4.13): all missing parents in one request, at most
//! three requests at a time, one when far behind, another peer when one does not answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dag::Dag;
use super::{Effect, Settings, Time};
use crate::block::{BlockRef, Round};
use crate::committee::{AuthorIndex, Committee};
use crate::limits::HISTORY_TARGETS_MAX;
use crate::wire::HistoryRequest;

/// Requests at a time.
const REQUESTS_MAX: usize = 3;
/// Rounds ahead of all that is accepted from which on a missing parent means: far behind.
pub(super) const FAR_BEHIND_ROUNDS: Round = 20;
/// Missing parents that are looked at, lowest rounds first: a flood of made-up ones costs no more.
const LOOKED_AT_MAX: usize = 4 * HISTORY_TARGETS_MAX;
/// Most doublings of the time to wait for an answer.
const BACKOFF_MAX: u32 = 3;

#[derive(Debug)]
struct Request {
    /// Ascending.
    targets: Vec<BlockRef>,
    deadline: Time,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Fetches {
    own: Option<AuthorIndex>,
    committee: Arc<Committee>,
    settings: Settings,
    requests: BTreeMap<u64, Request>,
    next_id: u64,
    /// Requests in a row that brought nothing.
    failures: u32,
    /// The last answer left something missing: ask on without delay.
    eager: bool,
}

impl Fetches {
    pub fn new(own: Option<AuthorIndex>, committee: Arc<Committee>, settings: Settings) -> Self {
        let requests = BTreeMap::new();
        Self { own, committee, settings, requests, next_id: 1, failures: 0, eager: false }
    }

    /// Blocks came. When they helped, requests that are satisfied end, and the oldest of the others counts
    /// as answered: what it left missing is asked for anew, above the new frontier.
    pub fn answered(&mut self, dag: &Dag, helped: bool) {
        if !helped {
            return;
        }
        self.failures = 0;
        let before = self.requests.len();
        self.requests
            .retain(|_, request| request.targets.iter().any(|t| dag.missing().contains_key(t)));
        if self.requests.len() == before {
            self.requests.pop_first();
        }
        self.eager = !dag.missing().is_empty();
    }

    /// A request found no answer.
    pub fn failed(&mut self, id: u64) {
        if self.requests.remove(&id).is_some() {
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Ends what is overdue and asks for what is missing and not asked for. Also returns when to look
    /// again.
    pub fn advance(&mut self, dag: &Dag, now: Time) -> (Vec<Effect>, Option<Time>) {
        self.requests
            .retain(|_, request| request.targets.iter().any(|t| dag.missing().contains_key(t)));
        let overdue: Vec<u64> = self
            .requests
            .iter()
            .filter(|(_, request)| request.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in overdue {
            self.failed(id);
        }
        let mut effects = Vec::new();
        if let Some(effect) = self.ask(dag, now) {
            effects.push(effect);
        }
        let deadline = self.requests.values().map(|request| request.deadline).min();
        let due = self.uncovered(dag).map(|(_, since)| since.plus_ms(self.settings.fetch_delay_ms));
        let alone = self.own.is_some() && self.committee.size() == 1;
        let due = due.filter(|_| !alone && self.requests.len() < self.limit(dag)).min();
        (effects, [deadline, due].into_iter().flatten().min())
    }

    fn limit(&self, dag: &Dag) -> usize {
        let far = |(missing, _): (&BlockRef, _)| {
            missing.round > dag.quorum_round().saturating_add(FAR_BEHIND_ROUNDS)
        };
        if dag.missing().last_key_value().is_some_and(far) { 1 } else { REQUESTS_MAX }
    }

    fn uncovered<'a>(&'a self, dag: &'a Dag) -> impl Iterator<Item = (BlockRef, Time)> + 'a {
        dag.missing()
            .iter()
            .take(LOOKED_AT_MAX)
            .filter(|(missing, _)| {
                !self.requests.values().any(|r| r.targets.binary_search(missing).is_ok())
            })
            .map(|(missing, since)| (*missing, *since))
    }

    fn ask(&mut self, dag: &Dag, now: Time) -> Option<Effect> {
        if self.requests.len() >= self.limit(dag) {
            return None;
        }
        let delay_ms = if self.eager { 0 } else { self.settings.fetch_delay_ms };
        let overdue = |since: &Time| since.plus_ms(delay_ms) <= now;
        self.uncovered(dag).find(|(_, since)| overdue(since))?;
        let targets: Vec<BlockRef> =
            self.uncovered(dag).map(|(missing, _)| missing).take(HISTORY_TARGETS_MAX).collect();
        let from = self.whom(dag, &targets[0])?;
        self.eager = false;
        let timeout_ms = self.settings.fetch_timeout_ms << self.failures.min(BACKOFF_MAX);
        let id = self.next_id;
        self.next_id += 1;
        let request = HistoryRequest { targets: targets.clone(), frontier: dag.frontier() };
        self.requests.insert(id, Request { targets, deadline: now.plus_ms(timeout_ms) });
        Some(Effect::Fetch { id, from, request })
    }

    /// First who referenced it, then everybody in turn.
    fn whom(&self, dag: &Dag, missing: &BlockRef) -> Option<AuthorIndex> {
        let referrers = dag.referrers(missing);
        let others = self.committee.authors().filter(|author| !referrers.contains(author));
        let candidates: Vec<AuthorIndex> = referrers
            .iter()
            .copied()
            .chain(others)
            .filter(|author| Some(*author) != self.own && self.committee.member(*author).is_some())
            .collect();
        candidates.get(self.failures as usize % candidates.len().max(1)).copied()
    }
}
