//! What these protect: nothing is done to an account that its keys did not allow, to the grain; what a key did
//! not allow costs nobody anything; and no transaction runs twice, whoever adds or drops signatures.

use super::*;
use crate::execution::admission::{Refusal, check};
use crate::execution::authority::{AuthorityError, Party};
use crate::keys::{CallScope, OwnerKey, Scope, ScopeRule, ScopeWindow, ScopedKey};
use crate::transaction::UpgradePolicy;

const START: u64 = 100 * POLLEN;
/// What a transaction of these tests may cost at most.
const FEE_MAX: u64 = FUEL / 1000;

fn world() -> World {
    World::new(&[("alice", START), ("bob", START), ("sponsor", START)])
}

fn owners(threshold: u32, named: &[(&str, u32)]) -> Action {
    let owner =
        |(name, weight): &(&str, u32)| OwnerKey { key: key_of(name).public_key(), weight: *weight };
    Action::SetOwners { threshold, owners: named.iter().map(owner).collect() }
}

fn put_key(name: &str, scope: Scope) -> Action {
    Action::PutKey(ScopedKey { key: key_of(name).public_key(), label: name.to_owned(), scope })
}

/// A transaction of one account, signed by keys of these names: the first leads.
fn signed(
    world: &World,
    account: &str,
    keys: &[&str],
    nonce: u64,
    actions: Vec<Action>,
) -> SignedTransaction {
    let lead = key_of(keys[0]);
    let transaction =
        Transaction { key: lead.public_key(), ..world.transaction(account, nonce, actions) };
    cosigned(world, transaction, keys)
}

fn cosigned(world: &World, transaction: Transaction, keys: &[&str]) -> SignedTransaction {
    let mut signed = world.sign_with(keys[0], transaction, Vec::new());
    for key in &keys[1..] {
        signed.cosign(&world.genesis.chain_id(), &key_of(key));
    }
    signed
}

/// What admission says, and then what execution does.
fn skipped(world: &mut World, signed: SignedTransaction) -> AuthorityError {
    let refusal = refused(world, &signed);
    let committed = world.commit(vec![signed]);
    assert_eq!(committed.receipts, []);
    let [SkipReason::Authority(error)] = committed.skipped[..] else {
        panic!("{:?}", committed.skipped)
    };
    assert_eq!(refusal, Refusal::Authority(error), "both ask the same");
    error
}

fn refused(world: &World, signed: &SignedTransaction) -> Refusal {
    let parameters = &world.genesis.parameters;
    check(world.executor.state(), parameters, signed, world.time_ms).unwrap().unwrap_err()
}

fn done(world: &mut World, signed: SignedTransaction) -> Receipt {
    let parameters = &world.genesis.parameters;
    let admitted = check(world.executor.state(), parameters, &signed, world.time_ms).unwrap();
    assert_eq!(admitted.err(), None);
    let mut committed = world.commit(vec![signed]);
    assert_eq!(committed.skipped, []);
    committed.receipts.pop().expect("it was executed")
}

fn succeeded(world: &mut World, signed: SignedTransaction) -> Receipt {
    let receipt = done(world, signed);
    assert!(matches!(receipt.outcome, Outcome::Success { .. }), "{:?}", receipt.outcome);
    receipt
}

/// Modules of one code, by alice's first transaction.
fn two_modules(world: &mut World) -> [AccountId; 2] {
    let code = b"m module".to_vec();
    let deploy = Action::Deploy {
        code: Hash::of_content(&code),
        name: None,
        arguments: Vec::new(),
        upgrade: UpgradePolicy::Never,
    };
    let deploy = world.transaction("alice", 0, vec![deploy.clone(), deploy]);
    let deploy = world.sign_with("alice", deploy, vec![code]);
    let id = world.id(&deploy);
    succeeded(world, deploy);
    [0, 1].map(|action| AccountId::of_module(&id, action))
}

#[test]
fn keys_are_exchanged_and_the_account_stays() {
    let mut world = world();
    let rotate = signed(&world, "alice", &["alice"], 0, vec![owners(1, &[("new", 1)])]);
    succeeded(&mut world, rotate);
    let old = signed(&world, "alice", &["alice"], 1, vec![transfer("bob", 1)]);
    assert_eq!(skipped(&mut world, old), AuthorityError::NoKey(Party::Sender));
    let new = signed(&world, "alice", &["new"], 0, vec![transfer("bob", 1)]);
    succeeded(&mut world, new);
    assert_eq!(world.balance("bob"), START + 1);
    // And back: what the old key signed before cannot be used again.
    let back = signed(&world, "alice", &["new"], 1, vec![owners(1, &[("alice", 1)])]);
    succeeded(&mut world, back);
    let again = signed(&world, "alice", &["alice"], 0, vec![transfer("bob", 1)]);
    assert!(matches!(refused(&world, &again), Refusal::Nonce(NonceError::Used { nonce: 0, .. })));
}

#[test]
fn owners_sign_together_up_to_the_threshold() {
    let mut world = world();
    let share = owners(3, &[("alice", 2), ("bob", 1), ("carol", 1)]);
    let share = signed(&world, "alice", &["alice"], 0, vec![share]);
    succeeded(&mut world, share);
    let pay = |world: &World, keys: &[&str], nonce| {
        signed(world, "alice", keys, nonce, vec![transfer("bob", 5)])
    };
    let weight = |have| AuthorityError::Weight { party: Party::Sender, have, needed: 3 };
    let alone = pay(&world, &["alice"], 1);
    assert_eq!(skipped(&mut world, alone), weight(2));
    let others = pay(&world, &["bob", "carol"], 0);
    assert_eq!(skipped(&mut world, others), weight(2));
    let stranger = pay(&world, &["alice", "bob", "mallory"], 1);
    assert_eq!(skipped(&mut world, stranger), AuthorityError::Stranger);
    let by_stranger = pay(&world, &["mallory", "alice", "bob"], 0);
    assert_eq!(skipped(&mut world, by_stranger), AuthorityError::NoKey(Party::Sender));
    for keys in [["alice", "bob"], ["carol", "alice"]] {
        let nonce = if keys[0] == "alice" { 1 } else { 0 };
        let good = pay(&world, &keys, nonce);
        succeeded(&mut world, good);
    }
    assert_eq!(world.balance("bob"), START + 10);
}

/// Several signatures give several ways to write the same transaction: with more of them than needed, and
/// with another one first. It runs once all the same.
#[test]
fn a_transaction_runs_once_whatever_its_signatures() {
    let mut world = world();
    let share = owners(2, &[("alice", 1), ("bob", 1), ("carol", 1)]);
    let share = signed(&world, "alice", &["alice"], 0, vec![share]);
    succeeded(&mut world, share);
    let transaction = world.transaction("alice", 1, vec![transfer("bob", 5)]);
    let with = |keys: &[&str]| cosigned(&world, transaction.clone(), keys);
    let copies =
        vec![with(&["alice", "bob"]), with(&["alice", "carol"]), with(&["alice", "bob", "carol"])];
    // Bob's signature in the first place, on the same bytes.
    let mut turned = with(&["alice", "bob"]);
    let bobs = turned.cosignatures.remove(0);
    let alices = std::mem::replace(&mut turned.signature, bobs.signature);
    let public_key = key_of("alice").public_key();
    turned
        .cosignatures
        .push(crate::transaction::TransactionSignature { public_key, signature: alices });
    let committed = world.commit([copies, vec![turned]].concat());
    assert_eq!((committed.receipts.len(), committed.skipped.len()), (1, 3));
    assert_eq!(committed.skipped[2], SkipReason::BadSignature);
    assert_eq!(world.balance("bob"), START + 5);
}

#[test]
fn a_scoped_key_does_what_its_scope_says_and_nothing_else() {
    let mut world = world();
    let [module, other] = two_modules(&mut world);
    let calls = vec![CallScope { module, functions: vec!["touch".to_owned()] }];
    let scope = Scope { calls, expires_ms: Some(world.time_ms + 3_600_000), ..Scope::default() };
    let put = signed(&world, "alice", &["alice"], 1, vec![put_key("device", scope)]);
    succeeded(&mut world, put);
    let call = |module, function: &str| Action::Invoke {
        module,
        function: function.to_owned(),
        arguments: Vec::new(),
        deposit: 0,
        interface: None,
    };
    let scope = |action, rule| AuthorityError::Scope { action, rule };
    for (actions, error) in [
        (vec![transfer("bob", 1)], scope(0, ScopeRule::Transfers)),
        (vec![call(other, "touch")], scope(0, ScopeRule::Module)),
        (vec![call(module, "touch"), call(module, "count")], scope(1, ScopeRule::Function)),
        (vec![owners(1, &[("device", 1)])], scope(0, ScopeRule::OwnersOnly)),
        (vec![put_key("device", Scope::default())], scope(0, ScopeRule::OwnersOnly)),
    ] {
        let outside = signed(&world, "alice", &["device"], 0, actions);
        assert_eq!(skipped(&mut world, outside), error);
    }
    let inside = signed(&world, "alice", &["device"], 0, vec![call(module, "touch")]);
    succeeded(&mut world, inside);
    // An owner beside it is one signature too many.
    let both = signed(&world, "alice", &["device", "alice"], 1, vec![call(module, "touch")]);
    assert_eq!(skipped(&mut world, both), AuthorityError::Stranger);

    let expires_ms = world.time_ms + 3_600_000;
    world.time_ms += 3_600_000;
    let late = signed(&world, "alice", &["device"], 1, vec![call(module, "touch")]);
    let AuthorityError::Expired { party: Party::Sender, expires_ms: told } =
        skipped(&mut world, late)
    else {
        panic!("expired")
    };
    assert!(told <= expires_ms);
    let key = key_of("device").public_key();
    let remove = signed(&world, "alice", &["alice"], 2, vec![Action::RemoveKey { key }]);
    succeeded(&mut world, remove);
    let gone = signed(&world, "alice", &["device"], 1, vec![call(module, "touch")]);
    assert_eq!(skipped(&mut world, gone), AuthorityError::NoKey(Party::Sender));
}

#[test]
fn a_scoped_key_spends_up_to_its_limits() {
    let mut world = world();
    let most = 10 * POLLEN;
    let hour = 3_600_000;
    let window =
        ScopeWindow { length_ms: hour, spend_max: Some(4 * POLLEN), transactions_max: Some(3) };
    let scope =
        Scope { transfers: true, spend_max: Some(most), window: Some(window), ..Scope::default() };
    let put = signed(&world, "alice", &["alice"], 0, vec![put_key("device", scope)]);
    succeeded(&mut world, put);
    // At the beginning of a window.
    world.time_ms = (world.time_ms / hour + 1) * hour;
    let before = world.balance("alice");
    let mut nonce = 0..;
    let mut pay = |world: &World, amount| {
        signed(world, "alice", &["device"], nonce.next().unwrap(), vec![transfer("bob", amount)])
    };
    let over = |receipt: &Receipt| {
        assert!(
            matches!(receipt.outcome, Outcome::Failure { code: Code::KeyNotAllowed, .. }),
            "{receipt:?}"
        );
    };
    // Of the window: four pollen with the fee, to the grain.
    let first = pay(&world, 3 * POLLEN);
    let first = succeeded(&mut world, first);
    let left = POLLEN - first.fee - FEE_MAX;
    let much = pay(&world, left + 1);
    let failed = done(&mut world, much);
    over(&failed);
    assert_eq!(world.balance("alice"), before - 3 * POLLEN - first.fee - failed.fee);
    // The fee of the failed one counts; and it is the third: no more in this window, at no cost.
    let third = pay(&world, left - failed.fee);
    succeeded(&mut world, third);
    let fourth = pay(&world, 1);
    assert!(matches!(refused(&world, &fourth), Refusal::KeyLimit { .. }));
    let balance = world.balance("alice");
    let receipt = world.commit(vec![fourth]).receipts.pop().unwrap();
    assert_eq!(receipt.outcome, Outcome::Rejected { code: Code::KeyNotAllowed });
    assert_eq!((receipt.fee, world.balance("alice")), (0, balance));

    // Two windows later ten pollen in all are what ends it.
    for spent in [4, 8] {
        world.time_ms = (world.time_ms / hour + 1) * hour;
        let more = pay(&world, 3 * POLLEN + POLLEN / 2);
        let receipt = done(&mut world, more);
        match spent {
            4 => assert!(matches!(receipt.outcome, Outcome::Success { .. }), "{receipt:?}"),
            _ => over(&receipt),
        }
    }
    assert!(before - world.balance("alice") <= most);
    let (keys, uses) = account_keys(world.executor.state(), &id_of("alice")).unwrap().unwrap();
    assert_eq!((keys.scoped.len(), uses.len()), (1, 1));
    assert_eq!(uses[0].spent, before - world.balance("alice"), "the books balance");
}

/// Money that comes back within a transaction does not raise what a key may send away.
#[test]
fn what_comes_in_is_not_taken_off_what_goes_out() {
    let mut world = world();
    let scope = Scope { transfers: true, spend_max: Some(5 * POLLEN), ..Scope::default() };
    let put = signed(&world, "alice", &["alice"], 0, vec![put_key("device", scope)]);
    succeeded(&mut world, put);
    // To itself is out and in again.
    let actions = vec![transfer("alice", 3 * POLLEN), transfer("bob", 3 * POLLEN)];
    let both = signed(&world, "alice", &["device"], 0, actions);
    let receipt = done(&mut world, both);
    let failure =
        Outcome::Failure { action: 1, code: Code::KeyNotAllowed, value: FailureValue::None };
    assert_eq!(receipt.outcome, failure);
}

/// Story: what a transaction sent away was summed up without a bound, for every transaction, whoever signed it. A
/// rich account that pays itself a few times would have stopped every node.
#[test]
fn sums_beyond_all_grains_stop_nobody() {
    let mut world = World::new(&[("rich", u64::MAX)]);
    let much = u64::MAX / 2;
    let actions = vec![transfer("rich", much), transfer("rich", much), transfer("rich", much)];
    let own = signed(&world, "rich", &["rich"], 0, actions.clone());
    let fee = succeeded(&mut world, own).fee;
    assert_eq!(world.balance("rich"), u64::MAX - fee);
    // And no limit is passed by it.
    let scope = Scope { transfers: true, spend_max: Some(u64::MAX - 1), ..Scope::default() };
    let put = signed(&world, "rich", &["rich"], 1, vec![put_key("device", scope)]);
    succeeded(&mut world, put);
    let scoped = signed(&world, "rich", &["device"], 0, actions);
    let receipt = done(&mut world, scoped);
    assert!(matches!(receipt.outcome, Outcome::Failure { code: Code::KeyNotAllowed, .. }));
}

#[test]
fn a_payer_pays_when_it_has_signed() {
    let mut world = world();
    // Nobody has ever given carol anything.
    let payer = Some(id_of("sponsor"));
    let sponsored = |world: &World, nonce, keys: &[&str], actions| {
        let transaction = Transaction { payer, ..world.transaction("carol", nonce, actions) };
        cosigned(world, transaction, keys)
    };
    let rotate = || vec![owners(1, &[("carol", 1)])];
    let alone = sponsored(&world, 0, &["carol"], rotate());
    assert_eq!(skipped(&mut world, alone), AuthorityError::NoKey(Party::Payer));
    let stranger = sponsored(&world, 0, &["carol", "bob"], rotate());
    assert_eq!(skipped(&mut world, stranger), AuthorityError::NoKey(Party::Payer));
    let fund = signed(&world, "sponsor", &["sponsor"], 0, vec![transfer("carol", POLLEN)]);
    succeeded(&mut world, fund);
    let (carol, sponsor) = (world.balance("carol"), world.balance("sponsor"));
    let good = sponsored(&world, 0, &["carol", "sponsor"], vec![transfer("bob", 7)]);
    let fee = succeeded(&mut world, good).fee;
    assert_eq!(world.balance("carol"), carol - 7);
    assert_eq!(world.balance("sponsor"), sponsor - fee);

    // A key that may only do that, and not for long.
    let scope = Scope { sponsors: true, spend_max: Some(FEE_MAX + fee), ..Scope::default() };
    let put = signed(&world, "sponsor", &["sponsor"], 1, vec![put_key("till", scope)]);
    succeeded(&mut world, put);
    let own = signed(&world, "sponsor", &["till"], 0, vec![transfer("bob", 1)]);
    let rule = ScopeRule::Transfers;
    assert_eq!(skipped(&mut world, own), AuthorityError::Scope { action: 0, rule });
    for nonce in [1, 2] {
        let good = sponsored(&world, nonce, &["carol", "till"], vec![transfer("bob", 7)]);
        let one = succeeded(&mut world, good);
        assert_eq!(one.fee, fee);
    }
    let broke = sponsored(&world, 3, &["carol", "till"], vec![transfer("bob", 7)]);
    assert!(matches!(refused(&world, &broke), Refusal::KeyLimit { .. }));
    let itself = Transaction { payer, ..world.transaction("sponsor", 2, vec![transfer("bob", 1)]) };
    let itself = world.sign_with("sponsor", itself, Vec::new());
    assert!(matches!(refused(&world, &itself), Refusal::Malformed { .. }));
}

#[test]
fn a_call_made_from_another_interface_is_not_made() {
    let mut world = world();
    let [module, _] = two_modules(&mut world);
    let call = |interface| Action::Invoke {
        module,
        function: "touch".to_owned(),
        arguments: Vec::new(),
        deposit: 0,
        interface: Some(Hash::of_content(interface)),
    };
    let (good, bad) = (call(b" "), call(b"x"));
    let other = signed(&world, "alice", &["alice"], 1, vec![good.clone(), bad]);
    assert!(matches!(refused(&world, &other), Refusal::InterfaceMismatch { action: 1, .. }));
    let receipt = world.commit(vec![other]).receipts.pop().unwrap();
    let failure =
        Outcome::Failure { action: 1, code: Code::InterfaceMismatch, value: FailureValue::None };
    assert_eq!(receipt.outcome, failure);
    let good = signed(&world, "alice", &["alice"], 2, vec![good]);
    succeeded(&mut world, good);
}

/// Keys take room in the state: it is paid while they are there.
#[test]
fn keys_have_a_deposit() {
    let mut world = world();
    let accounts = ["alice", "bob", "sponsor"].map(id_of);
    let supply = world.supply(&accounts);
    let deposit = |world: &World| world.account(&id_of("alice")).unwrap().deposit;
    let mut deposits = vec![deposit(&world)];
    let key = key_of("device").public_key();
    for (nonce, action) in [
        (0, owners(1, &[("alice", 1), ("bob", 1)])),
        (1, put_key("device", Scope::default())),
        (2, Action::RemoveKey { key }),
    ] {
        let change = signed(&world, "alice", &["alice"], nonce, vec![action]);
        succeeded(&mut world, change);
        assert_eq!(world.supply(&accounts), supply);
        deposits.push(deposit(&world));
    }
    assert!(deposits[0] < deposits[1] && deposits[1] < deposits[2], "{deposits:?}");
    assert_eq!(deposits[1], deposits[3]);
}

#[test]
fn keys_that_would_lock_an_account_are_refused() {
    let mut world = world();
    for action in [
        owners(1, &[]),
        owners(0, &[("alice", 1)]),
        owners(2, &[("alice", 1)]),
        owners(1, &[("alice", 1), ("alice", 1)]),
        owners(1, &[("alice", 0), ("bob", 1)]),
    ] {
        let bad = signed(&world, "alice", &["alice"], 0, vec![action]);
        assert!(matches!(refused(&world, &bad), Refusal::Malformed { .. }));
    }
    // An owner is no scoped key as well, in whichever order they come.
    let both = vec![put_key("alice", Scope::default())];
    let both = signed(&world, "alice", &["alice"], 0, both);
    let receipt = done(&mut world, both);
    let failure =
        |action| Outcome::Failure { action, code: Code::KeyNotAllowed, value: FailureValue::None };
    assert_eq!(receipt.outcome, failure(0));
    let turned = vec![put_key("bob", Scope::default()), owners(1, &[("bob", 1)])];
    let turned = signed(&world, "alice", &["alice"], 1, turned);
    assert_eq!(done(&mut world, turned).outcome, failure(1));
    let missing = Action::RemoveKey { key: key_of("bob").public_key() };
    let missing = signed(&world, "alice", &["alice"], 2, vec![missing]);
    assert_eq!(done(&mut world, missing).outcome, failure(0));
}
