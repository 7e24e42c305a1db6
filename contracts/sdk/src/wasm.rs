//! What a guest without a standard library needs: an allocator and an end for panics.
//!
//! Every call runs in a fresh instance, so memory is never given back: the allocator only moves a mark
//! forward. It takes back the newest block alone, which is what a growing vector asks for.

#![allow(unsafe_code)] // an allocator cannot be written without; the instance has one thread

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::fmt;

const PAGE_BYTES: usize = 64 * 1024;
const OUT_OF_MEMORY: &str = "the module is out of memory";

unsafe extern "C" {
    /// The linker's mark: the first byte after the stack and the data.
    static __heap_base: u8;
}

struct Bump {
    /// First free byte; 0 before the first allocation.
    next: Cell<usize>,
}

// SAFETY: a module's instance has one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static HEAP: Bump = Bump { next: Cell::new(0) };

impl Bump {
    fn next(&self) -> usize {
        match self.next.get() {
            0 => (&raw const __heap_base).addr(),
            next => next,
        }
    }

    /// Moves the mark to `end`, growing the memory when it lies beyond. What cannot be had ends the call, here:
    /// to report it as Rust does, a module would need all that formats numbers.
    fn advance(&self, end: Option<usize>) {
        let have = core::arch::wasm32::memory_size(0) * PAGE_BYTES;
        let Some(end) = end else { crate::abort(OUT_OF_MEMORY) };
        if end > have {
            let pages = (end - have).div_ceil(PAGE_BYTES);
            if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
                crate::abort(OUT_OF_MEMORY);
            }
        }
        self.next.set(end);
    }
}

// SAFETY: blocks never overlap, since the mark moves past each one before it is handed out, and back
// only over the newest, which its owner has just given up.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = (self.next() + layout.align() - 1) & !(layout.align() - 1);
        self.advance(start.checked_add(layout.size()));
        block_at(start)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr() + layout.size() == self.next.get() {
            self.next.set(block.addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block.addr() + layout.size() == self.next.get() {
            self.advance(block.addr().checked_add(size));
            return block_at(block.addr());
        }
        if size <= layout.size() {
            return block_at(block.addr());
        }
        // SAFETY: the caller's size is not zero and does not overflow with the alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        // SAFETY: the new block lies beyond the old one and is larger.
        unsafe { core::ptr::copy_nonoverlapping(block, new, layout.size()) };
        block_at(new.addr())
    }
}

/// Blocks lie above the stack and the data, so never at 0. Said in arithmetic, the compiler knows that none is
/// null, and leaves out what handles failed allocations: 1 KB.
#[inline(always)]
fn block_at(address: usize) -> *mut u8 {
    address.max(1) as *mut u8
}

/// A panic is an abort with its place and message: cheap, exact and readable in the receipt.
///
/// Written by hand into a buffer on the stack, since the general way (`to_string`) brings padding, counting of
/// characters and growing strings: 2 KB in a module of 8. The host cuts messages to as much as fits here.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut text = Text { bytes: [0; MESSAGE_BYTES_MAX], length: 0 };
    if let Some(place) = info.location() {
        text.push("panicked at ");
        text.push(place.file());
        text.push(":");
        text.push_number(place.line());
        text.push(": ");
    }
    match info.message().as_str() {
        Some(message) => text.push(message),
        None => _ = fmt::write(&mut text, format_args!("{}", info.message())),
    }
    crate::abort(text.as_str())
}

/// What a receipt keeps of a message.
const MESSAGE_BYTES_MAX: usize = 1_024;

struct Text {
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Text {
    /// As many whole characters of it as there is room for.
    #[inline(never)] // for size: it is called from five places, once at most
    fn push(&mut self, text: &str) {
        let mut length = text.len().min(MESSAGE_BYTES_MAX - self.length);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        for byte in text.bytes().take(length) {
            self.push_byte(byte);
        }
    }

    fn push_byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        // SAFETY: only whole characters and digits were pushed.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }

    fn push_number(&mut self, number: u32) {
        let mut unit = 1_000_000_000;
        while unit > 1 && number < unit {
            unit /= 10;
        }
        while unit > 0 {
            self.push_byte(b'0' + (number / unit % 10) as u8);
            unit /= 10;
        }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}
