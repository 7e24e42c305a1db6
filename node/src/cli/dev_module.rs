//! `pollen dev` in a module's folder: the module is built, deployed under its folder's name, and upgraded in place
//! at every save, with its address and its state.
//!
//! One turn: build; run the module's own tests; upgrade; tell what changed. What fails is told, and the code of
//! before stays. The first turn deploys before it tests, since a first compilation of the tests takes its time.
//!
//! Invariants: a turn begins only where the content of a source changed, so what the build itself writes starts
//! none; changes during a turn are the next one's. What breaks callers is told and done all the same: nobody else
//! calls a module on a development network.

mod fuel;
mod sources;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pollen_build::{BuildError, BuiltModule, NativeTests, Options};
use pollen_ledger::transaction::{ModuleChange, is_module_name};
use pollen_ledger::{AccountId, Hash};
use pollen_rpc::client::PollenClient;
use pollen_vm::Interface;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::difference::{differences_json, differences_text, signed_text, size_text};
use super::failure::EXIT_USAGE;
use super::{DevArgs, Failure, Session, accounts, lifecycle, modules, test_module};
use fuel::Fuel;
use sources::{Sources, Watch};

/// Keys that are made and funded; the first deploys.
pub const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];

/// A folder that is worked on.
pub struct ModuleFolder {
    folder: PathBuf,
    /// On the ledger: the folder's.
    pub name: String,
    init: Vec<String>,
    watch: Watch,
    sources: Sources,
    first_build: JoinHandle<Result<BuiltModule, BuildError>>,
}

/// The module that `pollen dev` is to work on: the folder that was named, else the working directory where it holds
/// one. Its first build begins at once, beside the start of the network.
pub fn find(args: &DevArgs) -> Result<Option<ModuleFolder>, Failure> {
    let folder = match &args.module {
        Some(folder) if is_module(folder) => folder,
        Some(folder) => {
            return Err(Failure::usage(format!("{} holds no module", folder.display())).hint(
                "a module has wit/ and Cargo.toml (or module.c); `pollen new NAME` makes one",
            ));
        }
        None if args.examples.is_none() && is_module(Path::new(".")) => Path::new("."),
        None if args.arguments.is_empty() => return Ok(None),
        None => return Err(Failure::usage("arguments of `init`, and no module here")),
    };
    let folder = folder.canonicalize()?;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    if !is_module_name(&name) {
        return Err(Failure::usage(format!("the folder's name '{name}' is no name for a module"))
            .hint("2 to 64 small letters, digits and hyphens, a letter first: rename the folder"));
    }
    // Watched before it is read: what is saved while the network starts is not missed.
    let watch = Watch::begin(&folder).map_err(|error| cannot_watch(&folder, &error))?;
    let sources = Sources::read(&folder)?;
    let first_build = build(&folder);
    let init = args.arguments.clone();
    Ok(Some(ModuleFolder { folder, name, init, watch, sources, first_build }))
}

fn cannot_watch(folder: &Path, error: &notify::Error) -> Failure {
    Failure::new(format!("cannot watch {}: {error}", folder.display()))
}

fn is_module(folder: &Path) -> bool {
    folder.join("wit").is_dir()
        && (folder.join("Cargo.toml").is_file() || folder.join("module.c").is_file())
}

/// On a thread of its own: compiling takes its time, and Ctrl-C must not wait for it.
fn build(folder: &Path) -> JoinHandle<Result<BuiltModule, BuildError>> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || pollen_build::build_module(&folder, &Options::default()))
}

/// Keys with something to spend.
pub async fn fund_accounts(session: &Session) -> Result<Vec<(&'static str, AccountId)>, Failure> {
    let mut accounts = Vec::new();
    for name in ACCOUNTS {
        let key = accounts::ensure_funded(session, name).await?;
        accounts.push((name, AccountId::of_key(&key.public_key())));
    }
    Ok(accounts)
}

/// Works on the module until something ends it that no save can mend.
pub async fn run(session: &Session, module: ModuleFolder) -> Failure {
    let ModuleFolder { folder, name, init, mut watch, mut sources, first_build } = module;
    let client = match session.client() {
        Ok(client) => client,
        Err(failure) => return failure,
    };
    let mut work = Work { session, client, folder, name, init, is_there: false, component: None };
    let began = Instant::now();
    let mut told =
        work.turn(Turn { first_build: Some(first_build), changed: Vec::new(), began }).await;
    work.tell(&told);
    if told.is_running() {
        told = work.first_tests().await;
        work.tell(&told);
    }
    loop {
        if let Err(error) = watch.changed().await {
            return cannot_watch(&work.folder, &error);
        }
        let began = Instant::now();
        let now = match Sources::read(&work.folder) {
            Ok(now) => now,
            Err(error) => return cannot_watch(&work.folder, &notify::Error::io(error)),
        };
        let changed = sources.changed(&now);
        sources = now;
        if !changed.is_empty() {
            let told = work.turn(Turn { first_build: None, changed, began }).await;
            work.tell(&told);
        }
    }
}

struct Work<'a> {
    session: &'a Session,
    client: PollenClient,
    folder: PathBuf,
    name: String,
    init: Vec<String>,
    /// Whether the network has the module: what is told of a failure.
    is_there: bool,
    /// What was built last.
    component: Option<PathBuf>,
}

struct Turn {
    first_build: Option<JoinHandle<Result<BuiltModule, BuildError>>>,
    changed: Vec<String>,
    began: Instant,
}

/// What a turn came to.
enum Told {
    /// The module runs what was saved.
    Runs {
        /// deployed, upgraded or unchanged
        what: &'static str,
        changed: Vec<String>,
        text: String,
        json: Value,
        took: Duration,
    },
    /// The tests that come after the first deployment.
    Tests(NativeTests, Duration),
    /// There are none.
    NoTests,
    /// The code of before stays.
    Failed { stage: &'static str, changed: Vec<String>, error: String, is_there: bool },
}

impl Told {
    fn is_running(&self) -> bool {
        matches!(self, Self::Runs { .. })
    }
}

impl Work<'_> {
    async fn turn(&mut self, turn: Turn) -> Told {
        let Turn { first_build, changed, began } = turn;
        let is_first = first_build.is_some();
        if let Ok(there) = modules::target_there(&self.client, &self.name).await {
            self.is_there = there.is_some();
        }
        let is_there = self.is_there;
        let failed = |stage, error| {
            let changed = changed.clone();
            Told::Failed { stage, changed, error, is_there }
        };
        let building = first_build.unwrap_or_else(|| build(&self.folder));
        let built = match building.await {
            Ok(Ok(built)) => built,
            Ok(Err(error)) => return failed("build", error.to_string()),
            Err(error) => return failed("build", error.to_string()),
        };
        self.component = Some(built.path.clone());
        let mut tests = None;
        if !is_first {
            match self.tests(&built.path).await {
                Ok(Some(ran)) if !ran.is_success => return failed("tests", ran.output),
                Ok(ran) => tests = ran,
                Err(failure) => return failed("tests", failure.text),
            }
        }
        match self.put(&built.component).await {
            Ok(put) => {
                let (text, json) = put.told(&self.name, tests.as_ref(), &built.component);
                Told::Runs { what: put.what, changed, text, json, took: began.elapsed() }
            }
            Err(failure) => {
                let hint = failure.hint.map(|hint| format!("\n{hint}")).unwrap_or_default();
                failed("upgrade", failure.text + &hint)
            }
        }
    }

    /// Natively, and of the component that was built.
    async fn tests(&self, component: &Path) -> Result<Option<NativeTests>, Failure> {
        let (folder, component) = (self.folder.clone(), component.to_owned());
        let run = move || test_module::run_tests(&folder, &component);
        let ran = tokio::task::spawn_blocking(run).await;
        ran.map_err(|error| Failure::new(error.to_string()))?
    }

    async fn first_tests(&self) -> Told {
        let began = Instant::now();
        let Some(component) = &self.component else { return Told::NoTests };
        match self.tests(component).await {
            Ok(Some(tests)) => Told::Tests(tests, began.elapsed()),
            Ok(None) => Told::NoTests,
            Err(failure) => {
                let (stage, changed, error) = ("tests", Vec::new(), failure.text);
                Told::Failed { stage, changed, error, is_there: true }
            }
        }
    }

    /// Deploys what is not there, upgrades what is other code.
    async fn put(&self, component: &[u8]) -> Result<Put, Failure> {
        let (session, client, from) = (self.session, &self.client, ACCOUNTS[0]);
        let after = Interface::from_component(component)
            .map_err(|error| Failure::new(format!("no module: {error}")))?;
        let target = match modules::target_there(client, &self.name).await? {
            Some(target) => target,
            None => {
                let (name, words) = (self.name.as_str(), self.init.as_slice());
                let wants_words = |failure: Failure| match failure.code {
                    EXIT_USAGE => failure
                        .hint("arguments of `init` stand behind `--`: pollen dev -- ARGUMENTS"),
                    _ => failure,
                };
                let deployed =
                    modules::deploy_code(session, component.to_vec(), name, from, words).await;
                deployed.map_err(wants_words)?;
                let fuel = Fuel::measured(client, &self.name, &after).await;
                return Ok(Put { what: "deployed", before: None, after, fuel_before: None, fuel });
            }
        };
        let code = Hash::of_content(component);
        let fuel_before = Fuel::measured(client, &self.name, &target.interface).await;
        if code == target.code {
            let bytes = component.len();
            let before = Some((target.interface, bytes));
            let (what, fuel) = ("unchanged", fuel_before.clone());
            return Ok(Put { what, before, after, fuel_before: Some(fuel_before), fuel });
        }
        let bytes = modules::record(client, &target).await?.code_bytes as usize;
        let arguments =
            modules::function_arguments(session, client, component, "migrate", &[]).await?;
        let change = ModuleChange::Upgrade { code, arguments };
        let mut intent = lifecycle::change_intent(client, target.id, change).await?;
        intent.attachments =
            lifecycle::ready_code(session, client, from, component.to_vec()).await?;
        let by = accounts::signer(session, client, from).await?;
        accounts::send(client, &by, intent).await?;
        let fuel = Fuel::measured(client, &self.name, &after).await;
        let (before, fuel_before) = (Some((target.interface, bytes)), Some(fuel_before));
        Ok(Put { what: "upgraded", before, after, fuel_before, fuel })
    }

    fn tell(&self, told: &Told) {
        if self.session.json {
            outln!("{}", told.json(&self.name));
        } else {
            outln!("{}", told.text(&self.name).trim_end());
        }
    }
}

/// What was put on the network.
struct Put {
    what: &'static str,
    /// Interface and bytes of what ran before.
    before: Option<(Interface, usize)>,
    after: Interface,
    fuel_before: Option<Fuel>,
    fuel: Fuel,
}

impl Put {
    /// For people and for programs.
    fn told(&self, name: &str, tests: Option<&NativeTests>, component: &[u8]) -> (String, Value) {
        let bytes_before = self.before.as_ref().map(|(_, bytes)| *bytes);
        let mut text =
            format!("{name} {}: {}", self.what, size_text(bytes_before, component.len()));
        if let Some(tests) = tests {
            text += &format!(", {} tests passed", tests.passed);
        }
        let comparison = self.before.as_ref().map(|(before, _)| before.compared(&self.after));
        let comparison = comparison.unwrap_or_default();
        let mut rest = differences_text(&comparison);
        let fuel = self.fuel.text(self.fuel_before.as_ref());
        if !fuel.is_empty() {
            rest += &format!("  fuel  {fuel}\n");
        }
        let json = json!({
            "codeHash": Hash::of_content(component),
            "bytes": component.len(),
            "bytesBefore": bytes_before,
            "testsPassed": tests.map(|tests| tests.passed),
            "compatible": comparison.is_compatible(),
            "differences": differences_json(&comparison),
            "fuel": self.fuel.json(),
            "fuelBefore": self.fuel_before.as_ref().map(Fuel::json),
        });
        (format!("{text}\n{rest}"), json)
    }
}

impl Told {
    fn text(&self, name: &str) -> String {
        match self {
            Self::Runs { changed, text, took, .. } => {
                let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
                format!("{}{first}, {:.1} s\n{rest}", saved(changed), took.as_secs_f64())
            }
            Self::Tests(tests, took) if tests.is_success => {
                format!("  {} tests passed, {:.1} s", tests.passed, took.as_secs_f64())
            }
            Self::Tests(tests, _) => format!("tests of {name} fail:\n{}", indented(&tests.output)),
            Self::NoTests => "  no tests".to_owned(),
            Self::Failed { stage, changed, error, is_there } => {
                let what = match *stage {
                    "build" => "does not build",
                    "tests" => "fails its tests",
                    _ => "was not put on the network",
                };
                let stays = match is_there {
                    true => "what ran before goes on",
                    false => "save it again when it is mended",
                };
                format!("{}{name} {what}; {stays}\n{}", saved(changed), indented(error))
            }
        }
    }

    fn json(&self, name: &str) -> Value {
        let mut json = match self {
            Self::Runs { what, changed, json, took, .. } => {
                let mut json = json.clone();
                json["event"] = (*what).into();
                json["changed"] = changed.clone().into();
                json["seconds"] = took.as_secs_f64().into();
                json
            }
            Self::Tests(tests, took) => json!({
                "event": "tested", "passed": tests.passed, "failed": tests.failed,
                "success": tests.is_success, "output": tests.output, "seconds": took.as_secs_f64(),
            }),
            Self::NoTests => {
                json!({ "event": "tested", "passed": 0, "failed": 0, "success": true })
            }
            Self::Failed { stage, changed, error, .. } => {
                json!({ "event": "failed", "stage": stage, "changed": changed, "error": error })
            }
        };
        json["module"] = name.into();
        json
    }
}

fn saved(changed: &[String]) -> String {
    match changed {
        [] => String::new(),
        [one] => format!("\nsaved {one}\n"),
        [one, rest @ ..] => format!("\nsaved {one} and {} more\n", rest.len()),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// What to try, printed when the network is ready.
pub fn guide(name: &str) -> String {
    format!(
        "\nIn another terminal, from this folder:\n\n  pollen call {name} --help\n  pollen query {name} --help\n  \
         pollen events {name}\n  pollen module {name}\n\n\
         Every save builds, tests and upgrades {name} in place. Fuel is that of queries without arguments, and of the\n\
         last call of each command, simulated on the state of now. Ctrl-C stops all nodes; what they hold is kept."
    )
}
