//! The sources of a module on disk: what is in them, and when they change.
//!
//! The system's own watches (inotify and its kin, by the crate `notify`) say that something happened; whether it
//! matters is decided by content. Left out: what begins with a point, `target`, `node_modules`, editors' copies, and the
//! folder `ts`, a program that calls the module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use pollen_ledger::Hash;
use tokio::sync::mpsc;

/// No event for so long: whatever was being saved is saved.
const QUIET: Duration = Duration::from_millis(80);
/// Files that a module has at most; more are not looked at.
const FILES_MAX: usize = 4_096;
/// Tests of the module in TypeScript (`pollen new --typescript`).
const CALLERS: &str = "ts";

/// Content of every file, by its path in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, Hash>);

impl Sources {
    /// Reads them all.
    pub fn read(folder: &Path) -> std::io::Result<Self> {
        let mut found = BTreeMap::new();
        read_below(folder, "", &mut found)?;
        Ok(Self(found))
    }

    /// Files that were added, changed or removed since.
    pub fn changed(&self, now: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        let differs = |name: &&&String| self.0.get(**name) != now.0.get(**name);
        names.iter().filter(differs).map(|name| (*name).clone()).collect()
    }
}

fn read_below(
    folder: &Path,
    prefix: &str,
    found: &mut BTreeMap<String, Hash>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_left_out(&name) || (prefix.is_empty() && name == CALLERS) {
            continue;
        }
        let (path, name) = (entry.path(), format!("{prefix}{name}"));
        match read_entry(&path, name, found) {
            // An editor is just replacing it, and the system will tell when it is there.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            read => read?,
        }
    }
    Ok(())
}

fn read_entry(
    path: &Path,
    name: String,
    found: &mut BTreeMap<String, Hash>,
) -> std::io::Result<()> {
    // Through links: a module may borrow its interface from beside it.
    if std::fs::metadata(path)?.is_dir() {
        return read_below(path, &format!("{name}/"), found);
    }
    if found.len() < FILES_MAX {
        found.insert(name, Hash::of_content(&std::fs::read(path)?));
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    name.starts_with('.')
        || name.ends_with('~')
        || matches!(name, "target" | "node_modules" | "Cargo.lock" | "4913")
}

/// Hears of changes below a folder.
pub struct Watch {
    folder: PathBuf,
    watcher: RecommendedWatcher,
    events: mpsc::Receiver<notify::Result<()>>,
}

impl Watch {
    /// From now on.
    pub fn begin(folder: &Path) -> notify::Result<Self> {
        // One is enough: it says that something happened.
        let (heard, events) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let told = match event {
                Ok(event) if matters(&event) => Ok(()),
                Ok(_) => return,
                Err(error) => Err(error),
            };
            // Full: what waits there says it already.
            let _ = heard.try_send(told);
        })?;
        let mut watch = Self { folder: folder.to_owned(), watcher, events };
        watch.cover()?;
        Ok(watch)
    }

    /// Watches the folder itself and all that is in it, but not what is left out: `target` alone has thousands of
    /// folders.
    fn cover(&mut self) -> notify::Result<()> {
        self.watcher.watch(&self.folder, RecursiveMode::NonRecursive)?;
        for entry in std::fs::read_dir(&self.folder)?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.path().is_dir() && !is_left_out(&name) && name != CALLERS {
                self.watcher.watch(&entry.path(), RecursiveMode::Recursive)?;
            }
        }
        Ok(())
    }

    /// Waits until something changed and it is quiet again.
    pub async fn changed(&mut self) -> notify::Result<()> {
        let ended = || Err(notify::Error::generic("the system's watches ended"));
        self.events.recv().await.unwrap_or_else(ended)?;
        while let Ok(more) = tokio::time::timeout(QUIET, self.events.recv()).await {
            more.unwrap_or_else(ended)?;
        }
        // Folders that are new, or were replaced.
        self.cover()
    }
}

/// Whether an event may be a change of a source: reading a file is an event, too.
fn matters(event: &notify::Event) -> bool {
    let is_change = !matches!(event.kind, EventKind::Access(_));
    let name =
        |path: &PathBuf| path.file_name().is_some_and(|name| !is_left_out(&name.to_string_lossy()));
    is_change && event.paths.iter().any(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the build writes must not start another build.
    #[test]
    fn only_the_content_of_sources_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let read = || Sources::read(folder.path()).unwrap();
        write("src/lib.rs", "one");
        write("wit/world.wit", "w");
        let first = read();
        write("src/lib.rs", "one");
        for left_out in [
            "target/debug/x",
            "Cargo.lock",
            ".git/index",
            "src/lib.rs~",
            "src/.lib.rs.swp",
            "ts/a.ts",
        ] {
            write(left_out, "x");
        }
        assert!(first.changed(&read()).is_empty());
        write("src/lib.rs", "two");
        write("src/more/new.rs", "n");
        std::fs::remove_file(folder.path().join("wit/world.wit")).unwrap();
        assert_eq!(first.changed(&read()), ["src/lib.rs", "src/more/new.rs", "wit/world.wit"]);
    }

    /// A folder that is made later is watched like those of the beginning.
    #[tokio::test]
    async fn changes_are_heard_in_old_and_new_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        let mut watch = Watch::begin(folder.path()).unwrap();
        let patience = Duration::from_secs(30);
        for path in ["src/lib.rs", "tests", "tests/one.rs"] {
            let path = folder.path().join(path);
            match path.extension() {
                Some(_) => std::fs::write(&path, "x").unwrap(),
                None => std::fs::create_dir(&path).unwrap(),
            }
            let heard = tokio::time::timeout(patience, watch.changed()).await;
            heard.unwrap_or_else(|_| panic!("{} was not heard", path.display())).unwrap();
        }
    }
}
