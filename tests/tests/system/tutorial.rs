//! docs/modules.md is true: a newcomer who types its commands and writes its files gets what it shows. Every block
//! is executed, in order, against a network:
//!
//! - `sh` is typed into one terminal, `sh fails` ends with an error, `sh terminal` runs on in a terminal of its own;
//! - `text` is what the command above it printed: each of its lines, in this order, where `…` is anything and a number
//!   of four digits or more any such number (fuel, sizes);
//! - a block with `file=PATH` is that file, with `append` the end of it;
//! - a block with `from=PATH` is in that file of this repository, line by line; a line `// ...` leaves some out.
//!
//! What differs from the newcomer's terminal: folder, home and ports are others, and `HASH` is a hash that an earlier
//! command printed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use pollen_node::home::NetworkFile;
use pollen_rpc::client::PollenClient;
use tempfile::TempDir;

use super::developer::target;
use super::document::{Block, Terminal, bash, blocks, end_group};
use super::harness::{Machine, interrupt, level, repository};

const TUTORIAL: &str = "docs/modules.md";

/// Protects everyone who learns to write a module from the document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_block_of_the_tutorial_does_what_it_says() {
    let _machine = Machine::alone();
    let document = std::fs::read_to_string(repository().join(TUTORIAL)).unwrap();
    let mut newcomer = Newcomer::new();
    let mut ran = 0;
    for block in blocks(&document) {
        let began = Instant::now();
        newcomer.takes(&block).await;
        ran += 1;
        let first = block.text.lines().next().unwrap_or_default();
        let seconds = began.elapsed().as_secs_f64();
        println!("{TUTORIAL}:{} {seconds:.1} s  {}  {first}", block.line, block.info);
    }
    assert!(ran > 30, "{TUTORIAL} has {ran} blocks only");
    let mut terminal = newcomer.terminal.take().expect("a network was started");
    assert!(interrupt(&mut terminal.child).await.success());
}

struct Newcomer {
    /// What lies in it is forgotten at the end.
    folder: TempDir,
    /// Where the terminal is.
    working: PathBuf,
    terminal: Option<Terminal>,
    /// What the last command printed.
    printed: String,
    /// What was printed last that has a hash.
    hash: Option<String>,
}

impl Newcomer {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let working = folder.path().join("work");
        std::fs::create_dir(&working).unwrap();
        Self { folder, working, terminal: None, printed: String::new(), hash: None }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    async fn takes(&mut self, block: &Block) {
        let place = format!("{TUTORIAL}:{}", block.line);
        let (language, rest) = block.info.split_once(' ').unwrap_or((&block.info, ""));
        match (language, rest) {
            ("sh", "terminal") => self.starts(block).await,
            ("sh", "") => self.types(block, true, &place).await,
            ("sh", "fails") => self.types(block, false, &place).await,
            ("text", "") => shows(&self.printed, &block.text, &place),
            (_, rest) => match rest.split_once('=') {
                Some(("from", path)) => excerpt(&repository().join(path), &block.text, &place),
                Some(("file", path)) => self.writes(path, &block.text),
                _ => panic!("{place}: nothing is known of '{}'", block.info),
            },
        }
    }

    fn bash(&self, script: &str) -> tokio::process::Command {
        let mut command = bash(&self.working, &self.home(), script);
        // Dependencies are those of every generated project, and stay compiled.
        command.env("CARGO_TARGET_DIR", target()).env("CARGO_NET_OFFLINE", "true");
        command
    }

    async fn starts(&mut self, block: &Block) {
        let script = format!("exec {} --rpc-port 0 --network-port 0", block.text.trim());
        let terminal = Terminal::start(self.bash(&script)).await;
        self.printed.clone_from(&terminal.told);
        self.terminal = Some(terminal);
    }

    async fn types(&mut self, block: &Block, succeeds: bool, place: &str) {
        let place_file = self.folder.path().join("working");
        let mut script = block.text.clone();
        if let Some(hash) = &self.hash {
            script = script.replace("HASH", hash);
        }
        assert!(!script.contains("HASH"), "{place}: no hash was printed before");
        let script = format!("{script}\npwd > {}", place_file.display());
        let output = self.bash(&script).output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.printed = text(&output.stdout) + &text(&output.stderr);
        let is_right = output.status.success() == succeeds;
        assert!(is_right, "{place}: {}\n{}\n{}", block.text, output.status, self.printed);
        if succeeds {
            self.working = std::fs::read_to_string(&place_file).unwrap().trim().into();
        }
        let hash = |line: &str| {
            let told = line.trim().strip_prefix("transaction ")?;
            told.split(';').next().map(str::to_owned)
        };
        self.hash = self.printed.lines().rev().find_map(hash).or(self.hash.take());
        if self.terminal.is_some() {
            self.nodes_are_level().await;
        }
    }

    /// Whoever types is slower than the nodes are apart.
    async fn nodes_are_level(&self) {
        let endpoints = NetworkFile::read(&self.home()).expect("a network runs").endpoints;
        let clients: Vec<_> =
            endpoints.iter().map(|endpoint| PollenClient::new([endpoint]).unwrap()).collect();
        level(&clients.iter().collect::<Vec<_>>()).await;
    }

    fn writes(&self, path: &str, text: &str) {
        match path.split_once(' ') {
            None => {
                let path = self.working.join(path);
                assert!(path.is_file(), "{} is a file of the project", path.display());
                std::fs::write(path, text).unwrap();
            }
            Some((path, "append")) => {
                let path = self.working.join(path);
                let before = std::fs::read_to_string(&path).unwrap();
                std::fs::write(path, format!("{before}\n{text}")).unwrap();
            }
            Some((_, more)) => panic!("nothing is known of '{more}'"),
        }
    }
}

impl Drop for Newcomer {
    /// A test that failed leaves no network behind.
    fn drop(&mut self) {
        if let Some(terminal) = &self.terminal {
            end_group(&terminal.child);
        }
    }
}

/// A line as it is compared: spaces are one, and numbers that depend on the compiler are `#`.
fn plain(line: &str) -> String {
    let is_number = |word: &str| {
        let digits = word.trim_matches(|letter: char| !letter.is_ascii_digit());
        let digits: String = digits.chars().filter(|letter| !"_,".contains(*letter)).collect();
        digits.len() > 3 && digits.chars().all(|letter| letter.is_ascii_digit())
    };
    let words = line.split_whitespace().map(|word| if is_number(word) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn matches(shown: &str, printed: &str) -> bool {
    let mut rest = printed;
    let parts: Vec<_> = shown.split('…').collect();
    for (number, part) in parts.iter().enumerate() {
        let is_last = number + 1 == parts.len();
        let at = match (number, is_last) {
            (0, true) => return rest == *part,
            (0, false) => rest.starts_with(part).then_some(0),
            (_, true) => rest.ends_with(part).then(|| rest.len() - part.len()),
            (_, false) => rest.find(part),
        };
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// Each line that the document shows was printed, in this order.
fn shows(printed: &str, shown: &str, place: &str) {
    let mut lines = printed.lines().map(plain);
    for line in shown.lines().map(plain).filter(|line| !line.is_empty() && line != "…") {
        assert!(
            lines.any(|printed| matches(&line, &printed)),
            "{place} shows this line, which was not printed there:\n{line}\nbut:\n{printed}"
        );
    }
}

/// The lines stand so in a file; those of each part behind one another.
fn excerpt(file: &Path, shown: &str, place: &str) {
    let source = std::fs::read_to_string(file).unwrap();
    let mut rest = source.as_str();
    for part in shown.split("// ...\n").map(|part| part.trim_matches('\n')) {
        let found = rest.split_once(part);
        let Some((_, after)) = found else {
            panic!("{place} is not in {}:\n{part}", file.display())
        };
        rest = after;
    }
}
