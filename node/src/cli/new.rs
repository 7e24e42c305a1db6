//! `pollen new`: a folder with a module in Rust or C that builds, is tested and can be deployed as it stands.
//!
//! What is written is this repository's own examples (`contracts/counter`, `token`, `service`, `fleet`, `counter-c`) under
//! another name, so a template cannot rot: it is built and tested here. The SDK, the test harness and the host's interface
//! are not in any registry; their sources are in this program and are written into `vendor/pollen`, one place, with the
//! version of the program that wrote them.
//!
//! Invariants: a folder that exists is never written into; either the whole project appears or nothing; what is
//! written needs no file of this repository.

mod manifests;
mod names;
mod project;
mod typescript;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Failure, Session};

/// `pollen new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The new folder; its last part is the module's name
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,
    /// What to begin with
    #[arg(long, value_enum, default_value_t = Template::Counter)]
    pub template: Template,
    /// With tests in TypeScript against `pollen dev`, in the folder ts
    #[arg(long)]
    pub typescript: bool,
}

/// What a new module begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// One number
    Counter,
    /// A fungible token
    Token,
    /// Queries that answer as a web server does: a guestbook
    Service,
    /// Devices, readings, a threshold, alarms
    Fleet,
    /// One number, in C
    #[value(alias = "c")]
    CounterC,
}

/// Files to look at first, where a project has them.
const SHOWN: [(&str, &str); 7] = [
    ("wit/world.wit", "the interface: what callers see"),
    ("src/lib.rs", "what implements it"),
    ("module.c", "what implements it; clang compiles it (pollen doctor)"),
    ("src/tests.rs", "its tests, natively"),
    ("tests/machine.rs", "its tests, compiled, on a real ledger: pollen test"),
    ("ts/tests/module.test.ts", "its tests in TypeScript, while pollen dev runs: npm test in ts"),
    ("README.md", "how to go on"),
];

/// `pollen new NAME`.
pub fn run(session: &Session, args: &NewArgs) -> Result<(), Failure> {
    let name = names::of_folder(&args.folder)?;
    let mut files = project::files(&name, args.template, args.typescript);
    let client = args.typescript.then(typescript::client).transpose()?;
    write(&args.folder, |folder| {
        write_all(folder, &files)?;
        client.map_or(Ok(()), |client| typescript::complete(folder, &name, client))
    })?;
    if args.typescript {
        let made = [typescript::bindings_path(&name), typescript::CLIENT.to_owned()];
        files.extend(made.map(|path| (path, String::new())));
    }
    let next = args.template.next(&name, &args.folder);
    let document = json!({
        "name": name,
        "folder": args.folder,
        "template": args.template.name(),
        "files": files.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        "next": next,
    });
    session.print(&document, || {
        let mut text =
            format!("made {} from the template {}\n", args.folder.display(), args.template.name());
        let width = if args.typescript { 23 } else { 16 };
        for (path, what) in SHOWN {
            if files.iter().any(|(file, _)| file == path) {
                text += &format!("  {path:<width$} {what}\n");
            }
        }
        text += "\nnext:\n";
        for command in &next {
            text += &format!("  {command}\n");
        }
        text
    });
    Ok(())
}

impl Template {
    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Token => "token",
            Self::Service => "service",
            Self::Fleet => "fleet",
            Self::CounterC => "counter-c",
        }
    }

    /// Words of `init`.
    pub(super) fn init_words(self) -> &'static str {
        match self {
            Self::Counter | Self::CounterC => "0",
            Self::Token => "Gold GLD 2 1000000",
            Self::Service => "",
            Self::Fleet => "30.0",
        }
    }

    /// A first call, and a query after it.
    pub(super) fn first_calls(self) -> [&'static str; 2] {
        match self {
            Self::Counter | Self::CounterC => ["increment 2", "get"],
            Self::Token => ["transfer bob 250", "balance-of bob"],
            Self::Service => ["sign hello", "get /entries/0"],
            Self::Fleet => ["register bob pump-1", "devices 10"],
        }
    }

    fn next(self, name: &str, folder: &Path) -> Vec<String> {
        let init = self.init_words();
        let init = if init.is_empty() { String::new() } else { format!(" -- {init}") };
        vec![
            format!("cd {}", folder.display()),
            "pollen test".to_owned(),
            format!("pollen dev{init}"),
            format!("pollen call {name} {} --from alice", self.first_calls()[0]),
            format!("pollen query {name} {}", self.first_calls()[1]),
        ]
    }
}

/// Writes all files beside the folder and renames: no half project is ever left.
fn write(folder: &Path, fill: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    if std::fs::symlink_metadata(folder).is_ok() {
        return Err(Failure::new(format!("{} is there already", folder.display()))
            .hint("choose another name, or remove it first: nothing was written"));
    }
    let parent =
        folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = parent.join(format!(".pollen-new-{}", std::process::id()));
    std::fs::create_dir(&beside).map_err(|error| failed(&beside, error))?;
    let written = fill(&beside)
        .and_then(|()| std::fs::rename(&beside, folder).map_err(|error| failed(folder, error)));
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&beside);
    }
    written
}

fn write_all(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    for (path, content) in files {
        let path = folder.join(path);
        let within = path.parent().expect("files lie in the folder");
        std::fs::create_dir_all(within)
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
