//! `pollen deploy`, `call`, `query`, `module`: everything that is typed by a module's own
//! interface.

use std::collections::BTreeMap;
use std::path::Path;

use indicatif::ProgressBar;
use pollen_build::{BuiltModule, Options, Progress};
use pollen_ledger::transaction::is_module_name;
use pollen_ledger::{AccountId, Action, Address, Hash};
use pollen_rpc::api::{
    Answer, Module, ModuleCallParams, ModuleParams, PolicyView, ReadAt, TxOutcome, TxStatus,
    TxTrialParams,
};
use pollen_rpc::client::{Intent, PollenClient};
use pollen_rpc::error::ErrorCode;
use pollen_vm::interface::{Function, FunctionKind, Interface, UnknownFunction};
use pollen_vm::value::{self, Formats};
use serde_json::{Value, json};

use super::difference::{Consent, Plan, Review};
use super::output::{self, moment, pollen};
use super::{DeployArgs, Failure, Global, Session, accounts, draft, lifecycle};
use crate::keys;

/// Fuel that a call may use unless told otherwise; what is not used is not paid.
const CALL_FUEL_MAX: u64 = 100_000_000;

/// For how long a call that is only simulated would be valid.
const SIMULATED_VALID_FOR_MS: u64 = 60_000;

const CALL_USAGE: &str = "usage: pollen call MODULE FUNCTION [ARGUMENTS] --from KEY\n\n\
    Arguments are typed by the module's own interface: in order, or as --name VALUE.\n\
    `pollen call MODULE --help` lists its functions, `pollen call MODULE FUNCTION --help` explains one.\n\n\
    Options:\n  \
    --from KEYS        who signs: NAME,.. or NAME,..@ACCOUNT\n  \
    --payer KEYS       have another account pay the fee\n  \
    --deposit AMOUNT   native tokens to send along, as 5 or 0.25\n  \
    --max-fuel N       most fuel that it may use [default: 100000000]\n  \
    --simulate         show what it would do now, and send nothing\n  \
    --json             print one JSON document\n  \
    --node N           ask this node, from 1\n  \
    --                 what follows is the module's, whatever it looks like\n\n\
    Example:\n  pollen call coldchain open-box box-1 --max-celsius 8.0 --from alice\n";

const QUERY_USAGE: &str = "usage: pollen query MODULE FUNCTION [ARGUMENTS]\n\n\
    Arguments are typed by the module's own interface: in order, or as --name VALUE.\n\
    `pollen query MODULE --help` lists its functions, `pollen query MODULE FUNCTION --help` explains one.\n\n\
    Options:\n  \
    --at HEIGHT        the state to read: latest, certified or a height [default: latest]\n  \
    --json             print one JSON document\n  \
    --node N           ask this node, from 1\n  \
    --                 what follows is the module's, whatever it looks like\n\n\
    Example:\n  pollen query coldchain status box-1 --node 3\n";

/// Words of a call, with the command's own options taken out.
#[derive(Debug, Default)]
struct CallWords {
    module: Option<String>,
    function: Option<String>,
    arguments: Vec<String>,
    options: BTreeMap<&'static str, String>,
    help: bool,
}

/// Options of `call` and `query` that take a value.
const OPTIONS: [&str; 9] = [
    "--from",
    "--payer",
    "--deposit",
    "--max-fuel",
    "--at",
    "--node",
    "--home",
    "--rpc",
    "--context",
];

fn split_words(words: Vec<String>) -> Result<CallWords, Failure> {
    let mut split = CallWords::default();
    let mut rest = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            _ => (word.clone(), None),
        };
        if word == "--" {
            rest.extend(words.by_ref());
        } else if word == "--help" || word == "-h" {
            split.help = true;
        } else if matches!(word.as_str(), "--json" | "--simulate") {
            let option = if word == "--json" { "--json" } else { "--simulate" };
            split.options.insert(option, String::new());
        } else if let Some(option) = OPTIONS.iter().find(|option| **option == name) {
            let value = inline.or_else(|| words.next());
            let missing = || Failure::usage(format!("{option} needs a value"));
            split.options.insert(option, value.ok_or_else(missing)?);
        } else {
            rest.push(word);
        }
    }
    let mut rest = rest.into_iter();
    split.module = rest.next();
    split.function = rest.next();
    split.arguments = rest.collect();
    Ok(split)
}

impl CallWords {
    fn session(&self, global: &Global) -> Result<Session, Failure> {
        let mut global = global.clone();
        global.json |= self.options.contains_key("--json");
        if let Some(node) = self.options.get("--node") {
            let wrong = |_| Failure::usage(format!("--node is a number from 1, not '{node}'"));
            global.node = Some(node.parse().map_err(wrong)?);
        }
        if let Some(payer) = self.options.get("--payer") {
            global.payer = Some(payer.clone());
        }
        if let Some(home) = self.options.get("--home") {
            global.home = Some(home.into());
        }
        if let Some(context) = self.options.get("--context") {
            global.context = Some(context.clone());
        }
        if let Some(rpc) = self.options.get("--rpc") {
            global.rpc = rpc.split(',').map(str::to_owned).collect();
        }
        Session::new(&global)
    }
}

/// A module as RPC names it: `@name` of a registered name, addresses as they are.
pub async fn spelled(client: &PollenClient, module: &str) -> Result<String, Failure> {
    let prefix = &client.network().await?.address_prefix;
    let is_address = module.starts_with(prefix.as_str()) && module.len() > 40;
    if is_address || module.starts_with('@') {
        return Ok(module.to_owned());
    }
    if !is_module_name(module) {
        return Err(Failure::usage(format!(
            "'{module}' is neither a module's name nor an address"
        )));
    }
    Ok(format!("@{module}"))
}

/// A module, with what it can be asked.
pub(super) struct Target {
    spelled: String,
    pub(super) id: AccountId,
    pub(super) code: Hash,
    pub(super) interface: Interface,
    /// Hash of its description: what calls are made from.
    interface_hash: Hash,
    wit: String,
}

/// The module of a name or an address.
pub(super) async fn target(client: &PollenClient, module: &str) -> Result<Target, Failure> {
    let spelled = spelled(client, module).await?;
    let answer = client.module_interface(&module_params(spelled.clone())).await?;
    let prefix = &client.network().await?.address_prefix;
    let id = Address::parse(&answer.value.module, prefix)?.id;
    let interface = Interface::from_wit_package(&answer.value.package.0)
        .map_err(|error| Failure::new(format!("the interface of {module}: {error}")))?;
    let (code, wit) = (answer.value.code_hash, answer.value.wit);
    let interface_hash = Hash::of_content(&answer.value.package.0);
    Ok(Target { spelled, id, code, interface, interface_hash, wit })
}

/// What the ledger has of a module.
pub(super) async fn record(client: &PollenClient, module: &Target) -> Result<Module, Failure> {
    Ok(client.module_get(&module_params(module.spelled.clone())).await?.value)
}

/// The module of a name, where there is one.
pub(super) async fn target_there(
    client: &PollenClient,
    name: &str,
) -> Result<Option<Target>, Failure> {
    match client.module_get(&module_params(format!("@{name}"))).await {
        Ok(_) => Ok(Some(target(client, name).await?)),
        Err(error) if error.is(ErrorCode::ModuleNotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn module_params(module: String) -> ModuleParams {
    ModuleParams { module, at: ReadAt::Latest, at_least: None, wait_ms: 0 }
}

/// Names in arguments: keys of this home, and modules as `@name`.
pub(super) async fn names(
    session: &Session,
    client: &PollenClient,
    words: &[String],
) -> Result<BTreeMap<String, AccountId>, Failure> {
    let mut names: BTreeMap<_, _> = keys::list(&session.home).into_iter().collect();
    let prefix = client.network().await?.address_prefix.clone();
    for word in words.iter().filter(|word| word.starts_with('@')) {
        let module = client.module_get(&module_params(word.clone())).await?;
        names.insert(word.clone(), Address::parse(&module.value.module, &prefix)?.id);
    }
    Ok(names)
}

pub(super) fn unknown_function(command: &str, module: &str, unknown: &UnknownFunction) -> Failure {
    let mut failure = Failure::usage(unknown.to_string());
    if unknown.is_other_kind {
        let other = if command == "call" { "query" } else { "call" };
        failure.hint = Some(format!("try `pollen {other} {module} {}`", unknown.name));
    }
    failure
}

/// Functions that the ledger alone calls.
fn is_reserved(function: &Function) -> bool {
    matches!(function.name.as_str(), "init" | "migrate")
}

fn list_functions(command: &str, module: &str, functions: &[Function]) -> String {
    let mut text = format!("pollen {command} {module} FUNCTION [ARGUMENTS]\n\n");
    for function in functions.iter().filter(|function| !is_reserved(function)) {
        text += &format!("  {}\n", value::usage(function));
        if let Some(docs) = &function.docs {
            let first = docs.lines().next().unwrap_or_default();
            text += &format!("      {first}\n");
        }
    }
    text
}

/// `pollen call MODULE FUNCTION ARGUMENTS`.
pub async fn call(global: &Global, words: Vec<String>) -> Result<(), Failure> {
    let words = split_words(words)?;
    let mut session = words.session(global)?;
    let Some(module) = &words.module else {
        out!("{CALL_USAGE}");
        return if words.help { Ok(()) } else { Err(Failure::usage("which module?")) };
    };
    let client = session.client()?;
    let target = target(&client, module).await?;
    let Some(function) = &words.function else {
        out!("{}", list_functions("call", module, &target.interface.commands));
        return if words.help { Ok(()) } else { Err(Failure::usage("which function?")) };
    };
    let function = target
        .interface
        .function(FunctionKind::Command, function)
        .map_err(|unknown| unknown_function("call", module, &unknown))?;
    if words.help {
        out!("{}", value::help(function));
        return Ok(());
    }
    let from = words.options.get("--from").ok_or_else(|| {
        Failure::usage("who signs? add --from KEY").hint("`pollen keys list` shows the keys")
    })?;
    let simulates = words.options.contains_key("--simulate");
    if simulates {
        // Nobody signs, so no key is unlocked.
        session.build_valid_for_ms.get_or_insert(SIMULATED_VALID_FOR_MS);
    }
    let by = accounts::signer(&session, &client, from).await?;
    let deposit = match words.options.get("--deposit") {
        Some(amount) => output::parse_amount(amount).map_err(Failure::usage)?,
        None => 0,
    };
    let max_fuel = match words.options.get("--max-fuel") {
        Some(fuel) => fuel
            .parse()
            .map_err(|_| Failure::usage(format!("--max-fuel is a whole number, not '{fuel}'")))?,
        None => CALL_FUEL_MAX,
    };
    let arguments = encode(&session, &client, function, &words.arguments).await?;
    let action = Action::Invoke {
        module: target.id,
        function: function.name.clone(),
        arguments,
        deposit,
        interface: Some(target.interface_hash),
    };
    let intent = Intent::new(vec![action], max_fuel);
    if let (true, accounts::By::Later { author, .. }) = (simulates, &by) {
        let draft = client.draft(author, intent, rand::random()).await?;
        let unsigned = draft.unsigned().map_err(|error| Failure::new(error.to_string()))?;
        let transaction = Some(pollen_rpc::api::Bytes(pollen_ledger::codec::encode(&unsigned)));
        let params = TxTrialParams { transaction, ..TxTrialParams::default() };
        return draft::simulated(&session, &client, &params).await;
    }
    let Some(status) = accounts::send(&client, &by, intent).await? else {
        return Ok(());
    };
    session.print(&status, || call_text(&status));
    Ok(())
}

fn call_text(status: &Answer<TxStatus>) -> String {
    let mut text = String::new();
    if let Some(TxOutcome::Success { results }) = &status.value.outcome {
        for json in results.iter().filter_map(|result| result.json.as_ref()) {
            if !json.is_null() {
                text += &format!("{}\n", plain(json));
            }
        }
    }
    for event in &status.value.events {
        text += &format!("event {}\n", super::look::event_text(event));
    }
    text + &accounts::ended(status)
}

/// Scalars bare, everything else as indented JSON.
fn plain(json: &Value) -> String {
    match json {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => {
            serde_json::to_string_pretty(json).expect("values are JSON")
        }
        other => other.to_string(),
    }
}

async fn encode(
    session: &Session,
    client: &PollenClient,
    function: &Function,
    words: &[String],
) -> Result<Vec<u8>, Failure> {
    let names = names(session, client, words).await?;
    let resolve = |name: &str| names.get(name).copied();
    let prefix = &client.network().await?.address_prefix;
    let formats = Formats { resolve: Some(&resolve), ..Formats::new(prefix) };
    value::encode_words(function, words, &formats).map_err(|error| {
        let text = format!("{error} (2003 BadArguments)");
        let failure = Failure::usage(text);
        match error.usage {
            Some(usage) => failure.hint(format!("usage: {usage}")),
            None => failure,
        }
    })
}

/// `pollen query MODULE FUNCTION ARGUMENTS`.
pub async fn query(global: &Global, words: Vec<String>) -> Result<(), Failure> {
    let words = split_words(words)?;
    let session = words.session(global)?;
    let Some(module) = &words.module else {
        out!("{QUERY_USAGE}");
        return if words.help { Ok(()) } else { Err(Failure::usage("which module?")) };
    };
    let client = session.client()?;
    let target = target(&client, module).await?;
    let Some(function) = &words.function else {
        out!("{}", list_functions("query", module, &target.interface.queries));
        return if words.help { Ok(()) } else { Err(Failure::usage("which function?")) };
    };
    let function = target
        .interface
        .function(FunctionKind::Query, function)
        .map_err(|unknown| unknown_function("query", module, &unknown))?;
    if words.help {
        out!("{}", value::help(function));
        return Ok(());
    }
    let at = match words.options.get("--at") {
        Some(at) => at.parse().map_err(Failure::usage)?,
        None => ReadAt::Latest,
    };
    let arguments = encode(&session, &client, function, &words.arguments).await?;
    let params = ModuleCallParams {
        witness: false,
        module: target.spelled,
        function: function.name.clone(),
        arguments: None,
        arguments_bytes: Some(arguments.into()),
        caller: None,
        at,
        at_least: None,
        wait_ms: 0,
    };
    let answer = client.module_call(&params).await?;
    session.print(&answer, || format!("{}\n", plain(&answer.value.result)));
    Ok(())
}

/// Builds a folder; says on a terminal how far it is.
pub(super) fn build_module(folder: &Path, debug: bool) -> Result<BuiltModule, Failure> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar.set_message(format!("building {}", folder.display()));
    let told = |progress: Progress<'_>| match progress {
        Progress::Waiting => bar.set_message("waiting for another build"),
        Progress::Compiling(line) => bar.set_message(line.trim().to_owned()),
        Progress::Encoding => bar.set_message("making the component"),
    };
    let options = Options { progress: Some(&told), debug, ..Options::default() };
    let built = pollen_build::build_module(folder, &options);
    bar.finish_and_clear();
    Ok(built?)
}

struct Deployment {
    status: Answer<TxStatus>,
    module: String,
    bytes: usize,
    review: Option<Value>,
}

/// The component of a source folder, built, or of a file.
pub(super) async fn component_of(source: &Path) -> Result<Vec<u8>, Failure> {
    Ok(if source.extension().is_some_and(|extension| extension == "wasm") {
        std::fs::read(source)
            .map_err(|error| Failure::new(format!("{}: {error}", source.display())))?
    } else {
        // On a thread of its own: compiling takes its time, and Ctrl-C must not wait for it.
        let source = source.to_owned();
        let built = tokio::task::spawn_blocking(move || build_module(&source, false)).await;
        built.map_err(|error| Failure::new(error.to_string()))??.component
    })
}

/// What to deploy, and how.
struct Wanted<'a> {
    component: Vec<u8>,
    name: Option<&'a str>,
    from: &'a str,
    policy: &'a str,
    words: &'a [String],
    /// Shows first what it would do, and asks.
    consent: Option<&'a Consent>,
}

/// None of a deployment that is only built.
async fn deploy_component(
    session: &Session,
    wanted: Wanted<'_>,
) -> Result<Option<Deployment>, Failure> {
    let Wanted { component, name, from, policy, words, consent } = wanted;
    let client = session.client()?;
    let by = accounts::signer(session, &client, from).await?;
    let upgrade = lifecycle::policy_of(session, &client, policy).await?;
    let arguments = function_arguments(session, &client, &component, "init", words).await?;
    let max_fuel = client.network().await?.parameters.transaction_fuel_max;
    let code = Hash::of_content(&component);
    let bytes = component.len();
    let action = Action::Deploy { code, name: name.map(str::to_owned), arguments, upgrade };
    let mut intent = Intent::new(vec![action], max_fuel);
    let mut review = None;
    if let Some(consent) = consent {
        let called = name.unwrap_or("the module");
        let plan = Plan { before: None, component: &component, intent: &intent };
        let found = Review::of(&client, &by, &plan).await?;
        found.agree(session, called, consent, true)?;
        review = Some(found.json());
    }
    intent.attachments = lifecycle::ready_code(session, &client, from, component).await?;
    let Some(status) = accounts::send(&client, &by, intent).await? else {
        return Ok(None);
    };
    let module = match &status.value.outcome {
        Some(TxOutcome::Success { results }) => results.first().and_then(|result| {
            let json = result.json.as_ref()?;
            json.as_str().map(str::to_owned)
        }),
        _ => None,
    };
    let module = module.ok_or_else(|| Failure::new("the node told no address of the module"))?;
    Ok(Some(Deployment { status, module, bytes, review }))
}

/// Arguments of a function of `commands` by the component's own interface; none where there is none.
pub(super) async fn function_arguments(
    session: &Session,
    client: &PollenClient,
    component: &[u8],
    name: &str,
    words: &[String],
) -> Result<Vec<u8>, Failure> {
    let interface = match Interface::from_component(component) {
        Ok(interface) => interface,
        // The node refuses it, and says why in the words of the catalogue.
        Err(_) if words.is_empty() => return Ok(Vec::new()),
        Err(error) => return Err(Failure::new(format!("no module: {error}"))),
    };
    match interface.commands.iter().find(|function| function.name == name) {
        Some(function) => encode(session, client, function, words).await,
        None if words.is_empty() => Ok(Vec::new()),
        None => {
            Err(Failure::usage(format!("the module has no `{name}`, so it takes no arguments")))
        }
    }
}

/// `pollen deploy SOURCE`.
pub async fn deploy(session: &Session, args: &DeployArgs) -> Result<(), Failure> {
    let name = args.name.as_deref();
    let client = session.client()?;
    // Before the build: whoever mistyped a key need not wait for it.
    accounts::signer(session, &client, &args.from).await?;
    lifecycle::policy_of(session, &client, &args.policy).await?;
    let wanted = Wanted {
        component: component_of(&args.source).await?,
        name,
        from: &args.from,
        policy: &args.policy,
        words: &args.arguments,
        consent: Some(&args.consent),
    };
    let Some(deployed) = deploy_component(session, wanted).await? else { return Ok(()) };
    let document = json!({
        "module": deployed.module,
        "name": args.name,
        "bytes": deployed.bytes,
        "difference": deployed.review,
        "transaction": deployed.status,
    });
    session.print(&document, || {
        let called = name.unwrap_or(&deployed.module);
        format!(
            "deployed {} ({} bytes) as {called}\n{}  next: pollen call {called} --help\n",
            deployed.module,
            deployed.bytes,
            accounts::ended(&deployed.status)
        )
    });
    Ok(())
}

/// Deploys under a name that nobody has; tells in a line what is there.
pub async fn deploy_once(
    session: &Session,
    source: &Path,
    name: &str,
    from: &str,
    words: &[String],
) -> Result<String, Failure> {
    let client = session.client()?;
    match client.module_get(&module_params(format!("@{name}"))).await {
        Ok(there) => Ok(format!("{} (there already)", there.value.module)),
        Err(error) if error.is(ErrorCode::ModuleNotFound) => {
            let component = component_of(source).await?;
            let bytes = component.len();
            let module = deploy_code(session, component, name, from, words).await?;
            Ok(format!("{module} {bytes} bytes"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Deploys a component that its owner may change; its address.
pub(super) async fn deploy_code(
    session: &Session,
    component: Vec<u8>,
    name: &str,
    from: &str,
    words: &[String],
) -> Result<String, Failure> {
    let (name, policy) = (Some(name), "owner");
    let wanted = Wanted { component, name, from, policy, words, consent: None };
    let deployed = deploy_component(session, wanted).await?;
    Ok(deployed.ok_or_else(|| Failure::new("it was built, not deployed"))?.module)
}

/// A call with words, for the development network's first sign of life.
pub async fn first_call(
    session: &Session,
    module: &str,
    function: &str,
    argument: &str,
    from: &str,
) -> Result<String, Failure> {
    let client = session.client()?;
    let target = target(&client, module).await?;
    let by = accounts::signer(session, &client, from).await?;
    let found = target
        .interface
        .function(FunctionKind::Command, function)
        .map_err(|unknown| unknown_function("call", module, &unknown))?;
    let arguments = encode(session, &client, found, &[argument.to_owned()]).await?;
    let function = function.to_owned();
    let action =
        Action::Invoke { module: target.id, function, arguments, deposit: 0, interface: None };
    accounts::send(&client, &by, Intent::new(vec![action], CALL_FUEL_MAX)).await?;
    Ok(format!("{module} {}", found.name))
}

/// `pollen module MODULE`.
pub async fn show(session: &Session, module: &str, wit: bool) -> Result<(), Failure> {
    let client = session.client()?;
    let target = target(&client, module).await?;
    let answer = client.module_get(&module_params(target.spelled.clone())).await?;
    if wit {
        let document = json!({ "wit": target.wit });
        session.print(&document, || target.wit.clone());
        return Ok(());
    }
    session.print(&answer, || {
        let module = &answer.value;
        let mut text = output::pairs([
            ("address", module.module.clone()),
            ("name", module.name.clone().unwrap_or_else(|| "-".into())),
            ("code hash", module.code_hash.to_string()),
            ("bytes", module.code_bytes.to_string()),
            ("interface", module.interface_hash.to_string()),
            ("built with", build_text(module.build.as_ref())),
            ("creator", module.creator.clone()),
            ("policy", policy_text(&module.policy)),
            ("state", if module.paused { "paused" } else { "running" }.to_owned()),
            ("deployed", moment(module.deployed_ms)),
            ("balance", pollen(module.balance)),
            ("storage", format!("{} bytes", module.storage_bytes)),
            ("deposit", pollen(module.deposit)),
        ]);
        if module.versions.len() > 1 {
            text += "\nversions\n";
            for version in &module.versions {
                text += &format!(
                    "  {}  {}  since {}\n",
                    version.version,
                    version.code_hash,
                    moment(version.since_ms)
                );
            }
        }
        text += "\ncommands\n";
        for function in target.interface.commands.iter().filter(|one| !is_reserved(one)) {
            text += &format!("  {}\n", value::usage(function));
        }
        text += "queries\n";
        for function in &target.interface.queries {
            text += &format!("  {}\n", value::usage(function));
        }
        for event in &target.interface.events {
            text += &format!("event {}\n", event.name);
        }
        text
    });
    Ok(())
}

fn build_text(build: Option<&Value>) -> String {
    match build {
        Some(Value::Object(fields)) => {
            let words = fields.values().filter_map(Value::as_str).collect::<Vec<_>>();
            words.join(", ")
        }
        _ => "-".to_owned(),
    }
}

/// A policy as `pollen policy` takes it, with addresses.
fn policy_text(policy: &PolicyView) -> String {
    let delayed = |text: String, delay_ms: &u64| match delay_ms {
        0 => text,
        delay_ms => {
            let delay = std::time::Duration::from_millis(*delay_ms);
            format!("{text}+{}", humantime::format_duration(delay).to_string().replace(' ', ""))
        }
    };
    match policy {
        PolicyView::Never => "never".to_owned(),
        PolicyView::Itself => "itself".to_owned(),
        PolicyView::Owner { delay_ms } => delayed("owner".to_owned(), delay_ms),
        PolicyView::Keys { threshold, keys, delay_ms } => {
            let names = keys.iter().map(|key| match key.weight {
                1 => key.account.clone(),
                weight => format!("{}:{weight}", key.account),
            });
            let names = names.collect::<Vec<_>>().join(",");
            delayed(format!("{threshold}/{names}"), delay_ms)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> CallWords {
        split_words(text.split_whitespace().map(str::to_owned).collect()).unwrap()
    }

    /// Options of the command may stand anywhere; what the module takes stays in order.
    #[test]
    fn own_options_are_told_from_the_modules() {
        let split =
            words("coldchain open-box box-1 --max-celsius 8.0 --from alice --node=3 --json");
        assert_eq!(split.module.as_deref(), Some("coldchain"));
        assert_eq!(split.function.as_deref(), Some("open-box"));
        assert_eq!(split.arguments, ["box-1", "--max-celsius", "8.0"]);
        assert_eq!(split.options["--from"], "alice");
        assert_eq!(split.options["--node"], "3");
        assert!(split.options.contains_key("--json"));
    }

    /// A module whose own parameter is called `from` can still be given it by name.
    #[test]
    fn what_follows_two_hyphens_is_the_modules() {
        let split = words("token transfer-from --from carol -- --from alice --to bob");
        assert_eq!(split.options["--from"], "carol");
        assert_eq!(split.arguments, ["--from", "alice", "--to", "bob"]);
    }

    #[test]
    fn an_option_without_its_value_is_told() {
        let failure = split_words(vec!["a".into(), "b".into(), "--from".into()]).unwrap_err();
        assert_eq!(failure.text, "--from needs a value");
    }
}
