//! Interfaces of modules, decoded once a code hash, and the errors that calls of them end with.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use pollen_ledger::Hash;
use pollen_ledger::execution::StateRead;
use pollen_ledger::receipt::{Code, FailureValue};
use pollen_rpc::api::Bytes;
use pollen_rpc::error::{ErrorCode, RpcError, describe};
use pollen_vm::interface::{Interface, Type, UnknownFunction, wit_package};
use pollen_vm::value::{self, Formats, ValueError};

use super::{broken, storage};

/// Interfaces that are kept decoded.
const KEPT: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// A module's interface and its binary WIT package.
pub struct Known {
    /// Decoded.
    pub interface: Interface,
    /// The `pollen-wit` section; empty when the component has none.
    pub package: Vec<u8>,
}

/// See the module's documentation.
pub struct Interfaces(Mutex<LruCache<Hash, Arc<Known>>>);

impl Default for Interfaces {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Interfaces {
    /// The interface of deployed code.
    pub fn of(&self, state: &dyn StateRead, code: &Hash) -> Result<Arc<Known>, RpcError> {
        if let Some(known) = self.0.lock().get(code) {
            return Ok(known.clone());
        }
        let bytes = state.code(code).map_err(storage)?;
        let bytes = bytes.ok_or_else(|| broken(format!("the code {code} is gone")))?;
        let interface = Interface::from_component(&bytes).map_err(broken)?;
        let package = wit_package(&bytes).map_err(broken)?.unwrap_or_default().to_vec();
        let known = Arc::new(Known { interface, package });
        self.0.lock().put(*code, known.clone());
        Ok(known)
    }
}

/// 2002, with what there is.
pub fn function_not_found(unknown: &UnknownFunction) -> RpcError {
    RpcError::new(ErrorCode::FunctionNotFound, unknown.to_string())
        .with("functions", unknown.functions.clone())
        .with("similar", unknown.similar.clone())
}

/// 2003, with where and what.
pub fn bad_arguments(error: &ValueError) -> RpcError {
    RpcError::new(ErrorCode::BadArguments, error.to_string())
        .with("path", error.path.as_str())
        .with("expected", error.expected.as_str())
}

/// How a call of a query ended, when it failed.
pub fn call_failed(
    code: Code,
    value: &FailureValue,
    failure: Option<&Type>,
    note: Option<&str>,
    formats: &Formats<'_>,
) -> RpcError {
    let (message, json) = match value {
        FailureValue::Message(message) => (message.clone(), None),
        FailureValue::Error(bytes) => {
            let json = failure.and_then(|ty| value::decode_json(ty, bytes, formats).ok());
            let text = failure.map(|ty| value::show(ty, bytes, formats));
            (text.unwrap_or_else(|| hex::encode(bytes)), json)
        }
        FailureValue::None => {
            let first = note.and_then(|note| note.lines().next()).unwrap_or_default();
            let message = match first {
                "" => describe(code).to_owned(),
                first => format!("{}: {first}", describe(code)),
            };
            (message, None)
        }
    };
    let mut error = RpcError::new(ErrorCode::from(code), message);
    if let FailureValue::Error(bytes) = value {
        // For programs that have the module's types.
        error = error.with("errorBytes", serde_json::json!(Bytes(bytes.clone())));
    }
    if let Some(json) = json {
        error = error.with("error", json);
    }
    if let Some(note) = note {
        error = error.with("note", note);
    }
    error
}
