//! What a guest without a standard library needs: an allocator and an end for panics.
//!
//! Every call runs in a fresh instance, so memory is never given back: the allocator only moves a mark
//! forward. It takes back the newest block alone, which is what a growing vector asks for.

#![allow(unsafe_code)] // an allocator cannot be written without; the instance has one thread

use alloc::string::ToString;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

const PAGE_BYTES: usize = 64 * 1024;

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

    /// Moves the mark to `end`, growing the memory when it lies beyond; false when that is refused.
    fn advance(&self, end: usize) -> bool {
        let have = core::arch::wasm32::memory_size(0) * PAGE_BYTES;
        if end > have {
            let pages = (end - have).div_ceil(PAGE_BYTES);
            if core::arch::wasm32::memory_grow(0, pages) == usize::MAX {
                return false;
            }
        }
        self.next.set(end);
        true
    }
}

// SAFETY: blocks never overlap, since the mark moves past each one before it is handed out, and back
// only over the newest, which its owner has just given up.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = (self.next() + layout.align() - 1) & !(layout.align() - 1);
        match start.checked_add(layout.size()) {
            Some(end) if self.advance(end) => start as *mut u8,
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr() + layout.size() == self.next.get() {
            self.next.set(block.addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block.addr() + layout.size() == self.next.get() {
            return match block.addr().checked_add(size) {
                Some(end) if self.advance(end) => block,
                _ => core::ptr::null_mut(),
            };
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: the caller's size is not zero and does not overflow with the alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: the new block lies beyond the old one and is larger.
            unsafe { core::ptr::copy_nonoverlapping(block, new, layout.size()) };
        }
        new
    }
}

/// A panic is an abort with its message: cheap, exact and readable in the receipt.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    crate::abort(&info.to_string())
}
