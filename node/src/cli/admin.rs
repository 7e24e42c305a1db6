//! `pollen admin`: what an operator tells a running node on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use indicatif::ProgressBar;
use pollen_ledger::Genesis;
use serde_json::json;

use super::db::data_folder;
use super::network::progress;
use super::{DataArgs, Failure, Global, Session};
use crate::admin::{self, Answer, INVITE_VERSION, Invite, Question};

/// `pollen admin ..`.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Log by another filter for a time, then by the configuration's again
    #[command(
        after_help = "Example:\n  pollen admin log pollen_node=debug,info --for 10min --config pollen.toml"
    )]
    Log {
        /// As in the configuration
        filter: String,
        /// How long, a day at most
        #[arg(long = "for", value_name = "TIME", default_value = "10min", value_parser = humantime::parse_duration)]
        time: Duration,
        /// Which node
        #[command(flatten)]
        data: DataArgs,
    },
    /// Stay connected with one more node, until this one starts again; [network] peers is for good
    #[command(
        after_help = "Example:\n  pollen admin add-peer /ip4/10.0.0.7/tcp/9750 --config pollen.toml"
    )]
    AddPeer {
        /// Its multiaddress
        address: String,
        /// Which node
        #[command(flatten)]
        data: DataArgs,
    },
    /// Neither dial a peer nor let it in, until this node starts again
    #[command(
        after_help = "Example:\n  pollen admin ban 12D3KooW... --for 1h --config pollen.toml"
    )]
    Ban {
        /// Its id, as `pollen status` and node_peers tell it
        peer: String,
        /// Only for so long
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
        /// Which node
        #[command(flatten)]
        data: DataArgs,
    },
    /// Let a banned peer in again
    Unban {
        /// Its id
        peer: String,
        /// Which node
        #[command(flatten)]
        data: DataArgs,
    },
    /// Let go of the past now, and keep less of it until the node starts again
    #[command(
        after_help = "Example:\n  pollen admin prune --history-commits 1000 --config pollen.toml"
    )]
    Prune {
        /// Checkpoints whose state stays [default: the configuration's]
        #[arg(long, value_name = "COUNT", required_unless_present = "history_commits")]
        state_checkpoints: Option<u64>,
        /// Commits whose transactions and blocks stay, 64 at least [default: the configuration's]
        #[arg(long, value_name = "COUNT")]
        history_commits: Option<u64>,
        /// Which node
        #[command(flatten)]
        data: DataArgs,
    },
    /// Take no more transactions and wait for those that were taken: then nobody loses any by a stop
    #[command(
        after_help = "Example:\n  pollen admin drain --config pollen.toml && systemctl stop pollen"
    )]
    Drain(DataArgs),
    /// Take transactions again after `pollen admin drain`
    Resume(DataArgs),
    /// Print what another node needs to join: the chain, which is what it trusts, and whom to ask
    #[command(
        after_help = "Examples:\n  pollen admin invite --address /ip4/203.0.113.5/tcp/9750 > join.json\n  \
                      pollen node --invite join.json --data peer"
    )]
    Invite {
        /// Where this node is reached; may be repeated [default: where it listens]
        #[arg(long, value_name = "MULTIADDR")]
        address: Vec<String>,
        /// Which node
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `pollen admin ..`.
pub async fn run(
    session: &Session,
    global: &Global,
    command: &AdminCommand,
) -> Result<(), Failure> {
    let ms = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (question, data, done) = match command {
        AdminCommand::Log { filter, time, data } => {
            let question = Question::Log { filter: filter.clone(), for_ms: ms(time) };
            let time = humantime::format_duration(*time);
            (question, data, format!("logs by '{filter}' for {time}"))
        }
        AdminCommand::AddPeer { address, data } => {
            let question = Question::AddPeer { address: address.clone() };
            (question, data, format!("dials {address}: `pollen status` shows when it is there"))
        }
        AdminCommand::Ban { peer, time, data } => {
            let question = Question::BanPeer { peer: peer.clone(), for_ms: time.as_ref().map(ms) };
            (question, data, format!("{peer} is banned"))
        }
        AdminCommand::Unban { peer, data } => {
            (Question::UnbanPeer { peer: peer.clone() }, data, format!("{peer} may come back"))
        }
        AdminCommand::Prune { state_checkpoints, history_commits, data } => {
            let (state_checkpoints, history_commits) = (*state_checkpoints, *history_commits);
            let question = Question::Prune { state_checkpoints, history_commits };
            (question, data, String::new())
        }
        AdminCommand::Drain(data) => {
            let done = "drained: every transaction that it took has ended; it can be stopped";
            (Question::Drain {}, data, done.to_owned())
        }
        AdminCommand::Resume(data) => {
            (Question::Resume {}, data, "takes transactions again".to_owned())
        }
        AdminCommand::Invite { address, data } => {
            (Question::Invite { addresses: address.clone() }, data, String::new())
        }
    };
    let data = data_folder(session, global, data)?;
    match ask(session, &data, &question).await? {
        Answer::Invite(invite) => {
            outln!("{}", serde_json::to_string_pretty(&invite).expect("it is JSON"));
        }
        Answer::Sizes { windows, .. } => session.print(&windows, || {
            format!(
                "holds state from height {}, transactions from height {}, blocks from round {}\n",
                windows.state, windows.transactions, windows.rounds
            )
        }),
        _ => session.print(&json!({ "done": done }), || format!("{done}\n")),
    }
    Ok(())
}

async fn ask(session: &Session, data: &Path, question: &Question) -> Result<Answer, Failure> {
    let bar = match session.json {
        true => ProgressBar::hidden(),
        false => progress("waiting for the node", 1),
    };
    let asked = admin::ask(data, question, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    let answer = asked.await;
    bar.finish_and_clear();
    match answer? {
        Some(Answer::Failed { reason }) => Err(Failure::new(reason)),
        Some(answer) => Ok(answer),
        None => Err(Failure::new(format!("no node runs on {}", data.display()))
            .hint("--data names its data folder, --config its pollen.toml")),
    }
}

/// Reads an invitation, and leaves the chain's genesis document in the data folder of the node that joins. Where one is
/// already it has to be of the same chain.
pub fn accept_invite(path: &Path, data: &Path) -> Result<(PathBuf, Vec<String>), Failure> {
    let named = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{}: {error}", path.display()))
            .hint("`pollen admin invite` of a running node makes one")
    };
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    let invite: Invite = serde_json::from_str(&text).map_err(|error| named(&error))?;
    if invite.pollen_invite != INVITE_VERSION {
        return Err(named(&"an invitation of another version of Pollen"));
    }
    let genesis = Genesis::from_json(&invite.genesis.to_string()).map_err(|error| named(&error))?;
    let kept = data.join("genesis.json");
    if let Ok(text) = std::fs::read_to_string(&kept) {
        let known = Genesis::from_json(&text).map_err(|error| named(&error))?;
        if known.chain_id() != genesis.chain_id() {
            let what = format!("the node in {} is of another chain", data.display());
            return Err(Failure::new(what).hint("name another folder with --data"));
        }
    }
    std::fs::create_dir_all(data)?;
    std::fs::write(&kept, genesis.to_json())?;
    Ok((kept, invite.peers))
}
