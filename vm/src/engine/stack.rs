//! Threads with room for modules.
//!
//! Where a module's recursion ends is decided by the weights that stack metering counts
//! (`instrument`): 1 MiB in each instance of a core module, of which a component has at most four,
//! and one leaf on top that is not counted. Calls of modules nest up to [`CALL_DEPTH_MAX`] deep on one native
//! stack. The native limit, [`WASM_STACK_BYTES`] for each of them, must never speak first, since native
//! frames are the compiler's and the processor's choice: the largest frame that was found is 1.23 of its weight
//! (`determinism::frames` searches for worse ones), and there is room for 1.9. The stack is address
//! space: what no call touches costs no memory.
//!
//! Calls on a thread of [`spawn`], or of [`this_thread_has_room`], run where they are; on any other thread they are
//! moved to a thread made for them, which is correct everywhere and costs tens of microseconds.

use std::cell::Cell;
use std::panic;
use std::thread::{self, JoinHandle};

use pollen_ledger::limits::CALL_DEPTH_MAX;

/// Native stack of one call's component, its host functions apart.
pub const WASM_STACK_BYTES: usize = 8 << 20;
/// Stack of the host around each.
const HOST_STACK_BYTES: usize = 512 * 1024;
/// Native stack of a thread that calls modules.
pub const THREAD_STACK_BYTES: usize =
    (CALL_DEPTH_MAX as usize + 1) * (WASM_STACK_BYTES + HOST_STACK_BYTES) + (1 << 20);

thread_local! {
    static HAS_ROOM: Cell<bool> = const { Cell::new(false) };
}

fn builder(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned()).stack_size(THREAD_STACK_BYTES)
}

/// Starts a thread on which module calls run without moving: the executor's, and those of queries.
pub fn spawn<T, F>(name: &str, body: F) -> std::io::Result<JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    builder(name).spawn(move || {
        HAS_ROOM.set(true);
        body()
    })
}

/// Calls of modules run where they are on this thread, too: made with a stack of [`THREAD_STACK_BYTES`] by who says so,
/// or a module's deep recursion ends the process.
pub fn this_thread_has_room() {
    HAS_ROOM.set(true);
}

/// Runs `body` where there is room for modules.
pub(crate) fn with_room<T, F>(body: F) -> std::io::Result<T>
where
    T: Send,
    F: FnOnce() -> T + Send,
{
    if HAS_ROOM.get() {
        return Ok(body());
    }
    thread::scope(|scope| {
        let thread = builder("module-call").spawn_scoped(scope, || {
            HAS_ROOM.set(true);
            body()
        })?;
        Ok(thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
    })
}
