//! Answers about the chain and its DAG that the store has.

use pollen_ledger::block::VerifiedBlock;
use pollen_ledger::execution::{ModuleRecord, Namespace, StateKey};
use pollen_ledger::{AccountId, Address, Hash};
use pollen_rpc::api::{
    Answer, AttestedHeight, BlockName, ChainCheckpoints, ChainCommittee, ChainParameters,
    ChainParams, CheckpointListed, CommitteeMember, DagBlockContent, DagBlocks, ModuleList,
    ModuleListed, ReadAt, StateRecord, StateRecords,
};
use pollen_rpc::backend::{CheckpointRange, EntryName};
use pollen_rpc::error::RpcError;

use super::{Parts, broken, storage};

/// Blocks of a round that are looked through: every validator may have signed a few.
const ROUND_BLOCKS_MAX: usize = 1_024;
/// Bytes of one page of modules.
const PAGE_BYTES: usize = 1 << 20;

impl Parts {
    pub(super) fn chain_params(&self, at: ReadAt) -> Result<Answer<ChainParams>, RpcError> {
        let params = ChainParams {
            protocol_version: self.genesis.protocol_version,
            parameters: ChainParameters::from(&self.genesis.parameters),
        };
        Ok(Answer::new(self.reading(at)?.at, params))
    }

    pub(super) fn members(&self) -> Vec<CommitteeMember> {
        let members = (0u16..).zip(&self.genesis.committee);
        members
            .map(|(author, member)| CommitteeMember {
                author,
                name: member.name.clone(),
                public_key: member.public_key,
                stake: member.stake,
            })
            .collect()
    }

    pub(super) fn chain_committee(&self, at: ReadAt) -> Result<Answer<ChainCommittee>, RpcError> {
        let reading = self.reading(at)?;
        let committee = ChainCommittee {
            epoch: reading.checkpoint.epoch,
            total_stake: self.committee.total_stake(),
            quorum_stake: self.committee.quorum(),
            members: self.members(),
        };
        Ok(Answer::new(reading.at, committee))
    }

    pub(super) fn chain_checkpoints(
        &self,
        range: CheckpointRange,
    ) -> Result<Answer<ChainCheckpoints>, RpcError> {
        let CheckpointRange { from, limit, descending, at } = range;
        let at = self.reading(at)?.at;
        let certified_height = (*self.shared.certified.borrow()).min(at.height);
        let oldest = self.database.begin_at().map_err(storage)?.height;
        let newest = at.height;
        let limit = u64::from(limit);
        let (first, last) = match descending {
            true => {
                let last = from.unwrap_or(newest).min(newest);
                (last.saturating_sub(limit - 1).max(oldest), last)
            }
            false => {
                let first = from.unwrap_or(oldest);
                (first, first.saturating_add(limit - 1).min(newest))
            }
        };
        if first < oldest || (descending && last < oldest) {
            self.database.check_checkpoint_held(from.unwrap_or(first)).map_err(storage)?;
        }
        let count = (last + 1).saturating_sub(first) as usize;
        let found = self.database.checkpoints(first, count).map_err(storage)?;
        let mut checkpoints: Vec<CheckpointListed> = found
            .into_iter()
            .map(|checkpoint| CheckpointListed {
                height: checkpoint.height,
                digest: checkpoint.digest(),
                state_root: checkpoint.state_root,
                time_ms: checkpoint.timestamp_ms,
                commit_index: checkpoint.commit_index,
                certified: checkpoint.height <= certified_height,
            })
            .collect();
        let next = match descending {
            true => {
                checkpoints.reverse();
                first.checked_sub(1).filter(|next| *next >= oldest)
            }
            false => Some(last + 1).filter(|next| *next <= newest),
        };
        let oldest_height = oldest;
        let list = ChainCheckpoints { checkpoints, next, oldest_height, certified_height };
        Ok(Answer::new(at, list))
    }

    pub(super) fn dag_block(&self, round: u32, author: u16) -> Result<Answer<DagBlocks>, RpcError> {
        let at = self.at_head();
        let found = self.database.blocks(round, None, ROUND_BLOCKS_MAX).map_err(storage)?;
        let wanted = |block: &VerifiedBlock| block.round() == round && block.author() == author;
        let blocks = found.iter().filter(|block| wanted(block)).map(block_content).collect();
        Ok(Answer::new(at, DagBlocks { blocks }))
    }

    pub(super) fn states(
        &self,
        entries: Vec<EntryName>,
        proof: bool,
        at: ReadAt,
    ) -> Result<Answer<StateRecords>, RpcError> {
        // Of one height, whatever is executed meanwhile.
        let at = self.reading(at)?.at;
        let one = |entry| Ok(self.state(entry, proof, ReadAt::Height(at.height))?.value);
        let entries =
            entries.into_iter().map(one).collect::<Result<Vec<StateRecord>, RpcError>>()?;
        Ok(Answer::new(at, StateRecords { entries }))
    }

    pub(super) fn module_list(
        &self,
        after: Option<&Hash>,
        limit: u32,
        at: ReadAt,
    ) -> Result<Answer<ModuleList>, RpcError> {
        let reading = self.reading(at)?;
        let owner = StateKey::ledger(Namespace::Modules, &[]).owner;
        let after = after.map(|after| &after.0[..]);
        let height = reading.checkpoint.height;
        let page = self
            .database
            .scan_state(height, &owner, &[], after, limit as usize, PAGE_BYTES)
            .map_err(storage)?;
        let listed = |key: &[u8], value: &[u8]| {
            let id: [u8; 32] = key.try_into().map_err(broken)?;
            let record: ModuleRecord = borsh::from_slice(value).map_err(broken)?;
            Ok::<_, RpcError>(ModuleListed {
                module: Address::module(AccountId(id)).display(self.prefix()),
                name: record.name,
                code_hash: record.code,
                creator: Address::account(record.creator).display(self.prefix()),
                paused: record.is_paused,
                deployed_ms: record.deployed_ms,
            })
        };
        let modules = page.entries.iter().map(|item| listed(&item.key, &item.value));
        let modules = modules.collect::<Result<Vec<_>, _>>()?;
        let next = page.next.and_then(|next| next.try_into().ok()).map(Hash);
        Ok(Answer::new(reading.at, ModuleList { modules, next }))
    }
}

fn block_content(block: &VerifiedBlock) -> DagBlockContent {
    let header = block.header();
    DagBlockContent {
        name: BlockName::from(block.reference()),
        time_ms: header.timestamp_ms,
        parents: header.parents.iter().map(|parent| BlockName::from(*parent)).collect(),
        transactions: block.transaction_ids().to_vec(),
        body_bytes: header.body_bytes,
        attested: header
            .attestations
            .iter()
            .map(|one| AttestedHeight { height: one.height, digest: one.digest })
            .collect(),
    }
}
