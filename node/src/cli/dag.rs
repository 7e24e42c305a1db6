//! `pollen dag`: the last rounds as a picture in text.
//!
//! One line a round, newest first; one column a validator. A block shows how its slot was decided and
//! how many transactions it carries; below it, which blocks of the round before it links to.

use pollen_rpc::api::{DagRound, DagRounds, DagRoundsParams, SlotStatus};

use super::{Failure, Session};

/// Width of a validator's column.
const COLUMN: usize = 12;

/// `pollen dag`.
pub async fn show(session: &Session, rounds: u32) -> Result<(), Failure> {
    let client = session.client()?;
    let names: Vec<String> =
        client.network().await?.committee.iter().map(|member| member.name.clone()).collect();
    let params = DagRoundsParams { from: None, to: None, last: Some(rounds) };
    let answer = client.dag_rounds(&params).await?;
    session.print(&answer, || draw(&answer.value, &names));
    Ok(())
}

/// Draws rounds, newest first.
fn draw(dag: &DagRounds, names: &[String]) -> String {
    let mut text = format!("{:>8} ", "round");
    for name in names {
        text += &format!("{:<COLUMN$}", name.chars().take(COLUMN - 1).collect::<String>());
    }
    text = text.trim_end().to_owned() + "\n";
    for round in dag.rounds.iter().rev() {
        text += &blocks_line(round, names.len());
        text += &links_line(round, names.len());
    }
    text += &format!(
        "\n  ● committed  ○ undecided  × skipped  · no block; +n transactions\n  \
         below a block: the validators of the round before that it links to, by number from 0;\n  \
         (n) is a weak link, to an older round\n  \
         newest round {}, committed up to round {}\n",
        dag.round, dag.committed_round
    );
    text
}

fn blocks_line(round: &DagRound, validators: usize) -> String {
    let mut line = format!("{:>8} ", round.round);
    for author in 0..validators {
        let blocks: Vec<_> =
            round.blocks.iter().filter(|block| usize::from(block.author) == author).collect();
        let slot = round.slots.iter().find(|slot| usize::from(slot.author) == author);
        let status = slot.map_or(SlotStatus::Undecided, |slot| slot.status);
        let mark = match (status, blocks.is_empty()) {
            (SlotStatus::Skipped, _) => '×',
            (SlotStatus::Committed, _) => '●',
            (SlotStatus::Undecided, true) => '·',
            (SlotStatus::Undecided, false) => '○',
        };
        let transactions: u32 = blocks.iter().map(|block| block.transactions).sum();
        let mut cell = mark.to_string();
        if transactions > 0 {
            cell += &format!("+{transactions}");
        }
        if blocks.len() > 1 {
            cell += &format!(" x{}!", blocks.len());
        }
        line += &format!("{cell:<COLUMN$}");
    }
    line.trim_end().to_owned() + "\n"
}

fn links_line(round: &DagRound, validators: usize) -> String {
    let mut line = " ".repeat(9);
    for author in 0..validators {
        let block = round.blocks.iter().find(|block| usize::from(block.author) == author);
        let mut links: Vec<(u16, bool)> = block
            .into_iter()
            .flat_map(|block| &block.parents)
            .map(|parent| (parent.author, parent.round + 1 == round.round))
            .collect();
        links.sort_unstable();
        let cell: String = links
            .into_iter()
            .map(|(author, strong)| if strong { author.to_string() } else { format!("({author})") })
            .collect();
        let cell: String = cell.chars().take(COLUMN - 1).collect();
        line += &format!("{cell:<COLUMN$}");
    }
    line.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use pollen_ledger::Hash;
    use pollen_rpc::api::{BlockName, DagBlock, DagSlot};

    use super::*;

    fn block(author: u16, parents: &[(u16, u32)], transactions: u32) -> DagBlock {
        let parents = parents.iter().map(|(author, round)| BlockName {
            author: *author,
            round: *round,
            digest: Hash::ZERO,
        });
        DagBlock {
            author,
            digest: Hash::ZERO,
            time_ms: 0,
            parents: parents.collect(),
            transactions,
            committed: false,
        }
    }

    /// The picture tells strong from weak links, and decided from undecided slots.
    #[test]
    fn a_round_shows_blocks_links_and_slots() {
        let dag = DagRounds {
            rounds: vec![DagRound {
                round: 7,
                blocks: vec![block(0, &[(0, 6), (1, 6), (2, 4)], 3), block(2, &[(2, 6)], 0)],
                slots: vec![
                    DagSlot { author: 0, status: SlotStatus::Committed },
                    DagSlot { author: 1, status: SlotStatus::Skipped },
                    DagSlot { author: 2, status: SlotStatus::Undecided },
                ],
            }],
            committed_round: 6,
            round: 7,
        };
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let text = draw(&dag, &names);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "       7 ●+3         ×           ○");
        assert_eq!(lines[2], "         01(2)                   2");
    }
}
