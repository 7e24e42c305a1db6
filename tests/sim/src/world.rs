//! The event loop: virtual time, hosts, the links between them, and what a node's driver does around its
//! core (`node/src/core_thread.rs`, `writer.rs`, `execution_thread.rs`, `fetch.rs`), without threads.
//!
//! Invariants: one queue in order of time, then of entry; no clock, no thread, no hash-ordered iteration,
//! no float: a seed gives one run, whose trace hash says so. Bytes travel between hosts, not structures.
//! A packet is decoded and verified once for all its receivers, since that is a function of its bytes.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use pollen_ledger::block::{Block, BlockRef};
use pollen_ledger::committee::{AuthorIndex, Validator};
use pollen_ledger::crypto::simulated::SimulatedSignatures;
use pollen_ledger::genesis::{CommitOrder, PROTOCOL_VERSION};
use pollen_ledger::ordering::{
    CommitRange, CommittedSubDag, Core, CoreConfig, CoreStatus, Effect, Input, RangeError,
    Settings, Time,
};
use pollen_ledger::store::{Batch, Durability};
use pollen_ledger::wire::{Message, Request, Response};
use pollen_ledger::{
    Attestation, Checkpoint, Committee, Genesis, Hash, KeyPair, Parameters, VerifiedBlock, codec,
};

use crate::byzantine::{Actor, Behaviour};
use crate::check::{Checker, Violation};
use crate::counts::{Counts, Observer};
use crate::execution::Executed;
use crate::faults::Faults;
use crate::host::{About, Host, Order, Question};
use crate::links::Links;
use crate::load::{Load, client_accounts};
use crate::options::{Crypto, Options};
use crate::random::Random;
use crate::strays::Strays;

/// What clocks show when virtual time begins, in milliseconds.
pub const BEGIN_MS: u64 = 1_000_000_000;
/// Genesis is this much before that, in milliseconds: clocks may be behind.
const GENESIS_BEFORE_MS: u64 = 120_000;
/// After so long without any the question failed, in microseconds.
const ANSWER_MAX_US: u64 = 10_000_000;
/// What executing a commit takes, in microseconds.
const EXECUTION_US: u64 = 200;
/// How often states are looked at, in microseconds.
const PROBE_US: u64 = 250_000;

/// What a block is checked against.
#[derive(Debug)]
pub struct Rules {
    /// The chain.
    pub chain_id: Hash,
    /// Its committee.
    pub committee: Arc<Committee>,
    /// Its numbers.
    pub parameters: Parameters,
}

/// Verified blocks of a message.
#[derive(Debug)]
enum Decoded {
    Block(VerifiedBlock),
    Blocks(Vec<VerifiedBlock>),
}

/// A message with what it says, once somebody has looked.
#[derive(Debug)]
pub struct Sent {
    bytes: Rc<Vec<u8>>,
    decoded: OnceCell<Option<Decoded>>,
}

#[derive(Debug, Clone)]
enum Packet {
    Message(Rc<Sent>),
    Question { life: u32, id: u64, bytes: Rc<Vec<u8>> },
    Answer { life: u32, id: u64, bytes: Rc<Vec<u8>> },
}

impl Packet {
    fn len(&self) -> usize {
        match self {
            Self::Message(sent) => sent.bytes.len(),
            Self::Question { bytes, .. } | Self::Answer { bytes, .. } => bytes.len(),
        }
    }
}

/// Something that happens at a time.
#[derive(Debug)]
pub enum Event {
    /// A packet arrives.
    Deliver(Delivery),
    /// The core's timer.
    Timer {
        /// Whose.
        host: usize,
        /// In which life.
        life: u32,
    },
    /// The disk is done.
    Written {
        /// Whose.
        host: usize,
        /// In which life.
        life: u32,
    },
    /// The next commit is executed.
    Execute {
        /// Where.
        host: usize,
        /// In which life.
        life: u32,
    },
    /// A question was not answered in time.
    Overdue {
        /// Whose.
        host: usize,
        /// In which life.
        life: u32,
        /// Which question.
        id: u64,
    },
    /// A validator can be reached, or no longer.
    Connection {
        /// By whom.
        host: usize,
        /// Which.
        author: AuthorIndex,
        /// Whether it can.
        up: bool,
    },
    /// A down host starts again.
    Restart {
        /// Which.
        host: usize,
    },
    /// A partition ends.
    Mend {
        /// The links that it cut.
        links: Vec<usize>,
    },
    /// The next fault.
    Fault,
    /// Clients submit.
    Load,
    /// States are looked at.
    Probe,
}

/// A packet on its way.
#[derive(Debug)]
pub struct Delivery {
    from: usize,
    to: usize,
    packet: Packet,
}

/// How long committed blocks took, in microseconds.
#[derive(Debug, Default)]
pub struct Latencies {
    /// From when on proposals count; none are measured without it.
    pub since: Option<u64>,
    open: BTreeMap<BlockRef, u64>,
    /// Of every own block: the host, and the time from its proposal to its commit there.
    pub done: Vec<(usize, u64)>,
}

/// See the module's documentation. One world at a time on a thread: it may simulate signatures.
#[derive(Debug)]
pub struct World {
    /// What it was made of.
    pub options: Options,
    /// Virtual time, in microseconds.
    pub now: u64,
    /// Validators in order, then second twins, then followers.
    pub hosts: Vec<Host>,
    /// Between hosts.
    pub links: Links,
    /// What must hold.
    pub checker: Checker,
    /// What was seen.
    pub counts: Counts,
    /// The first violation ends the run.
    pub violation: Option<Violation>,
    /// How long blocks took.
    pub latencies: Latencies,
    /// Whose execution goes wrong, and what came of it.
    pub strays: Strays,
    pub(crate) faults: Faults,
    pub(crate) load: Load,
    pub(crate) rules: Rc<Rules>,
    observer: Observer,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    settings: Settings,
    disk: Random,
    peers: Random,
    keys: Vec<KeyPair>,
    trace: blake3::Hasher,
    signatures: Option<SimulatedSignatures>,
}

fn genesis_of(options: &Options, keys: &[KeyPair]) -> Genesis {
    let member = |(index, stake): (usize, &u64)| Validator {
        name: index.to_string(),
        public_key: keys[index].public_key(),
        stake: *stake,
    };
    Genesis {
        name: format!("simulation {}", options.seed),
        address_prefix: "pollen".into(),
        coin_type: 1,
        protocol_version: PROTOCOL_VERSION,
        time_ms: BEGIN_MS - GENESIS_BEFORE_MS,
        committee: options.stakes.iter().enumerate().map(member).collect(),
        accounts: client_accounts(),
        parameters: Parameters {
            gc_depth: options.gc_depth,
            block_bytes_max: 3 << 20,
            block_transactions_max: 1000,
            block_fuel_max: 1 << 40,
            transaction_bytes_max: 2 << 20,
            transaction_fuel_max: 1 << 30,
            call_fuel_max: 1 << 30,
            fuel_price_floor: 1,
            transaction_fuel_base: 1,
            signature_fuel: 1,
            signed_byte_fuel: 1,
            attachment_byte_fuel: 1,
            account_deposit: 1,
            storage_byte_deposit: 1,
            code_activation_ms: 0,
            fee_reserve: 1 << 40,
            checkpoint_interval_ms: 20,
            checkpoint_interval_max_ms: 1000,
            commit_order: match options.first_commit {
                true => CommitOrder::FirstCommit,
                false => CommitOrder::AllSlots,
            },
            transaction_lifetime_max_ms: 1 << 40,
            probation_window_rounds: options.probation_window_rounds,
            probation_split_percent: 10,
            probation_doublings_max: 3,
        },
    }
}

impl World {
    /// Everything down, at genesis.
    pub fn new(options: Options) -> Self {
        let signatures = (options.crypto == Crypto::Simulated).then(SimulatedSignatures::begin);
        let size = options.stakes.len();
        let keys: Vec<KeyPair> =
            (0..size).map(|index| KeyPair::development(&format!("validator {index}"))).collect();
        let genesis = Rc::new(genesis_of(&options, &keys));
        let rules = Rc::new(Rules {
            chain_id: genesis.chain_id(),
            committee: Arc::new(genesis.committee().expect("stakes are above 0")),
            parameters: genesis.parameters.clone(),
        });
        let twins = match options.byzantine {
            Some(Behaviour::Twins) => options.byzantine_authors.clone(),
            _ => Vec::new(),
        };
        let authors: Vec<Option<AuthorIndex>> = (0..size as AuthorIndex)
            .chain(twins.iter().copied())
            .map(Some)
            .chain((0..options.followers).map(|_| None))
            .collect();
        let places: Vec<usize> = authors
            .iter()
            .enumerate()
            .map(|(host, author)| author.map_or(host, usize::from))
            .collect();
        let key = |author: AuthorIndex| keys[usize::from(author)].clone();
        let hosts: Vec<Host> = authors
            .iter()
            .map(|own| Host::new(*own, &genesis, own.map(key), options.execution))
            .collect();
        let checker = Checker::new(
            rules.chain_id,
            genesis.time_ms,
            options.gc_depth,
            &rules.committee,
            &options.byzantine_authors,
            hosts.len(),
        );
        let seed = options.seed;
        let settings = Settings {
            min_round_delay_ms: options.min_round_delay_ms,
            idle_round_delay_ms: options.idle_round_delay_ms,
            ..Settings::default()
        };
        let mut world = Self {
            now: 0,
            links: Links::new(&places, &options.network, seed),
            checker,
            counts: Counts::default(),
            violation: None,
            latencies: Latencies::default(),
            strays: Strays::default(),
            faults: Faults::new(seed),
            load: Load::new(seed),
            observer: Observer::new(options.stakes.clone(), hosts.len()),
            queue: BTreeMap::new(),
            sequence: 0,
            settings,
            disk: Random::stream(seed, "disk"),
            peers: Random::stream(seed, "peers"),
            keys,
            trace: blake3::Hasher::new(),
            signatures,
            rules,
            hosts,
            options,
        };
        world.cast();
        world
    }

    /// A validator's key, for a schedule that signs in its name.
    #[cfg(test)]
    pub(crate) fn key(&self, author: AuthorIndex) -> &KeyPair {
        &self.keys[usize::from(author)]
    }

    /// Gives out parts and clocks.
    fn cast(&mut self) {
        let mut clocks = Random::stream(self.options.seed, "clocks");
        let off_us = self.options.skew_ms_max as i64 * 1000;
        let byzantine: BTreeSet<AuthorIndex> =
            self.options.byzantine_authors.iter().copied().collect();
        let is_honest = |host: &Host| host.author.is_none_or(|own| !byzantine.contains(&own));
        let honest: Vec<usize> =
            (0..self.options.stakes.len()).filter(|index| is_honest(&self.hosts[*index])).collect();
        let count = self.hosts.len();
        for host in &mut self.hosts {
            host.skew_us = clocks.between(0, 2 * off_us as u64) as i64 - off_us;
            let Some(author) = host.author.filter(|author| byzantine.contains(author)) else {
                continue;
            };
            let behaviour = self.options.byzantine.expect("there are Byzantine validators");
            let mut actor = Actor::new(
                behaviour,
                author,
                self.keys[usize::from(author)].clone(),
                &self.rules,
                count,
                honest.clone(),
                self.options.seed,
            );
            if let Some(clock_us) = actor.clock_off_us() {
                host.skew_us = clock_us;
            }
            host.actor = Some(Box::new(actor));
        }
        self.part_twins();
    }

    /// Twins that talk to each other would soon know of each other.
    pub(crate) fn part_twins(&mut self) {
        let hosts = &self.hosts;
        let twins =
            |a: usize, b: usize| hosts[a].author.is_some() && hosts[a].author == hosts[b].author;
        self.links.cut(twins);
    }

    /// Clocks were set: timers are asked for anew.
    pub(crate) fn reset_timers(&mut self) {
        for host in 0..self.hosts.len() {
            self.input(host, Input::Timer);
        }
    }

    /// Starts all hosts, the clients and the faults.
    pub fn begin(&mut self) {
        let late = self.options.late;
        for host in (0..self.hosts.len()).filter(|host| Some(*host) != late) {
            self.start(host);
        }
        if let Some(host) = late {
            self.at(self.late_us(), Event::Restart { host });
        }
        self.at(self.now + PROBE_US, Event::Probe);
        if self.options.transactions_s > 0 {
            self.at(self.now + 1, Event::Load);
        }
        let options = &self.options;
        let faults = options.crashes || options.partitions || options.clogs;
        if faults || options.amnesiac.is_some() {
            self.at(self.now + 500_000, Event::Fault);
        }
    }

    /// When the host that starts late does.
    fn late_us(&self) -> u64 {
        self.options.safety_ms * 750
    }

    /// Something that happens later.
    pub fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    /// What a host's clock shows.
    pub fn clock(&self, host: usize) -> Time {
        let us = (BEGIN_MS * 1000 + self.now) as i64 + self.hosts[host].skew_us;
        Time(us as u64 / 1000)
    }

    /// What the fastest honest clock shows.
    pub(crate) fn highest_clock_ms(&self) -> u64 {
        let honest = (0..self.hosts.len()).filter(|host| self.hosts[*host].is_honest());
        honest.map(|host| self.clock(host).0).max().unwrap_or(0)
    }

    /// The first microsecond at which a host's clock shows `time`.
    fn when(&self, host: usize, time: Time) -> u64 {
        let us = (time.0 * 1000) as i64 - self.hosts[host].skew_us - (BEGIN_MS * 1000) as i64;
        (us.max(0) as u64).max(self.now + 1)
    }

    /// Remembers what does not hold.
    pub fn judge(&mut self, checked: Result<(), Violation>) {
        if let Err(violation) = checked {
            self.violation.get_or_insert(violation);
        }
    }

    fn trace(&mut self, kind: u8, host: usize, word: u64) {
        let mut bytes = [0; 25];
        bytes[..8].copy_from_slice(&self.now.to_le_bytes());
        bytes[8..16].copy_from_slice(&(host as u64).to_le_bytes());
        bytes[16..24].copy_from_slice(&word.to_le_bytes());
        bytes[24] = kind;
        self.trace.update(&bytes);
    }

    /// Two runs of one seed have one.
    pub fn trace_hash(&self) -> Hash {
        Hash(*self.trace.finalize().as_bytes())
    }

    /// Whether the world simulates signatures.
    pub fn simulates_signatures(&self) -> bool {
        self.signatures.is_some()
    }

    /// Runs for so many milliseconds, or until something does not hold.
    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms * 1000;
        while self.violation.is_none()
            && let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= end
        {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
        self.now = end.max(self.now);
    }

    fn lives(&self, host: usize, life: u32) -> bool {
        self.hosts[host].is_up() && self.hosts[host].life == life
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver(delivery) => self.deliver(delivery),
            Event::Timer { host, life } => {
                if self.lives(host, life) && self.hosts[host].timer == Some(self.now) {
                    self.hosts[host].timer = None;
                    self.trace(1, host, 0);
                    self.input(host, Input::Timer);
                }
            }
            Event::Written { host, life } if self.lives(host, life) => {
                self.end_write(host);
                self.write(host);
            }
            Event::Execute { host, life } if self.lives(host, life) => self.execute(host),
            Event::Overdue { host, life, id } if self.lives(host, life) => self.overdue(host, id),
            Event::Connection { host, author, up } => self.connection(host, author, up),
            Event::Restart { host } => {
                if Some(host) != self.options.late || self.now >= self.late_us() {
                    self.start(host);
                }
            }
            Event::Mend { links } => self.mend(&links),
            Event::Fault => self.fault(),
            Event::Load => self.submit_some(),
            Event::Probe => self.probe(),
            Event::Written { .. } | Event::Execute { .. } | Event::Overdue { .. } => {}
        }
    }

    // Starting and crashing

    /// Starts a host from its disk.
    pub fn start(&mut self, host: usize) {
        if self.hosts[host].is_up() {
            return;
        }
        let recovered = self.hosts[host].reopen();
        let next = recovered.last_commit.as_ref().map_or(0, |commit| commit.index) + 1;
        if self.hosts[host].is_honest() {
            let next_execution = self.hosts[host].execution.commit_index() + 1;
            let checked = self.checker.restarted(host, next, next_execution);
            self.judge(checked);
        }
        if self.hosts[host].is_honest() {
            // A block whose write survived the crash may leave now: it counts as sent.
            let own = self.hosts[host].author;
            for block in recovered.blocks.iter().filter(|block| Some(block.author()) == own) {
                let checked = self.checker.left(&block.reference());
                self.judge(checked);
            }
        }
        self.observer.restarted(host, &recovered);
        let own = self.hosts[host].author;
        let config = CoreConfig {
            own,
            key: own.map(|author| self.keys[usize::from(author)].clone()),
            committee: Arc::clone(&self.rules.committee),
            chain_id: self.rules.chain_id,
            genesis_time_ms: BEGIN_MS - GENESIS_BEFORE_MS,
            parameters: self.rules.parameters.clone(),
            settings: self.settings.clone(),
        };
        let (core, effects) = Core::new(config, recovered, self.clock(host));
        self.hosts[host].core = Some(core);
        self.trace(2, host, next);
        for _ in 0..self.hosts[host].executing.len() {
            self.at(self.now + EXECUTION_US, Event::Execute { host, life: self.hosts[host].life });
        }
        self.perform(host, effects);
        self.connect(host);
    }

    /// Both sides of every open link of a host that started hear of it.
    pub(crate) fn connect(&mut self, host: usize) {
        for other in 0..self.hosts.len() {
            let open = self.links.is_open(host, other) && self.links.is_open(other, host);
            if other == host || !self.hosts[other].is_up() || !open {
                continue;
            }
            for (host, other) in [(host, other), (other, host)] {
                if let Some(author) = self.hosts[other].author {
                    let way = self.links.way_us(host * self.hosts.len() + other);
                    self.at(self.now + 2 * way, Event::Connection { host, author, up: true });
                }
            }
        }
    }

    fn connection(&mut self, host: usize, author: AuthorIndex, up: bool) {
        if self.hosts[host].is_up() {
            let input = match up {
                true => Input::Connected { author },
                false => Input::Disconnected { author },
            };
            self.input(host, input);
        }
    }

    /// The power of a host goes.
    pub fn crash(&mut self, host: usize) {
        if !self.hosts[host].is_up() {
            return;
        }
        self.counts.add("crashes");
        self.trace(3, host, 0);
        self.hosts[host].crash(&mut self.disk);
        for other in 0..self.hosts.len() {
            if let Some(author) = self.hosts[host].author.filter(|_| other != host) {
                let at = self.now + self.links.way_us(other * self.hosts.len() + host);
                self.at(at, Event::Connection { host: other, author, up: false });
            }
        }
    }

    // Messages

    fn send(&mut self, from: usize, to: usize, packet: &Packet, delay_us: u64) {
        if from == to {
            return;
        }
        let arrivals = self.links.arrivals(self.now + delay_us, from, to, packet.len());
        for at in arrivals {
            self.at(at, Event::Deliver(Delivery { from, to, packet: packet.clone() }));
        }
    }

    fn broadcast(&mut self, from: usize, bytes: Rc<Vec<u8>>) {
        let packet = Packet::Message(Rc::new(Sent { bytes, decoded: OnceCell::new() }));
        for to in 0..self.hosts.len() {
            self.send(from, to, &packet, 0);
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let Delivery { from, to, packet } = delivery;
        if !self.hosts[to].is_up() {
            return;
        }
        let cpu_us = self.options.network.message_cpu_us;
        if cpu_us > 0 {
            let free = self.hosts[to].cpu_free;
            if free > self.now {
                self.at(free, Event::Deliver(Delivery { from, to, packet }));
                return;
            }
            self.hosts[to].cpu_free = self.now + cpu_us;
        }
        self.trace(4, to, (from << 32 | packet.len()) as u64);
        self.counts.messages += 1;
        match packet {
            Packet::Message(sent) => {
                if let Some(actor) = &mut self.hosts[to].actor {
                    actor.hears(&sent.bytes);
                }
                let from = self.hosts[from].author;
                let decoded = sent.decoded.get_or_init(|| decode(&self.rules, &sent.bytes));
                let input = match decoded {
                    Some(Decoded::Block(block)) => Input::Block { block: block.clone(), from },
                    Some(Decoded::Blocks(blocks)) => Input::Blocks { blocks: blocks.clone(), from },
                    None => {
                        self.counts.add("messages refused");
                        return;
                    }
                };
                self.input(to, input);
            }
            Packet::Question { life, id, bytes } => self.answer(to, from, life, id, &bytes),
            Packet::Answer { life, id, bytes } => self.answered(to, life, id, &bytes),
        }
    }

    // Questions

    /// Asks a host; one that is down is not asked, and history then of whoever is up.
    fn ask(&mut self, host: usize, to: AuthorIndex, about: About, request: &Request) {
        let mut to = usize::from(to);
        let (life, id) = (self.hosts[host].life, self.hosts[host].asked);
        self.hosts[host].asked += 1;
        if let About::History(_, target) = about {
            let open = self.hosts[host].questions.values();
            let same = |open: &Question| matches!(open.about, About::History(_, t) if t == target);
            let hedged = open.filter(|question| same(question)).count() > 0;
            self.counts.add(if hedged { "second questions" } else { "questions for history" });
        }
        if !self.hosts[to].is_up() && matches!(about, About::History(..)) {
            let others: Vec<usize> = (0..self.options.stakes.len())
                .filter(|other| *other != host && self.hosts[*other].is_up())
                .collect();
            if !others.is_empty() {
                to = *self.peers.pick(&others);
            }
        }
        self.hosts[host].questions.insert(id, Question { from: to, about });
        let patience = if self.hosts[to].is_up() { ANSWER_MAX_US } else { 1_000 };
        self.at(self.now + patience, Event::Overdue { host, life, id });
        let bytes = Rc::new(codec::encode(request));
        self.send(host, to, &Packet::Question { life, id, bytes }, 0);
    }

    fn overdue(&mut self, host: usize, id: u64) {
        let Some(question) = self.hosts[host].questions.remove(&id) else { return };
        match question.about {
            About::History(id, _) | About::Commits(id) => {
                self.input(host, Input::FetchFailed { id });
            }
            About::OwnBlock => {}
        }
    }

    fn answer(&mut self, host: usize, to: usize, life: u32, id: u64, bytes: &[u8]) {
        let Ok(request) = Request::decode(bytes) else { return };
        let validators = self.options.stakes.len();
        let Host { database, actor, core, .. } = &mut self.hosts[host];
        let response = match request {
            Request::History(request) => {
                let right = database.history(&request, validators).expect("memory can be read");
                let blocks = match actor {
                    Some(actor) => actor.answers(right),
                    None => Some(right),
                };
                blocks.map(Response::History)
            }
            Request::Commits(request) => {
                let right = database.commit_range(&request, &self.rules.committee);
                let mut answer = right.expect("memory can be read");
                match actor {
                    Some(actor) => actor.answers_commits(&mut answer).then_some(answer),
                    None => Some(answer),
                }
                .map(Response::Commits)
            }
            Request::NewestBlock { author } => {
                let name = database.newest_block(author).expect("memory can be read");
                let stored = name.and_then(|name| database.block(&name).expect("it is whole"));
                let held = core.as_ref().and_then(|core| core.newest_block(author).cloned());
                let newest = stored.into_iter().chain(held).max_by_key(VerifiedBlock::round);
                // Who lies about it says that there is none.
                let newest = newest.filter(|_| actor.is_none());
                Some(Response::NewestBlock(newest.map(|block| block.encode())))
            }
            _ => None,
        };
        if let Some(response) = response {
            let bytes = Rc::new(codec::encode(&response));
            self.send(host, to, &Packet::Answer { life, id, bytes }, 0);
        }
    }

    fn answered(&mut self, host: usize, life: u32, id: u64, bytes: &[u8]) {
        if self.hosts[host].life != life {
            return;
        }
        let Some(question) = self.hosts[host].questions.remove(&id) else { return };
        let from = self.hosts[question.from].author;
        let rules = Rc::clone(&self.rules);
        let input = match (question.about, Response::decode(bytes)) {
            (About::History(id, _), Ok(Response::History(blocks))) => {
                match verify_all(&rules, &blocks) {
                    Some(blocks) => Input::Fetched { id, from, blocks },
                    None => Input::FetchFailed { id },
                }
            }
            (About::Commits(id), Ok(Response::Commits(answer))) => {
                let (committee, parameters) = (&rules.committee, &rules.parameters);
                match CommitRange::verify(answer, &rules.chain_id, committee, parameters) {
                    Ok(range) => {
                        self.counts.add("ranges of commits");
                        Input::Commits { id, range }
                    }
                    Err(RangeError::Empty) => Input::FetchFailed { id },
                    Err(_) => {
                        self.counts.add("ranges refused");
                        Input::CommitsRefused { id }
                    }
                }
            }
            (About::Commits(id), _) => Input::CommitsRefused { id },
            (About::History(id, _), _) => Input::FetchFailed { id },
            (About::OwnBlock, Ok(Response::NewestBlock(block))) => {
                let Some(from) = from else { return };
                let block = match block {
                    Some(bytes) => match verify(&rules, &bytes) {
                        Some(block) => Some(block),
                        None => return,
                    },
                    None => None,
                };
                Input::OwnBlock { from, block }
            }
            (About::OwnBlock, _) => return,
        };
        self.input(host, input);
    }

    // Inputs and effects

    /// Gives an input to a host's core, right now.
    pub fn input(&mut self, host: usize, input: Input) {
        let clock = self.clock(host);
        let Host { core, actor, .. } = &mut self.hosts[host];
        let Some(core) = core else { return };
        let effects = match actor.is_some() {
            false => core.handle(clock, input),
            // What a Byzantine validator does to its own core is its own affair.
            true => match catch_unwind(AssertUnwindSafe(|| core.handle(clock, input))) {
                Ok(effects) => effects,
                Err(_) => {
                    self.counts.add("panics of Byzantine cores");
                    self.crash(host);
                    self.at(self.now + 1_000_000, Event::Restart { host });
                    return;
                }
            },
        };
        self.counts.inputs += 1;
        self.perform(host, effects);
    }

    fn perform(&mut self, host: usize, effects: Vec<Effect>) {
        let honest = self.hosts[host].is_honest();
        for effect in effects {
            match effect {
                Effect::Accepted(block) => {
                    let reference = block.reference();
                    if honest {
                        let checked = self.checker.accepted(host, &reference);
                        self.judge(checked);
                        self.observer.accepted(host, &block);
                    }
                    self.hosts[host].order(Order::Block(block));
                }
                Effect::Propose(block) => {
                    self.proposes(host, &block);
                    self.hosts[host].order(Order::Proposal(block));
                }
                Effect::Commit(commit) => {
                    if honest {
                        self.commits(host, &commit);
                    }
                    self.hosts[host].order(Order::Commit(Rc::new(commit)));
                }
                Effect::Push { to, blocks } => {
                    self.counts.add("pushes");
                    self.hosts[host].order(Order::Push(to, blocks));
                }
                Effect::Fetch { id, from, request } => {
                    let about = About::History(id, request.targets[0]);
                    self.ask(host, from, about, &Request::History(request));
                }
                Effect::FetchCommits { id, from, request } => {
                    self.ask(host, from, About::Commits(id), &Request::Commits(request));
                }
                Effect::AskOwnBlock { to } => {
                    let author = self.hosts[host].author.expect("a validator asks");
                    self.ask(host, to, About::OwnBlock, &Request::NewestBlock { author });
                }
                Effect::Submitted { id, result } => self.load.submitted(host, id, result.is_ok()),
                Effect::Included { .. } => self.counts.included += 1,
                Effect::Evidence(proof) => {
                    if honest {
                        let checked = self.checker.evidence(host, &proof);
                        self.judge(checked);
                        self.counts.add("equivocations seen");
                    }
                }
                Effect::Diverged { height, .. } if honest => {
                    let checked = self.strays.halt(host, height);
                    self.judge(checked);
                }
                Effect::Certified { height, .. } if honest => {
                    self.counts.add("certificates");
                    let checked = self.strays.certify(host, height);
                    self.judge(checked);
                }
                Effect::Diverged { .. } | Effect::Certified { .. } => {}
                Effect::WakeAt(time) => {
                    let at = self.when(host, time);
                    self.hosts[host].timer = Some(at);
                    self.at(at, Event::Timer { host, life: self.hosts[host].life });
                }
            }
        }
        self.write(host);
    }

    fn proposes(&mut self, host: usize, block: &VerifiedBlock) {
        self.counts.blocks += 1;
        if std::mem::take(&mut self.hosts[host].forgot) {
            self.counts.add("blocks after amnesia");
        }
        self.trace(5, host, u64::from(block.round()));
        if self.latencies.since.is_some_and(|since| since <= self.now) {
            self.latencies.open.insert(block.reference(), self.now);
        }
        if self.hosts[host].is_honest() {
            self.checker.made(&block.reference());
        }
        let gap = self.hosts[host].is_honest().then(|| self.observer.proposed(host, block));
        if let Some(before) = gap.flatten() {
            // Case 31: no gaps in one's own chain, but where gc has passed it, or where one had forgotten.
            let gc_round = self.hosts[host].core.as_ref().map_or(0, |core| core.status().gc_round);
            let forgetful = self.checker.is_forgetful(block.author());
            if before < gc_round + 2 {
                self.counts.add("safe resumes");
            } else if !forgetful {
                let (round, words) = (block.round(), "leaves rounds out above gc");
                let words = format!("host {host} {words}: {before} to {round}, gc {gc_round}");
                self.judge(Err(Violation(words)));
            }
        }
    }

    fn commits(&mut self, host: usize, committed: &CommittedSubDag) {
        let clock_ms = self.highest_clock_ms();
        let first = self.checker.commits() < committed.commit.index;
        let checked = self.checker.committed(host, committed, clock_ms);
        self.judge(checked);
        let digest = &committed.commit.digest.0;
        let word = u64::from_le_bytes(digest[..8].try_into().expect("a hash has 32 bytes"));
        self.trace(6, host, word);
        if first {
            let all = !self.options.first_commit;
            self.observer.committed(host, &committed.commit, all, &mut self.counts);
            self.load.ordered(committed, &self.rules.chain_id);
        }
        for reference in committed
            .commit
            .blocks
            .iter()
            .filter(|block| self.hosts[host].author == Some(block.author))
        {
            if let Some(proposed) = self.latencies.open.remove(reference) {
                self.latencies.done.push((host, self.now - proposed));
            }
        }
    }

    // The writer

    fn write(&mut self, host: usize) {
        while let Some(synced) = self.hosts[host].begin_write() {
            let most = if synced { self.options.sync_us_max } else { 0 };
            let takes = self.disk.below(most + u64::from(most > 0));
            if takes > 0 {
                let life = self.hosts[host].life;
                self.at(self.now + takes, Event::Written { host, life });
                return;
            }
            self.end_write(host);
        }
    }

    fn end_write(&mut self, host: usize) {
        for order in self.hosts[host].end_write() {
            match order {
                Order::Block(_) => {}
                Order::Proposal(block) => self.leave(host, &block),
                Order::Push(to, blocks) => {
                    let encoded = blocks.iter().map(VerifiedBlock::encode).collect();
                    let bytes = Rc::new(codec::encode(&Message::Blocks(encoded)));
                    let sent = Rc::new(Sent { bytes, decoded: OnceCell::new() });
                    let to: Vec<usize> = (0..self.hosts.len())
                        .filter(|other| self.hosts[*other].author == Some(to))
                        .collect();
                    for to in to {
                        self.send(host, to, &Packet::Message(Rc::clone(&sent)), 0);
                    }
                }
                Order::Commit(commit) => {
                    self.hosts[host].executing.push_back(commit);
                    let life = self.hosts[host].life;
                    self.at(self.now + EXECUTION_US, Event::Execute { host, life });
                }
            }
        }
    }

    /// A synced proposal goes out.
    fn leave(&mut self, host: usize, block: &VerifiedBlock) {
        let Some(mut actor) = self.hosts[host].actor.take() else {
            let checked = self.checker.left(&block.reference());
            self.judge(checked);
            let bytes = codec::encode(&Message::Block(block.encode()));
            self.broadcast(host, Rc::new(bytes));
            return;
        };
        let doings = actor.proposes(block);
        self.hosts[host].actor = Some(actor);
        let mut batch = Batch::default();
        for kept in &doings.kept {
            pollen_ledger::store::Database::put_block(&mut batch, kept);
        }
        if !batch.is_empty() {
            let written = self.hosts[host].database.write(batch, Durability::Buffered);
            written.expect("memory holds it");
        }
        for outgoing in doings.outgoing {
            let sent = Rc::new(Sent { bytes: outgoing.bytes, decoded: OnceCell::new() });
            let packet = Packet::Message(sent);
            match outgoing.to {
                Some(to) => self.send(host, to, &packet, outgoing.delay_us),
                None => (0..self.hosts.len())
                    .for_each(|to| self.send(host, to, &packet, outgoing.delay_us)),
            }
        }
    }

    // Execution

    fn execute(&mut self, host: usize) {
        let honest = self.hosts[host].is_honest();
        if self.strays.halted_at(host).is_some() {
            return;
        }
        let Some(commit) = self.hosts[host].executing.pop_front() else { return };
        let executed = self.hosts[host].execution.execute(&commit);
        let commit_index = commit.commit.index;
        let closed = executed.closed.as_ref().map(|(checkpoint, _)| checkpoint);
        if honest {
            // What goes wrong only shows in its digest.
            let checked = self.checker.executed(host, commit_index, closed);
            self.judge(checked);
        }
        let height = self.hosts[host].execution.checkpoint().height;
        let right = closed.map(Checkpoint::digest);
        let digest = right.map(|right| self.strays.digest(host, height, right));
        if let Some((_, batch)) = executed.closed {
            let written = self.hosts[host].database.write(batch, Durability::Synced);
            written.expect("memory holds it");
            self.hosts[host].execution.written(height);
        }
        let attestation = self.hosts[host].author.zip(digest).map(|(author, digest)| {
            let said = match &self.hosts[host].actor {
                Some(actor) => actor.attests(height, digest),
                None => digest,
            };
            let key = &self.keys[usize::from(author)];
            Attestation::sign(&self.rules.chain_id, height, said, key)
        });
        let Executed { ids, open: checkpoint_open, .. } = executed;
        let input =
            Input::Executed { height, commit_index, ids, digest, attestation, checkpoint_open };
        self.input(host, input);
    }

    // Looking

    /// States of the honest hosts that are up.
    pub fn statuses(&self) -> Vec<(usize, CoreStatus)> {
        let honest = self.hosts.iter().enumerate().filter(|(_, host)| host.is_honest());
        honest.filter_map(|(index, host)| Some((index, host.core.as_ref()?.status()))).collect()
    }

    fn probe(&mut self) {
        let statuses = self.statuses();
        self.counts.probe(&statuses);
        self.at(self.now + PROBE_US, Event::Probe);
    }
}

fn verify(rules: &Rules, bytes: &[u8]) -> Option<VerifiedBlock> {
    let block = Block::decode(bytes, &rules.parameters).ok()?;
    block.verify(&rules.chain_id, &rules.committee, &rules.parameters).ok()
}

fn verify_all(rules: &Rules, blocks: &[Vec<u8>]) -> Option<Vec<VerifiedBlock>> {
    blocks.iter().map(|bytes| verify(rules, bytes)).collect()
}

fn decode(rules: &Rules, bytes: &[u8]) -> Option<Decoded> {
    Some(match Message::decode(bytes).ok()? {
        Message::Block(bytes) => Decoded::Block(verify(rules, &bytes)?),
        Message::Blocks(blocks) => Decoded::Blocks(verify_all(rules, &blocks)?),
    })
}
