//! What calls cost, written down: `tests/fuel.txt` of a package, a line a name, for people and for `git diff`.
//!
//! Tests compare and never write: they run beside each other, in threads and processes. What they measured they append
//! to a report where `pollen test` asked for one, and that writes the file, once, when all of them are done.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::{module_folder, variable};

/// Names the report that measurements are appended to.
pub const REPORT_VARIABLE: &str = "POLLEN_TEST_FUEL_REPORT";
/// When it is set, nothing is compared: what is measured is about to be written down.
pub const UPDATE_VARIABLE: &str = "POLLEN_TEST_UPDATE_FUEL";

const HEADER: &str = "# Fuel of calls, by the name that a test gave them: a call that grows dearer fails its test.\n\
                      # Written by `pollen test`; `pollen test --update-fuel` writes all anew.\n";
/// Between name and fuel.
const BETWEEN: &str = ": ";

/// Fuel by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fuel(pub BTreeMap<String, u64>);

impl Fuel {
    /// Where it is in a package.
    pub fn path(package: &Path) -> PathBuf {
        package.join("tests/fuel.txt")
    }

    /// Of a file, or nothing where there is none.
    ///
    /// # Errors
    /// It cannot be read, or a line of it is no name with its fuel: the text says which.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        Self::parse(&text).map_err(|line| {
            format!(
                "{}: '{line}' is no name with its fuel, as `transfer: 115_234`\n  mend it, or remove the file: \
                 `pollen test` writes it anew",
                path.display()
            )
        })
    }

    /// The error is the line that is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line: &str| {
            let (name, fuel) = line.rsplit_once(BETWEEN)?;
            Some((name.to_owned(), fuel.replace('_', "").parse().ok()?))
        };
        let entries = lines.map(|line| entry(line).ok_or_else(|| line.to_owned()));
        entries.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn to_text(&self) -> String {
        let lines =
            self.0.iter().map(|(name, fuel)| format!("{name}{BETWEEN}{}\n", grouped(*fuel)));
        HEADER.to_owned() + &lines.collect::<String>()
    }

    /// All of it or nothing.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension(format!("txt.{}", std::process::id()));
        let written = fs::write(&beside, self.to_text()).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// What tests appended to a report: of a name that several measured the most.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn reported(report: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(report)?;
        let mut measured = Self::default();
        for (name, fuel) in text.lines().filter_map(|line| line.rsplit_once(BETWEEN)) {
            let fuel = fuel.parse().unwrap_or(0);
            let most = measured.0.entry(name.to_owned()).or_default();
            *most = fuel.max(*most);
        }
        Ok(measured)
    }
}

/// `115_234`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// By how much, as `+12.3 %`.
pub fn percentage(before: u64, now: u64) -> String {
    let (before, now) = (before.max(1) as f64, now as f64);
    format!("{:+.1} %", (now - before) / before * 100.0)
}

/// Compares with what is written in the package, and reports where that is wanted.
pub(crate) fn check(name: &str, fuel: u64) -> Result<(), String> {
    let is_plain = !name.is_empty() && name.trim() == name && !name.contains('\n');
    if !is_plain || name.starts_with('#') {
        return Err(format!("'{name}' is no name for fuel: one line, without a # before it"));
    }
    if let Some(report) = variable(REPORT_VARIABLE) {
        append(&report, name, fuel).map_err(|error| format!("{}: {error}", report.display()))?;
    }
    if variable(UPDATE_VARIABLE).is_some() {
        return Ok(());
    }
    compare(&Fuel::read(&Fuel::path(&module_folder()))?, name, fuel)
}

/// One write, so that lines of several processes do not mix.
fn append(report: &Path, name: &str, fuel: u64) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(report)?;
    file.write_all(format!("{name}{BETWEEN}{fuel}\n").as_bytes())
}

/// Cheaper is well, and so is what nobody wrote down.
pub(crate) fn compare(known: &Fuel, name: &str, fuel: u64) -> Result<(), String> {
    match known.0.get(name) {
        Some(before) if fuel > *before => Err(format!(
            "{name} grew dearer: {} fuel, {} before ({})\n  if that is meant: pollen test --update-fuel",
            grouped(fuel),
            grouped(*before),
            percentage(*before, fuel),
        )),
        _ => Ok(()),
    }
}
