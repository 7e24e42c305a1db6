//! `pollen bench ordering` measures what it says it measures: every transaction of the load, once, in
//! one order on all validators.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Machine, pollen};

/// Runs it for two seconds and reads what it prints.
fn ordering(home: &Path, words: &[&str]) -> Value {
    let mut command = pollen();
    command.arg("--home").arg(home).args(["--json", "bench", "ordering"]);
    command.args(["--warm-up", "500ms", "--duration", "2s"]).args(words);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["runs"].as_array().unwrap().len(), 1, "{report}");
    report["runs"][0].clone()
}

/// Figures of a run that lost transactions, ordered some twice or differently on two validators, or
/// silently dropped part of its load, would be figures of something else.
#[test]
fn ordering_alone_orders_every_transaction_once_and_the_same_everywhere() {
    let _machine = Machine::alone();
    let folder = TempDir::new().unwrap();
    // 3 s at 400/s, with what comes before and behind the measured time; a transfer has the bytes that it has.
    let modes: [(&[&str], u64); 3] =
        [(&[], 512), (&["--with", "signatures"], 512), (&["--with", "execution"], 216)];
    for (words, bytes) in modes {
        let words = [&["--rate", "400"][..], words].concat();
        let run = ordering(folder.path(), &words);
        assert_eq!((run["sent"].as_u64(), run["ordered"].as_u64()), (Some(1200), Some(1200)));
        assert_eq!(run["refused"], serde_json::json!([0, 0]), "{run}");
        assert_eq!((run["lost"].as_u64(), run["repeated"].as_u64()), (Some(0), Some(0)), "{run}");
        assert_eq!(run["sameOrder"], true, "{run}");
        assert!(run["commitsCompared"].as_u64().unwrap() >= 10, "{run}");
        assert_eq!(run["transactionBytes"].as_u64(), Some(bytes));
        let finished = (words.len() > 2).then_some(1200);
        assert_eq!(run["finished"].as_u64(), finished, "{run}");
        // 2 s of 400/s; each counted at the validator that it was handed to.
        assert_eq!(run["orderedMs"]["samples"].as_u64(), Some(800), "{run}");
        assert!(run["orderedMs"]["mean"].as_f64().unwrap() > 0.0, "{run}");
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "it leaves nothing behind");
}
