//! `pollen build` and `pollen verify-code`: which bytes a source folder makes, and whether a deployed module runs them.
//!
//! A node is not believed: the code that it gives has to hash to what it says the module runs. `pollen verify account`
//! and its kin prove that the chain agrees; here it is about source and code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use pollen_build::{Anatomy, BuiltModule, Options};
use pollen_ledger::Hash;
use pollen_rpc::api::ModuleCodeParams;
use pollen_vm::Interface;
use serde_json::{Value, json};

use super::difference::{differences_json, differences_text, size_text};
use super::{Failure, Session, modules, output};

/// `pollen build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The module's folder
    pub folder: PathBuf,
    /// Keep debug information: failed queries tell lines of the source; the module is far larger
    #[arg(long)]
    pub debug: bool,
    /// Build a second time from nothing, and say whether the bytes are the same
    #[arg(long)]
    pub check: bool,
}

/// `pollen verify-code`.
#[derive(Debug, Args)]
pub struct VerifyCodeArgs {
    /// A registered name or an address
    pub module: String,
    /// The source folder, or a component (.wasm)
    pub source: PathBuf,
}

/// `pollen build FOLDER`.
pub fn build(session: &Session, args: &BuildArgs) -> Result<(), Failure> {
    let built = modules::build_module(&args.folder, args.debug)?;
    let hash = Hash::of_content(&built.component);
    let again = if args.check { Some(build_again(args)?) } else { None };
    let same = again.as_ref().map(|again| again.component == built.component);
    let build = anatomy(&built.component)?.build();
    let document = json!({
        "name": built.name,
        "path": built.path,
        "bytes": built.component.len(),
        "codeHash": hash,
        "build": build,
        "reproducible": same,
    });
    session.print(&document, || {
        output::pairs([
            ("module", built.name.clone()),
            ("component", built.path.display().to_string()),
            ("bytes", built.component.len().to_string()),
            ("code hash", hash.to_string()),
            ("built with", built_with(&build)),
            ("reproducible", reproducible_text(same, &args.folder).to_owned()),
        ])
    });
    match again.filter(|_| same == Some(false)) {
        None => Ok(()),
        Some(again) => {
            let parts = anatomy(&built.component)?.compared(&anatomy(&again.component)?);
            let parts: Vec<_> = parts.into_iter().map(|part| part.part).collect();
            Err(Failure::new(format!("a second build gave other bytes in: {}", parts.join(", ")))
                .hint("does a build script or a macro take the time, a random number or a path?"))
        }
    }
}

/// From nothing, where nothing of the first build is.
fn build_again(args: &BuildArgs) -> Result<BuiltModule, Failure> {
    let beside = std::env::temp_dir().join(format!("pollen-build-check-{}", std::process::id()));
    let options =
        Options { target_dir: Some(beside.clone()), debug: args.debug, ..Options::default() };
    let bar = output::spinner("building a second time, from nothing");
    let built = pollen_build::build_module(&args.folder, &options);
    bar.finish_and_clear();
    let _ = std::fs::remove_dir_all(&beside);
    Ok(built?)
}

fn reproducible_text(same: Option<bool>, folder: &Path) -> &'static str {
    let is_locked = folder.canonicalize().is_ok_and(|folder| {
        folder.join("module.c").exists()
            || folder.ancestors().any(|above| above.join("Cargo.lock").exists())
    });
    match (same, is_locked) {
        (Some(true), _) => "yes: a second build from nothing gave the same bytes",
        (Some(false), _) => "no: a second build gave other bytes",
        (None, true) => {
            "by the same compiler, from the same source and Cargo.lock (--check builds twice)"
        }
        (None, false) => "not without a Cargo.lock: versions of dependencies may move",
    }
}

fn built_with(build: &BTreeMap<String, String>) -> String {
    let said = build.iter().filter(|(what, _)| *what != "module").map(|(_, said)| said.as_str());
    said.collect::<Vec<_>>().join(", ")
}

fn anatomy(component: &[u8]) -> Result<Anatomy, Failure> {
    Anatomy::of(component).map_err(|error| Failure::new(format!("no component: {error}")))
}

/// `pollen verify-code MODULE SOURCE`.
pub async fn verify(session: &Session, args: &VerifyCodeArgs) -> Result<(), Failure> {
    let client = session.client()?;
    let module = modules::target(&client, &args.module).await?;
    let params = ModuleCodeParams { code: Some(module.code), ..Default::default() };
    let code = client.module_code(&params).await?.value.code;
    let deployed = code.ok_or_else(|| Failure::new("the node gave no code"))?.0;
    if Hash::of_content(&deployed) != module.code {
        return Err(Failure::new("the node gave other code than it says the module runs")
            .hint("ask another one: --node or --rpc"));
    }
    let built = modules::component_of(&args.source).await?;
    let hash = Hash::of_content(&built);
    let is_same = hash == module.code;
    let found = Found::of(&deployed, &built)?;
    let document = json!({
        "module": args.module,
        "same": is_same,
        "deployedHash": module.code,
        "sourceHash": hash,
        "difference": if is_same { Value::Null } else { found.json() },
    });
    session.print(&document, || match is_same {
        true => format!(
            "{} runs what {} makes\n  code hash  {hash}\n",
            args.module,
            args.source.display()
        ),
        false => {
            let hashes = output::pairs([
                ("deployed", module.code.to_string()),
                ("source", hash.to_string()),
            ]);
            hashes + &found.text()
        }
    });
    match is_same {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{} runs other code than {} makes",
            args.module,
            args.source.display()
        ))
        .hint(found.advice())),
    }
}

/// In what a deployed component and one from source differ.
struct Found {
    bytes: (usize, usize),
    builds: (BTreeMap<String, String>, BTreeMap<String, String>),
    interface: pollen_vm::interface::Comparison,
    parts: Vec<pollen_build::PartDifference>,
}

impl Found {
    fn of(deployed: &[u8], built: &[u8]) -> Result<Self, Failure> {
        let (one, other) = (anatomy(deployed)?, anatomy(built)?);
        let interface = |component: &[u8]| Interface::from_component(component).unwrap_or_default();
        Ok(Self {
            bytes: (deployed.len(), built.len()),
            interface: interface(deployed).compared(&interface(built)),
            parts: one.compared(&other),
            builds: (one.build(), other.build()),
        })
    }

    fn json(&self) -> Value {
        let part = |part: &pollen_build::PartDifference| json!({ "part": part.part, "bytesBefore": part.bytes_before, "bytesAfter": part.bytes_after });
        json!({
            "bytesBefore": self.bytes.0,
            "bytesAfter": self.bytes.1,
            "buildBefore": self.builds.0,
            "buildAfter": self.builds.1,
            "interface": differences_json(&self.interface),
            "parts": self.parts.iter().map(part).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("  size      {}\n", size_text(Some(self.bytes.0), self.bytes.1));
        let (one, other) = &self.builds;
        for (what, said) in one {
            let now = other.get(what).map_or("nothing", String::as_str);
            if now != said {
                text += &format!("  {what:<8}  {said}; here {now}\n");
            }
        }
        text += &differences_text(&self.interface);
        for part in &self.parts {
            let bytes =
                |bytes: Option<usize>| bytes.map_or_else(|| "none".to_owned(), |it| it.to_string());
            let (before, after) = (bytes(part.bytes_before), bytes(part.bytes_after));
            text += &format!("  differs   {}: {before} bytes deployed, {after} here\n", part.part);
        }
        text
    }

    fn advice(&self) -> &'static str {
        let tools = |build: &BTreeMap<String, String>| {
            let of = |(what, _): &(&String, &String)| *what != "module";
            build
                .iter()
                .filter(of)
                .map(|(what, said)| (what.clone(), said.clone()))
                .collect::<Vec<_>>()
        };
        if tools(&self.builds.0) == tools(&self.builds.1) {
            "the same tools made other bytes: the sources, or the versions in Cargo.lock, are others"
        } else {
            "it was made by other tools: compare with the compiler and the version of pollen that are named above"
        }
    }
}
