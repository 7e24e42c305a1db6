//! What these protect: an upgrade that breaks callers is told so, and one that does not is let through.

use proptest::prelude::*;

use super::super::{EventType, Named, TypeName};
use super::*;
use crate::value::tests::any_type;

fn function(name: &str, params: &[(&str, Type)], result: Option<Type>) -> Function {
    let params = params.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
    Function { name: name.to_owned(), docs: Some("Docs.".to_owned()), params, result }
}

fn type_name(name: &str) -> TypeName {
    TypeName { interface: "commands".to_owned(), name: name.to_owned() }
}

fn labels(names: &[&str]) -> Named<Label> {
    let label = |name: &&str| Label { name: (*name).to_owned(), docs: None };
    Named { name: type_name("mode"), docs: None, parts: names.iter().map(label).collect() }
}

fn record(fields: &[(&str, Type)]) -> Type {
    let field =
        |(name, ty): &(&str, Type)| Field { name: (*name).to_owned(), docs: None, ty: ty.clone() };
    Type::Record(Named {
        name: type_name("box"),
        docs: None,
        parts: fields.iter().map(field).collect(),
    })
}

fn result(ok: Type, err: Type) -> Type {
    Type::Result { ok: Some(Box::new(ok)), err: Some(Box::new(err)) }
}

fn commands(functions: Vec<Function>) -> Interface {
    Interface { package: "my:shop@0.1.0".to_owned(), commands: functions, ..Interface::default() }
}

/// Of a command `f` with this parameter before and after.
fn of_param(before: Type, after: Type) -> bool {
    let of = |ty: Type| commands(vec![function("f", &[("it", ty)], None)]);
    of(before).compared(&of(after)).is_compatible()
}

/// Of a command `f` with this result before and after.
fn of_result(before: Type, after: Type) -> bool {
    let of = |ty: Type| commands(vec![function("f", &[], Some(ty))]);
    of(before).compared(&of(after)).is_compatible()
}

/// Of an event before and after.
fn of_event(before: Type, after: Type) -> bool {
    let of = |ty: Type| {
        let events = vec![EventType { name: "e".to_owned(), docs: None, ty }];
        Interface { events, ..commands(Vec::new()) }
    };
    of(before).compared(&of(after)).is_compatible()
}

#[test]
fn what_is_added_breaks_nobody_and_what_is_removed_does() {
    let (get, put) =
        (function("get", &[], Some(Type::U64)), function("put", &[("it", Type::U8)], None));
    let (one, two) = (commands(vec![get.clone()]), commands(vec![get, put]));
    let more = one.compared(&two);
    assert!(more.is_compatible());
    assert_eq!(more.differences.len(), 1);
    assert_eq!(more.differences[0].kind, DifferenceKind::Added);
    assert_eq!(more.differences[0].after.as_deref(), Some("put: func(it: u8)"));
    let less = two.compared(&one);
    assert!(!less.is_compatible());
    assert_eq!(
        (less.differences[0].kind, less.differences[0].name.as_str()),
        (DifferenceKind::Removed, "put")
    );
    // A command that became a query: calls of it are refused.
    let moved = Interface { queries: one.commands.clone(), ..commands(Vec::new()) };
    assert!(!one.compared(&moved).is_compatible());
}

#[test]
fn parameters_and_results_of_another_shape_break() {
    assert!(!of_param(Type::U64, Type::U32));
    assert!(!of_param(Type::U64, Type::Amount), "people write them differently");
    assert!(!of_result(Type::U64, Type::Option(Box::new(Type::U64))));
    assert!(!of_result(record(&[("a", Type::U8)]), record(&[("a", Type::U8), ("b", Type::U8)])));
    assert!(!of_param(record(&[("a", Type::U8)]), record(&[("b", Type::U8)])));
    assert!(!of_event(record(&[("a", Type::U8)]), record(&[("a", Type::U16)])));
    let (a, b) = (function("f", &[("a", Type::U8)], None), function("f", &[("b", Type::U8)], None));
    assert!(
        !commands(vec![a]).compared(&commands(vec![b])).is_compatible(),
        "arguments go by name"
    );
}

/// The cases that people add most: another mode to ask for, another reason to refuse.
#[test]
fn new_cases_are_taken_where_the_module_reads_and_in_errors() {
    let (few, many) = (labels(&["on", "off"]), labels(&["on", "off", "eco"]));
    let (few, many) = (Type::Enum(few), Type::Enum(many));
    assert!(of_param(few.clone(), many.clone()));
    assert!(!of_param(many.clone(), few.clone()));
    assert!(of_result(result(Type::U8, few.clone()), result(Type::U8, many.clone())));
    assert!(!of_result(result(Type::U8, many.clone()), result(Type::U8, few.clone())));
    assert!(!of_result(result(few.clone(), Type::U8), result(many.clone(), Type::U8)));
    assert!(!of_result(few.clone(), many.clone()));
    assert!(!of_event(few.clone(), many));
    let between = Type::Enum(labels(&["on", "eco", "off"]));
    assert!(!of_param(few, between), "the numbers of the cases behind it would change");
}

#[test]
fn flags_may_grow_within_their_bytes() {
    let flags = |count: usize| {
        let names: Vec<String> = (0..count).map(|index| format!("f{index}")).collect();
        Type::Flags(labels(&names.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    assert!(of_param(flags(3), flags(8)));
    assert!(!of_param(flags(8), flags(9)));
    assert!(!of_result(flags(3), flags(4)));
}

/// Nobody calls them, so nobody can be broken; but they are told.
#[test]
fn init_and_migrate_may_change() {
    let before = commands(vec![function("init", &[("start", Type::U64)], None)]);
    let after = commands(vec![function("migrate", &[], None)]);
    let difference = before.compared(&after);
    assert!(difference.is_compatible());
    assert_eq!(difference.differences.len(), 2);
}

#[test]
fn docs_and_names_of_types_are_nobodys_to_send() {
    let mut renamed = labels(&["on", "off"]);
    renamed.name = type_name("state");
    let (old, new) = (Type::Enum(labels(&["on", "off"])), Type::Enum(renamed));
    assert!(of_result(old, new));
    let mut undocumented = commands(vec![function("f", &[], None)]);
    let documented = undocumented.clone();
    undocumented.commands[0].docs = None;
    assert_eq!(documented.compared(&undocumented), Comparison::default());
}

/// A type that changes is told, with the function that it breaks.
#[test]
fn a_changed_type_is_told_beside_what_uses_it() {
    let of = |ty| commands(vec![function("f", &[], Some(ty))]);
    let compared = of(record(&[("a", Type::U8)])).compared(&of(record(&[("a", Type::U16)])));
    let told: Vec<_> = compared.differences.iter().map(|one| (one.part, one.breaks)).collect();
    assert_eq!(told, [(Part::Command, true), (Part::Type, false)]);
    let after = compared.differences[1].after.as_deref().unwrap();
    assert!(after.contains("a: u16"), "{after}");
}

fn any_function(name: &'static str) -> impl Strategy<Value = Function> {
    let params = proptest::collection::vec(any_type(), 0..4);
    (params, proptest::option::of(any_type())).prop_map(move |(params, result)| {
        let params = (0..).zip(params).map(|(index, ty)| (format!("p{index}"), ty)).collect();
        Function { name: name.to_owned(), docs: None, params, result }
    })
}

fn any_interface() -> impl Strategy<Value = Interface> {
    (any_function("a"), any_function("b"), any_function("c"), any_type()).prop_map(
        |(a, b, c, event)| {
            let events = vec![EventType { name: "e".to_owned(), docs: None, ty: event }];
            Interface {
                package: "my:it@0.1.0".to_owned(),
                docs: None,
                commands: vec![a, b],
                queries: vec![c],
                events,
            }
        },
    )
}

proptest! {
    #[test]
    fn an_interface_differs_in_nothing_from_itself(interface in any_interface()) {
        prop_assert_eq!(interface.compared(&interface), Comparison::default());
    }

    /// Whatever there was, one function and one event more break nobody; the way back does, twice.
    #[test]
    fn additions_pass_and_their_removal_does_not(
        interface in any_interface(), function in any_function("z"), event in any_type(), is_query in any::<bool>(),
    ) {
        let mut more = interface.clone();
        if is_query { more.queries.push(function) } else { more.commands.push(function) }
        more.events.insert(0, EventType { name: "y".to_owned(), docs: None, ty: event });
        prop_assert!(interface.compared(&more).is_compatible());
        let back = more.compared(&interface);
        prop_assert_eq!(back.differences.iter().filter(|one| one.breaks).count(), 2);
    }

    /// The order of functions is nobody's to rely on: they are called by name.
    #[test]
    fn order_is_no_difference(interface in any_interface()) {
        let mut turned = interface.clone();
        turned.commands.reverse();
        let functions = |one: &Difference| one.part != Part::Type; // drawn types share names
        prop_assert!(!interface.compared(&turned).differences.iter().any(functions));
    }
}
