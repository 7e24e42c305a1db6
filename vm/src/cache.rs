//! Compiled code on disk.
//!
//! A file is named by blake3 of (the code's hash, the versions of our limits and of stack metering, the
//! engine's compatibility hash) and holds 32 bytes of blake3 of the rest, then what wasmtime serialised. It is written beside its
//! place and renamed into it, in a directory that only this user may enter. A file that is not whole is
//! removed and compiled again. The checksum finds damage, not malice: whoever can write here owns the
//! node already. (With issue 5 the checksum moves into the node's database.)
#![allow(unsafe_code)]

use std::fs;
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;
use pollen_ledger::crypto::Hash;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::instrument;
use crate::validate::limits::LIMITS_VERSION;

#[cfg(test)]
mod tests;

const CHECKSUM_BYTES: usize = 32;
const EXTENSION: &str = "code";

/// The directory of compiled code.
pub(crate) struct CodeCache {
    dir: PathBuf,
    bytes_max: u64,
    compatibility: [u8; 32],
    writing: Mutex<()>,
}

/// Why compiled code could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// wasmtime.
    #[error("serialising compiled code: {0}")]
    Serialise(String),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    |source| CacheError::Io { path, source }
}

/// Feeds what wasmtime hashes into blake3.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("8 bytes of 32"))
    }
}

impl CodeCache {
    /// Opens or makes the directory.
    pub(crate) fn open(dir: &Path, bytes_max: u64, engine: &Engine) -> Result<Self, CacheError> {
        make_private_dir(dir)?;
        let mut hasher = Blake3Hasher(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            dir: dir.to_owned(),
            bytes_max,
            compatibility: *hasher.0.finalize().as_bytes(),
            writing: Mutex::new(()),
        })
    }

    fn path(&self, code: &Hash) -> PathBuf {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&code.0).update(&LIMITS_VERSION.to_le_bytes());
        hasher.update(&instrument::VERSION.to_le_bytes()).update(&self.compatibility);
        self.dir.join(format!("{}.{EXTENSION}", hasher.finalize().to_hex()))
    }

    /// The compiled code of a component, where it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, code: &Hash) -> Option<Component> {
        let path = self.path(code);
        let bytes = fs::read(&path).ok()?;
        let whole = bytes
            .split_at_checked(CHECKSUM_BYTES)
            .filter(|(checksum, body)| blake3::hash(body).as_bytes().as_slice() == *checksum);
        let component = whole.and_then(|(_, body)| {
            // SAFETY: these are bytes that `store` wrote: their checksum says so, only this user can
            // write here, and the name holds the engine's own compatibility hash. They are checked and
            // used from our own copy, so that nobody can change them in between.
            unsafe { Component::deserialize(engine, body) }.ok()
        });
        if component.is_none() {
            tracing::warn!(path = %path.display(), "damaged compiled code: compiling it again");
            let _ = fs::remove_file(&path);
        }
        component
    }

    /// Keeps compiled code, and drops the oldest beyond the bound.
    pub(crate) fn store(&self, code: &Hash, component: &Component) -> Result<(), CacheError> {
        let body =
            component.serialize().map_err(|error| CacheError::Serialise(error.to_string()))?;
        let path = self.path(code);
        let beside = path.with_extension("new");
        let _writing = self.writing.lock();
        let mut file = fs::File::create(&beside).map_err(at(&beside))?;
        file.write_all(blake3::hash(&body).as_bytes()).map_err(at(&beside))?;
        file.write_all(&body).map_err(at(&beside))?;
        file.sync_all().map_err(at(&beside))?;
        fs::rename(&beside, &path).map_err(at(&path))?;
        self.drop_oldest(&path)
    }

    fn drop_oldest(&self, keep: &Path) -> Result<(), CacheError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(at(&self.dir))? {
            let entry = entry.map_err(at(&self.dir))?;
            let metadata = entry.metadata().map_err(at(&self.dir))?;
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            files.push((modified, metadata.len(), entry.path()));
        }
        files.sort();
        let mut sum: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if sum > self.bytes_max && path != keep {
                fs::remove_file(&path).map_err(at(&path))?;
                sum -= bytes;
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn make_private_dir(dir: &Path) -> Result<(), CacheError> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at(dir))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(at(dir))
}

#[cfg(not(unix))]
fn make_private_dir(dir: &Path) -> Result<(), CacheError> {
    fs::create_dir_all(dir).map_err(at(dir))
}
