//! Every case of PROTOCOL §12 is found by its number: a test function has `case_NN` in its name, and
//! docs/simulation.md names one in its line. 52 and 54 come with epochs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The numbers that must be there.
fn numbers() -> impl Iterator<Item = u32> {
    (1..=55).filter(|number| ![52, 54].contains(number))
}

fn root() -> PathBuf {
    PathBuf::from("../..") // tests run in their package's folder
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources can be listed") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Names of functions that are tests and are not ignored.
fn tests_of(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        match line.strip_prefix("fn ") {
            Some(rest) if is_test => {
                found.extend(rest.split('(').next());
                is_test = false;
            }
            _ => is_test = (is_test || line == "#[test]") && !line.starts_with("#[ignore"),
        }
    }
    found
}

/// The two digits behind each `case_` of a name.
fn cases_in(name: &str) -> impl Iterator<Item = u32> + '_ {
    name.match_indices("case_").filter_map(|(at, word)| {
        let digits = name.get(at + word.len()..at + word.len() + 2)?;
        digits.parse().ok()
    })
}

/// Case -> its tests.
fn cases() -> BTreeMap<u32, BTreeSet<String>> {
    let mut files = Vec::new();
    for folder in ["ledger/src", "tests/sim/src", "tests/sim/tests"] {
        sources(&root().join(folder), &mut files);
    }
    let mut cases: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a source can be read");
        for name in tests_of(&source) {
            for number in cases_in(name) {
                cases.entry(number).or_default().insert(name.to_owned());
            }
        }
    }
    cases
}

#[test]
fn every_case_has_a_test() {
    let cases = cases();
    let missing: Vec<u32> = numbers().filter(|number| !cases.contains_key(number)).collect();
    assert!(missing.is_empty(), "no test function has case_NN in its name: {missing:?}");
}

/// The table has one line a case, `| NN | what | tests |`, and no test that is not there.
#[test]
fn the_table_of_cases_is_true() {
    let cases = cases();
    let text = std::fs::read_to_string(root().join("docs/simulation.md"));
    let text = text.expect("the document can be read");
    let mut lines: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, number, _, tests, _] = cells[..]
            && let Ok(number) = number.parse()
        {
            let names = tests.split('`').skip(1).step_by(2);
            assert!(lines.insert(number, names.collect()).is_none(), "two lines for case {number}");
        }
    }
    assert_eq!(lines.keys().copied().collect::<Vec<_>>(), numbers().collect::<Vec<_>>());
    for (number, names) in lines {
        assert!(!names.is_empty(), "case {number} names no test");
        for name in names {
            assert!(cases[&number].contains(name), "case {number}: there is no test {name}");
        }
    }
}
