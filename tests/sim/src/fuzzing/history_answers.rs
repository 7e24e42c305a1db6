//! An answer to a request for history: whatever is in it, the core takes what is valid and stays whole.

use std::sync::LazyLock;

use pollen_ledger::limits::{HISTORY_BLOCKS_MAX, MESSAGE_BYTES_MAX};
use pollen_ledger::wire::{Message, Request, Response};
use pollen_ledger::{Block, VerifiedBlock, codec};

use super::Choices;
use crate::drawing::{Chain, Drawing};
use crate::reference::Reference;
use crate::watched_core::WatchedCore;

static DRAWN: LazyLock<Drawing> = LazyLock::new(|| {
    let mut drawing = Drawing::new(&[1, 1, 1, 1]);
    drawing.draw(
        "Rounds 1-2 : { * }
         Round 3 : { A -> [-B], B -> [*], C -> [-A], D -> [*], D' -> [*] @99 }
         Round 4 : { AB -> [*], C -> [ABCD'], D -> [*, C2] }
         Rounds 5-8 : { * }",
    );
    drawing
});

/// Any bytes as an answer, and any selection of valid blocks, doubled, torn and in any order.
pub fn history_answer(bytes: &[u8]) {
    let chain = &DRAWN.chain;
    let mut core = WatchedCore::following(chain);
    let blocks = DRAWN.blocks();
    // It waits for the history of the last round.
    blocks.iter().rev().take(4).for_each(|block| core.deliver(block));
    give(chain, &mut core, bytes);
    let mut choices = Choices(bytes);
    let mut answer: Vec<Vec<u8>> = Vec::new();
    while !choices.is_empty() && answer.len() < 80 {
        let mut encoded = blocks[choices.below(blocks.len())].encode();
        match choices.below(16) {
            0 => encoded.truncate(choices.below(encoded.len())),
            1 => {
                let place = choices.below(encoded.len());
                encoded[place] ^= choices.byte();
            }
            2 => encoded.push(0),
            _ => {}
        }
        answer.push(encoded);
    }
    give(chain, &mut core, &codec::encode(&Response::History(answer)));
    // The rest comes by itself: nothing was spoilt.
    core.settle(&blocks);
    let whole = Reference::new(chain, &blocks).answer();
    assert_eq!(core.difference(&whole), None);
}

/// What a node does with the bytes of an answer.
fn give(chain: &Chain, core: &mut WatchedCore, bytes: &[u8]) {
    let message = Message::decode(bytes);
    assert!(message.is_err() || message.is_ok_and(|message| codec::encode(&message) == bytes));
    let request = Request::decode(bytes);
    assert!(request.is_err() || request.is_ok_and(|request| codec::encode(&request) == bytes));
    let Ok(response) = Response::decode(bytes) else { return };
    assert!(bytes.len() <= MESSAGE_BYTES_MAX && codec::encode(&response) == bytes);
    let Response::History(encoded) = response else { return };
    assert!(encoded.len() <= HISTORY_BLOCKS_MAX);
    let valid: Vec<VerifiedBlock> = encoded
        .iter()
        .filter_map(|bytes| Block::decode(bytes, &chain.parameters).ok())
        .filter_map(|b| b.verify(&chain.chain_id, &chain.committee, &chain.parameters).ok())
        .collect();
    let id = core.fetches.first().map_or(0, |(id, _)| *id);
    core.fetched(id, Some(1), valid);
}
