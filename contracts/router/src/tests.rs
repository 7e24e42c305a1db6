//! The router's logic, natively, with real tokens beside it in the same test.

use crate::Router;
use crate::bindings::exports::pollen::router::commands::{Error, Failure, Guest as _, Hop};
use crate::bindings::exports::pollen::router::events::Routed;
use crate::bindings::exports::pollen::router::queries::Guest as _;
use pollen_sdk::modules::CallError;
use pollen_sdk::test::Host;
use pollen_sdk::{Account, String, ToString, Vec, bank, context, encode, vec};
use token::native::balance;

fn hop(module: &str, function: &str, arguments: Vec<u8>) -> Hop {
    Hop {
        module: module.to_string(),
        function: function.to_string(),
        arguments,
        attach: 0,
        pass_on: false,
        may_fail: false,
    }
}

/// Two tokens, of each of which the router holds a hundred.
fn two_tokens(host: &Host) -> [Account; 2] {
    let alice = host.account("alice");
    let router = host.module();
    ["GLD", "HNY"].map(|symbol| {
        let module = token::native::deploy(host, symbol, alice);
        host.set_caller(alice);
        token::native::give(host, module, router, 100);
        module
    })
}

fn transfer(module: &str, to: Account, amount: u64) -> Hop {
    hop(module, "transfer", encode(&(to, amount)))
}

#[test]
fn all_hops_are_made_in_order_and_told_once() {
    let host = Host::new();
    let [gold, honey] = two_tokens(&host);
    let bob = host.account("bob");
    let hops = vec![
        transfer("GLD", bob, 10),
        hop("GLD", "balance-of", encode(&bob)),
        // Bob gets as much honey as he has gold: the answer before is the last argument.
        Hop { pass_on: true, ..hop("HNY", "transfer", encode(&bob)) },
    ];
    let answers = host.call(bob, || Router::run(hops)).unwrap();
    assert_eq!(answers, [Some(vec![]), Some(10_u64.to_le_bytes().to_vec()), Some(vec![])]);
    assert_eq!((balance(&host, gold, bob), balance(&host, honey, bob)), (10, 10));
    let routed: Routed = host.events().pop().unwrap().decode();
    assert_eq!(routed, Routed { by: bob, hops: 3, failed: 0 });
}

/// The point of it all: the first transfer was good, and is gone with the second.
#[test]
fn a_failing_hop_undoes_those_before_it() {
    let host = Host::new();
    let [gold, honey] = two_tokens(&host);
    let bob = host.account("bob");
    let hops = || vec![transfer("GLD", bob, 10), transfer("HNY", bob, 101)];
    let end = host.call(bob, || Router::run(hops()));
    let Err(Error::HopFailed(Failure { hop: 1, why: CallError::ModuleError(bytes) })) = end else {
        panic!("{end:?}")
    };
    // The token's own error, whole: insufficient-balance, of a hundred.
    assert_eq!(bytes, [&[0][..], &100_u64.to_le_bytes()].concat());
    assert_eq!((balance(&host, gold, bob), balance(&host, honey, bob)), (0, 0));
    assert!(host.events_named("routed").is_empty());

    let mut forgiving = hops();
    forgiving[1].may_fail = true;
    let answers = host.call(bob, || Router::run(forgiving)).unwrap();
    assert_eq!(answers, [Some(vec![]), None]);
    assert_eq!((balance(&host, gold, bob), balance(&host, honey, bob)), (10, 0));
}

#[test]
fn money_goes_where_it_was_sent_and_the_rest_goes_back() {
    let host = Host::new();
    let (bob, shop) = (host.account("bob"), host.account("shop"));
    host.set_balance(bob, 0);
    host.name_module("shop", shop);
    host.serve(shop, "buy", |(): ()| match context::attached() {
        price @ 3.. => Ok(price),
        _ => Err("too cheap".to_string()),
    });
    let buy = |attach, may_fail| Hop { attach, may_fail, ..hop("shop", "buy", vec![]) };
    let run = |sent: u64, hops: Vec<Hop>| {
        host.call(bob, || {
            host.attach(sent);
            Router::run(hops)
        })
    };
    run(20, vec![buy(5, false), buy(2, true), buy(4, false)]).unwrap();
    assert_eq!((bank::balance(shop), bank::balance(bob)), (9, 11));
    assert_eq!(bank::balance(host.module()), 0, "nothing stays");
    let end = run(6, vec![buy(4, false), buy(3, false)]);
    assert_eq!(end, Err(Error::TooLittleMoney(6)));
    let end = run(6, vec![buy(u64::MAX, false), buy(7, false)]);
    assert_eq!(end, Err(Error::TooLittleMoney(6)));
    assert!(run(6, vec![buy(4, false), buy(2, false)]).is_err());
    assert_eq!((bank::balance(shop), bank::balance(bob)), (9, 11), "the money went back with it");
}

/// A module on the route calls the router again, and must not be able to spend what the outer run has.
#[test]
fn a_run_within_a_run_cannot_spend_the_outer_ones_money() {
    let host = Host::new();
    let (bob, thief) = (host.account("bob"), host.account("thief"));
    host.set_balance(bob, 0);
    host.set_balance(thief, 0);
    host.name_module("thief", thief);
    let router = host.module();
    host.allow_reentry(router);
    host.serve(router, "run", |(hops,): (Vec<Hop>,)| Router::run(hops));
    host.serve(thief, "keep", |(): ()| Ok::<_, ()>(()));
    host.serve(thief, "steal", move |(): ()| {
        let keep = Hop { attach: 10, ..hop("thief", "keep", vec![]) };
        let end = pollen_sdk::Module::at(router).call_raw("run", &encode(&vec![keep]));
        Ok::<_, ()>(matches!(end, Err(CallError::ModuleError(_))))
    });
    let answers = host.call(bob, || {
        host.attach(10);
        Router::run(vec![hop("thief", "steal", vec![])])
    });
    assert_eq!(answers, Ok(vec![Some(vec![1])]), "the inner run was refused");
    assert_eq!((bank::balance(bob), bank::balance(thief)), (10, 0));
}

#[test]
fn routes_have_a_length_and_names_must_lead_somewhere() {
    let host = Host::new();
    let bob = host.account("bob");
    assert_eq!(host.call(bob, || Router::run(vec![])), Err(Error::BadLength));
    let hops = || vec![hop("nowhere", "f", vec![]); 17];
    assert_eq!(host.call(bob, || Router::run(hops())), Err(Error::BadLength));
    let end = host.call(bob, || Router::run(hops().split_off(16)));
    assert_eq!(end, Err(Error::UnknownName(0)));
    let names: Vec<String> = vec!["nowhere".to_string()];
    assert_eq!(Router::resolve(names), [None]);
}
