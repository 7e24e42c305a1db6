//! Answers out of the optional indexes: transactions of an account, entries of a module.

use pollen_ledger::Address;
use pollen_ledger::Hash;
use pollen_ledger::receipt::Outcome;
use pollen_ledger::store::{Direction, ListedTransaction, Location, StateItem};
use pollen_rpc::api::{
    ActionListed, Answer, Bytes, OutcomeKind, StateListed, StateScan, TxCursor, TxList, TxListed,
};
use pollen_rpc::backend::{StateOwner, StateRange, TxRange};
use pollen_rpc::error::RpcError;

use super::{Parts, broken, storage};

/// Bytes of what is in the store with which a page ends.
const PAGE_BYTES: usize = 1 << 20;

impl Parts {
    /// Transactions of an account up to the checkpoint of `at`.
    pub(super) fn tx_list(&self, range: &TxRange) -> Result<Answer<TxList>, RpcError> {
        let reading = self.reading(range.at)?;
        let account = self.named(&reading.state, &range.account)?;
        let direction = if range.descending { Direction::Descending } else { Direction::Ascending };
        let after = range.after.map(|TxCursor { height, index }| Location { height, index });
        let (height, limit) = (reading.checkpoint.height, range.limit as usize);
        let page =
            self.database.transactions_of(&account, after, height, direction, limit, PAGE_BYTES);
        // Afterwards: what pruning took meanwhile is not in the list.
        let oldest_height = self.database.ledger_held().map_err(storage)?.height;
        if let Some(after) = after.filter(|after| after.height < oldest_height) {
            let what = format!(
                "the transactions around {}.{} are not all kept here any more",
                after.height, after.index
            );
            return Err(RpcError::not_found(what, Some(oldest_height)));
        }
        let page = page.map_err(storage)?;
        let next = page.transactions.last().filter(|_| page.more).map(|one| one.at);
        let listed = page.transactions.iter().map(|one| self.listed(one));
        let list = TxList {
            transactions: listed.collect::<Result<_, _>>()?,
            next: next.map(|Location { height, index }| TxCursor { height, index }),
            oldest_height,
        };
        Ok(Answer::new(reading.at, list))
    }

    fn listed(&self, one: &ListedTransaction) -> Result<TxListed, RpcError> {
        let ListedTransaction { at, signed, receipt } = one;
        let checkpoint = self.database.checkpoint(at.height).map_err(storage)?;
        let missing = || broken(format!("no checkpoint {}", at.height));
        let (outcome, code) = match &receipt.outcome {
            Outcome::Success { .. } => (OutcomeKind::Success, None),
            Outcome::Failure { code, .. } => (OutcomeKind::Failure, Some(*code)),
            Outcome::Rejected { code } => (OutcomeKind::Rejected, Some(*code)),
        };
        let hash = receipt.transaction;
        let actions = (0u16..).zip(&signed.transaction.actions);
        let actions =
            actions.map(|(place, action)| ActionListed::of(action, &hash, place, self.prefix()));
        Ok(TxListed {
            hash,
            height: at.height,
            index: at.index,
            time_ms: checkpoint.ok_or_else(missing)?.timestamp_ms,
            sender: Address::account(signed.transaction.sender).display(self.prefix()),
            outcome,
            code: code.map(|code| i32::from(code.number())),
            code_name: code.map(|code| code.name().to_owned()),
            fuel_used: receipt.fuel_used,
            fee: receipt.fee,
            actions: actions.collect(),
        })
    }

    /// Entries of one owner in the state of `at`.
    pub(super) fn state_scan(&self, range: &StateRange) -> Result<Answer<StateScan>, RpcError> {
        let reading = self.reading(range.at)?;
        let owner = match &range.owner {
            StateOwner::Module(named) => self.named(&reading.state, named)?,
            StateOwner::Owner(owner) => *owner,
        };
        let (height, limit) = (reading.checkpoint.height, range.limit as usize);
        let after = range.after.as_deref();
        let page = self
            .database
            .scan_state(height, &owner, &range.prefix, after, limit, PAGE_BYTES)
            .map_err(storage)?;
        let entry = |StateItem { key, value }: StateItem| StateListed {
            key: Bytes(key),
            value: Bytes(value.to_vec()),
        };
        let entries = page.entries.into_iter().map(entry).collect();
        let scan = StateScan { owner: Hash(owner.0), entries, next: page.next.map(Bytes) };
        Ok(Answer::new(reading.at, scan))
    }
}
