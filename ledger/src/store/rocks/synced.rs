//! A second witness of what was synced.
//!
//! Point-in-time recovery takes the log up to the first record that is not whole, and takes the manifest, the
//! list of the database's files, up to its last whole record. It cannot tell a torn end, which a power cut
//! may leave, from damage to what was synced: that it would drop without a word, with whole tables. So a
//! small file of its own names the last change known to be synced, and how far the manifest was, with its
//! hash. It is written after the sync and not synced itself: a power cut may leave an older one, which is as
//! true. A database that has less than it says has lost what was acknowledged, and is not opened.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Mutex;

use crate::store::StoreError;

/// Its name in the database's folder; RocksDB leaves alone what it did not make.
pub(super) const FILE: &str = "SYNCED";
/// Change u64, manifest's number u64, its bytes u64, little-endian; their blake3 32; the first 8 bytes of the
/// blake3 of all that.
const BYTES: usize = 64;
/// Bytes of the manifest that are read at a time.
const PIECE: usize = 64 << 10;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last change known to be synced.
    pub change: u64,
    manifest: u64,
    manifest_bytes: u64,
    manifest_hash: [u8; 32],
}

impl Mark {
    /// What a database's folder says. None of a folder without the file, and of one whose content is
    /// damaged: it holds nothing that the database lacks.
    pub fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let mut bytes = Vec::new();
        match File::open(folder.join(FILE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened
                .and_then(|file| file.take(BYTES as u64 + 1).read_to_end(&mut bytes))
                .map_err(|error| failed(folder, &error))?,
        };
        let Ok(bytes) = <[u8; BYTES]>::try_from(bytes) else { return Ok(None) };
        let number = |at: usize| {
            let number = bytes[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(number)
        };
        let manifest_hash = bytes[24..56].try_into().expect("32 bytes");
        let (manifest, manifest_bytes) = (number(8), number(16));
        let mark = Self { change: number(0), manifest, manifest_bytes, manifest_hash };
        Ok((mark.encode() == bytes).then_some(mark))
    }

    /// Before the database is opened, which writes a new manifest: the one that is there begins with what was
    /// synced, or is a newer one.
    pub fn check_manifest(&self, folder: &Path) -> Result<(), StoreError> {
        // One that names no manifest RocksDB refuses itself.
        let Some(number) = current(folder)? else { return Ok(()) };
        if number > self.manifest {
            return Ok(());
        }
        let mut manifest = Manifest::open(folder, number)?;
        let whole = number == self.manifest
            && manifest.read_to(self.manifest_bytes).map_err(|error| failed(folder, &error))?
            && *manifest.hasher.finalize().as_bytes() == self.manifest_hash;
        match whole {
            true => Ok(()),
            false => Err(StoreError::Corrupt {
                what: format!(
                    "{}: the list of files, MANIFEST-{number:06}, is not what was synced",
                    folder.display()
                ),
            }),
        }
    }

    fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.change.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.manifest.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.manifest_bytes.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.manifest_hash);
        let hash = blake3::hash(&bytes[..56]);
        bytes[56..].copy_from_slice(&hash.as_bytes()[..8]);
        bytes
    }
}

/// The manifest's number by the file that names it; none when it names none.
fn current(folder: &Path) -> Result<Option<u64>, StoreError> {
    match std::fs::read(folder.join("CURRENT")) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(folder, &error)),
        Ok(bytes) => Ok(std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.strip_prefix("MANIFEST-"))
            .and_then(|text| text.trim_end().parse().ok())),
    }
}

/// The manifest, which only grows, as far as it was read.
struct Manifest {
    number: u64,
    file: File,
    bytes: u64,
    hasher: blake3::Hasher,
}

impl Manifest {
    fn open(folder: &Path, number: u64) -> Result<Self, StoreError> {
        let path = folder.join(format!("MANIFEST-{number:06}"));
        let file = File::open(&path).map_err(|error| StoreError::Corrupt {
            what: format!("{}: {error}", path.display()),
        })?;
        Ok(Self { number, file, bytes: 0, hasher: blake3::Hasher::new() })
    }

    /// Reads on up to so many bytes; false when there are fewer.
    fn read_to(&mut self, end: u64) -> std::io::Result<bool> {
        let mut piece = vec![0; PIECE];
        while self.bytes < end {
            let wanted = usize::try_from(end - self.bytes).map_or(PIECE, |left| left.min(PIECE));
            let count = self.file.read_at(&mut piece[..wanted], self.bytes)?;
            if count == 0 {
                return Ok(false);
            }
            self.hasher.update(&piece[..count]);
            self.bytes += count as u64;
        }
        Ok(true)
    }

    /// Reads what has come since, and syncs it first: what is told of it must not go with a power cut.
    fn follow(&mut self) -> std::io::Result<()> {
        let end = self.file.metadata()?.len();
        if end > self.bytes {
            self.file.sync_data()?;
            self.read_to(end)?;
        }
        Ok(())
    }
}

/// Keeps the file of an open database. Should RocksDB begin another manifest meanwhile, this goes on with the
/// one of the opening: a newer one is believed at the next opening.
pub(super) struct SyncedMark {
    folder: String,
    file: File,
    state: Mutex<(u64, Manifest)>,
}

impl SyncedMark {
    /// Goes on in a database's folder, of a database that was just opened and whose last change is this.
    pub fn keep(folder: &Path, last: u64) -> Result<Self, StoreError> {
        let number = current(folder)?.ok_or_else(|| StoreError::Corrupt {
            what: format!("{}: CURRENT names no manifest", folder.display()),
        })?;
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(folder.join(FILE));
        let mark = Self {
            folder: folder.display().to_string(),
            file: file.map_err(|error| failed(folder, &error))?,
            state: Mutex::new((0, Manifest::open(folder, number)?)),
        };
        mark.raise(last)?;
        Ok(mark)
    }

    /// Everything up to this change is synced.
    pub fn raise(&self, change: u64) -> Result<(), StoreError> {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        let (highest, manifest) = &mut *state;
        *highest = change.max(*highest);
        let mark = |highest: u64, manifest: &Manifest| Mark {
            change: highest,
            manifest: manifest.number,
            manifest_bytes: manifest.bytes,
            manifest_hash: *manifest.hasher.finalize().as_bytes(),
        };
        manifest
            .follow()
            .and_then(|()| self.file.write_all_at(&mark(*highest, manifest).encode(), 0))
            .map_err(|error| StoreError::Io(format!("{}/{FILE}: {error}", self.folder)))
    }
}

fn failed(folder: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io(format!("{}: {error}", folder.display()))
}
