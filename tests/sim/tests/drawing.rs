//! Drawings mean what they say, and what cannot be drawn is refused with the words that are wrong.

use pollen_ledger::BlockRef;
use pollen_sim::drawing::{BEGIN_MS, Drawing, to_text};
use pollen_sim::random::Random;
use pollen_sim::random_dag::Shape;

fn parents(drawing: &Drawing, block: &str) -> String {
    drawing.names(&drawing.block(block).header().parents)
}

#[test]
fn a_drawing_means_what_it_says() {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.draw(
        "Rounds 1-3 : { * }                 // everybody names everybody
         Round 4 : {
             A -> [*],
             B -> [-D],
             C -> [A, B3, C, D1],
             D -> [*] @500 +2,
             D' -> [ABD],
         }
         Round 5 : { A -> [*], B -> [ABCD'], D -> [ABC], D' -> [ABCD'], }",
    );
    assert_eq!(parents(&drawing, "A1"), "A0 B0 C0 D0");
    assert_eq!(parents(&drawing, "B4"), "B3 A3 C3");
    // The others are in the order of rounds: a weak link comes first.
    assert_eq!(parents(&drawing, "C4"), "C3 D1 A3 B3");
    assert_eq!(parents(&drawing, "D4'"), "D3 A3 B3");
    assert_eq!(parents(&drawing, "A5"), "A4 B4 C4 D4");
    assert_eq!(parents(&drawing, "B5"), "B4 A4 C4 D4'");
    // Who does not name its last block goes on from the one before.
    assert_eq!(parents(&drawing, "D5"), "D3 A4 B4 C4");
    assert_eq!(parents(&drawing, "D5'"), "D4' A4 B4 C4");
    let d4 = drawing.block("D4");
    assert_eq!((d4.header().timestamp_ms, d4.transactions().len()), (BEGIN_MS + 500, 2));
    assert_eq!(drawing.blocks().len(), 12 + 5 + 4);
}

#[test]
fn what_cannot_happen_cannot_be_drawn() {
    let refused = [
        ("Round 1 : { A -> [AB] }", "quorum"),
        ("Round 1 : { A -> [*], A -> [*] }", "same block"),
        ("Round 1 : { A -> [*], A -> [*] @9 }", "drawn twice"),
        ("Round 2 : { A -> [ABC] }", "not drawn"),
        ("Round 1 : { a -> [*] }", "a validator is a letter"),
        ("Round 1 : { A }", "goes without parents"),
        ("Round 1 : { A -> [*] ", "has '}'"),
        ("Rnd 1 : { * }", "has 'Round'"),
        ("Round : { * }", "has a number"),
    ];
    for (text, words) in refused {
        let drawn = std::panic::catch_unwind(|| {
            Drawing::new(&[1, 1, 1, 1]).draw(text);
        });
        let message = drawn.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains(words), "{text}: {message}");
    }
}

/// A failing random DAG is printed as a drawing: drawn again, it is the same DAG.
#[test]
fn a_printed_dag_can_be_drawn_again() {
    for seed in 1..=20 {
        let mut random = Random::drawn(seed);
        let mut shape = Shape::of(&mut random);
        shape.rounds = 12;
        let blocks = shape.blocks(&mut random);
        if blocks.iter().any(|block| block.header().timestamp_ms < BEGIN_MS) {
            continue; // A stamp of 0 cannot be drawn.
        }
        let mut again = Drawing::on(shape.chain());
        again.draw(&to_text(&blocks));
        let sorted = |blocks: &[pollen_ledger::VerifiedBlock]| {
            let mut names: Vec<BlockRef> = blocks.iter().map(|block| block.reference()).collect();
            names.sort();
            names
        };
        assert_eq!(sorted(&again.blocks()), sorted(&blocks), "seed {seed}");
    }
}
