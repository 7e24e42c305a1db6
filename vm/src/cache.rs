//! Compiled code on disk.
//!
//! A file is named by blake3 of (the code's hash, the versions of our limits and of stack metering, the
//! engine's compatibility hash). It holds what wasmtime serialised, then the module's interface and manifest (reading them out of the component
//! again would take longer than all else), then the length of the latter. Its own blake3 lies elsewhere: with
//! [`ArtefactSums`], which the node keeps in its database. Loading trusts every byte, so a file is loaded only
//! when its checksum is the one that was written down. A file is written beside its place and renamed into it,
//! in a directory that only this user may enter, and its checksum is written down last: whatever a crash or a
//! full disk leaves is a file without its checksum, which is removed and compiled again.
//!
//! The sum of all files is bounded; those that were used longest ago go first. It is not protected against
//! whoever can write both into the directory and into the database: that is the node's own user.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use pollen_ledger::crypto::Hash;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::{Described, VmConfig};
use crate::instrument;
use crate::validate::limits::LIMITS_VERSION;

#[cfg(test)]
mod tests;

const EXTENSION: &str = "code";
/// Of the interface, at the end of a file.
const LENGTH_BYTES: usize = 4;

/// Where the checksums of compiled code are kept, by the name of the file. A failure costs time only: a file
/// without a checksum is compiled again.
pub trait ArtefactSums: fmt::Debug + Send + Sync {
    /// The checksum that was kept last.
    fn get(&self, file: &Hash) -> Option<Hash>;
    /// Keeps a checksum, or forgets it.
    fn put(&self, file: &Hash, sum: Option<&Hash>) -> Result<(), String>;
}

/// Checksums in memory: files of an earlier run are not loaded.
#[derive(Debug, Default)]
pub struct MemorySums(Mutex<BTreeMap<Hash, Hash>>);

impl ArtefactSums for MemorySums {
    fn get(&self, file: &Hash) -> Option<Hash> {
        self.0.lock().get(file).copied()
    }

    fn put(&self, file: &Hash, sum: Option<&Hash>) -> Result<(), String> {
        match sum {
            Some(sum) => self.0.lock().insert(*file, *sum),
            None => self.0.lock().remove(file),
        };
        Ok(())
    }
}

/// The directory of compiled code.
pub(crate) struct CodeCache {
    dir: PathBuf,
    sums: Arc<dyn ArtefactSums>,
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
    /// Whoever keeps the checksums.
    #[error("keeping the checksum of compiled code: {0}")]
    Sums(String),
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
    pub(crate) fn open(dir: &Path, config: &VmConfig, engine: &Engine) -> Result<Self, CacheError> {
        make_private_dir(dir)?;
        let mut hasher = Blake3Hasher(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            dir: dir.to_owned(),
            sums: config.cache_sums.clone().unwrap_or_else(|| Arc::<MemorySums>::default()),
            bytes_max: config.cache_bytes_max,
            compatibility: *hasher.0.finalize().as_bytes(),
            writing: Mutex::new(()),
        })
    }

    /// The name of a code's file.
    fn name(&self, code: &Hash) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&code.0).update(&LIMITS_VERSION.to_le_bytes());
        hasher.update(&instrument::VERSION.to_le_bytes()).update(&self.compatibility);
        Hash(*hasher.finalize().as_bytes())
    }

    fn path(&self, name: &Hash) -> PathBuf {
        self.dir.join(format!("{}.{EXTENSION}", hex::encode(name.0)))
    }

    /// When a code's file was used last; none where there is none.
    pub(crate) fn used(&self, code: &Hash) -> Option<SystemTime> {
        fs::metadata(self.path(&self.name(code))).ok()?.modified().ok()
    }

    /// A code's file is in use.
    pub(crate) fn touch(&self, code: &Hash) {
        let file = fs::File::options().append(true).open(self.path(&self.name(code)));
        let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// The compiled code of a component with its interface, where it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, code: &Hash) -> Option<(Component, Described)> {
        let name = self.name(code);
        let path = self.path(&name);
        let bytes = fs::read(&path).ok()?;
        let known = self.sums.get(&name);
        let is_whole = known.is_some_and(|sum| sum == Hash::of_content(&bytes));
        let loaded = is_whole.then(|| self.load_whole(engine, &path, &bytes)).flatten();
        if loaded.is_none() {
            tracing::warn!(path = %path.display(), "damaged compiled code: compiling it again");
            self.remove(&name);
        }
        loaded
    }

    fn load_whole(
        &self,
        engine: &Engine,
        path: &Path,
        bytes: &[u8],
    ) -> Option<(Component, Described)> {
        let (rest, length) = bytes.split_last_chunk::<LENGTH_BYTES>()?;
        let start = rest.len().checked_sub(u32::from_le_bytes(*length) as usize)?;
        let described = borsh::from_slice(rest.get(start..)?).ok()?;
        // SAFETY: this is a file that `store` wrote: its checksum says so, which lies elsewhere, only this user
        // can write in the directory, and the name holds the engine's own compatibility hash. It is mapped and
        // not copied, and nobody changes a file once it has its name: it is replaced or removed.
        let component = unsafe { Component::deserialize_file(engine, path) }.ok()?;
        Some((component, described))
    }

    fn remove(&self, name: &Hash) {
        let _writing = self.writing.lock();
        let _ = fs::remove_file(self.path(name));
        if let Err(error) = self.sums.put(name, None) {
            tracing::warn!(error, "a checksum of compiled code stays");
        }
    }

    /// Keeps compiled code, and drops the oldest beyond the bound.
    pub(crate) fn store(
        &self,
        code: &Hash,
        component: &Component,
        described: &Described,
    ) -> Result<(), CacheError> {
        let failed = |error: &dyn fmt::Display| CacheError::Serialise(error.to_string());
        let mut body = component.serialize().map_err(|error| failed(&error))?;
        let described = borsh::to_vec(described).map_err(|error| failed(&error))?;
        body.extend_from_slice(&described);
        body.extend_from_slice(&(described.len() as u32).to_le_bytes());
        let name = self.name(code);
        let path = self.path(&name);
        let beside = path.with_extension("new");
        let _writing = self.writing.lock();
        let mut file = fs::File::create(&beside).map_err(at(&beside))?;
        file.write_all(&body).map_err(at(&beside))?;
        fs::rename(&beside, &path).map_err(at(&path))?;
        self.sums.put(&name, Some(&Hash::of_content(&body))).map_err(CacheError::Sums)?;
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
                if let Some(name) = name_of(&path) {
                    self.sums.put(&name, None).map_err(CacheError::Sums)?;
                }
                sum -= bytes;
            }
        }
        Ok(())
    }
}

fn name_of(path: &Path) -> Option<Hash> {
    let mut name = [0; 32];
    hex::decode_to_slice(path.file_stem()?.to_str()?, &mut name).ok()?;
    Some(Hash(name))
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
