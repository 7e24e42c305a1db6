//! How wasmtime is set up (MODULES §3). Everything that could change a result is named here and never
//! left to a default.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig,
    Strategy, VariableOperatorCost, WasmBacktraceDetails, WasmFeatures,
};

use super::stack::WASM_STACK_BYTES;
use crate::cache::ArtefactSums;
use crate::validate::{features, limits};

/// The interpreter, as a target of the compiler.
const INTERPRETER: &str = "pulley64";
/// Backtrace frames that a note shows.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");
/// Address space of one memory.
const MEMORY_RESERVATION_BYTES: u64 = 64 << 20;
/// Guard behind it.
const MEMORY_GUARD_BYTES: u64 = 64 << 10;
/// Memory of a slot that stays resident between instances: that for which nothing is paid.
const MEMORY_KEEP_RESIDENT_BYTES: usize = limits::MEMORY_FREE_BYTES as usize;
/// Memory of a table's slot that stays resident: giving it back costs a system call and an interrupt of
/// every other core at each call.
const TABLE_KEEP_RESIDENT_BYTES: usize = 16 << 10;

/// What a node may choose: none of it changes a result.
#[derive(Debug, Clone)]
pub struct VmConfig {
    /// Where compiled code is kept; none = nowhere, everything is compiled again after a start.
    pub cache_dir: Option<PathBuf>,
    /// Who keeps the checksums of what is there; none = this process, so that a restart compiles again.
    pub cache_sums: Option<Arc<dyn ArtefactSums>>,
    /// Bytes of compiled code that are kept on disk.
    pub cache_bytes_max: u64,
    /// Modules that are kept ready in memory.
    pub modules_in_memory: NonZeroUsize,
    /// Instances that may exist at once, nested calls included: at least 18.
    pub instances: u32,
    /// What makes code of modules.
    pub compiler: Compiler,
    /// Threads that compile, at least 1: each may use a processor and 300 MB for 2 seconds.
    pub compile_threads: usize,
}

/// What makes code of modules. Results, codes and fuel are the same with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compiler {
    /// Quick code, slowly made.
    #[default]
    Speed,
    /// Slower code, quickly made.
    Quick,
    /// No code for this processor at all, but for wasmtime's interpreter: a second opinion for tests,
    /// tens of times slower.
    Interpreter,
}

impl Default for VmConfig {
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_sums: None,
            cache_bytes_max: 1 << 30,
            modules_in_memory: NonZeroUsize::new(256).expect("not zero"),
            instances: 128,
            compiler: Compiler::default(),
            compile_threads: 1,
        }
    }
}

/// The one configuration of the engine.
pub(crate) fn wasmtime_config(config: &VmConfig) -> Config {
    let mut engine = Config::new();
    for (_, feature) in WasmFeatures::all().iter_names() {
        engine.wasm_features(feature, features().contains(feature));
    }
    engine
        .strategy(Strategy::Cranelift)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .compiler_inlining(wasmtime::Inlining::No)
        // One thread a compilation: how many processors compile is the pool's business.
        .parallel_compilation(false)
        .consume_fuel(true)
        .operator_cost(operator_cost())
        .epoch_interruption(false)
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        // There are no such stacks here, and wasmtime wants them to be no smaller.
        .async_stack_size(WASM_STACK_BYTES)
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        .memory_reservation_for_growth(0)
        .memory_may_move(false)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    match config.compiler {
        Compiler::Speed => engine.cranelift_opt_level(OptLevel::Speed),
        Compiler::Quick => engine.cranelift_opt_level(OptLevel::None),
        Compiler::Interpreter => {
            let known = "wasmtime knows its own interpreter";
            engine.cranelift_opt_level(OptLevel::Speed).target(INTERPRETER).expect(known)
        }
    };
    engine
}

fn pool(config: &VmConfig) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(config.instances)
        .total_core_instances(config.instances.saturating_mul(limits::CORE_INSTANCES_MAX))
        .total_memories(config.instances)
        .total_tables(config.instances.saturating_mul(TABLES_PER_COMPONENT))
        .max_core_instances_per_component(limits::CORE_INSTANCES_MAX)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memories_per_module(1)
        .max_tables_per_module(limits::TABLES_MAX)
        .max_memory_size(limits::MEMORY_BYTES_MAX as usize)
        .table_elements(limits::TABLE_ELEMENTS_MAX as usize)
        // More than any component within the limits needs: never the reason of a refusal.
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        // What stays resident is wiped whole. To ask the kernel which pages were written is a system call for
        // each memory and each table, and its price differs by machine: up to a fifth of a small call.
        .pagemap_scan(Enabled::No);
    pool
}

/// Tables of a component: those of its modules together.
const TABLES_PER_COMPONENT: u32 = limits::TABLES_MAX * limits::CORE_MODULES_MAX;
/// Bytes of an instance's own record.
const INSTANCE_BYTES: usize = 4 << 20;

macro_rules! costs {
    ($cost:ident: $($price:literal for $($operator:ident)+;)+) => {
        $($($cost.$operator = $price;)+)+
    };
}

/// What each operator costs. Consensus data, like [`crate::host::prices`].
pub(crate) fn operator_cost() -> OperatorCost {
    let mut cost = OperatorCost::new();
    costs! { cost:
        // Where fuel is looked at.
        1 for Loop;
        8 for Call;
        16 for CallIndirect;
        4 for I32DivS I32DivU I32RemS I32RemU I8x16Swizzle I8x16Shuffle I64x2Mul;
        6 for I64DivS I64DivU I64RemS I64RemU;
        3 for I8x16Popcnt I16x8ExtAddPairwiseI8x16S I16x8ExtAddPairwiseI8x16U
            I32x4ExtAddPairwiseI16x8S I32x4ExtAddPairwiseI16x8U;
        2 for I16x8Q15MulrSatS I16x8ExtendLowI8x16S I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U
            I16x8ExtendHighI8x16U I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S I32x4ExtendLowI16x8U
            I32x4ExtendHighI16x8U I64x2ExtendLowI32x4S I64x2ExtendHighI32x4S I64x2ExtendLowI32x4U
            I64x2ExtendHighI32x4U I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S I16x8ExtMulLowI8x16U
            I16x8ExtMulHighI8x16U I32x4ExtMulLowI16x8S I32x4ExtMulHighI16x8S I32x4ExtMulLowI16x8U
            I32x4ExtMulHighI16x8U;
        3 for I32x4Mul;
        4 for I64x2ExtMulLowI32x4S I64x2ExtMulHighI32x4S I64x2ExtMulLowI32x4U I64x2ExtMulHighI32x4U;
        // Latency, and the test for NaN behind each.
        3 for F32Add F32Sub F64Add F64Sub F32x4Add F32x4Sub F64x2Add F64x2Sub;
        // Subnormal numbers, which Intel's processors leave to microcode: 38 ns a multiplication, measured.
        50 for F32Mul F64Mul F32x4Mul F64x2Mul F32Div F64Div F32x4Div F64x2Div
            F32Sqrt F64Sqrt F32x4Sqrt F64x2Sqrt
            F32DemoteF64 F64PromoteF32 F32x4DemoteF64x2Zero F64x2PromoteLowF32x4;
        2 for F32Eq F32Ne F32Lt F32Gt F32Le F32Ge F64Eq F64Ne F64Lt F64Gt F64Le F64Ge
            I32ReinterpretF32 I64ReinterpretF64 F32ReinterpretI32 F64ReinterpretI64;
        4 for F32x4PMin F32x4PMax F64x2PMin F64x2PMax;
        5 for F32Min F32Max F64Min F64Max;
        6 for F32Ceil F32Floor F32Trunc F32Nearest F64Ceil F64Floor F64Trunc F64Nearest
            F32x4Ceil F32x4Floor F32x4Trunc F32x4Nearest F64x2Ceil F64x2Floor F64x2Trunc F64x2Nearest;
        8 for F32x4Min F32x4Max F64x2Min F64x2Max;
        3 for TableGet TableSet
            I32Load I64Load F32Load F64Load I32Load8S I32Load8U I32Load16S I32Load16U
            I64Load8S I64Load8U I64Load16S I64Load16U I64Load32S I64Load32U;
        4 for V128Load V128Load8x8S V128Load8x8U V128Load16x4S V128Load16x4U V128Load32x2S
            V128Load32x2U V128Load8Splat V128Load16Splat V128Load32Splat V128Load64Splat
            V128Load32Zero V128Load64Zero V128Load8Lane V128Load16Lane V128Load32Lane
            V128Load64Lane;
        2 for I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16
            I64Store32 V128Store V128Store8Lane V128Store16Lane V128Store32Lane V128Store64Lane;
        // Between integers and floats.
        3 for I32TruncF32S I32TruncF32U I32TruncF64S I32TruncF64U I64TruncF32S I64TruncF32U
            I64TruncF64S I64TruncF64U I32TruncSatF32S I32TruncSatF32U I32TruncSatF64S
            I32TruncSatF64U I64TruncSatF32S I64TruncSatF32U I64TruncSatF64S I64TruncSatF64U
            F32ConvertI32S F32ConvertI32U F32ConvertI64S F32ConvertI64U F64ConvertI32S
            F64ConvertI32U F64ConvertI64S F64ConvertI64U F32x4ConvertI32x4S F64x2ConvertLowI32x4S
            F64x2ConvertLowI32x4U;
        6 for F32x4ConvertI32x4U I32x4TruncSatF32x4S I32x4TruncSatF32x4U I32x4TruncSatF64x2SZero
            I32x4TruncSatF64x2UZero;
        // Between vectors and numbers.
        2 for V128AnyTrue I8x16AllTrue I16x8AllTrue I32x4AllTrue I64x2AllTrue I8x16Bitmask
            I16x8Bitmask I32x4Bitmask I64x2Bitmask I8x16Splat I16x8Splat I32x4Splat I64x2Splat
            F32x4Splat F64x2Splat I8x16ExtractLaneS I8x16ExtractLaneU I16x8ExtractLaneS
            I16x8ExtractLaneU I32x4ExtractLane I64x2ExtractLane F32x4ExtractLane
            F64x2ExtractLane;
        100 for MemoryGrow TableGrow;
        // The engine does these in calls of its own.
        120 for RefFunc;
        20 for ElemDrop DataDrop;
        20 for TableInit;
        10 for MemoryCopy MemoryInit TableCopy TableFill;
        // Of no bytes, to a page that nobody touched: the C library stores with a mask that lets nothing through,
        // and processors leave that to microcode. 150 ns on AMD's Zen 4, 70 ns on Intel's Sapphire Rapids.
        200 for MemoryFill;
    }
    cost.variable = VariableOperatorCost {
        memory_copy_per_byte: 1,
        memory_fill_per_byte: 1,
        memory_init_per_byte: 1,
        memory_grow_per_page: 255,
        table_copy_per_element: 4,
        table_fill_per_element: 2,
        table_init_per_element: 4,
        table_grow_per_element: 2,
        // Garbage collection is off: no module holds these.
        array_copy_per_element: 1,
        array_fill_per_element: 1,
        array_new_data_per_element: 1,
        array_init_data_per_element: 1,
        array_new_elem_per_element: 1,
        array_init_elem_per_element: 1,
        array_new_default_per_element: 1,
        array_new_per_element: 1,
    };
    cost
}
