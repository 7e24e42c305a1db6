//! `pollen dag`: the last rounds as a picture in text, or with `--follow` each round as it is decided.

mod follow;
mod picture;

#[cfg(test)]
mod tests;

use pollen_rpc::api::{DagRounds, DagRoundsParams};

use super::{DagArgs, Failure, Session, output};
use picture::Picture;

/// Rounds without `--rounds`.
const ROUNDS: u32 = 10;
/// Most rounds of one picture: what a node answers at once.
const ROUNDS_MAX: u32 = 200;
/// Width of what does not go to a terminal.
const WIDTH: usize = 100;

/// `pollen dag`.
pub async fn run(session: &Session, args: &DagArgs) -> Result<(), Failure> {
    if args.follow {
        return follow::run(session, args.rounds).await;
    }
    let rounds = args.rounds.unwrap_or(ROUNDS);
    if rounds > ROUNDS_MAX {
        let words = format!("--rounds is 1 to {ROUNDS_MAX}, or any number with --follow");
        return Err(Failure::usage(words));
    }
    let client = session.client()?;
    let committee = &client.network().await?.committee;
    let names = committee.iter().map(|member| member.name.clone()).collect();
    let picture = Picture::new(names, output::terminal_width().unwrap_or(WIDTH));
    let params = DagRoundsParams { last: Some(rounds), ..Default::default() };
    let answer = client.dag_rounds(&params).await?;
    session.print(&answer, || draw(&answer.value, &picture));
    Ok(())
}

/// Draws rounds, newest first.
fn draw(dag: &DagRounds, picture: &Picture) -> String {
    let mut text = picture.header();
    for round in dag.rounds.iter().rev() {
        text += &picture.round(round, dag.committed_round);
    }
    text += "\n";
    text += &picture.legend();
    text +=
        &format!("  newest round {}, committed up to round {}\n", dag.round, dag.committed_round);
    for evidence in &dag.evidence {
        text += &format!("  {}", picture.evidence(evidence));
    }
    text
}
