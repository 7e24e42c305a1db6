//! Token transfers through the module host beside `revm`, the EVM of Ethereum's Rust clients: the same transfers,
//! one thread, the state in a hash map in both. `cd tests/revm && cargo run -- [transfers] [rounds]`
//!
//! Rounds take turns, so that what else the machine does falls on both; time is that of the thread's processor.
//! At the end every balance must be the one that plain arithmetic gives. What differs between the two is in
//! docs/benchmarks.md.

mod contract;
mod evm;
#[path = "../../../vm/examples/call_speed/ledger.rs"]
mod ledger;
mod pollen;

use std::ops::Range;
use std::path::Path;

use pollen_build::{Options, build_module};
use pollen_vm::stack;
use rustix::time::{ClockId, clock_gettime};

use evm::{Evm, Kind};
use pollen::Pollen;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As in `call_speed`, like the three below and who pays whom.
const FUEL: u64 = 300_000_000;
const ACCOUNTS: u8 = 100;
const SUPPLY: u64 = u64::MAX;
/// What the owner, account 0, gives to each of the others before.
const SHARE: u64 = 1 << 40;

/// One of those that are measured.
trait Side {
    fn transfer(&mut self, from: u8, to: u8, amount: u64);
    fn balance(&mut self, of: u8) -> u64;
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let mut number = |default| numbers.next().unwrap_or(default);
    let (transfers, rounds) = (number(10_000), number(45));
    let run = move || measure(transfers, rounds);
    stack::spawn("measure", run).expect("a thread").join().expect("it measures");
}

fn measure(transfers: u32, rounds: u32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/token");
    let token = build_module(&folder, &Options::default()).expect("the token builds").component;
    println!("code: token {} bytes, contract {} bytes", token.len(), contract::code().len());
    println!("{rounds} rounds of {transfers} transfers each, in turn");

    let mut pollen = Pollen::new(&token);
    let mut transaction = Evm::new(Kind::Transaction);
    let mut call = Evm::new(Kind::Call);
    let mut each: [Vec<f64>; 3] = Default::default();
    for round in 0..=rounds {
        let numbers = round * transfers..(round + 1) * transfers;
        let ns = [
            transfer_ns(&mut pollen, numbers.clone()),
            transfer_ns(&mut transaction, numbers.clone()),
            transfer_ns(&mut call, numbers),
        ];
        // The first only warms up.
        if round > 0 {
            each.iter_mut().zip(ns).for_each(|(all, one)| all.push(one));
        }
    }

    let made = (rounds + 1) * transfers;
    check("pollen", &mut pollen, made);
    check("revm, transactions", &mut transaction, made);
    check("revm, calls", &mut call, made);
    println!("balances right on all sides, supply unchanged");

    let [pollen, transaction, call] = each;
    print("pollen, call", &pollen);
    print("revm, transaction", &transaction);
    print("revm, call", &call);
    print_ratio("pollen / revm, transaction", &pollen, &transaction);
    print_ratio("pollen / revm, call", &pollen, &call);
}

/// Who pays whom how much: every fiftieth is to oneself. The amounts differ, so that balances do in the end.
fn transfer(number: u32) -> (u8, u8, u64) {
    let accounts = u32::from(ACCOUNTS);
    let (from, to) = (number % accounts, number.wrapping_mul(7) % accounts);
    let amount = 1 + (number.wrapping_mul(2_654_435_761) >> 22);
    (from as u8, to as u8, amount.into())
}

/// Nanoseconds of this thread for each transfer.
fn transfer_ns(side: &mut impl Side, numbers: Range<u32>) -> f64 {
    let count = numbers.len() as f64;
    let start = thread_ns();
    for number in numbers {
        let (from, to, amount) = transfer(number);
        side.transfer(from, to, amount);
    }
    (thread_ns() - start) / count
}

fn thread_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The balances are right, and the supply is what it was.
fn check(name: &str, side: &mut impl Side, transfers: u32) {
    let mut right = [SHARE; ACCOUNTS as usize];
    right[0] = SUPPLY - u64::from(ACCOUNTS - 1) * SHARE;
    for number in 0..transfers {
        let (from, to, amount) = transfer(number);
        right[usize::from(from)] -= amount;
        right[usize::from(to)] += amount;
    }
    let balances: Vec<_> = (0..ACCOUNTS).map(|number| side.balance(number)).collect();
    assert_eq!(balances, right, "{name}");
    assert_eq!(balances.iter().map(|one| u128::from(*one)).sum::<u128>(), SUPPLY.into(), "{name}");
    assert!((1..ACCOUNTS).any(|number| right[usize::from(number)] != SHARE), "they moved");
}

/// Least, median and most.
fn sorted(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [numbers[0], numbers[numbers.len() / 2], numbers[numbers.len() - 1]]
}

fn print(name: &str, each: &[f64]) {
    let [least, median, most] = sorted(each.to_vec()).map(|ns| ns / 1e3);
    println!("{name:27} {median:6.2} us ({least:.2}-{most:.2})  {:8.0} /s", 1e6 / median);
}

fn print_ratio(name: &str, ours: &[f64], theirs: &[f64]) {
    let each = ours.iter().zip(theirs).map(|(one, other)| one / other).collect();
    let [least, median, most] = sorted(each);
    println!("{name:27} {median:6.2} ({least:.2}-{most:.2} by round)");
}
