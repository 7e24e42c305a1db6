//! What a deployment or an upgrade would change, shown before anything is sent, and the question whether to go on.
//!
//! What breaks callers is decided by `vm` ([`Interface::compared`]); here it is told, and refused unless it was
//! asked for. On a terminal the user is asked; a program is not, and says `--yes` or nothing.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use pollen_ledger::Action;
use pollen_rpc::api::{Bytes, FeeEstimate, TxTrialParams};
use pollen_rpc::client::{Intent, PollenClient};
use pollen_vm::Interface;
use pollen_vm::interface::{Comparison, Difference, DifferenceKind, Part};
use serde_json::{Value, json};

use super::accounts::By;
use super::output::pollen;
use super::{Failure, Session};

/// Options of commands that show first what they would change.
#[derive(Debug, Clone, Default, Args)]
pub struct Consent {
    /// Do not ask, go on
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// What is about to be sent.
pub struct Plan<'a> {
    /// Its interface and bytes of now, of an upgrade.
    pub before: Option<(&'a Interface, usize)>,
    /// The new component.
    pub component: &'a [u8],
    /// The transaction: with the code attached.
    pub intent: &'a Intent,
}

/// What would change.
pub struct Review {
    is_upgrade: bool,
    comparison: Comparison,
    bytes_before: Option<usize>,
    bytes: usize,
    fee: Option<FeeEstimate>,
    /// The fee is that of publishing alone: the rest can be told only when the code is active.
    of_publishing: bool,
}

impl Review {
    /// Compares, and asks a node what it would cost.
    pub async fn of(client: &PollenClient, by: &By, plan: &Plan<'_>) -> Result<Self, Failure> {
        let after = Interface::from_component(plan.component).unwrap_or_default();
        let before = plan.before.map(|(interface, _)| interface.clone()).unwrap_or_default();
        let waits = client.network().await?.parameters.code_activation_ms > 0;
        let fee = fee(client, by, plan, waits).await;
        Ok(Self {
            is_upgrade: plan.before.is_some(),
            comparison: before.compared(&after),
            bytes_before: plan.before.map(|(_, bytes)| bytes),
            bytes: plan.component.len(),
            fee,
            of_publishing: waits,
        })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "compatible": self.comparison.is_compatible(),
            "differences": differences_json(&self.comparison),
            "bytesBefore": self.bytes_before,
            "bytes": self.bytes,
            "fee": self.fee.as_ref().and_then(|fee| fee.fee).map(|fee| fee.to_string()),
        })
    }

    /// For people.
    fn text(&self, module: &str) -> String {
        let mut text = match self.is_upgrade {
            true => format!("what changes in {module}\n"),
            false => format!("what {module} offers\n"),
        };
        text += &differences_text(&self.comparison);
        if self.comparison.differences.is_empty() {
            text += "  the interface stays as it is\n";
        }
        text += &format!("  size  {}\n", size_text(self.bytes_before, self.bytes));
        if let Some(fee) = self.fee.as_ref().and_then(|estimate| estimate.fee) {
            let of = if self.of_publishing { ", to publish the code" } else { "" };
            text += &format!("  fee   about {}{of}\n", pollen(fee));
        }
        text
    }

    /// Shows it; refuses what breaks callers unless `breaking` is allowed; asks on a terminal.
    pub fn agree(
        &self,
        session: &Session,
        module: &str,
        consent: &Consent,
        breaking: bool,
    ) -> Result<(), Failure> {
        let only_built = session.build_valid_for_ms.is_some();
        match (session.json, only_built) {
            (true, _) => {}
            (false, true) => eprint!("{}", self.text(module)),
            (false, false) => out!("{}", self.text(module)),
        }
        if self.is_upgrade && !breaking && !self.comparison.is_compatible() {
            let broken = self.comparison.differences.iter().filter(|one| one.breaks);
            let names = broken.map(|one| one.name.clone()).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(format!("who calls {module} would be broken: {names}"))
                .hint("keep them and add new ones beside them, or say --allow-breaking"));
        }
        let asks = !consent.yes
            && !session.json
            && !only_built
            && std::io::stdin().is_terminal()
            && std::io::stdout().is_terminal();
        match asks {
            true => ask(),
            false => Ok(()),
        }
    }
}

fn ask() -> Result<(), Failure> {
    out!("go on? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new("stopped; nothing was sent").hint("--yes goes on without asking")),
    }
}

/// None where a node cannot tell: the command itself will say why.
async fn fee(client: &PollenClient, by: &By, plan: &Plan<'_>, waits: bool) -> Option<FeeEstimate> {
    let By::Keys(signer) = by else { return None };
    let mut intent = plan.intent.clone();
    if waits {
        let code = pollen_ledger::Hash::of_content(plan.component);
        intent.actions = vec![Action::Publish { code }];
    }
    intent.attachments = vec![plan.component.to_vec()];
    let signed = client.sign(signer, intent, rand::random()).await.ok()?;
    let transaction = Some(Bytes(signed.bytes));
    let params = TxTrialParams { transaction, ..Default::default() };
    Some(client.tx_fee_estimate(&params).await.ok()?.value)
}

/// Bytes of code, and by how many they changed.
pub fn size_text(before: Option<usize>, bytes: usize) -> String {
    match before {
        Some(before) => format!("{bytes} bytes ({})", signed_text(bytes as i64 - before as i64)),
        None => format!("{bytes} bytes"),
    }
}

/// `+12`, `-3`, or that it is the same.
pub fn signed_text(change: i64) -> String {
    if change == 0 { "as before".to_owned() } else { format!("{change:+}") }
}

/// A line a difference; what breaks callers is marked.
pub fn differences_text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for one in &comparison.differences {
        let part = part_name(one.part);
        let mark = if one.breaks { "   breaks callers" } else { "" };
        let line = |definition: &Option<String>| {
            let definition = definition.as_deref().unwrap_or(&one.name);
            let line = definition.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            line.replace(", }", " }")
        };
        match one.kind {
            DifferenceKind::Added => text += &format!("  + {part:<7} {}\n", line(&one.after)),
            DifferenceKind::Removed => {
                text += &format!("  - {part:<7} {}{mark}\n", line(&one.before));
            }
            DifferenceKind::Changed if one.before == one.after => {
                text += &format!("  ~ {part:<7} {}: by its types{mark}\n", line(&one.after));
            }
            DifferenceKind::Changed => match added(one) {
                Some(added) => text += &format!("  ~ {part:<7} {added}{mark}\n"),
                None => {
                    text += &format!("  - {part:<7} {}\n", line(&one.before));
                    text += &format!("  + {part:<7} {}{mark}\n", line(&one.after));
                }
            },
        }
    }
    text
}

/// Of a type that kept what it had, a case or field a line, and has more: `enum error: + below-zero`.
fn added(one: &Difference) -> Option<String> {
    let parts = |definition: &'_ Option<String>| -> Option<(String, Vec<String>)> {
        let (head, rest) = definition.as_deref()?.split_once(" {\n")?;
        let parts = rest.trim_end().trim_end_matches('}').lines();
        let part = |part: &str| part.trim().trim_end_matches(',').to_owned();
        Some((head.to_owned(), parts.map(part).filter(|part| !part.is_empty()).collect()))
    };
    let (before, after) = (parts(&one.before)?, parts(&one.after)?);
    let (kept, new): (Vec<_>, Vec<_>) =
        after.1.into_iter().partition(|part| before.1.contains(part));
    (before.0 == after.0 && before.1 == kept).then(|| format!("{}: + {}", after.0, new.join(", ")))
}

/// The same for programs.
pub fn differences_json(comparison: &Comparison) -> Vec<Value> {
    let of = |one: &Difference| {
        let kind = match one.kind {
            DifferenceKind::Added => "added",
            DifferenceKind::Changed => "changed",
            DifferenceKind::Removed => "removed",
        };
        json!({
            "part": part_name(one.part), "kind": kind, "name": one.name,
            "before": one.before, "after": one.after, "breaks": one.breaks,
        })
    };
    comparison.differences.iter().map(of).collect()
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Command => "command",
        Part::Query => "query",
        Part::Event => "event",
        Part::Type => "type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(before: &str, after: &str) -> String {
        let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
        let (part, kind) = (Part::Type, DifferenceKind::Changed);
        let one = Difference { part, kind, name: "error".into(), before, after, breaks: false };
        differences_text(&Comparison { differences: vec![one] })
    }

    /// A new case of an error breaks nobody: shown as a removal it would frighten who upgrades.
    #[test]
    fn what_a_type_has_more_is_told_alone() {
        let before = "enum error {\n  overflow,\n}\n";
        let more = changed(before, "enum error {\n  overflow,\n  below-zero,\n  not-you,\n}\n");
        assert_eq!(more, "  ~ type    enum error: + below-zero, not-you\n");
        let other = changed(before, "enum error {\n  below-zero,\n}\n");
        assert_eq!(
            other,
            "  - type    enum error { overflow }\n  + type    enum error { below-zero }\n"
        );
    }
}
