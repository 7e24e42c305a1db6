//! Files that are there whole or not at all, after a crash at any moment: what a node keeps beside its database.
//!
//! Each is written beside its place, synced, put there under its name, and the folder synced. So are folders
//! that were filled elsewhere. Every such step has a name, at which a test may let it fail (`failpoints.rs`).

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failpoints;

/// What a file is called until it is whole.
const PARTIAL: &str = ".partial";

/// Writes a new file with these permissions; refused with `AlreadyExists` when there is one.
pub fn create(step: &'static str, path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let partial = write_partial(path, bytes, mode)?;
    // Unlike a rename it never takes the place of a file that came meanwhile.
    let linked = failpoints::file(step, || fs::hard_link(&partial, path));
    fs::remove_file(&partial)?;
    linked?;
    sync_folder(folder_of(path))
}

/// Writes a file in the place of the one that is there, if any.
pub fn replace(step: &'static str, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let partial = write_partial(path, bytes, 0o644)?;
    failpoints::file(step, || fs::rename(&partial, path))?;
    sync_folder(folder_of(path))
}

/// Removes a file, for good.
pub fn remove(step: &'static str, path: &Path) -> Result<(), Error> {
    failpoints::file(step, || fs::remove_file(path))?;
    sync_folder(folder_of(path))
}

/// Moves a folder that is whole into its place, where nothing is, for good. Its files are synced already.
pub fn move_folder(step: &'static str, from: &Path, to: &Path) -> Result<(), Error> {
    sync_folder(from)?;
    failpoints::file(step, || fs::rename(from, to))?;
    sync_folder(folder_of(to))
}

/// Makes durable which files a folder has.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)?.sync_all()
}

fn write_partial(path: &Path, bytes: &[u8], mode: u32) -> Result<PathBuf, Error> {
    let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(PARTIAL);
    let partial = path.with_file_name(name);
    // An earlier attempt's has other permissions, perhaps.
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(partial)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    /// Story: a key file was written in its place, so that a crash left one that was empty, and another could
    /// not be made under its name.
    #[test]
    fn what_an_interrupted_attempt_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(folder.path().join("key.partial"), b"half").unwrap();
        create("key", &path, b"whole", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = create("key", &path, b"other", 0o600).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        replace("evidence", &path, b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        remove("mark", &path).unwrap();
        assert!(!path.exists());
    }
}
