//! Threads that answer reads: their own, with room for modules, and of low priority.
//!
//! A node's first work is to order and to execute. Readers have what that leaves of the processors, which on a
//! node at rest is all of it. What reads share with the ledger beside processors (disk, locks of the store) they still share.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use pollen_vm::stack;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Readers for each processor: most of them wait for a disk.
const PER_PROCESSOR: usize = 8;
/// How much lower than all others, of 19 (nice values of POSIX): beside a thread that wants all of a processor, a tenth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// How long a node that stops waits for reads that run.
const STOP: Duration = Duration::from_secs(10);

/// See the module's documentation.
pub struct Readers {
    handle: Handle,
    /// Until it stops.
    runtime: Mutex<Option<Runtime>>,
}

impl Readers {
    /// None of its threads is there before it is needed.
    pub fn start() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(PER_PROCESSOR * processors)
            .thread_name("reads")
            .thread_stack_size(stack::THREAD_STACK_BYTES)
            .on_thread_start(|| {
                stack::this_thread_has_room();
                lower_priority();
            })
            .build()
            .expect("a runtime that drives nothing asks nothing of the system");
        Self { handle: runtime.handle().clone(), runtime: Mutex::new(Some(runtime)) }
    }

    /// Runs what reads disks or modules. Once stopped, nothing is run any more: that is an error of the task.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn_blocking(work)
    }

    /// Waits for what runs, and takes nothing more. Blocks.
    pub fn stop(&self) {
        if let Some(runtime) = self.runtime.lock().take() {
            runtime.shutdown_timeout(STOP);
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.get_mut().take() {
            runtime.shutdown_background();
        }
    }
}

/// Of the calling thread, and of those that it starts. Elsewhere this would be the process.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "reads have the priority of all else");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::sync::Arc;

    use super::*;

    /// Uses the stack that far down.
    fn burrow(bytes: usize) -> usize {
        let frame = black_box([1_u8; 64 << 10]);
        let below = bytes.checked_sub(frame.len()).map_or(0, burrow);
        below + usize::from(black_box(frame)[0])
    }

    /// Modules that nest as deep as they may, each with all of its stack, must not end the process.
    #[tokio::test]
    async fn readers_have_room_for_modules() {
        let readers = Readers::start();
        let deep = stack::THREAD_STACK_BYTES / 4; // the compiler may copy a frame
        assert!(readers.run(move || burrow(deep)).await.unwrap() >= deep >> 16);
    }

    /// A node that stops closes its store behind the last read, and begins none.
    #[tokio::test]
    async fn what_runs_is_waited_for_and_no_more_is_run() {
        let readers = Arc::new(Readers::start());
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        let running = readers.run(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        });
        has_begun.await.unwrap();
        let stopping = {
            let readers = Arc::clone(&readers);
            tokio::task::spawn_blocking(move || readers.stop())
        };
        while readers.run(|| ()).await.is_ok() {}
        assert!(!stopping.is_finished(), "a read is running");
        go_on.send(()).unwrap();
        stopping.await.unwrap();
        running.await.unwrap();
    }
}
