//! `pollen tx list` and `pollen state scan`: what a node finds by its indexes.

use pollen_ledger::{Address, Hash};
use pollen_rpc::api::{
    ActionListed, Answer, Bytes, OutcomeKind, ReadAt, StateScan, StateScanParams, TxCursor, TxList,
    TxListParams, TxListed,
};
use pollen_rpc::client::PollenClient;
use pollen_rpc::error::ErrorCode;

use super::output::{self, moment, pollen};
use super::verify::shown;
use super::{Failure, Session, StateScanArgs, TxListArgs, accounts, modules};

/// Items that one question asks for at most, as a server allows.
const PAGE: u32 = 256;
/// Characters of a value in a table.
const BYTES_SHOWN: usize = 66;

/// `pollen tx list WHO`.
pub async fn transactions(session: &Session, args: &TxListArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let prefix = client.network().await?.address_prefix.clone();
    let account = match args.who.starts_with('@') {
        true => args.who.clone(),
        false => Address::account(accounts::resolve(session, &prefix, &args.who)?).display(&prefix),
    };
    let after = args.after.as_deref().map(str::parse::<TxCursor>).transpose();
    let mut params = TxListParams {
        account: account.clone(),
        after: after.map_err(Failure::usage)?,
        limit: Some(page(args.limit, args.all)),
        descending: !args.oldest_first,
        at: ReadAt::Latest,
        at_least: None,
        wait_ms: 0,
    };
    let mut list = tx_list(&client, &params).await?;
    // What comes meanwhile would be above the first page.
    params.at = ReadAt::Height(list.at.height);
    while wants_more(list.value.transactions.len(), args.limit, args.all)
        && let Some(next) = list.value.next
    {
        params.after = Some(next);
        let more = tx_list(&client, &params).await?.value;
        list.value.next = more.next;
        list.value.oldest_height = more.oldest_height;
        list.value.transactions.extend(more.transactions);
    }
    session.print(&list, || list_text(&list.value, &account, args));
    Ok(())
}

/// How many to ask for at once.
fn page(limit: u32, all: bool) -> u32 {
    if all { PAGE } else { limit.clamp(1, PAGE) }
}

fn wants_more(have: usize, limit: u32, all: bool) -> bool {
    all || have < limit as usize
}

/// A node without the index says what to do in its own words.
fn without_index(error: pollen_rpc::client::ClientError) -> Failure {
    let not_kept = error.is(ErrorCode::NotKept);
    let mut failure = Failure::from(error);
    if not_kept {
        failure.hint =
            Some("--node or --rpc names another node; `pollen status` lists them".into());
    }
    failure
}

async fn tx_list(client: &PollenClient, params: &TxListParams) -> Result<Answer<TxList>, Failure> {
    client.tx_list(params).await.map_err(without_index)
}

fn list_text(list: &TxList, account: &str, args: &TxListArgs) -> String {
    let mut text = match list.transactions.is_empty() {
        true => "no transactions\n".to_owned(),
        false => {
            let rows = list.transactions.iter().map(|one| row(one, account));
            output::table(["place", "time", "outcome", "what", "transaction"], rows) + "\n"
        }
    };
    if let Some(next) = list.next {
        let who = &args.who;
        let order = if args.oldest_first { " --oldest-first" } else { "" };
        text += &format!("more: pollen tx list {who}{order} --after {next}\n");
    } else if list.oldest_height > 0 && !args.oldest_first {
        text += &format!("this node keeps transactions from height {} on\n", list.oldest_height);
    }
    text
}

fn row(one: &TxListed, account: &str) -> [String; 5] {
    let outcome = match (one.outcome, &one.code_name) {
        (OutcomeKind::Success, _) => "success".to_owned(),
        (OutcomeKind::Failure, name) => format!("failure {}", name.as_deref().unwrap_or_default()),
        (OutcomeKind::Rejected, name) => {
            format!("rejected {}", name.as_deref().unwrap_or_default())
        }
    };
    let mut what = one.actions.iter().map(action_text).collect::<Vec<_>>().join("; ");
    if one.sender != account {
        what += &format!(", by {}", brief(&one.sender));
    }
    let place = TxCursor { height: one.height, index: one.index }.to_string();
    [place, moment(one.time_ms), outcome, what, one.hash.to_string()]
}

/// An address as a table has room for it; `--json` has the whole.
fn brief(address: &str) -> String {
    let tail = address.len().saturating_sub(6);
    match (address.get(..16), address.get(tail..)) {
        (Some(head), Some(end)) if tail > 16 => format!("{head}…{end}"),
        _ => address.to_owned(),
    }
}

/// Bytes as a table has room for them; `--json` has them all.
fn brief_bytes(bytes: &[u8]) -> String {
    let text = shown(bytes);
    match text.char_indices().nth(BYTES_SHOWN) {
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], bytes.len()),
        None => text,
    }
}

fn action_text(action: &ActionListed) -> String {
    match action {
        ActionListed::Transfer { to, amount } => {
            format!("send {} to {}", pollen(*amount), brief(to))
        }
        ActionListed::Deploy { name: Some(name), .. } => format!("deploy @{name}"),
        ActionListed::Deploy { name: None, module } => format!("deploy {}", brief(module)),
        ActionListed::Invoke { module, function, deposit: 0 } => {
            format!("call {function} of {}", brief(module))
        }
        ActionListed::Invoke { module, function, deposit } => {
            format!("call {function} of {} with {}", brief(module), pollen(*deposit))
        }
        ActionListed::Publish { code } => format!("publish {}", brief(&code.to_string())),
        ActionListed::Change { module, change } => {
            format!("{} of {}", change.words(), brief(module))
        }
        ActionListed::Cancel { module, .. } => format!("cancel a change of {}", brief(module)),
        ActionListed::SetOwners { threshold, owners } => {
            format!("set {} owners, threshold {threshold}", owners.len())
        }
        ActionListed::PutKey { key } => format!("put key '{}'", key.label),
        ActionListed::RemoveKey { key } => format!("remove key {}", brief(&key.to_string())),
    }
}

/// `pollen state scan MODULE`.
pub async fn state(session: &Session, args: &StateScanArgs) -> Result<(), Failure> {
    let bytes = |text: &String| match args.hex {
        false => Ok(text.clone().into_bytes()),
        true => hex::decode(text)
            .map_err(|error| Failure::usage(format!("'{text}' is not hexadecimal: {error}"))),
    };
    let prefix = args.prefix.as_ref().map(bytes).transpose()?;
    let after = args.after.as_ref().map(bytes).transpose()?;
    let client = session.client()?;
    let owner = args.module.parse::<Hash>().ok();
    let module = match owner {
        Some(_) => None,
        None => Some(modules::spelled(&client, &args.module).await?),
    };
    let mut params = StateScanParams {
        module,
        owner,
        prefix: prefix.map(Bytes),
        after: after.map(Bytes),
        limit: Some(page(args.limit, args.all)),
        at: args.at.map_or(ReadAt::Latest, ReadAt::Height),
        at_least: None,
        wait_ms: 0,
    };
    let mut scan = client.state_scan(&params).await.map_err(without_index)?;
    // All of one state, however many pages.
    params.at = ReadAt::Height(scan.at.height);
    while wants_more(scan.value.entries.len(), args.limit, args.all)
        && let Some(next) = scan.value.next.take()
    {
        params.after = Some(next);
        let more = client.state_scan(&params).await.map_err(without_index)?.value;
        scan.value.next = more.next;
        scan.value.entries.extend(more.entries);
    }
    session.print(&scan, || scan_text(&scan, args));
    Ok(())
}

fn scan_text(scan: &Answer<StateScan>, args: &StateScanArgs) -> String {
    let StateScan { entries, next, .. } = &scan.value;
    let height = scan.at.height;
    let mut text = match entries.is_empty() {
        true => format!("no entries at height {height}\n"),
        false => {
            let rows = entries.iter().map(|one| [shown(&one.key.0), brief_bytes(&one.value.0)]);
            let table = output::table(["key", "value"], rows);
            format!("{table}\nentries: {}, at height {height}\n", entries.len())
        }
    };
    if let Some(next) = next {
        let mut words = format!("pollen state scan {}", args.module);
        if let Some(prefix) = &args.prefix {
            let prefix = if args.hex { prefix.clone() } else { hex::encode(prefix) };
            words += &format!(" --prefix {prefix}");
        }
        text += &format!("more: {words} --hex --after {} --at {height}\n", hex::encode(&next.0));
    }
    text
}
