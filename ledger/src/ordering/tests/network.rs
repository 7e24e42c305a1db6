//! A network of real cores under virtual time: seeded delays, reordering and losses; stores with crash
//! semantics; history requests answered from what a peer holds. Every failure names its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::block::{Block, BlockRef, Round, VerifiedBlock};
use crate::checkpoint::Attestation;
use crate::codec;
use crate::committee::{AuthorIndex, Committee, Validator};
use crate::crypto::{Domain, Hash, KeyPair};
use crate::genesis::{CommitOrder, Parameters};
use crate::ordering::{
    Commit, CommitRange, CommittedSubDag, Core, CoreConfig, Effect, Input, RangeError, Recovered,
    Settings, SigningHistory, Time,
};
use crate::store::{Batch, Database, Durability, MemoryStore};
use crate::transaction::{AccountId, Action, SignedTransaction, TRANSACTION_VERSION, Transaction};
use crate::wire::{CommitsAnswer, CommitsRequest, HistoryRequest, Response};

/// When virtual time begins, in milliseconds.
pub const BEGIN_MS: u64 = 1_000_000;

/// xorshift64*: enough for schedules, and ours, so that seeds stay good.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }
}

pub fn chain_id() -> Hash {
    Hash::of_content(b"ordering tests")
}

pub fn key(author: usize) -> KeyPair {
    KeyPair::development(&format!("validator {author}"))
}

pub fn committee_of(stakes: &[u64]) -> Arc<Committee> {
    let member = |(index, stake): (usize, &u64)| Validator {
        name: index.to_string(),
        public_key: key(index).public_key(),
        stake: *stake,
    };
    Arc::new(Committee::new(0, stakes.iter().enumerate().map(member).collect()).unwrap())
}

pub fn parameters() -> Parameters {
    Parameters {
        gc_depth: 60,
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
        commit_order: CommitOrder::AllSlots,
        probation_window_rounds: 100,
        probation_split_percent: 10,
        probation_doublings_max: 6,
        transaction_lifetime_max_ms: 3_600_000,
    }
}

pub fn transaction(nonce: u64) -> Arc<SignedTransaction> {
    let key = KeyPair::development("sender");
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        sender: AccountId::of_key(&key.public_key()),
        key: key.public_key(),
        nonce,
        valid_until_ms: BEGIN_MS + 3_000_000,
        max_fuel: 1000,
        fuel_price: 1,
        payer: None,
        actions: vec![Action::Transfer { to: AccountId([7; 32]), amount: 1 }],
    };
    Arc::new(transaction.sign(&chain_id(), &key, Vec::new()))
}

pub fn submit(transaction: &Arc<SignedTransaction>) -> Input {
    Input::Submit {
        transaction: Arc::clone(transaction),
        id: transaction.transaction.id(&chain_id()),
        bytes: codec::encode(&**transaction).len() as u32,
        reserve: 1 << 40,
    }
}

/// What a node wrote, in order.
#[derive(Clone)]
enum Record {
    Block(VerifiedBlock),
    Commit(Box<Commit>),
}

/// What a node keeps: a log of which everything up to the last sync survives a crash, and a database that
/// holds the same and answers peers.
struct Disk {
    log: Vec<Record>,
    synced: usize,
    blocks: BTreeMap<BlockRef, VerifiedBlock>,
    database: Database,
}

impl Disk {
    fn new() -> Self {
        let genesis = crate::execution::tests::genesis(&[]);
        let database = Database::open(Arc::new(MemoryStore::default()), &genesis, None).unwrap();
        Self { log: Vec::new(), synced: 0, blocks: BTreeMap::new(), database }
    }

    fn write(&mut self, record: Record) {
        let mut batch = Batch::default();
        match &record {
            Record::Block(block) => {
                self.blocks.insert(block.reference(), block.clone());
                Database::put_block(&mut batch, block);
            }
            Record::Commit(commit) => Database::put_commit(&mut batch, commit.index, &**commit),
        }
        self.database.write(batch, Durability::Synced).unwrap();
        self.log.push(record);
    }

    /// What is left when only the first `kept` records are.
    fn truncate(&mut self, kept: usize) {
        let old = std::mem::replace(self, Self::new());
        old.log.into_iter().take(kept).for_each(|record| self.write(record));
        self.synced = kept;
    }
}

pub struct Node {
    pub core: Option<Core>,
    own: Option<AuthorIndex>,
    disk: Disk,
    /// Every commit ever emitted, by index - 1.
    pub commits: Vec<Commit>,
    /// Ids of ordered transactions, in order, with repetitions.
    pub ordered: Vec<Hash>,
    /// Per commit, how long after the stamps of its honest blocks it came, in milliseconds.
    pub latency_ms: Vec<Vec<u64>>,
    /// Height of the last checkpoint, its ledger time, and transactions executed since.
    pub checkpoint: (u64, u64, u64),
    timer: Option<u64>,
    pub certified: u64,
}

impl Node {
    fn new(own: Option<AuthorIndex>) -> Self {
        Self {
            core: None,
            own,
            disk: Disk::new(),
            commits: Vec::new(),
            ordered: Vec::new(),
            latency_ms: Vec::new(),
            checkpoint: (0, 0, 0),
            timer: None,
            certified: 0,
        }
    }
}

enum Event {
    Input(usize, u32, Input),
    Timer(usize, u32),
}

pub struct Network {
    pub random: Random,
    pub seed: u64,
    pub now: u64,
    pub committee: Arc<Committee>,
    pub parameters: Parameters,
    pub nodes: Vec<Node>,
    lives: Vec<u32>,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    /// Least and most delay of a message, in milliseconds.
    pub delay_ms: (u64, u64),
    /// Of 1 000 messages so many are lost.
    pub loss: u64,
    /// Who signs two blocks a round.
    pub equivocators: BTreeSet<usize>,
    /// Who gives its blocks in time to one honest validator only, another one each round.
    pub withholders: BTreeSet<usize>,
    /// How much later everybody else gets them, in milliseconds.
    pub withheld_ms: u64,
    proposed: BTreeMap<(AuthorIndex, Round), Hash>,
    pub evidence: BTreeSet<AuthorIndex>,
    /// Blocks of an answer.
    pub answer_max: usize,
    /// Who was asked by whom for commits.
    pub ranges_asked: Vec<(usize, AuthorIndex)>,
    /// Nobody answers with commits.
    pub no_ranges: bool,
    /// What the store of a node that starts says of itself; by default that it is whole.
    pub histories: BTreeMap<usize, SigningHistory>,
    /// Who keeps back blocks that others signed when they ask for them.
    pub silent_about_own: BTreeSet<usize>,
    /// Nobody says which blocks of others it has.
    pub nobody_answers: bool,
    /// This node is killed behind so many more of its effects.
    pub kill_after: Option<(usize, u64)>,
    /// Who answers with wrong commits.
    pub liars: BTreeSet<usize>,
    pub verify: bool,
}

impl Network {
    /// Validators with these stakes and so many followers, all started.
    pub fn new(stakes: &[u64], followers: usize, seed: u64) -> Self {
        let size = stakes.len() + followers;
        let mut network = Self {
            random: Random::new(seed),
            seed,
            now: BEGIN_MS,
            committee: committee_of(stakes),
            parameters: parameters(),
            nodes: Vec::new(),
            lives: vec![0; size],
            queue: BTreeMap::new(),
            sequence: 0,
            delay_ms: (1, 20),
            loss: 0,
            equivocators: BTreeSet::new(),
            withholders: BTreeSet::new(),
            withheld_ms: 1_000,
            proposed: BTreeMap::new(),
            evidence: BTreeSet::new(),
            answer_max: 64,
            ranges_asked: Vec::new(),
            no_ranges: false,
            histories: BTreeMap::new(),
            silent_about_own: BTreeSet::new(),
            nobody_answers: false,
            kill_after: None,
            liars: BTreeSet::new(),
            verify: false,
        };
        for index in 0..size {
            network.nodes.push(Node::new((index < stakes.len()).then_some(index as AuthorIndex)));
        }
        network
    }

    /// Adds a follower with an empty disk and starts it.
    pub fn add_follower(&mut self) {
        self.nodes.push(Node::new(None));
        self.lives.push(0);
        self.start(self.nodes.len() - 1);
    }

    /// Starts every node that does not run.
    pub fn start_all(&mut self) {
        (0..self.nodes.len()).for_each(|index| self.start(index));
    }

    /// Starts a node from its disk.
    pub fn start(&mut self, index: usize) {
        if self.nodes[index].core.is_some() {
            return;
        }
        let own = self.nodes[index].own;
        let config = CoreConfig {
            own,
            key: own.map(|author| key(usize::from(author))),
            committee: Arc::clone(&self.committee),
            chain_id: chain_id(),
            genesis_time_ms: BEGIN_MS,
            parameters: self.parameters.clone(),
            settings: Settings::default(),
        };
        let recovered = self.recovered(index);
        let (core, effects) = Core::new(config, recovered, Time(self.now));
        self.lives[index] += 1;
        self.nodes[index].core = Some(core);
        self.nodes[index].timer = None;
        self.perform(index, effects);
        for other in 0..self.committee.size() {
            if other != index && self.nodes[other].core.is_some() {
                let (author, other_author) = (self.nodes[index].own, other as AuthorIndex);
                self.send(index, Input::Connected { author: other_author });
                if let Some(author) = author {
                    self.send(other, Input::Connected { author });
                }
            }
        }
    }

    fn recovered(&self, index: usize) -> Recovered {
        let node = &self.nodes[index];
        let mut recovered = Recovered::default();
        let mut blocks = Vec::new();
        for record in &node.disk.log {
            match record {
                Record::Block(block) => blocks.push(block.clone()),
                Record::Commit(commit) => recovered.recent_commits.push((**commit).clone()),
            }
        }
        recovered.last_commit = recovered.recent_commits.last().cloned();
        let last = recovered.last_commit.as_ref().map_or(0, |commit| commit.round);
        let gc_round = last.saturating_sub(self.parameters.gc_depth);
        let own = |block: &VerifiedBlock| Some(block.author()) == node.own;
        let floor = blocks.iter().filter(|block| own(block)).map(VerifiedBlock::round).max();
        recovered.own_round_floor = floor.unwrap_or(0);
        blocks.retain(|block| {
            block.round() > gc_round || (own(block) && Some(block.round()) == floor)
        });
        recovered.blocks = blocks;
        recovered.signing_history = match (self.histories.get(&index), floor) {
            (Some(history), _) => *history,
            (None, None) => SigningHistory::NeverSigned,
            (None, Some(_)) => SigningHistory::Kept,
        };
        recovered
    }

    /// Kills a node. What it wrote after its last sync is lost from a random point on.
    pub fn crash(&mut self, index: usize) {
        let (written, synced) = {
            let disk = &self.nodes[index].disk;
            (disk.log.len(), disk.synced)
        };
        let kept = synced + self.random.below((written - synced) as u64 + 1) as usize;
        let node = &mut self.nodes[index];
        node.core = None;
        node.disk.truncate(kept);
    }

    fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn delay(&mut self) -> u64 {
        let (least, most) = self.delay_ms;
        least + self.random.below(most - least + 1)
    }

    /// An input that arrives after a random delay, when the node still lives.
    pub fn send(&mut self, to: usize, input: Input) {
        let at = self.now + self.delay();
        self.push(at, Event::Input(to, self.lives[to], input));
    }

    fn send_lossy(&mut self, to: usize, input: Input) {
        if self.random.below(1000) >= self.loss {
            self.send(to, input);
        }
    }

    /// Runs for so many milliseconds of virtual time.
    pub fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            match event {
                Event::Input(to, life, input) if life == self.lives[to] => self.input(to, input),
                Event::Timer(to, life)
                    if life == self.lives[to] && self.nodes[to].timer == Some(at) =>
                {
                    self.nodes[to].timer = None;
                    self.input(to, Input::Timer);
                }
                Event::Input(..) | Event::Timer(..) => {}
            }
        }
        self.now = end;
    }

    /// Gives an input right now.
    pub fn input(&mut self, to: usize, input: Input) {
        let now = Time(self.now);
        let Some(core) = self.nodes[to].core.as_mut() else { return };
        let effects = core.handle(now, input);
        self.perform(to, effects);
    }

    fn perform(&mut self, index: usize, effects: Vec<Effect>) {
        for effect in effects {
            if self.is_killed(index) {
                return;
            }
            match effect {
                Effect::Accepted(block) => self.write(index, &block),
                Effect::Propose(block) => self.propose(index, block),
                Effect::Commit(committed) => self.commit(index, committed),
                Effect::Fetch { id, from, request } => self.fetch(index, id, from, &request),
                Effect::FetchCommits { id, from, request } => {
                    self.fetch_commits(index, id, from, &request);
                }
                Effect::Push { to, blocks } => {
                    let from = self.nodes[index].own;
                    self.send_lossy(usize::from(to), Input::Blocks { blocks, from });
                }
                Effect::AskOwnBlock { to } => self.ask_own_block(index, to),
                Effect::Submitted { .. } | Effect::Included { .. } => {}
                Effect::Evidence(proof) => {
                    assert!(proof.verify(&chain_id(), &self.committee), "seed {}", self.seed);
                    self.evidence.insert(proof.author);
                }
                Effect::Diverged { .. } => panic!("diverged, seed {}", self.seed),
                Effect::Certified { height, .. } => {
                    let certified = &mut self.nodes[index].certified;
                    *certified = height.max(*certified);
                }
                Effect::WakeAt(Time(at)) => {
                    assert!(at > self.now, "a timer in the past, seed {}", self.seed);
                    self.nodes[index].timer = Some(at);
                    self.push(at, Event::Timer(index, self.lives[index]));
                }
            }
        }
    }

    /// Counts effects towards the kill that is planned, and kills.
    fn is_killed(&mut self, index: usize) -> bool {
        match &mut self.kill_after {
            Some((victim, 0)) if *victim == index => {
                self.kill_after = None;
                self.crash(index);
                true
            }
            Some((victim, left)) if *victim == index => {
                *left -= 1;
                false
            }
            _ => false,
        }
    }

    fn write(&mut self, index: usize, block: &VerifiedBlock) {
        self.nodes[index].disk.write(Record::Block(block.clone()));
    }

    fn propose(&mut self, index: usize, block: VerifiedBlock) {
        self.write(index, &block);
        let node = &mut self.nodes[index];
        node.disk.synced = node.disk.log.len();
        let reference = block.reference();
        let key = (reference.author, reference.round);
        let before = self.proposed.insert(key, reference.digest);
        assert!(before.is_none(), "{reference:?} proposed twice, seed {}", self.seed);
        if self.verify {
            let checked =
                block.block().clone().verify(&chain_id(), &self.committee, &self.parameters);
            checked.expect("our own blocks are valid");
        }
        let twin = self.equivocators.contains(&index).then(|| self.twin(index, &block));
        for to in 0..self.nodes.len() {
            let sent = twin.as_ref().filter(|_| to % 2 == 1).unwrap_or(&block).clone();
            let input = Input::Block { block: sent, from: self.nodes[index].own };
            if to == index {
                continue;
            }
            if self.withholds(index, to, block.round()) {
                let at = self.now + self.withheld_ms;
                self.push(at, Event::Input(to, self.lives[to], input));
            } else {
                self.send_lossy(to, input);
            }
        }
    }

    /// True when a withholder keeps its block of this round from a node for a while.
    fn withholds(&self, index: usize, to: usize, round: Round) -> bool {
        let honest = (0..self.committee.size()).filter(|node| !self.withholders.contains(node));
        let honest: Vec<usize> = honest.collect();
        let friend = honest[(round as usize + index) % honest.len()];
        self.withholders.contains(&index) && !self.withholders.contains(&to) && to != friend
    }

    /// Another block for the same round.
    fn twin(&mut self, index: usize, block: &VerifiedBlock) -> VerifiedBlock {
        let mut header = block.header().clone();
        header.timestamp_ms += 1;
        let twin = Block::sign(header, block.block().body.clone(), &key(index));
        let twin = VerifiedBlock::trusted(twin, &self.parameters).unwrap();
        self.nodes[index].disk.blocks.insert(twin.reference(), twin.clone());
        twin
    }

    fn commit(&mut self, index: usize, committed: CommittedSubDag) {
        let commit = &committed.commit;
        let references: Vec<BlockRef> =
            committed.blocks.iter().map(VerifiedBlock::reference).collect();
        assert_eq!(references, commit.blocks);
        let node = &mut self.nodes[index];
        node.disk.write(Record::Commit(Box::new(commit.clone())));
        let place = commit.index as usize - 1;
        if let Some(before) = node.commits.get(place) {
            assert_eq!(before, commit, "another commit after a restart, seed {}", self.seed);
            return;
        }
        assert_eq!(node.commits.len(), place, "commits without gaps, seed {}", self.seed);
        node.commits.push(commit.clone());
        let transactions = committed.blocks.iter().flat_map(|block| block.transactions());
        let ids: Vec<Hash> =
            transactions.map(|signed| signed.transaction.id(&chain_id())).collect();
        node.ordered.extend(&ids);
        let honest = committed
            .blocks
            .iter()
            .filter(|block| !self.withholders.contains(&usize::from(block.author())));
        let late = |block: &VerifiedBlock| self.now.saturating_sub(block.header().timestamp_ms);
        node.latency_ms.push(honest.map(late).collect());
        self.execute(index, &committed, ids);
    }

    /// An execution that only chains digests, with the rule of checkpoints.
    fn execute(&mut self, index: usize, committed: &CommittedSubDag, ids: Vec<Hash>) {
        let commit = &committed.commit;
        let node = &mut self.nodes[index];
        let (height, closed_ms, content) = node.checkpoint;
        let content = content + ids.len() as u64;
        let passed_ms = commit.timestamp_ms.saturating_sub(closed_ms);
        let parameters = &self.parameters;
        let closes = (content > 0 && passed_ms >= parameters.checkpoint_interval_ms)
            || passed_ms >= parameters.checkpoint_interval_max_ms;
        let height = height + u64::from(closes);
        node.checkpoint = match closes {
            true => (height, commit.timestamp_ms, 0),
            false => (height, closed_ms, content),
        };
        let digest =
            closes.then(|| Domain::Checkpoint.hash(&[&height.to_le_bytes(), &commit.digest.0]));
        let attestation = node.own.zip(digest).map(|(author, digest)| {
            Attestation::sign(&chain_id(), height, digest, &key(usize::from(author)))
        });
        let commit_index = commit.index;
        let at = self.now + 1;
        let checkpoint_open = !closes && content > 0;
        let input =
            Input::Executed { height, commit_index, ids, digest, attestation, checkpoint_open };
        self.push(at, Event::Input(index, self.lives[index], input));
    }

    fn fetch(&mut self, index: usize, id: u64, from: AuthorIndex, request: &HistoryRequest) {
        let peer = usize::from(from);
        assert_ne!(Some(from), self.nodes[index].own, "asks itself, seed {}", self.seed);
        if self.nodes[peer].core.is_none() {
            self.send(index, Input::FetchFailed { id });
            return;
        }
        let held = &self.nodes[peer].disk.blocks;
        let mut wanted = BTreeSet::new();
        let mut open = request.targets.clone();
        while let Some(reference) = open.pop() {
            // As the store answers: what is asked for by name comes wherever it is.
            let lacked = reference.round > request.frontier[usize::from(reference.author)]
                || request.targets.contains(&reference);
            let Some(block) = held.get(&reference).filter(|_| lacked) else { continue };
            if wanted.insert(reference) {
                open.extend(block.header().parents.iter().copied());
            }
        }
        let blocks: Vec<VerifiedBlock> =
            wanted.iter().take(self.answer_max).map(|reference| held[reference].clone()).collect();
        let (there, back) = (self.delay(), self.delay());
        if self.random.below(1000) >= self.loss {
            let input = Input::Fetched { id, blocks, from: Some(from) };
            self.push(self.now + there + back, Event::Input(index, self.lives[index], input));
        }
    }

    fn fetch_commits(
        &mut self,
        index: usize,
        id: u64,
        from: AuthorIndex,
        request: &CommitsRequest,
    ) {
        let peer = usize::from(from);
        self.ranges_asked.push((index, from));
        let (there, back) = (self.delay(), self.delay());
        if self.nodes[peer].core.is_none() || self.no_ranges {
            return;
        }
        let mut answer = self.range(peer, request.after);
        if self.liars.contains(&peer) {
            self.lie(&mut answer);
        }
        let verified = self.verify_range(answer);
        let input = match verified {
            Ok(range) => Input::Commits { id, range },
            Err(RangeError::Empty) => Input::FetchFailed { id },
            Err(_) => Input::CommitsRefused { id },
        };
        self.push(self.now + there + back, Event::Input(index, self.lives[index], input));
    }

    /// The lowest round above `round` that a validator proposed in.
    pub fn first_proposal_above(&self, index: usize, round: Round) -> Option<Round> {
        let author = index as AuthorIndex;
        self.proposed.range((author, round + 1)..(author, Round::MAX)).next().map(|(key, _)| key.1)
    }

    /// How many blocks a validator proposed.
    pub fn proposals_of(&self, index: usize) -> usize {
        let author = index as AuthorIndex;
        self.proposed.range((author, 0)..(author, Round::MAX)).count()
    }

    /// An author's newest block on a node's disk.
    pub fn newest_block_of(&self, node: usize, author: AuthorIndex) -> VerifiedBlock {
        let database = &self.nodes[node].disk.database;
        database.block(&database.newest_block(author).unwrap().unwrap()).unwrap().unwrap()
    }

    fn ask_own_block(&mut self, index: usize, to: AuthorIndex) {
        let (peer, own) = (usize::from(to), self.nodes[index].own.expect("only validators ask"));
        if self.nodes[peer].core.is_none()
            || self.nobody_answers
            || self.random.below(1000) < self.loss
        {
            return;
        }
        let database = &self.nodes[peer].disk.database;
        let newest = database.newest_block(own).unwrap();
        let stored = newest.and_then(|newest| database.block(&newest).unwrap());
        let held = self.core(peer).newest_block(own).cloned();
        let mut block = stored.into_iter().chain(held).max_by_key(VerifiedBlock::round);
        if self.silent_about_own.contains(&peer) {
            block = None;
        }
        let at = self.now + self.delay() + self.delay();
        self.push(at, Event::Input(index, self.lives[index], Input::OwnBlock { from: to, block }));
    }

    /// Loses a node's disk but for the first `kept` records: an empty one, or a restored image.
    pub fn roll_back(&mut self, index: usize, kept: usize) {
        assert!(self.nodes[index].core.is_none(), "it has to be stopped first");
        let kept = kept.min(self.nodes[index].disk.log.len());
        self.nodes[index].disk.truncate(kept);
    }

    /// What a node answers to who has the commits up to `after`.
    pub fn range(&self, node: usize, after: u64) -> CommitsAnswer {
        let database = &self.nodes[node].disk.database;
        database.commit_range(&CommitsRequest { after }, &self.committee).unwrap()
    }

    /// What becomes of an answer: bytes that travel, are decoded and verified.
    pub fn verify_range(&self, answer: CommitsAnswer) -> Result<CommitRange, RangeError> {
        let response = codec::encode(&Response::Commits(answer));
        let Ok(Response::Commits(answer)) = Response::decode(&response) else { panic!("decodes") };
        CommitRange::verify(answer, &chain_id(), &self.committee, &self.parameters)
    }

    /// Changes an answer in one of many ways, so that it is wrong.
    fn lie(&mut self, answer: &mut CommitsAnswer) {
        if answer.commits.is_empty() {
            return;
        }
        let place = self.random.below(answer.commits.len() as u64) as usize;
        match self.random.below(6) {
            0 => drop(answer.blocks.pop()),
            1 => answer.commits[place].timestamp_ms += 1,
            2 => answer.votes.truncate(1),
            3 => answer.commits[place].slots.reverse(),
            4 => forget_ignored(answer),
            _ => answer.commits.clear(),
        }
    }

    /// The commits of all running nodes agree; returns the least number of them.
    pub fn check(&self) -> usize {
        let running = || {
            let nodes = self.nodes.iter().enumerate();
            nodes.filter(|(index, node)| node.core.is_some() && !self.equivocators.contains(index))
        };
        let least = running().map(|(_, node)| node.commits.len()).min().unwrap();
        let mut longest: &[Commit] = &[];
        for (_, node) in running() {
            node.core.as_ref().unwrap().check();
            if node.commits.len() > longest.len() {
                longest = &node.commits;
            }
        }
        for (index, node) in running() {
            let part = &longest[..node.commits.len()];
            assert!(
                codec::encode(&node.commits) == codec::encode(&part.to_vec()),
                "node {index} has other commits, seed {}",
                self.seed
            );
        }
        least
    }

    /// Every one of these transactions is ordered exactly once on every running node.
    pub fn check_ordered_once(&self, ids: &[Hash]) {
        for (index, node) in self.nodes.iter().enumerate() {
            if node.core.is_none() {
                continue;
            }
            for id in ids {
                let times = node.ordered.iter().filter(|ordered| *ordered == id).count();
                assert_eq!(times, 1, "{id} on node {index}, seed {}", self.seed);
            }
        }
    }

    /// Against whom the blocks that a node holds carry proofs.
    pub fn published(&self, index: usize) -> BTreeSet<AuthorIndex> {
        let blocks = self.nodes[index].disk.blocks.values();
        blocks.flat_map(|block| &block.header().evidence).map(|proof| proof.author).collect()
    }

    pub fn core(&self, index: usize) -> &Core {
        self.nodes[index].core.as_ref().expect("it runs")
    }

    /// Submits so many transactions to random nodes of `to` over `ms`; returns their ids.
    pub fn load(&mut self, first: u64, count: u64, ms: u64, to: &[usize]) -> Vec<Hash> {
        let mut ids = Vec::new();
        for nonce in first..first + count {
            let signed = transaction(nonce);
            ids.push(signed.transaction.id(&chain_id()));
            let node = to[self.random.below(to.len() as u64) as usize];
            let at = self.now + self.random.below(ms);
            self.push(at, Event::Input(node, self.lives[node], submit(&signed)));
        }
        ids
    }
}

/// Takes what commits ignore out of an answer, the blocks as well: no digest and no vote covers them.
pub fn forget_ignored(answer: &mut CommitsAnswer) {
    let mut blocks = std::mem::take(&mut answer.blocks).into_iter();
    for commit in &mut answer.commits {
        answer.blocks.extend(blocks.by_ref().take(commit.blocks.len()));
        blocks.by_ref().take(commit.ignored.len()).for_each(drop);
        commit.ignored.clear();
    }
}
