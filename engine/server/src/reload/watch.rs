//! Notices changes, by the operating system's word or by looking.
//!
//! Folders are watched, never files: an editor that saves by renaming puts a new file in the place of the old one. The
//! folder above each pack folder is watched as well, for a pack folder that is itself moved, or is a link that is
//! turned to another target.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use casebook_core::source::SourceSet;
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use super::Live;

/// Files that are saved within this time are read together.
const SETTLE: Duration = Duration::from_millis(100);
/// How often files are read where the operating system does not tell of changes.
const DEFAULT_POLL: Duration = Duration::from_secs(1);

/// Keeps the packs watched until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Sender<Notice>);

/// What the watching thread is told.
#[derive(Debug)]
enum Notice {
    /// These paths changed; none means that it is not known which.
    Changed(Vec<PathBuf>),
    /// End.
    Stop,
}

/// Starts watching on a thread of its own, which reads and compiles as well.
///
/// With `poll` the files are read again and again; else when the operating system tells of a change, or, where it
/// cannot, every second.
pub(crate) fn start(live: Arc<Live>, poll: Option<Duration>) -> io::Result<Watch> {
    let (sender, notices) = mpsc::channel();
    let watch = Watch(sender.clone());
    thread::Builder::new().name("reload".into()).spawn(move || {
        let native = if poll.is_some() { None } else { Native::start(live.folders(), sender) };
        match native {
            Some(native) => follow(&live, native, &notices),
            None => look(&live, poll.unwrap_or(DEFAULT_POLL), &notices),
        }
    })?;
    Ok(watch)
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A thread that is gone already needs no word.
        let _ = self.0.send(Notice::Stop);
    }
}

/// Reads whenever a change is told of.
fn follow(live: &Live, mut native: Native, notices: &Receiver<Notice>) {
    // Finds what changed between the first reading and the first watch.
    live.refresh();
    while let Ok(notice) = notices.recv() {
        let mut relevant = false;
        for notice in std::iter::once(notice).chain(notices.try_iter()) {
            match notice {
                Notice::Stop => return,
                Notice::Changed(paths) => relevant |= native.concerns(&paths),
            }
        }
        if relevant {
            native.watch_again();
            live.refresh();
        }
    }
}

/// Reads again and again.
fn look(live: &Live, poll: Duration, notices: &Receiver<Notice>) {
    loop {
        live.refresh();
        match notices.recv_timeout(poll) {
            Ok(Notice::Changed(_)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The operating system's watcher, and what it was told to watch.
struct Native {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    /// The pack folders, as absolute paths with their links kept.
    folders: Vec<PathBuf>,
    /// The pack folders with their links followed, as they are watched now.
    targets: Vec<PathBuf>,
}

impl Native {
    fn start(folders: &[PathBuf], sender: Sender<Notice>) -> Option<Self> {
        let handler = move |result: DebounceEventResult| {
            let paths = match result {
                Ok(events) => {
                    let rescan = events.iter().any(|event| event.need_rescan());
                    // Reading a file is an access: heeding it would make every reading cause the next.
                    let changes = events.into_iter().filter(|event| !matches!(event.kind, EventKind::Access(_)));
                    let paths: Vec<PathBuf> = changes.flat_map(|event| event.event.paths).collect();
                    if paths.is_empty() && !rescan {
                        return;
                    }
                    if rescan { Vec::new() } else { paths }
                }
                Err(errors) => {
                    tracing::warn!(?errors, "the file watcher reports errors");
                    Vec::new()
                }
            };
            // The receiver ends first only at shutdown.
            let _ = sender.send(Notice::Changed(paths));
        };
        let debouncer = match new_debouncer(SETTLE, None, handler) {
            Ok(debouncer) => debouncer,
            Err(error) => {
                cannot_watch(&error);
                return None;
            }
        };
        let folders =
            folders.iter().map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.clone())).collect();
        let mut native = Self { debouncer, folders, targets: Vec::new() };
        match native.watch_all() {
            Ok(()) => Some(native),
            Err(error) => {
                cannot_watch(&error);
                None
            }
        }
    }

    /// Watches again what may have been replaced; what is gone is found by the folder above it when it comes back.
    fn watch_again(&mut self) {
        for target in std::mem::take(&mut self.targets) {
            // A watch on what is gone is gone with it.
            let _ = self.debouncer.unwatch(&target);
        }
        if let Err(error) = self.watch_all() {
            tracing::warn!(%error, "a folder cannot be watched");
        }
    }

    fn watch_all(&mut self) -> notify::Result<()> {
        for above in self.folders.iter().flat_map(|folder| places_of_links(folder)) {
            self.debouncer.watch(&above, RecursiveMode::NonRecursive)?;
        }
        // Last, so that a folder that is both is watched with all below it.
        for target in self.folders.iter().filter_map(|folder| fs::canonicalize(folder).ok()) {
            self.debouncer.watch(&target, RecursiveMode::Recursive)?;
            self.targets.push(target);
        }
        Ok(())
    }

    /// Tells whether a change may matter to a pack.
    fn concerns(&self, paths: &[PathBuf]) -> bool {
        let all = || self.folders.iter().chain(&self.targets);
        paths.is_empty()
            || paths.iter().any(|path| {
                all().any(|folder| folder.starts_with(path) || (path.starts_with(folder) && may_hold_sources(path)))
            })
    }
}

/// The folders in which a path's last part, and every link on the way to it, stand.
fn places_of_links(folder: &Path) -> Vec<PathBuf> {
    let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let links = folder.ancestors().skip(1).filter(is_link);
    std::iter::once(folder).chain(links).filter_map(Path::parent).map(Path::to_path_buf).collect()
}

/// Everything but a plain file of another kind: a folder or a link may bring sources with it, and of what is gone it is
/// not known what it was.
fn may_hold_sources(path: &Path) -> bool {
    SourceSet::is_source(path) || !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn cannot_watch(error: &notify::Error) {
    tracing::warn!(
        %error,
        "the operating system does not tell of changes, so the packs are read every second; \
         on Linux see fs.inotify.max_user_instances and fs.inotify.max_user_watches"
    );
}
