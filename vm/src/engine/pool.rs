//! Compiling off the consensus path: a few threads of their own and a bounded queue.
//!
//! Nobody compiles where a call runs. Whoever needs code asks for it here, waits at the [`Pending`] that it
//! gets, and takes what a worker leaves there. How long that takes changes no result. Validity was decided
//! before anything is compiled (`validate`), so an end without code is a failure of this machine.
//!
//! A compiler cannot be stopped once it runs. What bounds its time and memory is the limits on code, and how
//! many run at once; whoever cannot wait compiles without optimisation meanwhile ([`super::compiled`]).

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pollen_ledger::crypto::Hash;

use super::compiled::Compiled;

/// Codes that may wait for a worker: 64 MiB of code at most.
const QUEUE_MAX: usize = 64;
/// Stack of a compiling thread.
const STACK_BYTES: usize = 16 << 20;

/// What compiling ended with; the text says why there is no code.
pub(super) type Made = Result<Arc<Compiled>, String>;

/// Code that somebody is making ready.
#[derive(Default)]
pub(super) struct Pending {
    made: Mutex<Option<Made>>,
    ended: Condvar,
}

impl Pending {
    /// What was made of it; none when that takes longer than `patience`.
    pub(super) fn wait(&self, patience: Option<Duration>) -> Option<Made> {
        let until = patience.map(|patience| Instant::now() + patience);
        let mut made = self.made.lock();
        while made.is_none() {
            match until {
                None => self.ended.wait(&mut made),
                Some(until) if self.ended.wait_until(&mut made, until).timed_out() => break,
                Some(_) => {}
            }
        }
        made.clone()
    }

    fn end(&self, with: Made) {
        *self.made.lock() = Some(with);
        self.ended.notify_all();
    }
}

/// One code to make ready.
pub(super) struct Job {
    pub(super) hash: Hash,
    pub(super) code: Arc<[u8]>,
}

/// Who asks decides where in the queue it stands, and what happens when that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Execution waits for it: before all others, full or not. There is one such caller.
    Now,
    /// Somebody will need it.
    Soon,
}

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Job>,
    /// Everything that waits or is being made.
    open: BTreeMap<Hash, Arc<Pending>>,
    closed: bool,
}

/// What is to be made ready.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    news: Condvar,
}

impl Queue {
    /// Where to wait for a code that somebody asked for already; it moves to the front when it is urgent.
    pub(super) fn find(&self, hash: &Hash, urgency: Urgency) -> Option<Arc<Pending>> {
        let mut inner = self.inner.lock();
        let pending = inner.open.get(hash).cloned()?;
        if urgency == Urgency::Now
            && let Some(place) = inner.waiting.iter().position(|job| job.hash == *hash)
            && let Some(job) = inner.waiting.remove(place)
        {
            inner.waiting.push_front(job);
        }
        Some(pending)
    }

    /// Queues a code, unless somebody else did meanwhile.
    pub(super) fn add(&self, job: Job, urgency: Urgency) -> Result<Arc<Pending>, Full> {
        let mut inner = self.inner.lock();
        if let Some(pending) = inner.open.get(&job.hash) {
            return Ok(Arc::clone(pending));
        }
        if urgency == Urgency::Soon && inner.waiting.len() >= QUEUE_MAX {
            return Err(Full);
        }
        let pending = Arc::new(Pending::default());
        inner.open.insert(job.hash, Arc::clone(&pending));
        match urgency {
            Urgency::Now => inner.waiting.push_front(job),
            Urgency::Soon => inner.waiting.push_back(job),
        }
        self.news.notify_one();
        Ok(pending)
    }

    /// The next job of a worker; none when the pool closes.
    fn next(&self) -> Option<Job> {
        let mut inner = self.inner.lock();
        loop {
            if inner.closed {
                return None;
            }
            match inner.waiting.pop_front() {
                Some(job) => return Some(job),
                None => self.news.wait(&mut inner),
            }
        }
    }

    /// Tells everybody who waits. A failure is forgotten, so that the next call tries again.
    fn end(&self, hash: &Hash, made: Made) {
        let pending = self.inner.lock().open.remove(hash);
        if let Some(pending) = pending {
            pending.end(made);
        }
    }

    fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        for job in std::mem::take(&mut inner.waiting) {
            if let Some(pending) = inner.open.remove(&job.hash) {
                pending.end(Err("the module host closes".to_owned()));
            }
        }
        self.news.notify_all();
    }
}

/// The compiling threads. They end when this goes: each after what it is compiling.
pub(super) struct Workers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads that make what is queued with `make`. `kept` runs after those who wait got the
    /// code: for what may take its time.
    pub(super) fn start<M, K>(
        queue: &Arc<Queue>,
        count: usize,
        make: M,
        keep: K,
    ) -> io::Result<Self>
    where
        M: Fn(&Job) -> Made + Clone + Send + 'static,
        K: Fn(&Job, &Arc<Compiled>) + Clone + Send + 'static,
    {
        let mut workers = Self { queue: Arc::clone(queue), threads: Vec::new() };
        for _ in 0..count {
            let (queue, make, keep) = (Arc::clone(queue), make.clone(), keep.clone());
            let builder = thread::Builder::new().name("compile".to_owned()).stack_size(STACK_BYTES);
            workers.threads.push(builder.spawn(move || {
                while let Some(job) = queue.next() {
                    let made = make(&job);
                    let kept = made.clone();
                    queue.end(&job.hash, made);
                    if let Ok(compiled) = kept {
                        keep(&job, &compiled);
                    }
                }
            })?);
        }
        Ok(workers)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
