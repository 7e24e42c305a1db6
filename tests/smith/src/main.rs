//! Writes generated core modules within the ledger's features, one file a seed, or the one of an input of the fuzz
//! target `execution`:
//!
//! ```text
//! cargo run --manifest-path tests/smith/Cargo.toml -- FOLDER FIRST COUNT
//! POLLEN_GENERATED=FOLDER cargo nextest run -p pollen-vm generated
//!
//! cargo run --manifest-path tests/smith/Cargo.toml -- INPUT MODULE
//! ```
//!
//! The same seed gives the same module for ever (with this version of wasm-smith). A few are kept in
//! `vm/vectors/generated`, which every test run uses.

use std::path::Path;
use std::process::ExitCode;

use pollen_smith::module;

/// Random bytes that one module is made of.
const BYTES: usize = 6 * 1024;

/// splitmix64: the same sequence for ever.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    words.take(BYTES / 8).flat_map(u64::to_le_bytes).collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [input, module] => of_input(Path::new(input), Path::new(module)),
        [folder, first, count] => of_seeds(Path::new(folder), first, count),
        _ => Err("usage: pollen-smith FOLDER FIRST COUNT, or pollen-smith INPUT MODULE".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(path: &Path, module: &[u8]) -> Result<(), String> {
    std::fs::write(path, module).map_err(|error| format!("{}: {error}", path.display()))
}

fn of_input(input: &Path, path: &Path) -> Result<(), String> {
    let bytes = std::fs::read(input).map_err(|error| format!("{}: {error}", input.display()))?;
    let module = pollen_smith::module_of_input(&bytes);
    write(path, &module.ok_or("the input does not suffice for a module")?)
}

fn of_seeds(folder: &Path, first: &str, count: &str) -> Result<(), String> {
    let (Ok(first), Ok(count)) = (first.parse::<u64>(), count.parse::<u64>()) else {
        return Err("FIRST and COUNT are numbers".to_owned());
    };
    for seed in first..first.saturating_add(count) {
        // Half of them trap seldom: their runs are long.
        match module(&bytes(seed), seed.is_multiple_of(2)) {
            Ok(module) => write(&folder.join(format!("{seed:06}.wasm")), &module)?,
            Err(error) => eprintln!("seed {seed}: {error}"),
        }
    }
    Ok(())
}
