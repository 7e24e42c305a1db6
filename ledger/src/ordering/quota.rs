//! The fork-bomb quota (protocol.md 9.5 and 9.6): an equivocator can sign any number of blocks for a round,
//! and others can name them. How many are taken, and how many a block of ours brings into the history
//! of everybody, is bounded here. Whatever it says is safe: it only refuses, and what is refused is asked
//! for again for as long as somebody needs it.

use std::collections::{BTreeMap, BTreeSet};

use super::author_set::AuthorSet;
use super::dag::{Dag, Node};
use crate::block::{BlockRef, Round};
use crate::committee::{AuthorIndex, Committee};

/// Variants of one slot that are taken though nobody needs them: two prove the equivocation.
const VARIANTS_FREE: usize = 2;

/// How many variants a block may bring into a history: 2n.
fn variants_max(committee: &Committee) -> usize {
    2 * committee.size()
}

/// Which further variants were taken for whom.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// (Round of the variant, who needed it) -> how many; above gc.
    charges: BTreeMap<(Round, AuthorIndex), usize>,
}

impl Quota {
    /// 9.5 whether another variant of a slot is taken: as one of the first two; or because waiting blocks
    /// need it, directly or through others that wait. Then it is charged to the one of their authors who
    /// has brought in most and still may: so colluders use up what is theirs before what is an honest
    /// author's. Nothing is charged when authors with validity stake need it, since an honest one does.
    pub fn takes(
        &mut self,
        dag: &Dag,
        committee: &Committee,
        gc_depth: Round,
        variant: &BlockRef,
    ) -> bool {
        if dag.variants_of(variant) < VARIANTS_FREE {
            return true;
        }
        let needed_by = dag.needed_by(variant);
        if needed_by.stake(committee) >= committee.validity() {
            return true;
        }
        let room = variants_max(committee) * gc_depth as usize;
        let charged = needed_by.iter().map(|author| (self.charged(author), author));
        let Some((_, author)) = charged.filter(|(charged, _)| *charged < room).max() else {
            return false;
        };
        *self.charges.entry((variant.round, author)).or_default() += 1;
        true
    }

    fn charged(&self, author: AuthorIndex) -> usize {
        let of_author = self.charges.iter().filter(|((_, other), _)| *other == author);
        of_author.map(|(_, count)| count).sum()
    }

    /// Forgets what is at or below the gc round.
    pub fn collect(&mut self, gc_round: Round) {
        self.charges = self.charges.split_off(&(gc_round + 1, 0));
    }
}

/// 9.6 whether a block brings more than 2n blocks of equivocated slots into our history, and too few
/// others have voted for it to say that an honest one has it in its own.
pub(super) fn is_bomb(dag: &Dag, committee: &Committee, block: &Node) -> bool {
    let most = variants_max(committee);
    // Where all together are not so many, no history has to be walked.
    if dag.variants() <= most || block.voters.stake(committee) >= committee.validity() {
        return false;
    }
    let mut forked: BTreeMap<Round, AuthorSet> = BTreeMap::new();
    let mut seen = BTreeSet::from([block.reference]);
    let mut open = vec![block];
    let mut variants = 0;
    while let Some(node) = open.pop() {
        let round = node.reference.round;
        let forked = forked.entry(round).or_insert_with(|| dag.authors(round).equivocators);
        variants += usize::from(forked.contains(node.reference.author));
        if variants > most {
            return true;
        }
        let parents = node.block.header().parents.iter().filter_map(|parent| dag.node(parent));
        open.extend(parents.filter(|parent| {
            !parent.in_own_history && !parent.committed && seen.insert(parent.reference)
        }));
    }
    false
}
