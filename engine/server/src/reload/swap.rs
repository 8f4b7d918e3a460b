//! Reads, compares, compiles, and swaps the catalog or keeps it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use casebook_compile::check::Checker;
use casebook_runtime::scenario::Catalog;
use casebook_syntax::{
    diagnostic::Report,
    source::{self, SourceSet},
};

use super::{Generations, Outcome, Rejected, ReloadListener, ReloadStatus};

/// How long the files may take to be read before that is reported.
const SLOW: Duration = Duration::from_secs(10);

/// The catalog that new episodes start with, and how it is replaced.
pub(crate) struct Live {
    catalog: ArcSwap<Catalog>,
    status: ArcSwap<ReloadStatus>,
    roots: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// The files that were links when they were read last.
    links: Mutex<Vec<PathBuf>>,
    /// The environment that every generation must have.
    chosen: Arc<str>,
    listener: Option<ReloadListener>,
    /// The hash of the change that was rejected last; held while a reload is under way.
    rejected_hash: Mutex<Option<String>>,
    /// Knows the files of the last compilation, so that only those that changed are parsed again.
    checker: Mutex<Checker>,
    generations: Generations,
    /// Changes that were not loaded.
    rejections: AtomicU64,
}

impl Live {
    /// Keeps at most so many rollout groups, of all clients and of each.
    pub(crate) fn keeping(self, groups: (usize, usize)) -> Self {
        Self { generations: Generations::new(groups), ..self }
    }

    pub(crate) fn new(
        catalog: Catalog,
        report: Report,
        sources: &SourceSet,
        checker: Checker,
        roots: Vec<PathBuf>,
        chosen: Arc<str>,
        listener: Option<ReloadListener>,
    ) -> Self {
        let status = ReloadStatus {
            generation: catalog.generation(),
            digest: sources.hash().to_string(),
            loaded_at: SystemTime::now(),
            outcome: Outcome::Loaded,
            rejected: None,
            report: Arc::new(report),
        };
        Self {
            catalog: ArcSwap::from_pointee(catalog),
            status: ArcSwap::from_pointee(status),
            roots,
            folders: sources.folders().to_vec(),
            links: Mutex::new(sources.links().map(Path::to_path_buf).collect()),
            chosen,
            listener,
            rejected_hash: Mutex::default(),
            checker: Mutex::new(checker),
            generations: Generations::default(),
            rejections: AtomicU64::new(0),
        }
    }

    /// The catalog that new episodes start with.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// What is loaded, and the result of the last change.
    pub(crate) fn status(&self) -> Arc<ReloadStatus> {
        self.status.load_full()
    }

    /// The generations that somebody still holds.
    pub(crate) fn generations(&self) -> &Generations {
        &self.generations
    }

    /// How many changes were not loaded.
    pub(crate) fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    /// The folders that are to be watched.
    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The files that were links when they were read last.
    pub(crate) fn links(&self) -> Vec<PathBuf> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again and, when they changed and are valid, swaps the catalog; says whether all could be read, or
    /// it is worth trying again.
    ///
    /// Blocks while it reads and compiles: not for an async thread.
    pub(crate) fn refresh(&self) -> bool {
        let mut rejected_hash = self.rejected_hash.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sources) = self.read() else { return false };
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = sources.links().map(Path::to_path_buf).collect();
        self.take(&sources, &mut rejected_hash);
        !sources.is_incomplete()
    }

    /// Reads the files on a thread of its own; says so when that takes long.
    fn read(&self) -> Option<SourceSet> {
        let (sender, set) = mpsc::channel();
        let roots = self.roots.clone();
        let reading = thread::Builder::new().name("read".into()).spawn(move || {
            // Nobody listens any more when the server has ended.
            let _ = sender.send(source::read(&roots));
        });
        if let Err(error) = reading {
            tracing::warn!(%error, "the packs cannot be read");
            return None;
        }
        match set.recv_timeout(SLOW) {
            Ok(set) => Some(set),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let loaded = self.status();
                let seconds = SLOW.as_secs();
                let reason =
                    format!("a file or folder of the packs has not been read for {seconds} s and is waited for");
                tracing::warn!(reason);
                let rejected = Some(Arc::new(Rejected { report: Report::default(), reason: Some(reason) }));
                self.publish(ReloadStatus { outcome: Outcome::Rejected, rejected, ..(*loaded).clone() });
                set.recv().ok()
            }
        }
    }

    fn take(&self, sources: &SourceSet, rejected_hash: &mut Option<String>) {
        let loaded = self.status();
        if sources.hash() == loaded.digest {
            if rejected_hash.take().is_some() || loaded.rejected.is_some() {
                tracing::info!(generation = loaded.generation, "the files say again what is loaded");
                self.publish(ReloadStatus { outcome: Outcome::Unchanged, rejected: None, ..(*loaded).clone() });
            }
            return;
        }
        if rejected_hash.as_deref() == Some(sources.hash()) {
            return;
        }
        match self.compile(sources, loaded.generation + 1) {
            Ok((catalog, report)) => {
                *rejected_hash = None;
                let status = ReloadStatus {
                    generation: catalog.generation(),
                    digest: sources.hash().to_string(),
                    loaded_at: SystemTime::now(),
                    outcome: Outcome::Loaded,
                    rejected: None,
                    report: Arc::new(report),
                };
                self.generations.note(&self.catalog.swap(Arc::new(catalog)));
                match status.report.diagnostics.len() {
                    0 => tracing::info!(generation = status.generation, digest = status.digest, "loaded"),
                    warnings => tracing::warn!(
                        generation = status.generation,
                        digest = status.digest,
                        warnings,
                        findings = status.report.render(false),
                        "loaded with warnings"
                    ),
                }
                self.publish(status);
            }
            Err(rejected) => {
                self.rejections.fetch_add(1, Ordering::Relaxed);
                *rejected_hash = Some(sources.hash().to_string());
                let errors = rejected.report.errors();
                tracing::warn!(errors, findings = rejected.text(false), "rejected a change");
                let rejected = Some(Arc::new(rejected));
                self.publish(ReloadStatus { outcome: Outcome::Rejected, rejected, ..(*loaded).clone() });
            }
        }
    }

    fn compile(&self, sources: &SourceSet, generation: u64) -> Result<(Catalog, Report), Rejected> {
        let mut checker = self.checker.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = checker.compile(sources, generation);
        let Some(catalog) = compiled.catalog else {
            return Err(Rejected { report: compiled.report, reason: None });
        };
        if catalog.pack(&self.chosen).is_some() {
            return Ok((catalog, compiled.report));
        }
        let names: Vec<&str> = catalog.packs().iter().map(|pack| pack.name()).collect();
        let names = casebook_runtime::names::list(&names).unwrap_or_else(|| "no other".into());
        let reason =
            format!("the environment `{}`, which is served at the root, is gone; there is {names}", self.chosen);
        Err(Rejected { report: compiled.report, reason: Some(reason) })
    }

    fn publish(&self, status: ReloadStatus) {
        let status = Arc::new(status);
        self.status.store(Arc::clone(&status));
        if let Some(listener) = &self.listener {
            listener(&status);
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Live")
            .field("status", &self.status())
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}
