//! The file of a journal.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::de::IgnoredAny;

/// Bytes that are read at once while a file's last line is looked for.
const WINDOW: u64 = 64 * 1024;

/// A file of lines that this process alone appends to: a line is in it whole or not at all.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    /// What it is, for the log.
    what: &'static str,
    disk: Disk,
    /// Bytes of whole lines.
    size: u64,
    /// Bytes of those that are on the disk.
    synced: u64,
    /// Whether a part of a line is after them that could not be cut off.
    torn: bool,
}

/// Why a file of lines cannot be opened.
#[derive(Debug)]
pub enum FileError {
    /// An I/O error.
    Io(PathBuf, io::Error),
    /// Another option or another process writes it.
    Taken(PathBuf),
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(formatter, "`{}` cannot be written: {error}", path.display()),
            Self::Taken(path) => {
                write!(
                    formatter,
                    "`{}` is already written by another option or another process; give each its own file",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for FileError {}

/// The state of a file's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// The file is still there.
    Same,
    /// It was moved, with all that was written to it; another one was begun.
    Moved,
    /// It was removed, and another one was begun.
    Removed,
}

impl LineFile {
    /// Opens a file at its end, or begins it, readable by its owner only.
    ///
    /// What a crash left of a last line goes to `FILE.torn`; a last line that lacks only its end gets it.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or recovered, or another process writes it.
    pub fn open(path: &Path, what: &'static str) -> Result<Self, FileError> {
        let refused = |error| FileError::Io(path.to_path_buf(), error);
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(refused)?;
        let regular = file.metadata().map_err(refused)?.is_file();
        let mut size = 0;
        if regular {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(FileError::Taken(path.to_path_buf())),
                // Where there are no locks nobody else is known to write.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            size = recover(&mut file, path, what).map_err(refused)?;
            if is_new {
                sync_folder(path);
            }
        }
        Ok(Self { path: path.to_path_buf(), what, disk: Disk::new(file, regular), size, synced: size, torn: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is a file, not a device or a pipe.
    pub(crate) fn is_regular(&self) -> bool {
        self.disk.regular
    }

    /// The last line.
    pub(crate) fn last_line(&mut self) -> io::Result<Option<String>> {
        if self.disk.regular { last_line(&mut self.disk.file) } else { Ok(None) }
    }

    /// Appends whole lines, or nothing.
    ///
    /// # Errors
    ///
    /// When not all of it could be written.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.torn = self.disk.cut(self.size).is_err();
        }
        if self.torn {
            // What is left of a line ends here, so that it does not become a part of the next one.
            self.disk.write(b"\n")?;
            self.size = self.disk.len()?;
            self.torn = false;
        }
        if let Err(error) = self.disk.write(lines) {
            self.torn = self.disk.regular && self.disk.cut(self.size).is_err();
            return Err(error);
        }
        self.size += lines.len() as u64;
        Ok(())
    }

    /// Forces what was written to the disk.
    ///
    /// # Errors
    ///
    /// When the disk does not take it; it is not known then what of it is there.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.disk.regular && self.synced < self.size {
            self.disk.sync()?;
            if self.disk.is_removed() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the file was removed"));
            }
        }
        self.synced = self.size;
        Ok(())
    }

    /// Takes back what was written since it was last forced to the disk.
    pub(super) fn undo(&mut self) -> io::Result<()> {
        if self.disk.regular && !self.disk.is_removed() {
            self.disk.cut(self.synced)?;
        }
        self.size = self.synced;
        Ok(())
    }

    /// Begins the file again when it was moved or removed from its place: what is written to it would be lost.
    pub(super) fn follow(&mut self, is_expected: bool) -> io::Result<Followed> {
        if is_same(&self.path, &self.disk.file) {
            return Ok(Followed::Same);
        }
        let removed = self.disk.is_removed();
        if !removed {
            self.sync()?;
        }
        let (path, what) = (self.path.display().to_string(), self.what);
        if removed && let Some(folder) = self.path.parent() {
            // Its folder may have been removed with it; if that cannot be made, opening the file says so.
            let _ = fs::create_dir_all(folder);
        }
        let next = Self::open(&self.path, what).map_err(io::Error::other)?;
        self.begin(next);
        if removed {
            tracing::error!(path, "the file of the {what} was removed; it is begun again");
        } else if is_expected {
            tracing::info!(path, "the file of the {what} was moved; another one is begun");
        } else {
            tracing::warn!(path, "the file of the {what} was moved; another one is begun");
        }
        Ok(if removed { Followed::Removed } else { Followed::Moved })
    }

    /// Puts the file aside under a name and begins another one.
    pub(crate) fn put_aside(&mut self, name: &Path) -> io::Result<()> {
        self.sync()?;
        if self.path.exists() {
            fs::rename(&self.path, name)?;
        }
        let next = Self::open(&self.path, self.what).map_err(io::Error::other)?;
        self.begin(next);
        sync_folder(&self.path);
        Ok(())
    }

    fn begin(&mut self, next: Self) {
        #[cfg(test)]
        let faults = self.disk.faults.clone();
        *self = next;
        #[cfg(test)]
        self.disk.faults.clone_from(&faults);
    }

    /// The same with faults, for tests.
    #[cfg(test)]
    pub(super) fn with_faults(mut self, faults: &std::sync::Arc<tests::Faults>) -> Self {
        self.disk.faults = std::sync::Arc::clone(faults);
        self
    }
}

/// The calls of the operating system that may fail.
#[derive(Debug)]
struct Disk {
    file: File,
    regular: bool,
    #[cfg(test)]
    faults: std::sync::Arc<tests::Faults>,
}

impl Disk {
    fn new(file: File, regular: bool) -> Self {
        Self {
            file,
            regular,
            #[cfg(test)]
            faults: std::sync::Arc::default(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.write(&mut self.file, bytes) {
            return Err(error);
        }
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.sync() {
            return Err(error);
        }
        self.file.sync_data()
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.cut() {
            return Err(error);
        }
        self.file.set_len(size)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    /// Whether the file has no name any more.
    #[cfg(unix)]
    fn is_removed(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }

    #[cfg(not(unix))]
    fn is_removed(&self) -> bool {
        false
    }
}

/// Whether a file that is open is still in its place.
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

/// Forces the name of a new file to the disk; where folders cannot be synced, names are safe by themselves.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// `FILE.ENDING`, next to a file.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{name}.{ending}"))
}

/// Makes a file end with a whole line, and returns its size.
fn recover(file: &mut File, path: &Path, what: &str) -> io::Result<u64> {
    let size = file.metadata()?.len();
    let end = line_break_before(file, size)?.map_or(0, |at| at + 1);
    if end == size {
        return Ok(size);
    }
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(end))?;
    file.take(size - end).read_to_end(&mut rest)?;
    let shown = path.display().to_string();
    if rest.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(&rest).is_ok() {
        file.write_all(b"\n")?;
        tracing::warn!(path = shown, "the last line of the {what} lacked its end, which it has now");
        return Ok(size + 1);
    }
    rest.push(b'\n');
    let aside = beside(path, "torn");
    let mut torn = OpenOptions::new().create(true).append(true).open(&aside)?;
    torn.write_all(&rest)?;
    torn.sync_data()?;
    file.set_len(end)?;
    tracing::warn!(
        path = shown,
        aside = aside.display().to_string(),
        bytes = size - end,
        "the {what} ended in the middle of a line, which was put aside"
    );
    Ok(end)
}

/// The last whole line of a file.
pub(crate) fn last_line(file: &mut File) -> io::Result<Option<String>> {
    let size = file.metadata()?.len();
    let Some(end) = line_break_before(file, size)? else { return Ok(None) };
    let start = line_break_before(file, end)?.map_or(0, |at| at + 1);
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(end - start).read_to_end(&mut line)?;
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// Where the last line break before a place stands.
fn line_break_before(file: &mut File, place: u64) -> io::Result<Option<u64>> {
    let mut end = place;
    while end > 0 {
        let start = end.saturating_sub(WINDOW);
        let mut window = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut window)?;
        if let Some(at) = window.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        io::ErrorKind,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicU64, Ordering},
        },
        thread,
        time::Duration,
    };

    use proptest::prelude::*;

    use super::*;

    /// What goes wrong on a disk.
    #[derive(Debug, Default)]
    pub(in super::super) struct Faults {
        /// Bytes for which there is room; `None` for enough.
        pub(in super::super) room: Mutex<Option<u64>>,
        /// Whether syncing fails.
        pub(in super::super) broken: AtomicBool,
        /// Whether nothing can be cut off.
        pub(in super::super) uncut: AtomicBool,
        /// Milliseconds that a write and a sync take each.
        pub(in super::super) slow: AtomicU64,
        /// Calls of sync.
        pub(in super::super) syncs: AtomicU64,
    }

    impl Faults {
        pub(super) fn write(&self, file: &mut File, bytes: &[u8]) -> Option<io::Error> {
            self.delay();
            let mut room = self.room.lock().expect("no panic");
            let left = room.as_mut()?;
            let fits = usize::try_from(*left).expect("small").min(bytes.len());
            if fits == bytes.len() {
                *left -= fits as u64;
                return None;
            }
            // As a disk does that gets full: the beginning is written.
            file.write_all(&bytes[..fits]).expect("written");
            *left = 0;
            Some(ErrorKind::StorageFull.into())
        }

        pub(super) fn sync(&self) -> Option<io::Error> {
            self.delay();
            self.syncs.fetch_add(1, Ordering::Relaxed);
            self.broken.load(Ordering::Relaxed).then(|| io::Error::other("input/output error"))
        }

        pub(super) fn cut(&self) -> Option<io::Error> {
            self.uncut.load(Ordering::Relaxed).then(|| io::Error::other("input/output error"))
        }

        fn delay(&self) {
            thread::sleep(Duration::from_millis(self.slow.load(Ordering::Relaxed)));
        }
    }

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).expect("a text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_torn_line_is_put_aside_and_a_whole_one_gets_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        for (rest, kept, torn) in [
            ("{\"a\":", vec!["{\"n\":1}", "{\"n\":2}"], Some("{\"a\":\n")),
            ("\0\0\0", vec!["{\"n\":1}", "{\"n\":2}"], Some("\0\0\0\n")),
            ("{\"a\":1}", vec!["{\"n\":1}", "{\"a\":1}", "{\"n\":2}"], None),
            ("", vec!["{\"n\":1}", "{\"n\":2}"], None),
        ] {
            let aside = folder.path().join("run.jsonl.torn");
            let _ = fs::remove_file(&aside);
            fs::write(&path, format!("{{\"n\":1}}\n{rest}")).expect("written");
            let mut file = LineFile::open(&path, "record").expect("it opens");
            assert_eq!(file.last_line().expect("it is read").expect("a line"), kept[kept.len() - 2]);
            file.append(b"{\"n\":2}\n").expect("written");
            assert_eq!(lines(&path), kept, "{rest:?}");
            assert_eq!(fs::read_to_string(&aside).ok().as_deref(), torn, "{rest:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it_and_only_one_process_writes_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        let _file = LineFile::open(&path, "record").expect("it opens");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert!(matches!(LineFile::open(&path, "record"), Err(FileError::Taken(_))));
    }

    #[test]
    fn what_cannot_be_cut_off_does_not_become_a_part_of_the_next_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        let faults = std::sync::Arc::<Faults>::default();
        let mut file = LineFile::open(&path, "record").expect("it opens").with_faults(&faults);
        *faults.room.lock().expect("no panic") = Some(4);
        faults.uncut.store(true, Ordering::Relaxed);
        file.append(b"{\"n\":1}\n").expect_err("it is full");
        *faults.room.lock().expect("no panic") = None;
        file.append(b"{\"n\":2}\n").expect("there is room");
        assert_eq!(lines(&path), ["{\"n\"", "{\"n\":2}"]);
        assert_eq!(file.size(), fs::metadata(&path).expect("it is there").len());
    }

    proptest! {
        #[test]
        fn lines_stand_whole_or_not_at_all(room in 0u64..200, sizes in prop::collection::vec(1usize..60, 1..12)) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("run.jsonl");
            let faults = std::sync::Arc::<Faults>::default();
            let mut file = LineFile::open(&path, "record").expect("it opens").with_faults(&faults);
            *faults.room.lock().expect("no panic") = Some(room);
            let mut kept = Vec::new();
            for (at, size) in sizes.iter().enumerate() {
                let line = format!("{at}:{}", "x".repeat(*size));
                match file.append(format!("{line}\n").as_bytes()) {
                    Ok(()) => kept.push(line),
                    // Then there is room again.
                    Err(_) => *faults.room.lock().expect("no panic") = Some(room),
                }
            }
            prop_assert_eq!(lines(&path), kept);
        }

        #[test]
        fn the_last_line_is_found_whatever_stands_before(parts in prop::collection::vec("[a\\n]{0,5}", 0..6), far in any::<bool>()) {
            let mut text: String = parts.concat();
            if far {
                text.insert_str(0, &format!("b\n{}", "y".repeat(2 * usize::try_from(WINDOW).expect("small"))));
            }
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("written");
            let whole = text.rfind('\n').map(|end| text[..end].rsplit('\n').next().unwrap_or_default().to_owned());
            prop_assert_eq!(last_line(&mut file).expect("it is read"), whole);
        }
    }
}
