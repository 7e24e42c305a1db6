//! Generated modules (tests/smith) with every compiler: equal results, fuel and memories, export by export.
//! Those of `vm/vectors/generated` in every run; more in the folder that `POLLEN_GENERATED` names.

use std::path::{Path, PathBuf};

use wasmtime::{Engine, Extern, ExternType, Instance, Module, Store, Val, ValType};

use super::{COMPILERS, End, engine, metered, wrapped};
use crate::engine::stack;
use crate::validate;

/// Of one call: enough for loops, little for endless ones.
const FUEL: u64 = 300_000;
/// Calls of each export in one instance, with other arguments.
const ROUNDS: u64 = 3;

/// What the exports of a module did.
#[derive(Debug, PartialEq)]
struct Outcome {
    calls: Vec<(String, End<Vec<String>>)>,
    /// Hash of the memory and values of globals, at the end.
    left: Vec<String>,
}

fn argument(ty: &ValType, round: u64) -> Val {
    // Zero, all ones, and something between.
    let bits = [0, u64::MAX, 0x4009_21fb_5444_2d18][round as usize % 3];
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits),
        ValType::V128 => Val::V128((u128::from(bits) << 64 | 7).into()),
        ValType::Ref(_) => Val::FuncRef(None),
    }
}

fn show(value: &Val) -> String {
    match value {
        Val::V128(value) => format!("{:032x}", value.as_u128()),
        Val::FuncRef(function) => format!("function {}", function.is_some()),
        value => format!("{value:?}"),
    }
}

fn run(engine: &Engine, code: &[u8]) -> Outcome {
    let module = Module::new(engine, code).unwrap();
    let mut outcome = Outcome { calls: Vec::new(), left: Vec::new() };
    let names: Vec<_> = module
        .exports()
        .filter(|export| matches!(export.ty(), ExternType::Func(_)))
        .map(|export| export.name().to_owned())
        .collect();
    // A fresh instance for each export: a trap ends an instance here as in the ledger.
    for name in names {
        let mut store = Store::new(engine, ());
        store.set_fuel(FUEL).unwrap();
        let made = Instance::new(&mut store, &module, &[]);
        let used = FUEL - store.get_fuel().unwrap();
        let instance = match &made {
            Ok(instance) => *instance,
            Err(_) => {
                let end = End::of(made.map(|_| Vec::new()), used);
                outcome.calls.push((name, end));
                continue;
            }
        };
        for round in 0..ROUNDS {
            store.set_fuel(FUEL).unwrap();
            let function = instance.get_func(&mut store, &name).unwrap();
            let ty = function.ty(&store);
            let arguments: Vec<Val> = ty.params().map(|ty| argument(&ty, round)).collect();
            let mut results = vec![Val::I32(0); ty.results().len()];
            let ended = function.call(&mut store, &arguments, &mut results);
            let used = FUEL - store.get_fuel().unwrap();
            let end = End::of(ended.map(|()| results.iter().map(show).collect()), used);
            let is_over = !matches!(end, End::Returned(..));
            outcome.calls.push((name.clone(), end));
            if is_over {
                break;
            }
        }
        let exports: Vec<(String, Extern)> = instance
            .exports(&mut store)
            .map(|export| (export.name().to_owned(), export.into_extern()))
            .collect();
        for (name, export) in exports {
            match export {
                Extern::Memory(memory) => {
                    let hash = blake3::hash(memory.data(&store)).to_hex();
                    outcome.left.push(format!("{name} {hash}"));
                }
                Extern::Global(global) => {
                    let value = show(&global.get(&mut store));
                    outcome.left.push(format!("{name} {value}"));
                }
                _ => {}
            }
        }
    }
    outcome
}

fn folders() -> Vec<PathBuf> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/generated");
    let more = std::env::var_os("POLLEN_GENERATED").map(PathBuf::from);
    std::iter::once(kept).chain(more).collect()
}

#[test]
fn generated_modules_do_and_cost_the_same_with_every_compiler() {
    let mut files: Vec<PathBuf> = folders()
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 50);
    let count = files.len();
    let work = move || {
        let engines = COMPILERS.map(engine);
        let (mut refused, mut calls, mut returned, mut exact) = (0, 0, 0, 0);
        for file in files {
            let core = std::fs::read(&file).unwrap();
            if let Err(refusal) = validate::check_code(&wrapped(&core)) {
                assert!(!refusal.reason.contains("not a valid"), "{}", refusal.reason);
                refused += 1;
                continue;
            }
            let code = metered(&core);
            let [speed, quick, interpreter] = engines.each_ref().map(|engine| run(engine, &code));
            assert_eq!(speed, quick, "{}", file.display());
            assert_eq!(speed, interpreter, "{}", file.display());
            calls += speed.calls.len();
            returned +=
                speed.calls.iter().filter(|(_, end)| matches!(end, End::Returned(..))).count();
            exact += speed.calls.iter().filter(|(_, end)| matches!(end, End::Exact(..))).count();
        }
        println!(
            "{count} modules, {refused} refused by limits; {calls} calls: {returned} returned, {exact} \
             ended exactly"
        );
        assert!(refused * 4 < count, "{refused}");
        assert!(returned * 4 > calls, "{returned}");
    };
    stack::spawn("test", work).unwrap().join().unwrap();
}
