//! Interfaces as JSON: for RPC clients, forms and bindings.
//!
//! A stable shape: names, docs, WIT types as text, and a JSON Schema (2020-12) of each type's JSON form
//! ([`crate::value`]). Named types stand once, under `types`, by `interface.name`.

use serde_json::{Map, Value, json};

use super::{Function, IdKind, Interface, Type, TypeName};
use crate::value::usage;

impl Interface {
    /// A stable description:
    /// `{package, docs, commands: [{name, docs, usage, params: [{name, type, optional, schema}],
    /// result: {type, schema} or null}], queries: [...], events: [{name, docs, type, schema}],
    /// types: {"interface.name": {docs, wit, schema}}}`.
    pub fn to_json(&self) -> Value {
        let functions =
            |functions: &[Function]| -> Value { functions.iter().map(function_json).collect() };
        let mut types = Map::new();
        for ty in self.named_types() {
            if let Some(name) = ty.name() {
                let definition = json!({ "wit": ty.definition(), "schema": definition(ty) });
                types.insert(key(name), definition);
            }
        }
        let events: Value = self
            .events
            .iter()
            .map(|event| {
                let (ty, schema) = (event.ty.to_string(), schema(&event.ty));
                json!({ "name": event.name, "docs": event.docs, "type": ty, "schema": schema })
            })
            .collect();
        json!({
            "package": self.package,
            "docs": self.docs,
            "commands": functions(&self.commands),
            "queries": functions(&self.queries),
            "events": events,
            "types": types,
        })
    }
}

fn function_json(function: &Function) -> Value {
    let params: Value = function
        .params
        .iter()
        .map(|(name, ty)| {
            let optional = matches!(ty, Type::Option(_));
            let (ty, schema) = (ty.to_string(), schema(ty));
            json!({ "name": name, "type": ty, "optional": optional, "schema": schema })
        })
        .collect();
    let result =
        function.result.as_ref().map(|ty| json!({ "type": ty.to_string(), "schema": schema(ty) }));
    json!({
        "name": function.name,
        "docs": function.docs,
        "usage": usage(function),
        "params": params,
        "result": result,
    })
}

fn key(name: &TypeName) -> String {
    format!("{}.{}", name.interface, name.name)
}

/// The JSON Schema of a type where it is used.
fn schema(ty: &Type) -> Value {
    let whole = |min: i64, max: i64| json!({ "type": "integer", "minimum": min, "maximum": max });
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::U8 => whole(0, u8::MAX.into()),
        Type::U16 => whole(0, u16::MAX.into()),
        Type::U32 => whole(0, u32::MAX.into()),
        Type::S8 => whole(i8::MIN.into(), i8::MAX.into()),
        Type::S16 => whole(i16::MIN.into(), i16::MAX.into()),
        Type::S32 => whole(i32::MIN.into(), i32::MAX.into()),
        Type::U64 => json!({ "type": "string", "format": "u64", "pattern": "^[0-9]+$" }),
        Type::Amount => json!({ "type": "string", "format": "amount", "pattern": "^[0-9]+$" }),
        Type::S64 => json!({ "type": "string", "format": "s64", "pattern": "^-?[0-9]+$" }),
        Type::F32 | Type::F64 => {
            json!({ "anyOf": [{ "type": "number" }, { "enum": ["infinity", "-infinity"] }] })
        }
        Type::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        Type::String => json!({ "type": "string" }),
        Type::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Type::Id(IdKind::Account) => json!({ "type": "string", "format": "account" }),
        Type::Id(kind) => {
            json!({ "type": "string", "format": kind.name(), "pattern": "^[0-9a-f]{64}$" })
        }
        Type::List(item) => json!({ "type": "array", "items": schema(item) }),
        Type::Option(inner) if matches!(**inner, Type::Option(_)) => {
            json!({ "anyOf": [{ "type": "null" }, object([("some", schema(inner))])] })
        }
        Type::Option(inner) => json!({ "anyOf": [{ "type": "null" }, schema(inner)] }),
        Type::Result { ok, err } => {
            let case = |ty: &Option<Box<Type>>| match ty {
                Some(ty) => schema(ty),
                None => json!({ "type": "null" }),
            };
            json!({ "oneOf": [object([("ok", case(ok))]), object([("err", case(err))])] })
        }
        Type::Tuple(types) => {
            let items: Value = types.iter().map(schema).collect();
            json!({ "type": "array", "prefixItems": items, "minItems": types.len(), "items": false })
        }
        Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => {
            let name = ty.name().map(key).unwrap_or_default();
            // A JSON pointer: `/` in the id of another package's interface is written `~1`.
            json!({ "$ref": format!("#/types/{}/schema", name.replace('/', "~1")) })
        }
    }
}

/// The JSON Schema of a named type's definition.
fn definition(ty: &Type) -> Value {
    let (mut schema, docs) = match ty {
        Type::Record(record) => {
            let mut properties = Map::new();
            for field in &record.parts {
                properties.insert(field.name.clone(), described(schema(&field.ty), &field.docs));
            }
            let required: Value = record
                .parts
                .iter()
                .filter(|field| !matches!(field.ty, Type::Option(_)))
                .map(|field| field.name.as_str())
                .collect();
            let schema = json!({
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            });
            (schema, &record.docs)
        }
        Type::Variant(variant) => {
            let cases: Value = variant
                .parts
                .iter()
                .map(|case| {
                    let shape = match &case.ty {
                        Some(ty) => object([(case.name.as_str(), schema(ty))]),
                        None => json!({ "const": case.name }),
                    };
                    described(shape, &case.docs)
                })
                .collect();
            (json!({ "oneOf": cases }), &variant.docs)
        }
        Type::Enum(labels) => {
            let cases: Value = labels
                .parts
                .iter()
                .map(|label| described(json!({ "const": label.name }), &label.docs))
                .collect();
            (json!({ "oneOf": cases }), &labels.docs)
        }
        Type::Flags(labels) => {
            let names: Value = labels.parts.iter().map(|label| label.name.as_str()).collect();
            let items = json!({ "enum": names });
            (json!({ "type": "array", "items": items, "uniqueItems": true }), &labels.docs)
        }
        other => (schema(other), &None),
    };
    if let Some(docs) = docs {
        schema["description"] = docs.trim().into();
    }
    schema
}

fn described(mut schema: Value, docs: &Option<String>) -> Value {
    if let Some(docs) = docs {
        schema["description"] = docs.trim().into();
    }
    schema
}

/// An object with exactly these properties.
fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let required: Value = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
