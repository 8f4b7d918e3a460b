//! The file of a trail: appended to, rotated, taken up again after a restart.
//!
//! A file that is full is put aside as `FILE.000001`, `FILE.000002` and so on; the chain goes over all of them.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use casebook_core::trail::{Chain, Link, read_seal};

use super::{TrailConfig, TrailError};

/// Bytes that are written at once at the most, save for a single line that is longer.
const BATCH: usize = 1 << 20;

/// The file that is written, and the end of its chain.
#[derive(Debug)]
pub(super) struct TrailFile {
    config: TrailConfig,
    file: File,
    size: u64,
    chain: Chain,
    /// Whether something was written since it was last forced to the disk.
    dirty: bool,
}

impl TrailFile {
    /// Opens a trail at its end. What a crash left of a last line is put aside in `FILE.torn`.
    pub(super) fn open(config: TrailConfig) -> Result<Self, TrailError> {
        let path = config.path.clone();
        let refused = |error| TrailError::Io(path.clone(), error);
        let mut file = open(&path)?;
        let last = match last_line(&mut file).map_err(refused)? {
            Some(line) => Some(line),
            None => match rotated(&path).pop() {
                Some((_, before)) => {
                    let mut before = File::open(&before).map_err(|error| TrailError::Io(before.clone(), error))?;
                    last_line(&mut before).map_err(refused)?
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
        let size = put_torn_aside(&mut file, &path).map_err(refused)?;
        Ok(Self { config, file, size, chain, dirty: false })
    }

    /// The end of the chain.
    pub(super) fn last(&self) -> &Link {
        self.chain.last()
    }

    /// Seals and writes entries; those that are written are taken out, whether or not it fails.
    pub(super) fn append(&mut self, entries: &mut VecDeque<String>) -> io::Result<()> {
        if !entries.is_empty() {
            self.follow()?;
        }
        while !entries.is_empty() {
            let full = self.config.max_bytes.unwrap_or(u64::MAX);
            let mut chain = self.chain.clone();
            let mut text = String::new();
            let mut taken = 0;
            for entry in entries.iter() {
                let mut next = chain.clone();
                let line = next.seal(entry);
                let fits = text.len() + line.len() < BATCH && self.size + (text.len() + line.len()) as u64 <= full;
                if !fits && (taken > 0 || self.size > 0 && self.size + line.len() as u64 > full) {
                    break;
                }
                text.push_str(&line);
                text.push('\n');
                chain = next;
                taken += 1;
            }
            if taken == 0 {
                self.rotate()?;
                continue;
            }
            if let Err(error) = self.file.write_all(text.as_bytes()) {
                // What was written of it is no whole line; a file that cannot be cut is no file to go on with either.
                let _ = self.file.set_len(self.size);
                return Err(error);
            }
            self.size += text.len() as u64;
            self.chain = chain;
            self.dirty = true;
            entries.drain(..taken);
        }
        Ok(())
    }

    /// Forces what was written to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.dirty {
            self.file.sync_data()?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Begins the file again when it was moved or removed from its place: what is written to it would be lost.
    fn follow(&mut self) -> io::Result<()> {
        if is_same(&self.config.path, &self.file) {
            return Ok(());
        }
        self.file = open(&self.config.path).map_err(io::Error::other)?;
        self.size = self.file.metadata()?.len();
        tracing::error!(path = %self.config.path.display(), "the audit trail's file was moved or removed; it is begun again");
        Ok(())
    }

    /// Puts the file aside and begins another one; drops the oldest of those that are not to be kept.
    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        let path = &self.config.path;
        let mut aside = rotated(path);
        if path.exists() {
            let number = aside.last().map_or(1, |(number, _)| number + 1);
            let name = aside_name(path, number);
            fs::rename(path, &name)?;
            aside.push((number, name));
        }
        self.file = open(path).map_err(io::Error::other)?;
        self.size = 0;
        if let Some(keep) = self.config.keep {
            let over = aside.len().saturating_sub(keep);
            for (_, old) in aside.into_iter().take(over) {
                fs::remove_file(old)?;
            }
        }
        Ok(())
    }
}

/// The files of a trail that were put aside, oldest first, with their numbers.
pub(super) fn rotated(path: &Path) -> Vec<(u64, PathBuf)> {
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

fn aside_name(path: &Path, number: u64) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{name}.{number:06}"))
}

/// Whether a file that is open still stands in its place.
#[cfg(unix)]
fn is_same(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(open)) => (there.dev(), there.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

/// An open file cannot be moved there.
#[cfg(not(unix))]
fn is_same(_: &Path, _: &File) -> bool {
    true
}

fn open(path: &Path) -> Result<File, TrailError> {
    let refused = |error| TrailError::Io(path.to_path_buf(), error);
    let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(refused)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(TrailError::Taken(path.to_path_buf())),
        // Where there are no locks, the chain still shows what two writers do to each other.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The last whole line of a file.
fn last_line(file: &mut File) -> io::Result<Option<String>> {
    let size = file.metadata()?.len();
    let mut window = 64 * 1024;
    loop {
        let from = size.saturating_sub(window);
        file.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        file.take(size - from).read_to_end(&mut tail)?;
        let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
            if from == 0 {
                return Ok(None);
            }
            window *= 4;
            continue;
        };
        let start = tail[..end].iter().rposition(|byte| *byte == b'\n');
        if start.is_none() && from > 0 {
            window *= 4;
            continue;
        }
        let line = &tail[start.map_or(0, |start| start + 1)..end];
        return Ok(Some(String::from_utf8_lossy(line).into_owned()));
    }
}

/// Cuts off what stands behind the last line break, keeps it in `FILE.torn`, and returns the file's size.
fn put_torn_aside(file: &mut File, path: &Path) -> io::Result<u64> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let mut last = 0;
    let mut at = 0;
    let mut buffer = vec![0; 64 * 1024];
    while at < size {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if let Some(end) = buffer[..read].iter().rposition(|byte| *byte == b'\n') {
            last = at + end as u64 + 1;
        }
        at += read as u64;
    }
    if last < size {
        file.seek(SeekFrom::Start(last))?;
        let mut torn = Vec::new();
        file.read_to_end(&mut torn)?;
        torn.push(b'\n');
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let aside = path.with_file_name(format!("{name}.torn"));
        OpenOptions::new().create(true).append(true).open(aside)?.write_all(&torn)?;
        file.set_len(last)?;
        tracing::warn!(bytes = size - last, "the audit trail ended in the middle of a line, which was put aside");
    }
    Ok(last)
}
