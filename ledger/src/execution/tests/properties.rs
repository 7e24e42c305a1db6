//! What holds for any transactions in any order: money is conserved, results repeat, the past stays.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::transaction::UpgradePolicy;

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

#[derive(Debug, Clone)]
enum Step {
    Transfer { to: usize, amount: u64 },
    Deploy,
    Invoke { function: usize, deposit: u64 },
}

#[derive(Debug, Clone)]
struct Try {
    from: usize,
    nonce: u64,
    price: u64,
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..NAMES.len(), 1..3 * POLLEN).prop_map(|(to, amount)| Step::Transfer { to, amount }),
        1 => Just(Step::Deploy),
        3 => (0usize..5, prop_oneof![Just(0), 1..POLLEN])
            .prop_map(|(function, deposit)| Step::Invoke { function, deposit }),
    ]
}

fn attempt() -> impl Strategy<Value = Try> {
    let price = prop_oneof![8 => Just(1u64), 1 => 1_000u64..1_000_000];
    (0..NAMES.len(), 0u64..40, price, prop::collection::vec(step(), 1..4))
        .prop_map(|(from, nonce, price, steps)| Try { from, nonce, price, steps })
}

fn commits() -> impl Strategy<Value = Vec<Vec<Try>>> {
    prop::collection::vec(prop::collection::vec(attempt(), 0..8), 1..12)
}

const CODE: &[u8] = b"m init";

fn sign(world: &World, module: AccountId, attempt: &Try) -> SignedTransaction {
    let action = |step: &Step| match step {
        Step::Transfer { to, amount } => transfer(NAMES[*to], *amount),
        Step::Deploy => Action::Deploy {
            code: Hash::of_content(CODE),
            name: None,
            arguments: Vec::new(),
            upgrade: UpgradePolicy::Never,
        },
        Step::Invoke { function, deposit } => Action::Invoke {
            module,
            function: ["touch", "forward", "refuse", "spin", "absent"][*function].to_owned(),
            arguments: id_of("alice").0.to_vec(),
            deposit: *deposit,
            interface: None,
        },
    };
    let name = NAMES[attempt.from];
    let mut tx = world.transaction(name, attempt.nonce, attempt.steps.iter().map(action).collect());
    tx.fuel_price = attempt.price;
    tx.valid_until_ms = u64::MAX;
    world.sign_with(name, tx, Vec::new())
}

/// alice has much, bob and carol little; dave and erin are made by transfers. One module is there.
fn world() -> (World, AccountId) {
    let mut world = World::new(&[("alice", 20 * POLLEN), ("bob", POLLEN), ("carol", POLLEN / 20)]);
    let deploy = Try { from: 0, nonce: 50, price: 1, steps: vec![Step::Deploy] };
    let mut signed = sign(&world, id_of("alice"), &deploy);
    signed.attachments.push(CODE.to_vec());
    let module = AccountId::of_module(&world.id(&signed), 0);
    world.commit(vec![signed]);
    (world, module)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn money_is_conserved(commits in commits()) {
        let (mut world, module) = world();
        let mut accounts: BTreeSet<AccountId> = NAMES.iter().map(|name| id_of(name)).collect();
        accounts.insert(module);
        let supply: u64 = world.genesis.accounts.iter().map(|account| account.balance).sum();
        for commit in commits {
            let signed: Vec<_> = commit.iter().map(|one| sign(&world, module, one)).collect();
            for one in &signed {
                let id = world.id(one);
                accounts.extend((0..4).map(|action| AccountId::of_module(&id, action)));
            }
            world.commit(signed);
            let accounts: Vec<_> = accounts.iter().copied().collect();
            prop_assert_eq!(world.supply(&accounts), supply);
        }
    }

    /// Two nodes with different storage writers and restarts have the same checkpoints.
    #[test]
    fn results_repeat(commits in commits(), restart_at in 0usize..12) {
        let (mut first, module) = world();
        let (mut second, _) = world();
        for (at, commit) in commits.iter().enumerate() {
            let signed: Vec<_> = commit.iter().map(|one| sign(&first, module, one)).collect();
            if at == restart_at {
                second.restart();
            }
            let one = first.commit(signed.clone()).checkpoint;
            let two = second.commit(signed).checkpoint;
            prop_assert_eq!(one.digest(), two.digest());
        }
    }

    /// Reads at every height give what was there, against a copy of the state at each height.
    #[test]
    fn the_past_can_be_read(commits in commits()) {
        let (mut world, module) = world();
        let mut history: BTreeMap<u64, BTreeMap<StateKey, Option<Value>>> = BTreeMap::new();
        let mut keys: BTreeSet<StateKey> = NAMES.iter().map(|name| StateKey::account(&id_of(name))).collect();
        keys.extend(NAMES.iter().map(|name| window_key(&id_of(name), &key_of(name).public_key())));
        keys.insert(fees_key());
        keys.insert(StateKey::account(&module));
        keys.insert(StateKey::module(module, b"count"));
        for commit in commits {
            let signed = commit.iter().map(|one| sign(&world, module, one)).collect();
            let height = world.commit(signed).checkpoint.height;
            let now = keys.iter()
                .map(|key| (key.clone(), world.executor.state().get(key).unwrap()))
                .collect();
            history.insert(height, now);
        }
        for (height, values) in history {
            let past = world.database.state_at(height);
            for (key, value) in values {
                prop_assert_eq!(past.get(&key).unwrap(), value, "{:?} at {}", key, height);
            }
        }
        let genesis = world.database.state_at(0);
        prop_assert_eq!(account(&genesis, &id_of("bob")).unwrap().unwrap().balance, POLLEN);
        prop_assert_eq!(account(&genesis, &id_of("erin")).unwrap(), None);
        prop_assert_eq!(fees(&genesis).unwrap(), 0);
    }
}
