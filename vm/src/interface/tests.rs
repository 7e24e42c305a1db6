//! What these protect: the interface that people sign against is the one that the component really has.

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, PackageId, Resolve};

use super::*;

const HOST: &str = include_str!("../../../contracts/wit/host.wit");
const MODULE: &str = r#"
/// A cold chain.
package cold:chain@0.1.0;

interface types {
  enum mode { on, off }
}
interface commands {
  use pollen:host/types@0.1.0.{account, amount, bytes, code-hash, hash, id};
  use types.{mode};

  /// What to watch.
  record box {
    /// Its label.
    name: string,
    owner: account,
    %list: list<tuple<u8, f32>>,
  }
  /// Why not.
  variant refusal {
    /// Nobody knows it.
    unknown,
    too-warm(f64),
  }
  flags rights { read, write }
  type reader = account;

  init: func(owner: account, price: amount);
  /// Opens a box.
  /// At once.
  open-box: func(it: box, by: reader, mode: mode, may: rights) -> result<u64, refusal>;
  store: func(code: code-hash, root: hash, any: id, data: bytes, raw: list<u8>) -> result<_, refusal>;
}
interface queries {
  use commands.{box as crate};
  use types.{mode};
  all: func(after: option<string>, on: char) -> list<crate>;
  mode-of: func(name: string) -> tuple<mode, s64, bool>;
}
interface events {
  use pollen:host/types@0.1.0.{account};
  use commands.{box};
  /// A box was opened.
  record opened { it: box, by: account }
  /// Silence.
  type silent = u64;
}
world module {
  import pollen:host/storage@0.1.0;
  export commands;
  export queries;
  export events;
}
"#;

fn resolve(module: &str) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    resolve.push_source("host.wit", HOST).unwrap();
    let package = resolve.push_source("module.wit", module).unwrap();
    (resolve, package)
}

fn package_bytes(module: &str) -> Vec<u8> {
    let (resolve, package) = resolve(module);
    wit_component::encode(&resolve, package).unwrap()
}

/// A component of this world that does nothing, with a `pollen-wit` section when one is given.
fn component(module: &str, section: Option<&[u8]>) -> Vec<u8> {
    let (resolve, package) = resolve(module);
    let world = resolve.select_world(&[package], None).unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut core = dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut bytes =
        ComponentEncoder::default().module(&core).unwrap().validate(true).encode().unwrap();
    if let Some(data) = section {
        use wasm_encoder::Encode as _;
        let custom = wasm_encoder::CustomSection { name: WIT_SECTION.into(), data: data.into() };
        bytes.push(0);
        custom.encode(&mut bytes);
    }
    bytes
}

#[test]
fn a_package_is_read_with_its_docs() {
    let interface = Interface::from_wit_package(&package_bytes(MODULE)).unwrap();
    assert_eq!(interface.package, "cold:chain@0.1.0");
    assert_eq!(interface.docs.as_deref(), Some("A cold chain."));
    let names: Vec<&str> = interface.commands.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["init", "open-box", "store"]);
    let open = interface.function(FunctionKind::Command, "open-box").unwrap();
    assert_eq!(open.docs.as_deref(), Some("Opens a box.\nAt once."));
    let Type::Record(watched) = &open.params[0].1 else { panic!("{:?}", open.params[0]) };
    assert_eq!(watched.docs.as_deref(), Some("What to watch."));
    assert_eq!(watched.parts[0].docs.as_deref(), Some("Its label."));
    assert_eq!(watched.parts[1].ty, Type::Id(IdKind::Account));
    assert_eq!(open.params[1].1, Type::Id(IdKind::Account), "an alias of the host's type");
    assert_eq!(open.success(), Some(&Type::U64));
    assert!(matches!(open.failure(), Some(Type::Variant(v)) if v.parts[0].docs.is_some()));
    let init = interface.function(FunctionKind::Command, "init").unwrap();
    assert_eq!(init.params[1].1, Type::Amount);
    let store = interface.function(FunctionKind::Command, "store").unwrap();
    let types: Vec<&Type> = store.params.iter().map(|(_, ty)| ty).collect();
    assert_eq!(
        types,
        [
            &Type::Id(IdKind::CodeHash),
            &Type::Id(IdKind::Hash),
            &Type::Id(IdKind::Id),
            &Type::Bytes,
            &Type::Bytes,
        ]
    );
    // A renamed import is the type it was where it is defined.
    let all = interface.function(FunctionKind::Query, "all").unwrap();
    let Some(Type::List(item)) = &all.result else { panic!("{:?}", all.result) };
    assert_eq!(**item, Type::Record(watched.clone()));
    let events: Vec<&str> = interface.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(events, ["opened", "silent"]);
    assert_eq!(interface.event("silent").unwrap().ty, Type::U64);
    assert_eq!(interface.event("opened").unwrap().docs.as_deref(), Some("A box was opened."));
}

#[test]
fn a_component_agrees_with_its_section() {
    let section = package_bytes(MODULE);
    let told = Interface::from_wit_package(&section).unwrap();
    // Without a section: the same functions, no docs, no events.
    let mut bare = Interface::from_component(&component(MODULE, None)).unwrap();
    bare.commands.sort_by(|left, right| left.name.cmp(&right.name));
    let expected = Interface { events: Vec::new(), ..told.clone().without_docs() };
    let bare = Interface { events: Vec::new(), ..bare };
    assert_eq!(bare.commands[0].params[0].1, Type::Id(IdKind::Account));
    assert_eq!(bare.without_marks(), expected.without_marks());
    assert_eq!(Interface::from_component(&component(MODULE, Some(&section))).unwrap(), told);
}

#[test]
fn a_section_that_lies_is_refused() {
    for (from, to) in [
        ("price: amount", "price: u32"),
        ("by: reader", "buyer: reader"),
        ("too-warm(f64)", "too-cold(f64)"),
        ("-> list<crate>", "-> option<crate>"),
        ("  init: func(owner: account, price: amount);", ""),
        ("mode-of: func", "mode-at: func"),
        ("cold:chain@0.1.0", "cold:chain@0.2.0"),
    ] {
        let lie = MODULE.replacen(from, to, 1);
        assert_ne!(lie, MODULE);
        let refused = Interface::from_component(&component(MODULE, Some(&package_bytes(&lie))));
        assert!(matches!(refused, Err(InterfaceError::SectionDiffers { .. })), "{to}: {refused:?}");
    }
}

#[test]
fn what_a_module_may_not_export() {
    let interface = |body: &str| {
        format!(
            "package a:b; interface commands {{ {body} }}
        interface other {{ f: func(); }} world w {{ export commands; }}"
        )
    };
    let read = |module: &str| Interface::from_component(&component(module, None)).unwrap_err();
    let other = interface("f: func();").replace("{ export commands; }", "{ export other; }");
    let error = read(&other).to_string();
    assert!(error.contains("a:b/other, which is neither commands, queries nor events"), "{error}");
    let loose = interface("f: func();").replace("export commands;", "export g: func();");
    assert!(matches!(read(&loose), InterfaceError::UnknownExport { .. }));
    let error = read(&interface("resource r; f: func(it: borrow<r>);"));
    assert!(matches!(error, InterfaceError::Unsupported { .. }), "{error}");
    let cases: Vec<String> = (0..257).map(|case| format!("c{case}")).collect();
    let many = interface(&format!("enum e {{ {} }} f: func(it: e);", cases.join(", ")));
    assert!(matches!(read(&many), InterfaceError::TooMuch { .. }));
    let nested = |depth: usize| {
        let ty = format!("{}u16{}", "list<".repeat(depth), ">".repeat(depth));
        interface(&format!("f: func(it: {ty});"))
    };
    assert!(Interface::from_component(&component(&nested(31), None)).is_ok());
    assert!(matches!(read(&nested(32)), InterfaceError::TooMuch { .. }));
    let empty = "package a:b; world w { }";
    assert_eq!(read(empty), InterfaceError::NoExports);
}

/// Records of records double at each level: few bytes, very many types.
#[test]
fn a_type_that_unfolds_endlessly_is_refused() {
    let mut body = "record r0 { a: u8, b: u8 }".to_owned();
    for level in 1..15 {
        let below = level - 1;
        body.push_str(&format!(" record r{level} {{ a: r{below}, b: r{below} }}"));
    }
    let module = format!(
        "package a:b; interface commands {{ {body} f: func() -> list<r14>; }} world w {{ export commands; }}"
    );
    let refused = Interface::from_wit_package(&package_bytes(&module));
    assert!(matches!(refused, Err(InterfaceError::TooMuch { .. })), "{refused:?}");
}

#[test]
fn hostile_bytes_are_errors() {
    let section = package_bytes(MODULE);
    let whole = component(MODULE, Some(&section));
    assert!(Interface::from_component(&vec![0; (1 << 20) + 1]).is_err());
    assert!(Interface::from_component(b"\0asm\x01\0\0\0").is_err());
    assert!(Interface::from_component(&section).is_err(), "a package is no component");
    assert!(Interface::from_wit_package(&whole).is_err(), "a component is no package");
    for end in (0..whole.len()).step_by(7) {
        let _ = Interface::from_component(&whole[..end]);
    }
    let mut random = 1_u64;
    for _ in 0..2_000 {
        let mut bytes = if random & 1 == 0 { whole.clone() } else { section.clone() };
        for _ in 0..3 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % bytes.len();
            bytes[at] = (random >> 20) as u8;
        }
        let _ = Interface::from_component(&bytes);
        let _ = Interface::from_wit_package(&bytes);
    }
}

/// A package that exports a function where an interface belongs: wit-parser's decoder panics on it.
#[test]
fn a_package_of_the_wrong_shape_is_an_error() {
    let bytes = wat::parse_str(
        r#"(component
             (type $t (component (type $f (func)) (export "a:b/commands" (func (type $f)))))
             (export "commands" (type $t)))"#,
    );
    if let Ok(bytes) = bytes {
        assert!(Interface::from_wit_package(&bytes).is_err());
    }
    let account = wat::parse_str(
        r#"(component
             (import "pollen:host/types@0.1.0" (instance $types
               (type $r (record (field "a" u32))) (export "account" (type (eq $r)))))
             (alias export $types "account" (type $account))
             (component $c
               (import "t" (type $a (eq $account)))
               (type $f (func (param "x" $a)))
               (import "f" (func $f (type $f)))
               (export "f" (func $f)))
             (import "g" (func $g (param "x" $account)))
             (instance $i (instantiate $c (with "t" (type $account)) (with "f" (func $g))))
             (export "a:b/commands" (instance $i)))"#,
    )
    .unwrap();
    let refused = Interface::from_component(&account);
    assert_eq!(refused, Err(InterfaceError::NotHostType { name: "account".to_owned() }));
}

#[test]
fn the_text_is_the_same_interface_again() {
    let interface = Interface::from_wit_package(&package_bytes(MODULE)).unwrap();
    let text = interface.to_wit_text();
    let again = Interface::from_wit_package(&package_bytes(&text)).unwrap();
    assert_eq!(again, interface, "{text}");
}

#[test]
fn json_describes_all_of_it() {
    let json = Interface::from_wit_package(&package_bytes(MODULE)).unwrap().to_json();
    let open = &json["commands"][1];
    assert_eq!(open["usage"], "open-box <it: box> <by: account> <mode: mode> <may: rights>");
    assert_eq!(open["params"][0]["schema"]["$ref"], "#/types/commands.box/schema");
    assert_eq!(open["result"]["type"], "result<u64, refusal>");
    let schema = &json["types"]["commands.box"]["schema"];
    assert_eq!(schema["properties"]["name"]["description"], "Its label.");
    assert_eq!(schema["properties"]["owner"]["format"], "account");
    assert_eq!(json["events"][0]["docs"], "A box was opened.");
    assert_eq!(json["queries"][0]["params"][0]["optional"], true);
}

#[test]
fn misspelt_names_find_their_function() {
    let interface = Interface::from_wit_package(&package_bytes(MODULE)).unwrap();
    let unknown = |kind, name: &str| interface.function(kind, name).unwrap_err().to_string();
    assert_eq!(
        unknown(FunctionKind::Command, "open_bx"),
        "the module has no command 'open_bx'; did you mean 'open-box'?"
    );
    assert_eq!(
        unknown(FunctionKind::Command, "all"),
        "the module has no command 'all', but a query of that name"
    );
    assert_eq!(
        unknown(FunctionKind::Query, "transfer"),
        "the module has no query 'transfer'; it has: all, mode-of"
    );
}
