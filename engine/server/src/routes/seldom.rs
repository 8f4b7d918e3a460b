//! What a task waits for besides what mostly wakes it.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// A future that is polled again only when it has called: a task that is woken by something else passes it by.
pub(super) struct Seldom<F> {
    future: F,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// The task that the bell wakes, kept here as well so that asking takes no lock.
    task: Option<Waker>,
}

struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future + Unpin> Seldom<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Self { future, waker: Waker::from(Arc::clone(&bell)), bell, task: None }
    }

    /// The future, to be changed; it is polled the next time.
    pub(super) fn change(&mut self) -> &mut F {
        self.bell.rung.store(true, Ordering::Relaxed);
        &mut self.future
    }
}

impl<F: Future + Unpin> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, bell, waker, task } = &mut *self;
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
            *bell.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        }
        if !bell.rung.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        // First, so that a call that comes meanwhile is heard the next time.
        bell.rung.swap(false, Ordering::AcqRel);
        Pin::new(future).poll(&mut Context::from_waker(waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, sync::atomic::AtomicUsize};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_when_it_has_called_and_no_more() {
        let (polls, caller) = (Cell::new(0), Cell::new(None));
        let mut seldom = Seldom::new(Box::pin(poll_fn(|context| {
            polls.set(polls.get() + 1);
            caller.set(Some(context.waker().clone()));
            if polls.get() == 4 { Poll::Ready(()) } else { Poll::Pending }
        })));
        let task = Arc::new(Counted::default());
        let look = |seldom: &mut Seldom<_>| {
            let looked = Pin::new(seldom).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&task))));
            (looked.is_ready(), polls.get(), task.0.load(Ordering::Relaxed))
        };
        let call = || caller.take().expect("it was polled").wake();
        assert_eq!(look(&mut seldom), (false, 1, 0));
        assert_eq!(look(&mut seldom), (false, 1, 0));
        call();
        assert_eq!(look(&mut seldom), (false, 2, 1));
        assert_eq!(look(&mut seldom), (false, 2, 1));
        seldom.change();
        assert_eq!(look(&mut seldom), (false, 3, 1));
        assert_eq!(look(&mut seldom), (false, 3, 1));
        call();
        assert_eq!(look(&mut seldom), (true, 4, 2));
    }

    #[test]
    fn a_call_while_it_is_polled_is_heard() {
        let mut polls = 0;
        let mut seldom = Seldom::new(Box::pin(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        })));
        for _ in 0..3 {
            assert!(Pin::new(&mut seldom).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        drop(seldom);
        assert_eq!(polls, 3);
    }

    #[test]
    fn it_calls_the_task_that_looked_last() {
        let caller = Cell::new(None);
        let mut seldom = Seldom::new(Box::pin(poll_fn(|context| {
            caller.set(Some(context.waker().clone()));
            Poll::<()>::Pending
        })));
        let tasks = [(); 2].map(|()| Arc::new(Counted::default()));
        for task in &tasks {
            let looked = Pin::new(&mut seldom).poll(&mut Context::from_waker(&Waker::from(Arc::clone(task))));
            assert!(looked.is_pending());
        }
        caller.take().expect("it was polled").wake();
        assert_eq!(tasks.map(|task| task.0.load(Ordering::Relaxed)), [0, 1]);
    }
}
