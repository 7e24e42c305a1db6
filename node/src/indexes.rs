//! Brings a node's indexes where its configuration wants them, before it executes or answers anything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pollen_ledger::store::{Database, Index, IndexProgress, StoreError};
use tokio::sync::mpsc;

/// How often the log says how far it is.
const LOG_INTERVAL: Duration = Duration::from_secs(5);
/// Steps that may wait to be told.
const STEPS_TOLD: usize = 16;

/// Makes the indexes that are wanted and not there, and removes the others; `tell` hears how far it is.
/// When this is dropped the work stops after its next step; the next start goes on with it.
pub async fn prepare(
    database: Arc<Database>,
    wanted: BTreeSet<Index>,
    tell: impl Fn(IndexProgress),
) -> Result<(), StoreError> {
    let (told, mut progress) = mpsc::channel(STEPS_TOLD);
    let work = tokio::task::spawn_blocking(move || {
        database.prepare_indexes(&wanted, &mut |step| told.blocking_send(step).is_ok())
    });
    let began = Instant::now();
    let mut logged = None::<(Index, Instant)>;
    while let Some(step) = progress.recv().await {
        tell(step);
        let quiet =
            logged.is_some_and(|(index, at)| index == step.index && at.elapsed() < LOG_INTERVAL);
        if !quiet {
            tracing::info!("{step}");
            logged = Some((step.index, Instant::now()));
        }
    }
    work.await.expect("indexing does not panic")?;
    if logged.is_some() {
        let took_ms = began.elapsed().as_millis() as u64;
        tracing::info!(took_ms, "the indexes are as configured");
    }
    Ok(())
}
