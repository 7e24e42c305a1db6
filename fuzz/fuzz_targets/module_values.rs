#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pollen_vm::fuzzing::values(bytes));
