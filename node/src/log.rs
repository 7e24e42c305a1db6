//! The node's log: to standard error, by a filter that can be another one for a time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// The filter in use, and that of the configuration.
static FILTER: OnceLock<(reload::Handle<EnvFilter, Registry>, String)> = OnceLock::new();
/// Counts changes: an older one does not end a newer.
static CHANGES: AtomicU64 = AtomicU64::new(0);

fn read(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|error| format!("log filter '{filter}': {error}"))
}

/// Begins to log; colour only on a terminal. A second call changes nothing.
pub fn start(filter: &str) -> Result<(), String> {
    use std::io::IsTerminal as _;
    let (filtering, handle) = reload::Layer::new(read(filter)?);
    let lines =
        fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    if tracing_subscriber::registry().with(filtering).with(lines).try_init().is_ok() {
        let _ = FILTER.set((handle, filter.to_owned()));
    }
    Ok(())
}

/// Logs by another filter for a time, then by the configuration's again.
pub fn filter_for(filter: &str, time: Duration) -> Result<(), String> {
    let Some((handle, usual)) = FILTER.get() else {
        return Err("this process does not log".to_owned());
    };
    handle.reload(read(filter)?).map_err(|error| error.to_string())?;
    let change = CHANGES.fetch_add(1, Ordering::SeqCst) + 1;
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        if CHANGES.load(Ordering::SeqCst) == change {
            let usual = read(usual).expect("it was read before");
            if let Err(error) = handle.reload(usual) {
                tracing::warn!(%error, "the log keeps another filter");
            }
        }
    });
    Ok(())
}
