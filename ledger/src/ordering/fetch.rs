//! Which missing history is asked of whom (protocol.md 4.13, 4.15): all missing parents in one request,
//! put to a second and a third peer when the first is slow.
//!
//! Invariants: at most three requests are under way, each put to at most three peers; every question ends,
//! by an answer, a failure or its deadline; a request that two peers left unanswered makes room for parents
//! that nobody was asked for, so that made-up ones can delay others but never keep them out; a parent that
//! nobody could give is asked for again and again, at growing distances. A peer whose answer was wrong,
//! useless or missing is asked after all others until it helps. It never looks at what an answer holds but
//! by what the DAG says afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::author_set::AuthorSet;
use super::dag::Dag;
use super::{Effect, Settings, Time};
use crate::block::{BlockRef, Round};
use crate::committee::{AuthorIndex, Committee};
use crate::limits::HISTORY_TARGETS_MAX;
use crate::wire::HistoryRequest;

/// Requests at a time.
const REQUESTS_MAX: usize = 3;
/// Peers that one request is put to.
const PEERS_MAX: usize = 3;
/// Peers whose silence makes a request give way to what nobody was asked for.
const SILENT_PEERS: usize = 2;
/// Rounds ahead of all that is accepted from which on a missing parent means: far behind.
pub(super) const FAR_BEHIND_ROUNDS: Round = 20;
/// Missing parents that are looked at without a pause between; with more there is one, so that a flood of
/// made-up ones costs no more.
const LOOKED_AT_MAX: usize = 4 * HISTORY_TARGETS_MAX;
/// Most doublings of the time to wait for an answer.
const BACKOFF_MAX: u32 = 3;
/// Time before a parent that nobody could give is asked for again, in milliseconds; doubles each time.
const AGAIN_AFTER_MS: u64 = 40;
/// Most doublings of it.
const AGAIN_DOUBLINGS_MAX: u32 = 8;
/// What a peer is taken to need for an answer before it gave one, in milliseconds.
const USUAL_BEGIN_MS: u64 = 150;
/// Least time before another peer is asked as well, in milliseconds.
const HEDGE_MIN_MS: u64 = 20;
/// Demerits beyond this make no difference.
const DEMERITS_MAX: u32 = 16;

/// A question that is not answered yet.
#[derive(Debug)]
struct Question {
    id: u64,
    to: AuthorIndex,
    at: Time,
}

#[derive(Debug)]
struct Request {
    /// Ascending.
    targets: Vec<BlockRef>,
    open: Vec<Question>,
    /// Everybody whom it was put to.
    asked: AuthorSet,
    /// When the next peer is asked as well.
    hedge_at: Time,
    deadline: Time,
}

/// How often a missing parent was asked for in vain, and when it may be asked for again.
#[derive(Debug)]
struct Tried {
    times: u32,
    again_at: Time,
}

/// What we know of a peer's answers.
#[derive(Debug, Clone)]
struct Peer {
    usual_ms: u64,
    demerits: u32,
}

impl Peer {
    fn blame(&mut self) {
        self.demerits = (self.demerits + 1).min(DEMERITS_MAX);
    }

    /// A moving average over about eight answers.
    fn took(&mut self, ms: u64) {
        self.usual_ms = (7 * self.usual_ms + ms) / 8;
    }
}

/// What an answer, or history that a peer pushed, brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// Which question it answers; none when it was pushed.
    pub id: Option<u64>,
    /// Who sent it; none when that is not a validator.
    pub from: Option<AuthorIndex>,
    /// Blocks that it brought to acceptance.
    pub accepted: usize,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Fetches {
    own: Option<AuthorIndex>,
    committee: Arc<Committee>,
    settings: Settings,
    requests: BTreeMap<u64, Request>,
    /// Of parents that are missing.
    tried: BTreeMap<BlockRef, Tried>,
    peers: Vec<Peer>,
    next_id: u64,
    /// The last answer left something missing: ask on without delay.
    eager: bool,
    /// Not before this time are so many missing parents looked at again.
    look_at: Time,
}

impl Fetches {
    pub fn new(own: Option<AuthorIndex>, committee: Arc<Committee>, settings: Settings) -> Self {
        let peers = vec![Peer { usual_ms: USUAL_BEGIN_MS, demerits: 0 }; committee.size()];
        Self {
            own,
            committee,
            settings,
            requests: BTreeMap::new(),
            tried: BTreeMap::new(),
            peers,
            next_id: 1,
            eager: false,
            look_at: Time(0),
        }
    }

    /// Blocks came, and are in the DAG as far as it takes them. An answer that brought nothing to
    /// acceptance and no target counts as a failure; what a helpful one left missing is asked for at once,
    /// above the new frontier. One that brings a target and nothing that can be accepted leads down level
    /// by level: it counts, and another peer is asked next.
    pub fn answered(&mut self, dag: &Dag, answer: Answer, now: Time) {
        let Some((key, place)) = self.question(answer) else {
            self.eager |= answer.accepted > 0 && !dag.missing().is_empty();
            return;
        };
        let request = &self.requests[&key];
        let targets_in = request.targets.iter().any(|target| !dag.missing().contains_key(target));
        match (answer.accepted, answer.id) {
            (0, None) => return,
            (0, Some(_)) if !targets_in => return self.question_failed(key, place, now),
            _ => {}
        }
        let request = self.requests.remove(&key).expect("just seen");
        for (other, question) in request.open.iter().enumerate() {
            let peer = &mut self.peers[usize::from(question.to)];
            let ms = now.since_ms(question.at);
            // Whoever is still to answer needs longer than this.
            if other == place || ms > peer.usual_ms {
                peer.took(ms);
            }
        }
        let peer = &mut self.peers[usize::from(request.open[place].to)];
        match answer.accepted {
            0 => peer.blame(),
            _ => peer.demerits = 0,
        }
        for target in &request.targets {
            self.tried.remove(target);
        }
        self.eager = !dag.missing().is_empty();
    }

    /// The open question that blocks answer: by its id, or else the oldest one to who sent them.
    fn question(&self, answer: Answer) -> Option<(u64, usize)> {
        self.requests.iter().find_map(|(key, request)| {
            let place = request.open.iter().position(|question| match answer.id {
                Some(id) => question.id == id,
                None => Some(question.to) == answer.from,
            })?;
            Some((*key, place))
        })
    }

    /// A question found no answer, or one that breaks the rules.
    pub fn failed(&mut self, id: u64, now: Time) {
        let answer = Answer { id: Some(id), from: None, accepted: 0 };
        if let Some((key, place)) = self.question(answer) {
            self.question_failed(key, place, now);
        }
    }

    fn question_failed(&mut self, key: u64, place: usize, now: Time) {
        let request = self.requests.get_mut(&key).expect("the caller has found it");
        let question = request.open.swap_remove(place);
        self.peers[usize::from(question.to)].blame();
        if request.open.is_empty() {
            request.hedge_at = now;
        }
    }

    /// Ends what is overdue, asks further peers where the first is slow, and asks for what is missing and
    /// not asked for. Also returns when to look again.
    pub fn advance(&mut self, dag: &Dag, now: Time) -> (Vec<Effect>, Option<Time>) {
        self.requests
            .retain(|_, request| request.targets.iter().any(|t| dag.missing().contains_key(t)));
        if dag.missing().is_empty() {
            self.tried.clear();
            self.eager = false;
            return (Vec::new(), None);
        }
        let alone = self.committee.authors().all(|author| Some(author) == self.own);
        if alone {
            return (Vec::new(), None);
        }
        let mut effects = self.hedge(dag, now);
        let due_at = self.ask(dag, now, &mut effects);
        let ends = self.requests.values().flat_map(|request| {
            [Some(request.deadline), Some(request.hedge_at).filter(|at| *at > now)]
        });
        (effects, ends.chain([due_at]).flatten().min())
    }

    /// Puts requests that are slow to further peers, and gives up those that are overdue.
    fn hedge(&mut self, dag: &Dag, now: Time) -> Vec<Effect> {
        let mut effects = Vec::new();
        let keys: Vec<u64> = self.requests.keys().copied().collect();
        for key in keys {
            let request = &self.requests[&key];
            let (slow, unheard) = (request.hedge_at <= now, request.open.is_empty());
            if request.deadline <= now {
                self.give_up(dag, key, now);
            } else if slow && request.asked.len() < PEERS_MAX {
                match self.whom(dag, &request.targets[0], &request.asked) {
                    Some(to) => effects.push(self.put(dag, key, to, now)),
                    None if unheard => self.give_up(dag, key, now),
                    None => {}
                }
            } else if slow && unheard {
                self.give_up(dag, key, now);
            }
        }
        effects
    }

    /// Ends a request that brought nothing. Its targets are asked for again later.
    fn give_up(&mut self, dag: &Dag, key: u64, now: Time) {
        let Some(request) = self.requests.remove(&key) else { return };
        for question in &request.open {
            self.peers[usize::from(question.to)].blame();
        }
        self.tried.retain(|target, _| dag.missing().contains_key(target));
        for target in request.targets {
            if dag.missing().contains_key(&target) {
                let tried = self.tried.entry(target).or_insert(Tried { times: 0, again_at: now });
                let wait_ms = AGAIN_AFTER_MS << tried.times.min(AGAIN_DOUBLINGS_MAX);
                tried.times = tried.times.saturating_add(1);
                tried.again_at = now.plus_ms(wait_ms);
            }
        }
    }

    /// Asks for what is due. Returns when something is, when only time is lacking.
    fn ask(&mut self, dag: &Dag, now: Time, effects: &mut Vec<Effect>) -> Option<Time> {
        if now < self.look_at {
            return Some(self.look_at);
        }
        if dag.missing().len() > LOOKED_AT_MAX {
            self.look_at = now.plus_ms(self.settings.fetch_delay_ms.max(1));
        }
        let is_asked = |missing: &BlockRef| {
            self.requests.values().any(|request| request.targets.binary_search(missing).is_ok())
        };
        let delay_ms = if self.eager { 0 } else { self.settings.fetch_delay_ms };
        let mut targets = Vec::new();
        let (mut due, mut fresh) = (false, false);
        let mut due_at: Option<Time> = None;
        for (missing, since) in dag.missing().iter().filter(|(missing, _)| !is_asked(missing)) {
            let tried = self.tried.get(missing);
            let again_at = tried.map_or(Time(0), |tried| tried.again_at);
            let at = since.plus_ms(delay_ms).max(again_at);
            due |= at <= now;
            fresh |= at <= now && tried.is_none();
            if at > now {
                due_at = Some(due_at.map_or(at, |earlier| earlier.min(at)));
            }
            // What is not quite due goes along with what is.
            if again_at <= now {
                targets.push(*missing);
                if targets.len() == HISTORY_TARGETS_MAX {
                    break;
                }
            }
        }
        if !due {
            return due_at;
        }
        if self.requests.len() >= self.limit(dag) {
            // Its end is among the times at which we look again.
            let silent = self.requests.iter().find(|(_, request)| {
                let (asked, enough) = (request.asked.len(), self.silent_peers());
                asked > enough || asked == enough && request.hedge_at <= now
            });
            match silent.map(|(key, _)| *key).filter(|_| fresh) {
                Some(key) => self.give_up(dag, key, now),
                None => return None,
            }
        }
        self.eager = false;
        let whom = self.whom(dag, &targets[0], &AuthorSet::default())?;
        let times = targets.iter().filter_map(|target| self.tried.get(target));
        let doublings = times.map(|tried| tried.times).min().unwrap_or(0).min(BACKOFF_MAX);
        let key = self.next_id;
        let request = Request {
            targets,
            open: Vec::new(),
            asked: AuthorSet::default(),
            hedge_at: now,
            deadline: now.plus_ms(self.settings.fetch_timeout_ms << doublings),
        };
        self.requests.insert(key, request);
        effects.push(self.put(dag, key, whom, now));
        due_at
    }

    /// Puts a request to a peer.
    fn put(&mut self, dag: &Dag, key: u64, to: AuthorIndex, now: Time) -> Effect {
        let id = self.next_id;
        self.next_id += 1;
        let hedge_ms = (2 * self.peers[usize::from(to)].usual_ms)
            .clamp(HEDGE_MIN_MS, self.settings.fetch_timeout_ms.max(HEDGE_MIN_MS));
        let request = self.requests.get_mut(&key).expect("the caller has it");
        request.open.push(Question { id, to, at: now });
        request.asked.insert(to);
        request.hedge_at = now.plus_ms(hedge_ms);
        let request = HistoryRequest { targets: request.targets.clone(), frontier: dag.frontier() };
        Effect::Fetch { id, from: to, request }
    }

    /// One at a time while honest validators are known to be far ahead: each answer moves the frontier.
    fn limit(&self, dag: &Dag) -> usize {
        let ahead = dag.quorum_round().saturating_add(FAR_BEHIND_ROUNDS);
        let far = dag.suspended_stake_above(ahead) >= self.committee.validity();
        if far { 1 } else { REQUESTS_MAX }
    }

    /// As many as there are, in a small committee.
    fn silent_peers(&self) -> usize {
        let others = self.committee.authors().filter(|author| Some(*author) != self.own).count();
        SILENT_PEERS.min(others)
    }

    /// Who has the fewest demerits; of these first who sent or signed a block that names it, then everybody
    /// in turn, beginning behind ourselves.
    fn whom(&self, dag: &Dag, missing: &BlockRef, but: &AuthorSet) -> Option<AuthorIndex> {
        let referrers = dag.referrers(missing);
        let size = self.committee.size();
        let first = self.own.map_or(0, |own| usize::from(own) + 1);
        let rank = |author: AuthorIndex| {
            let place = referrers.iter().position(|referrer| *referrer == author);
            let turn = (usize::from(author) + size - first % size) % size;
            (self.peers[usize::from(author)].demerits, place.unwrap_or(usize::MAX), turn)
        };
        self.committee
            .authors()
            .filter(|author| Some(*author) != self.own && !but.contains(*author))
            .min_by_key(|author| rank(*author))
    }
}
