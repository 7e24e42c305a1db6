//! A string argument whose length is known before it is read.
//!
//! `WasmStr` shows its length only by decoding the string, which is work of up to its size. A module could
//! have that done for nothing, again and again, by calls with less fuel than it costs. This type keeps the
//! length beside it. The traits are those that wasmtime's derives implement; each method hands over to
//! `WasmStr`'s.
#![allow(unsafe_code)]

use wasmtime::ValRaw;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, WasmStr};

use super::{Context, HostEnd, charge};

/// The bit of a length that says that a string of `latin1+utf16` is in UTF-16 (canonical ABI).
const UTF16_TAG: u32 = 1 << 31;

/// A string in a module's memory.
pub(super) struct Text {
    string: WasmStr,
    /// Code units of the module's encoding. In UTF-8 a string has at least as many bytes.
    units: u32,
}

impl Text {
    /// Charges `price`, which grows with the bytes of the string in UTF-8, and takes the string. What cannot
    /// be paid is not read.
    pub(super) fn take(
        &self,
        context: &mut Context<'_>,
        price: impl Fn(usize) -> u64,
    ) -> wasmtime::Result<String> {
        let least = price(self.units as usize);
        charge(context, least)?;
        let text = self.string.to_str(&*context)?;
        let rest = price(text.len()).checked_sub(least).ok_or(HostEnd::OutOfFuel)?;
        let text = text.into_owned();
        charge(context, rest)?;
        Ok(text)
    }

    fn new(string: WasmStr, length: u32) -> Self {
        Self { string, units: length & !UTF16_TAG }
    }
}

// SAFETY: it is laid out, checked and lifted as `WasmStr` is, by `WasmStr`.
unsafe impl ComponentType for Text {
    type Lower = <WasmStr as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = WasmStr::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        WasmStr::typecheck(ty, types)
    }
}

// SAFETY: as above. Of a string's pair of pointer and length this reads the length.
unsafe impl Lift for Text {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let [_, length]: &[ValRaw; 2] = source;
        Ok(Self::new(WasmStr::linear_lift_from_flat(cx, ty, source)?, length.get_u32()))
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let length = bytes[4..8].try_into().expect("four bytes of eight");
        let string = WasmStr::linear_lift_from_memory(cx, ty, bytes)?;
        Ok(Self::new(string, u32::from_le_bytes(length)))
    }
}
