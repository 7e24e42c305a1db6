//! DAGs drawn as text, and text drawn from DAGs.
//!
//! ```text
//! Rounds 1-3 : { * }                              // everybody names everybody
//! Round 4 : {
//!     A -> [*],                                   // all blocks of round 3
//!     B -> [-D],                                  // all but D's
//!     C -> [A, B3, C, D1],                        // these; D1 is a weak link
//!     D -> [*] @500 +2,                           // stamped 500 ms after the beginning, two transactions
//!     D' -> [ABD'],                               // another variant, which follows D's other one
//! }
//! ```
//!
//! A letter is a validator, a number the round (left out: the round before), a prime a variant. A block
//! that does not name its author's block of the round before goes on from the author's last one before
//! that: a valid block always names one of its author's own. `*` as a parent is one block per author, the
//! first variant drawn; `*` as an author is everybody.
//!
//! Every drawn block is signed and passes [`Block::verify`]: what cannot happen cannot be drawn. A drawing
//! that is wrong panics with the words that are wrong; it is our own test's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pollen_ledger::block::{BLOCK_VERSION, Round};
use pollen_ledger::committee::{Committee, Validator};
use pollen_ledger::crypto::Domain;
use pollen_ledger::genesis::Genesis;
use pollen_ledger::transaction::TRANSACTION_VERSION;
use pollen_ledger::{
    AccountId, Action, AuthorIndex, Block, BlockHeader, BlockRef, Hash, KeyPair, Parameters,
    SignedTransaction, Transaction, VerifiedBlock, codec,
};

/// Ledger time of genesis and of `@0`, in milliseconds.
pub const BEGIN_MS: u64 = 1_000_000;
/// Milliseconds between the blocks of two rounds that do not say otherwise.
pub const ROUND_MS: u64 = 10;

/// A committee with its keys and the chain's numbers: what a block needs to be made and checked.
#[derive(Clone)]
pub struct Chain {
    /// The validators.
    pub committee: Arc<Committee>,
    /// Their keys, by index.
    pub keys: Vec<KeyPair>,
    /// The chain, and the epoch's seed.
    pub chain_id: Hash,
    /// The numbers of the repository's `genesis.json`, to be changed at will.
    pub parameters: Parameters,
    /// Whether blocks are signed and verified; without it they cost a tenth.
    pub signed: bool,
}

impl Chain {
    /// A chain of validators with these stakes.
    pub fn new(stakes: &[u64]) -> Self {
        let keys: Vec<KeyPair> = (0..stakes.len())
            .map(|index| KeyPair::development(&format!("drawn validator {index}")))
            .collect();
        let members = keys.iter().zip(stakes).enumerate().map(|(index, (key, stake))| Validator {
            name: index.to_string(),
            public_key: key.public_key(),
            stake: *stake,
        });
        let genesis = Genesis::from_json(include_str!("../../../genesis.json"))
            .expect("the repository's genesis is valid");
        Self {
            committee: Arc::new(
                Committee::new(0, members.collect()).expect("a test's committee is valid"),
            ),
            keys,
            chain_id: Hash::of_content(b"a drawn chain"),
            parameters: genesis.parameters,
            signed: true,
        }
    }

    /// One of the numbers, by its name in `genesis.json`; none when this chain has no such number.
    pub fn number(&self, name: &str) -> Option<u64> {
        let json = serde_json::to_value(&self.parameters).expect("parameters are plain JSON");
        json.get(name)?.as_u64()
    }

    /// Changes one of the numbers; false when this chain has no such number.
    pub fn set_number(&mut self, name: &str, value: u64) -> bool {
        let mut json = serde_json::to_value(&self.parameters).expect("parameters are plain JSON");
        let Some(place) = json.get_mut(name) else { return false };
        *place = value.into();
        self.parameters = serde_json::from_value(json).expect("a number for a number");
        true
    }

    /// The block of round 0.
    pub fn genesis(&self, author: AuthorIndex) -> VerifiedBlock {
        VerifiedBlock::genesis(self.chain_id, self.committee.epoch(), author)
    }

    /// A header around a body, with everything else empty.
    pub fn header(
        &self,
        round: Round,
        author: AuthorIndex,
        timestamp_ms: u64,
        parents: Vec<BlockRef>,
        body: &[u8],
        transaction_count: u32,
    ) -> BlockHeader {
        BlockHeader {
            version: BLOCK_VERSION,
            chain_id: self.chain_id,
            epoch: self.committee.epoch(),
            round,
            author,
            timestamp_ms,
            parents,
            body_digest: Domain::Body.hash(&[body]),
            transaction_count,
            body_bytes: body.len() as u32,
            attestations: Vec::new(),
            commit_votes: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// A block out of its parts; `parents[0]` is the author's own.
    ///
    /// # Panics
    ///
    /// When the chain is `signed` and the block breaks a rule of validity.
    pub fn block(
        &self,
        round: Round,
        author: AuthorIndex,
        timestamp_ms: u64,
        mut parents: Vec<BlockRef>,
        transactions: &[SignedTransaction],
    ) -> VerifiedBlock {
        parents[1..].sort();
        let body = codec::encode(&transactions.to_vec());
        let count = transactions.len() as u32;
        let header = self.header(round, author, timestamp_ms, parents, &body, count);
        if !self.signed {
            let signature = pollen_ledger::Signature([0; 64]);
            let block = Block { header, signature, body };
            return VerifiedBlock::trusted(block, &self.parameters).expect("just encoded");
        }
        Block::sign(header, body, &self.keys[usize::from(author)])
            .verify(&self.chain_id, &self.committee, &self.parameters)
            .unwrap_or_else(|error| panic!("{}: {error}", Name { round, author, variant: 0 }))
    }

    /// A transaction that moves a grain, unlike any with another number.
    pub fn transaction(&self, number: u64) -> SignedTransaction {
        let key = KeyPair::development("drawn sender");
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            sender: AccountId::of_key(&key.public_key()),
            key: key.public_key(),
            nonce: number,
            valid_until_ms: BEGIN_MS + 1_000_000,
            max_fuel: self.parameters.transaction_fuel_base * 2,
            fuel_price: self.parameters.fuel_price_floor,
            payer: None,
            actions: vec![Action::Transfer { to: AccountId([7; 32]), amount: 1 }],
        };
        transaction.sign(&self.chain_id, &key, Vec::new())
    }
}

/// What a drawing calls a block: `B4`, `D3'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Its round.
    pub round: Round,
    /// Its author: A is 0.
    pub author: AuthorIndex,
    /// How many primes.
    pub variant: u8,
}

impl Name {
    /// The name without the round, as inside a round's braces.
    pub fn short(&self) -> String {
        format!("{}{}", letter(self.author), "'".repeat(self.variant.into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", letter(self.author), self.round, "'".repeat(self.variant.into()))
    }
}

fn letter(author: AuthorIndex) -> String {
    match u8::try_from(author) {
        Ok(index @ 0..26) => char::from(b'A' + index).to_string(),
        _ => format!("#{author}"),
    }
}

/// A DAG that is drawn round by round.
#[derive(Clone)]
pub struct Drawing {
    /// Whose.
    pub chain: Chain,
    blocks: BTreeMap<Name, VerifiedBlock>,
    names: BTreeMap<BlockRef, Name>,
    order: Vec<Name>,
}

impl Drawing {
    /// Genesis of validators with these stakes.
    pub fn new(stakes: &[u64]) -> Self {
        Self::on(Chain::new(stakes))
    }

    /// Genesis of a chain.
    pub fn on(chain: Chain) -> Self {
        let mut drawing =
            Self { chain, blocks: BTreeMap::new(), names: BTreeMap::new(), order: Vec::new() };
        for author in drawing.chain.committee.authors() {
            let genesis = drawing.chain.genesis(author);
            let name = Name { round: 0, author, variant: 0 };
            drawing.names.insert(genesis.reference(), name);
            drawing.blocks.insert(name, genesis);
        }
        drawing
    }

    /// Adds what the text draws.
    ///
    /// # Panics
    ///
    /// When the text is no drawing, or draws an invalid block.
    pub fn draw(&mut self, text: &str) -> &mut Self {
        for drawn in Reader::new(text).rounds() {
            for round in drawn.rounds {
                for block in &drawn.blocks {
                    self.draw_block(round, block);
                }
            }
        }
        self
    }

    fn draw_block(&mut self, round: Round, drawn: &DrawnBlock) {
        let everybody = self.chain.committee.authors().map(|author| (author, 0)).collect();
        for (author, variant) in drawn.names.clone().unwrap_or(everybody) {
            let name = Name { round, author, variant };
            let parents = self.parents(name, &drawn.parents);
            let stamp = drawn.stamp_ms.unwrap_or(u64::from(round) * ROUND_MS + u64::from(variant));
            let first = (u64::from(round) << 24) | (u64::from(author) << 12);
            let first = first | (u64::from(variant) << 8);
            let transactions: Vec<SignedTransaction> =
                (0..drawn.transactions).map(|i| self.chain.transaction(first + i)).collect();
            let stamp = BEGIN_MS + stamp;
            let block = self.chain.block(round, author, stamp, parents, &transactions);
            self.add(name, block);
        }
    }

    /// Adds a block that was made by hand.
    ///
    /// # Panics
    ///
    /// When the name is taken or the block is there.
    pub fn add(&mut self, name: Name, block: VerifiedBlock) {
        let known = self.names.insert(block.reference(), name);
        assert!(known.is_none(), "{name} is the same block as {}", known.unwrap_or(name));
        assert!(self.blocks.insert(name, block).is_none(), "{name} is drawn twice");
        self.order.push(name);
    }

    /// The parents of a block: its own first.
    fn parents(&self, name: Name, drawn: &[DrawnParents]) -> Vec<BlockRef> {
        let before = name.round - 1;
        let mut chosen: BTreeMap<AuthorIndex, Name> = BTreeMap::new();
        let all_but = drawn.first().is_some_and(|first| first.removed);
        let everybody = drawn.iter().any(|parents| parents.names.is_none());
        if all_but || everybody {
            for author in self.chain.committee.authors() {
                chosen.extend(self.last(author, before..=before).map(|parent| (author, parent)));
            }
        }
        for parents in drawn {
            for (round, (author, variant)) in parents.names.iter().flatten() {
                let parent =
                    Name { round: round.unwrap_or(before), author: *author, variant: *variant };
                match parents.removed {
                    true => drop(chosen.remove(author)),
                    false => drop(chosen.insert(*author, parent)),
                }
            }
        }
        let own = chosen.remove(&name.author);
        let own = own.or_else(|| self.last(name.author, 0..=before.saturating_sub(1)));
        let own = own.unwrap_or_else(|| panic!("{name} names no block of its author"));
        let reference = |parent: &Name| {
            let block = self.blocks.get(parent);
            block.unwrap_or_else(|| panic!("{name} names {parent}, which is not drawn")).reference()
        };
        [own].iter().chain(chosen.values()).map(reference).collect()
    }

    /// An author's last block in these rounds, of variants the one with the fewest primes.
    fn last(&self, author: AuthorIndex, rounds: std::ops::RangeInclusive<Round>) -> Option<Name> {
        rounds.rev().find_map(|round| {
            let first = Name { round, author, variant: 0 };
            let last = Name { round, author, variant: u8::MAX };
            self.blocks.range(first..=last).next().map(|(name, _)| *name)
        })
    }

    /// All blocks but genesis, in the order in which they were drawn: parents before children.
    pub fn blocks(&self) -> Vec<VerifiedBlock> {
        self.order.iter().map(|name| self.blocks[name].clone()).collect()
    }

    /// A block by its name, such as `D3'`.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn block(&self, name: &str) -> VerifiedBlock {
        let mut reader = Reader::new(name);
        let (round, (author, variant)) = reader.reference();
        let name = Name { round: round.expect("a name has a round"), author, variant };
        self.blocks.get(&name).unwrap_or_else(|| panic!("{name} is not drawn")).clone()
    }

    /// What a block is called.
    ///
    /// # Panics
    ///
    /// When it is not of this drawing.
    pub fn name(&self, reference: &BlockRef) -> Name {
        *self.names.get(reference).unwrap_or_else(|| panic!("{reference:?} is not drawn"))
    }

    /// The names of blocks, in their order, with blanks between.
    pub fn names<'a>(&self, references: impl IntoIterator<Item = &'a BlockRef>) -> String {
        let names: Vec<String> =
            references.into_iter().map(|reference| self.name(reference).to_string()).collect();
        names.join(" ")
    }
}

/// Draws blocks, in the order of rounds, authors and digests: variants get their primes by digest. Parents
/// that are not among the blocks are drawn by what is known of them, with a question mark.
pub fn to_text(blocks: &[VerifiedBlock]) -> String {
    let mut sorted: Vec<&VerifiedBlock> = blocks.iter().collect();
    sorted.sort_by_key(|block| block.reference());
    let mut names: BTreeMap<BlockRef, Name> = BTreeMap::new();
    for block in &sorted {
        let reference = block.reference();
        let (round, author) = (reference.round, reference.author);
        let same = names.keys().filter(|other| (other.round, other.author) == (round, author));
        let variant = same.count() as u8;
        names.insert(reference, Name { round, author, variant });
    }
    let mut text = String::new();
    let mut rounds: BTreeMap<Round, Vec<String>> = BTreeMap::new();
    for block in sorted {
        let name = names[&block.reference()];
        let parents: Vec<String> = block
            .header()
            .parents
            .iter()
            .map(|parent| match (names.get(parent), parent.round) {
                (Some(known), _) => known.to_string(),
                (None, 0) => format!("{}0", letter(parent.author)),
                (None, round) => format!("{}{round}?", letter(parent.author)),
            })
            .collect();
        let stamp = block.header().timestamp_ms.saturating_sub(BEGIN_MS);
        let line = format!("{} -> [{}] @{stamp}", name.short(), parents.join(", "));
        rounds.entry(name.round).or_default().push(line);
    }
    for (round, lines) in rounds {
        text.push_str(&format!("Round {round} : {{\n    {},\n}}\n", lines.join(",\n    ")));
    }
    text
}

type Variant = (AuthorIndex, u8);

struct DrawnRounds {
    rounds: std::ops::RangeInclusive<Round>,
    blocks: Vec<DrawnBlock>,
}

struct DrawnBlock {
    /// None for everybody.
    names: Option<Vec<Variant>>,
    parents: Vec<DrawnParents>,
    stamp_ms: Option<u64>,
    transactions: u64,
}

struct DrawnParents {
    removed: bool,
    /// None for everybody.
    names: Option<Vec<(Option<Round>, Variant)>>,
}

/// Reads the grammar of the module's documentation.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start();
        while self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = self.rest[end..].trim_start();
        }
    }

    /// True, and past it, when the token is next.
    fn take(&mut self, token: &str) -> bool {
        self.skip_blank();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) {
        assert!(self.take(token), "a drawing has '{token}' before '{}'", self.rest);
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        (digits > 0).then(|| number.parse().expect("digits of a number that fits"))
    }

    fn needed_number(&mut self) -> u64 {
        self.skip_blank();
        self.number().unwrap_or_else(|| panic!("a drawing has a number before '{}'", self.rest))
    }

    fn rounds(&mut self) -> Vec<DrawnRounds> {
        let mut all = Vec::new();
        while self.take("Rounds") || self.take("Round") {
            let first = self.needed_number() as Round;
            let last = if self.take("-") { self.needed_number() as Round } else { first };
            self.expect(":");
            self.expect("{");
            let mut blocks = Vec::new();
            while !self.take("}") {
                blocks.push(self.block());
                if !self.take(",") {
                    self.expect("}");
                    break;
                }
            }
            self.take(",");
            all.push(DrawnRounds { rounds: first..=last, blocks });
        }
        assert!(self.rest.is_empty(), "a drawing has 'Round' before '{}'", self.rest);
        all
    }

    fn block(&mut self) -> DrawnBlock {
        let names = match self.take("*") {
            true => None,
            false => Some(self.references().into_iter().map(|(_, name)| name).collect()),
        };
        let mut block = DrawnBlock { names, parents: Vec::new(), stamp_ms: None, transactions: 0 };
        if self.take("->") {
            self.expect("[");
            while !self.take("]") {
                block.parents.push(self.parents());
                if !self.take(",") {
                    self.expect("]");
                    break;
                }
            }
        } else {
            assert!(block.names.is_none(), "only '*' goes without parents: '{}'", self.rest);
            block.parents.push(DrawnParents { removed: false, names: None });
        }
        loop {
            if self.take("@") {
                block.stamp_ms = Some(self.needed_number());
            } else if self.take("+") {
                block.transactions = self.needed_number();
            } else {
                return block;
            }
        }
    }

    fn parents(&mut self) -> DrawnParents {
        let removed = self.take("-");
        let names = if self.take("*") { None } else { Some(self.references()) };
        DrawnParents { removed, names }
    }

    /// One or more references without anything between: `ABD'`.
    fn references(&mut self) -> Vec<(Option<Round>, Variant)> {
        let mut all = vec![self.reference()];
        while self.rest.starts_with(|c: char| c.is_ascii_uppercase()) {
            all.push(self.reference());
        }
        all
    }

    fn reference(&mut self) -> (Option<Round>, Variant) {
        self.skip_blank();
        let first = self.rest.bytes().next().filter(u8::is_ascii_uppercase);
        let first = first.unwrap_or_else(|| panic!("a validator is a letter: '{}'", self.rest));
        self.rest = &self.rest[1..];
        let round = self.number().map(|number| number as Round);
        let primes = self.rest.bytes().take_while(|byte| *byte == b'\'').count();
        self.rest = &self.rest[primes..];
        (round, (AuthorIndex::from(first - b'A'), primes as u8))
    }
}
