//! `pollen tx build | show | simulate | sign | send`: a transaction as a document that goes from hand to hand, so that
//! keys need no network and who builds needs no keys.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser as _};
use pollen_ledger::{AccountId, Hash, PublicKey};
use pollen_rpc::api::{Bytes, Stage, TxStatus, TxTrialParams};
use pollen_rpc::client::{DRAFT_BYTES_MAX, Draft, PollenClient};
use pollen_vm::Interface;
use pollen_vm::preview::{self, KnownModule};
use serde_json::json;

use super::account_keys::milliseconds;
use super::effects::{self, Tense};
use super::{Cli, Failure, Global, Session, accounts, look};
use crate::keys;

/// How long a command waits for the end of a transaction that it sends.
const PATIENCE: Duration = Duration::from_secs(60);

/// `pollen tx build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// For how long it is valid; the chain says how long that may be
    #[arg(long, default_value = "10m", value_name = "TIME")]
    pub valid_for: humantime::Duration,
    /// The command: transfer, call, deploy, publish, upgrade, .. as it is without `tx build`
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "COMMAND"
    )]
    pub words: Vec<String>,
}

/// A transaction in a file, or on standard input.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// The document of `pollen tx build` or `sign` [default: standard input]
    pub file: Option<PathBuf>,
}

/// `pollen tx sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// Names of keys: NAME,..
    pub keys: String,
    /// The document of `pollen tx build` or `sign` [default: standard input]
    pub file: Option<PathBuf>,
}

/// `pollen tx send`.
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The document of `pollen tx sign` [default: standard input]
    pub file: Option<PathBuf>,
    /// Wait for this stage: accepted, included, ordered, executed, certified
    #[arg(long, value_name = "STAGE", default_value = "executed", value_parser = look::stage)]
    pub wait: Stage,
}

/// `pollen tx build COMMAND`: runs the command up to where it would sign.
pub async fn build(global: &Global, args: BuildArgs) -> Result<(), Failure> {
    let mut words = vec!["pollen".to_owned()];
    words.extend(args.words);
    let mut cli = Cli::try_parse_from(&words).map_err(|error| Failure::usage(error.to_string()))?;
    let inner = &mut cli.global;
    inner.home = inner.home.take().or_else(|| global.home.clone());
    inner.node = inner.node.or(global.node);
    inner.context = inner.context.take().or_else(|| global.context.clone());
    inner.payer = inner.payer.take().or_else(|| global.payer.clone());
    if inner.rpc.is_empty() {
        inner.rpc = global.rpc.clone();
    }
    inner.build_valid_for_ms = Some(milliseconds(args.valid_for));
    if !cli.command.is_transaction() {
        return Err(Failure::usage(format!("`pollen {}` sends no transaction", words[1])));
    }
    Box::pin(super::run(cli)).await
}

pub fn read(file: Option<&Path>) -> Result<Draft, Failure> {
    let mut text = String::new();
    let most = DRAFT_BYTES_MAX as u64 + 1;
    let (what, done) = match file {
        Some(path) => {
            let done = std::fs::File::open(path)
                .and_then(|file| file.take(most).read_to_string(&mut text));
            (path.display().to_string(), done)
        }
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::usage("which transaction? give its file, or pipe it in").hint(
                "pollen tx build transfer alice bob 5 | pollen tx sign alice | pollen tx send",
            ));
        }
        None => {
            ("standard input".to_owned(), std::io::stdin().take(most).read_to_string(&mut text))
        }
    };
    done.map_err(|error| Failure::new(format!("{what}: {error}")))?;
    Draft::read(&text).map_err(|error| Failure::new(format!("{what}: {error}")))
}

/// In words, by the interfaces in the document: a call is pinned to the hash of one, so that they can be believed.
fn in_words(draft: &Draft) -> Result<preview::Preview, Failure> {
    let described = |package: &Bytes| {
        let interface = Interface::from_wit_package(&package.0).ok()?;
        Some((Hash::of_content(&package.0), interface))
    };
    let described: Vec<_> = draft.interfaces.iter().filter_map(described).collect();
    let transaction = draft.transaction().map_err(malformed)?;
    let pin = |id: &AccountId| {
        transaction.actions.iter().find_map(|action| match action {
            pollen_ledger::Action::Invoke { module, interface: Some(pin), .. } if module == id => {
                Some(*pin)
            }
            _ => None,
        })
    };
    let known = |id: &AccountId| {
        let pin = pin(id)?;
        let (interface_hash, interface) = described.iter().find(|(hash, _)| *hash == pin)?;
        Some(KnownModule { name: None, interface, interface_hash: *interface_hash })
    };
    Ok(preview::Preview::of(&transaction, &draft.address_prefix, &known))
}

fn malformed(error: pollen_rpc::client::DraftError) -> Failure {
    Failure::new(error.to_string())
}

fn named(session: &Session, key: &PublicKey) -> String {
    match keys::name_of(&session.home, key) {
        Some(name) => format!("{name} ({key})"),
        None => key.to_string(),
    }
}

/// `pollen tx show`: needs no network.
pub fn show(session: &Session, args: &FileArgs) -> Result<(), Failure> {
    let draft = read(args.file.as_deref())?;
    let signed = draft.unsigned().map_err(malformed)?;
    let words = in_words(&draft)?;
    let (hash, lead) = (draft.hash().map_err(malformed)?, signed.transaction.key);
    let keys: Vec<PublicKey> = draft.signatures.iter().map(|one| one.key).collect();
    let document = json!({
        "hash": hash,
        "chainId": draft.chain_id,
        "preview": { "actions": words.actions, "terms": words.terms },
        "nonce": signed.transaction.nonce.to_string(),
        "leadingKey": lead,
        "signedBy": keys,
        "attachments": signed.attachments.iter().map(|bytes| json!({
            "hash": Hash::of_content(bytes), "bytes": bytes.len(),
        })).collect::<Vec<_>>(),
    });
    session.print(&document, || {
        let mut text: String = words.lines().map(|line| format!("{line}\n")).collect();
        text += &format!("\n  hash     {hash}\n  chain    {}\n", draft.chain_id);
        for bytes in &signed.attachments {
            let hash = Hash::of_content(bytes);
            text += &format!("  attached {} bytes, {hash}\n", bytes.len());
        }
        for key in &keys {
            text += &format!("  signed   {}\n", named(session, key));
        }
        if !keys.contains(&lead) {
            text += &format!("  not yet  {}\n", named(session, &lead));
        }
        text
    });
    Ok(())
}

/// `pollen tx sign KEYS`: needs no network. What is signed is told on standard error.
pub fn sign(session: &Session, args: &SignArgs) -> Result<(), Failure> {
    let mut draft = read(args.file.as_deref())?;
    draft.unsigned().map_err(malformed)?;
    for line in in_words(&draft)?.lines() {
        eprintln!("{line}");
    }
    for name in args.keys.split(',') {
        let key = keys::read(&keys::path_of(&session.home, name)?)?;
        draft.sign(&key).map_err(malformed)?;
    }
    outln!("{}", serde_json::to_string(&draft).expect("drafts are JSON"));
    Ok(())
}

/// `pollen tx send`.
pub async fn send(session: &Session, args: &SendArgs) -> Result<(), Failure> {
    let draft = read(args.file.as_deref())?;
    let signed = draft.signed().map_err(|error| {
        malformed(error)
            .hint("pollen tx sign KEY adds a signature; pollen tx show tells whose are there")
    })?;
    let client = session.client()?;
    let network = client.network().await?;
    if network.chain_id != draft.chain_id {
        let text = format!("the transaction is for the chain {}", draft.chain_id);
        let hint = format!(
            "{} is of the chain {}: ask another with --rpc",
            client.url(),
            network.chain_id
        );
        return Err(Failure::new(text).hint(hint));
    }
    let status = accounts::watched(&client, &signed, args.wait, PATIENCE).await?;
    let done = status.value.satisfies(args.wait);
    if args.wait >= Stage::Executed || !done || status.value.ended {
        accounts::check(&status)?;
    }
    session.print(&status, || sent_text(&status.value, &accounts::ended(&status)));
    Ok(())
}

fn sent_text(tx: &TxStatus, ended: &str) -> String {
    let mut text = String::new();
    if let Some(outcome) = &tx.outcome {
        text += &format!("{}\n", look::outcome_text(outcome));
    }
    for event in &tx.events {
        text += &format!("event {}\n", look::event_text(event));
    }
    match tx.outcome {
        Some(_) => text + ended,
        None => format!("{}\n  transaction {}\n", tx.stage.name(), tx.hash),
    }
}

/// `pollen tx simulate`: asks a node what it would do now.
pub async fn simulate(session: &Session, args: &FileArgs) -> Result<(), Failure> {
    let draft = read(args.file.as_deref())?;
    let transaction = Bytes(pollen_ledger::codec::encode(&draft.unsigned().map_err(malformed)?));
    let params = TxTrialParams { transaction: Some(transaction), ..Default::default() };
    simulated(session, &session.client()?, &params).await
}

/// Shows what a transaction would do now; a failure where a node would not take it in.
pub async fn simulated(
    session: &Session,
    client: &PollenClient,
    params: &TxTrialParams,
) -> Result<(), Failure> {
    let answer = client.tx_simulate(params).await?;
    let prefix = &client.network().await?.address_prefix;
    session.print(&answer, || effects::text(&answer.value, prefix, Tense::Would));
    match &answer.value.refusal {
        Some(refusal) => Err(Failure::new(format!(
            "a node would not take it in: {} ({} {})",
            refusal.message, refusal.code, refusal.name
        ))
        .hint(refusal.hint.clone())),
        None => Ok(()),
    }
}
