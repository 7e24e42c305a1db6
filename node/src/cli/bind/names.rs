//! Names that bindings give to what a module has, in any language that writes types in PascalCase.

use std::collections::{BTreeMap, BTreeSet};

use pollen_vm::Interface;
use pollen_vm::interface::{Function, Type, TypeName};

/// Functions that are run by deployments and upgrades, never by calls.
const UNCALLABLE: [&str; 2] = ["init", "migrate"];

/// Names of the named types, by interface and name.
pub type Names<'a> = BTreeMap<(&'a str, &'a str), String>;

fn key(name: &TypeName) -> (&str, &str) {
    (&name.interface, &name.name)
}

/// Commands that a transaction can call.
pub fn callable(interface: &Interface) -> impl Iterator<Item = &Function> {
    interface.commands.iter().filter(|one| !UNCALLABLE.contains(&one.name.as_str()))
}

/// The name of what stands for the whole module: its package's.
pub fn class_of(package: &str, taken: &[&str]) -> String {
    let class = pascal(package_name(package));
    match class.as_str() {
        "" => "Bound".to_owned(),
        name if taken.contains(&name) => format!("{class}Module"),
        _ => class,
    }
}

/// The name that a named type was given.
pub fn name_of(ty: &Type, names: &Names<'_>) -> String {
    let known = ty.name().and_then(|name| names.get(&key(name)));
    known.cloned().expect("every named type of the interface was given a name")
}

/// Every named type once, parts before the whole.
pub fn named_types(interface: &Interface) -> Vec<&Type> {
    fn collect<'t>(
        ty: &'t Type,
        seen: &mut BTreeSet<(&'t str, &'t str)>,
        found: &mut Vec<&'t Type>,
    ) {
        if ty.name().is_some_and(|name| !seen.insert(key(name))) {
            return;
        }
        for part in ty.parts() {
            collect(part, seen, found);
        }
        if ty.name().is_some() {
            found.push(ty);
        }
    }
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for function in interface.commands.iter().chain(&interface.queries) {
        for ty in function.params.iter().map(|(_, ty)| ty).chain(&function.result) {
            collect(ty, &mut seen, &mut found);
        }
    }
    interface.events.iter().for_each(|event| collect(&event.ty, &mut seen, &mut found));
    found
}

/// Names of types: as they are called, or with the module's or the interface's name before it, where that is `taken`.
pub fn names_of<'a>(named: &[&'a Type], class: &str, taken: &[&str]) -> Names<'a> {
    let mut taken: BTreeSet<String> = taken.iter().map(|name| (*name).to_owned()).collect();
    taken.extend([class.to_owned(), format!("{class}Event")]);
    let mut names = BTreeMap::new();
    for name in named.iter().filter_map(|ty| ty.name()) {
        let plain = pascal(&name.name);
        let inside = name.interface.rsplit('/').next().unwrap_or_default();
        let inside = pascal(inside.split('@').next().unwrap_or_default());
        let mut choices =
            vec![plain.clone(), format!("{class}{plain}"), format!("{inside}{plain}")];
        choices.extend((2..).take(named.len()).map(|number| format!("{class}{plain}{number}")));
        let free = choices.into_iter().find(|choice| !taken.contains(choice));
        let free = free.expect("one more choice than types");
        taken.insert(free.clone());
        names.insert(key(name), free);
    }
    names
}

/// `chain` of `cold:chain@0.1.0`.
fn package_name(package: &str) -> &str {
    let name = package.rsplit(':').next().unwrap_or_default();
    name.split('@').next().unwrap_or_default()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `BoxStatus` of `box-status`.
pub fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}
