//! Threads with room for modules.
//!
//! A module's stack is bounded by [`WASM_STACK_BYTES`] in every instance, and calls nest up to
//! [`CALL_DEPTH_MAX`] deep on one native stack. Calls on a thread of [`spawn`] run where they are; on any
//! other thread they are moved to a thread made for them, which is correct everywhere and costs tens of
//! microseconds.
//!
//! Known gap until the instrumentation of issue 5: where a module's recursion ends depends on the size of
//! native frames, which CPUs and compilers choose.

use std::cell::Cell;
use std::panic;
use std::thread::{self, JoinHandle};

use pollen_ledger::limits::CALL_DEPTH_MAX;

/// Native stack of one instance.
pub const WASM_STACK_BYTES: usize = 1 << 20;
/// Stack of the host around each instance.
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
