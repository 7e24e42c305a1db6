//! `pollen account keys | owners | add-key | remove-key`: who may sign for an account.

use std::time::Duration;

use clap::Args;
use pollen_ledger::keys::{CallScope, OwnerKey, Scope, ScopeWindow, ScopedKey};
use pollen_ledger::{Action, PublicKey};
use pollen_rpc::api::{AccountKeysParams, ReadAt};
use pollen_rpc::client::{Intent, PollenClient};
use pollen_vm::interface::FunctionKind;

use super::look::scope_text;
use super::output::{self, pollen};
use super::{Failure, Session, accounts, modules};
use crate::keys;

/// Fuel that a change of keys may use.
const KEYS_FUEL_MAX: u64 = 2_000_000;

/// `pollen account owners`.
#[derive(Debug, Args)]
pub struct OwnersArgs {
    /// A key's name or an address
    pub account: String,
    /// All owners from then on: names of keys or public keys, with :WEIGHT where it is not 1
    #[arg(required = true, value_name = "KEY[:WEIGHT]")]
    pub owners: Vec<String>,
    /// The weight that must sign a transaction
    #[arg(long, default_value_t = 1)]
    pub threshold: u32,
    /// Keys that sign: NAME,.. or NAME,..@ACCOUNT [default: the account's]
    #[arg(long, value_name = "KEYS")]
    pub from: Option<String>,
}

/// `pollen account add-key`.
#[derive(Debug, Args)]
pub struct AddKeyArgs {
    /// A key's name or an address
    pub account: String,
    /// Name of the key, or 64 hexadecimal digits of its public key
    pub key: String,
    /// What people call it [default: the key's name]
    #[arg(long)]
    pub label: Option<String>,
    /// It may call this module, or only these functions of it
    #[arg(long, value_name = "MODULE[.FUNCTION,..]")]
    pub call: Vec<String>,
    /// It may send pollen to anybody
    #[arg(long)]
    pub transfers: bool,
    /// It may pay the fees of other accounts' transactions
    #[arg(long)]
    pub sponsors: bool,
    /// Most that it may ever spend
    #[arg(long, value_name = "POLLEN")]
    pub spend: Option<String>,
    /// Length of a window in which limits hold, such as 1h
    #[arg(long, value_name = "DURATION")]
    pub per: Option<humantime::Duration>,
    /// Most that it may spend in a window
    #[arg(long, value_name = "POLLEN", requires = "per")]
    pub spend_window: Option<String>,
    /// Most transactions that it may sign in a window
    #[arg(long, value_name = "COUNT", requires = "per")]
    pub transactions: Option<u32>,
    /// How long it is good, such as 90d
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<humantime::Duration>,
    /// Keys that sign: NAME,.. or NAME,..@ACCOUNT [default: the account's]
    #[arg(long, value_name = "KEYS")]
    pub from: Option<String>,
}

/// `pollen account remove-key`.
#[derive(Debug, Args)]
pub struct RemoveKeyArgs {
    /// A key's name or an address
    pub account: String,
    /// Name of the key, its label on the account, or 64 hexadecimal digits of its public key
    pub key: String,
    /// Keys that sign: NAME,.. or NAME,..@ACCOUNT [default: the account's]
    #[arg(long, value_name = "KEYS")]
    pub from: Option<String>,
}

fn params(address: String) -> AccountKeysParams {
    AccountKeysParams { account: address, at: ReadAt::Latest, at_least: None, wait_ms: 0 }
}

/// `pollen account keys WHO`.
pub async fn show(session: &Session, who: &str) -> Result<(), Failure> {
    let client = session.client()?;
    let address = accounts::address(session, &client, who).await?;
    let answer = client.account_keys(&params(address)).await?;
    session.print(&answer, || {
        let keys = &answer.value;
        let named = |key: &PublicKey| match keys::name_of(&session.home, key) {
            Some(name) => format!("{name} {key}"),
            None => key.to_string(),
        };
        if !keys.stored {
            return format!(
                "{}\n  owner: the key that it began with, alone; no scoped keys\n",
                keys.account
            );
        }
        let mut text = format!("{}\n  weight {} must sign\n", keys.account, keys.threshold);
        for owner in &keys.owners {
            text += &format!("  owner {}, weight {}\n", named(&owner.key), owner.weight);
        }
        for one in &keys.scoped {
            let (key, used) = (&one.scoped, &one.used);
            text += &format!(
                "  scoped '{}' {}\n    may {}\n",
                key.label,
                named(&key.key),
                scope_text(key)
            );
            if key.spend_max.is_some() || key.window.is_some() {
                text += &format!(
                    "    has spent {}; in this window {} in {} transactions\n",
                    pollen(used.spent),
                    pollen(used.window_spent),
                    used.window_transactions
                );
            }
        }
        text
    });
    Ok(())
}

/// `pollen account owners ACCOUNT KEY..`.
pub async fn owners(session: &Session, args: &OwnersArgs) -> Result<(), Failure> {
    let owner = |text: &String| {
        let (key, weight) = match text.split_once(':') {
            None => (text.as_str(), 1),
            Some((key, weight)) => {
                let wrong = |_| Failure::usage(format!("'{weight}' is no weight: KEY:WEIGHT"));
                (key, weight.parse().map_err(wrong)?)
            }
        };
        Ok::<_, Failure>(OwnerKey { key: accounts::public_key(session, key)?, weight })
    };
    let owners = args.owners.iter().map(owner).collect::<Result<Vec<_>, _>>()?;
    pollen_ledger::keys::check_owners(args.threshold, &owners).map_err(Failure::usage)?;
    let action = Action::SetOwners { threshold: args.threshold, owners };
    change(session, &args.account, args.from.as_deref(), action, "the account has other owners")
        .await
}

/// `pollen account add-key ACCOUNT KEY`.
pub async fn add(session: &Session, args: &AddKeyArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let amount = |text: &Option<String>| {
        let read = |text: &String| output::parse_amount(text).map_err(Failure::usage);
        text.as_ref().map(read).transpose()
    };
    let mut calls = Vec::new();
    for call in &args.call {
        calls.push(call_scope(&client, call).await?);
    }
    let expires_ms = match args.expires {
        None => None,
        Some(after) => {
            let head = client.chain_head(&Default::default()).await?;
            Some(head.value.time_ms.saturating_add(milliseconds(after)))
        }
    };
    let window = args.per.map(|per| {
        Ok::<_, Failure>(ScopeWindow {
            length_ms: milliseconds(per),
            spend_max: amount(&args.spend_window)?,
            transactions_max: args.transactions,
        })
    });
    let scope = Scope {
        calls,
        transfers: args.transfers,
        sponsors: args.sponsors,
        expires_ms,
        spend_max: amount(&args.spend)?,
        window: window.transpose()?,
    };
    if scope.calls.is_empty() && !scope.transfers && !scope.sponsors {
        return Err(Failure::usage("such a key may do nothing").hint(
            "give it --call MODULE, --transfers or --sponsors; with limits of --spend, --per and --expires",
        ));
    }
    let label = args.label.clone().unwrap_or_else(|| args.key.chars().take(16).collect());
    let key = ScopedKey { key: accounts::public_key(session, &args.key)?, label, scope };
    key.check().map_err(Failure::usage)?;
    let told = format!("'{}' may sign for the account within its scope", key.label);
    change(session, &args.account, args.from.as_deref(), Action::PutKey(key), &told).await
}

/// `pollen account remove-key ACCOUNT KEY`.
pub async fn remove(session: &Session, args: &RemoveKeyArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let address = accounts::address(session, &client, &args.account).await?;
    let there = client.account_keys(&params(address)).await?.value.scoped;
    let labelled = there.iter().find(|one| one.scoped.label == args.key);
    let key = match labelled {
        Some(one) => one.scoped.key,
        None => accounts::public_key(session, &args.key)?,
    };
    let told = format!("{} signs no more for the account", args.key);
    change(session, &args.account, args.from.as_deref(), Action::RemoveKey { key }, &told).await
}

async fn change(
    session: &Session,
    account: &str,
    from: Option<&str>,
    action: Action,
    told: &str,
) -> Result<(), Failure> {
    let client = session.client()?;
    let from = match from {
        // Keys alone sign for the account that is changed, whoever's they are.
        Some(keys) if !keys.contains('@') => format!("{keys}@{account}"),
        Some(keys) => keys.to_owned(),
        None => account.to_owned(),
    };
    let signer = accounts::signer(session, &client, &from).await?;
    let prefix = &client.network().await?.address_prefix;
    if signer.account() != accounts::resolve(session, prefix, account)? {
        return Err(Failure::usage(format!("{from} signs for another account than {account}")));
    }
    let intent = Intent::new(vec![action], KEYS_FUEL_MAX);
    let Some(status) = accounts::send(&client, &signer, intent).await? else {
        return Ok(());
    };
    session.print(&status, || format!("{told}\n{}", accounts::ended(&status)));
    Ok(())
}

pub(super) fn milliseconds(duration: humantime::Duration) -> u64 {
    u64::try_from(Duration::from(duration).as_millis()).unwrap_or(u64::MAX)
}

/// `MODULE` or `MODULE.FUNCTION,FUNCTION`.
async fn call_scope(client: &PollenClient, text: &str) -> Result<CallScope, Failure> {
    let (module, functions) = text.split_once('.').unwrap_or((text, ""));
    let target = modules::target(client, module).await?;
    let functions: Vec<String> =
        functions.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    for name in &functions {
        let found = target.interface.function(FunctionKind::Command, name);
        found.map_err(|unknown| modules::unknown_function("call", module, &unknown))?;
    }
    Ok(CallScope { module: target.id, functions })
}
