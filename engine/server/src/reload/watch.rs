//! Notices changes, by the operating system's word or by looking.
//!
//! Folders are watched, never files: an editor that saves by renaming puts a new file in the place of the old one. The
//! folder above each pack folder is watched as well, for a pack folder that is itself moved, or is a link that is
//! turned to another target; and those in which the targets of linked files stand, wherever that is.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use casebook_syntax::source::SourceSet;
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use super::Live;

/// Files that are saved within this time are read together.
const SETTLE: Duration = Duration::from_millis(25);
/// How often files are read where the operating system does not report changes.
const DEFAULT_POLL: Duration = Duration::from_secs(1);
/// How soon files are read again that could not be read, and how long that may take after many attempts.
const RETRY: Duration = Duration::from_secs(1);
const SLOWEST_RETRY: Duration = Duration::from_secs(30);
/// Links that are followed one after the other.
const MAX_LINKS: usize = 40;

/// Keeps the packs watched until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Sender<Notice>);

/// A message to the watching thread.
#[derive(Debug)]
enum Notice {
    /// These paths changed; none means that it is not known which.
    Changed(Vec<PathBuf>),
    /// End.
    Stop,
}

/// Starts watching on a thread of its own, which reads and compiles as well.
///
/// With `poll` the files are read at intervals; else when the operating system reports a change, or, where it
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

/// Reads whenever a change is reported, and again after a while what could not be read.
fn follow(live: &Live, mut native: Native, notices: &Receiver<Notice>) {
    // Finds what changed between the first reading and the first watch.
    let mut retry = next_retry(live.refresh(), None);
    native.watch_links(&live.links());
    loop {
        let first = match notices.recv_timeout(retry.unwrap_or(Duration::MAX)) {
            Ok(notice) => Some(notice),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut relevant = first.is_none();
        for notice in first.into_iter().chain(notices.try_iter()) {
            match notice {
                Notice::Stop => return,
                Notice::Changed(paths) => relevant |= native.concerns(&paths),
            }
        }
        if relevant {
            native.watch_again();
            retry = next_retry(live.refresh(), retry);
            native.watch_links(&live.links());
        }
    }
}

/// When to read again, after a reading that got everything or not.
fn next_retry(complete: bool, before: Option<Duration>) -> Option<Duration> {
    (!complete).then(|| before.map_or(RETRY, |before| (before * 2).min(SLOWEST_RETRY)))
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

/// The operating system's watcher, and what it watches.
struct Native {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    /// The pack folders, as absolute paths with their links kept.
    folders: Vec<PathBuf>,
    /// The pack folders with their links followed, as they are watched now.
    targets: Vec<PathBuf>,
    /// Where the targets of linked files stand, with all links on the way.
    linked: BTreeSet<PathBuf>,
    /// The folders outside of the packs that are watched for them.
    linked_folders: BTreeSet<PathBuf>,
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
        let mut native =
            Self { debouncer, folders, targets: Vec::new(), linked: BTreeSet::new(), linked_folders: BTreeSet::new() };
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

    /// Watches the folders in which the targets of linked files stand, where no pack's own watch covers them.
    fn watch_links(&mut self, links: &[PathBuf]) {
        self.linked = links.iter().flat_map(|link| steps_of(link)).collect();
        let above: BTreeSet<PathBuf> = self.folders.iter().flat_map(|folder| places_of_links(folder)).collect();
        let covered = |folder: &PathBuf| {
            let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
            above.contains(folder) || self.targets.iter().any(|target| whole.starts_with(target))
        };
        let places = self.linked.iter().filter_map(|path| path.parent()).map(Path::to_path_buf);
        let folders: BTreeSet<PathBuf> = places.filter(|folder| !covered(folder)).collect();
        for gone in self.linked_folders.difference(&folders) {
            // A watch on what is gone is gone with it.
            let _ = self.debouncer.unwatch(gone);
        }
        for folder in &folders {
            // Again, since it may have been replaced; one that does not exist is found when the file is read.
            if let Err(error) = self.debouncer.watch(folder, RecursiveMode::NonRecursive) {
                tracing::debug!(%error, folder = %folder.display(), "a linked file's folder cannot be watched");
            }
        }
        self.linked_folders = folders;
    }

    /// Returns whether a change may matter to a pack.
    fn concerns(&self, paths: &[PathBuf]) -> bool {
        let all = || self.folders.iter().chain(&self.targets);
        paths.is_empty()
            || paths.iter().any(|path| {
                self.linked.iter().any(|linked| linked.starts_with(path))
                    || all()
                        .any(|folder| folder.starts_with(path) || (path.starts_with(folder) && may_hold_sources(path)))
            })
    }
}

/// The folders in which a path's last part, and every link on the way to it, stand.
fn places_of_links(folder: &Path) -> Vec<PathBuf> {
    let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let links = folder.ancestors().skip(1).filter(is_link);
    std::iter::once(folder).chain(links).filter_map(Path::parent).map(Path::to_path_buf).collect()
}

/// The places that a linked file leads over: each target on the way, the links among the folders in which it stands, and
/// the same without any link.
fn steps_of(link: &Path) -> Vec<PathBuf> {
    let mut steps = Vec::new();
    let mut here = std::path::absolute(link).unwrap_or_else(|_| link.to_path_buf());
    for _ in 0..MAX_LINKS {
        steps.extend(here.ancestors().skip(1).filter(|path| path.is_symlink()).map(Path::to_path_buf));
        if let (Some(folder), Some(name)) = (here.parent(), here.file_name())
            && let Ok(folder) = fs::canonicalize(folder)
        {
            steps.push(folder.join(name));
        }
        let Ok(target) = fs::read_link(&here) else { break };
        here = here.parent().unwrap_or(Path::new("")).join(target);
        steps.push(here.clone());
    }
    steps
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
