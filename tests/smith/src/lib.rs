//! Core modules within the ledger's features, out of any bytes: for the module host's tests
//! (`vm/vectors/generated`) and its fuzz target `execution`.

use arbitrary::{Error, Unstructured};
use wasm_smith::{Config, Module};

/// The module that `bytes` choose; a tame one traps seldom, so that its runs are long.
///
/// # Errors
/// When the bytes do not suffice for one.
pub fn module(bytes: &[u8], is_tame: bool) -> Result<Vec<u8>, Error> {
    Ok(Module::new(config(is_tame), &mut Unstructured::new(bytes))?.to_bytes())
}

/// The module that an input of the fuzz target chooses, if it suffices for one.
pub fn module_of_input(input: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = input.split_first()?;
    module(rest, first.is_multiple_of(2)).ok()
}

fn config(is_tame: bool) -> Config {
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
        disallow_traps: is_tame,
        ..Config::default()
    }
}
