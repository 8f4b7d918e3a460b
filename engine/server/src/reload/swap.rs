//! Reads, compares, compiles, and swaps the catalog or keeps it.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use casebook_core::{
    check::Checker,
    diagnostic::{self, Report},
    scenario::Catalog,
    source::{self, SourceSet},
};

use super::{Generations, Outcome, Rejected, ReloadListener, ReloadStatus};

/// The catalog that new episodes start with, and how it is replaced.
pub(crate) struct Live {
    catalog: ArcSwap<Catalog>,
    status: ArcSwap<ReloadStatus>,
    roots: Vec<PathBuf>,
    folders: Vec<PathBuf>,
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

    /// What is loaded, and what became of the last change.
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

    /// Reads the files again and, when they changed and are valid, swaps the catalog.
    ///
    /// Blocks while it reads and compiles: not for an async thread.
    pub(crate) fn refresh(&self) {
        let mut rejected_hash = self.rejected_hash.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = source::read(&self.roots);
        let loaded = self.status();
        if sources.hash() == loaded.digest {
            if rejected_hash.take().is_some() {
                tracing::info!(generation = loaded.generation, "the files say again what is loaded");
                self.publish(ReloadStatus { outcome: Outcome::Unchanged, rejected: None, ..(*loaded).clone() });
            }
            return;
        }
        if rejected_hash.as_deref() == Some(sources.hash()) {
            return;
        }
        match self.compile(&sources, loaded.generation + 1) {
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
                tracing::info!(generation = status.generation, digest = status.digest, "loaded");
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
        let names = diagnostic::list(&names).unwrap_or_else(|| "no other".into());
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
