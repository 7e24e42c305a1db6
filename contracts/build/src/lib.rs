//! Builds a module from source: guest compiler, component, interface section.
//!
//! One function, [`build_module`], used by `pollen build`, `pollen deploy` and the tests. A module in Rust is
//! a directory with `Cargo.toml` (a `cdylib`), `wit/world.wit` (its interface) and `src/lib.rs`; one in C has
//! `module.c` and `wit/world.wit` (`c.rs` says how that is compiled). The steps, for Rust:
//!
//! 1. find a Rust that compiles to `wasm32-unknown-unknown` ([`Toolchain::find`]);
//! 2. `cargo build --release` of the guest, with the settings below, into a target directory of its own;
//! 3. core module -> component (wit-component), with one core instance less (`fuse.rs`), checked to be valid;
//! 4. the custom section [`WIT_SECTION`]: the module's WIT package in its binary form with the docs, which
//!    a component loses otherwise; tools and nodes read the interface from there;
//! 5. the custom section [`MANIFEST_SECTION`], when the source has one, moved out of the core module;
//! 6. `<target>/modules/components/<name>.wasm`, written whole or not at all.
//!
//! Invariants: the same source and compiler give the same bytes, wherever the source lies (a private
//! compiler builds its own `core`, so there its prefix may count too); one build at a time in one target
//! directory; an unchanged module costs cargo's check of freshness and no more. The user's own flags,
//! wrappers and profiles do not reach the guest.
//!
//! What it deliberately does not do: judge whether a component may be deployed (`vm` does), install
//! anything (`scripts/bootstrap` does).

mod anatomy;
mod c;
mod cargo;
mod component;
mod fuse;
mod native_tests;
mod toolchain;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use anatomy::{Anatomy, PartDifference};
pub use c::find_clang;
pub use component::{BUILD_SECTION, HOST_WIT, MANIFEST_SECTION, WIT_SECTION, wit_package};
pub use fuse::fused;
pub use native_tests::{NativeTests, run_native_tests};
pub use toolchain::Toolchain;

/// Why a module was not built; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No compiler for modules on this machine.
    #[error(
        "no Rust that compiles to wasm32-unknown-unknown was found (looked at {searched}).\n\
         Run `make bootstrap` (scripts/bootstrap) to install one beside your own toolchain."
    )]
    NoToolchain {
        /// Where it was looked for.
        searched: String,
    },
    /// The file that `scripts/bootstrap` wrote is damaged or names what is gone.
    #[error("{path}: {reason}.\nRun `make bootstrap` again: it replaces the wasm toolchain.")]
    BrokenToolchain {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The directory holds no module.
    #[error(
        "{dir} is no module: {reason}.\n\
         A module has Cargo.toml with `crate-type = [\"cdylib\", \"rlib\"]`, wit/world.wit and src/lib.rs; \
         contracts/counter is the smallest example."
    )]
    NotAModule {
        /// The directory.
        dir: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// No compiler for modules in C.
    #[error(
        "this module is in C, and there is no clang (or no wasm-ld) on PATH or below /usr/lib.\n\
         Install them (Debian, Ubuntu: `apt install clang lld`), or name them with POLLEN_CLANG and POLLEN_WASM_LD."
    )]
    NoClang,
    /// Cargo could not be started.
    #[error(
        "cannot start {program}: {source}.\nInstall Rust (https://rustup.rs) or put cargo on PATH."
    )]
    NoCargo {
        /// What was started.
        program: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The module does not compile.
    #[error("module `{name}` does not compile:\n{output}")]
    Compile {
        /// The package.
        name: String,
        /// What the compiler said.
        output: String,
    },
    /// The interface under `wit/` cannot be read.
    #[error("the interface of module `{name}` cannot be read: {reason}\nSee wit/ of the module.")]
    Interface {
        /// The package.
        name: String,
        /// What the parser said.
        reason: String,
    },
    /// The compiled code is no component of that interface.
    #[error(
        "module `{name}` compiles but makes no component: {reason}\n\
         Does it call `pollen_sdk::module!` with the world of its wit/?"
    )]
    Component {
        /// The package.
        name: String,
        /// What the encoder said.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl BuildError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<'_> {
        move |source| Self::File { path: path.into(), source }
    }
}

/// What a build is doing, for whoever waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another build uses the same target directory; this one waits for it.
    Waiting,
    /// A line of cargo, such as `Compiling token v0.1.0`.
    Compiling(&'a str),
    /// Turning the compiled code into a component.
    Encoding,
}

/// How to build. `Default` is right for everything but tests.
#[derive(Default)]
pub struct Options<'a> {
    /// Where to build; none = `modules` in the target directory of the module's workspace (cargo's, so
    /// `CARGO_TARGET_DIR` counts).
    pub target_dir: Option<PathBuf>,
    /// The compiler; none = [`Toolchain::find`].
    pub toolchain: Option<Toolchain>,
    /// Throw away what was compiled for the guest before, as a check of reproducibility wants.
    pub fresh: bool,
    /// Keep debug information: source lines in backtraces of queries, in a component that is far larger.
    pub debug: bool,
    /// Told what is going on.
    pub progress: Option<&'a dyn Fn(Progress<'_>)>,
}

impl Options<'_> {
    fn tell(&self, progress: Progress<'_>) {
        if let Some(hook) = self.progress {
            hook(progress);
        }
    }
}

/// A module, built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltModule {
    /// Name of its package.
    pub name: String,
    /// What is deployed: the component with its interface section.
    pub component: Vec<u8>,
    /// The same on disk.
    pub path: PathBuf,
    /// Its binary WIT package with docs: the content of [`WIT_SECTION`].
    pub wit_package: Vec<u8>,
    /// Bytes of the compiled core module inside, names included.
    pub core_bytes: usize,
}

/// Builds the module in `dir`. Builds by several threads or processes into one target directory wait for
/// each other.
///
/// # Errors
/// See [`BuildError`]: each text says what to do.
pub fn build_module(dir: &Path, options: &Options<'_>) -> Result<BuiltModule, BuildError> {
    if let Some((name, dir)) = c::module(dir)? {
        let target_dir = options.target_dir.clone().unwrap_or_else(|| c::target_dir(&dir));
        return in_target(&name, &dir, &target_dir, options, || {
            c::compile(&name, &dir, &target_dir, options)
        });
    }
    let package = cargo::package(dir)?;
    let toolchain = match &options.toolchain {
        Some(toolchain) => toolchain.clone(),
        None => Toolchain::find()?,
    };
    let target_dir =
        options.target_dir.clone().unwrap_or_else(|| package.target_dir.join("modules"));
    in_target(&package.name, &package.dir, &target_dir, options, || {
        if options.fresh {
            let compiled = target_dir.join(toolchain::TARGET);
            match fs::remove_dir_all(&compiled) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(BuildError::file(&compiled)(error));
                }
                _ => {}
            }
        }
        let core = cargo::compile(&package, &toolchain, &target_dir, options)?;
        fs::read(&core).map_err(BuildError::file(&core))
    })
}

/// Compiles with the target directory held, and makes the component of what comes out.
fn in_target(
    name: &str,
    dir: &Path,
    target_dir: &Path,
    options: &Options<'_>,
    compile: impl FnOnce() -> Result<Vec<u8>, BuildError>,
) -> Result<BuiltModule, BuildError> {
    let components = target_dir.join("components");
    fs::create_dir_all(&components).map_err(BuildError::file(&components))?;
    let _lock = lock(&target_dir.join(".pollen-lock"), options)?;
    let core = compile()?;
    options.tell(Progress::Encoding);
    let wit_package = wit_package(name, dir)?;
    let component = component::encode(name, &core, &wit_package)?;
    let path = components.join(format!("{name}.wasm"));
    write_whole(&path, &component)?;
    Ok(BuiltModule { name: name.into(), component, path, wit_package, core_bytes: core.len() })
}

/// Holds off other builds until it is dropped.
fn lock(path: &Path, options: &Options<'_>) -> Result<fs::File, BuildError> {
    let file = fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(BuildError::file(path))?;
    if file.try_lock().is_err() {
        options.tell(Progress::Waiting);
        file.lock().map_err(BuildError::file(path))?;
    }
    Ok(file)
}

/// Writes beside and renames, so that no reader ever sees half a component. The lock is held.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let beside = path.with_extension("wasm.new");
    let mut file = fs::File::create(&beside).map_err(BuildError::file(&beside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(BuildError::file(&beside))?;
    fs::rename(&beside, path).map_err(BuildError::file(path))
}

#[cfg(test)]
mod tests;
