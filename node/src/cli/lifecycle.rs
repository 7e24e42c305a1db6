//! `pollen publish`, `upgrade`, `pause`, `resume`, `policy`, `cancel-change`: what becomes of a module after
//! its deployment, and who decides it.
//!
//! An upgrade is one command: the code is built, published where it is not on the ledger yet, waited for
//! where the chain lets new code wait, and then the change is agreed to. Where others have to agree as well, or a
//! delay runs, the command says so, and the same command again goes on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pollen_ledger::limits::POLICY_DELAY_MAX_MS;
use pollen_ledger::policy::{ModuleChange, PolicyKey, UpgradePolicy};
use pollen_ledger::{AccountId, Action, Hash};
use pollen_rpc::api::{
    Answer, ChangeReportView, ModuleCodeParams, PolicyView, TxOutcome, TxStatus,
};
use pollen_rpc::client::{Intent, PollenClient};
use pollen_rpc::error::ErrorCode;
use serde_json::json;

use super::accounts::{self, By};
use super::difference::{Consent, Plan, Review};
use super::modules::{self, component_of, function_arguments, target};
use super::output::{self, moment};
use super::{Failure, Session};

/// Fuel that a change without code may use; what is not used is not paid.
const CHANGE_FUEL_MAX: u64 = 100_000_000;
/// How often an activation is looked for.
const ACTIVATION_LOOKS: Duration = Duration::from_millis(200);

/// How policies are written.
pub const POLICY_HELP: &str = "Policies:\n  \
    never                      nobody ever changes the module\n  \
    owner                      who deployed it\n  \
    owner+24h                  the same, and a change waits a day\n  \
    2/alice,bob,carol          two of three accounts\n  \
    3/alice:2,bob,carol+7days  weights, and a wait\n  \
    itself                     the module's own code decides (control.upgrade)";

/// `pollen publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The module's source folder, or a component (.wasm)
    pub source: PathBuf,
    /// Key that pays
    #[arg(long)]
    pub from: String,
}

/// `pollen upgrade`.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// A registered name or an address
    pub module: String,
    /// The new source folder, or a component (.wasm)
    pub source: PathBuf,
    /// Key that agrees and pays
    #[arg(long)]
    pub from: String,
    /// Go on although functions or events that others rely on are removed or changed
    #[arg(long)]
    pub allow_breaking: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub consent: Consent,
    /// Arguments of `migrate`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// `pollen pause` and `resume`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// A registered name or an address
    pub module: String,
    /// Key that agrees and pays
    #[arg(long)]
    pub from: String,
}

/// `pollen policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// A registered name or an address
    pub module: String,
    /// The new policy, see below
    pub policy: String,
    /// Key that agrees and pays
    #[arg(long)]
    pub from: String,
}

/// `pollen cancel-change`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// A registered name or an address
    pub module: String,
    /// The change, as the command that agreed to it printed it
    pub change: Hash,
    /// Key that takes its agreement back, and pays
    #[arg(long)]
    pub from: String,
}

/// A policy as people write it; accounts by key name or address.
pub fn parse_policy(
    text: &str,
    account: impl Fn(&str) -> Result<pollen_ledger::AccountId, Failure>,
) -> Result<UpgradePolicy, Failure> {
    let (who, delay_ms) = match text.split_once('+') {
        Some((who, delay)) => (who, parse_delay(delay)?),
        None => (text, 0),
    };
    let policy = match who {
        "never" | "itself" if delay_ms > 0 => {
            return Err(Failure::usage(format!("'{who}' takes no delay")));
        }
        "never" => UpgradePolicy::Never,
        "itself" => UpgradePolicy::Itself,
        "owner" => UpgradePolicy::Owner { delay_ms },
        _ => {
            let unknown = || Failure::usage(format!("'{text}' is no policy")).hint(POLICY_HELP);
            let (threshold, names) = who.split_once('/').ok_or_else(unknown)?;
            let threshold = threshold.parse().map_err(|_| unknown())?;
            let key = |name: &str| {
                let (name, weight) = match name.split_once(':') {
                    Some((name, weight)) => (name, weight.parse().map_err(|_| unknown())?),
                    None => (name, 1),
                };
                Ok::<_, Failure>(PolicyKey { account: account(name)?, weight })
            };
            let keys = names.split(',').map(key).collect::<Result<_, _>>()?;
            UpgradePolicy::Keys { threshold, keys, delay_ms }
        }
    };
    policy.check().map_err(Failure::usage)?;
    Ok(policy)
}

fn parse_delay(text: &str) -> Result<u64, Failure> {
    let wrong = |why: String| Failure::usage(format!("the delay '{text}': {why}"));
    let delay = humantime::parse_duration(text).map_err(|error| wrong(error.to_string()))?;
    u64::try_from(delay.as_millis())
        .ok()
        .filter(|delay_ms| *delay_ms <= POLICY_DELAY_MAX_MS)
        .ok_or_else(|| wrong("at most a year".to_owned()))
}

/// [`parse_policy`] with the keys of this home and the addresses of the chain.
pub async fn policy_of(
    session: &Session,
    client: &PollenClient,
    text: &str,
) -> Result<UpgradePolicy, Failure> {
    let prefix = client.network().await?.address_prefix.clone();
    parse_policy(text, |who| accounts::resolve(session, &prefix, who))
}

/// `pollen publish SOURCE`.
pub async fn publish(session: &Session, args: &PublishArgs) -> Result<(), Failure> {
    let component = component_of(&args.source).await?;
    let bytes = component.len();
    let client = session.client()?;
    let Some((code, status)) = publish_code(session, &client, &args.from, component).await? else {
        return Ok(());
    };
    let document = json!({ "code": code, "bytes": bytes, "transaction": status });
    session.print(&document, || {
        format!("published {code} ({bytes} bytes)\n{}", accounts::ended(&status))
    });
    Ok(())
}

async fn publish_code(
    session: &Session,
    client: &PollenClient,
    from: &str,
    component: Vec<u8>,
) -> Result<Option<(Hash, Answer<TxStatus>)>, Failure> {
    let by = accounts::signer(session, client, from).await?;
    let code = Hash::of_content(&component);
    let max_fuel = client.network().await?.parameters.transaction_fuel_max;
    let mut intent = Intent::new(vec![Action::Publish { code }], max_fuel);
    intent.attachments = vec![component];
    let status = accounts::send(client, &by, intent).await?;
    Ok(status.map(|status| (code, status)))
}

/// Publishes `component` where the chain lets new code wait, and waits until it is active. Returns what a
/// transaction that uses it has to attach: nothing then, else the component.
pub async fn ready_code(
    session: &Session,
    client: &PollenClient,
    from: &str,
    component: Vec<u8>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let activation_ms = client.network().await?.parameters.code_activation_ms;
    if activation_ms == 0 {
        return Ok(vec![component]);
    }
    if session.build_valid_for_ms.is_some() {
        let code = Hash::of_content(&component);
        return match is_on_ledger(client, code).await? {
            true => Ok(Vec::new()),
            false => Err(Failure::new(format!("the code {code} is not on the ledger yet"))
                .hint("publish it first: pollen tx build publish SOURCE --from KEY")),
        };
    }
    publish_code(session, client, from, component).await?;
    // Code that was published before would be active sooner; the wait is short enough not to ask.
    let published_ms = client.chain_head(&Default::default()).await?.value.time_ms;
    let bar = output::spinner("waiting until every node has the code compiled");
    let active_ms = published_ms.saturating_add(activation_ms);
    while client.chain_head(&Default::default()).await?.value.time_ms < active_ms {
        tokio::time::sleep(ACTIVATION_LOOKS).await;
    }
    bar.finish_and_clear();
    Ok(Vec::new())
}

/// Whether a change may wait after who agrees to it first: then the code is published with that agreement, so that the
/// others, and who uses the module, see what is coming. Attached alone it would be dropped.
fn may_wait(policy: &PolicyView) -> bool {
    match policy {
        PolicyView::Owner { delay_ms } => *delay_ms > 0,
        PolicyView::Keys { threshold, keys, delay_ms } => {
            *delay_ms > 0 || keys.iter().any(|key| key.weight < *threshold)
        }
        PolicyView::Never | PolicyView::Itself => false,
    }
}

async fn is_on_ledger(client: &PollenClient, code: Hash) -> Result<bool, Failure> {
    let params = ModuleCodeParams { code: Some(code), facts_only: true, ..Default::default() };
    match client.module_code(&params).await {
        Ok(_) => Ok(true),
        Err(error) if error.is(ErrorCode::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// `pollen upgrade MODULE SOURCE`.
pub async fn upgrade(session: &Session, args: &UpgradeArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let module = target(&client, &args.module).await?;
    let component = component_of(&args.source).await?;
    let code = Hash::of_content(&component);
    if code == module.code {
        return Err(Failure::new(format!("{} runs this code already: {code}", args.module)));
    }
    let arguments =
        function_arguments(session, &client, &component, "migrate", &args.arguments).await?;
    let change = ModuleChange::Upgrade { code, arguments };
    let by = accounts::signer(session, &client, &args.from).await?;
    let mut intent = change_intent(&client, module.id, change).await?;
    let record = modules::record(&client, &module).await?;
    let activation_ms = client.network().await?.parameters.code_activation_ms;
    let is_early = activation_ms == 0 && may_wait(&record.policy);
    let is_there = is_early && is_on_ledger(&client, code).await?;
    if is_early && !is_there {
        intent.actions.insert(0, Action::Publish { code });
    }
    let plan = Plan {
        before: Some((&module.interface, record.code_bytes as usize)),
        component: &component,
        intent: &intent,
    };
    let review = Review::of(&client, &by, &plan).await?;
    review.agree(session, &args.module, &args.consent, args.allow_breaking)?;
    intent.attachments = match (is_early, is_there) {
        (true, true) => Vec::new(),
        (true, false) => vec![component],
        (false, _) => ready_code(session, &client, &args.from, component).await?,
    };
    let told = |made: bool| match made {
        true => format!("upgraded {} to {code}\n", args.module),
        false => String::new(),
    };
    let review = Some(review.json());
    agree(session, &client, &by, intent, review, told).await
}

/// `pollen pause MODULE` and `pollen resume MODULE`.
pub async fn pause(session: &Session, args: &PauseArgs, pause: bool) -> Result<(), Failure> {
    let client = session.client()?;
    let module = target(&client, &args.module).await?;
    let change = if pause { ModuleChange::Pause } else { ModuleChange::Resume };
    let told = |made: bool| match (made, pause) {
        (true, true) => format!("{} is paused: only its queries answer\n", args.module),
        (true, false) => format!("{} takes commands again\n", args.module),
        (false, _) => String::new(),
    };
    let by = accounts::signer(session, &client, &args.from).await?;
    let intent = change_intent(&client, module.id, change).await?;
    agree(session, &client, &by, intent, None, told).await
}

/// `pollen policy MODULE POLICY`.
pub async fn policy(session: &Session, args: &PolicyArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let module = target(&client, &args.module).await?;
    let change = ModuleChange::Policy(policy_of(session, &client, &args.policy).await?);
    let told = |made: bool| match made {
        true => format!("the policy of {} is {}\n", args.module, args.policy),
        false => String::new(),
    };
    let by = accounts::signer(session, &client, &args.from).await?;
    let intent = change_intent(&client, module.id, change).await?;
    agree(session, &client, &by, intent, None, told).await
}

/// The transaction that agrees to a change.
pub(super) async fn change_intent(
    client: &PollenClient,
    module: AccountId,
    change: ModuleChange,
) -> Result<Intent, Failure> {
    let max_fuel = match change {
        ModuleChange::Upgrade { .. } => client.network().await?.parameters.transaction_fuel_max,
        _ => CHANGE_FUEL_MAX,
    };
    Ok(Intent::new(vec![Action::Change { module, change }], max_fuel))
}

async fn agree(
    session: &Session,
    client: &PollenClient,
    by: &By,
    intent: Intent,
    review: Option<serde_json::Value>,
    told: impl Fn(bool) -> String,
) -> Result<(), Failure> {
    let Some(status) = accounts::send(client, by, intent).await? else { return Ok(()) };
    let report = report(&status)?;
    let mut document = json!({ "change": report, "transaction": status });
    if let Some(review) = review {
        document["difference"] = review;
    }
    session
        .print(&document, || told(report.made) + &report_text(&report) + &accounts::ended(&status));
    Ok(())
}

fn report(status: &Answer<TxStatus>) -> Result<ChangeReportView, Failure> {
    let json = match &status.value.outcome {
        // Where the code is published as well, that is before.
        Some(TxOutcome::Success { results }) => {
            results.last().and_then(|result| result.json.clone())
        }
        _ => None,
    };
    json.and_then(|json| serde_json::from_value(json).ok())
        .ok_or_else(|| Failure::new("the node did not tell what became of the change"))
}

fn report_text(report: &ChangeReportView) -> String {
    if report.made {
        return String::new();
    }
    let ChangeReportView { change, weight, threshold, ready_ms, .. } = report;
    match ready_ms {
        Some(ready_ms) => format!(
            "agreed ({weight} of {threshold}); it waits until {}: run the same command then\n  \
             change {change}\n",
            moment(*ready_ms)
        ),
        None => format!(
            "agreed, {weight} of {threshold}: the others run the same command\n  change {change}\n"
        ),
    }
}

/// `pollen cancel-change MODULE CHANGE`.
pub async fn cancel(session: &Session, args: &CancelArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let module = target(&client, &args.module).await?.id;
    let by = accounts::signer(session, &client, &args.from).await?;
    let action = Action::Cancel { module, change: args.change };
    let intent = Intent::new(vec![action], CHANGE_FUEL_MAX);
    let Some(status) = accounts::send(&client, &by, intent).await? else { return Ok(()) };
    session.print(&status, || format!("taken back\n{}", accounts::ended(&status)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<UpgradePolicy, Failure> {
        parse_policy(text, |name| match name {
            "alice" => Ok(AccountId([1; 32])),
            "bob" => Ok(AccountId([2; 32])),
            other => Err(Failure::usage(format!("no key '{other}'"))),
        })
    }

    /// What the help shows is what is understood.
    #[test]
    fn policies_are_read_as_the_help_writes_them() {
        assert_eq!(parsed("never").unwrap(), UpgradePolicy::Never);
        assert_eq!(parsed("itself").unwrap(), UpgradePolicy::Itself);
        assert_eq!(parsed("owner").unwrap(), UpgradePolicy::Owner { delay_ms: 0 });
        assert_eq!(parsed("owner+24h").unwrap(), UpgradePolicy::Owner { delay_ms: 86_400_000 });
        let key = |account, weight| PolicyKey { account: AccountId([account; 32]), weight };
        assert_eq!(
            parsed("3/alice:2,bob+7days").unwrap(),
            UpgradePolicy::Keys {
                threshold: 3,
                keys: vec![key(1, 2), key(2, 1)],
                delay_ms: 7 * 86_400_000
            }
        );
    }

    /// A policy that nobody could ever meet would lock the module by accident.
    #[test]
    fn what_could_never_be_met_is_refused() {
        for text in [
            "3/alice,bob",
            "0/alice",
            "1/alice,alice",
            "1/",
            "x/alice",
            "alice",
            "never+1h",
            "owner+2years",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
