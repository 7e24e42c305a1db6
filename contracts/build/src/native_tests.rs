//! A module's own tests: `cargo test` of its package; of a module in C, of the package in its folder `tests`. Natively the
//! host is the SDK's test double; tests that run the compiled module are told by variables where it is.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use crate::cargo::{OUTPUT_BYTES_MAX, cargo, no_cargo, package};
use crate::{BuildError, c};

/// What the tests of a module said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeTests {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that did not.
    pub failed: usize,
    /// Whether all were compiled and passed.
    pub is_success: bool,
    /// Of a failure what a reader needs: the compiler's errors, or the failed tests and what they said.
    pub output: String,
}

/// Compiles and runs the tests of the module in `dir`, with these variables in their environment and these arguments
/// for the test programs; none of a module in C that has no package of tests.
///
/// # Errors
/// The directory holds no module, or cargo cannot be started. A test that fails is no error.
pub fn run_native_tests(
    dir: &Path,
    variables: &[(&str, OsString)],
    arguments: &[String],
) -> Result<Option<NativeTests>, BuildError> {
    let package = match c::module(dir)? {
        Some((_, dir)) => match c::tests(&dir) {
            Some(tests) => tests,
            None => return Ok(None),
        },
        None => package(dir)?.dir,
    };
    let mut command = cargo();
    // All of them, so that a native test that fails does not hide what the compiled module does.
    command.args(["test", "--no-fail-fast", "--quiet", "--color", "never", "--manifest-path"]);
    command.arg(package.join("Cargo.toml")).current_dir(&package).stdin(Stdio::null());
    command.arg("--").args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().map_err(no_cargo(&command))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let (passed, failed) = counts(&stdout);
    let is_success = output.status.success();
    let output = match is_success {
        true => String::new(),
        false => reason(&stdout, &stderr),
    };
    Ok(Some(NativeTests { passed, failed, is_success, output }))
}

/// Of all `test result: ok. 2 passed; 0 failed; ..` lines: the sums.
fn counts(stdout: &str) -> (usize, usize) {
    let results = stdout.lines().filter_map(|line| line.strip_prefix("test result: "));
    let number = |result: &str, word: &str| -> usize {
        let before = result.split(word).next().unwrap_or_default();
        before.trim_end().rsplit([' ', '.']).next().and_then(|it| it.parse().ok()).unwrap_or(0)
    };
    results.fold((0, 0), |(passed, failed), result| {
        let rest = result.split_once(';').map_or("", |(_, rest)| rest);
        (passed + number(result, " passed"), failed + number(rest, " failed"))
    })
}

/// What the failed tests said where any ran, else what the compiler said.
fn reason(stdout: &str, stderr: &str) -> String {
    // Of each test program what its failed tests said, then their names.
    let parts = stdout.split("\nfailures:\n").skip(1).step_by(2).map(str::trim);
    let mut said = parts.collect::<Vec<_>>().join("\n\n");
    if said.is_empty() {
        stderr.trim().clone_into(&mut said);
    }
    if let Some(end) = said.char_indices().map(|(at, _)| at).find(|at| *at >= OUTPUT_BYTES_MAX) {
        said.truncate(end);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "\nrunning 2 tests\n.F\nfailures:\n\n---- tests::counts stdout ----\n\
        assertion `left == right` failed\n\n\nfailures:\n    tests::counts\n\n\
        test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\n";
    const PASSED: &str = "running 12 tests\n............\ntest result: ok. 12 passed; 0 failed; 0 ignored; finished in 0.00s\n";

    #[test]
    fn results_of_all_test_binaries_are_summed() {
        assert_eq!(counts(PASSED), (12, 0));
        assert_eq!(counts(&(PASSED.to_owned() + FAILED)), (13, 1));
        assert_eq!(counts("error: could not compile"), (0, 0));
    }

    #[test]
    fn a_failure_is_told_by_what_the_test_said() {
        let told = reason(FAILED, "error: test failed, to rerun pass `--lib`");
        assert_eq!(told, "---- tests::counts stdout ----\nassertion `left == right` failed");
        let twice = reason(&FAILED.repeat(2), "");
        assert_eq!(twice.matches("left == right").count(), 2, "of each test program: {twice}");
        assert_eq!(reason("", "error[E0425]: no `x`\n"), "error[E0425]: no `x`");
    }
}
