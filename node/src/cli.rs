//! The command line: what a user types, and how the answers look.
//!
//! Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 no node answered; 4 timed out before the
//! stage that was waited for.

#![warn(clippy::print_stdout)] // `out!` and `outln!`: standard output may go away

#[macro_use]
mod out;
pub mod output;

mod account_keys;
mod accounts;
mod admin;
mod backup;
mod bind;
mod code;
mod context;
mod dag;
mod db;
mod dev_module;
mod devnet;
mod difference;
mod doctor;
mod draft;
mod effects;
mod failure;
mod lifecycle;
mod lists;
mod look;
mod modules;
mod network;
mod new;
mod replay;
mod snapshot;
mod test_host;
mod test_module;
mod trace;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use pollen_rpc::client::PollenClient;

pub use accounts::{submit, submit_in_parts};
pub use failure::{EXIT_FAILED, EXIT_TIMED_OUT, EXIT_UNREACHABLE, Failure};
pub(crate) use network::start_log;

use crate::home::{self, NetworkFile};

/// A distributed WebAssembly runtime without a control plane.
#[derive(Debug, Parser)]
#[command(
    name = "pollen",
    version,
    after_help = "Examples:\n  pollen keys new alice\n  pollen transfer alice bob 5\n  \
                  pollen deploy contracts/counter --name counter --from alice\n  \
                  pollen call counter increment 2 --from alice\n  pollen query counter get --node 3\n\n\
                  Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no node answered, 4 timed out"
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder with keys and networks [default: the nearest .pollen, else ~/.pollen]
    #[arg(long, global = true, env = "POLLEN_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    /// JSON-RPC endpoints, comma-separated [default: those of `pollen dev` in the home folder]
    #[arg(long, global = true, env = "POLLEN_RPC", value_name = "URLS", value_delimiter = ',')]
    pub rpc: Vec<String>,
    /// A network by its name (`pollen context list`) [default: the one in use]
    #[arg(
        long,
        global = true,
        env = "POLLEN_CONTEXT",
        value_name = "NAME",
        conflicts_with = "rpc"
    )]
    pub context: Option<String>,
    /// Ask this node of the network, from 1, and no other
    #[arg(long, global = true, value_name = "N")]
    pub node: Option<usize>,
    /// Have another account pay the fee: KEY,.. or KEY,..@ACCOUNT
    #[arg(long, global = true, value_name = "KEYS")]
    pub payer: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Of `tx build`: print the transaction instead of signing and sending it; how long it is valid.
    #[arg(skip)]
    pub build_valid_for_ms: Option<u64>,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make and list keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show an account: balance and nonces; or who may sign for it, and change that
    #[command(after_help = "Examples:\n  pollen account alice\n  pollen account keys alice\n  \
                      pollen account owners alice laptop phone:2 --threshold 2\n  \
                      pollen account add-key alice sensor --call coldchain.record --transactions 100 --per 1h\n  \
                      pollen account remove-key alice sensor")]
    Account(AccountArgs),
    /// Move native tokens
    #[command(
        after_help = "Examples:\n  pollen transfer alice bob 5\n  pollen transfer alice bob 0.25"
    )]
    Transfer(TransferArgs),
    /// Make a folder with a new module, in Rust or C, which builds, is tested and can be deployed as it stands
    #[command(
        after_help = "Examples:\n  pollen new greenhouse\n  pollen new shop --template token\n  pollen new sensor --template counter-c\n  \
                      pollen new shop --typescript"
    )]
    New(new::NewArgs),
    /// Build a module from its source folder
    #[command(
        after_help = "Examples:\n  pollen build contracts/coldchain\n  pollen build . --check"
    )]
    Build(code::BuildArgs),
    /// Run a module's tests: natively, and of its component in the real machine on a ledger in memory
    #[command(
        after_help = "Examples:\n  pollen test\n  pollen test greenhouse --update-fuel\n  pollen test -- a_name --nocapture"
    )]
    Test(test_module::TestArgs),
    /// Host a ledger in memory for the tests of a module: what the crate pollen-harness talks to
    #[command(hide = true)]
    TestHost(test_host::TestHostArgs),
    /// Compare a deployed module with a source folder: the same code, or what differs
    #[command(after_help = "Examples:\n  pollen verify-code coldchain contracts/coldchain\n  \
                      pollen verify-code coldchain coldchain.wasm --json\n\n\
                      Exit code 0: the same code; 1: other code, or the folder does not build")]
    VerifyCode(code::VerifyCodeArgs),
    /// Build a module and put it on the ledger
    #[command(
        after_help = "Examples:\n  pollen deploy contracts/coldchain --name coldchain --from alice\n  \
                      pollen deploy contracts/token --name gold --from alice Gold GLD 2 1000000"
    )]
    Deploy(DeployArgs),
    /// Put a module's code on the ledger, for deployments and upgrades to come
    #[command(after_help = "Example:\n  pollen publish contracts/token --from alice")]
    Publish(lifecycle::PublishArgs),
    /// Give a module other code: same address, same state
    #[command(
        after_help = "Examples:\n  pollen upgrade my-coldchain contracts/coldchain --from alice\n  \
                      pollen upgrade gold token-v2 --from alice 1000"
    )]
    Upgrade(lifecycle::UpgradeArgs),
    /// Refuse a module's commands until `pollen resume`; its queries answer
    #[command(after_help = "Example:\n  pollen pause my-coldchain --from alice")]
    Pause(lifecycle::PauseArgs),
    /// Take a module's commands again
    #[command(after_help = "Example:\n  pollen resume my-coldchain --from alice")]
    Resume(lifecycle::PauseArgs),
    /// Change who may change a module
    #[command(after_help = lifecycle::POLICY_HELP)]
    Policy(lifecycle::PolicyArgs),
    /// Take back one's agreement to a change of a module
    #[command(
        after_help = "Example:\n  pollen cancel-change my-coldchain 5e884898da28047151d0e56f8dc62927… --from alice"
    )]
    CancelChange(lifecycle::CancelArgs),
    /// Call a function that may change state
    #[command(
        disable_help_flag = true,
        after_help = "Examples:\n  pollen call coldchain --help\n  \
                      pollen call coldchain open-box box-1 --max-celsius 8.0 --from alice"
    )]
    Call(CallArgs),
    /// Ask a module, read-only
    #[command(
        disable_help_flag = true,
        after_help = "Example:\n  pollen query coldchain status box-1 --node 3"
    )]
    Query(CallArgs),
    /// Show what became of a transaction, or list those of an account
    #[command(after_help = "Examples:\n  pollen tx 5e884898da28047151d0e56f8dc62927…\n  \
                      pollen tx 5e884898da28047151d0e56f8dc62927… --wait certified\n  \
                      pollen tx list alice")]
    Tx(TxArgs),
    /// Show what an executed transaction did: calls, fuel, reads and changes
    #[command(after_help = "Examples:\n  pollen trace 5e884898da28047151d0e56f8dc62927…\n  \
                      pollen trace 5e884898da28047151d0e56f8dc62927… --svg fuel.svg")]
    Trace(trace::TraceArgs),
    /// Run an executed transaction again, here, with other code of a module
    #[command(
        after_help = "Example:\n  pollen replay 5e884898da28047151d0e56f8dc62927… --with greenhouse"
    )]
    Replay(replay::ReplayArgs),
    /// Run the last transactions of a module again, here, with new code: what would an upgrade change?
    #[command(
        after_help = "Examples:\n  pollen rehearse greenhouse --module greenhouse --last 50\n  \
                      pollen rehearse new.wasm --module token --check"
    )]
    Rehearse(replay::RehearseArgs),
    /// List what a module keeps
    #[command(subcommand)]
    State(StateCommand),
    /// Check what a node says, trusting nothing but the genesis file
    #[command(after_help = "Examples:\n  pollen verify checkpoint 812\n  \
                      pollen verify receipt 5e884898da28047151d0e56f8dc62927…\n  \
                      pollen verify event 5e884898da28047151d0e56f8dc62927… 0\n  \
                      pollen verify account alice\n  pollen verify state @counter v --at 812\n  \
                      pollen verify tx 5e884898da28047151d0e56f8dc62927… --genesis genesis.json --rpc http://node:9650")]
    Verify(verify::VerifyArgs),
    /// Show the events of a module
    #[command(
        after_help = "Examples:\n  pollen events coldchain\n  pollen events coldchain --follow"
    )]
    Events(EventsArgs),
    /// Show a module: code, owner, functions
    Module {
        /// A registered name or an address
        module: String,
        /// Print its interface as WIT
        #[arg(long)]
        wit: bool,
    },
    /// Print typed bindings of a module, for programs in other languages
    #[command(after_help = "Examples:\n  pollen bind ts coldchain > coldchain.ts\n  \
                      pollen bind rust coldchain > src/coldchain.rs\n  \
                      pollen bind ts target/modules/components/coldchain.wasm > coldchain.ts\n\n\
                      TypeScript needs the package @pollen/client; Rust the crates pollen-rpc, pollen-ledger and borsh")]
    Bind(bind::BindArgs),
    /// Give networks names, and choose between them
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Order what only a running development network does: money, time, going back
    #[command(subcommand)]
    Devnet(devnet::DevnetCommand),
    /// Show the nodes of the network
    Status,
    /// Draw the last rounds of the DAG, or each as it is decided
    #[command(after_help = "Examples:\n  pollen dag --rounds 12\n  pollen dag --follow\n  \
                      pollen dag --follow --rounds 100 --json")]
    Dag(DagArgs),
    /// Tell a running node on this machine: peers, log, pruning, draining, an invitation
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Look after a node's database
    #[command(subcommand)]
    Db(DbCommand),
    /// Copy a node's database while it runs, and put a copy back
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Make, list and move snapshots, from which new nodes begin
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Check keys, nodes and tools, and say what to do where something is wrong
    #[command(
        after_help = "Examples:\n  pollen doctor\n  pollen doctor --rpc https://one.example,https://two.example\n  \
                      pollen doctor diverge --peer http://localhost:9651\n\n\
                      Exit codes: 0 nothing is wrong, 1 something is"
    )]
    Doctor(doctor::DoctorArgs),
    /// Run a validator or a peer
    Node(NodeArgs),
    /// Run a development network on this machine, and in a module's folder the module, upgraded at every save
    #[command(
        after_help = "Examples:\n  pollen dev\n  pollen dev greenhouse -- 0\n  pollen dev --validators 7 --fresh --examples contracts"
    )]
    Dev(DevArgs),
    /// Measure a network: open-loop load, percentiles, throughput
    #[command(after_help = "Examples:\n  pollen bench --rate 1000 --duration 20s --mix token\n  \
                      pollen bench ordering --rate 1000,20000,40000")]
    Bench(crate::bench::BenchCommand),
    /// Print a script for the shell's completion
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

/// `pollen account`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct AccountArgs {
    /// A key's name or an address
    #[arg(required = true)]
    pub who: Option<String>,
    /// Instead of the account itself.
    #[command(subcommand)]
    pub command: Option<AccountCommand>,
}

/// `pollen account ..`.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Show who may sign for an account, and what its scoped keys have used
    #[command(after_help = "Example:\n  pollen account keys alice")]
    Keys {
        /// A key's name or an address
        who: String,
    },
    /// Give an account other owners; its address stays
    #[command(after_help = "Examples:\n  pollen account owners alice new-key\n  \
                      pollen account owners alice laptop phone:2 paper:2 --threshold 2\n  \
                      pollen account owners alice new-key --from laptop,phone")]
    Owners(account_keys::OwnersArgs),
    /// Give an account a key that may do a little, alone
    #[command(
        after_help = "Examples:\n  pollen account add-key alice sensor --call coldchain.record --expires 90d\n  \
                      pollen account add-key alice till --transfers --spend 20 --spend-window 5 --per 1d\n  \
                      pollen account add-key shop sponsor --sponsors --spend 100"
    )]
    AddKey(account_keys::AddKeyArgs),
    /// Take a scoped key from an account
    #[command(after_help = "Example:\n  pollen account remove-key alice sensor")]
    RemoveKey(account_keys::RemoveKeyArgs),
}

/// `pollen tx`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TxArgs {
    /// Its hash: 64 hexadecimal digits
    #[arg(required = true)]
    pub hash: Option<String>,
    /// Wait for this stage first: accepted, included, ordered, executed, certified
    #[arg(long, value_name = "STAGE", value_parser = look::stage)]
    pub wait: Option<pollen_rpc::api::Stage>,
    /// Instead of one.
    #[command(subcommand)]
    pub command: Option<TxCommand>,
}

/// `pollen tx ..`.
#[derive(Debug, Subcommand)]
pub enum TxCommand {
    /// List the transactions of an account, newest first: sent, paid to it, or calls of a module; of a node
    /// with the index of accounts
    #[command(
        after_help = "Examples:\n  pollen tx list alice\n  pollen tx list @token --limit 100\n  \
                            pollen tx list alice --all --json"
    )]
    List(TxListArgs),
    /// Print the transaction of a command instead of signing and sending it; keys may be written out, no secret is
    /// read
    #[command(after_help = "Examples:\n  pollen tx build transfer alice bob 5 > tx.json\n  \
                            pollen tx build --valid-for 1h call coldchain record box-1 9.5 --from alice > tx.json\n  \
                            pollen tx build transfer alice bob 5 | pollen tx sign alice | pollen tx send")]
    Build(draft::BuildArgs),
    /// Say in words what a transaction does, and who has signed it; needs no network
    #[command(
        after_help = "Examples:\n  pollen tx show tx.json\n  pollen tx show < tx.json --json"
    )]
    Show(draft::FileArgs),
    /// Ask a node what a transaction would do now: outcome, fuel by call, changes
    #[command(
        after_help = "Example:\n  pollen tx build call counter increment 2 --from alice | pollen tx simulate"
    )]
    Simulate(draft::FileArgs),
    /// Add signatures to a transaction: of its sender, of other owners, of who pays; needs no network
    #[command(after_help = "Example:\n  pollen tx sign laptop,phone tx.json > signed.json")]
    Sign(draft::SignArgs),
    /// Send a signed transaction, and wait
    #[command(after_help = "Example:\n  pollen tx send signed.json --wait certified")]
    Send(draft::SendArgs),
}

/// `pollen tx list`.
#[derive(Debug, Args)]
pub struct TxListArgs {
    /// A key's name, an address, or @NAME of a module
    pub who: String,
    /// At most so many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Behind this place: height.index
    #[arg(long, value_name = "PLACE")]
    pub after: Option<String>,
    /// The oldest first
    #[arg(long)]
    pub oldest_first: bool,
}

/// `pollen state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the entries of a module by key; of a node with the index of keys
    #[command(
        after_help = "Examples:\n  pollen state scan token\n  pollen state scan coldchain --prefix b\n  \
                            pollen state scan token --prefix 62 --hex --all --json"
    )]
    Scan(StateScanArgs),
}

/// `pollen state scan`.
#[derive(Debug, Args)]
pub struct StateScanArgs {
    /// A registered name or an address; or 64 hexadecimal digits, an owner as it is stored
    pub module: String,
    /// Only keys that begin so: text, or hexadecimal digits with --hex
    #[arg(long, value_name = "KEY")]
    pub prefix: Option<String>,
    /// Read keys as hexadecimal digits
    #[arg(long)]
    pub hex: bool,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Behind this key
    #[arg(long, value_name = "KEY")]
    pub after: Option<String>,
    /// After the checkpoint of this height [default: the latest]
    #[arg(long, value_name = "HEIGHT")]
    pub at: Option<u64>,
}

/// `pollen keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key; on a development network its account gets something to spend
    #[command(
        after_help = "Examples:\n  pollen keys new alice\n  pollen keys new savings --words 24 --encrypt\n\n\
                      An encrypted key asks for its passphrase on the terminal, or takes the first line of the file \
                      that POLLEN_PASSPHRASE_FILE names."
    )]
    New(accounts::NewKeyArgs),
    /// Make a key again from its words (BIP-39), or the next one of the same words; reads them from the terminal
    /// or standard input
    #[command(
        after_help = "Examples:\n  pollen keys recover alice\n  pollen keys recover alice-2 --index 1 < words.txt"
    )]
    Recover(accounts::RecoverKeyArgs),
    /// List keys and their addresses
    List,
    /// Sign a text, to prove who you are; it can never be a transaction
    #[command(after_help = "Example:\n  pollen keys sign alice \"I am alice, 2026-11-29\"")]
    Sign {
        /// The key's name
        name: String,
        /// The text
        message: String,
    },
    /// Check who signed a text
    #[command(
        after_help = "Example:\n  pollen keys check 3f1c.. 9a02.. \"I am alice, 2026-11-29\""
    )]
    Check {
        /// A key's name, or 64 hexadecimal digits
        key: String,
        /// The signature: 128 hexadecimal digits
        signature: String,
        /// The text
        message: String,
    },
}

/// `pollen transfer`.
#[derive(Debug, Args)]
pub struct TransferArgs {
    /// Keys that sign: NAME,.. or NAME,..@ACCOUNT
    pub from: String,
    /// A key's name or an address
    pub to: String,
    /// Pollen as 5 or 0.25, or grains as 1200grains
    pub amount: String,
}

/// `pollen deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The module's source folder, or a component (.wasm)
    pub source: PathBuf,
    /// Keys that sign, NAME,.. or NAME,..@ACCOUNT: their account deploys, pays and owns
    #[arg(long)]
    pub from: String,
    /// A name for it, unique on the chain
    #[arg(long)]
    pub name: Option<String>,
    /// Who may change it: see `pollen policy --help`
    #[arg(long, default_value = "owner")]
    pub policy: String,
    /// Whether to ask.
    #[command(flatten)]
    pub consent: difference::Consent,
    /// Arguments of `init`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// `pollen call` and `pollen query`.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// Module, function and arguments, and options of the command; `--` before what only the module
    /// should see
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "MODULE FUNCTION ARGUMENTS"
    )]
    pub words: Vec<String>,
}

/// `pollen events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// A registered name or an address
    pub module: String,
    /// Only events of this name
    #[arg(long)]
    pub name: Option<String>,
    /// After this cursor: height.transaction.event
    #[arg(long)]
    pub after: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Wait for more
    #[arg(long)]
    pub follow: bool,
}

/// `pollen dag`.
#[derive(Debug, Args)]
pub struct DagArgs {
    /// How many rounds [default: 10; with --follow no end]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Show each round when all its slots are decided, oldest first, until Ctrl-C
    #[arg(long)]
    pub follow: bool,
}

/// `pollen db`.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Show how large each part is; of a running node too
    #[command(after_help = "Examples:\n  pollen db stats --config pollen.toml\n  \
                            pollen db stats --node 2 --json")]
    Stats(DataArgs),
    /// Read all of it, and check every checksum and every rule; of a stopped node
    #[command(after_help = "Example:\n  pollen db verify --data data")]
    Verify(DataArgs),
    /// Rewrite it without what was overwritten; of a running node too
    #[command(after_help = "Example:\n  pollen db compact --config pollen.toml")]
    Compact(DataArgs),
}

/// Whose database.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The node's data folder
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The node's configuration, a pollen.toml [default: that of --node N in the development network]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `pollen backup`.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Copy the database of a running or stopped node into a new folder
    #[command(after_help = "Example:\n  pollen backup create /backups/monday --config pollen.toml")]
    Create {
        /// The new folder
        to: PathBuf,
        /// Whose database
        #[command(flatten)]
        data: DataArgs,
    },
    /// Check a backup: its files, and all that is in them
    #[command(after_help = "Example:\n  pollen backup verify /backups/monday")]
    Verify {
        /// The backup's folder
        from: PathBuf,
    },
    /// Put a backup in the place of a database that is gone
    #[command(after_help = "Example:\n  mv data/ledger data/ledger.damaged\n  \
                            pollen backup restore /backups/monday --config pollen.toml")]
    Restore {
        /// The backup's folder
        from: PathBuf,
        /// Whose database
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `pollen snapshot`.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Make a snapshot of the newest checkpoint; of a running node too
    #[command(after_help = "Examples:\n  pollen snapshot create --config pollen.toml\n  \
                            pollen snapshot create --node 2")]
    Create(DataArgs),
    /// Show the snapshots of a node
    #[command(after_help = "Example:\n  pollen snapshot list --config pollen.toml --json")]
    List(DataArgs),
    /// Write a snapshot into one file, which proves itself to anybody who has the genesis document
    #[command(after_help = "Examples:\n  pollen snapshot create --config pollen.toml\n  \
                            pollen snapshot export 20000 /media/20000.pollen --config pollen.toml")]
    Export {
        /// Its height
        height: u64,
        /// The new file
        file: PathBuf,
        /// Whose snapshot
        #[command(flatten)]
        data: DataArgs,
    },
    /// Begin a node's database with a snapshot from a file; trusts nothing but the genesis document
    #[command(
        after_help = "Examples:\n  pollen snapshot import /media/20000.pollen --config pollen.toml\n  \
                            pollen snapshot import 20000.pollen --data data --genesis genesis.json\n\n\
                            An import that was interrupted goes on where it was: call it again"
    )]
    Import {
        /// The file
        file: PathBuf,
        /// The chain's genesis document [default: that of the configuration]
        #[arg(long, value_name = "FILE")]
        genesis: Option<PathBuf>,
        /// Whose database: there must be none yet
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `pollen node`.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// Its configuration, a pollen.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the database
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The chain's genesis document
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// Address of a node to join by, as /ip4/127.0.0.1/tcp/9750; may be repeated
    #[arg(long, value_name = "MULTIADDR")]
    pub peer: Vec<String>,
    /// Join by an invitation, which `pollen admin invite` of another node has printed
    #[arg(long, value_name = "FILE", conflicts_with = "genesis")]
    pub invite: Option<PathBuf>,
    /// Where JSON-RPC listens
    #[arg(long, value_name = "ADDRESS")]
    pub rpc_listen: Option<std::net::SocketAddr>,
    /// Where the network listens; may be repeated
    #[arg(long, value_name = "MULTIADDR")]
    pub listen: Vec<String>,
    /// Key file; made when missing, for a peer
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print the configuration and stop
    #[arg(long)]
    pub print_config: bool,
    /// Stop when standard input closes
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
}

/// `pollen dev`.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// A module's folder to work on: deployed under its name, upgraded at every save [default: the working directory,
    /// where it holds a module]
    #[arg(value_name = "MODULE_FOLDER")]
    pub module: Option<PathBuf>,
    /// Arguments of the module's `init`
    #[arg(last = true, value_name = "INIT ARGUMENTS")]
    pub arguments: Vec<String>,
    /// How many validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub validators: u16,
    /// All in this process instead of one process each
    #[arg(long)]
    pub in_process: bool,
    /// Forget what an earlier run left
    #[arg(long)]
    pub fresh: bool,
    /// JSON-RPC port of the first node, the others follow; 0 = any free ports
    #[arg(long, default_value_t = 9650)]
    pub rpc_port: u16,
    /// Network port of the first node, the others follow; 0 = any free ports
    #[arg(long, default_value_t = 9750)]
    pub network_port: u16,
    /// Build and deploy the example modules of this folder
    #[arg(long, value_name = "FOLDER")]
    pub examples: Option<PathBuf>,
    /// Log filter of the nodes
    #[arg(long, default_value = "info")]
    pub log: String,
}

impl Command {
    /// Whether it signs a transaction.
    fn is_transaction(&self) -> bool {
        match self {
            Self::Transfer(_)
            | Self::Deploy(_)
            | Self::Publish(_)
            | Self::Upgrade(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Policy(_)
            | Self::CancelChange(_)
            | Self::Call(_) => true,
            Self::Account(AccountArgs { command, .. }) => {
                !matches!(command, None | Some(AccountCommand::Keys { .. }))
            }
            _ => false,
        }
    }
}

/// What every command works with: where the keys are and whom to ask.
pub struct Session {
    /// Home folder.
    pub home: PathBuf,
    /// JSON instead of text.
    pub json: bool,
    /// Who pays the fees instead of who signs.
    pub payer: Option<String>,
    /// Where transactions are only built: for how long they are valid.
    pub build_valid_for_ms: Option<u64>,
    endpoints: Vec<String>,
}

impl Session {
    /// Finds home folder and endpoints.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let home = home::find(global.home.clone());
        let named = match global.rpc.is_empty() {
            true => context::endpoints(&home, global.context.as_deref())?,
            false => Some(global.rpc.clone()),
        };
        let mut endpoints = named
            .or_else(|| NetworkFile::read(&home).map(|network| network.endpoints))
            .unwrap_or_else(|| vec!["http://127.0.0.1:9650".to_owned()]);
        if let Some(node) = global.node {
            let count = endpoints.len();
            endpoints = match node.checked_sub(1).and_then(|index| endpoints.get(index)) {
                Some(endpoint) => vec![endpoint.clone()],
                None => return Err(Failure::usage(format!("--node is 1 to {count}"))),
            };
        }
        let Global { json, payer, build_valid_for_ms, .. } = global.clone();
        Ok(Self { home, json, payer, build_valid_for_ms, endpoints })
    }

    /// The endpoints that are asked, in order.
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// The same home, other endpoints.
    pub fn with_endpoints(&self, endpoints: Vec<String>) -> Self {
        let (home, payer) = (self.home.clone(), self.payer.clone());
        let Self { json, build_valid_for_ms, .. } = *self;
        Self { home, json, payer, build_valid_for_ms, endpoints }
    }

    /// A client over the endpoints.
    pub fn client(&self) -> Result<PollenClient, Failure> {
        Ok(PollenClient::new(&self.endpoints)?)
    }

    /// Prints one of the two forms.
    pub fn print(&self, json: &impl serde::Serialize, text: impl FnOnce() -> String) {
        if self.json {
            let text = serde_json::to_string_pretty(json).expect("answers are JSON");
            outln!("{text}");
        } else {
            out!("{}", text());
        }
    }
}

/// Runs a command to its exit code.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let session = Session::new(&cli.global)?;
    match cli.command {
        Command::Keys(KeysCommand::New(args)) => accounts::new_key(&session, &args).await,
        Command::Keys(KeysCommand::Recover(args)) => accounts::recover_key(&session, &args).await,
        Command::Keys(KeysCommand::Sign { name, message }) => {
            accounts::sign_message(&session, &name, &message).await
        }
        Command::Keys(KeysCommand::Check { key, signature, message }) => {
            accounts::check_message(&session, &key, &signature, &message).await
        }
        Command::Keys(KeysCommand::List) => accounts::list_keys(&session).await,
        Command::Account(AccountArgs { command: None, who }) => {
            accounts::show(&session, &who.expect("required without a subcommand")).await
        }
        Command::Account(AccountArgs { command: Some(command), .. }) => match command {
            AccountCommand::Keys { who } => account_keys::show(&session, &who).await,
            AccountCommand::Owners(args) => account_keys::owners(&session, &args).await,
            AccountCommand::AddKey(args) => account_keys::add(&session, &args).await,
            AccountCommand::RemoveKey(args) => account_keys::remove(&session, &args).await,
        },
        Command::Transfer(args) => accounts::transfer(&session, &args).await,
        Command::New(args) => new::run(&session, &args),
        Command::Build(args) => code::build(&session, &args),
        Command::Test(args) => test_module::run(&session, args).await,
        Command::TestHost(args) => test_host::run(&args),
        Command::VerifyCode(args) => code::verify(&session, &args).await,
        Command::Deploy(args) => modules::deploy(&session, &args).await,
        Command::Publish(args) => lifecycle::publish(&session, &args).await,
        Command::Upgrade(args) => lifecycle::upgrade(&session, &args).await,
        Command::Pause(args) => lifecycle::pause(&session, &args, true).await,
        Command::Resume(args) => lifecycle::pause(&session, &args, false).await,
        Command::Policy(args) => lifecycle::policy(&session, &args).await,
        Command::CancelChange(args) => lifecycle::cancel(&session, &args).await,
        Command::Call(args) => modules::call(&cli.global, args.words).await,
        Command::Query(args) => modules::query(&cli.global, args.words).await,
        Command::Tx(TxArgs { command: Some(command), .. }) => match command {
            TxCommand::List(args) => lists::transactions(&session, &args).await,
            TxCommand::Build(args) => draft::build(&cli.global, args).await,
            TxCommand::Show(args) => draft::show(&session, &args),
            TxCommand::Simulate(args) => draft::simulate(&session, &args).await,
            TxCommand::Sign(args) => draft::sign(&session, &args),
            TxCommand::Send(args) => draft::send(&session, &args).await,
        },
        Command::Tx(TxArgs { hash, wait, .. }) => {
            let hash = hash.ok_or_else(|| Failure::usage("which transaction? give its hash"))?;
            look::transaction(&session, &hash, wait).await
        }
        Command::Trace(args) => trace::run(&session, &args).await,
        Command::Replay(args) => replay::run(&session, &args).await,
        Command::Rehearse(args) => replay::rehearse(&session, &args).await,
        Command::State(StateCommand::Scan(args)) => lists::state(&session, &args).await,
        Command::Doctor(args) => match args.command {
            None => doctor::checks::run(&session).await,
            Some(doctor::DoctorCommand::Diverge(args)) => doctor::diverge(&session, &args).await,
        },
        Command::Verify(args) => verify::run(&session, &args).await,
        Command::Events(args) => look::events(&session, &args).await,
        Command::Module { module, wit } => modules::show(&session, &module, wit).await,
        Command::Bind(args) => bind::run(&session, &args).await,
        Command::Context(command) => context::run(&session, &command).await,
        Command::Admin(command) => admin::run(&session, &cli.global, &command).await,
        Command::Devnet(command) => devnet::run(&session, &command).await,
        Command::Status => look::status(&session).await,
        Command::Dag(args) => dag::run(&session, &args).await,
        Command::Db(command) => db::run(&session, &cli.global, &command).await,
        Command::Backup(command) => backup::run(&session, &cli.global, &command).await,
        Command::Snapshot(command) => snapshot::run(&session, &cli.global, &command).await,
        Command::Node(args) => network::node(args).await,
        Command::Dev(args) => network::dev(&session, &args).await,
        Command::Bench(args) => crate::bench::run(&session, &args).await,
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            clap_complete::generate(shell, &mut command, "pollen", &mut std::io::stdout());
            Ok(())
        }
    }
}
