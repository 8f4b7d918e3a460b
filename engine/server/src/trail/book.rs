//! The file of a trail: sealed, rotated, taken up again after a restart.
//!
//! A file that is full is put aside as `FILE.000001`, `FILE.000002` and so on; the chain goes over all of them. The head of
//! the chain is sealed into `FILE.head`: at most a second after it has changed, at each rotation and at the end. Where a
//! disk fails to the end, `FILE.lost` counts the entries that the trail lacks; the next process says so in the trail.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use casebook_trail::{Chain, Draft, Head, Link, read_seal};

use super::{TrailConfig, TrailError, now};
use crate::journal::{Book, FileError, LineFile, ROUND, beside, last_line};

/// The maximum number of bytes that are written at once, except for a single line that is longer.
const BATCH: usize = 1 << 20;
const WHAT: &str = "audit trail";

/// A trail as a journal writes it.
#[derive(Debug)]
pub(super) struct TrailBook {
    config: TrailConfig,
    file: LineFile,
    /// As it is written.
    chain: Chain,
    /// The same with the lines that were made last.
    next: Chain,
    /// As it is on the disk.
    synced: Chain,
    /// The end of the chain, for whoever asks.
    shown: Arc<Mutex<Link>>,
    /// The end of the chain as it was sealed last, and when.
    sealed: Option<(u64, Instant)>,
    /// Entries that an earlier process could not write, until the trail says so.
    owed: u64,
    /// Whether the trail says so, perhaps not on the disk yet.
    told: bool,
}

impl TrailBook {
    /// Opens a trail at its end.
    pub(super) fn open(config: TrailConfig, shown: Arc<Mutex<Link>>) -> Result<Self, TrailError> {
        let path = config.path.clone();
        let refused = |error| TrailError::from(FileError::Io(path.clone(), error));
        let mut file = LineFile::open(&path, WHAT)?;
        let last = match file.last_line().map_err(refused)? {
            Some(line) => Some(line),
            None => match rotated(&path).pop() {
                Some((_, before)) => {
                    let refused = |error| TrailError::from(FileError::Io(before.clone(), error));
                    last_line(&mut File::open(&before).map_err(refused)?).map_err(refused)?
                }
                None => None,
            },
        };
        let chain = match last {
            None => Chain::default(),
            Some(line) => match read_seal(&line).filter(|seal| seal.sound) {
                Some(seal) => Chain::after(Link { number: seal.number, hash: seal.hash }),
                None => return Err(TrailError::Unsound(path)),
            },
        };
        if file.is_regular() {
            agree(&config, chain.last())?;
        }
        let (next, synced, owed) = (chain.clone(), chain.clone(), lost_of(&config.path));
        let mut book = Self { config, file, next, synced, chain, shown, sealed: None, owed, told: false };
        // A trail that ends before its first head is sealed has one all the same.
        if book.config.key.is_some() && book.chain.last().number == 0 && book.file.is_regular() {
            book.seal().map_err(|error| FileError::Io(beside(&book.config.path, HEAD), error))?;
        }
        book.show();
        Ok(book)
    }

    fn show(&self) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone_from(self.chain.last());
    }

    /// Seals the head; the file of the old one is replaced whole.
    fn seal(&mut self) -> io::Result<()> {
        let last = self.synced.last().clone();
        let number = last.number;
        let line = Head::new(last, now()).seal(self.config.key.as_ref());
        self.write_beside(HEAD, &line)?;
        self.sealed = Some((number, Instant::now()));
        Ok(())
    }

    /// Writes a line into a file next to the trail, which is replaced whole.
    fn write_beside(&self, ending: &str, line: &str) -> io::Result<()> {
        let place = beside(&self.config.path, ending);
        let new = beside(&self.config.path, &format!("{ending}.new"));
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()?;
        fs::rename(&new, &place)
    }
}

/// The ending of the file of a trail's sealed head.
pub(super) const HEAD: &str = "head";
/// The ending of the file with the number of entries that a trail lacks and does not mention.
const LOST: &str = "lost";

/// Compares the end of a trail with its sealed head: going on after an end that was cut off would hide that.
fn agree(config: &TrailConfig, last: &Link) -> Result<(), TrailError> {
    let place = beside(&config.path, HEAD);
    let line = match fs::read_to_string(&place) {
        Ok(line) => line,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Whoever cuts the end off would only have to remove the head as well.
            let is_missed = config.key.is_some() && last.number > 0;
            return if is_missed { Err(TrailError::Headless(config.path.clone(), last.number)) } else { Ok(()) };
        }
        Err(error) => return Err(FileError::Io(place, error).into()),
    };
    let head = Head::read(&line, config.key.as_ref()).map_err(|error| TrailError::Head(place.clone(), error))?;
    if head.last.number > last.number || head.last.number == last.number && head.last.hash != last.hash {
        return Err(TrailError::Cut { path: config.path.clone(), sealed: head.last.number, found: last.number });
    }
    Ok(())
}

impl Book for TrailBook {
    type Entry = Draft;
    const NAME: &'static str = WHAT;
    const THREAD: &'static str = "audit-trail";
    const KEPT: u64 = 65_536;

    fn text(&mut self, entry: Draft) -> Result<String, String> {
        Ok(entry.finish())
    }

    fn file(&mut self) -> &mut LineFile {
        &mut self.file
    }

    fn lines<'a>(&mut self, entries: impl Iterator<Item = &'a str>) -> (String, usize) {
        let full = self.config.max_bytes.unwrap_or(u64::MAX);
        let size = self.file.size();
        let mut text = String::new();
        let mut taken = 0;
        self.next = self.chain.clone();
        for entry in entries {
            let before = self.next.clone();
            let line = self.next.seal(entry);
            let fits = text.len() + line.len() < BATCH && size + (text.len() + line.len()) as u64 <= full;
            if !fits && (taken > 0 || size > 0 && size + line.len() as u64 > full) {
                self.next = before;
                break;
            }
            text.push_str(&line);
            text.push('\n');
            taken += 1;
        }
        (text, taken)
    }

    fn written(&mut self) {
        self.chain = self.next.clone();
        self.show();
    }

    fn synced(&mut self, seal: bool) -> io::Result<()> {
        self.synced = self.chain.clone();
        if std::mem::take(&mut self.told) && std::mem::take(&mut self.owed) > 0 {
            fs::remove_file(beside(&self.config.path, LOST))?;
        }
        let number = self.synced.last().number;
        let is_due = self.sealed.is_none_or(|(sealed, at)| sealed != number && (seal || at.elapsed() >= ROUND));
        if is_due && number > 0 && self.file.is_regular() { self.seal() } else { Ok(()) }
    }

    fn undone(&mut self) {
        self.chain = self.synced.clone();
        self.show();
    }

    /// Puts the file aside and begins another one; drops the oldest of those that are not to be kept.
    fn rotate(&mut self) -> io::Result<()> {
        let path = &self.config.path;
        let mut aside = rotated(path);
        let number = aside.last().map_or(1, |(number, _)| number + 1);
        let name = beside(path, &format!("{number:06}"));
        self.file.put_aside(&name)?;
        if name.exists() {
            aside.push((number, name));
        }
        if let Some(keep) = self.config.keep {
            let over = aside.len().saturating_sub(keep);
            for (_, old) in aside.into_iter().take(over) {
                fs::remove_file(old)?;
            }
        }
        Ok(())
    }

    fn lost(&mut self, entries: u64) -> Option<String> {
        self.told = true;
        Some(casebook_trail::lost(entries, now()).finish())
    }

    fn owed(&self) -> u64 {
        self.owed
    }

    fn owe(&mut self, entries: u64) -> io::Result<()> {
        if self.file.is_regular() { self.write_beside(LOST, &entries.to_string()) } else { Ok(()) }
    }
}

/// The number of entries that a trail lacks because a disk failed to the end, and does not mention.
pub fn lost_of(path: &Path) -> u64 {
    let text = fs::read_to_string(beside(path, LOST)).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

/// The files of a trail that were put aside, oldest first, with their numbers.
fn rotated(path: &Path) -> Vec<(u64, PathBuf)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let entry = entry.file_name().to_string_lossy().into_owned();
        let digits = entry.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
        let number = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        all.extend(
            number.and_then(|number| number.parse().ok()).map(|number: u64| (number, path.with_file_name(&entry))),
        );
    }
    all.sort();
    all
}

/// All files of a trail, in the order in which they were written.
pub fn pieces(path: &Path) -> Vec<PathBuf> {
    rotated(path).into_iter().map(|(_, aside)| aside).chain([path.to_path_buf()]).collect()
}

/// The file of a trail's sealed head.
pub fn head_of(path: &Path) -> PathBuf {
    beside(path, HEAD)
}
