//! One pass over a function's code: validates each operator and counts what compilers are slow at.

use pollen_ledger::module::CodeRefusal;
use wasmparser::{
    BlockType, CompositeInnerType, FuncToValidate, FunctionBody, Operator, ValidatorResources,
    WasmModuleResources as _,
};

use super::{Pass, at_most, invalid, limits as limit, work};

impl Pass<'_> {
    /// Validates one function within the limits.
    pub(super) fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: FunctionBody<'_>,
    ) -> Result<(), CodeRefusal> {
        let bytes = body.range().len();
        at_most("bytes of a function", bytes as u64, limit::BODY_BYTES_MAX as u64)?;
        let allocations = self.allocations.take().unwrap_or_default();
        let mut validator = function.into_validator(allocations);

        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader).map_err(invalid)?;
        let locals = validator.len_locals();
        at_most("locals of a function", locals.into(), limit::LOCALS_MAX.into())?;

        let mut count = OperatorCounts::default();
        let mut operators = body.get_operators_reader().map_err(invalid)?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset().map_err(invalid)?;
            count.add(&operator)?;
            let opcode = body.as_bytes().get(offset - body.range().start).copied();
            self.counts.work += work::of(opcode.unwrap_or_default(), &operator)
                + work::BLOCK_VALUE * block_values(&operator, validator.resources());
            validator.op(offset, &operator).map_err(invalid)?;
            at_most(
                "operands on a function's stack",
                validator.operand_stack_height().into(),
                limit::OPERANDS_MAX.into(),
            )?;
        }
        operators.finish().map_err(invalid)?;
        self.counts.work += if count.calls { work::CALLING_FUNCTION } else { work::FUNCTION };
        at_most("work to compile the code", self.counts.work, limit::WORK_MAX)?;
        at_most(
            "loops times locals of a function",
            count.loops * u64::from(locals),
            limit::LOOPS_TIMES_LOCALS_MAX,
        )?;
        self.allocations = Some(validator.into_allocations());

        self.counts.locals += u64::from(locals);
        at_most("locals", self.counts.locals, limit::LOCALS_SUM_MAX)?;
        self.counts.branches += count.branches;
        at_most("branches and bulk operations", self.counts.branches, limit::BRANCHES_SUM_MAX)?;
        self.counts.branches_squared += count.branches * count.branches;
        Ok(())
    }
}

/// Values that a block takes and leaves by its type. A wrong type is the validator's to refuse.
fn block_values(operator: &Operator<'_>, resources: &ValidatorResources) -> u64 {
    let (Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty }) =
        operator
    else {
        return 0;
    };
    let BlockType::FuncType(index) = blockty else { return 0 };
    match resources.sub_type_at(*index).map(|ty| &ty.composite_type.inner) {
        Some(CompositeInnerType::Func(ty)) => (ty.params().len() + ty.results().len()) as u64,
        _ => 0,
    }
}

#[derive(Debug, Default)]
struct OperatorCounts {
    branches: u64,
    loops: u64,
    calls: bool,
    /// For each open block whether it is a loop.
    open: Vec<bool>,
    loop_depth: u32,
}

impl OperatorCounts {
    fn add(&mut self, operator: &Operator<'_>) -> Result<(), CodeRefusal> {
        self.calls |= matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. });
        match operator {
            Operator::Block { .. } => {
                self.open.push(false);
                return self.check_depth();
            }
            Operator::If { .. } => {
                self.open.push(false);
                self.branches += 1;
            }
            Operator::Loop { .. } => {
                self.open.push(true);
                self.loops += 1;
                self.loop_depth += 1;
                self.branches += 1;
                at_most("nested loops", self.loop_depth.into(), limit::LOOP_DEPTH_MAX.into())?;
            }
            Operator::End => {
                if self.open.pop() == Some(true) {
                    self.loop_depth -= 1;
                }
            }
            Operator::BrTable { targets } => {
                self.branches += 1;
                let most = limit::BRANCH_TABLE_TARGETS_MAX;
                at_most("targets of a br_table", targets.len().into(), most.into())?;
            }
            Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::CallIndirect { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGet { .. }
            | Operator::TableGrow { .. } => self.branches += 1,
            _ => return Ok(()),
        }
        self.check_depth()?;
        at_most("branches and bulk operations of a function", self.branches, limit::BRANCHES_MAX)
    }

    fn check_depth(&self) -> Result<(), CodeRefusal> {
        at_most("nested blocks", self.open.len() as u64, limit::BLOCK_DEPTH_MAX)
    }
}
