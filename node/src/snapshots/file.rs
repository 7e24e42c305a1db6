//! A snapshot in one file, which anybody can check who has the genesis document.
//!
//! ```text
//! "POLLEN SNAPSHOT\n"  version u32 LE = 1  then sections: kind u8, length u32 LE, content
//!   1 head    the encoded head                   the first section, once
//!   2 block   an encoded block
//!   3 chunk   its first key hash 32, then the encoded chunk; part by part, ascending
//!   4 code    a component
//!   5 end     how many sections are before it, u64 LE; nothing follows
//! ```
//!
//! The format is drawn in docs/storage.md. Writing goes to a file beside its place, which is moved there when
//! it is whole. A section is read only within the bound of its kind. Whether what is read is true is not said
//! here: an import checks it.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use pollen_ledger::limits::COMPONENT_BYTES_MAX;
use pollen_ledger::store::snapshot::{CHUNK_BYTES_MAX, SNAPSHOT_HEAD_BYTES_MAX};

const MAGIC: &[u8; 16] = b"POLLEN SNAPSHOT\n";
const VERSION: u32 = 1;
/// Bytes of a block of any chain: genesis documents allow no more.
const BLOCK_BYTES_MAX: usize = 4 << 20;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What proves the checkpoint, and the commits.
    Head = 1,
    /// A block.
    Block = 2,
    /// Entries of the state, behind the key hash where they begin.
    Chunk = 3,
    /// A component.
    Code = 4,
    /// The end.
    End = 5,
}

impl Kind {
    const ALL: [(Self, usize); 5] = [
        (Self::Head, SNAPSHOT_HEAD_BYTES_MAX),
        (Self::Block, BLOCK_BYTES_MAX),
        (Self::Chunk, 32 + CHUNK_BYTES_MAX),
        (Self::Code, COMPONENT_BYTES_MAX),
        (Self::End, 8),
    ];
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something else.
    #[error("{0} is no snapshot of a kind that this program knows")]
    Foreign(PathBuf),
    /// Cut off, or altered between sections.
    #[error("the file is damaged at section {section}: {what}")]
    Damaged {
        /// Which, from 1.
        section: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// Writes one.
pub struct Writer {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    sections: u64,
    bytes: u64,
}

impl Writer {
    /// Begins a file, which must not be there.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let io = |source| FileError::Io { path: path.to_owned(), source };
        if path.exists() {
            return Err(io(ErrorKind::AlreadyExists.into()));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&partial).map_err(io)?);
        file.write_all(MAGIC).and_then(|()| file.write_all(&VERSION.to_le_bytes())).map_err(io)?;
        let path = path.to_owned();
        Ok(Self { path, partial, file, sections: 0, bytes: 20 })
    }

    /// Adds a section of these parts, one behind the other.
    pub fn put(&mut self, kind: Kind, parts: &[&[u8]]) -> Result<(), FileError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let write = |file: &mut BufWriter<File>| {
            file.write_all(&[kind as u8])?;
            file.write_all(&(length as u32).to_le_bytes())?;
            parts.iter().try_for_each(|part| file.write_all(part))
        };
        write(&mut self.file).map_err(|source| self.failed(source))?;
        self.sections += 1;
        self.bytes += 5 + length as u64;
        Ok(())
    }

    /// Ends the file, makes it durable, and puts it in its place. Answers its bytes.
    pub fn finish(mut self) -> Result<u64, FileError> {
        let sections = self.sections.to_le_bytes();
        self.put(Kind::End, &[&sections])?;
        let end = |this: &mut Self| {
            this.file.flush()?;
            this.file.get_ref().sync_all()?;
            std::fs::rename(&this.partial, &this.path)?;
            let folder = this.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        end(&mut self).map_err(|source| self.failed(source))?;
        Ok(self.bytes)
    }

    fn failed(&self, source: std::io::Error) -> FileError {
        FileError::Io { path: self.partial.clone(), source }
    }
}

/// Reads one.
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    /// Sections that were read.
    pub sections: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

impl Reader {
    /// Begins to read. Answers the file's bytes too.
    pub fn open(path: &Path) -> Result<(Self, u64), FileError> {
        let io = |source| FileError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut begin = [0; 20];
        match file.read_exact(&mut begin) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(io(error)),
            Ok(()) if begin[..16] == *MAGIC && begin[16..] == VERSION.to_le_bytes() => {}
            _ => return Err(FileError::Foreign(path.to_owned())),
        }
        Ok((Self { path: path.to_owned(), file, sections: 0, bytes: 20 }, length))
    }

    /// The next section. Behind [`Kind::End`], whose number was checked, nothing is to be read.
    pub fn read(&mut self) -> Result<(Kind, Vec<u8>), FileError> {
        let section = self.sections + 1;
        let damaged = |what| FileError::Damaged { section, what };
        let io = |path: &Path, error: std::io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => damaged("it ends too early"),
            _ => FileError::Io { path: path.to_owned(), source: error },
        };
        let mut head = [0; 5];
        self.file.read_exact(&mut head).map_err(|error| io(&self.path, error))?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        let known = Kind::ALL.into_iter().find(|(known, _)| *known as u8 == kind);
        let (kind, max) = known.ok_or_else(|| damaged("its kind is not known"))?;
        if length > max {
            return Err(damaged("it is longer than any of its kind"));
        }
        let mut content = vec![0; length];
        self.file.read_exact(&mut content).map_err(|error| io(&self.path, error))?;
        self.bytes += 5 + length as u64;
        if (kind == Kind::Head) != (section == 1) {
            return Err(damaged("the head is the first section, and no other is"));
        }
        if kind == Kind::End {
            if content != self.sections.to_le_bytes() {
                return Err(damaged("sections are missing before it"));
            }
            if self.file.read(&mut [0]).map_err(|error| io(&self.path, error))? != 0 {
                return Err(damaged("something follows the end"));
            }
        }
        self.sections = section;
        Ok((kind, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("snapshot");
        let mut writer = Writer::create(&path).unwrap();
        writer.put(Kind::Head, &[b"head"]).unwrap();
        writer.put(Kind::Chunk, &[b"from", b"chunk"]).unwrap();
        assert!(!path.exists(), "not in its place before it is whole");
        let bytes = writer.finish().unwrap();
        assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
        path
    }

    fn read(path: &Path) -> Result<Vec<(Kind, Vec<u8>)>, FileError> {
        let (mut reader, _) = Reader::open(path)?;
        let mut sections = Vec::new();
        loop {
            let section = reader.read()?;
            let is_end = section.0 == Kind::End;
            sections.push(section);
            if is_end {
                return Ok(sections);
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let sections = read(&path).unwrap();
        assert_eq!(sections[0], (Kind::Head, b"head".to_vec()));
        assert_eq!(sections[1], (Kind::Chunk, b"fromchunk".to_vec()));
        assert_eq!(sections.len(), 3);
        assert!(
            matches!(Writer::create(&path), Err(FileError::Io { .. })),
            "nothing is overwritten"
        );
    }

    /// Files outlive programs: another format is another version, and docs/storage.md says so.
    #[test]
    fn the_format_is_the_one_that_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::read(written(folder.path())).unwrap();
        let drawn = [
            &b"POLLEN SNAPSHOT\n\x01\0\0\0"[..],
            b"\x01\x04\0\0\0head",
            b"\x03\x09\0\0\0fromchunk",
            b"\x05\x08\0\0\0\x02\0\0\0\0\0\0\0",
        ];
        assert_eq!(file, drawn.concat());
        assert_eq!(Kind::ALL.map(|(kind, _)| kind as u8), [1, 2, 3, 4, 5]);
    }

    /// Cut anywhere, or longer than it is, it is no snapshot; and no length makes the reader allocate.
    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        let other = folder.path().join("other");
        for length in 0..whole.len() {
            std::fs::write(&other, &whole[..length]).unwrap();
            assert!(read(&other).is_err(), "cut at {length}");
        }
        std::fs::write(&other, [&whole[..], &[0]].concat()).unwrap();
        assert!(matches!(read(&other), Err(FileError::Damaged { section: 3, .. })));
        for at in 0..25 {
            let mut changed = whole.clone();
            changed[at] ^= 0x80;
            std::fs::write(&other, &changed).unwrap();
            assert!(read(&other).is_err(), "byte {at}");
        }
        // Without its middle the number at the end does not fit.
        std::fs::write(&other, [&whole[..29], &whole[43..]].concat()).unwrap();
        assert!(matches!(read(&other), Err(FileError::Damaged { section: 2, .. })));
    }
}
