//! What compiling an operator takes, in units of a quarter of a microsecond: how long the compiler takes for a
//! function that is full of it, measured (`examples/compile_speed floods`) and rounded up. The sum bounds the
//! time of a component where its size does not: a byte of code costs up to a thousand times another.

use wasmparser::Operator;

/// Work of a function whatever it holds; of one that calls another, which is metered.
pub(super) const FUNCTION: u64 = 300;
pub(super) const CALLING_FUNCTION: u64 = 900;
/// Work of a value that a block, loop or if takes or leaves.
pub(super) const BLOCK_VALUE: u64 = 20;

/// Work of an operator, `opcode` being its first byte.
pub(super) fn of(opcode: u8, operator: &Operator<'_>) -> u64 {
    match opcode {
        // loop, if, br, br_if, return
        0x03 | 0x04 | 0x0c | 0x0d | 0x0f => 240,
        // br_table: its targets are blocks of their own.
        0x0e => match operator {
            Operator::BrTable { targets } => 240 + 2 * u64::from(targets.len()),
            _ => 240,
        },
        // call, call_indirect
        0x10 => 48,
        0x11 => 430,
        // select
        0x1b | 0x1c => 4,
        // global.get, global.set
        0x23 | 0x24 => 48,
        // table.get, table.set
        0x25 => 400,
        0x26 => 48,
        // Loads with their bounds, stores.
        0x28..=0x35 => 40,
        0x36..=0x3e => 16,
        // memory.size, memory.grow
        0x3f => 12,
        0x40 => 48,
        // Divisions and remainders.
        0x6d..=0x70 | 0x7f..=0x82 => 40,
        // Floats: comparisons apart, each has its NaN made canonical; min and max of both widths.
        0x96 | 0x97 | 0xa4 | 0xa5 => 60,
        0x8b..=0xa6 => 20,
        // Conversions.
        0xa8..=0xbb => 16,
        // ref.func
        0xd2 => 24,
        0xfc => prefixed(operator),
        // SIMD.
        0xfd => 24,
        _ => 1,
    }
}

fn prefixed(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::TableCopy { .. } | Operator::TableInit { .. } => 1_000,
        Operator::TableGrow { .. } => 450,
        Operator::TableFill { .. } => 120,
        Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => {
            120
        }
        _ => 16,
    }
}
