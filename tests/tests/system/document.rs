//! What the tests of README.md and docs/modules.md share: the blocks of a document, and a stranger's terminal.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::harness::{outside, program};

/// A network may have to be built first.
const READY_PATIENCE: Duration = Duration::from_secs(900);
/// The last line of `pollen dev` before it is quiet.
const READY: &str = "Ctrl-C stops all nodes";

/// A fenced block of a document.
#[derive(Debug)]
pub struct Block {
    /// What follows its opening fence: a language, and what a test is to do with it.
    pub info: String,
    pub text: String,
    /// Of its opening fence, from 1.
    pub line: usize,
}

/// All fenced blocks, in order.
pub fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (1..).zip(document.lines()) {
        match (text.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block { info: info.to_owned(), text: String::new(), line });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{text}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block ends: {open:?}");
    blocks
}

/// Bash in a folder, as a stranger has it: `pollen` on PATH, with a home of its own.
pub fn bash(folder: &Path, home: &Path, script: &str) -> Command {
    let mut command = std::process::Command::new("bash");
    outside(&mut command);
    let mut command = Command::from(command);
    let own = program().parent().unwrap().display().to_string();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap_or_default());
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    command.env("POLLEN_HOME", home).env("PATH", path);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A network that runs in a terminal of its own.
pub struct Terminal {
    pub child: Child,
    /// What it prints until it is ready.
    pub told: String,
    /// What it prints after that, until its end.
    pub farewell: JoinHandle<String>,
}

impl Terminal {
    /// Starts it, and waits until it says that it is ready.
    pub async fn start(mut command: Command) -> Self {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = String::new();
        let ready = tokio::time::timeout(READY_PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                told += &format!("{line}\n");
                if line.contains(READY) {
                    return true;
                }
            }
            false
        });
        let ready = ready.await.expect("a network says that it is ready");
        assert!(ready, "it ended:\n{told}");
        let farewell = tokio::spawn(async move {
            let mut told = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                told += &format!("{line}\n");
            }
            told
        });
        Self { child, told, farewell }
    }
}

/// Ends a process and all of its group, when it still runs: a test that failed leaves no network behind.
pub fn end_group(child: &Child) {
    if let Some(id) = child.id() {
        let group = format!("-{id}");
        let _ = std::process::Command::new("kill").args(["-TERM", "--", &group]).status();
    }
}
