//! Which Rust compiles modules: the user's own where it can, else the one that `scripts/bootstrap` put
//! beside it. Never changes anything.

use crate::BuildError;
use serde::Deserialize;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of modules.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Names another prefix than [`Toolchain::default_prefix`].
const PREFIX_VARIABLE: &str = "POLLEN_WASM_TOOLCHAIN";
/// What `scripts/bootstrap` writes into the prefix, last.
const DESCRIPTION: &str = "toolchain.toml";

/// A Rust that compiles to `wasm32-unknown-unknown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The user's own `rustc` has the target's standard library.
    Own,
    /// A compiler in a private prefix, with the sources of its standard library.
    Private(PrivateToolchain),
}

/// What `toolchain.toml` says; paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateToolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// `wasm-ld`.
    pub linker: PathBuf,
    /// Where the compiler's shared libraries are.
    pub library_path: Vec<PathBuf>,
}

impl Toolchain {
    /// The toolchain named by `POLLEN_WASM_TOOLCHAIN`, else the user's own, else the private one.
    ///
    /// # Errors
    /// When there is none, or the private one is damaged.
    pub fn find() -> Result<Self, BuildError> {
        if let Some(prefix) = env::var_os(PREFIX_VARIABLE) {
            return Self::private(Path::new(&prefix))?.ok_or_else(|| BuildError::NoToolchain {
                searched: format!("{PREFIX_VARIABLE}={}", prefix.display()),
            });
        }
        if own_has_target() {
            return Ok(Self::Own);
        }
        let prefix = Self::default_prefix();
        let searched = match &prefix {
            Some(prefix) => {
                format!("`rustc --print target-libdir --target {TARGET}` and {}", prefix.display())
            }
            None => format!("`rustc --print target-libdir --target {TARGET}`; HOME is not set"),
        };
        prefix
            .map_or(Ok(None), |prefix| Self::private(&prefix))?
            .ok_or(BuildError::NoToolchain { searched })
    }

    /// Where `scripts/bootstrap` puts the private one: `${XDG_DATA_HOME:-~/.local/share}/pollen/wasm-toolchain`.
    pub fn default_prefix() -> Option<PathBuf> {
        let data = env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/share")))?;
        Some(data.join("pollen/wasm-toolchain"))
    }

    /// The private toolchain in `prefix`, or none when there is nothing.
    ///
    /// # Errors
    /// When its description cannot be read or names a file that is gone.
    pub fn private(prefix: &Path) -> Result<Option<Self>, BuildError> {
        let path = prefix.join(DESCRIPTION);
        let broken = |reason: String| BuildError::BrokenToolchain { path: path.clone(), reason };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(error.to_string())),
        };
        let found: PrivateToolchain =
            toml::from_str(&text).map_err(|error| broken(error.message().to_owned()))?;
        if let Some(gone) = [&found.rustc, &found.linker].into_iter().find(|file| !file.exists()) {
            return Err(broken(format!("{} does not exist", gone.display())));
        }
        Ok(Some(Self::Private(found)))
    }
}

/// The user's compiler.
pub(crate) fn own_rustc() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}

/// Where the user's compiler lies.
pub(crate) fn own_sysroot() -> Option<PathBuf> {
    let output = Command::new(own_rustc()).args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end()))
}

/// The linker for wasm that comes with the user's compiler.
pub(crate) fn rust_wasm_linker() -> Option<PathBuf> {
    let hosts = fs::read_dir(own_sysroot()?.join("lib/rustlib")).ok()?;
    hosts
        .filter_map(|host| Some(host.ok()?.path().join("bin/gcc-ld/wasm-ld")))
        .find(|linker| linker.is_file())
}

/// Whether the user's compiler has the target's standard library. It prints the directory even when it
/// does not exist.
fn own_has_target() -> bool {
    let printed =
        Command::new(own_rustc()).args(["--print", "target-libdir", "--target", TARGET]).output();
    printed.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim_end()).is_dir()
    })
}
