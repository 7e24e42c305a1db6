//! `pollen devnet`: what only a running development network does.

use std::time::Duration;

use clap::Subcommand;
use pollen_ledger::Address;
use pollen_rpc::api::DevFundParams;
use serde_json::json;

use super::output::{self, pollen};
use super::{Failure, Session, accounts};

/// `pollen devnet ..`.
#[derive(Debug, Subcommand)]
pub enum DevnetCommand {
    /// Give an account tokens out of the faucet
    #[command(after_help = "Example:\n  pollen devnet fund alice 5")]
    Fund {
        /// A key's name or an address
        account: String,
        /// Pollen as 5 or 0.25, or grains as 1200grains
        #[arg(value_parser = output::parse_amount)]
        amount: u64,
    },
    /// Move the network's clock ahead: deadlines pass, delays are over
    #[command(after_help = "Examples:\n  pollen devnet advance 90s\n  pollen devnet advance 3days")]
    Advance {
        /// How far, as 90s, 2h or 3days
        #[arg(value_parser = humantime::parse_duration)]
        by: Duration,
    },
    /// Keep the network as it is now, and print the snapshot's number
    Snapshot,
    /// Take the network back to a snapshot; the clock stays
    #[command(after_help = "Example:\n  pollen devnet revert 1")]
    Revert {
        /// Its number
        snapshot: u32,
    },
}

/// `pollen devnet ..`.
pub async fn run(session: &Session, command: &DevnetCommand) -> Result<(), Failure> {
    let client = session.client()?;
    match command {
        DevnetCommand::Fund { account, amount } => {
            let network = client.network().await?;
            let id = accounts::resolve(session, &network.address_prefix, account)?;
            let address = Address::account(id).display(&network.address_prefix);
            let params = DevFundParams { account: address.clone(), amount: *amount };
            let done = client.dev_fund(&params).await?.value;
            let document = json!({ "account": address, "amount": amount.to_string(), "transaction": done.transaction });
            session.print(&document, || format!("{} to {address}\n", pollen(*amount)));
        }
        DevnetCommand::Advance { by } => {
            let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            let time = client.dev_advance_time(ms).await?.value;
            session.print(&time, || {
                let ahead = Duration::from_millis(time.ahead_ms);
                format!(
                    "the ledger's time is {}, {} ahead of this machine's\n",
                    pollen_vm::value::show_moment(time.time_ms),
                    humantime::format_duration(ahead)
                )
            });
        }
        DevnetCommand::Snapshot => {
            let made = client.dev_snapshot().await?.value;
            session.print(&made, || {
                let number = made.snapshot;
                format!("snapshot {number}; back to it with `pollen devnet revert {number}`\n")
            });
        }
        DevnetCommand::Revert { snapshot } => {
            let bar = (!session.json).then(|| super::network::progress("going back", 1));
            let gone = client.dev_revert(*snapshot).await;
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            gone?;
            let document = json!({ "snapshot": snapshot });
            session.print(&document, || {
                format!("the network is what it was at snapshot {snapshot}\n")
            });
        }
    }
    Ok(())
}
