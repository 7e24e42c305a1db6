//! A transaction: decoding is strict, and of a signed one no byte can be changed.

use std::sync::LazyLock;

use pollen_ledger::keys::{CallScope, OwnerKey, Scope, ScopeWindow, ScopedKey};
use pollen_ledger::transaction::{TRANSACTION_VERSION, UpgradePolicy};
use pollen_ledger::{
    AccountId, Action, Hash, KeyPair, PublicKey, SignedTransaction, Transaction, codec,
};

use super::Choices;
use crate::drawing::Chain;

static CHAIN: LazyLock<Chain> = LazyLock::new(|| Chain::new(&[1]));

/// Any bytes as a transaction, and one that is made of them and then torn.
pub fn transaction(bytes: &[u8]) {
    let chain = &CHAIN;
    if let Ok(signed) = SignedTransaction::decode(bytes, &chain.parameters) {
        assert_eq!(codec::encode(&signed), bytes, "two encodings of one transaction");
        let _ = signed.check_shape(&chain.parameters);
        let _ = signed.check_signatures(&chain.chain_id);
        let _ = (signed.intrinsic_fuel(&chain.parameters), signed.transaction.max_fee());
    }
    let mut choices = Choices(bytes);
    let signed = made_of(&mut choices);
    let encoded = codec::encode(&signed);
    let again = SignedTransaction::decode(&encoded, &chain.parameters);
    assert_eq!(again.as_ref().ok(), Some(&signed));
    assert_eq!(signed.check_signatures(&chain.chain_id), Ok(()));
    let acceptable = signed.check_shape(&chain.parameters).is_ok();
    let mut torn = encoded.clone();
    let place = choices.below(torn.len());
    torn[place] ^= choices.byte();
    let Ok(changed) = SignedTransaction::decode(&torn, &chain.parameters) else { return };
    let passes = changed.check_shape(&chain.parameters).is_ok()
        && changed.check_signatures(&chain.chain_id).is_ok();
    assert!(!passes || (acceptable && torn == encoded), "byte {place} of {encoded:?}");
}

fn made_of(choices: &mut Choices<'_>) -> SignedTransaction {
    let key = KeyPair::from_seed(&[choices.byte(); 32]);
    let attachments: Vec<Vec<u8>> =
        (0..choices.below(3)).map(|_| vec![choices.byte(); choices.below(64)]).collect();
    let actions = (0..choices.below(18)).map(|_| action(choices, &attachments)).collect();
    let transaction = Transaction {
        version: if choices.byte() == 1 { 2 } else { TRANSACTION_VERSION },
        sender: AccountId::of_key(&key.public_key()),
        key: key.public_key(),
        nonce: choices.number(),
        valid_until_ms: choices.number(),
        max_fuel: choices.number(),
        fuel_price: choices.number(),
        payer: (choices.byte() == 1).then_some(AccountId([1; 32])),
        actions,
    };
    let mut signed = transaction.sign(&CHAIN.chain_id, &key, attachments);
    for _ in 0..choices.below(4) {
        signed.cosign(&CHAIN.chain_id, &KeyPair::from_seed(&[choices.byte(); 32]));
    }
    signed
}

fn text(choices: &mut Choices<'_>) -> String {
    (0..choices.below(70)).map(|_| char::from(choices.byte())).collect()
}

fn action(choices: &mut Choices<'_>, attachments: &[Vec<u8>]) -> Action {
    match choices.below(6) {
        0 => Action::Transfer { to: AccountId([choices.byte(); 32]), amount: choices.number() },
        1 => Action::Deploy {
            code: attachments.first().map_or(Hash::ZERO, |code| Hash::of_content(code)),
            name: choices.yes().then(|| text(choices)),
            arguments: vec![choices.byte(); choices.below(200)],
            upgrade: if choices.yes() {
                UpgradePolicy::Never
            } else {
                UpgradePolicy::Owner { delay_ms: choices.below(1_000) as u64 }
            },
        },
        2 => Action::SetOwners {
            threshold: choices.number() as u32,
            owners: (0..choices.below(10))
                .map(|_| OwnerKey {
                    key: PublicKey([choices.byte(); 32]),
                    weight: choices.number() as u32,
                })
                .collect(),
        },
        3 => Action::PutKey(ScopedKey {
            key: PublicKey([choices.byte(); 32]),
            label: text(choices),
            scope: scope(choices),
        }),
        4 => Action::RemoveKey { key: PublicKey([choices.byte(); 32]) },
        _ => Action::Invoke {
            module: AccountId([choices.byte(); 32]),
            function: text(choices),
            arguments: vec![choices.byte(); choices.below(200)],
            deposit: choices.number(),
            interface: choices.yes().then(|| Hash([choices.byte(); 32])),
        },
    }
}

fn scope(choices: &mut Choices<'_>) -> Scope {
    let calls = (0..choices.below(10)).map(|_| CallScope {
        module: AccountId([choices.byte(); 32]),
        functions: (0..choices.below(5)).map(|_| text(choices)).collect(),
    });
    Scope {
        calls: calls.collect(),
        transfers: choices.yes(),
        sponsors: choices.yes(),
        expires_ms: choices.yes().then(|| choices.number()),
        spend_max: choices.yes().then(|| choices.number()),
        window: choices.yes().then(|| ScopeWindow {
            length_ms: choices.number(),
            spend_max: choices.yes().then(|| choices.number()),
            transactions_max: choices.yes().then(|| choices.number() as u32),
        }),
    }
}
