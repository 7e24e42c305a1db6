#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pollen_sim::fuzzing::tree_operations(bytes));
