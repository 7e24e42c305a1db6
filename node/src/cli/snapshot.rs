//! `pollen snapshot`: copies of a node's database from which new nodes begin: made, listed, written into a
//! file, and imported from one.
//!
//! An import fills `ledger.import` in the data folder and moves it to `ledger` when it is a whole database.
//! Every section is checked before anything of it is written, so a file needs no trust and its carrier none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pollen_ledger::store::snapshot::{
    Chunk, Import, ImportError, PARTS, Progress, SnapshotHead, VerifiedHead, code_of, part_begin,
    part_of,
};
use pollen_ledger::store::{Database, OpenError, RocksStore, Store};
use pollen_ledger::{Block, Genesis, Hash, PublicKey, codec};
use serde_json::json;

use super::backup::blocking;
use super::db::{Held, data_folder, dev_config, files_bytes, ledger, mib};
use super::network::progress;
use super::{DataArgs, Failure, Global, Session, SnapshotCommand, output};
use crate::admin::{self, Answer, Question};
use crate::config::{NodeConfig, SnapshotsSection};
use crate::failpoints::{FailingStore, Failpoint};
use crate::files;
use crate::keys::{self, KeyError};
use crate::node::read_genesis;
use crate::snapshots::file::{FileError, Kind, Reader, Writer};
use crate::snapshots::{self, Made, Snapshots};

/// Where an import is filled, in the data folder.
const IMPORT: &str = "ledger.import";

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Failure::new(error.to_string())
    }
}

/// Runs `pollen snapshot ..`.
pub async fn run(
    session: &Session,
    global: &Global,
    command: &SnapshotCommand,
) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Create(args) => create(session, data_folder(session, global, args)?).await,
        SnapshotCommand::List(args) => list(session, &data_folder(session, global, args)?),
        SnapshotCommand::Export { height, file, data } => {
            export(session, data_folder(session, global, data)?, *height, file.clone()).await
        }
        SnapshotCommand::Import { file, genesis, data } => {
            let target = Target::new(session, global, data, genesis.as_deref())?;
            import(session, target, file.clone()).await
        }
    }
}

/// What a node that runs on the data folder answers; none when none runs.
async fn ask(data: &Path, question: &Question) -> Result<Option<Answer>, Failure> {
    match admin::ask(data, question, |_, _| ()).await? {
        Some(Answer::Failed { reason }) => Err(Failure::new(reason)),
        answer => Ok(answer),
    }
}

async fn create(session: &Session, data: PathBuf) -> Result<(), Failure> {
    let ledger = ledger(&data)?;
    let made = match ask(&data, &Question::Snapshot {}).await? {
        Some(Answer::Snapshot { height, folder, pause_ms }) => {
            Made { height, folder, pause: Duration::from_millis(pause_ms) }
        }
        Some(_) => return Err(Failure::new("the node answered out of turn")),
        None => {
            blocking(move || {
                let rocks = Arc::new(RocksStore::open(&ledger)?);
                let (database, _) = Database::open_as_it_is(rocks.clone())?;
                // What to keep is the node's to say: here nothing is let go.
                let section = SnapshotsSection { keep: usize::MAX, ..Default::default() };
                Ok(Snapshots::new(&data, rocks, section).make(&database)?)
            })
            .await?
        }
    };
    let pause_ms = made.pause.as_millis() as u64;
    let document = json!({ "height": made.height, "folder": made.folder, "pauseMs": pause_ms });
    session.print(&document, || {
        output::pairs([
            ("snapshot", made.folder.display().to_string()),
            ("height", made.height.to_string()),
            ("pause", format!("{pause_ms} ms")),
        ]) + "it can be exported once its checkpoint is certified, which takes a moment\n"
    });
    Ok(())
}

fn list(session: &Session, data: &Path) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (height, folder) in snapshots::list(data)? {
        let made = folder.metadata()?.modified()?;
        let made_ms =
            made.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        rows.push((height, folder.clone(), files_bytes(&folder)?, made_ms as u64));
    }
    let document: Vec<_> = rows
        .iter()
        .map(|(height, folder, bytes, made_ms)| {
            json!({ "height": height, "folder": folder, "filesBytes": bytes, "madeMs": made_ms })
        })
        .collect();
    session.print(&document, || {
        if rows.is_empty() {
            return "there are no snapshots: make one with `pollen snapshot create`\n".to_owned();
        }
        let rows = rows.iter().map(|(height, folder, bytes, made_ms)| {
            let made = output::moment(*made_ms);
            [height.to_string(), made, mib(*bytes), folder.display().to_string()]
        });
        let table = output::table(["height", "made", "files", "folder"], rows);
        format!("{table}\n\nfiles are shared with the database while that still has them\n")
    });
    Ok(())
}

async fn export(
    session: &Session,
    data: PathBuf,
    height: u64,
    file: PathBuf,
) -> Result<(), Failure> {
    let heights: Vec<u64> = snapshots::list(&data)?.iter().map(|(height, _)| *height).collect();
    if !heights.contains(&height) {
        let hint = match heights.iter().map(u64::to_string).collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "make one with `pollen snapshot create`".to_owned(),
            some => format!("there are those of {some}"),
        };
        return Err(Failure::new(format!("there is no snapshot of height {height}")).hint(hint));
    }
    let head = match ask(&data, &Question::SnapshotHead { height }).await? {
        Some(Answer::SnapshotHead { head }) => head
            .map(|head| hex::decode(head).ok().and_then(|head| SnapshotHead::decode(&head).ok()))
            .map(|head| head.ok_or_else(|| Failure::new("the node answered out of turn")))
            .transpose()?,
        Some(_) => return Err(Failure::new("the node answered out of turn")),
        None => {
            let (data, ledger) = (data.clone(), ledger(&data)?);
            blocking(move || {
                let _held = Held::new(&data, &ledger)?;
                let open = |path: &Path| -> Result<Database, OpenError> {
                    let store = Arc::new(RocksStore::open_read_only(path)?);
                    Ok(Database::open_as_it_is(store)?.0)
                };
                let copy = data.join(snapshots::FOLDER).join(height.to_string());
                Ok(open(&copy)?.snapshot_head(&open(&ledger)?)?)
            })
            .await?
        }
    };
    let head = head.ok_or_else(|| {
        Failure::new(format!("checkpoint {height} is not certified yet")).hint(
            "a quorum of validators signs it within seconds while the network runs: try again",
        )
    })?;
    let begun = Instant::now();
    let target = file.clone();
    let written = blocking(move || write_file(&data, &head, &target)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let document = json!({
        "file": file, "height": height, "stateRoot": written.state_root, "bytes": written.bytes,
        "entries": written.entries, "chunks": written.chunks, "seconds": seconds,
    });
    session.print(&document, || {
        output::pairs([
            ("file", file.display().to_string()),
            ("height", height.to_string()),
            ("state root", written.state_root.to_string()),
            ("entries", written.entries.to_string()),
            ("bytes", mib(written.bytes)),
        ])
    });
    Ok(())
}

/// What an export wrote.
struct Written {
    state_root: Hash,
    bytes: u64,
    entries: u64,
    chunks: u64,
}

fn write_file(data: &Path, head: &SnapshotHead, file: &Path) -> Result<Written, Failure> {
    let height = head.height();
    let folder = data.join(snapshots::FOLDER).join(height.to_string());
    let store = Arc::new(RocksStore::open_read_only(&folder)?);
    let (database, genesis) = Database::open_as_it_is(store)?;
    let verified = head.verify(&genesis).map_err(|error| Failure::new(error.to_string()))?;
    let mut writer = Writer::create(file)?;
    writer.put(Kind::Head, &[&codec::encode(head)])?;
    let missing = |what: String| Failure::new(format!("the snapshot has not {what}"));
    for name in verified.blocks() {
        let bytes = database.block_bytes(name)?;
        writer.put(Kind::Block, &[&bytes.ok_or_else(|| missing(format!("block {name:?}")))?])?;
    }
    let bar = progress("parts of the state", PARTS as u64);
    let (mut entries, mut chunks, mut code) = (0, 0, std::collections::BTreeSet::new());
    for part in 0..PARTS as u8 {
        let mut next = Some(part_begin(part));
        while let Some(from) = next {
            let chunk = database.snapshot_chunk(height, &from)?;
            next = refuse(chunk.verify(&verified.checkpoint().state_root, &from))?.1;
            for entry in &chunk.entries {
                code.extend(refuse(code_of(entry))?);
            }
            entries += chunk.entries.len() as u64;
            chunks += 1;
            writer.put(Kind::Chunk, &[&from.0, &codec::encode(&chunk)])?;
        }
        bar.inc(1);
    }
    for hash in code {
        let bytes = database.code(&hash)?;
        writer.put(Kind::Code, &[&bytes.ok_or_else(|| missing(format!("the code {hash}")))?])?;
    }
    bar.finish_and_clear();
    let bytes = writer.finish()?;
    Ok(Written { state_root: verified.checkpoint().state_root, bytes, entries, chunks })
}

/// A snapshot of our own that is not what it says is damaged.
fn refuse<T>(checked: Result<T, ImportError>) -> Result<T, Failure> {
    checked.map_err(|error| {
        Failure::new(format!("the snapshot is damaged: {error}"))
            .hint("make another one; `pollen db verify` says whether the database is damaged too")
    })
}

/// Into what a snapshot is imported.
struct Target {
    data: PathBuf,
    genesis: Genesis,
    /// The node's key, of a validator.
    validator: Option<PublicKey>,
}

impl Target {
    fn new(
        session: &Session,
        global: &Global,
        args: &DataArgs,
        genesis: Option<&Path>,
    ) -> Result<Self, Failure> {
        let dev = dev_config(session, global);
        let config = match (&args.config, &args.data) {
            (Some(config), _) => NodeConfig::load(Some(config))?,
            (None, Some(_)) => NodeConfig::load(None)?,
            (None, None) => NodeConfig::load(dev.is_file().then_some(dev.as_path()))?,
        };
        let data = data_folder(session, global, args)?;
        let genesis = read_genesis(genesis.or(config.genesis.as_deref()))?;
        // Whose data it becomes is written with it; without a key it is a peer's.
        let key = match keys::read(&config.key) {
            Ok(key) => Some(key.public_key()),
            Err(KeyError::Missing { .. }) => None,
            Err(error) => return Err(Failure::new(error.to_string())),
        };
        let is_member =
            |key: &PublicKey| genesis.committee.iter().any(|member| member.public_key == *key);
        let validator = key.filter(is_member);
        Ok(Self { data, genesis, validator })
    }
}

async fn import(session: &Session, target: Target, file: PathBuf) -> Result<(), Failure> {
    let place = target.data.join("ledger");
    if place.exists() {
        return Err(Failure::new(format!("there is a database at {}", place.display())).hint(
            "an import begins a database: move that one away first, if it is of no more use",
        ));
    }
    let begun = Instant::now();
    let imported = blocking(move || import_file(&target, &file)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let document = json!({
        "ledger": place, "height": imported.height, "stateRoot": imported.state_root,
        "entries": imported.entries, "bytes": imported.bytes, "seconds": seconds,
    });
    session.print(&document, || {
        output::pairs([
            ("imported", place.display().to_string()),
            ("height", imported.height.to_string()),
            ("state root", imported.state_root.to_string()),
            (
                "entries",
                imported.entries.map_or_else(|| "-".to_owned(), |entries| entries.to_string()),
            ),
            ("took", format!("{seconds:.1} s")),
        ]) + "start the node: it fetches what is newer. It has no history from before this height\n"
    });
    Ok(())
}

/// What an import brought.
struct Imported {
    height: u64,
    state_root: Hash,
    /// Of the state, and their bytes; none when an earlier attempt had ended but for the last step.
    entries: Option<u64>,
    bytes: Option<u64>,
}

fn import_file(target: &Target, file: &Path) -> Result<Imported, Failure> {
    let (mut reader, bytes) = Reader::open(file)?;
    let (_, head) = reader.read()?;
    let refused = |error: ImportError| Failure::new(error.to_string());
    let head = SnapshotHead::decode(&head)
        .map_err(|error| Failure::new(format!("the head of the snapshot is refused: {error}")))?;
    // Before anything is made of it on disk.
    let verified = head.verify(&target.genesis).map_err(refused)?;
    let partial = target.data.join(IMPORT);
    std::fs::create_dir_all(&target.data)?;
    let rocks: Arc<dyn Store> = Arc::new(RocksStore::open(&partial)?);
    let store = match Failpoint::from_environment().map_err(Failure::new)? {
        Some(at) => Arc::new(FailingStore::new(rocks, at)),
        None => rocks,
    };
    let resumed = Import::resume(store.clone(), &target.genesis).map_err(refused)?;
    let import = match resumed {
        Some(import) if *import.head() == head => import,
        Some(import) => {
            let height = import.height();
            return Err(Failure::new(format!("an import of height {height} is under way"))
                .hint(format!("go on with its file, or remove {}", partial.display())));
        }
        // All was there, and it had only to be put in its place.
        None if holds(&store, &verified, &target.genesis) => {
            drop(store);
            return put_in_place(target, &partial, &verified, None);
        }
        None => Import::begin(store.clone(), &target.genesis, head).map_err(|error| {
            refused(error).hint(format!("remove {} and begin again", partial.display()))
        })?,
    };
    let bar = bytes_bar(bytes);
    bar.set_position(reader.bytes);
    read_sections(&mut reader, &import, &target.genesis, &bar)?;
    bar.finish_and_clear();
    let all = import.progress();
    let bar = progress("entries into the tree", all.entries);
    import.finish(target.validator, &mut |more| bar.inc(more)).map_err(refused)?;
    bar.finish_and_clear();
    drop(store);
    put_in_place(target, &partial, &verified, Some(all))
}

/// Whether a store is the database that an import of this head makes.
fn holds(store: &Arc<dyn Store>, head: &VerifiedHead, genesis: &Genesis) -> bool {
    let opened = Database::open_as_it_is(store.clone());
    opened.is_ok_and(|(database, found)| {
        found.chain_id() == genesis.chain_id()
            && database.begin_at().is_ok_and(|begin| begin.height == head.checkpoint().height)
    })
}

fn put_in_place(
    target: &Target,
    partial: &Path,
    head: &VerifiedHead,
    all: Option<Progress>,
) -> Result<Imported, Failure> {
    let (database, _) = Database::open_as_it_is(Arc::new(RocksStore::open_read_only(partial)?))?;
    let tip = database.tip()?;
    drop(database);
    files::move_folder("swap", partial, &target.data.join("ledger"))?;
    let state_root = head.checkpoint().state_root;
    let (entries, bytes) = all.map(|all| (all.entries, all.bytes)).unzip();
    Ok(Imported { height: tip.height, state_root, entries, bytes })
}

fn bytes_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{spinner} {bar:20} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    )
    .expect("a fixed template");
    let bar = ProgressBar::new(bytes).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Everything behind the head, up to the end. What an earlier attempt has taken is passed over.
fn read_sections(
    reader: &mut Reader,
    import: &Import,
    genesis: &Genesis,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let committee = genesis.committee().map_err(ImportError::from);
    let committee = committee.map_err(|error| Failure::new(error.to_string()))?;
    let chain_id = genesis.chain_id();
    let mut chunks = 0;
    loop {
        let (kind, content) = reader.read()?;
        let section = reader.sections;
        let named = |what: String, error: String| {
            Failure::new(format!("{what} is refused: {error}")).hint(
                "the file is damaged or was altered: get it again; what was imported so far is kept",
            )
        };
        match kind {
            Kind::End => return Ok(()),
            Kind::Head => unreachable!("the reader takes it as the first section only"),
            Kind::Block => {
                let what = || format!("the block in section {section}");
                let block = Block::decode(&content, &genesis.parameters)
                    .and_then(|block| block.verify(&chain_id, &committee, &genesis.parameters))
                    .map_err(|error| named(what(), error.to_string()))?;
                let put = import.put_blocks(vec![block]);
                put.map_err(|error| named(what(), error.to_string()))?;
            }
            Kind::Chunk => {
                chunks += 1;
                let (from, chunk) = chunk_in(&content).map_err(|error| {
                    named(format!("chunk {chunks}, in section {section},"), error)
                })?;
                put_chunk(import, &from, &chunk).map_err(|error| match error {
                    ImportError::Store(error) => error.into(),
                    error => named(chunk_name(chunks, &from), error.to_string()),
                })?;
            }
            Kind::Code => import.put_code(&content).map_err(|error| {
                named(format!("the code in section {section}"), error.to_string())
            })?,
        }
        bar.set_position(reader.bytes);
    }
}

fn chunk_name(number: u64, from: &Hash) -> String {
    format!("chunk {number}, of part {:x} from {from},", part_of(from))
}

/// A section of the file: where the chunk begins, and the chunk.
fn chunk_in(content: &[u8]) -> Result<(Hash, Chunk), String> {
    let (from, chunk) = content.split_first_chunk().ok_or("it is too short")?;
    Ok((Hash(*from), Chunk::decode(chunk).map_err(|error| error.to_string())?))
}

/// Takes a chunk, unless it is there.
fn put_chunk(import: &Import, from: &Hash, chunk: &Chunk) -> Result<(), ImportError> {
    let part = import.parts()[usize::from(part_of(from))];
    match part.done || *from < part.next {
        true => Ok(()),
        false => import.put_chunk(from, chunk),
    }
}
