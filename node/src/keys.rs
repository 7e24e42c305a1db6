//! Key files: one JSON document a key, readable by its owner only.
//!
//! A file that others may read is refused: the error says how to close it. The secret is never logged,
//! printed or passed as an argument. It stands in the file as it is (version 1), or as an age file under a
//! passphrase (version 2), which is asked for on the terminal or read from a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use pollen_ledger::{AccountId, Hash, KeyPair, PublicKey};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::files;

/// Why a key could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such file.
    #[error(
        "there is no key at {path}: make one with `pollen keys new NAME`, or list them with `pollen keys list`"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A key with that name is there already.
    #[error("there is a key at {path} already: choose another name")]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// Others may read it.
    #[error(
        "the key file {path} is open to others (mode {mode:o}): close it with `chmod 600 {path}`"
    )]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a key file.
    #[error("{path} is no key file: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Not a name for a key.
    #[error(
        "'{name}' is no name for a key: 1 to 64 letters, digits, hyphens and dots, a letter first"
    )]
    Name {
        /// What came.
        name: String,
    },
    /// An encrypted key, and nobody to ask.
    #[error(
        "{path} is encrypted, and nobody is there to ask: give the name of a file with the passphrase in \
         {PASSPHRASE_FILE}"
    )]
    NoPassphrase {
        /// Which key.
        path: PathBuf,
    },
    /// The passphrase is another one.
    #[error("the passphrase of {path} is not this one")]
    WrongPassphrase {
        /// Which key.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Names a file whose first line is the passphrase of encrypted keys.
pub const PASSPHRASE_FILE: &str = "POLLEN_PASSPHRASE_FILE";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyFile {
    version: u32,
    public_key: PublicKey,
    /// Of version 1: the seed in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_key: Option<Secret>,
    /// Of version 2: an age file (scrypt) with the seed's 32 bytes, in ASCII armour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encrypted_key: Option<String>,
}

/// Hexadecimal digits of a secret, wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Where an account's key of this name lives.
pub fn path_of(home: &Path, name: &str) -> Result<PathBuf, KeyError> {
    let good = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_');
    if !good {
        return Err(KeyError::Name { name: name.chars().take(80).collect() });
    }
    Ok(home.join("keys").join(format!("{name}.json")))
}

/// Makes a key from the system's randomness.
pub fn generate() -> KeyPair {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).expect("the system has randomness");
    KeyPair::from_seed(&seed)
}

/// The name of the key file with this public key.
pub fn name_of(home: &Path, key: &PublicKey) -> Option<String> {
    let account = AccountId::of_key(key);
    list(home).into_iter().find(|(_, id)| *id == account).map(|(name, _)| name)
}

fn make_folder(key: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let Some(folder) = key.parent() else { return Ok(()) };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| KeyError::Io { path: key.to_owned(), source })
}

/// Writes a key to a new file of mode 0600, whole or not at all; the folder is made with mode 0700.
pub fn write(path: &Path, key: &KeyPair) -> Result<(), KeyError> {
    let secret = Secret(hex::encode(Zeroizing::new(key.seed())));
    let (public_key, secret_key) = (key.public_key(), Some(secret));
    write_file(path, &KeyFile { version: 1, public_key, secret_key, encrypted_key: None })
}

/// [`write()`] under a passphrase.
pub fn write_encrypted(
    path: &Path,
    key: &KeyPair,
    passphrase: SecretString,
) -> Result<(), KeyError> {
    let recipient = age::scrypt::Recipient::new(passphrase);
    let seed = Zeroizing::new(key.seed());
    let encrypted = age::encrypt_and_armor(&recipient, seed.as_ref());
    let encrypted = encrypted.expect("memory takes what is written");
    let (public_key, encrypted_key) = (key.public_key(), Some(encrypted));
    write_file(path, &KeyFile { version: 2, public_key, secret_key: None, encrypted_key })
}

fn write_file(path: &Path, document: &KeyFile) -> Result<(), KeyError> {
    let io = |source| KeyError::Io { path: path.to_owned(), source };
    make_folder(path)?;
    let text = Zeroizing::new(serde_json::to_string_pretty(document).expect("plain strings"));
    match files::create("key", path, text.as_bytes(), 0o600) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(KeyError::Exists { path: path.to_owned() })
        }
        written => written.map_err(io),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NeverSigned {
    public_key: PublicKey,
    chain_id: Hash,
}

/// Beside a key file: it was made for a chain, and has signed nothing there.
fn never_signed_path(key: &Path) -> PathBuf {
    let mut name = key.file_name().unwrap_or_default().to_owned();
    name.push(".never-signed");
    key.with_file_name(name)
}

/// Writes a validator's new key as [`write()`] does, with the mark that it has never signed on this chain:
/// with it, and only with it, a node starts from an empty store without asking the others what it signed.
pub fn write_validator(path: &Path, key: &KeyPair, chain_id: Hash) -> Result<(), KeyError> {
    if path.exists() {
        return Err(KeyError::Exists { path: path.to_owned() });
    }
    make_folder(path)?;
    let mark = never_signed_path(path);
    let document = NeverSigned { public_key: key.public_key(), chain_id };
    let text = serde_json::to_string_pretty(&document).expect("plain strings");
    // The mark first: without the key it says nothing.
    files::replace("mark", &mark, text.as_bytes())
        .map_err(|source| KeyError::Io { path: mark, source })?;
    write(path, key)
}

/// True when the mark of a key file is there, and is this key's for this chain.
pub fn has_never_signed(key: &Path, public: &PublicKey, chain: &Hash) -> Result<bool, KeyError> {
    let path = never_signed_path(key);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(KeyError::Io { path, source }),
        Ok(text) => text,
    };
    let mark: NeverSigned = serde_json::from_str(&text)
        .map_err(|error| KeyError::Malformed { path, reason: error.to_string() })?;
    Ok(mark.public_key == *public && mark.chain_id == *chain)
}

/// Takes the mark away, for good: before the first block is signed.
pub fn forget_never_signed(key: &Path) -> Result<(), KeyError> {
    let path = never_signed_path(key);
    files::remove("mark", &path).map_err(|source| KeyError::Io { path, source })
}

/// A passphrase: the first line of the file that [`PASSPHRASE_FILE`] names, or what is typed; twice where
/// it is a new one.
pub fn passphrase(path: &Path, is_new: bool) -> Result<SecretString, KeyError> {
    if let Some(file) = std::env::var_os(PASSPHRASE_FILE) {
        let file = PathBuf::from(file);
        let text = fs::read_to_string(&file).map_err(|source| KeyError::Io { path: file, source });
        let text = Zeroizing::new(text?);
        return Ok(SecretString::from(text.lines().next().unwrap_or_default()));
    }
    // On the terminal itself: standard input may be a transaction to be signed.
    let ask = |what: &str| {
        let typed = rpassword::prompt_password(format!("{what} of {}: ", path.display()));
        typed.map(Zeroizing::new).map_err(|_| KeyError::NoPassphrase { path: path.to_owned() })
    };
    let first = ask(if is_new { "new passphrase" } else { "passphrase" })?;
    if is_new && ask("again, passphrase")? != first {
        return Err(KeyError::WrongPassphrase { path: path.to_owned() });
    }
    Ok(SecretString::from(first.as_str()))
}

fn decrypt(path: &Path, encrypted: &str, seed: &mut [u8; 32]) -> Result<(), KeyError> {
    let malformed = |reason: String| KeyError::Malformed { path: path.to_owned(), reason };
    let identity = age::scrypt::Identity::new(passphrase(path, false)?);
    let plain = age::decrypt(&identity, encrypted.as_bytes()).map_err(|error| match error {
        age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed => {
            KeyError::WrongPassphrase { path: path.to_owned() }
        }
        other => malformed(other.to_string()),
    })?;
    let plain = Zeroizing::new(plain);
    let bytes = plain.as_slice().try_into();
    *seed = bytes.map_err(|_| malformed("the encrypted key has not 32 bytes".into()))?;
    Ok(())
}

/// The public half of a key file, for which nobody needs a passphrase.
pub fn read_public(path: &Path) -> Result<PublicKey, KeyError> {
    Ok(read_document(path)?.public_key)
}

/// Reads a key file, refusing one that others may read. Of an encrypted one the passphrase is asked for.
pub fn read(path: &Path) -> Result<KeyPair, KeyError> {
    let document = read_document(path)?;
    let malformed = |reason: String| KeyError::Malformed { path: path.to_owned(), reason };
    let mut seed = Zeroizing::new([0; 32]);
    match (document.version, &document.secret_key, &document.encrypted_key) {
        (1, Some(secret), None) => hex::decode_to_slice(secret.0.as_bytes(), seed.as_mut())
            .map_err(|_| malformed("secretKey is not 64 hexadecimal digits".into()))?,
        (2, None, Some(encrypted)) => decrypt(path, encrypted, &mut seed)?,
        (1 | 2, ..) => {
            let what = "version 1 has secretKey, version 2 encryptedKey, and neither the other's";
            return Err(malformed(what.into()));
        }
        (version, ..) => {
            return Err(malformed(format!("version {version} is not known, 1 and 2 are")));
        }
    }
    let key = KeyPair::from_seed(&seed);
    if key.public_key() != document.public_key {
        return Err(malformed("publicKey is not the public half of its secret".into()));
    }
    Ok(key)
}

fn read_document(path: &Path) -> Result<KeyFile, KeyError> {
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned() },
        _ => KeyError::Io { path: path.to_owned(), source },
    };
    let mode = fs::metadata(path).map_err(io)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
    let malformed = |reason: String| KeyError::Malformed { path: path.to_owned(), reason };
    serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))
}

/// Names and accounts of all keys under a home folder, sorted by name. Files are not opened further
/// than their public half; one that cannot be read is left out.
pub fn list(home: &Path) -> Vec<(String, AccountId)> {
    let Ok(entries) = fs::read_dir(home.join("keys")) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?.strip_suffix(".json")?.to_owned();
            let text = Zeroizing::new(fs::read_to_string(entry.path()).ok()?);
            let document: KeyFile = serde_json::from_str(&text).ok()?;
            Some((name, AccountId::of_key(&document.public_key)))
        })
        .collect();
    found.sort();
    found
}
