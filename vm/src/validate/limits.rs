//! Limits of code, part of consensus (MODULES §4). Cranelift's time is not linear, and upstream does not
//! treat that as a security matter: these bounds are what keeps compiling bounded.

/// Version of these limits, of the features and of the table of costs; names cached code.
pub const LIMITS_VERSION: u32 = 2;

/// Bytes of a page of linear memory.
pub const PAGE_BYTES: u64 = 64 * 1024;
/// The most that a module may have at its start.
pub const MEMORY_START_BYTES_MAX: u64 = 4 << 20;
/// Memory that costs nothing: what stays resident between instances. Every page above it is a page fault
/// in each call that touches it.
pub const MEMORY_FREE_BYTES: u64 = 128 << 10;
/// Memory that a module may grow to.
pub const MEMORY_BYTES_MAX: u64 = 16 << 20;

/// Core modules in a component (the program itself and the adapters of the component tools).
pub const CORE_MODULES_MAX: u32 = 4;
/// Instances of them.
pub const CORE_INSTANCES_MAX: u32 = 4;
/// Component instances: one for each exported interface.
pub const COMPONENT_INSTANCES_MAX: u32 = 8;
/// Functions of all core modules together.
pub const FUNCTIONS_MAX: u32 = 8_000;
/// Imports of one core module.
pub const CORE_IMPORTS_MAX: u32 = 1_000;
/// Exports of one core module: a function of the interface needs two.
pub const CORE_EXPORTS_MAX: u32 = 4_096;
/// Components inside the component: one for each exported interface.
pub const COMPONENTS_MAX: u32 = 8;
/// Imports, exports, aliases, arguments, canonical functions and declarations of types, all together. A
/// function of the interface needs about six.
pub const COMPONENT_ITEMS_MAX: u32 = 16_384;
/// Custom sections: names, interface, producers, debug information.
pub const CUSTOM_SECTIONS_MAX: u32 = 64;
/// Bytes of a function's name in the name section: names are copied into notes.
pub const NAME_BYTES_MAX: usize = 4_096;
/// Types of all core modules together, and of the component itself.
pub const TYPES_MAX: u32 = 1_024;
/// Globals of one core module.
pub const GLOBALS_MAX: u32 = 512;
/// Memories of all core instances together: one slot holds one.
pub const MEMORIES_MAX: u32 = 1;
/// Tables of one core module.
pub const TABLES_MAX: u32 = 2;
/// Tables of all core instances together.
pub const TABLES_SUM_MAX: u32 = TABLES_MAX * CORE_INSTANCES_MAX;
/// Elements of a table, and of all element segments of a core module together.
pub const TABLE_ELEMENTS_MAX: u64 = 10_000;
/// Data segments of one core module.
pub const DATA_SEGMENTS_MAX: u32 = 1_000;
/// Parameters of a function.
pub const PARAMS_MAX: usize = 64;
/// Results of a function.
pub const RESULTS_MAX: usize = 16;

/// Bytes of a function's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Locals of a function, its parameters included.
pub const LOCALS_MAX: u32 = 512;
/// Locals of a component.
pub const LOCALS_SUM_MAX: u64 = 50_000;
/// Deepest operand stack of a function.
pub const OPERANDS_MAX: u32 = 1_024;
/// Branch-like operators of a function: loop, if, br, br_if, br_table, call_indirect, table.get, bulk
/// operations. What a compiler takes for one grows with their number.
pub const BRANCHES_MAX: u64 = 2_000;
/// The same of a component.
pub const BRANCHES_SUM_MAX: u64 = 50_000;
/// Nesting of blocks: compilers make one for each arm of a large `match`.
pub const BLOCK_DEPTH_MAX: u64 = 1_024;
/// Nesting of loops.
pub const LOOP_DEPTH_MAX: u32 = 32;
/// Loops of a function times its locals.
pub const LOOPS_TIMES_LOCALS_MAX: u64 = 200_000;
/// Targets of a br_table.
pub const BRANCH_TABLE_TARGETS_MAX: u32 = 4_096;
/// Work of compiling a component, in quarters of a microsecond (`validate::work`).
pub const WORK_MAX: u64 = 5_000_000;
