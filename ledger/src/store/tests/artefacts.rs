//! What a node remembers about the code that it compiled.

use super::*;
use crate::crypto::Hash;
use crate::execution::tests::genesis;

#[test]
fn checksums_are_kept_replaced_and_forgotten() {
    on_each(|store| {
        let database = Database::open(store, &genesis(&[]), None).unwrap();
        let (file, other) = (Hash([1; 32]), Hash([2; 32]));
        let put = |sum: Option<&Hash>| {
            let mut batch = Batch::default();
            Database::put_artefact_sum(&mut batch, &file, sum);
            database.write(batch, Durability::Buffered).unwrap();
            database.artefact_sum(&file).unwrap()
        };
        assert_eq!(database.artefact_sum(&file).unwrap(), None);
        for number in [7, 8] {
            assert_eq!(put(Some(&Hash([number; 32]))), Some(Hash([number; 32])));
        }
        assert_eq!(database.artefact_sum(&other).unwrap(), None);
        assert_eq!(put(None), None);
    });
}

#[test]
fn codes_are_listed_page_by_page() {
    on_each(|store| {
        let database = Database::open(store, &genesis(&[]), None).unwrap();
        let all: Vec<Hash> = [0, 1, 9, 200, 255].map(|number| Hash([number; 32])).to_vec();
        let mut batch = Batch::default();
        all.iter().for_each(|hash| Database::put_code(&mut batch, hash, b"code"));
        database.write(batch, Durability::Buffered).unwrap();
        assert_eq!(database.codes(&Hash::ZERO, 10).unwrap(), all);
        assert_eq!(database.codes(&Hash::ZERO, 2).unwrap(), all[..2]);
        assert_eq!(database.codes(&all[1], 2).unwrap(), all[1..3]);
        assert_eq!(database.codes(&all[4], 2).unwrap(), all[4..]);
    });
}
