//! Sets of committee members as bits: what votes are counted with. Every sum of stake in the protocol is
//! over such a set, so that nobody counts twice.

use crate::committee::{AuthorIndex, Committee, Stake};
use crate::limits::COMMITTEE_MAX;

const WORDS: usize = COMMITTEE_MAX / 64;

/// A set of author indices below [`COMMITTEE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthorSet([u64; WORDS]);

impl AuthorSet {
    /// Adds an author; false when it was in already. The caller has checked it against the committee.
    pub fn insert(&mut self, author: AuthorIndex) -> bool {
        let (word, bit) = (usize::from(author) / 64, 1 << (author % 64));
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    /// True when the author is in.
    pub fn contains(&self, author: AuthorIndex) -> bool {
        self.0.get(usize::from(author) / 64).is_some_and(|word| word & (1 << (author % 64)) != 0)
    }

    /// True when nobody is in.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many are in.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Who is in both.
    pub fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// Who is in this one and not in the other.
    pub fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = AuthorIndex> + '_ {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    (index * 64) as AuthorIndex + bit as AuthorIndex
                })
            })
        })
    }

    /// Who is in either.
    pub fn or(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// The stake of the members together.
    pub fn stake(&self, committee: &Committee) -> Stake {
        match committee.uniform_stake() {
            Some(stake) => self.len() as Stake * stake,
            None => self.iter().map(|author| committee.stake(author)).sum(),
        }
    }
}

impl Extend<AuthorIndex> for AuthorSet {
    fn extend<I: IntoIterator<Item = AuthorIndex>>(&mut self, authors: I) {
        for author in authors {
            self.insert(author);
        }
    }
}

impl FromIterator<AuthorIndex> for AuthorSet {
    fn from_iter<I: IntoIterator<Item = AuthorIndex>>(authors: I) -> Self {
        let mut set = Self::default();
        set.extend(authors);
        set
    }
}
