//! Every module of this repository, from source, with the machine's real toolchain.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

use pollen_build::{
    BuildError, BuiltModule, MANIFEST_SECTION, Options, Progress, WIT_SECTION, build_module,
};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use wasmparser::{ComponentExternalKind, Operator, Parser, Payload, Validator};

const MODULES: [&str; 10] = [
    "counter",
    "token",
    "coldchain",
    "nft",
    "escrow",
    "registry",
    "router",
    "service",
    "fleet",
    "probe",
];
/// A module's size is paid at each deployment: these are small.
const COMPONENT_BYTES_MAX: usize = 100 * 1024;

fn dir_of(name: &str) -> PathBuf {
    Path::new("..").join(name).canonicalize().unwrap() // tests run in their package's folder
}

fn build(name: &str) -> BuiltModule {
    build_module(&dir_of(name), &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// What the outermost component imports and exports, by name.
fn externs(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|it| it.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().filter_map(|it| {
                    let export = it.unwrap();
                    (export.kind == ComponentExternalKind::Instance)
                        .then(|| export.name.name.to_owned())
                }));
            }
            _ => {}
        }
    }
    (imports, exports)
}

fn section<'a>(component: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let payloads = Parser::new(0).parse_all(component);
    payloads
        .filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) if section.name() == name => Some(section.data()),
            _ => None,
        })
        .collect()
}

#[test]
fn every_module_is_a_small_valid_component_that_imports_the_host_alone() {
    for name in MODULES {
        let built = build(name);
        assert_eq!(built.component, fs::read(&built.path).unwrap());
        Validator::new().validate_all(&built.component).unwrap();
        assert!(Parser::is_component(&built.component));
        let (imports, exports) = externs(&built.component);
        let foreign: Vec<_> =
            imports.iter().filter(|name| !name.starts_with("pollen:host/")).collect();
        assert!(foreign.is_empty(), "{name} imports {foreign:?}");
        for interface in ["commands", "queries"] {
            let export = format!("pollen:{name}/{interface}@0.1.0");
            assert!(exports.contains(&export), "{name} exports {exports:?}, not {export}");
        }
        let bytes = built.component.len();
        println!("{name}: component {bytes} bytes, core module {} bytes", built.core_bytes);
        assert!(bytes < COMPONENT_BYTES_MAX, "{name}: {bytes} bytes");
        // The program and what fills its table: a shim beside them is a core instance more in each call. A component
        // of another shape would be left as it is, so a new version of the tools could lose that unseen.
        assert_eq!(core_modules(&built.component), 2, "{name}");
        assert!(pollen_build::fused(&built.component).is_none(), "{name}");
    }
}

fn core_modules(component: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
    payloads.filter(|payload| matches!(payload, Payload::ModuleSection { .. })).count()
}

/// Whoever has a component from elsewhere may try. One from before the shim was taken in, cut off at any byte and with
/// any byte changed: nothing panics, and what comes out is valid.
#[test]
fn what_is_damaged_is_fused_to_something_valid_or_not_at_all() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vm/vectors/counter.wasm");
    let whole = fs::read(path).unwrap();
    assert!(pollen_build::fused(&whole).is_some());
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    let changed = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    let (mut fused, mut refused) = (0, 0);
    for damaged in cut.chain(changed) {
        match pollen_build::fused(&damaged) {
            Some(component) => {
                Validator::new().validate_all(&component).unwrap();
                fused += 1;
            }
            None => refused += 1,
        }
    }
    // A changed constant is as good a program as any; a cut within the code is none.
    assert!(fused > 100 && refused > 100, "{fused} fused, {refused} refused");
}

#[test]
fn the_interface_section_keeps_docs_and_events() {
    let built = build("coldchain");
    assert_eq!(section(&built.component, WIT_SECTION), [built.wit_package.as_slice()]);
    let decoded = wit_component::decode(&built.wit_package).unwrap();
    let resolve = decoded.resolve();
    let package = &resolve.packages[decoded.package()];
    assert_eq!(package.name.to_string(), "pollen:coldchain@0.1.0");
    assert!(package.docs.contents.is_some(), "the package's docs are lost");
    let commands = &resolve.interfaces[package.interfaces["commands"]];
    let docs = commands.functions["open-box"].docs.contents.as_deref();
    assert!(docs.is_some_and(|docs| docs.contains("box")), "{docs:?}");
    let events = &resolve.interfaces[package.interfaces["events"]];
    assert!(events.types.contains_key("alarm") && events.types.contains_key("reading"));
}

/// What a module allows is said by the component, where nodes look for it, and not by the code inside.
#[test]
fn a_module_that_may_be_re_entered_says_so_in_its_manifest() {
    let router = build("router");
    assert_eq!(section(&router.component, MANIFEST_SECTION), [[1, 1]]);
    let module = MANIFEST_SECTION.as_bytes();
    let times = router.component.windows(module.len()).filter(|bytes| *bytes == module).count();
    assert_eq!(times, 1, "it was moved, not copied");
    assert!(section(&build("counter").component, MANIFEST_SECTION).is_empty());
}

/// Traps show names of functions, as people write them; all else that only names things is left out.
#[test]
fn functions_keep_their_names_and_nothing_else_does() {
    let built = build("token");
    let names = section(&built.component, "name");
    let text = String::from_utf8_lossy(names[0]).into_owned();
    assert!(text.contains("token::move_tokens") || text.contains("token::Token as"), "{text}");
    assert!(!text.contains("_ZN") && !text.contains("_RNv"), "{text}");
    for left_out in ["component-name", "target_features"] {
        assert!(section(&built.component, left_out).is_empty(), "{left_out}");
    }
    Validator::new().validate_all(&built.component).unwrap();
}

/// The same steps as for Rust: a valid component of the same interface, the same bytes each time.
#[test]
fn a_module_in_c_is_a_component_like_others() {
    let built = build("counter-c");
    Validator::new().validate_all(&built.component).unwrap();
    let (imports, exports) = externs(&built.component);
    assert!(imports.iter().all(|name| name.starts_with("pollen:host/")), "{imports:?}");
    assert!(exports.contains(&"pollen:counter/commands@0.1.0".to_owned()), "{exports:?}");
    assert_eq!(built.wit_package, build("counter").wit_package);
    assert_eq!(section(&built.component, WIT_SECTION), [built.wit_package.as_slice()]);
    let again = build_module(&dir_of("counter-c"), &Options { fresh: true, ..Options::default() });
    assert_eq!(again.unwrap(), built);
    println!("counter-c: component {} bytes, core {}", built.component.len(), built.core_bytes);
    let bytes: i32 = frames(&built.component).iter().sum();
    assert!(bytes < 16 * 1024, "{bytes} bytes of frames");
}

#[test]
fn a_module_in_c_that_does_not_compile_shows_the_compilers_words() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("wit")).unwrap();
    fs::copy(dir_of("counter").join("wit/world.wit"), dir.path().join("wit/world.wit")).unwrap();
    fs::write(dir.path().join("module.c"), "#include \"pollen.h\"\nint f(void) { return x; }\n")
        .unwrap();
    let options = Options { target_dir: Some(dir.path().join("target")), ..Options::default() };
    let error = build_module(dir.path(), &options).unwrap_err();
    assert!(matches!(error, BuildError::Compile { .. }), "{error}");
    assert!(error.to_string().contains("module.c:2"), "{error}");
}

/// The shadow stack is small so that a fresh instance is cheap, and lies below the data, so that an
/// overflow traps; a linker that ignores either would go unnoticed otherwise. (17 KiB: why not 16 stands where the
/// builder says so.)
#[test]
fn the_guest_has_a_small_stack_below_its_data() {
    let built = build("counter");
    let mut first_global = None;
    for payload in Parser::new(0).parse_all(&built.component) {
        if let Payload::GlobalSection(globals) = payload.unwrap() {
            let global = globals.into_iter().next().unwrap().unwrap();
            let mut operators = global.init_expr.get_operators_reader();
            first_global.get_or_insert(format!("{:?}", operators.read().unwrap()));
        }
    }
    assert_eq!(first_global.as_deref(), Some("I32Const { value: 17408 }"));
}

/// Bytes that each function takes from the shadow stack: it begins by lowering the first global.
fn frames(component: &[u8]) -> Vec<i32> {
    let mut frames = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        let operators: Vec<_> =
            body.get_operators_reader().unwrap().into_iter().take(3).map(Result::unwrap).collect();
        if let [
            Operator::GlobalGet { global_index: 0 },
            Operator::I32Const { value },
            Operator::I32Sub,
        ] = operators[..]
        {
            frames.push(value);
        }
    }
    frames
}

/// Even a chain of calls through all functions of a module, each once, fits: none of them recurses on
/// what a caller gives.
#[test]
fn the_stack_holds_all_frames_of_each_module_at_once() {
    for name in MODULES {
        let frames = frames(&build(name).component);
        let bytes: i32 = frames.iter().sum();
        println!("{name}: {} frames, {bytes} bytes", frames.len());
        assert!(!frames.is_empty() && bytes < 16 * 1024, "{name}: {bytes} bytes of frames");
    }
}

/// The lines of cargo that a build of the counter showed, and what it built.
fn watched(fresh: bool) -> (Vec<String>, BuiltModule) {
    let lines = RefCell::new(Vec::new());
    let hook = |progress: Progress<'_>| {
        if let Progress::Compiling(line) = progress {
            lines.borrow_mut().push(line.to_owned());
        }
    };
    let options = Options { fresh, progress: Some(&hook), ..Options::default() };
    let built = build_module(&dir_of("counter"), &options).unwrap();
    (lines.into_inner(), built)
}

/// One test, since the fresh build takes away what an unchanged one finds.
#[test]
fn a_fresh_build_gives_the_same_bytes_and_an_unchanged_one_compiles_nothing() {
    let compiles =
        |lines: &[String]| lines.iter().any(|line| line.starts_with("Compiling counter "));
    let first = build("counter");
    let (lines, again) = watched(true);
    assert!(compiles(&lines), "the second build compiled nothing: {lines:?}");
    assert_eq!(again, first);

    let begin = std::time::Instant::now();
    let (lines, unchanged) = watched(false);
    println!("unchanged: {} ms", begin.elapsed().as_millis());
    assert_eq!(unchanged, first);
    assert!(!lines.is_empty(), "the hook was never told anything");
    assert!(!compiles(&lines), "{lines:?}");
}

#[test]
fn a_module_that_does_not_compile_shows_the_compilers_words() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"broken\"\nedition = \"2024\"\n[lib]\ncrate-type = \
                    [\"cdylib\"]\n[workspace]\n";
    fs::create_dir_all(dir.path().join("src")).unwrap();
    fs::create_dir_all(dir.path().join("wit")).unwrap();
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(dir.path().join("src/lib.rs"), "#![no_std]\npub fn f() -> u8 { true }\n").unwrap();
    let error = build_module(dir.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, BuildError::Compile { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("mismatched types") && text.contains("src/lib.rs:2"), "{text}");
}
