//! The thread that makes lines of entries and writes them.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use super::{
    KEPT_BYTES, LineFile, ROUND,
    file::Followed,
    queue::{Order, Pending, Shared},
};

/// What a journal is about: how entries become lines, and what happens around its file.
pub(crate) trait Book: Send + 'static {
    /// What is handed over.
    type Entry: Send + 'static;
    /// What it is called in the log.
    const NAME: &'static str;
    /// What its thread is called.
    const THREAD: &'static str;
    /// Entries that are kept in memory while writing fails.
    const KEPT: u64;

    /// The text of an entry.
    fn text(&mut self, entry: Self::Entry) -> Result<String, String>;

    /// Its file.
    fn file(&mut self) -> &mut LineFile;

    /// Makes lines of the first of these texts, and says of how many; of none when the file is full.
    fn lines<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> (String, usize);

    /// Notes that the lines that were made last are written.
    fn written(&mut self) {}

    /// Notes that all that is written is on the disk; `seal` where the file ends, for now or for good.
    fn synced(&mut self, _seal: bool) -> io::Result<()> {
        Ok(())
    }

    /// Notes that what was written since [`Self::synced`] has to be written again.
    fn undone(&mut self) {}

    /// Begins another file.
    fn rotate(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// An entry that says that so many could not be kept.
    fn lost(&mut self, _entries: u64) -> Option<String> {
        None
    }

    /// Entries that an earlier process could not keep, and that the file does not mention yet.
    fn owed(&self) -> u64 {
        0
    }

    /// Notes that the file ends without so many entries and does not mention them.
    fn owe(&mut self, _entries: u64) -> io::Result<()> {
        Ok(())
    }
}

/// What the thread owns until it ends.
pub(super) struct Writer<B: Book> {
    book: B,
    shared: Arc<Shared<B::Entry>>,
    /// Whether answers wait for the disk.
    on_disk: bool,
    /// Texts that are not written.
    waiting: VecDeque<Line>,
    waiting_bytes: usize,
    /// Texts that are written and perhaps not on the disk.
    unsynced: VecDeque<Line>,
    unsynced_bytes: u64,
    /// Entries that were dropped since writing failed.
    dropped: u64,
    /// When writing was tried last, while it fails.
    tried: Option<Instant>,
    /// When what was written was forced to the disk last.
    synced: Instant,
}

struct Line {
    number: u64,
    text: String,
    withdrawn: Arc<AtomicBool>,
}

impl<B: Book> Writer<B> {
    pub(super) fn new(book: B, shared: Arc<Shared<B::Entry>>, on_disk: bool) -> Self {
        let dropped = book.owed();
        Self {
            book,
            shared,
            on_disk,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            unsynced: VecDeque::new(),
            unsynced_bytes: 0,
            dropped,
            tried: None,
            synced: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let Order { entries, lost, follow, closing } = self.shared.next();
            self.dropped += lost;
            for entry in entries {
                self.take(entry);
            }
            self.write(follow, closing);
            if closing {
                break;
            }
        }
        self.leave();
        self.shared.ended();
    }

    /// Counts what could not be written to the end.
    fn leave(&mut self) {
        let left = self.waiting.len() as u64;
        if self.on_disk && left > 0 {
            // Nobody was answered before they were on the disk.
            self.shared.withdrawn(left);
            tracing::error!(entries = left, "the {} ends without these entries, whose steps were refused", B::NAME);
        } else if left > 0 {
            self.shared.lost(left, B::NAME);
            self.dropped += left;
        }
        if self.dropped == 0 {
            return;
        }
        tracing::error!(entries = self.dropped, "the {} ends without these entries", B::NAME);
        if let Err(error) = self.book.owe(self.dropped) {
            tracing::error!(%error, "the {} cannot mention the entries that it lacks", B::NAME);
        }
    }

    fn take(&mut self, Pending { number, entry, withdrawn }: Pending<B::Entry>) {
        if withdrawn.load(Ordering::Relaxed) {
            return self.shared.withdrawn(1);
        }
        if self.waiting.len() as u64 >= B::KEPT || self.waiting_bytes > KEPT_BYTES {
            self.dropped += 1;
            return self.shared.lost(1, B::NAME);
        }
        match self.book.text(entry) {
            Ok(text) => {
                self.waiting_bytes += text.len();
                self.waiting.push_back(Line { number, text, withdrawn });
            }
            Err(error) => {
                tracing::error!(error, "an entry of the {} cannot be written", B::NAME);
                self.dropped += 1;
                self.shared.lost(1, B::NAME);
            }
        }
    }

    /// Writes what waits; while writing fails, once a round.
    fn write(&mut self, follow: bool, closing: bool) {
        if !closing && !follow && self.tried.is_some_and(|tried| tried.elapsed() < ROUND) {
            self.forget_withdrawn();
            self.shared.keeps(self.waiting_bytes);
            return;
        }
        let outcome = self.try_write(follow, closing);
        self.shared.keeps(self.waiting_bytes);
        match outcome {
            Ok(()) => {
                self.tried = None;
                if self.shared.works() {
                    tracing::warn!("the {} can be written again", B::NAME);
                }
            }
            Err(error) => {
                self.tried = Some(Instant::now());
                if self.shared.failed(error.to_string()) {
                    tracing::error!(%error, "the {} cannot be written; it is tried again every second", B::NAME);
                }
            }
        }
    }

    fn try_write(&mut self, follow: bool, closing: bool) -> io::Result<()> {
        self.follow(follow)?;
        self.append()?;
        if self.dropped > 0 {
            if let Some(text) = self.book.lost(self.dropped) {
                self.waiting_bytes += text.len();
                let number = self.unsynced.back().map_or(0, |text| text.number);
                self.waiting.push_back(Line { number, text, withdrawn: Arc::default() });
                self.shared.more();
            }
            tracing::error!(
                entries = self.dropped,
                "entries of the {} were lost while it could not be written",
                B::NAME
            );
            self.dropped = 0;
            self.append()?;
        }
        if self.on_disk || closing || self.synced.elapsed() >= ROUND {
            self.sync(closing)?;
        }
        Ok(())
    }

    fn append(&mut self) -> io::Result<()> {
        self.forget_withdrawn();
        while let Some(first) = self.waiting.front() {
            let first = first.number;
            let (lines, count) = self.book.lines(self.waiting.iter().map(|text| &*text.text));
            if count == 0 {
                self.sync(true)?;
                self.book.rotate()?;
                continue;
            }
            self.book.file().append(lines.as_bytes())?;
            self.book.written();
            let mut last = first;
            for text in self.waiting.drain(..count) {
                last = last.max(text.number);
                self.waiting_bytes -= text.text.len();
                self.unsynced.push_back(text);
            }
            self.unsynced_bytes += lines.len() as u64;
            self.shared.written(last, count as u64, lines.len() as u64);
        }
        Ok(())
    }

    fn sync(&mut self, seal: bool) -> io::Result<()> {
        if let Err(error) = self.book.file().sync() {
            // It is not known what of it the disk has: it is written again, unless it cannot be taken away.
            if self.book.file().undo().is_ok() {
                self.write_again();
            }
            return Err(error);
        }
        self.on_the_disk(seal)
    }

    fn on_the_disk(&mut self, seal: bool) -> io::Result<()> {
        self.synced = Instant::now();
        if !self.unsynced.is_empty() {
            self.unsynced.clear();
            self.unsynced_bytes = 0;
            self.shared.synced();
        }
        self.book.synced(seal)
    }

    fn follow(&mut self, is_expected: bool) -> io::Result<()> {
        match self.book.file().follow(is_expected)? {
            Followed::Same => Ok(()),
            Followed::Moved => self.on_the_disk(true),
            Followed::Removed => {
                self.write_again();
                Ok(())
            }
        }
    }

    fn write_again(&mut self) {
        self.book.undone();
        let entries = self.unsynced.len() as u64;
        if entries > 0 {
            self.shared.unwritten_again(entries, self.unsynced_bytes);
        }
        self.unsynced_bytes = 0;
        for text in std::mem::take(&mut self.unsynced).into_iter().rev() {
            self.waiting_bytes += text.text.len();
            self.waiting.push_front(text);
        }
    }

    /// Forgets what was taken back.
    fn forget_withdrawn(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|text| !text.withdrawn.load(Ordering::Relaxed));
        let gone = (before - self.waiting.len()) as u64;
        if gone > 0 {
            self.waiting_bytes = self.waiting.iter().map(|text| text.text.len()).sum();
            self.shared.withdrawn(gone);
        }
    }
}
