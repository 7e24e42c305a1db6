//! The load: a thread for each validator that hands transactions to its core on schedule.
//!
//! Transactions are due in whole milliseconds, as many as the rate asks for at once, whether or not
//! earlier ones are done; who comes late sends all that is due and counts it from when it was due. Making
//! a transaction (and its signature) is this thread's work and told apart in the figures.

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pollen_ledger::AuthorIndex;
use pollen_ledger::execution::admission;
use pollen_ledger::ordering::Input;

use super::accounts::{Accounts, Made, Shape};
use super::cluster::Validator;
use super::tally::Tally;
use super::{Beyond, OrderingArgs};
use crate::clock;
use crate::core_thread::CoreHandle;
use crate::shared::Shared;

/// How often a closed loop looks for room.
const LOOK: Duration = Duration::from_micros(500);

/// What became of what was due.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offered {
    /// Handed to a core.
    pub sent: u64,
    /// Refused before: the core's queue was full, or it could not run.
    pub refused_before: u64,
    /// Sent, and refused by the pool.
    pub refused_by_pools: u64,
    /// Bytes of a transaction.
    pub bytes: u32,
}

impl Offered {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.refused_before += other.refused_before;
        self.refused_by_pools += other.refused_by_pools;
        self.bytes = self.bytes.max(other.bytes);
    }
}

struct Load {
    author: AuthorIndex,
    accounts: Arc<Accounts>,
    shape: Shape,
    with: Option<Beyond>,
    core: CoreHandle,
    shared: Arc<Shared>,
    database: Arc<pollen_ledger::store::Database>,
    tally: Arc<Tally>,
    offered: Offered,
}

/// Starts the load on one validator, for this time.
pub fn start(
    validator: &Validator,
    accounts: &Arc<Accounts>,
    args: &OrderingArgs,
    rate: u32,
    time_us: Range<u64>,
) -> thread::JoinHandle<Offered> {
    let shape = match args.with {
        None => Shape::Unsigned(args.bytes),
        Some(Beyond::Signatures) => Shape::Signed(args.bytes),
        Some(Beyond::Execution) => Shape::Transfer,
    };
    let load = Load {
        author: validator.author,
        accounts: accounts.clone(),
        shape,
        with: args.with,
        core: validator.core.clone(),
        shared: validator.shared.clone(),
        database: validator.database.clone(),
        tally: validator.tally.clone(),
        offered: Offered::default(),
    };
    let (validators, in_flight) = (u64::from(args.validators), u64::from(args.in_flight));
    let body = move || match rate {
        0 => load.closed(in_flight.div_ceil(validators), time_us),
        rate => load.open(u64::from(rate), validators, time_us),
    };
    thread::Builder::new().name("load".to_owned()).spawn(body).expect("the system starts a thread")
}

impl Load {
    /// On schedule: of all transactions, numbered through, every `validators`-th is this one's.
    fn open(mut self, rate: u64, validators: u64, time_us: Range<u64>) -> Offered {
        let mut number = u64::from(self.author);
        loop {
            // The millisecond in which it is due.
            let due_us = time_us.start + number * 1000 / rate * 1000;
            if due_us >= time_us.end {
                return self.offered;
            }
            let now_us = self.tally.now_us();
            if due_us > now_us {
                thread::sleep(Duration::from_micros(due_us - now_us));
            }
            self.send(due_us);
            number += validators;
        }
    }

    /// As many as are in flight at most, always.
    fn closed(mut self, in_flight: u64, time_us: Range<u64>) -> Offered {
        loop {
            let now_us = self.tally.now_us();
            if now_us >= time_us.end {
                return self.offered;
            }
            let refused = self.shared.refused.load(std::sync::atomic::Ordering::Relaxed);
            let gone = self.tally.own_committed() + refused;
            let free = (in_flight + gone).saturating_sub(self.offered.sent);
            for _ in 0..free {
                self.send(now_us);
            }
            thread::sleep(LOOK);
        }
    }

    fn send(&mut self, due_us: u64) {
        let now_ms = clock::now_ms();
        // Noted before it can be committed.
        let number = self.tally.schedule(due_us);
        let made = self.accounts.make(self.shape, self.author, number, now_ms);
        self.offered.bytes = made.bytes;
        let taken = self.admit(&made).is_some_and(|reserve| {
            let Made { signed, id, bytes } = made;
            self.core.input(Input::Submit { transaction: signed, id, bytes, reserve }).is_ok()
        });
        if taken {
            self.offered.sent += 1;
        } else {
            self.tally.unschedule();
            self.offered.refused_before += 1;
        }
    }

    /// What a node checks before a transaction reaches its core: the sender's reserve, or none when it
    /// is refused.
    fn admit(&self, made: &Made) -> Option<u64> {
        let mut reserve = u64::MAX;
        if self.with == Some(Beyond::Execution) {
            let ledger_ms = self.shared.head.borrow().checkpoint.timestamp_ms;
            let (state, parameters) = (self.database.latest(), &self.accounts.parameters);
            let checked = admission::check(&state, parameters, &made.signed, ledger_ms);
            reserve = checked.ok()?.ok()?.reserve;
        }
        if self.with.is_some() {
            made.signed.check_signatures(&self.accounts.chain_id).ok()?;
        }
        Some(reserve)
    }
}
