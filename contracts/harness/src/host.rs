//! The process that hosts ledgers, `pollen test-host`: one JSON object a line, to it and back.
//!
//! A process is started when a ledger is wanted and none is idle, and is idle again when the ledger is dropped: tests
//! that run one after the other share one, and the module is compiled once. It ends when this process does, since its
//! standard input closes then.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::{COMPONENT_VARIABLE, PROGRAM_VARIABLE, module_folder, variable};

/// The version of what is said; `pollen test-host` tells its own first.
pub const PROTOCOL: u64 = 1;
/// The last words of a process that ends, at most.
const WORDS_BYTES_MAX: u64 = 64 << 10;

/// Those that host no ledger now.
static IDLE: Mutex<Vec<Host>> = Mutex::new(Vec::new());

/// A running process, between two requests.
pub(crate) struct Host {
    child: Child,
    /// None once it was told to end.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What it says for people.
    words: Option<JoinHandle<String>>,
}

impl Host {
    /// One that hosts a new ledger.
    pub(crate) fn take() -> Result<Self, String> {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let begin = |mut host: Self| host.ask(&json!({ "do": "start" })).map(|_| host);
        // One that ended while it was idle is replaced.
        match idle.map(begin) {
            Some(Ok(host)) => Ok(host),
            Some(Err(_)) | None => Self::start().and_then(begin),
        }
    }

    /// For the next ledger.
    pub(crate) fn give_back(self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    fn start() -> Result<Self, String> {
        let program = variable(PROGRAM_VARIABLE).unwrap_or_else(|| PathBuf::from("pollen"));
        let source = variable(COMPONENT_VARIABLE).unwrap_or_else(module_folder);
        let mut command = Command::new(&program);
        command.arg("test-host").arg(source);
        Self::start_by(command)
    }

    /// With another command, for tests.
    pub(crate) fn start_by(mut command: Command) -> Result<Self, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            format!(
                "these tests need the program `pollen`, and `{program}` does not start: {error}\n  \
                 run them by `pollen test`, or put pollen on PATH"
            )
        })?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("a process without its output")?);
        let words = child.stderr.take().map(|words| std::thread::spawn(move || listen(words)));
        let mut host = Self { child, requests, answers, words };
        let hello = host.read().map_err(|what| {
            format!("{what}\n  is `{program}` a pollen of before `pollen test`? `{program} --version` tells")
        })?;
        match hello["protocol"].as_u64() {
            Some(PROTOCOL) => Ok(host),
            found => Err(format!(
                "`{program}` is pollen {} and speaks version {} of the tests' protocol, this project's \
                 pollen-harness speaks {PROTOCOL}\n  take vendor/pollen of a new project of that version (`pollen new`), or \
                 run the tests by the pollen that vendor/pollen/README.md names",
                hello["pollen"].as_str().unwrap_or("of an unknown version"),
                found.map_or("an unknown".to_owned(), |version| version.to_string()),
            )),
        }
    }

    /// One line to it, one back: what it answered, or why it could not.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Value, String> {
        // One that ended is told of by reading.
        let _ = self.requests.as_mut().map(|requests| writeln!(requests, "{request}"));
        let mut answer = self.read()?;
        if let Some(error) = answer["error"].as_str() {
            let hint = answer["hint"].as_str().map(|hint| format!("\n  {hint}"));
            return Err(format!("{error}{}", hint.unwrap_or_default()));
        }
        Ok(answer["ok"].take())
    }

    fn read(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) | Err(_) => Err(self.last_words()),
            Ok(_) => serde_json::from_str(&line).map_err(|error| {
                let line = line.trim_end();
                format!("pollen test-host answered what is no JSON ({error}): {line}")
            }),
        }
    }

    fn last_words(&mut self) -> String {
        self.requests = None;
        let _ = self.child.kill(); // it may hold its output closed and live on
        let status = self.child.wait().map_or_else(|error| error.to_string(), |it| it.to_string());
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        let words: String = words.lines().map(|line| format!("\n  | {line}")).collect();
        format!("pollen test-host ended ({status}){words}")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, so that nobody waits for room, and keeps the end.
fn listen(mut words: ChildStderr) -> String {
    let (mut kept, mut piece) = (Vec::new(), Vec::new());
    while words.by_ref().take(WORDS_BYTES_MAX).read_to_end(&mut piece).is_ok_and(|read| read > 0) {
        kept.append(&mut piece);
        let surplus = kept.len().saturating_sub(WORDS_BYTES_MAX as usize);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
