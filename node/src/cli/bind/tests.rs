//! What tests of every language's bindings share.

use pollen_vm::Interface;
use pollen_vm::interface::{
    Case, EventType, Field, Function, IdKind, Label, Named, Type, TypeName,
};

/// Every kind of type, and names and docs that are a trap.
pub fn every_kind() -> Interface {
    let label =
        |name: &str, docs: Option<&str>| Label { name: name.into(), docs: docs.map(str::to_owned) };
    let field = |name: &str, ty| Field { name: name.into(), docs: None, ty };
    let name =
        |interface: &str, name: &str| TypeName { interface: interface.into(), name: name.into() };
    let function = |name: &str, params: Vec<(&str, Type)>, result| Function {
        name: name.to_owned(),
        docs: None,
        params: params.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect(),
        result,
    };
    let boxed = |ty| Some(Box::new(ty));
    let color = Type::Enum(Named {
        name: name("commands", "error"),
        docs: Some("Ends the comment */ process.exit(1) /*\nand goes on".into()),
        parts: vec![
            label("red", Some("*/ alert(1)")),
            label("dark-green", None),
            label("self", None),
        ],
    });
    let rights = Type::Flags(Named {
        name: name("commands", "rights"),
        docs: None,
        parts: vec![label("read", None), label("write", None), label("grant", None)],
    });
    let pair = Type::Record(Named {
        name: name("queries", "key-pair"),
        docs: None,
        parts: vec![
            field("left-side", Type::U64),
            field("right", Type::Option(Box::new(Type::Option(Box::new(Type::U8))))),
        ],
    });
    let other_pair = Type::Record(Named {
        name: name("test:other/queries@0.1.0", "key-pair"),
        docs: None,
        parts: vec![field("data", Type::Bytes)],
    });
    let choice = Type::Variant(Named {
        name: name("commands", "choice"),
        docs: None,
        parts: vec![
            Case { name: "nothing".into(), docs: None, ty: None },
            Case { name: "a-pair".into(), docs: Some("Two.".into()), ty: Some(pair.clone()) },
            Case { name: "numbers".into(), docs: None, ty: Some(Type::List(Box::new(Type::F32))) },
        ],
    });
    let scalars = vec![
        ("a", Type::Bool),
        ("b", Type::U8),
        ("c", Type::U16),
        ("d", Type::U32),
        ("e", Type::U64),
        ("f", Type::S8),
        ("g", Type::S16),
        ("h", Type::S32),
        ("i", Type::S64),
        ("j", Type::F32),
        ("k", Type::F64),
        ("l", Type::Char),
        ("m", Type::String),
        ("n", Type::Amount),
        ("o", Type::Bytes),
        ("p", Type::Id(IdKind::Account)),
        ("q", Type::Id(IdKind::CodeHash)),
        ("r", Type::Id(IdKind::Hash)),
        ("s", Type::Id(IdKind::Id)),
    ];
    let made = vec![
        ("list-of", Type::List(Box::new(Type::Option(Box::new(pair.clone()))))),
        ("choice", choice.clone()),
        ("color", color.clone()),
        ("may", rights),
        ("both", Type::Tuple(vec![Type::U8, other_pair.clone()])),
        ("maybe", Type::Option(Box::new(Type::String))),
        ("end", Type::Result { ok: None, err: boxed(Type::U32) }),
    ];
    let failing = Type::Result { ok: boxed(choice.clone()), err: boxed(color) };
    Interface {
        package: "test:every-kind@0.1.0".into(),
        docs: Some("Every kind of type.".into()),
        commands: vec![
            function("init", vec![("start", Type::U64)], None),
            function(
                "scalars",
                scalars.clone(),
                Some(Type::Tuple(scalars.into_iter().map(|(_, ty)| ty).collect())),
            ),
            function("made-of-others", made, Some(failing)),
            function("constructor", vec![], Some(Type::Result { ok: None, err: None })),
            function("get", vec![], None),
            Function {
                docs: Some("Finds */ it.\n\n    exit(1);\n```".into()),
                ..function("find", vec![("type", Type::U8), ("self", Type::String)], None)
            },
        ],
        queries: vec![
            function("get", vec![("maybe-this", Type::Option(Box::new(pair)))], Some(other_pair)),
            function("id", vec![], Some(Type::Option(Box::new(Type::S64)))),
        ],
        events: vec![
            EventType { name: "chosen".into(), docs: Some("Somebody chose.".into()), ty: choice },
            EventType { name: "count".into(), docs: None, ty: Type::U64 },
        ],
    }
}

/// A file that other tests compile and run. POLLEN_UPDATE=1 writes it anew.
pub fn is_kept(path: &str, text: &str) {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("POLLEN_UPDATE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "POLLEN_UPDATE=1 writes it anew");
}
