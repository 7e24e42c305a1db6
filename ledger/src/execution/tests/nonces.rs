//! The replay window against a model that remembers everything.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::codec;
use crate::execution::{NonceError, NonceWindow};

/// DESIGN §4 word by word: good is what is unused in the window, or above it by at most 4 096.
#[derive(Default)]
struct Model(BTreeSet<u64>);

#[derive(Debug, PartialEq)]
enum Verdict {
    Good,
    Used,
    Outside,
}

impl Model {
    fn verdict(&self, nonce: u64) -> Verdict {
        let Some(&highest) = self.0.last() else {
            return if nonce <= 4_095 { Verdict::Good } else { Verdict::Outside };
        };
        let below = highest.checked_sub(nonce);
        if below.is_some_and(|below| below > 1_024) || nonce.saturating_sub(highest) > 4_096 {
            Verdict::Outside
        } else if self.0.contains(&nonce) {
            Verdict::Used
        } else {
            Verdict::Good
        }
    }
}

fn verdict(result: Result<(), NonceError>) -> Verdict {
    match result {
        Ok(()) => Verdict::Good,
        Err(NonceError::Used { .. }) => Verdict::Used,
        Err(NonceError::Outside { .. }) => Verdict::Outside,
    }
}

/// A nonce relative to the highest: everywhere, with the window's edges often.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1i64..4,
        4 => -40i64..40,
        2 => -1_200i64..1_200,
        1 => -1_026i64..-1_022,
        1 => 4_094i64..4_099,
        1 => -6_000i64..6_000,
    ]
}

proptest! {
    #[test]
    fn the_window_is_the_models(steps in prop::collection::vec(step(), 1..400)) {
        let mut window = NonceWindow::default();
        let mut model = Model::default();
        for step in steps {
            let nonce = model.0.last().copied().unwrap_or(0).saturating_add_signed(step);
            let expected = model.verdict(nonce);
            prop_assert_eq!(verdict(window.check(nonce)), verdict(window.clone().consume(nonce)));
            prop_assert_eq!(verdict(window.consume(nonce)), expected, "nonce {}", nonce);
            if model.verdict(nonce) == Verdict::Good {
                model.0.insert(nonce);
            }
            prop_assert_eq!(window.highest(), model.0.last().copied());
            // What is stored is what comes back, and it stays small.
            let bytes = codec::encode(&window);
            prop_assert!(bytes.len() <= 21 + 8 * (1_024 + 4_096) / 64);
            prop_assert_eq!(codec::decode::<NonceWindow>(&bytes, 1024).unwrap(), window.clone());
        }
    }

    /// One set of used nonces has one encoding, whatever the order of use: it enters the state root.
    #[test]
    fn the_encoding_depends_on_the_set_only(
        nonces in prop::collection::btree_set(0u64..1_000, 1..200),
        order in any::<prop::sample::Index>(),
    ) {
        let nonces: Vec<u64> = nonces.into_iter().collect();
        let turn = order.index(nonces.len());
        let mut forward = NonceWindow::default();
        let mut turned = NonceWindow::default();
        for at in 0..nonces.len() {
            forward.consume(nonces[at]).unwrap();
            turned.consume(nonces[(nonces.len() - 1 - at + turn) % nonces.len()]).unwrap();
        }
        prop_assert_eq!(codec::encode(&forward), codec::encode(&turned));
    }
}

/// The edges of a fresh window, and of the numbers.
#[test]
fn a_fresh_window_takes_0_to_4095_and_the_last_number_is_never_taken() {
    let fresh = NonceWindow::default();
    assert_eq!((fresh.next(), fresh.lowest(), fresh.limit()), (0, 0, 4_095));
    assert!(fresh.check(0).is_ok() && fresh.check(4_095).is_ok());
    assert_eq!(verdict(fresh.check(4_096)), Verdict::Outside);

    let bytes = codec::encode(&(Some(u64::MAX - 2), u64::MAX - 1, Vec::<u64>::new()));
    let mut high: NonceWindow = codec::decode(&bytes, 64).unwrap();
    assert!(high.consume(u64::MAX - 1).is_ok());
    assert_eq!(verdict(high.check(u64::MAX)), Verdict::Outside);
}

/// A client that counts up costs 21 bytes a key, not a bit map.
#[test]
fn counting_up_keeps_the_window_small() {
    let mut window = NonceWindow::default();
    for nonce in 0..5_000 {
        window.consume(nonce).unwrap();
    }
    assert_eq!(codec::encode(&window).len(), 21);
}
