//! What became of a call, as the harness hears it: JSON in which every value has its type.
//!
//! Whole numbers are JSON numbers here, those of 64 bits too, which `pollen call --json` writes as text: who reads is
//! Rust, and a test then compares with `42` and decodes into `u64`.

use pollen_ledger::AccountId;
use pollen_ledger::Event;
use pollen_ledger::execution::ExecutedTransaction;
use pollen_ledger::execution::admission::Refusal;
use pollen_ledger::module::{CallEnd, CallReport};
use pollen_ledger::receipt::{Code, FailureValue, Outcome};
use pollen_rpc::error::{ErrorCode, describe};
use pollen_vm::interface::{Function, Type};
use pollen_vm::value::{self, Formats};
use serde_json::{Value, json};

use super::Failure;
use super::chain::failed;
use super::world::World;

/// Tells of calls of one function, whose types are known.
pub(super) struct Told<'a> {
    pub world: &'a World,
    pub function: Option<&'a Function>,
}

/// Of a transaction that was not admitted: nothing was done, and nothing paid.
pub(super) fn refused(refusal: &Refusal) -> Value {
    json!({
        "success": false, "code": refusal.name(), "number": refusal.number(),
        "message": refusal.to_string(), "hint": refusal.hint(),
    })
}

impl Told<'_> {
    /// Of one that was executed.
    pub fn transaction(
        &self,
        executed: &ExecutedTransaction,
        entries_changed: usize,
        intrinsic: u64,
    ) -> Result<Value, Failure> {
        let receipt = &executed.receipt;
        let mut told = match &receipt.outcome {
            Outcome::Success { results } => {
                let bytes = results.first().map(Vec::as_slice).unwrap_or_default();
                let events = receipt.events.iter().map(|event| self.event(event));
                let events = events.collect::<Result<Vec<_>, _>>()?;
                json!({ "success": true, "result": self.result(bytes)?, "events": events })
            }
            Outcome::Failure { code, value, .. } => {
                self.failure(*code, value, executed.note.as_deref())?
            }
            Outcome::Rejected { code } => {
                self.failure(*code, &FailureValue::None, executed.note.as_deref())?
            }
        };
        told["fuelUsed"] = receipt.fuel_used.into();
        told["callFuel"] = receipt.fuel_used.saturating_sub(intrinsic).into();
        told["fee"] = receipt.fee.into();
        told["entriesChanged"] = entries_changed.into();
        Ok(told)
    }

    /// Of a query.
    pub fn query(&self, report: CallReport) -> Result<Value, Failure> {
        let mut told = match &report.end {
            CallEnd::Returned(bytes) => json!({ "success": true, "result": self.result(bytes)? }),
            CallEnd::Failed { code, value } => {
                self.failure(*code, value, report.note.as_deref())?
            }
        };
        told["fuelUsed"] = report.fuel_used.into();
        told["callFuel"] = report.fuel_used.into();
        Ok(told)
    }

    fn result(&self, bytes: &[u8]) -> Result<Value, Failure> {
        match self.function {
            Some(function) => self.decoded(function.success(), bytes),
            None => Ok(Value::Null), // of a deployment the address, which its name stands for
        }
    }

    fn failure(
        &self,
        code: Code,
        value: &FailureValue,
        note: Option<&str>,
    ) -> Result<Value, Failure> {
        let (error, message) = match value {
            FailureValue::None => (Value::Null, describe(code)),
            FailureValue::Message(message) => (Value::Null, message.as_str()),
            FailureValue::Error(bytes) => {
                let ty = self.function.and_then(Function::failure);
                (self.decoded(ty, bytes)?, describe(code))
            }
        };
        Ok(json!({
            "success": false, "code": code.name(), "number": code.number(), "error": error,
            "message": message, "hint": ErrorCode::from(code).hint(), "note": note,
        }))
    }

    /// With the types of the module that emitted it, whichever that is.
    fn event(&self, event: &Event) -> Result<Value, Failure> {
        let module = self.world.view().module(&event.module).map_err(failed)?;
        let interface = module.as_ref().map(|module| self.world.interface(&module.code));
        let interface = interface.transpose()?;
        let ty = interface.as_ref().and_then(|interface| interface.event(&event.name));
        let data = match ty {
            Some(known) => self.decoded(Some(&known.ty), &event.data)?,
            None => Value::String(hex::encode(&event.data)),
        };
        let name = module.and_then(|module| module.name);
        Ok(json!({ "module": name, "name": event.name, "data": data }))
    }

    fn decoded(&self, ty: Option<&Type>, bytes: &[u8]) -> Result<Value, Failure> {
        let Some(ty) = ty else { return Ok(Value::Null) };
        let view = self.world.view();
        let is_module = |id: &AccountId| view.module(id).is_ok_and(|module| module.is_some());
        let formats = Formats { is_module: Some(&is_module), ..Formats::new(self.world.prefix()) };
        let mut json = value::decode_json(ty, bytes, &formats).map_err(failed)?;
        numbers(ty, &mut json);
        Ok(json)
    }
}

/// Makes numbers of the decimal digits that stand for integers of 64 bits.
pub(super) fn numbers(ty: &Type, json: &mut Value) {
    match (ty, json) {
        (Type::U64 | Type::Amount, json) => {
            if let Some(number) = json.as_str().and_then(|text| text.parse::<u64>().ok()) {
                *json = number.into();
            }
        }
        (Type::S64, json) => {
            if let Some(number) = json.as_str().and_then(|text| text.parse::<i64>().ok()) {
                *json = number.into();
            }
        }
        (Type::List(item), Value::Array(items)) => {
            items.iter_mut().for_each(|json| numbers(item, json));
        }
        (Type::Tuple(types), Value::Array(items)) => {
            types.iter().zip(items).for_each(|(ty, json)| numbers(ty, json));
        }
        (Type::Option(inner), json) => match (&**inner, json) {
            // An option of an option stands in an object of its own.
            (Type::Option(_), Value::Object(some)) => {
                some.values_mut().for_each(|json| numbers(inner, json));
            }
            (_, json) => numbers(inner, json),
        },
        (Type::Record(record), Value::Object(object)) => {
            for field in &record.parts {
                object.get_mut(&field.name).into_iter().for_each(|json| numbers(&field.ty, json));
            }
        }
        (Type::Variant(variant), Value::Object(object)) => {
            for case in &variant.parts {
                if let (Some(ty), Some(json)) = (&case.ty, object.get_mut(&case.name)) {
                    numbers(ty, json);
                }
            }
        }
        (Type::Result { ok, err }, Value::Object(object)) => {
            for (case, ty) in [("ok", ok), ("err", err)] {
                if let (Some(ty), Some(json)) = (ty, object.get_mut(case)) {
                    numbers(ty, json);
                }
            }
        }
        _ => {}
    }
}
