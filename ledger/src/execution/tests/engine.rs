//! A module host small enough to read: code is a line of text, functions are built in. The real one is in
//! `vm` and is tested there with real modules; here it is execution's side of the door that matters.

use crate::crypto::Hash;
use crate::execution::{OwnUpgrade, TransactionState};
use crate::module::{
    Call, CallEnd, CallKind, CallReport, CodeFacts, CodeRefusal, EngineFailure, ModuleEngine,
};
use crate::receipt::{Code, Event, FailureValue};
use crate::transaction::AccountId;

pub struct TestEngine;

/// What deploying costs.
pub const DEPLOY_FUEL: u64 = 7_000;
/// What a call costs.
pub const CALL_FUEL: u64 = 1_000;

impl ModuleEngine for TestEngine {
    fn inspect(&self, code: &[u8]) -> Result<CodeFacts, CodeRefusal> {
        match code {
            [b'm', ..] => Ok(CodeFacts {
                deploy_fuel: DEPLOY_FUEL,
                has_init: code.ends_with(b"init"),
                has_migrate: code.ends_with(b"migrate"),
                // The same of all code with the same second letter.
                interface: Hash::of_content(code.get(1..2).unwrap_or_default()),
            }),
            _ => Err(CodeRefusal { reason: "code begins with an m".to_owned() }),
        }
    }

    fn call(
        &self,
        state: &mut TransactionState<'_>,
        call: Call<'_>,
    ) -> Result<CallReport, EngineFailure> {
        let failed = |code, value, fuel_used| {
            let note = Some(format!("at {}", call.function));
            Ok(CallReport { end: CallEnd::Failed { code, value }, fuel_used, note })
        };
        if call.fuel < CALL_FUEL || call.function == "spin" {
            return failed(Code::OutOfFuel, FailureValue::None, call.fuel);
        }
        // Every function leaves a trace first, so that a failure has something to undo.
        let count = state.get(&key(&call.module))?.map_or(0, |value| value[0]);
        if call.kind != CallKind::Query {
            state.put_module(key(&call.module), Some([count.wrapping_add(1)].into()))?.unwrap();
            let event = Event {
                module: call.module,
                name: call.function.to_owned(),
                topics: Vec::new(),
                data: call.arguments.to_vec(),
            };
            state.emit(event).unwrap();
        }
        match call.function {
            "init" => assert_eq!(call.kind, CallKind::Init, "init is called at deployment only"),
            "migrate" => {
                assert_eq!(call.kind, CallKind::Migrate, "migrate is called at upgrades only");
                if call.arguments == b"refuse" {
                    return failed(Code::ModuleError, FailureValue::None, CALL_FUEL);
                }
            }
            "touch" | "count" => {}
            // Takes its one entry out of the state.
            "forget" => state.put_module(key(&call.module), None)?.unwrap(),
            // Asks for other code, by its hash.
            "upgrade-to" => state.request_upgrade(OwnUpgrade {
                module: call.module,
                code: Hash(call.arguments.try_into().unwrap()),
                arguments: Vec::new(),
            }),
            // Asks for other code, and then for none ever again.
            "upgrade-and-freeze" => {
                state.request_upgrade(OwnUpgrade {
                    module: call.module,
                    code: Hash(call.arguments.try_into().unwrap()),
                    arguments: Vec::new(),
                });
                state.freeze(&call.module)?;
            }
            // Sends all that was attached on to the account in the arguments.
            "forward" => {
                let to = AccountId(call.arguments.try_into().unwrap());
                if state.transfer(&call.module, &to, call.attached)?.is_err() {
                    return failed(Code::ModuleError, FailureValue::Error(vec![1]), CALL_FUEL);
                }
            }
            "refuse" => {
                let value = FailureValue::Message("refused".to_owned());
                return failed(Code::ModuleError, value, CALL_FUEL);
            }
            "broken-host" => return Err(EngineFailure::Host("out of memory".to_owned())),
            _ => return failed(Code::FunctionNotFound, FailureValue::None, CALL_FUEL),
        }
        let end = CallEnd::Returned(vec![count]);
        Ok(CallReport { end, fuel_used: CALL_FUEL, note: None })
    }

    fn prepare(&self, code_hash: &Hash, code: &[u8]) -> Result<(), EngineFailure> {
        assert_eq!(*code_hash, Hash::of_content(code));
        Ok(())
    }
}

fn key(module: &AccountId) -> crate::execution::StateKey {
    crate::execution::StateKey::module(*module, b"count")
}
