//! A network of real processes in a folder of its own: the `pollen` program with real sockets and
//! real databases, as `pollen dev` lays it out.
//!
//! Everything ends with the value: processes are killed, the folder is removed. Nothing here waits
//! for a time to pass; it waits for a condition, and says which one did not come.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use pollen_ledger::transaction::UpgradePolicy;
use pollen_ledger::{AccountId, Action, Address, Hash};
use pollen_node::dev::{self, DevNode, DevOptions, NodeProcess};
use pollen_rpc::api::{
    AccountGetParams, ChainCheckpointParams, ChainHeadParams, ModuleCallParams, ReadAt, Stage,
    TxOutcome,
};
use pollen_rpc::client::{Intent, PollenClient};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// How long a started node may take until it is ready.
pub const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long a node that was asked to stop may take.
pub const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);

/// The program, beside the folder of the test binary.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("pollen");
    assert!(
        program.is_file(),
        "there is no {}: build it with `cargo build --workspace --bin pollen`",
        program.display()
    );
    program
}

/// `pollen` in the repository's folder, with nothing to read and its output kept.
pub fn pollen() -> std::process::Command {
    let mut command = std::process::Command::new(program());
    command.current_dir(repository());
    outside(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Takes from a command what this test process alone has in its environment: the settings of this
/// machine's own Pollen, and what cargo tells a test about its package. (The latter reached the `cargo
/// build` inside `make run`; ring's build script depends on it, so that every run of the tests compiled
/// the TLS crates and all above them twice.)
pub fn outside(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("POLLEN_") && text != "POLLEN_WASM_TOOLCHAIN";
        let cargos =
            text.starts_with("CARGO_") && text != "CARGO_HOME" && text != "CARGO_TARGET_DIR";
        if ours || cargos || text.starts_with("NEXTEST") {
            command.env_remove(&name);
        }
    }
}

/// The top folder of the repository: tests run in their package's.
pub fn repository() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| Path::new("..").canonicalize().unwrap());
    &FOLDER
}

/// The machine for one network at a time, across processes and threads.
pub struct Machine(#[allow(dead_code, reason = "locked while it is open")] File);

impl Machine {
    /// Waits for its turn.
    pub fn alone() -> Self {
        let path = std::env::temp_dir().join("pollen-system-tests.lock");
        let file = File::options().create(true).append(true).open(&path).unwrap();
        file.lock().unwrap();
        Self(file)
    }
}

/// See the module's documentation.
pub struct Network {
    /// Home folder of the command line: keys, and which network to ask.
    pub home: PathBuf,
    nodes: Vec<DevNode>,
    processes: Vec<Option<NodeProcess>>,
    clients: Vec<PollenClient>,
    _folder: TempDir,
    _machine: Machine,
}

impl Network {
    /// Starts so many validators on free ports, and waits until all are ready.
    pub async fn start(validators: u16) -> Self {
        let mut network = Self::lay_out(validators);
        network.start_all().await;
        network
    }

    /// A network that is laid out and not started.
    pub fn lay_out(validators: u16) -> Self {
        let machine = Machine::alone();
        let folder = TempDir::new().unwrap();
        let home = folder.path().join("home");
        let options = DevOptions {
            validators,
            home: home.clone(),
            rpc_port: 0,
            network_port: 0,
            fresh: false,
            log: "info".into(),
        };
        let nodes = dev::lay_out(&options).unwrap();
        dev::network_file(&dev::genesis(validators), &nodes, Vec::new()).write(&home).unwrap();
        let clients =
            nodes.iter().map(|node| PollenClient::new([&node.endpoint]).unwrap()).collect();
        Self {
            home,
            processes: nodes.iter().map(|_| None).collect(),
            nodes,
            clients,
            _folder: folder,
            _machine: machine,
        }
    }

    /// Starts every node that does not run, and waits until all are ready.
    pub async fn start_all(&mut self) {
        for index in 0..self.nodes.len() {
            if self.processes[index].is_none() {
                self.spawn(index);
            }
        }
        for index in 0..self.nodes.len() {
            self.ready(index).await;
        }
    }

    /// Starts one node again, and waits until it is ready.
    pub async fn start_node(&mut self, index: usize) {
        self.spawn(index);
        self.ready(index).await;
    }

    /// Starts every node with variables of its own, and waits until all are ready.
    pub async fn start_each<'a>(&mut self, variables: impl Fn(usize) -> &'a [(&'a str, &'a str)]) {
        for index in 0..self.nodes.len() {
            self.spawn_with(index, variables(index));
        }
        for index in 0..self.nodes.len() {
            self.ready(index).await;
        }
    }

    fn spawn(&mut self, index: usize) {
        self.spawn_with(index, &[]);
    }

    /// Starts a node with these variables in its environment, and waits for nothing.
    pub fn spawn_with(&mut self, index: usize, variables: &[(&str, &str)]) {
        let process = NodeProcess::start_with(&program(), &self.nodes[index], variables);
        self.processes[index] = Some(process.unwrap());
    }

    /// Waits until a node has ended by itself; how, and its last words.
    pub async fn ended(&mut self, index: usize) -> String {
        let mut process = self.processes[index].take().expect("it was started");
        eventually("the node ends", START_PATIENCE, async || {
            process.ended().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }

    /// Waits until a node that was started is ready.
    pub async fn ready(&mut self, index: usize) {
        let process = self.processes[index].as_mut().unwrap();
        let ready = dev::wait_ready(std::slice::from_mut(process), START_PATIENCE, |_| ()).await;
        if let Err(error) = ready {
            let log = std::fs::read_to_string(&self.nodes[index].log).unwrap_or_default();
            let from = log.len().saturating_sub(4000);
            let end = String::from_utf8_lossy(&log.as_bytes()[from..]).into_owned();
            panic!("node {}: {error}\n{end}", index + 1);
        }
    }

    /// Stops a process where it is, without ending it; its sockets stay open, and nobody answers.
    pub async fn freeze(&self, index: usize) {
        self.signal(index, "-STOP").await;
    }

    /// Lets a frozen process go on.
    pub async fn thaw(&self, index: usize) {
        self.signal(index, "-CONT").await;
    }

    async fn signal(&self, index: usize, signal: &str) {
        let process = self.processes[index].as_ref().expect("it runs");
        let id = process.id().expect("it still runs").to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }

    /// SIGKILL: no goodbye, no flush.
    pub async fn kill(&mut self, index: usize) {
        self.processes[index].take().expect("it runs").kill().await;
    }

    /// Stops every node the clean way; each must end by itself and with success.
    pub async fn stop_all(&mut self) {
        for (index, process) in self.processes.iter_mut().enumerate() {
            if let Some(mut process) = process.take()
                && let Err(how) = process.stop(STOP_PATIENCE).await
            {
                panic!("node {} did not stop cleanly: {how}", index + 1);
            }
        }
    }

    /// See [`level`]: of all nodes, which all run.
    pub async fn level(&self) -> u64 {
        level(&self.clients.iter().collect::<Vec<_>>()).await
    }

    /// A client of one node alone.
    pub fn client(&self, index: usize) -> &PollenClient {
        &self.clients[index]
    }

    /// The process of a running node.
    pub fn process_id(&self, index: usize) -> u32 {
        let process = self.processes[index].as_ref().expect("it runs");
        process.id().expect("it still runs")
    }

    /// The folder of a node's database.
    pub fn ledger(&self, index: usize) -> PathBuf {
        self.nodes[index].folder.join("data/ledger")
    }

    /// The data folder of a node.
    pub fn data(&self, index: usize) -> PathBuf {
        self.nodes[index].folder.join("data")
    }

    /// What a node has logged.
    pub fn log(&self, index: usize) -> String {
        std::fs::read_to_string(&self.nodes[index].log).unwrap_or_default()
    }

    /// JSON-RPC of one node.
    pub fn endpoint(&self, index: usize) -> &str {
        &self.nodes[index].endpoint
    }

    /// How many nodes it was laid out with.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The genesis document.
    pub fn genesis(&self) -> PathBuf {
        self.home.join("dev").join("genesis.json")
    }

    /// A network address of one node, as a peer is given it.
    pub fn address(&self, index: usize) -> String {
        let config =
            pollen_node::config::NodeConfig::load(Some(&self.nodes[index].config)).unwrap();
        config.network.listen[0].clone()
    }

    /// Runs the command line; whatever it answers.
    pub async fn run(&self, words: &[&str]) -> Output {
        self.run_with(words, &[]).await
    }

    /// The same with these variables in its environment.
    pub async fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::from(pollen());
        command.arg("--home").arg(&self.home).args(words).envs(variables.iter().copied());
        command.kill_on_drop(true).output().await.unwrap()
    }

    /// From which height on a running node has transactions.
    pub async fn transactions_held(&self, index: usize) -> u64 {
        let node = (index + 1).to_string();
        let stats = self.cli(&["--json", "--node", &node, "db", "stats"]).await;
        let stats: Value = serde_json::from_str(&stats).unwrap();
        stats["held"]["transactions"].as_u64().unwrap()
    }

    /// Runs a command that must succeed; what it printed.
    pub async fn cli(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "pollen {words:?}: {}\n{stdout}{stderr}", output.status);
        stdout
    }
}

/// A number from the environment, which the long forms of tests are told by.
pub fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Choices of a test, from a seed that it prints.
pub struct Random(u64);

impl Random {
    /// From the seed in a variable, or a new one.
    pub fn seeded(variable: &str) -> Self {
        let seed = number_from(variable).unwrap_or_else(pollen_node::clock::now_ms);
        println!("{variable}={seed}");
        Self(seed)
    }

    /// Other choices that come from the same seed.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// Any number (splitmix64).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Asks until there is an answer; panics with the last reason when none came in time.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(reason) => {
                assert!(Instant::now() < deadline, "{what}: not within {patience:?}: {reason}");
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until each of these nodes has executed what any of them has executed now; that height. To be
/// called between writing through one node and reading through another: a node may be a checkpoint
/// behind (seen: 1010 from a node that had not executed the funding, a balance without the last call).
pub async fn level(clients: &[&PollenClient]) -> u64 {
    let mut at = 0;
    for client in clients {
        at = at.max(height(client).await);
    }
    for client in clients {
        root_at(client, at).await;
    }
    at
}

/// Height of a node's last checkpoint.
pub async fn height(client: &PollenClient) -> u64 {
    client.chain_head(&ChainHeadParams::default()).await.unwrap().at.height
}

/// Waits until a node has executed `height`, and tells the checkpoint's digest and state root
/// there.
pub async fn root_at(client: &PollenClient, height: u64) -> (Hash, Hash) {
    let what = format!("checkpoint {height} of {}", client.url());
    eventually(&what, Duration::from_secs(60), async || {
        let params = ChainCheckpointParams { at: ReadAt::Height(height), ..Default::default() };
        match client.chain_checkpoint(&params).await {
            Ok(answer) => Ok((answer.value.digest, answer.at.state_root)),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}

/// An account's balance and deposit, in grains, after the checkpoint at `height`.
pub async fn grains_at(client: &PollenClient, address: &str, height: u64) -> u64 {
    let at = ReadAt::Height(height);
    let params = AccountGetParams { at, ..AccountGetParams::of(address.to_owned()) };
    let account = client.account_get(&params).await.unwrap().value;
    account.balance + account.deposit
}

/// What a module's query returns after the checkpoint at `height`.
pub async fn ask_module(
    client: &PollenClient,
    module: &str,
    function: &str,
    arguments: Value,
    height: u64,
) -> Value {
    let params = ModuleCallParams {
        witness: false,
        module: module.to_owned(),
        function: function.to_owned(),
        arguments: Some(arguments),
        arguments_bytes: None,
        caller: None,
        at: ReadAt::Height(height),
        at_least: None,
        wait_ms: 0,
    };
    client.module_call(&params).await.unwrap().value.result
}

/// An account's address on the development chain.
pub fn address_of(id: AccountId) -> String {
    Address::account(id).display(&dev::genesis(1).address_prefix)
}

/// What a terminal does at Ctrl-C, to a process that leads its group; how it ended.
pub async fn interrupt(child: &mut Child) -> ExitStatus {
    let group = format!("-{}", child.id().expect("it still runs"));
    let kill = Command::new("kill").args(["-INT", "--", &group]).status().await.unwrap();
    assert!(kill.success(), "the process group {group} is there");
    let ended = tokio::time::timeout(STOP_PATIENCE, child.wait()).await;
    ended.expect("Ctrl-C ends it").unwrap()
}

/// A port of the loopback that nobody listens on now.
pub fn free_port() -> u16 {
    dev::free_ports(1)[0]
}

/// A network of one validator, laid out and not started; gone with the folder that it lives in.
pub fn lay_out_one() -> (TempDir, DevNode) {
    let home = tempfile::tempdir().unwrap();
    let options = DevOptions {
        validators: 1,
        home: home.path().to_owned(),
        rpc_port: 0,
        network_port: 0,
        fresh: true,
        log: "warn".to_owned(),
    };
    let node = dev::lay_out(&options).unwrap().remove(0);
    (home, node)
}

/// Deploys the probe, a module that does as it is told, by the faucet.
pub async fn deploy_probe(client: &PollenClient) -> AccountId {
    let code = super::world::component("probe").to_vec();
    let deploy = Action::Deploy {
        code: Hash::of_content(&code),
        name: Some("probe".to_owned()),
        arguments: Vec::new(),
        upgrade: UpgradePolicy::Never,
    };
    let mut intent = Intent::new(vec![deploy], 2_000_000_000);
    intent.attachments = vec![code];
    let signed = client.sign(&dev::faucet_key(), intent, 0).await.unwrap();
    let patience = Duration::from_secs(60);
    let status = client.submit_and_wait(&signed, Stage::Executed, patience).await.unwrap();
    let Some(TxOutcome::Success { results }) = status.value.outcome else {
        panic!("{:?}", status.value);
    };
    AccountId(results[0].bytes.0.as_slice().try_into().unwrap())
}
