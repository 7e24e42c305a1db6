//! What people are told about a call that failed: the cause and where the module was, function by function.
//!
//! Names come from the module's name section; source lines from its debug information where it carries
//! some and where whoever runs the call has time ([`Told::SourceLines`]): the sections are the module's own
//! bytes, and a hostile one can make reading them slow. So execution tells names alone.
//!
//! Nothing here is consensus data. Everything is bounded: frames, bytes of a name, bytes of the whole.

use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian};
use addr2line::{Context, Location};
use wasmparser::{KnownCustom, Name, Parser, Payload};
use wasmtime::{FrameInfo, WasmBacktrace};

use crate::instrument::original_offset;

/// Frames that are shown.
const FRAMES_MAX: usize = 16;
/// Bytes of a function's name that are shown.
const NAME_BYTES_MAX: usize = 160;
/// Functions that the compiler put into one, and that are shown for one frame.
const INLINED_MAX: usize = 8;

/// How much is told.
#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    /// Names of functions.
    Names,
    /// Source lines too, out of the component.
    SourceLines(&'a [u8]),
}

/// The cause and the way to it.
pub(super) fn note(error: &wasmtime::Error, told: Told<'_>) -> String {
    let cause = error.root_cause();
    match error.downcast_ref::<WasmBacktrace>() {
        Some(backtrace) => format!("{cause}{}", Trace { backtrace, told }),
        None => cause.to_string(),
    }
}

struct Trace<'a> {
    backtrace: &'a WasmBacktrace,
    told: Told<'a>,
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = self.backtrace.frames();
        let lines = match self.told {
            Told::Names => None,
            Told::SourceLines(code) => DebugInfo::of(code),
        };
        for (number, frame) in frames.iter().take(FRAMES_MAX).enumerate() {
            write!(f, "\n  {} {}", if number == 0 { "in" } else { "by" }, function(frame))?;
            let places = lines.as_ref().map(|lines| lines.of_frame(frame)).unwrap_or_default();
            match places.as_slice() {
                [] => write!(f, " +{:#x}", frame.func_offset().unwrap_or(0))?,
                [one] => write!(f, " at {}", one.place)?,
                many => {
                    for Inlined { function, place } in many {
                        write!(f, "\n     {function} at {place}")?;
                    }
                }
            }
        }
        if frames.len() > FRAMES_MAX {
            write!(f, "\n  by more")?;
        }
        Ok(())
    }
}

/// A function's name for people, or its number.
fn function(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => shown(name),
        None => format!("function {}", frame.func_index()),
    }
}

/// A name as it stands in the source, cut to what is shown.
fn shown(name: &str) -> String {
    let mut text = Bounded(String::new());
    // It ends with an error where the name is cut.
    let _ = write!(text, "{:#}", rustc_demangle::demangle(name));
    text.0
}

/// Text up to [`NAME_BYTES_MAX`].
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = NAME_BYTES_MAX - self.0.len();
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() <= room { Ok(()) } else { Err(fmt::Error) }
    }
}

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Debug information of the one core module of a component that has any.
struct DebugInfo<'a> {
    context: Context<Slice<'a>>,
    /// Where the contents of its section of code begin: addresses count from there.
    code_start: usize,
    /// The component, and which of its core modules this is.
    code: &'a [u8],
    module: usize,
    /// Names, by index: tells frames of this module from those of others.
    names: Vec<(u32, &'a str)>,
}

/// One function in a frame, and where in its source.
struct Inlined {
    function: String,
    place: String,
}

#[derive(Default)]
struct Core<'a> {
    sections: Vec<(&'a str, &'a [u8])>,
    code_start: usize,
    names: Vec<(u32, &'a str)>,
}

impl<'a> Core<'a> {
    fn look(&mut self, payload: Payload<'a>) {
        match payload {
            Payload::CodeSectionStart { range, .. } => self.code_start = range.start,
            Payload::CustomSection(section) => {
                if section.name().starts_with(".debug_") {
                    self.sections.push((section.name(), section.data()));
                } else if let KnownCustom::Name(names) = section.as_known() {
                    for part in names {
                        if let Ok(Name::Function(names)) = part {
                            let names = names.into_iter().map_while(Result::ok);
                            self.names = names.map(|name| (name.index, name.name)).collect();
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'a> DebugInfo<'a> {
    /// None where there is none that can be read.
    fn of(code: &'a [u8]) -> Option<Self> {
        let (mut core, mut modules) = (Core::default(), 0_usize);
        for payload in Parser::new(0).parse_all(code) {
            match payload.ok()? {
                Payload::Version { encoding: wasmparser::Encoding::Module, .. } => {
                    core = Core::default();
                    modules += 1;
                }
                Payload::End(_) if !core.sections.is_empty() => break,
                payload => core.look(payload),
            }
        }
        let Core { sections, code_start, names } = core;
        if sections.is_empty() {
            return None;
        }
        let section = |name: &str| {
            let found = sections.iter().find(|(known, _)| *known == name);
            EndianSlice::new(found.map_or(&[][..], |(_, data)| data), LittleEndian)
        };
        // Foreign bytes: whatever the reader does with them, only the lines are lost.
        let read = || {
            let load = |id: addr2line::gimli::SectionId| Ok::<_, ()>(section(id.name()));
            let dwarf = Dwarf::load(load).ok()?;
            Context::from_dwarf(dwarf).ok()
        };
        let context = catch_unwind(AssertUnwindSafe(read)).ok()??;
        Some(Self { context, code_start, code, module: modules.checked_sub(1)?, names })
    }

    fn of_frame(&self, frame: &FrameInfo) -> Vec<Inlined> {
        let find = || self.find(frame).unwrap_or_default();
        catch_unwind(AssertUnwindSafe(find)).unwrap_or_default()
    }

    fn find(&self, frame: &FrameInfo) -> Option<Vec<Inlined>> {
        let index = frame.func_index();
        let known = self.names.iter().find(|(number, _)| *number == index).map(|(_, name)| *name);
        if known != frame.func_name() {
            return None;
        }
        // What ran is the metered module; what its debug information is about is the one before.
        let offset = original_offset(self.code, self.module, index, frame.func_offset()?)?;
        let address = offset.checked_sub(self.code_start)?;
        let mut frames = self.context.find_frames(address as u64).skip_all_loads().ok()?;
        let mut found = Vec::new();
        while found.len() < INLINED_MAX
            && let Some(frame) = frames.next().ok()?
        {
            let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            let function = name.map_or_else(|| "?".to_owned(), |name| shown(&name));
            if let Some(place) = frame.location.as_ref().and_then(place) {
                found.push(Inlined { function, place });
            }
        }
        Some(found)
    }
}

/// `file:line`, of a long path its end.
fn place(location: &Location<'_>) -> Option<String> {
    let file = location.file?;
    let start = file.ceil_char_boundary(file.len().saturating_sub(NAME_BYTES_MAX));
    Some(format!("{}:{}", &file[start..], location.line?))
}
