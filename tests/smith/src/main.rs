//! Writes generated core modules within the ledger's features, one file a seed:
//!
//! ```text
//! cargo run --manifest-path tests/smith/Cargo.toml -- FOLDER FIRST COUNT
//! POLLEN_GENERATED=FOLDER cargo nextest run -p pollen-vm generated
//! ```
//!
//! The same seed gives the same module for ever (with this version of wasm-smith). A few are kept in
//! `vm/vectors/generated`, which every test run uses.

use std::path::Path;
use std::process::ExitCode;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

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

fn config(seed: u64) -> Config {
    Config {
        // What the ledger's validation takes (vm/src/validate/features.rs).
        bulk_memory_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        multi_value_enabled: true,
        // Tables of host references would be refused; tables of functions are there without it.
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: true,
        tail_call_enabled: false,
        threads_enabled: false,
        extended_const_enabled: false,
        // Within its limits, with nothing to link, and everything to call.
        max_imports: 0,
        max_memories: 1,
        max_memory32_bytes: 64 * 64 * 1024,
        memory_max_size_required: true,
        max_tables: 1,
        max_table_elements: 1_000,
        max_data_segments: 4,
        min_funcs: 3,
        max_funcs: 12,
        max_instructions: 200,
        export_everything: true,
        // Half of them trap seldom: their runs are long.
        disallow_traps: seed.is_multiple_of(2),
        ..Config::default()
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, first, count] = arguments.as_slice() else {
        eprintln!("usage: pollen-smith FOLDER FIRST COUNT");
        return ExitCode::FAILURE;
    };
    let (Ok(first), Ok(count)) = (first.parse::<u64>(), count.parse::<u64>()) else {
        eprintln!("FIRST and COUNT are numbers");
        return ExitCode::FAILURE;
    };
    for seed in first..first.saturating_add(count) {
        let bytes = bytes(seed);
        let module = match Module::new(config(seed), &mut Unstructured::new(&bytes)) {
            Ok(module) => module.to_bytes(),
            Err(error) => {
                eprintln!("seed {seed}: {error}");
                continue;
            }
        };
        let path = Path::new(folder).join(format!("{seed:06}.wasm"));
        if let Err(error) = std::fs::write(&path, module) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
