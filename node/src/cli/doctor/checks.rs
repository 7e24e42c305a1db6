//! `pollen doctor`: whether keys, network and tools here are as they should be, and what to do where they are not.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use pollen_rpc::api::{
    Answer, ChainCheckpointParams, ChainHeadParams, NodeHealth, NodeInfo, ReadAt,
};
use pollen_rpc::client::PollenClient;
use serde::Serialize;

use super::super::{Failure, Session, output};
use crate::{clock, keys};

/// Clocks further apart than this are told.
const CLOCK_SKEW_MAX_MS: u64 = 5_000;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    /// It works, and something may be better.
    Warning,
    Wrong,
}

/// A check.
#[derive(Debug, Serialize)]
struct Check {
    what: String,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn new(what: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, found: found.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A node that answered.
struct Seen {
    name: String,
    client: PollenClient,
    info: NodeInfo,
    height: u64,
}

/// `pollen doctor`.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let mut checks = vec![home(session)];
    let mut seen = Vec::new();
    for (index, endpoint) in session.endpoints().iter().enumerate() {
        let name = format!("node {} {endpoint}", index + 1);
        match node(&name, endpoint).await {
            Ok((found, told)) => {
                checks.extend(told);
                seen.push(found);
            }
            Err(error) => checks.push(
                Check::new(name, Verdict::Wrong, error.text).hint(
                    "is it running? `pollen dev` starts a network here; --rpc, --context and `pollen context` name others",
                ),
            ),
        }
    }
    checks.extend(agreement(&seen).await);
    checks.extend(tools());
    let wrong = checks.iter().filter(|check| check.verdict == Verdict::Wrong).count();
    session.print(&serde_json::json!({ "checks": checks, "wrong": wrong }), || text(&checks));
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::new("one thing is wrong")),
        _ => Err(Failure::new(format!("{wrong} things are wrong"))),
    }
}

fn text(checks: &[Check]) -> String {
    let rows = checks.iter().map(|check| {
        let verdict = match check.verdict {
            Verdict::Good => "good",
            Verdict::Warning => "look",
            Verdict::Wrong => "WRONG",
        };
        [verdict.to_owned(), check.what.clone(), check.found.clone()]
    });
    let mut text = output::table(["", "WHAT", "FOUND"], rows) + "\n";
    for check in checks {
        if let Some(hint) = &check.hint {
            text += &format!("{}: {hint}\n", check.what);
        }
    }
    text
}

/// Keys are there, and nobody else can read them.
fn home(session: &Session) -> Check {
    let what = format!("home {}", session.home.display());
    let found = keys::list(&session.home);
    let open: Vec<&str> = found
        .iter()
        .filter(|(name, _)| {
            let path = keys::path_of(&session.home, name);
            let mode = path.ok().and_then(|path| std::fs::metadata(path).ok());
            mode.is_some_and(|metadata| metadata.mode() & 0o077 != 0)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    match (found.len(), open.as_slice()) {
        (0, _) => Check::new(what, Verdict::Warning, "no keys")
            .hint("make one with `pollen keys new NAME`"),
        (_, []) => Check::new(what, Verdict::Good, format!("{} keys", found.len())),
        (_, open) => {
            Check::new(what, Verdict::Wrong, format!("keys open to others: {}", open.join(", ")))
                .hint("close them: chmod 600 KEYFILE")
        }
    }
}

async fn node(name: &str, endpoint: &str) -> Result<(Seen, Vec<Check>), Failure> {
    let client = PollenClient::new([endpoint])?;
    let info = client.network().await?.clone();
    let Answer { at, value: health } = client.node_health().await?;
    let mut checks = vec![ready(name, &info, &health, at.height)];
    // By its lag a node tells what its own clock says.
    let node_ms = health.ledger_time_ms.saturating_add(health.lag_ms);
    let skew_ms = node_ms.abs_diff(clock::now_ms());
    // Of a development network time may have been moved.
    if health.ready && skew_ms > CLOCK_SKEW_MAX_MS && info.dev.is_none() {
        let found = format!("its clock and this machine's are {skew_ms} ms apart");
        checks.push(
            Check::new(name, Verdict::Warning, found)
                .hint("set the clock (NTP): what you sign is valid by ledger time"),
        );
    }
    if info.version != env!("CARGO_PKG_VERSION") {
        let found =
            format!("version {}, this program has {}", info.version, env!("CARGO_PKG_VERSION"));
        checks.push(
            Check::new(name, Verdict::Warning, found).hint("use the same version where you can"),
        );
    }
    let found = Seen { name: name.to_owned(), client, info, height: at.height };
    Ok((found, checks))
}

fn ready(name: &str, info: &NodeInfo, health: &NodeHealth, height: u64) -> Check {
    let role = &info.role;
    let is_alone = health.peers == 0 && (info.author.is_none() || info.committee.len() > 1);
    match (health.ready, is_alone) {
        (true, false) => {
            let found = format!("{role}, height {height}, {} peers, ready", health.peers);
            Check::new(name, Verdict::Good, found)
        }
        (true, true) => {
            Check::new(name, Verdict::Warning, format!("{role}, height {height}, no peers"))
                .hint("name a peer in its configuration (`peers`), or `pollen admin add-peer`")
        }
        (false, _) => {
            let reasons = health.reasons.join("; ");
            Check::new(
                name,
                Verdict::Wrong,
                format!("{role}, height {height}, not ready: {reasons}"),
            )
            .hint("look at its log and /readyz; docs/operating.md says what each reason means")
        }
    }
}

/// Nodes are of one chain, near each other, and have the same checkpoint where all have come.
async fn agreement(seen: &[Seen]) -> Vec<Check> {
    let [first, others @ ..] = seen else { return Vec::new() };
    if others.is_empty() {
        return Vec::new();
    }
    let what = "the nodes together";
    if let Some(other) = others.iter().find(|other| other.info.chain_id != first.info.chain_id) {
        let found = format!("{} is of another chain than {}", other.name, first.name);
        return vec![
            Check::new(what, Verdict::Wrong, found)
                .hint("name nodes of one chain: `pollen context` shows whom you ask"),
        ];
    }
    let heights = seen.iter().map(|one| one.height);
    let (lowest, highest) = (heights.clone().min().unwrap_or(0), heights.max().unwrap_or(0));
    let mut digests = Vec::new();
    for one in seen {
        let at = ReadAt::Height(lowest);
        let params = ChainCheckpointParams { at, ..ChainCheckpointParams::default() };
        if let Ok(answer) = one.client.chain_checkpoint(&params).await {
            digests.push((one, answer.value.digest));
        }
    }
    let differing = digests.windows(2).find(|pair| pair[0].1 != pair[1].1);
    if let Some([(one, _), (other, _)]) = differing {
        let found = format!("{} and {} have different checkpoints {lowest}", one.name, other.name);
        return vec![
            Check::new(what, Verdict::Wrong, found)
                .hint("`pollen doctor diverge --url .. --peer ..` finds the first difference"),
        ];
    }
    let found = format!(
        "{} of {} agree on checkpoint {lowest}; the furthest is {} ahead",
        digests.len(),
        seen.len(),
        highest - lowest
    );
    let mut checks = vec![Check::new(what, Verdict::Good, found)];
    let certified = async {
        let answer = first.client.chain_head(&ChainHeadParams::default()).await.ok()?;
        Some((answer.at.height, answer.value.certified_height))
    };
    if let Some((height, certified)) = certified.await {
        let behind = height.saturating_sub(certified);
        let verdict = if behind > 100 { Verdict::Warning } else { Verdict::Good };
        let found = format!("certified up to {certified}, {behind} behind the head");
        checks.push(Check::new("certificates", verdict, found));
    }
    checks
}

/// What building modules needs.
fn tools() -> Vec<Check> {
    let version = |program: PathBuf| {
        let ran = std::process::Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&ran.stdout).lines().next()?.trim().to_owned();
        ran.status.success().then_some(text)
    };
    [
        (
            "cargo",
            version("cargo".into()),
            "building modules in Rust, and tests of all, needs it: https://rustup.rs, then `pollen build`",
        ),
        (
            "clang",
            pollen_build::find_clang().and_then(version),
            "only modules in C need it (Debian, Ubuntu: `apt install clang lld`)",
        ),
    ]
    .map(|(program, version, hint)| match version {
        Some(version) => Check::new(program, Verdict::Good, version),
        None => Check::new(program, Verdict::Warning, "not found").hint(hint),
    })
    .into()
}
