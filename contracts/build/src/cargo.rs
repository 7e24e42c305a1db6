//! The two questions to cargo: what package is this, and where is its compiled code.

use crate::toolchain::{TARGET, own_sysroot};
use crate::{BuildError, Options, Progress, Toolchain};
use serde::Deserialize;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of the guest's shadow stack. Small, since each instance's memory begins with it; the linker puts
/// it below the data, so an overflow traps instead of overwriting. A quarter of a host's page more than four
/// pages: what a small call uses of the stack lies in one page with the data and the heap behind it, and each page
/// that a call writes to costs the copy that restores it.
pub(crate) const STACK_BYTES: u32 = 17 * 1024;
/// The most that is kept of what the compiler says.
pub(crate) const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// The guest's profile. Speed, since fuel is paid at every call and size once; one unit and whole-program
/// optimisation, since code that nobody calls is paid at deployment; names stay for readable backtraces.
const PROFILE: [&str; 8] = [
    "profile.release.opt-level=3",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=\"debuginfo\"",
    "profile.release.debug-assertions=false",
    "profile.release.overflow-checks=true",
    "profile.release.incremental=false",
];

/// Instead of the names alone: lines of the source, for backtraces of queries. The component is several times
/// as large, and its bytes are paid for.
const DEBUG_PROFILE: [&str; 2] =
    ["profile.release.strip=\"none\"", "profile.release.debug=\"line-tables-only\""];

/// Variables of the user, or of a cargo that runs us, which would change the guest.
const FOREIGN: [&str; 12] = [
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_INCREMENTAL",
    "CARGO_MAKEFLAGS",
    "MAKEFLAGS",
    "RUSTC_BOOTSTRAP",
];

/// A module's package, as cargo sees it.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) target_dir: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// One line of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// Cargo, without what would change what it builds.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    command
}

/// For when it does not start.
pub(crate) fn no_cargo(command: &Command) -> impl FnOnce(std::io::Error) -> BuildError + use<> {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| BuildError::NoCargo { program, source }
}

/// The package in `dir`.
pub(crate) fn package(dir: &Path) -> Result<Package, BuildError> {
    let not = |reason: String| BuildError::NotAModule { dir: dir.into(), reason };
    let dir = dir.canonicalize().map_err(|error| not(error.to_string()))?;
    let manifest = dir.join("Cargo.toml");
    for needed in [&manifest, &dir.join("wit")] {
        if !needed.exists() {
            return Err(not(format!("{} does not exist", needed.display())));
        }
    }
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]);
    let output = command.arg(&manifest).output().map_err(no_cargo(&command))?;
    if !output.status.success() {
        return Err(not(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| not(error.to_string()))?;
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.manifest_path == manifest)
        .ok_or_else(|| not("its Cargo.toml has no [package]".into()))?;
    let is_cdylib = |target: &Target| target.crate_types.iter().any(|kind| kind == "cdylib");
    if !package.targets.iter().any(is_cdylib) {
        return Err(not("its [lib] has no crate-type \"cdylib\"".into()));
    }
    Ok(Package {
        name: package.name,
        dir,
        target_dir: metadata.target_directory,
        workspace_root: metadata.workspace_root,
    })
}

/// Compiles the package for the guest; the path of its core module.
pub(crate) fn compile(
    package: &Package,
    toolchain: &Toolchain,
    target_dir: &Path,
    options: &Options<'_>,
) -> Result<PathBuf, BuildError> {
    let mut command = compile_command(package, toolchain, target_dir, options.debug);
    let mut child = command.spawn().map_err(no_cargo(&command))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let manifest = package.dir.join("Cargo.toml");
    let (core, diagnostics, said) = std::thread::scope(|scope| {
        let messages = scope.spawn(|| read_messages(stdout, &manifest));
        let said = read_progress(stderr, options);
        let (core, diagnostics) = messages.join().expect("reading lines does not panic");
        (core, diagnostics, said)
    });
    let status = child.wait().map_err(no_cargo(&command))?;
    let failed = |output| BuildError::Compile { name: package.name.clone(), output };
    match core {
        Some(core) if status.success() => Ok(core),
        Some(_) | None if !diagnostics.is_empty() => Err(failed(diagnostics)),
        _ => Err(failed(said)),
    }
}

fn compile_command(
    package: &Package,
    toolchain: &Toolchain,
    target_dir: &Path,
    debug: bool,
) -> Command {
    let mut command = cargo();
    command
        .args(["build", "--release", "--lib", "--target", TARGET, "--color", "never"])
        .args(["--message-format", "json", "--manifest-path"])
        .arg(package.dir.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(&package.workspace_root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(package, toolchain, debug))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let debugging = if debug { &DEBUG_PROFILE[..] } else { &[] };
    for setting in PROFILE.iter().chain(debugging) {
        command.args(["--config", setting]);
    }
    if let Toolchain::Private(private) = toolchain {
        let mut libraries = private.library_path.clone();
        if let Some(inherited) = env::var_os("LD_LIBRARY_PATH") {
            libraries.extend(env::split_paths(&inherited));
        }
        if let Ok(libraries) = env::join_paths(libraries) {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        // The guest has no standard library: `core` and `alloc` are built from the prefix's sources,
        // which a released compiler allows under this variable only.
        command
            .arg("-Zbuild-std=core,alloc,panic_abort")
            .env("RUSTC", &private.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &private.linker);
    }
    command
}

/// Compiler flags, separated as cargo wants them. The linker is told to write numbers as short as they are: it
/// leaves five bytes for each that it fills in. (Not with debug information, whose addresses that would move: the
/// linker refuses.) Paths of this machine are replaced, so that the same
/// source gives the same bytes anywhere.
fn flags(package: &Package, toolchain: &Toolchain, debug: bool) -> OsString {
    let mut flags = OsString::from(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    if !debug {
        flags.push("\u{1f}-Clink-arg=--compress-relocations");
    }
    let mut remap = |from: &Path, to: &str| {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(from);
        flags.push(format!("={to}"));
    };
    if let Some(home) = cargo_home() {
        remap(&home.join("registry/src"), "/registry");
    }
    if let Some(sysroot) = sysroot(toolchain) {
        remap(&sysroot, "/rust");
    }
    remap(&package.workspace_root, "/module");
    flags
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

/// Where the compiler lies: its standard library's sources are below.
fn sysroot(toolchain: &Toolchain) -> Option<PathBuf> {
    match toolchain {
        Toolchain::Private(private) => Some(private.rustc.parent()?.parent()?.to_path_buf()),
        Toolchain::Own => own_sysroot(),
    }
}

/// The core module's path and what the compiler complained about, from cargo's JSON lines.
fn read_messages(stdout: Option<impl Read>, manifest: &Path) -> (Option<PathBuf>, String) {
    let (mut core, mut diagnostics) = (None, String::new());
    let lines = stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines);
    for line in lines.map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Message>(&line) else { continue };
        match (message.reason.as_str(), message.message) {
            ("compiler-artifact", _) if message.manifest_path.as_deref() == Some(manifest) => {
                let is_wasm = |path: &PathBuf| path.extension().is_some_and(|it| it == "wasm");
                core = message.filenames.into_iter().find(is_wasm).or(core);
            }
            ("compiler-message", Some(Diagnostic { level, rendered: Some(text) }))
                if level == "error" && diagnostics.len() + text.len() <= OUTPUT_BYTES_MAX =>
            {
                diagnostics.push_str(&text);
            }
            _ => {}
        }
    }
    (core, diagnostics)
}

/// Passes cargo's lines on as they come; returns them.
fn read_progress(stderr: Option<impl Read>, options: &Options<'_>) -> String {
    let mut said = String::new();
    let lines = stderr.map(BufReader::new).into_iter().flat_map(BufRead::lines);
    for line in lines.map_while(Result::ok) {
        options.tell(Progress::Compiling(line.trim()));
        if said.len() + line.len() < OUTPUT_BYTES_MAX {
            said.push_str(&line);
            said.push('\n');
        }
    }
    said
}
