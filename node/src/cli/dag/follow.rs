//! `pollen dag --follow`: every round once, oldest first, when all its slots are decided; evidence when it
//! appears. On a terminal the rounds that are not decided yet stand below and are drawn anew.
//!
//! The node is asked again and again; it may be restarted, be busy, or be another one of the same chain:
//! what is decided is the same on all. What it no longer holds when it is asked is left out, and said.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use pollen_ledger::Hash;
use pollen_rpc::api::{
    DagEvidence, DagRound, DagRounds, DagRoundsParams, ServedLimits, SlotStatus,
};
use pollen_rpc::client::{ClientError, PollenClient};
use serde::Serialize;

use super::picture::Picture;
use super::{WIDTH, output};
use crate::cli::{Failure, Session};

/// Bounds of the time between two questions.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(150);
/// Decided rounds of one answer beyond which the next question comes sooner, and below which later: a
/// node may hold no more than 60 rounds, at some milliseconds each.
const ROUNDS_MANY: usize = 10;
const ROUNDS_FEW: usize = 4;
/// After this long without an answer the node, or the next one, is asked again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries at nodes that do not answer.
const RETRY: Duration = Duration::from_millis(200);
/// Lines of undecided rounds.
const TAIL_LINES_MAX: usize = 12;
/// Bytes of a link and of the rest of a block in an answer, at most.
const LINK_BYTES: usize = 130;
const BLOCK_BYTES: usize = 300;

/// Follows until `rounds` of them are shown, or Ctrl-C.
pub async fn run(session: &Session, rounds: Option<u32>) -> Result<(), Failure> {
    tokio::select! {
        ended = follow(session, rounds) => ended,
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}

async fn follow(session: &Session, rounds: Option<u32>) -> Result<(), Failure> {
    let client = session.client()?;
    let info = client.node_info().await?.value;
    let names: Vec<String> = info.node.committee.iter().map(|member| member.name.clone()).collect();
    let window = window(names.len(), &info.limits);
    let mut nodes = Nodes::new(session.endpoints(), info.node.chain_id)?;
    let mut screen = Screen::new(session.json, names);
    let mut follower = Follower { next: None, left: rounds, told: BTreeSet::new() };
    let mut pause = PAUSE_MAX;
    if !shown(screen.begin())? {
        return Ok(());
    }
    while !follower.done() {
        let Some(answer) = nodes.ask(&follower.question(window), &mut screen).await? else {
            continue;
        };
        let further = follower.asked_up_to(window).is_some_and(|to| answer.round > to);
        let starting = follower.next.is_none();
        let committed_round = answer.committed_round;
        let (news, tail) = follower.take(answer);
        let decided = news.iter().filter(|news| matches!(news, News::Round(_))).count();
        if !shown(screen.show(&news, &tail, committed_round))? {
            return Ok(());
        }
        pause = next_pause(pause, decided);
        let at_once = starting || (further && !news.is_empty());
        if !at_once && !follower.done() {
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}

/// False when nobody reads any more (`| head`): the end, and no failure.
fn shown(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Rounds that are asked for at once: what surely fits into an answer.
fn window(validators: usize, limits: &ServedLimits) -> u32 {
    let round_bytes = validators * (validators * LINK_BYTES + BLOCK_BYTES);
    let rounds = limits.response_bytes as usize / 2 / round_bytes.max(1);
    u32::try_from(rounds).unwrap_or(u32::MAX).min(limits.dag_rounds).max(1)
}

fn next_pause(pause: Duration, decided: usize) -> Duration {
    match decided {
        ROUNDS_MANY.. => (pause / 2).max(PAUSE_MIN),
        0..ROUNDS_FEW => (pause * 2).min(PAUSE_MAX),
        _ => pause,
    }
}

/// What is told, in order; in JSON one object a line, `type` says which.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum News {
    /// The node no longer held these rounds, both ends included.
    Gap {
        /// The first.
        from: u32,
        /// The last.
        to: u32,
    },
    /// Decided.
    Round(DagRound),
    /// Somebody signed two blocks for one round.
    Evidence(DagEvidence),
}

/// Which rounds and what evidence were told.
pub(super) struct Follower {
    /// The next round to tell; none before the first answer.
    pub next: Option<u32>,
    /// How many are still to be told; none: no end.
    pub left: Option<u32>,
    /// Against whom evidence was told.
    pub told: BTreeSet<u16>,
}

impl Follower {
    fn done(&self) -> bool {
        self.left == Some(0)
    }

    fn asked_up_to(&self, window: u32) -> Option<u32> {
        self.next.map(|next| next.saturating_add(window - 1))
    }

    fn question(&self, window: u32) -> DagRoundsParams {
        match self.next {
            None => DagRoundsParams { last: Some(1), ..Default::default() },
            from => DagRoundsParams { from, to: self.asked_up_to(window), ..Default::default() },
        }
    }

    /// What an answer brings that was not told yet, and the rounds after it that are not decided. The
    /// first answer only tells where to begin: with the newest round that is committed.
    pub fn take(&mut self, answer: DagRounds) -> (Vec<News>, Vec<DagRound>) {
        let DagRounds { rounds, committed_round, oldest_round, evidence, .. } = answer;
        let mut news: Vec<News> = evidence
            .into_iter()
            .filter(|evidence| self.told.insert(evidence.author))
            .map(News::Evidence)
            .collect();
        let Some(mut next) = self.next else {
            self.next = Some(committed_round.max(oldest_round).max(1));
            return (news, Vec::new());
        };
        if next < oldest_round {
            // Half-way to the newest, so as not to lose the oldest again at once.
            let go_on = oldest_round + committed_round.saturating_sub(oldest_round) / 2;
            news.push(News::Gap { from: next, to: go_on - 1 });
            next = go_on;
        }
        let (first, mut tail) = (next, Vec::new());
        for round in rounds.into_iter().filter(|round| round.round >= first) {
            let undecided = round.slots.iter().any(|slot| slot.status == SlotStatus::Undecided);
            // Rounds are output in order: one that follows on those told and is wholly decided is, too.
            let output = round.round <= committed_round || !undecided;
            if output && round.round == next && tail.is_empty() && !self.done() {
                next += 1;
                self.left = self.left.map(|left| left - 1);
                news.push(News::Round(round));
            } else {
                tail.push(round);
            }
        }
        self.next = Some(next);
        (news, tail)
    }
}

/// The nodes that can be asked; each answer comes from one.
struct Nodes {
    clients: Vec<PollenClient>,
    current: usize,
    chain_id: Hash,
    /// The last question had no answer.
    silent: bool,
}

impl Nodes {
    fn new(endpoints: &[String], chain_id: Hash) -> Result<Self, Failure> {
        let clients: Result<Vec<_>, _> =
            endpoints.iter().map(|endpoint| PollenClient::new([endpoint])).collect();
        Ok(Self { clients: clients?, current: 0, chain_id, silent: false })
    }

    /// An answer; none when there was none, which is said once, and the time until the next try has
    /// passed. An error that will not pass ends it all.
    async fn ask(
        &mut self,
        question: &DagRoundsParams,
        screen: &mut Screen,
    ) -> Result<Option<DagRounds>, Failure> {
        let client = &self.clients[self.current];
        let asked = tokio::time::timeout(PATIENCE, async {
            if self.silent {
                let chain_id = client.node_info().await?.value.node.chain_id;
                if chain_id != self.chain_id {
                    return Ok(None);
                }
            }
            client.dag_rounds(question).await.map(Some)
        });
        let url = client.url().to_owned();
        let reason = match asked.await {
            Ok(Ok(Some(answer))) => {
                if std::mem::take(&mut self.silent) {
                    screen.note(&format!("{url} answers: going on"));
                }
                return Ok(Some(answer.value));
            }
            Ok(Ok(None)) => {
                return Err(Failure::new(format!("{url} is a node of another chain by now")));
            }
            Ok(Err(ClientError::Unreachable { .. })) | Err(_) => format!("{url} does not answer"),
            Ok(Err(ClientError::Rpc { message, retryable: true, .. })) => {
                format!("{url}: {message}")
            }
            Ok(Err(error)) => return Err(error.into()),
        };
        if !std::mem::replace(&mut self.silent, true) {
            let others = if self.clients.len() > 1 { " it and the others" } else { "" };
            screen.note(&format!("{reason}: asking{others} until there is an answer"));
        }
        self.current = (self.current + 1) % self.clients.len();
        tokio::time::sleep(RETRY).await;
        Ok(None)
    }
}

/// Where it is shown: lines that stay, and on a terminal below them some that are drawn anew.
struct Screen {
    json: bool,
    terminal: bool,
    picture: Picture,
    /// What stands below.
    tail: String,
}

impl Screen {
    fn new(json: bool, names: Vec<String>) -> Self {
        let picture = Picture::new(names, output::terminal_width().unwrap_or(WIDTH));
        let terminal = !json && io::stdout().is_terminal();
        Self { json, terminal, picture, tail: String::new() }
    }

    /// What is said once, first.
    fn begin(&mut self) -> io::Result<()> {
        match self.json {
            true => Ok(()),
            false => self.draw(&(self.picture.legend() + "\n" + &self.picture.header()), ""),
        }
    }

    fn show(&mut self, news: &[News], tail: &[DagRound], committed_round: u32) -> io::Result<()> {
        let mut text = String::new();
        for news in news {
            text += &match news {
                news if self.json => serde_json::to_string(news).expect("news are JSON") + "\n",
                News::Round(round) => self.picture.round(round, committed_round),
                News::Evidence(evidence) => self.picture.evidence(evidence),
                News::Gap { from, to } => {
                    // What came before stays before it, also where both go to one terminal.
                    self.draw(&std::mem::take(&mut text), "")?;
                    self.note(&format!(
                        "rounds {from} to {to} are left out: the node no longer held them"
                    ));
                    continue;
                }
            };
        }
        let tail = if self.terminal { self.tail_of(tail, committed_round) } else { String::new() };
        if text.is_empty() && tail == self.tail {
            return Ok(());
        }
        self.draw(&text, &tail)
    }

    /// As many of the undecided rounds as there is room for, oldest first.
    fn tail_of(&self, rounds: &[DagRound], committed_round: u32) -> String {
        let (mut text, mut count) = (String::new(), 0);
        for round in rounds {
            let next = self.picture.round(round, committed_round);
            if count > 0 && text.lines().count() + next.lines().count() > TAIL_LINES_MAX {
                text += &format!("         and {} rounds more\n", rounds.len() - count);
                break;
            }
            text += &next;
            count += 1;
        }
        let width = output::terminal_width().unwrap_or(WIDTH);
        Picture::cut(&text, width.saturating_sub(1))
    }

    /// In place of the tail, `text` and another tail.
    fn draw(&mut self, text: &str, tail: &str) -> io::Result<()> {
        let mut all = self.erasure();
        all += text;
        if !tail.is_empty() {
            // Faint: it is not settled.
            all += &format!("\x1b[2m{tail}\x1b[0m");
        }
        tail.clone_into(&mut self.tail);
        let mut out = io::stdout().lock();
        out.write_all(all.as_bytes())?;
        out.flush()
    }

    fn erasure(&self) -> String {
        match self.tail.lines().count() {
            0 => String::new(),
            lines => format!("\r\x1b[{lines}A\x1b[J"),
        }
    }

    /// To standard error, so that it is seen and not read.
    fn note(&mut self, text: &str) {
        let tail = self.tail.clone();
        // Where standard output fails, the next rounds say so.
        let _ = self.draw("", "");
        let _ = writeln!(io::stderr(), "note: {text}");
        let _ = self.draw("", &tail);
    }
}

impl Drop for Screen {
    /// What is not settled does not stay.
    fn drop(&mut self) {
        let _ = self.draw("", "");
    }
}
