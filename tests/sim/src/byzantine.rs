//! What Byzantine validators do. An actor stands between a real core and the network: the core behaves as
//! an honest one would, the actor changes, adds and holds back what leaves. Twins have no wrapper: they are
//! two honest hosts with one key.
//!
//! An actor signs with its own key alone.

use std::collections::VecDeque;
use std::rc::Rc;

use pollen_ledger::block::{Block, BlockHeader, BlockRef, EquivocationProof, Round, SignedVotes};
use pollen_ledger::codec;
use pollen_ledger::committee::AuthorIndex;
use pollen_ledger::crypto::Domain;
use pollen_ledger::wire::{CommitsAnswer, Message};
use pollen_ledger::{Hash, KeyPair, Signature, VerifiedBlock};
use serde::Serialize;

use crate::random::Random;
use crate::world::Rules;

/// What a Byzantine validator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Signs two or three blocks a round and shows each to some.
    Equivocate,
    /// Signs a dozen blocks a round, and shows everybody other ones.
    ForkBomb,
    /// Gives each block to one honest validator only.
    Withhold,
    /// Says nothing for a while, then goes on.
    Silent,
    /// Sends each block to some only.
    Selective,
    /// Sends blocks with broken signatures, first.
    BadSignature,
    /// Sends blocks with parents against the rules, or that nobody has.
    WrongParents,
    /// Sends blocks of far future and long gone rounds.
    FutureAndStale,
    /// Sends everything many times, others' blocks too.
    Duplicates,
    /// Sends blocks and messages beyond every bound.
    Oversize,
    /// Sends as many valid things as it may.
    Spam,
    /// Sends bytes that mean nothing.
    Garbage,
    /// Answers questions for history with something else.
    FalseAnswers,
    /// Changes one field of its block and signs that too.
    ChangedField,
    /// Stamps its blocks far ahead or far back.
    WrongTime,
    /// Attests checkpoints that nobody computed.
    FalseAttestations,
    /// Two honest hosts with one key.
    Twins,
}

impl Behaviour {
    /// Every behaviour.
    pub const ALL: [Self; 17] = [
        Self::Equivocate,
        Self::ForkBomb,
        Self::Withhold,
        Self::Silent,
        Self::Selective,
        Self::BadSignature,
        Self::WrongParents,
        Self::FutureAndStale,
        Self::Duplicates,
        Self::Oversize,
        Self::Spam,
        Self::Garbage,
        Self::FalseAnswers,
        Self::ChangedField,
        Self::WrongTime,
        Self::FalseAttestations,
        Self::Twins,
    ];
}

/// What a liar makes of the right answer to a question for commits.
#[derive(Debug, Clone, PartialEq)]
pub enum Lie {
    /// Says nothing.
    Silence,
    /// Says that it has none.
    Nothing,
    /// Keeps the last block back.
    FewerBlocks,
    /// Ends in the middle, with the votes for the end.
    Truncated,
    /// A commit's time is wrong.
    WrongTime,
    /// The same, and every digest from there on is made anew; its own vote is for that.
    Relinked,
    /// Slots in another order, which no digest covers.
    SlotsReversed,
    /// What commits ignore is kept back, which no digest covers either.
    IgnoredLost,
    /// Blocks in another order.
    BlocksReversed,
    /// Votes of too little stake.
    FewVotes,
    /// One vote twice instead of two.
    DoubleVote,
    /// A vote in the name of somebody else.
    ForgedVote,
    /// Another answer: one of long ago, or of another chain.
    Another(CommitsAnswer),
}

/// A message on its way out.
#[derive(Debug)]
pub struct Outgoing {
    /// Which host; none for everybody.
    pub to: Option<usize>,
    /// The encoded message.
    pub bytes: Rc<Vec<u8>>,
    /// Leaves so much later.
    pub delay_us: u64,
}

/// What an actor makes of its core's proposal.
#[derive(Debug, Default)]
pub struct Doings {
    /// To be sent.
    pub outgoing: Vec<Outgoing>,
    /// Other blocks that it signed, and can be asked for.
    pub kept: Vec<VerifiedBlock>,
}

impl Doings {
    fn to(&mut self, to: Option<usize>, bytes: &Rc<Vec<u8>>) {
        self.later(to, bytes, 0);
    }

    fn later(&mut self, to: Option<usize>, bytes: &Rc<Vec<u8>>, delay_us: u64) {
        self.outgoing.push(Outgoing { to, bytes: Rc::clone(bytes), delay_us });
    }
}

/// A Byzantine validator.
#[derive(Debug)]
pub struct Actor {
    behaviour: Behaviour,
    author: AuthorIndex,
    key: KeyPair,
    rules: Rc<Rules>,
    hosts: usize,
    honest: Vec<usize>,
    random: Random,
    /// The last blocks of its own.
    own: VecDeque<VerifiedBlock>,
    /// Some messages that came in.
    heard: VecDeque<Rc<Vec<u8>>>,
    silent_until: Round,
    /// The one lie about commits that it tells; without it any.
    lie: Option<Lie>,
}

fn message(block: &Block) -> Rc<Vec<u8>> {
    Rc::new(codec::encode(&Message::Block(codec::encode(block))))
}

impl Actor {
    /// Of a validator, among so many hosts of which some are honest.
    pub fn new(
        behaviour: Behaviour,
        author: AuthorIndex,
        key: KeyPair,
        rules: &Rc<Rules>,
        hosts: usize,
        honest: Vec<usize>,
        seed: u64,
    ) -> Self {
        Self {
            behaviour,
            author,
            key,
            rules: Rc::clone(rules),
            hosts,
            honest,
            random: Random::stream(seed, &format!("actor {author}")),
            own: VecDeque::new(),
            heard: VecDeque::new(),
            silent_until: 0,
            lie: None,
        }
    }

    /// Its core proposes.
    pub fn proposes(&mut self, block: &VerifiedBlock) -> Doings {
        self.own.push_back(block.clone());
        if self.own.len() > 8 {
            self.own.pop_front();
        }
        let mut doings = Doings::default();
        let plain = message(block.block());
        match self.behaviour {
            Behaviour::Equivocate => {
                let more = self.random.between(1, 2);
                self.equivocate(block, more, 1, &mut doings);
            }
            Behaviour::ForkBomb => self.equivocate(block, 12, 3, &mut doings),
            Behaviour::Withhold => {
                let one = *self.random.pick(&self.honest);
                doings.to(Some(one), &plain);
            }
            Behaviour::Silent => {
                if self.random.permille(50) {
                    self.silent_until = block.round() + self.random.between(1, 40) as Round;
                }
                if block.round() >= self.silent_until {
                    doings.to(None, &plain);
                }
            }
            Behaviour::Selective => {
                for (to, chosen) in self.random.half(self.hosts).into_iter().enumerate() {
                    if chosen {
                        doings.to(Some(to), &plain);
                    }
                }
            }
            Behaviour::ChangedField => {
                let changed = self.changed_field(block);
                for (to, chosen) in self.random.half(self.hosts).into_iter().enumerate() {
                    doings.to(Some(to), if chosen { &changed } else { &plain });
                }
            }
            Behaviour::BadSignature
            | Behaviour::WrongParents
            | Behaviour::FutureAndStale
            | Behaviour::Oversize
            | Behaviour::Duplicates
            | Behaviour::Garbage
            | Behaviour::Spam => {
                self.unfit(block, &mut doings);
                doings.to(None, &plain);
            }
            Behaviour::FalseAnswers
            | Behaviour::WrongTime
            | Behaviour::FalseAttestations
            | Behaviour::Twins => doings.to(None, &plain),
        }
        doings
    }

    /// So many blocks more, and so many of them for each host.
    fn equivocate(&mut self, block: &VerifiedBlock, more: u64, each: u64, doings: &mut Doings) {
        let mut variants = vec![message(block.block())];
        for variant in 0..more {
            let mut header = block.header().clone();
            let mut body = block.block().body.clone();
            header.timestamp_ms += variant + 1;
            if self.random.permille(500) {
                body = self.put_body(&mut header, &[]);
            }
            let other = Block::sign(header, body, &self.key);
            variants.push(message(&other));
            doings.kept.extend(VerifiedBlock::trusted(other, &self.rules.parameters));
        }
        for to in 0..self.hosts {
            for _ in 0..each {
                let variant = Rc::clone(self.random.pick(&variants));
                doings.to(Some(to), &variant);
            }
        }
    }

    fn put_body(
        &self,
        header: &mut BlockHeader,
        transactions: &[pollen_ledger::SignedTransaction],
    ) -> Vec<u8> {
        let body = codec::encode(&transactions.to_vec());
        header.transaction_count = transactions.len() as u32;
        header.body_bytes = body.len() as u32;
        header.body_digest = Domain::Body.hash(&[&body]);
        body
    }

    /// Blocks that break a rule, or stretch it, sent beside the right one.
    fn unfit(&mut self, block: &VerifiedBlock, doings: &mut Doings) {
        let count = if self.behaviour == Behaviour::Spam { 8 } else { 1 };
        for _ in 0..count {
            let bytes = match self.behaviour {
                Behaviour::BadSignature => self.bad_signature(block),
                Behaviour::WrongParents => self.wrong_parents(block),
                Behaviour::FutureAndStale => self.other_round(block),
                Behaviour::Oversize => self.oversize(block),
                Behaviour::Garbage => self.garbage(block),
                Behaviour::Duplicates => self.again(block),
                _ => self.spam(block),
            };
            doings.to(None, &bytes);
        }
        if self.behaviour == Behaviour::Duplicates {
            let plain = message(block.block());
            for copy in 1..6 {
                doings.later(None, &plain, copy * 20_000);
            }
        }
    }

    fn bad_signature(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut other = block.block().clone();
        if self.random.permille(500) {
            // in the name of somebody else
            other.header.author = self.random.below(self.rules.committee.size() as u64) as u16;
        }
        let place = self.random.below(64) as usize;
        other.signature.0[place] ^= 1 << self.random.below(8);
        message(&other)
    }

    fn wrong_parents(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut header = block.header().clone();
        let place = self.random.below(header.parents.len() as u64) as usize;
        match self.random.below(6) {
            0 => header.parents.push(header.parents[place]),
            1 => drop(header.parents.remove(0)),
            2 => header.parents.truncate(1),
            3 => header.parents[place].round = header.round,
            4 => header.parents[place].author = u16::MAX,
            _ => header.parents[place].digest = Hash::of_content(&self.random.bits().to_le_bytes()),
        }
        message(&Block::sign(header, block.block().body.clone(), &self.key))
    }

    /// Valid by its form: its parents are named, but nobody has them.
    fn other_round(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut header = block.header().clone();
        let step = *self.random.pick(&[1, 2, 5, 30, 1000, 1 << 20]);
        header.round = match self.random.permille(500) {
            true => header.round.saturating_add(step),
            false => header.round.saturating_sub(step).max(2),
        };
        let made_up = |author: AuthorIndex, random: &mut Random| BlockRef {
            author,
            round: header.round - 1,
            digest: Hash::of_content(&random.bits().to_le_bytes()),
        };
        let mut parents = vec![made_up(self.author, &mut self.random)];
        for author in self.rules.committee.authors().filter(|author| *author != self.author) {
            parents.push(made_up(author, &mut self.random));
        }
        header.parents = parents;
        message(&Block::sign(header, block.block().body.clone(), &self.key))
    }

    fn oversize(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut header = block.header().clone();
        if self.random.permille(500) {
            header.commit_votes = vec![(1, Hash::ZERO); 2_000];
            return message(&Block::sign(header, block.block().body.clone(), &self.key));
        }
        let body = vec![0; self.random.between(1, 4 << 20) as usize];
        header.body_bytes = body.len() as u32;
        header.body_digest = Domain::Body.hash(&[&body]);
        header.transaction_count = u32::MAX;
        message(&Block::sign(header, body, &self.key))
    }

    fn garbage(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut bytes = message(block.block()).to_vec();
        match self.random.below(4) {
            0 => bytes.truncate(self.random.below(bytes.len() as u64) as usize),
            1 => {
                let place = self.random.below(bytes.len() as u64) as usize;
                bytes[place] ^= 0x55;
            }
            2 => bytes.push(0),
            _ => bytes = (0..self.random.below(2_000)).map(|_| self.random.bits() as u8).collect(),
        }
        Rc::new(bytes)
    }

    fn again(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        match self.heard.is_empty() {
            true => message(block.block()),
            false => {
                let place = self.random.below(self.heard.len() as u64) as usize;
                Rc::clone(&self.heard[place])
            }
        }
    }

    /// A block of ours with a made-up parent of somebody else in each: all valid by form.
    fn spam(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut header = block.header().clone();
        header.commit_votes = (0..100).map(|_| (self.random.bits(), Hash::ZERO)).collect();
        header.timestamp_ms += self.random.below(500);
        if self.random.permille(300) {
            header.round += self.random.below(150) as Round;
            let place = self.random.below(header.parents.len() as u64) as usize;
            header.parents[place].digest = Hash::of_content(&self.random.bits().to_le_bytes());
        }
        message(&Block::sign(header, block.block().body.clone(), &self.key))
    }

    fn changed_field(&mut self, block: &VerifiedBlock) -> Rc<Vec<u8>> {
        let mut header = block.header().clone();
        let noise = self.random.bits();
        match self.random.below(12) {
            0 => header.version ^= 1,
            1 => header.chain_id.0[0] ^= 1,
            2 => header.epoch += 1,
            3 => header.round = header.round.wrapping_add(noise as Round),
            4 => header.author = noise as AuthorIndex,
            5 => header.timestamp_ms = noise,
            6 => drop(header.parents.pop()),
            7 => header.body_digest.0[0] ^= 1,
            8 => header.transaction_count = header.transaction_count.wrapping_add(1),
            9 => header.body_bytes = noise as u32,
            10 => header.commit_votes = vec![(noise, Hash::ZERO)],
            _ => header.evidence.push(EquivocationProof {
                version: header.version,
                chain_id: header.chain_id,
                epoch: header.epoch,
                round: header.round,
                author: self.honest[0] as AuthorIndex,
                rests: [Hash::ZERO, Hash::of_content(b"never signed")],
                signatures: [Signature([1; 64]); 2],
            }),
        }
        let signature = self.key.sign(&header.digest().0);
        message(&Block { header, signature, body: block.block().body.clone() })
    }

    /// How far its clock is off, in microseconds; none when it is not.
    pub fn clock_off_us(&mut self) -> Option<i64> {
        let off = *self.random.pick(&[-50_000, -5_000, -600, 400, 490, 600, 5_000, 50_000]);
        (self.behaviour == Behaviour::WrongTime).then_some(off * 1000)
    }

    /// The word for a checkpoint that it lets its core carry. All who lie tell the same lie.
    pub fn attests(&self, height: u64, digest: Hash) -> Hash {
        match self.behaviour {
            Behaviour::FalseAttestations => Hash::of_content(&height.to_le_bytes()),
            _ => digest,
        }
    }

    /// A message came in.
    pub fn hears(&mut self, bytes: &Rc<Vec<u8>>) {
        if self.behaviour == Behaviour::Duplicates && self.random.permille(100) {
            self.heard.push_back(Rc::clone(bytes));
            if self.heard.len() > 50 {
                self.heard.pop_front();
            }
        }
    }

    /// What it answers to a question for history, given the right answer; nothing is silence.
    pub fn answers(&mut self, right: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        match self.behaviour {
            Behaviour::FalseAnswers => self.false_answer(right),
            Behaviour::Silent => self.random.permille(500).then_some(right),
            _ => Some(right),
        }
    }

    /// From now on it tells this lie about commits.
    pub fn tell(&mut self, lie: Lie) {
        self.lie = Some(lie);
    }

    /// What it makes of the right answer to a question for commits; false is silence.
    pub fn answers_commits(&mut self, answer: &mut CommitsAnswer) -> bool {
        if self.behaviour != Behaviour::FalseAnswers || answer.commits.is_empty() {
            return true;
        }
        let any = match self.random.below(12) {
            0 => Lie::Silence,
            1 => Lie::Nothing,
            2 => Lie::FewerBlocks,
            3 => Lie::Truncated,
            4 => Lie::WrongTime,
            5 => Lie::Relinked,
            6 => Lie::SlotsReversed,
            7 => Lie::IgnoredLost,
            8 => Lie::BlocksReversed,
            9 => Lie::FewVotes,
            10 => Lie::DoubleVote,
            _ => Lie::ForgedVote,
        };
        let lie = self.lie.clone().unwrap_or(any);
        let says = lie != Lie::Silence;
        self.lie_about_commits(lie, answer);
        says
    }

    fn lie_about_commits(&mut self, lie: Lie, answer: &mut CommitsAnswer) {
        let place = self.random.below(answer.commits.len() as u64) as usize;
        let commit = &mut answer.commits[place];
        match lie {
            Lie::Silence => {}
            Lie::Nothing => *answer = CommitsAnswer::default(),
            Lie::FewerBlocks => drop(answer.blocks.pop()),
            Lie::Truncated => {
                answer.commits.truncate(place);
                let named = answer.commits.iter().map(|c| c.blocks.len() + c.ignored.len());
                answer.blocks.truncate(named.sum());
            }
            Lie::WrongTime => commit.timestamp_ms += 1,
            Lie::Relinked => self.relink(place, answer),
            Lie::SlotsReversed => commit.slots.reverse(),
            Lie::IgnoredLost => {
                let mut blocks = std::mem::take(&mut answer.blocks).into_iter();
                for commit in &mut answer.commits {
                    answer.blocks.extend(blocks.by_ref().take(commit.blocks.len()));
                    blocks.by_ref().take(commit.ignored.len()).for_each(drop);
                    commit.ignored.clear();
                }
            }
            Lie::BlocksReversed => answer.blocks.reverse(),
            Lie::FewVotes => answer.votes.truncate(1),
            Lie::DoubleVote => answer.votes[1] = answer.votes[0].clone(),
            Lie::ForgedVote => answer.votes[0].author = self.author,
            Lie::Another(other) => *answer = other,
        }
    }

    /// A commit of its own making, everything behind it linked to that, and its own vote for it; those of
    /// the others are for what is true.
    fn relink(&self, place: usize, answer: &mut CommitsAnswer) {
        answer.commits[place].timestamp_ms += 1;
        let mut previous = answer.commits[place].previous;
        for commit in &mut answer.commits[place..] {
            commit.previous = previous;
            commit.digest = commit.compute_digest();
            previous = commit.digest;
        }
        let last = answer.commits.last().expect("there is one");
        let said = vec![(last.index, last.digest)];
        if let Some(own) = self.own.back() {
            let header = BlockHeader { commit_votes: said, ..own.header().clone() };
            let block = Block::sign(header, own.block().body.clone(), &self.key);
            answer.votes.retain(|vote| vote.author != self.author);
            answer.votes.push(SignedVotes::of(&block));
        }
    }

    fn false_answer(&mut self, mut right: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        match self.random.below(8) {
            0 => return None,
            1 => right.clear(),
            2 => right.reverse(),
            3 => drop(right.pop()),
            4 => right.extend(self.own.iter().map(VerifiedBlock::encode)),
            5 => right = self.own.iter().map(VerifiedBlock::encode).collect(),
            6 => {
                if let Some(byte) = right.last_mut().and_then(|block| block.last_mut()) {
                    *byte ^= 1;
                }
            }
            _ => right = vec![vec![0xff; 100]],
        }
        Some(right)
    }
}
