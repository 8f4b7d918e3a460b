//! Reads, compares, compiles, and swaps the catalog, keeps it, or holds what would replace it.

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

use super::{
    Candidate, Generations, Outcome, Rejected, ReloadGate, ReloadListener, ReloadStatus,
    candidate::numbered,
    history::{History, Loaded, Origin},
};
use crate::trail::Trail;

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
    /// The result of reading the files last; held while a reload is under way.
    turn: Mutex<Turn>,
    /// The generations that were loaded last.
    history: Mutex<History>,
    /// Whether a change waits until somebody applies it.
    hold: bool,
    /// What changed packs must pass before they are loaded or held.
    gate: Option<ReloadGate>,
    /// Where every generation is written down.
    trail: Option<Arc<Trail>>,
    /// Knows the files of the last compilation, so that only those that changed are parsed again.
    checker: Mutex<Checker>,
    generations: Generations,
    /// Changes that were not loaded.
    rejections: AtomicU64,
}

/// How changes are read and loaded.
pub(crate) struct Settings {
    /// The folders and files that packs are read from.
    pub(crate) roots: Vec<PathBuf>,
    /// Called with every status.
    pub(crate) listener: Option<ReloadListener>,
    /// Whether a change waits until somebody applies it.
    pub(crate) hold: bool,
    /// What changed packs must pass before they are loaded or held.
    pub(crate) gate: Option<ReloadGate>,
    /// Where every generation is written down.
    pub(crate) trail: Option<Arc<Trail>>,
    /// The maximum number of rollout groups that are kept, of all clients and of each.
    pub(crate) groups: (usize, usize),
}

/// The result of reading the files last.
#[derive(Debug, Default)]
struct Turn {
    /// Their hash, where they are not loaded as they are.
    settled: Option<String>,
    /// The change that waits until somebody applies it.
    held: Option<Candidate>,
}

impl Live {
    pub(crate) fn new(
        first: Candidate,
        sources: &SourceSet,
        checker: Checker,
        chosen: Arc<str>,
        settings: Settings,
    ) -> Self {
        let Candidate { digest, report, rejected, catalog, .. } = first;
        let loaded_at = SystemTime::now();
        let turn = Turn { settled: rejected.is_some().then(|| digest.clone()), held: None };
        let mut history = History::default();
        history.push(Loaded {
            digest: digest.clone(),
            at: loaded_at,
            origin: Origin::Start,
            approver: None,
            report: Arc::clone(&report),
            catalog: catalog.clone(),
        });
        let (generation, outcome) = (catalog.generation(), Outcome::Loaded);
        let status = ReloadStatus { generation, digest, loaded_at, outcome, rejected, report, candidate: None };
        let Settings { roots, listener, hold, gate, trail, groups } = settings;
        Self {
            catalog: ArcSwap::from_pointee(catalog),
            status: ArcSwap::from_pointee(status),
            roots,
            folders: sources.folders().to_vec(),
            links: Mutex::new(sources.links().map(Path::to_path_buf).collect()),
            chosen,
            listener,
            turn: Mutex::new(turn),
            history: Mutex::new(history),
            hold,
            gate,
            trail,
            checker: Mutex::new(checker),
            generations: Generations::new(groups),
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

    /// The generations that were loaded last, the oldest first.
    pub(crate) fn history(&self) -> Vec<Loaded> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).all().cloned().collect()
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
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sources) = self.read() else { return false };
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = sources.links().map(Path::to_path_buf).collect();
        self.take(&sources, &mut turn);
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

    fn take(&self, sources: &SourceSet, turn: &mut Turn) {
        if turn.settled.as_deref() == Some(sources.hash()) {
            return;
        }
        let loaded = self.status();
        if sources.hash() == loaded.digest {
            *turn = Turn::default();
            let is_other = loaded.rejected.is_some() || loaded.candidate.is_some();
            if is_other || loaded.outcome == Outcome::RolledBack {
                tracing::info!(generation = loaded.generation, "the files say again what is loaded");
                let said =
                    ReloadStatus { outcome: Outcome::Unchanged, rejected: None, candidate: None, ..(*loaded).clone() };
                self.publish(said);
            }
            return;
        }
        *turn = Turn { settled: Some(sources.hash().to_owned()), held: None };
        match self.compile(sources, loaded.generation + 1) {
            Err(rejected) => self.reject(rejected, &loaded),
            Ok(candidate) if candidate.changed.is_empty() => {
                if let Some(rejected) = candidate.rejected {
                    self.reject(Arc::unwrap_or_clone(rejected), &loaded);
                } else {
                    let digest = candidate.digest;
                    let outcome = Outcome::Unchanged;
                    let said = ReloadStatus { outcome, digest, rejected: None, candidate: None, ..(*loaded).clone() };
                    self.publish(said);
                }
            }
            Ok(candidate) if self.hold => {
                tracing::info!(digest = candidate.digest, changed = candidate.changed.join(", "), "held a change");
                let (outcome, rejected) = (Outcome::Held, candidate.rejected.clone());
                turn.held = Some(candidate.clone());
                let candidate = Some(Arc::new(candidate));
                self.publish(ReloadStatus { outcome, rejected, candidate, ..(*loaded).clone() });
            }
            Ok(candidate) => self.load(candidate, Origin::Save, None),
        }
    }

    /// Reads what may take the place of what is loaded, and asks whether it may.
    fn compile(&self, sources: &SourceSet, generation: u64) -> Result<Candidate, Rejected> {
        let mut checker = self.checker.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = checker.compile(sources, generation);
        let candidate = Candidate::new(compiled, sources.hash(), &self.catalog())?;
        let refused = |reason| Rejected { report: Report::clone(&candidate.report), reason: Some(reason) };
        if candidate.catalog.pack(&self.chosen).is_none() {
            let names: Vec<&str> = candidate.catalog.packs().iter().map(|pack| pack.name()).collect();
            let names = casebook_runtime::names::list(&names).unwrap_or_else(|| "no other".into());
            return Err(refused(format!(
                "the environment `{}`, which is served at the root, is gone; there is {names}",
                self.chosen
            )));
        }
        if let Some(gate) = &self.gate {
            gate(&candidate.changed_packs()).map_err(refused)?;
        }
        Ok(candidate)
    }

    fn reject(&self, rejected: Rejected, loaded: &ReloadStatus) {
        self.rejections.fetch_add(1, Ordering::Relaxed);
        let errors = rejected.report.errors();
        tracing::warn!(errors, findings = rejected.text(false), "rejected a change");
        let rejected = Some(Arc::new(rejected));
        self.publish(ReloadStatus { outcome: Outcome::Rejected, rejected, candidate: None, ..loaded.clone() });
    }

    /// Loads a change; new episodes start with it.
    fn load(&self, candidate: Candidate, origin: Origin, approver: Option<&str>) {
        let generation = self.status().generation + 1;
        let Candidate { digest, report, rejected, catalog, .. } = candidate;
        let catalog = if catalog.generation == generation { catalog } else { numbered(&catalog, generation) };
        let loaded_at = SystemTime::now();
        self.history.lock().unwrap_or_else(PoisonError::into_inner).push(Loaded {
            digest: digest.clone(),
            at: loaded_at,
            origin,
            approver: approver.map(str::to_owned),
            report: Arc::clone(&report),
            catalog: catalog.clone(),
        });
        self.generations.note(&self.catalog.swap(Arc::new(catalog)));
        match report.diagnostics.len() {
            0 => tracing::info!(generation, digest, "loaded"),
            warnings => {
                let findings = report.render(false);
                tracing::warn!(generation, digest, warnings, findings, "loaded with warnings");
            }
        }
        if let Some(rejected) = &rejected {
            self.rejections.fetch_add(1, Ordering::Relaxed);
            let errors = rejected.report.errors();
            tracing::warn!(errors, findings = rejected.text(false), "packs with errors are not loaded");
        }
        if let Some(trail) = &self.trail {
            trail.record_reload(generation, &digest, origin.name(), approver);
        }
        let outcome = if matches!(origin, Origin::Rollback(_)) { Outcome::RolledBack } else { Outcome::Loaded };
        self.publish(ReloadStatus { generation, digest, loaded_at, outcome, rejected, report, candidate: None });
    }

    /// Loads the change that is held; with a digest only if that is its own.
    ///
    /// # Errors
    ///
    /// When no change is held, or another one. Blocks while files are read: not for an async thread.
    pub(crate) fn apply(&self, digest: Option<&str>, approver: Option<&str>) -> Result<(), String> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let held = turn.held.take_if(|held| digest.is_none_or(|digest| held.digest == digest));
        let Some(candidate) = held else {
            return Err(match &turn.held {
                None => "no change is held; save one first".into(),
                Some(held) => format!("another change is held now, with the digest {}; look at it first", held.digest),
            });
        };
        self.load(candidate, Origin::Apply, approver);
        Ok(())
    }

    /// Loads an earlier generation again, the one before by default. The files stay as they are, and what they say now is
    /// loaded only when they change again.
    ///
    /// # Errors
    ///
    /// When it is not kept. Blocks while files are read: not for an async thread.
    pub(crate) fn roll_back(&self, generation: Option<u64>, approver: Option<&str>) -> Result<(), String> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let found = {
            let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            let found = generation.map_or_else(|| history.before(), |generation| history.find(generation)).cloned();
            found.ok_or_else(|| {
                let kept: Vec<String> = history.all().map(|one| one.catalog.generation.to_string()).collect();
                match generation {
                    Some(generation) => format!("generation {generation} is not kept; kept are {}", kept.join(", ")),
                    None => format!("there is no generation before; kept are {}", kept.join(", ")),
                }
            })?
        };
        let catalog = found.catalog;
        if catalog.pack(&self.chosen).is_none() {
            return Err(format!("generation {} has no environment `{}`", catalog.generation, self.chosen));
        }
        let origin = Origin::Rollback(catalog.generation);
        turn.settled = turn.settled.take().or_else(|| Some(self.status().digest.clone()));
        turn.held = None;
        let digest = found.digest;
        let report = found.report;
        self.load(
            Candidate { digest, found_at: SystemTime::now(), changed: Vec::new(), report, rejected: None, catalog },
            origin,
            approver,
        );
        Ok(())
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
