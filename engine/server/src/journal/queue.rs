//! What was handed over and is not on the disk yet, and who waits for it.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot::{self, Receiver, Sender},
    time,
};

use super::{
    Demand, ROUND, STALL,
    writer::{Book, Writer},
};

/// A journal that is written; closed when its owner lets go of it.
#[derive(Debug)]
pub(crate) struct Journal<E> {
    shared: Arc<Shared<E>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    demand: Demand,
    what: &'static str,
    /// Entries that may wait while nothing is written.
    most: u64,
}

/// Entries that were handed over.
#[derive(Debug, Clone)]
pub(crate) struct Handed {
    /// The number of the last of them.
    number: u64,
    /// Set when they are not to be written after all.
    withdrawn: Arc<AtomicBool>,
}

/// How a journal is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JournalStatus {
    /// Entries that were written.
    pub(crate) written: u64,
    /// Entries that are on the disk.
    pub(crate) synced: u64,
    /// Bytes that were written.
    pub(crate) bytes: u64,
    /// Entries that could not be kept.
    pub(crate) lost: u64,
    /// Why nothing can be written at the moment.
    pub(crate) failing: Option<String>,
    /// Entries that are not written yet.
    pub(crate) waiting: u64,
    /// Bytes of those that could not be written so far and are kept in memory.
    pub(crate) waiting_bytes: u64,
    /// How long the oldest of them has waited.
    pub(crate) behind: Duration,
}

/// What the thread and those who hand over share.
#[derive(Debug)]
pub(super) struct Shared<E> {
    queue: Mutex<Queue<E>>,
    /// Wakes the thread.
    wake: Condvar,
    /// Entries that are neither written nor lost, readable without waiting.
    unwritten: AtomicU64,
    /// Whether an entry has waited until it is on the disk, or only until it is written.
    on_disk: bool,
}

#[derive(Debug)]
struct Queue<E> {
    pending: VecDeque<Pending<E>>,
    /// The numbers of the last entries that were handed over, written, and forced to the disk.
    handed: u64,
    written: u64,
    synced: u64,
    /// Since when entries wait, up to which number.
    since: VecDeque<(Instant, u64)>,
    waiters: Vec<Waiter>,
    status: JournalStatus,
    /// Entries that were lost before the thread saw them, and that it has not heard of.
    untold: u64,
    /// Whether the file may have been moved on purpose.
    follow: bool,
    /// Whether the thread waits to be woken.
    idle: bool,
    phase: Phase,
}

/// How far a journal is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The thread is asked to end.
    Closing,
    /// The thread has ended.
    Ended,
}

/// An entry on its way to the thread.
#[derive(Debug)]
pub(super) struct Pending<E> {
    /// Its number.
    pub(super) number: u64,
    /// The entry.
    pub(super) entry: E,
    /// Set when it is not to be written after all.
    pub(super) withdrawn: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Waiter {
    /// The number that has to be reached.
    number: u64,
    demand: Demand,
    tell: Sender<Result<(), String>>,
}

/// What the thread is to do next.
pub(super) struct Order<E> {
    /// Entries that were handed over.
    pub(super) entries: VecDeque<Pending<E>>,
    /// Entries that were lost since the last order.
    pub(super) lost: u64,
    /// Whether the file may have been moved on purpose.
    pub(super) follow: bool,
    /// Whether this is the last of it.
    pub(super) closing: bool,
}

impl<E: Send + 'static> Journal<E> {
    /// Starts the thread that writes.
    pub(crate) fn start<B: Book<Entry = E>>(book: B, demand: Demand) -> io::Result<Self> {
        let on_disk = demand == Demand::OnDisk;
        let shared = Arc::new(Shared::new(on_disk));
        let writer = Writer::new(book, Arc::clone(&shared), on_disk);
        let thread = thread::Builder::new().name(B::THREAD.into()).spawn(move || writer.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), demand, what: B::NAME, most: 2 * B::KEPT })
    }

    /// Hands entries over, and never waits.
    pub(crate) fn hand(&self, entries: impl IntoIterator<Item = E>) -> Handed {
        let mut queue = self.shared.lock();
        let withdrawn = Arc::<AtomicBool>::default();
        let before = queue.handed;
        for entry in entries {
            // The thread may hang in a write, and nothing else bounds what waits for it.
            if queue.phase == Phase::Ended || self.shared.unwritten() + (queue.handed - before) >= self.most {
                queue.lose(1, self.what);
                queue.untold += 1;
                continue;
            }
            queue.handed += 1;
            let number = queue.handed;
            queue.pending.push_back(Pending { number, entry, withdrawn: Arc::clone(&withdrawn) });
        }
        let handed = queue.handed;
        if handed > before {
            self.shared.unwritten.fetch_add(handed - before, Ordering::Relaxed);
            queue.since.push_back((Instant::now(), handed));
            if queue.idle {
                self.shared.wake.notify_one();
            }
        }
        Handed { number: handed, withdrawn }
    }

    /// Counts entries that could not be made.
    pub(crate) fn lost(&self, entries: u64) {
        let mut queue = self.shared.lock();
        queue.lose(entries, self.what);
        queue.untold += entries;
    }

    /// Everything that was handed over so far.
    pub(crate) fn all(&self) -> Handed {
        Handed { number: self.shared.lock().handed, withdrawn: Arc::default() }
    }

    /// Whether an answer may have to wait, for certain unless this is false.
    pub(crate) fn is_behind(&self) -> bool {
        match self.demand {
            Demand::OnDisk => true,
            Demand::AtMost(most) => self.shared.unwritten() * 2 > most,
        }
    }

    /// Whether answers wait until their entries are on the disk.
    pub(crate) fn is_required(&self) -> bool {
        self.demand == Demand::OnDisk
    }

    /// Waits until entries are as safe as is demanded.
    ///
    /// # Errors
    ///
    /// When they are required and cannot be written; says why.
    pub(crate) async fn settled(&self, handed: &Handed) -> Result<(), String> {
        let Some(receiver) = self.wait_for(handed)? else { return Ok(()) };
        match time::timeout(STALL, receiver).await {
            Ok(Ok(outcome)) => outcome,
            // The thread has ended, or hangs in a write.
            Ok(Err(_)) | Err(_) => self.unless_required(),
        }
    }

    /// The same for who may block.
    pub(crate) fn settle(&self, handed: &Handed) -> Result<(), String> {
        let Some(receiver) = self.wait_for(handed)? else { return Ok(()) };
        receiver.blocking_recv().unwrap_or_else(|_| self.unless_required())
    }

    /// Why nothing is answered at the moment, where the journal is required and cannot be written.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.is_required() { self.failing() } else { None }
    }

    /// Why nothing can be written at the moment.
    pub(crate) fn failing(&self) -> Option<String> {
        self.shared.lock().failing()
    }

    /// How it is doing.
    pub(crate) fn status(&self) -> JournalStatus {
        let queue = self.shared.lock();
        JournalStatus {
            failing: queue.failing(),
            waiting: self.shared.unwritten(),
            behind: queue.behind(),
            ..queue.status.clone()
        }
    }

    /// Looks whether the file was moved, which is expected now.
    pub(crate) fn follow(&self) {
        self.shared.lock().follow = true;
        self.shared.wake.notify_one();
    }

    /// Writes what waits, forces it to the disk and ends the thread; entries that come later are lost, and counted.
    pub(crate) fn close(&self) -> JournalStatus {
        self.end();
        self.status()
    }

    fn unless_required(&self) -> Result<(), String> {
        match self.refusal() {
            Some(refusal) => Err(refusal),
            None if self.is_required() => Err("it has not been written in time".into()),
            None => Ok(()),
        }
    }

    fn wait_for(&self, handed: &Handed) -> Result<Option<Receiver<Result<(), String>>>, String> {
        if let Demand::AtMost(most) = self.demand
            && self.shared.unwritten() <= most
        {
            return Ok(None);
        }
        let mut queue = self.shared.lock();
        if let Some(error) = queue.failing() {
            return if self.is_required() { Err(error) } else { Ok(None) };
        }
        let number = match self.demand {
            Demand::OnDisk => handed.number,
            Demand::AtMost(most) => handed.number.saturating_sub(most),
        };
        if queue.phase == Phase::Ended || queue.reached(self.demand) >= number {
            return Ok(None);
        }
        let (tell, told) = oneshot::channel();
        queue.waiters.push(Waiter { number, demand: self.demand, tell });
        Ok(Some(told))
    }
}

impl<E> Journal<E> {
    fn end(&self) {
        self.shared.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            self.shared.ended();
            tracing::error!("the thread of the {} has failed", self.what);
        }
    }
}

impl<E> Drop for Journal<E> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Handed {
    /// The number of the last of them.
    #[cfg(test)]
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Takes entries back that are not written yet: what they are about did not happen.
    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Relaxed);
    }
}

impl<E> Shared<E> {
    pub(super) fn new(on_disk: bool) -> Self {
        let queue = Queue {
            pending: VecDeque::new(),
            handed: 0,
            written: 0,
            synced: 0,
            since: VecDeque::new(),
            waiters: Vec::new(),
            status: JournalStatus::default(),
            untold: 0,
            follow: false,
            idle: false,
            phase: Phase::Open,
        };
        Self { queue: Mutex::new(queue), wake: Condvar::new(), unwritten: AtomicU64::new(0), on_disk }
    }

    /// Waits for something to do, but no longer than a round.
    pub(super) fn next(&self) -> Order<E> {
        let mut queue = self.lock();
        if queue.pending.is_empty() && !queue.follow && queue.phase == Phase::Open {
            queue.idle = true;
            queue = self.wake.wait_timeout(queue, ROUND).unwrap_or_else(PoisonError::into_inner).0;
            queue.idle = false;
        }
        Order {
            entries: std::mem::take(&mut queue.pending),
            lost: std::mem::take(&mut queue.untold),
            follow: std::mem::take(&mut queue.follow),
            closing: queue.phase != Phase::Open,
        }
    }

    /// Notes that entries are written, up to a number.
    pub(super) fn written(&self, number: u64, entries: u64, bytes: u64) {
        let mut queue = self.lock();
        queue.written = queue.written.max(number);
        queue.status.written += entries;
        queue.status.bytes += bytes;
        self.through(&mut queue, entries);
    }

    /// Notes that what is written is on the disk.
    pub(super) fn synced(&self) {
        let mut queue = self.lock();
        queue.synced = queue.written;
        queue.status.synced = queue.status.written;
        if self.on_disk {
            let synced = queue.synced;
            queue.through(synced);
        }
        self.nothing_waits(&mut queue);
        queue.tell();
    }

    /// Notes that entries that were written have to be written again.
    pub(super) fn unwritten_again(&self, entries: u64, bytes: u64) {
        let mut queue = self.lock();
        queue.written = queue.synced;
        queue.status.written -= entries;
        queue.status.bytes -= bytes;
        self.unwritten.fetch_add(entries, Ordering::Relaxed);
        let last = queue.since.front().map_or(queue.handed, |(_, number)| *number);
        queue.since.push_front((Instant::now(), last));
    }

    /// Notes an entry of the thread's own.
    pub(super) fn more(&self) {
        self.unwritten.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that entries cannot be kept.
    pub(super) fn lost(&self, entries: u64, what: &str) {
        let mut queue = self.lock();
        queue.lose(entries, what);
        self.through(&mut queue, entries);
    }

    /// Notes that entries were taken back before they were written.
    pub(super) fn withdrawn(&self, entries: u64) {
        let mut queue = self.lock();
        self.through(&mut queue, entries);
        self.nothing_waits(&mut queue);
    }

    /// Notes what is kept in memory.
    pub(super) fn keeps(&self, bytes: usize) {
        self.lock().status.waiting_bytes = bytes as u64;
    }

    /// Notes that writing fails, and notifies those who wait for it. Returns whether that is new.
    pub(super) fn failed(&self, error: String) -> bool {
        let mut queue = self.lock();
        let is_new = queue.status.failing.is_none();
        for waiter in std::mem::take(&mut queue.waiters) {
            // Who has left needs no word.
            let _ = waiter.tell.send(if waiter.demand == Demand::OnDisk { Err(error.clone()) } else { Ok(()) });
        }
        queue.status.failing = Some(error);
        is_new
    }

    /// Notes that writing works; says whether it did not before.
    pub(super) fn works(&self) -> bool {
        self.lock().status.failing.take().is_some()
    }

    /// Asks the thread to end.
    fn close(&self) {
        let mut queue = self.lock();
        if queue.phase == Phase::Open {
            queue.phase = Phase::Closing;
        }
        self.wake.notify_one();
    }

    /// Notes that the thread ends.
    pub(super) fn ended(&self) {
        let mut queue = self.lock();
        queue.phase = Phase::Ended;
        queue.waiters.clear();
    }

    fn through(&self, queue: &mut Queue<E>, entries: u64) {
        let left = self.unwritten.fetch_sub(entries, Ordering::Relaxed) - entries;
        if !self.on_disk {
            let upto = queue.handed.saturating_sub(left);
            queue.through(upto);
        }
        queue.tell();
    }

    /// Notes that nothing waits where all is on the disk that was not taken back: what was never gets there.
    fn nothing_waits(&self, queue: &mut Queue<E>) {
        if self.unwritten() == 0 && queue.written == queue.synced {
            queue.since.clear();
        }
    }

    fn unwritten(&self) -> u64 {
        self.unwritten.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Queue<E> {
    /// How long the oldest entry has waited that is not written.
    fn behind(&self) -> Duration {
        self.since.front().map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }

    /// Notes that entries wait no more, up to a number.
    fn through(&mut self, upto: u64) {
        while self.since.front().is_some_and(|(_, number)| *number <= upto) {
            self.since.pop_front();
        }
    }

    fn failing(&self) -> Option<String> {
        let stalled = || {
            let behind = self.behind();
            (behind > STALL).then(|| format!("a write has not returned for {} s", behind.as_secs()))
        };
        self.status.failing.clone().or_else(stalled)
    }

    fn reached(&self, demand: Demand) -> u64 {
        match demand {
            Demand::OnDisk => self.synced,
            Demand::AtMost(_) => self.written,
        }
    }

    /// Notifies those whose entries are as safe as they demand.
    fn tell(&mut self) {
        let (written, synced) = (self.written, self.synced);
        let mut at = 0;
        while let Some(waiter) = self.waiters.get(at) {
            let reached = if waiter.demand == Demand::OnDisk { synced } else { written };
            if reached < waiter.number {
                at += 1;
                continue;
            }
            // Who has left needs no word.
            let _ = self.waiters.swap_remove(at).tell.send(Ok(()));
        }
    }

    fn lose(&mut self, entries: u64, what: &str) {
        // The first is reported at once, the sum when writing works again or ends.
        if self.status.lost == 0 {
            tracing::error!("entries of the {what} are lost");
        }
        self.status.lost += entries;
    }
}
