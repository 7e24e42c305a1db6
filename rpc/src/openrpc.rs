//! The interface as a document: OpenRPC (1.3.2), made of the methods that are registered and of their types, served
//! by `rpc.discover` and at `/openrpc.json`, and as a page for people ([`reference()`]).
//!
//! docs/openrpc.json and docs/rpc-reference.md are what these two give; a test holds them to it. Examples were
//! recorded from a real network and are run again by a test (`rpc/src/openrpc/examples.json`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, json};

use crate::error::ErrorCode;

/// Where types stand in the document.
const SCHEMAS: &str = "#/components/schemas/";
/// Recorded examples: `{ method: { params, result } }`.
const EXAMPLES: &str = include_str!("openrpc/examples.json");

/// A method, as the document tells it.
pub(crate) struct Method {
    name: &'static str,
    docs: String,
    /// Names of its parameters, in positional order.
    positions: &'static [&'static str],
    params: fn(&mut SchemaGenerator) -> Schema,
    result: fn(&mut SchemaGenerator) -> Schema,
    /// Of a subscription: the method of its notices and the one that ends it, and what a notice is.
    notices: Option<Notices>,
}

struct Notices {
    method: &'static str,
    unsubscribe: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Method {
    /// A call.
    pub(crate) fn call<P: JsonSchema + DeserializeOwned, R: JsonSchema>(
        name: &'static str,
        docs: &[&str],
    ) -> Self {
        let docs = docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let (params, result) =
            (schema_of::<P> as fn(&mut _) -> _, schema_of::<R> as fn(&mut _) -> _);
        Self { name, docs, positions: fields::<P>(), params, result, notices: None }
    }

    /// A subscription.
    pub(crate) fn subscription<P: JsonSchema + DeserializeOwned, N: JsonSchema>(
        [name, method, unsubscribe]: [&'static str; 3],
        docs: &str,
    ) -> Self {
        let notices = Some(Notices { method, unsubscribe, schema: schema_of::<N> });
        Self { notices, ..Self::call::<P, SubscriptionId>(name, &[docs]) }
    }
}

/// What `.._subscribe` answers with: the id that notices name.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "a schema alone")]
enum SubscriptionId {
    /// A number, at most 2^53.
    Number(u64),
    /// A text.
    Text(String),
}

/// Names of a struct's fields, in the order in which they are read from an array.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Asker<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Asker<'_> {
        type Error = serde::de::value::Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("not a struct"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(Self::Error::custom("asked for names only"))
        }
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut names: &'static [&'static str] = &[];
    // Always an error: nothing is read.
    let _ = T::deserialize(Asker(&mut names));
    names
}

/// The document.
pub(crate) fn document(methods: &[Method]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    // What is sent may leave out what has a default; what is answered never does.
    let mut asked = settings.clone().for_deserialize().into_generator();
    let mut answered = settings.for_serialize().into_generator();
    let examples: Map<String, Value> =
        serde_json::from_str(EXAMPLES).expect("recorded examples are JSON");
    let mut described: Vec<Value> = methods
        .iter()
        .map(|method| describe(method, &mut asked, &mut answered, &examples))
        .collect();
    described.sort_by(|left, right| left["name"].as_str().cmp(&right["name"].as_str()));
    let mut schemas = asked.take_definitions(true);
    schemas.append(&mut answered.take_definitions(true));
    // Parameters of a method stand at the method; as a type nobody needs them.
    schemas.retain(|name, _| {
        !name.ends_with("Params") || name == "StateEntryParams" || name == "ChainParams"
    });
    let errors: Map<String, Value> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let error = json!({ "code": code.number(), "message": code.name(), "data": { "hint": code.hint() } });
            (code.name().to_owned(), error)
        })
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Pollen",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "JSON-RPC 2.0 of a Pollen node, by HTTP POST to / and by WebSocket at /ws. Conventions: docs/rpc.md.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "methods": described,
        "components": { "schemas": schemas, "errors": errors },
    })
}

fn describe(
    method: &Method,
    asked: &mut SchemaGenerator,
    answered: &mut SchemaGenerator,
    examples: &Map<String, Value>,
) -> Value {
    let params = resolved((method.params)(asked), asked);
    let required: Vec<&str> = params["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let param = |name: &&str| {
        let schema = &params["properties"][*name];
        json!({
            "name": name,
            "required": required.contains(name),
            "description": schema["description"],
            "schema": schema,
        })
    };
    let named: Vec<Value> = method.positions.iter().map(param).collect();
    let result = (method.result)(answered);
    let mut described = json!({
        "name": method.name,
        "tags": [{ "name": method.name.split(['_', '.']).next() }],
        "summary": method.docs,
        "paramStructure": "either",
        "params": named,
        "result": { "name": "result", "schema": result },
    });
    if let Some(example) = examples.get(method.name) {
        let given = example["params"].as_object().cloned().unwrap_or_default();
        let params: Vec<Value> =
            given.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        described["examples"] = json!([{
            "name": method.name,
            "params": params,
            "result": { "name": "result", "value": example["result"] },
        }]);
    }
    if let Some(notices) = &method.notices {
        described["x-subscription"] = json!({
            "transport": "websocket",
            "notice": notices.method,
            "unsubscribe": notices.unsubscribe,
            "schema": (notices.schema)(answered),
        });
    }
    described
}

/// The schema that a reference leads to.
fn resolved(schema: Schema, generator: &SchemaGenerator) -> Value {
    let value = schema.to_value();
    let name = value["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS));
    match name.and_then(|name| generator.definitions().get(name)) {
        Some(definition) => definition.clone(),
        None => value,
    }
}

/// The document as a page in Markdown.
pub fn reference(document: &Value) -> String {
    let mut page = String::from(
        "# JSON-RPC reference\n\nMade from the program (`rpc.discover`, `GET /openrpc.json`, docs/openrpc.json): change \
         the code, then `POLLEN_UPDATE=1 cargo nextest run --workspace --all-features -E 'test(openrpc)'`. Conventions, \
         stages, cursors, proofs and limits: [rpc.md](rpc.md). Every result has `at` beside what stands here: the state that \
         it was made from. Parameters are named, or in the order of the tables. Examples are recorded from a development \
         network, shortened where a list or a text is long, and run again by a test.\n",
    );
    let schemas = &document["components"]["schemas"];
    let empty = Vec::new();
    let mut group = "";
    for method in document["methods"].as_array().unwrap_or(&empty) {
        let name = method["name"].as_str().unwrap_or_default();
        let of = name.split(['_', '.']).next().unwrap_or_default();
        if of != group {
            group = of;
            let _ = write!(page, "\n## {group}\n");
        }
        let _ =
            write!(page, "\n### {name}\n\n{}\n", method["summary"].as_str().unwrap_or_default());
        let params = method["params"].as_array().unwrap_or(&empty);
        if !params.is_empty() {
            page += "\n| parameter | type | |\n|---|---|---|\n";
            for param in params {
                let needed = if param["required"] == true { "**needed.** " } else { "" };
                let words = cell(param["description"].as_str().unwrap_or_default());
                let ty = type_text(&param["schema"]);
                let _ = writeln!(
                    page,
                    "| `{}` | {ty} | {needed}{words} |",
                    param["name"].as_str().unwrap_or_default()
                );
            }
        }
        if let Some(subscription) = method.get("x-subscription") {
            let _ = write!(
                page,
                "\nBy WebSocket. Notices come as `{}`: {}. `{}` ends it.\n",
                subscription["notice"].as_str().unwrap_or_default(),
                type_text(&subscription["schema"]),
                subscription["unsubscribe"].as_str().unwrap_or_default(),
            );
        } else {
            let fields = fields_text(&method["result"]["schema"], schemas);
            let _ = write!(page, "\n{fields}");
        }
        if let Some(example) = method["examples"].get(0) {
            let params: Map<String, Value> = example["params"]
                .as_array()
                .unwrap_or(&empty)
                .iter()
                .map(|one| {
                    (one["name"].as_str().unwrap_or_default().to_owned(), one["value"].clone())
                })
                .collect();
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": name, "params": params });
            let answer = serde_json::to_string_pretty(&shortened(&example["result"]["value"]));
            let answer = answer.unwrap_or_default();
            let _ = write!(page, "\n```json\n{call}\n```\n\n```json\n{answer}\n```\n");
        }
    }
    page += "\n## Types\n";
    let types: BTreeMap<&String, &Value> = schemas.as_object().into_iter().flatten().collect();
    for (name, schema) in types.into_iter().filter(|(name, _)| !name.starts_with("Answer")) {
        let words = schema["description"].as_str().unwrap_or_default();
        let _ = write!(page, "\n### {name}\n\n{words}\n");
        let fields = fields_text(schema, schemas);
        if !fields.is_empty() {
            let _ = write!(page, "\n{fields}");
        }
    }
    page
}

/// A description in one cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// What a type is, with links to named ones.
fn type_text(schema: &Value) -> String {
    if schema == &Value::Bool(true) {
        return "any JSON".to_owned();
    }
    if let Some(name) =
        schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS))
    {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(parts) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return parts.iter().map(type_text).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = schema["const"].as_str() {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`"));
        return values.collect::<Vec<_>>().join(", ");
    }
    match &schema["type"] {
        Value::Array(types) => {
            let one = |name: &Value| {
                let mut schema = schema.clone();
                schema["type"] = name.clone();
                type_text(&schema)
            };
            types.iter().map(one).collect::<Vec<_>>().join(" or ")
        }
        Value::String(name) if name == "array" => {
            format!("list of {}", type_text(&schema["items"]))
        }
        Value::String(name) if name == "integer" => {
            schema["format"].as_str().unwrap_or("integer").replace("uint", "u").replace("int", "i")
        }
        Value::String(name) => name.clone(),
        _ => "any JSON".to_owned(),
    }
}

/// The fields of an object, or the forms of one of several, as tables.
fn fields_text(schema: &Value, schemas: &Value) -> String {
    if let Some(name) =
        schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS))
    {
        return fields_text(&schemas[name], schemas);
    }
    let mut text = String::new();
    if let Some(properties) = schema["properties"].as_object() {
        text += "| field | type | |\n|---|---|---|\n";
        for (name, field) in properties.iter().filter(|(name, _)| *name != "at") {
            let words = cell(field["description"].as_str().unwrap_or_default());
            let _ = writeln!(text, "| `{name}` | {} | {words} |", type_text(field));
        }
    }
    let empty = Vec::new();
    for part in schema["allOf"].as_array().unwrap_or(&empty) {
        text += &fields_text(part, schemas);
    }
    let forms = schema["oneOf"].as_array().or(schema["anyOf"].as_array()).unwrap_or(&empty);
    let has_objects = forms.iter().any(|form| form.get("properties").is_some());
    if has_objects {
        for form in forms {
            let words = cell(form["description"].as_str().unwrap_or_default());
            let _ = write!(text, "\n{words}\n\n{}", fields_text(form, schemas));
        }
    } else if !forms.is_empty() {
        text += "| value | |\n|---|---|\n";
        for form in forms {
            let words = cell(form["description"].as_str().unwrap_or_default());
            let _ = writeln!(text, "| {} | {words} |", type_text(form));
        }
    }
    text
}

/// An example as it fits on a page: the first two items of lists, the beginning of long texts.
fn shortened(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut short: Vec<Value> = items.iter().take(2).map(shortened).collect();
            if items.len() > 2 {
                short.push(json!(format!("… {} more", items.len() - 2)));
            }
            short.into()
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shortened(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::String(text) if text.chars().count() > 100 => {
            format!("{}…", text.chars().take(64).collect::<String>()).into()
        }
        other => other.clone(),
    }
}
