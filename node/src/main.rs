//! The `pollen` program.

use std::process::ExitCode;

use clap::Parser as _;
use pollen_node::cli::{self, Cli};

/// How long tasks that are still running may take when the program ends.
const SHUTDOWN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(cli::run(cli));
    // Waited for: a thread that still reads the database while the process takes itself apart crashes
    // it, and a node that stopped well would seem to have failed.
    runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print(json);
            ExitCode::from(failure.code)
        }
    }
}
