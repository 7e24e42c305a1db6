//! `pollen tx`, `pollen events`, `pollen status`: what became of things, and how the nodes are.

use std::time::Duration;

use pollen_ledger::Hash;
use pollen_rpc::api::{
    ActionView, EventView, EventsQueryParams, OwnerView, ScopedKeyView, Stage, TransactionView,
    TxOutcome, TxStatusParams,
};
use pollen_rpc::client::PollenClient;
use serde_json::{Value, json};

use super::output::{self, moment, pollen};
use super::{EventsArgs, Failure, Session};

/// How long one question for more events waits, in milliseconds.
const FOLLOW_WAIT_MS: u64 = 20_000;

/// How long a stage is waited for, in milliseconds.
const STAGE_WAIT_MS: u64 = 30_000;

/// A stage by its name.
pub fn stage(text: &str) -> Result<Stage, String> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|_| "one of accepted, included, ordered, executed, certified".to_owned())
}

/// `pollen tx HASH`.
pub async fn transaction(
    session: &Session,
    hash: &str,
    wait: Option<Stage>,
) -> Result<(), Failure> {
    let hash: Hash = hash.parse().map_err(|_| {
        Failure::usage(format!("'{hash}' is no transaction hash: 64 hexadecimal digits"))
    })?;
    let client = session.client()?;
    let params = TxStatusParams {
        hash: Some(hash),
        wait,
        timeout_ms: wait.map(|_| STAGE_WAIT_MS),
        ..Default::default()
    };
    let answer = client.tx_status(&params).await?;
    session.print(&answer, || {
        let tx = &answer.value;
        let mut text = format!("transaction {}\n", tx.hash);
        let mut lines = vec![("stage", tx.stage.name().to_owned())];
        if let Some(outcome) = &tx.outcome {
            lines.push(("outcome", outcome_text(outcome)));
        }
        if let Some(transaction) = &tx.transaction {
            lines.push(("sender", transaction.sender.clone()));
            lines.extend(actions_text(transaction).into_iter().map(|line| ("action", line)));
        }
        if let (Some(height), Some(index)) = (tx.height, tx.index) {
            lines.push(("height", format!("{height}, place {index}")));
        }
        if let (Some(fuel), Some(fee)) = (tx.fuel_used, tx.fee) {
            lines.push(("fuel", fuel.to_string()));
            lines.push(("fee", pollen(fee)));
        }
        text += &output::pairs(lines);
        for event in &tx.events {
            text += &format!("  event {}\n", event_text(event));
        }
        if let Some(note) = &tx.note {
            text += &format!("\n{}\n", note.trim_end());
        }
        text
    });
    match wait.filter(|stage| !answer.value.satisfies(*stage)) {
        Some(stage) => Err(Failure::timed_out(format!(
            "not {} within {} s: it is {}",
            stage.name(),
            STAGE_WAIT_MS / 1000,
            answer.value.stage.name()
        ))),
        None => Ok(()),
    }
}

pub fn outcome_text(outcome: &TxOutcome) -> String {
    match outcome {
        TxOutcome::Success { results } => {
            let results: Vec<String> = results
                .iter()
                .filter_map(|result| result.json.as_ref())
                .filter(|json| !json.is_null())
                .map(ToString::to_string)
                .collect();
            if results.is_empty() {
                "success".into()
            } else {
                format!("success: {}", results.join(", "))
            }
        }
        TxOutcome::Failure { action, code, name, message, .. } => {
            format!("failure of action {}: {message} ({code} {name})", action + 1)
        }
        TxOutcome::Rejected { code, name, message } => {
            format!("rejected: {message} ({code} {name})")
        }
        TxOutcome::Expired { valid_until_ms } => {
            format!("expired: it was valid until {}", moment(*valid_until_ms))
        }
    }
}

fn actions_text(transaction: &TransactionView) -> Vec<String> {
    let text = |action: &ActionView| match action {
        ActionView::Transfer { to, amount } => format!("send {} to {to}", pollen(*amount)),
        ActionView::Deploy { name, module, .. } => match name {
            Some(name) => format!("deploy @{name} as {module}"),
            None => format!("deploy {module}"),
        },
        ActionView::Invoke { module, function, deposit, .. } => match deposit {
            0 => format!("call {function} of {module}"),
            deposit => format!("call {function} of {module} with {}", pollen(*deposit)),
        },
        ActionView::Publish { code } => format!("publish {code}"),
        ActionView::Change { module, change } => format!("{} of {module}", change.words()),
        ActionView::Cancel { module, change } => format!("cancel the change {change} of {module}"),
        ActionView::SetOwners { threshold, owners } => owners_text(*threshold, owners),
        ActionView::PutKey { key } => format!("give {} a scope: {}", key.key, scope_text(key)),
        ActionView::RemoveKey { key } => format!("take the scoped key {key} away"),
    };
    transaction.actions.iter().map(text).collect()
}

/// Owners with what they weigh.
fn owners_text(threshold: u32, owners: &[OwnerView]) -> String {
    let owner = |owner: &OwnerView| format!("{} ({})", owner.key, owner.weight);
    let owners: Vec<_> = owners.iter().map(owner).collect();
    format!("set the owners to {}, of whom weight {threshold} must sign", owners.join(", "))
}

/// What a scoped key may do, in words.
pub fn scope_text(key: &ScopedKeyView) -> String {
    let mut may = Vec::new();
    for call in &key.calls {
        may.push(match call.functions.is_empty() {
            true => format!("call {}", call.module),
            false => format!("call {} of {}", call.functions.join(", "), call.module),
        });
    }
    if key.transfers {
        may.push("send pollen".to_owned());
    }
    if key.sponsors {
        may.push("pay the fees of others".to_owned());
    }
    if may.is_empty() {
        may.push("do nothing".to_owned());
    }
    let mut text = may.join("; ");
    if let Some(most) = key.spend_max {
        text += &format!("; spend at most {}", pollen(most));
    }
    if let Some(window) = &key.window {
        let each = humantime::format_duration(Duration::from_millis(window.length_ms));
        if let Some(most) = window.spend_max {
            text += &format!("; spend at most {} every {each}", pollen(most));
        }
        if let Some(most) = window.transactions_max {
            text += &format!("; sign at most {most} transactions every {each}");
        }
    }
    if let Some(expires_ms) = key.expires_ms {
        text += &format!("; until {}", moment(expires_ms));
    }
    text
}

/// `name field=value ...` of an event.
pub fn event_text(event: &EventView) -> String {
    let data = match &event.json {
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!(" {name}={text}"),
                other => format!(" {name}={other}"),
            })
            .collect(),
        Some(other) => format!(" {other}"),
        None => format!(" {} bytes", event.data.0.len()),
    };
    format!("{}{data}", event.name)
}

/// `pollen events MODULE`.
pub async fn events(session: &Session, args: &EventsArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let module = super::modules::spelled(&client, &args.module).await?;
    let after = args.after.as_deref().map(str::parse).transpose();
    let mut params = EventsQueryParams {
        module: Some(module),
        name: args.name.clone(),
        after: after.map_err(Failure::usage)?,
        limit: Some(args.limit),
        ..Default::default()
    };
    let mut page = client.events_query(&params).await?.value;
    if !args.follow {
        session.print(&page, || {
            if page.events.is_empty() {
                return "no events\n".to_owned();
            }
            let mut text: String = page.events.iter().map(event_line).collect();
            if page.more {
                text += &format!("more: pollen events {} --after {}\n", args.module, page.next);
            }
            text
        });
        return Ok(());
    }
    loop {
        for event in &page.events {
            if session.json {
                outln!("{}", serde_json::to_string(event).expect("events are JSON"));
            } else {
                out!("{}", event_line(event));
            }
        }
        params.after = Some(page.next);
        params.wait_ms = FOLLOW_WAIT_MS;
        page = client.events_query(&params).await?.value;
    }
}

fn event_line(event: &EventView) -> String {
    format!("{:<12} {}  {}\n", event.cursor.to_string(), moment(event.time_ms), event_text(event))
}

/// `pollen status`.
pub async fn status(session: &Session) -> Result<(), Failure> {
    let asked = session.endpoints().iter().map(|endpoint| node_status(endpoint));
    let nodes = futures::future::join_all(asked).await;
    let down = nodes.iter().filter(|node| node["up"] == json!(false)).count();
    session.print(&nodes, || {
        let text = |value: &Value| match value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let rows = nodes.iter().enumerate().map(|(index, node)| {
            let state = match (node["up"].as_bool(), node["ready"].as_bool()) {
                (Some(true), Some(true)) => "ready".to_owned(),
                (Some(true), _) => text(&node["reasons"][0]),
                _ => "down".to_owned(),
            };
            [
                (index + 1).to_string(),
                text(&node["name"]),
                text(&node["role"]),
                state,
                text(&node["round"]),
                text(&node["height"]),
                text(&node["certifiedHeight"]),
                text(&node["pool"]),
                text(&node["peers"]),
                text(&node["stateRoot"]).chars().take(12).collect(),
            ]
        });
        let head = [
            "node",
            "name",
            "role",
            "state",
            "round",
            "height",
            "certified",
            "pool",
            "peers",
            "state root",
        ];
        output::table(head, rows) + "\n"
    });
    if down == nodes.len() {
        return Err(Failure {
            code: super::EXIT_UNREACHABLE,
            text: "no node answered".into(),
            hint: Some("start a network with `make run`, or name one with --rpc".into()),
        });
    }
    Ok(())
}

async fn node_status(endpoint: &str) -> Value {
    let asked = async {
        let client = PollenClient::new([endpoint])?;
        let info = client.node_info().await?;
        let health = client.node_health().await?;
        let head = client.chain_head(&Default::default()).await?;
        Ok::<_, Failure>(json!({
            "endpoint": endpoint,
            "up": true,
            "name": info.value.node.name,
            "role": info.value.node.role,
            "ready": health.value.ready,
            "reasons": health.value.reasons,
            "round": health.value.round,
            "height": head.at.height.to_string(),
            "certifiedHeight": head.value.certified_height.to_string(),
            "pool": health.value.pool,
            "peers": health.value.peers,
            "stateRoot": head.at.state_root,
        }))
    };
    asked.await.unwrap_or_else(
        |failure| json!({ "endpoint": endpoint, "up": false, "error": failure.text }),
    )
}
