//! Writes what [`super`] read, with the counting added. Every slice of the original is checked, although
//! the parser gave its range: an error here is a failure of this machine and never a panic.

use std::collections::BTreeMap;
use std::ops::Range;

use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentSectionId, ConstExpr, Encode as _, Function,
    GlobalType, Instruction, RawSection, SectionId, ValType,
};

use super::{Body, InstrumentError, Items, Metered, Module, Part, STACK_BYTES_MAX};

type Result<T> = std::result::Result<T, InstrumentError>;

const TYPE: u8 = SectionId::Type as u8;
const FUNCTION: u8 = SectionId::Function as u8;
const GLOBAL: u8 = SectionId::Global as u8;
const CODE: u8 = SectionId::Code as u8;
/// The form of a function's type in a type section.
const FUNCTION_TYPE: u8 = 0x60;
/// Bytes of a `return`.
const RETURN_BYTES: usize = 1;
/// Sections that stand before the globals, and those that may stand anywhere.
const BEFORE_GLOBALS: [SectionId; 6] = [
    SectionId::Custom,
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
];

fn slice<'a>(code: &'a [u8], range: &Range<usize>) -> Result<&'a [u8]> {
    code.get(range.clone()).ok_or(InstrumentError::Unexpected("a section beyond the end"))
}

pub(super) fn component(code: &[u8], parts: &[Part]) -> Result<Vec<u8>> {
    let mut component = Component::new();
    for part in parts {
        match part {
            Part::Same { id, contents } => {
                component.section(&RawSection { id: *id, data: slice(code, contents)? });
            }
            Part::Module(module) => {
                let id = ComponentSectionId::CoreModule as u8;
                component.section(&RawSection { id, data: &self::module(code, module)? });
            }
        }
    }
    Ok(component.finish())
}

/// Types that the module gets, behind its own.
struct NewTypes {
    /// Of `exhausted`: nothing in, nothing out.
    exhausted: u32,
    /// Of the blocks around bodies with several results: from the function's type.
    blocks: BTreeMap<u32, u32>,
    count: u32,
    bytes: Vec<u8>,
}

impl NewTypes {
    fn of(module: &Module) -> Result<Self> {
        let mut types = Self {
            exhausted: module.types.count,
            blocks: BTreeMap::new(),
            count: 0,
            bytes: Vec::new(),
        };
        types.add(&[])?;
        for metered in module.bodies.iter().filter_map(|body| body.metered.as_ref()) {
            if metered.results.len() > 1 && !types.blocks.contains_key(&metered.ty) {
                types.blocks.insert(metered.ty, module.types.count + types.count);
                types.add(&metered.results)?;
            }
        }
        Ok(types)
    }

    /// A function type without parameters.
    fn add(&mut self, results: &[wasmparser::ValType]) -> Result<()> {
        self.count += 1;
        self.bytes.push(FUNCTION_TYPE);
        0_u32.encode(&mut self.bytes);
        results.len().encode(&mut self.bytes);
        for result in results {
            val_type(result)?.encode(&mut self.bytes);
        }
        Ok(())
    }

    fn block(&self, metered: &Metered) -> Result<BlockType> {
        match metered.results.as_slice() {
            [] => Ok(BlockType::Empty),
            [one] => Ok(BlockType::Result(val_type(one)?)),
            _ => match self.blocks.get(&metered.ty) {
                Some(index) => Ok(BlockType::FunctionType(*index)),
                None => Err(InstrumentError::Unexpected("a block without a type")),
            },
        }
    }
}

fn val_type(ty: &wasmparser::ValType) -> Result<ValType> {
    Ok(match *ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::FUNCREF => ValType::FUNCREF,
        wasmparser::ValType::Ref(_) => {
            return Err(InstrumentError::Unexpected("a reference that is not a funcref"));
        }
    })
}

/// A section of `items` and of as many more as `more` holds behind its own count.
fn append(code: &[u8], items: &Items, more: u32, more_bytes: &[u8]) -> Result<Vec<u8>> {
    let mut section = Vec::new();
    (items.count + more).encode(&mut section);
    section.extend_from_slice(slice(code, &items.bytes)?);
    section.extend_from_slice(more_bytes);
    Ok(section)
}

pub(super) fn module(code: &[u8], module: &Module) -> Result<Vec<u8>> {
    let mut out = wasm_encoder::Module::new();
    if module.bodies.is_empty() {
        for (id, contents) in &module.sections {
            out.section(&RawSection { id: *id, data: slice(code, contents)? });
        }
        return Ok(out.finish());
    }
    let types = NewTypes::of(module)?;
    let globals = globals(code, module)?;
    let mut has_globals = false;
    for (id, contents) in &module.sections {
        if !has_globals && !BEFORE_GLOBALS.iter().any(|before| *before as u8 == *id) {
            has_globals = true;
            out.section(&RawSection { id: GLOBAL, data: &globals });
        }
        let data = match *id {
            GLOBAL => continue,
            TYPE => append(code, &module.types, types.count, &types.bytes)?,
            FUNCTION => {
                let mut more = Vec::new();
                types.exhausted.encode(&mut more);
                append(code, &module.functions, 1, &more)?
            }
            CODE => {
                out.section(&bodies(code, module, &types)?);
                continue;
            }
            _ => slice(code, contents)?.to_vec(),
        };
        out.section(&RawSection { id: *id, data: &data });
    }
    Ok(out.finish())
}

fn globals(code: &[u8], module: &Module) -> Result<Vec<u8>> {
    let mut left = Vec::new();
    GlobalType { val_type: ValType::I32, mutable: true, shared: false }.encode(&mut left);
    ConstExpr::i32_const(STACK_BYTES_MAX as i32).encode(&mut left);
    append(code, &module.globals, 1, &left)
}

fn bodies(code: &[u8], module: &Module, types: &NewTypes) -> Result<CodeSection> {
    let mut section = CodeSection::new();
    for body in &module.bodies {
        match &body.metered {
            None => section.raw(slice(code, &body.bytes)?),
            Some(metered) => section.raw(&metered_body(code, module, body, metered, types)?),
        };
    }
    let mut exhausted = Function::new([]);
    exhausted.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
    section.function(&exhausted);
    Ok(section)
}

fn metered_body(
    code: &[u8],
    module: &Module,
    body: &Body,
    metered: &Metered,
    types: &NewTypes,
) -> Result<Vec<u8>> {
    let mut out = slice(code, &(body.bytes.start..body.operators))?.to_vec();
    enter(module, metered.weight, &mut out);
    Instruction::Block(types.block(metered)?).encode(&mut out);
    let mut copied = body.operators;
    for at in &metered.returns {
        out.extend_from_slice(slice(code, &(copied..at.offset))?);
        Instruction::Br(at.depth).encode(&mut out);
        copied = at.offset + RETURN_BYTES;
    }
    // Up to the function's last `end`, which closes the block.
    out.extend_from_slice(slice(code, &(copied..body.bytes.end))?);
    leave(module, metered.weight, &mut out);
    Instruction::End.encode(&mut out);
    Ok(out)
}

fn enter(module: &Module, weight: u32, out: &mut Vec<u8>) {
    let (left, weight) = (module.left(), weight as i32);
    for instruction in [
        Instruction::GlobalGet(left),
        Instruction::I32Const(weight),
        Instruction::I32LtU,
        Instruction::If(BlockType::Empty),
        Instruction::Call(module.exhausted()),
        Instruction::End,
        Instruction::GlobalGet(left),
        Instruction::I32Const(weight),
        Instruction::I32Sub,
        Instruction::GlobalSet(left),
    ] {
        instruction.encode(out);
    }
}

fn leave(module: &Module, weight: u32, out: &mut Vec<u8>) {
    let left = module.left();
    for instruction in [
        Instruction::GlobalGet(left),
        Instruction::I32Const(weight as i32),
        Instruction::I32Add,
        Instruction::GlobalSet(left),
    ] {
        instruction.encode(out);
    }
}

/// See [`super::original_offset`]. What was added at the beginning is told as the first operator, what was
/// added at the end as the last.
pub(super) fn original_offset(module: &Module, body: &Body, offset: usize) -> Option<usize> {
    let locals = body.operators - body.bytes.start;
    let last = body.bytes.end.checked_sub(1)?;
    let Some(metered) = &body.metered else {
        return Some((body.bytes.start + offset).min(last));
    };
    let mut added = Vec::new();
    enter(module, metered.weight, &mut added);
    Instruction::Block(NewTypes::of(module).ok()?.block(metered).ok()?).encode(&mut added);
    if offset < locals + added.len() {
        return Some(body.operators);
    }
    let mut original = body.operators + (offset - locals - added.len());
    for at in &metered.returns {
        if original <= at.offset {
            break;
        }
        let mut branch = Vec::new();
        Instruction::Br(at.depth).encode(&mut branch);
        original = original.saturating_sub(branch.len() - RETURN_BYTES).max(at.offset);
    }
    Some(original.min(last))
}
