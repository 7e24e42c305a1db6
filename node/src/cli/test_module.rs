//! `pollen test`: a module's tests, natively and of its component in the real machine.
//!
//! Both are `cargo test` of its package: tests in `src/` run the module as plain Rust against the SDK's test double,
//! those in `tests/` by the crate `pollen-harness` run its component, which is built before, in `pollen test-host`. A
//! module in C has only the latter, in a package of their own in its folder `tests`.
//!
//! Tests compare fuel with `tests/fuel.txt` and tell what they measured; the file is written here, when all are done
//! and none failed: names that are new, or all with `--update-fuel`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use pollen_build::{BuiltModule, NativeTests};
use pollen_harness::fuel::{Fuel, REPORT_VARIABLE, UPDATE_VARIABLE, grouped, percentage};
use pollen_harness::{COMPONENT_VARIABLE, PROGRAM_VARIABLE};
use serde_json::{Value, json};

use super::{Failure, Session, modules};

/// `pollen test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The module's folder
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Write down what calls cost now, instead of failing where they grew dearer
    #[arg(long)]
    pub update_fuel: bool,
    /// For the test programs, behind `--`: names of tests to run, --nocapture and the like
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<String>,
}

/// What ran.
struct Ran {
    name: String,
    tests: NativeTests,
    /// Name, fuel that was written down, fuel now.
    fuel: Vec<(String, Option<u64>, u64)>,
}

/// Runs the tests of a folder against its component, comparing fuel and writing nothing.
pub fn run_tests(folder: &Path, component: &Path) -> Result<Option<NativeTests>, Failure> {
    Ok(pollen_build::run_native_tests(folder, &variables(component)?, &[])?)
}

/// What tests of a compiled module are told.
fn variables(component: &Path) -> Result<Vec<(&'static str, std::ffi::OsString)>, Failure> {
    let component = component.canonicalize()?.into_os_string();
    let program = std::env::current_exe()?.into_os_string();
    Ok(vec![(PROGRAM_VARIABLE, program), (COMPONENT_VARIABLE, component)])
}

/// `pollen test [FOLDER]`.
pub async fn run(session: &Session, args: TestArgs) -> Result<(), Failure> {
    let began = Instant::now();
    // On a thread of its own: compiling takes its time, and Ctrl-C must not wait for it.
    let ran = tokio::task::spawn_blocking(move || build_and_test(&args)).await;
    let ran = ran.map_err(|error| Failure::new(error.to_string()))??;
    let seconds = began.elapsed().as_secs_f64();
    session.print(&ran.json(seconds), || ran.text(seconds));
    match ran.tests.is_success {
        true => Ok(()),
        false => Err(Failure::new(format!("{} fails its tests", ran.name))),
    }
}

fn build_and_test(args: &TestArgs) -> Result<Ran, Failure> {
    let built = modules::build_module(&args.folder, false)?;
    let report = Report::beside(&built);
    let mut variables = variables(&built.path)?;
    variables.push((REPORT_VARIABLE, report.0.clone().into_os_string()));
    if args.update_fuel {
        variables.push((UPDATE_VARIABLE, "1".into()));
    }
    let file = Fuel::path(&args.folder);
    let known = Fuel::read(&file).map_err(Failure::new)?;
    let tests = pollen_build::run_native_tests(&args.folder, &variables, &args.arguments)?;
    let tests = tests.ok_or_else(|| no_tests(&args.folder))?;
    let measured = report.read()?;
    if tests.is_success {
        // Of some of the tests alone, the others' names stay.
        let ran_all = args.arguments.is_empty();
        write(&file, &known, &measured, args.update_fuel, ran_all)?;
    }
    let fuel = measured.0.into_iter();
    let fuel = fuel.map(|(name, now)| (name.clone(), known.0.get(&name).copied(), now)).collect();
    Ok(Ran { name: built.name, tests, fuel })
}

fn no_tests(folder: &Path) -> Failure {
    let tests = folder.join("tests/Cargo.toml");
    let text = format!("this module in C has no tests: there is no {}", tests.display());
    Failure::usage(text).hint(
        "`pollen new NAME --template counter-c` makes a module that has some; or test it from a module in Rust: \
         `ledger.deploy_component(\"the/folder\", ..)` puts it on the tests' ledger (docs/testing-modules.md)",
    )
}

/// Writes what changed, where anything did.
fn write(
    file: &Path,
    known: &Fuel,
    measured: &Fuel,
    update: bool,
    ran_all: bool,
) -> Result<(), Failure> {
    let next = next(known, measured, update, ran_all);
    if next == *known {
        return Ok(());
    }
    next.write(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

/// What is to be written down: what is known, and what is new; with `update` what was measured, and of tests that did
/// not run what is known.
fn next(known: &Fuel, measured: &Fuel, update: bool, ran_all: bool) -> Fuel {
    let (first, second) = if update { (known, measured) } else { (measured, known) };
    if update && ran_all {
        return measured.clone();
    }
    let both = first.0.iter().chain(&second.0);
    Fuel(both.map(|(name, fuel)| (name.clone(), *fuel)).collect())
}

/// The file that tests append measurements to; removed with this value.
struct Report(PathBuf);

impl Report {
    /// In the folder of built modules, which is this user's own.
    fn beside(built: &BuiltModule) -> Self {
        let report = built.path.with_extension(format!("fuel-{}", std::process::id()));
        let _ = std::fs::remove_file(&report); // of a process of that number that was killed
        Self(report)
    }

    fn read(&self) -> Result<Fuel, Failure> {
        match Fuel::reported(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Fuel::default()),
            measured => Ok(measured?),
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Ran {
    fn json(&self, seconds: f64) -> Value {
        let fuel = |(name, before, now): &(String, Option<u64>, u64)| json!({ "name": name, "before": before.map(|fuel| fuel.to_string()), "now": now.to_string() });
        json!({
            "module": self.name, "success": self.tests.is_success, "passed": self.tests.passed,
            "failed": self.tests.failed, "output": self.tests.output, "seconds": seconds,
            "fuel": self.fuel.iter().map(fuel).collect::<Vec<_>>(),
        })
    }

    fn text(&self, seconds: f64) -> String {
        let (name, NativeTests { passed, failed, output, .. }) = (&self.name, &self.tests);
        let mut text = match self.tests.is_success {
            true => format!("{name}: {passed} tests passed, {seconds:.1} s\n"),
            false => format!(
                "{output}\n\n{name}: {passed} tests passed, {failed} failed, {seconds:.1} s\n"
            ),
        };
        for (what, before, now) in &self.fuel {
            let change = match before {
                None => "new".to_owned(),
                Some(before) if before == now => "as before".to_owned(),
                Some(before) => {
                    format!("{} before, {}", grouped(*before), percentage(*before, *now))
                }
            };
            text += &format!("  fuel  {what}: {} ({change})\n", grouped(*now));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fuel(entries: &[(&str, u64)]) -> Fuel {
        Fuel(entries.iter().map(|(name, fuel)| ((*name).to_owned(), *fuel)).collect())
    }

    /// What nobody asked to change stays, so that a call can grow dearer only once: by small steps it would otherwise
    /// become any price, each a little above what was written by itself.
    #[test]
    fn only_new_names_are_written_unasked() {
        let known = fuel(&[("a", 10), ("gone", 5)]);
        let measured = fuel(&[("a", 8), ("new", 3)]);
        let plain = fuel(&[("a", 10), ("gone", 5), ("new", 3)]);
        assert_eq!(next(&known, &measured, false, true), plain);
        assert_eq!(next(&known, &measured, true, true), measured, "what is gone goes");
        let some = fuel(&[("a", 8), ("gone", 5), ("new", 3)]);
        assert_eq!(next(&known, &measured, true, false), some, "what did not run stays");
    }

    #[test]
    fn fuel_is_told_with_what_it_was() {
        let tests = NativeTests { passed: 2, failed: 0, is_success: true, output: String::new() };
        let fuel = vec![("a".to_owned(), Some(1_000), 900), ("b".to_owned(), None, 1_234_567)];
        let told = Ran { name: "counter".to_owned(), tests, fuel };
        let text = told.text(0.5);
        assert!(text.contains("a: 900 (1_000 before, -10.0 %)"), "{text}");
        assert!(text.contains("b: 1_234_567 (new)"), "{text}");
        assert_eq!(told.json(0.5)["fuel"][0]["before"], json!("1000"));
    }
}
