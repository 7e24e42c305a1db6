#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(core) = pollen_smith::module_of_input(input) {
        pollen_vm::fuzzing::execution(&core);
    }
});
