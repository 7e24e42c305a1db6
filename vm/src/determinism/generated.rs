//! Generated modules (tests/smith) with every compiler, with and without metering, and through the whole host
//! (`fuzzing::execution`). Those of `vm/vectors/generated` in every run; more in the folder that
//! `POLLEN_GENERATED` names.

use std::path::{Path, PathBuf};

use super::wrapped;
use crate::engine::stack;
use crate::fuzzing::{Counts, examine};
use crate::validate;

fn folders() -> Vec<PathBuf> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/generated");
    let more = std::env::var_os("POLLEN_GENERATED").map(PathBuf::from);
    std::iter::once(kept).chain(more).collect()
}

#[test]
fn generated_modules_do_and_cost_the_same_with_every_compiler() {
    let mut files: Vec<PathBuf> = folders()
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 50);
    let count = files.len();
    let work = move || {
        let (mut refused, mut sum) = (0, Counts::default());
        for file in files {
            let core = std::fs::read(&file).unwrap();
            if let Err(refusal) = validate::check_code(&wrapped(&core)) {
                assert!(!refusal.reason.contains("not a valid"), "{}", refusal.reason);
                refused += 1;
                continue;
            }
            println!("{}", file.display());
            let counts = examine(&core).unwrap();
            sum.calls += counts.calls;
            sum.returned += counts.returned;
            sum.exact += counts.exact;
            sum.host_calls += counts.host_calls;
            sum.wrote += counts.wrote;
        }
        println!("{count} modules, {refused} refused by limits; {sum:?}");
        assert!(refused * 4 < count, "{refused}");
        assert!(sum.returned * 4 > sum.calls, "{sum:?}");
        assert!(sum.wrote * 3 > sum.host_calls && sum.wrote > 40, "{sum:?}");
    };
    stack::spawn("test", work).unwrap().join().unwrap();
}
