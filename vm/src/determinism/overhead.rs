//! What metering costs: the examples with neither fuel nor stack metering, with fuel, and with both, beside a
//! host that does next to nothing. A measurement: run it with `--run-ignored all --no-capture overhead`.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::component::{Component, Linker, LinkerInstance, Val, WasmList, WasmStr};
use wasmtime::{Engine, Store, StoreContextMut};

use super::examples::code;
use crate::VmConfig;
use crate::engine::{stack, wasmtime_config};
use crate::host::Id;
use crate::instrument::instrument;

type Entries = Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>;
type Context<'a> = StoreContextMut<'a, Entries>;

const CALLS: u32 = 2_000;
const RUNS: usize = 9;

fn take(context: &Context<'_>, list: &WasmList<u8>) -> Vec<u8> {
    list.as_le_slice(context).to_vec()
}

fn storage(linker: &mut LinkerInstance<'_, Entries>) -> wasmtime::Result<()> {
    linker.func_wrap("get", |context: Context<'_>, (key,): (WasmList<u8>,)| {
        let key = take(&context, &key);
        Ok((context.data().lock().get(&key).cloned(),))
    })?;
    linker.func_wrap("len", |context: Context<'_>, (key,): (WasmList<u8>,)| {
        let key = take(&context, &key);
        Ok((context.data().lock().get(&key).map(|value| value.len() as u32),))
    })?;
    linker.func_wrap("set", |context: Context<'_>, (key, value): (WasmList<u8>, WasmList<u8>)| {
        let (key, value) = (take(&context, &key), take(&context, &value));
        context.data().lock().insert(key, value);
        Ok(())
    })
}

fn linker(engine: &Engine, component: &Component) -> Linker<Entries> {
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(component).unwrap();
    linker.allow_shadowing(true);
    storage(&mut linker.instance("pollen:host/storage@0.1.0").unwrap()).unwrap();
    let mut context = linker.instance("pollen:host/context@0.1.0").unwrap();
    for name in ["caller", "signer", "this"] {
        context.func_wrap(name, |_: Context<'_>, (): ()| Ok((Id::from([9; 32]),))).unwrap();
    }
    context.func_wrap("time-ms", |_: Context<'_>, (): ()| Ok((1_000_u64,))).unwrap();
    let mut events = linker.instance("pollen:host/events@0.1.0").unwrap();
    type Emitted = (WasmStr, WasmList<WasmList<u8>>, WasmList<u8>);
    events.func_wrap("emit", |_: Context<'_>, _: Emitted| Ok(())).unwrap();
    linker
}

/// Processor time of this thread; the kernel brings it up to date when a thread yields.
fn cpu_ns() -> u64 {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

struct Bench {
    engine: Engine,
    instance: wasmtime::component::InstancePre<Entries>,
    component: Component,
    entries: Entries,
    has_fuel: bool,
}

impl Bench {
    fn new(module: &str, has_fuel: bool, has_stack: bool) -> Self {
        let mut config = wasmtime_config(&VmConfig { instances: 36, ..VmConfig::default() });
        config.consume_fuel(has_fuel);
        let engine = Engine::new(&config).unwrap();
        let code = code(module);
        let code = if has_stack { instrument(&code).unwrap() } else { code };
        let component = Component::from_binary(&engine, &code).unwrap();
        let instance = linker(&engine, &component).instantiate_pre(&component).unwrap();
        Self { engine, instance, component, entries: Entries::default(), has_fuel }
    }

    fn call(&self, interface: &str, function: &str, arguments: &[Val]) {
        let mut store = Store::new(&self.engine, Arc::clone(&self.entries));
        if self.has_fuel {
            store.set_fuel(100_000_000).unwrap();
        }
        let interface = self.component.get_export_index(None, interface).unwrap();
        let export = self.component.get_export_index(Some(&interface), function).unwrap();
        let instance = self.instance.instantiate(&mut store).unwrap();
        let function = instance.get_func(&mut store, export).unwrap();
        let mut results = vec![Val::Bool(false); function.ty(&store).results().len()];
        function.call(&mut store, arguments, &mut results).unwrap();
        if let [Val::Result(Err(error))] = results.as_slice() {
            panic!("{error:?}");
        }
    }

    fn microseconds(&self, interface: &str, function: &str, arguments: &[Val]) -> f64 {
        let run = || {
            let start = cpu_ns();
            (0..CALLS).for_each(|_| self.call(interface, function, arguments));
            (cpu_ns() - start) as f64 / 1e3 / f64::from(CALLS)
        };
        (0..RUNS).map(|_| run()).fold(f64::MAX, f64::min)
    }
}

fn account(byte: u8) -> Val {
    let word = Val::U64(u64::from_le_bytes([byte; 8]));
    Val::Record(["a", "b", "c", "d"].map(|name| (name.to_owned(), word.clone())).to_vec())
}

#[test]
#[ignore = "a measurement"]
fn overhead_of_metering_on_the_examples() {
    let text = |text: &str| Val::String(text.to_owned());
    let open = [text("milk"), Val::Float64(4.0), Val::Option(None), Val::Option(None)];
    let gold = [text("Gold"), text("GLD"), Val::U8(2), Val::U64(1 << 40)];
    type Case = (&'static str, &'static str, Vec<Val>, &'static str, Vec<Val>);
    let cases: Vec<Case> = vec![
        ("counter", "init", vec![Val::U64(5)], "increment", vec![Val::U64(1)]),
        ("token", "init", gold.to_vec(), "transfer", vec![account(5), Val::U64(1)]),
        ("coldchain", "open-box", open.to_vec(), "record", vec![text("milk"), Val::Float64(3.5)]),
    ];
    let work = move || {
        for (module, first, first_arguments, function, arguments) in cases {
            let interface = format!("pollen:{module}/commands@0.1.0");
            let [plain, fuel, both] =
                [(false, false), (true, false), (true, true)].map(|(fuel, stack)| {
                    let bench = Bench::new(module, fuel, stack);
                    bench.call(&interface, first, &first_arguments);
                    bench.microseconds(&interface, function, &arguments)
                });
            let percent = |with: f64| (with / plain - 1.0) * 100.0;
            println!(
                "{module} {function}: {plain:.2} us plain, {fuel:.2} with fuel ({:+.1} %), {both:.2} with fuel and \
                 stack ({:+.1} %)",
                percent(fuel),
                percent(both)
            );
        }
    };
    stack::spawn("test", work).unwrap().join().unwrap();
}

/// The worst for both: nothing but calls, and a tight loop.
#[test]
#[ignore = "a measurement"]
fn overhead_of_metering_on_the_worst_code() {
    let fib = "(module (func $f (export \"f\") (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else
          (i32.add (call $f (i32.sub (local.get 0) (i32.const 1)))
                   (call $f (i32.sub (local.get 0) (i32.const 2))))))))";
    let sum = "(module (memory 1) (func (export \"f\") (param i32) (result i32) (local i32 i32)
        (loop
          (local.set 1 (i32.add (local.get 1) (i32.load (i32.and (local.get 2) (i32.const 0xfff0)))))
          (local.set 2 (i32.add (local.get 2) (i32.const 4)))
          (br_if 0 (i32.lt_u (local.get 2) (local.get 0))))
        (local.get 1)))";
    let work = move || {
        for (name, wat, argument) in [("fib(27)", fib, 27), ("a sum of a million", sum, 4_000_000)]
        {
            let core = wat::parse_str(wat).unwrap();
            let [plain, fuel, both] =
                [(false, false), (true, false), (true, true)].map(|(fuel, stack)| {
                    let mut config =
                        wasmtime_config(&VmConfig { instances: 36, ..VmConfig::default() });
                    let engine = Engine::new(config.consume_fuel(fuel)).unwrap();
                    let code = if stack { super::metered(&core) } else { core.clone() };
                    let module = wasmtime::Module::new(&engine, &code).unwrap();
                    let mut store = Store::new(&engine, ());
                    if fuel {
                        store.set_fuel(u64::MAX / 2).unwrap();
                    }
                    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
                    let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
                    let run = |store: &mut Store<()>| {
                        let start = cpu_ns();
                        f.call(store, argument).unwrap();
                        (cpu_ns() - start) as f64 / 1e6
                    };
                    (0..RUNS).map(|_| run(&mut store)).fold(f64::MAX, f64::min)
                });
            let percent = |with: f64| (with / plain - 1.0) * 100.0;
            println!(
                "{name}: {plain:.2} ms plain, {fuel:.2} with fuel ({:+.0} %), {both:.2} with fuel and stack \
                 ({:+.0} %)",
                percent(fuel),
                percent(both)
            );
        }
    };
    stack::spawn("test", work).unwrap().join().unwrap();
}
