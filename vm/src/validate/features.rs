//! The WebAssembly that modules may use, feature by feature. Validity is consensus, so nothing is left to
//! a library's defaults: a new feature of a new version does not compile until it has a line here.

use wasmparser::{WasmFeatures, WasmFeaturesInflated};

/// Every feature, by name.
pub fn features() -> WasmFeatures {
    WasmFeatures::from_inflated(WasmFeaturesInflated {
        // On: what compilers emit today, deterministic by itself or made so by the engine's settings.
        mutable_global: true,
        saturating_float_to_int: true,
        sign_extension: true,
        multi_value: true,
        bulk_memory: true,
        bulk_memory_opt: true,
        simd: true,
        floats: true,
        component_model: true,
        // As an encoding only: without `gc_types` there is no externref.
        reference_types: true,
        call_indirect_overlong: true,
        gc_types: false,
        // Off: not deterministic, not metered by our table, or simply not needed.
        relaxed_simd: false,
        threads: false,
        shared_everything_threads: false,
        tail_call: false,
        multi_memory: false,
        exceptions: false,
        legacy_exceptions: false,
        memory64: false,
        extended_const: false,
        function_references: false,
        memory_control: false,
        gc: false,
        custom_page_sizes: false,
        stack_switching: false,
        wide_arithmetic: false,
        custom_descriptors: false,
        compact_imports: false,
        cm_values: false,
        cm_nested_names: false,
        cm_async: false,
        cm_async_stackful: false,
        cm_more_async_builtins: false,
        cm_threading: false,
        cm_error_context: false,
        cm_fixed_length_lists: false,
        cm_gc: false,
        cm_map: false,
        cm64: false,
        cm_implements: false,
        cm_canon_names: false,
    })
}
