//! `pollen backup`: a copy of a node's database, made while the node runs; checked; and put in place again.
//!
//! A backup is a folder with the database in `ledger` and with `backup.json`, which names every file with
//! its hash. The document is written last: without it there is no backup. A restored database says that it
//! may have forgotten what was signed with the validator's key, so that the node asks the others before it
//! signs anything (docs/protocol.md 9.7).

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use pollen_ledger::Hash;
use pollen_ledger::ordering::SigningHistory;
use pollen_ledger::store::{Batch, Database, Durability, RocksStore};
use serde::{Deserialize, Serialize};

use super::db::{ask, data_folder, ledger, look_through, print_findings};
use super::network::progress;
use super::{BackupCommand, Failure, Global, Session, output};
use crate::admin::Question;
use crate::clock;
use crate::files;

/// The document's name in a backup's folder.
const DOCUMENT: &str = "backup.json";
/// What it says it is.
const VERSION: u32 = 1;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// What stands in `backup.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    version: u32,
    chain: String,
    chain_id: Hash,
    height: u64,
    state_root: Hash,
    created_ms: u64,
    files: Vec<BackupFile>,
}

/// A file of the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BackupFile {
    name: String,
    bytes: u64,
    blake3: Hash,
}

/// Runs `pollen backup ..`.
pub async fn run(
    session: &Session,
    global: &Global,
    command: &BackupCommand,
) -> Result<(), Failure> {
    match command {
        BackupCommand::Create { to, data } => {
            create(session, &data_folder(session, global, data)?, to).await
        }
        BackupCommand::Verify { from } => verify(session, from).await,
        BackupCommand::Restore { from, data } => {
            restore(session, from, &data_folder(session, global, data)?).await
        }
    }
}

/// Runs what reads and writes disks on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(error.to_string()))?
}

async fn create(session: &Session, data: &Path, to: &Path) -> Result<(), Failure> {
    let from = ledger(data)?;
    let to = std::path::absolute(to)?;
    if to.exists() {
        return Err(Failure::new(format!("{} is there already", to.display()))
            .hint("every backup has a folder of its own"));
    }
    fs::create_dir_all(&to)?;
    let copy = to.join("ledger");
    let asked = ask(data, &Question::Copy { to: copy.clone() }, &ProgressBar::hidden()).await?;
    let document = blocking({
        let to = to.clone();
        move || {
            if asked.is_none() {
                RocksStore::open(&from)?.copy_to(&copy)?;
            }
            describe(&to)
        }
    })
    .await?;
    session.print(&document, || {
        output::pairs([
            ("backup", to.display().to_string()),
            ("chain", document.chain.clone()),
            ("height", document.height.to_string()),
            ("files", document.files.len().to_string()),
        ]) + "its table files may be shared with the node's: copy it to another disk\n"
    });
    Ok(())
}

/// Writes the document of a copy that is complete, and makes all of it durable.
fn describe(to: &Path) -> Result<Document, Failure> {
    let folder = to.join("ledger");
    let store = Arc::new(RocksStore::open_read_only(&folder)?);
    let (database, genesis) = Database::open_as_it_is(store)?;
    let tip = database.tip()?;
    drop(database);
    let names = names(&folder)?;
    let bar = progress("files", names.len() as u64);
    let mut files = Vec::new();
    for name in names {
        let (bytes, blake3) = copy(&folder.join(&name), None)?;
        files.push(BackupFile { name, bytes, blake3 });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let document = Document {
        version: VERSION,
        chain: genesis.name.clone(),
        chain_id: genesis.chain_id(),
        height: tip.height,
        state_root: tip.state_root,
        created_ms: clock::now_ms(),
        files,
    };
    files::sync_folder(&folder)?;
    let text = serde_json::to_vec_pretty(&document).expect("plain values");
    files::replace("backup", &to.join(DOCUMENT), &text)?;
    Ok(document)
}

/// Names of a database's files, sorted; but for RocksDB's log for people and its lock.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("LOG") && name != "LOCK" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Reads a file to its length and hash, and copies it on the way where told to. What was read or written is
/// synced.
fn copy(from: &Path, to: Option<&Path>) -> Result<(u64, Hash), Failure> {
    let named = |error: std::io::Error| Failure::new(format!("{}: {error}", from.display()));
    let mut source = File::open(from).map_err(named)?;
    let mut target = to.map(File::create_new).transpose()?;
    let (mut hasher, mut bytes, mut piece) = (blake3::Hasher::new(), 0, vec![0; PIECE]);
    loop {
        let count = source.read(&mut piece).map_err(named)?;
        if count == 0 {
            break;
        }
        hasher.update(&piece[..count]);
        bytes += count as u64;
        if let Some(target) = &mut target {
            target.write_all(&piece[..count])?;
        }
    }
    target.as_ref().unwrap_or(&source).sync_all()?;
    Ok((bytes, Hash(*hasher.finalize().as_bytes())))
}

fn read_document(from: &Path) -> Result<Document, Failure> {
    let path = from.join(DOCUMENT);
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!("{}: {error}", path.display()))
            .hint("this is no backup, or one whose making was interrupted")
    })?;
    let document: Document = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    // Names come from a file: none may lead out of the folder.
    let plain = |file: &BackupFile| Path::new(&file.name).file_name() == Some(file.name.as_ref());
    match document.version == VERSION && document.files.iter().all(plain) {
        true => Ok(document),
        false => Err(Failure::new(format!("{}: not a backup of this version", path.display()))),
    }
}

/// Every file is there with its bytes, and no other; copied on the way where told to.
fn check_files(document: &Document, from: &Path, to: Option<&Path>) -> Result<(), Failure> {
    let folder = from.join("ledger");
    let damaged = |name: &str, what: &str| {
        Failure::new(format!("the backup is damaged: {name} {what}")).hint("take another backup")
    };
    for name in names(&folder)? {
        if !document.files.iter().any(|file| file.name == name) {
            return Err(damaged(&name, "is not one of its files"));
        }
    }
    let bar = progress("files", document.files.len() as u64);
    for file in &document.files {
        let path = folder.join(&file.name);
        if !path.is_file() {
            return Err(damaged(&file.name, "is missing"));
        }
        let (bytes, blake3) = copy(&path, to.map(|to| to.join(&file.name)).as_deref())?;
        if (bytes, blake3) != (file.bytes, file.blake3) {
            return Err(damaged(&file.name, "is not what was backed up"));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn verify(session: &Session, from: &Path) -> Result<(), Failure> {
    let (document, path) = (read_document(from)?, from.to_owned());
    let height = document.height;
    blocking(move || check_files(&document, &path, None)).await?;
    let findings = look_through(from.join("ledger")).await?;
    if findings.tip.height != height {
        let found = findings.tip.height;
        return Err(Failure::new(format!("the backup is of height {height}, it holds {found}")));
    }
    print_findings(session, &findings)
}

async fn restore(session: &Session, from: &Path, data: &Path) -> Result<(), Failure> {
    let document = read_document(from)?;
    let target = data.join("ledger");
    if target.exists() {
        return Err(Failure::new(format!("there is a database at {}", target.display()))
            .hint("move it away first: it may hold what the backup lacks"));
    }
    let (from, to) = (from.to_owned(), data.to_owned());
    let document = blocking(move || {
        put_back(&document, &from, &to)?;
        Ok(document)
    })
    .await?;
    session.print(&document, || {
        output::pairs([
            ("restored", target.display().to_string()),
            ("chain", document.chain.clone()),
            ("height", document.height.to_string()),
        ]) + "start the node: it fetches what is newer. A validator signs nothing before a quorum of \
              the others has said what it signed\n"
    });
    Ok(())
}

/// Copies a backup beside its place, marks it, and moves it there as a whole.
fn put_back(document: &Document, from: &Path, data: &Path) -> Result<(), Failure> {
    let partial: PathBuf = data.join("ledger.restoring");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    check_files(document, from, Some(&partial))?;
    let (database, genesis) = Database::open_as_it_is(Arc::new(RocksStore::open(&partial)?))?;
    if genesis.chain_id() != document.chain_id || database.tip()?.height != document.height {
        return Err(Failure::new("the backup does not hold what its document says"));
    }
    let mut batch = Batch::default();
    Database::put_signing_history(&mut batch, SigningHistory::Forgotten);
    database.write(batch, Durability::Synced)?;
    drop(database);
    Ok(files::move_folder("restore", &partial, &data.join("ledger"))?)
}
