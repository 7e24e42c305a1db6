//! The state that a transaction met, as far as it is asked for: told with its trace, or asked of a node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pollen_ledger::execution::{StateKey, StateRead, Value};
use pollen_ledger::genesis::Parameters;
use pollen_ledger::store::StoreError;
use pollen_ledger::{AccountId, Hash};
use pollen_rpc::api::{Bytes, ModuleCodeParams, NodeInfo, ReadAt, StateGetParams, TxTrace};
use pollen_rpc::client::{ClientError, PollenClient};
use pollen_rpc::error::ErrorCode;
use tokio::runtime::Handle;

/// See the module's documentation. Reads block: it is for threads that may.
pub struct Past {
    client: Arc<PollenClient>,
    runtime: Handle,
    /// The checkpoint before that of the transaction.
    height: u64,
    entries: Mutex<BTreeMap<StateKey, Option<Value>>>,
    code: Mutex<BTreeMap<Hash, Option<Value>>>,
}

impl Past {
    /// Before a transaction. Within a runtime.
    pub fn of(client: Arc<PollenClient>, traced: &TxTrace) -> Self {
        let entries = traced.before.iter().flatten().map(|entry| {
            let key = StateKey { owner: AccountId(entry.owner.0), key: entry.key.0.clone() };
            (key, entry.value.as_ref().map(|value| Value::from(value.0.as_slice())))
        });
        Self {
            client,
            runtime: Handle::current(),
            height: traced.height.saturating_sub(1),
            entries: Mutex::new(entries.collect()),
            code: Mutex::default(),
        }
    }
}

impl StateRead for Past {
    fn get(&self, key: &StateKey) -> Result<Option<Value>, StoreError> {
        let known = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let params = StateGetParams {
            owner: Some(Hash(key.owner.0)),
            key: Some(Bytes(key.key.clone())),
            at: ReadAt::Height(self.height),
            ..StateGetParams::default()
        };
        let found = self.runtime.block_on(self.client.state_get(&params)).map_err(failed)?;
        let value = found.value.value.map(|value| Value::from(value.0));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key.clone(), value.clone());
        Ok(value)
    }

    fn code(&self, hash: &Hash) -> Result<Option<Value>, StoreError> {
        let known = self.code.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let params = ModuleCodeParams { code: Some(*hash), ..ModuleCodeParams::default() };
        let found = match self.runtime.block_on(self.client.module_code(&params)) {
            Ok(found) => found.value.code.map(|code| Value::from(code.0)),
            Err(error) if error.is(ErrorCode::NotFound) => None,
            Err(error) => return Err(failed(error)),
        };
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        code.insert(*hash, found.clone());
        Ok(found)
    }
}

fn failed(error: ClientError) -> StoreError {
    StoreError::Io(error.to_string())
}

/// The chain's parameters, those that execution asks for as the chain has them.
pub fn parameters(network: &NodeInfo) -> Parameters {
    let told = &network.parameters;
    Parameters {
        transaction_bytes_max: told.transaction_bytes_max,
        transaction_fuel_max: told.transaction_fuel_max,
        call_fuel_max: told.call_fuel_max,
        fuel_price_floor: told.fuel_price_floor,
        transaction_fuel_base: told.transaction_fuel_base,
        signature_fuel: told.signature_fuel,
        signed_byte_fuel: told.signed_byte_fuel,
        attachment_byte_fuel: told.attachment_byte_fuel,
        account_deposit: told.account_deposit,
        storage_byte_deposit: told.storage_byte_deposit,
        code_activation_ms: told.code_activation_ms,
        fee_reserve: told.fee_reserve,
        transaction_lifetime_max_ms: told.transaction_lifetime_max_ms,
        // The rest is ordering's.
        ..crate::dev::genesis(1).parameters
    }
}
