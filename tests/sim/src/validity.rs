//! Validity of a block, said a second time (PROTOCOL §3, numbered as there): what `Block::verify` must
//! answer, without a line of it.

use std::collections::BTreeSet;

use pollen_ledger::block::EquivocationProof;
use pollen_ledger::crypto::Domain;
use pollen_ledger::{AuthorIndex, Block, BlockRef, SignedTransaction, codec};

use crate::drawing::Chain;
use crate::reference::Rules;

/// Rounds above it are nobody's.
const LAST_ROUND: u32 = 4_294_966_271;
/// Bytes of a header.
const HEADER_BYTES: usize = 32_768;

/// The first rule that a block breaks; none when it is valid.
pub fn broken_rule(chain: &Chain, block: &Block) -> Option<u8> {
    let header = &block.header;
    let author = usize::from(header.author);
    let foreign = header.version != 1 || header.chain_id != chain.chain_id || header.epoch != 0;
    if foreign {
        return Some(1);
    }
    let members = chain.committee.members();
    if author >= members.len() {
        return Some(2);
    }
    if header.round == 0 || header.round > LAST_ROUND {
        return Some(3);
    }
    if !members[author].public_key.verify(&header.digest().0, &block.signature) {
        return Some(4);
    }
    if !parents_fit(chain, block) {
        return Some(5);
    }
    let genesis =
        |parent: &BlockRef| parent.round > 0 || chain.genesis(parent.author).reference() == *parent;
    if !header.parents.iter().all(genesis) {
        return Some(6);
    }
    let rules = Rules::of(chain);
    let strong: BTreeSet<AuthorIndex> = header
        .parents
        .iter()
        .filter(|parent| parent.round == header.round - 1)
        .map(|parent| parent.author)
        .collect();
    if rules.stake(&strong) < rules.quorum() {
        return Some(7);
    }
    if !body_fits(chain, block) {
        return Some(8);
    }
    (!header.evidence.iter().all(|proof| proves(chain, proof))).then_some(9)
}

/// 5
fn parents_fit(chain: &Chain, block: &Block) -> bool {
    let parents = &block.header.parents;
    let size = chain.committee.size();
    let authors: BTreeSet<AuthorIndex> = parents.iter().map(|parent| parent.author).collect();
    let mut key: Option<(u32, AuthorIndex)> = None;
    let ascending = parents.iter().skip(1).all(|parent| {
        // Authors are distinct, so digests never decide.
        let next = Some((parent.round, parent.author));
        let ascending = next > key;
        key = next;
        ascending
    });
    !parents.is_empty()
        && parents[0].author == block.header.author
        && authors.len() == parents.len()
        && authors.iter().all(|author| usize::from(*author) < size)
        && parents.iter().all(|parent| parent.round < block.header.round)
        && ascending
}

/// 8
fn body_fits(chain: &Chain, block: &Block) -> bool {
    let (header, body, limits) = (&block.header, &block.body, &chain.parameters);
    let counts = [
        (header.attestations.len(), 16),
        (header.commit_votes.len(), 100),
        (header.evidence.len(), 4),
        (codec::encode(header).len(), HEADER_BYTES),
        (header.transaction_count as usize, limits.block_transactions_max as usize),
        (body.len() + HEADER_BYTES, limits.block_bytes_max as usize),
    ];
    if counts.iter().any(|(count, most)| count > most)
        || header.body_bytes as usize != body.len()
        || header.body_digest != Domain::Body.hash(&[body])
    {
        return false;
    }
    let transactions: Result<Vec<SignedTransaction>, _> = codec::decode(body, body.len());
    transactions.is_ok_and(|transactions| {
        let fuel: u128 = transactions.iter().map(|t| u128::from(t.transaction.max_fuel)).sum();
        transactions.len() == header.transaction_count as usize
            && fuel <= u128::from(limits.block_fuel_max)
            && transactions.iter().all(|transaction| transaction.check_shape(limits).is_ok())
    })
}

/// 9 two different headers of one author and round, each signed.
fn proves(chain: &Chain, proof: &EquivocationProof) -> bool {
    let Some(member) = chain.committee.members().get(usize::from(proof.author)) else {
        return false;
    };
    let signed = |side: usize| {
        let mut bytes = proof.version.to_le_bytes().to_vec();
        bytes.extend_from_slice(&proof.chain_id.0);
        bytes.extend_from_slice(&proof.epoch.to_le_bytes());
        bytes.extend_from_slice(&proof.round.to_le_bytes());
        bytes.extend_from_slice(&proof.author.to_le_bytes());
        bytes.extend_from_slice(&proof.rests[side].0);
        member.public_key.verify(&Domain::Block.hash(&[&bytes]).0, &proof.signatures[side])
    };
    let ours = proof.chain_id == chain.chain_id && proof.epoch == 0;
    ours && proof.rests[0].0 < proof.rests[1].0 && signed(0) && signed(1)
}
