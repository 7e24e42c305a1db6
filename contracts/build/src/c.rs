//! A module in C: `module.c` beside `wit/`, compiled by clang against bindings that are generated from the
//! interface, and a C library of our own of a few functions.
//!
//! The file includes `pollen.h`, which declares the host's functions and those that it must define, named by
//! interface: `pollen_host_storage_get`, `exports_pollen_counter_commands_increment`. Everything that is
//! generated or compiled goes below the target directory, never beside the source.
//!
//! Invariants: as for modules in Rust, the same source and compiler give the same bytes; the shadow stack is
//! as small and lies below the data.
//!
//! What it deliberately does not do: more than one source file, or headers of the system: what the C library
//! would ask of a system does not exist here.

use crate::cargo::{OUTPUT_BYTES_MAX, STACK_BYTES};
use crate::toolchain::{Toolchain, rust_wasm_linker};
use crate::{BuildError, Options, Progress, component};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wit_bindgen_core::Files;

/// The one source file of a module in C.
pub(crate) const SOURCE: &str = "module.c";
/// Names another compiler than clang on PATH.
const CLANG_VARIABLE: &str = "POLLEN_CLANG";
/// Names another linker than the one that comes with Rust.
const LINKER_VARIABLE: &str = "POLLEN_WASM_LD";
/// Where Debian's packages put the tools of LLVM.
const LLVM_PREFIX: &str = "/usr/lib";

/// Our C library, written beside the bindings.
const LIBRARY: [(&str, &str); 3] = [
    ("stdlib.h", include_str!("c/stdlib.h")),
    ("string.h", include_str!("c/string.h")),
    ("libc.c", include_str!("c/libc.c")),
];

/// Speed first, as in Rust; each function a section of its own, so that what nobody calls is left out;
/// no instruction that a node refuses.
const FLAGS: [&str; 12] = [
    "--target=wasm32-unknown-unknown",
    "-std=c11",
    "-O2",
    "-ffreestanding",
    "-fvisibility=hidden",
    "-ffunction-sections",
    "-fdata-sections",
    "-mbulk-memory",
    "-msign-ext",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter", // of the generated bindings
];

/// The name and the folder of the module in C in `dir`; none when it is in another language.
pub(crate) fn module(dir: &Path) -> Result<Option<(String, PathBuf)>, BuildError> {
    if !dir.join(SOURCE).is_file() {
        return Ok(None);
    }
    let not = |reason: String| BuildError::NotAModule { dir: dir.into(), reason };
    let dir = dir.canonicalize().map_err(|error| not(error.to_string()))?;
    let name = dir.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| not("its folder's name is not text".into()))?;
    if !dir.join("wit").exists() {
        return Err(not(format!("{} does not exist", dir.join("wit").display())));
    }
    Ok(Some((name.to_owned(), dir)))
}

/// The package with the tests of the module in `dir`, where it has one: they are in Rust, by the crate `pollen-harness`.
pub(crate) fn tests(dir: &Path) -> Option<PathBuf> {
    let tests = dir.join("tests");
    tests.join("Cargo.toml").is_file().then_some(tests)
}

/// Where modules in C are built when the caller does not say: cargo's folder, or `target` beside the source.
pub(crate) fn target_dir(dir: &Path) -> PathBuf {
    let cargo = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    cargo.unwrap_or_else(|| dir.join("target")).join("modules")
}

/// Compiles and links; the core module.
pub(crate) fn compile(
    name: &str,
    dir: &Path,
    target_dir: &Path,
    options: &Options<'_>,
) -> Result<Vec<u8>, BuildError> {
    let work = target_dir.join("c").join(name);
    if options.fresh && work.exists() {
        fs::remove_dir_all(&work).map_err(BuildError::file(&work))?;
    }
    fs::create_dir_all(&work).map_err(BuildError::file(&work))?;
    write_bindings(name, dir, &work)?;
    let clang = find_clang().ok_or(BuildError::NoClang)?;
    let sources = [dir.join(SOURCE), work.join("pollen.c"), work.join("libc.c")];
    let mut objects = vec![work.join("pollen_component_type.o")];
    for source in sources {
        let object = work.join(source.file_name().expect("each has a name")).with_extension("o");
        options.tell(Progress::Compiling(&format!("Compiling {}", source.display())));
        let mut command = Command::new(&clang);
        command.args(FLAGS).arg("-I").arg(&work);
        for (folder, replaced) in [(dir, "/module"), (&work, "/bindings")] {
            let mut flag = std::ffi::OsString::from("-ffile-prefix-map=");
            flag.push(folder);
            flag.push(format!("={replaced}"));
            command.arg(flag);
        }
        run(name, command.arg("-c").arg(&source).arg("-o").arg(&object))?;
        objects.push(object);
    }
    let core = work.join("core.wasm");
    let mut command = Command::new(linker()?);
    command.args(["--no-entry", "--stack-first", "--strip-debug", "--fatal-warnings"]);
    command.args(["--compress-relocations", "-z", &format!("stack-size={STACK_BYTES}")]);
    run(name, command.args(&objects).arg("-o").arg(&core))?;
    fs::read(&core).map_err(BuildError::file(&core))
}

/// Writes `pollen.h`, `pollen.c` and the interface's object file, and our C library beside them.
fn write_bindings(name: &str, dir: &Path, work: &Path) -> Result<(), BuildError> {
    let failed = |error: &dyn std::fmt::Display| BuildError::Interface {
        name: name.into(),
        reason: format!("{error:#}"),
    };
    let (mut resolve, package) = component::resolve(name, dir)?;
    let world = resolve.select_world(&[package], None).map_err(|error| failed(&error))?;
    let mut files = Files::default();
    let bindings =
        wit_bindgen_c::Opts { rename_world: Some("pollen".into()), ..Default::default() };
    bindings.build().generate(&mut resolve, world, &mut files).map_err(|error| failed(&error))?;
    let library = LIBRARY.into_iter().map(|(file, text)| (file, text.as_bytes()));
    for (file, bytes) in files.iter().chain(library) {
        let path = work.join(file);
        fs::write(&path, bytes).map_err(BuildError::file(&path))?;
    }
    Ok(())
}

/// Runs a compiler or linker; its words are the error.
fn run(name: &str, command: &mut Command) -> Result<(), BuildError> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(BuildError::file(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.truncate(said.floor_char_boundary(OUTPUT_BYTES_MAX));
    Err(BuildError::Compile { name: name.into(), output: said })
}

/// The linker of the Rust that compiles modules, so that both languages have one; else any other.
fn linker() -> Result<PathBuf, BuildError> {
    let of_rust = || match Toolchain::find().ok()? {
        Toolchain::Private(private) => Some(private.linker),
        Toolchain::Own => rust_wasm_linker(),
    };
    let named = env::var_os(LINKER_VARIABLE).map(PathBuf::from);
    named.or_else(of_rust).or_else(|| find("wasm-ld")).ok_or(BuildError::NoClang)
}

/// The compiler of modules in C: the one that a variable names, or clang where it is found.
pub fn find_clang() -> Option<PathBuf> {
    env::var_os(CLANG_VARIABLE).map(PathBuf::from).or_else(|| find("clang"))
}

/// A tool on PATH, or in the newest LLVM that Debian installed.
fn find(tool: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(found) = env::split_paths(&path).map(|dir| dir.join(tool)).find(|it| it.is_file()) {
        return Some(found);
    }
    let version = |path: &Path| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix("llvm-")?.parse().ok()
    };
    let llvms = fs::read_dir(LLVM_PREFIX).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let tools = llvms.filter_map(|llvm| Some((version(&llvm)?, llvm.join("bin").join(tool))));
    tools.filter(|(_, tool)| tool.is_file()).max().map(|(_, tool)| tool)
}
