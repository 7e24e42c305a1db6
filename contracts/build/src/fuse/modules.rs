//! The three core modules: read the shim, write the program and the filler anew.

use std::collections::BTreeMap;

use wasm_encoder::reencode::{Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, Instruction, Module, NameMap, NameSection, SectionId, TableSection, TableType,
};
use wasmparser::{
    CodeSectionReader, ElementKind, ExportSectionReader, ExternalKind, FunctionSectionReader,
    ImportSectionReader, Name, Naming, Operator, Parser, Payload, TableSectionReader, TypeRef,
};

use super::{OtherShape, Result, other};

/// Under which name the program gives its table to the filler.
pub(super) const TABLE: &str = "$imports";

/// By module and name of an import, its place in the shim's table.
pub(super) type Slots = BTreeMap<(String, String), u32>;

/// What a shim's functions do.
pub(super) struct Shim {
    /// By name of an export, the place in the table that it calls.
    pub(super) slots: BTreeMap<String, u32>,
    /// Places of the table.
    pub(super) size: u64,
}

impl Shim {
    /// Reads a module that is one table, and functions that hand their parameters to what stands in it.
    pub(super) fn of(module: &[u8]) -> Result<Self> {
        let (mut size, mut bodies, mut exports) = (None, Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TableSection(tables) => {
                    for table in tables {
                        let ty = table?.ty;
                        if size.replace(ty.initial).is_some() || ty.maximum != Some(ty.initial) {
                            return other();
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        match export.kind {
                            ExternalKind::Func => exports.push((export.name, export.index)),
                            ExternalKind::Table => {}
                            _ => return other(),
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    bodies.push(slot_of(&mut body.get_operators_reader()?)?);
                }
                Payload::Version { .. }
                | Payload::TypeSection(_)
                | Payload::FunctionSection(_)
                | Payload::CodeSectionStart { .. }
                | Payload::CustomSection(_)
                | Payload::End(_) => {}
                _ => return other(),
            }
        }
        let slots = exports.into_iter().map(|(name, index)| {
            let slot = bodies.get(index as usize)?;
            Some((name.to_owned(), *slot))
        });
        match (slots.collect(), size) {
            (Some(slots), Some(size)) => Ok(Self { slots, size }),
            _ => other(),
        }
    }
}

/// The place that a function of the shim calls with its own parameters.
fn slot_of(operators: &mut wasmparser::OperatorsReader<'_>) -> Result<u32> {
    let mut parameters = 0;
    loop {
        match operators.read()? {
            Operator::LocalGet { local_index } if local_index == parameters => parameters += 1,
            Operator::I32Const { value } => {
                let (call, end) = (operators.read()?, operators.read()?);
                return match (call, end, u32::try_from(value)) {
                    (Operator::CallIndirect { table_index: 0, .. }, Operator::End, Ok(slot)) => {
                        Ok(slot)
                    }
                    _ => other(),
                };
            }
            _ => return other(),
        }
    }
}

/// The table that program and filler share.
pub(super) struct Table {
    ty: TableType,
    /// Where the shim's places begin.
    base: u32,
}

/// The program with the functions and the table of its shim, whose table has `size` places.
pub(super) fn program(module: &[u8], slots: &Slots, size: u64) -> Result<(Vec<u8>, Table)> {
    let mut fusion = Fusion::of(module, slots, size)?;
    let mut fused = Module::new();
    fusion.parse_core_module(&mut fused, Parser::new(0), module)?;
    Ok((fused.finish(), fusion.table))
}

/// A function of the shim in the program.
struct Passing {
    /// Its type, and how many parameters that has.
    ty: u32,
    parameters: u32,
    slot: u32,
}

struct Fusion {
    /// New indices of imported functions: first those that stay imports, then the shim's. All others keep theirs.
    functions: Vec<u32>,
    is_passing: Vec<bool>,
    passing: Vec<Passing>,
    table: Table,
    table_index: u32,
    /// Whether the program's own table grows, instead of a second one being added.
    is_shared: bool,
}

impl Fusion {
    fn of(module: &[u8], slots: &Slots, size: u64) -> Result<Self> {
        let facts = Facts::of(module)?;
        let mut passing = Vec::new();
        let mut is_passing = Vec::new();
        for (module, name, ty) in &facts.imports {
            let slot = slots.get(&((*module).to_owned(), (*name).to_owned()));
            is_passing.push(slot.is_some());
            if let Some(slot) = slot {
                let Some(parameters) = facts.parameters.get(*ty as usize) else { return other() };
                passing.push(Passing { ty: *ty, parameters: *parameters, slot: *slot });
            }
        }
        if passing.len() != slots.len() {
            return other();
        }
        let direct = (is_passing.len() - passing.len()) as u32;
        let (mut next_direct, mut next_passing) = (0.., direct..);
        let functions = is_passing.iter().filter_map(|is_passing| {
            if *is_passing { next_passing.next() } else { next_direct.next() }
        });
        let functions = functions.collect();
        let own = facts.only_table();
        let base = own.map_or(0, |table| table.initial);
        let (Ok(first), whole) = (u32::try_from(base), base + size) else { return other() };
        let ty = TableType {
            element_type: wasm_encoder::RefType::FUNCREF,
            minimum: whole,
            maximum: Some(whole),
            table64: false,
            shared: false,
        };
        Ok(Self {
            functions,
            is_passing,
            passing,
            table: Table { ty, base: first },
            table_index: if own.is_some() { 0 } else { facts.tables.len() as u32 },
            is_shared: own.is_some(),
        })
    }
}

/// What there is to know of a program beforehand.
#[derive(Default)]
struct Facts<'a> {
    /// Of each type how many parameters it has.
    parameters: Vec<u32>,
    /// Imported functions: module, name, type.
    imports: Vec<(&'a str, &'a str, u32)>,
    tables: Vec<wasmparser::TableType>,
    /// Whether anything but calls uses a table.
    uses_tables: bool,
}

impl<'a> Facts<'a> {
    fn of(module: &'a [u8]) -> Result<Self> {
        let mut facts = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        facts.parameters.push(ty?.params().len() as u32);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        match import.ty {
                            TypeRef::Func(ty) => {
                                facts.imports.push((import.module, import.name, ty));
                            }
                            TypeRef::Table(_) => return other(),
                            _ => {}
                        }
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        facts.tables.push(table?.ty);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        facts.uses_tables |= export.kind == ExternalKind::Table;
                        if export.name == TABLE {
                            return other();
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let mut operators = body.get_operators_reader()?;
                    while !operators.eof() {
                        facts.uses_tables |= matches!(
                            operators.read()?,
                            Operator::TableGet { .. }
                                | Operator::TableSet { .. }
                                | Operator::TableGrow { .. }
                                | Operator::TableSize { .. }
                                | Operator::TableFill { .. }
                                | Operator::TableInit { .. }
                                | Operator::TableCopy { .. }
                        );
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with(".debug") => {
                    return other();
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// The program's table, where it has one, of a fixed size, and only calls through it.
    fn only_table(&self) -> Option<&wasmparser::TableType> {
        match self.tables.as_slice() {
            [table] if table.maximum == Some(table.initial) && !self.uses_tables => Some(table),
            _ => None,
        }
    }
}

impl Reencode for Fusion {
    type Error = OtherShape;

    fn function_index(&mut self, function: u32) -> Result<u32> {
        Ok(self.functions.get(function as usize).copied().unwrap_or(function))
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<()> {
        let mut functions = self.is_passing.clone().into_iter();
        for import in section.into_imports() {
            let import = import?;
            let is_function = matches!(import.ty, TypeRef::Func(_));
            if !(is_function && functions.next() == Some(true)) {
                imports.import(import.module, import.name, self.entity_type(import.ty)?);
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<()> {
        for passing in &self.passing {
            functions.function(passing.ty);
        }
        utils::parse_function_section(self, functions, section)
    }

    fn parse_table_section(
        &mut self,
        tables: &mut TableSection,
        section: TableSectionReader<'_>,
    ) -> Result<()> {
        if !self.is_shared {
            utils::parse_table_section(self, tables, section)?;
        }
        tables.table(self.table.ty);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<()> {
        // A program without a table of its own: behind the functions is where one belongs.
        if after == Some(SectionId::Function) && before != Some(SectionId::Table) {
            module.section(TableSection::new().table(self.table.ty));
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<()> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(TABLE, ExportKind::Table, self.table_index);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<()> {
        for passing in &self.passing {
            let mut function = Function::new([]);
            for parameter in 0..passing.parameters {
                function.instruction(&Instruction::LocalGet(parameter));
            }
            let place = self.table.base + passing.slot;
            function.instruction(&Instruction::I32Const(place as i32));
            function.instruction(&Instruction::CallIndirect {
                type_index: passing.ty,
                table_index: self.table_index,
            });
            function.instruction(&Instruction::End);
            code.function(&function);
        }
        utils::parse_code_section(self, code, section)
    }

    /// In order of the new indices, as the standard wants names to be.
    fn parse_custom_name_subsection(
        &mut self,
        names: &mut NameSection,
        section: Name<'_>,
    ) -> Result<()> {
        let Name::Function(functions) = section else {
            return utils::parse_custom_name_subsection(self, names, section);
        };
        let mut new = BTreeMap::new();
        for function in functions {
            let Naming { index, name } = function?;
            new.insert(self.function_index(index)?, name);
        }
        let mut map = NameMap::new();
        new.into_iter().for_each(|(index, name)| map.append(index, name));
        names.functions(&map);
        Ok(())
    }
}

/// The filler, for the program's table instead of the shim's.
pub(super) fn filler(module: &[u8], table: &Table) -> Result<Vec<u8>> {
    let mut filled = Module::new();
    Filling(table).parse_core_module(&mut filled, Parser::new(0), module)?;
    Ok(filled.finish())
}

struct Filling<'a>(&'a Table);

impl Reencode for Filling<'_> {
    type Error = OtherShape;

    /// Only of its import: it has no table of its own.
    fn table_type(&mut self, _: wasmparser::TableType) -> Result<TableType> {
        Ok(self.0.ty)
    }

    fn parse_table_section(
        &mut self,
        _: &mut TableSection,
        _: TableSectionReader<'_>,
    ) -> Result<()> {
        other()
    }

    fn parse_element(
        &mut self,
        elements: &mut ElementSection,
        element: wasmparser::Element<'_>,
    ) -> Result<()> {
        let ElementKind::Active { offset_expr, .. } = &element.kind else { return other() };
        let mut offset = offset_expr.get_operators_reader();
        let (Operator::I32Const { value: 0 }, Operator::End) = (offset.read()?, offset.read()?)
        else {
            return other();
        };
        let items = self.element_items(element.items)?;
        elements.active(None, &ConstExpr::i32_const(self.0.base as i32), items);
        Ok(())
    }
}
