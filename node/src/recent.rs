//! What became of the last transactions that somebody here waited for, so that the answer needs no reads.
//! The store has all of it: what was let go is read there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use pollen_ledger::execution::ExecutedTransaction;
use pollen_ledger::policy::ModuleChange;
use pollen_ledger::receipt::{FailureValue, Outcome};
use pollen_ledger::store::Location;
use pollen_ledger::{Action, Hash};

/// Most that are kept: those of about a second at full load.
const KEPT: usize = 4096;
/// What they may weigh together, see [`weight`]; heavier ones make room earlier.
const WEIGHT_MAX: usize = 8 << 20;
/// Rough bytes of what every one has.
const WEIGHT_MIN: usize = 1024;

/// See the module's documentation.
#[derive(Default)]
pub struct Recent(Mutex<Inner>);

type Placed = Arc<(Location, ExecutedTransaction)>;

#[derive(Default)]
struct Inner {
    placed: HashMap<Hash, Placed>,
    order: VecDeque<Hash>,
    weight: usize,
}

impl Inner {
    fn put(&mut self, at: Location, one: ExecutedTransaction) {
        let (id, weight) = (one.receipt.transaction, weight(&one));
        if weight > WEIGHT_MAX || self.placed.contains_key(&id) {
            return;
        }
        while self.order.len() == KEPT || self.weight + weight > WEIGHT_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            let gone = self.placed.remove(&oldest).expect("what has an order is kept");
            self.weight -= self::weight(&gone.1);
        }
        self.weight += weight;
        self.order.push_back(id);
        self.placed.insert(id, Arc::new((at, one)));
    }
}

/// Bytes that it takes, the parts of fixed size guessed.
fn weight(one: &ExecutedTransaction) -> usize {
    let ExecutedTransaction { signed, receipt, note } = one;
    let attached = signed.attachments.iter().map(Vec::len);
    let arguments = signed.transaction.actions.iter().map(|action| match action {
        Action::Deploy { arguments, .. }
        | Action::Invoke { arguments, .. }
        | Action::Change { change: ModuleChange::Upgrade { arguments, .. }, .. } => arguments.len(),
        _ => 0,
    });
    let results = match &receipt.outcome {
        Outcome::Success { results } => results.iter().map(Vec::len).sum(),
        Outcome::Failure { value: FailureValue::Error(bytes), .. } => bytes.len(),
        Outcome::Failure { value: FailureValue::Message(text), .. } => text.len(),
        Outcome::Failure { value: FailureValue::None, .. } | Outcome::Rejected { .. } => 0,
    };
    let events = receipt.events.iter().map(|event| {
        WEIGHT_MIN / 8 + event.data.len() + event.topics.iter().map(Vec::len).sum::<usize>()
    });
    let note = note.as_ref().map_or(0, String::len);
    WEIGHT_MIN + attached.chain(arguments).chain(events).sum::<usize>() + results + note
}

impl Recent {
    /// Keeps these; the oldest make room.
    pub fn keep(&self, executed: impl Iterator<Item = (Location, ExecutedTransaction)>) {
        let mut inner = self.0.lock();
        executed.for_each(|(at, one)| inner.put(at, one));
    }

    /// What became of a transaction, when it is one of the last.
    pub fn of(&self, id: &Hash) -> Option<Placed> {
        self.0.lock().placed.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use pollen_ledger::receipt::Receipt;
    use pollen_ledger::transaction::TRANSACTION_VERSION;
    use pollen_ledger::{AccountId, KeyPair, Transaction};

    use super::*;

    fn executed(number: u64, attached: usize) -> (Location, ExecutedTransaction) {
        let key = KeyPair::development("recent");
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            sender: AccountId::default(),
            key: key.public_key(),
            nonce: number,
            valid_until_ms: 0,
            max_fuel: 0,
            fuel_price: 0,
            payer: None,
            actions: Vec::new(),
        };
        let id = transaction.id(&Hash::ZERO);
        let signed = Arc::new(transaction.sign(&Hash::ZERO, &key, vec![vec![0; attached]]));
        let outcome = Outcome::Success { results: Vec::new() };
        let receipt =
            Receipt { transaction: id, outcome, fuel_used: 0, fee: 0, events: Vec::new() };
        (Location { height: number, index: 0 }, ExecutedTransaction { signed, receipt, note: None })
    }

    /// Memory is bounded, and it is the oldest that go.
    #[test]
    fn the_last_ones_are_kept() {
        let recent = Recent::default();
        let all: Vec<_> = (0..2 * KEPT as u64).map(|number| executed(number, 0)).collect();
        recent.keep(all.iter().cloned());
        let kept = |at: usize| recent.of(&all[at].1.receipt.transaction).is_some();
        assert!(!kept(KEPT - 1) && kept(KEPT) && kept(2 * KEPT - 1));
        {
            let inner = recent.0.lock();
            assert_eq!((inner.placed.len(), inner.order.len()), (KEPT, KEPT));
        }
        let heavy = executed(9_000, WEIGHT_MAX / 4 * 3);
        recent.keep([heavy.clone(), executed(9_001, WEIGHT_MAX)].into_iter());
        assert!(recent.of(&heavy.1.receipt.transaction).is_some());
        let inner = recent.0.lock();
        assert!(inner.weight <= WEIGHT_MAX && inner.placed.len() < KEPT);
        assert_eq!(inner.weight, inner.placed.values().map(|one| weight(&one.1)).sum::<usize>());
    }
}
