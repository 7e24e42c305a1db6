//! How deep component types are nested in each other, before anybody reads them.
//!
//! The parser reads an instance's or component's type inside another by recursion, three bytes a level: a
//! megabyte of them would use up any stack and end the process. So they are walked here first, on a stack of
//! our own, and everything else about a type is left to the parser. Whoever reads a section of component
//! types of foreign bytes calls [`check`] before.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, ComponentTypeSectionReader, CoreType, Error,
};

/// Deepest nesting of types of instances and components: a world in a package has 3.
pub(crate) const TYPE_NESTING_MAX: usize = 8;

const COMPONENT_TYPE: u8 = 0x41;
const INSTANCE_TYPE: u8 = 0x42;

/// What is wrong with a section of types.
#[derive(Debug)]
pub(crate) enum Nesting {
    /// The parser's words.
    Invalid(Error),
    /// Deeper than [`TYPE_NESTING_MAX`].
    TooDeep,
}

impl From<Error> for Nesting {
    fn from(error: Error) -> Self {
        Self::Invalid(error)
    }
}

/// Walks a section of `bytes`; what its types declare, all levels together.
pub(crate) fn check(
    bytes: &[u8],
    section: &ComponentTypeSectionReader<'_>,
) -> Result<u32, Nesting> {
    let range = section.range();
    // A section of a parser that reads the same bytes lies within them.
    let contents = bytes.get(range.clone()).unwrap_or_default();
    let mut reader = BinaryReader::new(contents, range.start);
    let mut declarations = 0_u32;
    // How many items each open list has still to come: the section's own types, then declarations.
    let mut open = vec![reader.read_var_u32()?];
    while let Some(left) = open.last_mut() {
        let Some(after) = left.checked_sub(1) else {
            open.pop();
            continue;
        };
        *left = after;
        let list = if open.len() == 1 { ty(&mut reader)? } else { declaration(&mut reader)? };
        if let Some(count) = list {
            if open.len() > TYPE_NESTING_MAX {
                return Err(Nesting::TooDeep);
            }
            declarations = declarations.saturating_add(count);
            open.push(count);
        }
    }
    Ok(declarations)
}

/// Reads a type; where it is one with declarations, their count alone.
fn ty(reader: &mut BinaryReader<'_>) -> Result<Option<u32>, Error> {
    let mut ahead = reader.clone();
    if matches!(ahead.read_u8()?, COMPONENT_TYPE | INSTANCE_TYPE) {
        reader.read_u8()?;
        return Ok(Some(reader.read_var_u32()?));
    }
    reader.read::<ComponentType<'_>>()?;
    Ok(None)
}

fn declaration(reader: &mut BinaryReader<'_>) -> Result<Option<u32>, Error> {
    match reader.read_u8()? {
        0x00 => {
            reader.read::<CoreType<'_>>()?;
        }
        0x01 => return ty(reader),
        0x02 => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        0x03 => {
            reader.read::<ComponentImport<'_>>()?;
        }
        // An export; anything else the parser refuses by itself, and reads no further.
        _ => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
    }
    Ok(None)
}
