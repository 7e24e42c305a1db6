//! What a token must do (`contracts/token-standard`, rules T1 to T12), asked of a compiled module in the real
//! machine under the real executor. [`suite`] takes any component.
//!
//! It keeps a model of its own, a few maps, makes the same calls on both and compares everything that can be
//! asked: outcome, events, all balances, all allowances, supply, description. First the cases where tokens go
//! wrong, then a few hundred drawn ones.
//!
//! A suite that a right token passes proves little, so the last test runs it over `broken-token`, which has
//! one fault at a time: each must be found, by its rule.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pollen_ledger::crypto::Hash;
use pollen_ledger::receipt::{Code, FailureValue, Outcome, Receipt};
use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action};
use pollen_vm::Interface;
use pollen_vm::interface::{Function, FunctionKind, Type};
use serde_json::{Value, json};

use crate::world::{DEPLOY_FUEL, Deployed, NAMES, World, component, contracts, hex_of, id_of};

/// The account of all zeros: where minted tokens come from and burnt ones go.
const NOBODY: &str = "nobody";
/// Calls that are drawn.
const DRAWN: u32 = 200;

/// A rule that a module breaks.
#[derive(Debug)]
pub struct Breach {
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

fn breach<T>(rule: &'static str, what: impl Into<String>) -> Result<T, Breach> {
    Err(Breach { rule, what: what.into() })
}

/// Asks a compiled module whether it is a token. `init` are the arguments of its `init`, by which alice, who
/// deploys it, must come to hold at least 1 000 tokens; a module may have more functions, any errors.
///
/// Returns how many calls it made, or the first rule that was broken and how.
pub fn suite(component: &Arc<[u8]>, init: &Value) -> Result<u32, Breach> {
    let interface = Interface::from_component(component)
        .map_err(|error| Breach { rule: "T0", what: error.to_string() })?;
    has_the_functions(&interface)?;
    let mut token = Token::deploy(component, interface, init)?;
    token.directed()?;
    token.minting()?;
    token.drawn()?;
    Ok(token.calls)
}

/// T0: the functions and events of the standard, with its types.
fn has_the_functions(interface: &Interface) -> Result<(), Breach> {
    let standard = pollen_build::wit_package("token-standard", &contracts().join("token-standard"));
    let standard = Interface::from_wit_package(&standard.unwrap()).unwrap().without_docs();
    for kind in [FunctionKind::Command, FunctionKind::Query] {
        for wanted in standard.functions(kind) {
            let found = interface.function(kind, &wanted.name);
            let found = found.map_err(|error| Breach { rule: "T0", what: error.to_string() })?;
            let same = params(wanted) == params(found) && answers_alike(wanted, found);
            if !same {
                return breach("T0", format!("{} has other types than the standard's", found.name));
            }
        }
    }
    for wanted in &standard.events {
        let found = interface.event(&wanted.name).map(|event| shape(&event.ty));
        if found.as_deref() != Some(&shape(&wanted.ty)) {
            return breach("T0", format!("no event {} of the standard's type", wanted.name));
        }
    }
    Ok(())
}

fn params(function: &Function) -> Vec<String> {
    function.params.iter().map(|(name, ty)| format!("{name}: {}", shape(ty))).collect()
}

/// A result stays a result, of the same good half; the error is the module's own. What describes the token
/// may say more than the standard asks.
fn answers_alike(wanted: &Function, found: &Function) -> bool {
    let fails = |function: &Function| function.failure().is_some();
    let success = |function: &Function| function.success().map(shape);
    match (wanted.success(), found.success()) {
        (Some(Type::Record(wanted)), Some(Type::Record(found))) => {
            let field =
                |field: &pollen_vm::interface::Field| (field.name.clone(), shape(&field.ty));
            let found: Vec<_> = found.parts.iter().map(field).collect();
            found.starts_with(&wanted.parts.iter().map(field).collect::<Vec<_>>())
        }
        _ => fails(wanted) == fails(found) && success(wanted) == success(found),
    }
}

/// A type without where it is defined.
fn shape(ty: &Type) -> String {
    match ty {
        Type::Record(record) => {
            let field = |field: &pollen_vm::interface::Field| {
                format!("{}: {}", field.name, shape(&field.ty))
            };
            format!("{{{}}}", record.parts.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// What a token must hold in its head, and the token.
struct Token {
    world: World,
    module: Deployed,
    balances: BTreeMap<&'static str, u64>,
    allowances: BTreeMap<(&'static str, &'static str), u64>,
    supply: u64,
    info: Value,
    calls: u32,
}

/// A call of the standard.
#[derive(Debug, Clone, Copy)]
enum Call {
    Transfer { from: &'static str, to: &'static str, amount: u64 },
    Approve { owner: &'static str, spender: &'static str, amount: u64 },
    TransferFrom { by: &'static str, owner: &'static str, to: &'static str, amount: u64 },
    Mint { by: &'static str, to: &'static str, amount: u64 },
    Burn { by: &'static str, amount: u64 },
}
use Call::{Approve, Burn, Mint, Transfer, TransferFrom};

/// An event of the standard: its name, its two accounts and its amount.
type Told = (&'static str, &'static str, &'static str, u64);

impl Token {
    fn deploy(code: &Arc<[u8]>, interface: Interface, init: &Value) -> Result<Self, Breach> {
        let mut world = World::new();
        let arguments = world.encode(&interface, FunctionKind::Command, "init", init);
        let action = Action::Deploy {
            code: Hash::of_content(code),
            name: None,
            arguments,
            upgrade: UpgradePolicy::Never,
        };
        let signed = world.sign("alice", DEPLOY_FUEL, vec![action], vec![code.to_vec()]);
        let (receipts, skipped) = world.commit(&[signed]);
        assert_eq!(skipped, []);
        let Outcome::Success { results } = &receipts[0].outcome else {
            let note = world.note(&receipts[0]);
            return breach("T0", format!("not deployed: {:?} {note:?}", receipts[0].outcome));
        };
        let id = AccountId(results[0].as_slice().try_into().unwrap());
        let module = Deployed { id, interface };
        let mut token = Self {
            world,
            module,
            balances: BTreeMap::new(),
            allowances: BTreeMap::new(),
            supply: 0,
            info: Value::Null,
            calls: 0,
        };
        token.supply = token.ask("total-supply", json!([]));
        token.balances =
            NAMES.map(|name| (name, token.ask("balance-of", json!([hex_of(name)])))).into();
        token.info = token.world.ask(&token.module, "info", &json!([]));
        if token.balances["alice"] < 1_000 {
            return breach("T0", "alice must hold at least 1 000 tokens after `init`");
        }
        token.compare("`init`")?;
        Ok(token)
    }

    fn ask(&self, query: &str, arguments: Value) -> u64 {
        let answer = self.world.ask(&self.module, query, &arguments);
        answer
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a u64 by its type, checked before")
    }

    fn balance(&self, of: &str) -> u64 {
        self.balances[of]
    }

    fn allowance(&self, owner: &'static str, spender: &'static str) -> u64 {
        self.allowances.get(&(owner, spender)).copied().unwrap_or(0)
    }

    /// T1, T12, and that the token knows what the model knows.
    fn compare(&self, after: &str) -> Result<(), Breach> {
        let rule = rule_of(after);
        let supply = self.ask("total-supply", json!([]));
        if supply != self.supply {
            return breach(
                rule,
                format!("after {after} the supply is {supply}, not {}", self.supply),
            );
        }
        for (name, expected) in &self.balances {
            let held = self.ask("balance-of", json!([hex_of(name)]));
            if held != *expected {
                return breach(rule, format!("after {after} {name} holds {held}, not {expected}"));
            }
        }
        for (owner, spender) in NAMES.iter().flat_map(|a| NAMES.iter().map(move |b| (*a, *b))) {
            let left = self.ask("allowance", json!([hex_of(owner), hex_of(spender)]));
            let expected = self.allowance(owner, spender);
            if left != expected {
                let what = format!("{spender} may spend {left} of {owner}'s, not {expected}");
                return breach(rule, format!("after {after} {what}"));
            }
        }
        let held: u128 = self.balances.values().map(|held| u128::from(*held)).sum();
        if held != u128::from(self.supply) {
            return breach("T1", format!("after {after} {held} are held of {}", self.supply));
        }
        let info = self.world.ask(&self.module, "info", &json!([]));
        if info != self.info {
            return breach("T12", format!("after {after} the token is {info}, not {}", self.info));
        }
        Ok(())
    }

    /// What the standard says of a call: what it tells, or none when it is refused. Changes the model.
    fn model(&mut self, call: Call) -> Option<Told> {
        match call {
            Transfer { from, to, amount } => self.moved(from, to, amount),
            Approve { owner, spender, amount } => {
                self.allowances.insert((owner, spender), amount);
                Some(("approval", owner, spender, amount))
            }
            TransferFrom { by, owner, to, amount } => {
                let left = self.allowance(owner, by).checked_sub(amount)?;
                let told = self.moved(owner, to, amount)?;
                self.allowances.insert((owner, by), left);
                Some(told)
            }
            Mint { by, to, amount } => {
                let supply = self.supply.checked_add(amount).filter(|_| by == "alice")?;
                self.supply = supply;
                *self.balances.entry(to).or_default() += amount;
                Some(("transfer", NOBODY, to, amount))
            }
            Burn { by, amount } => {
                let left = self.balance(by).checked_sub(amount)?;
                self.balances.insert(by, left);
                self.supply -= amount;
                Some(("transfer", by, NOBODY, amount))
            }
        }
    }

    fn moved(&mut self, from: &'static str, to: &'static str, amount: u64) -> Option<Told> {
        let left = self.balance(from).checked_sub(amount)?;
        self.balances.insert(from, left);
        *self.balances.entry(to).or_default() += amount;
        Some(("transfer", from, to, amount))
    }

    /// Makes a call on the token and on the model, and compares.
    fn make(&mut self, call: Call) -> Result<(), Breach> {
        let (by, function, arguments) = words(call);
        let expected = self.model(call);
        let receipt = self.world.call(by, &self.module, function, &arguments);
        self.calls += 1;
        let text = format!("{call:?}");
        let rule = rule_of(&text);
        match (&receipt.outcome, expected) {
            (Outcome::Success { .. }, Some(told)) => {
                self.compare(&text)?;
                return self.has_told(&receipt, told, &text);
            }
            (Outcome::Success { .. }, None) => {
                return breach(refusal_of(call), format!("{text} was not refused"));
            }
            (outcome, Some(_)) => return breach(rule, format!("{text} was refused: {outcome:?}")),
            (Outcome::Failure { code: Code::ModuleError, value, .. }, None) => {
                let own = matches!(value, FailureValue::Error(_) | FailureValue::Message(_));
                if !own || !receipt.events.is_empty() {
                    return breach(
                        refusal_of(call),
                        format!("{text} was refused oddly: {value:?}"),
                    );
                }
            }
            (outcome, None) => {
                return breach(
                    refusal_of(call),
                    format!("{text} ended the machine's way: {outcome:?}"),
                );
            }
        }
        self.compare(&text)
    }

    /// T9: one event, of what happened, indexed by its accounts.
    fn has_told(&self, receipt: &Receipt, told: Told, call: &str) -> Result<(), Breach> {
        let (name, first, second, amount) = told;
        let ids = [first, second].map(|name| match name {
            NOBODY => [0; 32],
            name => id_of(name).0,
        });
        let mut of_standard = (0..receipt.events.len()).filter(|index| {
            let event = &receipt.events[*index];
            event.module == self.module.id
                && ["transfer", "approval"].contains(&event.name.as_str())
        });
        let (Some(index), None) = (of_standard.next(), of_standard.next()) else {
            return breach("T9", format!("{call} must emit one {name}: {:?}", receipt.events));
        };
        let event = &receipt.events[index];
        let data = [&ids[0][..], &ids[1], &amount.to_le_bytes()].concat();
        if event.name != name || event.data != data {
            let shown = self.world.event(&self.module, receipt, index);
            return breach("T9", format!("{call} told {} {shown}", event.name));
        }
        if event.topics != ids.map(Vec::from) {
            return breach("T9", format!("{call}: {name} is not indexed by its accounts"));
        }
        Ok(())
    }

    /// The cases where tokens go wrong.
    fn directed(&mut self) -> Result<(), Breach> {
        let (alice, bob, carol, dora) = ("alice", "bob", "carol", "dora");
        let transfer = |from, to, amount| Transfer { from, to, amount };
        let approve = |owner, spender, amount| Approve { owner, spender, amount };
        let spend = |by, owner, to, amount| TransferFrom { by, owner, to, amount };
        let calls = [
            transfer(alice, bob, 500),
            transfer(bob, carol, 0),
            transfer(dora, bob, 0),
            transfer(bob, bob, 500),
            transfer(bob, bob, 501),
            transfer(bob, carol, 501),
            transfer(bob, carol, u64::MAX),
            transfer(dora, alice, 1),
            transfer(bob, carol, 500),
            transfer(carol, bob, 400),
            // What one allows is set, not added to, and is nobody else's.
            approve(bob, carol, 300),
            approve(bob, carol, 120),
            spend(dora, bob, dora, 1),
            spend(alice, bob, alice, u64::MAX),
            spend(carol, bob, carol, 121),
            spend(carol, bob, dora, 100),
            spend(carol, bob, dora, 21),
            spend(carol, bob, carol, 20),
            spend(carol, bob, carol, 1),
            spend(carol, bob, carol, 0),
            // More allowed than there is: refused, and the allowance is not spent by that.
            approve(bob, dora, u64::MAX),
            spend(dora, bob, dora, 1_000_000),
            spend(dora, bob, bob, 280),
            spend(dora, bob, carol, 280),
            approve(bob, dora, 0),
            spend(dora, bob, dora, 1),
            // A transfer of one's own spends no allowance, whoever it goes to.
            approve(carol, bob, 50),
            transfer(carol, bob, 10),
            spend(bob, carol, bob, 50),
            // To allow oneself is not to own more.
            approve(carol, carol, 60),
            spend(carol, carol, bob, 60),
            spend(carol, carol, bob, 1),
        ];
        calls.into_iter().try_for_each(|call| self.make(call))
    }

    /// T10 and T11, of tokens that have these.
    fn minting(&mut self) -> Result<(), Breach> {
        let has = |name| self.module.interface.function(FunctionKind::Command, name).is_ok();
        let (mints, burns) = (has("mint"), has("burn"));
        if mints {
            self.make(Mint { by: "alice", to: "dora", amount: 77 })?;
            self.make(Mint { by: "bob", to: "bob", amount: 1 })?;
            self.make(Mint { by: "alice", to: "carol", amount: u64::MAX - self.supply + 1 })?;
            self.make(Mint { by: "alice", to: "alice", amount: u64::MAX })?;
        }
        if burns {
            self.make(Burn { by: "bob", amount: 7 })?;
            self.make(Burn { by: "bob", amount: self.balance("bob") + 1 })?;
            self.make(Burn { by: "dora", amount: self.balance("dora") })?;
            self.make(Burn { by: "dora", amount: 1 })?;
        }
        Ok(())
    }

    /// Calls that are drawn, most of them near what is held and allowed.
    fn drawn(&mut self) -> Result<(), Breach> {
        let mut word = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: u64| {
            // xorshift64: the same calls at every run.
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word % below
        };
        for _ in 0..DRAWN {
            let [one, two, three] = [(); 3].map(|()| NAMES[draw(NAMES.len() as u64) as usize]);
            let call = match draw(3) {
                0 => {
                    let amount = draw(self.balance(one).saturating_add(2));
                    Transfer { from: one, to: two, amount }
                }
                1 => Approve { owner: one, spender: two, amount: draw(self.supply) },
                _ => {
                    let (held, may) = (self.balance(two), self.allowance(two, one));
                    let amount = draw(held.min(may).saturating_add(2));
                    TransferFrom { by: one, owner: two, to: three, amount }
                }
            };
            self.make(call)?;
        }
        Ok(())
    }
}

/// Who makes a call, its function and its arguments.
fn words(call: Call) -> (&'static str, &'static str, Value) {
    let text = |amount: u64| amount.to_string();
    match call {
        Transfer { from, to, amount } => (from, "transfer", json!([hex_of(to), text(amount)])),
        Approve { owner, spender, amount } => {
            (owner, "approve", json!([hex_of(spender), text(amount)]))
        }
        TransferFrom { by, owner, to, amount } => {
            (by, "transfer-from", json!([hex_of(owner), hex_of(to), text(amount)]))
        }
        Mint { by, to, amount } => (by, "mint", json!([hex_of(to), text(amount)])),
        Burn { by, amount } => (by, "burn", json!([text(amount)])),
    }
}

/// The rule that says what a call does.
fn rule_of(call: &str) -> &'static str {
    match call.split(' ').next() {
        Some("Transfer") => "T2-T4",
        Some("Approve") => "T6",
        Some("TransferFrom") => "T7",
        Some("Mint") => "T10",
        Some("Burn") => "T11",
        _ => "T1",
    }
}

/// The rule that says when a call is refused.
fn refusal_of(call: Call) -> &'static str {
    match call {
        Transfer { .. } => "T5",
        Approve { .. } => "T6",
        TransferFrom { .. } => "T8",
        Mint { .. } => "T10",
        Burn { .. } => "T11",
    }
}

fn gold(name: &str) -> Value {
    json!([name, "GLD", 2, "1000000"])
}

#[test]
fn the_token_is_a_token() {
    match suite(&component("token"), &gold("Gold")) {
        Ok(calls) => println!("token: {calls} calls, no rule broken"),
        Err(breach) => panic!("{breach}"),
    }
}

#[test]
fn what_has_other_functions_is_told_which() {
    let breach = suite(&component("counter"), &json!(["1"])).unwrap_err();
    assert_eq!(breach.rule, "T0");
    assert!(breach.what.contains("transfer"), "{breach}");
}

/// Every fault of `broken-token` is found, by the rule that it breaks, and without one it passes: so it is the
/// fault that is found.
#[test]
fn every_broken_token_is_found_by_its_rule() {
    let broken = component("broken-token");
    assert!(suite(&broken, &gold("none")).is_ok());
    let faults = [
        ("keeps-some-back", "T1"),
        ("mints-on-transfer", "T2-T4"),
        ("takes-a-fee", "T2-T4"),
        ("refuses-zero", "T2-T4"),
        ("refuses-all", "T2-T4"),
        ("refuses-oneself", "T2-T4"),
        ("oneself-doubles", "T2-T4"),
        ("ends-allowances", "T2-T4"),
        ("oneself-for-free", "T5"),
        ("shrugs", "T5"),
        ("pays-what-there-is", "T5"),
        ("balance-wraps", "T5"),
        ("approve-adds", "T6"),
        ("keeps-allowance", "T7"),
        ("spender-pays", "T7"),
        ("ignores-allowance", "T8"),
        ("owner-spends-more", "T8"),
        ("silent-transfer", "T9"),
        ("silent-approval", "T9"),
        ("tells-twice", "T9"),
        ("tells-more", "T9"),
        ("topics-swapped", "T9"),
        ("anybody-mints", "T10"),
        ("supply-wraps", "T10"),
        ("mints-from-the-owner", "T9"),
        ("burn-keeps-supply", "T11"),
        ("decimals-drift", "T12"),
    ];
    for (fault, rule) in faults {
        match suite(&broken, &gold(fault)) {
            Ok(calls) => panic!("{fault}: {calls} calls found nothing"),
            Err(breach) => {
                println!("{fault}: {breach}");
                assert_eq!(breach.rule, rule, "{fault}: {breach}");
            }
        }
    }
}
