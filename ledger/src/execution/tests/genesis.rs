//! The development network's document, and checkpoint 0.

use super::*;
use crate::committee::Validator;
use crate::genesis::{CommitOrder, Parameters};

/// The document in the top directory, built from what it stands for. Protects everybody's chain id: a
/// field changed by accident would make a development node refuse its own directory.
#[test]
fn the_development_genesis_is_what_it_says() {
    let text = include_str!("../../../../genesis.json");
    let validators = (0..4).map(|number| format!("validator {number}"));
    let expected = Genesis {
        name: "pollen-dev".to_owned(),
        address_prefix: "pollend".to_owned(),
        coin_type: 1,
        protocol_version: 1,
        time_ms: 1_767_225_600_000,
        committee: validators
            .map(|name| Validator { public_key: key_of(&name).public_key(), name, stake: 1 })
            .collect(),
        accounts: vec![GenesisAccount {
            name: "faucet".to_owned(),
            id: id_of("faucet"),
            balance: 1_000_000_000 * POLLEN,
        }],
        parameters: Parameters {
            gc_depth: 60,
            block_bytes_max: 2 << 20,
            block_transactions_max: 2048,
            block_fuel_max: 6_000_000_000,
            transaction_bytes_max: (1 << 20) + (160 << 10),
            transaction_fuel_max: 5_000_000_000,
            call_fuel_max: 300_000_000,
            fuel_price_floor: 1,
            transaction_fuel_base: 50_000,
            signature_fuel: 50_000,
            signed_byte_fuel: 20,
            attachment_byte_fuel: 20,
            account_deposit: 1_000_000,
            storage_byte_deposit: 1_000,
            code_activation_ms: 0,
            fee_reserve: 100_000_000,
            checkpoint_interval_ms: 20,
            checkpoint_interval_max_ms: 1_000,
            commit_order: CommitOrder::AllSlots,
            probation_window_rounds: 100,
            probation_split_percent: 10,
            probation_doublings_max: 6,
            transaction_lifetime_max_ms: 86_400_000,
        },
    };
    assert_eq!(text.trim_end(), expected.to_json(), "it should be:\n{}", expected.to_json());
    let found = Genesis::from_json(text).unwrap();
    assert_eq!(found, expected);
    assert_eq!(
        found.chain_id().to_string(),
        "f748a094972bda8d1d0f02a4a017bf2b95ad5b606b53b364de19eb382345ec52"
    );
}

/// Checkpoint 0 is data of the chain: two programs that make it differently are on different chains.
#[test]
fn checkpoint_0_is_pinned() {
    let genesis = Genesis::from_json(include_str!("../../../../genesis.json")).unwrap();
    let (checkpoint, _) = genesis_batch(&genesis);
    assert_eq!(
        checkpoint.digest().to_string(),
        "faeda503e53941283601cda2af042a15a46624b14d00ec62c3047865ee3205ed"
    );
}
