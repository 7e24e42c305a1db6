//! Stack metering: before a component is compiled, its core modules are made to count how deep their
//! calls nest, so that a recursion ends at the same call with the same fuel on every machine. How much
//! native stack a call takes is the compiler's and the processor's affair; what is counted here is a
//! weight that the module's bytes alone decide.
//!
//! The rule (docs/vm.md draws it), for each core module that has functions of its own:
//!
//! 1. Appended: a mutable global `left` = [`STACK_BYTES_MAX`], and a function `exhausted` without
//!    parameters that executes `unreachable`. Appended, so that no index of the module changes.
//! 2. A function that holds no `call` and no `call_indirect` is a leaf and stays as it is.
//! 3. Any other function has the weight 128 + 16 x locals (parameters included) + 16 x the deepest operand
//!    stack (after each operator, as the standard's validation counts it) + 2 x bytes of its body. It
//!    becomes
//!
//!    ```text
//!    if left < weight { exhausted() }
//!    left -= weight
//!    block (results of the function) ... the body, in which `return` is `br` to this block ... end
//!    left += weight
//!    ```
//!
//!    The block takes the place of the function's own label, so every other branch keeps its bytes.
//!
//! Each instance of a core module counts for itself: at most [`CORE_INSTANCES_MAX`] of them on one stack,
//! for which `engine::stack` leaves room many times over. A trap leaves `left` low, and ends the instance.
//!
//! Invariants: only code that [`crate::validate::inspect`] took is given here; the result has the same
//! imports, exports and indices, and is never hashed, stored or shown. What is written here decides
//! results and fuel, so a change is a new [`VERSION`] and a new version of the protocol.
//!
//! What it deliberately does not do: decode and encode again. All bytes that need no change are copied.
//!
//! [`CORE_INSTANCES_MAX`]: crate::validate::limits::CORE_INSTANCES_MAX

mod emit;

#[cfg(test)]
mod tests;

use std::ops::Range;

use wasmparser::{
    Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator, Parser, Payload,
    TypeRef, ValType, ValidPayload, Validator, ValidatorResources, WasmModuleResources as _,
};

use crate::validate::features;

/// Version of the rule; names compiled code, beside the version of the limits.
pub(crate) const VERSION: u32 = 1;
/// What the calls that are open in one instance of a core module may weigh together.
pub const STACK_BYTES_MAX: u32 = 1 << 20;

const WEIGHT_BASE: u32 = 128;
const WEIGHT_LOCAL: u32 = 16;
const WEIGHT_OPERAND: u32 = 16;
const WEIGHT_BODY_BYTE: u32 = 2;

/// Why code could not be instrumented: never for code that was validated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstrumentError {
    #[error("byte {}: {}", .0.offset(), .0.message())]
    Invalid(#[from] wasmparser::Error),
    #[error("the code holds what validated code does not: {0}")]
    Unexpected(&'static str),
}

/// The component that is compiled in place of `code`.
pub(crate) fn instrument(code: &[u8]) -> Result<Vec<u8>, InstrumentError> {
    emit::component(code, &read(code)?)
}

/// Where an instruction of an instrumented function came from: `offset` bytes into the body of function
/// `function` of the component's core module number `module`, both counted as in the original. The
/// answer is an offset from the beginning of `code`. For notes to people alone.
pub(crate) fn original_offset(
    code: &[u8],
    module: usize,
    function: u32,
    offset: usize,
) -> Option<usize> {
    let parts = read(code).ok()?;
    let mut modules = parts.iter().filter_map(|part| match part {
        Part::Module(module) => Some(module),
        Part::Same { .. } => None,
    });
    let module = modules.nth(module)?;
    let index = function.checked_sub(module.imported_functions)?;
    let body = module.bodies.get(index as usize)?;
    emit::original_offset(module, body, offset)
}

/// A part of a component, in order.
enum Part {
    /// A section that stays as it is.
    Same { id: u8, contents: Range<usize> },
    /// A core module.
    Module(Box<Module>),
}

/// What instrumentation needs to know of a core module. Ranges and offsets are in the component.
#[derive(Default)]
struct Module {
    sections: Vec<(u8, Range<usize>)>,
    types: Items,
    functions: Items,
    globals: Items,
    imported_functions: u32,
    imported_globals: u32,
    bodies: Vec<Body>,
}

impl Module {
    fn left(&self) -> u32 {
        self.imported_globals + self.globals.count
    }

    fn exhausted(&self) -> u32 {
        self.imported_functions + self.functions.count
    }
}

/// The items of a section behind their count.
#[derive(Default)]
struct Items {
    count: u32,
    bytes: Range<usize>,
}

impl Items {
    fn of<T>(section: &wasmparser::SectionLimited<'_, T>) -> Self {
        Self { count: section.count(), bytes: section.original_position()..section.range().end }
    }
}

/// A function's body.
struct Body {
    bytes: Range<usize>,
    /// Where its operators begin, behind the locals.
    operators: usize,
    /// None: a leaf.
    metered: Option<Metered>,
}

struct Metered {
    weight: u32,
    /// Index of its type, and the results there.
    ty: u32,
    results: Vec<ValType>,
    returns: Vec<Return>,
}

/// A `return`.
struct Return {
    offset: usize,
    /// Blocks that are open around it, the function's own not counted.
    depth: u32,
}

fn read(code: &[u8]) -> Result<Vec<Part>, InstrumentError> {
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    let mut parser = Parser::new(0);
    parser.set_features(features());
    let mut parts = Vec::new();
    let mut open: Vec<Encoding> = Vec::new();
    for payload in parser.parse_all(code) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } => {
                if *encoding == Encoding::Module {
                    if open.len() != 1 {
                        return Err(InstrumentError::Unexpected("a core module of its own"));
                    }
                    parts.push(Part::Module(Box::default()));
                }
                open.push(*encoding);
            }
            Payload::End(_) => drop(open.pop()),
            // Its own payloads follow.
            Payload::ModuleSection { .. } => {}
            payload => match (open.as_slice(), parts.last_mut()) {
                ([Encoding::Component], _) => {
                    if let Some((id, contents)) = payload.as_section() {
                        parts.push(Part::Same { id, contents });
                    }
                }
                ([Encoding::Component, Encoding::Module], Some(Part::Module(module))) => {
                    module.look(payload)?;
                }
                // Inside a component inside the component: copied with the section that holds it.
                _ => {}
            },
        }
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let Some(Part::Module(module)) = parts.last_mut() else {
                return Err(InstrumentError::Unexpected("a function outside of a module"));
            };
            module.bodies.push(look_body(function, &body, &mut allocations)?);
        }
    }
    Ok(parts)
}

impl Module {
    fn look(&mut self, payload: &Payload<'_>) -> Result<(), InstrumentError> {
        if let Some(section) = payload.as_section() {
            self.sections.push(section);
        }
        match payload {
            Payload::TypeSection(section) => self.types = Items::of(section),
            Payload::FunctionSection(section) => self.functions = Items::of(section),
            Payload::GlobalSection(section) => self.globals = Items::of(section),
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Func(_) => self.imported_functions += 1,
                        TypeRef::Global(_) => self.imported_globals += 1,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn look_body(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: &mut FuncValidatorAllocations,
) -> Result<Body, InstrumentError> {
    let ty = function.ty;
    let mut validator = function.into_validator(std::mem::take(allocations));
    validator.read_locals(&mut body.get_binary_reader())?;
    let mut operators = body.get_operators_reader()?;
    let start = operators.original_position();

    let (mut is_leaf, mut depth, mut deepest) = (true, 0_u32, 0);
    let mut returns = Vec::new();
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        deepest = deepest.max(validator.operand_stack_height());
        match operator {
            Operator::Call { .. } | Operator::CallIndirect { .. } => is_leaf = false,
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            // The last one closes the function itself.
            Operator::End => depth = depth.saturating_sub(1),
            Operator::Return => returns.push(Return { offset, depth }),
            _ => {}
        }
    }
    operators.finish()?;

    let bytes = body.range();
    let metered = if is_leaf {
        None
    } else {
        let results = validator
            .resources()
            .sub_type_at(ty)
            .ok_or(InstrumentError::Unexpected("a function without a type"))?
            .unwrap_func()
            .results()
            .to_vec();
        let weight = weight(validator.len_locals(), deepest, bytes.len());
        Some(Metered { weight, ty, results, returns })
    };
    *allocations = validator.into_allocations();
    Ok(Body { bytes, operators: start, metered })
}

/// Saturating: what the limits allow is far below.
fn weight(locals: u32, operands: u32, body_bytes: usize) -> u32 {
    let body_bytes = u32::try_from(body_bytes).unwrap_or(u32::MAX);
    WEIGHT_BASE
        .saturating_add(WEIGHT_LOCAL.saturating_mul(locals))
        .saturating_add(WEIGHT_OPERAND.saturating_mul(operands))
        .saturating_add(WEIGHT_BODY_BYTE.saturating_mul(body_bytes))
}

/// The weights of a component's functions that are not leaves, in order.
#[cfg(test)]
pub(crate) fn weights(code: &[u8]) -> Result<Vec<u32>, InstrumentError> {
    let parts = read(code)?;
    let modules = parts.iter().filter_map(|part| match part {
        Part::Module(module) => Some(module),
        Part::Same { .. } => None,
    });
    let bodies = modules.flat_map(|module| &module.bodies);
    Ok(bodies.filter_map(|body| body.metered.as_ref()).map(|metered| metered.weight).collect())
}
