//! Two equal runs of the same ordered transactions give the same digests, byte for byte: whatever the
//! store, the age of the engine, the way signatures were checked, and however often the process died.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pollen_ledger::block::VerifiedBlock;
use pollen_ledger::crypto::{Hash, Signature};
use pollen_ledger::execution::{CommitInput, Executor, verify_block_signatures};
use pollen_ledger::receipt::{Code, Outcome, Receipt};
use pollen_ledger::store::{Database, Durability, MemoryStore, RocksStore, Store};
use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action, Genesis, SignedTransaction, Transaction};
use pollen_vm::Vm;

use crate::world::{CALL_FUEL, DEPLOY_FUEL, NAMES, block, component, genesis, id_of, key_of, vm};

const TRANSACTIONS: usize = 2_000;
/// What a transaction offers here: hard traps and loops use it all.
const FUEL: u64 = 4_000_000;
const MODULES: [&str; 5] = ["counter", "token", "coldchain", "probe", "probe"];

/// A small generator with a seed (splitmix64): the same sequence for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Any bits at times, else a plain number: infinities, subnormals and NaN among them.
    fn float(&mut self) -> f64 {
        match self.below(6) {
            0 => f64::from_bits(self.roll()),
            1 => [f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE][self.below(4) as usize],
            _ => self.below(4_000) as f64 / 7.0 - 280.0,
        }
    }
}

/// Commits with their ledger times and blocks.
struct Plan {
    genesis: Genesis,
    commits: Vec<(u64, Vec<VerifiedBlock>)>,
}

struct Planner {
    genesis: Genesis,
    dice: Dice,
    time_ms: u64,
    nonces: BTreeMap<&'static str, u64>,
    modules: Vec<AccountId>,
    made: Vec<SignedTransaction>,
}

fn bytes(value: impl borsh::BorshSerialize) -> Vec<u8> {
    borsh::to_vec(&value).unwrap()
}

impl Planner {
    fn sign(
        &mut self,
        who: &'static str,
        max_fuel: u64,
        actions: Vec<Action>,
        attachments: Vec<Vec<u8>>,
    ) -> SignedTransaction {
        let nonce = self.nonces.entry(who).or_default();
        let transaction = Transaction {
            version: 1,
            sender: id_of(who),
            key: key_of(who).public_key(),
            nonce: *nonce,
            valid_until_ms: self.time_ms + 600_000,
            max_fuel,
            fuel_price: 1,
            payer: None,
            actions,
        };
        *nonce += 1;
        transaction.sign(&self.genesis.chain_id(), &key_of(who), attachments)
    }

    fn deployments(&mut self) -> Vec<SignedTransaction> {
        let init = |name: &str| match name {
            "counter" => bytes(0_u64),
            "token" => bytes(("Gold", "GLD", 2_u8, 1_000_000_u64)),
            _ => Vec::new(),
        };
        let deploy = |name: &&str| {
            let code = component(name);
            let action = Action::Deploy {
                code: Hash::of_content(&code),
                name: None,
                arguments: init(name),
                upgrade: UpgradePolicy::Never,
            };
            (action, code.to_vec())
        };
        let mut signed = Vec::new();
        for (action, code) in MODULES.iter().map(deploy) {
            let one = self.sign("alice", DEPLOY_FUEL, vec![action], vec![code]);
            let id = one.transaction.id(&self.genesis.chain_id());
            self.modules.push(AccountId::of_module(&id, 0));
            signed.push(one);
        }
        signed
    }

    fn invoke(&self, module: usize, function: &str, arguments: Vec<u8>) -> Action {
        let module = self.modules[module];
        Action::Invoke {
            module,
            function: function.to_owned(),
            arguments,
            deposit: 0,
            interface: None,
        }
    }

    fn someone(&mut self) -> AccountId {
        id_of(NAMES[self.dice.below(4) as usize])
    }

    fn good_action(&mut self) -> Action {
        let to = self.someone();
        let amount = self.dice.below(400_000);
        match self.dice.below(8) {
            0 => Action::Transfer { to, amount: amount + 1 },
            1 => Action::Transfer { to: AccountId([amount as u8; 32]), amount: amount + 1 },
            2 | 3 => self.invoke(1, "transfer", bytes((to.0, amount))),
            4 => self.invoke(1, "approve", bytes((to.0, amount))),
            5 => self.invoke(0, "increment", bytes(amount)),
            6 => {
                let restricted: Option<Vec<[u8; 32]>> =
                    amount.is_multiple_of(2).then(|| vec![to.0]);
                let name = format!("box-{}", amount % 40);
                let box_of = bytes_of_record(&name, self.dice.float());
                let rest = bytes((None::<[u8; 32]>, restricted));
                self.invoke(2, "open-box", [box_of, rest].concat())
            }
            _ => {
                let name = format!("box-{}", amount % 40);
                let reading = bytes_of_record(&name, self.dice.float());
                self.invoke(2, "record", reading)
            }
        }
    }

    fn bad_action(&mut self) -> Action {
        let (a, b) = (self.dice.below(70_000) as u32, self.dice.below(3) as u32);
        let to = self.someone();
        match self.dice.below(20) {
            0 => self.invoke(3, "spin", vec![]),
            1 => self.invoke(3, "divide", bytes((a, b))),
            2 => self.invoke(3, "trap", vec![]),
            3 => self.invoke(3, "read-out-of-bounds", vec![]),
            4 => self.invoke(3, "call-wrong-signature", vec![]),
            5 => self.invoke(3, "recurse", bytes(a * 20)),
            6 => self.invoke(3, "fill-memory", bytes(a * 400)),
            7 => self.invoke(3, "not-a-number", vec![]),
            8 | 9 => {
                let (value, by) = (self.dice.float(), self.dice.float());
                let arguments = [value.to_le_bytes(), by.to_le_bytes()].concat();
                self.invoke(3, "quotient-bits", arguments)
            }
            10 => self.invoke(3, "abort", bytes(format!("{a}"))),
            11 => self.invoke(3, "panic", bytes(format!("{a}"))),
            12 => self.invoke(3, "fail", bytes(format!("{a}"))),
            13 => self.invoke(3, "put-sized", bytes((a % 300, a))),
            14 => self.invoke(3, "emit-many", bytes((a % 80, a % 2_000))),
            15 => self.invoke(3, "emit-unknown", vec![]),
            16 => self.invoke(b as usize, "no-such-function", vec![]),
            17 => self.invoke(b as usize, "increment", vec![1; a as usize % 20]),
            18 => self.invoke(1, "transfer-from", bytes((to.0, to.0, u64::from(a)))),
            _ => {
                let module = AccountId([7; 32]);
                let function = "spin".to_owned();
                Action::Invoke { module, function, arguments: vec![], deposit: 0, interface: None }
            }
        }
    }

    fn nested(&mut self) -> Action {
        let inner = match self.dice.below(2) {
            0 => self.good_action(),
            _ => self.bad_action(),
        };
        let Action::Invoke { module, function, arguments, .. } = inner else { return inner };
        let fuel = match self.dice.below(3) {
            0 => Some(self.dice.below(600_000)),
            _ => None,
        };
        self.invoke(4, "call-other", bytes((module.0, function, arguments, fuel)))
    }

    fn transaction(&mut self) -> SignedTransaction {
        let who = NAMES[self.dice.below(4) as usize];
        let kind = self.dice.below(20);
        if kind == 0 && !self.made.is_empty() {
            return self.made[self.dice.below(self.made.len() as u64) as usize].clone();
        }
        let actions = match kind {
            1..=9 => vec![self.good_action()],
            10 => vec![self.good_action(), self.good_action(), self.good_action()],
            11 => vec![self.good_action(), self.bad_action()],
            12..=14 => vec![self.nested()],
            _ => vec![self.bad_action()],
        };
        let mut signed = self.sign(who, FUEL, actions, Vec::new());
        match self.dice.below(40) {
            0 => signed.signature = Signature([1; 64]),
            1 => {
                let transaction = Transaction { valid_until_ms: 1, ..signed.transaction };
                signed = transaction.sign(&self.genesis.chain_id(), &key_of(who), Vec::new());
            }
            // Not enough for the transaction itself; and nobody's account.
            2 => {
                let transaction = Transaction { max_fuel: 60_000, ..signed.transaction };
                signed = transaction.sign(&self.genesis.chain_id(), &key_of(who), Vec::new());
            }
            3 => signed = self.sign("nobody", CALL_FUEL, signed.transaction.actions, Vec::new()),
            _ => self.made.push(signed.clone()),
        }
        signed
    }
}

/// borsh refuses NaN, and what a client sends may hold one all the same.
fn bytes_of_record(name: &str, celsius: f64) -> Vec<u8> {
    [bytes(name), celsius.to_le_bytes().to_vec()].concat()
}

fn plan(seed: u64) -> Plan {
    let genesis = genesis();
    let mut planner = Planner {
        time_ms: genesis.time_ms,
        genesis,
        dice: Dice(seed),
        nonces: BTreeMap::new(),
        modules: Vec::new(),
        made: Vec::new(),
    };
    let mut commits = Vec::new();
    let mut made = 0;
    while made < TRANSACTIONS {
        let round = commits.len() as u32 + 1;
        planner.time_ms += planner.dice.below(15);
        let mut blocks = Vec::new();
        if round == 1 {
            for deployment in planner.deployments() {
                blocks.push(block(&planner.genesis, round, &[deployment]));
            }
        }
        for _ in 0..planner.dice.below(4) {
            let count = planner.dice.below(6) as usize;
            let transactions: Vec<_> = (0..count).map(|_| planner.transaction()).collect();
            made += count;
            blocks.push(block(&planner.genesis, round, &transactions));
        }
        commits.push((planner.time_ms, blocks));
    }
    let last_ms = planner.time_ms + planner.genesis.parameters.checkpoint_interval_max_ms;
    commits.push((last_ms, Vec::new()));
    Plan { genesis: planner.genesis, commits }
}

/// How one node happens to run.
struct Circumstances {
    store: Arc<dyn Store>,
    vm: Arc<Vm>,
    /// Signatures of all blocks of a commit are checked at once, each block on a thread of its own.
    threads: bool,
    /// The process dies after so many commits, and again after as many more.
    dies_after: Option<usize>,
    /// Checkpoints that are finished before they are written.
    lag: usize,
}

/// What every node must agree on, by height.
type Told = BTreeMap<u64, (Hash, Vec<Receipt>)>;

fn execute(plan: &Plan, how: &Circumstances) -> Told {
    let mut told = Told::new();
    let open = || {
        let database = Database::open(how.store.clone(), &plan.genesis, None).unwrap();
        let executor = Executor::new(&database, how.vm.clone()).unwrap();
        (database, executor)
    };
    let (mut database, mut executor) = open();
    let mut unwritten = Vec::new();
    let mut lives = 0;
    while let Some((timestamp_ms, blocks)) = plan.commits.get(executor.next_commit() as usize - 1) {
        let index = executor.next_commit();
        lives += 1;
        if how.dies_after.is_some_and(|after| lives % after == 0) {
            // What was not written is gone and executed again.
            unwritten.clear();
            (database, executor) = open();
            continue;
        }
        let chain_id = plan.genesis.chain_id();
        let check = |block: &VerifiedBlock| verify_block_signatures(block, &chain_id);
        let verdicts: Vec<Vec<bool>> = if how.threads {
            std::thread::scope(|scope| {
                let checks: Vec<_> =
                    blocks.iter().rev().map(|block| scope.spawn(move || check(block))).collect();
                checks.into_iter().rev().map(|check| check.join().unwrap()).collect()
            })
        } else {
            blocks.iter().map(check).collect()
        };
        let blocks: Vec<_> = blocks.iter().cloned().zip(verdicts).collect();
        let digest = Hash::of_content(&index.to_le_bytes());
        let (round, timestamp_ms) = (index as u32, *timestamp_ms);
        let ordering_root = Hash::ZERO;
        let input =
            CommitInput { index, digest, round, timestamp_ms, ordering_root, blocks: &blocks };
        let Some(finished) = executor.execute(&input).unwrap().finished else { continue };
        let height = finished.checkpoint.height;
        let news =
            (finished.digest, finished.executed.into_iter().map(|one| one.receipt).collect());
        if let Some(before) = told.insert(height, news.clone()) {
            assert_eq!(before, news, "checkpoint {height} came out otherwise after a restart");
        }
        unwritten.push((height, finished.batch));
        while unwritten.len() > how.lag {
            let (height, batch) = unwritten.remove(0);
            database.write(batch, Durability::Synced).unwrap();
            executor.written(height);
        }
    }
    told
}

fn compare(first: &Told, other: &Told, what: &str) {
    for (height, (digest, receipts)) in first {
        let (other_digest, other_receipts) = &other[height];
        for (one, two) in receipts.iter().zip(other_receipts) {
            assert_eq!(one, two, "{what}: a receipt of checkpoint {height}");
        }
        assert_eq!(digest, other_digest, "{what}: checkpoint {height}");
    }
    assert_eq!(first.len(), other.len(), "{what}");
}

/// The sequence must reach what it is about: every end that a transaction can have here.
fn assert_varied(told: &Told) {
    let receipts: Vec<&Receipt> = told.values().flat_map(|(_, receipts)| receipts).collect();
    let codes: BTreeSet<Code> = receipts
        .iter()
        .filter_map(|receipt| match receipt.outcome {
            Outcome::Success { .. } => None,
            Outcome::Failure { code, .. } | Outcome::Rejected { code } => Some(code),
        })
        .collect();
    let expected = [
        Code::BalanceTooLow,
        Code::ModuleNotFound,
        Code::FunctionNotFound,
        Code::BadArguments,
        Code::OutOfFuel,
        Code::Trapped,
        Code::ModuleError,
        Code::LimitExceeded,
    ];
    assert!(expected.iter().all(|code| codes.contains(code)), "{codes:?}");
    let good = receipts.iter().filter(|r| matches!(r.outcome, Outcome::Success { .. })).count();
    assert!(good > TRANSACTIONS / 3, "{good} successes");
    assert!(receipts.len() < TRANSACTIONS, "copies and bad signatures leave no receipt");
    assert!(told.len() > 100, "{} checkpoints", told.len());
}

#[test]
fn equal_runs_have_equal_digests() {
    let plan = plan(20_261_122);
    let cache = tempfile::tempdir().unwrap();
    let memory = || Arc::new(MemoryStore::new()) as Arc<dyn Store>;
    let how = |store, vm| Circumstances { store, vm, threads: false, dies_after: None, lag: 0 };
    let first = execute(&plan, &how(memory(), vm(Some(cache.path()))));
    assert_varied(&first);

    let folder = tempfile::tempdir().unwrap();
    let rocks = Arc::new(RocksStore::open(&folder.path().join("ledger")).unwrap());
    let from_cache = vm(Some(cache.path()));
    let other = Circumstances { threads: true, lag: 3, ..how(rocks, from_cache.clone()) };
    compare(&first, &execute(&plan, &other), "RocksDB, code from the cache, threads");

    let dying = Circumstances { dies_after: Some(37), lag: 2, ..how(memory(), vm(None)) };
    compare(&first, &execute(&plan, &dying), "restarts, nothing cached");
}
