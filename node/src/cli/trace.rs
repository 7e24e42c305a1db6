//! `pollen trace`: what an executed transaction did, found by running it again where it ran.

mod flame;

use std::path::PathBuf;

use clap::Args;
use pollen_ledger::Hash;
use pollen_rpc::api::{TxTrace, TxTraceParams};

use super::effects::{self, Tense};
use super::output::moment;
use super::{Failure, Session};

/// `pollen trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Hash of the transaction
    pub hash: String,
    /// Draw its fuel as a flame graph, into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// The hash of a transaction, as people give it.
pub fn hash_of(text: &str) -> Result<Hash, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format!("'{text}' is no transaction hash: 64 hexadecimal digits"))
    })
}

/// `pollen trace TX`.
pub async fn run(session: &Session, args: &TraceArgs) -> Result<(), Failure> {
    let hash = hash_of(&args.hash)?;
    let client = session.client()?;
    let prefix = client.network().await?.address_prefix.clone();
    let answer = client.tx_trace(&TxTraceParams::of(hash)).await?;
    if let Some(path) = &args.svg {
        let drawn = flame::svg(&answer.value.effects);
        std::fs::write(path, drawn)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    }
    session.print(&answer, || {
        let mut text = text(&answer.value, &prefix);
        if let Some(path) = &args.svg {
            text += &format!("\nflame graph: {}\n", path.display());
        }
        text
    });
    Ok(())
}

fn text(trace: &TxTrace, prefix: &str) -> String {
    let TxTrace { height, index, context, effects, .. } = trace;
    format!(
        "transaction {}\nat {height}.{index}, {}, round {}\n\n{}",
        effects.hash,
        moment(context.time_ms),
        context.round,
        effects::text(effects, prefix, Tense::Did)
    )
}
