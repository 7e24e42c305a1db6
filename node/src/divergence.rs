//! The evidence of a divergence: that this node computed something else than a quorum attests.
//!
//! It lies in the data folder as `divergence.json`. As long as the ledger has the checkpoint that it is
//! about, the node that starts on it executes nothing: what it computed is wrong, or what the others did, and
//! going on would bury that. Reads go on. A ledger that was synced again does not have that checkpoint, and
//! its node runs as any other.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pollen_ledger::store::{Database, StoreError};
use pollen_ledger::{Attestation, AuthorIndex, Hash};
use serde::Deserialize;

use crate::files;
use crate::shared::Divergence;

/// The file's name, in the data folder.
pub const FILE: &str = "divergence.json";

/// Why the evidence cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file that is damaged, or not ours.
    #[error("{path}: {reason}: keep that file elsewhere, and report it")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What of the file is read again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    height: String,
    computed_here: Hash,
    attested_by_others: Hash,
}

/// Writes who attests something else than this node computed, for whoever looks into it.
pub fn keep(path: &Path, found: &Divergence, attestations: &[(AuthorIndex, Attestation)]) {
    let signed = attestations.iter().map(|(author, attestation)| {
        let signature = hex::encode(attestation.signature.0);
        serde_json::json!({ "author": author, "digest": attestation.digest, "signature": signature })
    });
    let document = serde_json::json!({
        "height": found.height.to_string(),
        "computedHere": found.ours,
        "attestedByOthers": found.theirs,
        "attestations": signed.collect::<Vec<_>>(),
    });
    if let Err(error) = files::replace("evidence", path, format!("{document:#}\n").as_bytes()) {
        tracing::error!(%error, path = %path.display(), "cannot keep the evidence");
    }
}

/// The divergence that a node starts with: there is evidence, and the ledger has the checkpoint that it is
/// about.
pub fn standing(data: &Path, database: &Database) -> Result<Option<Divergence>, EvidenceError> {
    let path = data.join(FILE);
    let malformed = |reason: String| EvidenceError::Malformed { path: path.clone(), reason };
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| malformed(error.to_string()))?,
    };
    let document: Document =
        serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    let height = document.height.parse().map_err(|_| malformed("no height".to_owned()))?;
    let (ours, theirs) = (document.computed_here, document.attested_by_others);
    if database.checkpoint(height)?.is_none_or(|held| held.digest() != ours) {
        let path = path.display();
        tracing::warn!(%path, height, "evidence of a divergence of an earlier ledger: of no more use here");
        return Ok(None);
    }
    Ok(Some(Divergence { height, ours, theirs }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pollen_ledger::store::MemoryStore;

    use super::*;
    use crate::dev;

    /// Story: a node that had diverged was started again, and executed on what it had computed wrongly, as if
    /// nothing had been.
    #[test]
    fn evidence_stands_while_the_ledger_has_what_it_is_about() {
        let data = tempfile::tempdir().unwrap();
        let database =
            Database::open(Arc::new(MemoryStore::new()), &dev::genesis(4), None).unwrap();
        assert_eq!(standing(data.path(), &database).unwrap(), None);
        let path = data.path().join(FILE);
        let digest = database.checkpoint(0).unwrap().unwrap().digest();
        let attested =
            Attestation::sign(database.chain_id(), 0, Hash::ZERO, &dev::validator_key(1));
        let found = Divergence { height: 0, ours: digest, theirs: Hash::ZERO };
        keep(&path, &found, &[(1, attested)]);
        assert_eq!(standing(data.path(), &database).unwrap(), Some(found.clone()));
        // Synced again: the same height is another checkpoint's, or nobody's.
        for other in
            [Divergence { ours: Hash([1; 32]), ..found.clone() }, Divergence { height: 9, ..found }]
        {
            keep(&path, &other, &[]);
            assert_eq!(standing(data.path(), &database).unwrap(), None);
        }
        std::fs::write(&path, "{").unwrap();
        let refused = standing(data.path(), &database).unwrap_err().to_string();
        assert!(refused.contains("divergence.json") && refused.contains("report"), "{refused}");
    }
}
