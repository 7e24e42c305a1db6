#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pollen_sim::fuzzing::state_proof(bytes));
