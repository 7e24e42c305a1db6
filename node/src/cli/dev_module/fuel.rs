//! What calls of a module cost, before and after an upgrade.
//!
//! Measured on the network's state of now: each query that needs no argument is asked, and of each command the last
//! call that somebody made is simulated with its arguments. So it is real calls that are compared, and on the same
//! state; a command that nobody called, or whose last call would fail now, has no figure.

use std::collections::BTreeMap;

use pollen_ledger::{AccountId, Action, SignedTransaction};
use pollen_rpc::api::{
    Bytes, ModuleCallParams, ReadAt, TxGetParams, TxListParams, TxOutcome, TxTrialParams,
};
use pollen_rpc::client::{Author, Intent, PollenClient};
use pollen_vm::Interface;
use pollen_vm::interface::{FunctionKind, Type};
use pollen_vm::value::{self, Formats};
use serde_json::Value;

use super::signed_text;

/// Transactions of the module that are looked at for the last call of each command.
const CALLS_LOOKED_AT: u32 = 64;
/// Fuel that a simulated call may use.
const FUEL_MAX: u64 = 100_000_000;

/// Fuel by function.
#[derive(Debug, Clone, Default)]
pub struct Fuel(BTreeMap<String, u64>);

impl Fuel {
    /// Of all functions that can be measured; a node that cannot tell costs a figure, no more.
    pub async fn measured(client: &PollenClient, module: &str, interface: &Interface) -> Self {
        let mut fuel = BTreeMap::new();
        for function in &interface.queries {
            if function.params.iter().all(|(_, ty)| matches!(ty, Type::Option(_)))
                && let Ok(arguments) = value::encode_words(function, &[], &Formats::new(""))
                && let Ok(used) = query(client, module, &function.name, arguments).await
            {
                fuel.insert(function.name.clone(), used);
            }
        }
        for call in last_calls(client, module).await.unwrap_or_default() {
            let Call { function, .. } = &call;
            if interface.function(FunctionKind::Command, function).is_ok()
                && let Some(used) = call.simulated(client).await
            {
                fuel.insert(call.function, used);
            }
        }
        Self(fuel)
    }

    /// `get 104211 (+12), increment 210443 (as before)`.
    pub fn text(&self, before: Option<&Self>) -> String {
        let figure = |(function, fuel): (&String, &u64)| {
            let old = before.and_then(|before| before.0.get(function));
            match old {
                Some(old) => {
                    let change = signed_text((*fuel as i64).wrapping_sub(*old as i64));
                    format!("{function} {fuel} ({change})")
                }
                None => format!("{function} {fuel}"),
            }
        };
        self.0.iter().map(figure).collect::<Vec<_>>().join(", ")
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let figures =
            self.0.iter().map(|(function, fuel)| (function.clone(), fuel.to_string().into()));
        Value::Object(figures.collect())
    }
}

async fn query(
    client: &PollenClient,
    module: &str,
    function: &str,
    arguments: Vec<u8>,
) -> Result<u64, pollen_rpc::client::ClientError> {
    let params = ModuleCallParams {
        witness: false,
        module: format!("@{module}"),
        function: function.to_owned(),
        arguments: None,
        arguments_bytes: Some(arguments.into()),
        caller: None,
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    Ok(client.module_call(&params).await?.value.fuel_used)
}

/// A call that somebody made.
struct Call {
    author: Author,
    module: AccountId,
    function: String,
    arguments: Vec<u8>,
    deposit: u64,
}

/// The last call of each command, of a node with the index of accounts.
async fn last_calls(
    client: &PollenClient,
    module: &str,
) -> Result<Vec<Call>, pollen_rpc::client::ClientError> {
    let params = TxListParams {
        account: format!("@{module}"),
        after: None,
        limit: Some(CALLS_LOOKED_AT),
        descending: true,
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    let mut calls: BTreeMap<String, Call> = BTreeMap::new();
    for listed in client.tx_list(&params).await?.value.transactions {
        let params = TxGetParams::of(listed.hash);
        let bytes = client.tx_get(&params).await?.value.transaction.0;
        let Ok(signed) = pollen_ledger::codec::decode::<SignedTransaction>(&bytes, bytes.len())
        else {
            continue;
        };
        let tx = signed.transaction;
        let author = Author { account: tx.sender, key: tx.key, payer: None };
        let [Action::Invoke { module, function, arguments, deposit, .. }] = tx.actions.as_slice()
        else {
            continue;
        };
        calls.entry(function.clone()).or_insert_with(|| Call {
            author,
            module: *module,
            function: function.clone(),
            arguments: arguments.clone(),
            deposit: *deposit,
        });
    }
    Ok(calls.into_values().collect())
}

impl Call {
    /// The module's own fuel; none where it would not succeed now.
    async fn simulated(&self, client: &PollenClient) -> Option<u64> {
        let action = Action::Invoke {
            module: self.module,
            function: self.function.clone(),
            arguments: self.arguments.clone(),
            deposit: self.deposit,
            interface: None,
        };
        let intent = Intent::new(vec![action], FUEL_MAX);
        let draft = client.draft(&self.author, intent, rand::random()).await.ok()?;
        let bytes = pollen_ledger::codec::encode(&draft.unsigned().ok()?);
        let params = TxTrialParams { transaction: Some(Bytes(bytes)), ..Default::default() };
        let simulation = client.tx_simulate(&params).await.ok()?.value;
        let succeeds = matches!(simulation.outcome, Some(TxOutcome::Success { .. }));
        simulation.calls.first().filter(|_| succeeds).map(|call| call.fuel_used)
    }
}
