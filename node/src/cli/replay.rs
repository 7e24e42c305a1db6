//! `pollen replay` and `pollen rehearse`: transactions that were executed, run again here with other code.
//!
//! A node tells what a transaction met (`tx_trace`); everything else that the new code may read is asked of the state
//! before its checkpoint. The code is compiled and run in this process, by the rules of execution, so that no node runs
//! what somebody only tries. First the transaction is run with the code that it had: what does not end here as it did
//! there is not compared.

mod past;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use pollen_ledger::execution::{CallContext, Simulation, replay, substitute};
use pollen_ledger::module::ModuleEngine as _;
use pollen_ledger::{AccountId, Action, Address, Hash, SignedTransaction, codec};
use pollen_rpc::api::{ReadAt, TxListParams, TxTrace, TxTraceParams};
use pollen_rpc::client::PollenClient;
use pollen_vm::interface::FunctionKind;
use pollen_vm::value::{self, Formats};
use pollen_vm::{Interface, Vm, VmConfig};
use serde_json::{Value, json};

use super::{Failure, Session, modules, output, trace};
use past::{Past, parameters};
use report::Compared;

/// `pollen replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Hash of the transaction
    pub hash: String,
    /// The other code: a source folder, or a component (.wasm)
    #[arg(long, value_name = "SOURCE")]
    pub with: PathBuf,
    /// The module that is to run it [default: the one that the transaction calls]
    #[arg(long, value_name = "MODULE")]
    pub module: Option<String>,
    /// Arguments of its `migrate`, as a JSON array
    #[arg(long, value_name = "JSON")]
    pub migrate: Option<String>,
    /// End as a failure where anything but fuel differs
    #[arg(long)]
    pub check: bool,
}

/// `pollen rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// The new code: a source folder, or a component (.wasm)
    pub source: PathBuf,
    /// The module that is to run it
    #[arg(long, value_name = "MODULE")]
    pub module: String,
    /// So many of its last transactions
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub last: u32,
    /// Arguments of its `migrate`, as a JSON array
    #[arg(long, value_name = "JSON")]
    pub migrate: Option<String>,
    /// End as a failure where anything but fuel differs
    #[arg(long)]
    pub check: bool,
}

/// `pollen replay TX --with SOURCE`.
pub async fn run(session: &Session, args: &ReplayArgs) -> Result<(), Failure> {
    let hash = trace::hash_of(&args.hash)?;
    let client = Arc::new(session.client()?);
    let code = modules::component_of(&args.with).await?;
    let traced = traced(&client, hash).await?;
    let module = match &args.module {
        Some(module) => modules::target(&client, module).await?.id,
        None => called(&traced)?,
    };
    let stage = Stage::open(session, client, module, code, args.migrate.as_deref()).await?;
    let compared = stage.compare(traced).await?;
    session.print(&compared.json(), || compared.text());
    end(args.check, &[compared])
}

/// `pollen rehearse SOURCE --module MODULE`.
pub async fn rehearse(session: &Session, args: &RehearseArgs) -> Result<(), Failure> {
    let client = Arc::new(session.client()?);
    let code = modules::component_of(&args.source).await?;
    let target = modules::target(&client, &args.module).await?;
    let params = TxListParams {
        account: modules::spelled(&client, &args.module).await?,
        after: None,
        limit: Some(args.last),
        descending: true,
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    let mut listed = client.tx_list(&params).await?.value.transactions;
    listed.reverse();
    let migrate = args.migrate.as_deref();
    let stage = Stage::open(session, Arc::clone(&client), target.id, code, migrate).await?;
    let bar = output::spinner("rehearsing");
    let (mut compared, mut passed_over) = (Vec::new(), Vec::new());
    let count = listed.len();
    for (index, one) in listed.iter().enumerate() {
        bar.set_message(format!("transaction {} of {count}", index + 1));
        match traced(&client, one.hash).await {
            Ok(traced) if calls(&traced, &target.id)? => {
                compared.push(stage.compare(traced).await?)
            }
            // Deployments, upgrades, and what only pays it.
            Ok(_) => {}
            // What is too long ago is no reason to compare nothing.
            Err(error) => passed_over.push((one.hash, error)),
        }
    }
    bar.finish_and_clear();
    if compared.is_empty() {
        let failure = match passed_over.into_iter().next_back() {
            Some((hash, error)) => {
                let told = Failure::new(format!("{hash} cannot be run again: {}", error.text));
                match error.hint {
                    Some(hint) => told.hint(hint),
                    None => told,
                }
            }
            None => Failure::new(format!("nobody has called {} yet", args.module)),
        };
        return Err(failure);
    }
    let document = json!({
        "module": args.module,
        "compared": compared.iter().map(Compared::json).collect::<Vec<_>>(),
        "same": compared.iter().filter(|one| one.is_same()).count(),
        "passedOver": passed_over.iter().map(|(hash, error)| json!({ "hash": hash, "reason": error.text }))
            .collect::<Vec<_>>(),
    });
    session.print(&document, || report::summary(&args.module, &compared, passed_over.len()));
    end(args.check, &compared)
}

fn end(check: bool, compared: &[Compared]) -> Result<(), Failure> {
    let differ = compared.iter().filter(|one| !one.is_same()).count();
    match check && differ > 0 {
        true => Err(Failure::new(format!("{differ} of {} end otherwise", compared.len()))),
        false => Ok(()),
    }
}

async fn traced(client: &PollenClient, hash: Hash) -> Result<TxTrace, Failure> {
    let params = TxTraceParams { before: true, ..TxTraceParams::of(hash) };
    Ok(client.tx_trace(&params).await?.value)
}

fn signed(traced: &TxTrace) -> Result<SignedTransaction, Failure> {
    let bytes = &traced.transaction.0;
    codec::decode(bytes, bytes.len())
        .map_err(|error| Failure::new(format!("the node's answer cannot be read: {error}")))
}

/// The module that a transaction calls first.
fn called(traced: &TxTrace) -> Result<AccountId, Failure> {
    let signed = signed(traced)?;
    let called = signed.transaction.actions.iter().find_map(|action| match action {
        Action::Invoke { module, .. } => Some(*module),
        _ => None,
    });
    called.ok_or_else(|| {
        Failure::usage("the transaction calls no module")
            .hint("say which module is to run the other code: --module MODULE")
    })
}

/// Whether a transaction called a module, directly or inside others. One that deployed or upgraded it ran its `init`
/// or `migrate`, with code that cannot be exchanged.
fn calls(traced: &TxTrace, module: &AccountId) -> Result<bool, Failure> {
    let actions = signed(traced)?.transaction.actions;
    let exchanges_code =
        |action: &Action| matches!(action, Action::Deploy { .. } | Action::Change { .. });
    if actions.iter().any(exchanges_code) {
        return Ok(false);
    }
    let is_called = actions
        .iter()
        .any(|action| matches!(action, Action::Invoke { module: called, .. } if called == module));
    let address_ends = |address: &str| {
        let (prefix, _) = address.split_once('1').unwrap_or((address, ""));
        Address::parse(address, prefix).is_ok_and(|address| address.id == *module)
    };
    Ok(is_called || traced.effects.calls.iter().any(|call| address_ends(&call.module)))
}

/// Where transactions are run again: this process's own module host, and the new code.
struct Stage {
    client: Arc<PollenClient>,
    vm: Vm,
    module: AccountId,
    code: Arc<[u8]>,
    interface: Interface,
    interface_hash: Hash,
    /// Of `migrate`, encoded.
    arguments: Vec<u8>,
    prefix: String,
}

impl Stage {
    async fn open(
        session: &Session,
        client: Arc<PollenClient>,
        module: AccountId,
        code: Vec<u8>,
        migrate: Option<&str>,
    ) -> Result<Self, Failure> {
        let prefix = client.network().await?.address_prefix.clone();
        let interface = Interface::from_component(&code)
            .map_err(|error| Failure::new(format!("the new code's interface: {error}")))?;
        let arguments = match interface.function(FunctionKind::Command, "migrate") {
            Ok(function) => {
                let json: Value = serde_json::from_str(migrate.unwrap_or("[]"))
                    .map_err(|error| Failure::usage(format!("--migrate is no JSON: {error}")))?;
                let words = json.as_array().into_iter().flatten().filter_map(Value::as_str);
                let words: Vec<_> = words.map(str::to_owned).collect();
                let names = modules::names(session, &client, &words).await?;
                let resolve = |name: &str| names.get(name).copied();
                let formats = Formats { resolve: Some(&resolve), ..Formats::new(&prefix) };
                value::encode_params_json(function, &json, &formats).map_err(|error| {
                    Failure::usage(format!("--migrate: {error}"))
                        .hint(format!("usage: {}", value::usage(function)))
                })?
            }
            Err(_) if migrate.is_some() => {
                return Err(Failure::usage("the new code has no `migrate`: leave --migrate out"));
            }
            Err(_) => Vec::new(),
        };
        let vm = Vm::new(&VmConfig::default())
            .map_err(|error| Failure::new(format!("the module host: {error}")))?;
        let facts = vm.inspect(&code).map_err(|refusal| Failure::new(refusal.reason))?;
        let (code, interface_hash) = (code.into(), facts.interface);
        Ok(Self { client, vm, module, code, interface, interface_hash, arguments, prefix })
    }

    /// Runs a transaction as it was, and with the new code.
    async fn compare(&self, traced: TxTrace) -> Result<Compared, Failure> {
        let signed = signed(&traced)?;
        let network = self.client.network().await?;
        let parameters = parameters(network);
        let context = CallContext {
            chain_id: network.chain_id,
            transaction: traced.effects.hash,
            signer: signed.transaction.sender,
            by_scoped_key: false,
            time_ms: traced.context.time_ms,
            round: traced.context.round,
            commit: traced.context.commit,
            position: traced.context.position,
        };
        let past = Past::of(Arc::clone(&self.client), &traced);
        let (vm, module, code) = (self.vm.clone(), self.module, Arc::clone(&self.code));
        let arguments = self.arguments.clone();
        let (was, is) = (signed.clone(), self.pinned_anew(&signed));
        // On a thread of its own: it compiles, and waits for what it asks of the node.
        let ran = tokio::task::spawn_blocking(move || {
            let (engine, parameters) = (&vm, &parameters);
            let before = once(replay(&past, engine, parameters, &was, context.clone()))?;
            let migrated =
                substitute(past, engine, parameters, &module, &code, &arguments, context.clone());
            let after = match migrated {
                Ok(changed) => once(replay(&changed, engine, parameters, &is, context))?,
                Err(error) => Err(error.to_string()),
            };
            Ok::<_, Failure>((before, after))
        });
        let (before, after) = ran.await.map_err(|error| Failure::new(error.to_string()))??;
        let before = before.map_err(|reason| unlike(&traced, &reason))?;
        if (before.receipt.fuel_used, before.receipt.fee)
            != (traced.effects.fuel_used, traced.effects.fee)
        {
            return Err(unlike(&traced, "it uses other fuel"));
        }
        Ok(Compared::of(self, &traced, &signed, &before, after))
    }
}

impl Stage {
    /// The transaction as it would be made by the new interface, where calls name the hash of the old one.
    fn pinned_anew(&self, signed: &SignedTransaction) -> SignedTransaction {
        let mut signed = signed.clone();
        for action in &mut signed.transaction.actions {
            if let Action::Invoke { module, interface: Some(pin), .. } = action
                && *module == self.module
            {
                *pin = self.interface_hash;
            }
        }
        signed
    }
}

/// The inner error: it would leave no trace.
fn once<E: std::fmt::Display, F: std::fmt::Display>(
    ran: Result<Result<Simulation, E>, F>,
) -> Result<Result<Simulation, String>, Failure> {
    match ran {
        Ok(ended) => Ok(ended.map_err(|reason| reason.to_string())),
        Err(failure) => Err(Failure::new(failure.to_string())),
    }
}

fn unlike(traced: &TxTrace, how: &str) -> Failure {
    let hash = traced.effects.hash;
    Failure::new(format!("{hash} does not end here as it did on the network: {how}"))
        .hint("this program's version and the network's may differ")
}
