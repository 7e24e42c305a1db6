//! What nodes say to each other. One encoding on every transport; each message is at most
//! [`crate::limits::MESSAGE_BYTES_MAX`] bytes, and its parts have bounds of their own.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::block::{BlockRef, Round, SignedVotes, VerifiedBlock};
use crate::codec::{self, DecodeError};
use crate::committee::AuthorIndex;
use crate::crypto::Hash;
use crate::limits::{
    COMMITTEE_MAX, COMPONENT_BYTES_MAX, HISTORY_BLOCKS_MAX, HISTORY_TARGETS_MAX, MESSAGE_BYTES_MAX,
    RANGE_COMMITS_MAX, SNAPSHOTS_LISTED_MAX,
};
use crate::ordering::Commit;

/// Asks for everything below `targets` that the asker lacks, in one round trip (PROTOCOL §4).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HistoryRequest {
    /// Blocks that the asker heard of; may be empty: "whatever you have above my frontier".
    pub targets: Vec<BlockRef>,
    /// Per author, the round up to which the asker holds every block that it knows of.
    pub frontier: Vec<Round>,
}

/// Asks for the commits behind `after`, with their blocks (PROTOCOL §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitsRequest {
    /// Index of the asker's last commit; 0 of one who has none.
    pub after: u64,
}

/// A range of commits as it travels: not believed before `ordering::CommitRange::verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitsAnswer {
    /// In order, without gaps; none when the answerer has no later commit that a quorum vouches for.
    pub commits: Vec<Commit>,
    /// Encoded: of each commit its blocks in order, then those that it ignores.
    pub blocks: Vec<Vec<u8>>,
    /// Votes for the last commit, by authors with a quorum of stake.
    pub votes: Vec<SignedVotes>,
}

/// Byte that says [`Message::Block`].
const BLOCK_VARIANT: u8 = 0;

/// A message between two nodes of one chain.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// An encoded block.
    Block(Vec<u8>),
    /// Several encoded blocks, oldest first: history that a lagging peer lacks.
    Blocks(Vec<Vec<u8>>),
}

/// A question with one answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// First words: the asker's chain.
    Hello {
        /// Its chain.
        chain_id: Hash,
    },
    /// Missing history.
    History(HistoryRequest),
    /// An encoded transaction for a validator's pool.
    Transaction(Vec<u8>),
    /// Commits with their blocks.
    Commits(CommitsRequest),
    /// The answerer's newest block by this author: what one who may have forgotten what it signed asks.
    NewestBlock {
        /// The author.
        author: AuthorIndex,
    },
    /// The heights whose snapshots the answerer serves.
    Snapshots,
    /// The head of a snapshot.
    SnapshotHead {
        /// The snapshot's height.
        height: u64,
    },
    /// Entries of a snapshot's state, with their proof.
    SnapshotChunk {
        /// The snapshot's height.
        height: u64,
        /// The lowest key hash of the chunk.
        from: Hash,
    },
    /// These blocks.
    Blocks(Vec<BlockRef>),
    /// The code of a module.
    Code {
        /// Its hash.
        hash: Hash,
    },
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Response {
    /// The answerer's chain and its index in the committee.
    Hello {
        /// Its chain.
        chain_id: Hash,
        /// Its index, when it is a validator.
        author: Option<u16>,
    },
    /// Encoded blocks in topological order, lowest rounds first; what fits.
    History(Vec<Vec<u8>>),
    /// The transaction is in the pool, or was there before; or the number of the error and its text.
    Transaction(Result<(), (i32, String)>),
    /// Commits with their blocks.
    Commits(CommitsAnswer),
    /// An encoded block; none when the answerer has none.
    NewestBlock(Option<Vec<u8>>),
    /// Not answered: busy, or the question breaks a bound.
    Refused(String),
    /// Heights, the highest first; none of a node without a snapshot.
    Snapshots(Vec<u64>),
    /// An encoded `SnapshotHead`; none when the answerer has it not, or not yet.
    SnapshotHead(Option<Vec<u8>>),
    /// An encoded `Chunk`; none when the answerer has that snapshot no longer.
    SnapshotChunk(Option<Vec<u8>>),
    /// Those of the blocks that the answerer has, encoded, in the order of the question; what fits.
    Blocks(Vec<Vec<u8>>),
    /// A component; none when the answerer has it not.
    Code(Option<Vec<u8>>),
    /// To a question for commits: the answerer has them no more up to this index, or began behind it.
    CommitsGone {
        /// The last one that it lacks.
        index: u64,
    },
}

impl Message {
    /// The encoding of [`Message::Block`], without another copy of the block in between.
    pub fn encode_block(block: &VerifiedBlock) -> Vec<u8> {
        let block = block.block();
        let length = codec::length(block);
        let mut bytes = Vec::with_capacity(1 + 4 + length);
        codec::encode_into(&mut bytes, &BLOCK_VARIANT);
        codec::encode_into(&mut bytes, &(length as u32));
        codec::encode_into(&mut bytes, block);
        bytes
    }

    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let message: Self = codec::decode(bytes, MESSAGE_BYTES_MAX)?;
        match &message {
            Self::Blocks(blocks) if blocks.len() > HISTORY_BLOCKS_MAX => too_many("blocks"),
            _ => Ok(message),
        }
    }
}

impl Request {
    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let request: Self = codec::decode(bytes, MESSAGE_BYTES_MAX)?;
        match &request {
            Self::History(history)
                if history.targets.len() > HISTORY_TARGETS_MAX
                    || history.frontier.len() > COMMITTEE_MAX =>
            {
                too_many("targets or authors")
            }
            Self::Blocks(blocks) if blocks.len() > HISTORY_BLOCKS_MAX => too_many("blocks"),
            _ => Ok(request),
        }
    }
}

impl Response {
    /// Decodes within the bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let response: Self = codec::decode(bytes, MESSAGE_BYTES_MAX)?;
        match &response {
            Self::History(blocks) if blocks.len() > HISTORY_BLOCKS_MAX => too_many("blocks"),
            Self::Commits(answer)
                if answer.commits.len() > RANGE_COMMITS_MAX
                    || answer.blocks.len() > HISTORY_BLOCKS_MAX
                    || answer.votes.len() > COMMITTEE_MAX =>
            {
                too_many("commits, blocks or votes")
            }
            Self::Snapshots(heights) if heights.len() > SNAPSHOTS_LISTED_MAX => {
                too_many("snapshots")
            }
            Self::Blocks(blocks) if blocks.len() > HISTORY_BLOCKS_MAX => too_many("blocks"),
            Self::Code(Some(code)) if code.len() > COMPONENT_BYTES_MAX => {
                too_many("bytes of a component")
            }
            _ => Ok(response),
        }
    }
}

fn too_many<T>(what: &str) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed { reason: format!("more {what} than allowed") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by hand for speed, read by the codec.
    #[test]
    fn a_block_on_its_way_is_the_message_that_it_says() {
        let block = VerifiedBlock::genesis(Hash([1; 32]), 0, 2);
        let bytes = Message::encode_block(&block);
        assert_eq!(bytes, codec::encode(&Message::Block(block.encode())));
        assert_eq!(Message::decode(&bytes), Ok(Message::Block(block.encode())));
    }

    fn reference(author: AuthorIndex) -> BlockRef {
        VerifiedBlock::genesis(Hash([1; 32]), 0, author).reference()
    }

    /// What a new node asks and hears comes through as it is, and bytes behind it are refused.
    #[test]
    fn questions_about_snapshots_and_their_answers_travel() {
        let requests = [
            Request::Snapshots,
            Request::SnapshotHead { height: u64::MAX },
            Request::SnapshotChunk { height: 7, from: Hash([0xf0; 32]) },
            Request::Blocks(vec![reference(1); HISTORY_BLOCKS_MAX]),
            Request::Code { hash: Hash([3; 32]) },
        ];
        for request in requests {
            let mut bytes = codec::encode(&request);
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            assert_eq!(Request::decode(&bytes), Ok(request));
            bytes.push(0);
            assert!(Request::decode(&bytes).is_err());
        }
        let responses = [
            Response::Snapshots((0..SNAPSHOTS_LISTED_MAX as u64).rev().collect()),
            Response::SnapshotHead(None),
            Response::SnapshotHead(Some(vec![1; 100])),
            Response::SnapshotChunk(Some(vec![2; 1 << 20])),
            Response::Blocks(vec![vec![4; 10]; HISTORY_BLOCKS_MAX]),
            Response::Code(Some(vec![5; COMPONENT_BYTES_MAX])),
            Response::CommitsGone { index: 9 },
        ];
        for response in responses {
            let mut bytes = codec::encode(&response);
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            assert_eq!(Response::decode(&bytes), Ok(response));
            bytes.push(0);
            assert!(Response::decode(&bytes).is_err());
        }
    }

    /// A list beyond its bound is refused whoever sends it.
    #[test]
    fn more_than_the_bounds_is_refused() {
        let blocks = Request::Blocks(vec![reference(1); HISTORY_BLOCKS_MAX + 1]);
        assert!(Request::decode(&codec::encode(&blocks)).is_err());
        for response in [
            Response::Snapshots(vec![1; SNAPSHOTS_LISTED_MAX + 1]),
            Response::Blocks(vec![Vec::new(); HISTORY_BLOCKS_MAX + 1]),
            Response::Code(Some(vec![0; COMPONENT_BYTES_MAX + 1])),
        ] {
            assert!(Response::decode(&codec::encode(&response)).is_err());
        }
    }
}
