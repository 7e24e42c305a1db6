//! `pollen keys`, `pollen account`, `pollen transfer`; and how every command signs and submits.

use std::time::Duration;

use pollen_ledger::{AccountId, Action, Address, KeyPair};
use pollen_rpc::api::{Account, AccountGetParams, Answer, ReadAt, Stage, TxOutcome, TxStatus};
use pollen_rpc::client::{Intent, PollenClient, Signer};
use pollen_rpc::error::ErrorCode;
use serde_json::json;

use super::output::{self, pollen};
use super::{Failure, Session, TransferArgs};
use crate::{dev, keys};

/// How long a command waits for the end of its transaction.
const PATIENCE: Duration = Duration::from_secs(30);
/// Fuel that a transfer may use.
const TRANSFER_FUEL_MAX: u64 = 1_000_000;
/// What the faucet of a development network gives a new account.
const FAUCET_GRAINS: u64 = 1_000 * output::GRAINS;

/// `pollen keys new NAME`.
pub async fn new_key(session: &Session, name: &str, fund: bool) -> Result<(), Failure> {
    let path = keys::path_of(&session.home, name)?;
    let key = keys::generate();
    keys::write(&path, &key)?;
    let id = AccountId::of_key(&key.public_key());
    // Without a network the key is as good: the address then waits for one.
    let client = session.client()?;
    let network = client.network().await.ok();
    let address = network.map(|network| Address::account(id).display(&network.address_prefix));
    let funded = match network {
        Some(network) if fund && is_development(network) => {
            Some(from_faucet(&client, id).await.map(|()| FAUCET_GRAINS)?)
        }
        _ => None,
    };
    let document = json!({
        "name": name,
        "account": id.to_string(),
        "address": address,
        "file": path,
        "fundedGrains": funded.map(|grains| grains.to_string()),
    });
    session.print(&document, || {
        let address = address.clone().unwrap_or_else(|| format!("{id} (no network answered)"));
        let mut text = format!("made {name}: {address}\n  key file {}\n", path.display());
        if let Some(grains) = funded {
            text += &format!("  got {} from the development network's faucet\n", pollen(grains));
        }
        text
    });
    Ok(())
}

fn is_development(network: &pollen_rpc::api::NodeInfo) -> bool {
    let development = dev::genesis(1);
    network.chain_name == development.name && network.address_prefix == development.address_prefix
}

async fn from_faucet(client: &PollenClient, to: AccountId) -> Result<(), Failure> {
    let action = Action::Transfer { to, amount: FAUCET_GRAINS };
    let intent = Intent::new(vec![action], TRANSFER_FUEL_MAX);
    submit(client, &dev::faucet_key(), intent).await.map(|_| ())
}

/// A key of this name, made and funded when it is not there or its account is empty.
pub async fn ensure_funded(session: &Session, name: &str) -> Result<KeyPair, Failure> {
    let path = keys::path_of(&session.home, name)?;
    if !path.exists() {
        keys::write(&path, &keys::generate())?;
    }
    let key = keys::read(&path)?;
    let client = session.client()?;
    let id = AccountId::of_key(&key.public_key());
    let network = client.network().await?;
    let address = Address::account(id).display(&network.address_prefix);
    if account(&client, address).await?.value.balance == 0 {
        from_faucet(&client, id).await?;
    }
    Ok(key)
}

/// `pollen keys list`.
pub async fn list_keys(session: &Session) -> Result<(), Failure> {
    let client = session.client()?;
    let prefix = client.network().await.ok().map(|network| network.address_prefix.clone());
    let prefix = prefix.unwrap_or_else(|| dev::genesis(1).address_prefix);
    let keys = keys::list(&session.home);
    let rows: Vec<_> =
        keys.iter().map(|(name, id)| (name, Address::account(*id).display(&prefix))).collect();
    let document: Vec<_> =
        rows.iter().map(|(name, address)| json!({ "name": name, "address": address })).collect();
    session.print(&document, || {
        if rows.is_empty() {
            return "no keys yet: make one with `pollen keys new NAME`\n".to_owned();
        }
        let rows = rows.iter().map(|(name, address)| [(*name).clone(), address.clone()]);
        output::table(["key", "address"], rows) + "\n"
    });
    Ok(())
}

/// The id of a key's name or an address.
pub fn resolve(session: &Session, prefix: &str, who: &str) -> Result<AccountId, Failure> {
    if who.starts_with(prefix) && who.contains('1') && who.len() > 40 {
        return Ok(Address::parse(who, prefix)?.id);
    }
    let path = keys::path_of(&session.home, who)?;
    Ok(AccountId::of_key(&keys::read(&path)?.public_key()))
}

async fn account(client: &PollenClient, address: String) -> Result<Answer<Account>, Failure> {
    let params = AccountGetParams {
        account: address,
        public_key: None,
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    Ok(client.account_get(&params).await?)
}

/// `pollen account WHO`.
pub async fn show(session: &Session, who: &str) -> Result<(), Failure> {
    let client = session.client()?;
    let prefix = client.network().await?.address_prefix.clone();
    let id = resolve(session, &prefix, who)?;
    let public_key = keys::path_of(&session.home, who)
        .ok()
        .and_then(|path| keys::read(&path).ok())
        .map(|key| key.public_key());
    let params = AccountGetParams {
        account: Address::account(id).display(&prefix),
        public_key,
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    let answer = client.account_get(&params).await?;
    session.print(&answer, || {
        let account = &answer.value;
        if !account.exists {
            return format!(
                "{} does not exist yet: it begins with the first transfer to it\n",
                account.account
            );
        }
        let mut lines = vec![
            ("address", account.account.clone()),
            ("balance", pollen(account.balance)),
            ("for fees only", pollen(account.reserve)),
            ("deposit", pollen(account.deposit)),
        ];
        if let Some(nonces) = account.nonces {
            lines.push(("next nonce", nonces.next.to_string()));
        }
        lines.push(("at height", answer.at.height.to_string()));
        output::pairs(lines)
    });
    Ok(())
}

/// The address of a key's name or an address, as the network writes it.
pub async fn address(
    session: &Session,
    client: &PollenClient,
    who: &str,
) -> Result<String, Failure> {
    let prefix = &client.network().await?.address_prefix;
    Ok(Address::account(resolve(session, prefix, who)?).display(prefix))
}

/// Who signs, as `KEY[,KEY..][@ACCOUNT]`: names of keys, and an account where it is not the first key's own. With
/// the payer of `--payer`, told in the same way.
pub async fn signer(
    session: &Session,
    client: &PollenClient,
    text: &str,
) -> Result<Signer, Failure> {
    let (account, keys) = account_and_keys(session, client, text).await?;
    let payer = match &session.payer {
        Some(payer) => Some(account_and_keys(session, client, payer).await?),
        None => None,
    };
    Ok(Signer { account, keys, payer })
}

async fn account_and_keys(
    session: &Session,
    client: &PollenClient,
    text: &str,
) -> Result<(AccountId, Vec<KeyPair>), Failure> {
    let (names, account) = match text.split_once('@') {
        Some((names, account)) => (names, Some(account)),
        None => (text, None),
    };
    let read = |name: &str| Ok::<_, Failure>(keys::read(&keys::path_of(&session.home, name)?)?);
    let keys = names.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
    let account = match account {
        Some(account) => resolve(session, &client.network().await?.address_prefix, account)?,
        None => AccountId::of_key(&keys[0].public_key()),
    };
    Ok((account, keys))
}

/// `pollen transfer FROM TO AMOUNT`.
pub async fn transfer(session: &Session, args: &TransferArgs) -> Result<(), Failure> {
    let amount = output::parse_amount(&args.amount).map_err(Failure::usage)?;
    let client = session.client()?;
    let by = signer(session, &client, &args.from).await?;
    let prefix = client.network().await?.address_prefix.clone();
    let to = resolve(session, &prefix, &args.to)?;
    let intent = Intent::new(vec![Action::Transfer { to, amount }], TRANSFER_FUEL_MAX);
    let status = submit(&client, &by, intent).await?;
    session.print(&status, || {
        format!("sent {} from {} to {}\n{}", pollen(amount), args.from, args.to, ended(&status))
    });
    Ok(())
}

/// Signs, submits and waits for the end; anything but a success is a failure with its reason. A nonce
/// that another shell took meanwhile is chosen anew.
pub async fn submit(
    client: &PollenClient,
    by: impl Into<Signer>,
    intent: Intent,
) -> Result<Answer<TxStatus>, Failure> {
    let by = by.into();
    let mut tries = 0;
    let status = loop {
        let signed = client.sign(&by, intent.clone(), rand::random()).await?;
        tries += 1;
        match client.submit_and_wait(&signed, Stage::Executed, PATIENCE).await {
            Err(error) if error.is(ErrorCode::NonceUsed) && tries < 4 => {}
            other => break other?,
        }
    };
    check(&status)?;
    Ok(status)
}

/// Actions in one of the transactions of [`submit_in_parts`].
const PART_ACTIONS: usize = 16;

/// Submits many actions, a few at a time.
pub async fn submit_in_parts(
    client: &PollenClient,
    key: &KeyPair,
    actions: Vec<Action>,
    fuel_max: u64,
) -> Result<(), Failure> {
    for part in actions.chunks(PART_ACTIONS) {
        submit(client, key, Intent::new(part.to_vec(), fuel_max)).await?;
    }
    Ok(())
}

/// The reason of whatever is no success.
fn check(status: &Answer<TxStatus>) -> Result<(), Failure> {
    let hash = status.value.hash;
    match &status.value.outcome {
        Some(TxOutcome::Success { .. }) => Ok(()),
        Some(TxOutcome::Failure { code, name, message, .. }) => {
            let mut failure = Failure::new(format!("{message} ({code} {name})"));
            failure.hint = Some(format!("transaction {hash}; the fee was paid"));
            if let Some(note) = &status.value.note
                && !note.trim().is_empty()
                && note.trim() != message
            {
                failure.text += &format!("\n{}", note.trim_end());
            }
            Err(failure)
        }
        Some(TxOutcome::Rejected { code, name, message }) => {
            Err(Failure::new(format!("{message} ({code} {name})"))
                .hint(format!("transaction {hash}")))
        }
        Some(TxOutcome::Expired { .. }) => {
            Err(Failure::new("the transaction expired before it was ordered (1007 Expired)")
                .hint("the network was too busy or had no quorum: `pollen status`, then try again"))
        }
        None => Err(Failure::timed_out(format!(
            "after {} s the transaction is {}, not executed",
            PATIENCE.as_secs(),
            status.value.stage.name()
        ))
        .hint(format!("look again with `pollen tx {hash}`"))),
    }
}

/// How a transaction ended, in two lines.
pub fn ended(status: &Answer<TxStatus>) -> String {
    let tx = &status.value;
    let times = tx.times;
    let took = |from: Option<u64>, to: Option<u64>| match (from, to) {
        (Some(from), Some(to)) => format!(" {} ms", to.saturating_sub(from)),
        _ => String::new(),
    };
    let fee = tx.fee.map_or_else(String::new, |fee| format!(", fee {}", pollen(fee)));
    let fuel = tx.fuel_used.unwrap_or(0);
    format!(
        "  ordered{} -> executed{} at height {}, fuel {fuel}{fee}\n  transaction {}\n",
        took(times.accepted_ms, times.ordered_ms),
        took(times.accepted_ms, times.executed_ms),
        tx.height.unwrap_or(0),
        tx.hash,
    )
}
