//! `pollen node` and `pollen dev`: what runs until it is told to stop.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pollen_ledger::AccountId;
use serde_json::json;

use super::dev_module::{self, ModuleFolder};
use super::{DevArgs, EXIT_FAILED, Failure, NodeArgs, Session, accounts, admin, modules};
use crate::config::NodeConfig;
use crate::dev::control::{self, Control, Order};
use crate::dev::{self, DevNetwork, DevNode, DevOptions};
use crate::keys;
use crate::node::{Node, Prepared, Preparing};

/// Steps of a bar that shows a share.
const SHARE_STEPS: u64 = 1_000;
/// Keys that `pollen dev --examples` makes and funds.
const EXAMPLE_KEYS: [&str; 3] = ["producer", "bob", "truck-sensor"];
/// Example modules, with the words of their `init`.
const EXAMPLES: [(&str, &[&str]); 3] =
    [("counter", &["0"]), ("token", &["Gold", "GLD", "2", "100000000"]), ("coldchain", &[])];

/// Runs one node until a signal, or the end of standard input when asked.
pub async fn node(args: NodeArgs) -> Result<(), Failure> {
    let config = node_config(&args)?;
    if args.print_config {
        out!("{}", config.to_toml());
        return Ok(());
    }
    start_log(&config.log)?;
    let stop = stop_asked(args.stop_with_stdin);
    tokio::pin!(stop);
    let bar = preparing_bar();
    let tell = |progress: &Preparing| draw(&bar, progress);
    let prepared = tokio::select! {
        prepared = Prepared::new(config, &tell) => prepared?,
        () = &mut stop => {
            tracing::info!("stopped; the next start goes on with what was done");
            return Ok(());
        }
    };
    bar.finish_and_clear();
    let node = Node::run(prepared).await?;
    let mut failed = node.failed();
    tokio::select! {
        () = &mut stop => tracing::info!("stopping"),
        reason = failed.wait_for(Option::is_some) => {
            let reason = reason.ok().and_then(|reason| reason.clone()).unwrap_or_default();
            node.stop().await;
            return Err(Failure { code: EXIT_FAILED, text: reason, hint: None });
        }
    }
    node.stop().await;
    tracing::info!("stopped");
    Ok(())
}

fn node_config(args: &NodeArgs) -> Result<NodeConfig, Failure> {
    let mut config = NodeConfig::load(args.config.as_deref())?;
    if let Some(data) = &args.data {
        config.data.clone_from(data);
        if args.config.is_none() && args.key.is_none() {
            config.key = data.join("node.key.json");
        }
    }
    if let Some(genesis) = &args.genesis {
        config.genesis = Some(genesis.clone());
    }
    config.network.peers.extend(args.peer.iter().cloned());
    if let Some(invite) = &args.invite {
        let (genesis, peers) = admin::accept_invite(invite, &config.data)?;
        config.genesis = Some(genesis);
        config.network.peers.extend(peers);
    }
    if !args.listen.is_empty() {
        config.network.listen.clone_from(&args.listen);
    } else if args.config.is_none() && !config.network.peers.is_empty() {
        // A peer beside a development network takes any free port.
        config.network.listen = vec!["/ip4/127.0.0.1/tcp/0".into()];
    }
    if let Some(listen) = args.rpc_listen {
        config.rpc.listen = listen;
    }
    if let Some(key) = &args.key {
        config.key.clone_from(key);
    }
    let is_peer = args.config.is_none();
    if is_peer && !config.key.exists() {
        keys::write(&config.key, &keys::generate())?;
    }
    Ok(config)
}

/// Begins to log.
pub fn start_log(filter: &str) -> Result<(), Failure> {
    crate::log::start(filter).map_err(Failure::usage)
}

/// Waits until the node is to stop.
async fn stop_asked(with_stdin: bool) {
    tokio::select! {
        () = stop_signal() => {}
        () = end_of_stdin(), if with_stdin => {}
    }
}

/// How far the preparations are; seen on a terminal only.
fn preparing_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {bar:20} {msg}").expect("a fixed template");
    ProgressBar::new(SHARE_STEPS).with_style(style)
}

fn draw(bar: &ProgressBar, progress: &Preparing) {
    let (share, text) = match progress {
        Preparing::Snapshot(progress) => (progress.share, progress.to_string()),
        Preparing::Index(progress) => {
            (f64::from(progress.percent.unwrap_or(0)) / 100.0, progress.to_string())
        }
    };
    bar.set_position((share * SHARE_STEPS as f64) as u64);
    bar.set_message(text);
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be waited for");
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be waited for");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn end_of_stdin() {
    use std::io::Read as _;
    let (ended, end) = tokio::sync::oneshot::channel();
    // A thread of its own: reading the standard input cannot be cancelled.
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while std::io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
        let _ = ended.send(());
    });
    let _ = end.await;
}

pub(super) fn progress(what: &'static str, of: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {pos}/{len} {elapsed}")
        .expect("a fixed template");
    let bar = ProgressBar::new(of).with_style(style).with_message(what);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Runs a development network until Ctrl-C.
pub async fn dev(session: &Session, args: &DevArgs) -> Result<(), Failure> {
    let began = Instant::now();
    let module = dev_module::find(args)?;
    let options = DevOptions {
        validators: args.validators,
        home: session.home.clone(),
        rpc_port: args.rpc_port,
        network_port: args.network_port,
        fresh: args.fresh,
        log: args.log.clone(),
    };
    let nodes = dev::lay_out(&options)?;
    let genesis = dev::genesis(args.validators);
    if args.in_process {
        start_log(&args.log)?;
    }
    let root = options.root();
    let control = Control::listen(&root).map_err(|error| {
        let path = control::socket(&root);
        Failure::new(format!("{}: {error}: is the path too long?", path.display()))
    })?;
    say(session, || format!("starting {} validators of the network {}", nodes.len(), genesis.name));
    let bar = progress("waiting for the nodes", nodes.len() as u64);
    let started = DevNetwork::start(root, nodes, args.in_process, |_| bar.inc(1)).await;
    bar.finish_and_clear();
    let network = started?;
    let leave_file = |network: &DevNetwork| {
        dev::network_file(&genesis, network.nodes(), network.processes()).write(&session.home)
    };
    leave_file(&network)?;
    let endpoints = network.nodes().iter().map(|node| node.endpoint.clone()).collect();
    let inside = session.with_endpoints(endpoints);
    // One for all that follows: a signal that comes while an order is carried out is heard after it.
    let mut stop = std::pin::pin!(stop_signal());
    let prepared = tokio::select! {
        prepared = prepare(&inside, args, network.nodes(), module.as_ref(), began) => prepared,
        () = &mut stop => Err(Failure::new("stopped while deploying")),
    };
    let (network, ended) = match prepared {
        Err(failure) => (network, Some(failure)),
        Ok(()) => {
            let work = work_on(&inside, module);
            let orders = Orders { control: &control, stop, leave_file: &leave_file };
            orders.follow(session, network, work).await?
        }
    };
    say(session, || "\nstopping".to_owned());
    let clean = network.stop().await;
    match ended {
        Some(failure) => Err(failure),
        None if clean => {
            let kept = session.home.join("dev");
            say(session, || format!("stopped; everything is kept in {}", kept.display()));
            Ok(())
        }
        None => Err(Failure::new("a node did not stop by itself and was killed")),
    }
}

/// What is ordered of a running network.
struct Orders<'a, S, F> {
    control: &'a Control,
    /// Ends when the network is to stop.
    stop: Pin<&'a mut S>,
    /// Tells the commands where the network is.
    leave_file: &'a F,
}

impl<S, F> Orders<'_, S, F>
where
    S: Future<Output = ()>,
    F: Fn(&DevNetwork) -> std::io::Result<()>,
{
    /// Does what is ordered until the network is to stop, a node ends by itself, or the work on a module fails: then with
    /// why.
    async fn follow(
        mut self,
        session: &Session,
        mut network: DevNetwork,
        work: impl Future<Output = Failure>,
    ) -> Result<(DevNetwork, Option<Failure>), Failure> {
        let mut work = std::pin::pin!(work);
        loop {
            let (order, answering) = tokio::select! {
                () = &mut self.stop => return Ok((network, None)),
                error = network.a_node_ended() => return Ok((network, Some(error.into()))),
                failure = &mut work => return Ok((network, Some(failure))),
                order = self.control.next() => order?,
            };
            match order {
                Order::Fund { account, amount } => {
                    answering.tell(network.fund(account, amount).await).await;
                }
                Order::AdvanceTime { ms } => answering.tell(network.advance_time(ms).await).await,
                Order::Snapshot => answering.tell(network.snapshot().await).await,
                Order::Revert { snapshot } => {
                    let announced = network.announce(snapshot);
                    let is_announced = announced.is_ok();
                    answering.tell(announced).await;
                    if is_announced {
                        network = network.revert(snapshot).await?;
                        (self.leave_file)(&network)?;
                        say(session, || format!("the network went back to snapshot {snapshot}"));
                    }
                }
            }
        }
    }
}

/// A line for people; programs read the JSON lines.
fn say(session: &Session, line: impl FnOnce() -> String) {
    if !session.json {
        outln!("{}", line());
    }
}

/// Ends only when something fails that no save can mend.
async fn work_on(session: &Session, module: Option<ModuleFolder>) -> Failure {
    match module {
        Some(module) => dev_module::run(session, module).await,
        None => std::future::pending().await,
    }
}

/// Keys and modules to play with, and what to try.
async fn prepare(
    session: &Session,
    args: &DevArgs,
    nodes: &[DevNode],
    module: Option<&ModuleFolder>,
    began: Instant,
) -> Result<(), Failure> {
    let mut accounts = Vec::new();
    if module.is_some() {
        accounts = dev_module::fund_accounts(session).await?;
    }
    if let Some(examples) = &args.examples {
        for name in EXAMPLE_KEYS {
            let key = accounts::ensure_funded(session, name).await?;
            accounts.push((name, AccountId::of_key(&key.public_key())));
        }
        deploy_examples(session, examples, began).await?;
    }
    if session.json {
        let endpoints: Vec<_> = nodes.iter().map(|node| &node.endpoint).collect();
        let seconds = began.elapsed().as_secs_f64();
        outln!("{}", json!({ "event": "ready", "endpoints": endpoints, "seconds": seconds }));
        return Ok(());
    }
    print_nodes(session, nodes, &accounts);
    match module {
        Some(module) => {
            outln!("\nready after {:.1} s", began.elapsed().as_secs_f64());
            outln!("{}\n", dev_module::guide(&module.name));
        }
        None => print_guide(nodes, args.examples.is_some(), began),
    }
    Ok(())
}

async fn deploy_examples(session: &Session, folder: &Path, began: Instant) -> Result<(), Failure> {
    for (name, words) in EXAMPLES {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let source: PathBuf = folder.join(name);
        let deployed =
            modules::deploy_once(session, &source, name, EXAMPLE_KEYS[0], &words).await?;
        say(session, || format!("  {name:<10} {deployed}"));
    }
    let first = modules::first_call(session, "counter", "increment", "1", EXAMPLE_KEYS[0]).await?;
    let seconds = began.elapsed().as_secs_f64();
    say(session, || format!("  first call {first} executed {seconds:.1} s after the start"));
    Ok(())
}

fn print_nodes(session: &Session, nodes: &[DevNode], accounts: &[(&str, AccountId)]) {
    let prefix = dev::genesis(1).address_prefix;
    outln!("\nnodes");
    for (index, node) in nodes.iter().enumerate() {
        outln!("  {}  {}  log {}", index + 1, node.endpoint, node.log.display());
    }
    outln!("  each shows the ledger in a browser at its address");
    if !accounts.is_empty() {
        outln!("\naccounts (keys in {})", session.home.join("keys").display());
        for (name, id) in accounts {
            let address = pollen_ledger::Address::account(*id).display(&prefix);
            outln!("  {name:<13} {address}");
        }
    }
}

fn print_guide(nodes: &[DevNode], examples: bool, began: Instant) {
    let endpoint = nodes.first().map_or("", |node| node.endpoint.as_str());
    // `make run` puts the program into this folder, and the examples onto the ledger.
    let commands: &[&str] = if examples {
        &[
            "./pollen keys new alice",
            "./pollen transfer alice bob 5",
            "./pollen call coldchain open-box box-1 --max-celsius 8.0 --from alice",
            "./pollen call coldchain record box-1 9.5 --from truck-sensor",
            "./pollen query coldchain status box-1 --node 3",
            "./pollen events coldchain",
            "./pollen status",
            "./pollen dag",
        ]
    } else {
        &[
            "pollen keys new alice",
            "pollen new greenhouse",
            "pollen deploy greenhouse --name greenhouse --from alice 20",
            "pollen call greenhouse increment 2 --from alice",
            "pollen query greenhouse get",
            "pollen status",
        ]
    };
    let seconds = began.elapsed().as_secs_f64();
    outln!("\nready after {seconds:.1} s. In another terminal, from this folder:\n");
    for command in commands {
        outln!("  {command}");
    }
    outln!(
        "  curl -s {endpoint} -H 'content-type: application/json' \\\n       \
         -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_head\",\"params\":{{}}}}'\n\n\
         Ctrl-C stops all nodes; what they hold is kept."
    );
}
