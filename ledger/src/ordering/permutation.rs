//! The order of slots inside a round: stake-weighted sampling without replacement, in integers only
//! (protocol.md 5.1). Seeded by the epoch and the round, never by committed data, which could be ground.
//! No random number crate: its stream would become consensus data.

use crate::block::Round;
use crate::committee::{AuthorIndex, Committee, Stake};
use crate::crypto::{Domain, Hash};

/// All authors of the committee in the order of their slots in `round`.
///
/// Step: draw a ticket below the stake that is left, and take the author who owns it when the rest stand in
/// index order. A ticket is the next 8 bytes, little-endian, of the XOF of
/// blake3(permutation domain || epoch seed || round as 4 bytes little-endian), rejected when it lies in the
/// incomplete last multiple of the stake that is left, so that no author is favoured.
pub fn slot_order(committee: &Committee, epoch_seed: &Hash, round: Round) -> Vec<AuthorIndex> {
    let mut hasher = Domain::Permutation.hasher();
    hasher.update(&epoch_seed.0);
    hasher.update(&round.to_le_bytes());
    let mut stream = hasher.finalize_xof();
    let mut rest: Vec<(AuthorIndex, Stake)> =
        committee.authors().map(|author| (author, committee.stake(author))).collect();
    let mut stake_left = committee.total_stake();
    let mut order = Vec::with_capacity(rest.len());
    while rest.len() > 1 {
        let mut ticket = draw_below(stake_left, &mut stream);
        let place = rest
            .iter()
            .position(|(_, stake)| match ticket.checked_sub(*stake) {
                Some(less) => {
                    ticket = less;
                    false
                }
                None => true,
            })
            .expect("a ticket below the sum of the stakes has an owner");
        let (author, stake) = rest.remove(place);
        stake_left -= stake;
        order.push(author);
    }
    order.extend(rest.first().map(|(author, _)| *author));
    order
}

/// A uniform number below `bound`, which is 1 to 2^60: at most one draw in sixteen is rejected.
fn draw_below(bound: u64, stream: &mut blake3::OutputReader) -> u64 {
    let excess = ((u128::from(u64::MAX) + 1) % u128::from(bound)) as u64;
    loop {
        let mut bytes = [0; 8];
        stream.fill(&mut bytes);
        let drawn = u64::from_le_bytes(bytes);
        if drawn <= u64::MAX - excess {
            return drawn % bound;
        }
    }
}
