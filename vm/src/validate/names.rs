//! The name section: never needed to run, and shown to people when a call fails.

use pollen_ledger::module::CodeRefusal;
use wasmparser::{CustomSectionReader, KnownCustom, Name};

use super::{at_most, limits as limit};

/// Refuses names that would make a note expensive. A section that cannot be read is as good as none.
pub(super) fn check(section: &CustomSectionReader<'_>) -> Result<(), CodeRefusal> {
    let KnownCustom::Name(names) = section.as_known() else { return Ok(()) };
    for part in names {
        let Ok(Name::Function(functions)) = part else { continue };
        for function in functions {
            let Ok(function) = function else { break };
            let bytes = function.name.len() as u64;
            at_most("bytes of a function's name", bytes, limit::NAME_BYTES_MAX as u64)?;
        }
    }
    Ok(())
}
