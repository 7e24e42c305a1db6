//! Components of any shape: core modules written operator by operator, wrapped so that they are modules of
//! this ledger in all else. Everything is made the same way every time.

use std::borrow::Cow;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    InstructionSink, MemArg, MemorySection, MemoryType, Module, RefType, TableSection, TableType,
    TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// One query, `one`.
const WIT: &str = "package bomb:it@0.1.0;
interface queries { one: func() -> u32; }
world module { export queries; }";
const EXPORT: &str = "bomb:it/queries@0.1.0#one";

/// What a core module is made of. Function 0 is the query; type 0 is its type `() -> i32`, type 1 is
/// `() -> ()`.
pub struct Core {
    pub types: TypeSection,
    pub functions: FunctionSection,
    pub tables: TableSection,
    pub memory_pages: Option<u64>,
    pub globals: GlobalSection,
    pub exports: ExportSection,
    pub elements: ElementSection,
    pub code: CodeSection,
    pub data: DataSection,
    pub custom: Vec<CustomSection<'static>>,
}

/// Address 0 of the memory.
pub const ANYWHERE: MemArg = MemArg { offset: 0, align: 0, memory_index: 0 };

/// Locals by their types.
pub type Locals<'a> = &'a [(u32, ValType)];

impl Core {
    pub fn new() -> Self {
        let mut core = Self {
            types: TypeSection::new(),
            functions: FunctionSection::new(),
            tables: TableSection::new(),
            memory_pages: Some(1),
            globals: GlobalSection::new(),
            exports: ExportSection::new(),
            elements: ElementSection::new(),
            code: CodeSection::new(),
            data: DataSection::new(),
            custom: Vec::new(),
        };
        core.types.ty().function([], [ValType::I32]);
        core.types.ty().function([], []);
        core.exports.export(EXPORT, ExportKind::Func, 0);
        core.function(0, &[], |sink| {
            sink.i32_const(1);
        });
        core
    }

    /// Adds a type; its index.
    pub fn ty(&mut self, params: usize, results: usize, of: ValType) -> u32 {
        self.types.ty().function(vec![of; params], vec![of; results]);
        self.types.len() - 1
    }

    /// Adds a function without its `end`.
    pub fn function(
        &mut self,
        ty: u32,
        locals: Locals<'_>,
        body: impl FnOnce(&mut InstructionSink<'_>),
    ) {
        let mut function = Function::new(locals.iter().copied());
        let mut sink = function.instructions();
        body(&mut sink);
        sink.end();
        self.functions.function(ty);
        self.code.function(&function);
    }

    /// A function of type 1 that repeats `unit` as long as its body stays below `bytes`.
    pub fn filled(
        &mut self,
        locals: Locals<'_>,
        bytes: usize,
        mut unit: impl FnMut(&mut InstructionSink<'_>, u32),
    ) {
        let mut function = Function::new(locals.iter().copied());
        let (mut longest, mut number) = (0, 0);
        while function.byte_len() + longest < bytes {
            let before = function.byte_len();
            unit(&mut function.instructions(), number);
            longest = longest.max(function.byte_len() - before);
            number += 1;
        }
        // What the locals hold at the end is used, so that nothing is dead.
        let mut sink = function.instructions();
        let types = locals.iter().flat_map(|(count, ty)| (0..*count).map(|_| *ty));
        for (local, ty) in (0..).zip(types).take(64) {
            sink.i32_const(0).local_get(local);
            match ty {
                ValType::I32 => sink.i32_store(ANYWHERE),
                ValType::I64 => sink.i64_store(ANYWHERE),
                ValType::F64 => sink.f64_store(ANYWHERE),
                ValType::V128 => sink.v128_store(ANYWHERE),
                _ => sink.drop().drop(),
            };
        }
        sink.end();
        self.functions.function(1);
        self.code.function(&function);
    }

    pub fn table(&mut self, elements: u64) {
        self.tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: elements,
            maximum: Some(elements),
            shared: false,
        });
    }

    pub fn element(&mut self, functions: &[u32]) {
        let functions = Elements::Functions(Cow::Borrowed(functions));
        self.elements.active(None, &ConstExpr::i32_const(0), functions);
    }

    pub fn global(&mut self) {
        let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        self.globals.global(ty, &ConstExpr::i64_const(1));
    }

    fn module(&self) -> Vec<u8> {
        let mut module = Module::new();
        module.section(&self.types).section(&self.functions);
        if !self.tables.is_empty() {
            module.section(&self.tables);
        }
        if let Some(minimum) = self.memory_pages {
            let mut memory = MemorySection::new();
            memory.memory(MemoryType {
                minimum,
                maximum: Some(256),
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
            module.section(&memory);
        }
        if !self.globals.is_empty() {
            module.section(&self.globals);
        }
        module.section(&self.exports);
        if !self.elements.is_empty() {
            module.section(&self.elements);
        }
        module.section(&self.code);
        if !self.data.is_empty() {
            module.section(&self.data);
        }
        for section in &self.custom {
            module.section(section);
        }
        module.finish()
    }

    /// The component around it.
    pub fn component(&self) -> Vec<u8> {
        wrap(self.module())
    }
}

/// A core module with the query as a component.
fn wrap(mut core: Vec<u8>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("bomb.wit", WIT).expect("the text is right");
    let world = resolve.select_world(&[package], None).expect("there is one");
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)
        .expect("a section fits");
    ComponentEncoder::default()
        .module(&core)
        .expect("the core module has the query")
        .validate(false)
        .encode()
        .expect("a component of it")
}

/// `count` nested constructs around `inside`.
pub fn nested(
    sink: &mut InstructionSink<'_>,
    count: u32,
    mut open: impl FnMut(&mut InstructionSink<'_>, u32),
    inside: impl FnOnce(&mut InstructionSink<'_>),
) {
    for number in 0..count {
        open(sink, number);
    }
    inside(sink);
    for _ in 0..count {
        sink.end();
    }
}

/// Opens a block or loop without values.
pub const EMPTY: BlockType = BlockType::Empty;
