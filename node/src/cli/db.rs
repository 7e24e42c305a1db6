//! `pollen db`: how large a node's database is, whether it is whole, and compaction.
//!
//! A running node is asked over its socket; the files of a stopped one are opened here. To verify, nothing
//! is written: of a running node a copy is looked at, of a stopped one the database, which nobody else may have
//! open.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use pollen_ledger::store::{self, Family, FamilySize, Findings, OpenError, RocksStore};
use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use super::network::progress;
use super::{DataArgs, DbCommand, Failure, Global, Session, output};
use crate::admin::{self, Answer, Question, WindowsHeld};
use crate::config::NodeConfig;

/// What a damaged database is good for.
const DAMAGED: &str = "restore a backup (`pollen backup restore`), or move the folder away and let the node \
                       sync again: docs/operating.md";

/// What a copy to verify is called, in the data folder.
const VERIFYING: &str = "ledger.verifying";

/// Runs `pollen db ..`.
pub async fn run(session: &Session, global: &Global, command: &DbCommand) -> Result<(), Failure> {
    match command {
        DbCommand::Stats(args) => stats(session, &data_folder(session, global, args)?).await,
        DbCommand::Verify(args) => verify(session, &data_folder(session, global, args)?).await,
        DbCommand::Compact(args) => compact(session, &data_folder(session, global, args)?).await,
    }
}

/// The data folder that is meant: an absolute path.
pub(super) fn data_folder(
    session: &Session,
    global: &Global,
    args: &DataArgs,
) -> Result<PathBuf, Failure> {
    let dev = dev_config(session, global);
    let data = match (&args.data, &args.config) {
        (Some(data), _) => data.clone(),
        (None, Some(config)) => NodeConfig::load(Some(config))?.data,
        (None, None) if dev.is_file() => NodeConfig::load(Some(&dev))?.data,
        (None, None) => {
            return Err(Failure::usage("whose database? name it with --data or --config")
                .hint("in a development network, --node N is enough"));
        }
    };
    Ok(std::path::absolute(data)?)
}

/// The configuration of the development network's node that is meant.
pub(super) fn dev_config(session: &Session, global: &Global) -> PathBuf {
    let number = global.node.unwrap_or(1);
    session.home.join("dev").join(format!("node-{number}")).join("pollen.toml")
}

/// Where the database of a data folder is; it must be there.
pub(super) fn ledger(data: &Path) -> Result<PathBuf, Failure> {
    let ledger = data.join("ledger");
    match ledger.join("CURRENT").exists() {
        true => Ok(ledger),
        false => Err(Failure::new(format!("there is no database at {}", ledger.display()))
            .hint("--data names the folder that holds `ledger`, --config a node's pollen.toml")),
    }
}

/// A database that nobody else may open while this is held, as RocksDB itself locks it.
pub(super) struct Held(#[allow(dead_code, reason = "locked while it is open")] File);

impl Held {
    pub(super) fn new(data: &Path, ledger: &Path) -> Result<Self, Failure> {
        let path = ledger.join("LOCK");
        let file = File::options().create(true).append(true).open(&path)?;
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(_) => Err(Failure::new(format!("a node runs on {}", data.display())).hint(
                "stop it first; or make a copy with `pollen backup create`, and verify that",
            )),
        }
    }
}

/// What a node that runs on the data folder answers; none when none runs.
pub(super) async fn ask(
    data: &Path,
    question: &Question,
    bar: &ProgressBar,
) -> Result<Option<(Vec<FamilySize>, Option<WindowsHeld>)>, Failure> {
    let asked = admin::ask(data, question, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    match asked.await? {
        None => Ok(None),
        Some(Answer::Failed { reason }) => Err(Failure::new(reason)),
        Some(Answer::Done {}) => Ok(Some((Vec::new(), None))),
        Some(Answer::Sizes { sizes, windows }) => Ok(Some((sizes, Some(windows)))),
        Some(_) => Err(Failure::new("the node answered out of turn")),
    }
}

async fn stats(session: &Session, data: &Path) -> Result<(), Failure> {
    let ledger = ledger(data)?;
    let running = ask(data, &Question::Sizes {}, &ProgressBar::hidden()).await?;
    let (sizes, windows, runs) = match running {
        Some((sizes, windows)) => (sizes, windows, true),
        None => {
            let _held = Held::new(data, &ledger)?;
            let store = RocksStore::open_read_only(&ledger)?;
            (store.sizes()?, Some(WindowsHeld::of(&store)?), false)
        }
    };
    let files = files_bytes(&ledger)?;
    let document = json!({
        "data": data, "running": runs, "filesBytes": files, "families": sizes,
        "held": windows,
    });
    session.print(&document, || {
        let row = |size: &FamilySize| {
            [
                size.family.clone(),
                size.entries.to_string(),
                mib(size.table_bytes),
                mib(size.blob_bytes),
                mib(size.memory_bytes),
                size.levels.iter().map(u64::to_string).collect::<Vec<_>>().join(" "),
            ]
        };
        let head = ["family", "entries", "tables", "blobs", "memory", "files per level"];
        let mut text = output::table(head, sizes.iter().map(row));
        text += &format!("\n\nall files  {}\n", mib(files));
        if let Some(held) = &windows {
            text += &output::pairs([
                ("state", format!("from height {} to {}", held.state, held.newest)),
                ("transactions", format!("from height {}", held.transactions)),
                ("checkpoints", format!("from height {}", held.checkpoints)),
                ("commits", format!("from {}", held.commits)),
                ("blocks", format!("from round {}", held.rounds)),
                (
                    "indexes",
                    match held.indexes.is_empty() {
                        true => "none".to_owned(),
                        false => held.indexes.join(", "),
                    },
                ),
            ]);
        }
        text
    });
    Ok(())
}

/// Bytes of all files in a folder.
pub(super) fn files_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        // A file that compaction has just removed is no failure.
        bytes += entry?.metadata().map_or(0, |file| file.len());
    }
    Ok(bytes)
}

/// Bytes as people read them.
pub(super) fn mib(bytes: u64) -> String {
    match bytes {
        0 => "-".to_owned(),
        bytes if bytes < 1 << 20 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        bytes => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}

async fn verify(session: &Session, data: &Path) -> Result<(), Failure> {
    let ledger = ledger(data)?;
    let copy = Copied { folder: data.join(VERIFYING) };
    copy.remove()?;
    let question = Question::Copy { to: copy.folder.clone() };
    if ask(data, &question, &ProgressBar::hidden()).await?.is_some() {
        let findings = look_through(copy.folder.clone()).await?;
        return print_findings(session, &findings);
    }
    let held = Held::new(data, &ledger)?;
    let findings = look_through(ledger).await?;
    drop(held);
    print_findings(session, &findings)
}

/// A copy of a running node's database, which is gone with this: it shares the table files, so that what is
/// damaged in those is found as well.
struct Copied {
    folder: PathBuf,
}

impl Copied {
    fn remove(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("warning: {}: {error}: remove it", self.folder.display());
        }
    }
}

/// Looks through the database in a folder, with a bar.
pub(super) async fn look_through(ledger: PathBuf) -> Result<Findings, Failure> {
    let work = move || -> Result<Findings, OpenError> {
        let store = RocksStore::open_read_only(&ledger)?;
        let entries = store.sizes()?.iter().map(|size| size.entries).sum();
        let bar = progress("entries", entries);
        let findings = store::verify(Arc::new(store), &mut |more| bar.inc(more));
        bar.finish_and_clear();
        findings
    };
    let found = tokio::task::spawn_blocking(work).await;
    found.map_err(|error| Failure::new(error.to_string()))?.map_err(|error| match error {
        OpenError::Store(error) => Failure::new(error.to_string()).hint(DAMAGED),
        other => other.into(),
    })
}

fn begins_at(height: u64) -> String {
    match height {
        0 => "genesis".to_owned(),
        height => format!("a snapshot of height {height}: there is no history before it"),
    }
}

/// What was found, as JSON.
fn findings_json(findings: &Findings) -> Value {
    let families: serde_json::Map<String, Value> = findings
        .families
        .iter()
        .map(|(family, counted)| {
            let counted = json!({ "entries": counted.entries, "bytes": counted.bytes });
            (family.name().to_owned(), counted)
        })
        .collect();
    json!({
        "whole": findings.problems.is_empty(),
        "chain": findings.genesis.name,
        "chainId": findings.genesis.chain_id(),
        "height": findings.tip.height,
        "beginsAt": findings.begin.height,
        "stateRoot": findings.tip.state_root,
        "families": families,
        "problems": findings.problems,
        "moreProblems": findings.more,
    })
}

/// Prints what was found; a failure unless the database is whole.
pub(super) fn print_findings(session: &Session, findings: &Findings) -> Result<(), Failure> {
    session.print(&findings_json(findings), || {
        let entries: u64 = findings.families.values().map(|counted| counted.entries).sum();
        let bytes: u64 = findings.families.values().map(|counted| counted.bytes).sum();
        let mut text = output::pairs([
            ("chain", findings.genesis.name.clone()),
            ("height", findings.tip.height.to_string()),
            ("begins at", begins_at(findings.begin.height)),
            ("state root", findings.tip.state_root.to_string()),
            ("read", format!("{entries} entries, {}", mib(bytes))),
        ]);
        for problem in &findings.problems {
            text += &format!("  wrong: {problem}\n");
        }
        match (findings.problems.len(), findings.more) {
            (0, _) => text += "whole: every checksum and every rule holds\n",
            (_, 0) => {}
            (_, more) => text += &format!("  and {more} more\n"),
        }
        text
    });
    match findings.problems.len() as u64 + findings.more {
        0 => Ok(()),
        count => {
            Err(Failure::new(format!("the database is damaged: {count} problems")).hint(DAMAGED))
        }
    }
}

async fn compact(session: &Session, data: &Path) -> Result<(), Failure> {
    let ledger = ledger(data)?;
    let before = files_bytes(&ledger)?;
    let bar = progress("families", Family::ALL.len() as u64);
    let asked = ask(data, &Question::Compact {}, &bar).await;
    let asked = match asked {
        Ok(None) => {
            let (ledger, bar) = (ledger.clone(), bar.clone());
            let work = move || -> Result<(), OpenError> {
                let store = RocksStore::open(&ledger)?;
                for family in Family::ALL {
                    store.compact(family)?;
                    bar.inc(1);
                }
                Ok(())
            };
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|error| Failure::new(error.to_string()))?.map_err(Failure::from)
        }
        asked => asked.map(drop),
    };
    bar.finish_and_clear();
    asked?;
    let after = files_bytes(&ledger)?;
    session.print(&json!({ "bytesBefore": before, "bytesAfter": after }), || {
        format!("compacted: {} before, {} after\n", mib(before), mib(after))
    });
    Ok(())
}
