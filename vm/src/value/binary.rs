//! Strict reading and bounded writing of the canonical encoding, value by value.

use super::{VALUE_BYTES_MAX, VALUES_MAX, ValueError, expected};
use crate::interface::Type;

/// Reads one encoding from its start to its end.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, ValueError> {
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(too_long(bytes.len()));
        }
        Ok(Self { rest: bytes, values: 0 })
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), ValueError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(ValueError::new("the end of the encoding", format!("{} more bytes", self.rest.len())))
    }

    /// Every value is counted when its reading begins.
    pub(super) fn begin(&mut self) -> Result<(), ValueError> {
        self.values += 1;
        if self.values > VALUES_MAX { Err(too_many()) } else { Ok(()) }
    }

    pub(super) fn take(&mut self, ty: &Type, count: usize) -> Result<&'a [u8], ValueError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(cut_off(ty, count, self.rest.len())),
        }
    }

    pub(super) fn array<const N: usize>(&mut self, ty: &Type) -> Result<[u8; N], ValueError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(cut_off(ty, N, self.rest.len())),
        }
    }

    pub(super) fn byte(&mut self, ty: &Type) -> Result<u8, ValueError> {
        self.array::<1>(ty).map(|[byte]| byte)
    }

    /// A tag below `count`.
    pub(super) fn tag(&mut self, ty: &Type, count: usize) -> Result<usize, ValueError> {
        let tag = usize::from(self.byte(ty)?);
        if tag < count { Ok(tag) } else { Err(bad_tag(ty, tag)) }
    }

    /// A length of items that have at least one byte each, so that it never exceeds what is left.
    pub(super) fn length(&mut self, ty: &Type) -> Result<usize, ValueError> {
        let length = u32::from_le_bytes(self.array(ty)?) as usize;
        if length <= self.rest.len() {
            return Ok(length);
        }
        Err(cut_off(ty, length, self.rest.len()))
    }

    pub(super) fn bytes(&mut self, ty: &Type) -> Result<&'a [u8], ValueError> {
        let length = self.length(ty)?;
        self.take(ty, length)
    }

    pub(super) fn string(&mut self, ty: &Type) -> Result<&'a str, ValueError> {
        let bytes = self.bytes(ty)?;
        str::from_utf8(bytes).map_err(|_| ValueError::new(expected(ty), "bytes that are not UTF-8"))
    }

    pub(super) fn char(&mut self) -> Result<char, ValueError> {
        let code = u32::from_le_bytes(self.array(&Type::Char)?);
        char::from_u32(code).ok_or_else(|| {
            ValueError::new(expected(&Type::Char), format!("{code:#x}, which is no character"))
        })
    }

    pub(super) fn f32(&mut self) -> Result<f32, ValueError> {
        let value = f32::from_le_bytes(self.array(&Type::F32)?);
        if value.is_nan() { Err(nan(&Type::F32)) } else { Ok(value) }
    }

    pub(super) fn f64(&mut self) -> Result<f64, ValueError> {
        let value = f64::from_le_bytes(self.array(&Type::F64)?);
        if value.is_nan() { Err(nan(&Type::F64)) } else { Ok(value) }
    }

    /// The indices of the flags that are set, in order.
    pub(super) fn flags(&mut self, ty: &Type, count: usize) -> Result<Vec<usize>, ValueError> {
        let bytes = self.take(ty, count.div_ceil(8))?;
        let is_set = |index: &usize| bytes[index / 8] >> (index % 8) & 1 == 1;
        if let Some(unused) = (count..bytes.len() * 8).find(is_set) {
            return Err(ValueError::new(expected(ty), format!("bit {unused}, which no flag has")));
        }
        Ok((0..count).filter(is_set).collect())
    }
}

/// Writes one encoding, refusing to outgrow the bounds.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    values: usize,
}

impl Writer {
    pub(super) fn begin(&mut self) -> Result<(), ValueError> {
        self.values += 1;
        if self.values > VALUES_MAX || self.bytes.len() > VALUE_BYTES_MAX {
            return Err(if self.values > VALUES_MAX {
                too_many()
            } else {
                too_long(self.bytes.len())
            });
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, ValueError> {
        if self.bytes.len() > VALUE_BYTES_MAX {
            return Err(too_long(self.bytes.len()));
        }
        Ok(self.bytes)
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An index below 256: interfaces have no more cases.
    pub(super) fn tag(&mut self, index: usize) {
        self.bytes.push(u8::try_from(index).expect("an interface has at most 256 cases"));
    }

    pub(super) fn length(&mut self, length: usize) -> Result<(), ValueError> {
        if length > VALUE_BYTES_MAX {
            return Err(too_long(length));
        }
        self.put(&(length as u32).to_le_bytes());
        Ok(())
    }

    pub(super) fn sized(&mut self, bytes: &[u8]) -> Result<(), ValueError> {
        self.length(bytes.len())?;
        self.put(bytes);
        Ok(())
    }

    pub(super) fn f32(&mut self, value: f32) -> Result<(), ValueError> {
        if value.is_nan() {
            return Err(nan(&Type::F32));
        }
        self.put(&value.to_le_bytes());
        Ok(())
    }

    pub(super) fn f64(&mut self, value: f64) -> Result<(), ValueError> {
        if value.is_nan() {
            return Err(nan(&Type::F64));
        }
        self.put(&value.to_le_bytes());
        Ok(())
    }

    /// Sets the flags of these indices, all below `count`.
    pub(super) fn flags(&mut self, count: usize, set: &[usize]) {
        let start = self.bytes.len();
        self.bytes.resize(start + count.div_ceil(8), 0);
        for index in set {
            self.bytes[start + index / 8] |= 1 << (index % 8);
        }
    }
}

#[cold]
fn cut_off(ty: &Type, wanted: usize, left: usize) -> ValueError {
    let found = format!("{left} bytes left where {wanted} are needed");
    ValueError::new(expected(ty), found)
}

#[cold]
fn bad_tag(ty: &Type, tag: usize) -> ValueError {
    ValueError::new(expected(ty), format!("the tag {tag}"))
}

#[cold]
fn nan(ty: &Type) -> ValueError {
    ValueError::new(expected(ty), "NaN")
}

#[cold]
fn too_long(bytes: usize) -> ValueError {
    ValueError::new(format!("at most {VALUE_BYTES_MAX} bytes"), format!("{bytes}"))
}

#[cold]
fn too_many() -> ValueError {
    ValueError::new(format!("at most {VALUES_MAX} values"), "more")
}
