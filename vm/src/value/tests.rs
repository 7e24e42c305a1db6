//! What these protect: one value, one encoding, in every form; and that bytes of strangers never hurt.

use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Value, json};

use super::*;
use crate::interface::{Case, Field, Function, Label, Named, TypeName};

pub(super) const FORMATS: Formats<'static> =
    Formats { address_prefix: "pollend", resolve: None, is_module: None };

fn named<T>(parts: Vec<T>) -> Named<T> {
    let name = TypeName { interface: "commands".to_owned(), name: "thing".to_owned() };
    Named { name, docs: None, parts }
}

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned(), docs: None, ty }
}

fn case(name: &str, ty: Option<Type>) -> Case {
    Case { name: name.to_owned(), docs: None, ty }
}

fn labels(names: &[&str]) -> Named<Label> {
    named(names.iter().map(|name| Label { name: (*name).to_owned(), docs: None }).collect())
}

/// A type as the vectors write it.
fn type_of(json: &Value) -> Type {
    if let Some(name) = json.as_str() {
        return scalar(name);
    }
    let (kind, inner) = json.as_object().unwrap().iter().next().unwrap();
    let items = || inner.as_array().unwrap().iter();
    let pairs = || items().map(|pair| (pair[0].as_str().unwrap(), &pair[1]));
    let maybe = |json: &Value| (!json.is_null()).then(|| type_of(json));
    let strings = || items().map(|name| name.as_str().unwrap()).collect::<Vec<_>>();
    match kind.as_str() {
        "list" => Type::List(Box::new(type_of(inner))),
        "option" => Type::Option(Box::new(type_of(inner))),
        "result" => Type::Result {
            ok: maybe(&inner["ok"]).map(Box::new),
            err: maybe(&inner["err"]).map(Box::new),
        },
        "tuple" => Type::Tuple(items().map(type_of).collect()),
        "record" => {
            Type::Record(named(pairs().map(|(name, ty)| field(name, type_of(ty))).collect()))
        }
        "variant" => {
            Type::Variant(named(pairs().map(|(name, ty)| case(name, maybe(ty))).collect()))
        }
        "enum" => Type::Enum(labels(&strings())),
        "flags" => Type::Flags(labels(&strings())),
        other => panic!("unknown kind of type {other}"),
    }
}

fn scalar(name: &str) -> Type {
    match name {
        "bool" => Type::Bool,
        "u8" => Type::U8,
        "u16" => Type::U16,
        "u32" => Type::U32,
        "u64" => Type::U64,
        "s8" => Type::S8,
        "s16" => Type::S16,
        "s32" => Type::S32,
        "s64" => Type::S64,
        "f32" => Type::F32,
        "f64" => Type::F64,
        "char" => Type::Char,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "amount" => Type::Amount,
        "account" => Type::Id(IdKind::Account),
        "hash" => Type::Id(IdKind::Hash),
        "code-hash" => Type::Id(IdKind::CodeHash),
        "id" => Type::Id(IdKind::Id),
        other => panic!("unknown type {other}"),
    }
}

/// Any type, a few levels deep.
pub(crate) fn any_type() -> impl Strategy<Value = Type> {
    const SCALARS: &[&str] = &[
        "bool",
        "u8",
        "u16",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "f32",
        "f64",
        "char",
        "string",
        "bytes",
        "amount",
        "account",
        "hash",
        "code-hash",
        "id",
    ];
    let names: Vec<String> = (0..20).map(|index| format!("name-{index}")).collect();
    let some_labels = (1..20_usize).prop_map(move |count| {
        labels(&names[..count].iter().map(String::as_str).collect::<Vec<_>>())
    });
    let leaf = prop_oneof![
        6 => proptest::sample::select(SCALARS).prop_map(scalar),
        1 => some_labels.clone().prop_map(Type::Enum),
        1 => some_labels.prop_map(Type::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let maybe = || proptest::option::of(inner.clone().prop_map(Box::new));
        let many = || proptest::collection::vec(inner.clone(), 1..4);
        let maybes = proptest::collection::vec(proptest::option::of(inner.clone()), 1..4);
        let numbered = |index: usize| format!("part-{index}");
        prop_oneof![
            inner.clone().prop_map(|ty| match ty {
                // `list<u8>` has a type of its own.
                Type::U8 => Type::Bytes,
                ty => Type::List(Box::new(ty)),
            }),
            inner.clone().prop_map(|ty| Type::Option(Box::new(ty))),
            (maybe(), maybe()).prop_map(|(ok, err)| Type::Result { ok, err }),
            many().prop_map(Type::Tuple),
            many().prop_map(move |types| {
                let parts = types.into_iter().enumerate();
                Type::Record(named(parts.map(|(i, ty)| field(&numbered(i), ty)).collect()))
            }),
            maybes.prop_map(move |types| {
                let parts = types.into_iter().enumerate();
                Type::Variant(named(parts.map(|(i, ty)| case(&numbered(i), ty)).collect()))
            }),
        ]
    })
}

fn any_hex() -> BoxedStrategy<Value> {
    any::<[u8; 32]>().prop_map(|bytes| hex::encode(bytes).into()).boxed()
}

/// Any value of a type, as the JSON that the decoder writes.
fn any_json(ty: &Type) -> BoxedStrategy<Value> {
    let float = |value: f64| serde_json::Number::from_f64(value).map(Value::Number);
    let payload = |key: &'static str, ty: &Option<Box<Type>>| match ty {
        Some(ty) => any_json(ty).prop_map(move |value| json!({ key: value })).boxed(),
        None => Just(json!({ key: null })).boxed(),
    };
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Type::U8 => any::<u8>().prop_map(Value::from).boxed(),
        Type::U16 => any::<u16>().prop_map(Value::from).boxed(),
        Type::U32 => any::<u32>().prop_map(Value::from).boxed(),
        Type::S8 => any::<i8>().prop_map(Value::from).boxed(),
        Type::S16 => any::<i16>().prop_map(Value::from).boxed(),
        Type::S32 => any::<i32>().prop_map(Value::from).boxed(),
        Type::U64 | Type::Amount => any::<u64>().prop_map(|n| n.to_string().into()).boxed(),
        Type::S64 => any::<i64>().prop_map(|n| n.to_string().into()).boxed(),
        Type::F32 => any::<f32>()
            .prop_filter_map("NaN", move |value| {
                if value.is_infinite() { Some("infinity".into()) } else { float(widened(value)) }
            })
            .boxed(),
        Type::F64 => any::<f64>()
            .prop_filter_map("NaN", move |value| {
                if value.is_infinite() { Some("-infinity".into()) } else { float(value) }
            })
            .boxed(),
        Type::Char => any::<char>().prop_map(|letter| letter.to_string().into()).boxed(),
        Type::String => any::<String>().prop_map(Value::from).boxed(),
        Type::Bytes => proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.encode(bytes).into()
            })
            .boxed(),
        Type::Id(IdKind::Account) => any::<[u8; 32]>()
            .prop_map(|id| Address::account(AccountId(id)).display("pollend").into())
            .boxed(),
        Type::Id(_) => any_hex(),
        Type::List(item) => {
            proptest::collection::vec(any_json(item), 0..4).prop_map(Value::from).boxed()
        }
        Type::Option(inner) => {
            let wrapped = matches!(**inner, Type::Option(_));
            let some = any_json(inner)
                .prop_map(move |value| if wrapped { json!({ "some": value }) } else { value });
            prop_oneof![Just(Value::Null), some].boxed()
        }
        Type::Result { ok, err } => prop_oneof![payload("ok", ok), payload("err", err)].boxed(),
        Type::Tuple(types) => {
            types.iter().map(any_json).collect::<Vec<_>>().prop_map(Value::from).boxed()
        }
        Type::Record(record) => {
            let names: Vec<String> = record.parts.iter().map(|part| part.name.clone()).collect();
            let values: Vec<_> = record.parts.iter().map(|part| any_json(&part.ty)).collect();
            values
                .prop_map(move |values| Value::Object(names.iter().cloned().zip(values).collect()))
                .boxed()
        }
        Type::Variant(variant) => Union::new(variant.parts.iter().map(|case| {
            let name = case.name.clone();
            match &case.ty {
                Some(ty) => any_json(ty).prop_map(move |value| json!({ &name: value })).boxed(),
                None => Just(name.into()).boxed(),
            }
        }))
        .boxed(),
        Type::Enum(labels) => {
            let names: Vec<String> = labels.parts.iter().map(|part| part.name.clone()).collect();
            proptest::sample::select(names).prop_map(Value::from).boxed()
        }
        Type::Flags(labels) => {
            let names: Vec<String> = labels.parts.iter().map(|part| part.name.clone()).collect();
            proptest::sample::subsequence(names.clone(), 0..=names.len())
                .prop_map(Value::from)
                .boxed()
        }
    }
}

pub(crate) fn any_typed_json() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|ty| {
        let values = any_json(&ty);
        values.prop_map(move |value| (ty.clone(), value))
    })
}

fn widened(value: f32) -> f64 {
    super::json::widened(value)
}

proptest! {
    #[test]
    fn json_comes_back_and_only_whole_encodings_are_read((ty, value) in any_typed_json()) {
        let bytes = encode_json(&ty, &value, &FORMATS).unwrap();
        prop_assert_eq!(&decode_json(&ty, &bytes, &FORMATS).unwrap(), &value);
        prop_assert!(!show(&ty, &bytes, &FORMATS).contains("unreadable"));
        // Through text too, as RPC sends it.
        let text: Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(&encode_json(&ty, &text, &FORMATS).unwrap(), &bytes);
        for end in 0..bytes.len() {
            prop_assert!(decode_json(&ty, &bytes[..end], &FORMATS).is_err());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert!(decode_json(&ty, &longer, &FORMATS).is_err());
    }

    #[test]
    fn bytes_that_are_read_are_the_only_encoding(
        ty in any_type(),
        bytes in proptest::collection::vec(prop_oneof![0..3_u8, any::<u8>()], 0..40),
    ) {
        if let Ok(value) = decode_json(&ty, &bytes, &FORMATS) {
            prop_assert_eq!(encode_json(&ty, &value, &FORMATS).unwrap(), bytes);
        }
    }
}

#[test]
fn vectors_hold() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/values.json")).unwrap();
    let values = vectors["values"].as_array().unwrap();
    assert!(values.len() >= 25);
    for vector in values {
        let (name, ty) = (&vector["name"], type_of(&vector["type"]));
        let bytes = encode_json(&ty, &vector["json"], &FORMATS).unwrap();
        assert_eq!(hex::encode(&bytes), vector["hex"].as_str().unwrap(), "{name}");
        assert_eq!(decode_json(&ty, &bytes, &FORMATS).unwrap(), vector["json"], "{name}");
    }
    for vector in vectors["refused"].as_array().unwrap() {
        let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
        let read = decode_json(&type_of(&vector["type"]), &bytes, &FORMATS);
        assert!(read.is_err(), "{} was read as {read:?}", vector["name"]);
    }
}

/// The encoding is borsh of the equivalent Rust types: a module in Rust derives it.
#[test]
fn it_is_what_the_borsh_crate_writes() {
    #[derive(borsh::BorshSerialize)]
    enum Alarm {
        TooWarm(f64),
        Silent,
    }
    #[derive(borsh::BorshSerialize)]
    struct Reading {
        count: u16,
        small: i8,
        words: Vec<String>,
        note: Option<String>,
        alarm: Alarm,
        quiet: Alarm,
        end: (bool, i64),
        id: [u64; 4],
    }
    let value = Reading {
        count: 513,
        small: -3,
        words: vec!["a".to_owned(), "ü".to_owned()],
        note: Some("n".to_owned()),
        alarm: Alarm::TooWarm(9.5),
        quiet: Alarm::Silent,
        end: (true, -7),
        id: [1, 2, 3, u64::MAX],
    };
    let alarm = json!({ "variant": [["too-warm", "f64"], ["silent", null]] });
    let ty = type_of(&json!({ "record": [
        ["count", "u16"], ["small", "s8"], ["words", { "list": "string" }],
        ["note", { "option": "string" }], ["alarm", alarm], ["quiet", alarm],
        ["end", { "tuple": ["bool", "s64"] }], ["id", "hash"],
    ]}));
    let id = "0100000000000000020000000000000003000000000000\
              00ffffffffffffffff";
    let json = json!({
        "count": 513, "small": -3, "words": ["a", "ü"], "note": "n", "alarm": { "too-warm": 9.5 },
        "quiet": "silent", "end": [true, "-7"], "id": id,
    });
    assert_eq!(encode_json(&ty, &json, &FORMATS).unwrap(), borsh::to_vec(&value).unwrap());
    // result<T, E>: ok has the tag 0 here, while borsh's own Result gives ok the tag 1. WIT's order counts.
    let result = type_of(&json!({ "result": { "ok": "u8", "err": null } }));
    assert_eq!(encode_json(&result, &json!({ "ok": 5 }), &FORMATS).unwrap(), [0, 5]);
}

#[test]
fn bounds_hold_before_memory_is_taken() {
    let huge = [0xff; 4];
    for ty in [json!({ "list": "u64" }), json!("string"), json!("bytes")] {
        let error = decode_json(&type_of(&ty), &huge, &FORMATS).unwrap_err();
        assert!(error.found.contains("0 bytes left"), "{error}");
    }
    // Nested tuples of one byte: few bytes, very many values.
    let deep = (0..20).fold(Type::Bool, |inner, _| Type::Tuple(vec![inner]));
    let list = Type::List(Box::new(deep));
    let mut bytes = 50_000_u32.to_le_bytes().to_vec();
    bytes.resize(4 + 50_000, 1);
    let error = decode_json(&list, &bytes, &FORMATS).unwrap_err();
    assert!(error.expected.contains("values"), "{error}");
    let text = "x".repeat(VALUE_BYTES_MAX - 4);
    assert!(encode_json(&Type::String, &json!(text), &FORMATS).is_ok());
    assert!(encode_json(&Type::String, &json!(format!("{text}x")), &FORMATS).is_err());
    assert!(decode_json(&Type::String, &vec![0; VALUE_BYTES_MAX + 1], &FORMATS).is_err());
}

#[test]
fn errors_tell_where_and_what() {
    let ty = type_of(&json!({ "record": [["items", { "list": "u64" }]] }));
    let function = function(vec![("box", ty)]);
    let arguments = json!({ "box": { "items": ["1", "2", "3", "-4"] } });
    let error = encode_params_json(&function, &arguments, &FORMATS).unwrap_err();
    assert_eq!(
        error.to_string(),
        "arguments.box.items[3]: expected u64: a whole number from 0 to 18446744073709551615, \
         found \"-4\""
    );
    let error = encode_params_json(&function, &json!({ "bux": {} }), &FORMATS).unwrap_err();
    assert_eq!(error.to_string(), "arguments: expected 'box', found the unknown name 'bux'");
    let error = encode_params_json(&function, &json!([1, 2]), &FORMATS).unwrap_err();
    assert_eq!(error.to_string(), "arguments: expected the parameters box, found a list of 2");
}

#[test]
fn ids_are_read_in_every_human_form() {
    let id = AccountId([7; 32]);
    let resolve = |name: &str| (name == "alice" || name == "@shop").then_some(id);
    let is_module = |_: &AccountId| true;
    let formats = Formats { resolve: Some(&resolve), ..FORMATS };
    let account = Type::Id(IdKind::Account);
    let read = |text: &str| encode_json(&account, &json!(text), &formats);
    let address = Address::account(id).display("pollend");
    let module = Address::module(id).display("pollend");
    for text in ["alice", "@shop", &hex::encode(id.0), &address, &module] {
        assert_eq!(read(text).unwrap(), id.0, "{text}");
    }
    let foreign = Address::account(id).display("pollen");
    let validator = Address { kind: AddressKind::Validator, id }.display("pollend");
    for text in ["bob", "@nobody", &foreign, &validator, "", &address[..30]] {
        assert!(read(text).is_err(), "{text}");
    }
    assert_eq!(decode_json(&account, &id.0, &formats).unwrap(), json!(address));
    let formats = Formats { is_module: Some(&is_module), ..formats };
    assert_eq!(decode_json(&account, &id.0, &formats).unwrap(), json!(module));
    assert!(encode_json(&Type::Id(IdKind::Hash), &json!("alice"), &formats).is_err());
}

#[test]
fn amounts_are_exact() {
    let read = |text: &str| encode_json(&Type::Amount, &json!(text), &FORMATS).ok();
    let grains = |grains: u64| Some(grains.to_le_bytes().to_vec());
    assert_eq!(read("5"), grains(5));
    assert_eq!(read("5 pollen"), grains(5 * GRAINS));
    assert_eq!(read("0.000000001pollen"), grains(1));
    assert_eq!(read("18446744073.709551615 pollen"), grains(u64::MAX));
    for wrong in [
        "18446744073.709551616 pollen",
        "0.0000000001 pollen",
        "1. pollen",
        "pollen",
        "1.5",
        "+1",
        "-1 pollen",
        "1.+5 pollen",
        "",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    assert_eq!(show_amount(u64::MAX), "18446744073.709551615 pollen");
    assert_eq!(show_amount(5 * GRAINS), "5 pollen");
}

#[test]
fn values_are_shown_on_one_safe_line() {
    let ty = type_of(&json!({ "record": [
        ["name", "string"], ["price", "amount"], ["tags", { "list": "char" }],
        ["note", { "option": "u8" }], ["rights", { "flags": ["read", "write"] }],
        ["end", { "result": { "ok": null, "err": "string" } }],
    ]}));
    let json = json!({
        "name": "a\u{1b}[2J\n", "price": "1500000000", "tags": ["x"], "note": 1,
        "rights": ["write"], "end": { "err": "no" },
    });
    let bytes = encode_json(&ty, &json, &FORMATS).unwrap();
    assert_eq!(
        show(&ty, &bytes, &FORMATS),
        "{name: \"a\\u{1b}[2J\\n\", price: 1.5 pollen, tags: ['x'], note: some(1), \
         rights: {write}, end: err(\"no\")}"
    );
    assert!(show(&ty, &[1, 2], &FORMATS).starts_with("0x0102 (unreadable: name: "));
    assert_eq!(
        show_params(&[("a".to_owned(), Type::U8), ("b".to_owned(), Type::Bool)], &[3, 1], &FORMATS),
        "a: 3, b: true"
    );
}

fn function(params: Vec<(&str, Type)>) -> Function {
    let params = params.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect();
    Function { name: "record".to_owned(), docs: None, params, result: None }
}

/// Words, and the JSON arguments that they must be equal to (or a part of the error).
#[test]
fn words_of_a_command_line() {
    let function = function(vec![
        ("box", Type::String),
        ("celsius", Type::F64),
        ("count", type_of(&json!({ "option": "u32" }))),
        ("urgent", Type::Bool),
        ("data", type_of(&json!({ "option": "bytes" }))),
        ("rights", type_of(&json!({ "option": { "flags": ["read", "write"] } }))),
        ("shape", type_of(&json!({ "option": { "list": "s8" } }))),
    ]);
    let full = json!({ "box": "box-1", "celsius": 9.5, "urgent": false });
    let with = |key: &str, value: Value| {
        let mut full = full.clone();
        full[key] = value;
        Ok(full)
    };
    let table: Vec<(&str, Result<Value, &str>)> = vec![
        ("box-1 9.5", Ok(full.clone())),
        ("--celsius 9.5 box-1", Ok(full.clone())),
        ("--box=box-1 9.5", Ok(full.clone())),
        ("-- box-1 9.5", Ok(full.clone())),
        ("box-1 -4.25", with("celsius", json!(-4.25))),
        ("box-1 9.5 7", with("count", json!(7))),
        ("box-1 9.5 --urgent", with("urgent", json!(true))),
        ("--urgent box-1 9.5", with("urgent", json!(true))),
        ("box-1 9.5 --urgent=true", with("urgent", json!(true))),
        ("box-1 9.5 --data hex:00ff", with("data", json!("AP8="))),
        ("box-1 9.5 --data text:hi", with("data", json!("aGk="))),
        ("box-1 9.5 --data aGk=", with("data", json!("aGk="))),
        ("box-1 9.5 --rights read,write", with("rights", json!(["read", "write"]))),
        ("box-1 9.5 --shape [1,-2]", with("shape", json!([1, -2]))),
        ("box-1", Err("celsius: expected f64: a number, not NaN, found nothing")),
        ("box-1 warm", Err("celsius: expected f64: a number, not NaN, found 'warm'")),
        ("box-1 NaN", Err("celsius: ")),
        ("box-1 9.5 -1", Err("count: expected u32: a whole number from 0 to 4294967295")),
        ("box-1 9.5 --celcius 3", Err("expected --celsius, found --celcius")),
        ("box-1 9.5 --count", Err("count: ")),
        ("box-1 9.5 --count 1 --count 2", Err("count: expected one value, found a second one")),
        ("box-1 9.5 --rights read,fly", Err("rights[1]: ")),
        ("box-1 9.5 --shape [1,", Err("as JSON")),
        ("a 1 2 true aGk= read [1] more", Err("expected 7 arguments, found one more: 'more'")),
    ];
    for (line, wanted) in table {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let encoded = encode_words(&function, &words, &FORMATS);
        match wanted {
            Ok(json) => assert_eq!(
                encoded.unwrap(),
                encode_params_json(&function, &json, &FORMATS).unwrap(),
                "{line}"
            ),
            Err(part) => {
                let text = encoded.unwrap_err().to_string();
                assert!(text.contains(part), "{line}: {text}");
                assert!(text.contains("usage: record <box: string> <celsius: f64>"), "{text}");
            }
        }
    }
}

#[test]
fn help_tells_what_belongs_where() {
    let mut function = function(vec![
        ("box", Type::String),
        ("kind", Type::Enum(labels(&["open", "shut"]))),
        ("note", type_of(&json!({ "option": "string" }))),
    ]);
    function.docs = Some("Keeps a reading.".to_owned());
    function.result = Some(Type::U64);
    assert_eq!(
        help(&function),
        "Keeps a reading.\n\nUsage: record <box: string> <kind: thing> [--note <string>]\n\n\
         Parameters (in order, or as --name value):\n\
         \x20 box   string: text\n\
         \x20 kind  thing: one of open, shut\n\
         \x20 note  string: text (optional)\n\nResult: u64\n"
    );
}
