//! Blocks of the DAG: format, digest, signature and validity (PROTOCOL §2 and §3).

use std::collections::BTreeSet;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::checkpoint::Attestation;
use crate::codec::{self, DecodeError};
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::{Domain, Hash, KeyPair, Signature};
use crate::genesis::Parameters;
use crate::limits::{
    BLOCK_ATTESTATIONS_MAX, BLOCK_COMMIT_VOTES_MAX, BLOCK_EVIDENCE_MAX, BLOCK_HEADER_BYTES_MAX,
    COMMITTEE_MAX, ROUND_MAX,
};
use crate::transaction::SignedTransaction;

/// Rounds of the DAG: 0 is genesis.
pub type Round = u32;

/// The version of [`BlockHeader`] that this program reads and writes.
pub const BLOCK_VERSION: u16 = 1;

/// Bytes of an encoded transaction at least: an empty one with one signature.
const TRANSACTION_BYTES_MIN: usize = 175;

/// Names one block. Encoded as author, round, digest; ordered by round, then author, then digest, so
/// that sorted collections run in rounds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct BlockRef {
    /// Its author.
    pub author: AuthorIndex,
    /// Its round.
    pub round: Round,
    /// Its digest.
    pub digest: Hash,
}

impl Ord for BlockRef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.round, self.author, self.digest).cmp(&(other.round, other.author, other.digest))
    }
}

impl PartialOrd for BlockRef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for BlockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}({:?})", self.author, self.round, self.digest)
    }
}

/// Two signed headers of one author for one round: what proves equivocation. Nothing nests.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EquivocationProof {
    /// Block version of both.
    pub version: u16,
    /// Chain of both.
    pub chain_id: Hash,
    /// Epoch of both.
    pub epoch: u64,
    /// Round of both.
    pub round: Round,
    /// Author of both.
    pub author: AuthorIndex,
    /// blake3 of the rest of either header; the first is the smaller.
    pub rests: [Hash; 2],
    /// The author's signatures, in the same order.
    pub signatures: [Signature; 2],
}

/// What a block says; its transactions are in the body.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockHeader {
    /// [`BLOCK_VERSION`].
    pub version: u16,
    /// The chain.
    pub chain_id: Hash,
    /// The committee's epoch.
    pub epoch: u64,
    /// 1 or more.
    pub round: Round,
    /// Index in the committee.
    pub author: AuthorIndex,
    /// The author's clock, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// `[0]` = the author's own previous block; the rest strictly ascending; all authors distinct.
    pub parents: Vec<BlockRef>,
    /// blake3 of the body, by domain.
    pub body_digest: Hash,
    /// Transactions in the body.
    pub transaction_count: u32,
    /// Bytes of the body.
    pub body_bytes: u32,
    /// Checkpoints that the author computed.
    pub attestations: Vec<Attestation>,
    /// Commits that the author saw: index and digest.
    pub commit_votes: Vec<(u64, Hash)>,
    /// Equivocations that the author saw.
    pub evidence: Vec<EquivocationProof>,
}

#[derive(BorshSerialize)]
struct HeaderRest<'a> {
    timestamp_ms: u64,
    parents: &'a [BlockRef],
    body_digest: Hash,
    transaction_count: u32,
    body_bytes: u32,
    attestations: &'a [Attestation],
    evidence: &'a [EquivocationProof],
}

/// What an author's block says of commits, without the block: its signature still covers it, since the
/// header's hash takes the rest as one hash.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedVotes {
    /// Block version.
    pub version: u16,
    /// The committee's epoch.
    pub epoch: u64,
    /// Round of the block.
    pub round: Round,
    /// Its author.
    pub author: AuthorIndex,
    /// blake3 of everything after the author but the votes.
    pub others: Hash,
    /// Commits that the author saw: index and digest.
    pub commit_votes: Vec<(u64, Hash)>,
    /// The author's, on the block's digest.
    pub signature: Signature,
}

/// A block as it travels. `body` is the encoding of `Vec<SignedTransaction>`, empty vector included.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// What is signed.
    pub header: BlockHeader,
    /// The author's, on the digest; 64 zero bytes on a genesis block.
    pub signature: Signature,
    /// Encoded transactions.
    pub body: Vec<u8>,
}

fn block_digest(
    version: u16,
    chain_id: &Hash,
    epoch: u64,
    round: Round,
    author: AuthorIndex,
    rest: &Hash,
) -> Hash {
    Domain::Block.hash(&[
        &version.to_le_bytes(),
        &chain_id.0,
        &epoch.to_le_bytes(),
        &round.to_le_bytes(),
        &author.to_le_bytes(),
        &rest.0,
    ])
}

/// blake3 of everything after the author: of the hash of all but the commit votes, then of the votes, so
/// that votes can be shown without the rest ([`SignedVotes`]).
fn rest_hash(others: &Hash, commit_votes: &[(u64, Hash)]) -> Hash {
    Domain::BlockRest.hash(&[&others.0, &codec::encode(&commit_votes)])
}

impl BlockHeader {
    /// blake3 of everything after the author.
    pub fn rest_hash(&self) -> Hash {
        rest_hash(&self.others_hash(), &self.commit_votes)
    }

    /// blake3 of everything after the author but the commit votes.
    fn others_hash(&self) -> Hash {
        let rest = HeaderRest {
            timestamp_ms: self.timestamp_ms,
            parents: &self.parents,
            body_digest: self.body_digest,
            transaction_count: self.transaction_count,
            body_bytes: self.body_bytes,
            attestations: &self.attestations,
            evidence: &self.evidence,
        };
        Domain::BlockRest.hash(&[&codec::encode(&rest)])
    }

    /// What names the block and what its author signs.
    pub fn digest(&self) -> Hash {
        block_digest(
            self.version,
            &self.chain_id,
            self.epoch,
            self.round,
            self.author,
            &self.rest_hash(),
        )
    }
}

impl SignedVotes {
    /// What a block says of commits.
    pub fn of(block: &Block) -> Self {
        let header = &block.header;
        Self {
            version: header.version,
            epoch: header.epoch,
            round: header.round,
            author: header.author,
            others: header.others_hash(),
            commit_votes: header.commit_votes.clone(),
            signature: block.signature,
        }
    }

    /// True when they stand in a block that a member of this committee signed.
    pub fn verify(&self, chain_id: &Hash, committee: &Committee) -> bool {
        let Some(member) = committee.member(self.author) else { return false };
        let rest = rest_hash(&self.others, &self.commit_votes);
        let (round, author) = (self.round, self.author);
        let digest = block_digest(self.version, chain_id, self.epoch, round, author, &rest);
        self.version == BLOCK_VERSION
            && self.epoch == committee.epoch()
            && self.commit_votes.len() <= BLOCK_COMMIT_VOTES_MAX
            && member.public_key.verify(&digest.0, &self.signature)
    }
}

impl EquivocationProof {
    /// The proof of two different blocks of one author and round; none when they are not that.
    pub fn of(first: &Block, second: &Block) -> Option<Self> {
        let (a, b) = (&first.header, &second.header);
        let same = (a.version, a.chain_id, a.epoch, a.round, a.author)
            == (b.version, b.chain_id, b.epoch, b.round, b.author);
        let mut sides = [(a.rest_hash(), first.signature), (b.rest_hash(), second.signature)];
        sides.sort_by_key(|side| side.0);
        (same && sides[0].0 != sides[1].0).then(|| Self {
            version: a.version,
            chain_id: a.chain_id,
            epoch: a.epoch,
            round: a.round,
            author: a.author,
            rests: sides.map(|side| side.0),
            signatures: sides.map(|side| side.1),
        })
    }

    /// The digests that name the two blocks, in the order of `rests`.
    pub fn digests(&self) -> [Hash; 2] {
        let (version, epoch, round, author) = (self.version, self.epoch, self.round, self.author);
        let digest = |rest| block_digest(version, &self.chain_id, epoch, round, author, rest);
        [digest(&self.rests[0]), digest(&self.rests[1])]
    }

    /// True when both headers are the author's, differ, and belong to this committee's chain and epoch.
    pub fn verify(&self, chain_id: &Hash, committee: &Committee) -> bool {
        let Some(member) = committee.member(self.author) else { return false };
        self.chain_id == *chain_id
            && self.epoch == committee.epoch()
            && self.rests[0] < self.rests[1]
            && self
                .digests()
                .iter()
                .zip(&self.signatures)
                .all(|(digest, signature)| member.public_key.verify(&digest.0, signature))
    }
}

/// Why a block was refused. Each costs its sender score; none is passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Undecodable bytes.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Another version, chain or epoch.
    #[error("block of another version, chain or epoch")]
    Foreign,
    /// An author outside the committee.
    #[error("author {author} is not in the committee")]
    UnknownAuthor {
        /// The index that came.
        author: AuthorIndex,
    },
    /// Round 0 or beyond any honest round.
    #[error("round {round} is out of range")]
    Round {
        /// The round that came.
        round: Round,
    },
    /// The signature does not fit.
    #[error("bad signature")]
    BadSignature,
    /// Parents that break a rule.
    #[error("parents: {rule}")]
    Parents {
        /// The rule.
        rule: &'static str,
    },
    /// Sizes or counts beyond their bounds, or a body that is not what the header says.
    #[error("body or sizes: {rule}")]
    Body {
        /// The rule.
        rule: &'static str,
    },
    /// A proof of equivocation that proves nothing.
    #[error("evidence that proves nothing")]
    Evidence,
}

/// A block that passed [`Block::verify`] (or is our own, or genesis), with what was computed on the way.
#[derive(Debug, Clone)]
pub struct VerifiedBlock(Arc<Verified>);

#[derive(Debug)]
struct Verified {
    block: Block,
    reference: BlockRef,
    transactions: Transactions,
}

/// Transactions of a body. Their ids are hashed once, here: the pool, execution and whoever waits for a
/// transaction ask for them.
#[derive(Debug, Default)]
struct Transactions {
    signed: Vec<Arc<SignedTransaction>>,
    ids: Vec<Hash>,
}

impl Transactions {
    /// Decodes a body strictly: exactly as `Vec<SignedTransaction>`.
    fn decode(body: &[u8], chain_id: &Hash) -> Result<Self, DecodeError> {
        let mut rest = body;
        let count: u32 = codec::take(&mut rest)?;
        // What is allocated on the word of the count alone is bounded by the bytes that are there.
        let room = (count as usize).min(body.len() / TRANSACTION_BYTES_MIN);
        let mut transactions =
            Self { signed: Vec::with_capacity(room), ids: Vec::with_capacity(room) };
        for _ in 0..count {
            let (signed, id) = SignedTransaction::take(&mut rest, chain_id)?;
            transactions.signed.push(Arc::new(signed));
            transactions.ids.push(id);
        }
        match rest {
            [] => Ok(transactions),
            _ => Err(DecodeError::Malformed { reason: "bytes are left over".to_owned() }),
        }
    }
}

impl VerifiedBlock {
    /// The header.
    pub fn header(&self) -> &BlockHeader {
        &self.0.block.header
    }
    /// The whole block, as it travels.
    pub fn block(&self) -> &Block {
        &self.0.block
    }
    /// Its name.
    pub fn reference(&self) -> BlockRef {
        self.0.reference
    }
    /// Its round.
    pub fn round(&self) -> Round {
        self.0.reference.round
    }
    /// Its author.
    pub fn author(&self) -> AuthorIndex {
        self.0.reference.author
    }
    /// Its transactions, decoded. Their signatures are not part of block validity.
    pub fn transactions(&self) -> &[Arc<SignedTransaction>] {
        &self.0.transactions.signed
    }
    /// The ids of its transactions, in their order.
    pub fn transaction_ids(&self) -> &[Hash] {
        &self.0.transactions.ids
    }
    /// Its transactions with their ids.
    pub fn identified(&self) -> impl Iterator<Item = (Hash, &Arc<SignedTransaction>)> {
        let Transactions { signed, ids } = &self.0.transactions;
        ids.iter().copied().zip(signed)
    }
    /// Its encoding.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&self.0.block)
    }

    /// A block read back from our own store, verified when it went in. Only the body is decoded (and
    /// refused when it does not).
    pub fn trusted(block: Block, parameters: &Parameters) -> Result<Self, BlockError> {
        check_body_bytes(&block, parameters)?;
        let transactions = Transactions::decode(&block.body, &block.header.chain_id)?;
        Ok(Self::of(block, transactions))
    }

    /// A block of ours, just signed, over these transactions: nothing has to be read out of it again.
    pub(crate) fn own(
        block: Block,
        identified: impl Iterator<Item = (Hash, Arc<SignedTransaction>)>,
    ) -> Self {
        let (ids, signed): (Vec<_>, Vec<_>) = identified.unzip();
        assert_eq!(signed.len(), block.header.transaction_count as usize, "a body of its own");
        Self::of(block, Transactions { signed, ids })
    }

    fn of(block: Block, transactions: Transactions) -> Self {
        let header = &block.header;
        let reference =
            BlockRef { round: header.round, author: header.author, digest: header.digest() };
        Self(Arc::new(Verified { block, reference, transactions }))
    }

    /// The unsigned block of round 0, derived from chain and epoch: every node makes the same.
    pub fn genesis(chain_id: Hash, epoch: u64, author: AuthorIndex) -> Self {
        let body = codec::encode(&Vec::<SignedTransaction>::new());
        let header = BlockHeader {
            version: BLOCK_VERSION,
            chain_id,
            epoch,
            round: 0,
            author,
            timestamp_ms: 0,
            parents: Vec::new(),
            body_digest: Domain::Body.hash(&[&body]),
            transaction_count: 0,
            body_bytes: body.len() as u32,
            attestations: Vec::new(),
            commit_votes: Vec::new(),
            evidence: Vec::new(),
        };
        let block = Block { header, signature: Signature([0; 64]), body };
        Self::of(block, Transactions::default())
    }
}

impl Block {
    /// Decodes within the chain's bound.
    pub fn decode(bytes: &[u8], parameters: &Parameters) -> Result<Self, BlockError> {
        Ok(codec::decode(bytes, parameters.block_bytes_max as usize)?)
    }

    /// Signs a header over a body. The header's digest, count and size fields must fit the body.
    pub fn sign(header: BlockHeader, body: Vec<u8>, key: &KeyPair) -> Self {
        assert_eq!(header.body_digest, Domain::Body.hash(&[&body]), "a header names its own body");
        let signature = key.sign(&header.digest().0);
        Self { header, signature, body }
    }

    /// The rules of PROTOCOL §3, numbered as there. A pure function of block and committee; nothing is
    /// indexed or allocated by a number of the block's before that number is checked.
    pub fn verify(
        self,
        chain_id: &Hash,
        committee: &Committee,
        parameters: &Parameters,
    ) -> Result<VerifiedBlock, BlockError> {
        let header = &self.header;
        // 1 version, chain, epoch
        if header.version != BLOCK_VERSION
            || header.chain_id != *chain_id
            || header.epoch != committee.epoch()
        {
            return Err(BlockError::Foreign);
        }
        // 2 author
        let author = header.author;
        let member = committee.member(author).ok_or(BlockError::UnknownAuthor { author })?;
        // 3 round
        if header.round < 1 || header.round > ROUND_MAX {
            return Err(BlockError::Round { round: header.round });
        }
        // 5-7 parents: cheap, so before the signature
        check_parents(header, chain_id, committee)?;
        // 8 sizes and counts
        let body_rule = |rule| Err(BlockError::Body { rule });
        if header.attestations.len() > BLOCK_ATTESTATIONS_MAX
            || header.commit_votes.len() > BLOCK_COMMIT_VOTES_MAX
            || header.evidence.len() > BLOCK_EVIDENCE_MAX
            || codec::encode(header).len() > BLOCK_HEADER_BYTES_MAX
        {
            return body_rule("more votes, attestations or evidence than allowed");
        }
        if header.transaction_count > parameters.block_transactions_max
            || header.body_bytes as usize != self.body.len()
            || self.body.len() + BLOCK_HEADER_BYTES_MAX > parameters.block_bytes_max as usize
        {
            return body_rule("more transactions or bytes than allowed");
        }
        if header.body_digest != Domain::Body.hash(&[&self.body]) {
            return body_rule("the body is not the one that the header names");
        }
        // 4 signature
        let digest = header.digest();
        if !member.public_key.verify(&digest.0, &self.signature) {
            return Err(BlockError::BadSignature);
        }
        // 8 the body's transactions
        let transactions = Transactions::decode(&self.body, chain_id)?;
        if transactions.signed.len() != header.transaction_count as usize {
            return body_rule("not as many transactions as the header says");
        }
        let fuel = transactions
            .signed
            .iter()
            .try_fold(0u64, |sum, signed| sum.checked_add(signed.transaction.max_fuel));
        if fuel.is_none_or(|fuel| fuel > parameters.block_fuel_max) {
            return body_rule("more fuel than a block may ask for");
        }
        if transactions.signed.iter().any(|signed| signed.check_shape(parameters).is_err()) {
            return body_rule("a transaction out of its bounds");
        }
        // 9 evidence
        if !header.evidence.iter().all(|proof| proof.verify(chain_id, committee)) {
            return Err(BlockError::Evidence);
        }
        let reference = BlockRef { round: header.round, author, digest };
        Ok(VerifiedBlock(Arc::new(Verified { block: self, reference, transactions })))
    }
}

fn check_body_bytes(block: &Block, parameters: &Parameters) -> Result<(), DecodeError> {
    let (bytes, max) = (block.body.len(), parameters.block_bytes_max as usize);
    if bytes > max { Err(DecodeError::TooLarge { bytes, max }) } else { Ok(()) }
}

/// Rules 5, 6 and 7.
fn check_parents(
    header: &BlockHeader,
    chain_id: &Hash,
    committee: &Committee,
) -> Result<(), BlockError> {
    let rule = |rule| Err(BlockError::Parents { rule });
    let parents = &header.parents;
    if parents.is_empty() || parents.len() > committee.size() || parents.len() > COMMITTEE_MAX {
        return rule("one to as many as there are validators");
    }
    if parents[0].author != header.author {
        return rule("the first is the author's own previous block");
    }
    if !parents[1..].is_sorted_by(|a, b| a < b) {
        return rule("the others are strictly ascending");
    }
    let mut authors = BTreeSet::new();
    let mut strong: Stake = 0;
    for parent in parents {
        if committee.member(parent.author).is_none() {
            return rule("their authors are in the committee");
        }
        if !authors.insert(parent.author) {
            return rule("their authors are pairwise distinct");
        }
        if parent.round >= header.round {
            return rule("their rounds are below the block's");
        }
        if parent.round == 0 {
            let genesis = VerifiedBlock::genesis(*chain_id, committee.epoch(), parent.author);
            if genesis.reference() != *parent {
                return rule("those of round 0 are the genesis blocks");
            }
        }
        if parent.round + 1 == header.round {
            strong += committee.stake(parent.author);
        }
    }
    if strong < committee.quorum() {
        return rule("those of the round before have a quorum of stake");
    }
    Ok(())
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
