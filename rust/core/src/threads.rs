//! Threads that help with a piece of work, and are kept for the next one.
//!
//! A new thread may be put where the one that made it runs, and wait for it: on a virtual machine of two processors one began after 1 to 3 ms,
//! when the work was done, where a kept one was awake after 50 µs. So there are as many kept threads as there are processors beside the caller's, made
//! at the first use, by `rayon`. **Only who is free is asked**: work that runs at the same time shares them, never waits for each other's, and does not
//! put more threads to work than callers and processors. **Forks**: a child has none of its parent's threads, and makes its own.

use std::mem;
use std::num::NonZero;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Kept threads, and how many of them nobody has asked.
struct Kept {
    process: u32,
    threads: ThreadPool,
    free: AtomicUsize,
}

static KEPT: Mutex<Option<Arc<Kept>>> = Mutex::new(None);

/// Does the work here and on up to `threads` - 1 others at the same time; what each of them made of it.
///
/// The work must be such that any number of threads may do it together, each taking what is left.
pub fn together<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let kept = if threads > 1 { Kept::get() } else { None };
    let Some(kept) = kept else { return vec![work()] };
    let helpers = kept.take(threads - 1);
    let done = Mutex::new(Vec::with_capacity(1 + helpers));
    let keep = |made: T| done.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    kept.threads.in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| {
                let _taken = Taken(&kept.free);
                keep(work());
            });
        }
        keep(work());
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that was asked, which is free again when this goes.
struct Taken<'a>(&'a AtomicUsize);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl Kept {
    /// Those of this process; none where the system gives none, or another thread is making them this very moment.
    fn get() -> Option<Arc<Self>> {
        // A fork may have copied a lock that is held, so nobody waits for it.
        let mut kept = KEPT.try_lock().ok()?;
        if kept.as_ref().is_none_or(|kept| kept.process != process::id()) {
            // The parent's threads are not here to be told that they are no longer needed.
            mem::forget(kept.take());
            let beside = thread::available_parallelism().map_or(1, NonZero::get) - 1;
            if beside == 0 {
                return None;
            }
            let name = |number| format!("burnish-core-{number}");
            let threads = ThreadPoolBuilder::new().num_threads(beside).thread_name(name).build().ok()?;
            *kept = Some(Arc::new(Self { process: process::id(), threads, free: AtomicUsize::new(beside) }));
        }
        kept.clone()
    }

    /// Takes up to so many free threads.
    fn take(&self, most: usize) -> usize {
        let mut taken = 0;
        let some = |free: usize| {
            taken = most.min(free);
            Some(free - taken)
        };
        let _ = self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, some);
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::{Kept, together};

    #[test]
    fn the_work_is_shared_and_everybody_tells() {
        let next = AtomicUsize::new(0);
        let taken = together(8, || {
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < 1000))
                .collect::<Vec<_>>()
        });
        let mut all: Vec<usize> = taken.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn who_finds_nobody_free_works_alone_and_waits_for_none() {
        let Some(kept) = Kept::get() else { return };
        let (begun, end) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                // One of those at work holds them all up.
                let first = AtomicUsize::new(0);
                together(usize::MAX, || {
                    if first.fetch_add(1, Ordering::SeqCst) == 0 {
                        begun.wait();
                        end.wait();
                    }
                });
            });
            begun.wait();
            let done = together(2, || 1);
            assert!(!done.is_empty() && done.len() <= 2);
            end.wait();
        });
        // All are free again, once the tests beside this one have let go of theirs.
        let all = kept.threads.current_num_threads();
        let free = (0..10_000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            kept.free.load(Ordering::Acquire) == all
        });
        assert!(free);
    }

    #[test]
    fn a_panic_comes_out_and_leaves_all_free() {
        let panicked = std::panic::catch_unwind(|| together(4, || panic!("as it is")));
        assert!(panicked.is_err());
        assert_eq!(together(1, || 7), [7]);
    }
}
